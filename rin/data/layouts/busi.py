"""The layout of Dataset_BUSI_with_GT: a folder per class, masks beside their pictures.

``benign (1).png`` has the mask ``benign (1)_mask.png`` and perhaps ``benign (1)_mask_1.png``
and higher, one per lesion.  Al-Dhabyani et al., Data in Brief 28 (2020) 104863.
"""

import re
from collections import defaultdict

from rin.data.layouts.found import FoundCase, class_folders, unknown_file
from rin.data.manifest import DatasetManifest
from rin.data.tree import Tree
from rin.errors import InputError

NAME = re.compile(r"(?P<stem>(?P<word>.+) \(\d+\))(?P<mask>_mask(?:_\d+)?)?\.png")


def find_cases(tree: Tree, manifest: DatasetManifest) -> list[FoundCase]:
    """Return the cases of a BUSI tree; each image is its own patient, as none are named.

    Raises
    ------
    InputError
        Missing or additional class folders or files, a picture without a mask, a mask
        without a picture, or a file in the folder of another class.
    """
    cases = []
    for source_class, names in class_folders(tree, manifest.label_map).items():
        pictures, masks = _sort_files(tree, source_class, names)
        _check_pairs(tree, pictures.keys(), masks.keys())
        cases += [
            FoundCase(
                case_id=stem,
                patient_id=stem,
                source_class=source_class,
                image=tree.locator(name),
                masks=tuple(tree.locator(mask) for mask in masks[stem]),
            )
            for stem, name in pictures.items()
        ]
    return cases


def _sort_files(
    tree: Tree, source_class: str, names: list[str]
) -> tuple[dict[str, str], dict[str, list[str]]]:
    pictures, masks = {}, defaultdict(list)
    for name in names:
        match = NAME.fullmatch(name.rpartition("/")[2])
        if match is None or match["word"] != source_class:
            raise unknown_file(tree, name, "busi")
        if match["mask"]:
            masks[match["stem"]].append(name)
        else:
            pictures[match["stem"]] = name
    return pictures, masks


def _check_pairs(tree: Tree, pictures: set[str], masks: set[str]) -> None:
    for alone, problem in (
        (pictures - masks, "pictures without a mask"),
        (masks - pictures, "masks without a picture"),
    ):
        if alone:
            shown = ", ".join(sorted(alone)[:5])
            raise InputError(
                f"{len(alone)} {problem}: {shown}",
                where=tree.root / tree.location,
                remedy="Fetch the dataset again; every picture needs its _mask.png.",
            )
