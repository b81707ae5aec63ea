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
from collections.abc import Callable, Iterable, Mapping, Sequence
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

    Within the ends of what is possible at all, such as 0 for an SD.  InputError for a value that
    is not finite or outside the ends, or a unit that is not positive.
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


def stated_difference(published: paper.PublishedComparison) -> Bounds:
    """Return the stated difference in points, before rounding."""
    return rounded(published.difference, 0.1)


def stated_sds(published: paper.PublishedComparison) -> tuple[Bounds, Bounds]:
    """Return both SDs over scenarios in points, before rounding."""
    sds = published.sd_radimagenet, published.sd_imagenet
    first, second = (rounded(_POINTS * sd, 1.0, least=0.0) for sd in sds)
    return first, second


def stated_ends(published: paper.PublishedComparison) -> tuple[Bounds, Bounds]:
    """Return both ends of the interval in points, before rounding."""
    return rounded(published.ci_low, 0.1), rounded(published.ci_high, 0.1)


def stated_areas(published: paper.PublishedComparison) -> tuple[Bounds, Bounds]:
    """Return both mean areas (0-1), before rounding."""
    areas = published.auc_radimagenet, published.auc_imagenet
    first, second = (rounded(area, 0.01, least=0.0, most=1.0) for area in areas)
    return first, second


def means_difference(published: paper.PublishedComparison) -> Bounds:
    """Return the difference of the two mean areas in points."""
    areas = published.auc_radimagenet, published.auc_imagenet
    first, second = (rounded(_POINTS * auc, 1.0, least=0.0, most=_POINTS) for auc in areas)
    return first - second


def stated_p(published: paper.PublishedComparison) -> float:
    """Return the P value that a statement such as ``P < .001`` stays below.

    InputError for a statement of another form.
    """
    found = _STATED_P.fullmatch(published.p_text)
    if not found:
        raise InputError(
            f"{published.p_text!r} is not of the form P < .001",
            where=published.task,
            remedy="Only upper limits of P values can be audited.",
        )
    return float(found[1])


def unpaired_t_width(sd_a: float, sd_b: float, n: int = _N) -> float:
    """Return the half-width of the pooled t interval of two samples of n values each."""
    return _t_quantile(2 * n - 2) * math.hypot(sd_a, sd_b) / math.sqrt(n)


def welch_width(sd_a: float, sd_b: float, n: int = _N) -> float:
    """Return the half-width of Welch's t interval of two samples of n values each."""
    df = (n - 1) * (sd_a**2 + sd_b**2) ** 2 / (sd_a**4 + sd_b**4)
    return _t_quantile(df) * math.hypot(sd_a, sd_b) / math.sqrt(n)


def normal_width(sd_a: float, sd_b: float, n: int = _N) -> float:
    """Return the half-width of the unpaired interval with the normal quantile."""
    return _t_quantile(math.inf) * math.hypot(sd_a, sd_b) / math.sqrt(n)


def uncorrelated_pairs_width(sd_a: float, sd_b: float, n: int = _N) -> float:
    """Return the half-width of the paired t interval of n pairs that are uncorrelated."""
    return _t_quantile(n - 1) * math.hypot(sd_a, sd_b) / math.sqrt(n)


#: Ways to an interval of the difference of two means that leave out how scenarios pair; each
#: increases with either SD.
WIDTHS: dict[str, Callable[[float, float], float]] = {
    "unpaired t, pooled SD": unpaired_t_width,
    "unpaired t, Welch": welch_width,
    "unpaired, normal": normal_width,
    "paired t, pairs uncorrelated": uncorrelated_pairs_width,
}


def unpaired_t_p(difference: float, sd_a: float, sd_b: float, n: int = _N) -> float:
    """Return the two-sided P value of the pooled t test."""
    error = math.hypot(sd_a, sd_b) / math.sqrt(n)
    if error == 0:
        return 1.0 if difference == 0 else 0.0
    return float(2 * stats.t.sf(abs(difference) / error, 2 * n - 2))


def p_of_difference(published: paper.PublishedComparison) -> Bounds:
    """Return the P values of the pooled t test that the rounding allows.

    P falls with the size of the stated difference and rises with either SD, so corners give the
    range, and a difference that may be zero gives 1.
    """
    difference = stated_difference(published)
    return _with_zero(corner_bounds(unpaired_t_p, difference, *stated_sds(published)), difference)


