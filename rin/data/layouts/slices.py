"""From volumes to cases: which slices are taken, with the label and patient of their volume.

A layout finds files.  If the manifest has ``slices``, each file is a volume (NIfTI, a NumPy array,
a DICOM file or a TIFF of several frames), or each folder of pictures is a volume, whose slices are
its files.  Every slice that is taken is a case with the label and the patient of its volume, so
that a split never divides a volume.  The column ``volume_id`` names the volume.
"""

import re
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache, partial
from pathlib import Path
from typing import Literal, NamedTuple, cast

import numpy as np
import pandas as pd

from rin.data import volumes
from rin.data.chunks import map_threads
from rin.data.manifest import DatasetManifest, Slices, evenly
from rin.data.masks import marked_slices, marks_anything
from rin.data.pixels import (
    count_frames,
    is_stack,
    open_stack,
    shape_of_stack,
)
from rin.data.tree import MARK, Tree, fingerprints, is_dicom, is_tiff
from rin.errors import InputError, problem_of

#: Column that names the volume of a slice.
VOLUME = "volume_id"
#: Sort key of a slice: series, height, number, and its name with digits as numbers.
Order = tuple[str, float, int, tuple[tuple[bool, int, str], ...]]
#: Fewest files in a folder that is taken for a volume.
LEAST_SLICES = 8
#: A header with more slices is wrong.
MOST_SLICES = 100_000


class Volume(NamedTuple):
    """A volume with ``n`` slices along an axis, or a problem.

    ``axis`` is the prefix of slice numbers in locators; ``marked`` says which masks mark something
    in which slice (bool, masks x slices).
    """

    n: int = 0
    axis: str = ""
    marked: np.ndarray | None = None
    problem: str = ""


def take_slices(
    tree: Tree, manifest: DatasetManifest, chosen: Slices, cases: pd.DataFrame
) -> pd.DataFrame:
    """Return one row per slice taken from the volumes; refuse files that are not volumes."""
    if chosen.volume == "folder":
        return _of_folders(tree, chosen, manifest.lesion_values, cases)
    cases = cases[~cases["case_id"].isin(manifest.known_bad)].reset_index(drop=True)
    entries = tuple(zip(cases["image"], cases["masks"], strict=True))
    files = [file for image, masks in entries for file in (image, *masks)]
    changed = tuple(fingerprints(tree.root, files))
    opened = _open_all(tree.root, chosen, manifest.lesion_values, entries, changed)
    wrong = [
        f"{name} ({volume.problem})"
        for name, volume in zip(cases["case_id"], opened, strict=True)
        if volume.problem
    ]
    remedy = "Export or convert them again; move them away, with the rows that name them; or list "
    remedy += "them in the manifest's known_bad."
    tree.raise_if_any(wrong, "volumes cannot be read", remedy=remedy)
    rows, numbers, masks = [], [], []
    for row, ((_, drawn), volume) in enumerate(zip(entries, opened, strict=True)):
        for number in _chosen(chosen, volume):
            rows.append(row)
            numbers.append(number)
            masks.append(_masks_of(drawn, volume, number))
    taken = cases.iloc[rows].reset_index(drop=True)
    axes = [opened[row].axis for row in rows]
    ends = [f"{MARK}{axis}{number}" for axis, number in zip(axes, numbers, strict=True)]
    ids = taken["case_id"]
    return taken.assign(
        case_id=[f"{name}-{number}" for name, number in zip(ids, numbers, strict=True)],
        image=[file + end for file, end in zip(taken["image"], ends, strict=True)],
        masks=[
            tuple(mask + end for mask in several) for several, end in zip(masks, ends, strict=True)
        ],
        **{VOLUME: ids},
    )


