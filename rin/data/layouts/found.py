"""What a layout reader returns, and the steps that readers share."""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from io import BytesIO
from itertools import accumulate
from typing import Any, NamedTuple, Self
from zipfile import BadZipFile, ZipFile

import pandas as pd

from rin.data.manifest import DatasetManifest
from rin.data.tree import MALFORMED, MAX_BYTES, REMEDY, Tree
from rin.errors import as_input_error, did_you_mean, join_first_ten
from rin.files import FrozenModel

STAND_IN_NOTE = "STAND_IN.json"
#: Remedy if a part of a dataset is absent on purpose.
IF_PARTIAL = "If a part of a published dataset is meant, its manifest says so: partial: true."
CORRECT_OR_PARTIAL = f"{REMEDY} {IF_PARTIAL}"
#: Kinds of tables, by the ending of their files.
TABLES = ("csv", "parquet", "jsonl", "xlsx")
_UTF8 = "write it as UTF-8 with commas: recipe 1 of the page “Your images”"
_TEXT = pd.StringDtype("pyarrow")


class FoundCase(NamedTuple):
    """A case known by its file names and tables: ids, source class and locators.

    `patient_id` is None if only the image's DICOM header names the patient.  A mask is the
    locator of a mask picture, or a shape in words (:mod:`rin.data.pixels`).
    """

    case_id: str
    patient_id: str | None
    source_class: str
    image: str
    masks: tuple[str, ...] = ()


def sort_files(tree: Tree, layout: str, **patterns: str) -> tuple[str, dict[str, dict[str, str]]]:
    """Return the folder around all files (with its slash, or empty), and the files of each kind.

    A file is of the first kind whose pattern matches its whole name below that folder; its key is
    the pattern's groups, joined by slashes.
    """
    names = [name for name in tree.names if name.rpartition("/")[2] != STAND_IN_NOTE]
    matchers = {kind: re.compile(pattern).fullmatch for kind, pattern in patterns.items()}
    around = folder_around(names, matchers.values())
    files: dict[str, dict[str, str]] = {kind: {} for kind in patterns}
    strange = []
    twice = []
    for name in names:
        for kind, match in matchers.items():
            if fitting := match(name, len(around)):
                if files[kind].setdefault("/".join(filter(None, fitting.groups())), name) != name:
                    twice.append(name)
                break
        else:
            strange.append(name)
    tree.raise_if_any(strange, f"files do not belong to the layout {layout!r}")
    tree.raise_if_any(twice, "files are present twice, with another extension or folder")
    return around, files


