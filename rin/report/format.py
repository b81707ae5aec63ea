"""Numbers as the book prints them: AUCs, intervals and P values.

P values follow the journal's style: two digits, three below .01 or where two would hide
on which side of .05 the value lies, and never an equals sign past the ends.
"""

import math
from typing import TYPE_CHECKING

from rin.paper import COMPARISONS

if TYPE_CHECKING:
    from rin.data.manifest import TaskManifest

MINUS = "−"
MISSING = "–"


def format_p(p: float) -> str:
    """Return ``P = .03`` or ``P < .001`` in the journal's style; a dash for NaN."""
    if math.isnan(p):
        return MISSING
    if p < 0.001:
        return "P < .001"
    if p > 0.99:
        return "P > .99"
    two = round(p, 2)
    digits = 3 if p < 0.01 or p < 0.05 <= two or p > 0.05 >= two else 2
    return f"P = {p:.{digits}f}".replace("0.", ".", 1)


def stars(p: float) -> str:
    """Return ``***`` below .001, ``**`` below .01, ``*`` below .05, otherwise nothing."""
    return "*" * sum(p < level for level in (0.05, 0.01, 0.001))


def format_number(value: float, digits: int = 2, *, signed: bool = False) -> str:
    """Return a number with a true minus, a plus where `signed`, no sign of zero, a dash for NaN."""
    if math.isnan(value):
        return MISSING
    rounded = round(value, digits) + 0.0
    sign = "+" if signed and rounded > 0 else ""
    return sign + f"{rounded:.{digits}f}".replace("-", MINUS)


def format_mean_sd(mean: float, sd: float, digits: int = 2) -> str:
    """Return ``0.94 ± 0.05``; without an SD the mean alone."""
    if math.isnan(sd):
        return format_number(mean, digits)
    return f"{format_number(mean, digits)} ± {format_number(sd, digits)}"


def format_interval(low: float, high: float, digits: int = 2) -> str:
    """Return ``(−0.01, 0.09)``, or a dash when an end is missing."""
    if math.isnan(low) or math.isnan(high):
        return MISSING
    return f"({format_number(low, digits)}, {format_number(high, digits)})"


def format_estimate(value: float, low: float, high: float, digits: int = 3) -> str:
    """Return an estimate with its interval, ``+0.040 (−0.006, 0.087)``."""
    return f"{format_number(value, digits, signed=True)} {format_interval(low, high, digits)}"


def task_title(task: "TaskManifest") -> str:
    """Return a task's title as the paper words it, or as the manifest does.

    A second task under one published comparison carries its name too.
    """
    if task.paper_task is None:
        return task.title
    title = COMPARISONS[task.paper_task].title
    return title if task.name == task.paper_task else f"{title} ({task.name})"
