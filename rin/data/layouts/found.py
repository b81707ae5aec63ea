"""What a layout reader returns, and the steps that readers share.

A reader names its files by patterns (:func:`sort_files`), reads its tables (:func:`read_table`),
and refuses whatever does not fit together (:meth:`rin.data.tree.Tree.refuse`).
"""

import re
from collections.abc import Iterable
from itertools import accumulate
from typing import NamedTuple, Self

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv
from pydantic import ValidationError

from rin.data.manifest import DatasetManifest
from rin.data.tree import REMEDY, Tree
from rin.errors import InputError, explained
from rin.files import Stated, misfit

PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
STAND_IN_NOTE = "STAND_IN.json"


class FoundCase(NamedTuple):
    """A case known by its file names and tables: ids, source class and locators.

    ``patient_id`` is missing where only the header of the image tells it (DICOM).  A mask is a
    locator of a mask picture, or a shape in words (:mod:`rin.data.pixels`).
    """

    case_id: str
    patient_id: str | None
    source_class: str
    image: str
    masks: tuple[str, ...] = ()


def sort_files(tree: Tree, layout: str, **patterns: str) -> tuple[str, dict[str, dict[str, str]]]:
    """Return the folder around all files (with its slash, or nothing), and the files of each kind.

    A file is of the first kind whose pattern matches its name below that folder as a whole; its
    key is what the pattern's groups hold, joined by slashes.  InputError for a file of no kind,
    and for two of one key.
    """
    names = [name for name in tree.names if name.rpartition("/")[2] != STAND_IN_NOTE]
    folders = names[0].split("/")[:-1] if names else []
    matchers = {kind: re.compile(pattern).fullmatch for kind, pattern in patterns.items()}
    # Of very many names, some tell where the layout begins.
    some = names[:: 1 + len(names) // 1000]
    for around in accumulate((f"{folder}/" for folder in folders), initial=""):
        if any(match(name, len(around)) for name in some for match in matchers.values()):
            break
    files, strange, twice = {kind: {} for kind in patterns}, [], []
    for name in names:
        for kind, match in matchers.items():
            if found := match(name, len(around)):
                key = "/".join(filter(None, found.groups()))
                if files[kind].setdefault(key, name) != name:
                    twice.append(name)
                break
        else:
            strange.append(name)
    tree.refuse(strange, f"files have no place in the layout {layout!r}")
    tree.refuse(twice, "files are there twice, with another ending or folder")
    return around, files


def one_of(words: Iterable[str]) -> str:
    """Return a pattern that matches one of some words; any folder or file name where none are."""
    return f"(?:{'|'.join(map(re.escape, words)) or '[^/]+'})"


class ReaderOptions(Stated):
    """Base of the options of one reader."""

    @classmethod
    def of(cls, manifest: DatasetManifest) -> Self:
        """Return the manifest's options, checked; InputError names the field at fault."""
        try:
            return cls.model_validate(manifest.options)
        except ValidationError as error:
            problem = f"option of the layout {manifest.layout!r}: {misfit(error, cls)}"
            remedy = f"It knows: {', '.join(cls.model_fields) or 'none'}."
            raise InputError(problem, where=f"manifest {manifest.name}", remedy=remedy) from error


#: Columns that a table may have.
MAX_COLUMNS = 2000


def read_table(
    tree: Tree, name: str, columns: Iterable[str], *, header: bool = True
) -> pd.DataFrame:
    """Return a table as text; ``columns`` must be among its own.

    A file that ends in ``.parquet`` is read as parquet, where a missing value is empty text.  Any
    other is CSV in UTF-8: without a ``header``, ``columns`` are what its columns are called; a byte
    order mark, the kind of line ends, blanks around cells, and empty lines do not matter.
    InputError for a file that is missing or broken, and columns that are missing or named twice.
    """
    if name not in tree.names:
        raise tree.wrong("the table is not there", file=name)
    columns, content = list(columns), tree.read(name)
    parquet, kinds = name.lower().endswith(".parquet"), (pa.ArrowException, OSError, ValueError)
    problem = f"it is no {'parquet table' if parquet else 'CSV table in UTF-8'}"
    with explained(problem, where=tree.place(name), remedy=REMEDY, kinds=kinds):
        rows = _parquet(content, columns) if parquet else _csv(content, None if header else columns)
    rows.columns = names = [str(title).strip() for title in rows.columns]
    if not set(columns) <= set(names) or len(set(names)) < len(names):
        problem = f"its columns are {', '.join(names)}; needed are {', '.join(columns)}"
        raise tree.wrong(problem, file=name)
    return rows.apply(lambda column: column.str.strip())


def _csv(content: bytes, names: list[str] | None) -> pd.DataFrame:
    # Arrow refuses rows of another length, which pandas would cut or fill in silence.
    if content.count(b'"') % 2:
        raise ValueError("a quote in the table is not closed")
    line = content[: content.find(b"\n") + 1] or content
    if line.count(b",") >= MAX_COLUMNS:
        raise ValueError(f"it has more than {MAX_COLUMNS:,} columns")
    file = pa.BufferReader(content)
    reading = csv.ReadOptions(column_names=names)
    titles = csv.open_csv(file, reading).schema.names
    file.seek(0)
    types = dict.fromkeys(titles, pa.string())
    options = csv.ConvertOptions(column_types=types, strings_can_be_null=False)
    table = csv.read_csv(file, reading, convert_options=options)
    return table.to_pandas(types_mapper=lambda _: pd.StringDtype("pyarrow"))


def _parquet(content: bytes, columns: list[str]) -> pd.DataFrame:
    file = pq.ParquetFile(pa.BufferReader(content))
    if file.metadata.num_columns > MAX_COLUMNS:
        raise ValueError(f"it has more than {MAX_COLUMNS:,} columns")
    names = file.schema_arrow.names
    # What is not asked for may be pictures, and stays unread.
    read = file.read([name for name in names if name.strip() in columns] if columns else names)
    # Whole numbers beside missing values come as floats; as text they are whole numbers again.
    rows = read.to_pandas().convert_dtypes().astype(pd.StringDtype("pyarrow")).fillna("")
    return rows.reindex(columns=names, fill_value="")
