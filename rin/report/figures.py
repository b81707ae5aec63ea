"""The figures of the pages of results, one function each, with labels, legends and texts.

The functions take the runs of a study or a table of `rin.stats`, and return what a page shows.
Marks and layouts are those of `forest`, `lines` and `heat`; every figure has a narrow version for
phones.
"""

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns

from rin.data.manifest import find_task
from rin.evidence import paper
from rin.evidence.audit import published_intervals
from rin.report import words_of_results as words
from rin.report.forest import forest
from rin.report.headline import differences, short_names
from rin.report.lines import clinical, legend_below, panel_titles, panels_below, slopes
from rin.report.page import Picture, picture
from rin.report.style import (
    FAINT,
    INK,
    SETTINGS,
    TASK_NAMES,
    UNFREEZING_LABEL,
    WIDTH,
    init_style,
    kind_style,
)
from rin.report.widths import NARROW, two_widths
from rin.stats import (
    by_setting,
    clinical_curves,
    init_differences,
    mean_roc,
    pretraining_differences,
    without_diverged,
)
from rin.stats.inputs import Predictions
from rin.study.profile import MAIN
from rin.study.results import Results

#: Names of groups of scenarios in figures.
SCENARIOS = {"all": "all scenarios", **UNFREEZING_LABEL}
_POINTS = ["estimate", "ci_low", "ci_high"]


def difference_name(inits: Sequence[str]) -> str:
    """Return the name of a difference in a figure: ``Radiologic − Photographic``."""
    return " − ".join(init_style(init).short for init in inits)


# ---- one task


def difference_forest(runs: Results, task: str) -> Picture:
    """Draw the differences of a task: over all scenarios, by unfreezing, and published ones."""
    axes = forest(
        task_differences(runs, task),
        xlabel="AUC points (95% CI)",
        ends=words.sides(runs.inits, stand_ins=runs.stand_ins(task)),
        limits=(-20, 20),
    )
    return picture(axes, "Differences over all scenarios, and by unfreezing, below the paper's")


def task_differences(runs: Results, task: str) -> pd.DataFrame:
    """Return the rows of `difference_forest`, in AUC points.

    Rows without an interval are left out, unless no row has one.  A line has the interval over
    patients (`networks`) and the interval over pretrainings; the latter is left out where a single
    pair of networks has none.
    """
    paired = runs.paired_scores(task)
    networks = init_differences(paired, *runs.inits)
    units = [
        pretraining_differences(scores, *runs.inits).assign(group=group)
        for group, scores in {"all": paired, **by_setting(paired, "unfreezing")}.items()
    ]
    bands = both_intervals(networks, pd.concat(units))
    bands["label"] = bands["group"].map(SCENARIOS)
    bands[_POINTS] *= 100
    if bands["ci_low"].notna().any():
        bands = bands.dropna(subset="ci_low")
    last = kind_style(bands["kind"].iat[-1]).label
    bands["group"] = f"Here (numbers: {last})"
    stated = paper.comparison_of(find_task(task)[1].paper_task)  # may be None
    if stated:
        published = published_intervals(stated)
        published["label"] = ["as printed", "from its SDs"]
        published["group"] = "The paper: RadImageNet − ImageNet"
        bands = pd.concat([published, bands])
    columns = ["group", "label", "kind", *_POINTS]
    return bands[columns].reset_index(drop=True)


def both_intervals(networks: pd.DataFrame, units: pd.DataFrame) -> pd.DataFrame:
    """Return both kinds of differences in one table, by group: intervals over patients first."""
    rows = pd.concat([networks.assign(kind="networks"), units.assign(kind="pretrainings")])
    order = [*SCENARIOS].index
    return rows.sort_values("group", key=lambda groups: groups.map(order), kind="stable")


def paired_slopes(runs: Results, aucs: pd.DataFrame, panel: str) -> Picture:
    """Draw the AUC of every scenario from each init; one panel per `backbone` or `task`.

    `aucs` is a table of `rin.stats.scenario_aucs`; runs of a scenario are averaged.
    """
    aucs = with_settings(runs, aucs)
    scenario = ["task", "scenario", "backbone", "unfreezing", "init"]
    aucs = aucs.groupby(scenario, observed=True)["auc"].mean().reset_index()
    names = short_names(runs) if panel == "task" else {}
    aucs = in_order(aucs, panel, list(names) or sorted(aucs[panel].unique()))
    wrap, lowest = 3, None
    if panel == "backbone":
        wrap, lowest = 2, min(0.3, aucs["auc"].min() - 0.02)
    axes = slopes(aucs.replace({panel: names}), runs.inits, panel, wrap=wrap, lowest=lowest)
    alt = f"AUC of every scenario from either initialisation, by {panel}"
    return picture(axes, alt, width=f"{18 * min(axes.size, wrap)}rem")


