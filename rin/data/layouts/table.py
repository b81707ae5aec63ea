"""The layout ``table``: a CSV or parquet file with a row a picture, and folders beside it.

The manifest's options say which columns name image, label, patient and mask.  A name is a column,
or a template of columns: ``"{ID}.png"``, or ``"{id:03d}.png"`` for whole numbers.
"""

import re
import string
from collections.abc import Iterable
from typing import Annotated

import pandas as pd
from pydantic import AfterValidator, Field, StringConstraints

from rin.data.layouts.found import (
    PICTURES,
    STAND_IN_NOTE,
    FoundCase,
    ReaderOptions,
    patient_reading,
    read_table,
    reader_options,
    refuse,
    unknown_file,
    wrong,
)
from rin.data.manifest import DatasetManifest
from rin.data.tree import Tree
from rin.errors import InputError

LAYOUT = "table"
#: Source class of rows whose label is empty, where the manifest's label map has it.
UNLABELLED = "unlabelled"
_NUMBER = r"[0-9]{1,18}"


def _fields(template: str) -> list[tuple[str, str | None, str]]:
    """Return the pieces of a name: text, the column behind it, and how a number is written."""
    if "{" not in template and template:
        return [("", template, "")]
    pieces = list(string.Formatter().parse(template))
    for _, column, form, conversion in pieces:
        if column == "" or conversion or not re.fullmatch(r"(\d*d)?", form or ""):
            pieces = []
    if not pieces:
        raise ValueError(f"{template!r} is neither a column nor a template like {{ID}}.png")
    return [(text, column, form or "") for text, column, form, _ in pieces]


def _groups(pattern: str) -> list[str]:
    try:
        names = list(re.compile(pattern).groupindex)
    except re.error as error:
        raise ValueError(f"{pattern!r} is no regular expression ({error})") from error
    if not names:
        raise ValueError(f"{pattern!r} holds no named group, as (?P<number>...)")
    return names


Template = Annotated[str, AfterValidator(lambda template: (_fields(template), template)[1])]
Pattern = Annotated[str, AfterValidator(lambda pattern: (_groups(pattern), pattern)[1])]
Name = Annotated[str, StringConstraints(pattern="^[a-z][a-z0-9_]*$")]


class GivenSplit(ReaderOptions):
    """A split that comes with the dataset: a column of the table, or of a ``table`` of its own.

    It holds the words train, val (or validation) and test, or the fold that tests a picture.
    """

    column: str
    table: str = ""


class TableOptions(ReaderOptions):
    """Options of the layout.

    ``table`` is a file, ``images`` and ``masks`` are folders, wherever they stand in the tree;
    without them, names start at the table's folder.  ``image`` and ``mask`` are columns or
    templates; masks are called as their pictures are where only their folder is given.  ``parts``
    takes columns apart, each by a pattern that matches the whole value; its named groups serve
    in templates as columns do.  ``keep`` takes columns into the case table, under new names.
    ``beside`` are other files of the dataset.
    """

    table: str
    images: str = ""
    image: Template
    label: str
    patient: str = ""
    masks: str = ""
    mask: Template = ""
    parts: dict[str, Pattern] = Field(default_factory=dict)
    keep: dict[Name, str] = Field(default_factory=dict)
    split: GivenSplit | None = None
    beside: tuple[str, ...] = ()


def find_cases(tree: Tree, manifest: DatasetManifest) -> list[FoundCase]:
    """Return the cases of a table.

    The case id is the picture's name, the source class the text in the label column:
    ``unlabelled`` where it is empty and the label map has that class.  The patient stands in the
    table, or is read from the name by the manifest's ``patient_pattern``; without either, each
    picture is a patient.  An empty cell in a column of masks means that there is none.
    """
    options = reader_options(TableOptions, manifest)
    if options.patient and manifest.patient_pattern:
        remedy = "Leave out the option patient, or the patient_pattern."
        raise InputError("patients have two sources", where=manifest.name, remedy=remedy)
    columns = [options.label, *options.keep.values()]
    columns += [options.patient] if options.patient else []
    table, rows = _rows(tree, options, options.table, [options.image, options.mask], columns)
    labels = rows[options.label]
    if UNLABELLED in manifest.label_map:
        labels = labels.where(labels != "", UNLABELLED)
    strange = labels[~labels.isin(list(manifest.label_map) or set(labels) - {""})]
    refuse(tree, strange.map(repr), "labels are not in the manifest's label map", file=table)
    patients = rows["name"]
    if options.patient:
        patients = rows[options.patient]
        refuse(tree, rows["name"][patients == ""], "pictures have no patient", file=table)
    elif manifest.patient_pattern:
        patients = patients.map(patient_reading(manifest.patient_pattern))
    facts = rows[[*options.keep.values()]].itertuples(index=False, name=None)
    rows = pd.DataFrame(
        {
            "name": rows["name"],
            "patient": patients,
            "label": labels,
            "mask": _masks(tree, options, table, rows),
            "kept": [tuple(zip(options.keep, row, strict=True)) for row in facts],
        }
    )
    pictures, masks = _files(tree, options, table, rows)
    return [
        FoundCase(
            case_id=row.name,
            patient_id=row.patient,
            source_class=row.label,
            image=tree.locator(pictures[row.name]),
            masks=(tree.locator(masks[row.mask]),) if row.mask else (),
            kept=row.kept,
        )
        for row in rows.itertuples(index=False)
    ]


