"""Tables of the book: text, dressed for a page of 720 pixels."""

import re
from html import escape
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from pandas.io.formats.style import Styler

_INTERVAL = re.compile(r"\([−\d.]+, [−\d.]+\)|± [\d.]+")
_STYLES = [
    {"selector": "caption", "props": [("caption-side", "top"), ("font-weight", "600")]},
    {"selector": "th, td", "props": [("text-align", "left"), ("padding", "0.25em 0.8em")]},
    {"selector": "thead tr:last-child th", "props": [("border-bottom", "2px solid #8A8A8A")]},
]


def book_table(table: pd.DataFrame, caption: str, *, prose: bool = False) -> "Styler":
    """Return a table dressed for the book: caption above, headings ruled, text to the left.

    A plain running index is hidden.  Cells of `prose` tables wrap; others stay on one line.
    A table without rows says so in one.  Intervals, ``(low, high)``, are not broken.  Nothing is
    read as markup: names of files, tasks and classes may hold anything.
    """
    if table.empty:
        table = pd.DataFrame({"": ["none"]})
    table = table.map(
        lambda cell: _INTERVAL.sub(_unbroken, cell) if isinstance(cell, str) else cell
    )
    for axis in ("index", "columns"):
        names = [name and _plain(name) for name in getattr(table, axis).names]
        table = table.rename_axis(**{axis: names})
    styler = table.style.format(escape="html").set_caption(_plain(caption))
    styler = styler.set_table_styles(_STYLES)
    for axis in ("index", "columns"):
        styler = styler.format_index(escape="html", axis=axis)
    if prose:
        styler = styler.set_table_attributes('class="rin-prose"')
    return styler.hide(axis="index") if isinstance(table.index, pd.RangeIndex) else styler


def _plain(text: object) -> str:
    return escape(str(text), quote=False)


def _unbroken(interval: re.Match) -> str:
    return interval[0].replace(" ", "\u00a0")
