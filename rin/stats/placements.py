"""Placement counts: where each case stands among the cases of the other class.

Everything that `rin.stats` says about areas under ROC curves (DeLong's and
Obuchowski's variances, contrasts, resampled areas) is an average of these
counts.  They cost one sort a predictor; the definition's m × n pairs are
never formed.
"""

from collections.abc import Sequence

import numpy as np


def placement_counts(
    positive: np.ndarray, rows: np.ndarray | Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Count, for each positive, the negatives below it; for each negative, the positives below.

    Ties count one half.  Counts are multiples of 1/2, so their sums and
    differences are exact.  DeLong counts the positives *above* a negative,
    which is the same but for a constant and the sign: squares and products of
    deviations, hence variances and covariances, are equal.

    Parameters
    ----------
    positive
        bool (n,), both classes present; as `rin.stats.inputs.binary_labels` returns it.
    rows
        float64 (k, n) without NaN, or k such rows, one a predictor; as
        `rin.stats.inputs.score_rows` returns it.  Infinite scores rank as the
        extremes that they are.

    Returns
    -------
    wins : numpy.ndarray
        float64 (k, m), m positives in the order of the cases, 0 to n − m.
    losses : numpy.ndarray
        float64 (k, n − m), negatives in the order of the cases, 0 to m.

    Notes
    -----
    Checked against counting all pairs, with and without ties; and by way of
    `rin.stats.delong` validated against pROC 1.18.0.
    """
    classes = np.concatenate([np.flatnonzero(positive), np.flatnonzero(~positive)])
    m, n_cases = np.count_nonzero(positive), positive.size
    counts, arranged = np.empty((len(rows), n_cases)), np.empty(n_cases)
    for row, count in zip(rows, counts, strict=True):
        np.take(row, classes, out=arranged, mode="clip")
        _count_below(arranged, m, count)
    return counts[:, :m], counts[:, m:]


def placement_areas(wins: np.ndarray, losses: np.ndarray) -> np.ndarray:
    """Return the areas (k,) of placement counts (k, m) and (k, n): won pairs over all pairs.

    Notes
    -----
    Checked against scikit-learn's ``roc_auc_score``.
    """
    return wins.sum(axis=1) / (wins.shape[1] * losses.shape[1])


def placement_covariance(wins: np.ndarray, losses: np.ndarray) -> np.ndarray:
    """Return DeLong's covariance (k, k) of the areas of placement counts (k, m) and (k, n).

    The covariance of the positives' placements over m plus that of the
    negatives' over n, each with its number of cases less one (DeLong et al.
    1988).  NaN where a class has a single case.  Differences of counts may be
    passed as well; their variance is exactly 0 where all are equal.

    Notes
    -----
    Checked against the definition over all pairs; validated against pROC
    1.18.0 ``var`` and ``cov``.
    """
    (k, m), n = wins.shape, losses.shape[1]
    if min(m, n) < 2:
        return np.full((k, k), np.nan)
    return _products(wins) / (m * (m - 1) * n**2) + _products(losses) / (n * (n - 1) * m**2)


def _count_below(scores: np.ndarray, m: int, out: np.ndarray) -> None:
    """Write for each case the cases of the other class below it; the first m are the positives.

    Works in few and short arrays: fresh memory would cost more than the sort.
    """
    order = np.argsort(scores)
    ranked = np.take(scores, order, out=out, mode="clip")
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))  # place where a tie ends
    positive = order < m
    # Twice the counts are whole: the cases before a tie, once, and those up to its end, once.
    positives = _before_and_upto(np.cumsum(positive, dtype=np.int32)[last])
    negatives = _before_and_upto(last + 1) - positives
    if last.size < scores.size:
        sizes = np.diff(last, prepend=-1)
        positives, negatives = np.repeat(positives, sizes), np.repeat(negatives, sizes)
    np.copyto(positives, negatives, where=positive)
    out[order] = positives
    out /= 2


def _before_and_upto(upto: np.ndarray) -> np.ndarray:
    """Return for each tie the count up to the one before plus the count up to itself."""
    both = upto.copy()
    both[1:] += upto[:-1]
    return both


def _products(counts: np.ndarray) -> np.ndarray:
    """Return the sums of products of deviations from row means, (k, k)."""
    deviations = counts - counts.mean(axis=1, keepdims=True)
    if len(deviations) == 1:  # the threads of a matrix product cost more than this sum
        return np.square(deviations, out=deviations).sum(axis=1, keepdims=True)
    return deviations @ deviations.T
