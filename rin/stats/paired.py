"""Small-sample tests: paired and pooled t, Shapiro-Wilk, Holm.

The paper compares Dice scores by a paired t test after a Shapiro test
(Materials and Methods, Statistical Analysis), and its intervals of differences
have, within rounding, the widths of pooled t intervals over scenarios
(`rin.stats.audit_tasks`).  AUCs of cases are compared in `rin.stats.delong`.
"""

import math
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from rin.errors import InputError
from rin.stats.inputs import check_level


@dataclass(frozen=True)
class TTest:
    """A t test of a difference a − b, two-sided, with its interval."""

    mean_difference: float
    t: float
    df: float
    p_value: float
    ci_low: float
    ci_high: float


@dataclass(frozen=True)
class PairedT(TTest):
    """A paired t test with Shapiro-Wilk and Cohen's d of the differences."""

    n: int
    cohen_dz: float
    shapiro_w: float
    shapiro_p: float


def t_test(difference: float, standard_error: float, df: float, level: float = 0.95) -> TTest:
    """Return the two-sided t test of a difference with its standard error and df."""
    half_width = stats.t.ppf((1 + check_level(level)) / 2, df) * standard_error
    t = statistic(difference, standard_error)
    p_value = 2 * stats.t.sf(abs(t), df)
    return TTest(
        *map(float, (difference, t, df, p_value, difference - half_width, difference + half_width))
    )


def statistic(difference: float, standard_error: float) -> float:
    """Return difference / standard error.

    A standard error of zero follows pROC's rule for Z: no difference gives 0
    (so p is 1), any difference ±infinity (so p is 0).
    """
    if standard_error == 0:
        return math.copysign(math.inf, difference) if difference else 0.0
    return difference / standard_error


def paired_t(a: ArrayLike, b: ArrayLike, *, level: float = 0.95) -> PairedT:
    """Compare two measurements of the same units by the paired t test.

    Parameters
    ----------
    a, b
        Shape (n,), n ≥ 2, finite; `a[i]` and `b[i]` belong to one unit.
    level
        Confidence level of the interval of mean(a − b).

    Returns
    -------
    PairedT
        `cohen_dz` is the mean difference over the SD of the differences.
        Shapiro-Wilk is NaN for fewer than three or for constant differences.

    Raises
    ------
    InputError
        Unequal or too small numbers of values, or a value that is not finite.

    Notes
    -----
    Differences that agree to ten machine epsilons count as constant, as in
    R's ``t.test``, which refuses them; here `statistic` says what follows.
    Validated against R's ``t.test(paired = TRUE)`` and ``shapiro.test``.
    """
    first, second = _finite(a, "a"), _finite(b, "b")
    if first.shape != second.shape:
        raise InputError(
            f"{first.size} values beside {second.size}",
            where="a, b",
            remedy="Pass two measurements of the same units, in the same order.",
        )
    differences = first - second
    n, sd = differences.size, spread(differences)
    test = t_test(differences.mean(), sd / math.sqrt(n), n - 1, level)
    w, p = (math.nan, math.nan) if sd == 0 or n < 3 else shapiro_wilk(differences)
    dz = test.t / math.sqrt(n)
    return PairedT(**asdict(test), n=n, cohen_dz=dz, shapiro_w=w, shapiro_p=p)


def spread(values: ArrayLike) -> float:
    """Return the SD (n − 1) of at least two values, exactly 0 where they differ by rounding alone.

    The SD of the mean then is at most ten machine epsilons of the mean, which
    is where R's ``t.test`` speaks of essentially constant values.

    Raises
    ------
    InputError
        Fewer than two values, or one that is not finite.

    Notes
    -----
    Checked against ``numpy.std(ddof=1)``.
    """
    array = _finite(values, "values")
    sd = array.std(ddof=1)
    constant = sd / math.sqrt(array.size) <= 10 * np.finfo(float).eps * abs(array.mean())
    return 0.0 if constant else float(sd)


def shapiro_wilk(values: ArrayLike) -> tuple[float, float]:
    """Return W and p of the Shapiro-Wilk test of normality, n ≥ 3.

    Validated against R's ``shapiro.test``, to 1e-6: SciPy's p differs by up to 6e-8.
    """
    result = stats.shapiro(_finite(values, "values", least=3))
    return float(result.statistic), float(result.pvalue)


def unpaired_t(a: ArrayLike, b: ArrayLike, *, level: float = 0.95) -> TTest:
    """Compare two independent samples by the pooled-variance t test.

    Parameters
    ----------
    a, b
        Shapes (n_a,) and (n_b,), each at least 2, finite.
    level
        Confidence level of the interval of mean(a) − mean(b).

    Raises
    ------
    InputError
        Fewer than two values on a side, or a value that is not finite.

    Notes
    -----
    Validated against R's ``t.test(var.equal = TRUE)``.
    """
    first, second = _finite(a, "a"), _finite(b, "b")
    return unpaired_t_from_summary(
        first.mean(), first.std(ddof=1), first.size,
        second.mean(), second.std(ddof=1), second.size,
        level=level,
    )  # fmt: skip


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
    """Return the pooled-variance t test from means, SDs and sizes alone.

    Means and SDs share one unit, which is that of the result; SDs have n − 1
    in the denominator.  Validated against R's ``t.test(var.equal = TRUE)``.

    Raises
    ------
    InputError
        A size below two or a negative SD.
    """
    if min(n_a, n_b) < 2 or min(sd_a, sd_b) < 0:
        raise InputError(
            f"sizes {n_a}, {n_b} and SDs {sd_a}, {sd_b} allow no t test",
            where="n_a, n_b, sd_a, sd_b",
            remedy="Pass at least two units a side and non-negative SDs.",
        )
    df = n_a + n_b - 2
    pooled = ((n_a - 1) * sd_a**2 + (n_b - 1) * sd_b**2) / df
    return t_test(mean_a - mean_b, math.sqrt(pooled * (1 / n_a + 1 / n_b)), df, level)


def holm(p_values: ArrayLike) -> np.ndarray:
    """Adjust P values of one family by Holm's step-down method.

    Parameters
    ----------
    p_values
        Shape (n,), in [0, 1]; NaN (no test was possible) stays NaN and is
        not counted in the family, as in R's ``p.adjust``.

    Returns
    -------
    numpy.ndarray
        float64 (n,), in the order given.

    Raises
    ------
    InputError
        A value outside [0, 1].

    Notes
    -----
    Validated against R's ``p.adjust(method = "holm")``.
    """
    values = np.asarray(p_values, dtype=float)
    tested = ~np.isnan(values)
    if ((values[tested] < 0) | (values[tested] > 1)).any():
        raise InputError(
            "values outside [0, 1]", where="p_values", remedy="Pass unadjusted P values."
        )
    adjusted = np.full(values.shape, np.nan)
    order = np.flatnonzero(tested)[np.argsort(values[tested], kind="stable")]
    # As statsmodels' multipletests, which collects garbage at each call: a second in a notebook.
    steps = values[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return adjusted


def _finite(values: ArrayLike, where: str, least: int = 2) -> np.ndarray:
    array = np.asarray(values, dtype=float)
    if array.ndim != 1 or array.size < least or not np.isfinite(array).all():
        raise InputError(
            f"shape {array.shape}, {np.isfinite(array).sum()} finite",
            where=where,
            remedy=f"Pass at least {least} finite values along one axis.",
        )
    return array
