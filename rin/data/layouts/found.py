"""What a layout reader returns, and the steps that readers share."""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import TypeVar

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv
from pydantic import BaseModel, ConfigDict, ValidationError

from rin.data.manifest import DatasetManifest
from rin.data.tree import Tree
from rin.errors import InputError

PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
STAND_IN_NOTE = "STAND_IN.json"
SHOWN = 5
REMEDY = "Fetch the dataset again, whole and with its own names, or correct that place."


@dataclass(frozen=True, slots=True)
class FoundCase:
    """A case known by its file names and tables: ids, source class and locators.

    ``patient_id`` is None where only the header of the image tells it (DICOM).  A mask is a
    locator of a mask picture, or a shape in words (:mod:`rin.data.pixels`).  ``kept`` are further
    facts for the case table, by name.
    """

    case_id: str
    patient_id: str | None
    source_class: str
    image: str
    masks: tuple[str, ...] = ()
    kept: tuple[tuple[str, str], ...] = ()


def wrong(tree: Tree, problem: str, *, file: str = "", remedy: str = REMEDY) -> InputError:
    """Return the error for a tree, or one of its files, that is not as its layout wants it."""
    return InputError(problem, where=tree.place(file), remedy=remedy)


def refuse(
    tree: Tree, names: Iterable[str], problem: str, *, file: str = "", remedy: str = REMEDY
) -> None:
    """Raise InputError, with the number of names and the first of them, where there are any."""
    names = list(names)
    if names:
        told = f"{len(names)} {problem}: {', '.join(names[:SHOWN])}"
        raise wrong(tree, told, file=file, remedy=remedy)


def refuse_unpaired(
    tree: Tree, left: Iterable[str], right: Iterable[str], problems: tuple[str, str]
) -> None:
    """Raise InputError where names stand on the left alone, or on the right alone."""
    left, right = set(left), set(right)
    refuse(tree, sorted(left - right), problems[0])
    refuse(tree, sorted(right - left), problems[1])


def unknown_file(tree: Tree, name: str, layout: str) -> InputError:
    """Return the error for a file that the layout has no place for."""
    return wrong(tree, f"{name!r} is no file of the layout {layout!r}")


def inside(names: Iterable[str], known: Iterable[str], depth: int = 1) -> tuple[list[str], str]:
    """Return names without a stand-in's note, and the folder around all with its slash, or nothing.

    ``known`` are the folders that stand at the top where nothing is around them; in a folder
    around all, no file stands above ``depth``.
    """
    names = [name for name in names if name.rpartition("/")[2] != STAND_IN_NOTE]
    tops = {name.split("/", 1)[0] for name in names}
    around = len(tops) == 1 and not tops & set(known)
    around = around and all(name.count("/") >= depth for name in names)
    return names, f"{tops.pop()}/" if around else ""


def class_folders(
    tree: Tree, expected: Iterable[str] = (), splits: Collection[str] = ()
) -> dict[str, list[str]]:
    """Return the full names of the files of each class folder.

    A single folder around the class folders, or around the ``splits`` above them, is skipped.
    InputError where there are other class folders than ``expected`` (where given), or files
    outside them or deeper.
    """
    names, prefix = inside(tree.names, splits or expected, 1 if splits else 2)
    folders: dict[str, list[str]] = defaultdict(list)
    for name in names:
        *above, source_class = name.removeprefix(prefix).split("/")[:-1] or [""]
        if not source_class or len(above) != bool(splits) or not set(above) <= set(splits):
            below = f" below {', '.join(splits)}" if splits else ""
            raise wrong(tree, f"{name!r} does not stand directly in a class folder{below}")
        folders[source_class].append(name)
    expected = set(expected) or set(folders) or {"any"}
    if expected != set(folders):
        missing, extra = expected - set(folders), set(folders) - expected
        problem = f"class folders missing: {', '.join(sorted(missing)) or 'none'}; "
        raise wrong(tree, f"{problem}not known: {', '.join(sorted(extra)) or 'none'}")
    return dict(folders)


