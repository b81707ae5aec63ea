"""Figures over all tasks: rows of panels (paper, Figures 3 to 5) and differences side by side.

Every task is a row of its own, whose panels are separate pictures: at the width of a phone one
picture of three panels would have letters two millimetres high.  Nothing is computed here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from string import ascii_uppercase
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from rin.report.across import ORIGINS, TaskResult
from rin.report.figures_auc import auc_swarm, mean_roc
from rin.report.figures_cam import cam_panel, dice_bars
from rin.report.format import format_mean_sd
from rin.report.panels import Panel, panel_row
from rin.report.readings_across import area_reading
from rin.report.style import BACKBONE_MARKER, FAINT, INK, init_style

if TYPE_CHECKING:
    from IPython.display import HTML

    from rin.report.localisation import Localisation

_PANEL = (3.3, 3.2)  # inches; a panel fills a phone's width at about this size
_GLYPH = {"o": "●", "s": "■", "^": "▲", "D": "◆"}
_POINTS = 100
#: Marker, filling and line of a difference, by source of the images.
_DIFFERENCE = {
    "published": ("o", "white", FAINT, "-"),
    "real": ("s", INK, INK, "-"),
    "substitute": ("D", "#9A9A9A", INK, "-"),
    "stand-in": ("s", "white", INK, (0, (2, 1.5))),
}


def area_limits(results: Sequence[TaskResult]) -> tuple[float, float]:
    """Return limits of an AUC axis that hold every scenario and error bar of the tasks.

    The lower one is a multiple of 0.1, at most 0.5, with room for half a mark.
    """
    lowest = [0.52]
    for one in results:
        bars = pd.concat([one.summary, one.published_summary])
        lowest += [one.scenarios["auc"].min(), (bars["mean"] - bars["sd"].fillna(0)).min()]
    return np.floor(10 * (min(lowest) - 0.02)) / 10, 1.03


def task_panels(result: TaskResult, limits: tuple[float, float]) -> list[Axes]:
    """Draw the three panels of a task: areas of all scenarios, and a mean ROC curve per init.

    Parameters
    ----------
    result
        The task.
    limits
        Of the AUC axis, equal for tasks that are compared, as from `area_limits`.

    Returns
    -------
    list of Axes
        Each on a figure of its own.
    """
    axes = [plt.subplots(figsize=_PANEL)[1] for _ in range(3)]
    inits, n = result.inits, result.pooled.n_scenarios
    auc_swarm(
        result.scenarios, result.summary, inits, published=result.published_summary,
        compact=True, ax=axes[0],
    )  # fmt: skip
    step = 0.1 if limits[0] > 0.25 else 0.2
    axes[0].set(ylim=limits, yticks=np.arange(1.0, limits[0] - 0.01, -step))
    axes[0].set_title(f"Areas of {n} scenarios", fontsize=11)
    for ax, init in zip(axes[1:], inits, strict=True):
        mean_roc(result.curves, result.summary, [init], ax=ax)
        mean = result.summary.set_index("init").loc[init]
        ax.get_legend().remove()
        ax.text(0.97, 0.06, f"AUC {format_mean_sd(mean['mean'], mean['sd'])}", ha="right")
        ax.set_title(f"Mean ROC, {init_style(init).short}", fontsize=11)
    return axes


def task_rows(results: Sequence[TaskResult]) -> list[HTML]:
    """Return what the marks mean and a row of panels a task, lettered as in Figures 3 and 4.

    Parameters
    ----------
    results
        Tasks of one figure, from top to bottom; without any the result is empty.
    """
    limits = area_limits(results)
    rows = [_key(results)] if results else []
    for letter, one in zip(_letters(len(results)), results, strict=True):
        axes = task_panels(one, limits)
        names = [init_style(init).short for init in one.inits]
        alts = [f"Swarm of the AUC of {one.pooled.n_scenarios} scenarios from each start"]
        alts += [f"Mean ROC curve with SD band, {name}" for name in names]
        rows.append(
            panel_row(
                [
                    Panel(ax.figure, f"{one.title}: {alt}")
                    for ax, alt in zip(axes, alts, strict=True)
                ],
                title=f"{letter}  {one.title}",
                **_provenance(one),
                reading=area_reading(one),
            )
        )
    return rows


def localisation_rows(results: Sequence[Localisation]) -> list[HTML]:
    """Return one row a task: examples with maps, and Dice scores (paper, Figure 5)."""
    rows = []
    for letter, one in zip(_letters(len(results)), results, strict=True):
        cams = cam_panel(
            one.pictures, one.outlines, one.maps, one.cases,
            positive_class=one.positive_class, threshold=one.threshold, side=1.75,
            bar="bottom",
        )  # fmt: skip
        bars = plt.subplots(figsize=(3.6, 3.4))[1]
        dice_bars(
            one.summary, one.baselines, one.inits, published=one.published_means, compact=True,
            ax=bars,
        )  # fmt: skip
        bars.tick_params(axis="x", labelsize=9)
        rows.append(
            panel_row(
                [
                    Panel(
                        cams[0, 0].figure, f"{one.title}: examples with class activation maps", 1.75
                    ),
                    Panel(bars.figure, f"{one.title}: mean Dice score of each start"),
                ],
                title=f"{letter}  {one.title}",
                **_provenance(one),
                reading=one.reading,
            )
        )
    return rows


def differences_forest(table: pd.DataFrame, *, xlabel: str) -> Axes:
    """Draw published and own differences of all tasks around a line at zero.

    Names stand above their lines instead of beside the axis, which leaves the width of a phone
    to the intervals.

    Parameters
    ----------
    table
        As `difference_rows` returns it.
    xlabel
        What the differences are, with their unit.
    """
    names = list(dict.fromkeys(table["name"]))
    ax = plt.subplots(figsize=(5.4, 1.3 + 0.66 * len(names)))[1]
    ax.axvline(0, color=INK, linewidth=1)
    for row in table.itertuples():
        marker, face, edge, dash = _DIFFERENCE[row.source]
        height = names.index(row.name) + (-0.06 if row.source == "published" else 0.2)
        ax.plot([row.low, row.high], [height] * 2, color=edge, linewidth=1.3, linestyle=dash)
        if not np.isnan(row.paired_low):
            ax.plot([row.paired_low, row.paired_high], [height] * 2, color=edge, linewidth=4,
                    solid_capstyle="butt", alpha=0.55)  # fmt: skip
        ax.plot(
            row.estimate, height, marker, markerfacecolor=face, markeredgecolor=edge,
            markersize=7, markeredgewidth=1.6, zorder=3,
        )  # fmt: skip
    for place, name in enumerate(names):
        ax.annotate(
            name, (0, place - 0.22), xycoords=("axes fraction", "data"), va="bottom",
            fontsize=10.5, fontweight="bold", bbox={"facecolor": "white", "edgecolor": "none",
            "pad": 0.6},
        )  # fmt: skip
    ax.set(yticks=[], ylim=(len(names) - 0.55, -0.75), xlabel=xlabel)
    ax.grid(axis="x")
    ax.spines["left"].set_visible(False)
    _forest_legend(ax, set(table["source"]))
    return ax


def _forest_legend(ax: Axes, drawn: set[str]) -> None:
    marks = []
    for source in (one for one in _DIFFERENCE if one in drawn):
        marker, face, edge, dash = _DIFFERENCE[source]
        label = "published" if source == "published" else f"here, {ORIGINS[source]}"
        (mark,) = ax.plot(
            [], [], color=edge, linestyle=dash, linewidth=1.3, marker=marker,
            markerfacecolor=face, markeredgecolor=edge, markeredgewidth=1.6, label=label,
        )  # fmt: skip
        marks.append(mark)
    ax.figure.legend(handles=marks, loc="outside upper left", ncols=2)


def difference_rows(published: Mapping[str, object], results: Sequence[TaskResult]) -> pd.DataFrame:
    """Return the table that `differences_forest` draws, in AUC points.

    Parameters
    ----------
    published
        `rin.paper.COMPARISONS`, or some of it.
    results
        Tasks that were run.

    Returns
    -------
    pandas.DataFrame
        `name`, `source` ("published" or a key of `ORIGINS`), `estimate`, and two intervals over
        scenarios: `low`, `high` of the unpaired t, which the published ones are, and
        `paired_low`, `paired_high` of the paired one (NaN for published rows).
    """
    nan = float("nan")
    rows = [
        (one.title, "published", one.difference, one.ci_low, one.ci_high, nan, nan)
        for one in published.values()
    ]
    for one in results:
        tests = (one.pooled.unpaired, one.pooled.paired)
        ends = [_POINTS * end for test in tests for end in (test.ci_low, test.ci_high)]
        rows.append((one.title, one.images.origin, one.pooled.gain_points, *ends))
    columns = ["name", "source", "estimate", "low", "high", "paired_low", "paired_high"]
    return pd.DataFrame(rows, columns=columns)


def _key(results: Sequence[TaskResult]) -> HTML:
    """Return what the marks of `task_panels` mean, as a line of text that can wrap."""
    from IPython.display import HTML

    drawn = {backbone for one in results for backbone in one.scenarios["backbone"]}
    marks = [f"{_GLYPH[m]}&nbsp;{escape(b)}" for b, m in BACKBONE_MARKER.items() if b in drawn]
    marks += ["full: all layers", "tinted: top 10", "open: frozen"]
    marks += ["black bar: mean ± SD", "gray bar: mean ± SD as published", "band: ± SD"]
    return HTML(
        '<p class="rin-key" style="font-size:0.88em;margin:0.5em 0">' + " · ".join(marks) + "</p>"
    )


def _letters(n: int) -> list[str]:
    """Return A, B, … Z, AA, AB, …: letters for any number of panels."""
    first = list(ascii_uppercase)
    return [*first, *(a + b for a in first for b in first)][:n]


def _provenance(one: TaskResult | Localisation) -> dict[str, str]:
    images = one.images
    detail = images.title + (f" instead of {images.replaced}" if images.replaced else "")
    return {"origin": images.origin, "word": images.text, "detail": detail}
