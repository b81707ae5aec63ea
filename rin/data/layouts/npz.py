"""The layout of MedMNIST: one ``.npz`` archive with the images and labels of three parts.

``train_images``, ``val_images`` and ``test_images`` are uint8 (n, height, width), and
``*_labels`` (n, 1) are whole numbers.  No patients are published: each picture counts as one.
"""

import io

import numpy as np

from rin.data.layouts.found import FoundCase, ReaderOptions
from rin.data.manifest import PART_NAMES, DatasetManifest
from rin.data.pixels import UNREADABLE, open_volume
from rin.data.tree import MARK, Tree
from rin.errors import explained


class NpzOptions(ReaderOptions):
    """Options of the layout: ``parts`` are those of the archive that are read."""

    parts: tuple[str, ...] = tuple(PART_NAMES)


def find_cases(tree: Tree, manifest: DatasetManifest) -> list[FoundCase]:
    """Return the cases of an archive; the case id is ``train-00012``, the class its number."""
    cases = []
    for part in NpzOptions.of(manifest).parts:
        images, labels = f"{part}_images.npy", f"{part}_labels.npy"
        remedy = "Fetch the archive again, or name its parts in the option parts."
        tree.refuse({images, labels} - {*tree.names}, "arrays are missing", remedy=remedy)
        with explained(
            "it is no array", where=tree.place(labels), remedy=remedy, kinds=UNREADABLE
        ):
            content = io.BytesIO(tree.read(labels))
            numbers = np.lib.format.read_array(content, allow_pickle=False).ravel()
        locator = tree.locator(images)
        if len(open_volume(tree.root, locator)) != len(numbers):
            raise tree.wrong(f"{images} and {labels} differ in length", remedy=remedy)
        for row, number in enumerate(numbers.tolist()):
            name = f"{part}-{row:05d}"
            cases.append(FoundCase(name, name, str(number), f"{locator}{MARK}{row}"))
    return cases
