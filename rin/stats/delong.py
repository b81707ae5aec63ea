"""AUC and its comparison by DeLong, DeLong and Clarke-Pearson (1988).

The paper's stated method for every AUC interval and P value.  Midranks make
it O(n log n) (Sun and Xu 2014).  Cases are taken as independent here, which
several images of one patient are not.  Curves never flip: a higher score
always speaks for the positive class (pROC's ``direction = "<"``).
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from rin.stats.inputs import binary_labels, check_level, score_rows
from rin.stats.paired import statistic, t_test


@dataclass(frozen=True)
class AucInterval:
    """One AUC, its DeLong variance and its interval, clipped to [0, 1]."""

    auc: float
    variance: float
    ci_low: float
    ci_high: float


@dataclass(frozen=True)
class DeLongTest:
    """Two AUCs on the same cases; interval and variance are those of a − b."""

    auc_a: float
    auc_b: float
    difference: float
    variance: float
    z: float
    p_value: float
    ci_low: float
    ci_high: float


@dataclass(frozen=True)
class UnpairedDeLongTest:
    """Two AUCs on different cases; `d` follows t with Satterthwaite's df."""

    auc_a: float
    auc_b: float
    difference: float
    variance: float
    d: float
    df: float
    p_value: float
    ci_low: float
    ci_high: float


def auc_ci(labels: ArrayLike, scores: ArrayLike, *, level: float = 0.95) -> AucInterval:
    """Return the AUC with DeLong's variance and normal interval.

    Parameters
    ----------
    labels
        Shape (n,), 0 or 1, 1 the positive class.
    scores
        Shape (n,), any unit; only their order matters.
    level
        Confidence level.

    Returns
    -------
    AucInterval
        The interval is clipped to [0, 1].  A perfect curve has variance 0 and
        the interval [1, 1], which says little; with one case of a class
        variance and interval are NaN (pROC: NA).

    Raises
    ------
    InputError
        Labels not 0/1, one class only, unequal lengths, or NaN scores.

    Notes
    -----
    Validated against pROC 1.18.0 ``ci.auc(method = "delong")``.
    """
    aucs, covariance = delong_covariance(labels, scores)
    half_width = _normal_quantile(level) * math.sqrt(covariance[0, 0])
    low, high = np.clip([aucs[0] - half_width, aucs[0] + half_width], 0, 1)
    return AucInterval(*map(float, (aucs[0], covariance[0, 0], low, high)))


def delong_test(
    labels: ArrayLike, scores_a: ArrayLike, scores_b: ArrayLike, *, level: float = 0.95
) -> DeLongTest:
    """Compare two predictors on the same cases by the paired DeLong test.

    Parameters
    ----------
    labels
        Shape (n,), 0 or 1, 1 the positive class.
    scores_a, scores_b
        Shape (n,) each; row i of all three belongs to one case.
    level
        Confidence level of the interval of AUC(a) − AUC(b), not clipped.

    Returns
    -------
    DeLongTest
        Degenerate cases follow pROC.  Variance zero with equal AUCs: z 0,
        p 1, interval [0, 0]; with different AUCs: z ±infinity, p 0.  One case
        of a class: variance, z, p and interval are NaN.

    Raises
    ------
    InputError
        Labels not 0/1, one class only, unequal lengths, or NaN scores.

    Notes
    -----
    The variance is that of the differences of placements, so it is exactly
    zero where every placement differs alike.  Validated against pROC 1.18.0
    ``roc.test(method = "delong", paired = TRUE)``.
    """
    positive = binary_labels(labels)
    rows = np.vstack(
        [
            score_rows(scores_a, positive.size, "scores_a"),
            score_rows(scores_b, positive.size, "scores_b"),
        ]
    )
    wins, losses = _placement_counts(positive, rows)
    auc_a, auc_b = _moments(wins, losses)[0]
    (difference,), ((variance,),) = _moments(wins[:1] - wins[1:], losses[:1] - losses[1:])
    half_width = _normal_quantile(level) * math.sqrt(variance)
    z = statistic(difference, math.sqrt(variance))
    p_value = 2 * stats.norm.sf(abs(z))
    low, high = difference - half_width, difference + half_width
    return DeLongTest(*map(float, (auc_a, auc_b, difference, variance, z, p_value, low, high)))


