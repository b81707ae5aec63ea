"""Figures that set analyses of one difference side by side.

Every function takes a table of `rin.report.analyses_tables`, draws it and returns the axes.
Names stand above their lines, which leaves the width of a phone to the intervals; a conclusion is
told by its sign as well as by its colour.
"""

from __future__ import annotations

from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from rin.report.format import format_estimate, format_number
from rin.report.style import FAINT, INK, init_style

_PHONE = 5.4  # inches; on a phone a picture of this width keeps its letters readable
#: Sign of a conclusion, a key of `rin.report.analyses.CONCLUSIONS`.
SIGNS = {"a": "▲", "b": "▼", "comparable": "≈", "unclear": "○", "none": "–"}
_WAYS = {"published": (FAINT, "o", "white"), "recomputed": (FAINT, "s", FAINT)}


def analyses_forest(
    rows: pd.DataFrame,
    inits: tuple[str, str],
    *,
    margin: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the difference of one task under every analysis, a line each.

    Parameters
    ----------
    rows
        As `analysis_rows`: the published way is drawn open, the recommended one heavy; a row
        without interval says that it cannot be computed.  Intervals more than three times as wide
        as the median one leave the axes by arrows, and their numbers stand beside them.
    inits
        (a, b); colours tell which one an interval supports.
    margin
        Half-width of the band within which starts count as comparable, in AUC points.
    """
    ax = ax or plt.subplots(figsize=(_PHONE, 1.2 + 0.56 * len(rows)))[1]
    if margin is not None:
        ax.axvspan(-margin, margin, color="#EFEFEF", zorder=0)
    for place, row in enumerate(rows.itertuples()):
        _name_above(ax, place, row.name, bold=row.recommended)
        if np.isnan(row.low):
            ax.annotate(
                "cannot be computed here", (0, place + 0.2), va="center", fontsize=9.5,
                xycoords=("axes fraction", "data"), color="#5F5F5F", style="italic",
            )  # fmt: skip
            continue
        color = _ink(row.conclusion, inits)
        width = 3.2 if row.recommended else 1.6
        ax.plot([row.low, row.high], [place + 0.2] * 2, color=color, linewidth=width)
        ax.plot(
            row.estimate, place + 0.2, "D" if row.recommended else "o", color=color, zorder=3,
            markersize=9 if row.recommended else 6.5, markeredgewidth=1.6,
            markerfacecolor="white" if row.published else color,
        )  # fmt: skip
        ax.annotate(
            f"{SIGNS[row.conclusion]} {format_estimate(row.estimate, row.low, row.high, 1)}",
            (1, place - 0.2), xycoords=("axes fraction", "data"), ha="right", va="center",
            fontsize=9.5,
        )  # fmt: skip
    _finish_forest(ax, len(rows), inits)
    _cut_wide(ax, rows, inits)
    handles = _forest_key(set(rows["conclusion"]) - {"none"}, inits)
    handles += [
        Line2D([], [], color=INK, marker="o", markerfacecolor="white", label="published way"),
        Line2D([], [], color=INK, marker="D", linewidth=3.2, label="recommended"),
    ]
    if margin is not None:
        handles.append(Patch(color="#EFEFEF", label=f"within ±{margin:.3g} points"))
    ax.figure.legend(handles=handles, loc="outside upper left", ncols=2)
    return ax


def beside_forest(rows: pd.DataFrame, inits: tuple[str, str], *, ax: Axes | None = None) -> Axes:
    """Draw, per task, the published, the recomputed and the recommended interval.

    Parameters
    ----------
    rows
        As `beside_rows`.
    inits
        (a, b).
    """
    titles = list(dict.fromkeys(rows["title"]))
    ax = ax or plt.subplots(figsize=(_PHONE, 1.4 + 0.9 * len(titles)))[1]
    offsets = {"published": 0.0, "recomputed": 0.17, "recommended": 0.34}
    for place, title in enumerate(titles):
        _name_above(ax, place, title, bold=True)
    for row in rows.itertuples():
        height = titles.index(row.title) + offsets[row.source]
        color, marker, face = _WAYS.get(
            row.source, (_ink(row.conclusion, inits), "D", _ink(row.conclusion, inits))
        )
        width = 3 if row.source == "recommended" else 1.6
        ax.plot([row.low, row.high], [height] * 2, color=color, linewidth=width)
        ax.plot(
            row.estimate, height, marker, color=color, markerfacecolor=face, markersize=7,
            markeredgewidth=1.6, zorder=3,
        )  # fmt: skip
    _finish_forest(ax, len(titles), inits)
    labels = {"published": "published", "recomputed": "here, the published way"}
    handles = [
        Line2D([], [], color=_WAYS[way][0], marker=_WAYS[way][1], markerfacecolor=_WAYS[way][2],
               label=label)
        for way, label in labels.items() if way in set(rows["source"])
    ]  # fmt: skip
    drawn = set(rows.loc[rows["source"] == "recommended", "conclusion"]) - {"none"}
    handles += [
        Line2D([], [], color=_ink(key, inits), marker="D", linewidth=3,
               label=f"recommended: {_meaning(key, inits)}")
        for key in SIGNS if key in drawn
    ]  # fmt: skip
    ax.figure.legend(handles=handles, loc="outside upper left", ncols=2, fontsize=9)
    return ax


def conclusion_matrix(
    rows: pd.DataFrame, inits: tuple[str, str], *, ax: Axes | None = None
) -> Axes:
    """Draw what each analysis (column) supports on each task (row), with the difference.

    Parameters
    ----------
    rows
        As `matrix_rows`. A task without a cell for an analysis keeps it empty; cells of the
        recommended analysis are framed.
    inits
        (a, b).
    """
    titles, names = (list(dict.fromkeys(rows[column])) for column in ("title", "name"))
    if "Published" in names:  # a first task without published numbers must not move it
        names.sort(key=lambda name: name != "Published")
    ax = ax or plt.subplots(figsize=(_PHONE, 2.3 + 0.66 * len(titles)))[1]
    for row in rows.itertuples():
        across, down = names.index(row.name), titles.index(row.title)
        edge = FAINT if row.conclusion == "none" else "none"
        cell = {"facecolor": _tint(row.conclusion, inits), "edgecolor": edge, "linewidth": 0.6}
        if row.recommended:
            cell |= {"edgecolor": INK, "linewidth": 1.8}
        ax.add_patch(Rectangle((across - 0.46, down - 0.2), 0.92, 0.52, **cell))
        ax.text(across, down - 0.06, SIGNS[row.conclusion], ha="center", va="center", fontsize=9)
        ax.text(
            across, down + 0.17, format_number(row.estimate, 1, signed=True), ha="center",
            va="center", fontsize=8.5,
        )  # fmt: skip
    for place, title in enumerate(titles):
        ax.text(-0.48, place - 0.26, title, fontsize=10, fontweight="bold", va="bottom")
    ax.set(xlim=(-0.55, len(names) - 0.45), ylim=(len(titles) - 0.6, -0.62), yticks=[])
    ax.xaxis.tick_top()  # first, for labels are those of the side that shows them
    ax.set_xticks(
        range(len(names)), [fill(name, 24) for name in names], rotation=60, ha="left",
        rotation_mode="anchor", fontsize=9.5, linespacing=0.95,
    )  # fmt: skip
    recommended = set(rows.loc[rows["recommended"], "name"])
    for label, name in zip(ax.get_xticklabels(), names, strict=True):
        label.set_fontweight("bold" if name in recommended else "normal")
    ax.tick_params(length=0, pad=2)
    ax.spines[:].set_visible(False)
    shown = [key for key in SIGNS if key in set(rows["conclusion"])]
    handles = [
        Patch(facecolor=_tint(key, inits), edgecolor=FAINT, linewidth=0.6,
              label=f"{SIGNS[key]}  {_meaning(key, inits)}")
        for key in shown
    ]  # fmt: skip
    handles.append(Patch(facecolor="white", edgecolor=INK, linewidth=1.8, label="recommended"))
    ax.figure.legend(handles=handles, loc="outside lower left", ncols=2, fontsize=9.5)
    return ax


def _name_above(ax: Axes, place: int, name: str, *, bold: bool) -> None:
    ax.annotate(
        name, (0, place - 0.2), xycoords=("axes fraction", "data"), va="center", fontsize=10,
        fontweight="bold" if bold else "normal", zorder=4,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.75},
    )  # fmt: skip


def _finish_forest(ax: Axes, n: int, inits: tuple[str, str]) -> None:
    ax.axvline(0, color=INK, linewidth=1, zorder=1)
    ax.set(yticks=[], ylim=(n - 0.4, -0.6))
    ax.set_xlabel(
        "Difference, AUC points (95% CI)\n" + " − ".join(init_style(i).short for i in inits)
    )
    ax.grid(axis="x")
    ax.spines["left"].set_visible(False)


def _cut_wide(ax: Axes, rows: pd.DataFrame, inits: tuple[str, str]) -> None:
    """Let very wide intervals leave the axes, so that the others stay readable."""
    widths = rows["high"] - rows["low"]
    wide = widths > 3 * widths.median()
    if not wide.any():
        return
    kept = rows.loc[~wide & widths.notna(), ["low", "high"]].to_numpy()
    ends = np.array([min(kept.min(), 0), max(kept.max(), 0)])
    left, right = ends + 0.25 * np.ptp(ends) * np.array([-1, 1])
    ax.set_xlim(left, right)
    for place in np.flatnonzero(wide):
        row = rows.iloc[place]
        for beyond, x, mark in ((row["low"] < left, left, "<"), (row["high"] > right, right, ">")):
            if beyond:
                ax.plot(x, place + 0.2, mark, color=_ink(row["conclusion"], inits), markersize=8,
                        clip_on=False)  # fmt: skip


def _forest_key(drawn: set[str], inits: tuple[str, str]) -> list[Line2D]:
    return [
        Line2D([], [], color=_ink(key, inits), marker="o",
               label=f"{SIGNS[key]} {_meaning(key, inits)}")
        for key in SIGNS if key in drawn
    ]  # fmt: skip


def _meaning(key: str, inits: tuple[str, str]) -> str:
    a, b = (init_style(init).short for init in inits)
    return {
        "a": f"{a} ahead",
        "b": f"{b} ahead",
        "comparable": "comparable within the margin",
        "unclear": "no clear difference",
        "none": "cannot be computed",
    }[key]


def _ink(key: str, inits: tuple[str, str]) -> str:
    """Return the colour of a line: that of the init it supports, else gray."""
    sides = dict(zip("ab", inits, strict=True))
    if key in sides:
        return init_style(sides[key]).color
    return INK if key == "comparable" else "#767676"


def _tint(key: str, inits: tuple[str, str]) -> str | tuple[float, float, float]:
    """Return the colour of a cell, on all of which dark text reads."""
    if key in ("a", "b"):
        return sns.blend_palette(["white", _ink(key, inits)], as_cmap=True)(0.5)[:3]
    return {"comparable": "#C9C9C9", "unclear": "#F0F0F0", "none": "white"}[key]
