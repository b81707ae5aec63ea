"""AUC and its comparison when a patient has several images: Obuchowski (1997).

DeLong's variance takes every case as independent.  Here the patient is: its
cases' placements are summed first, and the spread of these sums over patients
is what the variance rests on.  AUCs are the same as in `rin.stats.delong`;
only what is said about their uncertainty differs.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from rin.stats.cluster_sums import cluster_sums, sums_covariance, sums_variances
from rin.stats.clusters import cluster_codes
from rin.stats.delong import AucInterval, DeLongTest
from rin.stats.inputs import binary_labels, score_row, score_rows
from rin.stats.intervals import area_interval, normal_quantile
from rin.stats.paired import statistic
from rin.stats.placements import placement_areas, placement_counts, placement_covariance


@dataclass(frozen=True)
class ClusteredAuc(AucInterval):
    """One AUC with Obuchowski's variance; `design_effect` is that over DeLong's."""

    n_clusters: int
    design_effect: float


@dataclass(frozen=True)
class ClusteredTest(DeLongTest):
    """Two AUCs on the same cases, patients independent; interval and variance are of a − b."""

    n_clusters: int
    design_effect: float


def clustered_covariance(
    labels: ArrayLike, scores_matrix: ArrayLike, clusters: ArrayLike
) -> tuple[np.ndarray, np.ndarray]:
    """Return the AUCs of any number of predictors and their covariance over patients.

    With X_i and Y_i the sums of patient i's placements less their expectation
    (for a positive case the share of negatives below it, for a negative the
    share of positives above it), M positives, N negatives, and I₁₀, I₀₁ and I
    patients with positives, with negatives and in all::

        S10 = I₁₀ / ((I₁₀ − 1) M) · Σ X_i X_i'     S11 = I / (I − 1) · Σ X_i Y_i'
        S01 = I₀₁ / ((I₀₁ − 1) N) · Σ Y_i Y_i'
        covariance = S10 / M + S01 / N + (S11 + S11') / (M N)

    Parameters
    ----------
    labels
        Shape (n,), 0 or 1, 1 the positive class.
    scores_matrix
        Shape (k, n): one row a predictor, one column a case.
    clusters
        Shape (n,): the patient of each case, none missing; names do not matter.

    Returns
    -------
    aucs : numpy.ndarray
        float64 (k,), as `rin.stats.delong_covariance` gives them.
    covariance : numpy.ndarray
        float64 (k, k), positive semidefinite; NaN where all cases of a class belong
        to one patient.  With one case a patient it is DeLong's exactly: the
        factors I/(I − 1) then are the n/(n − 1) of DeLong's sample covariances,
        and S11 is zero.

    Raises
    ------
    InputError
        As `rin.stats.auc_ci`; or a missing identifier, another number of
        identifiers than labels, or a single patient.

    Notes
    -----
    Obuchowski (1997), Biometrics 53:567-578.  Pairs of a positive and a
    negative case of one patient count like any other pair.  Validated against
    the formulas by double loops in Python and R, and DeLong for one case a
    patient; checked against the cluster jackknife and the cluster bootstrap.
    """
    positive = binary_labels(labels)
    rows = score_rows(scores_matrix, positive.size)
    codes, n_clusters = cluster_codes(clusters, positive.size)
    wins, losses = placement_counts(positive, rows)
    sums = cluster_sums(wins, losses, codes[positive], codes[~positive], n_clusters)
    return placement_areas(wins, losses), sums_covariance(sums)


def clustered_auc_ci(
    labels: ArrayLike,
    scores: ArrayLike,
    clusters: ArrayLike,
    *,
    level: float = 0.95,
    scale: str = "identity",
) -> ClusteredAuc:
    """Return the AUC with Obuchowski's variance and normal interval.

    Parameters
    ----------
    labels, scores, clusters
        Shape (n,) each; see `clustered_covariance`.
    level
        Confidence level.
    scale
        "identity" or "logit"; see `rin.stats.intervals.area_interval`.

    Returns
    -------
    ClusteredAuc
        `design_effect` is this variance over DeLong's: by how much the images
        of a patient repeat each other; NaN where DeLong's is zero or NaN.

    Raises
    ------
    InputError
        As `clustered_covariance`; or an unknown scale.

    Notes
    -----
    With fewer than some 30 patients a class the normal interval is too short,
    whatever the variance.  Validated as `clustered_covariance`; coverage is
    simulated by `rin.stats.coverage`.
    """
    positive = binary_labels(labels)
    rows = [score_row(scores, positive.size)]
    codes, n_clusters = cluster_codes(clusters, positive.size)
    counts = placement_counts(positive, rows)
    area = float(placement_areas(*counts)[0])
    variance, effect = _variance_and_effect(counts, codes, positive, n_clusters)
    low, high = area_interval(area, variance, level=level, scale=scale)
    return ClusteredAuc(area, variance, low, high, n_clusters, effect)


def clustered_test(
    labels: ArrayLike,
    scores_a: ArrayLike,
    scores_b: ArrayLike,
    clusters: ArrayLike,
    *,
    level: float = 0.95,
) -> ClusteredTest:
    """Compare two predictors on the same cases, patients as the independent units.

    Parameters
    ----------
    labels, scores_a, scores_b, clusters
        Shape (n,) each; row i of all four belongs to one case.
    level
        Confidence level of the interval of AUC(a) − AUC(b), not clipped.

    Returns
    -------
    ClusteredTest
        Degenerate cases as in `rin.stats.delong_test`.  Variance zero with
        equal AUCs: z 0, p 1, interval [0, 0]; with different AUCs: z
        ±infinity, p 0.  All cases of a class in one patient: variance, z, p and
        interval NaN.  `design_effect` is NaN where DeLong's variance is zero
        or NaN.

    Raises
    ------
    InputError
        As `clustered_covariance`.

    Notes
    -----
    The variance is that of the differences of placements, which equals the
    contrast of `clustered_covariance` and is exactly zero where all agree.
    Validated against the formulas by double loops, and ``delong_test`` for one
    case a patient.
    """
    positive = binary_labels(labels)
    named = [(scores_a, "scores_a"), (scores_b, "scores_b")]
    rows = [score_row(scores, positive.size, where) for scores, where in named]
    codes, n_clusters = cluster_codes(clusters, positive.size)
    wins, losses = placement_counts(positive, rows)
    auc_a, auc_b = placement_areas(wins, losses)
    counts = wins[:1] - wins[1:], losses[:1] - losses[1:]
    difference = float(placement_areas(*counts)[0])
    variance, effect = _variance_and_effect(counts, codes, positive, n_clusters)
    half_width = normal_quantile(level) * math.sqrt(variance)
    z = statistic(difference, math.sqrt(variance))
    p_value = float(2 * stats.norm.sf(abs(z)))
    low, high = difference - half_width, difference + half_width
    areas = float(auc_a), float(auc_b)
    return ClusteredTest(*areas, difference, variance, z, p_value, low, high, n_clusters, effect)


def _variance_and_effect(
    counts: tuple[np.ndarray, np.ndarray], codes: np.ndarray, positive: np.ndarray, n_clusters: int
) -> tuple[float, float]:
    """Return the clustered variance of one row of counts, and it over DeLong's."""
    sums = cluster_sums(*counts, codes[positive], codes[~positive], n_clusters)
    variance, naive = float(sums_variances(sums)[0]), float(placement_covariance(*counts)[0, 0])
    return variance, variance / naive if naive else math.nan
