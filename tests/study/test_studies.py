"""Named studies: parts of one plan with one setting changed; no run is trained twice."""

from dataclasses import replace

import pandas as pd
import pytest
from tiny_study import FROZEN, TWO, copy_of, side_study, tiny_profile

from rin.errors import InputError
from rin.study import run_study, stages
from rin.study.forecast import forecast
from rin.study.plan import plan_all, plan_study
from rin.study.pretraining import plan_pretraining
from rin.study.stages import part_of
from rin.study.workspace import Workspace

PREPROCESSING = {"preprocessing": ["native", "official_scripts"]}
RESIZE = {"resize": ["stretch", "pad"]}
FACTORS = TWO | {
    "inits": ["radiologic", "photographic"],
    "pretraining.preprocessing": {"radiologic": "caffe_unit", "photographic": "caffe"},
}


def ids(planned):
    return {run.run_id for run in planned}


@pytest.fixture
def beside(pretrained_study):
    """Return a function that plans a study beside the main one."""

    def plan(name, /, **chosen):
        profile = tiny_profile({"studies": [side_study(name, **chosen)]})
        return plan_study(replace(pretrained_study, profile=profile), name)

    return plan


def test_images_are_opened_before_anything_is_trained(opened, monkeypatch):
    def refuse(*_of_workspace, **_kept):
        raise InputError("a picture is broken", where="busi", remedy="Fetch it.")

    study = opened({"name": "unopened"})
    monkeypatch.setattr(Workspace, "inputs", refuse)
    with pytest.raises(InputError, match="a picture is broken"):
        run_study(study)
    assert study.ledger("weights").records(plan_pretraining(study)) == {}


@pytest.mark.parametrize("vary", [{}, PREPROCESSING])
def test_more_folds_keep_the_runs_of_the_first(beside, vary):
    more = beside("more", folds=2, vary=vary)
    assert {each.fold for each in more} == {0, 1}
    first = [each.run_id for each in more if each.fold == 0]
    assert first == [each.run_id for each in beside("more", folds=1, vary=vary)]


def test_study_that_the_profile_does_not_have_is_unknown(opened):
    with pytest.raises(InputError, match=r"unknown study 'resise' .*Known: main, resize\."):
        plan_study(opened({"studies": [side_study("resize", vary=RESIZE)]}), "resise")


def test_factor_of_a_name_of_ones_own_may_change_several_settings(beside, pretrained_study):
    levels = {"short": {}, "long": {"epochs": 3, "dropout": 0.1}}
    planned = beside("trained", vary={"length": levels})
    told = pd.DataFrame([run.columns for run in planned])
    assert told["factor"].unique().tolist() == ["length"]
    assert told["level"].tolist() == ["short", "short", "long", "long"]
    found = [(run.settings.epochs, run.settings.dropout) for run in planned[::2]]
    assert found == [(1, 0.5), (3, 0.1)]
    assert ids(planned[:1]) <= ids(plan_study(pretrained_study))


def test_every_combination_of_two_factors_is_planned_under_a_setting_that_holds_for_all(beside):
    vary = {"dropout": [0.1, 0.5], "head": ["linear", "conv"], "epochs": [2]}
    planned = beside("crossed", inits=["radiologic"], vary=vary)
    assert {run.columns["factor"] for run in planned} == {"dropout × head"}
    found = [
        (run.cell.level, run.settings.dropout, run.settings.head, run.settings.epochs)
        for run in planned
    ]
    assert found == [
        ("dropout 0.1, head linear", 0.1, "linear", 2),
        ("dropout 0.1, head conv", 0.1, "conv", 2),
        ("dropout 0.5, head linear", 0.5, "linear", 2),
        ("dropout 0.5, head conv", 0.5, "conv", 2),
    ]


def test_sizes_of_pictures_may_vary(beside):
    planned = beside("sizes", vary={"size": [32, 40]})
    sizes = [(run.cell.level, run.inputs.store.size, run.architecture.size) for run in planned]
    assert sizes == [("32", 32, 32)] * 2 + [("40", 40, 40)] * 2


@pytest.fixture
def larger(finished_study):
    """The finished study, whose profile asks for studies beside the grid."""
    studies = [
        side_study("from_random"),
        side_study("preprocessing", vary=PREPROCESSING, **FROZEN),
        side_study("resize", vary=RESIZE, **FROZEN),
    ]
    return replace(finished_study, profile=tiny_profile({"studies": studies}))