def with_settings(runs: Results, aucs: pd.DataFrame, study: str = MAIN) -> pd.DataFrame:
    """Return AUCs of a study with the backbone, unfreezing and learning rate of each scenario."""
    settings = ["task", "scenario", "backbone", "unfreezing", "learning_rate"]
    tasks = aucs["task"].unique()
    known = pd.concat(runs.records(task, study)[settings] for task in tasks).drop_duplicates()
    return aucs.merge(known)


def calibration_and_benefit(runs: Results, scores: pd.DataFrame) -> Picture:
    """Draw calibration and net benefit of the two inits, also for converged networks alone."""
    axes = clinical(curves_of_networks(runs, scores), runs.inits)
    a, b = (init_style(init).short for init in runs.inits)
    alt = f"Calibration and net benefit of {a} (blue) and {b} (orange)"
    return picture(axes, alt, width="40rem")


def curves_of_networks(runs: Results, scores: pd.DataFrame) -> pd.DataFrame:
    """Return the clinical curves of all networks and, if some diverged, of converged networks."""
    groups = {"All networks": scores}
    converged = without_diverged(scores, runs.inits)
    if 0 < len(converged) < len(scores):
        groups["Converged networks"] = converged
    bins = bins_of(scores)
    return pd.concat(
        clinical_curves(rows, runs.inits, bins=bins).assign(networks=name)
        for name, rows in groups.items()
    )


