from collections import Counter
from dataclasses import replace

import pandas as pd
import pytest
from tiny_study import BOTH, FROZEN, TWO, main_study, side_study, tiny_profile

from rin.errors import InputError
from rin.evidence.paper import SETTINGS
from rin.models.backbones import BACKBONES
from rin.models.weights import WeightsEntry
from rin.study import find_run, open_workspace
from rin.study.plan import find_starts, group_blocks, plan_runs, plan_study, preprocessing_of
from rin.study.pretraining import plan_pretraining
from rin.study.profile import RANDOM, Scenario, StudyFilter

WHOLE = {
    "backbones": list(BACKBONES),
    "inits": ["random", "imagenet"],
    "folds": 2,
    "fine_tuning.size": 75,
    "pretraining": None,
}


@pytest.fixture
def planned(study_folder, inputs):
    """Return a function that plans the runs of a changed profile over the same images."""

    def plan(changes=None, *, data_root=None, **parts):
        profile = tiny_profile(WHOLE | (changes or {}))
        workspace = open_workspace(profile, results=study_folder, data_root=data_root)
        folds = pd.concat([inputs.folds.assign(fold=fold) for fold in range(profile.folds)])
        (variant,) = profile.variants("main")
        starts = find_starts(workspace, variant.inits, profile.backbones)
        return plan_runs(workspace, replace(inputs, **{"folds": folds} | parts), variant, starts)

    return plan


@pytest.fixture
def ids(planned):
    return lambda *changes, **parts: {run.run_id for run in planned(*changes, **parts)}


def test_plan_has_every_run_once_and_both_inits_of_a_scenario_share_a_seed(planned):
    runs = planned()
    table = pd.DataFrame([run.columns for run in runs])
    assert len(table) == len({run.run_id for run in runs}) == 24 * 2 * 2
    assert not table[["scenario", "init", "fold"]].duplicated().any()
    seeds = table.groupby(["scenario", "fold"])["seed"].unique()
    assert (seeds.map(len) == 1).all()
    assert seeds.map(lambda each: each[0]).is_unique


@pytest.mark.parametrize(
    ("changes", "are_other"),
    [
        ({"fine_tuning.epochs": 2}, True),
        ({"fine_tuning.batch": 8}, True),
        ({"fine_tuning.augmentation": "none"}, True),
        ({"fine_tuning.dropout": 0.1}, True),
        ({"fine_tuning.batch_norm_momentum": 0.8}, True),
        ({"seed": 1}, True),
        ({"execution": {"workers": 3, "threads": 2, "blocks": "by_task"}}, False),
    ],
    ids=str,
)
def test_run_ids_know_every_number_but_not_where_they_run(ids, changes, are_other):
    before, after = ids(), ids(changes)
    assert before.isdisjoint(after) if are_other else before == after


def test_run_ids_know_images_split_and_version_of_results(ids, inputs, monkeypatch):
    before = ids({"folds": 1})
    folds = inputs.folds.replace({"part": {"test": "train", "train": "test"}})
    for other in ({"store": replace(inputs.store, digest="other")}, {"folds": folds}):
        assert before.isdisjoint(ids({"folds": 1}, **other))
    own = inputs.task.model_copy(update={"paper_task": ""})
    other = own.model_copy(update={"positive_class": "benign"})
    assert ids(task=own).isdisjoint(ids(task=other))
    monkeypatch.setattr("rin.study.plan.RESULTS_VERSION", 0)
    assert before.isdisjoint(ids({"folds": 1}))


def test_settings_of_a_task_change_its_runs_only(ids, inputs):
    other = inputs.task.model_copy(update={"name": "axilla"})
    changes = {"tasks": ["breast", "axilla"], "fine_tuning_of": {"breast": {"epochs": 7}}}
    assert ids(changes).isdisjoint(ids())
    assert ids(changes, task=other) == ids(task=other)


def test_run_ids_when_a_weights_file_changes_change_for_its_init_and_backbone_only(
    planned, tmp_path
):
    changes = {"inits": ["random", "radimagenet"]}
    (tmp_path / "weights").mkdir()
    file = tmp_path / "weights" / "RadImageNet-DenseNet121_notop.h5"
    file.write_bytes(b"one release")
    before = planned(changes, data_root=tmp_path)
    file.write_bytes(b"another release")
    after = planned(changes, data_root=tmp_path)
    assert {
        (a.init, a.scenario.backbone)
        for a, b in zip(after, before, strict=True)
        if a.run_id != b.run_id
    } == {("radimagenet", "DenseNet121")}