def test_plan_of_all_studies_lists_every_run_once(larger):
    planned, grid = plan_all(larger), ids(plan_study(larger))
    expected = int(forecast(larger)["runs"].iloc[-1])
    assert len(ids(planned)) == len(planned) <= expected
    assert grid < ids(planned)
    # The scripts' preprocessing is that of neither start; from random weights nothing is added.
    beside = [each for each in planned if each.run_id not in grid]
    assert sorted((each.init, each.preprocessing, each.settings.resize) for each in beside) == [
        ("radiologic", "caffe_unit", "stretch"),
        ("radiologic", "symmetric", "pad"),
        ("random", "caffe_unit", "stretch"),
        ("random", "symmetric", "pad"),
    ]


def test_run_study_trains_what_is_missing(larger):
    study = copy_of(larger, "whole")
    before = len(list(study.fine_tuning_ledger.folder.glob("[0-9a-f]*")))
    table = run_study(study)
    again = run_study(study)
    assert len(list(study.fine_tuning_ledger.folder.glob("[0-9a-f]*"))) == before + 4
    assert table.equals(again)


@pytest.mark.parametrize(
    ("only", "expected"),
    [
        (["pretraining"], set()),
        (["resize"], {"resize"}),
        (["main", "from_random"], {"main", "from_random"}),
        ([], {"main", "from_random", "preprocessing", "resize"}),
    ],
)
def test_only_what_is_named_is_trained(larger, only, expected):
    part = part_of(larger, only)
    assert {*part.profile.study_filters} == expected
    assert ids(plan_all(part)) == {
        run_id for name in expected for run_id in ids(plan_study(larger, name))
    }
    assert len(plan_pretraining(part)) == len(plan_pretraining(larger)) > 0


def test_part_is_trained_where_images_of_the_rest_are_missing(pretrained_study, monkeypatch):
    missing = {id(pretrained_study): ["images of thyroid"]}
    monkeypatch.setattr(stages, "missing_inputs", lambda part: missing.get(id(part), []))
    monkeypatch.delattr(stages, "consolidate")  # which would open all images
    assert run_study(pretrained_study, only=["pretraining"]).empty


def test_repeats_train_the_runs_of_the_plan_again_with_other_seeds_and_other_cases(
    beside, pretrained_study
):
    runs = beside("repeats", folds=2, seeds=3)
    planned = pd.DataFrame([run.columns for run in runs])
    assert len(planned) == len(ids(runs)) == 2 * (1 + 2 + 1)  # inits; run, two seeds, other split
    for _, pair in planned.groupby(["fold", "seed"]):
        assert pair["init"].tolist() == ["random", "radiologic"]
    assert planned.loc[planned["fold"] == 0, "seed"].nunique() == 3
    assert len(ids(runs) & ids(plan_study(pretrained_study))) == 2


BRIEF = {"init": "radiologic", "epochs": 1, "backbones": ["ResNet50"], "training_images": 16}


def test_each_brief_pretraining_is_planned_with_its_own_number_and_images(opened):
    second = BRIEF | {"pretraining": 2, "training_images": 12}
    briefs = {"pretraining.pretrainings": [1, 2], "pretraining.brief": [BRIEF, second]}
    runs = plan_pretraining(opened(FACTORS | briefs))
    briefly = [run for run in runs if run.init == "radiologic_brief"]
    assert [run.pretraining for run in briefly] == [1, 2]
    few, fewer = ((run.parts == "train").sum() for run in briefly)
    assert few > fewer > 0


def test_longer_pretraining_is_an_init_of_its_own_with_all_images_and_its_epochs(opened):
    long = {"init": "radiologic", "length": "long", "epochs": 3, "backbones": ["ResNet50"]}
    study = opened(FACTORS | {"pretraining.brief": [long]})
    whole, _, longer = plan_pretraining(study)
    assert (longer.init, longer.settings.epochs) == ("radiologic_long", 3)
    assert (longer.parts == whole.parts).all()
    assert longer.seed == whole.seed
    with pytest.raises(ValueError, match=r"x, inits: .'radiologic_long'. are not among"):
        tiny_profile(FACTORS | {"studies": [side_study("x", inits=["radiologic_long", "random"])]})


