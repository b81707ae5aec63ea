"""What a page of the book is made with: claims that guard its text, and figures."""

import math
import re
from base64 import b64encode
from html import escape
from io import BytesIO

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import HTML
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rin.errors import InputError
from rin.report.style import init_style

# Where the scheme is dark: light turned round, hues kept.
_IN_THE_DARK = (
    b"<style>@media (prefers-color-scheme: dark) "
    b"{svg {filter: invert(0.93) hue-rotate(180deg)}}</style>"
)


def claim(statement: str, holds: object) -> None:
    """Fail the build (InputError) unless the numbers bear out a statement: `holds`, a boolean."""
    if not isinstance(holds, bool | np.bool_) or not holds:
        raise InputError(
            f"the text says “{statement}”, and the numbers do not ({holds!r})",
            where="this page",
            remedy="Read the numbers again and rewrite the sentence.",
        )


def verdict(difference: float, p_holm: float, inits: tuple[str, str]) -> str:
    """Return what a difference of AUCs says: `radiologic ahead`, or `no clear difference`."""
    if math.isnan(p_holm) or p_holm >= 0.05 or difference == 0:
        return "no clear difference"
    return f"{init_style(inits[0 if difference > 0 else 1]).word} ahead"


def picture(figure: Figure | Axes | np.ndarray, alt: str, *, width: str = "48rem") -> HTML:
    """Return a figure (or that of some axes) with an alternative text, and close it.

    Vectors with outlined text, which follow the colour scheme of what shows them, or pixels on
    white paper where it holds images; `width` is the largest on the page, a CSS length.
    """
    figure = (figure.flat[0] if isinstance(figure, np.ndarray) else figure).figure
    kind, mime, metadata, buffer = "svg", "svg+xml", {"Date": None}, BytesIO()
    if any(ax.images for ax in figure.axes):  # holds pixels
        kind, mime, metadata = "png", "png", None
    with mpl.rc_context({"svg.fonttype": "path"}):
        figure.savefig(buffer, format=kind, dpi=150, metadata=metadata)
    plt.close(figure)
    content, paper = buffer.getvalue(), "rin-paper"
    if kind == "svg":
        content, paper = re.sub(b"<svg.*?>", rb"\g<0>" + _IN_THE_DARK, content, count=1), "rin-ink"
    address = f"data:image/{mime};base64,{b64encode(content).decode()}"
    # A small figure is not blown up: its text would be larger than that of its neighbours.
    natural = f"{110 * figure.get_figwidth():.0f}px"
    style = f"--largest:min({width},{natural});width:100%;max-width:var(--largest);height:auto"
    return HTML(
        f'<img class="rin-figure {paper}" src="{address}" alt="{escape(alt)}" style="{style}">'
    )
