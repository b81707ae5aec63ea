"""The audit of the paper: what its published numbers imply, and which of its sentences follow.

Arithmetic on `rin.paper` alone.  A printed 0.85 stands for anything from 0.845 to 0.855, so a
quantity worked out from printed numbers has a range, too.  Where it moves one way with each of
them, its range lies between two corners of the box of all ranges (`corner_bounds`).  Units are
AUC points (0-100) unless a name says otherwise; means and SDs are printed to 0.01 of the area,
which is one point, differences and intervals to 0.1 point.  The paper's sentences stand in
`audit.yaml`; a judge for each works its verdict out of the audits, so that other numbers give
other verdicts.
"""

import itertools
import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pandas as pd
import yaml
from scipy import stats

from rin import paper
from rin.errors import InputError
from rin.stats.tests import EQUIVALENCE_MARGIN, holm

HOLDS, NOT, UNKNOWN = VERDICTS = ("holds", "does not follow", "cannot be told")
CLAIMS: tuple[dict, ...] = tuple(
    yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
)
_POINTS = 100
_N = paper.SETTINGS["scenarios"].value
_STATED_P = re.compile(r"P < (0?\.\d+)")
_SHORT = {
    "acl": "ACL",
    "covid19": "COVID-19",
    "sarscov2": "SARS-CoV-2",
    "hemorrhage": "haemorrhage",
}
_SMALL = ("thyroid", "breast", "acl", "meniscus")
# Decimal fractions are not exact in binary: 0.855 may be stored a hair below itself.
_HAIR = 1e-9

#: Whether the numbers say what the sentence says (None: they cannot tell), and values for the why.
Judgement = tuple[bool | None, dict[str, object]]


@dataclass(frozen=True)
class Bounds:
    """A closed range, from `low` to `high`."""

    low: float
    high: float

    def __post_init__(self) -> None:
        """Refuse a range that holds nothing."""
        if not self.low <= self.high:
            raise InputError(
                f"the range from {self.low} to {self.high} holds nothing",
                where="low, high",
                remedy="Pass two numbers, the smaller one first.",
            )

    def holds(self, value: float) -> bool:
        """Return whether a value lies in the range."""
        return self.low - _HAIR <= value <= self.high + _HAIR

    def meets(self, other: "Bounds") -> bool:
        """Return whether two ranges have a value in common."""
        return self.low <= other.high + _HAIR and other.low <= self.high + _HAIR

    def scaled(self, factor: float) -> "Bounds":
        """Return the range of `factor` times the value."""
        return Bounds(*sorted((factor * self.low, factor * self.high)))

    def __format__(self, spec: str) -> str:
        """Return ``4.8 to 4.9`` in the format of a number, or one number where both ends agree."""
        ends = [format(end, spec).replace("-", "−") for end in (self.low, self.high)]
        return " to ".join(dict.fromkeys(ends))

    def __add__(self, other: "Bounds") -> "Bounds":
        """Return the range of the sum of two values that vary freely."""
        return Bounds(self.low + other.low, self.high + other.high)

    def __sub__(self, other: "Bounds") -> "Bounds":
        """Return the range of the difference of two values that vary freely."""
        return Bounds(self.low - other.high, self.high - other.low)


def rounded(
    value: float, unit: float, *, least: float = -math.inf, most: float = math.inf
) -> Bounds:
    """Return what a number printed to a unit (one step of its last digit) may have been before.

    Within the ends of what is possible at all, such as 0 for an SD.
    """
    if not math.isfinite(value) or not unit > 0 or not least <= value <= most:
        raise InputError(
            f"{value} to a unit of {unit} within {least} to {most}",
            where="value, unit",
            remedy="Pass a finite value within its ends and a positive unit.",
        )
    return Bounds(max(value - unit / 2, least), min(value + unit / 2, most))


def corner_bounds(function: Callable[..., float], *ranges: Bounds) -> Bounds:
    """Return the range of a function that, over the box, moves one way with each argument.

    Monotone in each while the others are held; the direction may depend on the others.
    """
    corners = [function(*corner) for corner in product(*((r.low, r.high) for r in ranges))]
    return Bounds(min(corners), max(corners))