def delong_test_unpaired(
    labels_a: ArrayLike,
    scores_a: ArrayLike,
    labels_b: ArrayLike,
    scores_b: ArrayLike,
    *,
    level: float = 0.95,
) -> UnpairedDeLongTest:
    """Compare two predictors on different, independent cases.

    Parameters
    ----------
    labels_a, scores_a
        Shape (n_a,) each, as in `auc_ci`.
    labels_b, scores_b
        Shape (n_b,) each.
    level
        Confidence level of the t interval of AUC(a) − AUC(b), not clipped.

    Returns
    -------
    UnpairedDeLongTest
        Where both variances are zero there are no degrees of freedom: `d` is
        ±infinity (or NaN for equal AUCs), and df, p and interval are NaN, as
        in pROC.

    Raises
    ------
    InputError
        As `auc_ci`.

    Notes
    -----
    Validated against pROC 1.18.0 ``roc.test(method = "delong", paired =
    FALSE)``, which gives no interval; ours is the t interval of its D and df.
    """
    a, b = auc_ci(labels_a, scores_a), auc_ci(labels_b, scores_b)
    n_a, n_b = np.size(labels_a), np.size(labels_b)
    difference, variance = a.auc - b.auc, a.variance + b.variance
    if variance == 0:
        d = math.copysign(math.inf, difference) if difference else math.nan
        df = p_value = low = high = math.nan
    else:
        df = variance**2 / (a.variance**2 / (n_a - 1) + b.variance**2 / (n_b - 1))
        test = t_test(difference, math.sqrt(variance), df, level)
        d, p_value, low, high = test.t, test.p_value, test.ci_low, test.ci_high
    return UnpairedDeLongTest(a.auc, b.auc, difference, variance, d, df, p_value, low, high)


def delong_covariance(labels: ArrayLike, scores_matrix: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return the AUCs of any number of predictors and their covariance.

    Parameters
    ----------
    labels
        Shape (n,), 0 or 1, 1 the positive class.
    scores_matrix
        Shape (k, n): one row a predictor, one column a case.

    Returns
    -------
    aucs : numpy.ndarray
        float64 (k,).
    covariance : numpy.ndarray
        float64 (k, k); NaN where a class has a single case.

    Raises
    ------
    InputError
        As `auc_ci`.
    """
    positive = binary_labels(labels)
    return _moments(*_placement_counts(positive, score_rows(scores_matrix, positive.size)))


def _placement_counts(positive: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Count, for each positive, the negatives below it; for each negative, the positives below.

    Ties count one half.  Counts are multiples of 1/2, so their sums and
    differences are exact.  DeLong counts the positives above a negative,
    which has the same covariance.
    """
    ranks = stats.rankdata(rows, axis=1)
    wins = ranks[:, positive] - stats.rankdata(rows[:, positive], axis=1)
    losses = ranks[:, ~positive] - stats.rankdata(rows[:, ~positive], axis=1)
    return wins, losses


def _moments(wins: np.ndarray, losses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return AUCs (k,) and covariance (k, k) of placement counts (k, m) and (k, n)."""
    k, m = wins.shape
    n = losses.shape[1]
    aucs = wins.sum(axis=1) / (m * n)
    if min(m, n) < 2:
        return aucs, np.full((k, k), np.nan)
    covariance = np.cov(wins) / (m * n**2) + np.cov(losses) / (n * m**2)
    return aucs, covariance.reshape(k, k)


def _normal_quantile(level: float) -> float:
    return float(stats.norm.ppf((1 + check_level(level)) / 2))
