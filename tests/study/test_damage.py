"""Files that were changed after a run had written them are never read as results."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from bits import flipped_bits
from tiny_study import ENVIRONMENT, HERE

from rin.errors import InputError
from rin.study.ledger import Ledger

FIRST, SECOND = "a" * 16, "b" * 16
READERS = {
    "predictions.parquet": pd.read_parquet,
    "cams.npy": np.load,
    "done.json": Path.read_text,
    "config.json": Path.read_text,
}


@pytest.fixture
def ledger(tmp_path):
    def write(scores):
        def files(folder):
            pd.DataFrame({"case_id": ["x", "y"], "score": scores}).to_parquet(
                folder / "predictions.parquet"
            )
            np.save(folder / "cams.npy", np.array(scores))
            return {"seconds": 12.5, "best_epoch": 3}

        return files

    ledger = Ledger(tmp_path / "runs")
    ledger.commit(FIRST, {"seed": 1}, write([0.25, -1.5]))
    ledger.commit(SECOND, {"seed": 2}, write([2.5, 0.5]))
    return ledger


def refused(ledger, run_id, name):
    with pytest.raises(InputError, match="Delete the run's folder") as caught:
        ledger.read(run_id, name, READERS[name])
    assert run_id in caught.value.where


@pytest.mark.parametrize("name", READERS)
def test_single_bit_that_flipped_in_a_file_of_a_run_is_never_silent(ledger, name):
    path = ledger.path(FIRST) / name
    whole = path.read_bytes()
    ledger.read(FIRST, name, READERS[name])  # a file that was found whole is checked again
    for damaged in flipped_bits(whole, 20):
        path.write_bytes(damaged)
        refused(ledger, FIRST, name)


def of_another_run(*names):
    """Return what puts files of the second run in the place of those of the first."""
    return lambda ledger: [
        shutil.copy(ledger.path(SECOND) / name, ledger.path(FIRST) / name) for name in names
    ]


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (of_another_run("predictions.parquet"), ["predictions.parquet"]),
        (lambda ledger: (ledger.path(FIRST) / "done.json").write_text("{}"), ["done.json"]),
        (of_another_run("config.json"), ["done.json"]),
        (of_another_run(*READERS), READERS),
    ],
)
def test_edits_that_leave_readable_files_are_refused(ledger, change, names):
    change(ledger)
    for name in names:
        refused(ledger, FIRST, name)


def test_every_file_of_a_run_reaches_the_disk_before_its_name_does(tmp_path, monkeypatch):
    seen = []

    def fsync(handle):
        path = Path(f"/proc/self/fd/{handle}").readlink()
        seen.append(path.name if path.parents[1].name.startswith(f".{FIRST}") else path)

    monkeypatch.setattr(os, "fsync", fsync)
    ledger = Ledger(tmp_path / "runs")
    ledger.commit(FIRST, {}, lambda folder: {"bytes": (folder / "table").write_bytes(b"1")})
    assert seen[:3] == ["config.json", "table", "done.json"]
    assert seen[-1] == ledger.folder


@pytest.mark.slow
def test_two_processes_at_once_do_every_run_once_between_them(tmp_path):
    program = [sys.executable, "-B", HERE / "pool_jobs.py", tmp_path, "share"]
    both = [subprocess.Popen(program, env=ENVIRONMENT) for _ in range(2)]
    assert [each.wait(120) for each in both] == [0, 0]
    done, workers = zip(*map(str.split, (tmp_path / "log").read_text().splitlines()), strict=True)
    assert len(done) == len({*done}) == 12
    assert len({*workers}) == 2, "the second waited for the first to end"
    assert {path.name for path in (tmp_path / "shared").glob("[!.]*")} == {*done}
    assert not any((tmp_path / "shared" / ".work").iterdir())
