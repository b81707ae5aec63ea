"""A grid that is killed again and again ends as one that nobody touched."""

import os
import random
import shutil
import signal
import time

import pytest
from tiny_study import start_grid

from rin.study import open_study

KILLS = 20


def finished(ledger):
    """Folders of the finished runs of a ledger."""
    return [path.parent for path in ledger.folder.glob("[!.]*/done.json")]


def seconds_to_first_run(study):
    """How long a grid takes from its start to its first finished run, as this machine is now."""
    (begun,) = (folder.stat().st_mtime for folder in finished(study.weights))
    return min(folder.stat().st_mtime for folder in finished(study.runs)) - begun


def contents(study):
    """Predictions, curves and maps of every run as bytes, by run and file."""
    return {
        (folder.name, name): (folder / name).read_bytes()
        for folder in finished(study.runs)
        for name in ("config.json", "predictions.parquet", "history.parquet", "cams.npy")
    }


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_grid_when_killed_again_and_again_ends_as_if_undisturbed(undisturbed, tmp_path, capsys):
    profile, calm = undisturbed
    for name in ("stores", "stand_ins"):
        shutil.copytree(calm.results.parent / name, tmp_path / name)
    shutil.copytree(calm.weights.folder, tmp_path / "tiny" / "weights")
    study = open_study(profile, results=tmp_path)
    typical = seconds_to_first_run(calm)
    draws, progress = random.Random(20220914), []
    for _ in range(KILLS):
        program = start_grid(profile, tmp_path)
        # From the framework's start to a few finished runs.
        time.sleep(3 + draws.uniform(0.5, 1.2) * typical)
        assert program.poll() is None, "the grid ended before it was killed often enough"
        os.killpg(program.pid, signal.SIGKILL)
        program.wait()
        progress.append(len(finished(study.runs)))
    assert start_grid(profile, tmp_path).wait() == 0
    with capsys.disabled():
        print(f"\nfinished runs at each of {KILLS} kills: {progress}")
    assert progress[0] < progress[-1]
    visible = [path for path in study.runs.folder.glob("[!.]*")]
    assert len(visible) == len(finished(study.runs)) == 36
    ended, expected = contents(study), contents(calm)
    assert ended.keys() == expected.keys()
    assert [key for key in expected if ended[key] != expected[key]] == []
