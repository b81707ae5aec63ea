import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def commands_of(*arguments, folder=ROOT, dry_run=True):
    """What make would run, or prints when it runs it, were the environment up to date."""
    if shutil.which("make") is None:
        pytest.skip("GNU make is absent")
    ready = [f"--old-file={folder}/.ready" for folder in (".venv", ".venv-read")]
    command = ["make", "--no-print-directory", *ready, *arguments]
    command += ["--dry-run"] if dry_run else []
    made = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return " ".join(made.stdout.replace("\\\n", " ").split())


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["book"], [".venv/bin/rin book --profile="]),
        (["read"], [".venv-read/bin/rin book --read --profile="]),
        (["lint"], ["ruff check .", "ruff format --check .", "-m mypy", "tests/weight.py"]),
        (["test"], ["-m pytest"]),
    ],
)  # fmt: skip
def test_make_runs_what_was_asked_for(arguments, parts):
    commands = commands_of(*arguments)
    assert [part for part in parts if part not in commands] == []


@pytest.fixture
def tree(tmp_path):
    """A folder with the Makefile, where `rin` prints its arguments, each in a line of its own."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    for folder in (".venv", ".venv-read"):
        program = tmp_path / folder / "bin" / "rin"
        program.parent.mkdir(parents=True)
        program.write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n")
        program.chmod(0o755)
    return tmp_path


def arguments_of(tree, *arguments, **environment):
    """What `make` hands to `rin`."""
    if shutil.which("make") is None:
        pytest.skip("GNU make is absent")
    ready = [f"--old-file={folder}/.ready" for folder in (".venv", ".venv-read")]
    command = ["make", "--no-print-directory", *ready, *arguments]
    names = ("PROFILE", "DATA_ROOT", "RESULTS")
    outside = {name: value for name, value in os.environ.items() if name not in names}
    made = subprocess.run(
        command, cwd=tree, env=outside | environment, capture_output=True, text=True, check=True
    )
    return made.stdout.splitlines()


COMMANDS = {"book": ["book"], "read": ["book", "--read"], "study": ["study"]}


@pytest.mark.parametrize("target", COMMANDS)
def test_make_hands_on_the_defaults_or_what_was_given(tree, target):
    command = COMMANDS[target]
    defaults = [*command, "--profile=demo", "--data-root=", "--results=results"]
    assert arguments_of(tree, target) == defaults
    given = ["PROFILE=open", "DATA_ROOT=some folder", "RESULTS=out"]
    expected = [*command, "--profile=open", "--data-root=some folder", "--results=out"]
    assert arguments_of(tree, target, *given) == expected


AWKWARD = [
    "O'Brien",
    'a "quoted" one',
    "two  spaces ",
    "a$b",
    "a$(touch ran)b",
    "$(shell touch ran)",
    "`touch ran`",
    "'; touch ran; '",
    '"; touch ran; "',
    "a#b\\c*,d=e",
    "-x",
]


@pytest.mark.parametrize("value", AWKWARD)
@pytest.mark.parametrize("target", COMMANDS)
def test_make_takes_values_as_they_are_written_and_runs_nothing_in_them(tree, target, value):
    before = {path.name for path in tree.iterdir()}
    names = {"PROFILE": value, "DATA_ROOT": value, "RESULTS": value}
    handed = [f"--profile={value}", f"--data-root={value}", f"--results={value}"]
    expected = [*COMMANDS[target], *handed]
    assert arguments_of(tree, target, **names) == expected
    as_typed = [f"{name}={text}" for name, text in names.items()]
    assert arguments_of(tree, target, *as_typed) == expected
    doubled = [text.replace("$", "$$") for text in as_typed]  # make's own way of writing $
    assert arguments_of(tree, target, *doubled) == expected
    assert {path.name for path in tree.iterdir()} == before


@pytest.mark.parametrize(("target", "folder"), [("venv", ".venv"), ("read", ".venv-read")])
def test_make_takes_the_path_of_a_python_as_it_is_written(tree, target, folder):
    python = tree / "it's" / "python3"
    python.parent.mkdir()
    python.write_text('#!/bin/sh\ncase "$1" in -c) ;; *) echo "asked: $*"; exit 1;; esac\n')
    python.chmod(0o755)
    for name in ("requirements.lock", "pyproject.toml"):
        (tree / name).touch()
    made = subprocess.run(
        ["make", target, f"PYTHON={python}"], cwd=tree, capture_output=True, text=True
    )
    assert f"asked: -m venv {folder}\n" in made.stdout


def test_containers_make_the_book_for_reading_on_a_python_that_make_takes():
    described = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text("utf-8"))
    assert described["postCreateCommand"] == "make read"
    recipe = (ROOT / "Dockerfile").read_text("utf-8")
    assert "\nRUN make read\n" in recipe
    for text in (described["image"], recipe):
        version = re.search(r"python:(3\.\d+)", text)[1]
        assert f"python{version} " in (ROOT / "Makefile").read_text("utf-8")


@pytest.fixture
def lab(tmp_path):
    """What `make lab` runs, where Python prints its settings and arguments, and id who one is."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    python, who = tmp_path / ".venv" / "bin" / "python", tmp_path / "bin" / "id"
    python.parent.mkdir(parents=True)
    who.parent.mkdir()
    python.write_text('#!/bin/sh\necho "$JUPYTER_CONFIG_DIR: $*"\n')
    who.write_text("#!/bin/sh\necho $NUMBER\n")
    for program in (python, who):
        program.chmod(0o755)

    def run(*arguments, user):
        path = f"{who.parent}{os.pathsep}{os.environ['PATH']}"
        given = ["make", "--old-file=.venv/.ready", "lab", *arguments]
        environment = os.environ | {"PATH": path, "NUMBER": user}
        made = subprocess.run(
            given, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        )
        return made.stdout

    return run


def test_make_lab_leaves_other_settings_alone_hands_arguments_on_and_lets_root_in_a_container(
    lab, tmp_path
):
    settings = f"{tmp_path}/.venv/etc/jupyter"
    given = "--no-browser --port=8899 *.py $(touch ran) `touch ran`"
    printed = lab(f"ARGS={given}", user="1000")
    assert f"{settings}: -m jupytext_config set-default-viewer python\n" in printed
    assert f"{settings}: -m jupyter lab {given} notebooks\n" in printed
    assert "-m jupyter lab --allow-root notebooks\n" in lab(user="0")
    assert not (tmp_path / "ran").exists()
