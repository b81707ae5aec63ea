"""AUCs of all scenarios by initialisation, as swarms beside their means and SDs."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from rin.report import style
from rin.report.format import format_mean_sd

_MARKER, _FILL = style.BACKBONE_MARKER, style.FILL


def auc_swarm(aucs: pd.DataFrame, inits: Sequence[str]) -> Axes:
    """Draw the AUC of every scenario per init beside mean ± SD (paper, Figure 3, column 1).

    `aucs` has one row a scenario and init: `scenario`, `backbone`, `unfreezing`, `init`, `auc`
    (0–1).  Markers are of backbones, which stand side by side, filling is of unfreezing.  Means
    and SDs stand below the names of the `inits`.
    """
    style.check_columns(aucs, ["scenario", "backbone", "unfreezing", "init", "auc"])
    style.check_one_each(aucs, ["scenario", "init"])
    _, ax = plt.subplots(figsize=(style.WIDTH, 4.2))
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
