"""Dice at every threshold of a map, and at the best one.

One histogram of an image's gray levels, inside the lesion and anywhere, holds its Dice score at
all 256 thresholds and its average precision over pixels, so that no threshold needs a pass of its
own over the pixels.
"""

import numpy as np
from numpy.typing import ArrayLike

from rin.errors import InputError
from rin.explain.dice import check_maps_and_masks

LEVELS = 256  # gray levels of an 8-bit map


def gray_histograms(cams: np.ndarray, masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Count the gray levels of each map, within the lesion and anywhere.

    Parameters
    ----------
    cams
        uint8 (n, h, w), from `rin.explain.gradcam.to_uint8`.
    masks
        bool or 0/1 (n, h, w).

    Returns
    -------
    inside, anywhere : numpy.ndarray
        int64 (n, 256): pixels of each level in the lesion, and in the image.

    Raises
    ------
    InputError
        As `rin.explain.dice.check_maps_and_masks`.

    Notes
    -----
    Checked against ``numpy.histogram`` of either set of pixels.
    """
    cams, lesions = check_maps_and_masks(cams, masks)
    counts = np.empty((len(cams), LEVELS, 2), dtype=np.int64)
    for row, cam, lesion in zip(counts, cams, lesions, strict=True):
        # The level and "in the lesion" make one number, so one count serves both.
        codes = 2 * cam.astype(np.intp).ravel() + lesion.ravel()
        row[:] = np.bincount(codes, minlength=2 * LEVELS).reshape(LEVELS, 2)
    return counts[:, :, 1], counts.sum(axis=2)


def threshold_curve(cams: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Return the Dice score of each map at each of the 256 thresholds.

    Parameters
    ----------
    cams, masks
        As `gray_histograms`.

    Returns
    -------
    numpy.ndarray
        float64 (n, 256), 0–1; column t takes pixels strictly above t, so column 255 takes
        none and is 0. Without a lesion the score is 0 where anything lies above the threshold
        and NaN where nothing does, as in `rin.explain.dice.dice`.

    Raises
    ------
    InputError
        As `rin.explain.dice.check_maps_and_masks`.

    Notes
    -----
    Checked against 256 calls of `rin.explain.dice.cam_dice`.
    """
    return curves_of(*gray_histograms(cams, masks))


def curves_of(inside: np.ndarray, anywhere: np.ndarray) -> np.ndarray:
    """Return `threshold_curve` from the counts of `gray_histograms`."""
    hits, called = above(inside), above(anywhere)
    total = called + inside.sum(axis=1, keepdims=True)
    return np.divide(2.0 * hits, total, out=np.full(hits.shape, np.nan), where=total > 0)


def above(counts: np.ndarray) -> np.ndarray:
    """Return how many pixels lie strictly above each level, (n, 256), from counts (n, 256)."""
    return counts.sum(axis=1, keepdims=True) - np.cumsum(counts, axis=1)


def best_threshold(curves: np.ndarray) -> int:
    """Return the threshold with the largest mean Dice over images, the lowest of equal ones.

    Chosen and scored on the same images, this is the optimistic end of what a threshold can
    do; `crossfitted_dice` scores it on others.

    Parameters
    ----------
    curves
        Dice scores (n, 256) of images with a lesion, n ≥ 1, as from `threshold_curve`.

    Raises
    ------
    InputError
        When there is no image, or a score is NaN.

    Notes
    -----
    Checked against a search over all thresholds with `rin.explain.dice.cam_dice`.
    """
    return int(_first_largest(_defined(curves).sum(axis=0)))


def crossfitted_dice(curves: np.ndarray, patients: ArrayLike) -> np.ndarray:
    """Return each image's Dice score at the threshold that is best for all other patients.

    The threshold that suits a patient's own images best is never used for them, so the
    scores say what a tuned threshold would do for new patients. Leaving one patient out at a
    time needs no random division.

    Parameters
    ----------
    curves
        Dice scores (n, 256) of images with a lesion, as from `threshold_curve`.
    patients
        Patient of each image, (n,). Images of other patients weigh equally.

    Returns
    -------
    numpy.ndarray
        float64 (n,), 0–1; NaN throughout when all images are of one patient, as nobody else
        can choose for them.

    Raises
    ------
    InputError
        When there is no image, a score is NaN, or there are not as many patients as images.

    Notes
    -----
    Checked against a loop that calls `best_threshold` without each patient in turn.
    """
    curves = _defined(curves)
    names, codes = np.unique(np.asarray(patients), return_inverse=True)
    if codes.shape != (len(curves),):
        raise InputError(
            f"{codes.size} patients beside {len(curves)} images",
            where="patients",
            remedy="Name the patient of each image.",
        )
    if len(names) < 2:
        return np.full(len(curves), np.nan)
    own = np.zeros((len(names), curves.shape[1]))
    np.add.at(own, codes, curves)
    chosen = _first_largest(curves.sum(axis=0) - own)
    return curves[np.arange(len(curves)), chosen[codes]]


def _first_largest(sums: np.ndarray) -> np.ndarray:
    # The last digits of equal sums differ by rounding; the lowest threshold is to win then.
    return np.round(sums, 9).argmax(axis=-1)


def _defined(curves: np.ndarray) -> np.ndarray:
    curves = np.asarray(curves, dtype=float)
    if curves.ndim != 2 or not len(curves) or np.isnan(curves).any():
        raise InputError(
            f"shape {curves.shape}, {np.isnan(curves).sum()} scores undefined",
            where="curves",
            remedy="Give the curves of at least one image, and of images with a lesion only.",
        )
    return curves
