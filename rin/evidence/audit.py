"""The audit of the paper: what its published numbers imply, by arithmetic on them alone.

A printed 0.85 may be anything from 0.845 to 0.855, so results computed from printed numbers are
ranges, too.  Units are AUC points (0-100) unless a name says otherwise.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from rin.evidence import paper
from rin.stats.hypothesis import t_quantile, t_test, unpaired_t_from_summary

_POINTS = 100
_N = paper.SETTINGS["scenarios"].value
# Decimal fractions are not exact in binary: 0.855 may be stored as slightly less.
_HAIR = 1e-9


class Bounds(NamedTuple):
    """A closed range, from `low` to `high`."""

    low: float
    high: float

    def holds(self, value: float) -> bool:
        """Return whether a value lies in the range."""
        return self.low - _HAIR <= value <= self.high + _HAIR

    def meets(self, other: "Bounds") -> bool:
        """Return whether two ranges have a value in common."""
        return self.low <= other.high + _HAIR and other.low <= self.high + _HAIR

    def __format__(self, spec: str) -> str:
        """Return ``4.8 to 4.9`` in the format of a number, or one number where both ends agree."""
        ends = [format(end, spec).replace("-", "−") for end in self]
        return " to ".join(dict.fromkeys(ends))


def rounding_range(value: float, unit: float) -> Bounds:
    """Return the range of values that round to a printed number."""
    return Bounds(value - unit / 2, value + unit / 2)


def corner_bounds(function: Callable[..., float], *ranges: Bounds) -> Bounds:
    """Return the range of a function that is monotonic in each argument, over ranges of these."""
    values = [function(*corner) for corner in itertools.product(*ranges)]
    return Bounds(min(values), max(values))


def pooled_half_width(sd_a: float, sd_b: float) -> float:
    """Return the half-width of the 95% interval of an unpaired t test with a pooled SD."""
    return unpaired_t_from_summary(0, sd_a, _N, 0, sd_b, _N).ci_high


def unpaired_t_p(difference: float, sd_a: float, sd_b: float) -> float:
    """Return the two-sided P value of the pooled t test."""
    return unpaired_t_from_summary(difference, sd_a, _N, 0, sd_b, _N).p_value


def interval_p(low: float, high: float) -> float:
    """Return the P value of zero under a symmetric 95% interval of a normal estimate."""
    return t_test((low + high) / 2, (high - low) / 2 / t_quantile()).p_value


def correlation_for(sd_a: float, sd_b: float, variance: float) -> float:
    """Return the correlation that gives paired differences this variance; may leave −1 to 1."""
    return (sd_a**2 + sd_b**2 - variance) / (2 * sd_a * sd_b)


def correlation_bounds(sd_a: Bounds, sd_b: Bounds, variance: Bounds) -> Bounds:
    """Return the range of `correlation_for` over ranges of positive SDs and of the variance."""
    # Along one SD the correlation may fall, then rise: its minimum, where that SD squared is the
    # other squared minus the variance, is considered as well as the corners.
    corners = corner_bounds(correlation_for, sd_a, sd_b, variance)
    lowest = [corners.low]
    for free, fixed in ((sd_a, sd_b), (sd_b, sd_a)):
        for end in fixed:
            square = end**2 - variance.high
            if square > 0 and free.holds(math.sqrt(square)):
                lowest.append(correlation_for(math.sqrt(square), end, variance.high))
    return Bounds(min(lowest), corners.high)


def delong_width_limit(auc_a: Bounds, auc_b: Bounds, positives: float, negatives: float) -> float:
    """Return the largest half-width, in points, of a paired DeLong interval of AUCs (0-1)."""
    # Placements are in 0-1 and average to the AUC A, so DeLong's variance is at most A(1 − A)(1/(m
    # − 1) + 1/(n − 1)); a difference's error is at most the sum of both errors.
    share = 1 / (positives - 1) + 1 / (negatives - 1)
    # A(1 − A) peaks at one half.
    auc = np.clip(0.5, *np.transpose([auc_a, auc_b]))
    return float(_POINTS * t_quantile() * np.sqrt(auc * (1 - auc) * share).sum())


class TaskAudit:
    """What one task's published numbers imply; AUC points (0-100), ranges by rounding.

    The upper end of the published interval is above zero.
    """

    def __init__(self, published: SimpleNamespace) -> None:
        self.published = published
        # The printed numbers before rounding, RadImageNet's first.
        sds = [rounding_range(sd, 1.0) for sd in _sds_in_points(published)]
        printed_aucs = published.auc_radimagenet, published.auc_imagenet
        aucs = [rounding_range(auc, 0.01) for auc in printed_aucs]
        low = rounding_range(published.ci_low, 0.1)
        high = rounding_range(published.ci_high, 0.1)
        # Three ways to obtain the difference, and the change in percent of ImageNet's AUC.
        self.difference = rounding_range(published.estimate, 0.1)
        self.middle = corner_bounds(lambda low, high: (low + high) / 2, low, high)
        self.means = corner_bounds(lambda a, b: _POINTS * (a - b), *aucs)
        self.relative_gain = corner_bounds(lambda a, b: _POINTS * (a / b - 1), *aucs)
        self.ahead = self.difference.low > 0
        self.contains_zero = low.high <= 0 <= high.low
        self.may_contain_zero = low.low <= 0 <= high.high
        # Half-widths of the interval: as printed, and from the SDs.
        self.half_width = corner_bounds(lambda low, high: (high - low) / 2, low, high)
        self.implied = corner_bounds(pooled_half_width, *sds)
        self.agrees = self.half_width.meets(self.implied)
        self.delong_limit = delong_width_limit(*aucs, *_tested_cases(published.task))
        self.too_wide_for_delong = self.half_width.low > self.delong_limit
        # P, stated as an upper limit, and the correlation that a paired test needs for it.
        self.stated_p = float(published.p_text.removeprefix("P < "))
        # P is monotonic in each number; of symmetric t intervals, the normal one gives the lowest
        # P.
        p_by_sds = corner_bounds(unpaired_t_p, self.difference, *sds)
        self.p_by_sds = _reach_zero(p_by_sds, self.difference)
        self.p_by_normal = _reach_zero(corner_bounds(interval_p, low, high), self.middle)
        self.p_follows = min(self.p_by_sds.low, self.p_by_normal.low) < self.stated_p
        self.needed_correlation = _needed_correlation(self.difference, sds, self.stated_p)


def audit_tasks() -> dict[str, TaskAudit]:
    """Audit every comparison of the paper, by task, in the order of the paper."""
    return {task: TaskAudit(published) for task, published in paper.COMPARISONS.items()}


def published_intervals(published: SimpleNamespace) -> pd.DataFrame:
    """Return a difference with its printed interval, and with the interval by the SDs (`kind`)."""
    half_width = pooled_half_width(*_sds_in_points(published))
    difference = published.estimate
    return pd.DataFrame(
        {
            "kind": ["published", "recomputed"],
            "estimate": difference,
            "ci_low": [published.ci_low, difference - half_width],
            "ci_high": [published.ci_high, difference + half_width],
        }
    )


def _sds_in_points(published: SimpleNamespace) -> tuple[float, float]:
    return _POINTS * published.sd_radimagenet, _POINTS * published.sd_imagenet


def _reach_zero(p_values: Bounds, middle: Bounds) -> Bounds:
    """Return the P values, up to 1 where the middle, and so the statistic, may be zero."""
    return Bounds(p_values.low, 1.0) if middle.holds(0) else p_values


def _needed_correlation(difference: Bounds, sds: Sequence[Bounds], stated_p: float) -> Bounds:
    """Return the correlation of scenarios above which a paired t test's P is below `stated_p`."""
    sizes = [abs(end) for end in difference]
    smallest = 0.0 if difference.holds(0) else min(sizes)
    t = float(stats.t.isf(stated_p / 2, _N - 1))
    variance = Bounds(low=_N * (smallest / t) ** 2, high=_N * (max(sizes) / t) ** 2)
    return correlation_bounds(*sds, variance)


def _tested_cases(task: str) -> list[float]:
    """Return the number of test images of each class, by the stated share for testing."""
    share = paper.SETTINGS["split_percent"].value[-1] / 100
    return [count.images * share for count in paper.CLASS_COUNTS[task] if count.group != "all"]
