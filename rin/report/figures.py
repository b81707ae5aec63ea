"""The paper's figures from any run: AUCs of scenarios, ROC curves, Dice scores.

The functions take tables of `rin.stats` or of a run and return axes; they compute nothing.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import zip_longest

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns

from rin.evidence import paper
from rin.report.style import FAINT, INK, SETTINGS, TASK_NAMES, WIDTH, init_style


def task_names(titles: Mapping[str, str]) -> dict[str, str]:
    """Return the short name of every task of the paper and of some titles, in this order.

    Tasks whose names would be alike have their titles.
    """
    known = {task: row.title for task, row in paper.COMPARISONS.items()} | dict(titles)
    short = [TASK_NAMES.get(task, title.partition(",")[0]) for task, title in known.items()]
    return {
        task: name if short.count(name) == 1 else known[task]
        for task, name in zip(known, short, strict=True)
    }


def panels(
    titles: Collection[str], height: float, *, wrap: int = 3
) -> tuple[mpl.figure.Figure, np.ndarray]:
    """Return a figure with a titled panel for each title, all on the same axes, and its axes."""
    rows = -(-len(titles) // wrap)
    figure, axes = plt.subplots(
        rows,
        wrap,
        figsize=(WIDTH, 0.6 + height * rows),
        sharex=True,
        sharey=True,
        squeeze=False,
    )
    for ax, title in zip_longest(axes.flat, titles, fillvalue=""):
        ax.set_title(title)
        ax.set_visible(bool(title))
    return figure, axes


def legend(
    figure: mpl.figure.Figure, marks: Mapping[str, Mapping[str, str]], ncols: int = 3
) -> None:
    """Draw a legend above the panels: the look of a line or mark by its name."""
    figure.legend(
        handles=[mpl.lines.Line2D([], [], label=name, **mark) for name, mark in marks.items()],
        loc="outside upper left",
        ncols=ncols,
    )


def label_panels(grid: sns.FacetGrid, x: str, y: str) -> None:
    """Name the panels of a grid of seaborn and their axes, and put its legend, if any, above."""
    grid.set_titles("{col_name}").set_axis_labels(x, y)
    if grid.legend and grid.legend.get_texts():
        sns.move_legend(grid, "lower center", bbox_to_anchor=(0.5, 1), ncols=2, title="")


def _marks(inits: Iterable[str]) -> dict[str, dict[str, str]]:
    return {init_style(init).label: {"color": init_style(init).color} for init in inits}


@mpl.rc_context(SETTINGS)
def auc_dots(aucs: pd.DataFrame, inits: Sequence[str], names: Mapping[str, str]) -> np.ndarray:
    """Draw the AUC of every scenario with mean ± SD, and the paper's mean ± SD: its Figure 3.

    `aucs` is a table of `rin.stats.scenario_aucs`, of which the networks of a scenario are
    averaged; a panel for each of the tasks in `names`, in their order, also where the paper alone
    has numbers (grey squares: RadImageNet and ImageNet, beside two inits or behind more).
    """
    scenarios = aucs.groupby(["task", "init", "scenario"], observed=True)["auc"].mean()
    figure, axes = panels(names.values(), 1.4)
    jitter = np.random.default_rng(0)
    beside = (0.28, 1.28) if len(inits) == 2 else (len(inits), len(inits) + 0.4)
    for ax, task in zip(axes.flat, names, strict=False):
        published = paper.COMPARISONS.get(task)
        for place, init in enumerate(inits):
            color = init_style(init).color
            if (task, init) in scenarios.index.droplevel("scenario"):
                aucs_here = scenarios[task, init]
                ax.scatter(
                    place - 0.12 + jitter.uniform(-0.12, 0.12, len(aucs_here)),
                    aucs_here,
                    s=5,
                    color=color,
                    alpha=0.55,
                    linewidth=0,
                )
                ax.errorbar(place + 0.12, aucs_here.mean(), aucs_here.std(), fmt="o", color=color)
        for place, source in zip(beside, paper.SOURCES, strict=True):
            if published:
                stated = (getattr(published, f"{number}_{source}") for number in ("auc", "sd"))
                ax.errorbar(place, *stated, fmt="s", color=FAINT)
        ax.axhline(0.5, color=FAINT, linestyle=":", linewidth=1)
        ax.set(xlim=(-0.5, math.ceil(beside[1]) - 0.5), xticks=[])
    of_paper = {"The paper: RadImageNet, ImageNet": {"color": FAINT, "marker": "s"}}
    legend(figure, _marks(inits) | of_paper)
    figure.supylabel("AUC (dotted: chance)")
    return axes


@mpl.rc_context(SETTINGS)
def roc_bands(curves: pd.DataFrame, inits: Sequence[str], names: Mapping[str, str]) -> np.ndarray:
    """Draw the mean ROC curve of each init ± SD over scenarios, a panel per task: Figure 4.

    `curves` is a table of `rin.stats.mean_roc`.
    """
    names = {task: title for task, title in names.items() if task in {*curves["task"]}}
    figure, axes = panels(names.values(), 1.5)
    for ax, task in zip(axes.flat, names, strict=False):
        for init, curve in curves[curves["task"] == task].groupby("init", observed=True):
            color = init_style(init).color
            ax.plot(curve["fpr"], curve["tpr"], color=color)
            band = ((curve["tpr"] + sign * curve["tpr_sd"]).clip(0, 1) for sign in (-1, 1))
            ax.fill_between(curve["fpr"], *band, color=color, alpha=0.18, linewidth=0)
        ax.axline((0, 0), slope=1, color=FAINT, linestyle=":", linewidth=1)
    legend(figure, _marks(inits))
    figure.supxlabel("1 − specificity")
    figure.supylabel("Sensitivity")
    return axes


@mpl.rc_context(SETTINGS)
def dice_bars(
    maps: Mapping[str, pd.DataFrame], inits: Sequence[str], names: Mapping[str, str]
) -> np.ndarray:
    """Draw mean Dice scores of maps and lesions as bars, a panel per task: Figure 5.

    `maps` has the overlap of each task.  Bars here have their SD over scenarios; the paper prints
    none.  Inits keep their colours, also those of the paper.
    """
    shown: dict[str, None] = {}
    figure, axes = plt.subplots(1, len(maps), figsize=(WIDTH, 2.6), sharey=True, squeeze=False)
    for ax, (task, overlap) in zip(axes.flat, maps.items(), strict=True):
        scores = overlap.groupby(["init", "scenario"], observed=True)["dice"].mean()
        here = [("here", init, scores[init].mean(), scores[init].std()) for init in inits]
        stated = paper.DICE.get(task)
        of_paper = [
            ("paper", source, getattr(stated, f"caption_{source}"), np.nan)
            for source in (paper.SOURCES if stated else ())
        ]
        rows = pd.DataFrame([*of_paper, *here], columns=["source", "init", "mean", "sd"])
        shown |= dict.fromkeys(rows["init"])
        places = rows.index + 0.6 * rows.groupby("source", sort=False).ngroup()
        ax.bar(
            places,
            rows["mean"],
            yerr=rows["sd"],
            color=[init_style(init).color for init in rows["init"]],
            ecolor=INK,
        )
        ax.set_xticks(places, [f"{mean:.3f}" for mean in rows["mean"]], rotation=90)
        for source, middle in places.groupby(rows["source"], sort=False).mean().items():
            ax.annotate(
                source,
                (middle, 0),
                (0, -46),
                xycoords=ax.get_xaxis_transform(),
                textcoords="offset points",
                ha="center",
            )
        ax.set_title(names[task])
    axes.flat[0].set_ylabel("Dice score")
    legend(figure, _marks(shown), ncols=2)
    return axes
