"""Files of an archive that cannot be used: what is wrong with each, and which may be left out.

All stages of a curation collect their problems, so that one message and one list contain them.
Names of files and folders may identify patients: messages name a file by its number, which is its
place in the archive when it was first indexed.  A number stays when other files come or go.
"""

import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from rin.data.kept_rows import add_rows, load_rows
from rin.errors import InputError, counted, join_first_ten
from rin.files import read_yaml

_FACTS = read_yaml(Path(__file__).with_suffix(".yaml"))
#: Reason for leaving out files with each kind of problem.
KINDS: dict[str, str] = {kind: facts["reason"] for kind, facts in _FACTS.items()}
UNREADABLE, UNIDENTIFIED, CONTRADICTORY, UNASSIGNED, UNCLEAR = KINDS
_NUMBERS = "numbers"


class Problem(NamedTuple):
    """A file that cannot be used, its problem, any file that it contradicts, and the kind."""

    path: str
    problem: str
    beside: str = ""
    kind: str = UNREADABLE


class RefusedFilesError(InputError):
    """Some files of an archive cannot be used; `table` lists all of these.

    Columns are `number`, `path`, `kind`, `cause`, `beside` (path of the file that it contradicts)
    and `remedy`.  The message itself names no path.
    """

    table: pd.DataFrame


def number_files(kept: Path, paths: Iterable[str]) -> dict[str, int]:
    """Return the number of every file that an archive has or had, new files after the others.

    `kept` is the folder of the index, in which the numbers are stored.
    """
    folder, empty = kept / _NUMBERS, pd.DataFrame({"path": [], "number": []})
    known = load_rows(folder, empty.astype({"path": object, "number": int}))
    numbers = dict(zip(map(os.fsdecode, known["path"]), known["number"], strict=True))
    if new := sorted({*paths} - numbers.keys()):
        first = max(numbers.values(), default=0) + 1
        added = {path: number for number, path in enumerate(new, start=first)}
        # Names of files may be bytes that are not valid text.
        rows = {"path": [*map(os.fsencode, added)], "number": [*added.values()]}
        add_rows(folder, pd.DataFrame(rows))
        numbers |= added
    return numbers


def refuse_files(root: Path, numbers: Mapping[str, int], problems: Collection[Problem]) -> None:
    """Raise RefusedFilesError, naming the first ten, if files of an archive have problems."""
    if not problems:
        return
    listed, rows = [], []
    for problem in sorted(problems, key=lambda problem: (numbers[problem.path], problem.problem)):
        number = numbers[problem.path]
        other = f" (file {numbers[problem.beside]})" if problem.beside else ""
        listed.append(f"file {number}: {problem.problem}{other}")
        here, there = (
            os.fsencode(name).decode("utf-8", "replace") for name in (problem.path, problem.beside)
        )
        remedy = _FACTS[problem.kind]["remedy"]
        rows.append((str(number), here, problem.kind, problem.problem, there, remedy))
    kinds = [kind for kind in KINDS if any(problem.kind == kind for problem in problems)]
    remedy = " ".join(_FACTS[kind]["remedy"] for kind in kinds)
    remedy += f" Or leave them out: rin curate --leave-out {','.join(kinds)}, and the card of "
    remedy += (
        "the corpus counts them. Work on all other files is kept. Files are numbered from 1 in "
    )
    remedy += "the order of their names when the archive was first indexed."
    what = counted(len(problems), "files of the archive cannot be used")
    error = RefusedFilesError(f"{what}: {join_first_ten(listed)}", where=root, remedy=remedy)
    columns = ["number", "path", "kind", "cause", "beside", "remedy"]
    error.table = pd.DataFrame(rows, columns=columns)
    raise error
