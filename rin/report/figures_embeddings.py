"""Figures of what a network makes of its images: maps, nearest neighbours, purity.

Everything is computed before (`rin.report.embeddings`).  A class has a colour, a marker and a
number, so that many classes can be told apart and no reader depends on colour.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib.patheffects as effects
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rin.errors import InputError
from rin.report.style import INK, init_style

#: Inches; with larger text than other figures, maps stay readable on a phone.
NARROW = 6.4
_TEXT = 12
# Paul Tol's muted scheme (colour-blind safe), personal.sron.nl/~pault; three markers make 27.
_COLORS = ("#332288", "#88CCEE", "#44AA99", "#117733", "#999933", "#DDCC77", "#CC6677", "#882255",
           "#AA4499")  # fmt: skip
_MARKERS = ("o", "s", "^")
_MOST = len(_COLORS) * len(_MARKERS)
_OTHERS, _GRAY = "#CFCFCF", "#6B6B6B"
_HALO = [effects.withStroke(linewidth=3, foreground="white")]


@dataclass(frozen=True)
class FeatureMap:
    """Points of one map.

    Attributes
    ----------
    title
        Above the map.
    points
        float (n, 2).
    axes
        Names of the two axes; empty where they mean nothing.
    """

    title: str
    points: np.ndarray
    axes: tuple[str, str] = ("", "")


@dataclass(frozen=True)
class Looks:
    """How classes are drawn: number, colour and marker; the smallest of many are gray."""

    shown: Mapping[str, tuple[int, str, str]]
    others: int


def class_looks(truth: pd.Series) -> Looks:
    """Give each class a number, a colour and a marker, in the order of their names.

    Of more than 27 classes, the 27 with the most images get them; equal ones by name.
    """
    sizes = truth.value_counts().sort_index().sort_values(ascending=False, kind="stable")
    names = sorted(sizes.index[:_MOST])
    shown = {
        name: (place + 1, _COLORS[place % len(_COLORS)], _MARKERS[place // len(_COLORS)])
        for place, name in enumerate(names)
    }
    return Looks(shown, len(sizes) - len(names))


def feature_maps(maps: Sequence[FeatureMap], truth: pd.Series) -> Figure:
    """Draw maps of the same images side by side, with a legend of the classes below.

    Parameters
    ----------
    maps
        One or two.
    truth
        Class of each point.

    Returns
    -------
    matplotlib.figure.Figure
        On each map, a class's number stands above the median of its points.
    """
    looks = class_looks(truth)
    lines = -(-(len(looks.shown) + bool(looks.others)) // 2)
    figure, axes = plt.subplots(
        1, len(maps), figsize=(NARROW, 3.5 + 0.235 * lines), squeeze=False
    )  # fmt: skip
    for ax, one in zip(axes.flat, maps, strict=True):
        _map(ax, one, truth, looks, size=26)
        _numbers(ax, one.points, truth, looks)
    handles = [
        Line2D([], [], linestyle="", marker=marker, color=color, markersize=7,
               label=f"{number}  {_short(name)}")
        for name, (number, color, marker) in looks.shown.items()
    ]  # fmt: skip
    if looks.others:
        label = f"{looks.others} smaller classes"
        handles.append(Line2D([], [], linestyle="", marker="o", color=_OTHERS, label=label))
    figure.legend(handles=handles, loc="outside lower left", ncols=2, fontsize=_TEXT - 1,
                  handletextpad=0.2, labelspacing=0.25)  # fmt: skip
    return figure


def _numbers(ax: Axes, points: np.ndarray, truth: pd.Series, looks: Looks) -> None:
    """Write each class's number above the median of its points, moved where two would overlap."""
    middles = [np.median(points[(truth == name).to_numpy()], axis=0) for name in looks.shown]
    origin, span = points.min(axis=0), np.ptp(points, axis=0) + 1e-12
    above = (np.asarray(middles) - origin) / span + [0, 0.045]
    places = spread(above, gap=0.075) * span + origin
    for place, (number, _, _) in zip(places, looks.shown.values(), strict=True):
        ax.text(*place, str(number), ha="center", va="center", fontsize=_TEXT, fontweight="bold",
                path_effects=_HALO)  # fmt: skip


def spread(places: np.ndarray, gap: float) -> np.ndarray:
    """Push points apart, in pairs, until nearly all are `gap` from each other.

    Parameters
    ----------
    places
        float (n, 2), in shares of the axes.
    gap
        In the same unit.
    """
    # Equal points get a direction each, always the same.
    turn = np.arange(len(places)) * 2.4
    moved = places + 1e-3 * np.column_stack([np.cos(turn), np.sin(turn)])
    for _ in range(200):
        apart = moved[:, None] - moved[None]
        distance = np.linalg.norm(apart, axis=2)
        np.fill_diagonal(distance, np.inf)
        if distance.min(initial=np.inf) >= 0.95 * gap:
            break
        push = np.clip(gap - distance, 0, None) / 2 / distance
        moved = moved + 0.8 * (push[..., None] * apart).sum(axis=1)
    return moved


