"""Images and exams: whether published numbers of images follow from one rule of reading exams."""

from collections import Counter
from collections.abc import Mapping

import pandas as pd

from rin.data.manifest import DatasetManifest
from rin.errors import InputError


def images_per_exam(images: Mapping[str, int], exams: Mapping[str, int]) -> pd.DataFrame:
    """Set published numbers of images against numbers of exams, label by label.

    Where all exams were read by one rule (a fixed number of slices, or all of them), the
    labels would have about one ratio.

    Parameters
    ----------
    images, exams
        Number per label.

    Returns
    -------
    pandas.DataFrame
        ``label``, ``images``, ``exams`` and ``per_exam`` (float), in the order of ``images``.

    Raises
    ------
    InputError
        Labels that differ, or a label without exams.
    """
    if set(images) != set(exams) or min(exams.values(), default=0) < 1:
        raise InputError(
            f"images of {', '.join(images) or 'nothing'} and exams of "
            f"{', '.join(f'{label} ({n})' for label, n in exams.items()) or 'nothing'}",
            where="images_per_exam",
            remedy="Give both for the same labels, and at least one exam each.",
        )
    table = pd.DataFrame(
        {
            "label": list(images),
            "images": list(images.values()),
            "exams": [exams[label] for label in images],
        }
    )
    return table.assign(per_exam=table["images"] / table["exams"])


def exams_per_label(manifest: DatasetManifest) -> dict[str, int]:
    """Return the number of exams per label, from the manifest's counts and its label map."""
    exams: Counter[str] = Counter()
    for source_class, n in manifest.counts.images.items():
        label = manifest.label(source_class)
        if label is not None:
            exams[label] += n
    return dict(exams)
