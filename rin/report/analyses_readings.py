"""Sentences that say which conclusion each analysis supports, made from the numbers they read.

No sentence says more than its interval does: an interval that holds zero supports "no clear
difference", and "comparable" only where a test of equivalence shows it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

from rin.report.analyses import CONCLUSIONS, ENOUGH_PATIENTS, TaskAnalyses
from rin.report.analyses_tables import (
    beside_rows,
    conclusion_counts,
    conclusion_words,
    margin_words,
    marked_name,
    width_ratio,
)
from rin.report.analyses_words import PLAIN
from rin.report.format import format_interval, format_number, format_p

if TYPE_CHECKING:
    from IPython.display import HTML

_POINTS = 100


def analysis_sentences(one: TaskAnalyses) -> HTML:
    """Return one sentence per analysis of a task: the conclusion it supports, and about what."""
    items = []
    for row in one.table.to_dict("records"):
        name = f"<strong>{escape(marked_name(row))}</strong>"
        items.append(f"<li>{name}: {escape(_sentence(row, one))}</li>")
    caution = f"<p>{escape(one.images.caution.strip())}</p>" if one.images.caution else ""
    return _html(f'{caution}<ul class="rin-analyses">{"".join(items)}</ul>')


def _sentence(row: Mapping[str, object], one: TaskAnalyses) -> str:
    words = conclusion_words(row["conclusion"], one.names, one.margin)
    if row["conclusion"] == "none":
        return f"{words}: {_end(row['remark'])}"
    low, high = _POINTS * row["ci_low"], _POINTS * row["ci_high"]
    numbers = (
        f"{format_number(_POINTS * row['estimate'], 1, signed=True)} points, 95% CI "
        f"{format_interval(low, high, 1)}; {format_p(row['p_value'])}"
    )
    remark = f" {_end(row['remark'])}" if row["remark"] else ""
    return f"{words} ({numbers}). It speaks about {_end(row['generalises_to'])}{remark}"


def _end(text: object) -> str:
    return f"{str(text).rstrip('. ')}."


def agreement_sentence(one: TaskAnalyses) -> HTML:
    """Return whether the analyses of a task agree, and what the recommended one supports."""
    computed = one.table[one.table["conclusion"] != "none"]
    counts = Counter(computed["conclusion"])
    recommended = conclusion_words(one.recommended["conclusion"], one.names, one.margin)
    parts = [
        f"{counts[key]} “{conclusion_words(key, one.names, one.margin)}”"
        for key in CONCLUSIONS
        if counts[key]
    ]
    said = (
        f"All {len(computed)} analyses that can be computed support the same"
        if len(parts) == 1
        else f"Of {len(computed)} analyses that can be computed, {_listed(parts)}"
    )
    text = f"{one.images.caution}{said}. The recommended one supports “{recommended}”"
    if one.few_patients:
        text += (
            f"; with {one.fewest_patients} patients of the rarer class, fewer than "
            f"{ENOUGH_PATIENTS}, its interval is itself uncertain"
        )
    return _paragraph(f"{text}.")


def plain_words(found: Sequence[TaskAnalyses]) -> HTML:
    """Return a section per analysis: what it asks, assumes, speaks about, and how it can err.

    The last line counts the tasks that support each conclusion.
    """
    counts = conclusion_counts(found)
    sections = []
    for row in found[0].table.to_dict("records"):
        plain = PLAIN[row["analysis"]]
        lines = {
            "Asks": plain.asks,
            "Assumes": _end(row["assumes"]),
            "Speaks about": _end(row["generalises_to"]),
            "Can go wrong": plain.wrong,
            "Here": _counted(counts.loc[row["analysis"]], found[0]),
        }
        told = "".join(
            f'<p style="margin:0.2em 0"><strong>{name}.</strong> {escape(_capital(text))}</p>'
            for name, text in lines.items()
        )
        sections.append(f"<section><h3>{escape(marked_name(row))}</h3>{told}</section>")
    caution = escape(_stand_ins(found))
    return _html("".join(sections) + (f"<p>{caution}</p>" if caution else ""))


def _counted(counts: Mapping[str, int], one: TaskAnalyses) -> str:
    parts = [
        f"{conclusion_words(key, one.names, one.margin)} in {counts[key]}"
        for key in CONCLUSIONS
        if counts[key]
    ]
    total = sum(counts[key] for key in CONCLUSIONS)
    return f"{', '.join(parts)} of {_tasks(total)}."


def beside_reading(found: Sequence[TaskAnalyses]) -> HTML:
    """Return how often the published way and the recommended one support the same."""
    rows = beside_rows(found)
    wide = rows.pivot(index="title", columns="source", values="conclusion")
    both = wide[(wide[["recomputed", "recommended"]] != "none").all(axis=1)]
    same = int((both["recomputed"] == both["recommended"]).sum())
    text = (
        f"The published way and the recommended one support the same conclusion in {same} of "
        f"{_tasks(len(both))} in which both can be computed. "
    )
    clear = wide["recommended"].isin(["a", "b"]).sum()
    after = int((rows["p_holm"] < 0.05).sum())
    text += (
        f"Taken one at a time, the recommended analysis finds a clear difference in {clear} of "
        f"{_tasks(len(wide))}; adjusted over the tasks by Holm’s method, P is below .05 in "
        f"{after}. "
    )
    few = sum(one.few_patients for one in found)
    if few:
        text += (
            f"In {_tasks(few)} a class has fewer than {ENOUGH_PATIENTS} test patients, too few to "
            "trust the recommended interval. "
        )
    zero = [
        one for one in found if one.published and one.published.ci_low <= 0 <= one.published.ci_high
    ]
    if zero:
        printed = " and ".join(dict.fromkeys(one.published.p_text for one in zero))
        text += (
            f"In {_tasks(len(zero))} the paper prints an interval that holds zero, and {printed}. "
        )
    return _paragraph(text + _stand_ins(found))


def equivalence_reading(found: Sequence[TaskAnalyses]) -> HTML:
    """Return whether performance that the paper calls comparable is shown to be so here.

    Only tasks whose test of equivalence can be computed count.
    """
    tested = [
        one
        for one in found
        if one.called_comparable and not math.isnan(one.recommended["equivalence_p"])
    ]
    if not tested:
        return _paragraph(
            "No task that the paper calls comparable was run here with numbers that allow the test."
        )
    shown = sum(bool(one.recommended["equivalent"]) for one in tested)
    smallest = [_POINTS * one.recommended["smallest_margin"] for one in tested]
    needed = " to ".join(dict.fromkeys(f"±{format_number(f(smallest), 1)}" for f in (min, max)))
    return _paragraph(
        f"Of {_tasks(len(tested))} that the paper calls comparable, the starts are shown to lie "
        f"within {margin_words(tested[0].margin)} in {shown}. The smallest margin that the data "
        f"would have supported is {needed} points. {_stand_ins(tested)}"
    )


def effects_reading(found: Sequence[TaskAnalyses]) -> HTML:
    """Return the range of the effect sizes over tasks, and what they are sizes of."""
    d, dz = ([getattr(one.effects, f"cohen_{key}") for one in found] for key in ("d", "dz"))
    return _paragraph(
        f"Cohen’s d, in units of the SD over scenarios, runs {_range(d)}; dz, in units of the SD "
        f"of the differences, runs {_range(dz)}. Both measure the difference against scenarios, "
        f"so they say nothing about patients. {_stand_ins(found)}"
    )


def width_reading(found: Sequence[TaskAnalyses]) -> HTML:
    """Return how much narrower the stacked interval is than the recommended one, over tasks."""
    ratios = [width_ratio(one, "delong_stacked") for one in found]
    finite = [ratio for ratio in ratios if not math.isnan(ratio)]
    if not finite:
        return _paragraph("No task has both intervals, so their widths cannot be compared.")
    ends = " to ".join(dict.fromkeys(f"{end:.2f}" for end in (min(finite), max(finite))))
    return _paragraph(
        f"Counting every row as a new patient gives intervals {ends} times as wide as the "
        f"recommended ones, over {_tasks(len(finite))}. {_stand_ins(found)}"
    )


def matrix_reading(found: Sequence[TaskAnalyses]) -> HTML:
    """Return in how many tasks all analyses agree, and how often the recommended one is clear."""
    kinds = [set(one.table["conclusion"]) - {"none"} for one in found]
    agree = sum(len(kind) == 1 for kind in kinds)
    opposed = sum({"a", "b"} <= kind for kind in kinds)
    return _paragraph(
        f"All analyses that can be computed support one conclusion in {agree} of "
        f"{_tasks(len(found))}. In {opposed}, two of them name opposite starts as being ahead. "
        f"{_stand_ins(found)}"
    )


def matrix_alt(found: Sequence[TaskAnalyses]) -> str:
    """Return what the matrix shows, for readers who do not see it."""
    counts = conclusion_counts(found)
    names = found[0].table.set_index("analysis")["name"]
    told = " ".join(f"{names[key]}: {_counted(row, found[0])}" for key, row in counts.iterrows())
    return f"Which conclusion each analysis supports on each task. {told}"


def _stand_ins(found: Sequence[TaskAnalyses]) -> str:
    n = sum(one.images.origin == "stand-in" for one in found)
    if not n:
        return ""
    which = "All tasks" if n == len(found) else f"{n} of {_tasks(len(found))}"
    return f"{which} counted here rest on stand-ins, whose numbers are no findings."


def _tasks(n: int) -> str:
    return f"{n} task" if n == 1 else f"{n} tasks"


def _listed(parts: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))


def _range(values: Sequence[float]) -> str:
    finite = [value for value in values if not math.isnan(value)]
    if not finite:
        return "nowhere, for it cannot be computed"
    ends = dict.fromkeys(format_number(f(finite), 2, signed=True) for f in (min, max))
    return ("from " if len(ends) > 1 else "at ") + " to ".join(ends)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _paragraph(text: str) -> HTML:
    return _html(f"<p>{escape(text.strip())}</p>")


def _html(text: str) -> HTML:
    from IPython.display import HTML

    return HTML(text)
