"""RadImageNet's own layout: pictures in folders, and a table of ``filename,label`` per part.

``radiology_ai/<modality>/<region>/<label>/<picture>`` (ultrasound: without folders for region
and label) stands beside ``RadiologyAI_train.csv``, ``RadiologyAI_val.csv`` and
``RadiologyAI_test.csv``, whose rows name the pictures from ``radiology_ai/`` on.  RadImageNet
publishes no patients, so each of its pictures is one.  A corpus that was curated here brings
``patients.csv``.  The parts themselves are read by `read_parts`, for
:mod:`rin.data.splits`.
"""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import repeat
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv
from pydantic import Field, field_validator

from rin.data.layouts.found import (
    PICTURES,
    STAND_IN_NOTE,
    FoundCase,
    ReaderOptions,
    reader_options,
    refuse_unpaired,
    unknown_file,
)
from rin.data.manifest import PARTS, DatasetManifest
from rin.data.tree import Tree, is_archive, open_tree
from rin.errors import InputError

LAYOUT = "radimagenet"
#: Table of each part, as in the database.
TABLES = {
    "train": "RadiologyAI_train.csv",
    "validation": "RadiologyAI_val.csv",
    "test": "RadiologyAI_test.csv",
}
COLUMNS = ("filename", "label")
PATIENT_COLUMNS = ("filename", "patient_id")
SHOWN = 5
REMEDY = "Fetch pictures and tables again, which belong together, or correct that place."


class RadImageNetOptions(ReaderOptions):
    """Options of the layout: how its folder and files are called.

    ``folder`` holds the pictures; ``tables`` names the table of each part; ``patients`` the
    side table of patients, which may be absent; ``beside`` files that may stand there too.
    """

    folder: str = "radiology_ai"
    tables: dict[str, str] = Field(default_factory=lambda: dict(TABLES))
    patients: str = "patients.csv"
    beside: tuple[str, ...] = ("croissant.json", "dataset_card.json")

    @field_validator("tables")
    @classmethod
    def _one_for_each_part(cls, tables: dict[str, str]) -> dict[str, str]:
        if set(tables) != set(PARTS) or len(set(tables.values())) != len(PARTS):
            raise ValueError(f"name one table for each of {', '.join(PARTS)}")
        return tables


def find_cases(tree: Tree, manifest: DatasetManifest) -> list[FoundCase]:
    """Return the cases of a tree in RadImageNet's layout.

    The case id is the picture's name below ``radiology_ai/``, the source class the label of its
    row.  The patient is that of ``patients.csv``; without that table, each picture is one.

    Raises
    ------
    InputError
        A table that is missing, there twice, no CSV in UTF-8 or of other columns; an empty name
        or label; a picture in two rows; a row without a picture; a picture without a row, or
        without a patient where there is a table of them; another file.
    """
    options = reader_options(RadImageNetOptions, manifest)
    pictures, others = _sort_out(tree, options)
    rows = _rows(tree, options, others)
    _check_same(tree, "the tables", rows, pictures)
    patients = _patients(tree, options, others) or dict(zip(rows, rows, strict=True))
    _check_same(tree, options.patients, patients, pictures)
    return [
        FoundCase(case_id, patients[case_id], label, tree.locator(pictures[case_id]))
        for case_id, (label, _) in rows.items()
    ]


def read_parts(root: Path, location: str, manifest: DatasetManifest) -> pd.Series:
    """Return the part that the corpus's own tables give to each case.

    Parameters
    ----------
    root, location
        Data root, and folder or zip archive in it.

    Returns
    -------
    pandas.Series
        train, validation or test, indexed by case id.

    Raises
    ------
    InputError
        As `find_cases`, for the tables; pictures are not looked for.
    """
    options = reader_options(RadImageNetOptions, manifest)
    tree = _tables_only(Path(root), location, options)
    rows = _rows(tree, options, _sort_out(tree, options)[1])
    parts = [part for _, part in rows.values()]
    return pd.Series(parts, index=pd.Index(rows, name="case_id"), name="part")


def _tables_only(root: Path, location: str, options: RadImageNetOptions) -> Tree:
    """Return the tree without its pictures; a folder of them is not even listed."""
    place = root / location
    if is_archive(place) or not place.is_dir():
        return open_tree(root, location)
    names = []
    for folder, inner, files in os.walk(place):
        inner[:] = [name for name in inner if name != options.folder]
        below = Path(folder).relative_to(place)
        names += [(below / file).as_posix() for file in files]
    return Tree(root, location, tuple(sorted(names)))


