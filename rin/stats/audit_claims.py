"""What the paper says in words, sentence by sentence, beside what its numbers say.

The sentences stand in `audit_claims.yaml`.  A judge for each works its verdict out of the audits,
so that other numbers give other verdicts.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pandas as pd
import yaml

from rin import paper
from rin.stats.audit_rounding import Bounds
from rin.stats.audit_tasks import TaskAudit, dice_gains, mean_difference, splits_as_far_apart
from rin.stats.equivalence import EQUIVALENCE_MARGIN

HOLDS, NOT, UNKNOWN = VERDICTS = ("holds", "does not follow", "cannot be told")
CLAIMS: tuple[dict, ...] = tuple(
    yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
)
_SHORT = {
    "acl": "ACL",
    "covid19": "COVID-19",
    "sarscov2": "SARS-CoV-2",
    "hemorrhage": "haemorrhage",
}
_SMALL = ("thyroid", "breast", "acl", "meniscus")

#: Whether the numbers say what the sentence says (None: they cannot tell), and values for the why.
Judgement = tuple[bool | None, dict[str, object]]


def judged_claims(audits: Sequence[TaskAudit]) -> pd.DataFrame:
    """Return every quoted sentence with its verdict.

    Parameters
    ----------
    audits
        Of all tasks of the paper, from `rin.stats.audit_tasks.audit_tasks`.

    Returns
    -------
    pandas.DataFrame
        One row a sentence: `name`, `text`, `place`, `tasks`, `verdict` (one of `VERDICTS`), `why`
        and `see` (page with other evidence, or "").
    """
    rows = []
    for claim in CLAIMS:
        chosen = [one for one in audits if one.task in claim["tasks"]]
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


def _which(audits: Sequence[TaskAudit], holds: Callable[[TaskAudit], bool]) -> list[str]:
    return [one.task for one in audits if holds(one)]


def _of(part: Sequence, whole: Sequence) -> str:
    return f"{len(part)} of {len(whole)}"


def _significant(chosen: Sequence[TaskAudit], _all: object) -> Judgement:
    ahead = _which(chosen, lambda one: one.difference.low > 0)
    zero = _which(chosen, lambda one: one.contains_zero)
    follows = _which(chosen, lambda one: one.p_follows)
    values = {"ahead": _of(ahead, chosen), "zero": task_names(zero),
              "follows": _of(follows, chosen), "follows_names": task_names(follows)}  # fmt: skip
    return len(follows) == len(chosen) and not zero, values


def _superior(chosen: Sequence[TaskAudit], _all: object) -> Judgement:
    ahead = _which(chosen, lambda one: one.difference.low > 0)
    clear = _which(chosen, lambda one: one.difference.low > 0 and not one.may_contain_zero)
    values = {"ahead": _of(ahead, chosen), "clear": len(clear), "clear_names": task_names(clear)}
    return len(clear) == len(chosen), values


def _range(chosen: Sequence[TaskAudit], _all: object) -> Judgement:
    stated = [one.stated_difference for one in chosen]
    low, high = f"{min(stated):.1f}", f"{max(stated):.1f}"
    (text,) = (one["text"] for one in CLAIMS if one["name"] == "range")
    return f"from {low}% to {high}%" in text, {"low": low, "high": high}


def _gain(chosen: Sequence[TaskAudit], _all: object) -> Judgement:
    first = chosen[0]
    relative = all(one.relative_gain.meets(one.difference) for one in chosen)
    return relative, {"gain": first.relative_gain, "stated": first.stated_difference}


def _outperforming(chosen: Sequence[TaskAudit], _all: object) -> Judgement:
    above = _which(chosen, lambda one: one.difference.low > 0)
    zero = _which(chosen, lambda one: one.contains_zero)
    equal = _which(chosen, lambda one: one.means.low + one.means.high == 0)
    values = {"above": _of(above, chosen), "zero": task_names(zero), "equal": task_names(equal)}
    return len(above) == len(chosen) and not zero, values


def _narrowed(large: Sequence[TaskAudit], audits: Sequence[TaskAudit]) -> Judgement:
    small = [one for one in audits if one.task in _SMALL]
    means = mean_difference(small), mean_difference(large)
    top = max(large, key=lambda one: one.stated_difference)
    as_far, ways = splits_as_far_apart(audits, set(_SMALL))
    beaten = [one for one in small if one.difference.high < top.difference.low]
    values = {"small": means[0], "large": means[1], "top": task_names([top.task]),
              "top_stated": top.stated_difference, "beaten": _of(beaten, small),
              "as_far": as_far, "ways": ways}  # fmt: skip
    return means[0].low > means[1].high, values


def _smaller_sds(_chosen: object, audits: Sequence[TaskAudit]) -> Judgement:
    records = [paper.COMPARISONS[one.task] for one in audits]
    smaller = [one for one in records if one.sd_radimagenet < one.sd_imagenet]
    ratios = [one.sd_imagenet / one.sd_radimagenet for one in records]
    values = {"smaller": _of(smaller, records), "ratio": Bounds(min(ratios), max(ratios))}
    return len(smaller) == len(records), values


def _comparable(chosen: Sequence[TaskAudit], _all: object) -> Judgement:
    margin = 100 * EQUIVALENCE_MARGIN
    inside = _which(chosen, lambda one: -margin < one.published_low and one.published_high < margin)
    return len(inside) == len(chosen), {"margin": margin, "inside": _of(inside, chosen)}


def _dice(_chosen: object, _all: object) -> Judgement:
    gains = {task: dice_gains(one) for task, one in paper.DICE.items()}
    fits = all(one["stated"].meets(one[name]) for one in gains.values()
               for name in ("text", "caption"))  # fmt: skip
    words = "; ".join(f"{task} {one['caption']:.1f}%" for task, one in gains.items())
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
