"""CSV files that people fill in with a spreadsheet program: review queues and label maps.

A cell that starts with ``=``, ``+``, ``-`` or ``@``, which such programs may take for a formula,
gets an apostrophe before it in a queue, and loses it when the queue is read.
"""

from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Mapping, Sequence
from contextlib import suppress
from io import StringIO
from pathlib import Path

import pandas as pd

from rin.errors import InputError, as_input_error, join_first_ten
from rin.files import write_atomically

_FORMULA = "('*[=+@-])"
_REMEDY = "Correct it, and save it as CSV; a deleted queue is written again."


def read_rows(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Return these columns of a CSV file as texts, without rows that are empty in all of them.

    The separator is the commonest of ``,``, ``;`` and tab in the first line.  Errors quote no
    cell, as a cell may be a report.
    """
    with as_input_error(
        "it cannot be read as a table", where=path, remedy=_REMEDY, kinds=(OSError, ValueError)
    ):
        text = decode(path.read_bytes())
        separator = max(",;\t", key=text.partition("\n")[0].count)
        rows = pd.read_csv(StringIO(text), sep=separator, dtype=str, keep_default_na=False)
        rows.columns = rows.columns.str.strip()
        if missing := [name for name in columns if name not in rows]:
            raise ValueError(f"columns missing: {', '.join(missing)}")
        if not isinstance(rows.index, pd.RangeIndex):  # pandas makes an index of surplus cells
            raise ValueError("rows have more cells than the first")
    rows = rows[list(columns)].map(str.strip)
    return rows[(rows != "").any(axis=1)]


def decode(content: bytes) -> str:
    """Return a text in UTF-8, in UTF-16 with its mark, or else in the code page of Windows."""
    if content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return content.decode("utf-16")
    if b"\0" in content:
        raise ValueError("it is no text")
    with suppress(UnicodeDecodeError):
        return content.decode("utf-8-sig")
    return content.decode("cp1252")


def plain(text: object) -> str:
    """Return a text with single spaces, as spreadsheet programs change line ends and spaces."""
    return " ".join(str(text or "").split())


def read_queue(path: Path, columns: Sequence[str], answer: str) -> pd.DataFrame:
    """Return a queue, empty if there is no file; column `answer` is yes, no or an empty string."""
    if not path.is_file():
        return pd.DataFrame(columns=columns, dtype=str)
    rows = read_rows(path, columns).replace(f"^'{_FORMULA}", r"\1", regex=True)
    rows[answer] = rows[answer].str.lower()
    said = rows[answer][~rows[answer].isin(["", "yes", "no"])]
    expected = "where yes, no or an empty cell is expected"
    refuse_rows(path, {row: f"{answer} is {word!r}, {expected}" for row, word in said.items()})
    return rows


def refuse_rows(path: Path, problems: Mapping[int, str], remedy: str = _REMEDY) -> None:
    """Raise one InputError that lists all rows with a problem, by their index in `read_rows`."""
    if problems:
        raise InputError(
            join_first_ten([f"row {row + 2}: {problem}" for row, problem in problems.items()]),
            where=path,
            remedy=remedy,
        )


def write_queue(rows: pd.DataFrame, path: Path) -> None:
    """Write a queue so that any spreadsheet program opens it."""
    safe = rows.map(str.strip).replace(f"^{_FORMULA}", r"'\1", regex=True)
    with (
        as_input_error(
            "the queue cannot be written",
            where=path,
            remedy="Close it in other programs, or choose a place that can be written.",
        ),
        write_atomically(path) as draft,
    ):
        safe.to_csv(draft, index=False, lineterminator="\r\n", encoding="utf-8-sig")
