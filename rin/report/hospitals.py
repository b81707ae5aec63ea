"""The page on images from another hospital: its figures, tables and sentences."""

import numpy as np
import pandas as pd
import seaborn as sns
from pandas.io.formats.style import Styler

from rin.report import words_of_results as words
from rin.report import words_of_studies
from rin.report.figures import SCENARIOS, both_intervals, difference_name
from rin.report.forest import forest
from rin.report.format import (
    book_table,
    format_estimate,
    measure_table,
    without_p_of_stand_ins,
)
from rin.report.lines import calibration, legend_below, panel_titles, panels_below
from rin.report.page import Picture, picture
from rin.report.style import INK, init_style
from rin.report.widths import two_widths
from rin.stats import (
    auc_ci,
    clinical_curves,
    diverged_networks,
    external_scores,
    init_differences,
    measures_by_convergence,
    pretraining_differences,
    scenario_aucs,
)
from rin.stats.hypothesis import TTest
from rin.study.results import Results

#: Columns by which images are grouped, and their names.
SUBGROUPS = {"device": "Device", "birads": "BI-RADS", "size": "Lesion size"}
#: Smallest number of patients of each class in a subgroup.
FEWEST = 20


def task_with_external(runs: Results, task: str = "") -> str:
    """Return the task that is named, or by default the first with an external dataset."""
    return task or next(name for name in runs.tasks if runs.external(name))


def test_sets(runs: Results, task: str) -> dict[str, pd.DataFrame]:
    """Return the predictions on each test set: internal, external, and trained there (if any)."""
    place = runs.external(task)[0]
    scores = {"internal": runs.predictions(task=task)}
    scores["external"] = external_scores(runs.predictions(task=task, part=place))
    if place in runs.tasks:  # trained on the external hospital's own images
        scores["trained there"] = runs.predictions(task=place)
    return scores


