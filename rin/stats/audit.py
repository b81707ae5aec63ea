"""Published intervals checked by arithmetic.

The paper names DeLong for its AUC intervals, yet the widths printed for differences
equal, within rounding, those of an unpaired t interval over the 24 scenario AUCs.
This module recomputes that from the numbers in `rin.paper`; it draws no conclusion.
Ranges, P values and correlations are in `rin.stats.audit_tasks`.
"""

from dataclasses import dataclass

from rin import paper
from rin.stats.paired import TTest, unpaired_t_from_summary

# Halves of the last printed digit: means and SDs are given to 0.01, all else to 0.1 points.
_SD_ROUNDING = 0.005
_HALF_WIDTH_ROUNDING = 0.05
_DIFFERENCE_ROUNDING = 2 * 0.5 + 0.05


@dataclass(frozen=True)
class IntervalCheck:
    """A published 95% interval beside the unpaired t interval of its SDs.

    All in AUC points except `implied_p`.  `implied_low` and `implied_high`
    are the half-widths that the rounding of the two SDs allows;
    `agrees` says whether the published one, itself rounded, lies among them.
    `off_centre` is the middle of the interval minus the stated difference,
    `means_allow_difference` whether two means rounded to 0.01 can lie that
    difference apart.
    """

    task: str
    published_half_width: float
    implied_half_width: float
    implied_low: float
    implied_high: float
    agrees: bool
    off_centre: float
    means_allow_difference: bool
    contains_zero: bool
    implied_p: float


def published_interval_check(comparison: paper.PublishedComparison) -> IntervalCheck:
    """Compare a published interval with the unpaired t interval over scenarios.

    The half-width is sqrt((SD₁² + SD₂²)/24) × t(0.975; 46), and `implied_p`
    the P value of the stated difference under that test.

    Parameters
    ----------
    comparison
        A record of `rin.paper.COMPARISONS`.

    Notes
    -----
    Concerns Results, Performance on Small and on Larger Datasets.  Checked
    against half-widths worked out apart for all eight tasks, to half a unit
    of their last digit.
    """
    sds = comparison.sd_radimagenet, comparison.sd_imagenet
    test = _scenario_t(comparison.difference, *sds)
    low, high = (
        _half_width(*(sd + shift for sd in sds)) for shift in (-_SD_ROUNDING, _SD_ROUNDING)
    )
    means = 100 * (comparison.auc_radimagenet - comparison.auc_imagenet)
    published = (comparison.ci_high - comparison.ci_low) / 2
    # Both ends are rounded, so the half-width may be off by as much as one of them.
    agrees = low - _HALF_WIDTH_ROUNDING <= published <= high + _HALF_WIDTH_ROUNDING
    return IntervalCheck(
        task=comparison.task,
        published_half_width=published,
        implied_half_width=_half_width(*sds),
        implied_low=low,
        implied_high=high,
        agrees=agrees,
        off_centre=(comparison.ci_high + comparison.ci_low) / 2 - comparison.difference,
        means_allow_difference=abs(comparison.difference - means) <= _DIFFERENCE_ROUNDING,
        contains_zero=comparison.ci_low <= 0 <= comparison.ci_high,
        implied_p=test.p_value,
    )


def _scenario_t(difference: float, sd_a: float, sd_b: float) -> TTest:
    """Return the unpaired t test over scenarios; difference in points, SDs in 0-1."""
    n = paper.SETTINGS["scenarios"].value
    return unpaired_t_from_summary(difference, 100 * sd_a, n, 0.0, 100 * sd_b, n)


def _half_width(sd_a: float, sd_b: float) -> float:
    return _scenario_t(0.0, sd_a, sd_b).ci_high
