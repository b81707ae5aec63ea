"""Bars: means with their SDs by group and initialisation, beside levels without any network.

Values are computed before; labels stand above the error bars, never on a mark.
"""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes

from rin.errors import look_up
from rin.report.format import format_number
from rin.report.style import INK, WIDTH, check_columns, check_one_each, kind_style

_DASHES = ("--", ":", "-.", (0, (6, 2, 1, 2)))


def bars(rows: pd.DataFrame, baselines: pd.DataFrame, *, ylabel: str) -> Axes:
    """Draw values by group (along the axis) and init (by colour) as bars from zero.

    `rows` has `group` (text below; in the order of the table), `init` (an init or kind of
    `rin.report.style`), `value`, `sd` (NaN for none).  `baselines` (`group`, `baseline`, `value`)
    are short lines across a group, named in the legend.
    """
    check_columns(rows, ["group", "init", "value", "sd"])
    check_one_each(rows, ["group", "init"])
    rows = rows.reset_index(drop=True)
    groups, inits = (list(dict.fromkeys(rows[name])) for name in ("group", "init"))
    ax = plt.subplots(figsize=(min(WIDTH, max(6.4, 2 + 1.6 * len(groups))), 3.6))[1]
    width = 0.8 / len(inits)
    # Side by side around the name of their group, without gaps.
    rows = rows.assign(rank=rows["init"].map(inits.index)).sort_values("rank")
    members = rows.groupby("group", sort=False)["rank"]
    shift = members.cumcount() - (members.transform("size") - 1) / 2
    rows["x"] = rows["group"].map(groups.index) + width * shift
    rows["low"], rows["top"] = rows["value"] - rows["sd"], rows["value"] + rows["sd"].fillna(0)
    box = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
    look = {"textcoords": "offset points", "ha": "center", "va": "bottom", "fontsize": 9.5}
    for init, own in rows.groupby("init", sort=False):
        style = kind_style(init)
        size = {"width": 0.86 * width, "color": style.color, "label": style.label}
        ax.bar(own["x"], own["value"], **size)
        ax.vlines(own["x"], own["low"], own["top"], color=INK, linewidth=1.5)
        for bar in own.itertuples():
            text, at = format_number(bar.value, 3), (bar.x, bar.top)
            ax.annotate(text, at, xytext=(0, 4), gid="value", zorder=5, bbox=box, **look)
    levels = _baselines(ax, baselines, groups)
    ax.set_xticks(range(len(groups)), groups)
    ax.set(ylabel=ylabel, xlim=(-0.55, len(groups) - 0.45))
    ax.set_ylim(1.05 * min(0, rows["low"].min()), 1.12 * max([*rows["top"], *levels]) or 1)
    ax.tick_params(axis="x", length=0)
    ax.grid(axis="y")
    names = {kind_style(init).label for init in inits}  # first, then what is beside them
    handles = ax.get_legend_handles_labels()[0]
    handles.sort(key=lambda handle: handle.get_label() not in names)
    above = {"loc": "lower left", "bbox_to_anchor": (0, 1), "borderaxespad": 0.3}
    ax.legend(handles=handles, ncols=2, **above)
    return ax


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
