"""Numbers that a notebook's prose takes from its results."""

from __future__ import annotations

import numpy as np


def glue_values(**values: object) -> None:
    """Glue values under their names, for use in the prose of the same page.

    NumPy scalars become Python numbers, whose text a page can format.
    """
    from myst_nb import glue

    for name, value in values.items():
        glue(name, value.item() if isinstance(value, np.generic) else value, display=False)
