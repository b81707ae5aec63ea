import json
import shutil

import numpy as np
import pandas as pd
import pytest
from tiny_study import copy_of, records, tiny_profile

from rin.errors import InputError
from rin.study import cam_arrays, histories, plan, predictions, run, run_grid, run_records

COLUMNS = [
    *("task", "fold", "scenario", "backbone", "unfreezing", "learning_rate", "init", "seed"),
    *("case_id", "patient_id", "part", "label", "score"),
]


@pytest.fixture
def no_executor(monkeypatch):
    """Fail when anything asks for an executor."""
    monkeypatch.setattr(run, "make_executor", lambda _: pytest.fail("an executor was made"))


def part_of(inputs, part):
    return set(inputs.folds.loc[inputs.folds["part"] == part, "case_id"])


def test_grid_when_finished_has_every_run_once(finished_study, inputs):
    table = run_grid(finished_study, inputs)
    assert len(table) == 6 * 2
    assert not table[["scenario", "init", "fold"]].duplicated().any()
    assert sorted(p.name for p in finished_study.runs.folder.iterdir()) == sorted(table.index)


def test_grid_when_called_again_trains_nothing(finished_study, inputs, no_executor):
    before = records(finished_study.runs)
    run_grid(finished_study, inputs)
    assert records(finished_study.runs) == before


def test_run_folder_holds_the_configuration_that_its_name_is_the_digest_of(finished_study, inputs):
    for each in plan.plan_runs(finished_study, inputs):
        kept = json.loads((finished_study.runs.path(each.run_id) / "config.json").read_text())
        assert kept == each.config


@pytest.mark.parametrize("part", ["test", "validation"])
def test_predictions_hold_each_case_of_the_part_once_a_run(finished_study, inputs, part):
    table = predictions(finished_study, inputs, part=part)
    assert list(table) == COLUMNS
    assert set(table["part"]) == {part}
    assert (table["label"] == table["case_id"].str.startswith("malignant")).all()
    assert table["score"].between(0, 1).all()
    runs = table.groupby(["scenario", "init"])["case_id"]
    assert len(runs) == 12
    for _, cases in runs:
        assert cases.is_unique
        assert set(cases) == part_of(inputs, part)


def test_predictions_when_part_is_unknown_list_the_known_ones(finished_study, inputs):
    with pytest.raises(InputError, match=r"unknown part 'train'.*validation, test"):
        predictions(finished_study, inputs, part="train")


def test_predictions_when_runs_are_missing_tell_how_many(finished_study, inputs):
    study = copy_of(finished_study, "missing")
    shutil.rmtree(next(study.runs.folder.iterdir()))
    for read in (predictions, histories, run_records, lambda *a: list(cam_arrays(*a))):
        with pytest.raises(InputError, match="1 of 12 runs of breast are not finished"):
            read(study, inputs)


def test_predictions_when_a_table_is_damaged_name_its_file(finished_study, inputs):
    study = copy_of(finished_study, "damaged")
    path = next(study.runs.folder.iterdir()) / "predictions.parquet"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError) as caught:
        predictions(study, inputs)
    assert caught.value.where == str(path)


def test_histories_have_one_row_an_epoch(finished_study, inputs):
    table = histories(finished_study, inputs)
    assert len(table) == 12
    assert set(table["epoch"]) == {1}
    assert np.isfinite(table[["loss", "val_loss"]]).all(axis=None)


def test_cam_arrays_follow_the_rows_of_the_test_predictions(finished_study, inputs):
    tables = []
    for table, maps in cam_arrays(finished_study, inputs):
        assert maps.shape == (len(table), 3, 3, 2)
        # The head is linear in the pooled features: a logit is the sum of its map plus a bias.
        logit = np.log(table["score"] / (1 - table["score"]))
        bias = logit - (maps[..., 1] - maps[..., 0]).sum(axis=(1, 2))
        assert np.ptp(bias) < 1e-3
        assert np.ptp(logit) > 1e-3
        tables.append(table)
    pd.testing.assert_frame_equal(
        pd.concat(tables, ignore_index=True), predictions(finished_study, inputs)
    )


def test_grid_when_weights_are_missing_names_file_and_home_and_finishes_the_others(
    finished_study, inputs, with_small_backbone
):
    done = [r for r in plan.plan_runs(finished_study, inputs) if r.init == "random"]
    lost = done[-1]  # its block meets missing weights first
    profile = tiny_profile({"inits": ["random", "radimagenet"]})
    study = copy_of(finished_study, "unreleased", profile=profile)
    shutil.rmtree(study.runs.path(lost.run_id))
    missing = pytest.raises(InputError, match="no weights file for init 'radimagenet'")
    with with_small_backbone(), missing as caught:
        run_grid(study, inputs)
    assert "RadImageNet-ResNet50_notop.h5" in caught.value.where
    assert "https://github.com/BMEII-AI/RadImageNet" in caught.value.remedy
    assert all(study.runs.has(each.run_id) for each in done)
    first, again = (
        each.runs.read(lost.run_id, "predictions.parquet", pd.read_parquet)
        for each in (finished_study, study)
    )
    pd.testing.assert_frame_equal(first, again, rtol=1e-4)


def test_cam_arrays_of_a_task_without_masks_say_that_there_are_none(
    finished_study, inputs, monkeypatch
):
    monkeypatch.setattr(type(inputs.store), "masks", lambda _: None)
    with pytest.raises(InputError, match="runs of breast keep no class activation maps"):
        next(cam_arrays(finished_study, inputs))
