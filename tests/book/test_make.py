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


def test_make_book_by_default_runs_demo_profile_without_data_root():
    commands = commands_of("book")
    assert ".venv/bin/rin book --profile 'demo' --results 'results'" in commands
    assert "--data-root" not in commands


def test_make_book_with_variables_passes_them_on():
    commands = commands_of("book", "PROFILE=open", "DATA_ROOT=some folder", "RESULTS=out")
    assert "--profile 'open' --results 'out' --data-root 'some folder'" in commands


def test_make_test_runs_style_checks_and_tests():
    commands = commands_of("test")
    for part in ("ruff check .", "ruff format --check .", "-m pytest"):
        assert part in commands
