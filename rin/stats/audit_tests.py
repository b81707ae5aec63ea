"""Which tests the published numbers allow: widths, P values, correlations, and DeLong's limit.

Everything here starts from numbers as printed and ends in the range that their rounding allows.
Units are AUC points (0-100) unless a name says otherwise; means and SDs are printed to 0.01 of
the area, which is one point, differences and intervals to 0.1 point.
"""

import math
from collections.abc import Callable

from scipy import stats

from rin import paper
from rin.errors import InputError
from rin.stats.audit_rounding import Bounds, corner_bounds, rounded

_POINTS = 100
_N = paper.SETTINGS["scenarios"].value
_LEVEL = 0.975


def stated_difference(one: paper.PublishedComparison) -> Bounds:
    """Return the stated difference in points, before rounding.  Checked by hand for ACL."""
    return rounded(one.difference, 0.1)


def stated_sds(one: paper.PublishedComparison) -> tuple[Bounds, Bounds]:
    """Return both SDs over scenarios in points, before rounding.  Checked by hand for ACL."""
    first, second = (
        rounded(_POINTS * sd, 1.0, least=0.0) for sd in (one.sd_radimagenet, one.sd_imagenet)
    )
    return first, second


def stated_ends(one: paper.PublishedComparison) -> tuple[Bounds, Bounds]:
    """Return both ends of the interval in points, before rounding.  Checked by hand for ACL."""
    return rounded(one.ci_low, 0.1), rounded(one.ci_high, 0.1)


def means_difference(one: paper.PublishedComparison) -> Bounds:
    """Return the difference of the two mean areas in points.  Checked by hand for ACL."""
    first, second = (
        rounded(_POINTS * auc, 1.0, least=0.0, most=_POINTS)
        for auc in (one.auc_radimagenet, one.auc_imagenet)
    )
    return first - second


def unpaired_t_width(sd_a: float, sd_b: float, n: int = _N) -> float:
    """Return the half-width of the pooled t interval of two samples of n values each.

    Checked against `rin.stats.unpaired_t`; increases with either SD.
    """
    return _t_quantile(2 * n - 2) * math.hypot(sd_a, sd_b) / math.sqrt(n)


def welch_width(sd_a: float, sd_b: float, n: int = _N) -> float:
    """Return the half-width of Welch's t interval of two samples of n values each.

    Checked against `scipy.stats.ttest_ind(equal_var=False)`; increases with either SD.
    """
    df = (n - 1) * (sd_a**2 + sd_b**2) ** 2 / (sd_a**4 + sd_b**4)
    return _t_quantile(df) * math.hypot(sd_a, sd_b) / math.sqrt(n)


def normal_width(sd_a: float, sd_b: float, n: int = _N) -> float:
    """Return the half-width of the unpaired interval with the normal quantile.

    Checked against 1.96 standard errors; increases with either SD.
    """
    return _t_quantile(math.inf) * math.hypot(sd_a, sd_b) / math.sqrt(n)


def uncorrelated_pairs_width(sd_a: float, sd_b: float, n: int = _N) -> float:
    """Return the half-width of the paired t interval of n pairs that are uncorrelated.

    Checked against `rin.stats.paired_t` on uncorrelated pairs; increases with either SD.
    """
    return _t_quantile(n - 1) * math.hypot(sd_a, sd_b) / math.sqrt(n)


#: Ways to an interval of the difference of two means that leave out how scenarios pair.
WIDTHS: dict[str, Callable[[float, float], float]] = {
    "unpaired t, pooled SD": unpaired_t_width,
    "unpaired t, Welch": welch_width,
    "unpaired, normal": normal_width,
    "paired t, pairs uncorrelated": uncorrelated_pairs_width,
}


def unpaired_t_p(difference: float, sd_a: float, sd_b: float, n: int = _N) -> float:
    """Return the two-sided P value of the pooled t test.

    Checked against `rin.stats.unpaired_t_from_summary`.
    """
    error = math.hypot(sd_a, sd_b) / math.sqrt(n)
    if error == 0:
        return 1.0 if difference == 0 else 0.0
    return float(2 * stats.t.sf(abs(difference) / error, 2 * n - 2))


def p_of_difference(one: paper.PublishedComparison) -> Bounds:
    """Return the P values of the pooled t test that the rounding allows.

    From the stated difference and the SDs.  P falls with the size of the difference and rises
    with either SD, so corners give the range, and a difference that may be zero gives 1.
    Checked against numbers drawn before rounding.
    """
    difference = stated_difference(one)
    return _with_zero(corner_bounds(unpaired_t_p, difference, *stated_sds(one)), difference)


def interval_p(low: float, high: float, df: float = 2 * _N - 2) -> float:
    """Return the P value of zero under a symmetric 95% t interval; normal for infinite `df`.

    Checked against `rin.stats.unpaired_t_from_summary`, from its interval back to its P value.
    """
    if high == low:
        return 1.0 if low == 0 else 0.0
    t = _t_quantile(df) * (high + low) / (high - low)
    return float(2 * stats.t.sf(abs(t), df))


