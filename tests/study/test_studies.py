"""Named studies: parts of one plan with one setting changed; no run is trained twice."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from tiny_study import (
    COLUMNS,
    FROZEN,
    TWO,
    copy_of,
    side_study,
    tiny_profile,
)

from rin.errors import InputError
from rin.study import (
    consolidate,
    fine_tuning,
    open_workspace,
    run_fine_tuning,
    run_pretraining,
    run_study,
)
from rin.study.forecast import forecast
from rin.study.plan import plan_all, plan_study
from rin.study.pretraining import plan_pretraining, pretraining_predictions
from rin.study.stages import part_of
from rin.tables import drop_unused_categories

SCENARIO = "ResNet50-unfreeze_all-1e-04"
PREPROCESSING = {"preprocessing": ["native", "official_scripts"]}
RESIZE = {"resize": ["stretch", "pad"]}
FACTORS = TWO | {
    "inits": ["radiologic", "photographic"],
    "pretraining.preprocessing": {"radiologic": "caffe_unit", "photographic": "caffe"},
    "studies": [
        side_study("preprocessing", vary=PREPROCESSING),
        side_study("resize", vary=RESIZE),
    ],
}


@pytest.fixture(scope="module")
def factors(study_folder):
    """A study of both factors whose runs are finished, but not those of the grid beside them."""
    made = open_workspace(tiny_profile(FACTORS | {"name": "factors"}), results=study_folder)
    run_pretraining(made)
    for name in ("preprocessing", "resize"):
        fine_tuning.run_missing(made, plan_study(made, name))
    return made


def ids(planned):
    return {run.run_id for run in planned}


@pytest.mark.parametrize("vary", [{}, PREPROCESSING])
def test_more_folds_keep_the_runs_of_the_first(pretrained_study, vary):
    def planned(folds):
        changes = {"studies": [side_study("more", folds=folds, vary=vary)]}
        return plan_study(replace(pretrained_study, profile=tiny_profile(changes)), "more")

    more = planned(2)
    assert {each.fold for each in more} == {0, 1}
    first = [each.run_id for each in more if each.fold == 0]
    assert first == [each.run_id for each in planned(1)]


@pytest.mark.slow
def test_predictions_have_a_factors_columns_and_a_shared_run_under_both_levels(factors):
    table = consolidate(factors).predictions("preprocessing")
    assert list(table) == ["factor", "level", "preprocessing", *COLUMNS, "pretraining_seed"]
    native, scripts = (table[table["level"] == name] for name in ("native", "official_scripts"))
    assert set(scripts["preprocessing"]) == {"caffe_unit"}
    for init, same in (("radiologic", True), ("photographic", False)):
        one, two = (part[part["init"] == init] for part in (native, scripts))
        assert one["case_id"].tolist() == two["case_id"].tolist()
        assert (one["score"].tolist() == two["score"].tolist()) is same
    assert consolidate(factors).predictions("resize")["level"].unique().tolist() == [
        "stretch",
        "pad",
    ]


def test_from_random_repeats_no_run_of_a_finished_grid(finished_study, no_training):
    study = replace(finished_study, profile=tiny_profile({"studies": [side_study("from_random")]}))
    run_fine_tuning(study)
    found, whole = consolidate(study).predictions("from_random"), consolidate(study).predictions()
    expected = drop_unused_categories(whole[whole["scenario"] == SCENARIO])
    keys = ["init", "case_id"]
    pd.testing.assert_frame_equal(
        found.sort_values(keys, ignore_index=True), expected.sort_values(keys, ignore_index=True)
    )
    assert found["init"].unique().tolist() == ["random", "radiologic"]


def test_study_that_the_profile_does_not_have_is_unknown(study):
    profile = tiny_profile({"studies": [side_study("resize", vary=RESIZE)]})
    with pytest.raises(InputError, match=r"unknown study 'resise' .*Known: main, resize\."):
        plan_study(replace(study, profile=profile), "resise")


def test_factor_of_a_name_of_ones_own_may_change_several_settings(finished_study):
    levels = {"short": {}, "long": {"epochs": 3, "dropout": 0.1}}
    profile = tiny_profile({"studies": [side_study("trained", vary={"length": levels})]})
    study = replace(finished_study, profile=profile)
    told = pd.DataFrame([run.columns for run in plan_study(study, "trained")])
    assert told["factor"].unique().tolist() == ["length"]
    assert told["level"].tolist() == ["short", "short", "long", "long"]
    short, long = (plan_study(study, "trained")[place] for place in (0, 2))
    assert (short.settings.epochs, short.settings.dropout) == (1, 0.5)
    assert (long.settings.epochs, long.settings.dropout) == (3, 0.1)
    assert ids([short]) <= ids(plan_study(study))


def test_every_combination_of_two_factors_is_planned_under_a_setting_that_holds_for_all(
    pretrained_study,
):
    vary = {"dropout": [0.1, 0.5], "head": ["linear", "conv"], "epochs": [2]}
    profile = tiny_profile({"studies": [side_study("crossed", inits=["radiologic"], vary=vary)]})
    planned = plan_study(replace(pretrained_study, profile=profile), "crossed")
    assert {run.factor for run in planned} == {"dropout × head"}
    assert [run.level for run in planned] == [
        "dropout 0.1, head linear",
        "dropout 0.1, head conv",
        "dropout 0.5, head linear",
        "dropout 0.5, head conv",
    ]
    found = [(run.settings.dropout, run.settings.head, run.settings.epochs) for run in planned]
    assert found == [(0.1, "linear", 2), (0.1, "conv", 2), (0.5, "linear", 2), (0.5, "conv", 2)]


def test_sizes_of_pictures_may_vary(pretrained_study):
    profile = tiny_profile({"studies": [side_study("sizes", vary={"size": [32, 40]})]})
    planned = plan_study(replace(pretrained_study, profile=profile), "sizes")
    sizes = [(run.level, run.inputs.store.size, run.architecture.size) for run in planned]
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
    studies = {(name, run.run_id) for name in expected for run in plan_study(larger, name)}
    assert {run.run_id for run in plan_all(part)} == {run_id for _, run_id in studies}
    assert len(plan_pretraining(part)) == len(plan_pretraining(larger)) > 0


def test_repeats_train_the_runs_of_the_plan_again_with_other_seeds_and_other_cases(finished_study):
    asked = tiny_profile({"studies": [side_study("repeats", folds=2, seeds=3)]})
    study = replace(finished_study, profile=asked)
    planned = pd.DataFrame([run.columns for run in plan_study(study, "repeats")])
    assert len(planned) == 2 * (1 + 2 + 1)  # inits; the run, two seeds, another split
    for _, pair in planned.groupby(["fold", "seed"]):
        assert pair["init"].tolist() == ["random", "radiologic"]
    assert planned.loc[planned["fold"] == 0, "seed"].nunique() == 3
    main = {each.run_id for each in plan_study(study)}
    repeated = [each.run_id for each in plan_study(study, "repeats")]
    assert len(main.intersection(repeated)) == 2
    assert len(set(repeated)) == len(repeated)


BRIEF = {"init": "radiologic", "epochs": 1, "backbones": ["ResNet50"], "training_images": 16}
EQUAL = {"pretraining.brief": [BRIEF], "pretraining.epochs": 2}
EQUAL["studies"] = [side_study("equal_accuracy", inits=["radiologic_brief", "photographic"])]


def test_brief_init_of_a_further_pretraining_has_that_ones_seed_and_is_its_studys(study_folder):
    third = {"pretraining.pretrainings": [3], "pretraining.brief": [BRIEF | {"pretraining": 3}]}
    studies = [dict(EQUAL["studies"][0], pretrainings=[3])]
    profile = tiny_profile(FACTORS | EQUAL | third | {"studies": studies})
    workspace = open_workspace(profile, results=study_folder)
    runs = plan_pretraining(workspace)
    assert [run.init for run in runs] == ["radiologic", "photographic", "radiologic_brief"]
    assert [run.pretraining for run in runs] == [3, 3, 3]
    assert len({run.seed for run in runs}) == 1
    assert {run.pretraining for run in plan_study(workspace, "equal_accuracy", ahead=True)} == {3}


def test_each_brief_pretraining_is_planned_with_its_own_number_and_images(study_folder):
    second = BRIEF | {"pretraining": 2, "training_images": 12}
    briefs = {"pretraining.pretrainings": [1, 2], "pretraining.brief": [BRIEF, second]}
    runs = plan_pretraining(open_workspace(tiny_profile(FACTORS | briefs), results=study_folder))
    briefly = [run for run in runs if run.init == "radiologic_brief"]
    assert [run.pretraining for run in briefly] == [1, 2]
    few, fewer = ((run.parts == "train").sum() for run in briefly)
    assert few > fewer > 0


@pytest.mark.slow
def test_brief_init_sees_fewer_epochs_and_images_and_stands_in_the_place_of_its_own(study_folder):
    workspace = open_workspace(
        tiny_profile(FACTORS | EQUAL | {"name": "brief"}), results=study_folder
    )
    alone = replace(workspace, profile=tiny_profile(FACTORS | {"pretraining.epochs": 2}))
    runs = plan_pretraining(workspace)
    assert [run.init for run in runs] == ["radiologic", "photographic", "radiologic_brief"]
    assert ids(plan_pretraining(alone)) == ids(runs[:2])
    assert (runs[2].preprocessing, runs[2].store.path) == ("caffe_unit", runs[0].store.path)
    whole, _, brief = (run.parts.to_numpy() for run in runs)
    assert abs((brief == "train").sum() - 16) <= 2  # classes are rounded
    used = whole == "train"
    assert set(brief[used]) == {"train", "unused"}
    assert (brief[~used] == whole[~used]).all()
    trained = run_pretraining(workspace)
    assert trained["epochs"].tolist() == [2, 2, 1]
    assert trained["training_images"].tolist()[::2] == [used.sum(), sum(brief == "train")]
    tested = pretraining_predictions(workspace).groupby("init")["case_id"].agg(set)
    assert tested["radiologic_brief"] == tested["radiologic"]
    equal = plan_study(workspace, "equal_accuracy")
    fine_tuning.run_missing(workspace, equal)
    found = consolidate(workspace).predictions("equal_accuracy")
    assert found["init"].unique().tolist() == ["radiologic_brief", "photographic"]
    assert len(ids(plan_study(workspace)) & ids(equal)) == 1
    many = {"pretraining.brief": [BRIEF | {"training_images": 4000}]}
    workspace = replace(workspace, profile=tiny_profile(FACTORS | many))
    with pytest.raises(InputError, match=r"it has \d+ training images, not 4000"):
        plan_pretraining(workspace)


@pytest.mark.slow
def test_head_is_a_factor_whose_first_level_is_the_grid_and_whose_maps_are_kept(beside):
    heads = ["linear", "nonlinear", "conv", "conv_skip"]
    study = beside({"studies": [side_study("head", vary={"head": heads})], "name": "heads"})
    planned = plan_study(study, "head")
    assert list(dict.fromkeys(run.level for run in planned)) == heads
    linear = {run.run_id for run in planned if run.level == "linear"}
    assert linear < ids(plan_study(study))
    others = [run for run in planned if run.level in ("nonlinear", "conv_skip")]
    fine_tuning.run_missing(study, others)
    maps = {r.level: study.fine_tuning_ledger.read(r.run_id, "cams.npy", np.load) for r in others}
    assert maps["nonlinear"].shape == maps["conv_skip"].shape
    assert all(np.isfinite(each).all() and np.ptp(each) > 0 for each in maps.values())
    assert not np.allclose(maps["nonlinear"], maps["conv_skip"])


PATIENTS = {"task": "busbra", "column": "device", "train": 4, "validation": 2, "test": 3}
CONFOUNDED = {
    "tasks": ["busbra"],
    "stand_ins.busbra": {"benign": 40, "malignant": 36},
    "name": "confounded",
}


@pytest.mark.slow
def test_confounder_stands_on_a_share_of_positives_and_is_reversed_in_another_test(beside):
    tags = side_study("confounder", tasks=["busbra"], vary={"confounder": ["tag 0", "tag 100"]})
    study = beside(CONFOUNDED | {"studies": [tags]})
    planned = plan_study(study, "confounder")
    assert [(r.level, r.init) for r in planned] == [
        (level, init) for level in ("tag 0", "tag 100") for init in ("random", "radiologic")
    ]
    assert len(ids(planned)) == 4
    fine_tuning.run_missing(study, planned)
    tables = {
        part: consolidate(study).predictions("confounder", part=part)
        for part in ("test", "reversed")
    }
    keys = ["level", "init", "case_id"]
    same, other = (table.set_index(keys)["score"].sort_index() for table in tables.values())
    assert same.index.equals(other.index)
    labels = tables["test"].set_index(keys)["label"].sort_index()
    clean = labels.index.get_level_values("level") == "tag 0"
    # Positive images are the same in both tests where none has a tag, and negative ones differ.
    changed = same != other
    assert not changed[clean & (labels == 1)].any()
    assert changed[clean & (labels == 0)].all()
    assert changed[~clean].all()
    # The reversed images are the same at every share: other scores come from other training.
    of_level = other.loc["tag 0", "radiologic"], other.loc["tag 100", "radiologic"]
    assert (of_level[0] != of_level[1].loc[of_level[0].index]).all()
    with pytest.raises(InputError, match=r"unknown part 'upright'.*reversed"):
        consolidate(study).predictions("confounder", part="upright")


@pytest.mark.slow
def test_sampled_confounder_trains_on_other_patients_at_every_share_and_tests_the_same(beside):
    study = beside(CONFOUNDED | {"name": "sampled"})
    found = study.inputs("busbra").all_images.cases
    groups = found.groupby("device")["patient_id"].nunique().sort_values().index[-2:].to_list()
    both = {"tasks": ["busbra", "breast"]}
    levels = ["tag 0", "tag 50", "sampled 0", "sampled 50"]
    confounder = side_study("confounder", vary={"confounder": levels}, **both)
    sampled = PATIENTS | {"groups": groups}
    changes = CONFOUNDED | both | {"name": "sampled", "studies": [confounder]}
    changes |= {"sampled_confounder": sampled}
    parts, own = {}, replace(study, profile=tiny_profile(changes))
    for task, kind in (("breast", "tag"), ("busbra", "sampled")):
        levels = [each.level for each in plan_study(own, "confounder", task)]
        assert levels == [f"{kind} {share}" for share in (0, 50) for _ in range(2)]
    for planned in plan_study(own, "confounder"):
        parts[planned.level] = planned.inputs.folds.set_index("case_id")["part"]
    clean, half = parts["sampled 0"], parts["sampled 50"]
    assert clean.index[clean == "test"].tolist() == half.index[half == "test"].tolist()
    device = found.set_index("case_id")["device"]
    assert set(device[clean.index[clean == "train"]]) == {groups[0]}
    assert set(device[half.index[half == "train"]]) == set(groups)

    sampled |= {"column": "colour"}
    with pytest.raises(InputError, match=r"unknown column 'colour'.*device"):
        plan_study(replace(study, profile=tiny_profile(changes)), "confounder")


FEW = {"cases": 6, "points": 40, "channels": 4}


@pytest.mark.slow
def test_layers_are_compared_before_and_after_in_the_same_places(beside, monkeypatch):
    from rin.training import trainer

    inside = ("joined", "conv5_block3_out")
    monkeypatch.setitem(trainer.LAYERS, "ResNet50", inside)
    frozen = "ResNet50-freeze_all-1e-02"
    ways = {"unfreeze_all": [1e-4], "freeze_all": [1e-2]}
    asked = side_study("layers", learning_rates=ways, activation_sample=FEW)
    study = beside({"studies": [asked], "name": "layers"})
    planned = plan_study(study, "layers")
    assert not ids(planned) & ids(plan_study(study))
    fine_tuning.run_missing(study, planned)
    table = consolidate(study).layer_similarity("breast")
    assert table["layer"].unique().tolist() == [*inside]
    found = table.set_index(["scenario", "comparison", "init", "layer"]).sort_index()
    found = found[["cca"]]
    assert found.stack().between(0, 1 + 1e-6).all()
    for init in ("random", "radiologic"):
        kept = found.loc[frozen, "tuned", init]
        np.testing.assert_allclose(kept, 1, atol=1e-3)
        assert (found.loc[SCENARIO, "tuned", init]["cca"] < 0.9999).any()
    before = found.xs("before", level="comparison")
    np.testing.assert_allclose(before.loc[frozen], before.loc[SCENARIO])
    np.testing.assert_allclose(found.loc[frozen, "after"], found.loc[frozen, "before"], atol=1e-3)
