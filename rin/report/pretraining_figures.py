"""Figures of the pretraining chapter: learning curves, class sizes, recall, confusions.

One colour per init, one marker per backbone; parts of the split differ by marker, so that no
reader depends on colour.  Everything is computed before (`rin.report.pretraining_scores`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from rin.report.figures_study import learning_curves
from rin.report.pretraining_scores import MOST_CLASSES, PARTS, Confusion
from rin.report.style import BACKBONE_MARKER, INK, WIDTH, init_style

if TYPE_CHECKING:
    from IPython.display import HTML

#: Narrower than other figures, with larger text: they stay readable on a phone.
NARROW = 6.4
_TEXT = 12
_MARKERS = BACKBONE_MARKER | {"VGG19": "v", "MobileNetV2": "P"}
_PART_MARKERS = {"train": ("o", True), "validation": ("D", False), "test": ("s", False)}
_PART_WORDS = {"train": "training", "validation": "validation", "test": "test"}
_ROW = 0.27  # inches a class takes
_LONGEST = 36  # characters of a class name that are shown
_ANNOTATED = 16  # cells of larger matrices would be too small for numbers


def pretraining_panels(
    history: pd.DataFrame, inits: Sequence[str], *, metric: str = "accuracy"
) -> np.ndarray | None:
    """Draw a metric over the epochs, a panel per backbone; nothing for an empty history.

    Parameters
    ----------
    history
        As for `rin.report.figures_study.learning_curves`, with a column `backbone`.
    inits
        Sources in the order of the legend; those without rows are left out.
    metric
        "accuracy" or "loss".
    """
    if history.empty:
        return None
    backbones = history["backbone"].unique()
    lines = -(-len(backbones) // 2)
    size = (WIDTH, 3.1 * lines + 0.6)
    figure, axes = plt.subplots(lines, 2, figsize=size, sharey=True, squeeze=False)
    for ax in axes.flat[len(backbones) :]:
        ax.set_axis_off()
    for ax, backbone in zip(axes.flat, backbones, strict=False):
        members = history[history["backbone"] == backbone]
        drawn = [init for init in inits if init in set(members["init"])]
        learning_curves(members, drawn, metric=metric, ax=ax).set_title(backbone)
        ax.get_legend().remove()
    handles = {line.get_label(): line for ax in axes.flat for line in ax.get_lines()}
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=2)
    return axes


def rate_panels(history: pd.DataFrame, inits: Sequence[str]) -> np.ndarray | None:
    """Draw learning rate and speed over the epochs; nothing for an empty history.

    Parameters
    ----------
    history
        `init`, `backbone`, `epoch` (from 1), `learning_rate`, `images_per_second`.
    inits
        Sources in the order of the legend; those without rows are left out.

    Returns
    -------
    numpy.ndarray or None
        Two axes: learning rate, images a second (from 0).
    """
    if history.empty:
        return None
    figure, axes = plt.subplots(1, 2, figsize=(WIDTH, 3.6))
    for init in [init for init in inits if init in set(history["init"])]:
        style = init_style(init)
        for backbone, rows in history[history["init"] == init].groupby("backbone", sort=False):
            look = {"color": style.color, "marker": _MARKERS[backbone], "markersize": 6,
                    "label": f"{style.short}, {backbone}"}  # fmt: skip
            axes[0].plot(rows["epoch"], rows["learning_rate"], **look)
            axes[1].plot(rows["epoch"], rows["images_per_second"], **look)
    axes[0].set(title="Learning rate", ylabel="Learning rate")
    axes[1].set(title="Speed of training", ylabel="Images a second")
    for ax in axes:
        ax.set(xlabel="Epoch", ylim=(0, None))
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.grid()
    axes[0].yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    handles, labels = axes[1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    return axes


def class_sizes(classes: pd.DataFrame, init: str, *, most: int = MOST_CLASSES) -> Axes:
    """Draw the images of each class and part of one corpus on a logarithmic scale.

    Parameters
    ----------
    classes
        Table of `rin.study.pretraining.pretraining_classes` of one init.
    init
        Decides the colour.
    most
        More classes than this are drawn by rank, without their names.
    """
    ordered = classes.sort_values(["train", "label"], ascending=[False, True])
    named = len(ordered) <= most
    height = 1.3 + _ROW * len(ordered) if named else 4.2
    _, ax = plt.subplots(figsize=(NARROW, height))
    places = np.arange(1, len(ordered) + 1)
    for part in PARTS:
        marker, filled = _PART_MARKERS[part]
        look = {"linestyle": "", "marker": marker, "color": init_style(init).color,
                "markersize": 7 if named else 4, "label": _PART_WORDS[part],
                "markerfacecolor": init_style(init).color if filled else "white"}  # fmt: skip
        # A part without images of a class has no place on a logarithmic scale.
        counts = ordered[part].where(ordered[part] > 0)
        ax.plot(*((counts, places) if named else (places, counts)), **look)
    axis = ax.xaxis if named else ax.yaxis
    (ax.set_xscale if named else ax.set_yscale)("log")
    _whole_numbers(axis)
    if named:
        _name_rows(ax, ordered["label"])
        ax.set_xlabel("Images (log scale)")
    else:
        ax.set(xlabel="Class, by rank", ylabel="Images (log scale)")
    ax.grid(which="both", axis="x" if named else "y")
    ax.figure.legend(*ax.get_legend_handles_labels(), loc="outside upper left", ncols=3)
    return ax


def recall_dots(scores: pd.DataFrame, init: str, *, most: int = MOST_CLASSES) -> Axes:
    """Draw the recall of each class of one corpus, a marker a backbone.

    Parameters
    ----------
    scores
        Table of `rin.report.pretraining_scores.class_scores` of one init.
    init
        Decides the colour.
    most
        More classes than this are drawn over their test images, the networks' mean, without
        names.
    """
    means = scores.groupby("label").agg(recall=("recall", "mean"), support=("support", "max"))
    ordered = means.sort_values(["recall", "support"], ascending=False, kind="stable")
    color = init_style(init).color
    if len(ordered) > most:
        _, ax = plt.subplots(figsize=(NARROW, 4.2))
        ax.plot(ordered["support"], 100 * ordered["recall"], "o", color=color, alpha=0.7)
        ax.set(xscale="log", xlabel="Test images of the class (log scale)", ylim=(-3, 103))
        _whole_numbers(ax.xaxis)
        ax.set_ylabel("Mean recall of the networks, %")
        ax.grid()
        return ax
    _, ax = plt.subplots(figsize=(NARROW, 1.4 + _ROW * len(ordered)))
    places = pd.Series(np.arange(1, len(ordered) + 1), index=ordered.index)
    for backbone, rows in scores.groupby("backbone", sort=False):
        look = {"marker": _MARKERS[backbone], "markersize": 7, "linestyle": "", "alpha": 0.75}
        heights = rows["label"].map(places)
        ax.plot(100 * rows["recall"], heights, color=color, label=backbone, **look)
    ends = places - 0.4, places + 0.4
    ax.vlines(100 * ordered["recall"], *ends, color=INK, linewidth=2, label="mean")
    _name_rows(ax, [f"{x} (n = {n})" for x, n in ordered["support"].items()])
    ax.set(xlim=(-3, 103), xlabel="Recall on the test images of the class, %")
    ax.grid(axis="x")
    ax.figure.legend(*ax.get_legend_handles_labels(), loc="outside upper left", ncols=3)
    return ax


def confusion_matrix(one: Confusion, init: str) -> Axes:
    """Draw a row-normalised confusion matrix, in percent of the images of each row.

    Parameters
    ----------
    one
        As `rin.report.pretraining_scores.confusion` returns it; rows of regions also tell the
        share that was given the right class.
    init
        Decides the colour.
    """
    rows, columns = one.shares.shape
    small = columns <= _ANNOTATED
    side, size = (NARROW, _TEXT - 2) if small else (WIDTH, 8)
    _, ax = plt.subplots(figsize=(side, side * max(rows, 5) / max(columns, 5) + 0.6))
    shades = LinearSegmentedColormap.from_list(init, ["white", init_style(init).color])
    picture = ax.imshow(100 * one.shares, cmap=shades, vmin=0, vmax=100, aspect="auto")
    if small:
        _write_percent(ax, 100 * one.shares.to_numpy(), size)
    words = list(map(_short, one.shares.index))
    if one.unit == "region":
        right = one.right[one.shares.index]
        words = [
            f"{word}\n{share:.0%} right class" for word, share in zip(words, right, strict=True)
        ]
    if columns <= MOST_CLASSES:
        ax.set_xticks(range(columns), map(_short, one.shares.columns), rotation=90, fontsize=size)
        ax.set_yticks(range(rows), words, fontsize=size)
    else:
        ax.set(xticks=[], yticks=[])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set(xlabel=f"Predicted {one.unit}", ylabel=f"True {one.unit}")
    bar = ax.figure.colorbar(picture, ax=ax, fraction=0.04, pad=0.02)
    bar.set_label(f"Images of a true {one.unit}, %")
    bar.outline.set_visible(False)
    return ax


def _write_percent(ax: Axes, values: np.ndarray, size: float) -> None:
    for row, column in zip(*np.nonzero(values >= 0.5), strict=True):
        value = values[row, column]
        ink = "white" if value > 75 else INK
        ax.text(column, row, f"{value:.0f}", ha="center", va="center", color=ink, fontsize=size)


def shown(axes: Axes | np.ndarray | None, alt: str, *, width: str = "40rem") -> HTML | None:
    """Return a figure as a picture with its alternative text; nothing for no figure."""
    from rin.report.panels import picture

    if axes is None:
        return None
    return picture(np.atleast_1d(axes).flat[0].figure, alt, width=width)


def _whole_numbers(axis: Axis) -> None:
    """Label a logarithmic axis with 1, 2, 5, 10 and so on."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axis.set_minor_formatter(NullFormatter())


def _name_rows(ax: Axes, names: Sequence[str]) -> None:
    ax.set_yticks(range(1, len(names) + 1), list(map(_short, names)))
    ax.set_ylim(len(names) + 0.6, 0.4)
    ax.tick_params(axis="y", length=0)


def _short(name: str) -> str:
    shown = name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
    return shown.replace("$", r"\$")  # names come from files, and are no formulas
