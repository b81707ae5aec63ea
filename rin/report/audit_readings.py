"""Sentences that read the audit, each made from the numbers that it states.

Every function takes audits and returns plain text; other numbers give other sentences.
"""

from collections.abc import Mapping, Sequence

from rin import paper
from rin.report.audit_words import (
    names,
    of,
    p_range_words,
    p_words,
    range_words,
    where,
)
from rin.report.format import format_number
from rin.stats.audit_rounding import Bounds
from rin.stats.audit_tasks import TaskAudit, dice_gains, holm_bounds
from rin.stats.audit_tests import WIDTHS

_ALPHA = paper.SETTINGS["alpha"].value
_SCENARIOS = paper.SETTINGS["scenarios"].value
_TESTED = paper.SETTINGS["split_percent"].value[-1]


def width_reading(audits: Sequence[TaskAudit]) -> str:
    """Return in how many tasks published and implied half-widths agree, and with which formula."""
    agree = where(audits, lambda one: one.agrees)
    apart = max(abs(one.published_half_width - one.implied_half_width) for one in audits)
    text = (
        f"In {of(agree, audits)} tasks the printed half-width equals, within rounding, that of an "
        f"unpaired t interval over {_SCENARIOS} scenario areas"
    )
    if len(agree) < len(audits):
        text += f" (not in {names(where(audits, lambda one: not one.agrees))})"
    return (
        f"{text}; taken as printed, the two are at most {format_number(apart, 2)} points "
        f"apart. {_formulas(audits)}"
    )


def _formulas(audits: Sequence[TaskAudit]) -> str:
    fit = [name for name in WIDTHS if all(one.half_width.meets(one.widths[name]) for one in audits)]
    text = f"The same holds of {of(fit, WIDTHS)} formulas that leave out how scenarios pair"
    return f"{text}, so the numbers cannot tell these apart." if len(fit) > 1 else f"{text}."


def zero_reading(audits: Sequence[TaskAudit]) -> str:
    """Return which intervals hold zero, and which of them stand beside a small P value."""
    zero = where(audits, lambda one: one.contains_zero)
    unsure = where(audits, lambda one: one.may_contain_zero and not one.contains_zero)
    small = [one for one in audits if one.contains_zero and one.stated_p <= _ALPHA]
    text = f"{of(zero, audits)} published intervals hold zero, however they were rounded"
    text += f": {names(zero)}." if zero else "."
    if unsure:
        text += f" Of {names(unsure)} rounding leaves it open."
    if small:
        limits = " or ".join(dict.fromkeys(f"P < {p_words(one.stated_p)}" for one in small))
        text += (
            f" Beside {len(small)} of them stands {limits}. A 95% interval that holds zero and a P "
            f"value below {p_words(_ALPHA)} cannot both come from one test of one difference."
        )
    return text


def p_reading(audits: Sequence[TaskAudit]) -> str:
    """Return which stated P values the printed SDs, or the printed intervals, allow."""
    by_sds = where(audits, lambda one: one.p_by_sds.low < one.stated_p)
    by_interval = where(audits, lambda one: one.p_by_normal.low < one.stated_p)
    above = where(audits, lambda one: min(one.p_by_sds.low, one.p_by_interval.low) > _ALPHA)
    either = where(audits, lambda one: one.p_follows)
    return (
        f"Taken as a t interval over scenarios, rounding of the SDs allows the stated P value in "
        f"{of(by_sds, audits)} tasks ({names(by_sds)}). Whatever the SDs, a symmetric interval "
        "with the printed ends, t or normal as DeLong's, allows it in "
        f"{of(by_interval, audits)} ({names(by_interval)}). In "
        f"{len(audits) - len(either)} tasks neither does, and in {names(above)} both stay above "
        f"{p_words(_ALPHA)} for every rounding."
    )


def holm_reading(audits: Sequence[TaskAudit]) -> str:
    """Return how many tasks stay below .05 after Holm's correction, surely and possibly."""
    ranges = dict(zip((one.task for one in audits), holm_bounds(audits), strict=True))
    sure = [task for task, found in ranges.items() if found.high < _ALPHA]
    never = [task for task, found in ranges.items() if found.low >= _ALPHA]
    open_ones = [task for task in ranges if task not in sure + never]
    return (
        f"Holm's correction of the unpaired t tests over the {len(audits)} tasks leaves "
        f"{names(sure)} below {p_words(_ALPHA)} for every rounding and {names(never)} above it; "
        f"of {names(open_ones)} rounding leaves it open."
    )


def centre_reading(audits: Sequence[TaskAudit]) -> str:
    """Return which stated differences miss the middle of their interval, and their means."""
    off = [one for one in audits if not one.difference.meets(one.middle)]
    away = [one for one in audits if not one.difference.meets(one.means)]
    text = (
        f"The stated difference can be the middle of its interval in {len(audits) - len(off)} of "
        f"{len(audits)} tasks and the difference of the printed means in "
        f"{len(audits) - len(away)}."
    )
    for one in off:
        fits = "is" if one.middle.meets(one.means) else "is not"
        text += (
            f" For {names([one.task])} it is {format_number(one.stated_difference, 1)}, the middle "
            f"{range_words(one.middle, 2)}, the difference of the means {range_words(one.means)}: "
            f"the middle {fits} compatible with the means, and the stated difference "
            f"{'is' if one.difference.meets(one.means) else 'is not'}."
        )
    return text


