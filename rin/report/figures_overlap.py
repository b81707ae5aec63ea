"""Figures of overlap: Dice against the threshold, and every measure beside its baselines.

Each panel is a figure of its own, so that a phone stacks what a wide screen sets side by side.
Scores are computed before; nothing is computed here.
"""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from rin.report.format import format_mean_sd, format_number
from rin.report.style import FAINT, INK, init_style

_PANEL = (3.7, 3.5)  # inches; a panel fills a phone's width at about this size
_DASH = {"centred ellipse": "--", "whole image": ":", "centre point": "-."}
_NEAR = 0.075  # of the axis: names of lines closer than this move apart


def threshold_curves(
    curves: pd.DataFrame,
    baselines: pd.DataFrame,
    inits: Sequence[str],
    *,
    threshold: int,
    ax: Axes | None = None,
) -> Axes:
    """Draw mean Dice against the threshold per init, baselines as lines, one threshold marked.

    Parameters
    ----------
    curves
        One task of `rin.explain.overlap.mean_curves`: `init`, `threshold`, `mean`, `sd`.
    baselines
        `baseline`, `dice`: the same at every threshold.
    inits
        Sources; the band is ± SD over scenarios.
    threshold
        Gray level that is marked.
    """
    ax = ax or plt.subplots(figsize=(5.0, 4.0))[1]
    for init in inits:
        rows = curves[curves["init"] == init].sort_values("threshold")
        style = init_style(init)
        low, high = rows["mean"] - rows["sd"].fillna(0), rows["mean"] + rows["sd"].fillna(0)
        ax.fill_between(rows["threshold"], low, high, color=style.color, alpha=0.15, linewidth=0)
        ax.plot(
            rows["threshold"], rows["mean"], color=style.color, linestyle=style.linestyle,
            label=style.short,
        )  # fmt: skip
    ax.axvline(threshold, color=INK, linewidth=1)
    top = max(ax.get_ylim()[1], 1.1 * baselines["dice"].max())
    ax.annotate(
        f"{threshold}, as published", (threshold, 0.985 * top), xytext=(-4, 0),
        textcoords="offset points", rotation=90, ha="right", va="top", fontsize=9.5, zorder=4,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1},
    )  # fmt: skip
    for row in baselines.itertuples():
        label = f"{row.baseline}: {format_number(row.dice)}"
        ax.axhline(row.dice, color=FAINT, linewidth=1.5, linestyle=_DASH[row.baseline], label=label)
    ax.set(xlim=(0, 255), ylim=(0, top), xticks=[0, 60, 120, 180, 255])
    ax.set(xlabel="Threshold (gray level)", ylabel="Mean Dice score (0–1)")
    ax.grid(axis="y")
    ax.figure.legend(loc="outside lower center", ncols=2)
    return ax


def measure_bars(
    means: pd.DataFrame,
    baselines: pd.DataFrame,
    inits: Sequence[str],
    *,
    measure: str,
    label: str,
    chance: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw one measure: the mean over scenarios per init with its SD, and baselines as lines.

    Parameters
    ----------
    means
        One task of `rin.explain.overlap.init_overlap`: `init`, `measure`, `mean`, `sd`; 0–1.
    baselines
        `baseline` and a column `measure`, as `rin.explain.overlap.baseline_table`; lines are
        drawn for those that are not NaN.
    inits
        Sources from left to right.
    measure
        Which measure is drawn.
    label
        Of the axis.
    chance
        Baseline whose line is named "chance", if any.
    """
    ax = ax or plt.subplots(figsize=_PANEL)[1]
    rows = means[means["measure"] == measure].set_index("init").loc[list(inits)]
    styles = [init_style(init) for init in inits]
    places = np.arange(len(inits))
    ax.bar(places, rows["mean"], width=0.55, color=[style.color for style in styles])
    ax.errorbar(places, rows["mean"], rows["sd"], fmt="none", color=INK, capsize=6, linewidth=1.6)
    lines = baselines.dropna(subset=[measure]).sort_values(measure)
    top = 1.15 * max([*(rows["mean"] + rows["sd"].fillna(0)).fillna(0), *lines[measure], 0.05])
    heights = _apart(lines[measure].to_numpy(), _NEAR * 2 * top, top)
    for (name, value), height in zip(lines[["baseline", measure]].to_numpy(), heights, strict=True):
        ax.axhline(value, color=FAINT, linewidth=1.5, linestyle=_DASH[name])
        shown = "chance" if name == chance else name
        ax.annotate(
            f"{shown.replace(' ', chr(10))}\n{format_number(value)}", (1.01, height),
            xycoords=("axes fraction", "data"), va="center", fontsize=9, color=INK,
            linespacing=1.1,
        )  # fmt: skip
    names = [
        f"{style.short}\n{format_mean_sd(mean, sd)}"
        for style, mean, sd in zip(styles, rows["mean"], rows["sd"], strict=True)
    ]
    ax.set(ylabel=label, ylim=(0, top), xlim=(-0.6, len(inits) - 0.4))
    ax.set_xticks(places, names, fontsize=9)
    ax.grid(axis="y")
    return ax


def _apart(values: np.ndarray, gap: float, top: float) -> np.ndarray:
    """Return heights in the order of ascending values, no two closer than `gap`, below `top`."""
    heights = np.array(values, dtype=float)
    for at in range(1, len(heights)):
        heights[at] = max(heights[at], heights[at - 1] + gap)
    over = max(0.0, heights[-1] - top) if len(heights) else 0.0
    heights -= over
    return heights