def bins_of(scores: pd.DataFrame) -> int:
    """Return the number of bins of a calibration curve, so that each has at least ten images."""
    return int(np.clip(scores["case_id"].nunique() // 10, 2, 10))


# ---- all tasks


def differences_on_tasks(runs: Results) -> Picture:
    """Draw the difference on every task with both intervals."""
    units, networks = differences(runs)
    rows = both_intervals(networks.assign(group="all"), units.assign(group="all"))
    rows = in_order(rows, "task", runs.tasks).drop(columns="group")
    return picture(
        forest(rows, names=runs.titles, **_look(runs)), "Difference on every task, two intervals"
    )


def differences_by_unfreezing(runs: Results, rows: pd.DataFrame) -> Picture:
    """Draw the differences of each task by the layers that were trained.

    `rows` are a table of `pretraining_differences` with the unfreezing in `group`.
    """
    rows = in_order(in_order(rows, "group", [*SCENARIOS]), "task", runs.tasks)
    rows = rows.assign(kind="pretrainings")
    axes = forest(rows, label="group", group="task", names=runs.titles | SCENARIOS, **_look(runs))
    return picture(axes, "Difference of the initialisations by unfreezing and task")


def _look(runs: Results) -> dict:
    unreal = runs.stand_ins()
    return {
        "unit": "points",
        "xlabel": f"{difference_name(runs.inits)}, AUC points (95% CI)",
        "ends": words.sides(runs.inits, stand_ins=unreal),
        "tested": not unreal,
    }


def in_order(rows: pd.DataFrame, column: str, values: Sequence[str]) -> pd.DataFrame:
    """Return rows sorted by a column in the order of `values`; equal rows keep their order."""
    place = list(values).index
    return rows.sort_values(column, key=lambda names: names.map(place), kind="stable")


def pair_dots(runs: Results, pairs: pd.DataFrame) -> Picture:
    """Draw the difference of each pair of networks (`pair_differences`); one panel per task."""
    axes = _pair_dots(pairs, short_names(runs))
    return picture(axes, "Difference of each pair of networks, by task and backbone")


@two_widths
def _pair_dots(
    pairs: pd.DataFrame, names: Mapping[str, str], *, narrow: bool = False
) -> np.ndarray:
    tasks = [task for task in names if task in {*pairs["task"]}]
    shown = pairs.assign(points=100 * pairs["estimate"], title=pairs["task"].map(names))
    grid = sns.catplot(
        shown, x="points", y="backbone", col="title", col_order=[names[task] for task in tasks],
        hue="pretraining", palette=sns.dark_palette("#B79BD6", pairs["pretraining"].nunique()),
        s=30 if narrow else 60, jitter=False, legend_out=False,
        **panels_below(narrow, height=2.2, aspect=1.4, wrap=3, low=1.5),
    )  # fmt: skip
    for ax in grid.axes.flat:  # `refline` would lay out all panels again
        ax.axvline(0, color="0.5", linestyle="--")
    legend_below(grid, ncols=4, title="Pretraining")
    grid.set_axis_labels("AUC points", "")
    return panel_titles(grid, narrow)


def mean_roc_curves(runs: Results, scores: Predictions) -> Picture:
    """Draw the mean ROC curve of each init; one panel per task."""
    axes = _mean_roc_curves(mean_roc(scores), runs.inits, short_names(runs))
    return picture(axes, "Mean ROC curve of either initialisation, by task")


@two_widths
def _mean_roc_curves(
    curves: pd.DataFrame, inits: Sequence[str], names: Mapping[str, str], *, narrow: bool = False
) -> np.ndarray:
    tasks = [task for task in names if task in {*curves["task"]}]
    size = {"height": 2.6, "col_wrap": 3}
    if narrow:
        size = {"height": NARROW / 2, "col_wrap": 2}
    grid = sns.relplot(
        curves.assign(title=curves["task"].map(names)), kind="line", x="fpr", y="tpr",
        col="title", col_order=[names[task] for task in tasks], hue="init", estimator=None,
        palette={init: init_style(init).color for init in inits},
        facet_kws={"legend_out": False}, **size,
    )  # fmt: skip
    legend_below(grid)
    grid.set_axis_labels("1 − specificity", "Sensitivity")
    return panel_titles(grid, narrow)


# ---- the paper's figures, from any run


def task_names(titles: Mapping[str, str]) -> dict[str, str]:
    """Return the short name of every task of the paper and of some titles, in this order."""
    known = {task: row.title for task, row in paper.COMPARISONS.items()} | dict(titles)
    return {task: TASK_NAMES.get(task, title.partition(",")[0]) for task, title in known.items()}


def _panels(n: int, height: float, *, wrap: int = 3) -> tuple[mpl.figure.Figure, np.ndarray]:
    """Return a figure with `n` panels that share their axes, and all its axes."""
    rows, size = -(-n // wrap), {"sharex": True, "sharey": True, "squeeze": False}
    figure, axes = plt.subplots(rows, wrap, figsize=(WIDTH, 0.6 + height * rows), **size)
    for ax in axes.flat[n:]:
        ax.set_visible(False)
    return figure, axes


def _legend(figure: mpl.figure.Figure, inits: Sequence[str], **others: dict) -> None:
    """Draw a legend of initialisations, and of other marks, above the panels."""
    marks = {init_style(init).short: {"color": init_style(init).color} for init in inits} | others
    lines = [mpl.lines.Line2D([], [], label=name, **mark) for name, mark in marks.items()]
    figure.legend(handles=lines, loc="outside upper left", ncols=3)


@mpl.rc_context(SETTINGS)
def auc_dots(aucs: pd.DataFrame, inits: tuple[str, str], names: Mapping[str, str]) -> np.ndarray:
    """Draw the AUC of every scenario with mean ± SD, and the paper's mean ± SD: its Figure 3.

    `aucs` is a table of `rin.stats.scenario_aucs`, of which the networks of a scenario are
    averaged; a panel for each of the tasks in `names`, in their order, also where the paper alone
    has numbers (grey squares: RadImageNet and ImageNet).
    """
    scenarios = aucs.groupby(["task", "init", "scenario"], observed=True)["auc"].mean()
    figure, axes = _panels(len(names), 1.4)
    jitter = np.random.default_rng(0)
    for ax, (task, title) in zip(axes.flat, names.items(), strict=False):
        published = paper.COMPARISONS.get(task)
        stated = {}
        if published:
            stated[0] = published.auc_radimagenet, published.sd_radimagenet
            stated[1] = published.auc_imagenet, published.sd_imagenet
        for place, init in enumerate(inits):
            color = init_style(init).color
            if (task, init) in scenarios.index.droplevel("scenario"):
                aucs_here = scenarios[task, init]
                spread = place - 0.12 + jitter.uniform(-0.12, 0.12, len(aucs_here))
                ax.scatter(spread, aucs_here, s=5, color=color, alpha=0.55, linewidth=0)
                ax.errorbar(place + 0.12, aucs_here.mean(), aucs_here.std(), fmt="o", color=color)
            if place in stated:
                ax.errorbar(place + 0.28, *stated[place], fmt="s", color=FAINT)
        ax.axhline(0.5, color=FAINT, linestyle=":", linewidth=1)
        ax.set_title(title)
        ax.set(xlim=(-0.5, 1.5), xticks=[])
    marks = {"color": FAINT, "marker": "s"}
    _legend(figure, inits, **{"The paper: RadImageNet, ImageNet": marks})
    figure.supylabel("AUC (dotted: chance)")
    return axes


@mpl.rc_context(SETTINGS)
def roc_bands(curves: pd.DataFrame, names: Mapping[str, str]) -> np.ndarray:
    """Draw the mean ROC curve of each init ± SD over scenarios, a panel per task: Figure 4.

    `curves` is a table of `rin.stats.mean_roc`.
    """
    names = {task: title for task, title in names.items() if task in {*curves["task"]}}
    figure, axes = _panels(len(names), 1.5)
    for ax, (task, title) in zip(axes.flat, names.items(), strict=False):
        for init, curve in curves[curves["task"] == task].groupby("init", observed=True):
            look = {"color": init_style(init).color}
            ax.plot(curve["fpr"], curve["tpr"], **look)
            low, high = (curve["tpr"] + sign * curve["tpr_sd"] for sign in (-1, 1))
            band = low.clip(0, 1), high.clip(0, 1)
            ax.fill_between(curve["fpr"], *band, **look, alpha=0.18, linewidth=0)
        ax.axline((0, 0), slope=1, color=FAINT, linestyle=":", linewidth=1)
        ax.set_title(title)
    _legend(figure, [*curves["init"].unique()])
    figure.supxlabel("1 − specificity")
    figure.supylabel("Sensitivity")
    return axes


@mpl.rc_context(SETTINGS)
def dice_bars(dice: pd.DataFrame, names: Mapping[str, str]) -> np.ndarray:
    """Draw mean Dice scores of maps and lesions as bars, a panel per task: Figure 5.

    `dice` has task, source (such as the paper, and here), init, mean and sd: the height of a bar
    and its error bar (NaN: none).  Inits keep their colours, also those of the paper.
    """
    tasks = [task for task in names if task in {*dice["task"]}]
    figure, axes = plt.subplots(1, len(tasks), figsize=(WIDTH, 2.6), sharey=True, squeeze=False)
    for ax, task in zip(axes.flat, tasks, strict=True):
        rows = dice[dice["task"] == task].reset_index(drop=True)
        places = rows.index + 0.6 * rows.groupby("source", sort=False).ngroup()
        colors = [init_style(init).color for init in rows["init"]]
        ax.bar(places, rows["mean"], yerr=rows["sd"], color=colors, ecolor=INK)
        ax.set_xticks(places, [f"{mean:.2f}" for mean in rows["mean"]])
        for source, middle in places.groupby(rows["source"], sort=False).mean().items():
            below = {"xycoords": ax.get_xaxis_transform(), "textcoords": "offset points"}
            ax.annotate(source, (middle, 0), (0, -26), ha="center", **below)
        ax.set_title(names[task])
    axes.flat[0].set_ylabel("Dice score")
    _legend(figure, [*dice["init"].unique()])
    return axes


@mpl.rc_context(SETTINGS)
def pretraining_curves(histories: pd.DataFrame, measure: str = "val_accuracy") -> np.ndarray:
    """Draw a measure of pretraining by epoch, a line per network, a panel per backbone: Figure E1.

    `histories` is a table of `Results.pretraining_histories`, of one or several inits.
    """
    backbones = [*dict.fromkeys(histories["backbone"])]
    figure, axes = _panels(len(backbones), 1.3)
    for ax, backbone in zip(axes.flat, backbones, strict=False):
        networks = histories[histories["backbone"] == backbone]
        for (init, _), network in networks.groupby(["init", "pretraining"], observed=True):
            look = {"color": init_style(init).color, "linewidth": 1, "alpha": 0.8}
            ax.plot(network["epoch"], network[measure], **look)
        ax.set_title(backbone)
    _legend(figure, [*histories["init"].unique()])
    figure.supxlabel("Epoch")
    figure.supylabel({"val_accuracy": "Accuracy on validation images"}.get(measure, measure))
    return axes
