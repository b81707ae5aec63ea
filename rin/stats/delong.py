"""AUCs and their comparison: DeLong, DeLong and Clarke-Pearson (1988), and Obuchowski (1997).

Written here because no library offers the variance over patients or contrasts of many AUCs.
Higher scores favour the positive class (pROC's ``direction = "<"``), and tied scores of two
classes count one half.  As in pROC 1.18.0, a class with one case, or with all its cases in one
patient, gives the AUC with NaN for all inference; a difference without variance gives z 0 and P 1
where the AUCs are equal, z ±infinity and P 0 where they differ.  Unlike in pROC, infinite scores
rank as extremes, and NaN scores raise an InputError.
"""

import math
from collections.abc import Hashable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import optimize, sparse, special

from rin.errors import InputError
from rin.stats.hypothesis import ROUNDING, TTest, t_quantile, t_test
from rin.stats.inputs import (
    binary_labels,
    check_aligned,
    check_rows_aligned,
    cluster_codes,
    numbers,
    score_row,
    score_rows,
)
from rin.stats.placements import placement_counts


@dataclass(frozen=True)
class AucInterval:
    """One AUC, its variance and its interval, within [0, 1]."""

    auc: float
    variance: float
    ci_low: float
    ci_high: float


@dataclass(frozen=True)
class DeLongTest(TTest):
    """Two AUCs, and the test of their difference a − b."""

    auc_a: float
    auc_b: float
    variance: float


def auc_ci(
    labels: ArrayLike,
    scores: ArrayLike,
    clusters: ArrayLike | None = None,
    *,
    positive: Hashable | None = None,
    level: float = 0.95,
    interval: str = "normal",
) -> AucInterval:
    """Return the AUC with DeLong's variance, or Obuchowski's over patients, and its interval.

    Parameters
    ----------
    labels, scores : array_like
        the class and the score of each case, (n,)
    clusters : array_like, optional
        patient of each case (n,), the independent units
    positive : Hashable, optional
        label of the positive class; if it is None, labels are 0 and 1
    level : float, default 0.95
        of the interval
    interval : str, default 'normal'
        `normal`, clipped to 0 and 1, or `logit`, which is normal in log-odds and better
        near 1; at an AUC of 0 or 1, where the variance is zero, `logit` is Newcombe's interval
        (2006, Statistics in Medicine 25:559, method 5) with the numbers of patients of both
        classes

    Returns
    -------
    AucInterval
        auc, variance, ci_low, ci_high, as fractions; all but auc are NaN where a class has one
        case or patient.

    Raises
    ------
    InputError
        For labels of other than two classes, scores that are NaN, masked arrays, pandas objects
        with different indexes, cases of one patient alone, or an unknown `interval`.

    Examples
    --------
    >>> from rin.stats import auc_ci
    >>> result = auc_ci([0, 0, 0, 1, 1, 1], [2, 5, 1, 4, 8, 3], [1, 1, 2, 3, 4, 5])
    >>> f"{result.auc:.2f} ({result.ci_low:.2f}, {result.ci_high:.2f})"
    '0.78 (0.41, 1.00)'
    """
    check_aligned(labels=labels, scores=scores, clusters=clusters)
    is_positive = binary_labels(labels, positive)
    row = score_row(scores, is_positive.size)
    (auc,), ((variance,),) = delong_covariance(is_positive, row, clusters)
    half_width = t_quantile(level=level) * math.sqrt(variance)
    if interval == "normal":
        low, high = np.clip([auc - half_width, auc + half_width], 0, 1).tolist()
    elif interval != "logit":
        raise InputError(
            f"{interval!r} is no kind of interval",
            where="interval",
            remedy="Pass normal or logit.",
        )
    elif auc in (0, 1):
        low, high = _newcombe(float(auc), is_positive, clusters, level)
    else:
        middle = special.logit(auc)
        half_width = half_width / (auc * (1 - auc))
        low, high = special.expit([middle - half_width, middle + half_width]).tolist()
    return AucInterval(float(auc), float(variance), low, high)


