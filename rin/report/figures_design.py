"""Figures around the study: its phases, the database, how well its networks learned it, and
what others found.

Figure 1, Figure 2 and Figure E1 of the paper, drawn from its numbers.  Place and colour tell
what the paper states from what was found elsewhere.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from rin.curation.taxonomy import MODALITIES, region_counts
from rin.paper import COMPARISONS, RELEASED_ACCURACY
from rin.report.phases import Phase, counted
from rin.report.style import BACKBONE_MARKER, FAINT, INIT_STYLE, INK, init_style

# Narrower than other figures, with larger text: they stay readable on a phone.
NARROW = 6.4
_TEXT = 12.5
_LINE, _BAR, _GAP = 0.232, 0.32, 0.3  # inches: a line of text, a phase's bar, an arrow
_PAPER = ("#F4F4F4", FAINT, INK)  # face, edge, heading
_HERE = ("#E6F1F9", INIT_STYLE["radiologic"].color, INIT_STYLE["radimagenet"].color)
_SHADES = {"CT": ("#5AA9DA", INK), "US": ("#B5D8EE", INK), "MR": ("#00598C", "white")}
_ORDER = ("CT", "US", "MR")  # the order of the panels in the paper


def study_flow(phases: Sequence[Phase]) -> Axes:
    """Draw the phases from top to bottom, the paper on the left, this book on the right.

    Parameters
    ----------
    phases
        As `rin.report.phases.study_phases` returns them.

    Returns
    -------
    matplotlib.axes.Axes
        In inches from the top left; each phase is a bar over two boxes.
    """
    wide = (NARROW - 0.2) / 2
    columns = ((0.02, "The paper", _PAPER), (NARROW - 0.02 - wide, "This book", _HERE))
    wrapped = [[_wrapped(side) for side in (phase.paper, phase.here)] for phase in phases]
    heights = [max(map(len, sides)) * _LINE + 0.2 for sides in wrapped]
    total = 0.45 + sum(heights) + len(phases) * (_BAR + 0.08) + (len(phases) - 1) * _GAP
    _, ax = plt.subplots(figsize=(NARROW, total))
    ax.set(xlim=(0, NARROW), ylim=(total, 0))
    ax.set_axis_off()
    for left, name, (_, _, ink) in columns:
        _centered(ax, (left + wide / 2, 0.17), name, ink, _TEXT + 1.5)
    top = 0.42
    for number, (phase, sides) in enumerate(zip(phases, wrapped, strict=True), start=1):
        height = heights[number - 1]
        _rounded(ax, (0.02, top), (NARROW - 0.04, _BAR), INK, INK)
        _centered(ax, (NARROW / 2, top + _BAR / 2), f"{number}  {phase.title}", "white", _TEXT)
        top += _BAR + 0.08
        for (left, _, (face, edge, _)), lines in zip(columns, sides, strict=True):
            _rounded(ax, (left, top), (wide, height), face, edge)
            _lines(ax, left + 0.14, top + 0.1, lines)
            if number < len(phases):
                _arrow(ax, left + wide / 2, top + height)
        top += height + _GAP
    return ax


def _wrapped(texts: Sequence[str]) -> list[tuple[str, str]]:
    """Return lines with their weight; continuation lines are indented."""
    lines = []
    for place, text in enumerate(texts):
        width, indent, weight = (27, "", "bold") if place == 0 else (31, "   ", "normal")
        parts = textwrap.wrap(text, width, subsequent_indent=indent, break_on_hyphens=False)
        lines += [(part, weight) for part in parts]
    return lines


def _centered(ax: Axes, place: tuple[float, float], text: str, ink: str, size: float) -> None:
    look = {"ha": "center", "va": "center", "fontweight": "bold"}
    ax.text(*place, text, color=ink, fontsize=size, **look)


def _rounded(
    ax: Axes, corner: tuple[float, float], size: tuple[float, float], face: str, edge: str
) -> None:
    shape = "round,pad=0,rounding_size=0.07"
    look = {"facecolor": face, "edgecolor": edge, "linewidth": 1.3}
    ax.add_patch(FancyBboxPatch(corner, *size, boxstyle=shape, **look))


def _lines(ax: Axes, left: float, top: float, lines: Sequence[tuple[str, str]]) -> None:
    for place, (text, weight) in enumerate(lines):
        ax.text(
            left, top + (place + 0.5) * _LINE, text, va="center", fontsize=_TEXT, fontweight=weight
        )


def _arrow(ax: Axes, x: float, start: float) -> None:
    ends = (x, start + 0.02), (x, start + _GAP - 0.02)
    look = {"arrowstyle": "-|>", "mutation_scale": 15, "shrinkA": 0, "shrinkB": 0}
    ax.add_patch(FancyArrowPatch(*ends, color=FAINT, linewidth=1.8, **look))


def database_overview(taxonomy: pd.DataFrame) -> np.ndarray:
    """Draw the numbers of classes by modality (A) and by region within each (B to D).

    Parameters
    ----------
    taxonomy
        Table of `rin.curation.taxonomy.load_taxonomy`.

    Returns
    -------
    numpy.ndarray
        Four axes from top to bottom; B to D have one scale.
    """
    counts = region_counts(taxonomy)
    members = [counts[counts["modality"] == name] for name in _ORDER]
    ratios = [1.3, *map(len, members)]
    figure, axes = plt.subplots(4, 1, figsize=(NARROW, 7.4), height_ratios=ratios)
    figure.get_layout_engine().set(hspace=0.05)
    _modality_bar(axes[0], counts)
    for ax, name, rows, letter in zip(axes[1:], _ORDER, members, "BCD", strict=True):
        shown = rows.sort_values("classes", ascending=False, kind="stable")
        ax.barh(shown["title"], shown["classes"], height=0.7, color=_SHADES[name][0])
        for place, classes in enumerate(shown["classes"]):
            ax.text(classes + 0.4, place, str(classes), va="center", fontsize=_TEXT)
        regions = counted(len(shown), "region")
        title = f"{letter}  {MODALITIES[name]}: {shown['classes'].sum()} classes in {regions}"
        ax.set_title(title, fontsize=_TEXT + 0.5)
        ax.set(xlim=(0, counts["classes"].max() * 1.1), ylim=(len(shown) - 0.5, -0.5))
        ax.tick_params(axis="y", labelsize=_TEXT, length=0)
        ax.xaxis.set_visible(False)
        ax.spines["bottom"].set_visible(False)
    return axes


def _modality_bar(ax: Axes, counts: pd.DataFrame) -> None:
    left = 0
    sums = counts.groupby("modality")["classes"].sum()
    for name in _ORDER:
        face, ink = _SHADES[name]
        ax.barh(0, sums[name], left=left, height=0.94, color=face, edgecolor="white")
        _centered(ax, (left + sums[name] / 2, 0), f"{MODALITIES[name]}\n{sums[name]}", ink, _TEXT)
        left += sums[name]
    title = f"A  {left} classes in {len(counts)} regions of {len(sums)} modalities"
    ax.set_title(title, fontsize=_TEXT + 0.5)
    ax.set(xlim=(0, left), ylim=(-0.5, 0.5))
    ax.set_axis_off()


def accuracy_dots(weights: pd.DataFrame, inits: Sequence[str]) -> np.ndarray:
    """Draw top-1 and top-5 test accuracy: stated of the released networks, measured of ours.

    Parameters
    ----------
    weights
        Table of `rin.study.pretrained`: `init`, `backbone`, `top1`, `top5` (0–1); without rows
        only the stated values are drawn.
    inits
        Sources in the order of the legend; those without rows are left out.

    Returns
    -------
    numpy.ndarray
        Two axes, top-1 and top-5, in percent.
    """
    backbones = list(BACKBONE_MARKER)
    drawn = [init for init in inits if len(weights) and init in set(weights["init"])]
    places = 0.2 * (np.arange(len(drawn) + 1) - len(drawn) / 2)
    shifts = dict(zip(["", *drawn], places, strict=True))
    figure, axes = plt.subplots(1, 2, figsize=(NARROW, 4.8), sharey=True)
    for ax, metric in zip(axes, ("top1", "top5"), strict=True):
        stated = [getattr(RELEASED_ACCURACY[name], metric) for name in backbones]
        look = {"markerfacecolor": "white", "markeredgecolor": FAINT, "markeredgewidth": 2}
        heights = np.arange(len(backbones)) + shifts[""]
        ax.plot(stated, heights, "o", markersize=9, label="RadImageNet, as published", **look)
        for init in drawn:
            rows, style = weights[weights["init"] == init], init_style(init)
            heights = rows["backbone"].map(backbones.index).to_numpy() + shifts[init]
            look = {"markersize": 8, "color": style.color, "label": style.label}
            ax.plot(100 * rows[metric], heights, "s", **look)
        ax.set_title(f"Top-{metric[-1]}", fontsize=_TEXT + 0.5)
        ax.set(xlim=(0, 103), ylim=(len(backbones) - 0.5, -0.5), xticks=range(0, 101, 50))
        ax.tick_params(labelsize=_TEXT - 0.5)
        ax.grid(axis="x")
    axes[0].set_yticks(range(len(backbones)), backbones)
    figure.supxlabel("Test accuracy, %", fontsize=_TEXT)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", fontsize=_TEXT)
    return axes


def replication_dots(points: pd.DataFrame) -> Axes:
    """Draw the differences that others found below the paper's own, a line per task.

    Parameters
    ----------
    points
        Table of `rin.report.tables_replications.replication_points`: `name`, `difference` (AUC
        points, RadImageNet − ImageNet), `own_weights`.
    """
    names = list(dict.fromkeys(points["name"]))
    published = {one.title: one for one in COMPARISONS.values()}
    _, ax = plt.subplots(figsize=(NARROW, 0.62 * len(names) + 1.7))
    for place, name in enumerate(names):
        if name in published:
            one = published[name]
            label = "the paper, with 95% CI" if place == 0 else None
            ax.hlines(place - 0.22, one.ci_low, one.ci_high, color=FAINT, linewidth=2)
            ax.plot(one.difference, place - 0.22, "o", markersize=9, markerfacecolor="white",
                    markeredgecolor=FAINT, markeredgewidth=2, label=label)  # fmt: skip
    marks = {False: ("s", INK, "others, released weights"), True: ("D", "white", "others, weights "
             "of their own")}  # fmt: skip
    for own, (marker, face, label) in marks.items():
        rows = points[points["own_weights"] == own]
        heights = rows["name"].map(names.index).to_numpy() + (0.34 if own else 0.1)
        ax.plot(rows["difference"], heights, marker, markersize=6.5, markerfacecolor=face,
                markeredgecolor=INK, linestyle="", alpha=0.85, label=label)  # fmt: skip
    ax.axvline(0, color=INK, linewidth=1)
    ax.set_yticks(range(len(names)), [textwrap.fill(name, 18) for name in names])
    ax.set(ylim=(len(names) - 0.5, -0.5), xlabel="RadImageNet − ImageNet, AUC points")
    ax.xaxis.label.set_size(_TEXT)
    ax.tick_params(labelsize=_TEXT - 0.5)
    ax.grid(axis="x")
    ax.figure.legend(*ax.get_legend_handles_labels(), loc="outside upper left", fontsize=_TEXT)
    return ax
