"""From a data set in memory to gray pixels and a PNG file that holds nothing else.

The display pipeline is that of :mod:`rin.data.dicom`; the windows are those of the region.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from PIL import Image
from pydicom import Dataset

from rin.data import dicom
from rin.errors import InputError

LUNG_WINDOW = (-600.0, 1500.0)
SOFT_TISSUE_WINDOW = (40.0, 400.0)


def display_window(modality: str, region: str) -> tuple[float, float] | None:
    """Return center and width in Hounsfield units for CT, else None: the file's own VOI."""
    if modality != "CT":
        return None
    return LUNG_WINDOW if region == "lung" else SOFT_TISSUE_WINDOW


def decode(dataset: Dataset) -> np.ndarray:
    """Return the stored pixels of a single frame: (h, w) of 8 or 16 bits, or uint8 RGB (h, w, 3).

    Raises
    ------
    InputError
        Pixels that :func:`rin.data.dicom.read_dicom` would refuse.
    """
    try:
        return dicom.decode(dataset)
    except dicom.BROKEN as error:
        raise _refusal(dataset, error) from error


def render(dataset: Dataset, window: tuple[float, float] | None) -> np.ndarray:
    """Return a data set as it is displayed, uint8 (h, w), as :func:`rin.data.dicom.read_dicom`.

    Raises
    ------
    InputError
        Pixels that cannot be read, or gray ones of more than 8 bits with neither a window of
        the caller's nor one of their own: over the whole range of its bits nothing is seen.
    """
    pixels = decode(dataset)
    try:
        deep = pixels.ndim == 2 and dataset.BitsStored > 8
        if window is None and deep and not _has_voi(dataset):
            raise ValueError("it has more than 8 bits and neither VOI window nor VOI table")
        return dicom.display(dataset, pixels, window)
    except dicom.BROKEN as error:
        raise _refusal(dataset, error) from error


def export_png(dataset: Dataset, path: Path, window: tuple[float, float] | None) -> tuple[int, int]:
    """Write an image as 8-bit gray PNG, whole or not at all, and without any text chunk.

    Parameters
    ----------
    dataset
        Best the de-identified one, so that both exports show the same.
    window
        Center and width, as :func:`display_window` gives them.

    Returns
    -------
    tuple of int
        Width and height in pixels.

    Raises
    ------
    InputError
        As :func:`render`.
    """
    path = Path(path)
    gray = render(dataset, window)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        Image.fromarray(gray).save(part, "PNG")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return gray.shape[1], gray.shape[0]


def _has_voi(dataset: Dataset) -> bool:
    window = dataset.get("WindowCenter") is not None and dataset.get("WindowWidth") is not None
    return bool(window or dataset.get("VOILUTSequence"))


def _refusal(dataset: Dataset, error: Exception) -> InputError:
    problem = " ".join(str(error).split()) or type(error).__name__
    return InputError(
        f"the pixels cannot be read ({problem[:300]})",
        where=getattr(dataset, "filename", None) or "image",
        remedy="Export it as one uncompressed gray or RGB frame, or leave it out.",
    )
