"""Values by initialisation: AUCs of all scenarios as swarms, means with their SDs as bars."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from rin.errors import look_up
from rin.report import style
from rin.report.format import format_mean_sd, format_number

_DASHES = ("--", ":", "-.", (0, (6, 2, 1, 2)))
_MARKER, _FILL = style.BACKBONE_MARKER, style.FILL


def auc_swarm(
    aucs: pd.DataFrame,
    inits: Sequence[str],
    *,
    ax: Axes | None = None,
) -> Axes:
    """Draw the AUC of every scenario per init beside mean ± SD (paper, Figure 3, column 1).

    `aucs` has one row a scenario and init: `scenario`, `backbone`, `unfreezing`, `init`, `auc`
    (0–1).  Markers are of backbones, which stand side by side, filling is of unfreezing.  Means
    and SDs stand below the names of the `inits`.
    """
    style.check_columns(aucs, ["scenario", "backbone", "unfreezing", "init", "auc"])
    style.check_one_each(aucs, ["scenario", "init"])
    ax = ax or plt.subplots(figsize=(style.WIDTH, 4.2))[1]
    backbones = [b for b in _MARKER if b in set(aucs["backbone"])]
    names, values = [], [np.concatenate([style.rows_of(aucs, init)["auc"] for init in inits])]
    for place, init in enumerate(inits):
        look, of_init = style.init_style(init), style.rows_of(aucs, init)
        fills = {name: style.lighter(look.color, share) for name, (_, share) in _FILL.items()}
        for slot, backbone in enumerate(backbones):
            scenarios = of_init[of_init["backbone"] == backbone]
            seaborn.swarmplot(
                x=np.full(len(scenarios), place - 0.36 + 0.15 * slot),
                y=scenarios["auc"].to_numpy(),
                hue=scenarios["unfreezing"].to_numpy(),
                palette=fills,
                marker=_MARKER[backbone],
                size=6,
                edgecolor=look.color,
                linewidth=1.1,
                native_scale=True,
                warn_thresh=1,  # marks of equal AUCs may touch
                legend=False,
                gid="scenario",
                ax=ax,
            )
        mean, sd = of_init["auc"].mean(), of_init["auc"].std()
        bar = {"color": style.INK, "capsize": 3, "markersize": 11, "markeredgewidth": 2}
        ax.errorbar(place + 0.27, mean, np.nan_to_num(sd), fmt="_", linewidth=1.4, zorder=4, **bar)
        values.append(mean + np.nan_to_num(sd) * np.array([-1, 1]))
        names.append(f"{look.short}\n{format_mean_sd(mean, sd)}")
    low, high = np.min(np.concatenate(values)), np.max(np.concatenate(values))
    if low < 0.55:
        ax.axhline(0.5, color=style.FAINT, linewidth=1, linestyle=":", zorder=1)
    ax.set(
        xlabel="",
        ylabel="AUC",
        xlim=(-0.5, len(inits) - 0.45),
        ylim=(low - 0.02, max(high, 1.0) + 0.02),
    )
    ax.set_xticks(range(len(inits)), names, fontsize=10.5)
    ax.tick_params(axis="x", length=0)
    ax.grid(axis="y")
    ax.legend(handles=_swarm_key(backbones), loc="center left", bbox_to_anchor=(1, 0.5))
    return ax


def _swarm_key(backbones: Sequence[str]) -> list[Line2D]:
    """Return the handles of the swarm's legend."""
    look = {"color": style.INK, "linestyle": "", "markersize": 6}
    marks = [Line2D([], [], marker=_MARKER[b], label=b, **look) for b in backbones]
    for regime, (words, share) in _FILL.items():
        label, face = style.UNFREEZING_LABEL[regime], style.lighter(style.INK, share)
        label = f"{label} ({words})"
        marks.append(Line2D([], [], marker="o", markerfacecolor=face, label=label, **look))
    marks.append(Line2D([], [], color=style.INK, marker="_", markersize=11, label="mean ± SD"))
    return marks


def bars(rows: pd.DataFrame, baselines: pd.DataFrame, *, ylabel: str) -> Axes:
    """Draw values by group (along the axis) and init (by colour) as bars from zero (Figure 5).

    `rows` has `group` (text below; in the order of the table), `init` (an init or kind of
    `rin.report.style`), `value`, `sd` (NaN for none).  `baselines` (`group`, `baseline`, `value`)
    are short lines across a group, named in the legend.
    """
    style.check_columns(rows, ["group", "init", "value", "sd"])
    style.check_one_each(rows, ["group", "init"])
    rows = rows.reset_index(drop=True)
    groups, inits = (list(dict.fromkeys(rows[name])) for name in ("group", "init"))
    ax = plt.subplots(figsize=(min(style.WIDTH, max(6.4, 2 + 1.6 * len(groups))), 3.6))[1]
    width = 0.8 / len(inits)
    # Side by side around the name of their group, without gaps.
    rows = rows.assign(rank=rows["init"].map(inits.index)).sort_values("rank")
    members = rows.groupby("group", sort=False)["rank"]
    shift = members.cumcount() - (members.transform("size") - 1) / 2
    rows["x"] = rows["group"].map(groups.index) + width * shift
    rows["low"], rows["top"] = rows["value"] - rows["sd"], rows["value"] + rows["sd"].fillna(0)
    box = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
    look = {"textcoords": "offset points", "ha": "center", "va": "bottom", "fontsize": 9.5}
    for init, of_init in rows.groupby("init", sort=False):
        kind = style.kind_style(init)
        size = {"width": 0.86 * width, "color": kind.color, "label": kind.label}
        ax.bar(of_init["x"], of_init["value"], **size)
        ax.vlines(of_init["x"], of_init["low"], of_init["top"], color=style.INK, linewidth=1.5)
        for bar in of_init.itertuples():
            text, at = format_number(bar.value, 3), (bar.x, bar.top)
            ax.annotate(text, at, xytext=(0, 4), gid="value", zorder=5, bbox=box, **look)
    levels = _baselines(ax, baselines, groups)
    ax.set_xticks(range(len(groups)), groups)
    ax.set(ylabel=ylabel, xlim=(-0.55, len(groups) - 0.45))
    ax.set_ylim(1.05 * min(0, rows["low"].min()), 1.12 * max([*rows["top"], *levels]) or 1)
    ax.tick_params(axis="x", length=0)
    ax.grid(axis="y")
    names = {style.kind_style(init).label for init in inits}  # first, then what is beside them
    handles = ax.get_legend_handles_labels()[0]
    handles.sort(key=lambda handle: handle.get_label() not in names)
    above = {"loc": "lower left", "bbox_to_anchor": (0, 1), "borderaxespad": 0.3}
    ax.legend(handles=handles, ncols=2, **above)
    return ax


def _baselines(ax: Axes, baselines: pd.DataFrame, groups: Sequence[str]) -> list[float]:
    style.check_columns(baselines, ["group", "baseline", "value"])
    dashes = dict(zip(dict.fromkeys(baselines["baseline"]), _DASHES * 9, strict=False))
    for row in baselines.itertuples():
        look_up("group", row.group, groups)
        at, look = groups.index(row.group), {"linewidth": 1.4, "gid": "baseline", "zorder": 3}
        ends = at - 0.46, at + 0.46
        ax.hlines(row.value, *ends, color=style.INK, linestyle=dashes[row.baseline], **look)
    for name, dash in dashes.items():
        ax.plot([], [], color=style.INK, linestyle=dash, linewidth=1.4, label=name)
    return baselines["value"].tolist()