def folder_around(names: Sequence[str], matchers: Iterable[Callable[..., Any]]) -> str:
    """Return the folder (with its slash, or an empty string) below which names fit a pattern.

    It is the outermost folder above the first name below which any name fits.
    """
    folders = names[0].split("/")[:-1] if names else []
    some = names[:: 1 + len(names) // 1000]  # of many names, a sample shows where a layout begins
    for around in accumulate((f"{folder}/" for folder in folders), initial=""):
        if any(match(name, len(around)) for name in some for match in matchers):
            break
    return around


def labelled_files(
    tree: Tree,
    manifest: DatasetManifest,
    labelled: Iterable[str],
    files: Iterable[str],
    labels_are: str,
    files_are: str,
) -> list[str]:
    """Return the labelled names that have a file, sorted; the last two say what both sides are.

    InputError for files without labels, and for labels without files unless the dataset is
    `partial`.
    """
    labelled = {*labelled}
    files = {*files}
    if not manifest.partial:
        tree.raise_if_any(
            sorted(labelled - files),
            f"{labels_are} without {files_are}",
            remedy=CORRECT_OR_PARTIAL,
        )
    tree.raise_if_any(sorted(files - labelled), f"{files_are} without {labels_are}")
    return sorted(labelled & files)


def alternatives(words: Iterable[str]) -> str:
    """Return a pattern that matches one of the words, or any name of a file if there are none."""
    alternatives = "|".join(map(re.escape, words))
    # Brackets around the pattern of any name would double the time that Arrow takes to match it.
    return f"(?:{alternatives})" if alternatives else "[^/]+"


class ReaderOptions(FrozenModel):
    """Base of the options of one reader."""

    @classmethod
    def read(cls, manifest: DatasetManifest) -> Self:
        """Return the manifest's options, checked; InputError names the field at fault."""
        return cls.parse(
            manifest.options,
            where=f"manifest {manifest.name}: option of the layout {manifest.layout!r}",
            remedy=f"Known options: {', '.join(cls.model_fields) or 'none'}.",
        )


def read_table(
    tree: Tree,
    name: str,
    columns: Sequence[str] = (),
    *,
    header: bool = True,
) -> pd.DataFrame:
    """Return a table as text, with missing values as empty strings; it must have the `columns`.

    The ending tells parquet, the first sheet of .xlsx, and one JSON object a line from CSV in
    UTF-8, separated by what its first line has most of: comma, semicolon or tab.  Without a
    `header`, `columns` are the names of its columns.  Empty rows are skipped; the index counts
    rows.
    """
    content = tree.read(name)
    kind = name.lower().rpartition(".")[2]
    with as_input_error(
        "it is not a readable table",
        where=tree.place(name),
        remedy=f"Correct it, or {_UTF8}.",
        kinds=(*MALFORMED, BadZipFile, SyntaxError),  # the last of XML in workbooks
    ):
        if kind == "parquet":
            rows = _text_table(pd.read_parquet(BytesIO(content)))
        elif kind == "jsonl":
            rows = _text_table(_read_lines(content.decode("utf-8")))
        else:
            rows = _read_workbook(content) if kind == "xlsx" else _read_csv(content)
            titles = rows.iloc[0] if header else columns
            rows = rows[int(header) :].set_axis(titles, axis=1).reset_index(drop=True)
    rows.columns = rows.columns.map(str).str.strip()
    names = rows.columns
    if twice := sorted({*names[names.duplicated()]} - {""}):
        raise tree.error(
            f"columns called alike: {join_first_ten(twice)}",
            file=name,
            remedy="Give each column a name of its own.",
        )
    if absent := [column for column in columns if column not in names]:
        raise tree.error(
            f"its columns are {join_first_ten(names, ', ')}; it needs {', '.join(columns)}"
            f"{did_you_mean(absent[0], names)}",
            file=name,
            remedy="Name the columns of the table in the manifest's options.",
        )
    rows = rows.apply(lambda column: column.str.strip())
    return rows[(rows != "").any(axis=1)]


def _read_lines(text: str) -> pd.DataFrame:
    """Return one JSON object a line; ValueError names the first line that is not one."""
    rows = []
    for number, line in enumerate(text.rstrip("\n").split("\n"), start=1):
        try:
            rows.append({**json.loads(line, object_pairs_hook=_once)})
        except (ValueError, TypeError) as error:
            raise ValueError(f"line {number}: {error}") from error
    return pd.DataFrame(rows)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        raise ValueError(f"a name is given twice: {', '.join(name for name, _ in pairs)}")
    return row


def _text_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a table of values as text, without columns of bytes and of nested values.

    Whole numbers beside missing ones have no decimals.  ValueError for lists in cells.
    """
    kinds = {name: {*map(type, cells)} for name, cells in rows.items()}
    if lists := [str(name) for name, of_cells in kinds.items() if list in of_cells]:
        raise ValueError(f"columns hold lists and not single values: {', '.join(lists)}")
    kept = [name for name, of_cells in kinds.items() if not {dict, bytes} & of_cells]
    return rows[kept].convert_dtypes().astype(_TEXT).fillna("")


def _read_workbook(content: bytes) -> pd.DataFrame:
    unpacked = sum(part.file_size for part in ZipFile(BytesIO(content)).infolist())
    if unpacked > MAX_BYTES:
        raise ValueError(f"it unpacks to {unpacked} bytes, over the limit of {MAX_BYTES}")
    rows = pd.read_excel(BytesIO(content), header=None, dtype=str, keep_default_na=False)
    return rows.astype(_TEXT)


def _read_csv(content: bytes) -> pd.DataFrame:
    text = content.decode("utf-8-sig")
    if text.count('"') % 2:
        raise ValueError("a quotation mark is not closed")
    separator = max(",;\t", key=text.partition("\n")[0].count)
    # Arrow refuses rows of another length, which pandas would cut or fill silently.
    return pd.read_csv(
        BytesIO(text.encode()),
        sep=separator,
        header=None,
        engine="pyarrow",
        dtype=_TEXT,
        keep_default_na=False,
    )
