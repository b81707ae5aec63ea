"""Sentences of the paper (`claims.yaml`), judged by the audit of the paper's own numbers."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import permutation_test

from rin.errors import join_with_and
from rin.evidence import paper
from rin.evidence.audit import Bounds, TaskAudit, corner_bounds, rounding_range
from rin.files import read_facts
from rin.stats import EQUIVALENCE_MARGIN, holm

CLAIMS: tuple[dict, ...] = tuple(read_facts(__file__))
VERDICTS = {True: "holds", False: "does not follow", None: "cannot be judged"}
_TASKS = {claim["name"]: claim["tasks"] for claim in CLAIMS}
Audits = Collection[TaskAudit]


class Check(NamedTuple):
    """Whether a statement holds (None: it cannot be judged), and the values its texts show."""

    holds: bool | None
    values: dict[str, object]


def judged_claims(audits: Audits) -> pd.DataFrame:
    """Return every quoted sentence: `name`, `text`, `place`, `tasks`, `verdict` and `why`."""
    rows = []
    for claim in CLAIMS:
        # The paper prints no numbers by which "unfreezing" and "backbones" could be judged.
        judge = _JUDGES.get(claim["name"])
        chosen = _claim_audits(claim["name"], audits)
        check = judge(chosen, audits) if judge else Check(None, {})
        why = claim["why"].format_map(check.values)
        rows.append(claim | {"verdict": VERDICTS[check.holds], "why": why})
    return pd.DataFrame(rows)


# A judge takes the audits of the tasks that a claim names, and the audits of all tasks.


def _significant(chosen: Audits, _: Audits) -> Check:
    zero = [audit.task for audit in chosen if audit.contains_zero]
    follows = [audit.task for audit in chosen if audit.p_follows]
    values = {
        "ahead": _share([audit for audit in chosen if audit.ahead], chosen),
        "zero": task_names(zero),
        "follows": _share(follows, chosen),
        "follows_names": task_names(follows),
    }
    return Check(len(follows) == len(chosen) and not zero, values)


def _superior(chosen: Audits, _: Audits) -> Check:
    ahead = [audit.task for audit in chosen if audit.ahead]
    clear = [audit.task for audit in chosen if audit.ahead and not audit.may_contain_zero]
    names = task_names(clear)
    values = {"ahead": _share(ahead, chosen), "clear": len(clear), "clear_names": names}
    return Check(len(clear) == len(chosen), values)


def _range(chosen: Audits, _: Audits) -> Check:
    stated = [audit.published.estimate for audit in chosen]
    low, high = f"{min(stated):.1f}", f"{max(stated):.1f}"
    text = next(claim["text"] for claim in CLAIMS if claim["name"] == "range")
    return Check(f"from {low}% to {high}%" in text, {"low": low, "high": high})


def _gain(chosen: Audits, _: Audits) -> Check:
    is_relative = all(audit.relative_gain.meets(audit.difference) for audit in chosen)
    values = {"gain": chosen[0].relative_gain, "stated": chosen[0].published.estimate}
    return Check(is_relative, values)


def _outperformance(chosen: Audits, _: Audits) -> Check:
    above = [audit.task for audit in chosen if audit.ahead]
    zero = [audit.task for audit in chosen if audit.contains_zero]
    equal = [audit.task for audit in chosen if audit.means.low + audit.means.high == 0]
    values = {"above": _share(above, chosen), "zero": task_names(zero), "equal": task_names(equal)}
    return Check(len(above) == len(chosen) and not zero, values)


def _narrowing(large: Audits, audits: Audits) -> Check:
    small = _claim_audits("small_significant", audits)
    mean_small, mean_large = _mean_difference(small), _mean_difference(large)
    top = max(large, key=lambda audit: audit.published.estimate)
    beaten = [audit for audit in small if audit.difference.high < top.difference.low]
    as_far, ways = splits_as_far_apart(audits, _TASKS["small_significant"])
    values = {
        "small": mean_small,
        "large": mean_large,
        "top": task_names([top.task]),
        "top_stated": top.published.estimate,
        "beaten": _share(beaten, small),
        "as_far": as_far,
        "ways": ways,
    }
    return Check(mean_small.low > mean_large.high, values)


def _smaller_sds(_: Audits, audits: Audits) -> Check:
    rows = [audit.published for audit in audits]
    smaller = [row for row in rows if row.sd_radimagenet < row.sd_imagenet]
    ratios = [row.sd_imagenet / row.sd_radimagenet for row in rows]
    values = {"smaller": _share(smaller, rows), "ratio": Bounds(min(ratios), max(ratios))}
    return Check(len(smaller) == len(rows), values)


def _comparable(chosen: Audits, _: Audits) -> Check:
    rows = [audit.published for audit in chosen]
    margin = 100 * EQUIVALENCE_MARGIN
    inside = [row for row in rows if -margin < row.ci_low and row.ci_high < margin]
    return Check(len(inside) == len(rows), {"margin": margin, "inside": _share(inside, rows)})


def _dice(_chosen: Audits, _: Audits) -> Check:
    gains = {task: dice_gains(published) for task, published in paper.DICE.items()}
    fits = all(
        gain["stated"].meets(gain[source])
        for gain in gains.values()
        for source in ("text", "caption")
    )
    words = "; ".join(f"{task} {gain['caption']:.1f}%" for task, gain in gains.items())
    # Scores that agree confirm the gain, but not the P value that is stated beside it.
    return Check(None if fits else False, {"gains": words})


def _interpretability(_chosen: Audits, _: Audits) -> Check:
    of_large = [task for task in paper.DICE if task not in _TASKS["small_significant"]]
    values = {"measured": task_names(paper.DICE), "large_measured": task_names(of_large)}
    return Check(None, values)


_JUDGES: Mapping[str, Callable[[Audits, Audits], Check]] = {
    "small_significant": _significant,
    "large_significant": _significant,
    "superior": _superior,
    "range": _range,
    "gain": _gain,
    "outperforming": _outperformance,
    "narrowed": _narrowing,
    "smaller_sds": _smaller_sds,
    "comparable": _comparable,
    "dice": _dice,
    "interpretability": _interpretability,
}


def splits_as_far_apart(audits: Audits, first: Collection[str]) -> tuple[int, int]:
    """Count the ways to choose tasks whose differences are as far above the others' as in `first`.

    An exact permutation test: the number of ways at least as far apart, and the number of all
    ways.
    """
    chosen = [audit.published.estimate for audit in audits if audit.task in first]
    others = [audit.published.estimate for audit in audits if audit.task not in first]
    test = permutation_test(
        (chosen, others), lambda a, b: a.mean() - b.mean(), alternative="greater"
    )
    ways = len(test.null_distribution)
    return round(test.pvalue * ways), ways


def checks(audits: Collection[TaskAudit]) -> pd.DataFrame:
    """Return four properties of each task, by its name, as columns of booleans.

    `wide`: the printed interval is wider than any DeLong interval can be; `follows`: P < .001 may
    follow from the printed numbers; `above`: both P values are above .05 for every rounding;
    `below`: the P value by the SDs is below .05 for every rounding, after Holm's correction.
    """
    rows = [
        {
            "wide": audit.too_wide_for_delong,
            "follows": audit.p_follows,
            "above": min(audit.p_by_sds.low, audit.p_by_normal.low) > 0.05,
            "below": adjusted.high < 0.05,
        }
        for audit, adjusted in zip(audits, holm_bounds(audits), strict=True)
    ]
    return pd.DataFrame(rows, index=[audit.task for audit in audits])


def holm_bounds(audits: Iterable[TaskAudit]) -> list[Bounds]:
    """Return the range of each task's P value by the SDs, after Holm's correction over tasks."""
    audits = list(audits)
    # Adjusted values never fall when a raw value rises.
    lows = holm([audit.p_by_sds.low for audit in audits])
    highs = holm([audit.p_by_sds.high for audit in audits])
    return [Bounds(float(low), float(high)) for low, high in zip(lows, highs, strict=True)]


def dice_gains(published: paper.PublishedDice) -> dict[str, Bounds]:
    """Return ranges of the percent gain in Dice: from the text, the caption, and as stated."""
    text = published.text_radimagenet, published.text_imagenet
    caption = published.caption_radimagenet, published.caption_imagenet
    return {
        "text": _relative_gain(*text, unit=0.01),
        "caption": _relative_gain(*caption, unit=0.001),
        "stated": rounding_range(published.gain_percent, 0.1),
    }


def _relative_gain(radimagenet: float, imagenet: float, *, unit: float) -> Bounds:
    ranges = [rounding_range(dice, unit, least=0.0, most=1.0) for dice in (radimagenet, imagenet)]
    return corner_bounds(lambda a, b: 100 * (a / b - 1), *ranges)


def task_names(tasks: Iterable[str]) -> str:
    """Return the short names of tasks as an enumeration; `none` for no task."""
    return join_with_and(paper.COMPARISONS[task].short for task in tasks)


def _claim_audits(claim: str, audits: Iterable[TaskAudit]) -> list[TaskAudit]:
    return [audit for audit in audits if audit.task in _TASKS[claim]]


def _mean_difference(audits: Collection[TaskAudit]) -> Bounds:
    ends = [(audit.difference.low, audit.difference.high) for audit in audits]
    return Bounds(*np.mean(ends, axis=0).tolist())


def _share(part: Collection, whole: Collection) -> str:
    return f"{len(part)} of {len(whole)}"
