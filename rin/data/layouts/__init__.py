"""Readers of on-disk layouts: file names to found cases, without decoding a picture.

A reader takes a :class:`rin.data.tree.Tree` and a manifest and returns the cases it finds.
It refuses files that it cannot place, so nothing is left out in silence.
"""

from collections.abc import Callable

from rin.data.layouts import (
    busi,
    cc_ccii,
    ddti,
    folder_classes,
    labelled_csv,
    mrnet,
    radimagenet,
    rsna_hemorrhage,
    rsna_pneumonia,
)
from rin.data.layouts.found import FoundCase
from rin.data.manifest import DatasetManifest
from rin.data.tree import Tree
from rin.errors import unknown

Reader = Callable[[Tree, DatasetManifest], list[FoundCase]]
LAYOUTS: dict[str, Reader] = {
    "busi": busi.find_cases,
    "cc_ccii": cc_ccii.find_cases,
    "ddti": ddti.find_cases,
    "folder_classes": folder_classes.find_cases,
    "labelled_csv": labelled_csv.find_cases,
    "mrnet": mrnet.find_cases,
    "radimagenet": radimagenet.find_cases,
    "rsna_hemorrhage": rsna_hemorrhage.find_cases,
    "rsna_pneumonia": rsna_pneumonia.find_cases,
}


def find_cases(tree: Tree, manifest: DatasetManifest) -> list[FoundCase]:
    """Return the cases of a tree with the reader of the manifest's layout, sorted by case id."""
    if manifest.layout not in LAYOUTS:
        raise unknown("layout", manifest.layout, sorted(LAYOUTS))
    return sorted(LAYOUTS[manifest.layout](tree, manifest), key=lambda case: case.case_id)
