"""The table of the simulation: how much the images of one patient repeat each other.

Cells are text, ready to read; the numbers come from `rin.stats.coverage.simulate_coverage`.
"""

import pandas as pd

from rin.errors import InputError
from rin.report.format import MISSING

_WORDS = {"auc": "area", "difference": "difference"}


def design_effect_rows(table: pd.DataFrame, n_images: int) -> pd.DataFrame:
    """Return, for each correlation and measure, how many images of different patients tell as much.

    Parameters
    ----------
    table
        As `simulate_coverage` returns it, with the method "clustered".
    n_images
        Images of a test set.

    Returns
    -------
    pandas.DataFrame
        Text; one row per correlation, one column per measure: the design effect (clustered over
        naive variance) and, in brackets, `n_images` over it; a dash where it is not known.

    Raises
    ------
    InputError
        A correlation without a clustered interval of one of the measures.
    """
    clustered = table[table["method"] == "clustered"]
    effects = clustered.pivot(index="correlation", columns="measure", values="design_effect")
    effects = effects.reindex(sorted(table["correlation"].unique()))
    lacking = [measure for measure in _WORDS if measure not in effects]
    if lacking or len(clustered) != len(_WORDS) * len(effects):
        raise InputError(
            f"{len(clustered)} clustered intervals of {len(effects)} correlations",
            where="table",
            remedy="Pass all rows of one simulate_coverage, with both measures.",
        )
    columns = {"correlation": [f"{correlation:.1f}" for correlation in effects.index]}
    for measure, word in _WORDS.items():
        columns[word] = [
            f"{effect:.1f} ({n_images / effect:,.0f})" if pd.notna(effect) else MISSING
            for effect in effects[measure]
        ]
    return pd.DataFrame(columns)