def read_split(tree: Tree, manifest: DatasetManifest) -> pd.Series:
    """Return what the split that comes with a dataset says of each picture, text by case id.

    Raises InputError where the manifest names none, and for a table as :func:`find_cases`.
    """
    options = None
    if manifest.layout == LAYOUT:
        options = reader_options(TableOptions, manifest)
    if options is None or options.split is None:
        raise InputError(
            "no split is known that comes with the dataset",
            where=f"manifest {manifest.name}",
            remedy="Name its column in the option split of the layout table.",
        )
    file, column = options.split.table or options.table, options.split.column
    return _rows(tree, options, file, [options.image], [column])[1].set_index("name")[column]


def _rows(
    tree: Tree, options: TableOptions, file: str, templates: list[str], columns: list[str]
) -> tuple[str, pd.DataFrame]:
    """Return where a table lies, and its rows with each picture's ``name``."""
    tables = [name for name in tree.names if name.rpartition("/")[2] == file]
    if len(tables) != 1:
        raise wrong(tree, f"{len(tables)} files are called {file} instead of one")
    made = {name for pattern in options.parts.values() for name in _groups(pattern)}
    named = {field[1] for template in filter(None, templates) for field in _fields(template)}
    needed = dict.fromkeys([*sorted(named - made - {None}), *options.parts, *columns])
    rows = read_table(tree, tables[0], needed)
    if rows.empty:
        raise wrong(tree, "the table has no rows", file=tables[0])
    for column, pattern in options.parts.items():
        whole = rows[column].astype(object).str.extract(f"^(?:{pattern})$")
        strange = rows[column][whole.isna().all(axis=1)].map(repr)
        refuse(tree, strange, f"values of {column} do not match {pattern!r}", file=tables[0])
        rows = rows.assign(**whole[_groups(pattern)].fillna("").astype("string"))
    rows = rows.assign(name=_filled(tree, tables[0], rows, options.image))
    twice = rows["name"][rows["name"].duplicated()]
    refuse(tree, twice, "pictures have several rows", file=tables[0])
    return tables[0], rows


def _filled(tree: Tree, table: str, rows: pd.DataFrame, template: str) -> pd.Series:
    """Return the name that a template makes of each row; refuse rows that do not fit it."""
    names, fits = pd.Series("", rows.index, dtype="string"), pd.Series(True, rows.index)
    used = []
    for text, column, form in _fields(template):
        names += text
        if column is not None:
            cells = rows[column]
            used.append(column)
            fits &= cells.str.fullmatch(_NUMBER) if form else cells != ""
            if form:
                cells = cells.where(fits, "0").map(lambda cell, form=form: format(int(cell), form))
            names += cells.astype("string")
    bad = [" ".join(map(repr, cells)) for cells in rows.loc[~fits, used].to_numpy()]
    refuse(tree, bad, f"rows fit no file name of the form {template}", file=table)
    return names


def _masks(tree: Tree, options: TableOptions, table: str, rows: pd.DataFrame) -> pd.Series | str:
    if options.mask in rows:
        return rows[options.mask]
    if options.mask:
        return _filled(tree, table, rows, options.mask)
    return rows["name"] if options.masks else ""


def _files(
    tree: Tree, options: TableOptions, table: str, rows: pd.DataFrame
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the files of pictures and of masks by name, when they are those of the rows."""
    others = {options.table, STAND_IN_NOTE, *options.beside}
    others |= {options.split.table} if options.split else set()
    files = [name for name in tree.names if name.rpartition("/")[2] not in others]
    base, marked = table.removesuffix(options.table), rows["mask"][rows["mask"] != ""]
    pictures = _below(tree, files, options.images, base)
    masks = _below(tree, files, options.masks or options.images, base) if len(marked) else {}
    refuse(tree, rows["name"][~rows["name"].isin(list(pictures))], "rows without a picture")
    refuse(tree, marked[~marked.isin(list(masks))], "masks of the table are not there")
    used = {pictures[name] for name in rows["name"]} | {masks[name] for name in marked}
    for known, problem in ((pictures, "pictures without a row"), (masks, "masks without a row")):
        refuse(tree, [name for name, file in known.items() if file not in used], problem)
    for name in files:
        if name not in used:
            raise unknown_file(tree, name, LAYOUT)
    return pictures, masks


def _below(tree: Tree, files: Iterable[str], folder: str, base: str) -> dict[str, str]:
    """Return the pictures below a folder, wherever it stands, or below ``base``, by their names."""
    found: dict[str, str] = {}
    for file in files:
        if folder:
            _, inside, name = f"/{file}".rpartition(f"/{folder}/")
        else:
            inside, name = file.startswith(base), file.removeprefix(base)
        if not inside or not file.lower().endswith((*PICTURES, ".dcm")):
            continue
        if name in found:
            raise wrong(tree, f"two files are called {name}: {found[name]} and {file}")
        found[name] = file
    return found
