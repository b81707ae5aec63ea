"""Named studies: parts of one plan with one setting changed; no run is trained twice."""

import re
from dataclasses import replace

import pandas as pd
import pytest
from tiny_study import copy_of, tiny_profile

from rin.data.store import open_store
from rin.errors import InputError
from rin.study import (
    executors,
    open_study,
    predictions,
    run,
    run_fine_tuning,
    run_grid,
    run_pretraining,
    run_records,
    run_study,
)
from rin.study.plan import plan_all, plan_study

SCENARIO = "ResNet50-unfreeze_all-1e-04"
ONE = {"tasks": ["breast"], "scenarios": [SCENARIO]}
FACTORS = {
    "inits": ["radiologic", "photographic"],
    "pretraining.corpora": {
        "radiologic": "corpus_radiologic",
        "photographic": "corpus_photographic",
    },
    "pretraining.preprocessing": {"radiologic": "caffe_unit", "photographic": "caffe"},
    "factors": {"preprocessing": ONE, "resize": ONE},
}


@pytest.fixture(scope="module")
def factors(study_folder, with_small_backbone):
    """A study of both factors whose runs are finished, but not those of the grid beside them."""
    made = open_study(tiny_profile(FACTORS | {"name": "factors"}), results=study_folder)
    with with_small_backbone():
        run_pretraining(made)
        for name in ("preprocessing", "resize"):
            run.run_missing(made, plan_study(made, name))
    return made


@pytest.fixture
def no_training(monkeypatch):
    monkeypatch.setattr(executors, "make_executor", lambda _: pytest.fail("trains again"))


def ids(planned):
    return {run.run_id for run in planned}


def cells(planned):
    return {(run.level, run.init): run for run in planned}


def test_levels_of_preprocessing_read_one_store_and_share_a_run_of_equal_inputs(factors):
    found = cells(plan_study(factors, "preprocessing"))
    native, scripts = found["native", "radiologic"], found["official_scripts", "radiologic"]
    assert native.files.store == scripts.files.store
    assert native.run_id == scripts.run_id
    native, scripts = found["native", "photographic"], found["official_scripts", "photographic"]
    assert native.run_id != scripts.run_id
    assert (native.contract, scripts.contract) == ("caffe", "caffe_unit")


@pytest.mark.parametrize("own", ["stretch", "pad"])
def test_levels_of_resize_differ_in_pictures_and_in_nothing_else(factors, own):
    profile = tiny_profile(FACTORS | {"fine_tuning.resize": own})
    found = cells(plan_study(replace(factors, profile=profile), "resize"))
    stretched, padded = (found[level, "radiologic"].files for level in ("stretch", "pad"))
    assert [open_store(each.store).resize for each in (stretched, padded)] == ["stretch", "pad"]
    pd.testing.assert_frame_equal(stretched.folds, padded.folds)
    assert stretched.digest != padded.digest


def test_own_level_of_a_factor_has_the_run_ids_of_the_grid(factors):
    for name, level in (("preprocessing", "native"), ("resize", "stretch")):
        own = [each for each in plan_study(factors, name) if each.level == level]
        assert len(own) == 2 and ids(own) <= ids(plan_study(factors))


@pytest.mark.parametrize("name", ["from_random", "preprocessing"])
def test_more_folds_keep_the_runs_of_the_first(pretrained_study, name):
    def planned(folds):
        section = ONE | {"folds": folds}
        section = {name: section} if name == "from_random" else {"factors": {name: section}}
        return plan_study(replace(pretrained_study, profile=tiny_profile(section)), name)

    more = planned(2)
    assert {each.fold for each in more} == {0, 1}
    first = [each.run_id for each in more if each.fold == 0]
    assert first == [each.run_id for each in planned(1)]


def test_predictions_have_a_factors_columns_and_a_shared_run_under_both_levels(factors):
    table = predictions(factors, "preprocessing")
    assert list(table) == ["factor", "level", "contract", *predictions_columns()]
    native, scripts = (table[table["level"] == name] for name in ("native", "official_scripts"))
    assert set(scripts["contract"]) == {"caffe_unit"}
    for init, same in (("radiologic", True), ("photographic", False)):
        one, two = (part[part["init"] == init] for part in (native, scripts))
        assert one["case_id"].tolist() == two["case_id"].tolist()
        assert (one["score"].tolist() == two["score"].tolist()) is same
    assert predictions(factors, "resize")["level"].unique().tolist() == ["stretch", "pad"]


