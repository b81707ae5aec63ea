"""Files of an archive that cannot be used: what is wrong with each, and which may be left out.

All stages of a curation collect their problems, so that one message and one list contain them.
Names of files and folders may identify patients: the message counts files by what is wrong with
them, and only the list, which stays with the archive's owner, has their paths.
"""

import os
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from rin.curation.spreadsheets import write_queue
from rin.errors import InputError, counted, join_first_ten
from rin.files import read_yaml

#: List of all files that the last call could not use.
PROBLEMS = "problems.csv"
_FACTS = read_yaml(Path(__file__).with_suffix(".yaml"))
#: Reason for leaving out files with each kind of problem.
KINDS: dict[str, str] = {kind: facts["reason"] for kind, facts in _FACTS.items()}
UNREADABLE, UNIDENTIFIED, CONTRADICTORY, UNASSIGNED, UNCLEAR = KINDS


class Problem(NamedTuple):
    """A file that cannot be used, its problem, any file that it contradicts, and the kind."""

    path: str
    problem: str
    beside: str = ""
    kind: str = UNREADABLE


def refuse_files(root: Path, problems: Collection[Problem], folder: Path) -> None:
    """Raise InputError if files of an archive have problems; list all in a folder's `PROBLEMS`."""
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
    listed = join_first_ten([f"{cause} ({counted(n, 'files')})" for cause, n in causes])
    kinds = [kind for kind in KINDS if kind in {*rows["kind"]}]
    remedy = " ".join(_FACTS[kind]["remedy"] for kind in kinds)
    remedy += f" Or leave them out: curation: {{leave_out: [{', '.join(kinds)}]}} in the profile, "
    remedy += "and the card of the corpus counts them. Work on all other files is kept. "
    remedy += f"{folder / PROBLEMS} lists all, with their paths."
    what = counted(len(rows), "files of the archive cannot be used")
    raise InputError(f"{what}: {listed}", where=root, remedy=remedy)
