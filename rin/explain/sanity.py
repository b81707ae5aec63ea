"""Randomised weights: does a map depend on what the network has learnt?

A network's weights are put back to random ones layer group by layer group, from the head
downwards, and the maps of each step are compared with those of the trained network (Adebayo et
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
    """
    a, b = _checked(a, b)
    ranks = [rankdata(maps.reshape(len(maps), -1), axis=1) for maps in (a, b)]
    first, second = (rank - rank.mean(axis=1, keepdims=True) for rank in ranks)
    scale = np.sqrt((first**2).sum(axis=1) * (second**2).sum(axis=1))
    ranked = ~(_constant(a) | _constant(b))
    return np.divide((first * second).sum(axis=1), scale, out=np.full(len(a), np.nan), where=ranked)


def similarity_table(trained: np.ndarray, randomised: np.ndarray, size: int) -> pd.DataFrame:
    """Return how similar maps are to those of the trained network, one row an image.

    Parameters
    ----------
    trained, randomised
        Maps of one class before the ReLU, float (n, h, w), of the same images.
    size
        Side of the pictures in pixels, as for `to_uint8`; 7 or more.

    Returns
    -------
    pandas.DataFrame
        `spearman` and `spearman_absolute` (of the maps and of their absolute values, at their own
        resolution), `ssim` (Wang et al 2004, of the 8-bit pictures, with uniform windows of 7
        pixels), `dice` (between the regions above the paper's threshold).  NaN where a measure
        is not defined: a constant map ranks nothing and has no structure, and two empty regions
        must not pass for a perfect agreement.

    Raises
    ------
    InputError
        When the shapes differ, a value is not finite, or `size` is below that of the maps or
        below the window.
    """
    trained, randomised = _checked(trained, randomised)
    if size < _WINDOW:
        raise InputError(
            f"pictures of {size} pixels are smaller than a window of structural similarity",
            where="size",
            remedy=f"Give {_WINDOW} pixels or more.",
        )
    first, second = to_uint8(trained, size), to_uint8(randomised, size)
    flat = _constant(first) | _constant(second)
    ssim = [
        np.nan if blank else structural_similarity(a, b, win_size=_WINDOW, data_range=255)
        for blank, a, b in zip(flat, first, second, strict=True)
    ]
    return pd.DataFrame(
        {
            "spearman": rank_correlation(trained, randomised),
            "spearman_absolute": rank_correlation(np.abs(trained), np.abs(randomised)),
            "ssim": np.array(ssim, dtype=np.float64),
            "dice": dice(first > PAPER_THRESHOLD, second > PAPER_THRESHOLD),
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
