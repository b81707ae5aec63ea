"""A grid that is killed again and again ends as one that nobody touched."""

import os
import random
import shutil
import signal
import statistics
import time
from itertools import pairwise

import pytest
from tiny_study import start_program, write_profile

from rin.study import open_workspace

KILLS = 25
RUNS = 5 * 6 * 2
FILES = ("config.json", "predictions.parquet", "history.parquet", "cams.npy")


def finished(ledger):
    """Folders of the finished runs of a ledger."""
    return [path.parent for path in ledger.folder.glob("[!.]*/done.json")]


def contents(study):
    """Predictions, curves and maps of every run as bytes, by run and file."""
    return {
        (folder.name, name): (folder / name).read_bytes()
        for folder in finished(study.fine_tuning_ledger)
        for name in FILES
    }


def wait_for(path, program):
    while not path.exists():
        assert program.poll() is None, "the grid ended before it began"
        time.sleep(0.02)


def wait_until_some_moment(study, program, draws, first, later):
    """Wait for a moment before the first run is finished, or after one or two are."""
    more, latest = draws.choice([0, 0, 1, 2]), time.monotonic() + draws.uniform(0, first)
    before = len(finished(study.fine_tuning_ledger))
    while program.poll() is None and len(finished(study.fine_tuning_ledger)) < before + max(
        more, 1
    ):
        if more == 0 and time.monotonic() > latest:
            return
        time.sleep(0.01)
    time.sleep(draws.uniform(0, later))


def check_same(study, calm):
    visible = list(study.fine_tuning_ledger.folder.glob("[!.]*"))
    assert len(visible) == len(finished(study.fine_tuning_ledger)) == RUNS
    result, expected = contents(study), contents(calm)
    assert result.keys() == expected.keys()
    assert [key for key in expected if result[key] != expected[key]] == []


@pytest.fixture
def calm(tmp_path):
    """A study whose grid ran undisturbed, with one file for each run of it."""
    folder = tmp_path / "calm"
    folder.mkdir()
    changes = {"folds": 5, "fine_tuning.epochs": 3, "execution": {"workers": 0, "threads": 1}}
    profile = write_profile(tmp_path / "tiny.yaml", changes)
    assert start_program(profile, folder, "small").wait() == 0
    return open_workspace(profile, results=folder)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_grid_when_killed_again_and_again_ends_as_if_undisturbed(calm, tmp_path, capsys):
    folder, profile = tmp_path / "killed", tmp_path / "tiny.yaml"
    for name in ("stores", "stand_ins", "tiny/weights"):
        shutil.copytree(calm.results.parent / name, folder / name)
    workspace = open_workspace(profile, results=folder)
    ended = sorted(run.stat().st_mtime for run in finished(calm.fine_tuning_ledger))
    first = ended[0] - (calm.results.parent / "ready").stat().st_mtime
    later = statistics.median(b - a for a, b in pairwise(ended))
    draws, progress, rounds = random.Random(20220914), [], 0
    while len(progress) < KILLS:
        (folder / "ready").unlink(missing_ok=True)
        program = start_program(profile, folder, "small")
        wait_for(folder / "ready", program)
        wait_until_some_moment(workspace, program, draws, first, later)
        if program.poll() is None:
            os.killpg(program.pid, signal.SIGKILL)
            program.wait()
            progress.append(len(finished(workspace.fine_tuning_ledger)))
        else:  # done before it was killed often enough: check it and begin another
            check_same(workspace, calm)
            shutil.rmtree(workspace.fine_tuning_ledger.folder)
            rounds += 1
    drafts = len(list(workspace.fine_tuning_ledger.folder.glob(".*")))
    assert start_program(profile, folder, "small").wait() == 0
    with capsys.disabled():
        print(f"\nfinished runs at each of {KILLS} kills: {progress}")
        print(f"grids finished between kills: {rounds}; drafts left behind: {drafts}")
    check_same(workspace, calm)
