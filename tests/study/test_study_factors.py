"""Factors as studies of their own: same cases at both levels, and no run trained twice."""

from dataclasses import replace

import pandas as pd
import pytest
from tiny_study import tiny_profile

from rin.errors import InputError
from rin.study import open_study, run_grid, run_pretraining, task_inputs
from rin.study.factors import (
    factor_inputs,
    factor_records,
    factor_runs,
    planned_factor_runs,
    run_factor,
    studied_factors,
)
from rin.study.plan import plan_runs

SCENARIO = "ResNet50-unfreeze_all-1e-04"
ONE = {"tasks": ["breast"], "scenarios": [SCENARIO]}
CHANGES = {
    "inits": ["radiologic", "photographic"],
    "pretraining.corpora": {"radiologic": "corpus_radiologic",
                            "photographic": "corpus_photographic"},
    "pretraining.preprocessing": {"radiologic": "caffe_unit", "photographic": "caffe"},
    "factors": {"preprocessing": ONE, "resize": ONE},
}  # fmt: skip


@pytest.fixture(scope="module")
def factors(study_folder, with_small_backbone):
    """A study of both factors whose weights are pretrained, with nothing fine-tuned yet."""
    made = open_study(tiny_profile(CHANGES | {"name": "factors"}), results=study_folder)
    with with_small_backbone():
        run_pretraining(made)
    return made


@pytest.fixture(scope="module")
def finished(factors, with_small_backbone):
    """Both factors with their inputs and predictions, after every run."""
    found = {}
    with with_small_backbone():
        for factor in studied_factors(factors):
            inputs = factor_inputs(factors, factor)
            found[factor] = inputs, run_factor(factors, factor, inputs)
    return found


def test_levels_of_preprocessing_read_one_store(factors):
    inputs = factor_inputs(factors, "preprocessing")
    assert list(inputs) == [("native", "breast"), ("official_scripts", "breast")]
    assert inputs["native", "breast"] is inputs["official_scripts", "breast"]


@pytest.mark.parametrize("own", ["stretch", "pad"])
def test_levels_of_resize_differ_in_pictures_and_in_nothing_else(factors, own):
    profile = tiny_profile(CHANGES | {"fine_tuning.resize": own})
    inputs = factor_inputs(replace(factors, profile=profile), "resize")
    stretched, padded = inputs["stretch", "breast"], inputs["pad", "breast"]
    assert (stretched.store.resize, padded.store.resize) == ("stretch", "pad")
    pd.testing.assert_frame_equal(stretched.folds, padded.folds)
    assert stretched.store.digest != padded.store.digest


def test_weights_trained_on_what_the_scripts_feed_are_one_run_at_both_levels(factors):
    inputs = factor_inputs(factors, "preprocessing")
    runs = {(level, run.init): run for level, run in factor_runs(factors, "preprocessing", inputs)}
    ids = {key: run.run_id for key, run in runs.items()}
    assert ids["native", "radiologic"] == ids["official_scripts", "radiologic"]
    assert ids["native", "photographic"] != ids["official_scripts", "photographic"]
    assert runs["native", "photographic"].contract == "caffe"
    assert runs["official_scripts", "photographic"].contract == "caffe_unit"


def test_plan_of_all_factors_holds_each_run_once_with_the_store_that_it_reads(factors):
    planned = planned_factor_runs(factors)
    ids = [run.run_id for run, _ in planned]
    # Native and stretched is one level of both: two inits, scripts' inputs, and two padded.
    assert len(ids) == len(set(ids)) == 5
    assert all(run.store_digest == read.store.digest for run, read in planned)


def test_own_level_of_a_factor_has_the_run_ids_of_the_grid(factors):
    of_grid = {run.run_id for run in plan_runs(factors, task_inputs(factors, "breast"))}
    for factor, level in (("preprocessing", "native"), ("resize", "stretch")):
        runs = factor_runs(factors, factor, factor_inputs(factors, factor))
        own = {run.run_id for at, run in runs if at == level}
        assert len(own) == 2 and own <= of_grid


