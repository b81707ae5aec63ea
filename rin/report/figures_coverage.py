"""Figures of the simulation: what intervals cover, and how wide they are.

Every function takes the table of `rin.stats.coverage.simulate_coverage` (or several, with the
column that tells them apart), draws it, and returns the axes.  Methods have colours of their own,
apart from those of initialisations.
"""

from dataclasses import dataclass

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullLocator, PercentFormatter, ScalarFormatter

from rin.errors import InputError, unknown
from rin.report.style import FAINT, INK

SIZE = (5.6, 3.6)  # inches; text stays readable where a phone shrinks it


@dataclass(frozen=True)
class MethodStyle:
    """Colour, label, marker and line of one kind of interval."""

    color: str
    label: str
    marker: str
    linestyle: str


METHOD_STYLE = {
    "naive": MethodStyle("#A6266E", "every image a patient of its own", "s", "--"),
    "clustered": MethodStyle("#1B7A5A", "clustered by patient", "o", "-"),
    "clustered_logit": MethodStyle("#3B5FA0", "clustered, on the logit scale", "D", "-."),
    "bootstrap": MethodStyle(INK, "bootstrap over patients", "^", ":"),
}


def coverage_curves(
    table: pd.DataFrame,
    x: str,
    xlabel: str,
    *,
    level: float = 0.95,
    lowest: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the coverage of each method over a setting, with Wilson bands and the aimed level.

    Parameters
    ----------
    table
        One row per method and value of `x`: `method`, `x`, `coverage`, `low`, `high` (0–1).
        Rows of one measure only.
    x
        Column along the axis; its values are the ticks, and `patients` gets a logarithmic axis.
    xlabel
        What it is, in words.
    level
        Level that the intervals aim at, drawn as a line.
    lowest
        Lower end of the axis (0–1); by default just below the lowest band.

    Raises
    ------
    InputError
        More than one measure, or an unknown method.
    """
    _check(table)
    ax = ax or plt.subplots(figsize=SIZE)[1]
    ax.axhline(level, color=FAINT, linewidth=1.2, zorder=1)
    ax.annotate(
        f"aim:\n{level:.0%}", (1.02, level), xycoords=("axes fraction", "data"), fontsize=9,
        ha="left", va="center", color="#5F5F5F", annotation_clip=False,
    )  # fmt: skip
    for method, style in _methods(table):
        rows = table[table["method"] == method].sort_values(x)
        ax.fill_between(rows[x], rows["low"], rows["high"], color=style.color, alpha=0.15, lw=0)
        _line(ax, rows[x], rows["coverage"], style)
    bottom = table["low"].min() - 0.03 if lowest is None else lowest
    ax.set_ylim(max(bottom, 0), 1.0)
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    ax.set_ylabel("intervals that hold the truth")
    return _finish(ax, table, x, xlabel)


def width_curves(table: pd.DataFrame, x: str, xlabel: str, *, ax: Axes | None = None) -> Axes:
    """Draw the mean width of each method's interval over a setting, in AUC points.

    Parameters
    ----------
    table, x, xlabel
        As `coverage_curves`, with `mean_width` (0–1).

    Raises
    ------
    InputError
        As `coverage_curves`.
    """
    _check(table)
    ax = ax or plt.subplots(figsize=SIZE)[1]
    for method, style in _methods(table):
        rows = table[table["method"] == method].sort_values(x)
        _line(ax, rows[x], 100 * rows["mean_width"], style)
    ax.set_ylim(0, None)
    ax.set_ylabel("mean width (AUC points)")
    return _finish(ax, table, x, xlabel)


def _check(table: pd.DataFrame) -> None:
    measures = table["measure"].unique().tolist()
    if len(measures) != 1:
        raise InputError(
            f"measures {measures} in one figure",
            where="table",
            remedy="Pass the rows of one measure.",
        )
    for method in table["method"].unique():
        if method not in METHOD_STYLE:
            raise unknown("method", method, list(METHOD_STYLE))


def _methods(table: pd.DataFrame) -> list[tuple[str, MethodStyle]]:
    present = set(table["method"])
    return [(method, style) for method, style in METHOD_STYLE.items() if method in present]


def _line(ax: Axes, x: pd.Series, y: pd.Series, style: MethodStyle) -> None:
    ax.plot(
        x, y, color=style.color, marker=style.marker, linestyle=style.linestyle,
        markersize=6, label=style.label, clip_on=False, zorder=3,
    )  # fmt: skip


def _finish(ax: Axes, table: pd.DataFrame, x: str, xlabel: str) -> Axes:
    """Set ticks where the simulation stands, and a legend above the panel."""
    if x == "patients":
        ax.set_xscale("log")
        ax.xaxis.set_major_formatter(ScalarFormatter())
    ax.xaxis.set_major_locator(FixedLocator(sorted(table[x].unique())))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlabel(xlabel)
    ax.grid(axis="y")
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=1, borderaxespad=0.2)
    return ax
