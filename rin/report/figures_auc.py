"""Figures of classification: AUCs, ROC curves and differences over the 24 scenarios.

Every function takes tidy tables whose numbers are already computed, draws them, and
returns the axes. `inits` are two names of initialisation sources, (a, b); differences
are a − b.
"""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from rin.errors import unknown
from rin.report.format import (
    format_interval,
    format_mean_sd,
    format_number,
    stars,
)
from rin.report.style import (
    BACKBONE_MARKER,
    FAINT,
    INK,
    UNFREEZING_LABEL,
    WIDTH,
    backbone_marker,
    condition_label,
    init_style,
)
from rin.report.tidy import check_one_each

_GRAYS = sns.blend_palette(["white", "#9A9A9A"], as_cmap=True)  # dark text reads on all of it
_TINT = {"unfreeze_all": 1.0, "unfreeze_top10": 0.45, "freeze_all": 0.0}


def auc_swarm(
    aucs: pd.DataFrame,
    summary: pd.DataFrame,
    inits: Sequence[str],
    *,
    published: pd.DataFrame | None = None,
    compact: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Draw the AUC of every scenario per init, with mean ± SD (paper, Figure 3, column 1).

    Parameters
    ----------
    aucs
        One row per scenario and init, as `rin.report.tidy.scenario_means`: `scenario`,
        `backbone`, `unfreezing`, `init`, `auc` (0–1).
        Markers tell backbones, which stand side by side; filling tells unfreezing.
    summary
        One row per init, as `rin.report.tidy.init_summary`: `init`, `mean`, `sd`.
    inits
        Sources from left to right.
    published
        `init`, `mean`, `sd` that the paper states, drawn faintly beside the own ones; inits
        without a row have nothing beside them.
    compact
        For a small panel of many: numbers below short names, and no legend.
    """
    check_one_each(aucs, ["scenario", "init"])
    ax = ax or plt.subplots(figsize=(WIDTH, 4.2))[1]
    backbones = [b for b in BACKBONE_MARKER if b in set(aucs["backbone"])]
    slots = dict(zip(backbones, np.linspace(-0.27, 0.12, len(backbones)), strict=True))
    names = []
    for place, init in enumerate(inits):
        style = init_style(init)
        groups = aucs[aucs["init"] == init].groupby(["backbone", "unfreezing"], observed=True)
        for (backbone, unfreezing), rows in groups:
            ax.scatter(
                np.full(len(rows), place + slots[backbone]), rows["auc"], s=46,
                marker=backbone_marker(backbone), edgecolor=style.color, linewidth=1.3,
                facecolor=_tint(style.color, unfreezing), zorder=3,
            )  # fmt: skip
        mean = summary.set_index("init").loc[init]
        ax.errorbar(
            place + 0.3, mean["mean"], mean["sd"], fmt="_", color=INK, markersize=16,
            markeredgewidth=2.5, capsize=5, linewidth=1.6, label=init,
        )  # fmt: skip
        names.append(style.label)
        if compact:
            names[-1] = f"{style.short}\n{format_mean_sd(mean['mean'], mean['sd'])}"
            continue
        ax.annotate(
            format_mean_sd(mean["mean"], mean["sd"]),
            (place + 0.3, mean["mean"] + np.nan_to_num(mean["sd"])),
            xytext=(0, 6), textcoords="offset points", ha="center", fontsize=10,
        )  # fmt: skip
    ax.set(xticks=range(len(inits)), ylabel="AUC", xlim=(-0.5, len(inits) - 0.15))
    ax.set_xticklabels(names)
    ax.grid(axis="y")
    for row in () if published is None else published.itertuples():
        _published_mean(ax, list(inits).index(row.init) + 0.47, row.mean, row.sd)
    if not compact:
        _swarm_legend(ax, backbones)
    return ax


def _published_mean(ax: Axes, place: float, mean: float, sd: float) -> None:
    ax.errorbar(
        place, mean, sd, fmt="o", color=FAINT, markerfacecolor="white", markersize=6, capsize=3,
        linewidth=1.2, label="published",
    )  # fmt: skip
    ax.annotate(
        "published", (place, mean - sd), xytext=(0, -4), textcoords="offset points",
        rotation=90, ha="center", va="top", fontsize=8, color="#5F5F5F",
    )  # fmt: skip


def _tint(color: str, unfreezing: str) -> tuple[float, float, float]:
    if unfreezing not in _TINT:
        raise unknown("unfreezing", unfreezing, list(_TINT))
    return _lighter(color, _TINT[unfreezing])


def _lighter(color: str, share: float) -> tuple[float, float, float]:
    return sns.blend_palette(["white", color], as_cmap=True)(share)[:3]


def _swarm_legend(ax: Axes, backbones: Sequence[str]) -> None:
    marks = [
        Line2D([], [], marker=backbone_marker(b), color=INK, linestyle="", label=b)
        for b in backbones
    ]
    fills = [
        Line2D([], [], marker="o", color=INK, markerfacecolor=_tint(INK, u), linestyle="", label=t)
        for u, t in UNFREEZING_LABEL.items()
    ]
    ax.legend(handles=marks + fills, loc="center left", bbox_to_anchor=(1.0, 0.5))


def mean_roc(
    curves: pd.DataFrame,
    summary: pd.DataFrame,
    inits: Sequence[str],
    *,
    method: str = "vertical",
    ax: Axes | None = None,
) -> Axes:
    """Draw the mean ROC curve of the scenarios per init, with its SD as a band.

    Parameters
    ----------
    curves
        One task of `rin.stats.roc.mean_roc`: `init`, `method`, `position`, `fpr`, `tpr`,
        `tpr_sd` (all 0–1). The band is the SD of the true-positive rate, cut at 0 and 1.
    summary
        As in `auc_swarm`, for the legend.
    inits
        Sources in the order of the legend.
    method
        Which averaging of `curves` is drawn.
    """
    methods = sorted(curves["method"].unique())
    if method not in methods:
        raise unknown("method", method, methods)
    curves = curves[curves["method"] == method]
    check_one_each(curves, ["init", "position"])
    ax = ax or plt.subplots(figsize=(5.2, 5.0))[1]
    ax.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle=":", label="_chance")
    for init in inits:
        style, rows = init_style(init), curves[curves["init"] == init]
        mean = summary.set_index("init").loc[init]
        label = f"{style.short}: AUC {format_mean_sd(mean['mean'], mean['sd'])}"
        low, high = (rows["tpr"] + sign * rows["tpr_sd"] for sign in (-1, 1))
        band = {"color": style.color, "alpha": 0.18, "linewidth": 0}
        ax.fill_between(rows["fpr"], low.clip(0, 1), high.clip(0, 1), **band)
        ax.plot(rows["fpr"], rows["tpr"], style.linestyle, color=style.color, label=label)
    ax.set(xlabel="False-positive rate", ylabel="True-positive rate")
    ax.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    ax.grid()
    ax.legend(loc="lower right")
    return ax


def scenario_heatmap(differences: pd.DataFrame, inits: tuple[str, str]) -> np.ndarray:
    """Draw three heat maps, backbone × condition: AUC of a, AUC of b, and a − b.

    Parameters
    ----------
    differences
        One row per scenario, from `rin.stats.scenarios.compare_inits` by way of
        `rin.report.tidy.with_conditions`: `backbone`, `unfreezing`, `learning_rate`,
        `auc_a`, `auc_b`, `difference`, `ci_low`, `ci_high`, `p_value` (DeLong). Cells of
        the last map show the difference, stars by P value and the interval.
    inits
        (a, b).

    Returns
    -------
    numpy.ndarray
        Three axes, from top to bottom.
    """
    check_one_each(differences, ["scenario"])
    _, axes = plt.subplots(3, 1, figsize=(WIDTH, 8.6), height_ratios=[1, 1, 1.25], sharex=True)
    floor = min(0.5, differences[["auc_a", "auc_b"]].min().min())
    for ax, init, column in zip(axes[:2], inits, ["auc_a", "auc_b"], strict=True):
        sns.heatmap(
            _grid(differences, differences[column]), ax=ax, vmin=floor, vmax=1, cmap=_GRAYS,
            annot=True, fmt=".2f", linewidths=1, cbar_kws={"label": "AUC", "pad": 0.02},
            annot_kws={"fontsize": 11, "color": INK},
        )  # fmt: skip
        ax.set_title(f"AUC, {init_style(init).label}")
    reach = max(0.05, differences["difference"].abs().max())
    texts = _grid(differences, differences.apply(_difference_text, axis=1))
    sns.heatmap(
        _grid(differences, differences["difference"]), ax=axes[2], vmin=-reach, vmax=reach,
        cmap=_diverging(inits), annot=texts, fmt="", linewidths=1,
        cbar_kws={"label": "AUC difference", "pad": 0.02},
        annot_kws={"fontsize": 9, "color": INK},
    )  # fmt: skip
    axes[2].set_title("Difference, " + " − ".join(init_style(i).short for i in inits))
    for ax in axes:
        ax.set(xlabel="", ylabel="")
        ax.tick_params(length=0, labelrotation=0)
    axes[2].set_xlabel("In parentheses: DeLong 95% CI.  * P < .05   ** P < .01   *** P < .001")
    return axes


def _grid(rows: pd.DataFrame, values: pd.Series) -> pd.DataFrame:
    """Arrange values by backbone and condition, in the order of the study."""
    conditions = rows[["unfreezing", "learning_rate"]].to_numpy()
    labels = [condition_label(unfreezing, rate, "\n") for unfreezing, rate in conditions]
    long = rows[["backbone", "unfreezing", "learning_rate"]].assign(
        condition=labels, value=values.loc[rows.index]
    )
    order = long.assign(rank=long["unfreezing"].map(list(UNFREEZING_LABEL).index))
    order = order.sort_values(["rank", "learning_rate"], ascending=[True, False])
    wide = long.pivot(index="backbone", columns="condition", values="value")
    backbones = [b for b in BACKBONE_MARKER if b in wide.index]
    return wide.loc[backbones, list(dict.fromkeys(order["condition"]))]


def _difference_text(row: pd.Series) -> str:
    value = format_number(row["difference"], 3, signed=True)
    interval = format_interval(row["ci_low"], row["ci_high"], leading_zero=False)
    return f"{value}{stars(row['p_value'])}\n{interval}"


def _diverging(inits: tuple[str, str]) -> "plt.Colormap":
    b, a = (_lighter(init_style(init).color, 0.65) for init in reversed(inits))
    return sns.blend_palette([b, "#F7F7F7", a], as_cmap=True)