def test_plan_under_the_official_scripts_feeds_all_weights_alike(planned):
    inits = {"inits": ["radimagenet", "imagenet"]}
    own = {run.run_id: run for run in planned(inits)}
    official = planned(inits | {"fine_tuning.preprocessing": "official_scripts"})
    assert {run.preprocessing for run in official} == {"caffe_unit"}
    shared = {own[run.run_id].init for run in official if run.run_id in own}
    assert shared == {"radimagenet"}


def test_plan_when_init_is_unknown_lists_the_known_ones(planned):
    with pytest.raises(InputError, match=r"unknown init 'magic'.*radimagenet.*random"):
        planned({"inits": ["random", "magic"]})


def steps_of(blocks):
    """What is compiled for each block, and the tasks that share it."""
    return [
        (
            {(run.scenario.backbone, run.scenario.unfreezing) for run in block},
            {run.task for run in block},
        )
        for block in blocks
    ]


def test_blocks_have_one_compiled_step_each_and_start_with_the_longest(planned, inputs):
    steps = [step for (step,), _ in steps_of(group_blocks(planned()))]
    assert len(set(steps)) == len(steps) == 4 * 3
    assert steps[0] == ("InceptionResNetV2", "unfreeze_all")
    assert steps[-1] == ("InceptionV3", "freeze_all")
    for color, channels in ((False, 1), (True, 3)):
        blocks = group_blocks(planned(store=replace(inputs.store, color=color)))
        assert {block[0].architecture.channels for block in blocks} == {channels}


def test_blocks_of_two_tasks_share_a_compiled_step_unless_asked_otherwise(planned, inputs):
    second = inputs.task.model_copy(update={"name": "axilla"})
    runs = planned() + planned(task=second)
    for by_task, n_tasks, count in ((False, 2, 12), (True, 1, 24)):
        blocks = group_blocks(runs, by_task=by_task)
        assert len(blocks) == count
        assert {len(of_block) for _, of_block in steps_of(blocks)} == {n_tasks}
        assert Counter(r.run_id for b in blocks for r in b) == Counter(r.run_id for r in runs)


def test_scenarios_of_the_backbones_of_the_paper_are_as_many_as_it_says():
    scenarios = StudyFilter(name="all").scenarios
    of_paper = {s for s in scenarios if s.backbone in BACKBONES}
    assert len(of_paper) == SETTINGS["scenarios"].value
    assert Scenario("ResNet50", "unfreeze_all", 1e-4).name == "ResNet50-unfreeze_all-1e-04"


SEVERAL = TWO | {"inits": ["radiologic", "photographic"]}


def test_pretrainings_differ_in_seed_and_split_and_the_first_keeps_its_id(opened):
    def plan(stated):
        return plan_pretraining(opened(SEVERAL | {"pretraining.pretrainings": stated}))

    several = plan([1, 2, 3])
    ids = [run.run_id for run in several]
    assert [run.pretraining for run in several] == [1, 1, 2, 2, 3, 3]
    assert len({*ids}) == 6
    assert len({run.seed for run in several}) == 3
    assert len({(run.init, run.split_digest) for run in several}) == 6
    assert [run.run_id for run in plan([1])] == ids[:2]
    assert [run.run_id for run in plan([3])] == ids[4:]


def test_seeds_of_runs_of_two_tasks_and_of_two_pretrainings_differ(planned, inputs, opened):
    second = planned(task=inputs.task.model_copy(update={"name": "axilla"}))
    assert {run.seed for run in second}.isdisjoint(run.seed for run in planned())
    runs = plan_study(opened(SEVERAL | {"pretraining.pretrainings": [1, 2]}), ahead=True)
    seeds = {run.seed: run.cell.pretraining for run in runs}
    assert Counter(seeds.values()) == {1: 6, 2: 6}


def test_study_starts_from_the_pretrainings_that_it_names_or_from_all():
    changes = SEVERAL | {"pretraining.pretrainings": [1, 2]}
    changes |= {"studies": [side_study("first", pretrainings=[1]), side_study("every")]}
    profile = tiny_profile(changes)
    started = {
        name: [variant.pretraining for variant in profile.variants(name)]
        for name in profile.study_filters
    }
    assert started == {"main": [1, 2], "first": [1], "every": [1, 2]}
    elsewhere = tiny_profile(changes | {"pretraining.pretrainings": [2]})
    assert [*elsewhere.study_filters] == ["main", "every"]


