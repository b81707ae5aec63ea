"""Numbers and tables as the book prints them."""

import math
import re
from collections.abc import Mapping
from html import escape
from typing import Any

import pandas as pd
from pandas.io.formats.style import Styler

from rin.report.style import TABLE_STYLES

MISSING = "–"
#: Key of a table's title and rows in an output's metadata; as a further output they would cause a
#: warning.
CSV = "rin_csv"
#: Columns of an estimate and its interval, in every table.
ESTIMATE_AND_INTERVAL = ("estimate", "ci_low", "ci_high")
_WHOLE = re.compile(r"\([−\d.]+, [−\d.]+\)|± [\d.]+|\d+ × \d+")


def format_p(p: float) -> str:
    """Return ``P = .03`` or ``P < .001`` in the journal's style; a dash for NaN.

    Two digits; three below .01, or where two would hide on which side of .05 the value is.
    """
    if math.isnan(p):
        return MISSING
    if p < 0.001:
        return "P < .001"
    if p > 0.99:
        return "P > .99"
    two = round(p, 2)
    digits = 3 if p < 0.01 or p < 0.05 <= two or p > 0.05 >= two else 2
    digits += p < 0.05 <= round(p, 3)
    return f"P = {p:.{digits}f}".replace("0.", ".", 1)


def strip_p(cells: pd.Series) -> pd.Series:
    """Return texts of `format_p` for a column that is headed P: ``.03``, ``< .001``."""
    return cells.str.replace("P (= )?", "", regex=True).str.replace(" ", "\xa0")


def format_number(value: float, digits: int = 2, *, signed: bool = False) -> str:
    """Return a number with a true minus, a plus if `signed`, no sign at zero; a dash for NaN."""
    if math.isnan(value):
        return MISSING
    rounded = round(value, digits) + 0.0
    sign = "+" if signed and rounded > 0 else ""
    return sign + f"{rounded:.{digits}f}".replace("-", "−")


def format_range(values: Any, digits: int = 0, *, signed: bool = False) -> str:
    """Return the least and the largest of some numbers, ``0.12 to 0.34``."""
    return " to ".join(format_number(f(values), digits, signed=signed) for f in (min, max))


def format_interval(low: float, high: float, digits: int = 2) -> str:
    """Return ``(−0.01, 0.09)``, or a dash when an end is missing."""
    if math.isnan(low) or math.isnan(high):
        return MISSING
    return f"({format_number(low, digits)}, {format_number(high, digits)})"


#: A word so long is taken for an address or a file name, which may break anywhere.
_ADDRESS = re.compile(r"\S{25}")

#: Units in which an estimate is shown: its factor, and the digits after the decimal point.
UNITS = {"": (1, 3), "points": (100, 1)}


def format_estimate(
    estimate: Any, *, unit: str = "", digits: int | None = None, signed: bool = True
) -> Any:
    """Return an estimate with its interval, ``+0.040 (−0.006, 0.087)``, or one for each row.

    `estimate` is a table, a row of a table, or a result of `rin.stats`; `unit` "points" shows
    fractions, such as AUCs, as points (0-100).
    """
    if isinstance(estimate, pd.DataFrame):
        texts = [
            format_estimate(row, unit=unit, digits=digits, signed=signed)
            for row in estimate.itertuples()
        ]
        return pd.Series(texts, index=estimate.index, dtype=object)
    factor, usual = UNITS[unit]
    row = pd.Series(estimate) if isinstance(estimate, Mapping) else estimate
    value, low, high = (factor * getattr(row, name) for name in ESTIMATE_AND_INTERVAL)
    places = usual if digits is None else digits
    interval = format_interval(low, high, places).replace(MISSING, "(no interval)")
    return f"{format_number(value, places, signed=signed)} {interval}"


class BookTable(Styler):
    """A table styled for the book; the metadata of its output contain the rows of its file."""

    title: str  # its caption, or the name of its first column
    rows: pd.DataFrame

    def _repr_mimebundle_(self, **_: object) -> tuple[dict[str, str], dict[str, str]]:
        rows = self.rows.to_csv(index=_has_index(self.rows), lineterminator="\n")
        return {}, {CSV: {"title": self.title, "rows": rows}}


def book_table(
    table: pd.DataFrame, caption: str, *, prose: bool = False, rows: pd.DataFrame | None = None
) -> BookTable:
    """Return a table styled for the book: caption above, headings ruled, text to the left.

    Cells of `prose` tables wrap, except for intervals, ``(low, high)``, and sizes.  Nothing is
    read as markup: names of files, tasks and classes may contain anything.  `rows`, from which the
    table was made, go into its file, where numbers are then unrounded; by default the file
    contains the table as shown.
    """
    rows = table if rows is None else rows
    if table.empty:
        table = pd.DataFrame({"": ["none"]})
    table = table.map(_forbid_breaks)
    styler = BookTable(table)
    styler.title = caption or str(table.columns[0])
    styler.rows = rows
    styler.format(escape="html").set_caption(escape(caption, quote=False))
    styler.set_table_styles(TABLE_STYLES)
    for axis in ("index", "columns"):
        styler.format_index(escape="html", axis=axis).format_index_names(escape="html", axis=axis)
    if prose:
        styler.set_table_attributes('class="rin-prose"').set_td_classes(table.map(_cell_class))
    return styler if _has_index(table) else styler.hide(axis="index")


def _has_index(table: pd.DataFrame) -> bool:
    return not isinstance(table.index, pd.RangeIndex)


def _cell_class(cell: object) -> str:
    return "rin-address" if _ADDRESS.search(str(cell)) else ""


def _forbid_breaks(cell: object) -> object:
    """Return a cell whose intervals and sizes, where it is text, do not wrap."""
    if not isinstance(cell, str):
        return cell
    return _WHOLE.sub(lambda whole: whole[0].replace(" ", "\u00a0"), cell)
