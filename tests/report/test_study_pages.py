"""Pages of side studies: their figures have words and a narrow version, their tables all rows."""

from types import SimpleNamespace

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from rin.evidence import paper
from rin.report import fed, hospitals, overlap, random_start, retraining
from rin.stats import init_differences, simulation
from rin.study import open_runs, open_workspace

RUNS = {
    "overlap": lambda runs: overlap.with_masks(runs),
    "random": lambda runs: runs.or_reference_with("from_random"),
    "fed": lambda runs: runs.or_reference_with("preprocessing", "resize"),
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
    "trainings": ("again", retraining.training_dots),
    "other cases": ("again", retraining.other_cases_forest),
}  # fmt: skip


@pytest.fixture(scope="module")
def runs():
    demo = open_runs("demo")
    return {name: opened(demo) for name, opened in RUNS.items()}


#: Of figures alike one is drawn in the quick tests.
SLOW = (
    "scenarios by inputs",
    "overlap differences",
    "maps around lesions",
    "gains over random weights",
    "trainings",
)


def test_runs_without_marked_lesions_are_replaced_by_the_reference_run(runs):
    class Bare:
        tasks = ("breast",)
        origin = staticmethod(lambda task: "own")
        workspace = SimpleNamespace(once=lambda key, make: make())

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


def test_inputs_are_too_small_or_too_large_to_the_networks_that_were_tried(runs):
    said = fed.too_small(runs["fed"], fed.released_ranges())
    assert "those of the scripts are 2.0 times too small to the photographic ResNet50" in said
    assert "its released counterpart, 128 times too large, it has 0.60." in said


def test_inputs_that_are_too_small_are_those_of_resnet_where_others_were_tried_too(
    runs, monkeypatch
):
    scores = fed.scores_of(runs["fed"])
    resnet = scores[scores["backbone"] == "ResNet50"]
    alone = fed.too_small(runs["fed"], fed.released_ranges())
    other = resnet.assign(
        backbone="DenseNet121",
        scenario=resnet["scenario"].astype(str).str.replace("ResNet50", "DenseNet121"),
        score=-resnet["score"],
    )
    monkeypatch.setattr(fed, "scores_of", lambda _: pd.concat([resnet, other]))
    assert fed.too_small(runs["fed"], fed.released_ranges()) == alone
    monkeypatch.setattr(fed, "scores_of", lambda _: other)
    said = fed.too_small(runs["fed"], fed.released_ranges())
    assert said.endswith("have red and blue exchanged.")


class Maps:
    """Results of a task with marked lesions, by where they come from, and the live ones."""

    def __init__(self, origin, provenance="real", live=None):
        self.origin, self.live = lambda task: origin, live
        self.workspace = SimpleNamespace(once=lambda key, make: make())
        self.tasks, self.titles = ["breast"], {"breast": "Breast lesions, US"}
        dataset = SimpleNamespace(provenance=provenance)
        self.facts = lambda task: SimpleNamespace(dataset=dataset)

    def overlap(self, task):
        return [1]


LIVE = Maps("own", "stand-in")


@pytest.mark.parametrize(
    ("runs", "finished", "words"),
    [
        (Maps("own"), [], "Maps on images of breast lesions"),
        (Maps("own", "stand-in"), [], "Maps on stand-in images of breast lesions"),
        (Maps("reference", live=LIVE), ["breast"], "Maps on stand-in images of breast lesions"),
        (Maps("reference", live=LIVE), [], None),
    ],
    ids=["own images", "own stand-ins", "live stand-ins", "none"],
)
def test_maps_on_images_are_of_own_runs_else_of_live_ones_marked_as_stand_ins_else_linked(
    runs, finished, words, monkeypatch
):
    """What is drawn is told which images are stand-ins; the page and its figure say so."""
    drawn = []

    def draw(shown, task, cams, stand_ins):
        drawn.append((shown, stand_ins))
        return plt.subplots()[1]

    monkeypatch.setattr(overlap, "example_maps", draw)
    monkeypatch.setattr(overlap, "best_scenario", lambda shown, task: "best")
    monkeypatch.setattr(overlap, "cam_arrays", lambda workspace, task, scenario: [])
    monkeypatch.setattr(overlap, "with_live_maps", lambda workspace: finished)
    shown = overlap.examples(runs)
    if words is None:
        assert "[Grad-CAM, live](../pipeline/gradcam)" in shown.data
        assert drawn == []
        return
    made_up = "stand-in" in words
    assert f'alt="{words}"' in shown.data
    assert ("<strong>Stand-in images</strong>" in shown.data) == made_up
    assert drawn == [(LIVE if finished else runs, made_up)]


def test_live_maps_are_asked_for_only_where_something_ran(tmp_path, monkeypatch):
    """To plan runs opens the images of their pretraining, which a reader may never need."""

    def plan(*given, **named):
        raise AssertionError("runs are planned")

    monkeypatch.setattr(overlap, "plan_study", plan)
    assert overlap.with_live_maps(open_workspace("demo", results=tmp_path)) == []
    (tmp_path / "demo" / "runs" / "one").mkdir(parents=True)
    (tmp_path / "demo" / "runs" / "one" / "done.json").touch()
    with pytest.raises(AssertionError, match="runs are planned"):
        overlap.with_live_maps(open_workspace("demo", results=tmp_path))


def test_whole_pretraining_beside_a_brief_one_is_that_of_the_same_number():
    main = simulation.simulate_predictions(pretrainings=2)
    second = main.query("pretraining == 2")
    brief = second.replace({"init": {"a": "a_brief"}})
    studies = {"main": main, "equal_accuracy": brief}
    repeated = SimpleNamespace(predictions=lambda study: studies[study], inits=("a", "b"))
    rows = retraining.whole_and_brief(repeated).set_index("pretraining")
    expected = init_differences(second, "a", "b").query("group == 'all'")["estimate"].tolist()
    for name in ("whole", "brief"):
        assert rows.loc[name, "estimate"].tolist() == expected
