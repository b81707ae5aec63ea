"""Randomised weights: does a map depend on what the network has learnt?

A network's weights are put back to random ones layer group by layer group, from the head
downwards, and the maps of each stage are compared with those of the trained network (Adebayo et
al, NeurIPS 2018).  A map that stays as it was shows the image, or the architecture, and explains
nothing that was learnt.  Here are the measures of similarity, on arrays; `rin.training.cascade`
makes the maps.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import rankdata
from skimage.metrics import structural_similarity

from rin.errors import InputError
from rin.explain.gradcam import to_uint8
from rin.explain.overlap import PAPER_THRESHOLD, dice

#: Columns of `similarity_table`, with what they are called in the book.
MEASURES = {
    "spearman": "Rank correlation",
    "spearman_absolute": "Absolute rank correlation",
    "ssim": "Structural similarity",
    "dice": "Dice score",
}
_WINDOW = 7  # pixels; the side of the windows of structural similarity


def rank_correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return Spearman's rank correlation of the cells of two maps, image by image.

    Parameters
    ----------
    a, b
        Maps, float (n, h, w), equal shapes.  Cells of equal value share their mean rank.

    Returns
    -------
    numpy.ndarray
        float64 (n,), -1 to 1.  NaN where either map is constant: it ranks nothing.

    Raises
    ------
    InputError
        When the shapes differ or a value is not finite.

    Notes
    -----
    Adebayo et al, NeurIPS 2018, section 4.  Checked against `scipy.stats.spearmanr`.
    """
    a, b = _checked(a, b)
    ranks = [rankdata(maps.reshape(len(maps), -1), axis=1) for maps in (a, b)]
    first, second = (one - one.mean(axis=1, keepdims=True) for one in ranks)
    scale = np.sqrt((first**2).sum(axis=1) * (second**2).sum(axis=1))
    nothing = np.full(len(a), np.nan)
    ranked = ~(_constant(a) | _constant(b))
    return np.divide((first * second).sum(axis=1), scale, out=nothing, where=ranked)


def structural_similarities(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the structural similarity (SSIM) of two 8-bit maps, image by image.

    Parameters
    ----------
    a, b
        Maps, uint8 (n, size, size), as from `rin.explain.gradcam.to_uint8`.

    Returns
    -------
    numpy.ndarray
        float64 (n,), -1 to 1.  NaN where either map is constant, such as one without a positive
        value: it has no structure, and two empty maps must not pass for a perfect agreement.

    Raises
    ------
    InputError
        When the shapes differ, a map is not 8-bit, or it is smaller than the window of 7 pixels.

    Notes
    -----
    Wang et al, IEEE Trans Image Process 2004;13:600, by `skimage.metrics.structural_similarity`
    with uniform windows of 7 pixels and a data range of 255.  Checked against its formula on a
    single window.
    """
    a, b = _checked(a, b)
    if a.dtype != np.uint8 or b.dtype != np.uint8 or min(a.shape[1:]) < _WINDOW:
        raise InputError(
            f"maps are {a.dtype} {a.shape[1:]} and {b.dtype} {b.shape[1:]}",
            where="a, b",
            remedy=f"Convert maps with to_uint8, to {_WINDOW} pixels or more.",
        )
    flat = _constant(a) | _constant(b)
    values = [
        np.nan if one else structural_similarity(x, y, win_size=_WINDOW, data_range=255)
        for one, x, y in zip(flat, a, b, strict=True)
    ]
    return np.array(values, dtype=np.float64)


def similarity_table(
    trained: np.ndarray, randomised: np.ndarray, size: int, threshold: int = PAPER_THRESHOLD
) -> pd.DataFrame:
    """Return how similar maps are to those of the trained network, one row an image.

    Parameters
    ----------
    trained, randomised
        Maps of one class before the ReLU, float (n, h, w), of the same images.
    size
        Side of the pictures in pixels, as for `to_uint8`.
    threshold
        Gray level above which a pixel belongs to the region (180 in the paper).

    Returns
    -------
    pandas.DataFrame
        `spearman` and `spearman_absolute` (of the maps and of their absolute values, at their own
        resolution), `ssim` (of the 8-bit pictures), `dice` (between the regions above the
        threshold).  NaN where a measure is not defined: see `rank_correlation`,
        `structural_similarities` and, where both regions are empty, `rin.explain.overlap.dice`.

    Raises
    ------
    InputError
        When the shapes differ, a value is not finite, or `size` is below that of the maps.

    Notes
    -----
    Checked against the functions that it calls; they name their oracles.
    """
    trained, randomised = _checked(trained, randomised)
    pictures = to_uint8(trained, size), to_uint8(randomised, size)
    return pd.DataFrame(
        {
            "spearman": rank_correlation(trained, randomised),
            "spearman_absolute": rank_correlation(np.abs(trained), np.abs(randomised)),
            "ssim": structural_similarities(*pictures),
            "dice": dice(*(one > threshold for one in pictures)),
        }
    )


def _checked(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    a, b = np.asarray(a), np.asarray(b)
    if a.ndim != 3 or a.shape != b.shape:
        raise InputError(
            f"shapes are {a.shape} and {b.shape}",
            where="maps",
            remedy="Give two arrays (n, h, w) of the same images.",
        )
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise InputError(
            "a map holds values that are not finite",
            where="maps",
            remedy="Leave out the run: its training has diverged.",
        )
    return a, b


def _constant(maps: np.ndarray) -> np.ndarray:
    return maps.max(axis=(1, 2)) == maps.min(axis=(1, 2))
