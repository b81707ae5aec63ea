"""Files of an archive that cannot be used: what is wrong with each, and which may be left out.

All stages of a curation collect their problems, so that one message and one list contain them.
Names of files and folders may identify patients: the message counts files by what is wrong with
them, and only the list, which stays with the archive's owner, has their paths.
"""

import os
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from rin.curation.spreadsheets import write_queue
from rin.data.chunks import map_chunks
from rin.data.kept_rows import add_rows
from rin.errors import InputError, amount, join_first_ten
from rin.files import read_facts

#: Number of files whose rows are kept together.
CHUNK = 256
#: List of all files that the last call could not use.
PROBLEMS = "problems.csv"
_FACTS = read_facts(__file__)
#: Reason for leaving out files with each kind of problem.
KINDS = {kind: facts["reason"] for kind, facts in _FACTS.items()}
UNREADABLE, UNIDENTIFIED, CONTRADICTORY, UNASSIGNED, UNCLEAR = KINDS


class Problem(NamedTuple):
    """A file that cannot be used, its problem, any file that it contradicts, and the kind."""

    path: str
    problem: str
    beside: str = ""
    kind: str = UNREADABLE


#: Rows of a file, or the problem with it.
Reading = list[dict[str, Any]] | Problem
#: A table of the rows of many files, and the problems with others.
Readings = tuple[pd.DataFrame, list[Problem]]


def read_files(
    read: Callable, items: Sequence, title: str, known: pd.DataFrame, kept: Path | None = None
) -> Readings:
    """Read files in chunks; return their rows below those that are known, and all problems.

    `read` returns the rows of an item, or its problem.  The rows are also added, chunk by chunk,
    to those in the folder `kept`, so that stopped work resumes there.
    """
    tables = [known]
    problems = []
    for made in map_chunks(read, items, CHUNK, title=title):
        rows = []
        for reading in made:
            if isinstance(reading, Problem):
                problems.append(reading)
            else:
                rows += reading
        if rows:
            tables.append(pd.DataFrame(rows))
            if kept:
                add_rows(kept, tables[-1])
    return pd.concat(tables), problems


def refuse_files(
    root: Path, problems: Collection[Problem], folder: Path, leave_out: Collection[str] = ()
) -> None:
    """Raise InputError if files of an archive have problems of kinds that are not left out.

    All such files are listed in a folder's `PROBLEMS`.
    """
    problems = [problem for problem in problems if problem.kind not in leave_out]
    if not problems:
        return
    # Names of files may be bytes that are not valid text.
    plain = [
        [os.fsencode(text).decode("utf-8", "replace") for text in p] for p in sorted(problems)
    ]
    rows = pd.DataFrame(plain, columns=["path", "cause", "beside", "kind"])
    rows["remedy"] = [_FACTS[kind]["remedy"] for kind in rows["kind"]]
    write_queue(rows, folder / PROBLEMS)
    causes = Counter(rows["cause"]).most_common()
    listed = join_first_ten([f"{cause} ({amount(n, 'files')})" for cause, n in causes])
    kinds = ", ".join(rows["kind"].unique())
    remedy = " ".join(rows["remedy"].unique())
    remedy += (
        f" Or leave them out: curation: {{leave_out: [{kinds}]}} in the profile, "
        "and the card of the corpus counts them. Work on all other files is kept. "
        f"{folder / PROBLEMS} lists all, with their paths."
    )
    what = amount(len(rows), "files of the archive cannot be used")
    raise InputError(f"{what}: {listed}", where=root, remedy=remedy)