def unpaired_t_width(sd_a: float, sd_b: float) -> float:
    """Return the half-width of the pooled t interval of both samples."""
    return _t_quantile(2 * _N - 2) * math.hypot(sd_a, sd_b) / math.sqrt(_N)


def welch_width(sd_a: float, sd_b: float) -> float:
    """Return the half-width of Welch's t interval of both samples."""
    df = (_N - 1) * (sd_a**2 + sd_b**2) ** 2 / (sd_a**4 + sd_b**4)
    return _t_quantile(df) * math.hypot(sd_a, sd_b) / math.sqrt(_N)


def normal_width(sd_a: float, sd_b: float) -> float:
    """Return the half-width of the unpaired interval with the normal quantile."""
    return _t_quantile(math.inf) * math.hypot(sd_a, sd_b) / math.sqrt(_N)


def uncorrelated_pairs_width(sd_a: float, sd_b: float) -> float:
    """Return the half-width of the paired t interval of pairs that are uncorrelated."""
    return _t_quantile(_N - 1) * math.hypot(sd_a, sd_b) / math.sqrt(_N)


#: Ways to an interval of the difference of two means that leave out how scenarios pair; each
#: increases with either SD.
WIDTHS: dict[str, Callable[[float, float], float]] = {
    "unpaired t, pooled SD": unpaired_t_width,
    "unpaired t, Welch": welch_width,
    "unpaired, normal": normal_width,
    "paired t, pairs uncorrelated": uncorrelated_pairs_width,
}


def unpaired_t_p(difference: float, sd_a: float, sd_b: float) -> float:
    """Return the two-sided P value of the pooled t test."""
    error = math.hypot(sd_a, sd_b) / math.sqrt(_N)
    if error == 0:
        return 1.0 if difference == 0 else 0.0
    return float(2 * stats.t.sf(abs(difference) / error, 2 * _N - 2))


def interval_p(low: float, high: float, df: float = 2 * _N - 2) -> float:
    """Return the P value of zero under a symmetric 95% t interval; normal for infinite `df`."""
    if high == low:
        return 1.0 if low == 0 else 0.0
    t = _t_quantile(df) * (high + low) / (high - low)
    return float(2 * stats.t.sf(abs(t), df))


def correlation_for(sd_a: float, sd_b: float, variance: float) -> float:
    """Return the correlation at which differences of pairs have a variance; may leave −1 to 1.

    Solves sd_a² + sd_b² − 2 r sd_a sd_b = variance.
    """
    return (sd_a**2 + sd_b**2 - variance) / (2 * sd_a * sd_b)


def correlation_bounds(sd_a: Bounds, sd_b: Bounds, variance: Bounds) -> Bounds:
    """Return the range of `correlation_for` over a box of SDs that are positive.

    It falls with the variance.  Along one SD it may fall, then rise, with its lowest point where
    that SD squared is the other squared less the variance; these points on the edges count beside
    the corners, for the low end.
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


def delong_width_limit(
    auc_a: Bounds, auc_b: Bounds, positives: float, negatives: float, level: float = 0.95
) -> float:
    """Return the largest half-width that a paired DeLong interval can have, in points.

    Given the ranges of both areas (0-1), and the tested cases of each class, above one.  Placements
    lie in 0-1 and average to the area A, so their sample variance over m cases is at most A(1 − A)
    m/(m − 1); DeLong's variance of one area is then at most A(1 − A)(1/(m − 1) + 1/(n − 1)), and
    the standard error of a difference at most the sum of both.  This holds for any scores, also of
    dependent images.
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


