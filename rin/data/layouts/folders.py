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

from pydantic import Field, field_validator

from rin.data.layouts.found import (
    PICTURES,
    STAND_IN_NOTE,
    FoundCase,
    ReaderOptions,
    class_folders,
    inside,
    read_table,
    reader_options,
    refuse_unpaired,
    unknown_file,
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
        pictures, masks = _sort_files(tree, source_class, names)
        refuse_unpaired(
            tree,
            pictures,
            masks,
            ("pictures without a mask", "masks without a picture"),
            "Fetch the dataset again; every picture needs its _mask.png.",
        )
        cases += [
            FoundCase(
                case_id=stem,
                patient_id=stem,
                source_class=source_class,
                image=tree.locator(name),
                masks=tuple(tree.locator(mask) for mask in masks[stem]),
            )
            for stem, name in pictures.items()
        ]
    return cases


def _sort_files(
    tree: Tree, source_class: str, names: list[str]
) -> tuple[dict[str, str], dict[str, list[str]]]:
    pictures, masks = {}, defaultdict(list)
    for name in names:
        match = BUSI_NAME.fullmatch(name.rpartition("/")[2])
        if match is None or match["word"] != source_class:
            raise unknown_file(tree, name, "busi")
        if match["mask"]:
            masks[match["stem"]].append(name)
        else:
            pictures[match["stem"]] = name
    return pictures, masks


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
    tree = replace(tree, names=_without_copy(tree.names, options.inner_copy))
    split = _split_folders if options.splits else _plain_folders
    folders = split(tree, manifest, options.splits)
    short = Counter(
        f"{source_class}/{_file(name)}" for source_class, names in folders.items() for name in names
    )
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

    Raises
    ------
    InputError
        A pattern that is no regular expression; later, a file name that it does not match.
    """
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise InputError(
            f"{pattern!r} is no regular expression ({error})",
            where="patient pattern",
            remedy="Correct it in the manifest.",
        ) from error

    def read(name: str) -> str:
        match = compiled.search(_file(name))
        found = [group for group in match.groups() if group] if match else []
        if not found:
            raise InputError(
                f"the patient pattern {pattern!r} does not match {name!r}",
                where="patient pattern",
                remedy="Correct it in the manifest; it must match every file name.",
            )
        return "-".join(found)

    return read


def _file(name: str) -> str:
    return name.rpartition("/")[2]


def _plain_folders(tree: Tree, manifest: DatasetManifest, _: tuple) -> dict[str, list[str]]:
    return class_folders(tree, manifest.label_map)


def _split_folders(
    tree: Tree, manifest: DatasetManifest, splits: tuple[str, ...]
) -> dict[str, list[str]]:
    place = tree.place()
    names, wrapping = inside(tree.names, splits)
    folders: dict[str, list[str]] = defaultdict(list)
    for name in names:
        parts = name.removeprefix(wrapping).split("/")
        if len(parts) != 3 or parts[0] not in splits:
            raise InputError(
                f"{name!r} does not stand directly in a class folder below {', '.join(splits)}",
                where=place,
                remedy="Keep the dataset's own folders, and nothing else beside them.",
            )
        folders[parts[1]].append(name)
    expected = set(manifest.label_map) or set(folders)
    if set(folders) != expected or not folders:
        missing, extra = sorted(expected - set(folders)), sorted(set(folders) - expected)
        raise InputError(
            f"class folders missing: {', '.join(missing) or 'none'}; "
            f"not known: {', '.join(extra) or 'none'}",
            where=place,
            remedy="Unpack the whole dataset there, with its own folder names.",
        )
    return dict(folders)


def _without_copy(names: tuple[str, ...], inner: str | None) -> tuple[str, ...]:
    """Return the names without those of a second copy of the tree in a folder of its own."""
    if inner is None:
        return names
    known, folder = set(names), f"{inner}/"
    kept = []
    for name in names:
        before, found, after = f"/{name}".rpartition(f"/{folder}")
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
    pictures = _pictures(tree, options)
    labels = _labels(tree, options, manifest)
    refuse_unpaired(
        tree,
        labels,
        pictures,
        ("rows without a picture", "pictures without a row"),
        "Fetch the dataset again; every picture needs one row of the table.",
    )
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
                where=tree.place(),
                remedy=f"Keep one folder {options.folder!r}.",
            )
        pictures[file] = name
    return pictures


def _labels(tree: Tree, options: LabelledOptions, manifest: DatasetManifest) -> dict[str, str]:
    tables = [name for name in tree.names if name.rpartition("/")[2] == options.table]
    if len(tables) != 1:
        raise InputError(
            f"{len(tables)} files are called {options.table} instead of one",
            where=tree.place(),
            remedy="Put the dataset's own table there, once.",
        )
    place = tree.place(tables[0])
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
