"""The audit of one task, and of all eight: what the published numbers imply, with its range.

Arithmetic on `rin.paper` alone; no conclusion is drawn here.
"""

import itertools
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rin import paper
from rin.errors import InputError
from rin.stats import audit_tests as tests
from rin.stats.audit_rounding import Bounds, corner_bounds, rounded
from rin.stats.paired import holm

_POINTS = 100
_STATED_P = re.compile(r"P < (0?\.\d+)")


@dataclass(frozen=True)
class TaskAudit:
    """What one task's published numbers imply; AUC points (0-100), ranges by rounding.

    Attributes
    ----------
    task, title
        Of the comparison.
    stated_difference, published_low, published_high
        As printed.
    difference, middle, means
        Ranges of the stated difference, of the middle of the interval, and of the difference of
        the mean areas.
    half_width
        Range of the published half-width; `published_half_width` is the printed one.
    implied_half_width, implied
        Half-width of the unpaired t interval of the printed SDs, and its range.
    widths
        The same range for every way in `rin.stats.audit_tests.WIDTHS`.
    contains_zero, may_contain_zero
        Whether the interval includes zero for every rounding, and for some.
    stated_p
        Largest P value that the paper's statement allows.
    implied_p, p_by_sds, p_by_interval, p_by_normal
        P value of the stated difference with the printed SDs under the unpaired t test, its
        range, and the ranges that the interval itself implies, taken as a t interval over
        scenarios and as a normal one.
    needed_correlation
        Correlation of scenarios above which a paired t test gives less than `stated_p`.
    width_correlation
        Correlation at which a paired t interval has the published half-width.
    delong_limit, delong_limit_any
        Largest half-width that a DeLong interval on the stated test share can have, with the
        printed mean areas and with any areas.
    relative_gain
        Range of the difference in percent of the ImageNet area.
    """

    task: str
    title: str
    stated_difference: float
    published_low: float
    published_high: float
    difference: Bounds
    middle: Bounds
    means: Bounds
    published_half_width: float
    half_width: Bounds
    implied_half_width: float
    implied: Bounds
    widths: Mapping[str, Bounds]
    contains_zero: bool
    may_contain_zero: bool
    stated_p: float
    implied_p: float
    p_by_sds: Bounds
    p_by_interval: Bounds
    p_by_normal: Bounds
    needed_correlation: Bounds
    width_correlation: Bounds
    delong_limit: float
    delong_limit_any: float
    relative_gain: Bounds

    @property
    def agrees(self) -> bool:
        """Whether published and implied half-width have a value in common."""
        return self.half_width.meets(self.implied)

    @property
    def p_follows(self) -> bool:
        """Whether some rounding gives less than the stated P value, by SDs or by interval.

        The normal interval stands for all symmetric ones, as it gives the lowest P value.
        """
        return min(self.p_by_sds.low, self.p_by_normal.low) < self.stated_p

    @property
    def too_wide_for_delong(self) -> bool:
        """Whether no DeLong interval of the printed areas can be as wide, whatever the scores."""
        return self.half_width.low > self.delong_limit


def audit_task(one: paper.PublishedComparison) -> TaskAudit:
    """Audit one comparison of the paper.

    Parameters
    ----------
    one
        A record of `rin.paper.COMPARISONS`, or one of a test.

    Notes
    -----
    Concerns Results, Performance on Small and on Larger Datasets.  Checked against half-widths
    worked out apart, and every range against numbers drawn before rounding.
    """
    low, high = tests.stated_ends(one)
    printed = _POINTS * one.sd_radimagenet, _POINTS * one.sd_imagenet
    sds = tests.stated_sds(one)
    widths = {name: corner_bounds(width, *sds) for name, width in tests.WIDTHS.items()}
    limit = stated_p(one)
    return TaskAudit(
        task=one.task,
        title=one.title,
        stated_difference=one.difference,
        published_low=one.ci_low,
        published_high=one.ci_high,
        difference=tests.stated_difference(one),
        middle=(low + high).scaled(0.5),
        means=tests.means_difference(one),
        published_half_width=(one.ci_high - one.ci_low) / 2,
        half_width=(high - low).scaled(0.5),
        implied_half_width=tests.unpaired_t_width(*printed),
        implied=widths[next(iter(tests.WIDTHS))],
        widths=widths,
        contains_zero=low.high <= 0 <= high.low,
        may_contain_zero=low.low <= 0 <= high.high,
        stated_p=limit,
        implied_p=tests.unpaired_t_p(one.difference, *printed),
        p_by_sds=tests.p_of_difference(one),
        p_by_interval=tests.p_of_interval(one),
        p_by_normal=tests.p_of_interval(one, math.inf),
        needed_correlation=tests.needed_correlation(one, limit),
        width_correlation=tests.width_correlation(one),
        **_delong_limits(one),
        relative_gain=_relative_gain(one),
    )


