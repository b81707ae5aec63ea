"""A curation that is killed again and again ends as one that nobody touched."""

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from killed_curation import plan_of, result

from rin.curation.build import curate, read_corpus
from rin.curation.standin import write_archive
from rin.errors import InputError

PROGRAM = Path(__file__).with_name("killed_curation.py")
#: While files are made, while the corpus is put together, and before it is noted as whole.
KILLS = [
    ("rin.curation.export", "write_dicom", 50),
    ("rin.curation.corpus", "_link", 20),
    ("rin.curation.build", "write_atomically", 4),
]


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    folder = tmp_path_factory.mktemp("archive") / "export"
    return write_archive(folder, studies=40, size=48, seed=3)


@pytest.fixture(scope="module")
def undisturbed(archive, tmp_path_factory):
    plan = plan_of(archive, tmp_path_factory.mktemp("undisturbed"))
    return plan, curate(plan)


def kill(archive, output, module, function, count):
    command = [sys.executable, PROGRAM, archive, output, module, function, str(count)]
    killed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr


def times(paths):
    return {path: path.stat().st_mtime_ns for path in paths}


def noted_pictures(output):
    """Pictures of the chunks that were finished."""
    notes = pd.concat([pd.read_parquet(one) for one in (output / "exported").glob("*.parquet")])
    return [output / "pictures" / f"{uid}.png" for uid in notes.loc[notes["risk"] == "", "uid"]]


def test_curate_killed_again_and_again_ends_as_undisturbed(archive, undisturbed, tmp_path):
    output = tmp_path / "out"
    pictures = []
    for number, (module, function, count) in enumerate(KILLS):
        kill(archive, output, module, function, count)
        with pytest.raises(InputError, match="no curated corpus that is whole"):
            read_corpus(output)
        pictures.append(times(output.glob("pictures/*.png")))
        if number == 0:
            kept = times(noted_pictures(output))
    assert 20 < len(kept) < len(pictures[0]) < len(pictures[1])
    assert kept.items() <= pictures[1].items()
    assert pictures[1] == pictures[2]
    again = curate(plan_of(archive, output))
    plan, expected = undisturbed
    pd.testing.assert_frame_equal(again.images, expected.images)
    assert result(output) == result(plan.output)


@pytest.mark.slow
def test_curate_in_several_processes_makes_the_same(undisturbed, tmp_path):
    plan, _ = undisturbed
    curate(replace(plan, output=tmp_path / "out", workers=2))
    assert result(tmp_path / "out") == result(plan.output)