def delong_test(
    labels: ArrayLike,
    scores_a: ArrayLike,
    scores_b: ArrayLike,
    clusters: ArrayLike | None = None,
    *,
    positive: Hashable | None = None,
    level: float = 0.95,
) -> DeLongTest:
    """Compare two predictors on the same cases: AUC(a) − AUC(b), DeLong's paired z test.

    Parameters
    ----------
    labels, scores_a, scores_b : array_like
        the class and each predictor's score of each case, (n,)
    clusters : array_like, optional
        patient of each case (n,), the independent units of Obuchowski's variance
    positive : Hashable, optional
        as `auc_ci`
    level : float, default 0.95
        as `auc_ci`

    Returns
    -------
    DeLongTest
        The columns of an estimate, as attributes, and auc_a, auc_b, variance.

    Raises
    ------
    InputError
        As `auc_ci`.

    Examples
    --------
    >>> from rin.stats import delong_test
    >>> result = delong_test([0, 0, 0, 1, 1, 1], [1, 2, 4, 6, 8, 7], [2, 5, 1, 4, 8, 3])
    >>> f"{result.estimate:.2f}, P = {result.p_value:.2f}"
    '0.22, P = 0.37'
    """
    check_aligned(labels=labels, scores_a=scores_a, scores_b=scores_b, clusters=clusters)
    is_positive = binary_labels(labels, positive)
    n = is_positive.size
    rows = np.stack([score_row(scores_a, n, "scores_a"), score_row(scores_b, n, "scores_b")])
    aucs, (difference,), ((variance,),) = auc_contrasts(is_positive, rows, [[1.0, -1.0]], clusters)
    test = t_test(difference, math.sqrt(variance), level=level)
    auc_a, auc_b = aucs.tolist()
    return DeLongTest(**asdict(test), auc_a=auc_a, auc_b=auc_b, variance=float(variance))


