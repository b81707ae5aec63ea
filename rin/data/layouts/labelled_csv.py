"""One folder of pictures and one table that labels them, as in the Head CT hemorrhage set.

The names of folder, table and columns are options, so another dataset of this kind needs a
manifest and no Python.
"""

import string
from collections import Counter

from pydantic import field_validator

from rin.data.layouts.folder_classes import patient_reading
from rin.data.layouts.found import PICTURES, STAND_IN_NOTE, FoundCase, unknown_file
from rin.data.layouts.options import ReaderOptions, reader_options
from rin.data.layouts.tables import read_table
from rin.data.manifest import DatasetManifest
from rin.data.tree import Tree
from rin.errors import InputError


class LabelledOptions(ReaderOptions):
    """Options of the layout.

    ``folder`` is the folder that holds the pictures directly, wherever it stands in the tree;
    ``table`` the CSV file; ``file_template`` makes the file name from an id, as
    ``{id:03d}.png`` (a whole number) or ``{id}.png`` (text as it stands).
    """

    folder: str
    table: str
    id_column: str
    label_column: str
    file_template: str

    @field_validator("file_template")
    @classmethod
    def _takes_one_id(cls, template: str) -> str:
        fields = [
            field for _, field, _, _ in string.Formatter().parse(template) if field is not None
        ]
        if fields != ["id"] or not template.lower().endswith(PICTURES):
            raise ValueError(f"{template!r} must hold {{id}} once and end like a picture")
        return template

    def wants_number(self) -> bool:
        """Tell whether the template pads a whole number."""
        return any(
            spec and spec.endswith("d")
            for _, field, spec, _ in string.Formatter().parse(self.file_template)
            if field is not None
        )


def find_cases(tree: Tree, manifest: DatasetManifest) -> list[FoundCase]:
    """Return the cases of a labelled folder.

    The case id is the picture's file name, the source class the text in the label column.
    The manifest's ``patient_pattern`` takes the patient from the file name; without one, each
    picture is a patient.

    Raises
    ------
    InputError
        A table that is missing or lacks a column, ids that repeat or fit no file name, empty
        or unknown labels, rows without a picture, pictures without a row, or other files.
    """
    options = reader_options(LabelledOptions, manifest)
    pictures = _pictures(tree, options)
    labels = _labels(tree, options, manifest)
    _check_pairs(tree, set(pictures), set(labels))
    patient = patient_reading(manifest.patient_pattern) if manifest.patient_pattern else None
    return [
        FoundCase(
            case_id=file,
            patient_id=patient(file) if patient else file,
            source_class=labels[file],
            image=tree.locator(name),
        )
        for file, name in pictures.items()
    ]


def _pictures(tree: Tree, options: LabelledOptions) -> dict[str, str]:
    pictures: dict[str, str] = {}
    for name in tree.names:
        folder, _, file = name.rpartition("/")
        if file in (options.table, STAND_IN_NOTE):
            continue
        inside = folder.rpartition("/")[2] == options.folder
        if not inside or not file.lower().endswith(PICTURES):
            raise unknown_file(tree, name, "labelled_csv")
        if file in pictures:
            raise InputError(
                f"two files are called {file}: {pictures[file]} and {name}",
                where=tree.root / tree.location,
                remedy=f"Keep one folder {options.folder!r}.",
            )
        pictures[file] = name
    return pictures


def _labels(tree: Tree, options: LabelledOptions, manifest: DatasetManifest) -> dict[str, str]:
    tables = [name for name in tree.names if name.rpartition("/")[2] == options.table]
    if len(tables) != 1:
        raise InputError(
            f"{len(tables)} files are called {options.table} instead of one",
            where=tree.root / tree.location,
            remedy="Put the dataset's own table there, once.",
        )
    place = f"{tree.root / tree.location}: {tables[0]}"
    rows = read_table(tree, tables[0], (options.id_column, options.label_column))
    files = [_file_name(place, options, row[options.id_column]) for row in rows]
    repeated = sorted(file for file, times in Counter(files).items() if times > 1)
    labels = [row[options.label_column] for row in rows]
    unknown = sorted(set(labels) - set(manifest.label_map or labels) | {""} & set(labels))
    for wrong, problem in (
        (repeated, "pictures have several rows"),
        (unknown, "labels are not in the manifest's label map"),
    ):
        if wrong:
            shown = ", ".join(map(repr, wrong[:5]))
            raise InputError(
                f"{len(wrong)} {problem}: {shown}",
                where=place,
                remedy="Fetch the table again, or correct it or the manifest.",
            )
    return dict(zip(files, labels, strict=True))


def _file_name(place: str, options: LabelledOptions, text: str) -> str:
    number = options.wants_number()
    if not text or (number and not (text.isascii() and text.isdecimal())):
        raise InputError(
            f"the id {text!r} fits no file name of the form {options.file_template}",
            where=place,
            remedy="Correct the table, or file_template in the manifest's options.",
        )
    return options.file_template.format(id=int(text) if number else text)


def _check_pairs(tree: Tree, pictures: set[str], labelled: set[str]) -> None:
    for alone, problem in (
        (labelled - pictures, "rows without a picture"),
        (pictures - labelled, "pictures without a row"),
    ):
        if alone:
            raise InputError(
                f"{len(alone)} {problem}: {', '.join(sorted(alone)[:5])}",
                where=tree.root / tree.location,
                remedy="Fetch the dataset again; every picture needs one row of the table.",
            )
