"""What a network makes of images: nearest neighbours in its features, and their purity.

Features are pooled outputs of a backbone, one row an image.  Neighbours are always images of
other patients, so that a network earns nothing by knowing a patient again.  Arrays in, arrays
out: nothing is read, trained or plotted here.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from rin.errors import InputError

_RESAMPLES = 2000


def nearest_neighbours(
    features: np.ndarray, patients: pd.Series, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of the k most similar images of other patients, and their similarity.

    From features (n, channels) and the patient of each row: int (n, k), the nearest first, equally
    near ones in their order, and float32 (n, k), the cosine of the angle between two feature
    vectors, 0 where one is all zeros.  InputError for features that are not finite or all equal,
    and for an image that has fewer than k images of other patients.
    """
    checked = _checked(features, patients)
    codes = pd.factorize(np.asarray(patients))[0]
    others = len(codes) - np.bincount(codes)
    if k < 1 or others.min() < k:
        raise InputError(
            f"k is {k}, and an image has {others.min()} images of other patients",
            where="neighbours",
            remedy="Ask for fewer neighbours, or use a profile with more test images.",
        )
    from sklearn.metrics import pairwise_distances_chunked

    def nearest(block: np.ndarray, start: int) -> tuple[np.ndarray, np.ndarray]:
        block[codes[start : start + len(block), None] == codes] = np.inf
        rows = np.argsort(block, axis=1, kind="stable")[:, :k]
        return rows, 1 - np.take_along_axis(block, rows, axis=1)

    blocks = pairwise_distances_chunked(checked, reduce_func=nearest, metric="cosine")
    rows, similarity = zip(*blocks, strict=True)
    return np.concatenate(rows), np.concatenate(similarity)


def neighbour_purity(
    truth: pd.Series, patients: pd.Series, neighbours: np.ndarray, *, seed: int
) -> dict[str, float]:
    """Return how many of the neighbours have the class of their image, beside chance.

    From class and patient of each image, and rows (n, k) of `nearest_neighbours`: `share`, the mean
    over the images (0–1), with its 95% interval (`low`, `high`), for which patients are drawn with
    their images and the neighbours as found; `chance`, what neighbours drawn at random from the
    images of other patients would give; `ceiling`, what a perfect network would reach, below 1
    where a class has fewer images than k.  One class alone has purity 1 and chance 1.
    """
    codes, owners = pd.factorize(np.asarray(truth))[0], pd.factorize(np.asarray(patients))[0]
    same = (codes[neighbours] == codes[:, None]).mean(axis=1)
    of_class, of_patient = np.bincount(codes)[codes], np.bincount(owners)[owners]
    own = pd.Series(codes).groupby([codes, owners]).transform("size").to_numpy()
    fellows = of_class - own  # images of the class and of other patients
    chance = (fellows / (len(codes) - of_patient)).mean()
    k = neighbours.shape[1]
    ceiling = (np.minimum(fellows, k) / k).mean()
    sums, sizes = np.bincount(owners, same), np.bincount(owners)
    draw = np.random.default_rng(seed)
    times = draw.multinomial(len(sums), np.full(len(sums), 1 / len(sums)), size=_RESAMPLES)
    low, high = np.percentile((times @ sums) / (times @ sizes), [2.5, 97.5])
    found = {"share": same.mean(), "low": low, "high": high, "chance": chance, "ceiling": ceiling}
    return {name: float(value) for name, value in found.items()}


def class_spread(features: np.ndarray, truth: pd.Series) -> dict[str, float]:
    """Return how compact and how separate the classes are in features (n, channels).

    `within` is the mean distance of an image to the mean of its class, `between` the mean distance
    of two classes' means, both cosine distances of 0 to 2; `silhouette` −1 to 1 (Rousseeuw 1987),
    NaN where no class has two images.
    InputError for features that are not finite or all equal, or images of one class.
    """
    from scipy.spatial.distance import cdist, pdist
    from sklearn.metrics import silhouette_score

    checked = _checked(features, truth)
    classes = np.asarray(truth)
    names, codes = np.unique(classes, return_inverse=True)
    if len(names) < 2:
        raise InputError(
            f"all images are of class {names[0]}", where="features", remedy="Give more classes."
        )
    means = np.stack([checked[codes == code].mean(axis=0) for code in range(len(names))])
    own = cdist(checked, means, "cosine")[np.arange(len(codes)), codes]
    found = {"within": own.mean(), "between": pdist(means, "cosine").mean(), "silhouette": np.nan}
    if len(names) < len(codes):
        found["silhouette"] = silhouette_score(checked, classes, metric="cosine")
    return {name: float(value) for name, value in found.items()}


def _checked(features: np.ndarray, patients: pd.Series) -> np.ndarray:
    """Return features as float32, or raise InputError saying what is wrong with them."""
    table = np.asarray(features, dtype=np.float32)
    problem = None
    if table.ndim != 2 or len(table) < 2:
        problem = f"their shape is {table.shape}, and 2 rows or more are needed"
    elif len(patients) != len(table):
        problem = f"there are {len(table)} rows for {len(patients)} images"
    elif not np.isfinite(table).all():
        problem = f"{int((~np.isfinite(table)).any(axis=1).sum())} rows hold values not finite"
    elif (table == table[0]).all():
        problem = "they are the same for all images"
    if problem:
        raise InputError(
            f"nothing can be told from these features: {problem}",
            where="features",
            remedy="Look at the learning curve: a network that did not train has such features.",
        )
    return table