class ReaderOptions(BaseModel):
    """Base of the options of one reader: frozen, and names that it does not know are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Options = TypeVar("Options", bound=ReaderOptions)


def reader_options(model: type[Options], manifest: DatasetManifest) -> Options:
    """Return the manifest's options as the reader's model; raises InputError naming the field."""
    try:
        return model.model_validate(manifest.options)
    except ValidationError as error:
        told = "; ".join(
            f"{'.'.join(map(str, e['loc'])) or 'options'}: {e['msg']}" for e in error.errors()
        )
        raise InputError(
            f"options that the layout {manifest.layout!r} cannot use ({told})",
            where=f"manifest {manifest.name}",
            remedy=f"It knows: {', '.join(model.model_fields) or 'none'}.",
        ) from error


def patient_reading(pattern: str) -> Callable[[str], str]:
    """Return the function from a file name to its patient: the groups that matched, joined by -.

    Raises InputError for a pattern that is no regular expression, and later for a file name that
    it does not match.
    """
    remedy = "Correct it in the manifest; it must match every file name."
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        problem = f"{pattern!r} is no regular expression ({error})"
        raise InputError(problem, where="patient pattern", remedy=remedy) from error

    def read(name: str) -> str:
        match = compiled.search(name.rpartition("/")[2])
        found = [group for group in match.groups() if group] if match else []
        if not found:
            problem = f"the patient pattern {pattern!r} does not match {name!r}"
            raise InputError(problem, where="patient pattern", remedy=remedy)
        return "-".join(found)

    return read


def read_table(
    tree: Tree, name: str, columns: Iterable[str], *, header: bool = True, exact: bool = False
) -> pd.DataFrame:
    """Return a table as text; ``columns`` must be among its own, or all of them (``exact``).

    A file that ends in ``.parquet`` is read as parquet, where a missing value is empty text.  Any
    other is CSV in UTF-8: without a ``header``, ``columns`` are what its columns are called; a byte
    order mark, the kind of line ends, blanks around names and values, and empty lines do not
    matter.  InputError for a file that is broken or cut off, rows of unlike length, and columns
    that are missing or named twice.
    """
    columns, content = list(columns), tree.read(name)
    parquet = name.lower().endswith(".parquet")
    try:
        rows = _parquet(content, columns) if parquet else _csv(content, None if header else columns)
    except (pa.ArrowException, OSError, ValueError) as error:
        kind = "parquet table" if parquet else "CSV table in UTF-8"
        problem = " ".join(str(error).split())
        raise wrong(tree, f"it is no {kind} ({problem})", file=name) from error
    rows.columns = names = [str(title).strip() for title in rows.columns]
    if (
        not set(columns) <= set(names)
        or len(set(names)) < len(names)
        or (exact and len(names) > len(columns))
    ):
        problem = f"its columns are {', '.join(names)}; needed are {', '.join(columns)}"
        raise wrong(tree, problem, file=name)
    return rows.apply(lambda column: column.str.strip())


def _csv(content: bytes, names: list[str] | None) -> pd.DataFrame:
    # Arrow refuses rows of another length, which pandas would cut or fill in silence.
    if content.count(b'"') % 2:
        raise ValueError("a quote in the table is not closed")
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
    names = file.schema_arrow.names
    # What is not asked for may be pictures, and stays unread.
    read = file.read([name for name in names if name.strip() in columns] if columns else names)
    # Whole numbers beside missing values come as floats; as text they are whole numbers again.
    rows = read.to_pandas().convert_dtypes().astype(pd.StringDtype("pyarrow")).fillna("")
    return rows.reindex(columns=names, fill_value="")


def challenge_files(
    tree: Tree, layout: str, table: str, folder: str, ignored: Collection[str]
) -> tuple[str, dict[str, str]]:
    """Return the folder that wraps a challenge's files (with its slash, or nothing) and its images.

    The ``table`` of labels stands at the top or in one wrapping folder, the ``folder`` of images
    beside it.  ``ignored`` is what else the challenge publishes there: file names, and folders
    ending in ``/``.  Images are names in the tree by image id, the file name without ``.dcm``.
    """
    tables = [n for n in tree.names if n.rpartition("/")[2] == table and n.count("/") <= 1]
    if len(tables) != 1:
        raise wrong(tree, f"{len(tables)} tables called {table} instead of one")
    prefix = tables[0].removesuffix(table)
    known = {table, STAND_IN_NOTE, *ignored}
    folders = tuple(name for name in ignored if name.endswith("/"))
    images = {}
    for name in tree.names:
        inner = name.removeprefix(prefix) if name.startswith(prefix) else f"../{name}"
        top, _, file = inner.partition("/")
        if top == folder and file.endswith(".dcm") and "/" not in file:
            images[file.removesuffix(".dcm")] = name
        elif inner not in known and not inner.startswith(folders):
            raise unknown_file(tree, name, layout)
    if not images:
        raise wrong(tree, f"{folder}/ holds no .dcm files")
    return prefix, images


def check_same_images(tree: Tree, table: str, labelled: Iterable[str], images: set[str]) -> None:
    """Raise InputError where a table and the folder do not name the same images."""
    problems = (f"images of {table} are not there", f"images are not in {table}")
    refuse_unpaired(tree, labelled, images, problems)
