"""What a layout reader returns, and the steps that readers share."""

import csv
import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence, Sized
from contextlib import AbstractContextManager
from io import BytesIO
from itertools import accumulate, islice
from pathlib import Path
from typing import Any, NamedTuple, Self
from zipfile import BadZipFile, ZipFile

import pandas as pd
import pyarrow.csv
import pyarrow.parquet
from pydantic import ConfigDict

from rin.data.discovery import decode, rows_of, separator_of, text_below
from rin.data.manifest import DatasetManifest
from rin.data.tree import MALFORMED, MAX_BYTES, REMEDY, Tree
from rin.errors import InputError, as_input_error, did_you_mean, join_first_ten
from rin.files import FrozenModel

STAND_IN_NOTE = "STAND_IN.json"
#: Remedy if a part of a dataset is absent on purpose.
IF_PARTIAL = "If only part of the dataset is meant to be there, give --partial."
#: Most columns and rows of a table; a hundred thousand columns take minutes and gigabytes.
MOST_COLUMNS, MOST_ROWS = 2000, 10_000_000
#: Number of rows in which the names of the columns are searched for.
_FIRST = 50
_TEXT = pd.StringDtype("pyarrow")
#: Class of pictures whose mask marks something, and of those without a mask or with a black one.
LESION, NO_LESION = "lesion", "no lesion"
#: Column of a picture's classes in COCO annotations, and the class of a picture without any.
CLASSES, NO_CLASS = "classes", "none"
#: Columns for labels by file name in JSON; endings of files with one JSON row per line.
FILE, LABEL = "file", "label"
JSON_LINES = ("jsonl", "ndjson")
#: Programs of which tables are not read, by the ending of their files.
_NOT_READ = {
    **{"sav": "SPSS", "dta": "Stata", "sas7bdat": "SAS", "rds": "R", "rdata": "R"},
    **{
        "ods": "LibreOffice",
        "numbers": "Numbers",
        "mdb": "Access",
        "accdb": "Access",
    },
}
#: The first bytes of a workbook of Excel before 2007; tables called .xls may also be text.
_OLD_WORKBOOK = b"\xd0\xcf\x11\xe0"
#: A list of texts, as Python and JSON write it.
_QUOTED = r"""(?:'[^']*'|"[^"]*")"""
_LIST = rf"\[\s*(?:{_QUOTED}(?:\s*,\s*{_QUOTED})*)?\s*\]"
_CELL = (str, int, float, bool, type(None))
#: Separator of the findings of a picture that come from several rows.
BETWEEN = "|"


class FoundCase(NamedTuple):
    """A case known by its file names and tables: ids, source class and locators.

    ``patient_id`` is None if only the image's DICOM header names the patient.  A mask is the
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
    around = folder_around(names, patterns.values())
    matchers = {kind: re.compile(pattern).fullmatch for kind, pattern in patterns.items()}
    files: dict[str, dict[str, str]] = {kind: {} for kind in patterns}
    strange, twice = [], []
    for name in names:
        for kind, match in matchers.items():
            if fitting := match(name, len(around)):
                key = "/".join(filter(None, fitting.groups()))
                if files[kind].setdefault(key, name) != name:
                    twice.append(name)
                break
        else:
            strange.append(name)
    tree.raise_if_any(strange, f"files do not belong to the layout {layout!r}")
    tree.raise_if_any(twice, "files are present twice, with another extension or folder")
    return around, files


def folder_around(names: Sequence[str], patterns: Iterable[str]) -> str:
    """Return the folder (with its slash, or an empty string) below which names fit a pattern.

    It is the outermost folder above the first name below which any name fits.
    """
    folders = names[0].split("/")[:-1] if names else []
    matchers = [re.compile(pattern).fullmatch for pattern in patterns]
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
    words: tuple[str, str],
) -> list[str]:
    """Return the labelled names that have a file, sorted; ``words`` are the names of both sides.

    InputError for files without labels, and for labels without files unless the dataset is
    `partial`.
    """
    labelled, files = {*labelled}, {*files}
    if not manifest.partial:
        lost = f"{words[0]} without {words[1]}"
        tree.raise_if_any(sorted(labelled - files), lost, remedy=f"{REMEDY} {IF_PARTIAL}")
    tree.raise_if_any(sorted(files - labelled), f"{words[1]} without {words[0]}")
    return sorted(labelled & files)


def join_findings(rows: pd.DataFrame, label: str, names: Sequence[str]) -> pd.Series:
    """Return, for each row, the joined labels of all rows that are equal in columns ``names``."""
    return rows.groupby([*names], sort=False)[label].transform(
        lambda cells: BETWEEN.join(sorted({*cells} - {""}))
    )


def one_of(words: Iterable[str]) -> str:
    """Return a pattern that matches one of the words, or any name of a file if there are none."""
    alternatives = "|".join(map(re.escape, words))
    # Brackets around the pattern of any name would double the time that Arrow takes to match it.
    return f"(?:{alternatives})" if alternatives else "[^/]+"


class ReaderOptions(FrozenModel):
    """Base of the options of one reader."""

    @classmethod
    def of(cls, manifest: DatasetManifest) -> Self:
        """Return the manifest's options, checked; InputError names the field at fault."""
        where = f"manifest {manifest.name}: option of the layout {manifest.layout!r}"
        remedy = f"Known options: {', '.join(cls.model_fields) or 'none'}."
        return cls.checked(manifest.options, where=where, remedy=remedy)