def p_of_interval(one: paper.PublishedComparison, df: float = 2 * _N - 2) -> Bounds:
    """Return the P values that the printed interval implies, whatever the SDs.

    The interval is taken as a symmetric t interval over scenarios.  While the upper end is
    positive, middle over half-width moves one way with either end; the range is that of the
    corners.  Of all symmetric t intervals the normal one (infinite `df`, as DeLong's) gives the
    lowest P value.  Checked against numbers drawn before rounding.

    Raises
    ------
    InputError
        An upper end that is not clearly above zero and above the lower end.
    """
    low, high = stated_ends(one)
    if high.low <= max(0.0, low.high):
        raise InputError(
            f"interval from {one.ci_low} to {one.ci_high}",
            where=one.task,
            remedy="Pass an interval whose upper end is positive and above its lower end.",
        )
    return _with_zero(corner_bounds(lambda a, b: interval_p(a, b, df), low, high), low + high)


def correlation_for(sd_a: float, sd_b: float, variance: float) -> float:
    """Return the correlation at which differences of pairs have a variance; may leave −1 to 1.

    Solves sd_a² + sd_b² − 2 r sd_a sd_b = variance.  Checked against the variance of differences
    of correlated pairs.
    """
    return (sd_a**2 + sd_b**2 - variance) / (2 * sd_a * sd_b)


def correlation_bounds(sd_a: Bounds, sd_b: Bounds, variance: Bounds) -> Bounds:
    """Return the range of `correlation_for` over a box.

    It falls with the variance.  Along one SD it may fall, then rise, with its lowest point where
    that SD squared is the other squared less the variance; so these points on the edges count
    beside the corners, and only for the low end.  Checked against a fine grid.

    Raises
    ------
    InputError
        An SD that may be zero.
    """
    if min(sd_a.low, sd_b.low) <= 0:
        raise InputError(
            "an SD that may be zero", where="sd_a, sd_b", remedy="Pass SDs that are positive."
        )
    corners = corner_bounds(correlation_for, sd_a, sd_b, variance)
    lowest = [corners.low]
    for free, fixed in ((sd_a, sd_b), (sd_b, sd_a)):
        for end in (fixed.low, fixed.high):
            square = end**2 - variance.high
            if square > 0 and free.holds(math.sqrt(square)):
                lowest.append(correlation_for(math.sqrt(square), end, variance.high))
    return Bounds(min(lowest), corners.high)


def needed_correlation(one: paper.PublishedComparison, p: float, n: int = _N) -> Bounds:
    """Return the correlation above which a paired t test of the scenarios gives less than `p`.

    Its lower end is what the most favourable rounding needs; a value of one or more cannot be
    reached.  Checked against `rin.stats.paired_t` on pairs of known correlation.

    Parameters
    ----------
    one
        A record of `rin.paper.COMPARISONS`.
    p
        In (0, 1), two-sided.
    """
    t = float(stats.t.isf(p / 2, n - 1))
    difference = stated_difference(one)
    largest = max(abs(difference.low), abs(difference.high))
    smallest = 0.0 if difference.holds(0) else min(abs(difference.low), abs(difference.high))
    variance = Bounds(*(n * (size / t) ** 2 for size in (smallest, largest)))
    return correlation_bounds(*stated_sds(one), variance)


def width_correlation(one: paper.PublishedComparison, n: int = _N) -> Bounds:
    """Return the correlations at which a paired t interval has the printed half-width.

    Cut to −1 to 1.  Checked against `rin.stats.paired_t` on pairs of known correlation.
    """
    low, high = stated_ends(one)
    half = (high - low).scaled(0.5)
    variance = Bounds(*(n * (end / _t_quantile(n - 1)) ** 2 for end in (half.low, half.high)))
    found = correlation_bounds(*stated_sds(one), variance)
    return Bounds(max(-1.0, min(found.low, 1.0)), min(1.0, max(found.high, -1.0)))


def delong_width_limit(
    auc_a: Bounds, auc_b: Bounds, positives: float, negatives: float, level: float = 0.95
) -> float:
    """Return the largest half-width that a paired DeLong interval can have, in points.

    Placements lie in 0-1 and average to the area A, so their sample variance over m cases is at
    most A(1 − A) m/(m − 1); DeLong's variance of one area is then at most
    A(1 − A)(1/(m − 1) + 1/(n − 1)), and the standard error of a difference at most the sum of
    both.  This is algebra on the estimator: it holds for any scores, also of dependent images.

    Parameters
    ----------
    auc_a, auc_b
        Ranges of the areas that are compared (0-1).
    positives, negatives
        Tested cases of each class, both above one.
    level
        Of the interval.

    Raises
    ------
    InputError
        A class with one case or none.

    Notes
    -----
    DeLong ER, DeLong DM, Clarke-Pearson DL. Biometrics 1988;44:837.  Checked against
    `rin.stats.delong_test` on scores drawn at random.
    """
    if min(positives, negatives) <= 1:
        raise InputError(
            f"{positives:g} and {negatives:g} tested cases",
            where="positives, negatives",
            remedy="Pass more than one case of each class.",
        )
    share = 1 / (positives - 1) + 1 / (negatives - 1)
    errors = [math.sqrt(_largest_spread(auc) * share) for auc in (auc_a, auc_b)]
    return float(_POINTS * stats.norm.ppf((1 + level) / 2) * sum(errors))


def _largest_spread(auc: Bounds) -> float:
    """Return the largest A(1 − A) over a range of areas; its peak is at one half."""
    nearest = min(max(0.5, auc.low), auc.high)
    return nearest * (1 - nearest)


def _with_zero(found: Bounds, middle: Bounds) -> Bounds:
    """Raise the upper end to 1 where the middle, and so the statistic, may be zero."""
    return Bounds(found.low, 1.0) if middle.holds(0) else found


def _t_quantile(df: float) -> float:
    return float(stats.t.ppf(_LEVEL, df))
