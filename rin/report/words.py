"""Sentences that have cases: they take rows of estimates and return text.

A page that says who is ahead asks a function here, so that each case (ahead, behind, mixed, one
task, one pair of networks, nothing clear) is written once and tested on made rows.  Rows are those
of `rin.stats`: AUCs as fractions, first initialisation minus second, `p_holm` adjusted over tasks.
Where images or weights are stand-ins (`Runs.stand_ins`) no function says that anything is ahead.
"""

import math
from collections.abc import Collection, Mapping
from typing import Any

import pandas as pd

from rin.errors import listed
from rin.report.format import format_interval, format_number
from rin.report.style import init_style

#: Level of significance, after Holm's adjustment, below which a difference is called clear.
LEVEL = 0.05
#: Networks no worse than chance cannot differ by more; an interval that does says nothing.
LARGEST_DIFFERENCE = 0.5
#: A difference of this size would matter; where the interval does not reach it, it is excluded.
RELEVANT = 0.05
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def number(n: int) -> str:
    """Return a count as prose has it: ``six``, and ``12`` above ten."""
    return _NUMBERS[n] if 0 <= n < len(_NUMBERS) else f"{n:,}"


def on_tasks(n: int, total: int) -> str:
    """Return on how many of some tasks: ``on all six tasks``, ``on the one task``."""
    if total == 1:
        return "on the one task" if n else "not on the one task"
    if n == total:
        return "on both tasks" if n == 2 else f"on all {number(n)} tasks"
    return f"on {number(n) if n else 'none'} of {number(total)} tasks"


def pretraining_name(init: str) -> str:
    """Return an initialisation as the subject of a sentence: ``photographic pretraining``."""
    word = init_style(init).word
    if init == "random":
        return "random initialisation"
    return word if word[:1].isupper() else f"{word} pretraining"


def direction(row: Any, inits: tuple[str, str]) -> str:
    """Return which side an estimate is on, clear or not: ``radiologic``, or ``neither``."""
    if math.isnan(row["estimate"]) or row["estimate"] == 0:
        return "neither"
    return init_style(inits[0 if row["estimate"] > 0 else 1]).word


def is_clear(row: Any) -> bool:
    """Return whether a difference is clear: adjusted P below `LEVEL`."""
    return bool(row["p_holm"] < LEVEL and row["estimate"] != 0)


def has_interval(row: Any) -> bool:
    """Return whether an estimate has an interval that says something.

    One pair of networks has none; two have one on a single degree of freedom, which may reach
    beyond `LARGEST_DIFFERENCE`.
    """
    ends = row["ci_low"], row["ci_high"]
    return all(map(math.isfinite, ends)) and max(map(abs, ends)) <= LARGEST_DIFFERENCE


def points(row: Any) -> str:
    """Return a signed difference with its interval: ``+1.4 points (−2.0, 4.8)``."""
    text = f"{format_number(100 * row['estimate'], 1, signed=True)} points"
    if not has_interval(row):
        return f"{text} (no usable interval)"
    return f"{text} {format_interval(100 * row['ci_low'], 100 * row['ci_high'], 1)}"


def ahead_by(row: Any) -> str:
    """Return how far the side that is ahead is ahead: ``8.6 points (5.2, 12.0)``, no sign."""
    size = 100 * abs(row["estimate"])
    text = f"{format_number(size, 1)} points"
    if not has_interval(row):
        return text
    ends = [100 * row["ci_low"], 100 * row["ci_high"]]
    low, high = ends if row["estimate"] > 0 else (-ends[1], -ends[0])
    return f"{text} {format_interval(low, high, 1)}"


def no_verdict(stand_ins: Collection[str]) -> str:
    """Return why there is no verdict: ``no verdict, as the weights are stand-ins``."""
    return f"no verdict, as the {listed(sorted(stand_ins))} are stand-ins"


def verdict(row: Any, inits: tuple[str, str], *, stand_ins: Collection[str] = ()) -> str:
    """Return what a difference of AUCs says.

    ``radiologic ahead``, ``no clear difference``; of results of stand-ins that they say nothing.

    Parameters
    ----------
    row : with `estimate` and `p_holm`
    inits : the two initialisations; the estimate is first minus second
    stand_ins : what is made up, `images` or `weights` (`Runs.stand_ins`)

    Examples
    --------
    >>> from rin.report.words import verdict
    >>> verdict({"estimate": -0.1, "p_holm": 0.001}, ("radiologic", "photographic"))
    'photographic ahead'
    >>> verdict({"estimate": -0.1, "p_holm": 0.001}, ("radiologic", "photographic"),
    ...         stand_ins=["weights"])
    'no verdict, as the weights are stand-ins'
    """
    if stand_ins:
        return no_verdict(stand_ins)
    return f"{direction(row, inits)} ahead" if is_clear(row) else "no clear difference"


def deciding(pretrainings: pd.DataFrame, networks: pd.DataFrame) -> pd.DataFrame:
    """Return for every task the row that its verdict follows, with its `unit`.

    That of `rin.stats.pretraining_differences` (unit `pretrainings`); where that has no usable
    interval, as of one pair of networks, that of `rin.stats.init_differences` (`networks`).
    """
    alone = networks.query("group == 'all'").set_index("task") if len(networks) else networks
    rows = []
    for _, row in pretrainings.iterrows():
        if has_interval(row) or row["task"] not in alone.index:
            rows.append(row.to_dict() | {"unit": "pretrainings"})
        else:
            sizes = {name: row[name] for name in ("task", "pairs", "backbones", "pretrainings")}
            rows.append(alone.loc[row["task"]].to_dict() | sizes | {"unit": "networks"})
    return pd.DataFrame(rows)


