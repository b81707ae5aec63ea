import json
import os
import re
import shutil
import subprocess

import pytest

from rin.files import REPOSITORY

COMMANDS = {"book": ["book"], "read": ["book", "--read"], "study": ["study"]}


def make(folder, *arguments, **environment):
    """What make prints, were the environments up to date."""
    if shutil.which("make") is None:
        pytest.skip("GNU make is absent")
    ready = [f"--old-file={venv}/.ready" for venv in (".venv", ".venv-read")]
    outside = {
        name: os.environ[name] for name in os.environ.keys() - {"PROFILE", "DATA_ROOT", "RESULTS"}
    }
    return subprocess.run(
        ["make", "--no-print-directory", *ready, *arguments],
        cwd=folder, env=outside | environment, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip


@pytest.mark.parametrize(
    ("target", "parts"),
    [
        ("lint", ["ruff check .", "ruff format --check .", "-m mypy", "tests/weight.py"]),
        ("test", ["-m pytest"]),
    ],
)
def test_make_runs_what_was_asked_for(target, parts):
    commands = make(REPOSITORY, target, "--dry-run")
    assert [part for part in parts if part not in commands] == []


@pytest.fixture
def program(tmp_path):
    """Writes a program of the shell below a folder that has the Makefile."""
    shutil.copy(REPOSITORY / "Makefile", tmp_path)

    def write(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return path

    return write


@pytest.fixture
def tree(program, tmp_path):
    """A folder with the Makefile, where `rin` prints its arguments, each in a line of its own."""
    for folder in (".venv", ".venv-read"):
        program(f"{folder}/bin/rin", "printf '%s\\n' \"$@\"")
    return tmp_path


@pytest.mark.parametrize("target", COMMANDS)
def test_make_hands_on_the_defaults(tree, target):
    defaults = ["--profile=demo", "--data-root=", "--results=results"]
    assert make(tree, target).splitlines() == [*COMMANDS[target], *defaults]


#: Each line for the three settings of one call.
AWKWARD = [
    ("O'Brien", 'a "quoted" one', "a$(touch ran)b"),
    ("$(shell touch ran)", "two  spaces ", "`touch ran`"),
    ("'; touch ran; '", "a$b", '"; touch ran; "'),
    ("a#b\\c*,d=e", "$(shell touch ran)", "-x"),
    ("`touch ran`", "'; touch ran; '", "a#b\\c*,d=e"),
]


@pytest.mark.parametrize("values", AWKWARD)
@pytest.mark.parametrize("target", COMMANDS)
def test_make_takes_values_as_they_are_written_and_runs_nothing_in_them(tree, target, values):
    before = {path.name for path in tree.iterdir()}
    names = dict(zip(("PROFILE", "DATA_ROOT", "RESULTS"), values, strict=True))
    options = ("--profile=", "--data-root=", "--results=")
    expected = [*COMMANDS[target], *map("".join, zip(options, values, strict=True))]
    assert make(tree, target, **names).splitlines() == expected
    as_typed = [f"{name}={text}" for name, text in names.items()]
    assert make(tree, target, *as_typed).splitlines() == expected
    doubled = [text.replace("$", "$$") for text in as_typed]  # make's own way of writing $
    assert make(tree, target, *doubled).splitlines() == expected
    assert {path.name for path in tree.iterdir()} == before


@pytest.mark.parametrize(("target", "folder"), [("venv", ".venv"), ("read", ".venv-read")])
def test_make_takes_the_path_of_a_python_as_it_is_written(program, tmp_path, target, folder):
    text = 'case "$1" in -c) ;; *) echo "asked: $*"; exit 1;; esac'
    python = program("it's/python3", text)
    for name in ("requirements.lock", "pyproject.toml"):
        (tmp_path / name).touch()
    command = ["make", target, f"PYTHON={python}"]
    made = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert f"asked: -m venv {folder}\n" in made.stdout


def test_containers_make_the_book_for_reading_on_a_python_that_make_takes():
    described = json.loads((REPOSITORY / ".devcontainer/devcontainer.json").read_text("utf-8"))
    assert described["postCreateCommand"] == "make read"
    recipe = (REPOSITORY / "Dockerfile").read_text("utf-8")
    assert "\nRUN make read\n" in recipe
    for text in (described["image"], recipe):
        version = re.search(r"python:(3\.\d+)", text)[1]
        assert f"python{version} " in (REPOSITORY / "Makefile").read_text("utf-8")


def test_make_lab_leaves_other_settings_alone_hands_arguments_on_and_lets_root_in_a_container(
    program, tmp_path
):
    program(".venv/bin/python", 'echo "$JUPYTER_CONFIG_DIR: $*"')
    who = program("bin/id", "echo $NUMBER")
    path = f"{who.parent}{os.pathsep}{os.environ['PATH']}"
    settings = f"{tmp_path}/.venv/etc/jupyter"
    given = "--no-browser --port=8899 *.py $(touch ran) `touch ran`"
    printed = make(tmp_path, "lab", f"ARGS={given}", PATH=path, NUMBER="1000")
    assert f"{settings}: -m jupytext_config set-default-viewer python\n" in printed
    assert f"{settings}: -m jupyter lab {given} notebooks\n" in printed
    as_root = make(tmp_path, "lab", PATH=path, NUMBER="0")
    assert "-m jupyter lab --allow-root notebooks\n" in as_root
    assert not (tmp_path / "ran").exists()
