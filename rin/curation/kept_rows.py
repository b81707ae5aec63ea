"""Tables that grow while work goes on, so that what was killed goes on where it stood.

A folder holds files of rows, each called by its own SHA-256: one that is not whole, or in which a
bit flipped, counts as absent.
"""

import hashlib
from pathlib import Path

import pandas as pd

from rin.files import sha256_of, write_atomically

#: To be raised when columns, or what they say, change.
VERSION = 1


def load_rows(folder: Path, empty: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of all whole files; `empty` is the table without any."""
    files = sorted(folder.glob("*.parquet"))
    whole = [file for file in files if file.name == _name(sha256_of(file))]
    return pd.concat([empty, *map(pd.read_parquet, whole)], ignore_index=True)


def add_rows(folder: Path, rows: pd.DataFrame) -> Path:
    """Add a file of rows, whole or not at all, and return it."""
    content = rows.to_parquet(index=False)
    file = folder / _name(hashlib.sha256(content).hexdigest())
    with write_atomically(file) as draft:
        draft.write_bytes(content)
    return file


def replace_rows(folder: Path, rows: pd.DataFrame) -> None:
    """Let a folder hold these rows, in one file, and nothing else."""
    kept = add_rows(folder, rows)
    for file in folder.iterdir():
        if file != kept:
            file.unlink()


def _name(sha256: str) -> str:
    return f"{VERSION}-{sha256}.parquet"
