"""RadImageNet's own layout: pictures in folders, and a table of ``filename,label`` per part.

``radiology_ai/<modality>/<region>/<label>/<picture>`` (ultrasound: without folders for region
and label) stands beside ``RadiologyAI_train.csv``, ``RadiologyAI_val.csv`` and
``RadiologyAI_test.csv``, whose rows name the pictures from ``radiology_ai/`` on.  RadImageNet
publishes no patients, so each of its pictures is one.  A corpus that was curated here brings
``patients.csv``.  The parts themselves are read by `read_parts`, for
:mod:`rin.data.splits`.
"""

import os
from pathlib import Path

import pandas as pd
from pydantic import Field, field_validator

from rin.data.layouts.found import (
    PICTURES,
    STAND_IN_NOTE,
    FoundCase,
    ReaderOptions,
    read_table,
    reader_options,
    refuse,
    refuse_unpaired,
    unknown_file,
    wrong,
)
from rin.data.manifest import PARTS, DatasetManifest
from rin.data.tree import Tree, is_archive, open_tree

LAYOUT = "radimagenet"
#: Table of each part, as in the database.
TABLES = {
    "train": "RadiologyAI_train.csv",
    "validation": "RadiologyAI_val.csv",
    "test": "RadiologyAI_test.csv",
}


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
    """
    options = reader_options(RadImageNetOptions, manifest)
    pictures, others = _sort_out(tree, options)
    rows = _rows(tree, options, others)
    problems = "rows of the tables have no picture", "pictures have no row in the tables"
    refuse_unpaired(tree, rows["case"], pictures, problems)
    cases, patients = rows["case"].tolist(), rows["case"].tolist()
    if options.patients in others:
        table = _read(tree, options, others[options.patients], "patient_id")
        problems = (
            f"rows of {options.patients} have no picture",
            f"pictures have no row in {options.patients}",
        )
        refuse_unpaired(tree, table["case"], pictures, problems)
        patients = table.set_index("case")["patient_id"][cases].tolist()
    return [
        FoundCase(case_id, patient, label, tree.locator(pictures[case_id]))
        for case_id, patient, label in zip(cases, patients, rows["label"].tolist(), strict=True)
    ]


def read_parts(root: Path, location: str, manifest: DatasetManifest) -> pd.Series:
    """Return the part (train, validation or test) that the corpus's own tables give to each case.

    ``location`` is a folder or zip archive in the data root ``root``.  Pictures are not looked for.
    """
    options = reader_options(RadImageNetOptions, manifest)
    tree = _tables_only(Path(root), location, options)
    rows = _rows(tree, options, _sort_out(tree, options)[1])
    index = pd.Index(rows["case"].tolist(), name="case_id")
    return pd.Series(rows["part"].tolist(), index=index, name="part")


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
            raise wrong(tree, f"{key} is there twice: {found[key]}, {name}")
        found[key] = name
    return pictures, others


def _rows(tree: Tree, options: RadImageNetOptions, others: dict[str, str]) -> pd.DataFrame:
    """Return ``case``, ``label`` and ``part`` of each row, in the order of the tables."""
    tables = []
    for part in PARTS:
        table = options.tables[part]
        if table not in others:
            raise wrong(tree, f"no file is called {table}")
        rows = _read(tree, options, others[table], "label", exact=True)
        tables.append(rows.assign(part=part))
    rows = pd.concat(tables, ignore_index=True)
    twice = rows[rows["case"].duplicated(keep=False)].groupby("case", sort=False)["part"]
    told = [f"{case} ({', '.join(parts)})" for case, parts in twice]
    refuse(tree, told, "pictures stand in two tables")
    return rows


def _read(
    tree: Tree, options: RadImageNetOptions, name: str, column: str, *, exact: bool = False
) -> pd.DataFrame:
    """Return ``case`` (the file name below the folder of pictures) and a column of a table."""
    table = read_table(tree, name, ["filename", column], exact=exact)
    names, folder = table["filename"], f"{options.folder}/"
    refuse(tree, names[table[column] == ""], f"rows have no {column}", file=name)
    outside = names[~names.str.startswith(folder)]
    refuse(tree, outside.map(repr), f"rows name no file below {folder}", file=name)
    cases = names.str.removeprefix(folder)
    refuse(tree, cases[cases.duplicated()], "pictures stand in several rows", file=name)
    return pd.DataFrame({"case": cases, column: table[column]})
