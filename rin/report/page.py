"""What a page of the book is made with: claims that guard its text, glued numbers, figures.

Text lives in the notebooks' Markdown; nothing here writes sentences.
"""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Mapping
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rin.errors import InputError
from rin.report.style import init_style

if TYPE_CHECKING:
    from IPython.display import HTML

NOT_CLEAR = "no clear difference"


def claim(statement: str, holds: object) -> None:
    """Fail the build when a statement of the text has stopped being true.

    Parameters
    ----------
    statement
        What the text says, in its own words.
    holds
        Whether the numbers of this build say so.

    Raises
    ------
    InputError
        When it does not hold, or is neither true nor false.
    """
    if not isinstance(holds, bool | np.bool_) or not holds:
        raise InputError(
            f"the text says “{statement}”, and the numbers do not ({holds!r})",
            where="this page",
            remedy="Read the numbers again and rewrite the sentence.",
        )


def glue_values(**values: object) -> None:
    """Glue values under their names, for use in the prose of the same page.

    NumPy scalars become Python numbers, whose text a page can format.
    """
    from myst_nb import glue

    for name, value in values.items():
        glue(name, value.item() if isinstance(value, np.generic) else value, display=False)


def verdict(difference: float, p_holm: float, inits: tuple[str, str], alpha: float = 0.05) -> str:
    """Return in words what a difference a − b says after adjustment.

    Parameters
    ----------
    difference
        Of AUCs, in any unit.
    p_holm
        Adjusted P value; a difference whose P value is not a number is not clear.
    inits
        (a, b).

    Returns
    -------
    str
        Such as `radiologic ahead`, or `no clear difference`.
    """
    if math.isnan(p_holm) or p_holm >= alpha or difference == 0:
        return NOT_CLEAR
    return f"{init_style(inits[0 if difference > 0 else 1]).short} ahead".lower()


def picture(figure: Figure | Axes | np.ndarray, alt: str, *, width: str = "48rem") -> HTML:
    """Return a figure as a picture with an alternative text, and close it.

    Parameters
    ----------
    figure
        A figure, or axes of one.
    alt
        What it shows, in words, for readers who do not see it.
    width
        Largest width on the page, a CSS length.

    Returns
    -------
    IPython.display.HTML
        Vectors with outlined text; pixels where the figure holds images.
    """
    from IPython.display import HTML

    return HTML(_image(figure, alt, f"width:100%;max-width:{width}"))


def pictures(figures: Mapping[str, Figure | Axes], *, least: str = "20rem") -> HTML:
    """Return figures side by side on a wide screen and below each other on a phone.

    Parameters
    ----------
    figures
        From alternative text to figure, from left to right; widths are shared as the figures'.
    least
        Width below which a figure gets a line of its own, a CSS length.
    """
    from IPython.display import HTML

    shares = {alt: _figure(one).get_figwidth() for alt, one in figures.items()}
    images = [
        _image(one, alt, f"flex:{shares[alt]:.3f} 1 {least};min-width:0;max-width:100%")
        for alt, one in figures.items()
    ]
    return HTML(
        '<div class="rin-figures" style="display:flex;flex-wrap:wrap;gap:0.5em;'
        f'align-items:flex-start">{"".join(images)}</div>'
    )


def _figure(figure: Figure | Axes | np.ndarray) -> Figure:
    if isinstance(figure, np.ndarray):
        figure = figure.flat[0]
    return figure.figure if isinstance(figure, Axes) else figure


def _image(figure: Figure | Axes | np.ndarray, alt: str, style: str) -> str:
    figure = _figure(figure)
    holds_pixels = any(ax.images for ax in figure.axes)
    kind, mime = ("png", "png") if holds_pixels else ("svg", "svg+xml")
    buffer = BytesIO()
    with mpl.rc_context({"svg.fonttype": "path"}):
        metadata = None if holds_pixels else {"Date": None}
        figure.savefig(buffer, format=kind, dpi=150, metadata=metadata)
    plt.close(figure)
    address = f"data:image/{mime};base64,{b64encode(buffer.getvalue()).decode()}"
    return (
        f'<img class="rin-figure" src="{address}" alt="{escape(alt)}" '
        f'style="{style};height:auto;background:white">'
    )
