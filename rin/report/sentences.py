"""Sentences of the pages of results: numbers are computed here and worded in `words_of_results`.

Each function takes the runs of a study, and tables of `rin.stats` if the page shows them, too.
"""

import pandas as pd

from rin.data.manifest import load_manifest
from rin.errors import counted
from rin.report import headline
from rin.report import words_of_results as words
from rin.report.figures import SCENARIOS
from rin.report.style import init_style
from rin.report.tables import clinical_of, models_of
from rin.report.words import deciding, doubts, few_patients, finding, images_tested, is_clear
from rin.stats import (
    diverged_networks,
    equivalence_tests,
    init_differences,
    pretraining_differences,
    unfreezing_interaction,
)
from rin.stats.planning import binormal_sensitivity
from rin.study.results import Results

#: Kinds of findings on files that a task's page repeats.
_WEIGHTY = {"no patient identifiers", "repeated lesions", "repeated heads", "labels", "crops"}


# ---- one task


def task_in_short(runs: Results, task: str) -> str:
    """Return the answer on a task: across pretrainings, and for these networks."""
    units, networks = (rows.set_index("task") for rows in headline.differences(runs))
    across, alone = units.loc[task], networks.loc[task]
    answer = words.answer_on_task(across, alone, runs.inits, stand_ins=runs.stand_ins(task))
    parts = [answer, words.no_interval(alone)]
    if is_clear(across) and not runs.stand_ins(task):
        parts[1:1] = doubts([task], headline.names_of(runs), headline.reservations(runs))
    return " ".join(filter(None, parts))


def networks_of_task(runs: Results, task: str, aucs: pd.DataFrame) -> str:
    """Return sentences on a task's mean AUCs, the images behind them, and AUCs at chance.

    `aucs` is a table of `rin.stats.scenario_aucs`.
    """
    _, networks = headline.differences(runs)
    scores = runs.predictions(task=task)
    here = networks.set_index("task").loc[task]
    unit = runs.facts(task).dataset.independence
    fewest = int(scores.groupby("label")["patient_id"].nunique().min())
    mean = words.mean_aucs_of_task(here, runs.inits, unit, len(aucs))
    chance = words.near_chance(int((aucs["auc"] <= 0.5).sum()), len(aucs))
    return " ".join(filter(None, [mean, words.few_of_a_class(fewest), chance]))


def own_task_in_short(runs: Results, task: str) -> str:
    """Return the finding on one's own task, the mean AUCs, and a warning if patients are few."""
    scores, inits = runs.predictions(task=task), runs.inits
    networks = init_differences(scores, *inits)
    row = networks.set_index("group").loc["all"]
    answer = finding(
        deciding(pretraining_differences(scores, *inits), networks),
        {task: headline.names_of(runs)[task]},
        inits,
        stand_ins=runs.stand_ins(task),
    )
    a, b = (init_style(init).word for init in inits)
    images = images_tested(row, runs.facts(task).dataset.independence)
    fewest = int(scores.groupby("label")["patient_id"].nunique().min())
    return (
        f"**{runs.titles[task]}.** {answer} On {images}, the mean AUC over "
        f"{counted(int(row['n_scenarios']), 'scenarios')} is {row['auc_a']:.2f} with {a} and "
        f"{row['auc_b']:.2f} with {b} weights. {few_patients(fewest)}"
    ).strip()


def most_influential(runs: Results, task: str, without: pd.DataFrame) -> str:
    """Return how much one pair of networks matters (`rin.stats.leave_one_pair_out`)."""
    units, _ = headline.differences(runs)
    return words.most_influential(units.set_index("task").loc[task], without) or words.FEW_PAIRS


def images_of_task(runs: Results, task: str) -> str:
    """Return known facts about a task's files that affect its results."""
    data = runs.facts(task).dataset
    known = [f.text for f in load_manifest(data.name).findings if f.kind in _WEIGHTY]
    more = "More on the files: [Run it: images, GPU, cluster](../use/run_it)."
    return " ".join(filter(None, [words.nameless(data.independence), *known, more]))


