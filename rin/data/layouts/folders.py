"""Folders of pictures, one per class, also with masks (BUSI).

``folder_classes`` is the plainest; its option ``splits`` names folders above the class folders, as
in ``train/NORMAL/x.jpeg``, whose pictures are read together.

``busi`` is Dataset_BUSI_with_GT: ``benign (1).png`` has the mask ``benign (1)_mask.png`` and
perhaps ``benign (1)_mask_1.png`` and higher, one per lesion.  Al-Dhabyani et al., Data in Brief 28
(2020) 104863.
"""

import re
from collections import Counter, defaultdict
from dataclasses import replace

from pydantic import Field

from rin.data.layouts.found import (
    PICTURES,
    FoundCase,
    ReaderOptions,
    class_folders,
    patient_reading,
    reader_options,
    refuse_unpaired,
    unknown_file,
)
from rin.data.manifest import DatasetManifest
from rin.data.tree import Tree

BUSI_NAME = re.compile(r"(?P<stem>(?P<word>.+) \(\d+\))(?P<mask>_mask(?:_\d+)?)?\.png")


def find_busi(tree: Tree, manifest: DatasetManifest) -> list[FoundCase]:
    """Return the cases of a BUSI tree; each image is its own patient, as none are named."""
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
