"""Readers of on-disk layouts: from names of files to cases, without decoding a picture.

A reader takes a :class:`rin.data.tree.Tree` and a manifest and returns the cases it finds, or a
table of them.  It refuses files that it cannot place, so that nothing is left out silently.
"""

from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path

import pandas as pd

from rin.data.chunks import map_threads
from rin.data.layouts import arrays, ddti, folders, rsna, table
from rin.data.layouts.found import LESION, NO_LESION, FoundCase, ReaderOptions
from rin.data.layouts.slices import VOLUME, take_slices
from rin.data.manifest import DatasetManifest, Slices
from rin.data.masks import marks_anything
from rin.data.tree import Tree, fingerprints
from rin.errors import InputError, look_up

Reader = Callable[[Tree, DatasetManifest], list[FoundCase] | pd.DataFrame]
LAYOUTS: dict[str, Reader] = {
    "cc_ccii": folders.find_cc_ccii,
    "ddti": ddti.find_cases,
    "folder_classes": folders.find_folder_classes,
    "mrnet": arrays.find_mrnet,
    "npz": arrays.find_npz,
    "radimagenet": table.find_cases,
    "rsna_hemorrhage": rsna.find_hemorrhage,
    "rsna_pneumonia": rsna.find_pneumonia,
    "table": table.find_cases,
}

#: Layouts that read patients from names by the manifest's `patient_pattern`, and layouts in which
#: patients may be unnamed.
PATTERNED = ("folder_classes", "table")
UNNAMED = ("npz", "radimagenet", *PATTERNED)
#: Layouts that have options.
OPTIONED = ("mrnet", *PATTERNED)


def find_cases(tree: Tree, manifest: DatasetManifest) -> pd.DataFrame:
    """Return the cases of a tree with the reader of the manifest's layout, sorted by case id.

    The columns are those of `FoundCase`, ``label`` (missing for a class without one), and text
    columns that the layout keeps, such as a scanner's name.  A case of a volume is a slice.
    """
    reader = look_up("layout", manifest.layout, LAYOUTS)
    where = f"manifest {manifest.name}"
    _check_layout(manifest)
    tree = tree.with_pictures(manifest.only)
    cases = reader(tree, manifest)
    if not isinstance(cases, pd.DataFrame):
        cases = pd.DataFrame(cases, columns=FoundCase._fields)
    cases = cases.sort_values("case_id", ignore_index=True)
    if manifest.labels_in_masks:
        files = [mask for masks in cases["masks"] for mask in masks]
        changed = tuple(fingerprints(tree.root, files))
        marked = _are_marked(tree.root, tuple(cases["masks"]), manifest.lesion_values, changed)
        cases["source_class"] = [LESION if is_marked else NO_LESION for is_marked in marked]
    unnamed = manifest.layout in UNNAMED and (cases["patient_id"] == cases["case_id"]).all()
    by_rows = manifest.options.get("row") == "patient"  # its reader compares rows with headers
    if manifest.patients_in_headers and not by_rows:
        if not unnamed:
            remedy = "Leave out patients_in_headers, or the other source of patients."
            raise InputError("patients have two sources", where=where, remedy=remedy)
        cases["patient_id"] = None  # found when the files are opened
    elif unnamed and manifest.independence == "patient":
        remedy = "State where they are named: by patient_pattern, a table of patients, or "
        remedy += "patients_in_headers, where the layout reads one (--patient of rin new). Use "
        remedy += "independence: image only if no patient has two pictures; otherwise both sides "
        remedy += "of a split would show the same patients."
        problem = "independence is patient, but nothing names the patients"
        raise InputError(problem, where=where, remedy=remedy)
    if manifest.slices:
        cases = _slices_of(tree, manifest, manifest.slices, cases, unnamed)
    labels = {name: manifest.label(name) for name in cases["source_class"].unique()}
    cases.insert(len(FoundCase._fields), "label", cases["source_class"].map(labels))
    return cases


def _check_layout(manifest: DatasetManifest) -> None:
    """Raise InputError for a setting or an option that the layout does not read."""
    layout, where = manifest.layout, f"manifest {manifest.name}"
    settings = {
        "patient_pattern": manifest.patient_pattern,
        "only": manifest.only,
        "slices": manifest.slices,
    }
    stated = [name for name, value in settings.items() if value is not None]
    if stated and layout not in PATTERNED:
        problem = f"the layout {layout!r} does not support {stated[0]}"
        remedy = f"Leave it out, or use a layout that supports it: {', '.join(PATTERNED)}."
        raise InputError(problem, where=where, remedy=remedy)
    if layout not in OPTIONED:
        ReaderOptions.of(manifest)


def _slices_of(
    tree: Tree, manifest: DatasetManifest, slices: Slices, cases: pd.DataFrame, unnamed: bool
) -> pd.DataFrame:
    """Return the slices that are taken, with their volume's patient, or the volume as patient."""
    if VOLUME in cases:
        remedy = "Give that column another name in the manifest's option keep."
        where = f"manifest {manifest.name}"
        raise InputError(f"{VOLUME} is a reserved column of slices", where=where, remedy=remedy)
    if manifest.labels_in_masks:  # a lesion in one slice gives all slices of the volume its class
        folders = cases["image"].str.rpartition("/")[0]
        volume = folders if slices.volume == "folder" else cases["image"]
        marked = cases["source_class"].eq(LESION).groupby(volume).transform("any")
        cases["source_class"] = marked.map({True: LESION, False: NO_LESION})
    cases = take_slices(tree, manifest, slices, cases)
    if unnamed and not manifest.patients_in_headers:
        cases["patient_id"] = cases[VOLUME]
    return cases.sort_values("case_id", ignore_index=True)


@lru_cache(maxsize=4)
def _are_marked(
    root: Path,
    masks: tuple[tuple[str, ...], ...],
    lesion: tuple[int, ...],
    _changed: tuple[str, ...],
) -> list[bool]:
    """Return, for each picture, whether its masks mark anything."""
    return map_threads(partial(marks_anything, root, lesion=lesion), masks)
