"""NumPy arrays: the volumes of MRNet, and the archives of MedMNIST.

`mrnet` is MRNet-v1.0: `train/sagittal/0001.npy` is uint8 (slices, 256, 256), and
`train-acl.csv`, without header, has rows such as `0001,1`.  A case is one slice; its exam
counts as its patient.  The paper counts images, the dataset counts exams.  Bien et al., PLoS
Medicine 15 (2018) e1002699.

`npz` is one archive: `train_images`, `val_images` and `test_images` are uint8 (n, height,
width), or (n, height, width, 3) in colour, and `*_labels` (n, 1) are whole numbers.  No patients
are published: each picture counts as a patient.
"""

from typing import Literal

import pandas as pd
from pydantic import PositiveInt

from rin.data.chunks import map_threads
from rin.data.layouts.found import (
    FoundCase,
    ReaderOptions,
    alternatives,
    labelled_files,
    read_table,
    sort_files,
)
from rin.data.manifest import PART_NAMES, DatasetManifest
from rin.data.pixels import load_array, open_volume
from rin.data.tree import MARK, Tree

SPLITS = ("train", "valid")
PLANES = ("axial", "coronal", "sagittal")
FINDINGS = ("abnormal", "acl", "meniscus")
#: Source class of the labels of abnormal, ACL tear and meniscal tear.
CLASSES = {
    "000": "normal",
    "100": "abnormal",
    "110": "acl",
    "101": "meniscus",
    "111": "acl+meniscus",
}


class MRNetOptions(ReaderOptions):
    """Which `slices` of a volume are taken: `count` around its middle, or spaced over it.

    `spaced` divides the volume into `count` equal parts and takes the middle slice of each.
    """

    slices: Literal["middle", "spaced"]
    count: PositiveInt

    def choose(self, n: int) -> list[int]:
        """Return the numbers, from 0, of the slices to take of `n`; all if n is below count."""
        count = min(self.count, n)
        if self.slices == "spaced":
            return [(2 * i + 1) * n // (2 * count) for i in range(count)]
        return [(n - count) // 2 + i for i in range(count)]


def find_mrnet(tree: Tree, manifest: DatasetManifest) -> list[FoundCase]:
    """Return the chosen sagittal slices of an MRNet tree; the case id is `0001-sagittal-15`."""
    options = MRNetOptions.read(manifest)
    around, files = sort_files(
        tree,
        "mrnet",
        **{split: rf"{split}/sagittal/([^/]+)\.npy" for split in SPLITS},
        other_planes=rf"({alternatives(SPLITS)}/{alternatives(PLANES)}/[^/]+)\.npy",
        tables=rf"({alternatives(SPLITS)}-{alternatives(FINDINGS)}\.csv)",
    )
    classes: dict[str, str] = {}
    volumes: dict[str, str] = {}
    for split in SPLITS:
        there = files[split]
        if manifest.partial and not there:
            continue
        exams = _exam_classes(tree, around, split)
        labelled_files(
            tree, manifest, exams, there, f"exams of {split}", f"volumes in {split}/sagittal"
        )
        tree.raise_if_any(sorted(exams.keys() & classes.keys()), "exams in both parts")
        volumes |= there
        classes |= exams

    def cases(exam: str) -> list[FoundCase]:
        volume = tree.locator(volumes[exam])
        return [
            FoundCase(f"{exam}-sagittal-{k}", exam, classes[exam], f"{volume}{MARK}{k}")
            for k in options.choose(len(open_volume(tree.root, volume)))
        ]

    return [case for several in map_threads(cases, volumes) for case in several]


def _exam_classes(tree: Tree, around: str, split: str) -> dict[str, str]:
    """Return the source class of each exam of one part."""
    labels = {}
    for finding in FINDINGS:
        table = f"{split}-{finding}.csv"
        rows = read_table(tree, around + table, ["exam", finding], header=False)
        label = labels[finding] = rows.set_index("exam")[finding]
        odd = label[~label.index.str.isdecimal() | ~label.isin(["0", "1"])]
        tree.raise_if_any(odd.index + "," + odd, "rows do not have the form 0001,1", file=table)
        tree.raise_if_any(
            label.index[label.index.duplicated()], "exams are listed twice", file=table
        )
    whole = pd.DataFrame(labels).sort_index()
    tree.raise_if_any(
        whole.index[whole.isna().any(axis=1)], f"exams are not in all tables of {split}"
    )
    classes = whole.sum(axis=1).map(CLASSES)
    tree.raise_if_any(classes.index[classes.isna()], "exams have a tear, labelled as not abnormal")
    return classes.to_dict()


def find_npz(tree: Tree, manifest: DatasetManifest) -> list[FoundCase]:
    """Return the cases of an archive; an id is like `train-00012`, the class is the number."""
    cases = []
    for part in PART_NAMES:
        images = tree.locator(f"{part}_images.npy")
        labels = tree.locator(f"{part}_labels.npy")
        stored = load_array(tree.root, labels)
        if stored.ndim > 1 and stored.shape[1] > 1:
            raise tree.error(
                f"{labels} has {stored.shape[1]} labels a picture",
                remedy="Save one of its columns as the labels.",
            )
        numbers = stored.ravel()
        if len(open_volume(tree.root, images)) != len(numbers):
            raise tree.error(
                f"{images} and {labels} differ in length", remedy="Fetch the archive again."
            )
        for row, number in enumerate(numbers.tolist()):
            name = f"{part}-{row:05d}"
            cases.append(FoundCase(name, name, str(number), f"{images}{MARK}{row}"))
    return cases


def npz_split(tree: Tree, manifest: DatasetManifest) -> pd.Series:
    """Return the part of each picture of an archive, by case id."""
    ids = [case.case_id for case in find_npz(tree, manifest)]
    return pd.Series([PART_NAMES[name.partition("-")[0]] for name in ids], ids, dtype=str)
