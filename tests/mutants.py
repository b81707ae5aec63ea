"""Defects that are put into a copy of the package one by one: do the tests notice?

    python tests/mutants.py [name or folder …]

prints each mutant of `mutants.yaml` with the test that kills it, and fails where one
survives.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import yaml

ROOT = Path(__file__).resolve().parents[1]
LIST = Path(__file__).with_suffix(".yaml")


class Mutant(NamedTuple):
    """A text that occurs once below a folder of `rin`, what replaces it, and who should notice."""

    name: str
    folder: str
    text: str
    instead: str
    tests: str


MUTANTS = [Mutant(**m) for m in yaml.safe_load(LIST.read_text(encoding="utf-8"))]


def place_of(mutant: Mutant, root: Path) -> Path:
    """Return the one file that holds a mutant's text."""
    found = [
        path
        for path in sorted((root / "rin" / mutant.folder).rglob("*.py"))
        for _ in range(path.read_text(encoding="utf-8").count(mutant.text))
    ]
    if len(found) != 1:
        raise LookupError(f"{mutant.name}: {len(found)} places in rin/{mutant.folder}")
    return found[0]


def killer(mutant: Mutant, root: Path) -> str | None:
    """Return the test that fails with a mutant in a copy of the tree; None where none does."""
    path = place_of(mutant, root)
    whole = path.read_text(encoding="utf-8")
    path.write_text(whole.replace(mutant.text, mutant.instead), encoding="utf-8")
    files = [str(root / "tests" / name) for name in mutant.tests.split()]
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *files]
    if "::" in mutant.tests:  # a test by its name, which may be slow
        command += ["-m", ""]
    try:
        done = subprocess.run(
            command,
            cwd=root,
            env=os.environ | {"PYTHONPATH": str(root), "TF_CPP_MIN_LOG_LEVEL": "3"},
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        path.write_text(whole, encoding="utf-8")
    if done.returncode not in (0, 1):
        raise RuntimeError(f"{mutant.name}: pytest ended with {done.returncode}\n{done.stdout}")
    lines = done.stdout.splitlines()
    failed = [line.split()[1] for line in lines if line.startswith(("FAILED ", "ERROR "))]
    return failed[0].removeprefix("tests/") if done.returncode else None


def main() -> int:
    """Run the mutants asked for, or all; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help="parts of names, or folders of rin")
    names = parser.parse_args().names
    chosen = [m for m in MUTANTS if not names or m.folder in names
              or any(part in m.name for part in names)]  # fmt: skip
    survivors = 0
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "tree"
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True
        )
        for name in filter(None, listed.stdout.decode().split("\0")):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, root / name)
        for number, mutant in enumerate(chosen, 1):
            started = time.monotonic()
            by = killer(mutant, root)
            survivors += by is None
            took = f"{time.monotonic() - started:4.0f} s"
            print(
                f"{number:2}/{len(chosen)} {took}  {mutant.name}: {by or 'SURVIVES'}", flush=True
            )
    print(f"{len(chosen) - survivors} of {len(chosen)} killed")
    return int(survivors > 0)


if __name__ == "__main__":
    sys.exit(main())
