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

from rin.data.discovery import CHANNEL, SAME_NAME, file_stem, stem_in, without_word
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
    """Options of the layout ``folder_classes``.

    ``splits`` are the folders above the class folders, as in ``train/NORMAL/x.png``; any of these
    may be absent.
    ``patients`` says that each class folder has a folder per patient; folders with one name are of
    one patient.  ``inner_copy`` is a folder that contains the whole tree once more: files that are
    there twice are read once.
    ``masks`` is a folder of masks, with or without class folders; ``mask`` is a pattern of their
    names without ending, whose group ``stem`` is the name of the picture: without a folder, masks
    are beside the pictures; without the group, a mask is that of the picture in its folder.
    ``inner_masks`` is in place of such a folder one in the folder of each class or patient, and
    ``inner_images`` that of the pictures there, if they have one: ``P1/images/1.png`` and
    ``P1/masks/1.png``.  ``start`` is the beginning of pictures' names that masks lack, and
    ``channel`` their end, and ``word`` is inside pictures' names where masks have another, which
    is between the groups ``stem`` and ``tail`` of their pattern.  Masks of one picture are merged.
    ``mask_folders`` are folders of masks that pictures' paths lack, as of left and right lungs.
    ``stems`` makes the picture's name, without folder and ending, the case id.
    ``label`` is a pattern of names without ending, or of paths if it contains a slash, whose
    groups are the class: folders then are not classes, and may have any name.
    ``leave_out: [files]`` ignores files that are not pictures.
    """

    splits: tuple[str, ...] = ()
    patients: bool = False
    inner_copy: str = ""
    masks: str = ""
    mask_folders: tuple[str, ...] = ()
    mask: re.Pattern[str] | None = None
    inner_masks: str = ""
    inner_images: str = ""
    start: str = ""
    channel: str = CHANNEL
    word: str = ""
    stems: bool = False
    label: re.Pattern[str] | None = None
    leave_out: tuple[Literal["files"], ...] = ()


def find_folder_classes(tree: Tree, manifest: DatasetManifest) -> pd.DataFrame:
    """Return the cases of a class-per-folder tree.

    The case id is ``class/file name``, preceded by the split if two splits have the same.  Without
    a ``patient_pattern``, the patient is the folder below the class (option ``patients``), or else
    the picture itself.
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
    if options.stems:
        cases["case_id"] = cases["file"].map(file_stem)
    elif options.splits:
        twice = cases["below_split"].duplicated(keep=False)
        cases["case_id"] = cases["below_split"].where(~twice, cases["path"])
    else:
        cases["case_id"] = cases["path"]
    if manifest.patient_pattern:
        cases["patient_id"] = manifest.patients_in(cases["name"].tolist())
    else:
        cases["patient_id"] = cases["patient" if options.patients else "case_id"]
    cases["image"] = tree.locator("") + cases["name"]
    cases["masks"] = _masks_by_picture(tree, cases["name"], masks, options)
    return cases[[*FoundCase._fields]]


def _pictures(tree: Tree, options: FolderOptions) -> list[str]:
    """Return the names of pictures and masks; refuse other files."""
    names: Sequence[str] = tree.names
    if inner := options.inner_copy:
        known = {*names}
        names = [name for name in names if not _is_copy(name, inner, known)]
    files = [name for name in names if tree.is_picture(name)]
    if not options.leave_out and len(files) < len(names):
        others = sorted({*names} - {*files})
        others = [name for name in others if name.rpartition("/")[2] != STAND_IN_NOTE]
        remedy = "Remove them, or set leave_out: [files] in the manifest's options."
        tree.raise_if_any(
            others, "files do not belong to the layout 'folder_classes'", remedy=remedy
        )
    return files


def _by_folder(
    tree: Tree, files: list[str], manifest: DatasetManifest, options: FolderOptions
) -> pd.DataFrame:
    """Return one row per picture: its ``name`` in the tree, and the folders and ``file`` in it.

    ``path`` begins at the folder of the split, ``below_split`` at that of the class.
    """
    split = f"(?P<split>{one_of(options.splits)})/" if options.splits else ""
    patient = "(?P<patient>[^/]+)/" if options.patients else ""
    inner = f"{re.escape(options.inner_images)}/" if options.inner_images else ""
    source_class = f"(?P<source_class>{one_of(manifest.label_map)})"
    pattern = f"{split}(?P<below_split>{source_class}/{patient}{inner}(?P<file>[^/]+))"
    around = folder_around(files, [pattern])
    names = pa.array(files, pa.large_string())
    # Arrow, as pandas' own extraction handles a million names one by one.
    paths = pc.utf8_slice_codeunits(names, len(around))
    groups = pc.extract_regex(paths, f"^{pattern}$")
    outside = names.filter(pc.invert(groups.is_valid())).to_pylist()
    tree.raise_if_any(outside, "files do not belong to the layout 'folder_classes'")
    columns = {"name": names, "path": paths}
    columns |= dict(zip([field.name for field in groups.type], groups.flatten(), strict=True))
    return pa.table(columns).to_pandas()


def _in_any_folder(files: list[str], options: FolderOptions) -> pd.DataFrame:
    """Return one row per picture, like :func:`_by_folder`; without a pattern, no class is set."""
    stems = [file_stem(name) for name in files]
    classes = read_names(options.label, stems, "label") if options.label else ""
    cases = pd.DataFrame({"name": files, "path": files, "below_split": files}, dtype=str)
    cases["file"] = cases["name"].str.rpartition("/")[2]
    return cases.assign(source_class=classes)


def _masks_by_picture(
    tree: Tree, pictures: pd.Series, masks: dict[str, list[str]], options: FolderOptions
) -> list[tuple[str, ...]]:
    """Return the locators of each picture's masks; refuse masks of no or of several pictures."""
    if not masks:
        return [()] * len(pictures)
    keys = [_key_of(masks, name, options) for name in pictures]
    remedy = "Name each mask like its picture, in a folder of the same class, or remove it."
    lost = sorted(mask for key in masks.keys() - {*keys} for mask in masks[key])
    tree.raise_if_any(lost, "masks without pictures", remedy=remedy)
    times = Counter(keys)
    shared = [name for name, key in zip(pictures, keys, strict=True) if key and times[key] > 1]
    tree.raise_if_any(shared, "pictures have a mask that another picture has, too", remedy=remedy)
    return [tuple(map(tree.locator, masks.get(key, ()))) for key in keys]