def read_table(
    tree: Tree, name: str, columns: Iterable[str], *, header: bool = True, sheet: str = ""
) -> pd.DataFrame:
    """Return a table as text, with missing values as empty strings; it must have the ``columns``.

    Parquet, Excel (a ``sheet``, by default the first) and JSON (rows, labels by file name,
    annotations of COCO) are recognised by the ending.  Any other file is CSV, whose separator and
    encoding are detected; without a ``header``, ``columns`` are the names of its columns.  Titles
    above the names of the columns (:func:`rows_above`) and empty rows are skipped; the index
    counts all rows of the file after the first.
    """
    if name not in tree.names:
        raise tree.error("the table is missing", file=name)
    if sheet and sheet not in (sheets := sheets_of(tree, name)):
        remedy = f"Correct the option sheet; its sheets are {', '.join(sheets) or 'none'}."
        raise tree.error(f"there is no sheet {sheet!r}", file=name, remedy=remedy)
    columns, content, kind = list(columns), tree.read(name), name.lower().rpartition(".")[2]
    where = tree.place(name)
    if kind in ("json", *JSON_LINES):
        rows = _parse_json(content, kind, where)
    else:
        rows = _parse_table(content, kind, columns, where, header=header, sheet=sheet)
    rows = rows[(rows != "").any(axis=1)]
    rows.columns = [" ".join(str(title).split()) for title in rows.columns]
    filled = (rows != "").any() | ~rows.columns.str.fullmatch("|Unnamed: .*")
    rows = rows.loc[:, filled.to_numpy()]  # a table may have separators at the end of each row
    names = [*rows.columns]
    if _is_title(["" if title.startswith("Unnamed: ") else title for title in names], len(names)):
        remedy = "Delete the rows above the column names."
        if len(sheets := sheets_of(tree, name)) > 1:
            remedy = f"Name another of its sheets in the option sheet: {', '.join(sheets)}."
        raise tree.error("the first row does not name the columns", file=name, remedy=remedy)
    rows = _with_all_names(rows)
    names = [*rows.columns]
    if twice := [title for title, n in Counter(names).items() if n > 1]:
        remedy = "Give each column a unique name, or delete it."
        raise tree.error(
            f"several columns are called {join_first_ten(twice)}", file=name, remedy=remedy
        )
    if absent := [column for column in columns if column not in names]:
        problem = f"its columns are {join_first_ten(names, ', ')}; it needs {', '.join(columns)}"
        remedy = "Name the columns of the table in the manifest's options."
        raise tree.error(f"{problem}{did_you_mean(absent[0], names)}", file=name, remedy=remedy)
    return rows.apply(lambda column: _without_lists(column.str.strip()))


def read_alone(path: str, sheet: str = "") -> pd.DataFrame:
    """Return the table in a file as :func:`read_table` does, for commands that messages name."""
    folder, name = os.path.split(path)
    return read_table(Tree(Path(folder), ".", (name,)), name, [], sheet=sheet)


