"""Readers of on-disk layouts: from names of files to cases, without decoding a picture.

A reader takes a :class:`rin.data.tree.Tree` and a manifest and returns the cases it finds, or a
table of them.  It refuses files that it cannot place, so that nothing is left out silently.
"""

from collections.abc import Callable

import pandas as pd

from rin.data.layouts import arrays, ddti, folders, rsna, table
from rin.data.layouts.found import FoundCase, ReaderOptions
from rin.data.manifest import DatasetManifest
from rin.data.tree import Tree
from rin.errors import InputError, look_up

LAYOUTS: dict[str, Callable[[Tree, DatasetManifest], list[FoundCase] | pd.DataFrame]] = {
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
#: Readers of the split that comes with a dataset, unless a table has it: the part, or the fold, of
#: each case id.
SPLITS = {"folder_classes": folders.read_split, "npz": arrays.npz_split}

#: Layouts that read patients from names by the manifest's `patient_pattern`.
PATTERNED = ("folder_classes", "table")
#: Layouts that have options.
OPTIONED = ("mrnet", *PATTERNED)


def find_cases(tree: Tree, manifest: DatasetManifest) -> pd.DataFrame:
    """Return the cases of a tree with the reader of the manifest's layout, sorted by case id.

    The columns are those of `FoundCase`, `label` (missing for a class without one), and text
    columns that the layout keeps, such as a scanner's name.
    """
    reader = look_up("layout", manifest.layout, LAYOUTS)
    where = f"manifest {manifest.name}"
    if manifest.patient_pattern and manifest.layout not in PATTERNED:
        raise InputError(
            f"the layout {manifest.layout!r} does not support patient_pattern",
            where=where,
            remedy=f"Leave it out, or use a layout that supports it: {', '.join(PATTERNED)}.",
        )
    if manifest.layout not in OPTIONED:
        ReaderOptions.read(manifest)
    cases = reader(tree, manifest)
    if not isinstance(cases, pd.DataFrame):
        cases = pd.DataFrame(cases, columns=FoundCase._fields)
    cases = cases.sort_values("case_id", ignore_index=True)
    unnamed = (cases["patient_id"] == cases["case_id"]).all()
    if manifest.patients_in_headers:
        if not unnamed:
            raise InputError(
                "patients have two sources",
                where=where,
                remedy="Leave out patients_in_headers, or the other source of patients.",
            )
        cases["patient_id"] = None  # found when the files are opened
    elif unnamed and manifest.independence == "patient":
        raise InputError(
            "independence is patient, but nothing names the patients",
            where=where,
            remedy="State where they are named: by patient_pattern, a table of patients, or "
            "patients_in_headers, where the layout reads one (--patient of rin new). Use "
            "independence: image only if no patient has two pictures; otherwise both sides of a "
            "split would show the same patients.",
        )
    labels = cases["source_class"]
    if known := manifest.label_map:
        kind = f"class of {manifest.name}"
        labels = labels.map({name: look_up(kind, name, known) for name in labels.unique()})
    cases.insert(len(FoundCase._fields), "label", labels)
    return cases


def comes_with_split(manifest: DatasetManifest) -> bool:
    """Return whether a dataset has a split of its own."""
    stated = manifest.options.get("split") or manifest.options.get("splits")
    return manifest.layout in ("npz", "radimagenet") or bool(stated)


def read_split(tree: Tree, manifest: DatasetManifest) -> pd.Series:
    """Return the part, or the fold that tests it, of each case id in the dataset's own split."""
    return SPLITS.get(manifest.layout, table.read_split)(tree, manifest)
