"""Folders of pictures, one per class: ``folder_classes``, or of patients and scans (CC-CCII).

``cc_ccii`` is CC-CCII: ``NCP/25/1181/0040.png`` is slice 0040 of scan 1181 of patient 25 with
COVID-19 pneumonia.  ``lesions_slices.csv`` lists the slices that show a lesion; other tables are
not read.  Zhang et al., Cell 181 (2020) 1423-1433, 10.1016/j.cell.2020.04.045.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace
from typing import Literal

from rin.data.discovery import SAME_NAME, file_stem
from rin.data.layouts.found import (
    STAND_IN_NOTE,
    FoundCase,
    ReaderOptions,
    one_of,
    read_table,
    sort_files,
)
from rin.data.manifest import DatasetManifest
from rin.data.tree import Tree

LESIONS, NORMAL = "lesions_slices.csv", "Normal"
CC_CCII_CLASSES = ("CP", "NCP", NORMAL)
CC_CCII_REMEDY = "Fetch their archives again; name broken files under known_bad."


class FolderOptions(ReaderOptions):
    """Options of the layout.

    ``splits`` are folders above the class folders, as in ``train/NORMAL/x.png``; one may be
    absent.
    ``patients`` says that each class folder has a folder for every patient; folders of one name
    are one patient's.  ``inner_copy`` is a folder that holds the whole tree once more: what is
    twice is read once.
    ``masks`` is a folder of masks, with folders of classes or without; ``mask`` is a pattern of
    their names without ending, whose group ``stem`` is the name of the picture: without a folder
    they lie beside the pictures.  Masks of one picture are merged.
    ``stems`` calls each case by the name of its picture alone, without folder and ending.
    ``leave_out: [files]`` passes over files that are no pictures.
    """

    splits: tuple[str, ...] = ()
    patients: bool = False
    inner_copy: str = ""
    masks: str = ""
    mask: re.Pattern | None = None
    stems: bool = False
    leave_out: tuple[Literal["files"], ...] = ()


def find_folder_classes(tree: Tree, manifest: DatasetManifest) -> list[FoundCase]:
    """Return the cases of a class-per-folder tree.

    The case id is ``class/file name``, with the split before it where two splits hold the same.
    Without a ``patient_pattern`` the folder below the class, if any, is the patient.
    """
    options, names = FolderOptions.of(manifest), tree.names
    if inner := options.inner_copy:
        known = {*names}
        names = [name for name in names if not _is_copy(name, inner, known)]
    files = [name for name in names if tree.is_picture(name)]
    if not options.leave_out:
        others = sorted({*names} - {*files})
        others = [name for name in others if name.rpartition("/")[2] != STAND_IN_NOTE]
        remedy = "Take them away, or say leave_out: [files] in the manifest's options."
        tree.refuse(others, "files have no place in the layout 'folder_classes'", remedy=remedy)
    masks = _masks_of(files, options)
    outlines = {mask for several in masks.values() for mask in several}
    tree = replace(tree, names=tuple(name for name in files if name not in outlines))
    above = f"({one_of(options.splits)})/" if options.splits else ""
    below = "[^/]+/[^/]+" if options.patients else "[^/]+"
    pattern = rf"{above}({one_of(manifest.label_map)})/({below})"
    pictures = sort_files(tree, "folder_classes", pictures=pattern)[1]["pictures"]
    ids = {key: key.partition("/")[2] if options.splits else key for key in pictures}
    times = Counter(ids.values())
    cases, users = [], defaultdict(list)
    for key, name in pictures.items():
        case_id = ids[key] if times[ids[key]] == 1 else key
        if options.stems:
            case_id = file_stem(name.rpartition("/")[2])
        if manifest.patient_pattern:
            patient_id = manifest.patient_in(name)
        else:
            patient_id = name.split("/")[-2] if options.patients else case_id
        stem = _key_of(masks, name)
        users[stem].append(name)
        drawn = tuple(map(tree.locator, masks.get(stem, ())))
        source_class = ids[key].partition("/")[0]
        cases.append(FoundCase(case_id, patient_id, source_class, tree.locator(name), drawn))
    classes = {case.source_class for case in cases}
    missing = set(manifest.label_map) - classes if classes else manifest.label_map or ["all"]
    tree.refuse(sorted(missing), "classes have no folder")
    remedy = "Call each mask like its picture, in a folder of the same class, or take it away."
    lost = sorted(mask for stem in masks.keys() - users.keys() for mask in masks[stem])
    tree.refuse(lost, "masks without pictures", remedy=remedy)
    shared = [name for stem, several in users.items() if stem and several[1:] for name in several]
    tree.refuse(shared, "pictures have a mask that is another's, too", remedy=remedy)
    return cases


def _is_copy(name: str, inner: str, names: set[str]) -> bool:
    """Tell whether a file in a folder ``inner`` is there outside of that folder, too."""
    before, within, after = f"/{name}".rpartition(f"/{inner}/")
    return bool(within) and f"{before}/{after}".removeprefix("/") in names


def _masks_of(names: Iterable[str], options: FolderOptions) -> dict[str, list[str]]:
    """Return the masks among some files by the name of their picture: folders, and its stem."""
    masks = defaultdict(list)
    if options.masks or options.mask:
        around = f"/{options.masks}/" if options.masks else "/"
        for name in names:
            _, inside, below = f"/{name}".partition(around)
            folder, slash, file = below.rpartition("/")
            match = re.fullmatch(options.mask or SAME_NAME, file_stem(file))
            if inside and match:
                masks[f"{folder}{slash}{match['stem']}"].append(name)
    return masks


def _key_of(masks: dict[str, list[str]], name: str) -> str:
    """Return the name of a picture as its masks have it: with all, some or none of its folders."""
    folders = file_stem(name).split("/")
    keys = ("/".join(folders[start:]) for start in range(len(folders)))
    return next((key for key in keys if key in masks), "")


def find_cc_ccii(tree: Tree, manifest: DatasetManifest) -> list[FoundCase]:
    """Return the slices with lesions of a CC-CCII tree, and all slices of normal controls.

    The case id is ``NCP/25/1181/0040``, the patient ``NCP/25``: numbers are read within their
    class.  A listed slice matches whatever its ending; one that is known to be bad may be absent.
    """
    pattern = rf"({one_of(CC_CCII_CLASSES)}/[^/]+/[^/]+/[^/]+)\.(?i:png|jpe?g)"
    around, files = sort_files(tree, "cc_ccii", slices=pattern, tables=r"([^/]+)\.csv")
    slices = files["slices"]
    lost = sorted({*CC_CCII_CLASSES} - _top_folders(slices))
    tree.refuse(lost, "classes have no folder", remedy=CC_CCII_REMEDY)
    paths = read_table(tree, around + LESIONS, ["imgpath"])["imgpath"]
    listed = paths.str.replace("\\", "/", regex=False).str.replace(r"\.[^.]*$", "", regex=True)
    absent = listed[~listed.isin([*slices, *manifest.known_bad])]
    tree.refuse(absent, "slices have no file", file=LESIONS, remedy=CC_CCII_REMEDY)
    kept = {key for key in slices if key.startswith(f"{NORMAL}/")} | (slices.keys() & set(listed))
    lacking = sorted({*CC_CCII_CLASSES} - _top_folders(kept))
    tree.refuse(lacking, "classes have no slice", file=LESIONS)
    return [
        FoundCase(key, key.rsplit("/", 2)[0], key.split("/")[0], tree.locator(slices[key]))
        for key in kept
    ]


def _top_folders(names: Iterable[str]) -> set[str]:
    return {name.partition("/")[0] for name in names}