def propose_slices(
    tree: Tree, names: Sequence[str], all_masked: bool
) -> tuple[Slices, int] | None:
    """Return which slices to take of some files, and the number of volumes; None for pictures.

    The plane of NIfTI is that in which slices are farthest apart, as they were acquired; beside
    other volumes, which have no planes, it must be axial.  Folders are volumes if those sampled
    have eight DICOM files or more, the first eight of one series.  InputError if some files are
    volumes and others are not.
    """
    drawn = [tree.locator(name) for name in names[:: 1 + len(names) // 50]]
    rule: Literal["lesion", "middle"] = "lesion" if all_masked else "middle"
    known = {file: _is_volume(tree.root, file) for file in drawn}
    # Broken files are reported when all are read.
    drawn = [file for file in drawn if known[file] is not None]
    kinds = [bool(known[file]) for file in drawn]
    if drawn and all(kinds):
        plane, are_nifti = _plane_of(tree.root, drawn), [*map(volumes.is_nifti, drawn)]
        if plane and not all(are_nifti):
            if plane != "axial":
                pair = f"{drawn[are_nifti.index(True)]} has {plane} slices, but "
                pair += f"{drawn[are_nifti.index(False)]} has frames without a plane"
                remedy = "Put them into folders of their own, and make a task of each kind."
                raise tree.error(pair, remedy=remedy)
            plane = None
        return Slices(rule=rule, count=3, axis=plane), len(names)
    if any(kinds):
        pair = f"{drawn[kinds.index(True)]} is a volume, but {drawn[kinds.index(False)]} is not"
        remedy = "Put them into folders of their own, and make a task of each kind."
        raise tree.error(pair, remedy=remedy)
    folders = pd.Series(tree.locator(name) for name in names)
    folders = folders.groupby(folders.str.rpartition("/")[0]).agg(list)
    sampled = folders.iloc[:: 1 + len(folders) // 5]
    if all(_is_series(tree.root, files) for files in sampled):
        return Slices(rule=rule, count=3, volume="folder"), len(folders)
    return None


def _is_volume(root: Path, file: str) -> bool | None:
    """Return whether a file contains several slices; None if it cannot be read."""
    if volumes.is_nifti(file):
        return True
    try:
        if file.lower().endswith(".npy"):
            return is_stack(root, file)
        if is_tiff(file):
            return count_frames(root, file) > 1
        if is_dicom(file):
            from rin.data import dicom  # pydicom is slow to load

            return dicom.count_frames(root, file) > 1
    except InputError:
        return None
    return False


def _is_series(root: Path, files: list[str]) -> bool:
    """Return whether files are slices of one series, according to the headers of a few."""
    if len(files) < LEAST_SLICES or not all(map(is_dicom, files)):
        return False
    from rin.data.dicom import place_of  # pydicom is slow to load

    try:
        some = [place_of(root, file) for file in files[:LEAST_SLICES]]
    except InputError:  # broken files are reported when all are read
        return False
    series = {place.series for place in some}
    return len(series) == 1 and "" not in series


def _plane_of(root: Path, files: Sequence[str]) -> Literal["axial", "coronal", "sagittal"] | None:
    """Return the plane in which most NIfTI volumes were acquired, or axial; None without NIfTI."""
    votes: Counter[str] = Counter()
    for file in filter(volumes.is_nifti, files):
        with suppress(InputError):
            header = volumes.read_header(root, file)
            apart = {plane: header.spacing(plane) for plane in volumes.PLANES}
            widest = max(apart, key=lambda plane: apart[plane])
            votes[widest if apart[widest] > 1.2 * min(apart.values()) else "axial"] += 1
    if not any(map(volumes.is_nifti, files)):
        return None
    plane = votes.most_common(1)[0][0] if votes else "axial"
    return cast('Literal["axial", "coronal", "sagittal"]', plane)


def middle_slices(tree: Tree, slices: Slices, names: Sequence[str]) -> list[str]:
    """Return the locators of the middle slices of readable volumes; all pictures of folders."""
    if slices.volume == "folder":
        return [tree.locator(name) for name in names]
    locators = []
    for name in names:
        with suppress(InputError):  # broken files are reported when all are read
            axis, n, _ = count_slices(tree.root, tree.locator(name), slices.axis)
            locators.append(f"{tree.locator(name)}{MARK}{_prefix(axis)}{n // 2}")
    return locators


def _prefix(axis: str) -> str:
    return "" if axis == "0" else f"{axis}-"


def _chosen(slices: Slices, volume: Volume) -> list[int]:
    """Return which slices of a volume are taken, regardless of lesions if none is marked."""
    if slices.rule == "lesion" and volume.marked is not None and volume.marked.any():
        with_lesion = np.flatnonzero(volume.marked.any(axis=0))
        places = evenly(slices.count, len(with_lesion))
        return [int(with_lesion[place]) for place in places]
    return slices.choose(volume.n)


def _masks_of(drawn: tuple[str, ...], volume: Volume, number: int) -> tuple[str, ...]:
    """Return the masks that mark something in a slice; all masks if they mark nothing anywhere.

    So only slices of a volume without a lesion count as having an empty mask.
    """
    if volume.marked is None or not volume.marked.any():
        return drawn
    return tuple(mask for mask, marks in zip(drawn, volume.marked, strict=True) if marks[number])


@lru_cache(maxsize=4)
def _open_all(
    root: Path,
    slices: Slices,
    lesion: tuple[int, ...],
    entries: tuple[tuple[str, tuple[str, ...]], ...],
    _changed: tuple[str, ...],
) -> list[Volume]:
    return map_threads(partial(_open, root, slices, lesion), entries)


def _open(
    root: Path, slices: Slices, lesion: tuple[int, ...], entry: tuple[str, tuple[str, ...]]
) -> Volume:
    image, masks = entry
    try:
        axis, n, header = count_slices(root, image, slices.axis)
        if n > MOST_SLICES:
            return Volume(problem=f"it states {n:,} slices")
        marked = [_marked(root, mask, image, axis, header, lesion) for mask in masks]
    except InputError as error:
        return Volume(problem=problem_of(error))
    return Volume(n, _prefix(axis), np.array(marked) if marked else None)


def count_slices(
    root: Path, file: str, axis: str | int | None
) -> tuple[str, int, volumes.Header | None]:
    """Return the axis of a volume, as in locators, its number of slices and its NIfTI header."""
    where = Path(root, file)
    if volumes.is_nifti(file):
        plane = "axial" if axis is None else axis
        if plane not in volumes.PLANES:
            remedy = f"Name a plane: {', '.join(volumes.PLANES)}."
            raise InputError(f"NIfTI has no axis {axis}", where=where, remedy=remedy)
        header = volumes.read_header(root, file)
        return str(plane), header.slices(str(plane)), header
    if file.lower().endswith(".npy") and (axis is None or isinstance(axis, int)):
        if not is_stack(root, file):
            remedy = "Leave slices out of the manifest if pictures are not volumes."
            raise InputError("it is a picture, not a volume", where=where, remedy=remedy)
        return str(axis or 0), open_stack(root, file).shape[axis or 0], None
    if is_tiff(file) and axis is None:
        return "frame", shape_of_stack(root, file)[0], None
    if is_dicom(file) and axis is None:
        from rin.data import dicom  # pydicom is slow to load

        return "frame", dicom.count_frames(root, file), None
    kinds = "planes are for NIfTI, axes 0, 1 and 2 for .npy, and DICOM and TIFF have frames"
    problem = "it is not a volume" if axis is None else f"it has no axis {axis}: {kinds}"
    remedy = (
        "Volumes are NIfTI, .npy, or DICOM and TIFF with several frames; a folder of slices is "
    )
    remedy += "one with volume: folder (--slices even,3,folder of rin new)."
    raise InputError(problem, where=where, remedy=remedy)


def _marked(
    root: Path,
    mask: str,
    image: str,
    axis: str,
    header: volumes.Header | None,
    lesion: tuple[int, ...],
) -> np.ndarray:
    """Return in which slices a mask marks anything; InputError if it is of another volume."""
    where, remedy = Path(root, mask), "Save the mask on this same volume, in the same file format."
    if is_dicom(mask):
        from rin.data import dicom  # pydicom is slow to load

        dicom.refuse_segmentation(root, mask)
    if _kind_of(mask) != _kind_of(image):
        raise InputError(f"the mask {mask} has another file format", where=where, remedy=remedy)
    if header is not None:
        drawn = volumes.read_header(root, mask)
        _refuse_other_shape(drawn.shape, header.shape, mask, where, remedy)
        if volumes.is_elsewhere(header, drawn):
            problem = f"the mask {mask} is elsewhere in the patient than its volume"
            raise InputError(problem, where=where, remedy=remedy)
    marked = marked_slices(root, mask, axis, lesion)
    if marked is None:
        raise InputError(f"the mask {mask} is not a volume", where=where, remedy=remedy)
    if header is None:
        drawn_shape, shape = (shape_of_stack(root, file) for file in (mask, image))
        _refuse_other_shape(drawn_shape, shape, mask, where, remedy)
    return marked


def _kind_of(file: str) -> str:
    """Return the kind of a volume's file; DICOM may have any ending, or none."""
    if volumes.is_nifti(file):
        return "NIfTI"
    return "TIFF" if is_tiff(file) else "array" if file.lower().endswith(".npy") else "DICOM"


def _refuse_other_shape(
    drawn: Sequence[int], shown: Sequence[int], mask: str, where: Path, remedy: str
) -> None:
    if tuple(drawn) != tuple(shown):
        sides = (" x ".join(map(str, shape)) for shape in (drawn, shown))
        problem = "the mask {} has {} voxels and its volume {}".format(mask, *sides)
        raise InputError(problem, where=where, remedy=remedy)


def _of_folders(
    tree: Tree, slices: Slices, lesion: tuple[int, ...], cases: pd.DataFrame
) -> pd.DataFrame:
    """Return the rows that are taken of folders, each of which is a volume."""
    folders = cases["image"].str.rpartition("/")[0]
    cases = cases.assign(**{VOLUME: folders})
    files = tuple(cases["image"])
    places = _places_of(tree.root, files, tuple(fingerprints(tree.root, files)))
    table = cases.assign(place=places)
    several = [
        folder
        for folder, rows in table.groupby(VOLUME)
        if len({place[0] for place in rows["place"]}) > 1
    ]
    remedy = "Put the files of each series into a folder of their own."
    tree.raise_if_any(several, "folders have several series", remedy=remedy)
    taken = []
    for _, rows in table.groupby(VOLUME, sort=True):
        rows = rows.loc[rows["place"].sort_values(kind="stable").index]
        numbers = slices.choose(len(rows))
        if slices.rule == "lesion":
            with_lesion = [
                number
                for number, masks in enumerate(rows["masks"])
                if marks_anything(tree.root, masks, lesion)
            ]
            if with_lesion:
                numbers = [with_lesion[i] for i in evenly(slices.count, len(with_lesion))]
        taken += [*rows.index[numbers]]
    return cases.loc[sorted(taken)].reset_index(drop=True)


@lru_cache(maxsize=4)
def _places_of(root: Path, files: tuple[str, ...], _changed: tuple[str, ...]) -> list[Order]:
    """Return the sort keys of slices in folders: from DICOM headers, or else from names."""
    return map_threads(partial(_place_of, root), files)


def _place_of(root: Path, file: str) -> Order:
    # By numbers in names, slice 10 follows slice 9.
    name = tuple(
        (part.isdecimal(), int(part) if part.isdecimal() else 0, part)
        for part in re.split(r"(\d{1,18})", file.rpartition("/")[2])
    )
    if not is_dicom(file):
        return "", 0.0, 0, name
    from rin.data.dicom import place_of  # pydicom is slow to load

    return *place_of(root, file), name
