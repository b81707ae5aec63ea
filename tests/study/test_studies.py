"""Named studies: parts of one plan with one setting changed; no run is trained twice."""

import re
from dataclasses import replace

import pandas as pd
import pytest
from pydantic import ValidationError
from tiny_study import copy_of, tiny_profile

from rin.errors import InputError
from rin.study import (
    open_study,
    predictions,
    run,
    run_grid,
    run_pretraining,
    run_study,
    study_predictions,
    task_inputs,
)
from rin.study.plan import plan_all, plan_runs, plan_study
from rin.study.run import _at_most, study_records

SCENARIO = "ResNet50-unfreeze_all-1e-04"
ONE = {"tasks": ["breast"], "scenarios": [SCENARIO]}
TWO_CORPORA = {
    "inits": ["radiologic", "photographic"],
    "pretraining.corpora": {
        "radiologic": "corpus_radiologic",
        "photographic": "corpus_photographic",
    },
    "pretraining.preprocessing": {"radiologic": "caffe_unit", "photographic": "caffe"},
}
FACTORS = TWO_CORPORA | {"factors": {"preprocessing": ONE, "resize": ONE}}


@pytest.fixture(scope="module")
def factors(study_folder, with_small_backbone):
    """A study of both factors whose weights are pretrained, with nothing fine-tuned yet."""
    made = open_study(tiny_profile(FACTORS | {"name": "factors"}), results=study_folder)
    with with_small_backbone():
        run_pretraining(made)
    return made


@pytest.fixture(scope="module")
def scored(factors, with_small_backbone):
    """Predictions of both factors, by name."""
    with with_small_backbone():
        return {name: study_predictions(factors, name) for name in ("preprocessing", "resize")}


@pytest.fixture
def no_training(monkeypatch):
    monkeypatch.setattr(run, "make_executor", lambda _: pytest.fail("trains again"))


def cells(planned):
    return {(each.level, each.run.init): each for each in planned}


def test_levels_of_preprocessing_read_one_store_and_share_a_run_of_equal_inputs(factors):
    found = cells(plan_study(factors, "preprocessing"))
    native, scripts = found["native", "radiologic"], found["official_scripts", "radiologic"]
    assert native.inputs is scripts.inputs
    assert native.run.run_id == scripts.run.run_id
    native, scripts = found["native", "photographic"], found["official_scripts", "photographic"]
    assert native.run.run_id != scripts.run.run_id
    assert (native.run.contract, scripts.run.contract) == ("caffe", "caffe_unit")


@pytest.mark.parametrize("own", ["stretch", "pad"])
def test_levels_of_resize_differ_in_pictures_and_in_nothing_else(factors, own):
    profile = tiny_profile(FACTORS | {"fine_tuning.resize": own})
    found = cells(plan_study(replace(factors, profile=profile), "resize"))
    stretched, padded = (found[level, "radiologic"].inputs for level in ("stretch", "pad"))
    assert (stretched.store.resize, padded.store.resize) == ("stretch", "pad")
    pd.testing.assert_frame_equal(stretched.folds, padded.folds)
    assert stretched.store.digest != padded.store.digest


def test_own_level_of_a_factor_has_the_run_ids_of_the_grid(factors):
    of_grid = {each.run_id for each in plan_runs(factors, task_inputs(factors, "breast"))}
    for name, level in (("preprocessing", "native"), ("resize", "stretch")):
        own = {each.run.run_id for each in plan_study(factors, name) if each.level == level}
        assert len(own) == 2 and own <= of_grid


@pytest.mark.parametrize("name", ["from_random", "preprocessing"])
def test_more_folds_keep_the_runs_of_the_first(pretrained_study, name):
    def planned(folds):
        section = ONE | {"folds": folds}
        section = {name: section} if name == "from_random" else {"factors": {name: section}}
        study = replace(pretrained_study, profile=tiny_profile(section))
        return [each.run for each in plan_study(study, name)]

    more, first = planned(2), planned(1)
    assert {each.fold for each in more} == {0, 1}
    assert [each.run_id for each in more if each.fold == 0] == [each.run_id for each in first]


def test_shared_run_has_its_rows_under_both_levels(scored):
    table = scored["preprocessing"]
    native, scripts = (table[table["level"] == name] for name in ("native", "official_scripts"))
    rows = [
        part.loc[part["init"] == "radiologic", ["init", "case_id", "score"]].to_numpy().tolist()
        for part in (native, scripts)
    ]
    assert rows[0] == rows[1]
    assert set(scripts["contract"]) == {"caffe_unit"}
    other = [part[part["init"] == "photographic"] for part in (native, scripts)]
    assert other[0]["case_id"].tolist() == other[1]["case_id"].tolist()
    assert other[0]["score"].tolist() != other[1]["score"].tolist()


def test_predictions_have_the_columns_of_the_grid_after_their_own(scored):
    table = scored["resize"]
    named = ["task", "fold", "scenario", "backbone", "unfreezing", "learning_rate", "init", "seed"]
    case = ["case_id", "patient_id", "part", "label", "score"]
    assert table.columns.tolist() == ["factor", "level", "contract", *named, *case]
    assert table["level"].unique().tolist() == ["stretch", "pad"]


