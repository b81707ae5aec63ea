"""Figures of the curation: what every step leaves, how good the query is, what the corpus holds.

They draw tables of `rin.report.curation_tables` and `rin.report.corpus_tables`, and pictures that
were read before; nothing is computed here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from rin.curation.taxonomy import MODALITIES
from rin.report.figures_cam import show_image
from rin.report.figures_design import NARROW
from rin.report.style import INIT_STYLE, INK

_TEXT = 12
_BLUE, _DARK = INIT_STYLE["radiologic"].color, INIT_STYLE["radimagenet"].color
_PALE = "#CFE4F3"
_MEASURES = {
    "precision": ("s", _DARK, "precision: flagged studies that are normal", "low", "high"),
    "recall": ("o", INIT_STYLE["imagenet"].color, "recall: normal studies that are flagged",
               "recall_low", "recall_high"),
}  # fmt: skip


@dataclass(frozen=True)
class Example:
    """A picture of the corpus.

    Attributes
    ----------
    picture
        uint8 (h, w).
    region
        bool (h, w), what the reader outlined; None where there is no outline.
    place, label
        Modality and anatomic region; class.
    """

    picture: np.ndarray
    region: np.ndarray | None
    place: str
    label: str


def step_bars(steps: pd.DataFrame) -> np.ndarray:
    """Draw what every step leaves, a panel a block with a scale of its own.

    Parameters
    ----------
    steps
        Table of `rin.report.curation_tables.curation_steps`.

    Returns
    -------
    numpy.ndarray
        An axes a block, from top to bottom.
    """
    blocks = list(steps.groupby("block", sort=False))
    figure, axes = plt.subplots(
        len(blocks), 1, figsize=(NARROW, 0.37 * len(steps) + 0.42 * len(blocks)),
        height_ratios=[len(rows) for _, rows in blocks], squeeze=False,
    )  # fmt: skip
    figure.get_layout_engine().set(hspace=0.04)
    for ax, (block, rows) in zip(axes[:, 0], blocks, strict=True):
        most = max(1, rows["count"].max())
        ax.barh(rows["step"], rows["count"], height=0.72, color=_BLUE)
        _count_labels(ax, rows["count"], most)
        ax.set_title(block, fontsize=_TEXT + 0.5)
        ax.set(xlim=(0, 1.2 * most), ylim=(len(rows) - 0.5, -0.5))
        _bare(ax)
    return axes[:, 0]


def _count_labels(ax: Axes, counts: pd.Series, most: int) -> None:
    for place, count in enumerate(counts):
        ax.text(count + 0.015 * most, place, f"{count:,}", va="center", fontsize=_TEXT)


def _bare(ax: Axes) -> None:
    """Leave of the axes what bars with numbers need."""
    ax.tick_params(axis="y", labelsize=_TEXT, length=0)
    ax.xaxis.set_visible(False)
    ax.spines["bottom"].set_visible(False)


def query_dots(rows: pd.DataFrame) -> Axes:
    """Draw precision and recall after every step, with 95% intervals.

    Parameters
    ----------
    rows
        Table of `rin.report.curation_tables.performance_rows`.

    Returns
    -------
    matplotlib.axes.Axes
        In percent, the first step on top.
    """
    figure, ax = plt.subplots(figsize=(NARROW, 0.62 * len(rows) + 1.5))
    heights = np.arange(len(rows))
    for shift, (measure, (marker, color, label, low, high)) in zip(
        (-0.14, 0.14), _MEASURES.items(), strict=True
    ):
        ax.hlines(heights + shift, 100 * rows[low], 100 * rows[high], color=color)
        ax.plot(100 * rows[measure], heights + shift, marker, markersize=8, color=color,
                label=label)  # fmt: skip
    ax.set_yticks(heights, rows["step"])
    ax.set(xlim=(0, 101), ylim=(len(rows) - 0.5, -0.5))
    ax.set_xlabel("%, with 95% intervals", fontsize=_TEXT)
    ax.tick_params(labelsize=_TEXT - 0.5)
    ax.grid(axis="x")
    figure.legend(loc="outside upper left", fontsize=_TEXT - 0.5)
    return ax


def corpus_overview(regions: pd.DataFrame, labels: pd.DataFrame) -> np.ndarray:
    """Draw classes (left) and images (right) of every region, the regions by modality.

    Parameters
    ----------
    regions
        Table of `rin.report.corpus_tables.region_rows`.
    labels
        Table of `rin.report.corpus_tables.label_rows`: a class is a piece of its region's bar,
        the largest first, images of normal studies pale.

    Returns
    -------
    numpy.ndarray
        Axes (modalities, 2); one scale a column.
    """
    modalities = list(dict.fromkeys(regions["modality"]))
    members = [regions[regions["modality"] == name] for name in modalities]
    figure, axes = plt.subplots(
        len(modalities), 2, figsize=(NARROW, 0.36 * len(regions) + 0.42 * len(modalities) + 0.3),
        height_ratios=[len(rows) for rows in members], squeeze=False, sharex="col",
    )  # fmt: skip
    figure.get_layout_engine().set(hspace=0.04)
    for (left, right), name, rows in zip(axes, modalities, members, strict=True):
        left.barh(rows["title"], rows["classes"], height=0.72, color=_PALE)
        left.barh(rows["title"], rows["occurring"], height=0.72, color=_DARK)
        for place, row in enumerate(rows.itertuples()):
            left.text(row.classes + 0.5, place, f"{row.occurring} of {row.classes}", va="center",
                      fontsize=_TEXT - 1)  # fmt: skip
            own = labels[(labels["region"] == row.region) & (labels["images"] > 0)]
            _pieces(right, place, own.sort_values("images", ascending=False, kind="stable"))
            right.text(row.images + 0.02 * max(1, regions["images"].max()), place,
                       f"{row.images:,}", va="center", fontsize=_TEXT - 1)  # fmt: skip
        left.set_title(MODALITIES[name], fontsize=_TEXT + 0.5)
        for ax in (left, right):
            ax.set_ylim(len(rows) - 0.5, -0.5)
            _bare(ax)
        right.yaxis.set_visible(False)
    axes[0, 0].set_xlim(0, 1.55 * regions["classes"].max())
    axes[0, 1].set_xlim(0, 1.3 * max(1, regions["images"].max()))
    axes[0, 0].set_title(f"{MODALITIES[modalities[0]]}: classes", fontsize=_TEXT + 0.5)
    axes[0, 1].set_title("images (pale: normal)", fontsize=_TEXT + 0.5)
    return axes


def _pieces(ax: Axes, place: int, own: pd.DataFrame) -> None:
    left = 0
    for row in own.itertuples():
        for images, color in ((row.images - row.normal, _BLUE), (row.normal, _PALE)):
            if images:
                ax.barh(place, images, left=left, height=0.72, color=color, edgecolor="white",
                        linewidth=0.8)  # fmt: skip
            left += images


def example_sheet(examples: Sequence[Example], *, columns: int = 3) -> np.ndarray:
    """Show pictures of the corpus with what the reader outlined.

    Returns
    -------
    numpy.ndarray
        Axes (rows, columns); empty places are hidden.
    """
    rows = -(-len(examples) // columns)
    size = (NARROW, rows * (NARROW / columns + 0.5))
    _, axes = plt.subplots(rows, columns, figsize=size, squeeze=False)
    for ax in axes.flat:
        ax.set_axis_off()
    for ax, one in zip(axes.flat, examples, strict=False):
        show_image(one.picture, ax, one.region)
        ax.set_title(f"{one.place}\n{one.label}", fontsize=_TEXT - 1, fontweight="normal",
                     color=INK)  # fmt: skip
    return axes
