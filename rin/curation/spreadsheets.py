"""CSV files that people fill in with a spreadsheet program: queues of review, and label maps.

Such programs change delimiter, line ends and byte-order mark.  A cell that starts with ``=``,
``+``, ``-``, ``@``, tab or line end, which they may take for a formula, gets an apostrophe before
it in a queue, and loses it when the queue is read.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from rin.errors import InputError, explained, named
from rin.files import write_atomically

_FORMULA = r"('*[=+\-@\t\r])"
_REMEDY = 'Correct it, and save it as "CSV UTF-8"; a queue that is deleted is written anew.'


def read_rows(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Return these columns of a CSV file as texts, a row a line.

    The file is UTF-8, with or without a byte-order mark; comma, semicolon or tab divides it.
    Other columns and blank lines do not matter.
    """
    problem, kinds = "it cannot be read as a table", (OSError, ValueError, csv.Error)
    with explained(problem, where=path, remedy=_REMEDY, kinds=kinds):
        text = Path(path).read_bytes().decode("utf-8-sig")
        # The delimiter that divides the first line best.
        delimiter = max(",;\t", key=text.partition("\n")[0].count)
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        head, *rows = [cells for cells in lines if any(map(str.strip, cells))] or [[]]
        names = [cell.strip() for cell in head]
        if odd := [name for name in columns if names.count(name) != 1]:
            raise ValueError(f"columns missing, or there twice: {', '.join(odd)}")
        for number, cells in enumerate(rows, start=2):
            if len(cells) != len(names):
                raise ValueError(f"row {number} has {len(cells)} of {len(names)} cells")
    return pd.DataFrame(rows, columns=names, dtype=str)[list(columns)]


def read_queue(path: Path, columns: Sequence[str], answer: str) -> pd.DataFrame:
    """Return a queue, in whose column `answer` stands yes, no or nothing."""
    rows = read_rows(path, columns).replace(f"^'{_FORMULA}", r"\1", regex=True)
    rows[answer] = rows[answer].str.strip().str.lower()
    said = rows[answer][~rows[answer].isin(["", "yes", "no"])]
    expected = "where yes, no or nothing is expected"
    refuse_rows(path, {row: f"{answer} is {word!r}, {expected}" for row, word in said.items()})
    return rows


def refuse_rows(path: Path, problems: Mapping[int, str], remedy: str = _REMEDY) -> None:
    """Raise one InputError on all rows that have a problem, by their number in `read_rows`."""
    if problems:
        listed = [f"row {row + 2}: {problem}" for row, problem in problems.items()]
        raise InputError(named(listed), where=path, remedy=remedy)


def write_queue(rows: pd.DataFrame, path: Path) -> None:
    """Write a queue so that any spreadsheet program opens it."""
    rows = rows.replace(f"^{_FORMULA}", r"'\1", regex=True)
    problem = "the queue cannot be written"
    remedy = "Close it in other programs, or name a place that can be written."
    failing = explained(problem, where=path, remedy=remedy, kinds=OSError)
    with failing, write_atomically(path) as draft:
        rows.to_csv(draft, index=False, lineterminator="\r\n", encoding="utf-8-sig")
