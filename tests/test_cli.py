import errno
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from unittest.mock import ANY, Mock

import nbformat
import pytest
from command_line import answer, refusal

from rin.files import REPOSITORY
from rin.study import profile_names

NOTEBOOK = str(REPOSITORY / "notebooks/results/your_run.py")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["study", "--profile", "demmo"],
            "unknown profile 'demmo' (did you mean demo?). Known: ",
        ),
        (["study", "--profile", "absent.yaml"], "absent.yaml: it cannot be read (No such file"),
        (
            ["study", "--only", "heads", "--profile", "smoke"],
            "unknown part of a study 'heads' (did you mean head?). Known: pretraining, losses",
        ),
        (["study", "--profile", "smoke", "--results", "file"], "cannot be written"),
        (
            ["run", NOTEBOOK, "-p", "tsk=breast"],
            "tsk: there is no such setting (did you mean task?). Known: profile, task, results,",
        ),
        (
            ["weights", "probe", "absent.h5"],
            "absent.h5: not a readable file of weights (No such file or directory)",
        ),
        (["run", "file"], "file: it is no notebook. Name a .py file"),
        (["reference", "write", "smoke", "--data-root", "absent"], "there is no such data root"),
        (["reference", "write", "smoke", "--folder", "."], "a reference run already exists"),
    ],
)
def test_bad_input_exits_with_one_and_one_line(rin, tmp_path, arguments, said):
    (tmp_path / "file").write_text("not a folder")
    (tmp_path / "smoke").mkdir()
    line = refusal(rin, *arguments)
    assert line.startswith("rin: ")
    assert said in line
    assert {path.name for path in tmp_path.iterdir()} == {"file", "smoke"}


def test_version_is_that_of_the_package_and_of_the_project(rin):
    stated = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert answer(rin, "--version") == f"rin {stated['version']}\n"


COMPUTED = '{"cells": [], "metadata": {"papermill": {}}, "nbformat": 4, "nbformat_minor": 5}'
WRITTEN = COMPUTED.replace("papermill", "kernelspec")
TABLE = """import pandas
from rin.report.format import book_table
book_table(pandas.DataFrame({"x": [0.5]}), "One number")
"""


def test_run_hands_values_to_a_notebook_and_says_where_its_output_is(rin, tmp_path):
    parameters = "# %% tags=['parameters']\ntask, n, data_root = 'thyroid', 'a', 'x'\n"
    cells = [parameters, "print(task, n, repr(data_root))\n", TABLE]
    (tmp_path / "page.py").write_text("# %%\n".join(cells))
    made = tmp_path / "results/computed/page.ipynb"
    made.parent.mkdir(parents=True)
    made.write_text(COMPUTED)  # an earlier one, which is renewed
    assert (
        answer(rin, "run", "page.py", "-p", "task=breast", "-p", "n=a=3", "-p", "data_root=")
        == "Computed: results/computed/page.ipynb\n"
    )
    shown, table = (cell.outputs[0] for cell in nbformat.read(made, 4).cells[-2:])
    assert shown.text == "breast a=3 ''\n"
    (link,) = re.findall('href="./(csv/page-[^"]*)"', table["data"]["text/html"])
    assert (made.parent / link).read_text() == "x\n0.5\n"


def test_run_writes_the_notebook_that_is_named(rin, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "rin.report.execution.Job.run", lambda job: job.output.write_text(COMPUTED)
    )
    (tmp_path / "page.py").touch()
    assert answer(rin, "run", "page.py", "--output", "made.ipynb") == "Computed: made.ipynb\n"
    assert (tmp_path / "made.ipynb").read_text() == COMPUTED


@pytest.mark.parametrize(
    ("target", "content", "said"),
    [
        ("page.py", None, "page.py: a computed notebook is an .ipynb file"),
        ("own.ipynb", WRITTEN, "own.ipynb: it is there already and is no computed notebook"),
        ("empty.ipynb", "", "empty.ipynb: it is there already and is no computed notebook"),
        ("a.failed.ipynb", WRITTEN, "a.failed.ipynb: it is there already and is no computed"),
        ("page.py/page.ipynb", None, "page.py: a computed notebook cannot be written there"),
    ],
)
def test_run_writes_over_nothing_but_a_computed_notebook(rin, tmp_path, target, content, said):
    (tmp_path / "page.py").write_text("# %%\nprint(1)\n")
    if content is not None:
        Path(target).write_text(content)
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}
    assert said in refusal(rin, "run", "page.py", "--output", target.replace(".failed", ""))
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before


# ---- what is not installed