def test_each_backbone_starts_from_its_own_pretrainings_and_once_from_random_weights():
    numbers = {"ResNet50": [1, 3], "MobileNet": [2]}
    study = side_study("mixed", inits=[RANDOM, *TWO["pretraining.corpora"]], pretrainings=numbers)
    profile = tiny_profile(SEVERAL | {"backbones": [*numbers], "studies": [study],
                                      "pretraining.pretrainings": numbers})  # fmt: skip
    started = {
        (variant.pretraining, *variant.study.backbones): RANDOM in variant.inits
        for variant in profile.variants("mixed")
    }
    assert started == {(1, "ResNet50"): True, (2, "MobileNet"): True, (3, "ResNet50"): False}


def test_random_weights_are_trained_once_from_whichever_pretraining_a_study_starts():
    starts = ["random", "radiologic", "photographic"]

    def inits(numbers, kept):
        study = side_study("from_random", inits=starts, pretrainings=numbers)
        changes = SEVERAL | {"studies": [study], "pretraining.pretrainings": kept}
        profile = tiny_profile(changes)
        return [RANDOM in variant.inits for variant in profile.variants("from_random")]

    assert inits([2], [2]) == inits([2], [1, 2]) == [True]
    assert inits([1, 2], [1, 2]) == inits(None, [1, 2]) == [True, False]
    assert inits([1, 2], [2]) == inits(None, [2]) == [False]


def test_pretrainings_of_weights_from_elsewhere_are_refused():
    with pytest.raises(ValueError, match=r"\['random'\] are not among the inits pretrained"):
        tiny_profile({"pretraining.pretrainings": [2]})


def test_inputs_of_released_counterparts_are_those_of_the_weights_that_an_init_stands_for():
    named = {"radiologic": "radimagenet", "photographic": "imagenet"}
    profile = tiny_profile(SEVERAL | {"pretraining.released": named})
    found = {
        init: preprocessing_of(
            profile,
            WeightsEntry(
                init=init, backbone="ResNet50", preprocessing="symmetric", release="made here"
            ),
            profile.tuning("breast", {"preprocessing": "released"}),
        )
        for init in named
    }
    assert found == {"radiologic": "caffe_unit", "photographic": "caffe"}


# Weights that no study trains, so that their runs can be planned at once.
FETCHED = {"inits": ["imagenet", "random"], "pretraining": None}
FROZEN_RANDOM = {"unfreezing": "freeze_all", "learning_rate": 1e-2, "init": "random"}


def test_run_that_is_found_has_the_names_asked_for_or_is_the_first_planned(opened):
    workspace = opened(FETCHED | {"studies": [main_study(**BOTH)]})
    planned = [
        ({}, "ResNet50-unfreeze_all-1e-04", "imagenet"),
        (FROZEN_RANDOM, "ResNet50-freeze_all-1e-02", "random"),
        ({"unfreezing": "freeze_all"}, "ResNet50-freeze_all-1e-02", "imagenet"),
        ({"init": "random"}, "ResNet50-unfreeze_all-1e-04", "random"),
    ]
    for names, scenario, init in planned:
        run = find_run(workspace, "breast", **names)
        assert (run.scenario.name, run.init, run.fold) == (scenario, init, 0)


def test_run_from_random_weights_is_found_where_a_study_beside_the_main_one_plans_it(opened):
    of_random = side_study("from_random", **FROZEN, inits=["random", "imagenet"])
    changes = {"inits": ["imagenet", "radimagenet"], "studies": [main_study(), of_random]}
    run = find_run(opened(FETCHED | changes), "breast", **FROZEN_RANDOM)
    assert (run.init, run.entry, run.study) == ("random", None, "from_random")


def test_run_that_is_not_planned_is_an_error_with_those_that_are(opened):
    workspace = opened(FETCHED)
    with pytest.raises(InputError, match=r"unknown run 'freeze_all 0\.1'.*freeze_all-1e"):
        find_run(workspace, "breast", unfreezing="freeze_all", learning_rate=0.1)
    with pytest.raises(InputError, match="unknown task 'knee'"):
        find_run(workspace, "knee")
