"""The plainest layout: one folder per class with pictures directly in it."""

import re

from rin.data.layouts.found import PICTURES, FoundCase, class_folders, unknown_file
from rin.data.manifest import DatasetManifest
from rin.data.tree import Tree
from rin.errors import InputError


def find_cases(tree: Tree, manifest: DatasetManifest) -> list[FoundCase]:
    """Return the cases of a class-per-folder tree.

    The case id is ``class/file name``.  The manifest's ``patient_pattern`` takes the patient
    from the file name (its first group that matched); without one, each picture is a patient.

    Raises
    ------
    InputError
        Missing or additional class folders, nested folders, files that are no pictures, or a
        file name that the patient pattern does not match.
    """
    cases = []
    for source_class, names in class_folders(tree, manifest.label_map).items():
        for name in names:
            if not name.lower().endswith(PICTURES):
                raise unknown_file(tree, name, "folder_classes")
            case_id = f"{source_class}/{name.rpartition('/')[2]}"
            patient_id = _patient(tree, name, manifest.patient_pattern) or case_id
            cases.append(FoundCase(case_id, patient_id, source_class, tree.locator(name)))
    return cases


def _patient(tree: Tree, name: str, pattern: str | None) -> str | None:
    if pattern is None:
        return None
    match = re.search(pattern, name.rpartition("/")[2])
    found = [group for group in match.groups() if group] if match else []
    if not found:
        raise InputError(
            f"the patient pattern {pattern!r} does not match {name!r}",
            where=tree.root / tree.location,
            remedy="Correct patient_pattern in the manifest; it must match every file name.",
        )
    return "-".join(found)
