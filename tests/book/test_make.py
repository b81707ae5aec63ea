import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def commands_of(*arguments, folder=ROOT, dry_run=True):
    """What make would run, or prints when it runs it, were the environment up to date."""
    if shutil.which("make") is None:
        pytest.skip("GNU make is absent")
    command = ["make", "--no-print-directory", "--old-file=.venv/.ready", *arguments]
    command += ["--dry-run"] if dry_run else []
    made = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return " ".join(made.stdout.replace("\\\n", " ").split())


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["book"], [".venv/bin/rin book --profile 'demo' --results 'results'"]),
        (["book", "PROFILE=open", "DATA_ROOT=some folder", "RESULTS=out"],
         ["--profile 'open' --results 'out' --data-root 'some folder'"]),
        (["test"], ["ruff check .", "ruff format --check .", "-m pytest"]),
    ],
)  # fmt: skip
def test_make_runs_what_was_asked_for(arguments, parts):
    commands = commands_of(*arguments)
    assert [part for part in parts if part not in commands] == []
    assert ("--data-root" in commands) == ("DATA_ROOT" in " ".join(arguments))


def test_make_lab_leaves_the_settings_of_other_jupyters_alone(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "$JUPYTER_CONFIG_DIR: $*"\n')
    python.chmod(0o755)
    printed = commands_of("lab", folder=tmp_path, dry_run=False)
    own = f"{tmp_path}/.venv/etc/jupyter"
    assert f"{own}: -m jupytext_config set-default-viewer python" in printed
    assert f"{own}: -m jupyter lab notebooks" in printed
