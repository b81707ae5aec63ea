"""Runs from random weights beside pretrained ones, shared with the grid where they are equal."""

from dataclasses import replace

import pandas as pd
import pytest
from pydantic import ValidationError
from tiny_study import tiny_profile

from rin.errors import InputError
from rin.study import from_random_inputs, from_random_records, predictions, run_from_random
from rin.study.plan import plan_runs

SCENARIO = "ResNet50-unfreeze_all-1e-04"
SECTION = {"tasks": ["breast"], "scenarios": [SCENARIO]}


@pytest.fixture
def comparing(finished_study):
    return replace(finished_study, profile=tiny_profile({"from_random": SECTION}))


def test_runs_of_a_finished_grid_are_not_repeated(comparing, inputs, monkeypatch):
    monkeypatch.setattr("rin.study.grid.make_executor", lambda _: pytest.fail("trains again"))
    found = run_from_random(comparing, from_random_inputs(comparing))
    whole = predictions(comparing, inputs)
    expected = whole[whole["scenario"] == SCENARIO].reset_index(drop=True)
    keys = ["init", "case_id"]
    pd.testing.assert_frame_equal(
        found.sort_values(keys, ignore_index=True), expected.sort_values(keys, ignore_index=True)
    )
    assert set(found["init"]) == {"random", "radiologic"}


def test_first_fold_of_several_has_the_run_ids_of_the_grid(comparing, inputs):
    section = SECTION | {"folds": 2}
    more = replace(comparing, profile=tiny_profile({"from_random": section}))
    of_grid = {run.run_id for run in plan_runs(comparing, inputs)}
    runs = plan_runs(more, from_random_inputs(more)["breast"])
    assert {run.fold for run in runs} == {0, 1}
    assert {run.run_id for run in runs if run.fold == 0} == of_grid
    assert of_grid.isdisjoint(run.run_id for run in runs if run.fold == 1)


def test_records_have_one_row_a_run_with_its_time(comparing):
    records = from_random_records(comparing, from_random_inputs(comparing))
    assert records["init"].tolist() == ["random", "radiologic"]
    assert pd.to_datetime(records["finished"]).notna().all()


def test_profile_without_the_section_raises(finished_study):
    with pytest.raises(InputError, match="from_random section"):
        from_random_inputs(finished_study)


@pytest.mark.parametrize(
    ("scenario", "problem"),
    [("ResNet50-unfreeze_all-1e-09", "1e-09"), ("DenseNet121-freeze_all-1e-02", "backbone")],
)
def test_unknown_scenario_or_one_of_another_backbone_is_refused(scenario, problem):
    with pytest.raises((ValidationError, InputError), match=problem):
        tiny_profile({"from_random": SECTION | {"scenarios": [scenario]}})
