"""Masks: which pixels of a picture, and which slices of a volume, show the lesion.

A mask is black outside the lesion, which has one bright value, perhaps with a smooth border.  Or
it contains labels, such as 1 for an organ and 2 for its tumour: the labels given as ``lesion``
(``lesion_values`` of the manifest) then mark the lesion, or all labels if none are given.
"""

from functools import partial
from pathlib import Path

import numpy as np

from rin.data import volumes
from rin.data.pixels import (
    count_frames,
    cut_stack,
    is_shape,
    is_stack,
    open_stack,
    rasterise,
    read_stored,
)
from rin.data.tree import MARK, is_tiff, split_slice
from rin.errors import InputError

#: Largest share of a mask's pixels that are neither dark nor bright.
MAX_GRAY = 0.2
#: Whole numbers in a mask picture that are all smaller than this are labels, however many.
_SMALL = 32
#: A mask picture with more values than this has a smooth border, or was compressed.
_MOST_AREAS = 8
#: Share of dark and bright pixels above which a picture in JPEG may be a mask.
MOSTLY = 0.98


def read_mask(
    root: Path,
    entries: tuple[str, ...],
    shape: tuple[int, int],
    image: str = "mask",
    lesion: tuple[int, ...] = (),
) -> np.ndarray:
    """Read the masks of one picture of the given ``shape``, and merge them by OR: bool (h, w).

    ``entries`` are locators of mask files, or shapes in words, whose errors name the locator of
    the ``image``.  In a mask of labels, the pixels with a ``lesion`` label are marked, or with any
    label if none are given.  In any other mask, a pixel is marked if it exceeds half of the
    brightest value of its file, so that masks in 0/1 and in 0/255 give the same result.
    """
    merged = np.zeros(shape, dtype=bool)
    for locator in entries:
        if is_shape(locator):
            merged |= rasterise(locator, shape, Path(root, image))
            continue
        marked = _read_of_volume(root, locator, lesion)
        marked = _read_of_picture(root, locator, lesion) if marked is None else marked
        if marked.shape != tuple(shape):
            drawn, shown = (f"{width} x {height}" for height, width in (marked.shape, shape))
            problem = f"the mask is {drawn} pixels and its picture {shown}"
            remedy = "Draw the mask on this same picture; both must have the same size."
            raise InputError(problem, where=Path(root, locator), remedy=remedy)
        merged |= marked
    return merged


def _read_of_picture(root: Path, locator: str, lesion: tuple[int, ...]) -> np.ndarray:
    """Return the pixels that the mask of a picture marks, bool (h, w)."""
    gray = read_stored(root, locator)
    if lesion:
        return np.isin(gray, lesion)
    brightest = float(gray.max())
    if len(_labels(gray)) > 1:
        return gray > 0
    # The border of a lesion may be smooth, or blurred by JPEG.
    between = ((gray > 0.25 * brightest) & (gray < 0.75 * brightest)).mean()
    if brightest > 4 and between > MAX_GRAY:
        problem = f"{between:.0%} of the mask is neither dark nor bright: it is a picture"
        remedy = "Name the right file; a mask is black, with the lesion in one bright value."
        raise InputError(problem, where=Path(root, locator), remedy=remedy)
    return gray > brightest / 2


def _labels(gray: np.ndarray) -> list[int]:
    """Return the labels in a mask picture; at most one if it is a plain mask.

    Labels are small whole numbers, or a few whole numbers that each fill a block of 3 x 3 pixels:
    a smooth border is narrower.
    """
    numbers = np.unique(gray[gray != 0])
    if not np.array_equal(numbers, np.round(numbers)):  # such as probabilities
        return []
    values = [int(value) for value in numbers]
    if not values or values[-1] < _SMALL:
        return values
    if len(values) > _MOST_AREAS:
        return values[-1:]
    from scipy.ndimage import minimum_filter  # slow to load

    filled = (minimum_filter(gray == value, 3, mode="constant").any() for value in values)
    return [value for value, is_filled in zip(values, filled, strict=True) if is_filled]


def labels_in(root: Path, locator: str) -> list[int]:
    """Return the labels of a mask, sorted, without zero: at most one if it is a plain mask."""
    if volumes.is_nifti(locator):
        return volumes.read_labels(root, locator)
    if locator.lower().endswith(".npy") and is_stack(root, locator):
        return volumes.labels_among(open_stack(root, locator), Path(root, locator))
    if is_tiff(locator) and (n := count_frames(root, locator)) > 1:
        frames = (read_stored(root, f"{locator}{MARK}frame-{number}") for number in range(n))
        return sorted({label for frame in frames for label in _labels(frame)})
    return _labels(read_stored(root, locator))


