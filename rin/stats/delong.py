"""AUC and its comparison by DeLong, DeLong and Clarke-Pearson (1988).

The paper's stated method for every AUC interval and P value, in O(n log n)
(Sun and Xu 2014).  Cases are taken as independent here, which several images
of one patient are not: see `rin.stats.clustered`.  Curves never flip: a higher
score always speaks for the positive class (pROC's ``direction = "<"``).

What degenerate input gives, and whether pROC 1.18.0 does the same:

- tied scores of two classes count one half (same);
- a constant predictor has area 1/2 and variance 0 (same);
- one case of a class: the area, with NaN for all inference (same, as NA);
- no variance of a difference: z 0 and P 1 where the areas are equal, z
  ±infinity and P 0 where they differ (same); unpaired, no P at all (same);
- infinite scores rank as the extremes that they are (pROC builds no curve and
  warns); NaN scores are an error (pROC drops the cases).
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from rin.stats.inputs import binary_labels, score_row, score_rows
from rin.stats.intervals import area_interval, normal_quantile
from rin.stats.paired import statistic, t_test
from rin.stats.placements import placement_areas, placement_counts, placement_covariance


@dataclass(frozen=True)
class AucInterval:
    """One AUC, its DeLong variance and its interval, within [0, 1]."""

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


def auc_ci(
    labels: ArrayLike, scores: ArrayLike, *, level: float = 0.95, scale: str = "identity"
) -> AucInterval:
    """Return the AUC with DeLong's variance and normal interval.

    Parameters
    ----------
    labels
        Shape (n,), 0 or 1, 1 the positive class.
    scores
        Shape (n,), any unit; only their order matters.
    level
        Confidence level.
    scale
        "identity" for the Wald interval, which is pROC's, or "logit" for the
        interval that is symmetric in log odds; see `rin.stats.area_interval`.

    Returns
    -------
    AucInterval
        The Wald interval is clipped to [0, 1].  A perfect curve (area 0 or 1)
        has variance 0 and a point as its interval, which says little; its logit
        interval is NaN.  With one case of a class variance and interval are
        NaN (pROC: NA).

    Raises
    ------
    InputError
        Labels not 0/1, one class only, unequal lengths, NaN scores, more than
        one row of scores, or an unknown scale.

    Notes
    -----
    Validated against pROC 1.18.0 ``ci.auc(method = "delong")``; the logit
    interval against R's ``plogis`` and ``qlogis`` with pROC's ``var``.

    References
    ----------
    DeLong, DeLong and Clarke-Pearson 1988, Biometrics 44:837; Pepe 2003, The
    Statistical Evaluation of Medical Tests (logit).
    """
    positive = binary_labels(labels)
    wins, losses = placement_counts(positive, [score_row(scores, positive.size, "scores")])
    (area,), ((variance,),) = placement_areas(wins, losses), placement_covariance(wins, losses)
    low, high = area_interval(area, variance, level=level, scale=scale)
    return AucInterval(*map(float, (area, variance, low, high)))


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
        Labels not 0/1, one class only, unequal lengths, NaN scores, or more
        than one row of scores for a predictor.

    Notes
    -----
    The variance is that of the differences of placements, so it is exactly
    zero where every placement differs alike.  Validated against pROC 1.18.0
    ``roc.test(method = "delong", paired = TRUE)``.
    """
    positive = binary_labels(labels)
    quantile = normal_quantile(level)
    rows = [
        score_row(scores, positive.size, where)
        for scores, where in ((scores_a, "scores_a"), (scores_b, "scores_b"))
    ]
    wins, losses = placement_counts(positive, rows)
    auc_a, auc_b = placement_areas(wins, losses)
    apart = wins[:1], losses[:1]
    for first, second in zip(apart, (wins[1:], losses[1:]), strict=True):
        first -= second
    (difference,), ((variance,),) = placement_areas(*apart), placement_covariance(*apart)
    error = math.sqrt(variance)
    z = statistic(difference, error)
    p_value = 2 * special.ndtr(-abs(z))
    low, high = difference - quantile * error, difference + quantile * error
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
    a, b = auc_ci(labels_a, scores_a, level=level), auc_ci(labels_b, scores_b, level=level)
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

    Notes
    -----
    Needs memory for two more arrays of the scores' size at most.  Validated
    against pROC 1.18.0 ``auc``, ``var`` and ``cov``, and for more predictors
    than two checked against the definition over all pairs.
    """
    positive = binary_labels(labels)
    counts = placement_counts(positive, score_rows(scores_matrix, positive.size))
    return placement_areas(*counts), placement_covariance(*counts)
