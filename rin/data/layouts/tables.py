"""CSV tables that come with a dataset, read as text: nothing is guessed about their types."""

import csv
import io
from collections.abc import Iterable

from rin.data.tree import Tree
from rin.errors import InputError


def read_table(tree: Tree, name: str, columns: Iterable[str]) -> list[dict[str, str]]:
    """Return the rows of a CSV table as dictionaries of text.

    A byte order mark, CRLF line ends, blanks around names and values, and empty lines do not
    matter.  Meant for tables of up to about a hundred thousand rows.

    Raises
    ------
    InputError
        Bytes that are no UTF-8 text, a column that is missing or named twice, no rows, or a
        row with too few or too many values (with its line).
    """
    place = f"{tree.root / tree.location}: {name}"
    try:
        text = tree.read(name).decode("utf-8-sig")
        lines = csv.reader(io.StringIO(text, newline=""), strict=True)
        header = [cell.strip() for cell in next(lines, [])]
        _check_header(place, header, list(columns))
        rows = []
        for cells in lines:
            if not cells:
                continue
            if len(cells) != len(header):
                raise _unusable(
                    place,
                    f"line {lines.line_num} holds {len(cells)} values instead of {len(header)}",
                )
            rows.append(dict(zip(header, map(str.strip, cells), strict=True)))
    except (UnicodeDecodeError, csv.Error) as error:
        raise _unusable(place, f"the table is no CSV text in UTF-8 ({error})") from error
    if not rows:
        raise _unusable(place, "the table has no rows")
    return rows


def _check_header(place: str, header: list[str], columns: list[str]) -> None:
    missing = [column for column in columns if column not in header]
    if missing:
        raise _unusable(
            place,
            f"columns missing: {', '.join(missing)}; there are: {', '.join(header) or 'none'}",
        )
    twice = sorted({column for column in header if header.count(column) > 1})
    if twice:
        raise _unusable(place, f"columns named twice: {', '.join(twice)}")


def _unusable(place: str, problem: str) -> InputError:
    return InputError(problem, where=place, remedy="Fetch the table again, or correct that place.")
