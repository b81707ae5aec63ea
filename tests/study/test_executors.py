import re
import signal
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from pool_jobs import die, fail, touch
from tiny_study import records, start_program, write_profile

from rin.errors import InputError
from rin.study import consolidate, open_workspace
from rin.study.executors import run_with_bar
from rin.study.profile import Execution


def run_jobs(workers, jobs, folder):
    """Drive jobs that leave a file each in a folder, in place of runs in a ledger."""
    ledger = SimpleNamespace(count=lambda _: len(list(folder.iterdir())), folder=folder)
    calls = [partial(*job) for job in jobs]
    return run_with_bar(Execution(workers=workers), calls, ledger, jobs, "Trying")


def test_drive_when_jobs_fail_raises_the_first_after_the_others_ended(tmp_path):
    jobs = [(fail, Path("first")), (fail, Path("second")), (touch, tmp_path / "last")]
    with pytest.raises(InputError, match="no first"):
        run_jobs(0, jobs, tmp_path)
    assert (tmp_path / "last").exists()


def test_drive_when_a_worker_dies_tells_to_run_again_and_what_failed_before(
    tmp_path, monkeypatch, capfd
):
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    (tmp_path / "before").touch()
    jobs = [(fail, Path("first")), (die, tmp_path), (touch, tmp_path / "after")]
    with pytest.raises(InputError, match="a worker process died after 1 of 3 runs") as caught:
        run_jobs(1, jobs, tmp_path)
    assert "Run again" in caught.value.remedy
    failure = caught.value.__cause__  # as it came out of the other process
    assert (failure.problem, failure.where) == ("no first", "first")
    words = re.sub(r"Trying: .*?\]", "", capfd.readouterr().err)
    assert words.strip() == "these are its last words"  # of TensorFlow none


def test_drive_when_interrupted_starts_no_further_job(tmp_path):
    interrupt = signal.raise_signal, signal.SIGINT
    jobs = [(touch, tmp_path / "before"), interrupt, (touch, tmp_path / "after")]
    with pytest.raises(KeyboardInterrupt):
        run_jobs(0, jobs, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"before"}


@pytest.mark.slow
def test_grid_in_this_process_and_in_a_pool_has_identical_predictions(tmp_path):
    tables, files = [], []
    for workers in (0, 2):
        folder = tmp_path / str(workers)
        folder.mkdir()
        changes = {"execution": {"workers": workers, "threads": 1}}
        profile = write_profile(folder / "tiny.yaml", changes)
        assert start_program(profile, folder, "small").wait() == 0
        study = open_workspace(profile, results=folder)
        files.append(records(study.fine_tuning_ledger).keys())
        tables.append(consolidate(study).tables["predictions"])
    assert files[0] == files[1]
    pd.testing.assert_frame_equal(*tables, check_exact=True)