def _is_copy(name: str, inner: str, names: set[str]) -> bool:
    """Return whether a file in a folder ``inner`` also exists outside that folder."""
    before, within, after = f"/{name}".rpartition(f"/{inner}/")
    return bool(within) and f"{before}/{after}".removeprefix("/") in names


def _masks_of(names: Iterable[str], options: FolderOptions) -> dict[str, list[str]]:
    """Return the masks among some files by the folders and the stem of their picture."""
    masks = defaultdict(list)
    if options.masks or options.mask or options.inner_masks:
        around = f"/{options.masks}/" if options.masks else "/"
        for name in names:
            _, inside, below = f"/{name}".partition(around)
            *folders, file = below.split("/")
            if options.inner_masks:
                inside = inside if folders[-1:] == [options.inner_masks] else ""
                folders = folders[:-1]
            match = re.fullmatch(options.mask or SAME_NAME, file_stem(file))
            if inside and match:
                folders = [folder for folder in folders if folder not in options.mask_folders]
                masks["/".join([*folders, stem_in(match)])].append(name)
    return masks


def _key_of(masks: dict[str, list[str]], name: str, options: FolderOptions) -> str:
    """Return a picture's key in ``masks``: its name with all, some or no folders; else empty.

    If masks are in the folder of each class or patient, it is its name with all folders.
    """
    *folders, file = file_stem(name).split("/")
    if options.inner_masks and folders[-1:] == [options.inner_images]:
        folders = folders[:-1]
    files = [file, file.removesuffix(options.channel), file.removeprefix(options.start)]
    files += [without_word(file, options.word)] if options.word else []
    starts = [0] if options.inner_masks else range(len(folders) + 1)
    keys = ["/".join([*folders[start:], called]) for called in files for start in starts]
    keys.append("".join(f"{folder}/" for folder in folders))  # of a mask without a stem
    return next((key for key in keys if key in masks), "")


def find_cc_ccii(tree: Tree, manifest: DatasetManifest) -> list[FoundCase]:
    """Return the slices with lesions of a CC-CCII tree, and all slices of normal controls.

    The case id is like ``NCP/25/1181/0040``, the patient like ``NCP/25``, as numbers are read
    within their class.  A listed slice may have any ending; one known to be bad may be absent.
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
    tree.raise_if_any(lacking, "classes have no slices", file=LESIONS)
    return [
        FoundCase(key, key.rsplit("/", 2)[0], key.split("/")[0], tree.locator(slices[key]))
        for key in kept
    ]


def _top_folders(names: Iterable[str]) -> set[str]:
    return {name.partition("/")[0] for name in names}
