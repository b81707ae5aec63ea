"""The plainest layout: one folder per class with pictures directly in it.

``splits`` names folders above the class folders, as in ``train/NORMAL/x.jpeg``: the pictures
of all of them are read together, and the official split stays in the locators
(:mod:`rin.data.official_split` compares it with the patients).
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace

from pydantic import Field

from rin.data.layouts.found import (
    PICTURES,
    STAND_IN_NOTE,
    FoundCase,
    class_folders,
    unknown_file,
)
from rin.data.layouts.options import ReaderOptions, reader_options
from rin.data.manifest import DatasetManifest
from rin.data.tree import Tree
from rin.errors import InputError


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


def find_cases(tree: Tree, manifest: DatasetManifest) -> list[FoundCase]:
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
    place = tree.root / tree.location
    names = [name for name in tree.names if _file(name) != STAND_IN_NOTE]
    tops = {name.split("/")[0] for name in names}
    wrapping = "" if len(tops) != 1 or tops <= set(splits) else f"{tops.pop()}/"
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
