"""Sentences of the paper (`claims.yaml`), judged by the audit of the paper's own numbers."""

from collections.abc import Collection, Iterable
from types import SimpleNamespace
from typing import Any

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
_BY_NAME = {claim["name"]: claim for claim in CLAIMS}
_SMALL, _LARGE = (_BY_NAME[f"{size}_significant"]["tasks"] for size in ("small", "large"))
_MARGIN = 100 * EQUIVALENCE_MARGIN
Audits = Collection[TaskAudit]


def judged_claims(audits: Audits) -> pd.DataFrame:
    """Return every quoted sentence: `name`, `text`, `place`, `tasks`, `verdict` and `why`.

    A claim follows if each of its tasks has the properties (`checks`) that it `needs`; those with
    other conditions are judged by `_numbers`.  The paper prints no numbers by which "unfreezing"
    and "backbones" could be judged.
    """
    known = checks(audits)
    numbers = _numbers(audits)
    rows = []
    for claim in CLAIMS:
        of_tasks = known.loc[claim["tasks"]]
        needs = pd.Series(claim.get("needs", {}))
        holds = numbers.get(f"{claim['name']}_holds")
        if needs.size:
            holds = bool(of_tasks[needs.index].eq(needs).all(axis=None))
        names = {f"{name}_names": task_names(has.index[has]) for name, has in of_tasks.items()}
        values = {"number": len(of_tasks), **of_tasks.sum(), **names, **numbers}
        rows.append(claim | {"verdict": VERDICTS[holds], "why": claim["why"].format_map(values)})
    return pd.DataFrame(rows)


def _numbers(audits: Audits) -> dict[str, Any]:
    """Return numbers that explain claims, and whether claims on several tasks hold, by name."""
    of_task = {audit.task: audit for audit in audits}
    rows = [audit.published for audit in audits]
    small, large = (_mean_difference([of_task[t] for t in some]) for some in (_SMALL, _LARGE))
    top = max((of_task[task] for task in _LARGE), key=lambda audit: audit.published.estimate)
    as_far, ways = splits_as_far_apart(audits, _SMALL)
    smaller = [row.sd_radimagenet < row.sd_imagenet for row in rows]
    ratios = [row.sd_imagenet / row.sd_radimagenet for row in rows]
    low, high = (end(row.estimate for row in rows) for end in (min, max))
    gains = {task: dice_gains(published) for task, published in paper.DICE.items()}
    fit = all(
        gain["stated"].meets(gain[source])
        for gain in gains.values()
        for source in ("text", "caption")
    )
    return {
        "audits": of_task,
        "range_holds": f"from {low:.1f}% to {high:.1f}%" in _BY_NAME["range"]["text"],
        "low": low,
        "high": high,
        "narrowed_holds": small.low > large.high,
        "small": small,
        "large": large,
        "top": top.published,
        "beaten": sum(of_task[task].difference.high < top.difference.low for task in _SMALL),
        "as_far": as_far,
        "ways": ways,
        "smaller_sds_holds": all(smaller),
        "smaller": f"{sum(smaller)} of {len(smaller)}",
        "ratio": Bounds(min(ratios), max(ratios)),
        "margin": _MARGIN,
        # Scores that agree confirm the gain, but not the P value that is stated beside it.
        "dice_holds": None if fit else False,
        "gains": "; ".join(f"{task} {gain['caption']:.1f}%" for task, gain in gains.items()),
        "measured": task_names(paper.DICE),
        "large_measured": task_names(paper.DICE.keys() - {*_SMALL}),
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


def checks(audits: Audits) -> pd.DataFrame:
    """Return properties of each task, by its name, as columns of booleans.

    `ahead`: RadImageNet's AUC is higher; `zero`: the printed interval includes zero; `clear`:
    ahead, and it excludes zero for every rounding; `alike`: both AUCs are printed alike;
    `relative`: the difference may be one in percent of ImageNet's AUC; `equivalent`: the interval
    is within the margin; `wide`: it is wider than any DeLong interval can be; `follows`: P < .001
    may follow from the printed numbers; `above`: both P values are above .05 for every rounding;
    `below`: the P value by the SDs is below .05 for every rounding, after Holm's correction.
    """
    rows = [
        {
            "ahead": audit.ahead,
            "zero": audit.contains_zero,
            "clear": audit.ahead and not audit.may_contain_zero,
            "alike": audit.means.low + audit.means.high == 0,
            "relative": audit.relative_gain.meets(audit.difference),
            "equivalent": -_MARGIN < audit.published.ci_low <= audit.published.ci_high < _MARGIN,
            "wide": audit.too_wide_for_delong,
            "follows": audit.p_follows,
            "above": min(audit.p_by_sds.low, audit.p_by_normal.low) > 0.05,
            "below": adjusted.high < 0.05,
        }
        for audit, adjusted in zip(audits, holm_bounds(audits), strict=True)
    ]
    return pd.DataFrame(rows, index=[audit.task for audit in audits])


def holm_bounds(audits: Audits) -> list[Bounds]:
    """Return the range of each task's P value by the SDs, after Holm's correction over tasks."""
    # Adjusted values never fall when a raw value rises.
    lows = holm([audit.p_by_sds.low for audit in audits])
    highs = holm([audit.p_by_sds.high for audit in audits])
    return [Bounds(float(low), float(high)) for low, high in zip(lows, highs, strict=True)]


def dice_gains(published: SimpleNamespace) -> dict[str, Bounds]:
    """Return ranges of the percent gain in Dice: as stated, from the text, and the caption."""
    gains = {"stated": rounding_range(published.gain_percent, 0.1)}
    for place, unit in {"text": 0.01, "caption": 0.001}.items():
        printed = (getattr(published, f"{place}_{source}") for source in paper.SOURCES)
        ranges = (rounding_range(dice, unit, least=0.0, most=1.0) for dice in printed)
        gains[place] = corner_bounds(lambda a, b: 100 * (a / b - 1), *ranges)
    return gains


def task_names(tasks: Iterable[str]) -> str:
    """Return the short names of tasks as an enumeration; `none` for no task."""
    return join_with_and(paper.COMPARISONS[task].short for task in tasks)


def _mean_difference(audits: Collection[TaskAudit]) -> Bounds:
    ends = [(audit.difference.low, audit.difference.high) for audit in audits]
    return Bounds(*np.mean(ends, axis=0).tolist())