@dataclass(frozen=True)
class TaskAudit:
    """What one task's published numbers imply; AUC points (0-100), ranges by rounding."""

    published: paper.PublishedComparison

    @property
    def task(self) -> str:
        """Name of the task."""
        return self.published.task

    @property
    def difference(self) -> Bounds:
        """The stated difference, before rounding."""
        return rounded(self.published.difference, 0.1)

    @property
    def sds(self) -> tuple[Bounds, Bounds]:
        """Both SDs over scenarios, RadImageNet's first, before rounding."""
        sds = self.published.sd_radimagenet, self.published.sd_imagenet
        first, second = (rounded(_POINTS * sd, 1.0, least=0.0) for sd in sds)
        return first, second

    @property
    def areas(self) -> tuple[Bounds, Bounds]:
        """Both mean areas (0-1), RadImageNet's first, before rounding."""
        areas = self.published.auc_radimagenet, self.published.auc_imagenet
        first, second = (rounded(area, 0.01, least=0.0, most=1.0) for area in areas)
        return first, second

    @property
    def ends(self) -> tuple[Bounds, Bounds]:
        """Both ends of the interval, before rounding."""
        return rounded(self.published.ci_low, 0.1), rounded(self.published.ci_high, 0.1)

    @property
    def ahead(self) -> bool:
        """Whether the stated difference is above zero for every rounding."""
        return self.difference.low > 0

    @property
    def middle(self) -> Bounds:
        """Middle of the interval."""
        low, high = self.ends
        return (low + high).scaled(0.5)

    @property
    def means(self) -> Bounds:
        """Difference of the mean areas."""
        first, second = (area.scaled(_POINTS) for area in self.areas)
        return first - second

    @property
    def published_half_width(self) -> float:
        """Half-width of the interval as printed."""
        return (self.published.ci_high - self.published.ci_low) / 2

    @property
    def half_width(self) -> Bounds:
        """Half-width of the interval, before rounding."""
        low, high = self.ends
        return (high - low).scaled(0.5)

    @property
    def implied_half_width(self) -> float:
        """Half-width of the unpaired t interval of the printed SDs."""
        return unpaired_t_width(*self._printed_sds)

    @property
    def widths(self) -> dict[str, Bounds]:
        """Range of the half-width by every way in `WIDTHS`."""
        return {name: corner_bounds(width, *self.sds) for name, width in WIDTHS.items()}

    @property
    def implied(self) -> Bounds:
        """Range of the half-width of the unpaired t interval."""
        return corner_bounds(unpaired_t_width, *self.sds)

    @property
    def agrees(self) -> bool:
        """Whether published and implied half-width have a value in common."""
        return self.half_width.meets(self.implied)

    @property
    def contains_zero(self) -> bool:
        """Whether the interval includes zero for every rounding."""
        low, high = self.ends
        return low.high <= 0 <= high.low

    @property
    def may_contain_zero(self) -> bool:
        """Whether the interval includes zero for some rounding."""
        low, high = self.ends
        return low.low <= 0 <= high.high

    @property
    def stated_p(self) -> float:
        """Largest P value that a statement such as ``P < .001`` allows; InputError for others."""
        found = _STATED_P.fullmatch(self.published.p_text)
        if not found:
            raise InputError(
                f"{self.published.p_text!r} is not of the form P < .001",
                where=self.task,
                remedy="Only upper limits of P values can be audited.",
            )
        return float(found[1])

    @property
    def implied_p(self) -> float:
        """P value of the stated difference with the printed SDs under the unpaired t test."""
        return unpaired_t_p(self.published.difference, *self._printed_sds)

    @property
    def p_by_sds(self) -> Bounds:
        """Range of `implied_p`, 1 where the difference may be zero.

        P falls with the size of the stated difference and rises with either SD, so corners give
        the range.
        """
        found = corner_bounds(unpaired_t_p, self.difference, *self.sds)
        return _with_zero(found, self.difference)

    @property
    def p_by_interval(self) -> Bounds:
        """Range of the P value of the interval, taken as a t interval over scenarios."""
        return self._p_of_interval(2 * _N - 2)

    @property
    def p_by_normal(self) -> Bounds:
        """Range of the P value of the interval, taken as a normal one, as DeLong's.

        Of all symmetric t intervals it gives the lowest P value.
        """
        return self._p_of_interval(math.inf)

    @property
    def p_follows(self) -> bool:
        """Whether some rounding gives less than the stated P value, by SDs or by interval."""
        return min(self.p_by_sds.low, self.p_by_normal.low) < self.stated_p

    @property
    def needed_correlation(self) -> Bounds:
        """Correlation of scenarios above which a paired t test gives less than the stated P.

        Its lower end is what the most favourable rounding needs; a value of 1 or more cannot be
        reached.
        """
        t = float(stats.t.isf(self.stated_p / 2, _N - 1))
        sizes = abs(self.difference.low), abs(self.difference.high)
        smallest = 0.0 if self.difference.holds(0) else min(sizes)
        variance = Bounds(*(_N * (size / t) ** 2 for size in (smallest, max(sizes))))
        return correlation_bounds(*self.sds, variance)

    @property
    def width_correlation(self) -> Bounds:
        """Correlations (−1 to 1) at which a paired t interval has the printed half-width."""
        half = self.half_width
        variance = Bounds(*(_N * (end / _t_quantile(_N - 1)) ** 2 for end in (half.low, half.high)))
        found = correlation_bounds(*self.sds, variance)
        return Bounds(max(-1.0, min(found.low, 1.0)), min(1.0, max(found.high, -1.0)))

    @property
    def delong_limit(self) -> float:
        """Largest half-width of a DeLong interval of the printed areas on the stated test share."""
        return delong_width_limit(*self.areas, *self._tested)

    @property
    def delong_limit_any(self) -> float:
        """Largest half-width of a DeLong interval of any areas on the stated test share."""
        return delong_width_limit(Bounds(0.0, 1.0), Bounds(0.0, 1.0), *self._tested)

    @property
    def too_wide_for_delong(self) -> bool:
        """Whether no DeLong interval of the printed areas can be as wide, whatever the scores."""
        return self.half_width.low > self.delong_limit

    @property
    def relative_gain(self) -> Bounds:
        """Range of the difference in percent of the ImageNet area."""
        return corner_bounds(lambda d, area: d / area, self.difference, self.areas[1])

    @property
    def _printed_sds(self) -> tuple[float, float]:
        return _POINTS * self.published.sd_radimagenet, _POINTS * self.published.sd_imagenet

    @property
    def _tested(self) -> list[float]:
        """Tested cases of each class."""
        share = paper.SETTINGS["split_percent"].value[-1] / 100
        counts = paper.CLASS_COUNTS[self.task]
        return [count.images * share for count in counts if count.group != "all"]

    def _p_of_interval(self, df: float) -> Bounds:
        """Return the P values that the printed interval implies, taken as a symmetric t interval.

        While the upper end is positive, middle over half-width moves one way with either end, so
        the range is that of the corners.
        """
        low, high = self.ends
        if high.low <= max(0.0, low.high):
            raise InputError(
                f"interval from {self.published.ci_low} to {self.published.ci_high}",
                where=self.task,
                remedy="Pass an interval whose upper end is positive and above its lower end.",
            )
        return _with_zero(corner_bounds(lambda a, b: interval_p(a, b, df), low, high), low + high)


