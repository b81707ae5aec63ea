"""Tools for pages of the book: claims that guard a page's text, and figures."""

from base64 import b64encode
from html import escape
from io import BytesIO

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import HTML
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure

from rin.errors import InputError
from rin.report.style import SETTINGS


def claim(statement: str, holds: object) -> None:
    """Raise InputError, which fails the build, unless a statement `holds`.

    `holds` is a boolean, or a table of booleans, of which all must hold.
    """
    held = np.asarray(holds)
    if held.dtype != bool or not held.size or not held.all():
        problem = f"the text says “{statement}”, and the numbers do not ({held.tolist()})"
        remedy = "Read the numbers again and rewrite the sentence."
        raise InputError(problem, where="this page", remedy=remedy)


class Picture(HTML):
    """A figure as HTML, and as an image for tools that show no HTML.

    Such tools are nbconvert to LaTeX or Markdown and some notebook viewers; as plain text a figure
    is its alternative text.
    """

    def __init__(self, html: str, **others: str) -> None:
        super().__init__(html)
        self._bundle = {"text/html": html, **others}

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return self._bundle


def picture(drawn: Figure | Axes | np.ndarray, title: str, caption: str = "") -> Picture:
    """Return a figure (or the figure of some axes) with its title and caption, and close it.

    `title` is its number and its finding (``Figure 1. Differences are small``) and the alternative
    text; `caption` says what is shown, of how many, and which interval.  The figure becomes a
    vector image with outlined text, which adapts to dark mode in the book, or a bitmap on white if
    it contains images.  One drawing serves every screen: at most `style.WIDTH` inches, letters of
    8.5 points.
    """
    figure = (drawn.flat[0] if isinstance(drawn, np.ndarray) else drawn).figure
    content, kind, paper = _write_figure(figure)
    encoded = b64encode(content).decode()
    # A small figure is not enlarged, as its text would be larger than that of other figures.
    style = f"width:100%;max-width:{110 * figure.get_figwidth():.0f}px;height:auto"
    html = f'<img class="rin-figure {paper}" src="data:{kind};base64,{encoded}" '
    html += f'alt="{escape(title)}" style="{style}">'
    if caption:
        number, stop, finding = title.partition(". ")
        html = (
            f'<figure class="rin-drawing"><p><strong>{escape(number + stop)}</strong>'
            f"{escape(finding)}</p>{html}<figcaption>{escape(caption)}</figcaption></figure>"
        )
    image = encoded if kind == "image/png" else content.decode()
    return Picture(html, **{"text/plain": title, kind: image})


def _write_figure(figure: Figure) -> tuple[bytes, str, str]:
    """Return a figure as a file, the file's type and its CSS class; the figure is closed.

    Style sheets turn the lightness of `rin-ink` round in the dark; `rin-paper` stays on white.
    """
    images = any(ax.images for ax in figure.axes)
    maps = any(isinstance(part, QuadMesh) for ax in figure.axes for part in ax.collections)
    buffer = BytesIO()
    with mpl.rc_context(SETTINGS):
        if images:
            figure.savefig(buffer, format="png", dpi=150)
        else:
            figure.savefig(buffer, format="svg", metadata={"Date": None})
    plt.close(figure)
    paper = "rin-paper" if images or maps else "rin-ink"
    content = buffer.getvalue()
    if images:
        return content, "image/png", paper
    return content[content.index(b"<svg") :], "image/svg+xml", paper
