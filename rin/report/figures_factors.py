"""Figures of the page on factors; nothing is computed here."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from rin.report.figures_cam import show_image
from rin.report.style import FAINT, INK, UNFREEZING_LABEL, init_style

_WIDE = 5.2  # inches; letters stay readable where a phone shows it at its width
_ROW, _HEAD = 0.62, 0.42
DIFFERENCE = "difference"


def factor_arrows(rows: pd.DataFrame, words: tuple[str, str], *, ax: Axes | None = None) -> Axes:
    """Draw how each scenario's area moves from one level of a factor to the other.

    Scenarios stand below each other, grouped by what is unfrozen, one arrow an init.

    Parameters
    ----------
    rows
        As `rin.report.factors_tables.arrow_rows` returns.
    words
        What the levels are called.
    ax
        Where to draw; a new figure without.
    """
    order = [name for name in UNFREEZING_LABEL if name in set(rows["unfreezing"])]
    inits = list(dict.fromkeys(rows["init"]))
    n = len(rows) // len(inits)
    if ax is None:
        ax = plt.subplots(figsize=(_WIDE, 1.5 + _ROW * n + _HEAD * len(order)))[1]
    height, ends = 0.0, []
    for regime in order:
        own = rows[rows["unfreezing"] == regime]
        _heading(ax, height, UNFREEZING_LABEL[regime].capitalize())
        height += _HEAD
        for label, pair in own.groupby("label", sort=False):
            _text(ax, height, label)
            for place, one in enumerate(pair.itertuples()):
                _arrow(ax, height + 0.26 + 0.16 * place, one)
                ends += [one.before, one.after]
            height += _ROW
    margin = 0.04
    ax.set(ylim=(height + 0.05, -0.1), yticks=[], xlabel="AUC, test images")
    ax.set_xlim(max(min(*ends, 0.5) - margin, -0.02), min(max(ends) + margin, 1.02))
    ax.axvline(0.5, color=FAINT, linewidth=1, linestyle=":", zorder=0)
    ax.grid(axis="x")
    ax.spines["left"].set_visible(False)
    _arrow_legend(ax, inits, words, bool(rows["same"].any()))
    return ax


def effects_forest(rows: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the effect on each init and on their difference, with intervals, around zero.

    Parameters
    ----------
    rows
        As `rin.report.factors_tables.forest_rows` returns, in AUC points.
    ax
        Where to draw; a new figure without.
    """
    labels, kinds = (list(dict.fromkeys(rows[name])) for name in ("label", "kind"))
    step = 0.5 + 0.24 * len(kinds)
    if ax is None:
        ax = plt.subplots(figsize=(_WIDE, 1.5 + 0.75 * step * len(labels)))[1]
    ax.axvline(0, color=INK, linewidth=1)
    for one in rows.itertuples():
        height = step * labels.index(one.label) + 0.4 + 0.24 * kinds.index(one.kind)
        color, marker, _ = _kind(one.kind)
        if np.isfinite([one.low, one.high]).all():
            ax.plot([one.low, one.high], [height] * 2, color=color, linewidth=2.2)
        ax.plot(one.estimate, height, marker, color=color, markersize=7)
    for place, label in enumerate(labels):
        _text(ax, step * place, label, weight="bold")
    ax.set(yticks=[], ylim=(step * len(labels), -0.15), xlabel="Effect, AUC points (95% CI)")
    ax.grid(axis="x")
    ax.spines["left"].set_visible(False)
    marks = []
    for kind in kinds:
        color, marker, name = _kind(kind)
        marks += ax.plot([], [], marker, color=color, markersize=7, linestyle="-", label=name)
    ax.figure.legend(handles=marks, loc="outside upper left", ncols=2)
    return ax


def resize_pair(stretched: np.ndarray, padded: np.ndarray) -> np.ndarray:
    """Draw one image as both ways of resizing leave it; returns the two axes.

    Parameters
    ----------
    stretched, padded
        uint8 (size, size), or (size, size, 3) in colour.
    """
    axes = plt.subplots(1, 2, figsize=(_WIDE, 2.9))[1]
    for ax, image, title in zip(axes, (stretched, padded), ("Stretched", "Padded"), strict=True):
        show_image(image, ax)
        ax.set_title(title, fontsize=11)
    return axes


def _kind(kind: str) -> tuple[str, str, str]:
    """Return colour, marker and name of what an effect is on."""
    if kind == DIFFERENCE:
        return INK, "D", "on the difference"
    return init_style(kind).color, "o", f"on {init_style(kind).short.lower()}"


def _arrow(ax: Axes, height: float, one: object) -> None:
    color = init_style(one.init).color
    if one.same:
        ax.plot(one.before, height, "D", color=color, markersize=6)
        return
    look = {"arrowstyle": "-|>", "color": color, "linewidth": 1.8, "shrinkA": 0, "shrinkB": 0}
    ax.plot(one.before, height, "o", markerfacecolor="white", markeredgecolor=color, markersize=6)
    # Without text, an annotation is an arrow that keeps its head's size on every axis.
    ax.annotate("", (one.after, height), (one.before, height), arrowprops=look)


def _heading(ax: Axes, height: float, text: str) -> None:
    ax.axhline(height - 0.02, color=FAINT, linewidth=0.8)
    _text(ax, height, text, weight="bold", size=11)


def _text(ax: Axes, height: float, text: str, *, weight: str = "normal", size: float = 10) -> None:
    at = {"xycoords": ("axes fraction", "data"), "va": "top"}
    back = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}
    ax.annotate(text, (0, height + 0.02), fontsize=size, fontweight=weight, bbox=back, **at)


def _arrow_legend(ax: Axes, inits: list[str], words: tuple[str, str], same: bool) -> None:
    marks = []
    for init in inits:
        style = init_style(init)
        marks += ax.plot([], [], color=style.color, linewidth=3, label=style.short)
    hollow = {"markerfacecolor": "white", "markeredgecolor": INK, "linestyle": "none"}
    marks += ax.plot([], [], "o", label=words[0], **hollow)
    marks += ax.plot([], [], ">", color=INK, linestyle="none", label=words[1])
    if same:
        marks += ax.plot([], [], "D", color=INK, linestyle="none", label="both (same scores)")
    ax.figure.legend(handles=marks, loc="outside upper left", ncols=3, columnspacing=1.2)
