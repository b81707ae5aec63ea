"""Tools for pages of the book: claims that guard a page's text, and figures."""

import re
from base64 import b64encode
from colorsys import hls_to_rgb, rgb_to_hls
from html import escape
from io import BytesIO
from xml.etree import ElementTree

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import HTML
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

from rin.errors import InputError
from rin.report.style import SETTINGS

_SVG, _COLOR = "http://www.w3.org/2000/svg", r"#([0-9a-f]{6})\b"
for prefix, space in {"": _SVG, "xlink": "http://www.w3.org/1999/xlink"}.items():
    ElementTree.register_namespace(prefix, space)


def claim(statement: str, holds: object) -> None:
    """Raise InputError, which fails the build, unless a statement `holds`, a boolean."""
    if not isinstance(holds, bool | np.bool_) or not holds:
        problem = f"the text says “{statement}”, and the numbers do not ({holds!r})"
        remedy = "Read the numbers again and rewrite the sentence."
        raise InputError(problem, where="this page", remedy=remedy)


class Picture(HTML):
    """A figure as HTML, and as an image for tools that show no HTML.

    Such tools are nbconvert to LaTeX or Markdown and some notebook viewers; as plain text a figure
    is its alternative text.
    """

    def __init__(self, html: str, alt: str, *, svg: bytes = b"", png: bytes = b"") -> None:
        super().__init__(html)
        self._alt, self._svg, self._png = alt, svg, png

    def __repr__(self) -> str:
        """Return the alternative text."""
        return self._alt

    def _repr_svg_(self) -> str | None:
        return self._svg.decode() or None

    def _repr_png_(self) -> str | None:
        return b64encode(self._png).decode() or None


def picture(drawn: Figure | Axes | np.ndarray, title: str, caption: str = "") -> Picture:
    """Return a figure (or the figure of some axes) with its title and caption, and close it.

    `title` is its number and its finding (``Figure 1. Differences are small``) and the alternative
    text; `caption` says what is shown, of how many, and which interval.  The figure becomes a
    vector image with outlined text, which adapts to dark mode, or a bitmap on white if it contains
    images.  One drawing serves every screen: at most `style.WIDTH` inches, letters of 8.5 points.
    """
    figure = (drawn.flat[0] if isinstance(drawn, np.ndarray) else drawn).figure
    content, mime, paper = _written(figure)
    # A small figure is not enlarged, as its text would be larger than that of other figures.
    style = f"width:100%;max-width:{110 * figure.get_figwidth():.0f}px;height:auto"
    address = f"data:image/{mime};base64,{b64encode(content).decode()}"
    html = (
        f'<img class="rin-figure {paper}" src="{address}" alt="{escape(title)}" style="{style}">'
    )
    if caption:
        number, stop, finding = title.partition(". ")
        html = (
            f'<figure class="rin-drawing"><p><strong>{escape(number + stop)}</strong>'
            f"{escape(finding)}</p>{html}<figcaption>{escape(caption)}</figcaption></figure>"
        )
    return Picture(html, title, **{mime.partition("+")[0]: content})


def _written(figure: Figure) -> tuple[bytes, str, str]:
    """Return a figure as a file, the file's type and its CSS class; the figure is closed."""
    # Numbers and boxes in the cells of a heat map are marked, to keep their colours in dark mode.
    maps = [ax for ax in figure.axes if any(isinstance(c, QuadMesh) for c in ax.collections)]
    for place, part in enumerate(part for ax in maps for part in (*ax.texts, *ax.patches)):
        part.set_gid(f"cell_{place}")
    buffer, pixels = BytesIO(), any(ax.images for ax in figure.axes)
    with mpl.rc_context(SETTINGS | {"svg.fonttype": "path"}):
        if pixels:
            figure.savefig(buffer, format="png", dpi=150)
        else:
            figure.savefig(buffer, format="svg", metadata={"Date": None})
    plt.close(figure)
    if pixels:
        return buffer.getvalue(), "png", "rin-paper"
    return _with_dark_colours(buffer.getvalue()), "svg+xml", "rin-ink"


def _with_dark_colours(svg: bytes) -> bytes:
    """Return an SVG whose colours follow the reader's colour scheme.

    The cells of a heat map, and numbers and boxes on them, keep their colours.
    """
    drawing, used = ElementTree.fromstring(svg), set()
    maps = [part for part in drawing.iter() if re.match(r"QuadMesh|cell", part.get("id", ""))]
    kept = {part for cells in maps for part in cells.iter()}
    for part in drawing.iter():
        colors = re.findall(_COLOR, part.get("style", ""))
        if colors and part not in kept:
            used.update(colors)
            part.set("style", re.sub(_COLOR, r"var(--c\1, #\1)", part.get("style")))
    dark = {color: _in_the_dark(f"#{color}") for color in sorted(used)}
    listed = "".join(f"--c{color}:{other};" for color, other in dark.items())
    rule = ElementTree.Element(f"{{{_SVG}}}style")
    rule.text = f"@media (prefers-color-scheme: dark) {{svg {{{listed}}}}}"
    drawing.insert(0, rule)
    return ElementTree.tostring(drawing)


def _in_the_dark(color: str) -> str:
    """Return a colour for dark mode: its lightness is inverted, so that white is nearly black."""
    hue, lightness, saturation = rgb_to_hls(*to_rgb(color))
    return to_hex(hls_to_rgb(hue, 0.07 + 0.87 * (1 - lightness) ** 0.8, saturation))
