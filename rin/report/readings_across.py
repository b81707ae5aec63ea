"""Sentences that read the pages over all tasks, made from the numbers that they read."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from rin.report.across import ORIGINS, TaskResult
from rin.report.format import format_interval, format_mean_sd, format_number
from rin.report.style import init_style

if TYPE_CHECKING:
    from IPython.display import HTML

    from rin.report.localisation import Localisation

_POINTS = 100


def area_reading(one: TaskResult) -> str:
    """Return the sentences that read a task's row of areas and ROC curves, as plain text."""
    pooled = one.pooled
    names = [init_style(init).short.lower() for init in one.inits]
    means = [(pooled.mean_a, pooled.sd_a), (pooled.mean_b, pooled.sd_b)]
    areas = ", ".join(f"{n} {format_mean_sd(*m)}" for n, m in zip(names, means, strict=True))
    low, high = _POINTS * pooled.paired.ci_low, _POINTS * pooled.paired.ci_high
    text = (
        f"{one.images.caution}Mean area ± SD over {pooled.n_scenarios} scenarios: {areas}; "
        f"difference {format_number(pooled.gain_points, 1, signed=True)} points "
        f"{format_interval(low, high, 1)}, scenarios in pairs. "
    )
    if one.published is None:
        return text + "The paper does not have this task."
    p = one.published
    return text + (
        f"Published: {format_mean_sd(p.auc_radimagenet, p.sd_radimagenet)} and "
        f"{format_mean_sd(p.auc_imagenet, p.sd_imagenet)}; "
        f"{format_number(p.difference, 1, signed=True)} points "
        f"{format_interval(p.ci_low, p.ci_high, 1)}."
    )


def gains_reading(results: Sequence[TaskResult]) -> HTML:
    """Return the sentences that read one figure of rows: how many lead, and by how much."""
    if not results:
        return _paragraph("This profile runs no such task.")
    gains = [one.pooled.gain_points for one in results]
    lead = init_style(results[0].inits[0]).short.lower()
    text = (
        f"The {lead} start has the larger mean area in {sum(gain > 0 for gain in gains)} of "
        f"{len(gains)} tasks here. The difference is {_range(gains)} points. "
    )
    stated = [one.published.difference for one in results if one.published]
    if stated:
        text += f"The paper prints {_range(stated)} for the same. "
    return _paragraph(text + _stand_ins(results))


def origins_reading(results: Sequence[TaskResult | Localisation]) -> HTML:
    """Return which images the tasks were run on, substitutes by name."""
    found = [one.images.origin for one in results]
    counts = [f"{found.count(origin)} {word}" for origin, word in ORIGINS.items()]
    text = f"Tasks by their images: {', '.join(counts)}. "
    for one in results:
        if one.images.replaced:
            text += f"{one.title} reads {one.images.title} instead of {one.images.replaced}. "
    return _paragraph(text + _stand_ins(results))


def overlap_reading(results: Sequence[Localisation]) -> HTML:
    """Return the sentence that sets the starts against the baselines that look at nothing."""
    if not results:
        return _paragraph("This profile runs no task whose images have marked lesions.")
    below = sum(one.summary["mean"].max() < one.baselines["dice"].max() for one in results)
    return _paragraph(
        f"In {below} of {len(results)} tasks the better baseline scores above the mean of either "
        f"start. {_stand_ins(results)}"
    )


def _stand_ins(results: Sequence[TaskResult | Localisation]) -> str:
    n = sum(one.images.origin == "stand-in" for one in results)
    if not n:
        return ""
    which = "All of them" if n == len(results) else f"{n} of them"
    return f"{which} rest on stand-ins, whose numbers are no findings."


def _range(points: Sequence[float]) -> str:
    ends = [format_number(end, 1, signed=True) for end in (min(points), max(points))]
    return " to ".join(dict.fromkeys(ends))


def _paragraph(text: str) -> HTML:
    from IPython.display import HTML

    return HTML(f"<p>{escape(text.strip())}</p>")