def audit_tasks() -> list[TaskAudit]:
    """Audit every comparison of the paper, in its order."""
    return [TaskAudit(published) for published in paper.COMPARISONS.values()]


def holm_bounds(audits: Sequence[TaskAudit]) -> list[Bounds]:
    """Return the range of each task's P value by the SDs after Holm's correction over the tasks.

    Every adjusted value rises with every raw one.
    """
    lows = holm([audit.p_by_sds.low for audit in audits])
    highs = holm([audit.p_by_sds.high for audit in audits])
    return [Bounds(float(low), float(high)) for low, high in zip(lows, highs, strict=True)]


def dice_gains(published: paper.PublishedDice) -> dict[str, Bounds]:
    """Return the range of the percent gain in Dice by the text, by the caption, and as stated.

    The text rounds to 0.01, the caption to 0.001.
    """

    def gains(radimagenet: float, imagenet: float, unit: float) -> Bounds:
        ranges = (rounded(dice, unit, least=0.0, most=1.0) for dice in (radimagenet, imagenet))
        return corner_bounds(lambda a, b: _POINTS * (a / b - 1), *ranges)

    return {
        "text": gains(published.text_radimagenet, published.text_imagenet, 0.01),
        "caption": gains(published.caption_radimagenet, published.caption_imagenet, 0.001),
        "stated": rounded(published.gain_percent, 0.1),
    }