def predictions_columns():
    named = ["task", "fold", "scenario", "backbone", "unfreezing", "learning_rate", "init", "seed"]
    return [*named, "case_id", "patient_id", "part", "label", "score"]


def test_records_of_a_factor_are_one_row_a_run_and_level(factors):
    told = run_records(factors, "preprocessing")
    assert told["level"].tolist() == ["native"] * 2 + ["official_scripts"] * 2
    assert told["contract"].tolist() == ["caffe_unit", "caffe", "caffe_unit", "caffe_unit"]
    assert pd.to_datetime(told["finished"]).notna().all()


def test_grid_after_a_factor_trains_only_what_the_factor_did_not(factors, monkeypatch):
    trained = []

    def note(_, __, jobs, *___):
        trained.extend(each.run_id for block, *_ in jobs for each in block.runs)

    monkeypatch.setattr(run, "drive", note)
    run_grid(factors)
    done = ids(plan_study(factors, "preprocessing") + plan_study(factors, "resize"))
    assert trained and done.isdisjoint(trained)


def test_from_random_repeats_no_run_of_a_finished_grid(finished_study, no_training):
    study = replace(finished_study, profile=tiny_profile({"from_random": ONE}))
    run_fine_tuning(study)
    found, whole = predictions(study, "from_random"), predictions(study)
    expected = whole[whole["scenario"] == SCENARIO]
    keys = ["init", "case_id"]
    pd.testing.assert_frame_equal(
        found.sort_values(keys, ignore_index=True), expected.sort_values(keys, ignore_index=True)
    )
    assert found["init"].unique().tolist() == ["random", "radiologic"]


@pytest.mark.parametrize(
    ("name", "said"),
    [("resize", "says nothing of the study resize"), ("size", "Known: main, from_random, rep")],
)
def test_study_that_the_profile_does_not_ask_for_or_nobody_knows_raises(study, name, said):
    with pytest.raises(InputError, match=said):
        plan_study(study, name)


@pytest.fixture
def larger(finished_study):
    """The finished study, whose profile asks for studies beside the grid."""
    frozen = ONE | {"scenarios": ["ResNet50-freeze_all-1e-02"]}
    sections = {"from_random": ONE, "factors": {"preprocessing": frozen, "resize": frozen}}
    return replace(finished_study, profile=tiny_profile(sections))


def test_plan_of_all_studies_lists_every_run_once(larger):
    planned, grid = plan_all(larger), ids(plan_study(larger))
    assert len(ids(planned)) == len(planned) <= larger.profile.most_runs == 12 + 2 + 2 * 2 * 2
    assert grid < ids(planned)
    # The scripts' contract is that of neither start; from random weights nothing is added.
    beside = [each for each in planned if each.run_id not in grid]
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
    assert {int(total) for _, total in bars} <= {17, 1 + study.profile.most_runs}


def test_repeats_train_the_runs_of_the_plan_again_with_other_seeds_and_other_cases(finished_study):
    asked = tiny_profile({"repeats": {**ONE, "seeds": 2, "splits": 1}})
    study = replace(finished_study, profile=asked)
    planned = pd.DataFrame([each.named for each in plan_study(study, "repeats")])
    assert len(planned) == 2 * (1 + 2 + 1)  # inits; the run, two seeds, another split
    for _, pair in planned.groupby(["fold", "seed"]):
        assert pair["init"].tolist() == ["random", "radiologic"]
    assert planned.loc[planned["fold"] == 0, "seed"].nunique() == 3
    main = {each.run_id for each in plan_study(study)}
    repeated = [each.run_id for each in plan_study(study, "repeats")]
    assert len(main.intersection(repeated)) == 2
    assert len(set(repeated)) == len(repeated)
    assert study.profile.most_runs == len(main) + len(repeated)