def interval_p(low: float, high: float, df: float = 2 * _N - 2) -> float:
    """Return the P value of zero under a symmetric 95% t interval; normal for infinite `df`."""
    if high == low:
        return 1.0 if low == 0 else 0.0
    t = _t_quantile(df) * (high + low) / (high - low)
    return float(2 * stats.t.sf(abs(t), df))


def p_of_interval(published: paper.PublishedComparison, df: float = 2 * _N - 2) -> Bounds:
    """Return the P values that the printed interval implies, taken as a symmetric t interval.

    While the upper end is positive, middle over half-width moves one way with either end, so the
    range is that of the corners.  Of all symmetric t intervals the normal one (infinite `df`, as
    DeLong's) gives the lowest P value.  InputError for an upper end that is not clearly above zero
    and above the lower end.
    """
    low, high = stated_ends(published)
    if high.low <= max(0.0, low.high):
        raise InputError(
            f"interval from {published.ci_low} to {published.ci_high}",
            where=published.task,
            remedy="Pass an interval whose upper end is positive and above its lower end.",
        )
    return _with_zero(corner_bounds(lambda a, b: interval_p(a, b, df), low, high), low + high)


def correlation_for(sd_a: float, sd_b: float, variance: float) -> float:
    """Return the correlation at which differences of pairs have a variance; may leave −1 to 1.

    Solves sd_a² + sd_b² − 2 r sd_a sd_b = variance.
    """
    return (sd_a**2 + sd_b**2 - variance) / (2 * sd_a * sd_b)


