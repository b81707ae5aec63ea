"""Contrasts of areas: any weighted sum of AUCs on the same cases, with its uncertainty.

Twenty-four differences between two inits on one test set are not twenty-four
results: they share their cases.  Their mean is one contrast of 48 areas, and
its variance follows from the covariance of all of them.  Test sets of
different folds share no patient, so their contrasts are averaged as
independent ones.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from rin.errors import InputError
from rin.stats.cluster_sums import cluster_sums, sums_variances
from rin.stats.clusters import cluster_codes
from rin.stats.inputs import binary_labels, score_rows
from rin.stats.intervals import normal_quantile
from rin.stats.paired import statistic
from rin.stats.placements import placement_areas, placement_counts, placement_covariance


@dataclass(frozen=True)
class AreaContrast:
    """A weighted sum of areas; z test against zero and normal interval, not clipped.

    `n_clusters` is the number of patients, or of cases where they count as
    independent.
    """

    estimate: float
    variance: float
    z: float
    p_value: float
    ci_low: float
    ci_high: float
    n: int
    n_clusters: int


def area_contrast(
    labels: ArrayLike,
    scores_matrix: ArrayLike,
    weights: ArrayLike,
    *,
    clusters: ArrayLike | None = None,
    level: float = 0.95,
) -> AreaContrast:
    """Test a weighted sum of areas against zero.

    The estimate is cᵀθ for weights c and areas θ, its variance cᵀSc with
    DeLong's covariance S, or Obuchowski's where clusters are given.

    Parameters
    ----------
    labels
        Shape (n,), 0 or 1, 1 the positive class.
    scores_matrix
        Shape (k, n): one row a predictor, one column a case.
    weights
        Shape (k,), finite; (1, −1) is the difference of two areas.
    clusters
        Shape (n,): the patient of each case; None takes cases as independent.
    level
        Confidence level.

    Returns
    -------
    AreaContrast
        The networks are taken as given: the interval says how far the
        contrast may move with other patients.  A variance that is zero but
        for rounding counts as zero; then z is 0 and P 1 for a zero estimate,
        z ±infinity and P 0 for any other.  With one case of a class all
        inference is NaN.

    Raises
    ------
    InputError
        As `rin.stats.auc_ci` and, with clusters, `rin.stats.clustered_covariance`;
        weights of another number or not finite.

    Notes
    -----
    Validated against `rin.stats.delong_test` and `rin.stats.clustered_test`,
    which two predictors with weights (1, −1) reproduce, and against cᵀSc by hand.

    References
    ----------
    DeLong, DeLong and Clarke-Pearson 1988, Biometrics 44:837, equation 7;
    Obuchowski 1997, Biometrics 53:567.
    """
    positive = binary_labels(labels)
    rows = score_rows(scores_matrix, positive.size, "scores_matrix")
    c = _finite_weights(weights, len(rows))
    counts = placement_counts(positive, rows)
    size = np.abs(c).sum()
    estimate = _without_rounding(float(c @ placement_areas(*counts)), size)
    # The contrast of the counts first: its variance is exactly zero where all counts agree.
    wins, losses = (c[np.newaxis] @ part for part in counts)
    if clusters is None:
        n_clusters = positive.size
        variance = placement_covariance(wins, losses)[0, 0]
    else:
        codes, n_clusters = cluster_codes(clusters, positive.size)
        sums = cluster_sums(wins, losses, codes[positive], codes[~positive], n_clusters)
        variance = sums_variances(sums)[0]
    variance = float(variance) if _without_rounding(math.sqrt(variance), size) else 0.0
    return _contrast(estimate, variance, positive.size, n_clusters, level)


def mean_contrast(contrasts: Sequence[AreaContrast], *, level: float = 0.95) -> AreaContrast:
    """Average contrasts of test sets that share no patient, such as those of K folds.

    Given the trained networks they are independent, so the variance of the
    mean is the sum of their variances over K².

    Parameters
    ----------
    contrasts
        At least one.
    level
        Confidence level.

    Returns
    -------
    AreaContrast
        NaN inference where one contrast has none.

    Raises
    ------
    InputError
        No contrast.

    Notes
    -----
    Checked against the formula by hand and against simulation.
    """
    if not contrasts:
        raise InputError("no contrast", where="contrasts", remedy="Pass one for each fold.")
    k = len(contrasts)
    return _contrast(
        sum(one.estimate for one in contrasts) / k,
        sum(one.variance for one in contrasts) / k**2,
        sum(one.n for one in contrasts),
        sum(one.n_clusters for one in contrasts),
        level,
    )


def _contrast(
    estimate: float, variance: float, n: int, n_clusters: int, level: float
) -> AreaContrast:
    error = math.sqrt(variance)
    half_width = normal_quantile(level) * error
    z = statistic(estimate, error)
    p_value = 2 * special.ndtr(-abs(z))
    low, high = estimate - half_width, estimate + half_width
    return AreaContrast(*map(float, (estimate, variance, z, p_value, low, high)), n, n_clusters)


def _without_rounding(value: float, size: float) -> float:
    """Return zero for what ten machine epsilons of the summed weights explain."""
    return 0.0 if abs(value) <= 10 * np.finfo(float).eps * size else value


def _finite_weights(weights: ArrayLike, n_predictors: int) -> np.ndarray:
    c = np.asarray(weights, dtype=float)
    if c.shape != (n_predictors,) or not np.isfinite(c).all():
        raise InputError(
            f"shape {c.shape}, {np.isfinite(c).sum()} finite, beside {n_predictors} predictors",
            where="weights",
            remedy="Pass one finite weight a predictor.",
        )
    return c
