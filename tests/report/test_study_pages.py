"""Pages of side studies: their figures have words and a narrow version, their tables all rows."""

import re

import pandas as pd
import pytest

from rin.evidence import paper
from rin.report import fed, follow_ups, hospitals, overlap, random_start, retraining, unused
from rin.study import open_runs

RUNS = {
    "overlap": lambda runs: overlap.with_masks(runs),
    "random": lambda runs: runs.or_reference_with("from_random"),
    "fed": lambda runs: runs.or_reference_with("preprocessing", "resize"),
    "follow-ups": follow_ups.with_losses,
    "again": lambda runs: runs.or_reference_with("repeats", "equal_accuracy"),
    "main": lambda runs: runs,
}
FIGURES = {
    "overlap differences": ("overlap", overlap.difference_forest),
    "maps and blind regions": ("overlap", overlap.blind_forest),
    "maps around lesions": ("overlap", overlap.difference_maps),
    "gains over random weights": ("random", random_start.gains_forest),
    "effect of inputs": ("fed", fed.effect_forest),
    "scenarios by inputs": ("fed", fed.scenario_lines),
    "padding": ("fed", fed.padding_forest),
    "confounders": ("follow-ups", lambda runs: follow_ups.confounder_forest(
        runs, follow_ups.followed(runs))),
    "losses": ("follow-ups", lambda runs: follow_ups.loss_forest(runs.losses())),
    "layers": ("follow-ups", follow_ups.layer_dots),
    "trainings": ("again", retraining.training_dots),
    "other cases": ("again", retraining.other_cases_forest),
    "published": ("main", lambda runs: unused.published_forest(unused.tasks(runs))),
}  # fmt: skip


@pytest.fixture(scope="module")
def runs():
    demo = open_runs("demo")
    return {name: opened(demo) for name, opened in RUNS.items()}


@pytest.mark.parametrize("name", FIGURES)
def test_figure_of_a_study_has_words_and_a_narrow_version(runs, name):
    study, draw = FIGURES[name]
    picture = draw(runs[study])
    assert len(repr(picture).split()) > 3
    assert len(re.findall(r"base64,", picture.data)) == 2


def test_runs_without_marked_lesions_are_replaced_by_the_reference_run(runs):
    class Bare:
        tasks = ("breast",)

        def overlap(self, task):
            return pd.DataFrame()

    shown = overlap.with_masks(Bare())
    assert overlap.marked(shown)


def test_subgroups_with_fewer_than_twenty_patients_of_a_class_are_left_out(runs):
    demo = runs["main"]
    task = hospitals.task_with_external(demo)
    assert hospitals.task_with_external(demo, "breast") == "breast"
    there = hospitals.test_sets(demo, task)["external"]
    cases = hospitals.external_cases(demo, task)
    cases = cases[["case_id", "patient_id", "label", "size"]]
    groups = hospitals.subgroup_differences(there, cases.assign(device="one"), demo.inits)
    assert groups["column"].tolist()[:1] == ["Device"]
    few = cases.groupby("label").head(19)
    assert hospitals.subgroup_differences(there, few, demo.inits).empty


def test_inputs_of_the_scripts_are_255_times_too_small_for_resnet():
    ranges = fed.released_ranges().set_index("network")
    assert round(ranges.loc["ResNet50", "ratio"]) == 255
    assert {*ranges.index} == {*paper.RELEASED_ACCURACY}


def test_every_task_without_results_has_counts_and_places(runs):
    tasks = unused.tasks(runs["main"])
    assert set(tasks) == {"acl", "meniscus", "sarscov2"}
    assert unused.class_counts(tasks)["Task"].nunique() == len(tasks)
