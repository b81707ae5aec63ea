"""Panels that stand side by side on a wide screen and below each other on a phone.

A row of panels drawn as one picture shrinks to unreadable text on a phone, so each panel is a
picture of its own, and the browser breaks the row.  Everything that comes from files is escaped.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING

import matplotlib as mpl
import matplotlib.pyplot as plt

if TYPE_CHECKING:
    from IPython.display import HTML
    from matplotlib.figure import Figure

_BADGE = {  # background, text; the colours of the banner, and amber between them
    "real": ("#E8F4EA", "#1F6326"),
    "substitute": ("#FFF3D1", "#6B4A00"),
    "stand-in": ("#FFE3D6", "#A32100"),
}


@dataclass(frozen=True)
class Panel:
    """One picture of a row.

    Attributes
    ----------
    figure
        Drawn at the size at which it is to be read on a phone, about 3.3 inches wide.
    alt
        What it shows, for readers who do not see it.
    weight
        Its share of the row's width.
    """

    figure: Figure
    alt: str
    weight: float = 1.0


def panel_row(
    panels: Sequence[Panel],
    *,
    title: str,
    origin: str,
    word: str,
    detail: str,
    reading: str,
) -> HTML:
    """Return a row of panels with its title above and the sentence that reads it below.

    The figures are closed, so that a notebook shows them once.

    Parameters
    ----------
    panels
        From left to right.
    title
        Such as a letter and the name of a task.
    origin, word
        Key of `rin.report.across.ORIGINS` and its word, shown as a badge beside the title.
    detail
        Small print after the badge, such as the dataset.
    reading
        Sentences below the row.

    Returns
    -------
    IPython.display.HTML
        A group; panels wrap where they would be narrower than 13 rem.
    """
    from IPython.display import HTML

    background, color = _BADGE[origin]
    pictures = "".join(_picture(panel) for panel in panels)
    badge = (
        f'<span class="rin-origin" style="background:{background};color:{color};border-radius:3px;'
        f"padding:0.1em 0.5em;margin:0 0.5em;font-size:0.85em;font-weight:600;white-space:nowrap"
        f'">{escape(word)}</span>'
    )
    return HTML(
        f'<div role="group" aria-label="{escape(title)}" class="rin-panels" '
        f'style="margin:1.6em 0 2em"><p style="margin:0 0 0.4em"><strong>{escape(title)}</strong>'
        f'{badge}<span style="font-size:0.85em">{escape(detail)}</span></p>'
        f'<div style="display:flex;flex-wrap:wrap;gap:0.5em;align-items:center">{pictures}'
        f'</div><p style="margin:0.4em 0 0">{escape(reading)}</p></div>'
    )


def picture(figure: Figure, alt: str, *, width: str = "40rem") -> HTML:
    """Return one figure as a picture no wider than `width` (a CSS length), and close it."""
    from IPython.display import HTML

    return HTML(
        f'<img src="{_encoded(figure)}" alt="{escape(alt)}" style="width:100%;max-width:{width};'
        'height:auto;background:white">'
    )


def _picture(panel: Panel) -> str:
    # Grown panels stay below 30 rem, so that a lone one in the last line does not fill it.
    limits = f"flex:{panel.weight} 1 {13 * panel.weight:g}rem;max-width:{30 * panel.weight:g}rem"
    return (
        f'<img src="{_encoded(panel.figure)}" alt="{escape(panel.alt)}" style="{limits};'
        'width:100%;min-width:0;height:auto;background:white">'
    )


def _encoded(figure: Figure) -> str:
    """Return a figure as a data address: pictures as pixels, else vectors with outlined text."""
    holds_pixels = any(ax.images for ax in figure.axes)
    kind, mime = ("png", "png") if holds_pixels else ("svg", "svg+xml")
    buffer = BytesIO()
    # The figure's own size, not a tight one, keeps panels of a row equally high.
    with mpl.rc_context({"savefig.bbox": "standard", "svg.fonttype": "path"}):
        metadata = None if holds_pixels else {"Date": None}
        figure.savefig(buffer, format=kind, dpi=150, metadata=metadata)
    plt.close(figure)
    return f"data:image/{mime};base64,{b64encode(buffer.getvalue()).decode()}"
