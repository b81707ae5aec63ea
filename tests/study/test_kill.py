"""A grid that is killed again and again ends as one that nobody touched."""

import os
import random
import shutil
import signal
import time

import numpy as np
import pytest
from conftest import start_grid

from rin.study import open_study

KILLS = 20


def finish_times(study):
    """Seconds from the first sight of the grid's program to each of its runs."""
    done = (path.stat().st_mtime for path in study.runs.folder.glob("*/done.json"))
    return np.sort(np.fromiter(done, float))


def table_bytes(study):
    """Predictions of every run as raw bytes, by run id."""
    return {
        folder.name: study.runs.table(folder.name, "predictions.parquet").to_csv(index=False)
        for folder in study.runs.folder.iterdir()
        if not folder.name.startswith(".")
    }


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_grid_when_killed_again_and_again_ends_as_if_undisturbed(undisturbed, tmp_path, capsys):
    profile, calm = undisturbed
    for name in ("stores", "stand_ins"):
        shutil.copytree(calm.results.parent / name, tmp_path / name)
    shutil.copytree(calm.weights.folder, tmp_path / "tiny" / "weights")
    study = open_study(profile, results=tmp_path)
    # Each attempt may last from the framework's start to a few finished runs.
    first, later = 12.0, 26.0
    draws, progress = random.Random(20220914), []
    for _ in range(KILLS):
        program = start_grid(profile, tmp_path)
        time.sleep(draws.uniform(first, later))
        assert program.poll() is None, "the grid ended before it was killed often enough"
        os.killpg(program.pid, signal.SIGKILL)
        program.wait()
        progress.append(len(list(study.runs.folder.glob("[!.]*/done.json"))))
    assert start_grid(profile, tmp_path).wait() == 0
    with capsys.disabled():
        print(f"\nfinished runs at each of {KILLS} kills: {progress}")
    assert progress[0] < progress[-1]
    ended, expected = table_bytes(study), table_bytes(calm)
    assert ended.keys() == expected.keys()
    assert [run_id for run_id in expected if ended[run_id] != expected[run_id]] == []
