"""Figures of the study's design: its phases, the database, and how its networks name classes.

Figure 1, Figure 2 and Figure E1 of the paper, drawn from its numbers; what stands on the
paper's side and what on this book's is told by colour and by place.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from rin.curation.taxonomy import MODALITIES, region_counts
from rin.paper import COMPARISONS, DATABASE, RELEASED_ACCURACY, SETTINGS
from rin.report.style import BACKBONE_MARKER, FAINT, INIT_STYLE, INK, init_style
from rin.study.scenarios import scenarios_of

if TYPE_CHECKING:
    from rin.study import Profile

# Narrower than other figures and with larger text: scaled to a phone they stay readable.
NARROW = 6.4
_TEXT = 12.5
_PAPER = ("#F2F2F2", FAINT)
_HERE = ("#E4F0F8", INIT_STYLE["radiologic"].color)
_SHADES = {"CT": "#00598C", "US": "#8FC1E3", "MR": "#2E8FCC"}
_ORDER = ("CT", "US", "MR")  # the order of the panels in the paper


@dataclass(frozen=True)
class Phase:
    """One phase of the study; the first line of each side is its headline."""

    title: str
    paper: tuple[str, ...]
    here: tuple[str, ...]


def study_phases(profile: Profile) -> tuple[Phase, ...]:
    """Return the paper's four phases, each with what a profile puts in its place.

    Parameters
    ----------
    profile
        Of the study; only its settings are read, no image and no result.
    """
    database = {name: fact.value for name, fact in DATABASE.items()}
    setting = {name: fact.value for name, fact in SETTINGS.items()}
    split = "/".join(map(str, setting["pretraining_split_percent"]))
    paper = [
        (
            f"{database['radiologists']} radiologists label key images",
            f"{database['patients']:,} patients, {'–'.join(map(str, database['years']))}",
            f"{database['normal_studies']:,} normal studies ({database['normal_images']:,} images)",
        ),
        (
            f"{database['images'] / 1e6:.2f} million images",
            f"{len(database['modalities'])} modalities, {database['regions']} regions",
            f"{database['labels']} labels",
        ),
        (
            f"{len(RELEASED_ACCURACY)} networks from random weights",
            _pixels({setting["pretraining_image_size"]}),
            f"split {split} % by patient",
        ),
        (
            "RadImageNet or ImageNet weights",
            f"{len(COMPARISONS)} tasks, {setting['scenarios']} scenarios each",
            f"{_pixels({setting['image_size']})}, {setting['epochs']} epochs",
            f"{setting['folds_small_tasks']} folds for small datasets",
            "AUC; Dice of Grad-CAM",
        ),
    ]
    titles = ("Annotation", "Database", "Pretraining", "Comparison")
    here = [*_pretraining_here(profile), _comparison_here(profile)]
    return tuple(Phase(*parts) for parts in zip(titles, paper, here, strict=True))


def _pretraining_here(profile: Profile) -> list[tuple[str, ...]]:
    settings = profile.pretraining
    if settings is None:
        return [
            ("No images are labelled here",),
            ("No database is built here",),
            ("Released weights are loaded", f"{len(profile.backbones)} networks, none pretrained"),
        ]
    names = [init_style(init).short.lower() for init in settings.corpora]
    limit = f"at most {settings.cases:,} images each" if settings.cases else "as many images each"
    return [
        ("Labels come with the images", "of open corpora, or of stand-ins"),
        (
            f"{len(names)} {'corpus' if len(names) == 1 else 'corpora'}: {', '.join(names)}",
            *((limit,) if len(names) > 1 or settings.cases else ()),
        ),
        (
            f"{len(profile.backbones)} networks from random weights",
            *(("the same steps on every corpus",) if len(names) > 1 else ()),
            f"{_pixels({settings.size})}, {_counted(settings.epochs, 'epoch')}",
        ),
    ]


def _comparison_here(profile: Profile) -> tuple[str, ...]:
    tuning = [profile.tuning(task) for task in profile.tasks]
    low, high = min(one.epochs for one in tuning), max(one.epochs for one in tuning)
    epochs = _counted(low, "epoch") if low == high else f"{low} to {high} epochs"
    scenarios = len(scenarios_of(profile.backbones))
    return (
        " or ".join(init_style(init).short for init in profile.inits) + " weights",
        f"{_counted(len(profile.tasks), 'task')}, {scenarios} scenarios each",
        f"{_pixels({one.size for one in tuning})}, {epochs}",
        f"up to {profile.folds} folds" if profile.folds > 1 else "1 fold",
        "AUC; Dice of Grad-CAM",
    )


def _counted(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _pixels(sizes: set[int]) -> str:
    if len(sizes) > 1:
        return f"{min(sizes)} to {max(sizes)} px"
    (size,) = sizes
    return f"{size} × {size} px"


def study_flow(phases: Sequence[Phase]) -> Axes:
    """Draw the phases from top to bottom, the paper on the left, this book on the right.

    Parameters
    ----------
    phases
        As `study_phases` returns them.

    Returns
    -------
    matplotlib.axes.Axes
        In units of inches, from the top left; each phase is a heading over two boxes.
    """
    line, padding, gap, head = 0.235, 0.2, 0.42, 0.36
    wide = (NARROW - 0.15) / 2
    wrapped = [[_wrapped(side) for side in (phase.paper, phase.here)] for phase in phases]
    heights = [max(map(len, sides)) * line + padding for sides in wrapped]
    total = 0.45 + sum(heights) + len(phases) * head + (len(phases) - 1) * gap
    _, ax = plt.subplots(figsize=(NARROW, total))
    ax.set(xlim=(0, NARROW), ylim=(total, 0))
    ax.set_axis_off()
    columns = ((0.0, "The paper", _PAPER), (NARROW - wide, "This book", _HERE))
    for left, name, (_, edge) in columns:
        ax.text(
            left + wide / 2,
            0.18,
            name,
            ha="center",
            va="center",
            fontsize=_TEXT + 1.5,
            fontweight="bold",
            color=INK if edge == FAINT else INIT_STYLE["radimagenet"].color,
        )
    top = 0.45
    for number, (phase, sides, height) in enumerate(
        zip(phases, wrapped, heights, strict=True), start=1
    ):
        ax.text(
            0.02,
            top + head / 2,
            f"{number}  {phase.title}",
            va="center",
            fontsize=_TEXT + 0.5,
            fontweight="bold",
            color=INK,
        )
        for (left, _, colors), lines in zip(columns, sides, strict=True):
            _box(ax, (left, top + head), (wide, height), lines, colors, line)
            if number < len(phases):
                _arrow(ax, left + wide / 2, top + head + height, gap + head)
        top += head + height + gap
    return ax


def _wrapped(texts: Sequence[str], width: int = 31) -> list[tuple[str, str]]:
    """Return lines with their weight; continuation lines are indented."""
    lines = []
    for place, text in enumerate(texts):
        weight = "bold" if place == 0 else "normal"
        parts = textwrap.wrap(text, width - 4 * (place == 0), subsequent_indent="  " * (place > 0))
        lines += [(part, weight) for part in parts]
    return lines


def _box(
    ax: Axes,
    corner: tuple[float, float],
    size: tuple[float, float],
    lines: Sequence[tuple[str, str]],
    colors: tuple[str, str],
    line: float,
) -> None:
    (left, top), (face, edge) = corner, colors
    rounded = "round,pad=0,rounding_size=0.08"
    ax.add_patch(
        FancyBboxPatch(
            corner, *size, boxstyle=rounded, facecolor=face, edgecolor=edge, linewidth=1.3
        )
    )
    for place, (text, weight) in enumerate(lines):
        ax.text(
            left + 0.13,
            top + 0.1 + (place + 0.5) * line,
            text,
            va="center",
            fontsize=_TEXT,
            fontweight=weight,
        )


def _arrow(ax: Axes, x: float, bottom: float, length: float) -> None:
    ax.add_patch(
        FancyArrowPatch(
            (x, bottom + 0.03),
            (x, bottom + length - 0.03),
            arrowstyle="-|>",
            mutation_scale=16,
            color=FAINT,
            linewidth=1.8,
        )
    )


def database_overview(taxonomy: pd.DataFrame) -> np.ndarray:
    """Draw the numbers of classes by modality (A) and by region within each (B to D).

    Parameters
    ----------
    taxonomy
        Table of `rin.curation.taxonomy.load_taxonomy`.

    Returns
    -------
    numpy.ndarray
        Four axes from top to bottom; B to D share their scale.
    """
    counts = region_counts(taxonomy)
    regions = [int((counts["modality"] == name).sum()) for name in _ORDER]
    figure, axes = plt.subplots(
        4, 1, figsize=(NARROW, 7.6), height_ratios=[1.25, *(n + 0.55 for n in regions)]
    )
    figure.get_layout_engine().set(hspace=0.04)
    _modality_bar(axes[0], counts)
    for ax, name, letter in zip(axes[1:], _ORDER, "BCD", strict=True):
        members = counts[counts["modality"] == name].sort_values("classes", ascending=False)
        ax.barh(members["title"], members["classes"], height=0.68, color=_SHADES[name])
        for place, classes in enumerate(members["classes"]):
            ax.text(classes + 0.4, place, str(classes), va="center", fontsize=_TEXT)
        n_regions = _counted(len(members), "region")
        ax.set_title(
            f"{letter}  {MODALITIES[name]}: {members['classes'].sum()} classes in {n_regions}",
            fontsize=_TEXT + 0.5,
        )
        ax.set(xlim=(0, counts["classes"].max() * 1.1), ylim=(len(members) - 0.5, -0.5))
        ax.tick_params(axis="y", labelsize=_TEXT, length=0)
        ax.xaxis.set_visible(False)
        ax.spines["bottom"].set_visible(False)
    return axes


def _modality_bar(ax: Axes, counts: pd.DataFrame) -> None:
    left = 0
    sums = counts.groupby("modality")["classes"].sum()
    for name in _ORDER:
        ax.barh(0, sums[name], left=left, height=0.9, color=_SHADES[name], edgecolor="white")
        ax.text(
            left + sums[name] / 2,
            0,
            f"{MODALITIES[name]}\n{sums[name]}",
            ha="center",
            va="center",
            fontsize=_TEXT,
            color=INK if name == "US" else "white",
            fontweight="bold",
            linespacing=1.1,
        )
        left += sums[name]
    ax.set_title(
        f"A  {left} classes in {len(counts)} regions of {len(sums)} modalities",
        fontsize=_TEXT + 0.5,
    )
    ax.set(xlim=(0, left), ylim=(-0.5, 0.5))
    ax.set_axis_off()


def accuracy_dots(weights: pd.DataFrame, inits: Sequence[str]) -> np.ndarray:
    """Draw top-1 and top-5 test accuracy: stated of the released networks, measured of ours.

    Parameters
    ----------
    weights
        Table of `rin.study.pretrained`; without rows only the stated values are drawn.
    inits
        Sources in the order of the legend; those without rows are left out.

    Returns
    -------
    numpy.ndarray
        Two axes, top-1 and top-5, in percent.
    """
    backbones = list(BACKBONE_MARKER)
    drawn = [init for init in inits if len(weights) and init in set(weights["init"])]
    size = (NARROW, 4.9)
    figure, axes = plt.subplots(1, 2, figsize=size, sharey=True)
    shifts = dict(zip(["", *drawn], np.linspace(-0.22, 0.22, len(drawn) + 1), strict=True))
    for ax, metric in zip(axes, ("top1", "top5"), strict=True):
        stated = [getattr(RELEASED_ACCURACY[name], metric) for name in backbones]
        ax.plot(
            stated,
            np.arange(len(backbones)) + shifts[""],
            "o",
            markersize=9,
            markerfacecolor="white",
            markeredgecolor=FAINT,
            markeredgewidth=2,
            label="RadImageNet, as published",
        )
        for init in drawn:
            rows = weights[weights["init"] == init]
            heights = rows["backbone"].map(backbones.index).to_numpy() + shifts[init]
            ax.plot(
                100 * rows[metric],
                heights,
                "s",
                markersize=8,
                color=init_style(init).color,
                label=init_style(init).label,
            )
        ax.set_title(f"Top-{metric[-1]}", fontsize=_TEXT + 0.5)
        ax.set(xlim=(0, 102), ylim=(len(backbones) - 0.5, -0.5), xticks=range(0, 101, 25))
        ax.tick_params(labelsize=_TEXT - 0.5)
        ax.grid(axis="x")
    axes[0].set_yticks(range(len(backbones)), backbones)
    figure.supxlabel("Test accuracy, %", fontsize=_TEXT)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=1, fontsize=_TEXT)
    return axes
