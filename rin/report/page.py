"""What a page of the book is made with: claims that guard its text, and figures."""

import math
import re
from base64 import b64encode
from collections.abc import Mapping
from colorsys import hls_to_rgb, rgb_to_hls
from html import escape
from io import BytesIO

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import HTML
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

from rin.errors import InputError
from rin.report.style import init_style


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


def picture(
    figure: Figure | Axes | np.ndarray, alt: str, *, width: str = "48rem", style: str = ""
) -> HTML:
    """Return a figure (or that of some axes) with a text for who does not see it, and close it.

    Vectors with outlined text, which have colours of their own in the dark, or pixels where it
    holds images; `width` is the largest on the page, a CSS length; `style` is CSS in its place.
    """
    figure = (figure.flat[0] if isinstance(figure, np.ndarray) else figure).figure
    kind, mime, metadata, buffer = "svg", "svg+xml", {"Date": None}, BytesIO()
    if any(ax.images for ax in figure.axes):  # holds pixels
        kind, mime, metadata = "png", "png", None
    with mpl.rc_context({"svg.fonttype": "path"}):
        figure.savefig(buffer, format=kind, dpi=150, metadata=metadata)
    plt.close(figure)
    content, paper = buffer.getvalue(), "rin-paper"
    # Numbers in the cells of a heat map are read on the cells' own colours.
    drawn = [type(mark) for ax in figure.axes for mark in ax.collections]
    if kind == "svg" and QuadMesh not in drawn:
        content, paper = _with_dark_colours(content.decode()).encode(), "rin-ink"
    address = f"data:image/{mime};base64,{b64encode(content).decode()}"
    # A small figure is not blown up: its text would be larger than that of its neighbours.
    natural = f"{110 * figure.get_figwidth():.0f}px"
    style = style or f"--largest:min({width},{natural});width:100%;max-width:var(--largest)"
    return HTML(
        f'<img class="rin-figure {paper}" src="{address}" alt="{escape(alt)}" '
        f'style="{style};height:auto">'
    )


def _with_dark_colours(svg: str) -> str:
    """Return an SVG whose colours follow the colour scheme of what shows it."""
    colors = sorted(set(re.findall(r"#[0-9a-f]{6}\b", svg)))
    dark = {color: _in_the_dark(color) for color in colors}
    listed = "".join(f"--c{color[1:]}:{other};" for color, other in dark.items() if other != color)
    for color in colors:
        svg = svg.replace(f": {color}", f": var(--c{color[1:]}, {color})")
    rule = f"<style>@media (prefers-color-scheme: dark) {{svg {{{listed}}}}}</style>"
    return re.sub(r"(<svg [^>]*>)", rf"\1{rule}", svg, count=1)


def _in_the_dark(color: str) -> str:
    """Return a colour for dark paper: its lightness turned round, white nearly black."""
    hue, lightness, saturation = rgb_to_hls(*to_rgb(color))
    return to_hex(hls_to_rgb(hue, 0.07 + 0.87 * (1 - lightness) ** 0.8, saturation))


def pictures(figures: Mapping[str, Figure | Axes]) -> HTML:
    """Return figures, by alternative text, side by side on a wide screen and below on a phone."""
    images = ""
    for alt, figure in figures.items():
        share = f"flex:{figure.figure.get_figwidth():.3f} 1 20rem;min-width:0;max-width:100%"
        images += picture(figure, alt, style=share).data
    return HTML(
        '<div class="rin-figures" style="display:flex;flex-wrap:wrap;gap:0.5em;'
        f'align-items:flex-start">{images}</div>'
    )
