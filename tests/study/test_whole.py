"""Everything that a study trains: one plan, one bar."""

import re
from dataclasses import replace

import pytest
from tiny_study import copy_of, tiny_profile

from rin.study.plan import plan_runs
from rin.study.whole import _at_most, run_study, whole_study

FACTOR = {"tasks": ["breast"], "scenarios": ["ResNet50-freeze_all-1e-02"]}
SECTIONS = {
    "from_random": {"tasks": ["breast"], "scenarios": ["ResNet50-unfreeze_all-1e-04"]},
    "factors": {"preprocessing": FACTOR, "resize": FACTOR},
}


@pytest.fixture
def larger(finished_study):
    """The finished study, whose profile asks for studies beside the grid."""
    return replace(finished_study, profile=tiny_profile(SECTIONS))


def test_whole_study_lists_every_run_once(larger, inputs):
    whole = whole_study(larger)
    ids = [run.run_id for run in whole.runs]
    grid = {run.run_id for run in plan_runs(larger, inputs)}
    assert len(set(ids)) == len(ids)
    assert grid < set(ids)
    # The scripts' contract is that of neither start; from random weights nothing is added.
    beside = [run for run in whole.runs if run.run_id not in grid]
    assert sorted((run.init, run.contract, run.settings.resize) for run in beside) == [
        ("radiologic", "caffe_unit", "stretch"),
        ("radiologic", "symmetric", "pad"),
        ("random", "caffe_unit", "stretch"),
        ("random", "symmetric", "pad"),
    ]


def test_whole_study_reads_each_store_that_its_runs_name(larger):
    whole = whole_study(larger)
    read = {(one.task.name, one.store.digest) for one in whole.inputs}
    assert {(run.task, run.store_digest) for run in whole.runs} == read


def test_whole_study_has_at_most_the_runs_that_are_counted_before_it_is_known(larger):
    assert len(whole_study(larger).runs) <= _at_most(larger) == 12 + 3 + 2 * 2 * 2


def test_run_study_trains_what_is_missing_under_one_bar(
    larger, with_small_backbone, capsys, tmp_path
):
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