#: Without each list of modules, runs a command, or imports the study; then prints `sys.modules`.
PROGRAM = """
import json, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in modules:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
for modules, arguments in json.loads(sys.argv.pop()):
    sys.argv = ["rin", *arguments]
    try:
        if arguments:
            from rin.cli import main
            main()
        import rin.study
    except (SystemExit, ImportError) as ended:
        if ended.args != (1,):  # whose line was printed
            print(ended, file=sys.stderr)
    print(file=sys.stderr)
    print(*sys.modules)
"""
#: What is missing, what is run, and what is said of it; the lightest first.
SAID = (
    "{0}Python package {1}: it is not installed. It comes with the extra {2}: "
    "pip install -e '.[{2}]'"
)
WITHOUT = [
    (["typer", "rich"], ["--help"], SAID.format("rin: ", "rich", "study")),
    ([], ["run", NOTEBOOK, "-p", "task"], "rin: --parameter: 'task' has no '='"),
    (["jupytext", "papermill"], ["run", NOTEBOOK], SAID.format("rin: ", "jupytext", "book")),
    (
        ["PIL"],
        ["data", "verify", "busi", "--data-root", "."],
        SAID.format("rin: ", "PIL", "study"),
    ),
    (["filelock"], [], SAID.format("", "filelock", "study")),
]


@pytest.fixture(scope="module")
def apart(tmp_path_factory):
    """What one process says to each of these, and the modules that it then has loaded."""
    given = json.dumps([one[:2] for one in WITHOUT])
    made = subprocess.run(
        [sys.executable, "-c", PROGRAM, given], cwd=tmp_path_factory.mktemp("apart"),
        capture_output=True, text=True, check=True,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
    )  # fmt: skip
    return made.stderr.split("\n\n"), [line.split() for line in made.stdout.splitlines()]


@pytest.mark.parametrize("number", range(len(WITHOUT)))
def test_command_without_what_it_needs_names_the_extra_in_one_line(apart, number):
    (line,) = apart[0][number].splitlines()
    assert line.startswith(WITHOUT[number][2])


def test_command_imports_nothing_heavy_before_it_needs_it(apart):
    assert {"tensorflow", "keras", "pandas", "numpy", "matplotlib"}.isdisjoint(apart[1][1])


@pytest.fixture
def rin_book(rin, monkeypatch):
    """Runs `rin book`, whose work ends in an error."""

    def call(error):
        monkeypatch.setattr("rin.report.build.make_book", Mock(side_effect=error))
        return rin("book")

    return call


def test_module_that_no_extra_brings_keeps_its_traceback(rin_book):
    with pytest.raises(ModuleNotFoundError, match="absent"):
        rin_book(ModuleNotFoundError("No module named 'rin.absent'", name="rin.absent"))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.EROFS, "Read-only file system", "results/x"), "results/x: Read-only file"),
        (PermissionError(errno.EACCES, "Permission denied", "a"), "a: Permission denied. Free"),
        (MemoryError(), "this computer: its memory has ended. Close other programs"),
        (
            ValueError("Unable to import backend : jx"),
            "KERAS_BACKEND: Unable to import backend",
        ),
        (OSError(errno.ENOSPC, "No space left on device"), "the disk: No space left on device. "),
    ],
)
def test_what_the_system_refuses_is_said_in_one_line(rin_book, error, said):
    assert refusal(rin_book, error).startswith(f"rin: {said}")


@pytest.mark.parametrize("flags", [(), ("--read",)])
def test_book_passes_its_options_on_and_says_where_the_book_is(rin, monkeypatch, flags):
    made = Mock(return_value="index.html")
    monkeypatch.setattr("rin.report.build.make_book", made)
    options = ["--profile", "open", "--data-root", "d", "--results", "r"]
    assert answer(rin, "book", *options, *flags) == "Book: index.html\n"
    made.assert_called_once_with("open", "d", "r", reading=bool(flags))


def test_study_passes_its_parts_on_and_counts_the_runs(rin, monkeypatch):
    run_study = Mock(return_value=["a run", "another"])
    monkeypatch.setattr("rin.study.run_study", run_study)
    parts = ["--only", "pretraining", "--only", "head"]
    assert (
        answer(rin, "study", *parts, "--profile", "smoke", "--retrain")
        == f"2 runs in {Path('results/smoke/runs').absolute()}\n"
    )
    run_study.assert_called_once_with(ANY, only=["pretraining", "head"], retrain=True)
    assert run_study.call_args[0][0].profile.name == "smoke"


@pytest.mark.parametrize(
    ("work", "command"),
    [
        ("rin.curation.build.curate", "curate"),
        ("rin.models.torch_tensors.convert_torch_file", "weights convert a.pt"),
    ],
)
def test_command_does_what_its_name_says(rin, monkeypatch, work, command):
    monkeypatch.setattr(work, Mock(side_effect=MemoryError))
    assert "memory" in rin(*command.split())[2]


def test_profiles_lists_each_with_what_it_is_about(rin):
    out = answer(rin, "profiles")
    assert [line.split()[0] for line in out.splitlines()] == profile_names()
    assert "continuous integration" in out
