"""The figures of the pages of results, one function each, with labels, legends and texts.

The functions take the runs of a study or a table of `rin.stats`, and return what a page shows.
Marks and layouts are those of `forest`, `lines` and `heat`; every figure has a narrow version for
phones.
"""

from collections.abc import Mapping, Sequence

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
from rin.report.style import UNFREEZING_LABEL, init_style, kind_style
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
