"""The wheel installs alone: core requirements are all that the statistics need."""

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from rin.files import REPOSITORY

PROGRAM = """
import sys
import rin
from rin.stats import auc_ci, delong_test, holm, init_differences, task_analyses
from rin.stats.clinical import clinical_measures
from rin.stats.planning import *
from rin.stats.simulation import simulate_predictions
from rin.stats.synthesis import random_effects

predictions = simulate_predictions()
table = init_differences(predictions, "a", "b")
assert table.loc[table["group"] == "all", "estimate"].between(0, 0.1).all()
breast = predictions[predictions["task"] == "breast"]
assert len(task_analyses(breast, "a", "b")) == 6
heavy = {"pandera", "pydantic", "sklearn", "statsmodels", "tensorflow", "keras", "matplotlib"}
assert heavy.isdisjoint(sys.modules), heavy & set(sys.modules)
print(rin.__file__)
"""


def run(*command, cwd="/", **environment):
    # The tree's own copy of the package must not be found.
    outside = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd, env=outside | environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of this checkout, built from a copy that leaves the checkout as it is."""
    source, folder = tmp_path_factory.mktemp("source") / "rin", tmp_path_factory.mktemp("wheel")
    source.mkdir()
    for name in ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, source)
    left = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in ("rin", "data_manifests", "book/reference_runs", "notebooks/profiles"):
        shutil.copytree(REPOSITORY / name, source / name, ignore=left)
    # As pip has it built, without the time that pip takes.
    program = f"from setuptools.build_meta import build_wheel; build_wheel({str(folder)!r})"
    built = run(sys.executable, "-c", program, cwd=source)
    assert built.returncode == 0, built.stderr
    (made,) = folder.glob("rin-*.whl")
    return made


READ = """
import rin
from rin.data.manifest import load_manifest
from rin.study import open_reference, profile_names

assert rin.__file__.startswith({folder!r}), rin.__file__
scores = open_reference().predictions(task="breast")
assert scores["init"].nunique() > 1 and scores["score"].notna().all()
assert "demo" in profile_names()
print(load_manifest("busi").name, "tensorflow" in __import__("sys").modules)
"""


@pytest.mark.slow
def test_wheel_reads_the_reference_run_and_manifests_outside_a_checkout(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    assert (tmp_path / "rin/py.typed").is_file()  # annotations are for those who install it, too
    program = READ.format(folder=str(tmp_path))
    made = run(sys.executable, "-c", program, PYTHONPATH=str(tmp_path))
    assert made.stdout.split() == ["busi", "False"], made.stderr


@pytest.mark.slow
def test_wheel_with_core_requirements_alone_runs_the_statistics(wheel, tmp_path):
    venv.create(tmp_path / "empty", with_pip=True)
    scripts = "Scripts" if os.name == "nt" else "bin"
    python = tmp_path / "empty" / scripts / "python"
    installed = run(python, "-m", "pip", "install", "--quiet", wheel)
    if "Failed to establish a new connection" in installed.stderr:
        pytest.skip("no package index can be reached")
    assert installed.returncode == 0, installed.stderr
    listed = run(python, "-m", "pip", "list", "--format=freeze").stdout.lower()
    assert not any(name in listed for name in ("tensorflow", "jupyter", "matplotlib", "pydicom"))
    worked = run(python, "-c", PROGRAM)
    assert Path(worked.stdout.strip()).is_relative_to(tmp_path), worked.stderr