def two_more_points(runs: Results, task: str) -> str:
    """Return what two more points of AUC are worth, and what these networks detect."""
    _, networks = headline.differences(runs)
    here = networks.set_index("task").loc[task]
    auc = min(here[["auc_a", "auc_b"]].mean(), 0.97)
    # Positive cases above a threshold that one negative case in ten exceeds.
    detected = [100 * binormal_sensitivity(of, 0.9) for of in (auc, auc + 0.02)]
    text = words.two_points_mean(auc, *detected)
    measures = clinical_of(runs, task)
    if measures.empty:
        return text
    of_all = measures.query("measure == 'sensitivity_at_90' and networks == 'all'")
    reached = of_all.set_index("init")["estimate"]
    return f"{text} {words.detected_by(reached, runs.inits)}"


def diverged(runs: Results, scores: pd.DataFrame) -> str:
    """Return a sentence on how many networks of a task diverged in training."""
    networks = diverged_networks(scores, runs.inits)
    return f"{words.diverged(networks, runs.inits)} {words.without_diverged(networks)}"


# ---- all tasks


def all_tasks_in_short(runs: Results) -> str:
    """Return sentences on the tasks on which one side is ahead."""
    units, networks = headline.differences(runs)
    return words.differences_by_task(
        units, networks, runs.inits, headline.names_of(runs), stand_ins=runs.stand_ins()
    )


def nameless_files(runs: Results) -> str:
    """Return sentences on the tasks whose files name no patients, and what that means."""
    inside = headline.names_of(runs)
    tasks = [t for t in runs.tasks if runs.facts(t).dataset.independence == "image"]
    return words.files_without_patients([inside[task] for task in tasks]) or words.PATIENTS_NAMED


def margins_excluded(runs: Results, across: pd.DataFrame) -> str:
    """Return a sentence on the tasks on which two points, and five points, are excluded."""
    tests = equivalence_tests(across)
    return words.margins_excluded(tests, headline.names_of(runs), stand_ins=runs.stand_ins())


def likeness_of_pairs(runs: Results, across: pd.DataFrame, pairs: pd.DataFrame) -> str:
    """Return whether pairs and backbones differ, and how far one pretraining moves a result.

    `across` is a table of `pretraining_differences`, `pairs` of `pair_differences`.
    """
    inside, unreal = headline.names_of(runs), runs.stand_ins()
    parts = [] if unreal else [
        words.pairs_tested(across, inside),
        words.backbones_tested(headline.of_backbones(runs), inside),
    ]  # fmt: skip
    moved = words.moved_by_pretraining(pairs, inside) or words.ONE_PRETRAINING
    return " ".join(filter(None, [*parts, moved]))


def zero_by_model(runs: Results, sensitivity: pd.DataFrame) -> str:
    """Return a sentence on whether a model changes which intervals include zero."""
    unreal = runs.stand_ins()
    if unreal:
        return f"The columns show how models are compared: {words.no_verdict(unreal)}."
    return words.zero_inside(models_of(runs, sensitivity))


def by_unfreezing(runs: Results, across: pd.DataFrame, networks: pd.DataFrame) -> str:
    """Return how many differences within one unfreezing are clear, and whether they differ.

    `across` has one row per task and unfreezing; `networks` is a table of `init_differences`.
    """
    names, unreal = headline.names_of(runs) | SCENARIOS, runs.stand_ins()
    alone = networks[networks["group"] != "all"]
    several = alone["group"].nunique() > 1  # otherwise there is nothing to compare
    tests = unfreezing_interaction(runs.paired_scores(), *runs.inits) if several else None
    within = words.within_unfreezing(across, alone, runs.inits, names, stand_ins=unreal)
    depends = words.depends_on_unfreezing(tests, names)
    return f"{within} {words.if_real(depends, stand_ins=unreal)}".strip()


def spread_of_scenarios(runs: Results, aucs: pd.DataFrame) -> str:
    """Return sentences on how far AUCs vary over scenarios, beside the difference of the means."""
    _, networks = headline.differences(runs)
    return words.scatter_of_scenarios(networks, aucs, headline.names_of(runs))


def enough_patients(runs: Results, wanted: pd.DataFrame) -> str:
    """Return which tasks have enough patients (`rin.report.tables.patients_wanted`)."""
    return words.enough_patients(wanted.assign(name=wanted["task"].map(headline.names_of(runs))))