def pairing_reading(audits: Sequence[TaskAudit]) -> str:
    """Return what correlation of scenarios a paired t test would have needed."""
    never = where(audits, lambda one: one.needed_correlation.low >= 1)
    some = where(audits, lambda one: one.needed_correlation.low < 1 <= one.needed_correlation.high)
    both = where(audits, lambda one: one.width_correlation.meets(one.needed_correlation))
    zero = where(audits, lambda one: one.width_correlation.holds(0))
    lowest = min(one.width_correlation.low for one in audits)
    highest = max(one.width_correlation.high for one in audits)
    return (
        "A paired t test takes off what the scenarios have in common; their correlation was not "
        f"published. No correlation would give the stated P value in {names(never)}; in "
        f"{names(some)} one would for some roundings only. A paired t interval has the printed "
        f"width at a correlation from {range_words(Bounds(lowest, highest), 2)}, over tasks and "
        f"roundings, with zero among them in {of(zero, audits)} tasks. One correlation allows both "
        f"the printed width and the stated P value in {of(both, audits)} ({names(both)})."
    )


def delong_limit_reading(audits: Sequence[TaskAudit]) -> str:
    """Return in which tasks no DeLong interval can be as wide as the printed one."""
    wide = where(audits, lambda one: one.too_wide_for_delong)
    any_area = where(audits, lambda one: one.half_width.low > one.delong_limit_any)
    text = (
        f"With {_TESTED}% of the stated images of each class tested, or more, the printed interval "
        f"is wider than any DeLong interval of the printed mean areas in {of(wide, audits)} tasks"
    )
    text += f" ({names(wide)})" if wide else ""
    return f"{text}, and in {names(any_area)} wider than one of any areas whatever."


def delong_reading() -> str:
    """Return what a DeLong test could say, and why it cannot be audited."""
    return (
        "DeLong's test needs the scores of every case, which were not published. It can give small "
        "P values on many images where intervals over scenarios are wide, so that, taken alone, "
        "nothing here speaks for or against the stated P values of such a test. How "
        f"{_SCENARIOS} pairs of curves became one P value a task is not stated."
    )


def percent_reading(audits: Sequence[TaskAudit]) -> str:
    """Return whether stated gains are percents of the ImageNet area or points."""
    points = where(audits, lambda one: one.relative_gain.low > one.difference.high)
    first = audits[0]
    return (
        "The paper's percents of areas are points, differences times 100. In percent of the "
        f"ImageNet area {names([first.task])} would be {range_words(first.relative_gain)}, not "
        f"{format_number(first.stated_difference, 1)}; in {of(points, audits)} tasks the stated "
        "value is below the range of the relative gain. The percents of Dice scores are relative."
    )


def dice_reading(records: Mapping[str, paper.PublishedDice]) -> str:
    """Return whether the stated percent gains in Dice follow from the stated scores."""
    parts = []
    for task, one in records.items():
        gains = dice_gains(one)
        parts.append(
            f"{names([task])}: stated {format_number(one.gain_percent, 1)}%, by the text "
            f"{range_words(gains['text'])}% ({_fits(gains['stated'], gains['text'])}), by the "
            f"caption {range_words(gains['caption'])}% "
            f"({_fits(gains['stated'], gains['caption'])})"
        )
    return (
        f"Gains in Dice: {'; '.join(parts)}. No SD of a Dice score is printed, so the P values of "
        "the paired t tests cannot be checked."
    )


def _fits(stated: Bounds, found: Bounds) -> str:
    return "compatible" if stated.meets(found) else "not compatible"


def conclusions(
    audits: Sequence[TaskAudit], dice: Mapping[str, paper.PublishedDice] = paper.DICE
) -> dict[str, list[str]]:
    """Return all that the audit finds, under what follows, what does not, and what is open.

    Parameters
    ----------
    audits
        From `rin.stats.audit_tasks.audit_tasks`.
    dice
        Published Dice scores.

    Returns
    -------
    dict
        From a heading to its sentences; a sentence moves with the numbers it states.
    """
    ahead = where(audits, lambda one: one.difference.low > 0)
    apart = where(audits, lambda one: not one.may_contain_zero)
    return {
        "What follows from the published numbers": [
            f"The mean over {_SCENARIOS} settings is higher with RadImageNet weights in "
            f"{of(ahead, audits)} tasks, by {_span(audits)} points.",
            f"In {of(apart, audits)} tasks ({names(apart)}) the printed interval excludes zero, "
            f"and the unpaired t test over scenarios gives P from {_p_span(audits, apart)}.",
            width_reading(audits),
            delong_limit_reading(audits),
        ],
        "What does not follow": [
            zero_reading(audits),
            p_reading(audits),
            centre_reading(audits),
            percent_reading(audits),
            "An interval over scenarios describes how areas vary with the way of fine-tuning, not "
            "with the patients; nothing about other patients follows from it.",
        ],
        "What cannot be told": [
            delong_reading(),
            pairing_reading(audits),
            dice_reading(dice),
        ],
    }


def _span(audits: Sequence[TaskAudit]) -> str:
    stated = [one.stated_difference for one in audits]
    return range_words(Bounds(min(stated), max(stated)))


def _p_span(audits: Sequence[TaskAudit], tasks: Sequence[str]) -> str:
    found = [one.p_by_sds for one in audits if one.task in tasks]
    if not found:
        return "no task"
    return p_range_words(Bounds(min(p.low for p in found), max(p.high for p in found)))
