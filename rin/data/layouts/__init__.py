"""Readers of on-disk layouts: file names to found cases, without decoding a picture.

A reader takes a :class:`rin.data.tree.Tree` and a manifest and returns the cases it finds.
It refuses files that it cannot place, so nothing is left out in silence.
"""

from collections.abc import Callable
from typing import Literal

from rin.data.layouts import (
    cc_ccii,
    ddti,
    folders,
    mrnet,
    radimagenet,
    rsna_hemorrhage,
    rsna_pneumonia,
    table,
)
from rin.data.layouts.found import FoundCase
from rin.data.manifest import DatasetManifest
from rin.data.tree import Tree
from rin.errors import InputError, unknown

Reader = Callable[[Tree, DatasetManifest], list[FoundCase]]
LAYOUTS: dict[str, Reader] = {
    "busi": folders.find_busi,
    "cc_ccii": cc_ccii.find_cases,
    "ddti": ddti.find_cases,
    "folder_classes": folders.find_folder_classes,
    "mrnet": mrnet.find_cases,
    "radimagenet": radimagenet.find_cases,
    "rsna_hemorrhage": rsna_hemorrhage.find_cases,
    "rsna_pneumonia": rsna_pneumonia.find_cases,
    table.LAYOUT: table.find_cases,
}

#: Where a layout's patients come from: its own files, the manifest's `patient_pattern` (or, in a
#: table, a column), a table that may be absent, or nowhere.
PATIENTS: dict[str, Literal["layout", "pattern", "table", "none"]] = {
    **dict.fromkeys(LAYOUTS, "layout"),
    "busi": "none",
    "folder_classes": "pattern",
    "radimagenet": "table",
    table.LAYOUT: "pattern",
}


def find_cases(tree: Tree, manifest: DatasetManifest) -> list[FoundCase]:
    """Return the cases of a tree with the reader of the manifest's layout, sorted by case id.

    InputError for an unknown layout, a `patient_pattern` that it does not use, or patients as the
    units of a dataset that names none.  Every reader raises it for unknown options, for files that
    it has no place for, and for tables or names that are missing, broken, repeated or contradict
    each other; the first of them are named.
    """
    if manifest.layout == "labelled_csv":
        raise InputError(
            "the layout 'labelled_csv' is now called 'table'",
            where=f"manifest {manifest.name}",
            remedy="Name its options table, images (was folder), label (was label_column) and "
            'image (file_template with the column in it, as "{id:03d}.png").',
        )
    if manifest.layout not in LAYOUTS:
        raise unknown("layout", manifest.layout, sorted(LAYOUTS))
    source, where = PATIENTS[manifest.layout], f"manifest {manifest.name}"
    if manifest.patient_pattern is not None and PATIENTS[manifest.layout] != "pattern":
        using = ", ".join(name for name, known in PATIENTS.items() if known == "pattern")
        raise InputError(
            f"the layout {manifest.layout!r} takes no patient_pattern",
            where=where,
            remedy=f"Leave it out, or use a layout that reads patients from names: {using}.",
        )
    cases = sorted(LAYOUTS[manifest.layout](tree, manifest), key=lambda case: case.case_id)
    if manifest.independence != "patient":
        return cases
    if source != "layout" and all(case.patient_id == case.case_id for case in cases):
        raise InputError(
            "independence is patient, and nothing names the patients",
            where=where,
            remedy="Say independence: image; or give the patient_pattern, or the table of "
            "patients, where the layout reads one.",
        )
    return cases
