"""Meta-analysis of several studies' differences: mean, interval, prediction for a further study.

Estimates are (k,) in any unit, variances (k,) in its square.
"""

import math

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import special

from rin.errors import InputError
from rin.stats.effects import contrasts_to, indicators, reml
from rin.stats.hypothesis import t_quantile, t_test
from rin.stats.inputs import check_aligned, cluster_codes, numbers


def random_effects(
    estimates: ArrayLike, variances: ArrayLike, *, corrected: bool = True, level: float = 0.95
) -> dict[str, float]:
    """Pool estimates by random effects: REML, with Hartung and Knapp's standard error.

    Where estimates agree better than their variances allow, that error is smaller than Wald's;
    `corrected` takes the larger of both (the ad hoc correction of Knapp and Hartung 2003,
    10.1002/sim.1482; recommended by Röver et al. 2015, 10.1186/s12874-015-0091-1).

    Parameters
    ----------
    estimates, variances : array_like
        (k,), of studies
    corrected : bool, default True
        whether the standard error is at least Wald's
    level : float, default 0.95
        level of the intervals

    Returns
    -------
    dict
        k, the columns of an estimate (t on k − 1 degrees of freedom), tau2 (variance between
        studies), prediction_low and prediction_high (where the true difference of a further study
        is expected).

    Raises
    ------
    InputError
        For fewer than two estimates, values that are not finite, variances that are not above
        zero, masked arrays, or pandas objects with different indexes.

    Examples
    --------
    >>> from rin.stats import random_effects
    >>> narrow, usual = (random_effects([1.0, 1.1, 0.9], [1, 1, 1], corrected=yes)
    ...                  for yes in (False, True))
    >>> f"{narrow['standard_error']:.3f} and {usual['standard_error']:.3f}"
    '0.058 and 0.577'
    """
    y, known, each_alone = _read_clusters(estimates, variances)
    k = len(y)
    v = np.diag(known)
    _, tau2, (mean,), _ = _fit_levels(y, known, each_alone, np.ones((k, 1)))
    weights = 1 / (v + tau2)
    spread = weights @ (y - mean) ** 2 / (k - 1)  # 1 where they differ as expected
    error = math.sqrt((max(1.0, spread) if corrected else spread) / weights.sum())
    apart = t_quantile(k - 1, level) * math.sqrt(error**2 + tau2)
    return _estimate_cells(mean, error, k - 1, k, level) | {
        "tau2": tau2,
        "prediction_low": float(mean - apart),
        "prediction_high": float(mean + apart),
    }


def three_level(
    estimates: ArrayLike, variances: ArrayLike, clusters: ArrayLike
) -> dict[str, float]:
    """Pool estimates that are grouped in clusters (k,): variances between and within, by REML.

    `variances` are (k,), or a known covariance (k, k) of estimates that share patients.  Returns k
    and the columns of an estimate, with df clusters − 1 (the cautious choice for a statement
    beyond these clusters) or, of one cluster, k − 1; `between` and `within` (variances), and q,
    q_df, q_p (Cochran's test that all are equal).  Where no cluster has two estimates, or there is
    one cluster, `between` is NaN.  InputError as `random_effects`.  Konstantopoulos 2011,
    10.1002/jrsm.35.
    """
    y, known, members = _read_clusters(estimates, variances, clusters)
    k, n_clusters = members.shape
    between, within, (mean,), ((variance,),) = _fit_levels(y, known, members, np.ones((k, 1)))
    df = (n_clusters if n_clusters > 1 else k) - 1
    return {
        **_estimate_cells(mean, math.sqrt(variance), df, k),
        "between": between,
        "within": within,
        **common_mean_test(y, known),
    }


def common_mean_test(
    estimates: np.ndarray, covariance: np.ndarray, df_covariance: float = math.inf
) -> dict[str, float]:
    """Return q, q_df, q_p: Cochran's test that estimates share one mean.

    Estimates may depend on one another, so that the covariance is singular.  If it is not known,
    but estimated on some degrees of freedom, q is Hotelling's T², and q_p that of its F; NaN where
    these are too few.
    """
    contrasts = contrasts_to(np.ones((len(estimates), 1)))
    apart = contrasts @ estimates
    spread = contrasts @ covariance @ contrasts.T
    df = int(np.linalg.matrix_rank(spread, hermitian=True))
    q = float(apart @ np.linalg.pinv(spread, hermitian=True) @ apart)
    if df == 0:
        p = 1.0
    elif math.isinf(df_covariance):
        p = float(special.chdtrc(df, q))
    else:
        rest = df_covariance - df + 1
        p = float(special.fdtrc(df, rest, q * rest / (df_covariance * df)))
    return {"q": q, "q_df": df, "q_p": p}