def _sort_out(tree: Tree, options: RadImageNetOptions) -> tuple[dict[str, str], dict[str, str]]:
    """Return the names of the pictures by case id, and of the other files by file name."""
    mark = f"/{options.folder}/"
    known = {*options.tables.values(), options.patients, STAND_IN_NOTE, *options.beside}
    pictures, others = {}, {}
    for name in tree.names:
        _, inside, case_id = f"/{name}".partition(mark)
        key = case_id or name.rpartition("/")[2]
        if (inside and not name.lower().endswith(PICTURES)) or (not inside and key not in known):
            raise unknown_file(tree, name, LAYOUT)
        found = pictures if inside else others
        if key in found:
            raise _wrong(tree, "", f"{key} is there twice", [found[key], name])
        found[key] = name
    return pictures, others


def _rows(
    tree: Tree, options: RadImageNetOptions, others: dict[str, str]
) -> dict[str, tuple[str, str]]:
    """Return label and part of each row of the tables, by case id, in the order of the tables."""
    rows: dict[str, tuple[str, str]] = {}
    for part in PARTS:
        table = options.tables[part]
        if table not in others:
            raise InputError(
                f"no file is called {table}",
                where=tree.place(),
                remedy="Put the database's own tables there, beside its pictures.",
            )
        names, labels = _read(tree, others[table], COLUMNS, strict=True)
        if "" in labels:
            unlabelled = [name for name, label in zip(names, labels, strict=True) if not label]
            raise _wrong(tree, table, f"{len(unlabelled)} rows have no label", unlabelled)
        cases = _case_ids(tree, table, options, names)
        if rows.keys() & set(cases):
            twice = [f"{case} ({rows[case][1]}, {part})" for case in cases if case in rows]
            raise _wrong(tree, table, f"{len(twice)} pictures stand in two tables", twice)
        rows.update(zip(cases, zip(labels, repeat(part)), strict=False))
    return rows


def _patients(
    tree: Tree, options: RadImageNetOptions, others: dict[str, str]
) -> dict[str, str] | None:
    """Return the patient of each case, or None where there is no table of them."""
    table = options.patients
    if table not in others:
        return None
    names, patients = _read(tree, others[table], PATIENT_COLUMNS)
    if "" in patients:
        unnamed = [name for name, patient in zip(names, patients, strict=True) if not patient]
        raise _wrong(tree, table, f"{len(unnamed)} rows name no patient", unnamed)
    return dict(zip(_case_ids(tree, table, options, names), patients, strict=True))


def _read(
    tree: Tree, name: str, columns: tuple[str, ...], *, strict: bool = False
) -> list[list[str]]:
    """Return the columns of a table as text; ``strict`` allows no other column."""
    # Arrow's reader refuses rows of another length, which pandas' would cut or fill in silence.
    options = csv.ConvertOptions(strings_can_be_null=False, check_utf8=True)
    content = pa.BufferReader(tree.read(name))
    try:
        header = csv.open_csv(content, convert_options=options).schema.names
        content.seek(0)
        options.column_types = dict.fromkeys(header, pa.string())
        table = csv.read_csv(content, convert_options=options)
    except pa.ArrowInvalid as error:
        raise _wrong(tree, name, f"it is no table in CSV and UTF-8 ({error})") from error
    titles = [title.strip() for title in header]
    missing, more = set(columns) - set(titles), set(titles) - set(columns)
    if missing or (strict and more) or len(set(titles)) != len(titles):
        must = f"{'be' if strict else 'hold'} {', '.join(columns)}"
        raise _wrong(tree, name, f"its columns are {', '.join(header)}; they must {must}")
    table = table.rename_columns(titles)
    return [pc.utf8_trim_whitespace(table[column]).to_pylist() for column in columns]


def _case_ids(tree: Tree, table: str, options: RadImageNetOptions, names: list[str]) -> list[str]:
    """Return the names of rows without the folder that all of them must begin with."""
    folder = f"{options.folder}/"
    outside = [name for name in names if not name.startswith(folder)]
    if outside:
        shown = list(map(repr, outside))
        raise _wrong(tree, table, f"{len(outside)} rows name no file below {folder}", shown)
    cases = [name.removeprefix(folder) for name in names]
    if len(set(cases)) != len(cases):
        twice = [case for case, times in Counter(cases).items() if times > 1]
        raise _wrong(tree, table, f"{len(twice)} pictures stand in several rows", twice)
    return cases


def _check_same(
    tree: Tree, table: str, rows: Mapping[str, object], pictures: Mapping[str, str]
) -> None:
    problems = (f"rows of {table} have no picture", f"pictures have no row in {table}")
    refuse_unpaired(tree, rows, pictures, problems, REMEDY)


def _wrong(tree: Tree, table: str, problem: str, names: Sequence[str] = ()) -> InputError:
    place = tree.place()
    shown = f"{problem}: {', '.join(names[:SHOWN])}" if names else problem
    return InputError(
        shown,
        where=f"{place}: {table}" if table else place,
        remedy=REMEDY,
    )