def mean_difference(audits: Sequence[TaskAudit]) -> Bounds:
    """Return the range of the mean stated difference of some tasks, in points."""
    n = len(audits)
    low = sum(audit.difference.low for audit in audits)
    return Bounds(low / n, sum(audit.difference.high for audit in audits) / n)


def splits_as_far_apart(audits: Sequence[TaskAudit], first: set[str]) -> tuple[int, int]:
    """Count the ways to choose as many tasks whose mean difference is as far above the others'.

    An exact permutation test of "the difference is larger in these tasks" (`first`): how many
    choices are at least as far apart, the chosen one included, and how many there are.
    """
    stated = {audit.task: audit.published.difference for audit in audits}
    observed = sum(stated[task] for task in first)
    choices = list(itertools.combinations(stated, len(first)))
    as_far = [c for c in choices if sum(stated[task] for task in c) >= observed - 1e-9]
    return len(as_far), len(choices)


def judged_claims(audits: Sequence[TaskAudit]) -> pd.DataFrame:
    """Return every quoted sentence with its verdict: name, text, place, tasks, verdict, why, see.

    `verdict` is one of `VERDICTS`, `see` a page with other evidence, or "".
    """
    rows = []
    for claim in CLAIMS:
        chosen = [audit for audit in audits if audit.task in claim["tasks"]]
        judge = _JUDGES.get(claim["name"])  # of "unfreezing" and "backbones" nothing is printed
        holds, values = judge(chosen, audits) if judge else (None, {})
        verdict = UNKNOWN if holds is None else HOLDS if holds else NOT
        why = claim["why"].format_map(values)
        fields = {name: claim.get(name, "") for name in ("name", "text", "place", "tasks", "see")}
        rows.append(fields | {"verdict": verdict, "why": why})
    return pd.DataFrame(rows)


def task_names(tasks: Iterable[str]) -> str:
    """Return short names of tasks as a list in words; `none` for no task."""
    words = [_SHORT.get(task, task) for task in tasks]
    if len(words) < 2:
        return "".join(words) or "none"
    return f"{', '.join(words[:-1])} and {words[-1]}"


def _largest_spread(auc: Bounds) -> float:
    """Return the largest A(1 − A) over a range of areas; its peak is at one half."""
    nearest = min(max(0.5, auc.low), auc.high)
    return nearest * (1 - nearest)


def _with_zero(found: Bounds, middle: Bounds) -> Bounds:
    """Raise the upper end to 1 where the middle, and so the statistic, may be zero."""
    return Bounds(found.low, 1.0) if middle.holds(0) else found


def _t_quantile(df: float) -> float:
    return float(stats.t.ppf(0.975, df))


def _which(audits: Sequence[TaskAudit], quality: str) -> list[str]:
    return [audit.task for audit in audits if getattr(audit, quality)]


def _of(part: Sequence, whole: Sequence) -> str:
    return f"{len(part)} of {len(whole)}"


def _significant(chosen: Sequence[TaskAudit], _all: object) -> Judgement:
    ahead = _which(chosen, "ahead")
    zero = _which(chosen, "contains_zero")
    follows = _which(chosen, "p_follows")
    values = {
        "ahead": _of(ahead, chosen),
        "zero": task_names(zero),
        "follows": _of(follows, chosen),
        "follows_names": task_names(follows),
    }
    return len(follows) == len(chosen) and not zero, values


def _superior(chosen: Sequence[TaskAudit], _all: object) -> Judgement:
    ahead = _which(chosen, "ahead")
    clear = [audit.task for audit in chosen if audit.ahead and not audit.may_contain_zero]
    values = {"ahead": _of(ahead, chosen), "clear": len(clear), "clear_names": task_names(clear)}
    return len(clear) == len(chosen), values