def audit_tasks(
    comparisons: Mapping[str, paper.PublishedComparison] = paper.COMPARISONS,
) -> list[TaskAudit]:
    """Audit every comparison of the paper, in its order.  Checked as `audit_task` is."""
    return [audit_task(one) for one in comparisons.values()]


def stated_p(one: paper.PublishedComparison) -> float:
    """Return the P value that a statement such as ``P < .001`` stays below.

    Checked on the statements of the paper.

    Raises
    ------
    InputError
        A statement of another form.
    """
    found = _STATED_P.fullmatch(one.p_text)
    if not found:
        raise InputError(
            f"{one.p_text!r} is not of the form P < .001",
            where=one.task,
            remedy="Only upper limits of P values can be audited.",
        )
    return float(found[1])


def holm_bounds(audits: Sequence[TaskAudit]) -> list[Bounds]:
    """Return the range of each task's P value by the SDs after Holm's correction over the tasks.

    Every adjusted value rises with every raw one, so the lowest raw values give the lowest
    adjusted ones.  Checked against `rin.stats.holm` of values drawn inside the ranges.
    """
    lows = holm([one.p_by_sds.low for one in audits])
    highs = holm([one.p_by_sds.high for one in audits])
    return [Bounds(float(low), float(high)) for low, high in zip(lows, highs, strict=True)]


def dice_gains(one: paper.PublishedDice) -> dict[str, Bounds]:
    """Return the range of the percent gain in Dice by the text, by the caption, and as stated.

    Parameters
    ----------
    one
        A record of `rin.paper.DICE`: the text rounds to 0.01, the caption to 0.001.

    Notes
    -----
    A ratio of two positive numbers moves one way with each.  Checked against values drawn before
    rounding.
    """

    def gains(radimagenet: float, imagenet: float, unit: float) -> Bounds:
        ranges = (rounded(dice, unit, least=0.0, most=1.0) for dice in (radimagenet, imagenet))
        return corner_bounds(lambda a, b: _POINTS * (a / b - 1), *ranges)

    return {
        "text": gains(one.text_radimagenet, one.text_imagenet, 0.01),
        "caption": gains(one.caption_radimagenet, one.caption_imagenet, 0.001),
        "stated": rounded(one.gain_percent, 0.1),
    }


def mean_difference(audits: Sequence[TaskAudit]) -> Bounds:
    """Return the range of the mean stated difference of some tasks, in points.

    Checked by hand on two tasks.
    """
    n = len(audits)
    ends = (sum(getattr(one.difference, end) for one in audits) / n for end in ("low", "high"))
    return Bounds(*ends)


def splits_as_far_apart(audits: Sequence[TaskAudit], first: set[str]) -> tuple[int, int]:
    """Count the ways to choose as many tasks whose mean difference is as far above the others'.

    An exact permutation test of "the difference is larger in these tasks", one-sided.

    Parameters
    ----------
    audits
        Of all tasks.
    first
        Names of the tasks that are said to differ more.

    Returns
    -------
    tuple
        How many choices are at least as far apart, the chosen one included, and how many there
        are.  Checked by hand on four tasks.
    """
    stated = {one.task: one.stated_difference for one in audits}
    observed = sum(stated[task] for task in first)
    choices = list(itertools.combinations(stated, len(first)))
    as_far = [c for c in choices if sum(stated[task] for task in c) >= observed - 1e-9]
    return len(as_far), len(choices)


def _relative_gain(one: paper.PublishedComparison) -> Bounds:
    imagenet = rounded(one.auc_imagenet, 0.01, least=0.0, most=1.0)
    return corner_bounds(lambda d, a: d / a, tests.stated_difference(one), imagenet)


def _delong_limits(one: paper.PublishedComparison) -> dict[str, float]:
    """Return both limits for test cases in the stated share of the stated classes."""
    tested = paper.SETTINGS["split_percent"].value[-1] / 100
    classes = [c.images * tested for c in paper.CLASS_COUNTS[one.task] if c.group != "all"]
    areas = [
        rounded(auc, 0.01, least=0.0, most=1.0) for auc in (one.auc_radimagenet, one.auc_imagenet)
    ]
    anything = Bounds(0.0, 1.0)
    return {
        "delong_limit": tests.delong_width_limit(*areas, *classes),
        "delong_limit_any": tests.delong_width_limit(anything, anything, *classes),
    }