def test_finished_study_trains_nothing_and_has_a_record_for_each_run(factors, scored, no_training):
    again = study_predictions(factors, "preprocessing")
    pd.testing.assert_frame_equal(again, scored["preprocessing"])
    records = study_records(factors, "preprocessing")
    assert records["level"].tolist() == ["native"] * 2 + ["official_scripts"] * 2
    assert records["contract"].tolist() == ["caffe_unit", "caffe", "caffe_unit", "caffe_unit"]
    assert pd.to_datetime(records["finished"]).notna().all()


def test_grid_after_a_factor_trains_only_what_the_factor_did_not(factors, scored, monkeypatch):
    trained = []

    def note(_, __, jobs, **___):
        trained.extend(each.run_id for block, *_ in jobs for each in block.runs)

    monkeypatch.setattr(run, "drive", note)
    run_grid(factors, task_inputs(factors, "breast"))
    done = {each.run.run_id for name in scored for each in plan_study(factors, name)}
    assert trained and done.isdisjoint(trained)


def test_from_random_repeats_no_run_of_a_finished_grid(finished_study, inputs, no_training):
    study = replace(finished_study, profile=tiny_profile({"from_random": ONE}))
    found = study_predictions(study, "from_random")
    whole = predictions(study, inputs)
    expected = whole[whole["scenario"] == SCENARIO]
    keys = ["init", "case_id"]
    pd.testing.assert_frame_equal(
        found.sort_values(keys, ignore_index=True), expected.sort_values(keys, ignore_index=True)
    )
    assert found["init"].unique().tolist() == ["random", "radiologic"]


def test_each_fold_is_trained_and_tested_on_its_own_cases(finished_study, with_small_backbone):
    profile = tiny_profile({"from_random": ONE | {"folds": 2}, "inits": ["random", "radiologic"]})
    study = copy_of(finished_study, "folds", profile=profile)
    with with_small_backbone():
        table = study_predictions(study, "from_random")
    folds = task_inputs(study, "breast", folds=2).folds
    test = folds[folds["part"] == "test"].groupby("fold")["case_id"].agg(set)
    assert test[0] != test[1]
    for (fold, _), rows in table.groupby(["fold", "init"]):
        assert set(rows["case_id"]) == test[fold]


@pytest.mark.parametrize("name", ["from_random", "preprocessing", "resize"])
def test_study_that_the_profile_does_not_ask_for_raises(study, name):
    with pytest.raises(InputError, match=f"says nothing of the study {name}"):
        plan_study(study, name)


def test_unknown_study_raises_and_names_those_that_there_are(study):
    with pytest.raises(InputError, match=r"unknown study.*\n?.*preprocessing, resize"):
        plan_study(study, "augmentation")


@pytest.mark.parametrize(
    ("scenario", "problem"),
    [("ResNet50-unfreeze_all-1e-09", "1e-09"), ("DenseNet121-freeze_all-1e-02", "backbone")],
)
def test_unknown_scenario_or_one_of_another_backbone_is_refused(scenario, problem):
    with pytest.raises((ValidationError, InputError), match=problem):
        tiny_profile({"from_random": ONE | {"scenarios": [scenario]}})


@pytest.fixture
def larger(finished_study):
    """The finished study, whose profile asks for studies beside the grid."""
    frozen = ONE | {"scenarios": ["ResNet50-freeze_all-1e-02"]}
    sections = {"from_random": ONE, "factors": {"preprocessing": frozen, "resize": frozen}}
    return replace(finished_study, profile=tiny_profile(sections))


def test_plan_of_all_studies_lists_every_run_once(larger, inputs):
    planned = plan_all(larger)
    ids = [each.run.run_id for each in planned]
    grid = {each.run_id for each in plan_runs(larger, inputs)}
    assert len(set(ids)) == len(ids) <= _at_most(larger) == 12 + 3 + 2 * 2 * 2
    assert grid < set(ids)
    assert all(each.run.store_digest == each.inputs.store.digest for each in planned)
    # The scripts' contract is that of neither start; from random weights nothing is added.
    beside = [each.run for each in planned if each.run.run_id not in grid]
    assert sorted((each.init, each.contract, each.settings.resize) for each in beside) == [
        ("radiologic", "caffe_unit", "stretch"),
        ("radiologic", "symmetric", "pad"),
        ("random", "caffe_unit", "stretch"),
        ("random", "symmetric", "pad"),
    ]


def test_run_study_trains_what_is_missing_under_one_bar(larger, with_small_backbone, capsys):
    study = copy_of(larger, "whole")
    before = len(list(study.runs.folder.glob("[0-9a-f]*")))
    with with_small_backbone():
        table = run_study(study)
        again = run_study(study)
    assert len(list(study.runs.folder.glob("[0-9a-f]*"))) == before + 4
    assert table.equals(again)
    bars = set(re.findall(r"(\d+)/(\d+) \[", capsys.readouterr().err))
    assert ("17", "17") in bars
    assert {int(total) for _, total in bars} <= {17, 1 + _at_most(study)}