def _range(chosen: Sequence[TaskAudit], _all: object) -> Judgement:
    stated = [audit.published.difference for audit in chosen]
    low, high = f"{min(stated):.1f}", f"{max(stated):.1f}"
    (text,) = (claim["text"] for claim in CLAIMS if claim["name"] == "range")
    return f"from {low}% to {high}%" in text, {"low": low, "high": high}


def _gain(chosen: Sequence[TaskAudit], _all: object) -> Judgement:
    first = chosen[0]
    relative = all(audit.relative_gain.meets(audit.difference) for audit in chosen)
    return relative, {"gain": first.relative_gain, "stated": first.published.difference}


def _outperforming(chosen: Sequence[TaskAudit], _all: object) -> Judgement:
    above = _which(chosen, "ahead")
    zero = _which(chosen, "contains_zero")
    equal = [audit.task for audit in chosen if audit.means.low + audit.means.high == 0]
    values = {"above": _of(above, chosen), "zero": task_names(zero), "equal": task_names(equal)}
    return len(above) == len(chosen) and not zero, values


def _narrowed(large: Sequence[TaskAudit], audits: Sequence[TaskAudit]) -> Judgement:
    small = [audit for audit in audits if audit.task in _SMALL]
    means = mean_difference(small), mean_difference(large)
    top = max(large, key=lambda audit: audit.published.difference)
    as_far, ways = splits_as_far_apart(audits, set(_SMALL))
    beaten = [audit for audit in small if audit.difference.high < top.difference.low]
    values = {
        "small": means[0],
        "large": means[1],
        "top": task_names([top.task]),
        "top_stated": top.published.difference,
        "beaten": _of(beaten, small),
        "as_far": as_far,
        "ways": ways,
    }
    return means[0].low > means[1].high, values


def _smaller_sds(_chosen: object, audits: Sequence[TaskAudit]) -> Judgement:
    records = [audit.published for audit in audits]
    smaller = [row for row in records if row.sd_radimagenet < row.sd_imagenet]
    ratios = [row.sd_imagenet / row.sd_radimagenet for row in records]
    values = {"smaller": _of(smaller, records), "ratio": Bounds(min(ratios), max(ratios))}
    return len(smaller) == len(records), values


def _comparable(chosen: Sequence[TaskAudit], _all: object) -> Judgement:
    margin = _POINTS * EQUIVALENCE_MARGIN
    ends = {audit.task: (audit.published.ci_low, audit.published.ci_high) for audit in chosen}
    inside = [task for task, (low, high) in ends.items() if -margin < low and high < margin]
    return len(inside) == len(chosen), {"margin": margin, "inside": _of(inside, chosen)}


def _dice(_chosen: object, _all: object) -> Judgement:
    gains = {task: dice_gains(published) for task, published in paper.DICE.items()}
    fits = all(
        gain["stated"].meets(gain[name]) for gain in gains.values() for name in ("text", "caption")
    )
    words = "; ".join(f"{task} {gain['caption']:.1f}%" for task, gain in gains.items())
    return (None if fits else False), {"gains": words}


def _interpretability(_chosen: object, _all: object) -> Judgement:
    large = [task for task in paper.DICE if task not in _SMALL]
    return None, {"measured": task_names(paper.DICE), "large_measured": task_names(large)}


# Of each claim; None where the paper prints nothing to judge it by.
_JUDGES: dict[str, Callable[[Sequence[TaskAudit], Sequence[TaskAudit]], Judgement] | None] = {
    "small_significant": _significant,
    "large_significant": _significant,
    "superior": _superior,
    "range": _range,
    "gain": _gain,
    "outperforming": _outperforming,
    "narrowed": _narrowed,
    "smaller_sds": _smaller_sds,
    "comparable": _comparable,
    "dice": _dice,
    "interpretability": _interpretability,
    "unfreezing": None,
    "backbones": None,
}
