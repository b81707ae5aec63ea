"""The figure of a reference run: differences as published, on real images, and of a study.

Takes the table of `rin.report.reference.difference_rows` and computes nothing.  Names stand above
their lines, so that a phone shows the intervals at their full width.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from rin.report.across import published_arms
from rin.report.format import format_estimate
from rin.report.style import FAINT, INK, init_style

_PHONE = 5.4  # inches; on a phone a picture of this width keeps its letters readable
_OFFSET = {"published": 0.0, "reference": 0.2, "own": 0.4}
_MARKER = {"published": "o", "reference": "D", "own": "s"}
_WORDS = {"published": "published", "reference": "reference run", "own": "this run"}


def reference_forest(rows: pd.DataFrame, inits: tuple[str, str], *, ax: Axes | None = None) -> Axes:
    """Draw, per task, the published interval, that of the reference run, and that of a study.

    Parameters
    ----------
    rows
        As `difference_rows`.  Published intervals are gray and open; a coloured one lies on one
        side of zero, in the colour of the init that is ahead; one from stand-ins is dotted.
    inits
        (a, b): differences are a − b.
    """
    titles = list(dict.fromkeys(rows["title"]))
    ax = ax or plt.subplots(figsize=(_PHONE, 1.5 + 1.15 * len(titles)))[1]
    for place, title in enumerate(titles):
        ax.annotate(
            title, (0, place - 0.2), xycoords=("axes fraction", "data"), va="center", fontsize=10,
            fontweight="bold", zorder=4,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.8},
        )  # fmt: skip
    for row in rows.itertuples():
        _interval(ax, row, titles.index(row.title) + _OFFSET[row.source], inits)
    ax.axvline(0, color=INK, linewidth=1, zorder=1)
    ax.set(yticks=[], ylim=(len(titles) - 0.4, -0.5))
    sides = " − ".join(init_style(init).short for init in inits)
    if "published" in set(rows["source"]):
        arms = published_arms(inits)
        sides += "; published: " + " − ".join(init_style(arms[init]).short for init in inits)
    ax.set_xlabel(f"Difference, AUC points (95% CI)\n{sides}")
    ax.grid(axis="x")
    ax.spines["left"].set_visible(False)
    ax.figure.legend(handles=_key(rows, inits), loc="outside upper left", ncols=2, fontsize=9)
    return ax


def forest_alt(rows: pd.DataFrame) -> str:
    """Return what the figure shows, for readers who do not see it."""
    told = "; ".join(
        f"{row.title}, {_WORDS[row.source]}: "
        + (format_estimate(row.estimate, row.low, row.high, 1) if row.low == row.low else "none")
        for row in rows.itertuples()
    )
    return f"Differences in AUC points with 95% intervals. {told}."


def _interval(ax: Axes, row: object, height: float, inits: tuple[str, str]) -> None:
    if row.low != row.low:
        ax.annotate(
            f"{_WORDS[row.source]}: cannot be computed", (0, height), fontsize=9,
            xycoords=("axes fraction", "data"), va="center", color="#5F5F5F", style="italic",
        )  # fmt: skip
        return
    color = _color(row, inits)
    line = ":" if row.stand_in else "-"
    width = 3.2 if row.source == "reference" else 1.6
    ax.plot([row.low, row.high], [height] * 2, color=color, linewidth=width, linestyle=line)
    ax.plot(
        row.estimate, height, _MARKER[row.source], color=color, markersize=7, markeredgewidth=1.6,
        markerfacecolor="white" if row.source == "published" or row.stand_in else color, zorder=3,
    )  # fmt: skip


def _color(row: object, inits: tuple[str, str]) -> str:
    if row.source == "published":
        return FAINT
    ahead = dict(zip("ab", inits, strict=True))
    return init_style(ahead[row.conclusion]).color if row.conclusion in ahead else INK


def _key(rows: pd.DataFrame, inits: tuple[str, str]) -> list[Line2D]:
    handles = []
    for source in _OFFSET:
        own = rows[rows["source"] == source]
        if own.empty:
            continue
        marked = bool(own["stand_in"].any())
        color = FAINT if source == "published" else INK
        handles.append(
            Line2D(
                [], [], color=color, marker=_MARKER[source], linestyle=":" if marked else "-",
                markerfacecolor="white" if source == "published" or marked else color,
                label=_WORDS[source] + (" (stand-ins)" if marked else ""),
            )
        )  # fmt: skip
    shown = set(rows.loc[rows["source"] != "published", "conclusion"])
    for key, init in zip("ab", inits, strict=True):
        if key in shown:
            style = init_style(init)
            handles.append(Line2D([], [], color=style.color, linewidth=3,
                                  label=f"{style.short} ahead"))  # fmt: skip
    return handles