def small_maps(maps: Sequence[FeatureMap], truth: pd.Series) -> Figure:
    """Draw maps of the same images in one row, classes as in `feature_maps`, without legend."""
    if not maps:
        raise InputError("there is no map", where="maps", remedy="Give one map or more.")
    looks = class_looks(truth)
    figure, axes = plt.subplots(1, len(maps), figsize=(NARROW, 2.5), squeeze=False)
    for ax, one in zip(axes.flat, maps, strict=True):
        _map(ax, one, truth, looks, size=12)
    return figure


def _map(ax: Axes, one: FeatureMap, truth: pd.Series, looks: Looks, size: float) -> None:
    rest = ~truth.isin(list(looks.shown)).to_numpy()
    if rest.any():
        ax.scatter(*one.points[rest].T, s=size / 2, color=_OTHERS, linewidths=0)
    for name, (_, color, marker) in looks.shown.items():
        points = one.points[(truth == name).to_numpy()]
        ax.scatter(*points.T, s=size, color=color, marker=marker, linewidths=0.4,
                   edgecolors="white", alpha=0.9, label=name)  # fmt: skip
    ax.set_title(one.title, fontsize=_TEXT)
    ax.set(xticks=[], yticks=[])
    ax.set_xlabel(one.axes[0], fontsize=_TEXT - 1)
    ax.set_ylabel(one.axes[1], fontsize=_TEXT - 1)


def purity_dots(table: pd.DataFrame, inits: Sequence[str]) -> Axes:
    """Draw the purity of each network with its interval, beside chance.

    Parameters
    ----------
    table
        `init`, `name` (a backbone, or what else was compared), `share`, `low`, `high`, `chance`
        (0–1).
    inits
        Sources in the order of the legend.

    Returns
    -------
    matplotlib.axes.Axes
        In percent, a line a name; the dotted lines are chance.
    """
    names = list(dict.fromkeys(table["name"]))
    shifts = 0.22 * (np.arange(len(inits)) - (len(inits) - 1) / 2)
    _, ax = plt.subplots(figsize=(NARROW, 0.55 * len(names) + 1.6))
    for init, shift in zip(inits, shifts, strict=True):
        rows, style = table[table["init"] == init], init_style(init)
        heights = rows["name"].map(names.index).to_numpy() + shift
        ax.hlines(heights, 100 * rows["low"], 100 * rows["high"], color=style.color)
        ax.plot(100 * rows["share"], heights, "s", markersize=8, color=style.color,
                label=style.label)  # fmt: skip
        ax.axvline(100 * rows["chance"].mean(), color=style.color, linestyle=":",
                   label=f"{style.short}: chance")  # fmt: skip
    ax.set_yticks(range(len(names)), names)
    ax.set(xlim=(0, 101), ylim=(len(names) - 0.5, -0.5))
    ax.set_xlabel("Neighbours of the same class, %", fontsize=_TEXT)
    ax.tick_params(labelsize=_TEXT - 0.5)
    ax.grid(axis="x")
    ax.figure.legend(loc="outside upper left", fontsize=_TEXT - 0.5, ncols=2)
    return ax


def neighbour_sheet(images: np.ndarray, names: np.ndarray, similarity: np.ndarray) -> np.ndarray:
    """Show query images in the first column and their neighbours to the right.

    Parameters
    ----------
    images
        uint8 (queries, 1 + k, h, w) or (queries, 1 + k, h, w, 3), the query first.
    names
        Classes (queries, 1 + k).
    similarity
        Cosine similarity of each neighbour (queries, k).

    Returns
    -------
    numpy.ndarray
        Axes (queries, 1 + k).  A neighbour of the same class has a frame, one of another class
        none, and a cross in its gray title.
    """
    queries, columns = names.shape
    _, axes = plt.subplots(
        queries, columns, figsize=(NARROW, queries * (NARROW / columns + 0.55)), squeeze=False
    )
    for place, ax in np.ndenumerate(axes):
        row, column = place
        ax.imshow(images[place], cmap="gray", vmin=0, vmax=255)
        ax.set(xticks=[], yticks=[])
        hit = names[place] == names[row, 0]
        told = f"{similarity[row, column - 1]:.2f}{'' if hit else ' ✗'}" if column else "query"
        told = f"{_wrapped(names[place])}\n{told}"
        ax.set_title(told, fontsize=10.5, fontweight="bold" if not column else "normal",
                     color=INK if hit else _GRAY, loc="center")  # fmt: skip
        for spine in ax.spines.values():
            spine.set(visible=hit, linewidth=1.5 if column else 3, color=INK)
    return axes


def _short(name: str, most: int = 23) -> str:
    """Return both ends of a name that does not fit into half the width of a figure."""
    half = (most - 1) // 2
    return name if len(name) <= most else f"{name[:half]}…{name[-half:]}"


def _wrapped(name: str, width: int = 14) -> str:
    """Return a name on at most two lines that fit above a small picture."""
    lines = textwrap.wrap(name.replace("_", " ").replace("-", " "), width)
    cut = [line if len(line) <= width else f"{line[: width - 1]}…" for line in lines[:2]]
    if len(lines) > 2:
        cut[1] = f"{cut[1][: width - 1]}…"
    return "\n".join(cut)
