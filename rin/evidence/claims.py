"""Sentences of the paper (`claims.yaml`), judged by the audit of the paper's own numbers."""

from collections.abc import Collection, Iterable, Mapping
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

CLAIMS: dict[str, dict] = read_facts(__file__)
VERDICTS = {True: "holds", False: "does not follow", None: "cannot be judged"}
_SMALL, _LARGE = (CLAIMS[f"{size}_significant"]["tasks"] for size in ("small", "large"))
_MARGIN = 100 * EQUIVALENCE_MARGIN
Audits = Mapping[str, TaskAudit]


def judged_claims(audits: Audits) -> pd.DataFrame:
    """Return every quoted sentence: `name`, `text`, `place`, `tasks`, `verdict` and `why`.

    A claim follows if each of its tasks has the properties (`checks`) that it `needs`; those with
    other conditions are judged by `_numbers`.  The paper prints no numbers by which "unfreezing"
    and "backbones" could be judged.
    """
    known = checks(audits)
    numbers = _numbers(audits)
    rows = []
    for claim_name, claim in CLAIMS.items():
        of_tasks = known.loc[claim["tasks"]]
        needs = pd.Series(claim.get("needs", {}))
        holds = numbers.get(f"{claim_name}_holds")
        if needs.size:
            holds = bool(of_tasks[needs.index].eq(needs).all(axis=None))
        names = {f"{name}_names": task_names(has.index[has]) for name, has in of_tasks.items()}
        values = {"number": len(of_tasks), **of_tasks.sum(), **names, **numbers}
        reason = claim["why"].format_map(values)
        rows.append({"name": claim_name, **claim, "verdict": VERDICTS[holds], "why": reason})
    return pd.DataFrame(rows)


def _numbers(audits: Audits) -> dict[str, Any]:
    """Return numbers that explain claims, and whether claims on several tasks hold, by name."""
    stated = pd.DataFrame(vars(audit.published) for audit in audits.values())
    small, large = (
        Bounds(*np.mean([audits[task].difference for task in tasks], axis=0))
        for tasks in (_SMALL, _LARGE)
    )
    top = max((audits[task] for task in _LARGE), key=lambda audit: audit.published.estimate)
    as_far, ways = splits_as_far_apart(audits, _SMALL)
    ratios = stated["sd_imagenet"] / stated["sd_radimagenet"]
    smaller = ratios > 1
    low, high = stated["estimate"].min(), stated["estimate"].max()
    gains = {task: dice_gains(published) for task, published in paper.DICE.items()}
    fit = all(gain["stated"].meets(way) for gain in gains.values() for way in gain.values())
    return {
        "audits": audits,
        "range_holds": f"from {low:.1f}% to {high:.1f}%" in CLAIMS["range"]["text"],
        "low": low,
        "high": high,
        "narrowed_holds": small.low > large.high,
        "small": small,
        "large": large,
        "top": top.published,
        "beaten": sum(audits[task].difference.high < top.difference.low for task in _SMALL),
        "as_far": as_far,
        "ways": ways,
        "smaller_sds_holds": smaller.all(),
        "smaller": f"{smaller.sum()} of {len(smaller)}",
        "ratio": Bounds(ratios.min(), ratios.max()),
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
    chosen = [audits[task].published.estimate for task in audits if task in first]
    others = [audits[task].published.estimate for task in audits if task not in first]
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
        }
        for audit in audits.values()
    ]
    table = pd.DataFrame(rows, index=[*audits])
    # Adjusted values never fall when a raw value rises, so the highest show the highest.
    return table.assign(below=holm([audit.p_by_sds.high for audit in audits.values()]) < 0.05)


def dice_gains(published: SimpleNamespace) -> dict[str, Bounds]:
    """Return ranges of the percent gain in Dice: as stated, from the text, and the caption."""
    gains = {"stated": rounding_range(published.gain_percent, 0.1)}
    for place, unit in {"text": 0.01, "caption": 0.001}.items():
        printed = (getattr(published, f"{place}_{source}") for source in paper.SOURCES)
        ranges = (rounding_range(dice, unit) for dice in printed)
        gains[place] = corner_bounds(lambda a, b: 100 * (a / b - 1), *ranges)
    return gains


def task_names(tasks: Iterable[str]) -> str:
    """Return the short names of tasks as an enumeration; `none` for no task."""
    return join_with_and(paper.COMPARISONS[task].short for task in tasks)