def test_named_study_is_trained_from_its_own_networks_alone(opened):
    both = ["MobileNet", "ResNet50"]
    brief = [BRIEF, BRIEF | {"length": "long", "backbones": both}]
    starts = side_study("short", backbones=["ResNet50"], inits=["radiologic", "radiologic_brief"])
    studies = [starts, side_study("all")]
    study = opened(FACTORS | {"backbones": both, "pretraining.brief": brief, "studies": studies})
    whole = plan_pretraining(study)
    known = {"radiologic", "photographic", "radiologic_brief"}
    for only, expected in [
        (["short"], {("ResNet50", init) for init in known}),
        (["all"], {(name, init) for name in both for init in FACTORS["inits"]}),
        (["short", "pretraining"], {(run.backbone, run.init) for run in whole}),
    ]:
        planned = plan_pretraining(part_of(study, only))
        assert {(run.backbone, run.init) for run in planned} == expected
        assert ids(planned) <= ids(whole)
    # The study's own backbone is not pretrained here: the section stays as it is.
    section = study.profile.pretraining.model_copy(update={"backbones": both[:1], "brief": []})
    profile = study.profile.model_copy(update={"pretraining": section})
    planned = plan_pretraining(part_of(replace(study, profile=profile), ["short"]))
    assert {run.backbone for run in planned} == {"MobileNet"}


def test_named_study_of_one_pretraining_starts_from_the_networks_of_that_alone(opened):
    numbers = {"pretraining.pretrainings": [1, 2]}
    study = opened(FACTORS | numbers | {"studies": [side_study("second", pretrainings=[2])]})
    part = part_of(study, ["second"])
    assert {run.pretraining for run in plan_pretraining(part)} == {2}
    assert part.profile.tasks == ["breast"]
    assert ids(plan_all(part, ahead=True)) == ids(plan_study(study, "second", ahead=True))


def test_brief_init_sees_fewer_images_of_the_same_split(opened):
    longer = FACTORS | {"pretraining.epochs": 2}
    runs = plan_pretraining(opened(longer | {"pretraining.brief": [BRIEF]}))
    assert [run.init for run in runs] == ["radiologic", "photographic", "radiologic_brief"]
    assert ids(plan_pretraining(opened(longer))) == ids(runs[:2])
    assert [run.settings.epochs for run in runs] == [2, 2, 1]
    assert (runs[2].preprocessing, runs[2].store.path) == ("caffe_unit", runs[0].store.path)
    whole, _, brief = (run.parts.to_numpy() for run in runs)
    assert abs((brief == "train").sum() - 16) <= 2  # classes are rounded
    used = whole == "train"
    assert set(brief[used]) == {"train", "unused"}
    assert (brief[~used] == whole[~used]).all()
    many = {"pretraining.brief": [BRIEF | {"training_images": 4000}]}
    with pytest.raises(InputError, match=r"it has \d+ training images, not 4000"):
        plan_pretraining(opened(FACTORS | many))


def test_sampled_confounder_trains_on_other_patients_at_every_share_and_tests_the_same(opened):
    changes = {"tasks": ["breast", "busbra"], "inits": ["imagenet", "random"]}
    changes |= {"pretraining": None, "stand_ins.busbra": {"benign": 12, "malignant": 10}}
    cases = opened(changes).inputs("busbra").all_images.cases.set_index("case_id")
    groups = cases["device"].value_counts().index[:2].to_list()
    patients = {"task": "busbra", "column": "device", "groups": groups}
    changes["sampled_confounder"] = patients | {"train": 2, "validation": 1, "test": 1}
    levels = {"confounder": ["tag 0", "tag 50", "sampled 0", "sampled 50"]}
    changes["studies"] = [side_study("confounder", tasks=["busbra", "breast"], vary=levels)]
    study, parts = opened(changes), {}
    for task, kind in (("breast", "tag"), ("busbra", "sampled")):
        for run in plan_study(study, "confounder", task):
            assert run.cell.level.startswith(kind)
            parts[run.cell.level] = run.inputs.folds.set_index("case_id")["part"]
    assert len(parts) == 4
    clean, half = parts["sampled 0"], parts["sampled 50"]
    assert clean.index[clean == "test"].tolist() == half.index[half == "test"].tolist()
    assert set(cases["device"][clean.index[clean == "train"]]) == {groups[0]}
    assert set(cases["device"][half.index[half == "train"]]) == set(groups)
    with pytest.raises(InputError, match=r"unknown column 'colour'.*device"):
        plan_study(opened(changes | {"sampled_confounder.column": "colour"}), "confounder")