def delong_covariance(
    labels: ArrayLike,
    scores_matrix: ArrayLike,
    clusters: ArrayLike | None = None,
    *,
    positive: Hashable | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the AUCs (k,) of predictors (k, n) and their covariance (k, k).

    The covariance is DeLong's, in O(n log n) (Sun and Xu 2014, IEEE Signal Proc Letters 21:1389),
    or, with `clusters`, Obuchowski's over patients (1997, Biometrics 53:567).

    Parameters
    ----------
    labels, scores_matrix : array_like
        the class of each case, (n,), and one row of scores per predictor,
        (k, n)
    clusters : array_like, optional
        patient of each case (n,); None for independent cases
    positive : Hashable, optional
        as `auc_ci`

    Returns
    -------
    aucs, covariance : numpy.ndarray
        (k,) and (k, k).

    Raises
    ------
    InputError
        As `auc_ci`.

    Examples
    --------
    >>> from rin.stats import delong_covariance
    >>> scores = [[1, 2, 4, 6, 8, 7], [2, 5, 1, 4, 8, 3]]
    >>> aucs, covariance = delong_covariance([0, 0, 0, 1, 1, 1], scores, [1, 1, 2, 3, 4, 5])
    >>> aucs.round(3).tolist(), covariance.round(4).tolist()
    ([1.0, 0.778], [[0.0, 0.0], [0.0, 0.0343]])
    """
    check_rows_aligned(labels, scores_matrix, clusters)
    is_positive = binary_labels(labels, positive)
    counts = placement_counts(is_positive, score_rows(scores_matrix, is_positive.size))
    return aucs_of_counts(*counts), _covariance(counts, is_positive, clusters)


def auc_contrasts(
    labels: ArrayLike,
    scores_matrix: ArrayLike,
    weights: ArrayLike,
    clusters: ArrayLike | None = None,
    *,
    positive: Hashable | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the AUCs of predictors, weighted sums of these AUCs, and the covariance of the sums.

    Parameters
    ----------
    labels, scores_matrix : array_like
        the class of each case, (n,), and one row of scores per predictor,
        (k, n)
    weights : array_like
        one row of weights per sum, (q, k)
    clusters : array_like, optional
        patient of each case (n,); None for independent cases
    positive : Hashable, optional
        as `auc_ci`

    Returns
    -------
    aucs, estimates, covariance : numpy.ndarray
        (k,), (q,) and (q, q).

    Raises
    ------
    InputError
        As `auc_ci`; for weights that do not fit.

    Examples
    --------
    >>> from rin.stats import auc_contrasts
    >>> labels, scores = [0, 0, 0, 1, 1, 1], [[1, 2, 4, 6, 8, 7], [2, 5, 1, 4, 8, 3]]
    >>> aucs, estimates, covariance = auc_contrasts(labels, scores, [[1, -1]])
    >>> estimates.round(3).tolist(), covariance.round(4).tolist()
    ([0.222], [[0.0617]])
    """
    check_rows_aligned(labels, scores_matrix, clusters)
    is_positive = binary_labels(labels, positive)
    rows = score_rows(scores_matrix, is_positive.size, "scores_matrix")
    wins, losses = placement_counts(is_positive, rows)
    c = numbers(weights, "weights")
    if c.ndim != 2 or c.shape[1] != len(rows) or not np.isfinite(c).all():
        raise InputError(
            f"shape {c.shape}, {np.isfinite(c).sum()} finite, beside {len(rows)} predictors",
            where="weights",
            remedy="Pass one finite weight a predictor.",
        )
    aucs = aucs_of_counts(wins, losses)
    # Counts are contrasted first: a variance is then exactly zero where all counts agree.
    covariance = _covariance((c @ wins, c @ losses), is_positive, clusters)
    return aucs, *drop_rounding(c @ aucs, ROUNDING * np.abs(c).sum(axis=1), covariance)


def drop_rounding(
    estimates: np.ndarray, least: np.ndarray, covariance: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return estimates (q,) and their covariance, zero where they or their SDs are `least`."""
    zero = np.sqrt(np.abs(np.diag(covariance))) <= least
    covariance[zero, :] = covariance[:, zero] = 0.0
    return np.where(np.abs(estimates) <= least, 0.0, estimates), covariance


def share_interval(
    hits: ArrayLike, patients: ArrayLike, *, level: float = 0.95
) -> tuple[float, float]:
    """Return Wilson's interval of the share of hits among images that are grouped by patient.

    The number of images is divided by the design effect of the patients, after Korn and Graubard
    1998, Survey Methodology 24:193, who use Clopper and Pearson's interval; the lower limit of 1
    for the design effect is a choice made here.

    Parameters
    ----------
    hits, patients : array_like
        whether each image is a hit, and its patient, (n,)
    level : float, default 0.95
        of the interval

    Returns
    -------
    tuple of float
        Lower and upper end, as fractions.

    Raises
    ------
    InputError
        For hits other than 0 and 1, or an image without a patient.

    Examples
    --------
    >>> from rin.stats import share_interval
    >>> low, high = share_interval([1, 1, 0, 1, 1, 0], [1, 1, 2, 3, 4, 5])
    >>> f"{low:.2f} to {high:.2f}"
    '0.27 to 0.91'
    """
    check_aligned(hits=hits, patients=patients)
    right = numbers(hits, "hits")
    n = np.size(hits)
    if not n or right.ndim != 1 or not ((right == 0) | (right == 1)).all():
        raise InputError(
            f"shape {right.shape}, values {pd.unique(right.ravel())[:5].tolist()}",
            where="hits",
            remedy="Pass 0 or 1 an image, for one image or more.",
        )
    share = right.mean()
    patient, k = cluster_codes(patients, n, least=1)
    sums = np.bincount(patient, weights=right - share)
    # Variances of the number of hits, as if images were independent, and over patients.
    independent = n**2 * share * (1 - share) / max(1, n - 1)
    effect = n / k  # that of images that agree in every patient
    if independent and k > 1:
        effect = (sums**2).sum() * k / (k - 1) / independent
    size = n / max(1.0, effect)
    z = t_quantile(level=level)
    middle = (share + z**2 / (2 * size)) / (1 + z**2 / size)
    half = z / (1 + z**2 / size) * math.sqrt(share * (1 - share) / size + (z / (2 * size)) ** 2)
    return max(0.0, middle - half), min(1.0, middle + half)


def _newcombe(
    auc: float, positive: np.ndarray, clusters: ArrayLike | None, level: float
) -> tuple[float, float]:
    """Return `auc`, 0 or 1, and the AUC one z quantile away, with Hanley and McNeil's variance."""
    whose, _ = cluster_codes(clusters, positive.size)
    m, n = (np.unique(whose[of_class]).size for of_class in (positive, ~positive))
    if min(m, n) < 2:
        return math.nan, math.nan
    z = t_quantile(level=level)
    more = (m + n) / 2 - 1

    def beyond(true: float) -> float:
        scale = 1 + more * (1 - true) / (2 - true) + more * true / (1 + true)
        return (1 - true) ** 2 - z**2 * true * (1 - true) * scale / (m * n)

    below = float(optimize.brentq(beyond, 1e-9, 1 - 1e-12))
    return (below, 1.0) if auc == 1 else (0.0, 1 - below)


def aucs_of_counts(wins: np.ndarray, losses: np.ndarray) -> np.ndarray:
    """Return the AUCs (k,) of `placement_counts`."""
    return wins.sum(axis=1) / (wins.shape[1] * losses.shape[1])


def _covariance(
    counts: Sequence[np.ndarray], positive: np.ndarray, clusters: ArrayLike | None
) -> np.ndarray:
    """Return DeLong's covariance (k, k) of AUCs, or Obuchowski's over clusters.

    Let x and y be the contributions of a cluster's positive and negative cases to an AUC, minus
    their expectation, and f, g, h the corrections for the numbers of clusters with positives, with
    negatives and in all.  Obuchowski's f x x' + g y y' + h (x y' + y x') is rearranged, as f, g ≥
    h, so that rounding never makes a variance negative: h (x + y) (x + y)' + (f − h) x x' + …
    """
    wins, losses = counts
    k, m = wins.shape
    n = losses.shape[1]
    if clusters is None:
        if min(m, n) < 2:
            return np.full((k, k), np.nan)
        return _products(wins) / (m * (m - 1) * n**2) + _products(losses) / (n * (n - 1) * m**2)
    codes, n_clusters = cluster_codes(clusters, positive.size)
    return sum(part @ part.T for part in covariance_parts(counts, positive, codes, n_clusters))


def covariance_parts(
    counts: Sequence[np.ndarray], positive: np.ndarray, codes: np.ndarray, n_clusters: int
) -> list[np.ndarray]:
    """Return three parts (k, n_clusters) of AUCs, whose products add up to their covariance."""
    wins, losses = counts
    pairs = wins.shape[1] * losses.shape[1]
    x = _cluster_sums(wins, codes[positive], n_clusters) / pairs
    # A negative contributes the positives above it: the fewer it beats, the more it contributes.
    y = _cluster_sums(-losses, codes[~positive], n_clusters) / pairs
    sizes = [np.unique(of_class).size for of_class in (codes[positive], codes[~positive], codes)]
    f, g, h = (size / (size - 1) if size > 1 else math.nan for size in sizes)
    return [math.sqrt(h) * (x + y), math.sqrt(f - h) * x, math.sqrt(g - h) * y]


def _cluster_sums(counts: np.ndarray, clusters: np.ndarray, n_clusters: int) -> np.ndarray:
    """Return the sum over each cluster (k, n_clusters) of deviations from the mean."""
    member = sparse.eye_array(n_clusters, format="csr")[clusters]
    return (counts - counts.mean(axis=1, keepdims=True)) @ member


def _products(counts: np.ndarray) -> np.ndarray:
    """Return sums of products (k, k) of deviations from the means of rows."""
    deviations = counts - counts.mean(axis=1, keepdims=True)
    if len(deviations) == 1:  # the threads of a matrix product cost more than this sum
        return np.square(deviations, out=deviations).sum(axis=1, keepdims=True)
    return deviations @ deviations.T
