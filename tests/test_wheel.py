"""The wheel installs alone: core requirements are all that the statistics need."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from rin.files import REPOSITORY

PROGRAM = """
import sys
from rin.stats import auc_ci, delong_test, holm, init_differences, task_analyses
from rin.stats.clinical import clinical_measures
from rin.stats.planning import *
from rin.stats.simulation import simulate_predictions
from rin.stats.synthesis import random_effects

predictions = simulate_predictions()
table = init_differences(predictions, "a", "b")
assert table.loc[table["group"] == "all", "estimate"].between(0, 0.1).all()
breast = predictions[predictions["task"] == "breast"]
assert task_analyses(breast, "a", "b", test_train_ratio=0.25)["recommended"].sum() == 1
heavy = {"tensorflow", "keras", "matplotlib", "jupyter_book", "papermill", "pydicom"}
assert heavy.isdisjoint(sys.modules), heavy & set(sys.modules)
print("worked")
"""


def run(*command, **options):
    # The tree's own copy of the package must not be found.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [str(part) for part in command],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


@pytest.mark.slow
def test_wheel_with_core_requirements_alone_runs_the_statistics(tmp_path):
    source = (
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        tmp_path,
        REPOSITORY,
    )
    built = run(sys.executable, *source)
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("rin-*.whl")
    venv.create(tmp_path / "empty", with_pip=True)
    scripts = "Scripts" if os.name == "nt" else "bin"
    python = tmp_path / "empty" / scripts / "python"
    installed = run(python, "-m", "pip", "install", "--quiet", wheel)
    if "Failed to establish a new connection" in installed.stderr:
        pytest.skip("no package index can be reached")
    assert installed.returncode == 0, installed.stderr
    listed = run(python, "-m", "pip", "list", "--format=freeze").stdout.lower()
    assert not any(name in listed for name in ("tensorflow", "jupyter", "matplotlib", "pydicom"))
    worked = run(python, "-c", PROGRAM, cwd=tmp_path)
    assert worked.stdout.strip() == "worked", worked.stderr
    assert Path(
        run(python, "-c", "import rin; print(rin.__file__)", cwd=tmp_path).stdout
    ).is_relative_to(tmp_path)