def finding(
    rows: pd.DataFrame,
    names: Mapping[str, str],
    inits: tuple[str, str],
    *,
    stand_ins: Collection[str] = (),
) -> str:
    """Return what a run found on its tasks: who is ahead, where and by how much.

    Parameters
    ----------
    rows : of `deciding`, a row a task
    names : what a sentence calls each task
    inits : the two initialisations; estimates are first minus second
    stand_ins : what is made up (`Runs.stand_ins`); then numbers alone

    Examples
    --------
    >>> import pandas as pd
    >>> from rin.report.words import finding
    >>> row = {"task": "breast", "estimate": -0.095, "ci_low": -0.148, "ci_high": -0.043}
    >>> row |= {"p_holm": 0.01, "unit": "pretrainings", "pairs": 10, "pretrainings": 3}
    >>> finding(pd.DataFrame([row]), {"breast": "lesions"}, ("radiologic", "photographic"))
    'Photographic pretraining is ahead on lesions, by 9.5 points (4.3, 14.8), across pretrainings.'
    """
    if stand_ins:
        a, b = (init_style(init).word for init in inits)
        every = on_tasks(len(rows), len(rows))
        reason = no_verdict(stand_ins).capitalize()
        return f"{reason}. Differences {a} − {b} {every}: {_spread(rows)} points."
    clear = rows[[is_clear(row) for _, row in rows.iterrows()]]
    leads = {inits[0]: clear[clear["estimate"] > 0], inits[1]: clear[clear["estimate"] < 0]}
    leads = {init: led for init, led in leads.items() if len(led)}
    if leads:
        sentences = [_ahead(leads, rows, names), *_others(rows.drop(clear.index), inits)]
    else:
        sentences = [*_nothing_clear(rows, names), _excluded(rows)]
    return " ".join([*sentences, *_limits_of_unit(rows)])


def _scope(rows: pd.DataFrame) -> str:
    """Return what verdicts are about: further pretrainings or backbones, or these networks."""
    if "networks" in {*rows["unit"]}:
        return "for these networks alone, on new patients"
    return "across pretrainings" if rows["pretrainings"].max() > 1 else "across backbones"


def _limits_of_unit(rows: pd.DataFrame) -> list[str]:
    alone = rows[rows["unit"] == "networks"]
    if alone.empty:
        return []
    pairs = int(alone["pairs"].max())
    if pairs == 1:
        return ["One pair of networks says nothing of other pretrainings."]
    return [f"{number(pairs).capitalize()} pairs of networks say nothing of other pretrainings."]


def _spread(rows: pd.DataFrame) -> str:
    """Return the range of signed estimates in points: ``−10.9 to −9.1``."""
    ends = 100 * rows["estimate"].min(), 100 * rows["estimate"].max()
    texts = [format_number(end, 1, signed=True) for end in ends]
    return " to ".join(dict.fromkeys(texts))


def _ahead(leads: Mapping[str, pd.DataFrame], rows: pd.DataFrame, names: Mapping[str, str]) -> str:
    """Return who is ahead on which tasks, by how much; that the tasks disagree where both are."""
    total, parts = len(rows), []
    for init, led in leads.items():
        lead = f"{pretraining_name(init)} is ahead"
        if total == 1:
            row = led.iloc[0]
            parts.append(f"{lead} on {names[row['task']]}, by {ahead_by(row)}")
        else:
            tasks = [f"{names[row['task']]} by {ahead_by(row)}" for _, row in led.iterrows()]
            parts.append(f"{lead} {on_tasks(len(led), total)}: {listed(tasks)}")
    text = "; ".join(parts)
    opening = f"The tasks disagree: {text}" if len(parts) > 1 else text[0].upper() + text[1:]
    return f"{opening}, {_scope(rows)}."


def _others(others: pd.DataFrame, inits: tuple[str, str]) -> list[str]:
    """Return what is said of the tasks without a clear difference beside those that have one."""
    if others.empty:
        return []
    numbers = _spread(others)
    if len(others) == 1:
        return [f"On the other task no difference is clear (estimate {numbers})."]
    sides = {direction(row, inits) for _, row in others.iterrows()}
    if len(sides) == 1:
        numbers += f", all on the {sides.pop()} side"
    count = number(len(others))
    return [f"On the other {count} no difference is clear (estimates {numbers})."]


def _nothing_clear(rows: pd.DataFrame, names: Mapping[str, str]) -> list[str]:
    total, opening = len(rows), f"No clear difference {_scope(rows)}"
    if total == 1:
        row = rows.iloc[0]
        return [f"{opening}, on {names[row['task']]}: {points(row)}."]
    usable = rows[[has_interval(row) for _, row in rows.iterrows()]]
    beside = usable.query("ci_low > 0 or ci_high < 0")
    where = on_tasks(len(usable) - len(beside), total)
    sentences = [f"{opening}: {where} the 95% interval includes no difference."]
    if len(beside):
        tasks = listed(f"{names[row['task']]}, {points(row)}" for _, row in beside.iterrows())
        sentences.append(f"It does not on {tasks}; adjusted for all tasks, P is .05 or more.")
    return sentences


def _excluded(rows: pd.DataFrame) -> str:
    """Return whether a difference of `RELEVANT` size is excluded where none is clear."""
    ends = rows[["ci_low", "ci_high"]].abs().max(axis=1, skipna=False)
    n, total = int((ends < RELEVANT).sum()), len(rows)
    size = f"a difference of {100 * RELEVANT:.0f} points"
    if n == total == 1:
        return f"{size.capitalize()} is excluded."
    if n == total:
        return f"{size.capitalize()} is excluded {on_tasks(n, total)}."
    if n == 0:
        return f"The run was too small to tell: {size} is not excluded."
    return f"The run was too small to tell: {size} is excluded only {on_tasks(n, total)}."
