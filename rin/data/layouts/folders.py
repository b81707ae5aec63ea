"""Folders of pictures, one per class: ``folder_classes``, or of patients and scans (CC-CCII).

``cc_ccii`` is CC-CCII: ``NCP/25/1181/0040.png`` is slice 0040 of scan 1181 of patient 25 with
COVID-19 pneumonia.  ``lesions_slices.csv`` lists the slices that show a lesion; other tables are
not read.  Zhang et al., Cell 181 (2020) 1423-1433, 10.1016/j.cell.2020.04.045.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Literal

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from rin.data.discovery import CHANNEL, SAME_NAME, file_stem
from rin.data.layouts.found import (
    IF_PARTIAL,
    STAND_IN_NOTE,
    FoundCase,
    ReaderOptions,
    folder_around,
    one_of,
    read_table,
    sort_files,
)
from rin.data.manifest import DatasetManifest, read_names
from rin.data.tree import REMEDY, Tree

LESIONS, NORMAL = "lesions_slices.csv", "Normal"
CC_CCII_CLASSES = ("CP", "NCP", NORMAL)
CC_CCII_REMEDY = "Fetch their archives again; name broken files under known_bad. " + IF_PARTIAL


class FolderOptions(ReaderOptions):
    """Options of the layout.

    ``splits`` are folders above the class folders, as in ``train/NORMAL/x.png``; one may be
    absent.
    ``patients`` says that each class folder has a folder for every patient; folders of one name
    are one patient's.  ``inner_copy`` is a folder that holds the whole tree once more: what is
    twice is read once.
    ``masks`` is a folder of masks, with folders of classes or without; ``mask`` is a pattern of
    their names without ending, whose group ``stem`` is the name of the picture: without a folder
    they lie beside the pictures.  ``channel`` is the end of pictures' names that masks lack.
    Masks of one picture are merged.
    ``stems`` calls each case by the name of its picture alone, without folder and ending.
    ``label`` is a pattern of names without ending, or of paths where it holds a slash, whose
    groups are the class: folders are then no classes, and may be any.
    ``leave_out: [files]`` passes over files that are no pictures.
    """

    splits: tuple[str, ...] = ()
    patients: bool = False
    inner_copy: str = ""
    masks: str = ""
    mask: re.Pattern[str] | None = None
    channel: str = CHANNEL
    stems: bool = False
    label: re.Pattern[str] | None = None
    leave_out: tuple[Literal["files"], ...] = ()


def find_folder_classes(tree: Tree, manifest: DatasetManifest) -> pd.DataFrame:
    """Return the cases of a class-per-folder tree.

    The case id is ``class/file name``, with the split before it where two splits hold the same.
    Without a ``patient_pattern`` the folder below the class, if any, is the patient.
    """
    options = FolderOptions.of(manifest)
    files = _pictures(tree, options)
    masks = _masks_of(files, options)
    if outlines := {mask for several in masks.values() for mask in several}:
        files = [name for name in files if name not in outlines]
    if options.label or manifest.labels_in_masks:
        cases = _in_any_folder(files, options)
    else:
        cases = _by_folder(tree, files, manifest, options)
    present = set(cases["source_class"].unique())
    missing = set(manifest.label_map) - present if present else manifest.label_map or ["all"]
    if not (manifest.labels_in_masks or (manifest.partial and present)):
        remedy = f"{REMEDY} {IF_PARTIAL}"
        tree.raise_if_any(sorted(missing), "classes have no folder", remedy=remedy)
    twice = cases["below_split"].duplicated(keep=False)
    cases["case_id"] = cases["below_split"].where(~twice, cases["path"])
    if options.stems:
        cases["case_id"] = cases["file"].map(file_stem)
    if manifest.patient_pattern:
        cases["patient_id"] = manifest.patients_in(cases["name"].tolist())
    else:
        cases["patient_id"] = cases["patient" if options.patients else "case_id"]
    cases["image"] = tree.locator("") + cases["name"]
    cases["masks"] = _masks_by_picture(tree, cases["name"], masks, options.channel)
    return cases[[*FoundCase._fields]]


def _pictures(tree: Tree, options: FolderOptions) -> list[str]:
    """Return the names of pictures, masks among them; refuse other files."""
    names: Sequence[str] = tree.names
    if inner := options.inner_copy:
        known = {*names}
        names = [name for name in names if not _is_copy(name, inner, known)]
    files = [name for name in names if tree.is_picture(name)]
    if not options.leave_out and len(files) < len(names):
        others = sorted({*names} - {*files})
        others = [name for name in others if name.rpartition("/")[2] != STAND_IN_NOTE]
        remedy = "Take them away, or say leave_out: [files] in the manifest's options."
        tree.raise_if_any(
            others, "files have no place in the layout 'folder_classes'", remedy=remedy
        )
    return files


def _by_folder(
    tree: Tree, files: list[str], manifest: DatasetManifest, options: FolderOptions
) -> pd.DataFrame:
    """Return a row a picture: its ``name`` in the tree, and the folders and ``file`` in it.

    ``path`` begins at the folder of the split, ``below_split`` at that of the class.
    """
    split = f"(?P<split>{one_of(options.splits)})/" if options.splits else ""
    patient = "(?P<patient>[^/]+)/" if options.patients else ""
    source_class = f"(?P<source_class>{one_of(manifest.label_map)})"
    pattern = f"{split}(?P<below_split>{source_class}/{patient}(?P<file>[^/]+))"
    around = folder_around(files, [pattern])
    names = pa.array(files, pa.large_string())
    # Arrow, as pandas' own extraction goes through a million names one by one.
    paths = pc.utf8_slice_codeunits(names, len(around))
    groups = pc.extract_regex(paths, f"^{pattern}$")
    outside = names.filter(pc.invert(groups.is_valid())).to_pylist()
    tree.raise_if_any(outside, "files have no place in the layout 'folder_classes'")
    columns = {"name": names, "path": paths}
    columns |= dict(zip([field.name for field in groups.type], groups.flatten(), strict=True))
    return pa.table(columns).to_pandas()


def _in_any_folder(files: list[str], options: FolderOptions) -> pd.DataFrame:
    """Return a row a picture, as :func:`_by_folder`; its class is empty without a pattern."""
    stems = [file_stem(name) for name in files]
    classes = read_names(options.label, stems, "label") if options.label else ""
    cases = pd.DataFrame({"name": files, "path": files, "below_split": files}, dtype=str)
    cases["file"] = cases["name"].str.rpartition("/")[2]
    return cases.assign(source_class=classes)


def _masks_by_picture(
    tree: Tree, pictures: pd.Series, masks: dict[str, list[str]], channel: str
) -> list[tuple[str, ...]]:
    """Return the locators of each picture's masks; refuse masks of no picture, and of several."""
    if not masks:
        return [()] * len(pictures)
    keys = [_key_of(masks, name, channel) for name in pictures]
    remedy = "Call each mask like its picture, in a folder of the same class, or take it away."
    lost = sorted(mask for key in masks.keys() - {*keys} for mask in masks[key])
    tree.raise_if_any(lost, "masks without pictures", remedy=remedy)
    times = Counter(keys)
    shared = [name for name, key in zip(pictures, keys, strict=True) if key and times[key] > 1]
    tree.raise_if_any(shared, "pictures have a mask that is another's, too", remedy=remedy)
    return [tuple(map(tree.locator, masks.get(key, ()))) for key in keys]


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


