"""Coordinates of a ROC curve, with a band over patients.

Curves are linear between thresholds, as in pROC; where a curve jumps, its height is the upper end.
Intervals resample patients.  For the mean curve of many networks see `scenarios.mean_roc`.
"""

from collections.abc import Hashable, Iterator

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from rin.errors import InputError
from rin.stats.clinical import WeightedCases, weight_blocks
from rin.stats.hypothesis import tails
from rin.stats.inputs import binary_labels, check_aligned, cluster_codes, numbers, score_row

_GRID = np.linspace(0, 1, 101)
DIGITS = 12  # of a rate, so that 57 of 100 negatives are at 0.57


def roc_coordinates(
    labels: ArrayLike,
    scores: ArrayLike,
    clusters: ArrayLike | None = None,
    *,
    positive: Hashable | None = None,
    fpr: ArrayLike = _GRID,
    replicates: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> pd.DataFrame:
    """Return the sensitivity of one predictor at false-positive rates, with its band.

    Parameters
    ----------
    labels, scores : array_like
        the class and the score of each case, (n,)
    clusters : array_like, optional
        patient of each case (n,); None for independent cases
    positive : Hashable, optional
        label of the positive class; if it is None, labels are 0 and 1
    fpr : array_like, default _GRID
        false-positive rates, 1 − specificity, by default 0, 0.01 to 1
    replicates, seed : int
        of the bootstrap over patients
    level : float, default 0.95
        of the band, which is pointwise

    Returns
    -------
    pandas.DataFrame
        One row per rate: fpr, tpr, ci_low, ci_high (percentiles).

    Raises
    ------
    InputError
        As `auc_ci`; for a rate outside 0 to 1, or a class with one patient.

    Examples
    --------
    >>> from rin.stats import roc_coordinates
    >>> table = roc_coordinates([0, 0, 0, 1, 1, 1], [1, 2, 4, 6, 8, 3], fpr=[0, 0.2, 0.5])
    >>> table["tpr"].round(2).tolist()
    [0.67, 0.67, 1.0]
    """
    check_aligned(labels=labels, scores=scores, clusters=clusters)
    rates = np.atleast_1d(numbers(fpr, "fpr"))
    if rates.ndim > 1 or not ((rates >= 0) & (rates <= 1)).all():
        raise InputError(
            f"{rates.tolist()} are no rates",
            where="fpr",
            remedy="Pass rates from 0 to 1, such as [0.1] for a specificity of 90%.",
        )
    is_positive = binary_labels(labels, positive)
    row = score_row(scores, is_positive.size)
    patients, _ = cluster_codes(clusters, row.size)
    tpr, *of_draws = [
        np.interp(rates.round(DIGITS), *curve)
        for weights in weight_blocks(patients, is_positive, replicates, seed)
        for curve in roc_curves(WeightedCases(is_positive, row, weights))
    ]
    low, high = np.quantile(of_draws, tails(level), axis=0)
    return pd.DataFrame({"fpr": rates, "tpr": tpr, "ci_low": low, "ci_high": high})


def roc_curves(cases: WeightedCases) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield false and true positive rates from (0, 0) to (1, 1), for each row of weights."""
    called_and_true = cases.sums_of_first(cases.cuts)
    for called, true in zip(*(sums.T for sums in called_and_true), strict=True):
        false = called - true
        yield (false / false[-1]).round(DIGITS), true / true[-1]
