"""A grid that is killed again and again ends as one that nobody touched."""

import os
import random
import shutil
import signal
import time

import pytest
from tiny_study import start_grid, write_profile

from rin.study import open_study

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
        for folder in finished(study.runs)
        for name in FILES
    }


def wait_for(path, program):
    while not path.exists():
        assert program.poll() is None, "the grid ended before it began"
        time.sleep(0.02)


@pytest.fixture
def calm(tmp_path):
    """A study whose grid ran undisturbed, with one file for each run of it."""
    folder = tmp_path / "calm"
    folder.mkdir()
    changes = {"folds": 5, "execution": {"workers": 0, "threads": 1}}
    profile = write_profile(tmp_path / "tiny.yaml", changes)
    assert start_grid(profile, folder, "small").wait() == 0
    return open_study(profile, results=folder)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_grid_when_killed_again_and_again_ends_as_if_undisturbed(calm, tmp_path, capsys):
    folder, profile = tmp_path / "killed", tmp_path / "tiny.yaml"
    for name in ("stores", "stand_ins", "tiny/weights"):
        shutil.copytree(calm.results.parent / name, folder / name)
    study = open_study(profile, results=folder)
    ended = sorted(run.stat().st_mtime for run in finished(calm.runs))
    first = ended[0] - (calm.results.parent / "ready").stat().st_mtime
    later = (ended[-1] - ended[0]) / RUNS
    draws, progress, drafts = random.Random(20220914), [], 0
    for _ in range(KILLS):
        (folder / "ready").unlink(missing_ok=True)
        program = start_grid(profile, folder, "small")
        wait_for(folder / "ready", program)
        # Some moment before the first run is finished, or after one or two are.
        more, latest = draws.choice([0, 0, 1, 2]), time.monotonic() + draws.uniform(0, first)
        before = len(finished(study.runs))
        while program.poll() is None and len(finished(study.runs)) < before + max(more, 1):
            if more == 0 and time.monotonic() > latest:
                break
            time.sleep(0.01)
        time.sleep(draws.uniform(0, later))
        assert program.poll() is None, "the grid ended before it was killed often enough"
        os.killpg(program.pid, signal.SIGKILL)
        program.wait()
        progress.append(len(finished(study.runs)))
        drafts = len(list(study.runs.folder.glob(".*")))
    assert start_grid(profile, folder, "small").wait() == 0
    with capsys.disabled():
        print(f"\nfinished runs at each of {KILLS} kills: {progress}; drafts left: {drafts}")
    assert 0 < progress[-1] < RUNS
    visible = list(study.runs.folder.glob("[!.]*"))
    assert len(visible) == len(finished(study.runs)) == RUNS
    result, expected = contents(study), contents(calm)
    assert result.keys() == expected.keys()
    assert [key for key in expected if result[key] != expected[key]] == []
