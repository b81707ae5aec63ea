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
from rin.explain.gradcam import check_maps, to_uint8
from rin.explain.overlap import PAPER_THRESHOLD, check_pair, dice

#: Columns of `similarity_table`, with what they are called in the book.
MEASURES = {
    "spearman": "Rank correlation",
    "spearman_absolute": "Absolute rank correlation",
    "ssim": "Structural similarity",
    "dice": "Dice score",
}
_WINDOW = 7  # pixels; the side of the windows of structural similarity


def rank_correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return Spearman's rank correlation of the cells of two maps (n, h, w), image by image, (n,).

    Cells of equal value share their mean rank.  NaN where either map is constant: it ranks nothing.
    """
    a, b = check_maps(a), check_maps(b)
    check_pair(a, b)
    ranks = [rankdata(maps.reshape(len(maps), -1), axis=1) for maps in (a, b)]
    first, second = (rank - rank.mean(axis=1, keepdims=True) for rank in ranks)
    scale = np.sqrt((first**2).sum(axis=1) * (second**2).sum(axis=1))
    ranked = ~(_constant(a) | _constant(b))
    return np.divide((first * second).sum(axis=1), scale, out=np.full(len(a), np.nan), where=ranked)


def similarity_table(trained: np.ndarray, randomised: np.ndarray, size: int) -> pd.DataFrame:
    """Return how similar maps are to those of the trained network, one row an image.

    From maps of one class before the ReLU (n, h, w), of the same images; `size` is the side of the
    pictures, as for `to_uint8`, 7 or more.  Columns: `spearman` and `spearman_absolute` (of the
    maps and of their absolute values, at their own resolution), `ssim` (Wang et al 2004, of the
    8-bit pictures, with uniform windows of 7 pixels), `dice` (between the regions above the paper's
    threshold).  NaN where a measure is not defined: a constant map ranks nothing and has no
    structure, and two empty regions must not pass for a perfect agreement.
    """
    trained, randomised = np.asarray(trained), np.asarray(randomised)
    check_pair(trained, randomised)
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


def _constant(maps: np.ndarray) -> np.ndarray:
    return maps.max(axis=(1, 2)) == maps.min(axis=(1, 2))
