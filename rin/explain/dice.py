"""Dice score of two regions, and what maps and lesion masks must be to be compared.

The measure of the paper's Figure 5. Everything else that compares a map with a mask builds on the
checks made here: equal sizes, masks of zeros and ones, 8-bit maps.
"""

import numpy as np

from rin.errors import InputError

PAPER_THRESHOLD = 180  # paper, "Grad-CAM": values greater than 180 count as lesion


def dice(prediction: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the Dice score 2|P ∩ M| / (|P| + |M|) of each image.

    Parameters
    ----------
    prediction, mask
        bool (n, h, w), equal shapes.

    Returns
    -------
    numpy.ndarray
        float64 (n,), 0–1. Where only one of the two is empty the score is 0. Where both
        are empty it is NaN: 0/0 is undefined, and a case without a lesion must not pass
        for a perfect localisation. Such cases are left out with `has_lesion`.

    Raises
    ------
    InputError
        When the shapes differ, or an array is not boolean.

    Notes
    -----
    Checked against ``sklearn.metrics.f1_score`` of the pixels.
    """
    prediction, mask = np.asarray(prediction), np.asarray(mask)
    check_pair(prediction, mask)
    for name, array in (("prediction", prediction), ("mask", mask)):
        if array.dtype != bool:
            raise InputError(f"dtype is {array.dtype}", where=name, remedy="Give a boolean array.")
    both = np.count_nonzero(prediction & mask, axis=(1, 2))
    total = np.count_nonzero(prediction, axis=(1, 2)) + np.count_nonzero(mask, axis=(1, 2))
    return np.divide(2.0 * both, total, out=np.full(len(mask), np.nan), where=total > 0)


def cam_dice(cams: np.ndarray, masks: np.ndarray, threshold: int = PAPER_THRESHOLD) -> np.ndarray:
    """Return the Dice score of thresholded maps against lesion masks.

    Parameters
    ----------
    cams
        uint8 (n, h, w), from `rin.explain.gradcam.to_uint8`.
    masks
        bool or 0/1 (n, h, w).
    threshold
        Gray level; pixels strictly above it are predicted lesion (180 in the paper).

    Returns
    -------
    numpy.ndarray
        float64 (n,), 0–1; NaN as in `dice`. A map of zeros scores 0, a constant positive
        one (255 everywhere) as the whole image does.

    Raises
    ------
    InputError
        When the shapes differ, the maps are not 8-bit or the masks are not of zeros and ones.

    Notes
    -----
    Checked against ``sklearn.metrics.f1_score`` of the pixels.
    """
    cams, lesions = check_maps_and_masks(cams, masks)
    return dice(cams > threshold, lesions)


def has_lesion(masks: np.ndarray) -> np.ndarray:
    """Return which masks outline anything, bool (n,), from masks (n, h, w).

    Normal breasts have no lesion to localise; overlap is averaged without them.
    """
    return np.asarray(masks).any(axis=(1, 2))


def check_pair(first: np.ndarray, second: np.ndarray) -> None:
    """Raise InputError unless two stacks of pictures (n, h, w) have one shape."""
    if first.ndim != 3 or first.shape != second.shape:
        raise InputError(
            f"shapes {first.shape} and {second.shape} differ or are not (n, h, w)",
            where="maps, masks",
            remedy="Bring maps and masks to one size before comparing them.",
        )


def check_masks(masks: np.ndarray) -> np.ndarray:
    """Return masks as booleans (n, h, w).

    Raises
    ------
    InputError
        When the rank is wrong or a value is neither 0 nor 1: gray levels of a mask file are
        not a mask yet.
    """
    array = np.asarray(masks)
    if array.ndim != 3:
        raise InputError(
            f"masks have shape {array.shape}", where="masks", remedy="Give masks (n, h, w)."
        )
    if array.dtype != bool and not ((array == 0) | (array == 1)).all():
        raise InputError(
            f"values from {array.min()} to {array.max()}, not 0 and 1 alone",
            where="masks",
            remedy="Code the lesion as 1 and everything else as 0.",
        )
    return array.astype(bool, copy=False)


def check_maps_and_masks(cams: np.ndarray, masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return 8-bit maps and boolean masks (n, h, w) of one shape.

    Raises
    ------
    InputError
        When the shapes differ, the maps are not 8-bit or the masks are not of zeros and ones.
    """
    cams = np.asarray(cams)
    if cams.dtype != np.uint8:
        raise InputError(
            f"dtype is {cams.dtype}", where="cams", remedy="Convert the maps with to_uint8."
        )
    lesions = check_masks(masks)
    check_pair(cams, lesions)
    return cams, lesions
