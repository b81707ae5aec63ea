import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def commands_of(*arguments):
    """What make would run, were the environment up to date."""
    if shutil.which("make") is None:
        pytest.skip("GNU make is absent")
    command = ["make", "--dry-run", "--no-print-directory", "--old-file=.venv/.ready", *arguments]
    made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
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
