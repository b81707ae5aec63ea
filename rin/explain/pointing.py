"""Measures of overlap that need no threshold: the pointing game and average precision.

The pointing game asks whether the brightest point of a map lies on the lesion; average precision
asks how well gray levels rank the lesion's pixels before all others.
"""

import numpy as np
from scipy.ndimage import distance_transform_edt

from rin.errors import InputError
from rin.explain.dice import check_masks, check_pair, has_lesion
from rin.explain.thresholds import above, gray_histograms

#: Pixels by which a point may miss: the published margin, and the side at which it is meant here.
TOLERANCE, TOLERANCE_SIDE = 15, 256


def tolerance_at(side: int) -> int:
    """Return the margin of the pointing game in pixels for square images of a side.

    15 pixels, as Zhang et al (2018) allow, at the paper's 256; in proportion at other sides.
    """
    return round(TOLERANCE * side / TOLERANCE_SIDE)


def near_lesion(masks: np.ndarray, tolerance: float = TOLERANCE) -> np.ndarray:
    """Return which pixels lie on a lesion or within `tolerance` pixels of one.

    Parameters
    ----------
    masks
        bool or 0/1 (n, h, w).
    tolerance
        Largest Euclidean distance between centres of pixels, 0 or more.

    Returns
    -------
    numpy.ndarray
        bool (n, h, w); nothing is near the lesion of an empty mask.

    Raises
    ------
    InputError
        When the masks are no masks, or the tolerance is negative.

    Notes
    -----
    Checked against the smallest of all distances, by brute force.
    """
    lesions = check_masks(masks)
    if not tolerance >= 0:
        raise InputError(
            f"{tolerance} pixels", where="tolerance", remedy="Give a number that is not negative."
        )
    near = lesions.copy()
    if tolerance > 0:
        for row, lesion in zip(near, lesions, strict=True):
            if lesion.any():
                row[:] = distance_transform_edt(~lesion) <= tolerance
    return near


def pointing_game(maps: np.ndarray, masks: np.ndarray, tolerance: float = TOLERANCE) -> np.ndarray:
    """Return whether the maximum of each map lies on its lesion or near it.

    Parameters
    ----------
    maps
        Real numbers (n, h, w), finite, such as the pictures of `rin.explain.gradcam.to_uint8`.
    masks
        bool or 0/1 (n, h, w).
    tolerance
        As in `near_lesion`, in pixels.

    Returns
    -------
    numpy.ndarray
        float64 (n,), 0–1. One maximum gives 1 (hit) or 0 (miss). Where several pixels share
        the maximum, the share of them that hits: what a coin among them would score. A
        constant positive map therefore scores the share of the image that counts as hit,
        which is also what a random point scores. A map without a positive value points
        nowhere: a miss, 0. NaN for an empty mask, where there is nothing to hit.

    Raises
    ------
    InputError
        When the shapes differ, a value is not finite, the masks are not of zeros and ones,
        or the tolerance is negative.

    Notes
    -----
    Zhang et al, Int J Comput Vis 2018;126:1084. Checked against ``numpy.argmax`` and
    distances by brute force on maps with one maximum.
    """
    hits = hit_shares(maps, near_lesion(masks, tolerance))
    return np.where(has_lesion(masks), hits, np.nan)


def hit_shares(maps: np.ndarray, near: np.ndarray) -> np.ndarray:
    """Return the share of each map's maxima that lies in a region, float64 (n,).

    Parameters
    ----------
    maps
        As in `pointing_game`.
    near
        bool (n, h, w), as from `near_lesion`.

    Raises
    ------
    InputError
        When the shapes differ or a value is not finite.
    """
    maps = np.asarray(maps)
    check_pair(maps, near)
    if not np.isfinite(maps).all():
        raise InputError(
            "a map holds values that are not finite",
            where="maps",
            remedy="Leave out the run: its training has diverged.",
        )
    peak = maps.max(axis=(1, 2), keepdims=True)
    top = (maps == peak) & (peak > 0)
    n_top = np.count_nonzero(top, axis=(1, 2))
    n_hit = np.count_nonzero(top & near, axis=(1, 2))
    return np.divide(n_hit, n_top, out=np.zeros(len(maps)), where=n_top > 0)


def pixel_average_precision(maps: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Return the average precision of each map's gray levels as scores of lesion pixels.

    ``AP = Σ_t (R_t − R_{t−1}) P_t`` over the levels t of the map from the brightest down, with
    recall R and precision P of the pixels at least as bright.

    Parameters
    ----------
    maps
        uint8 (n, h, w), from `rin.explain.gradcam.to_uint8`; pixels of one level are ties.
    masks
        bool or 0/1 (n, h, w).

    Returns
    -------
    numpy.ndarray
        float64 (n,), 0–1. A map without contrast, zeros included, scores the lesion's share
        of the image, which a random map scores on average. NaN for an empty mask.

    Raises
    ------
    InputError
        As `rin.explain.dice.check_maps_and_masks`.

    Notes
    -----
    Checked against ``sklearn.metrics.average_precision_score`` of the pixels.
    """
    return precision_of(*gray_histograms(maps, masks))


def precision_of(inside: np.ndarray, anywhere: np.ndarray) -> np.ndarray:
    """Return `pixel_average_precision` from the counts of `gray_histograms`."""
    hits, called = above(inside) + inside, above(anywhere) + anywhere
    precision = np.divide(hits, called, out=np.zeros(hits.shape), where=called > 0)
    lesion = inside.sum(axis=1)
    weighted = (inside * precision).sum(axis=1)
    return np.divide(weighted, lesion, out=np.full(len(inside), np.nan), where=lesion > 0)
