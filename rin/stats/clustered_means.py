"""Means of differences when a patient has several images, and the signed-rank test.

Beside the paper's paired t test of Dice scores over images (Materials and
Methods, Statistical Analysis), which takes every image as independent and
their differences as normal: one test that drops the first assumption and one
that drops the second.
"""

import math
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from rin.errors import InputError
from rin.stats.clusters import cluster_codes
from rin.stats.paired import TTest, t_test

_EXACT_BELOW = 50  # pairs; R's default


@dataclass(frozen=True)
class ClusteredT(TTest):
    """A t test of a mean difference over cases, with patients as the independent units."""

    n_clusters: int
    n: int


def clustered_t(differences: ArrayLike, clusters: ArrayLike, *, level: float = 0.95) -> ClusteredT:
    """Test a mean difference over cases with a cluster-robust standard error.

    The mean is over the n cases, so a patient with more images weighs more.
    With G patients, and r_g the sum of patient g's differences less n_g times
    the mean::

        SE² = G / (G − 1) · Σ r_g² / n²,    t = mean / SE on G − 1 degrees of freedom

    Parameters
    ----------
    differences
        Shape (n,), finite: a − b for each case.
    clusters
        Shape (n,): the patient of each case, none missing; at least two patients.
    level
        Confidence level of the interval of the mean.

    Returns
    -------
    ClusteredT
        With one case a patient it is the paired t test.  A standard error
        below ten machine epsilons of the mean counts as zero, as in
        `rin.stats.paired_t`: t is then 0 (p 1) or ±infinity (p 0).

    Raises
    ------
    InputError
        No values, a value that is not finite, another number of identifiers, a
        missing one, or one patient only.

    Notes
    -----
    Liang and Zeger (1986).  Validated against statsmodels' OLS on a constant
    with ``cov_type="cluster", use_t=True``.
    """
    values = _finite(differences, "differences")
    codes, n_clusters = cluster_codes(clusters, values.size)
    mean = values.mean()
    residuals = np.bincount(codes, values - mean, minlength=n_clusters)
    error = math.sqrt(n_clusters / (n_clusters - 1) * (residuals**2).sum()) / values.size
    if error <= 10 * np.finfo(float).eps * abs(mean):
        error = 0.0
    test = t_test(mean, error, n_clusters - 1, level)
    return ClusteredT(**asdict(test), n_clusters=n_clusters, n=values.size)


def wilcoxon(a: ArrayLike, b: ArrayLike) -> tuple[float, float]:
    """Return V and the two-sided p of Wilcoxon's signed-rank test of paired values.

    Parameters
    ----------
    a, b
        Shape (n,) each, finite; `a[i]` and `b[i]` belong to one unit.

    Returns
    -------
    v : float
        Sum of the ranks of |a − b| where a > b; zero differences are left out,
        ties share their mean rank.
    p_value : float
        Exact for fewer than 50 pairs without ties and zeros; otherwise normal
        with a correction for ties and for continuity.  NaN where all
        differences are zero.

    Raises
    ------
    InputError
        No values, unequal lengths, or a value that is not finite.

    Notes
    -----
    SciPy's ``wilcoxon`` with ``zero_method="wilcox", correction=True`` and the
    method chosen by R's rule.  Validated against R 4.2.2
    ``wilcox.test(paired = TRUE)``.
    """
    first, second = _finite(a, "a"), _finite(b, "b")
    if first.shape != second.shape:
        raise InputError(
            f"{first.size} values beside {second.size}",
            where="a, b",
            remedy="Pass two measurements of the same units, in the same order.",
        )
    differences = first - second
    differences_left = differences[differences != 0]
    if differences_left.size == 0:
        return 0.0, math.nan
    ranks = stats.rankdata(np.abs(differences_left))
    plain = differences_left.size == differences.size and np.unique(ranks).size == ranks.size
    method = "exact" if plain and ranks.size < _EXACT_BELOW else "asymptotic"
    test = stats.wilcoxon(differences_left, correction=True, method=method)
    return float(ranks[differences_left > 0].sum()), float(test.pvalue)


def _finite(values: ArrayLike, where: str) -> np.ndarray:
    array = np.asarray(values, dtype=float)
    if array.ndim != 1 or array.size == 0 or not np.isfinite(array).all():
        raise InputError(
            f"shape {array.shape}, {np.isfinite(array).sum()} finite",
            where=where,
            remedy="Pass finite values along one axis, one a case.",
        )
    return array
