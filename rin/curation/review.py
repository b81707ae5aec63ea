"""The radiologist's review of flagged studies: a CSV file out, the same file answered in.

The file opens in any spreadsheet program: UTF-8 with a byte-order mark, and no cell that a
program would take for a formula.  On reading, the commas may have become semicolons or tabs, as
such programs write them.
"""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from rin.errors import InputError

COLUMNS = (
    *("study_uid", "accession_number", "modality", "body_part", "impression", "findings"),
    *("verdict", "reasons", "confirmed", "reviewer", "comment"),
)
ANSWERS = ("confirmed", "reviewer", "comment")
#: What `confirmed` may say: is the study completely normal?
CONFIRMED = {"yes": True, "no": False}

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_DELIMITERS = (",", ";", "\t")


def write_review_queue(screened: pd.DataFrame, path: Path) -> None:
    """Write the studies to be reviewed, the answers still empty.

    Where the file is there already, what a reviewer wrote into it is kept.

    Parameters
    ----------
    screened
        Table of `rin.curation.reports.screen`.
    path
        CSV file with the columns `COLUMNS`.  A cell that starts with ``=``, ``+``, ``-``, ``@``,
        tab or line end gets an apostrophe before it, which `read_review` takes away again.

    Raises
    ------
    InputError
        The file is there and is no review queue, or holds answers to reports that are not in the
        queue now or have changed since; nothing is written then.
    """
    path = Path(path)
    queue = screened[[name for name in COLUMNS if name not in ANSWERS]].copy()
    for name in ANSWERS:
        queue[name] = ""
    if path.exists():
        queue = _with_answers(queue, _answered(path, screened))
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in queue[list(COLUMNS)].itertuples(index=False):
        writer.writerow(map(_guarded, row))
    unfinished = path.with_name(f"{path.name}.tmp")
    try:
        unfinished.write_bytes(text.getvalue().encode("utf-8-sig"))
        unfinished.replace(path)
    except OSError as error:
        raise InputError(
            f"the review queue cannot be written ({error.strerror})",
            where=path,
            remedy="Close it in other programs, or name a place that can be written.",
        ) from error


def read_review(path: Path, screened: pd.DataFrame) -> pd.DataFrame:
    """Read the answers of a review.

    Parameters
    ----------
    path
        The file of `write_review_queue`, answered: `confirmed` is yes (a completely normal
        study), no, or empty (not reviewed).  Rows may be missing and columns be added.
    screened
        The table that the queue was written from.

    Returns
    -------
    pandas.DataFrame
        One row per answered study, in the order of the file: `study_uid`, `confirmed` (bool).

    Raises
    ------
    InputError
        No file or no CSV in UTF-8, missing columns, a row of other length, a study that was not
        flagged or stands twice, another answer, or a report that has changed since the queue
        was written.  The line is named.
    """
    rows = [row for row in _answered(Path(path), screened) if row["confirmed"]]
    return pd.DataFrame(
        {
            "study_uid": pd.Series([row["study_uid"] for row in rows], dtype=object),
            "confirmed": pd.Series([CONFIRMED[row["confirmed"]] for row in rows], dtype=bool),
        }
    )


def _answered(path: Path, screened: pd.DataFrame) -> list[dict[str, str]]:
    """Return the checked rows in which a reviewer wrote anything."""
    texts = {
        row.study_uid: (_plain(row.impression), _plain(row.findings))
        for row in screened.itertuples()
    }
    lines: dict[str, int] = {}
    answered = []
    for line, row in _rows(path):
        uid, answer = row["study_uid"].strip(), row["confirmed"].strip().lower()
        touched = any(row[name].strip() for name in ANSWERS)
        problem = ""
        if uid in lines:
            problem = f"study {uid} stands in line {lines[uid]} already"
        elif answer not in ("", *CONFIRMED):
            problem = f"confirmed is {row['confirmed']!r}, where yes, no or nothing is expected"
        elif uid not in texts and touched:
            problem = f"study {uid!r} is not among the flagged ones"
        elif touched and (_plain(row["impression"]), _plain(row["findings"])) != texts[uid]:
            problem = f"the report of study {uid} is not the one that was reviewed"
        if problem:
            raise InputError(
                f"line {line}: {problem}",
                where=path,
                remedy="Correct the line, or write the queue anew and review this study again.",
            )
        lines[uid] = line
        if touched:
            answered.append(row | {"study_uid": uid, "confirmed": answer})
    return answered


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows of a queue, each with the number of the line that it begins on."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(
            f"cannot be read ({error.strerror})",
            where=path,
            remedy="Name the review queue, as CSV.",
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"byte 0x{error.object[error.start]:02x} at offset {error.start} is not UTF-8",
            where=path,
            remedy='Save it as "CSV UTF-8" in the spreadsheet program.',
        ) from error
    reader, names = _reader(text), []
    begin = 1
    try:
        for cells in reader:
            line, begin = begin, reader.line_num + 1
            if not names:
                names = [cell.strip() for cell in cells]
                _check_header(names, path)
            elif any(cell.strip() for cell in cells):
                if len(cells) != len(names):
                    raise InputError(
                        f"line {line}: {len(cells)} of {len(names)} cells",
                        where=path,
                        remedy="Give every study one row; quote cells that hold the delimiter.",
                    )
                yield line, dict(zip(names, map(_unguarded, cells), strict=True))
    except csv.Error as error:
        raise InputError(
            f"line {begin}: no CSV ({error})", where=path, remedy="Save it as CSV in UTF-8."
        ) from error
    if not names:
        _check_header([], path)


def _reader(text: str) -> "csv._reader":
    """Return a reader with the delimiter that divides the first line best."""
    first = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=first.count)
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)


def _check_header(names: list[str], path: Path) -> None:
    missing = [name for name in COLUMNS if name not in names]
    repeated = sorted({name for name in names if names.count(name) > 1 and name in COLUMNS})
    if missing or repeated:
        problem = f"columns missing: {', '.join(missing)}" if missing else ""
        problem += "; " if missing and repeated else ""
        problem += f"columns that stand twice: {', '.join(repeated)}" if repeated else ""
        raise InputError(
            problem, where=path, remedy="Answer the review queue as it was written, as CSV."
        )


def _with_answers(queue: pd.DataFrame, answered: list[dict[str, str]]) -> pd.DataFrame:
    kept = {row["study_uid"]: row for row in answered}
    for name in ANSWERS:
        queue[name] = [kept[uid][name] if uid in kept else "" for uid in queue["study_uid"]]
    return queue


def _guarded(cell: object) -> str:
    text = str(cell)
    return f"'{text}" if _FORMULA.match(text) else text


def _unguarded(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def _plain(text: str) -> str:
    """Return a text without what spreadsheet programs change: line ends and outer space."""
    return " ".join(text.split())