def correlation_bounds(sd_a: Bounds, sd_b: Bounds, variance: Bounds) -> Bounds:
    """Return the range of `correlation_for` over a box of SDs that are positive.

    It falls with the variance.  Along one SD it may fall, then rise, with its lowest point where
    that SD squared is the other squared less the variance; so these points on the edges count
    beside the corners, and only for the low end.
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


def needed_correlation(published: paper.PublishedComparison, p: float, n: int = _N) -> Bounds:
    """Return the correlation above which a paired t test of the scenarios gives less than `p`.

    Its lower end is what the most favourable rounding needs; a value of published or more cannot be
    reached.
    """
    t = float(stats.t.isf(p / 2, n - 1))
    difference = stated_difference(published)
    largest = max(abs(difference.low), abs(difference.high))
    smallest = 0.0 if difference.holds(0) else min(abs(difference.low), abs(difference.high))
    variance = Bounds(*(n * (size / t) ** 2 for size in (smallest, largest)))
    return correlation_bounds(*stated_sds(published), variance)


def width_correlation(published: paper.PublishedComparison, n: int = _N) -> Bounds:
    """Return the correlations (−1 to 1) at which a paired t interval has the printed half-width."""
    low, high = stated_ends(published)
    half = (high - low).scaled(0.5)
    variance = Bounds(*(n * (end / _t_quantile(n - 1)) ** 2 for end in (half.low, half.high)))
    found = correlation_bounds(*stated_sds(published), variance)
    return Bounds(max(-1.0, min(found.low, 1.0)), min(1.0, max(found.high, -1.0)))


def delong_width_limit(
    auc_a: Bounds, auc_b: Bounds, positives: float, negatives: float, level: float = 0.95
) -> float:
    """Return the largest half-width that a paired DeLong interval can have, in points.

    Given the ranges of both areas (0-1), and the tested cases of each class, above one.
    Placements lie in 0-1 and average to the area A, so their sample variance over m cases is at
    most A(1 − A) m/(m − 1); DeLong's variance of one area is then at most A(1 − A)(1/(m − 1) +
    1/(n − 1)), and the standard error of a difference at most the sum of both.  This is algebra on
    the estimator: it holds for any scores, also of dependent images.
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
    """What one task's published numbers imply; AUC points (0-100), ranges by rounding.

    Attributes
    ----------
    task, title, stated_difference, published_low, published_high
        As printed.
    difference, middle, means
        Ranges of the stated difference, of the middle of the interval, and of the difference of
        the mean areas.
    published_half_width, half_width
        The printed half-width and its range.
    implied_half_width, implied, widths
        Half-width of the unpaired t interval of the printed SDs, its range, and the same range
        for every way in `WIDTHS`.
    contains_zero, may_contain_zero
        Whether the interval includes zero for every rounding, and for some.
    stated_p
        Largest P value that the paper's statement allows.
    implied_p, p_by_sds, p_by_interval, p_by_normal
        P value of the stated difference with the printed SDs under the unpaired t test, its
        range, and the ranges that the interval itself implies, taken as a t interval over
        scenarios and as a normal one.
    needed_correlation, width_correlation
        Correlation of scenarios above which a paired t test gives less than `stated_p`, and at
        which a paired t interval has the published half-width.
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


def audit_task(published: paper.PublishedComparison) -> TaskAudit:
    """Audit one comparison of the paper (Results, Performance on Small and on Larger Datasets)."""
    low, high = stated_ends(published)
    printed = _POINTS * published.sd_radimagenet, _POINTS * published.sd_imagenet
    widths = {name: corner_bounds(width, *stated_sds(published)) for name, width in WIDTHS.items()}
    areas = stated_areas(published)
    limit, difference = stated_p(published), stated_difference(published)
    tested = paper.SETTINGS["split_percent"].value[-1] / 100
    counts = paper.CLASS_COUNTS[published.task]
    classes = [count.images * tested for count in counts if count.group != "all"]
    return TaskAudit(
        task=published.task,
        title=published.title,
        stated_difference=published.difference,
        published_low=published.ci_low,
        published_high=published.ci_high,
        difference=difference,
        middle=(low + high).scaled(0.5),
        means=means_difference(published),
        published_half_width=(published.ci_high - published.ci_low) / 2,
        half_width=(high - low).scaled(0.5),
        implied_half_width=unpaired_t_width(*printed),
        implied=widths[next(iter(WIDTHS))],
        widths=widths,
        contains_zero=low.high <= 0 <= high.low,
        may_contain_zero=low.low <= 0 <= high.high,
        stated_p=limit,
        implied_p=unpaired_t_p(published.difference, *printed),
        p_by_sds=p_of_difference(published),
        p_by_interval=p_of_interval(published),
        p_by_normal=p_of_interval(published, math.inf),
        needed_correlation=needed_correlation(published, limit),
        width_correlation=width_correlation(published),
        delong_limit=delong_width_limit(*areas, *classes),
        delong_limit_any=delong_width_limit(Bounds(0.0, 1.0), Bounds(0.0, 1.0), *classes),
        relative_gain=corner_bounds(lambda d, area: d / area, difference, areas[1]),
    )


def audit_tasks() -> list[TaskAudit]:
    """Audit every comparison of the paper, in its order."""
    return [audit_task(published) for published in paper.COMPARISONS.values()]


def holm_bounds(audits: Sequence[TaskAudit]) -> list[Bounds]:
    """Return the range of each task's P value by the SDs after Holm's correction over the tasks.

    Every adjusted value rises with every raw one, so the lowest raw values give the lowest
    adjusted ones.
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

    An exact permutation test of "the difference is larger in these tasks" (`first`), audit-sided:
    how many choices are at least as far apart, the chosen audit included, and how many there are.
    """
    stated = {audit.task: audit.stated_difference for audit in audits}
    observed = sum(stated[task] for task in first)
    choices = list(itertools.combinations(stated, len(first)))
    as_far = [c for c in choices if sum(stated[task] for task in c) >= observed - 1e-9]
    return len(as_far), len(choices)


def judged_claims(audits: Sequence[TaskAudit]) -> pd.DataFrame:
    """Return every quoted sentence with its verdict, given the audits of all tasks.

    One row a sentence: `name`, `text`, `place`, `tasks`, `verdict` (one of `VERDICTS`), `why` and
    `see` (page with other evidence, or "").
    """
    rows = []
    for claim in CLAIMS:
        chosen = [audit for audit in audits if audit.task in claim["tasks"]]
        holds, values = _JUDGES[claim["name"]](chosen, audits)
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


def _which(audits: Sequence[TaskAudit], holds: Callable[[TaskAudit], bool]) -> list[str]:
    return [audit.task for audit in audits if holds(audit)]


def _of(part: Sequence, whole: Sequence) -> str:
    return f"{len(part)} of {len(whole)}"


def _significant(chosen: Sequence[TaskAudit], _all: object) -> Judgement:
    ahead = _which(chosen, lambda audit: audit.difference.low > 0)
    zero = _which(chosen, lambda audit: audit.contains_zero)
    follows = _which(chosen, lambda audit: audit.p_follows)
    values = {
        "ahead": _of(ahead, chosen),
        "zero": task_names(zero),
        "follows": _of(follows, chosen),
        "follows_names": task_names(follows),
    }
    return len(follows) == len(chosen) and not zero, values


def _superior(chosen: Sequence[TaskAudit], _all: object) -> Judgement:
    ahead = _which(chosen, lambda audit: audit.difference.low > 0)
    clear = _which(chosen, lambda audit: audit.difference.low > 0 and not audit.may_contain_zero)
    values = {"ahead": _of(ahead, chosen), "clear": len(clear), "clear_names": task_names(clear)}
    return len(clear) == len(chosen), values


def _range(chosen: Sequence[TaskAudit], _all: object) -> Judgement:
    stated = [audit.stated_difference for audit in chosen]
    low, high = f"{min(stated):.1f}", f"{max(stated):.1f}"
    (text,) = (claim["text"] for claim in CLAIMS if claim["name"] == "range")
    return f"from {low}% to {high}%" in text, {"low": low, "high": high}


def _gain(chosen: Sequence[TaskAudit], _all: object) -> Judgement:
    first = chosen[0]
    relative = all(audit.relative_gain.meets(audit.difference) for audit in chosen)
    return relative, {"gain": first.relative_gain, "stated": first.stated_difference}


def _outperforming(chosen: Sequence[TaskAudit], _all: object) -> Judgement:
    above = _which(chosen, lambda audit: audit.difference.low > 0)
    zero = _which(chosen, lambda audit: audit.contains_zero)
    equal = _which(chosen, lambda audit: audit.means.low + audit.means.high == 0)
    values = {"above": _of(above, chosen), "zero": task_names(zero), "equal": task_names(equal)}
    return len(above) == len(chosen) and not zero, values


def _narrowed(large: Sequence[TaskAudit], audits: Sequence[TaskAudit]) -> Judgement:
    small = [audit for audit in audits if audit.task in _SMALL]
    means = mean_difference(small), mean_difference(large)
    top = max(large, key=lambda audit: audit.stated_difference)
    as_far, ways = splits_as_far_apart(audits, set(_SMALL))
    beaten = [audit for audit in small if audit.difference.high < top.difference.low]
    values = {
        "small": means[0],
        "large": means[1],
        "top": task_names([top.task]),
        "top_stated": top.stated_difference,
        "beaten": _of(beaten, small),
        "as_far": as_far,
        "ways": ways,
    }
    return means[0].low > means[1].high, values


def _smaller_sds(_chosen: object, audits: Sequence[TaskAudit]) -> Judgement:
    records = [paper.COMPARISONS[audit.task] for audit in audits]
    smaller = [row for row in records if row.sd_radimagenet < row.sd_imagenet]
    ratios = [row.sd_imagenet / row.sd_radimagenet for row in records]
    values = {"smaller": _of(smaller, records), "ratio": Bounds(min(ratios), max(ratios))}
    return len(smaller) == len(records), values


def _comparable(chosen: Sequence[TaskAudit], _all: object) -> Judgement:
    margin = Bounds(-_POINTS * EQUIVALENCE_MARGIN, _POINTS * EQUIVALENCE_MARGIN)
    inside = _which(
        chosen,
        lambda audit: margin.low < audit.published_low and audit.published_high < margin.high,
    )
    return len(inside) == len(chosen), {"margin": margin.high, "inside": _of(inside, chosen)}


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


def _not_printed(_chosen: object, _all: object) -> Judgement:
    return None, {}


_JUDGES: dict[str, Callable[[Sequence[TaskAudit], Sequence[TaskAudit]], Judgement]] = {
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
    "unfreezing": _not_printed,
    "backbones": _not_printed,
}
