"""Words that the pages of the audit share: ranges, counts and lists, as a sentence has them."""

from collections.abc import Callable, Sequence

from rin.report.format import format_number, format_p
from rin.stats.audit_rounding import Bounds
from rin.stats.audit_tasks import TaskAudit

SHORT = {
    "thyroid": "thyroid",
    "breast": "breast",
    "acl": "ACL",
    "meniscus": "meniscus",
    "covid19": "COVID-19",
    "pneumonia": "pneumonia",
    "sarscov2": "SARS-CoV-2",
    "hemorrhage": "hemorrhage",
}


def range_words(bounds: Bounds, digits: int = 1, *, signed: bool = False) -> str:
    """Return ``4.8 to 4.9``, or one number where both ends print alike."""
    ends = [format_number(end, digits, signed=signed) for end in (bounds.low, bounds.high)]
    return " to ".join(dict.fromkeys(ends))


def p_words(p: float) -> str:
    """Return a P value without its letter: ``.03`` or ``< .001``."""
    return format_p(p).removeprefix("P ").removeprefix("= ")


def p_range_words(bounds: Bounds) -> str:
    """Return ``.005 to .011``, or one P value where both ends print alike."""
    return " to ".join(dict.fromkeys(map(p_words, (bounds.low, bounds.high))))


def names(tasks: Sequence[str]) -> str:
    """Return short names of tasks as a list in words; ``none`` for no task."""
    return listed([SHORT.get(task, task) for task in tasks])


def listed(words: Sequence[str]) -> str:
    """Return ``a, b and c``; ``none`` for nothing."""
    if len(words) < 2:
        return "".join(words) or "none"
    return f"{', '.join(words[:-1])} and {words[-1]}"


def where(audits: Sequence[TaskAudit], holds: Callable[[TaskAudit], bool]) -> list[str]:
    """Return the tasks in which something holds."""
    return [one.task for one in audits if holds(one)]


def of(part: Sequence[object], whole: Sequence[object]) -> str:
    """Return ``4 of 8``."""
    return f"{len(part)} of {len(whole)}"
