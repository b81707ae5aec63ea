"""Obuchowski's variance from each patient's sum of placements (Biometrics 1997;53:567-578).

The middle of `rin.stats.clustered`: placement counts in, variances out.  With
every case its own cluster it is DeLong's variance.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse


@dataclass(frozen=True)
class ClusterSums:
    """What each cluster adds to the areas of k predictors, less what it is expected to add.

    `wins` and `losses` are float64 (k, n_clusters): over a cluster's positive
    and negative cases, the sum of pairs won (by the positive case) less their
    mean, divided by the number of all pairs; each row sums to 0.  `with_positive` and
    `with_negative` count the clusters that have such cases.
    """

    wins: np.ndarray
    losses: np.ndarray
    with_positive: int
    with_negative: int


def cluster_sums(
    wins: np.ndarray,
    losses: np.ndarray,
    of_positive: np.ndarray,
    of_negative: np.ndarray,
    n_clusters: int,
) -> ClusterSums:
    """Sum placement counts, less their mean, over the cases of each cluster.

    Parameters
    ----------
    wins, losses
        float64 (k, m) and (k, n): `rin.stats.placements.placement_counts` of m
        positive and n negative cases (a negative's are the positives below
        it), or differences of such counts.
    of_positive, of_negative
        Integers (m,) and (n,): the cluster of each case, from 0.
    n_clusters
        How many clusters there are.

    Notes
    -----
    Checked against loops over patients, by way of `rin.stats.clustered`.
    """
    pairs = wins.shape[1] * losses.shape[1]
    # A negative adds to the area by the positives above it: the fewer it beats, the more it adds.
    parts = [
        (counts - counts.mean(axis=1, keepdims=True)) @ _membership(codes, n_clusters) / pairs
        for counts, codes in ((wins, of_positive), (-losses, of_negative))
    ]
    return ClusterSums(*parts, np.unique(of_positive).size, np.unique(of_negative).size)


def sums_covariance(sums: ClusterSums) -> np.ndarray:
    """Return Obuchowski's covariance (k, k); NaN where a class lies in one cluster.

    Notes
    -----
    Validated as `rin.stats.clustered_covariance`.
    """
    k = len(sums.wins)
    return np.sum([f * part @ part.T for f, part in _parts(sums)], axis=0).reshape(k, k)


def sums_variances(sums: ClusterSums) -> np.ndarray:
    """Return the diagonal (k,) of `sums_covariance` without forming the rest.

    Notes
    -----
    Checked against `sums_covariance`.
    """
    return np.sum([f * (part**2).sum(axis=1) for f, part in _parts(sums)], axis=0)


def _parts(sums: ClusterSums) -> list[tuple[float, np.ndarray]]:
    """Return factors and sums whose weighted squares add up to the variance.

    With x, y a cluster's two sums, f x x' + g y y' + h (x y' + y x') is
    h (x + y)(x + y)' + (f − h) x x' + (g − h) y y'.  As f, g ≥ h, rounding then
    never makes a variance negative.
    """
    counts = sums.with_positive, sums.with_negative, sums.wins.shape[1]
    f, g, h = (count / (count - 1) if count > 1 else np.nan for count in counts)
    return [(h, sums.wins + sums.losses), (f - h, sums.wins), (g - h, sums.losses)]


def _membership(codes: np.ndarray, n_clusters: int) -> sparse.csr_array:
    """Return a sparse float64 (cases, clusters) of ones: which case belongs to which cluster."""
    ones = np.ones(codes.size)
    return sparse.csr_array((ones, (np.arange(codes.size), codes)), (codes.size, n_clusters))
