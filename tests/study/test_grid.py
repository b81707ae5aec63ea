"""Running the grid of a task and reading back what its runs left."""

import doctest
import shutil

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from scipy.special import expit
from tiny_study import (
    COLUMNS,
    FROZEN,
    copy_of,
    main_study,
    records,
    results_of,
    run_grid,
    tiny_profile,
    trained_alone,
)

from rin.errors import InputError
from rin.study import consolidate, run_pretraining
from rin.study.executors import begin_block, last_trained
from rin.study.fine_tuning import cam_arrays, run_missing
from rin.study.plan import plan_study
from rin.study.profile import Execution
from rin.study.stages import run_study
from rin.tables import as_categories


def test_grid_when_finished_has_every_run_once_and_trains_nothing(finished_study, no_training):
    before = records(finished_study.fine_tuning_ledger)
    table = run_grid(finished_study)
    assert records(finished_study.fine_tuning_ledger) == before
    assert len(table) == 6 * 2
    assert not table[["scenario", "init", "fold"]].duplicated().any()
    assert {name.partition("/")[0] for name in before} >= {*table.index}


def test_example_of_the_reference_holds_of_a_finished_study(finished_study, no_training, capsys):
    (example,) = doctest.DocTestFinder(recurse=False).find(
        run_study, "run_study", extraglobs={"workspace": finished_study}
    )
    results = doctest.DocTestRunner().run(example)
    assert results.attempted > 1
    assert not results.failed, capsys.readouterr().out


def test_predictions_hold_each_case_of_the_part_once_a_run(finished_study, inputs):
    table = consolidate(finished_study).predictions()
    assert list(table) == [*COLUMNS, "pretraining_seed"]
    assert set(table["part"]) == {"test"}
    assert (table["label"] == table["case_id"].str.startswith("malignant")).all()
    assert np.isfinite(table["score"]).all()
    of_part = set(inputs.folds.loc[inputs.folds["part"] == "test", "case_id"])
    runs = table.groupby(["scenario", "init"])["case_id"]
    assert len(runs) == 12
    assert all(cases.is_unique and set(cases) == of_part for _, cases in runs)


def test_predictions_when_part_is_unknown_list_the_known_ones(finished_study):
    with pytest.raises(InputError, match=r"unknown part 'train'.*validation, test"):
        consolidate(finished_study).predictions(part="train")


@pytest.mark.slow
def test_precision_of_the_profile_is_that_of_every_training(opened):
    changes = {"name": "precise", "execution": {"precision": "mixed_bfloat16"}}
    changes["studies"] = [main_study(**FROZEN)]
    workspace = opened(changes)
    try:
        assert set(run_pretraining(workspace)["precision"]) == {"mixed_bfloat16"}
        run_grid(workspace)
    except InputError as error:
        if "does not train in mixed_bfloat16" not in str(error):
            raise
        pytest.skip("this processor does not train in bfloat16")
    finally:
        keras.config.set_dtype_policy("float32")
    assert set(consolidate(workspace).records("breast")["precision"]) == {"mixed_bfloat16"}
    scores = consolidate(workspace).predictions()["score"]
    # A head in bfloat16 would leave few different scores, and ties.
    assert scores.nunique() > 0.9 * len(scores)


def test_precision_that_the_processor_has_not_is_one_clear_error(monkeypatch):
    def refuse(*_, **__):
        raise tf.errors.AbortedError(None, None, "could not create a primitive descriptor")

    monkeypatch.setattr(keras.layers, "Conv2D", refuse)
    with pytest.raises(InputError, match=r"not train in mixed_bfloat16.*precision: float32"):
        begin_block(Execution(precision="mixed_bfloat16"))
    begin_block(Execution())


def test_other_threads_than_those_that_tensorflow_started_with_are_one_clear_error():
    tf.constant(0)  # it starts
    threads = tf.config.threading.get_intra_op_parallelism_threads() + 3
    with pytest.raises(InputError, match=rf"Restart the kernel, .* threads: {threads}"):
        begin_block(Execution(threads=threads))


def test_cam_arrays_follow_the_rows_of_the_test_predictions(finished_study):
    tables = []
    for table, maps in cam_arrays(finished_study, "breast"):
        assert maps.shape == (len(table), 3, 3, 2)
        # The head is linear in the pooled features: a logit is the sum of its map plus a bias.
        bias = table["score"] - (maps[..., 1] - maps[..., 0]).sum(axis=(1, 2))
        assert np.ptp(bias) < 1e-3 < np.ptp(table["score"])
        assert expit(table["score"]).between(0, 1).all()
        tables.append(table)
    scores = consolidate(finished_study).predictions().drop(columns="pretraining_seed")
    table = as_categories(pd.concat(tables, ignore_index=True))
    pd.testing.assert_frame_equal(table, scores)


def test_grid_when_weights_are_missing_names_file_and_home_and_finishes_the_others(finished_study):
    done = [run for run in plan_study(finished_study) if run.init == "random"]
    lost = done[-1]  # its block meets missing weights first
    profile = tiny_profile({"inits": ["random", "radimagenet"]})
    study = copy_of(finished_study, "unreleased", profile=profile)
    shutil.rmtree(study.fine_tuning_ledger.path(lost.run_id))
    missing = pytest.raises(InputError, match="no weights file for init 'radimagenet'")
    with missing as caught:
        run_grid(study)
    assert "RadImageNet-ResNet50_notop.h5" in caught.value.where
    assert "https://github.com/BMEII-AI/RadImageNet" in caught.value.remedy
    assert all(study.fine_tuning_ledger.has(each.run_id) for each in done)
    first, again = (
        each.fine_tuning_ledger.read(lost.run_id, "predictions.parquet", pd.read_parquet)
        for each in (finished_study, study)
    )
    pd.testing.assert_frame_equal(first, again, rtol=1e-4)


@pytest.mark.slow
def test_blocks_that_go_on_with_a_network_give_what_it_gives_new(finished_study, tmp_path):
    """Three ways of unfreezing: what predicts is traced for the first alone."""
    study = copy_of(finished_study, "anew")
    shutil.rmtree(study.fine_tuning_ledger.folder)
    chosen = [run for run in plan_study(study) if run.init == "random"][::2]
    assert len({run.scenario.unfreezing for run in chosen}) == len(chosen) == 3
    run_missing(study, chosen)
    assert not last_trained
    alone, traces_alone = trained_alone(study, chosen, tmp_path / "runs")
    assert results_of(study.fine_tuning_ledger, chosen) == alone
    traces = [study.fine_tuning_ledger.done_record(run.run_id)["traces"] for run in chosen]
    assert sorted(traces)[-1] == max(traces_alone)
    assert sum(traces) < sum(traces_alone)


def test_network_of_a_block_that_failed_is_of_no_further_use(
    finished_study, tmp_path, monkeypatch
):
    def fail(*_, **__):
        raise MemoryError

    monkeypatch.setattr(keras.Model, "fit", fail)
    with pytest.raises(MemoryError):
        trained_alone(finished_study, plan_study(finished_study)[:1], tmp_path)
    assert not last_trained
