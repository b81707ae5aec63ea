"""Sentences that have cases: they take rows of estimates and return text.

A page that says who is ahead asks a function here, so that each case (ahead, behind, mixed, one
task, one pair of networks, nothing clear) is written once and tested on made rows.  Rows are those
of `rin.stats`: AUCs as fractions, first initialisation minus second, `p_holm` adjusted over tasks.
Where images or weights are stand-ins (`Runs.stand_ins`) no function says that anything is ahead.
"""

import math
from collections.abc import Collection
from typing import Any

from rin.errors import listed
from rin.report.format import format_estimate, format_interval, format_number
from rin.report.style import init_style

#: Level of significance, after Holm's adjustment, below which a difference is called clear.
LEVEL = 0.05
#: With fewer degrees of freedom t has no variance, and an interval says next to nothing.
LEAST_DF = 2
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

    One pair has none; two pairs of one backbone have one on a single degree of freedom, which
    reaches beyond what an AUC can differ by.
    """
    ends = row["ci_low"], row["ci_high"]
    if not all(map(math.isfinite, ends)) or max(map(abs, ends)) > 1:
        return False
    df = row.get("df", math.nan)
    return math.isnan(df) or df >= LEAST_DF


def points(row: Any) -> str:
    """Return a signed difference in points with its interval, or that it has none of use."""
    if has_interval(row):
        return format_estimate(row, unit="points")
    return f"{format_number(100 * row['estimate'], 1, signed=True)} (no usable interval)"


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