def differences(runs: Results, task: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the differences on each test set (`test`): of these networks; over pretrainings."""
    key = (differences, task, runs.is_reference)
    return runs.workspace.once(key, lambda: _differences(runs, task))


def _differences(runs: Results, task: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    scores = test_sets(runs, task)
    networks = pd.concat(
        init_differences(rows, *runs.inits).assign(test=name) for name, rows in scores.items()
    )
    units = pd.concat(
        pretraining_differences(some, *runs.inits).assign(test=name, group=group)
        for name, rows in scores.items()
        for group, some in {"all": rows, **dict([*rows.groupby("unfreezing")])}.items()
    )
    return networks, units


def _site(runs: Results, task: str) -> str:
    return runs.facts(task).external[0].title.partition(",")[0]


def in_short(runs: Results, task: str) -> str:
    """Return sentences on the difference on the internal and on the external test set."""
    networks, units = differences(runs, task)
    alone, across = (rows[rows["group"] == "all"].set_index("test") for rows in (networks, units))
    return words_of_studies.on_both_test_sets(across, alone, runs.inits)


def datasets(runs: Results, task: str) -> str:
    """Return sentences on which images were scored, and how many near-duplicates they share."""
    facts = runs.facts(task)
    shared = facts.shared_pictures[runs.external(task)[0]]
    return words_of_studies.scored_elsewhere(facts, facts.external[0], shared)


def difference_forest(runs: Results, task: str) -> Picture:
    """Draw the differences on each test set, over all scenarios and by unfreezing."""
    networks, units = differences(runs, task)
    both = both_intervals(networks, units)
    both["label"] = both["group"].map(SCENARIOS)
    names = {
        "internal": "Internal test set",
        "external": f"External test set: {_site(runs, task)}",
        "trained there": "Trained and tested on the external dataset",
    }
    axes = forest(
        both.drop(columns="p_holm"),
        unit="points",
        group="test",
        names=names,
        xlabel=f"{difference_name(runs.inits)}, AUC points (95% CI)",
        ends=words.sides(runs.inits, stand_ins=runs.stand_ins(task)),
    )
    return picture(axes, "Differences on the internal and the external test set")


def network_dots(runs: Results, task: str) -> Picture:
    """Draw the AUC of every network on each test set; dashed: that of a radiologist's BI-RADS."""
    scores = test_sets(runs, task)
    aucs = pd.concat(scenario_aucs(rows).assign(test=name) for name, rows in scores.items())
    aucs["backbone"] = aucs["scenario"].str.partition("-")[0]
    cases = runs.cases(task, runs.external(task)[0])
    reader = None
    if "birads" in cases:  # a radiologist's reading of the same images
        reader = auc_ci(cases["label"], cases["birads"].astype(float)).auc
    axes = _network_dots(aucs, runs.inits, reader)
    return picture(axes, "AUC of every scenario on each test set, by backbone")


@two_widths
def _network_dots(
    aucs: pd.DataFrame, inits: tuple[str, str], reader: float | None, *, narrow: bool = False
) -> np.ndarray:
    grid = sns.catplot(
        aucs, x="auc", y="backbone", hue="init", col="test", dodge=True, s=16 if narrow else 25,
        palette={init: init_style(init).color for init in inits}, legend_out=False,
        **panels_below(narrow, height=2.8, aspect=0.95),
    )  # fmt: skip
    legend_below(grid)
    grid.set_axis_labels("AUC", "")
    if reader is not None:
        grid.axes_dict["external"].axvline(reader, color=INK, ls="--", gid="reader")
    return panel_titles(grid, narrow)


def external_cases(runs: Results, task: str) -> pd.DataFrame:
    """Return the external cases with columns to group them by, including thirds of lesion size."""
    place = runs.external(task)[0]
    cases, overlap = runs.cases(task, place).copy(), runs.overlap(task, place)
    if len(overlap):  # lesions are marked
        share = overlap.groupby("case_id")["mask_share"].first()
        rank = share.rank(method="first")  # so that equal shares can be divided
        thirds = pd.qcut(rank, 3, labels=["small", "medium", "large"])
        cases["size"] = cases["case_id"].map(thirds)
    return cases


def subgroup_differences(
    scores: pd.DataFrame, cases: pd.DataFrame, inits: tuple[str, str]
) -> pd.DataFrame:
    """Return the difference in each group of cases that has enough patients (`FEWEST`)."""
    rows = []
    for column in [name for name in SUBGROUPS if name in cases]:
        for level, members in cases.groupby(column, observed=True):
            counts = members.groupby("label")["patient_id"].nunique()
            if counts.reindex([0, 1], fill_value=0).min() < FEWEST:
                continue
            inside = scores["case_id"].isin(members["case_id"])
            row = init_differences(scores[inside], *inits).iloc[0]
            rows.append({"column": SUBGROUPS[column], "level": level, **row})
    return pd.DataFrame(rows)


def subgroup_table(runs: Results, task: str, groups: pd.DataFrame) -> Styler:
    """Return `subgroup_differences` as a table to show."""
    a, b = (init_style(init).short for init in runs.inits)
    shown = pd.DataFrame()
    if len(groups):
        shown["Group"] = groups["column"] + " " + groups["level"].astype(str)
        shown["Patients"] = groups["n_patients"].map("{:,.0f}".format)
        for name, end in ((a, "auc_a"), (b, "auc_b")):
            shown[name] = groups[end].map("{:.3f}".format)
        shown["Points (95% CI)"] = format_estimate(groups, unit="points")
    caption = f"Mean AUC in subgroups of {_site(runs, task)} (these networks)"
    rows = without_p_of_stand_ins(groups, runs.stand_ins(task))
    return book_table(shown, caption, prose=True, rows=rows)


def change(runs: Results, task: str, alone: TTest, across: pd.DataFrame) -> str:
    """Return by how much the difference changes between the two test sets.

    `alone` is the result of `rin.stats.change_between`, `across` a table of `pretraining_changes`.
    """
    unreal = runs.stand_ins(task)
    return words_of_studies.changed_by_hospital(
        alone, across.iloc[0], runs.inits, stand_ins=unreal
    )


def calibration_on_both(runs: Results, task: str) -> Picture:
    """Draw calibration on the internal and the external test set."""
    scores = test_sets(runs, task)
    curves = pd.concat(
        clinical_curves(scores[name], runs.inits).assign(test=name)
        for name in ("internal", "external")
    )
    axes = calibration(curves, runs.inits, "test")
    return picture(axes, "Calibration on the internal and the external test set")


def diverged(runs: Results, task: str) -> str:
    """Return how many networks diverged, by their scores on either test set."""
    scores = test_sets(runs, task)
    networks = {
        name: diverged_networks(scores[name], runs.inits) for name in ("internal", "external")
    }
    return "\n\n".join(
        f"By the {name} test set: {words.diverged(of_test, runs.inits)} "
        f"{words.without_diverged(of_test)}"
        for name, of_test in networks.items()
    )


def clinical_table(runs: Results, task: str) -> Styler:
    """Return a table of the first three measures beyond the AUC on both test sets."""
    scores, seed = test_sets(runs, task), runs.workspace.profile.seed
    measures, rows = [], []
    for name in ("internal", "external"):
        measured = measures_by_convergence(scores[name], runs.inits, seed=seed)
        measures.append(measure_table(measured, runs.inits).head(3).assign(Test=name))
        rows.append(measured.assign(test=name))
    table = pd.concat(measures).sort_values("Measure (0–1)", kind="stable")
    caption = "On both test sets; intervals: these networks, new patients"
    given = pd.concat(rows, ignore_index=True)
    return book_table(table.reset_index(drop=True), caption, prose=True, rows=given)