def test_more_folds_keep_the_runs_of_the_first(factors):
    section = {"preprocessing": ONE | {"folds": 2}}
    more = replace(factors, profile=tiny_profile(CHANGES | {"factors": section}))
    runs = factor_runs(more, "preprocessing", factor_inputs(more, "preprocessing"))
    first = factor_runs(factors, "preprocessing", factor_inputs(factors, "preprocessing"))
    assert {run.fold for _, run in runs} == {0, 1}
    assert [r.run_id for _, r in runs if r.fold == 0] == [r.run_id for _, r in first]


def test_shared_run_has_its_rows_under_both_levels(finished):
    scored = finished["preprocessing"][1]
    assert scored.columns[:3].tolist() == ["factor", "level", "contract"]
    native, scripts = (scored[scored["level"] == one] for one in ("native", "official_scripts"))
    keys = ["init", "case_id", "score"]
    rows = [one.loc[one["init"] == "radiologic", keys] for one in (native, scripts)]
    assert rows[0].to_numpy().tolist() == rows[1].to_numpy().tolist()
    assert set(scripts["contract"]) == {"caffe_unit"}
    other = [one[one["init"] == "photographic"] for one in (native, scripts)]
    assert other[0]["case_id"].tolist() == other[1]["case_id"].tolist()
    assert other[0]["score"].tolist() != other[1]["score"].tolist()


def test_predictions_have_the_columns_of_the_grid_after_their_own(finished, factors):
    scored = finished["resize"][1]
    grid = ["task", "fold", "scenario", "backbone", "unfreezing", "learning_rate", "init", "seed"]
    case = ["case_id", "patient_id", "part", "label", "score"]
    assert scored.columns.tolist() == ["factor", "level", "contract", *grid, *case]
    assert scored["level"].unique().tolist() == ["stretch", "pad"]
    assert set(scored["part"]) == {"test"}


def test_finished_factor_trains_nothing(finished, factors, monkeypatch):
    monkeypatch.setattr("rin.study.grid.make_executor", lambda _: pytest.fail("trains again"))
    inputs, before = finished["preprocessing"]
    pd.testing.assert_frame_equal(run_factor(factors, "preprocessing", inputs), before)


def test_records_have_one_row_a_run_and_level(finished, factors):
    records = factor_records(factors, "preprocessing", finished["preprocessing"][0])
    assert records["level"].tolist() == ["native"] * 2 + ["official_scripts"] * 2
    assert records["contract"].tolist() == ["caffe_unit", "caffe", "caffe_unit", "caffe_unit"]
    assert pd.to_datetime(records["finished"]).notna().all()


def test_grid_after_a_factor_trains_only_what_the_factor_did_not(
    finished, factors, with_small_backbone, monkeypatch
):
    trained = []

    def note(_, __, jobs, **___):
        trained.extend(run.run_id for block, *_ in jobs for run in block.runs)

    monkeypatch.setattr("rin.study.grid.drive", note)
    run_grid(factors, task_inputs(factors, "breast"))
    of_factor = {run.run_id for run, _ in planned_factor_runs(factors)}
    assert trained and of_factor.isdisjoint(trained)


def test_profile_without_factors_plans_none_and_a_single_factor_raises(study):
    assert planned_factor_runs(study) == []
    with pytest.raises(InputError, match="does not study the factor resize"):
        factor_inputs(study, "resize")


def test_profile_of_one_factor_raises_for_the_other(factors):
    one = replace(factors, profile=tiny_profile(CHANGES | {"factors": {"resize": ONE}}))
    assert studied_factors(one) == ["resize"]
    with pytest.raises(InputError, match="does not study the factor preprocessing"):
        factor_inputs(one, "preprocessing")


def test_unknown_factor_raises_and_names_those_that_there_are(factors):
    with pytest.raises(InputError, match=r"unknown factor.*\n?.*preprocessing, resize"):
        factor_inputs(factors, "augmentation")
