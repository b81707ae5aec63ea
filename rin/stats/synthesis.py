"""Meta-analysis of differences from several studies: one mean, its interval, what the next may be.

Estimates are (k,) in any unit, variances (k,) in its square.
"""

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from rin.errors import InputError
from rin.stats.hypothesis import reml, t_quantile, t_test


def random_effects(estimates: ArrayLike, variances: ArrayLike) -> dict[str, float]:
    """Pool estimates by random effects: REML, with Hartung and Knapp's standard error.

    Returns k, the columns of an estimate (t on k − 1 degrees of freedom), tau2 (variance between
    studies), prediction_low and prediction_high (where the true difference of a further study is
    expected).  InputError for estimates that cannot be pooled.
    """
    y, v = _checked(estimates, variances)
    k = len(y)
    (_, tau2), (mean,), _ = reml(y, np.ones((k, 1)), v, [np.eye(k)])
    weights = 1 / (v + tau2)
    error = math.sqrt(weights @ (y - mean) ** 2 / ((k - 1) * weights.sum()))
    apart = t_quantile(k - 1) * math.sqrt(error**2 + tau2)
    return _tested(mean, error, k - 1, k) | {
        "tau2": float(tau2),
        "prediction_low": float(mean - apart),
        "prediction_high": float(mean + apart),
    }


def three_level(
    estimates: ArrayLike,
    variances: ArrayLike,
    clusters: ArrayLike,
    *,
    contained: bool = False,
    weights: ArrayLike | None = None,
) -> dict[str, float]:
    """Pool estimates that share a cluster (k,): variance between clusters and within, by REML.

    `variances` are (k,), or a known covariance (k, k) of estimates that share patients.  Returns k
    and the columns of an estimate, with df k − 1 or, where `contained`, clusters − 1 (the careful
    ones for a statement beyond these clusters); `between` and `within` (variances), and q, q_df,
    q_p (Cochran's test that all are equal).  Where no cluster has two estimates, or there is one
    cluster, `between` is NaN.  The mean is that of generalised least squares, or the one with
    these `weights` (k,).  InputError as `random_effects`.  Konstantopoulos 2011, 10.1002/jrsm.35.
    """
    covariance = np.asarray(variances, dtype=float)
    if covariance.ndim != 2:
        covariance = np.diag(covariance)
    y, _ = _checked(estimates, np.diag(covariance))
    k = len(y)
    names, codes = np.unique(np.asarray(clusters), return_inverse=True)
    n_clusters = len(names)
    separable = 1 < n_clusters < k
    unit = math.sqrt(np.diag(covariance).mean())
    # What is uncorrelated and of variance 1 after the transformation is so to REML.
    root = np.linalg.inv(np.linalg.cholesky(covariance / unit**2))
    values, ones = root @ y / unit, root @ np.ones((k, 1))
    shared = [root @ np.eye(n_clusters)[codes]] if separable else []
    variances, (mean,), ((variance,),) = reml(values, ones, np.ones(k), [*shared, root])
    within = variances[-1] * unit**2
    between = variances[1] * unit**2 if separable else math.nan
    estimate, error = float(mean * unit), unit * math.sqrt(variance)
    if weights is not None:
        shares = np.asarray(weights, dtype=float)
        if shares.shape != y.shape or not (shares > 0).all():
            remedy = "Pass one weight above zero an estimate."
            raise InputError(f"weights of shape {shares.shape}", where="weights", remedy=remedy)
        shares = shares / shares.sum()
        same_cluster = codes[:, np.newaxis] == codes
        marginal = covariance + np.nan_to_num(between) * same_cluster + within * np.eye(k)
        estimate, error = float(shares @ y), math.sqrt(shares @ marginal @ shares)
    df = n_clusters - 1 if contained and n_clusters > 1 else k - 1
    fixed = (ones[:, 0] @ values) / (ones[:, 0] @ ones[:, 0])
    q = float(((values - fixed * ones[:, 0]) ** 2).sum())
    return _tested(estimate, error, df, k) | {
        "between": float(between),
        "within": float(within),
        "q": q,
        "q_df": k - 1,
        "q_p": float(stats.chi2.sf(q, k - 1)),
    }


def _checked(estimates: ArrayLike, variances: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    y, v = np.asarray(estimates, dtype=float), np.asarray(variances, dtype=float)
    if y.ndim != 1 or y.shape != v.shape or len(y) < 2:
        problem = f"shapes {y.shape} and {v.shape}"
        remedy = "Pass one variance an estimate, two or more of each."
        raise InputError(problem, where="estimates, variances", remedy=remedy)
    if not (np.isfinite(y).all() and np.isfinite(v).all() and (v > 0).all()):
        problem = "an estimate that is not finite, or a variance that is not above zero"
        remedy = "Leave out comparisons whose standard error is not known."
        raise InputError(problem, where="estimates, variances", remedy=remedy)
    return y, v


def _tested(mean: float, error: float, df: int, k: int) -> dict[str, float]:
    cells = {"k": k} | t_test(mean, error, df).cells()
    if not error:  # estimates that agree say nothing of their spread
        cells |= {"statistic": math.nan, "p_value": math.nan}
    return cells
