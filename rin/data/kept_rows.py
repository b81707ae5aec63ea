"""Tables that grow while work proceeds, so that stopped work resumes where it was.

A table is a folder with files of rows, each named by its own SHA-256: a file that is not whole, or
in which a bit flipped, does not match its name and counts as absent.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from rin.files import digest_of, is_whole, write_atomically

#: Bump it when columns or their meaning change.
VERSION = 2


def whole_files(folder: Path) -> list[Path]:
    """Return the files of rows that are whole, sorted by name."""
    files = sorted(folder.glob(f"{VERSION}-*.parquet"))
    return [file for file in files if is_whole(file, file.stem.partition("-")[2])]


def load_rows(folder: Path, like: Mapping[str, Any]) -> pd.DataFrame:
    """Return the rows of all whole files, with the columns and types of a row `like` them."""
    empty = pd.DataFrame([like]).iloc[:0]
    rows = pd.concat([empty, *map(pd.read_parquet, whole_files(folder))], ignore_index=True)
    # Rows of an earlier version lack columns, and what they are about is looked at again.
    return rows[list(like)].dropna().astype(empty.dtypes).reset_index(drop=True)


def add_rows(folder: Path, rows: pd.DataFrame) -> Path:
    """Add a file of rows, whole or not at all, and return its path."""
    content = rows.to_parquet(index=False)
    file = folder / f"{VERSION}-{digest_of(content)}.parquet"
    folder.mkdir(parents=True, exist_ok=True)
    with write_atomically(file) as draft:
        draft.write_bytes(content)
    return file


def replace_rows(folder: Path, rows: pd.DataFrame) -> None:
    """Replace all whole files of rows in a folder by one file with these rows.

    Other files stay, as they may be the user's, for example if the folder is a link.
    """
    kept = add_rows(folder, rows)
    for file in whole_files(folder):
        if file != kept:
            file.unlink()
