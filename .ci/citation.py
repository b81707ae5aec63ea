"""Keep CITATION.cff consistent with `pyproject.toml` and the changelog.

`python .ci/citation.py` fails if they differ; with `--write` it renews the file.  The address is
only that of `[project.urls]`, so that the file is the same in every copy of the repository.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from rin.report.address import read_project, stated_repository

ROOT = Path(__file__).resolve().parents[1]
BEGIN, END = "title: ", "references:"


def renewed(text: str, root: Path = ROOT) -> str:
    """Return the text of a CITATION.cff with the present facts of the project."""
    before, _, rest = text.partition(f"\n{BEGIN}")
    references = rest[rest.index(f"\n{END}") + 1 :]
    project = replace(read_project(root), repository=stated_repository(root))
    return f"{before}\n{project.citation()}{references}"


def main() -> int:
    """Compare or renew the file; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="renew the file")
    file = ROOT / "CITATION.cff"
    text = file.read_text(encoding="utf-8")
    if parser.parse_args().write:
        file.write_text(renewed(text), encoding="utf-8")
    elif text != renewed(text):
        print(f"{file.name}: not what pyproject.toml states; run python .ci/citation.py --write")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
