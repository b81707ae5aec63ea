"""The published intervals, and those that the published SDs imply, one row a task."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from rin.errors import InputError
from rin.report.style import FAINT, INK

# Narrow, with names above the rows: readable where a phone shrinks it.
_SIZE = (5.0, 0.72)
_PUBLISHED, _IMPLIED, _ZERO = INK, "#1B7A5A", "#B3123F"
_COLUMNS = ("name", "difference", "low", "high", "implied", "implied_low", "implied_high",
            "holds_zero")  # fmt: skip


def audit_intervals(rows: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw each published interval above the implied one, with zero as a line.

    Parameters
    ----------
    rows
        Table of `rin.report.audit_tables.interval_rows`, in AUC points. The implied interval is
        drawn about the stated difference; the pale ends show what rounding of the SDs allows.
        Names of tasks whose interval holds zero are in red.

    Returns
    -------
    matplotlib.axes.Axes
        Points along x, tasks from top to bottom.

    Raises
    ------
    InputError
        No row, or a column that is missing.
    """
    missing = [name for name in _COLUMNS if name not in rows.columns]
    if rows.empty or missing:
        raise InputError(
            f"columns {missing} are missing" if missing else "no row",
            where="rows",
            remedy="Pass the table of rin.report.audit_tables.interval_rows.",
        )
    if ax is None:
        ax = plt.subplots(figsize=(_SIZE[0], 1.4 + _SIZE[1] * len(rows)))[1]
    ax.axvline(0, color=_ZERO, linewidth=1.6, zorder=1)
    left = min(rows["low"].min(), (rows["difference"] - rows["implied_high"]).min(), 0) - 0.8
    for place, one in enumerate(rows.itertuples()):
        _row(ax, place, one, left)
    right = max(rows["high"].max(), (rows["difference"] + rows["implied_high"]).max())
    ax.set(xlim=(left, right + 0.8), ylim=(len(rows) - 0.35, -0.6), yticks=[])
    ax.set_xlabel("RadImageNet − ImageNet, AUC points")
    ax.spines["left"].set_visible(False)
    ax.grid(axis="x")
    _legend(ax)
    return ax


def _row(ax: Axes, place: int, one: object, left: float) -> None:
    color = _ZERO if one.holds_zero else INK
    weight = "bold" if one.holds_zero else "normal"
    plain = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}  # zero's line stays behind
    ax.text(left, place - 0.26, one.name, fontsize=12, color=color, fontweight=weight, va="center",
            bbox=plain, zorder=5)  # fmt: skip
    ax.plot([one.low, one.high], [place] * 2, color=_PUBLISHED, linewidth=3, zorder=3)
    ax.plot(one.difference, place, "D", color=_PUBLISHED, markersize=7, zorder=4)
    below, center = place + 0.22, one.difference
    ax.plot([center - one.implied, center + one.implied], [below] * 2, color=_IMPLIED, linewidth=3,
            zorder=3)  # fmt: skip
    for side in (-1, 1):
        ends = [center + side * width for width in (one.implied_low, one.implied_high)]
        ax.plot(ends, [below] * 2, color=_IMPLIED, linewidth=9, alpha=0.35, zorder=2,
                solid_capstyle="butt")  # fmt: skip


def _legend(ax: Axes) -> None:
    handles = [
        Line2D([], [], color=_PUBLISHED, linewidth=3, marker="D", label="as published"),
        Line2D([], [], color=_IMPLIED, linewidth=3, label="unpaired t interval of the SDs"),
        Patch(color=_IMPLIED, alpha=0.35, linewidth=0, label="its end, by rounding of the SDs"),
        Line2D([], [], color=_ZERO, linewidth=1.6, label="no difference (red name: inside)"),
    ]
    ax.legend(handles=handles, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=1, fontsize=11,
              borderaxespad=0.2, labelcolor=INK, edgecolor=FAINT)  # fmt: skip