def count_values(root: Path, locator: str) -> int:
    """Return how many values a picture has if they are few, as in a mask; 0 for other pictures.

    One value is that of a blank picture, or of a mask that marks nothing.  In a JPEG, values near
    the darkest and the brightest count as these two.
    """
    try:
        labels = labels_in(root, locator)
    except InputError:  # the values of a picture, or a broken file, which is reported later
        return 0
    if volumes.is_nifti(locator) or (locator.lower().endswith(".npy") and is_stack(root, locator)):
        return 1 + len(labels)
    gray = read_stored(root, f"{locator}{MARK}frame-0" if _is_stacked(root, locator) else locator)
    values = len(np.unique(gray))
    if values <= _MOST_AREAS:
        return values
    dark, bright = gray <= 0.1 * gray.max(), gray >= 0.9 * gray.max()
    is_plain = (dark | bright).mean() > MOSTLY and min(dark.mean(), bright.mean()) > 1 - MOSTLY
    return 2 if is_plain else 0


def values_and_border(root: Path, locator: str) -> tuple[list[int], int]:
    """Return the few whole values of a mask picture, and the value of most pixels at its border.

    An empty list for other files; 0 if no value has most of the border.
    """
    if volumes.is_nifti(locator) or locator.lower().endswith(".npy") or _is_stacked(root, locator):
        return [], 0
    gray = read_stored(root, locator)
    numbers = np.unique(gray)
    if len(numbers) > _MOST_AREAS or not np.array_equal(numbers, np.round(numbers)):
        return [], 0
    border = np.concatenate([gray[[0, -1]].ravel(), gray[1:-1, [0, -1]].ravel()])
    values, times = np.unique(border, return_counts=True)
    is_most = times.max() > len(border) / 2
    return [*map(int, numbers)], int(values[times.argmax()]) if is_most else 0


def _is_stacked(root: Path, locator: str) -> bool:
    return is_tiff(locator) and count_frames(root, locator) > 1


def marks_anything(root: Path, locators: tuple[str, ...], lesion: tuple[int, ...] = ()) -> bool:
    """Return whether any of the mask files marks a pixel."""
    return any(map(partial(_marks, root, lesion), locators))


def _marks(root: Path, lesion: tuple[int, ...], locator: str) -> bool:
    if (marked := marked_slices(root, locator, lesion=lesion)) is not None:
        return bool(marked.any())
    gray = read_stored(root, locator)
    return bool(np.isin(gray, lesion).any() if lesion else gray.any())


def marked_slices(
    root: Path, locator: str, axis: str = "", lesion: tuple[int, ...] = ()
) -> np.ndarray | None:
    """Return which slices of a mask volume mark anything; None for the mask of a picture.

    Without an ``axis``, slices are along the first axis of an array, and axial in NIfTI.
    """
    if split_slice(locator):
        return None
    if volumes.is_nifti(locator):
        return volumes.marked_slices(root, locator, axis or "axial", lesion)
    if locator.lower().endswith(".npy") and is_stack(root, locator):
        others = tuple({0, 1, 2} - {int(axis or 0)})
        return np.asarray(_marked_stack(root, locator, lesion).any(axis=others))
    if is_tiff(locator) and (n := count_frames(root, locator)) > 1:
        frames = (f"{locator}{MARK}frame-{number}" for number in range(n))
        return np.array([_marked_frame(root, frame, lesion).any() for frame in frames])
    return None


def _read_of_volume(root: Path, locator: str, lesion: tuple[int, ...]) -> np.ndarray | None:
    """Return the pixels marked in a slice of a mask volume, bool (h, w); None for other masks."""
    parts = split_slice(locator)
    if parts and is_tiff(locator):
        return _marked_frame(root, locator, lesion)
    if parts is None or parts[1] == "frame":
        return None
    name, axis, number = parts
    if volumes.is_nifti(name):
        return volumes.read_mask_slice(root, name, axis, number, lesion)
    marked = _marked_stack(root, name, lesion)
    return cut_stack(marked, int(axis), number, Path(root, locator))


def _marked_stack(root: Path, locator: str, lesion: tuple[int, ...]) -> np.ndarray:
    return volumes.marked_by_labels(open_stack(root, locator), lesion, Path(root, locator))


def _marked_frame(root: Path, locator: str, lesion: tuple[int, ...]) -> np.ndarray:
    return volumes.marked_by_labels(read_stored(root, locator), lesion, Path(root, locator))
