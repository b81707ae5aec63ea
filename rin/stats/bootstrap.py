"""Resampling whole patients: the check on every interval that rests on a formula.

Replicates are kept as weights, so that any measure that takes case weights can be bootstrapped in
one call.
"""

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from rin.errors import InputError
from rin.stats.hypothesis import tails
from rin.stats.inputs import binary_labels, check_aligned, cluster_codes

_CELLS = 300_000  # cells of one block of replicates × cases, so that blocks stay in the cache


def cluster_weights(
    codes: np.ndarray, replicates: int, seed: int, *, labels: ArrayLike | None = None
) -> np.ndarray:
    """Return how often each case is drawn in each bootstrap replicate over clusters (patients).

    `codes` (n,) are of `cluster_codes`.  With labels (n,), 0 or 1, a replicate without a case of
    one class is drawn again.  Returns int16 (replicates, n); InputError where all cases of a class
    belong to one patient.
    """
    if replicates < 2:
        raise InputError(
            f"{replicates} replicates", where="replicates", remedy="Pass 1000 or more for a CI."
        )
    n_clusters = codes.max() + 1
    classes = np.empty((n_clusters, 0))  # how many cases of each class a cluster has
    if labels is not None:
        classes = pd.crosstab(codes, binary_labels(labels)).to_numpy()
        for name, of_class in zip(("negative", "positive"), classes.T, strict=True):
            if np.count_nonzero(of_class) < 2:
                raise InputError(
                    f"all {name} cases belong to one cluster",
                    where="clusters",
                    remedy="Resampling patients needs each class in at least two of them.",
                )
    rng = np.random.default_rng(seed)
    weights = np.empty((replicates, codes.size), np.int16)
    draw = partial(rng.multinomial, n_clusters, np.full(n_clusters, 1 / n_clusters))
    size = max(1, _CELLS // n_clusters)
    for start in range(0, replicates, size):
        block = weights[start : start + size]
        draws = draw(size=len(block))
        while (lacking := (draws @ classes == 0).any(axis=1)).any():
            draws[lacking] = draw(size=lacking.sum())
        block[:] = draws[:, codes]
    return weights


def bootstrap_interval(
    rows: pd.DataFrame,
    statistic: Callable[[pd.DataFrame], float],
    patients: ArrayLike,
    *,
    replicates: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> dict[str, float]:
    """Return a statistic of a table's rows with its interval, by resampling patients.

    Parameters
    ----------
    rows : DataFrame
        one row per case (n); a replicate contains all rows of a patient as often as the patient
        is drawn
    statistic : Callable[[DataFrame], float]
        takes such rows and returns a number, or NaN where it is undefined for them
    patients : array_like
        patient of each row (n,)
    replicates, seed : int
        number of replicates, and seed of the random numbers
    level : float
        of the interval (percentiles)

    Returns
    -------
    dict of str to float
        estimate (of all rows), ci_low, ci_high, standard_error, and undefined: the share of
        replicates without a value, which are left out of the interval.

    Raises
    ------
    InputError
        For fewer than two replicates; for patients that are missing, one alone, or with another
        index than the rows; where the statistic is undefined for all rows, or for more than half
        of the replicates.

    Examples
    --------
    >>> import pandas as pd
    >>> from rin.stats import bootstrap_interval
    >>> rows = pd.DataFrame({"score": [1.0, 2.0, 4.0, 9.0]})
    >>> found = bootstrap_interval(rows, lambda some: some["score"].mean(), [1, 1, 2, 3])
    >>> round(found["estimate"], 2), round(found["ci_high"], 2)
    (4.0, 9.0)
    """
    check_aligned(rows=rows, patients=patients)
    codes, _ = cluster_codes(patients, len(rows))
    weights = cluster_weights(codes, replicates, seed)
    places = np.arange(len(rows))
    drawn = np.array([statistic(rows.iloc[np.repeat(places, w)]) for w in weights], dtype=float)
    estimate = float(statistic(rows))
    undefined = float(np.isnan(drawn).mean())
    if math.isnan(estimate) or undefined > 0.5:
        raise InputError(
            f"no value of these rows, or of {undefined:.0%} of the draws of their patients",
            where="statistic",
            remedy="Pass more patients, or a statistic that more draws have.",
        )
    low, high = np.nanquantile(drawn, tails(level))
    return {
        "estimate": estimate,
        "ci_low": float(low),
        "ci_high": float(high),
        "standard_error": float(np.nanstd(drawn, ddof=1)),
        "undefined": undefined,
    }