def _without_lists(cells: pd.Series) -> pd.Series:
    """Return cells that are all lists of texts, as ['a', 'b'], as a|b, and others as they are."""
    filled = cells[cells != ""]
    # The first cell decides for most columns, which may have millions of rows.
    if filled.empty or not filled.iloc[0].startswith("["):
        return cells
    if not filled.str.fullmatch(_LIST).all():
        return cells
    texts = [BETWEEN.join(text[1:-1] for text in re.findall(_QUOTED, cell)) for cell in cells]
    return pd.Series(texts, cells.index, dtype=cells.dtype)


def _with_all_names(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose columns without a name are called column 1, and so on.

    Such columns are left out where they are empty or only number the rows, as programs write it.
    """
    nameless = [not name or name.startswith("Unnamed: ") for name in rows.columns]
    names = [
        f"column {n}" if is_nameless else name
        for n, (name, is_nameless) in enumerate(zip(rows.columns, nameless, strict=True), 1)
    ]
    kept = [
        not (is_nameless and _is_index(cells))
        for is_nameless, (_, cells) in zip(nameless, rows.items(), strict=True)
    ]
    return rows.set_axis(names, axis=1).loc[:, kept]


def _is_index(cells: pd.Series) -> bool:
    """Return whether cells are all empty, or are the numbers of the rows from 0 or 1 on."""
    texts = [*cells.str.strip()]
    numbers = (map(str, range(first, first + len(texts))) for first in (0, 1))
    return not any(texts) or any(texts == [*column] for column in numbers)


class _Stated(FrozenModel):
    """A part of annotations; its other fields are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class _Category(_Stated):
    id: int | str
    name: str


class _Annotation(_Stated):
    image_id: int | str
    category_id: int | str


class _Image(_Stated):
    model_config = ConfigDict(extra="allow", frozen=True)

    id: int | str
    file_name: str


class _Coco(_Stated):
    """Annotations in the format of COCO, each of which names an image and a category."""

    images: list[_Image]
    annotations: list[_Annotation]
    categories: list[_Category]


def _parse_json(content: bytes, kind: str, where: str) -> pd.DataFrame:
    """Return the table in a JSON file, as text.

    The file contains a list of rows, one row per line, labels by file name, or COCO annotations.
    """
    remedy = "Export images, annotations and categories in COCO format, or a table as CSV."
    with as_input_error("it is not valid JSON", where=where, remedy=remedy, kinds=ValueError):
        lines = content.splitlines() if kind in JSON_LINES else []
        stated = [json.loads(line) for line in lines if line.strip()] or json.loads(content)
    if isinstance(stated, dict) and all(isinstance(value, _CELL) for value in stated.values()):
        stated = [{FILE: name, LABEL: value} for name, value in stated.items()]
    if isinstance(stated, list) and all(isinstance(row, dict) for row in stated):
        rows = [_flat(row) for row in stated]
        nested = {
            name for row in rows for name, cell in row.items() if not isinstance(cell, _CELL)
        }
        if nested:
            problem = (
                f"columns contain lists instead of single values: {join_first_ten(sorted(nested))}"
            )
            remedy = "Write one text or number into each cell, or remove such columns."
            raise InputError(problem, where=where, remedy=remedy)
    else:
        rows = _rows_of_coco(stated if isinstance(stated, dict) else {}, where, remedy)
    table = pd.DataFrame(rows, dtype=object)
    return table.map(lambda cell: "" if pd.isna(cell) else str(cell)).astype(_TEXT)


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with columns for inner cells, as meta.age, and lists joined by “|”."""
    flat: dict[str, Any] = {}
    for name, cell in row.items():
        if isinstance(cell, dict):
            flat |= {f"{name}.{inner}": held for inner, held in _flat(cell).items()}
        elif isinstance(cell, list) and all(isinstance(held, _CELL) for held in cell):
            flat[name] = BETWEEN.join(map(str, cell))
        else:
            flat[name] = cell
    return flat


def _rows_of_coco(stated: dict[str, Any], where: str, remedy: str) -> list[dict[str, Any]]:
    """Return one row per picture of COCO annotations, with its classes in the column `CLASSES`.

    Several classes are joined by “|”; a picture without annotations has the class `NO_CLASS`.
    """
    held = _Coco.checked(stated, where=where, remedy=remedy)
    names = {category.id: category.name for category in held.categories}
    classes: dict[int | str, set[str]] = {image.id: set() for image in held.images}
    for annotation in held.annotations:
        if annotation.image_id not in classes or annotation.category_id not in names:
            problem = f"an annotation refers to image {annotation.image_id!r} and category "
            problem += f"{annotation.category_id!r}, but one of them is not listed"
            raise InputError(problem, where=where, remedy=remedy)
        classes[annotation.image_id].add(names[annotation.category_id])
    return [
        image.model_dump() | {CLASSES: BETWEEN.join(sorted(classes[image.id])) or NO_CLASS}
        for image in held.images
    ]


def _parse_table(
    content: bytes, kind: str, columns: list[str], where: str, *, header: bool, sheet: str
) -> pd.DataFrame:
    program = "Excel before 2007" if content.startswith(_OLD_WORKBOOK) else _NOT_READ.get(kind)
    if program:
        remedy = f"In {program.partition(' ')[0]}, export the table as CSV or .xlsx."
        raise InputError(f"tables of {program} are not read", where=where, remedy=remedy)
    with _readable(kind, where):
        if kind == "parquet":
            return _parse_parquet(content, columns)
        if kind == "xlsx":
            _refuse_bomb(content)
            return _parse_workbook(content, sheet)
        return _parse_csv(content, None if header else columns)


def _readable(kind: str, where: str) -> AbstractContextManager[None]:
    """Return a context in which errors of the readers of tables are `InputError`."""
    title = {"parquet": "parquet table", "xlsx": "Excel table"}.get(kind, "CSV table")
    remedy = "Give every row all columns, delete rows above the column names, and save the table "
    remedy += "as CSV or .xlsx."
    # SyntaxError: of XML; AttributeError, among the others: openpyxl on sheets of charts.
    kinds = (*MALFORMED, pyarrow.ArrowException, BadZipFile, csv.Error, SyntaxError)
    return as_input_error(f"it is not a readable {title}", where=where, remedy=remedy, kinds=kinds)


def _refuse_bomb(content: bytes) -> None:
    """Raise ValueError for a workbook that unpacks to more than `MAX_BYTES`."""
    unpacked = sum(part.file_size for part in ZipFile(BytesIO(content)).infolist())
    if unpacked > MAX_BYTES:
        raise ValueError(f"it unpacks to {unpacked} bytes, over the limit of {MAX_BYTES}")


def lines_of(tree: Tree, name: str) -> list[str]:
    """Return the lines of a text file that are not empty, without spaces around them."""
    remedy = "Save it as text in UTF-8."
    with as_input_error("it is no text", where=tree.place(name), remedy=remedy, kinds=ValueError):
        text, _ = decode(tree.read(name))
    return [*filter(None, map(str.strip, text.splitlines()))]


def sheets_of(tree: Tree, name: str) -> list[str]:
    """Return the names of a workbook's sheets, or an empty list for other tables."""
    if not name.lower().endswith(".xlsx"):
        return []
    content = tree.read(name)
    with _readable("xlsx", tree.place(name)):
        _refuse_bomb(content)
        with pd.ExcelFile(BytesIO(content)) as book:
            return [str(sheet) for sheet in book.sheet_names]


def rows_above(tree: Tree, name: str, sheet: str = "") -> int:
    """Return the number of title rows that a table has above the names of its columns.

    A title leaves most cells empty; the names fill the first cell, and another row follows them.
    """
    kind = name.lower().rpartition(".")[2]
    if kind in ("parquet", "json", *JSON_LINES):
        return 0
    return _titles(_first_rows(tree.read(name), kind, sheet))


def _first_rows(content: bytes, kind: str, sheet: str) -> list[list[str]]:
    """Return the first rows of a sheet of a workbook, or of the text of a table."""
    if kind == "xlsx":
        how: dict[str, Any] = {"header": None, "nrows": _FIRST, "dtype": str}
        how["sheet_name"] = sheet or 0
        rows = pd.read_excel(BytesIO(content), **how, keep_default_na=False)
        return [[str(cell).strip() for cell in row] for row in rows.to_numpy()]
    text, _ = decode(content)
    return [*islice(rows_of(text, separator_of(text)), _FIRST)]


def _titles(rows: list[list[str]]) -> int:
    """Return how many of the first rows are titles; 0 if no row names columns."""
    last = max((n for row in rows for n, cell in enumerate(row, 1) if cell.strip()), default=0)
    rows = [row[:last] for row in rows]
    width = max(Counter(map(len, rows)).items(), key=lambda item: item[1])[0] if rows else 0
    for number, row in enumerate(rows[:-1]):
        if number and len(row) == width and row[0] and not _is_title(row, width):
            return number
        if not _is_title(row, width):  # names of columns, or data without such names
            return 0
    return 0


def _is_title(row: Sequence[str], width: int) -> bool:
    """Return whether most cells of a row are empty, besides the first, which may be an index."""
    filled = sum(bool(cell.strip()) for cell in row[1:])
    return width - 1 - filled > (width - 1) / 2


def _parse_workbook(content: bytes, sheet: str) -> pd.DataFrame:
    """Return a sheet; a cell that is merged over several rows is the value of each."""
    above = _titles(_first_rows(content, "xlsx", sheet))
    how: dict[str, Any] = {"dtype": str, "keep_default_na": False, "sheet_name": sheet or 0}
    rows = pd.read_excel(BytesIO(content), skiprows=above, **how).astype(_TEXT)
    _refuse_many(rows.columns)
    for area in _merged_areas(content, sheet):
        first, last = area.min_row - above - 2, area.max_row - above - 2
        if 0 <= first < last < len(rows):
            rows.iloc[first : last + 1, area.min_col - 1] = rows.iloc[first, area.min_col - 1]
    rows.index += above
    return rows


def _merged_areas(content: bytes, sheet: str) -> list[Any]:
    """Return the areas of merged cells of a sheet, as openpyxl reports them."""
    archive = ZipFile(BytesIO(content))
    sheets = [part for part in archive.namelist() if part.startswith("xl/worksheets/")]
    if not any(b"<mergeCell " in archive.read(sheet) for sheet in sheets):
        return []  # reading a whole workbook, which areas require, takes minutes if it is large
    from openpyxl import load_workbook  # slow to load

    book = load_workbook(BytesIO(content))
    return [*(book[sheet] if sheet else book.worksheets[0]).merged_cells.ranges]


def _parse_csv(content: bytes, names: list[str] | None) -> pd.DataFrame:
    # Arrow refuses rows of another length, which pandas would cut or fill silently.
    text, _ = decode(content)
    if text.count('"') % 2:
        odd = (row for row, line in enumerate(text.splitlines(), 1) if line.count('"') % 2)
        problem = f"a quotation mark in the table is not closed, first in row {next(odd)}"
        raise ValueError(problem)
    separator = separator_of(text)
    first = [*islice(rows_of(text, separator), _FIRST)]
    _refuse_many(max(first, key=len, default=()))
    above = 0 if names else _titles(first)
    text = text_below(text, separator, above)
    file = pyarrow.BufferReader(text.encode())
    parsing = pyarrow.csv.ParseOptions(delimiter=separator, newlines_in_values=True)
    reading = pyarrow.csv.ReadOptions(column_names=names)
    names = pyarrow.csv.open_csv(file, reading, parsing).schema.names
    types = dict.fromkeys(names, pyarrow.string())
    file.seek(0)
    converting = pyarrow.csv.ConvertOptions(column_types=types, strings_can_be_null=False)
    table = pyarrow.csv.read_csv(file, reading, parsing, converting)
    rows = table.to_pandas(types_mapper=lambda _: _TEXT)
    rows.index += above
    return rows


def _parse_parquet(content: bytes, columns: list[str]) -> pd.DataFrame:
    stated = pyarrow.parquet.read_metadata(BytesIO(content))
    names = stated.schema.to_arrow_schema().names
    _refuse_many(names)
    if stated.num_rows > MOST_ROWS:
        raise ValueError(f"it has more than {MOST_ROWS:,} rows")
    # Other columns may contain pictures, and are not read.
    wanted = [name for name in names if name.strip() in columns] if columns else names
    # Whole numbers beside missing values are read as floats; this makes them whole again.
    rows = pd.read_parquet(BytesIO(content), columns=wanted).convert_dtypes()
    return rows.astype(_TEXT).fillna("").reindex(columns=names, fill_value="")


def _refuse_many(columns: Sized) -> None:
    if len(columns) > MOST_COLUMNS:
        raise ValueError(f"it has more than {MOST_COLUMNS:,} columns")
