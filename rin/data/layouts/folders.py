"""Folders of pictures: one per class, also with masks (BUSI), or one with a table of labels.

``folder_classes`` is the plainest; its option ``splits`` names folders above the class folders, as
in ``train/NORMAL/x.jpeg``, whose pictures are read together.

``busi`` is Dataset_BUSI_with_GT: ``benign (1).png`` has the mask ``benign (1)_mask.png`` and
perhaps ``benign (1)_mask_1.png`` and higher, one per lesion.  Al-Dhabyani et al., Data in Brief 28
(2020) 104863.

``labelled_csv`` is one folder of pictures and one table, as in the Head CT hemorrhage set; the
names of folder, table and columns are options.
"""

import re
import string
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace

import pandas as pd
from pydantic import Field, field_validator

from rin.data.layouts.found import (
    PICTURES,
    STAND_IN_NOTE,
    FoundCase,
    ReaderOptions,
    class_folders,
    read_table,
    reader_options,
    refuse,
    refuse_unpaired,
    unknown_file,
    wrong,
)
from rin.data.manifest import DatasetManifest
from rin.data.tree import Tree
from rin.errors import InputError

BUSI_NAME = re.compile(r"(?P<stem>(?P<word>.+) \(\d+\))(?P<mask>_mask(?:_\d+)?)?\.png")


def find_busi(tree: Tree, manifest: DatasetManifest) -> list[FoundCase]:
    """Return the cases of a BUSI tree; each image is its own patient, as none are named.

    Raises
    ------
    InputError
        Missing or additional class folders or files, a picture without a mask, a mask
        without a picture, or a file in the folder of another class.
    """
    cases = []
    for source_class, names in class_folders(tree, manifest.label_map).items():
        pictures, masks = {}, defaultdict(list)
        for name in names:
            match = BUSI_NAME.fullmatch(_file(name))
            if match is None or match["word"] != source_class:
                raise unknown_file(tree, name, "busi")
            if match["mask"]:
                masks[match["stem"]].append(name)
            else:
                pictures[match["stem"]] = name
        problems = ("pictures without a mask", "masks without a picture")
        refuse_unpaired(tree, pictures, masks, problems)
        for stem, name in pictures.items():
            files = tuple(tree.locator(mask) for mask in masks[stem])
            cases.append(FoundCase(stem, stem, source_class, tree.locator(name), files))
    return cases


class FolderOptions(ReaderOptions):
    """Options of the layout.

    ``splits`` are folders above the class folders; one may be absent.  ``inner_copy`` is a
    folder that holds the whole tree once more: a file below it is passed over where the same
    name without that folder is there too.  ``readings`` are ways to read patients from the
    file names, by name; they are compared, and only ``patient_pattern`` is used.
    """

    splits: tuple[str, ...] = ()
    inner_copy: str | None = None
    readings: dict[str, str] = Field(default_factory=dict)


def find_folder_classes(tree: Tree, manifest: DatasetManifest) -> list[FoundCase]:
    """Return the cases of a class-per-folder tree.

    The case id is ``class/file name``, with the split before it where two splits hold the
    same ``class/file name``.  The manifest's ``patient_pattern`` takes the patient from the
    file name (the groups that matched); without one, each picture is a patient.

    Raises
    ------
    InputError
        Missing or additional class folders, nested folders, files that are no pictures, a
        file name that the patient pattern does not match, or options that do not validate.
    """
    options = reader_options(FolderOptions, manifest)
    if options.inner_copy is not None:
        tree = replace(tree, names=_without_copy(tree.names, options.inner_copy))
    folders = class_folders(tree, manifest.label_map, options.splits)
    short = Counter(f"{label}/{_file(name)}" for label, names in folders.items() for name in names)
    patient = patient_reading(manifest.patient_pattern) if manifest.patient_pattern else None
    cases = []
    for source_class, names in folders.items():
        for name in names:
            if not name.lower().endswith(PICTURES):
                raise unknown_file(tree, name, "folder_classes")
            case_id = f"{source_class}/{_file(name)}"
            if short[case_id] > 1:
                case_id = "/".join(name.split("/")[-3:])
            patient_id = patient(name) if patient else case_id
            cases.append(FoundCase(case_id, patient_id, source_class, tree.locator(name)))
    return cases


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
        match = compiled.search(_file(name))
        found = [group for group in match.groups() if group] if match else []
        if not found:
            problem = f"the patient pattern {pattern!r} does not match {name!r}"
            raise InputError(problem, where="patient pattern", remedy=remedy)
        return "-".join(found)

    return read


def _file(name: str) -> str:
    return name.rpartition("/")[2]


def _without_copy(names: tuple[str, ...], inner: str) -> tuple[str, ...]:
    """Return the names without those of a second copy of the tree in a folder of its own."""
    known, kept = set(names), []
    for name in names:
        before, found, after = f"/{name}".rpartition(f"/{inner}/")
        if not found or f"{before}/{after}".removeprefix("/") not in known:
            kept.append(name)
    return tuple(kept)


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
        if [field for field, _ in _fields(template)] != ["id"] or not template.lower().endswith(
            PICTURES
        ):
            raise ValueError(f"{template!r} must hold {{id}} once and end like a picture")
        return template

    def file_of(self, text: str) -> str | None:
        """Return the file name of an id, or None where it fits none."""
        if not _fields(self.file_template)[0][1].endswith("d"):
            return self.file_template.format(id=text) if text else None
        number = text.isascii() and text.isdecimal()
        return self.file_template.format(id=int(text)) if number else None


def _fields(template: str) -> list[tuple[str, str]]:
    """Return name and form of each field of a format string."""
    parsed = string.Formatter().parse(template)
    return [(field, spec) for _, field, spec, _ in parsed if field is not None]


def find_labelled(tree: Tree, manifest: DatasetManifest) -> list[FoundCase]:
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
    pictures: dict[str, str] = {}
    for name in tree.names:
        folder, _, file = name.rpartition("/")
        if file in (options.table, STAND_IN_NOTE):
            continue
        within = folder.rpartition("/")[2] == options.folder
        if not within or not file.lower().endswith(PICTURES):
            raise unknown_file(tree, name, "labelled_csv")
        if file in pictures:
            raise wrong(tree, f"two files are called {file}: {pictures[file]} and {name}")
        pictures[file] = name
    labels = _labels(tree, options, manifest)
    refuse_unpaired(tree, labels, pictures, ("rows without a picture", "pictures without a row"))
    patient = patient_reading(manifest.patient_pattern) if manifest.patient_pattern else str
    return [
        FoundCase(file, patient(file), labels[file], tree.locator(name))
        for file, name in pictures.items()
    ]


def _labels(tree: Tree, options: LabelledOptions, manifest: DatasetManifest) -> dict[str, str]:
    tables = [name for name in tree.names if _file(name) == options.table]
    if len(tables) != 1:
        raise wrong(tree, f"{len(tables)} files are called {options.table} instead of one")
    rows = read_table(tree, tables[0], [options.id_column, options.label_column])
    ids, labels = rows[options.id_column], rows[options.label_column]
    files = pd.Series([options.file_of(text) for text in ids], dtype=object)
    known = list(manifest.label_map) or list(set(labels) - {""})
    for bad, problem in (
        (ids[files.isna()].map(repr), f"ids fit no file name of the form {options.file_template}"),
        (files[files.duplicated()], "pictures have several rows"),
        (labels[~labels.isin(known)].map(repr), "labels are not in the manifest's label map"),
    ):
        refuse(tree, bad, problem, file=tables[0])
    return dict(zip(files, labels, strict=True))