def _key_of(masks: dict[str, list[str]], name: str, channel: str) -> str:
    """Return the name of a picture as its masks have it: with all, some or none of its folders."""
    folders = file_stem(name).split("/")
    keys = ["/".join(folders[start:]) for start in range(len(folders))]
    keys += [key.removesuffix(channel) for key in keys]
    return next((key for key in keys if key in masks), "")


def find_cc_ccii(tree: Tree, manifest: DatasetManifest) -> list[FoundCase]:
    """Return the slices with lesions of a CC-CCII tree, and all slices of normal controls.

    The case id is ``NCP/25/1181/0040``, the patient ``NCP/25``: numbers are read within their
    class.  A listed slice matches whatever its ending; one that is known to be bad may be absent.
    """
    pattern = rf"({one_of(CC_CCII_CLASSES)}/[^/]+/[^/]+/[^/]+)\.(?i:png|jpe?g)"
    around, files = sort_files(tree, "cc_ccii", slices=pattern, tables=r"([^/]+)\.csv")
    slices = files["slices"]
    if not manifest.partial:
        lost = sorted({*CC_CCII_CLASSES} - _top_folders(slices))
        tree.raise_if_any(lost, "classes have no folder", remedy=CC_CCII_REMEDY)
    paths = read_table(tree, around + LESIONS, ["imgpath"])["imgpath"]
    listed = paths.str.replace("\\", "/", regex=False).str.replace(r"\.[^.]*$", "", regex=True)
    absent = listed[~listed.isin([*slices, *manifest.known_bad])]
    if not manifest.partial:
        tree.raise_if_any(absent, "slices have no file", file=LESIONS, remedy=CC_CCII_REMEDY)
    kept = {key for key in slices if key.startswith(f"{NORMAL}/")} | (slices.keys() & set(listed))
    needed = _top_folders(slices) if manifest.partial else {*CC_CCII_CLASSES}
    lacking = sorted(needed - _top_folders(kept))
    tree.raise_if_any(lacking, "classes have no slice", file=LESIONS)
    return [
        FoundCase(key, key.rsplit("/", 2)[0], key.split("/")[0], tree.locator(slices[key]))
        for key in kept
    ]


def _top_folders(names: Iterable[str]) -> set[str]:
    return {name.partition("/")[0] for name in names}
