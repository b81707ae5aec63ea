"""Tests of summary values: t, Holm, equivalence (of AUCs: see `delong`)."""

import math
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import special

from rin.errors import InputError
from rin.stats.inputs import check_aligned, cluster_codes, numbers

#: Largest difference of AUCs that counts as comparable, a choice made here.
EQUIVALENCE_MARGIN = 0.02
#: Share of a mean or a weighted sum that rounding alone explains.
ROUNDING = 10 * np.finfo(float).eps


@dataclass(frozen=True)
class TTest:
    """A t test of a difference a − b, two-sided, with its interval."""

    estimate: float
    ci_low: float
    ci_high: float
    statistic: float
    df: float
    p_value: float
    standard_error: float

    def to_row(self) -> dict[str, float]:
        """Return the values of the columns of an estimate (`ESTIMATE`)."""
        return {name: getattr(self, name) for name in ESTIMATE}


#: Columns of an estimate, in every table.
ESTIMATE = [field.name for field in fields(TTest)]


def t_quantile(df: float = math.inf, level: float = 0.95) -> float:
    """Return the quantile of t for a two-sided interval; the normal quantile for infinite df."""
    _, upper = tails(level)
    return float(special.stdtrit(df, upper))


def tails(level: float) -> tuple[float, float]:
    """Return the shares below both ends of an interval; InputError for a level outside 0 to 1."""
    if not 0 < level < 1:
        raise InputError(f"{level!r} is no level", where="level", remedy="Pass one such as 0.95.")
    return (1 - level) / 2, (1 + level) / 2


def t_test(
    difference: float, standard_error: float, df: float = math.inf, level: float = 0.95
) -> TTest:
    """Return the two-sided t test of a difference with its standard error, by default a z test."""
    half_width = t_quantile(df, level) * standard_error
    if standard_error == 0:  # as pROC: no difference gives P 1, any other P 0
        t = math.copysign(math.inf, difference) if difference else 0.0
    else:
        t = difference / standard_error
    return TTest(
        estimate=float(difference),
        ci_low=float(difference - half_width),
        ci_high=float(difference + half_width),
        statistic=float(t),
        df=float(df),
        p_value=float(2 * special.stdtr(df, -abs(t))),
        standard_error=float(standard_error),
    )


def paired_t(a: ArrayLike, b: ArrayLike, *, level: float = 0.95) -> TTest:
    """Compare two measurements of the same units by the paired t test of mean(a − b).

    Parameters
    ----------
    a, b : array_like
        the measurements, (n,), in the same order; n is 2 or more
    level : float, default 0.95
        of the interval

    Returns
    -------
    TTest
        The columns of an estimate, as attributes.

    Raises
    ------
    InputError
        For other shapes, values that are not finite, masked arrays, or pandas objects with
        different indexes.

    Examples
    --------
    >>> from rin.stats import paired_t
    >>> result = paired_t([0.91, 0.88, 0.86, 0.93], [0.90, 0.84, 0.85, 0.88])
    >>> f"{result.estimate:.3f} ({result.ci_low:.3f}, {result.ci_high:.3f}), df {result.df:.0f}"
    '0.028 (-0.005, 0.060), df 3'
    """
    check_aligned(a=a, b=b)
    first = numbers(a, "a")
    second = numbers(b, "b")
    paired = first.shape == second.shape and first.ndim == 1 and first.size > 1
    if not paired or not np.isfinite([first, second]).all():
        raise InputError(
            f"{first.size} values beside {second.size}, or values that are not finite",
            where="a, b",
            remedy="Pass at least 2 finite measurements of the same units, in the same order.",
        )
    return clustered_t(first - second, np.arange(first.size), level)


def unpaired_t_from_summary(
    mean_a: float,
    sd_a: float,
    n_a: int,
    mean_b: float,
    sd_b: float,
    n_b: int,
    *,
    level: float = 0.95,
) -> TTest:
    """Return the pooled-variance t test from means, SDs (n − 1) and sizes, all in one unit."""
    df = n_a + n_b - 2
    pooled = ((n_a - 1) * sd_a**2 + (n_b - 1) * sd_b**2) / df
    return t_test(mean_a - mean_b, math.sqrt(pooled * (1 / n_a + 1 / n_b)), df, level)


def holm(p_values: ArrayLike) -> np.ndarray:
    """Adjust P values of one family (Holm 1979, Scandinavian Journal of Statistics 6:65).

    Parameters
    ----------
    p_values : array_like
        the unadjusted P values, (n,); NaN where no test was possible

    Returns
    -------
    numpy.ndarray
        Adjusted values; NaN stays NaN and is not counted in the family.

    Raises
    ------
    InputError
        For a value outside [0, 1], or a masked array.

    Examples
    --------
    >>> from rin.stats import holm
    >>> holm([0.01, 0.04, float("nan"), 0.03]).round(3).tolist()
    [0.03, 0.06, nan, 0.06]
    """
    values = numbers(p_values, "p_values")
    if values.ndim != 1 or ((values < 0) | (values > 1)).any():
        raise InputError(
            f"shape {values.shape}, or values outside [0, 1]",
            where="p_values",
            remedy="Pass the unadjusted P values of one family, in one row.",
        )
    # Not by statsmodels, which collects garbage at each call: 0.2 s with a notebook's objects.
    tested = np.flatnonzero(~np.isnan(values))
    rising = tested[np.argsort(values[tested])]
    factors = np.arange(rising.size, 0, -1)
    adjusted = np.full(values.shape, np.nan)
    adjusted[rising] = np.maximum.accumulate(factors * values[rising]).clip(max=1)
    return adjusted


def insert_holm(
    table: pd.DataFrame, p_value: str = "p_value", p_holm: str = "p_holm", *, within: str = ""
) -> None:
    """Insert Holm's P values after a column of P values; each level of `within` is a family."""
    family = table[within] if within else [0] * len(table)
    adjusted = table.groupby(family, observed=True)[p_value].transform(holm)
    table.insert(table.columns.get_loc(p_value) + 1, p_holm, adjusted)


def clustered_t(differences: np.ndarray, clusters: ArrayLike, level: float = 0.95) -> TTest:
    """Test the mean of differences (n,) with a cluster-robust error (Liang and Zeger 1986)."""
    codes, n_clusters = cluster_codes(clusters, differences.size)
    mean = differences.mean()
    residuals = np.bincount(codes, differences - mean, minlength=n_clusters)
    error = math.sqrt(n_clusters / (n_clusters - 1) * (residuals**2).sum()) / differences.size
    if error <= ROUNDING * abs(mean):
        error = 0.0  # rounding alone explains the spread, as in R's ``t.test``
    return t_test(mean, error, n_clusters - 1, level)


def equivalence_p(estimate: float, standard_error: float, df: float, margin: float) -> float:
    """Return the larger P value of two one-sided tests that a difference lies within ±margin.

    Schuirmann 1987, Journal of Pharmacokinetics and Biopharmaceutics 15:657.
    """
    outside = abs(estimate) - margin  # of the nearer margin
    return float(special.stdtr(df, t_test(outside, standard_error, df).statistic))