def moderated_effects(
    estimates: ArrayLike,
    variances: ArrayLike,
    clusters: ArrayLike,
    moderators: pd.DataFrame,
) -> pd.DataFrame:
    """Return how moderators shift estimates that are grouped in clusters: three-level regression.

    Estimates are (k,), `variances` as in `three_level`, `moderators` (k, m) numbers, such as 0 and
    1, which vary and do not repeat one another.  One row per coefficient, `intercept` first: the
    columns of an estimate, with df clusters − m − 1.
    """
    y, known, members = _read_clusters(estimates, variances, clusters)
    k, n_clusters = members.shape
    fixed = np.column_stack([np.ones(k), moderators.to_numpy(float)])
    df = n_clusters - fixed.shape[1]
    *_, coefficients, covariance = _fit_levels(y, known, members, fixed)
    errors = np.sqrt(np.diag(covariance))
    rows = [t_test(*pair, df).to_row() for pair in zip(coefficients, errors, strict=True)]
    return pd.DataFrame(rows, index=["intercept", *moderators])


def hanley_mcneil_error(auc: float, positives: int, negatives: int) -> float:
    """Return the standard error of an AUC from its size and the numbers of cases alone.

    Exact for exponential scores of independent cases; a stand-in where only counts are published.
    Hanley and McNeil 1982, 10.1148/radiology.143.1.7063747.

    Examples
    --------
    >>> from rin.stats.synthesis import hanley_mcneil_error
    >>> f"{hanley_mcneil_error(0.893, 51, 58):.3f}"
    '0.033'
    """
    two_positives = auc / (2 - auc)
    two_negatives = 2 * auc**2 / (1 + auc)
    of_positives = (positives - 1) * (two_positives - auc**2)
    of_negatives = (negatives - 1) * (two_negatives - auc**2)
    total = auc * (1 - auc) + of_positives + of_negatives
    return math.sqrt(total / (positives * negatives))


def _read_clusters(
    estimates: ArrayLike, variances: ArrayLike, clusters: ArrayLike | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return estimates (k,), their known covariance (k, k) and the members of clusters (k, c).

    Without clusters each estimate is one, and estimates are independent.
    """
    check_aligned(estimates=estimates, variances=variances, clusters=clusters)
    y = numbers(estimates, "estimates")
    known = numbers(variances, "variances")
    v = known if clusters is None or known.ndim != 2 else np.diag(known)
    if y.ndim != 1 or y.shape != v.shape or len(y) < 2:
        raise InputError(
            f"shapes {y.shape} and {v.shape}",
            where="estimates, variances",
            remedy="Pass one variance an estimate, two or more of each.",
        )
    if not (np.isfinite(y).all() and np.isfinite(v).all() and (v > 0).all()):
        raise InputError(
            "an estimate that is not finite, or a variance that is not above zero",
            where="estimates, variances",
            remedy="Leave out comparisons whose standard error is not known.",
        )
    codes, _ = cluster_codes(clusters, len(y), least=1)
    return y, np.diag(v) if known is v else known, indicators(codes)


def _fit_levels(
    y: np.ndarray, known: np.ndarray, members: np.ndarray, fixed: np.ndarray
) -> tuple[float, float, np.ndarray, np.ndarray]:
    """Return the variances between clusters and within, the coefficients and their covariance.

    Estimates y (k,) of `known` covariance (k, k) have the means `fixed` (k, p) times coefficients,
    and are `members` (k, clusters).  Where the variances cannot be separated the first is NaN.
    """
    separable = 1 < members.shape[1] < len(y)
    effects = [members @ members.T, np.eye(len(y))] if separable else [np.eye(len(y))]
    (variances,), _ = reml(y[None], contrasts_to(fixed), known, effects)
    precision = np.linalg.inv(known + np.tensordot(variances, effects, axes=1))
    covariance = np.linalg.inv(fixed.T @ precision @ fixed)
    between = float(variances[0]) if separable else math.nan
    return between, float(variances[-1]), covariance @ fixed.T @ precision @ y, covariance


def _estimate_cells(
    mean: float, error: float, df: int, k: int, level: float = 0.95
) -> dict[str, float]:
    cells = {"k": k, **t_test(mean, error, df, level).to_row()}
    if not error:  # identical estimates show no spread
        cells |= {"statistic": math.nan, "p_value": math.nan}
    return cells
