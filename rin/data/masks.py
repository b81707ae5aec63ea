"""Masks: which pixels of a picture show the lesion.

A mask is black outside the lesion, which has one bright value, perhaps with a smooth border, or
small whole numbers that each mark a part of it.
"""

from pathlib import Path

import numpy as np

from rin.data.pixels import is_shape, rasterise, read_drawn
from rin.errors import InputError

#: Largest share of a mask's pixels that are neither dark nor bright.
MAX_GRAY = 0.2
#: Whole numbers in a mask picture that are all smaller than this are labels, however many.
_SMALL = 32
#: A mask picture with more values than this has a smooth border, or was compressed.
_MOST_AREAS = 8


def read_mask(
    root: Path, entries: tuple[str, ...], shape: tuple[int, int], image: str = "mask"
) -> np.ndarray:
    """Read the masks of one picture of the given `shape`, and merge them by OR: bool (h, w).

    `entries` are locators of mask files, or shapes in words, whose errors name the locator of
    the `image`.  In a mask of labels, the pixels with any label are marked.  In any other mask,
    a pixel is marked if it exceeds half of the brightest value of its file, so that masks in 0/1
    and in 0/255 give the same result.
    """
    merged = np.zeros(shape, dtype=bool)
    for locator in entries:
        if is_shape(locator):
            merged |= rasterise(locator, shape, root / image)
            continue
        marked = _read_of_picture(root, locator)
        if marked.shape != shape:
            height, width = shape
            raise InputError(
                f"the mask is {marked.shape[1]} x {marked.shape[0]} pixels and its picture "
                f"{width} x {height}",
                where=root / locator,
                remedy="Draw the mask on this same picture; both must have the same size.",
            )
        merged |= marked
    return merged


def _read_of_picture(root: Path, locator: str) -> np.ndarray:
    """Return the pixels that the mask of a picture marks, bool (h, w)."""
    gray = read_drawn(root, locator)
    labels = _labels(gray)
    if len(labels) > 1:
        return gray > 0
    # Beside one value that fills areas, a brighter one of a few pixels is a slip.
    brightest = float(labels[0] if labels else gray.max())
    # The border of a lesion may be smooth, or blurred by JPEG.
    between = ((gray > 0.25 * brightest) & (gray < 0.75 * brightest)).mean()
    if brightest > 4 and between > MAX_GRAY:
        raise InputError(
            f"{between:.0%} of the mask is neither dark nor bright: it is a picture",
            where=root / locator,
            remedy="Name the right file; a mask is black, with the lesion in one bright value.",
        )
    return gray > brightest / 2


def has_stray_values(root: Path, locator: str) -> bool:
    """Return whether a mask has values brighter than the only one that fills areas."""
    gray = read_drawn(root, locator)
    labels = _labels(gray)
    return len(labels) == 1 and bool((gray > labels[0]).any())


def _labels(gray: np.ndarray) -> list[int]:
    """Return the labels in a mask picture; at most one if it is a plain mask.

    Labels are small whole numbers, or a few whole numbers that each fill a block of 3 x 3 pixels:
    a smooth border is narrower.
    """
    numbers = np.unique(gray[gray != 0])
    if not np.array_equal(numbers, np.round(numbers)):  # such as probabilities
        return []
    values: list[int] = numbers.astype(int).tolist()
    if not values or values[-1] < _SMALL:
        return values
    if len(values) > _MOST_AREAS:
        return values[-1:]
    from scipy.ndimage import minimum_filter  # slow to load

    return [value for value in values if minimum_filter(gray == value, 3, mode="constant").any()]
