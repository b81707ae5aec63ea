"""Bars and dots: means with SDs or intervals by group and initialisation.

Values are computed before; labels stand above the error bars or beside the axis, never on a mark.
"""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from rin.errors import look_up
from rin.report.format import format_number
from rin.report.style import INK, WIDTH, check_columns, check_one_each, kind_style

_DASHES = ("--", ":", "-.", (0, (6, 2, 1, 2)))
_MARKS = ("bars", "dots")


def bars(
    rows: pd.DataFrame,
    *,
    ylabel: str,
    baselines: pd.DataFrame | None = None,
    marks: str = "bars",
    digits: int = 2,
    legend: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Draw values by group (along the axis) and init (by colour), with error bars.

    `rows` has `group` (text below; in the order of the table), `init` (an init or kind of
    `rin.report.style`), `value`; optional `sd`, or `low` and `high`: the error bars.  `baselines`
    (`group`, `baseline`, `value`) are short lines across a group, named in the legend.  `marks`
    are "bars" (from zero) or "dots"; values, of so many `digits`, stand above the error bars.
    """
    check_columns(rows, ["group", "init", "value"])
    check_one_each(rows, ["group", "init"])
    rows = rows.reset_index(drop=True)
    look_up("marks", marks, _MARKS)
    groups, inits = (list(dict.fromkeys(rows[name])) for name in ("group", "init"))
    ax = ax or plt.subplots(figsize=(min(WIDTH, max(6.4, 2 + 1.6 * len(groups))), 3.6))[1]
    width = 0.8 / len(inits)
    ends, centres = _ends(rows), _centres(rows, groups, inits, width)
    for init in inits:
        style, own = kind_style(init), rows[rows["init"] == init]
        x, span = centres[own.index], ends.loc[own.index]
        if marks == "bars":
            ax.bar(x, own["value"], width=0.86 * width, color=style.color, label=style.label)
        else:
            look = {"color": style.color, "markersize": 7, "label": style.label}
            ax.plot(x, own["value"], style.marker, **look)
        color = INK if marks == "bars" else style.color
        ax.vlines(x, span["low"], span["high"], color=color, linewidth=1.5)
        _write(ax, x, own["value"], np.fmax(span["high"], own["value"]), digits)
    levels = [] if baselines is None else _baselines(ax, baselines, groups)
    ax.set_xticks(range(len(groups)), groups)
    ax.set(ylabel=ylabel, xlim=(-0.55, len(groups) - 0.45))
    if marks == "bars":
        highest = np.nanmax([*ends["high"], *rows["value"], *levels])
        ax.set_ylim(1.05 * min(0, ends["low"].min()), 1.12 * highest or 1)
    else:
        ax.margins(y=0.12)
    ax.tick_params(axis="x", length=0)
    ax.grid(axis="y")
    if legend:
        names = [kind_style(init).label for init in inits]  # first, then what is beside them
        handles = ax.get_legend_handles_labels()[0]
        handles.sort(key=lambda handle: handle.get_label() not in names)
        above = {"loc": "lower left", "bbox_to_anchor": (0, 1), "borderaxespad": 0.3}
        ax.legend(handles=handles, ncols=2, **above)
    return ax


def _write(ax: Axes, x: pd.Series, values: pd.Series, tops: pd.Series, digits: int) -> None:
    box = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
    for at, value, top in zip(x, values, tops, strict=True):
        ax.annotate(
            format_number(value, digits), (at, top), xytext=(0, 4), fontsize=9.5,
            textcoords="offset points", ha="center", va="bottom", gid="value", zorder=5, bbox=box,
        )  # fmt: skip


def _centres(
    rows: pd.DataFrame, groups: Sequence[str], inits: Sequence[str], width: float
) -> pd.Series:
    """Return where each row stands: side by side around its group, without gaps."""
    ranked = rows.assign(rank=rows["init"].map(inits.index)).sort_values("rank")
    members = ranked.groupby("group", sort=False)["rank"]
    shift = members.cumcount() - (members.transform("size") - 1) / 2
    return ranked["group"].map(groups.index) + width * shift


def _ends(rows: pd.DataFrame) -> pd.DataFrame:
    """Return `low` and `high` of the error bars; NaN where there are none."""
    if "low" in rows and "high" in rows:
        return rows[["low", "high"]]
    sd = rows.get("sd", np.nan)
    return pd.DataFrame({"low": rows["value"] - sd, "high": rows["value"] + sd})


def _baselines(ax: Axes, baselines: pd.DataFrame, groups: Sequence[str]) -> list[float]:
    check_columns(baselines, ["group", "baseline", "value"])
    dashes = dict(zip(dict.fromkeys(baselines["baseline"]), _DASHES * 9, strict=False))
    for row in baselines.itertuples():
        look_up("group", row.group, groups)
        at, look = groups.index(row.group), {"linewidth": 1.4, "gid": "baseline", "zorder": 3}
        ends = at - 0.46, at + 0.46
        ax.hlines(row.value, *ends, color=INK, linestyle=dashes[row.baseline], **look)
    for name, dash in dashes.items():
        ax.plot([], [], color=INK, linestyle=dash, linewidth=1.4, label=name)
    return baselines["value"].tolist()
