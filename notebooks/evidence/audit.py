# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # The published numbers, checked

# %% tags=["hide-input"]
from html import escape
from itertools import combinations

import numpy as np
import pandas as pd
from IPython.display import HTML
from scipy import stats

from rin.evidence import paper
from rin.evidence.audit import (
    CLAIMS,
    Bounds,
    audit_tasks,
    corner_bounds,
    rounded,
)
from rin.report.forest import forest
from rin.report.format import book_table, format_p
from rin.report.page import claim, glue_values, picture
from rin.report.style import use_style
from rin.stats import EQUIVALENCE_MARGIN, holm

use_style()
SHORT = {
    "acl": "ACL",
    "covid19": "COVID-19",
    "sarscov2": "SARS-CoV-2",
    "hemorrhage": "haemorrhage",
}


def p_range(bounds):
    ends = [
        format_p(p).removeprefix("P ").removeprefix("= ")
        for p in (bounds.low, bounds.high)
    ]
    return " to ".join(dict.fromkeys(ends))


def task_names(tasks):
    """Return short names of tasks as a list in words; `none` for no task."""
    words = [SHORT.get(task, task) for task in tasks]
    if len(words) < 2:
        return "".join(words) or "none"
    return f"{', '.join(words[:-1])} and {words[-1]}"


def holm_bounds(audits):
    """Return the range of each task's P value by the SDs after Holm's correction over the tasks.

    Every adjusted value rises with every raw one.
    """
    lows = holm([audit.p_by_sds.low for audit in audits])
    highs = holm([audit.p_by_sds.high for audit in audits])
    return [
        Bounds(float(low), float(high))
        for low, high in zip(lows, highs, strict=True)
    ]


def dice_gains(published):
    """Return the range of the percent gain in Dice by the text, by the caption, and as stated.

    The text rounds to 0.01, the caption to 0.001.
    """

    def gains(radimagenet, imagenet, unit):
        ranges = (
            rounded(dice, unit, least=0.0, most=1.0)
            for dice in (radimagenet, imagenet)
        )
        return corner_bounds(lambda a, b: 100 * (a / b - 1), *ranges)

    return {
        "text": gains(
            published.text_radimagenet, published.text_imagenet, 0.01
        ),
        "caption": gains(
            published.caption_radimagenet, published.caption_imagenet, 0.001
        ),
        "stated": rounded(published.gain_percent, 0.1),
    }


# %% [markdown]
# The paper's intervals describe 24 ways of fine-tuning, not patients: in all eight tasks the
# printed half-width equals, within rounding, that of an unpaired t interval over settings. Four of
# the eight intervals include zero, beside P < .001. Of {glue:text}`n_claims` quoted claims
# {glue:text}`n_hold` hold, {glue:text}`n_not` do not follow from the printed numbers, and
# {glue:text}`n_open` cannot be told from them.
#
# ## Published and implied intervals
#
# Nothing here was measured. All numbers are the paper's {cite:p}`mei2022`, or arithmetic on them. A
# printed 0.85 stands for anything from 0.845 to 0.855, so every result has a range, and two numbers
# agree where their ranges overlap.

# %%
audits = audit_tasks()

axes = forest(
    pd.concat(
        one.intervals().assign(
            label=one.published.title,
            note=f"±{one.published_half_width:.2f}   ±{one.implied_half_width:.2f}",
        )
        for one in audits
    ),
    xlabel="RadImageNet − ImageNet, AUC points (95% CI)",
    ends=("ImageNet", "RadImageNet"),
    note_title="printed   implied",
)
picture(axes, "For each of eight tasks the published interval of the difference in AUC points and, "
        "below it, the unpaired t interval of the published SDs: nearly the same width in every "
        "task; in four tasks both include zero")  # fmt: skip

# %% [markdown]
# Square: the stated difference, with the interval that the published means and standard deviations
# (SDs) of the area under the ROC curve (AUC) imply. With $s_1$ and $s_2$ over $n = 24$ settings of
# each source, its half-width is $t_{0.975,\,46}\sqrt{(s_1^2 + s_2^2)/24}$. For breast lesions:

# %%
breast = paper.COMPARISONS["breast"]
error = 100 * np.hypot(breast.sd_radimagenet, breast.sd_imagenet) / np.sqrt(24)
round(
    float(stats.t.ppf(0.975, 46) * error), 2
)  # printed: (8.7 + 0.6) / 2 = 4.65

# %% tags=["hide-output"]
names = [task_names([one.task]) for one in audits]
widths = pd.DataFrame(
    {
        "Task": names,
        "Printed": [f"{one.half_width:.2f}" for one in audits],
        "Implied": [f"{one.implied:.2f}" for one in audits],
        "Overlap": ["yes" if one.agrees else "no" for one in audits],
        "Includes zero": [
            "yes" if one.contains_zero else "no" for one in audits
        ],
    }
)
book_table(widths, "Half-widths in AUC points, with rounding", prose=True)

# %% tags=["hide-input"]
by_task = {one.task: one for one in audits}
zero = [one.task for one in audits if one.contains_zero]
formulas = audits[0].widths
fitting = [name for name in formulas
           if all(one.half_width.meets(one.widths[name]) for one in audits)]  # fmt: skip
gap = max(
    abs(one.published_half_width - one.implied_half_width) for one in audits
)
claim(
    "the half-widths agree in all eight tasks",
    all(one.agrees for one in audits),
)
claim("four intervals include zero however they were rounded",
      zero == ["breast", "pneumonia", "sarscov2", "hemorrhage"]
      and all(one.contains_zero == one.may_contain_zero for one in audits))  # fmt: skip
claim(
    "P < .001 is stated for every task",
    all(one.stated_p == 0.001 for one in audits),
)
claim("every formula without pairing fits", len(fitting) == len(formulas) == 4)
glue_values(gap=gap)

# %% [markdown]
# Taken as printed, the two half-widths are at most {glue:text}`gap:.2f` points apart. Welch's
# interval, a normal one, and a paired interval of uncorrelated pairs fit as well, so the numbers
# do not say which formula was used. All of them ignore that both sources were run with the same
# 24 settings. None says anything about other patients.
#
# ## P values
#
# A 95% interval that includes zero and a P value below .05 cannot come from one test of one
# difference. Here the P value is computed twice, with the range that rounding allows: from the
# stated difference and the SDs, and from the printed interval alone, taken as symmetric.


# %%
p_values = pd.DataFrame(
    {
        "Task": names,
        "SDs": [p_range(one.p_by_sds) for one in audits],
        "Interval": [p_range(one.p_by_normal) for one in audits],
        "SDs, Holm": [p_range(bounds) for bounds in holm_bounds(audits)],
    }
)
book_table(
    p_values,
    "P values from SDs and interval; stated: P < .001 for every task",
    prose=True,
)

# %% tags=["hide-input"]
adjusted = dict(zip(by_task, holm_bounds(audits), strict=True))
claim(
    "only meniscus allows P < .001",
    [one.task for one in audits if one.p_follows] == ["meniscus"],
)
claim("breast, SARS-CoV-2 and haemorrhage stay above .05 either way",
      [one.task for one in audits if min(one.p_by_sds.low, one.p_by_normal.low) > 0.05]
      == ["breast", "sarscov2", "hemorrhage"])  # fmt: skip
below = [task for task, p in adjusted.items() if p.high < 0.05]
claim("after Holm, meniscus and COVID-19 stay below .05 for every rounding",
      below == ["meniscus", "covid19"])  # fmt: skip
unsure = [task for task, p in adjusted.items() if p.low < 0.05 <= p.high]
claim(
    "after Holm, thyroid and ACL depend on rounding",
    unsure == ["thyroid", "acl"],
)
acl = by_task["acl"]
claim("only the ACL difference misses its interval's middle and its means",
      [one.task for one in audits if not one.difference.meets(one.middle)] == ["acl"]
      and [one.task for one in audits if not one.difference.meets(one.means)] == ["acl"]
      and acl.middle.meets(acl.means))  # fmt: skip
glue_values(
    acl=acl.published.difference,
    acl_middle=f"{acl.middle:.2f}",
    acl_means=f"{acl.means:.0f}",
)

# %% [markdown]
# Only the meniscus task allows P < .001. For breast, SARS-CoV-2 and haemorrhage both P values stay
# above .05 for every rounding. After Holm's correction over the eight tasks {cite:p}`holm1979`,
# meniscus and COVID-19 stay below .05; thyroid and ACL depend on rounding.
#
# The middles of the intervals agree with the stated differences in every task but one. For the
# anterior cruciate ligament (ACL) the difference is stated as {glue:text}`acl:.1f` points; the
# middle of its interval is {glue:text}`acl_middle`, and the printed means differ by
# {glue:text}`acl_means` points.
#
# ## Would another test give these P values?
#
# A *paired* t test uses that the settings are the same. It gives a smaller P value the more the
# AUCs of both sources rise and fall together, and that correlation was not published. *DeLong's*
# method {cite:p}`delong1988`, which the paper names, is about cases. Its variance of an AUC $A$
# with $m$ and $n$ tested cases cannot exceed $A(1-A)\,(1/(m-1) + 1/(n-1))$, whatever the scores.
# That limits the width of its interval of a difference.

# %%
other = pd.DataFrame(
    {
        "Task": names,
        "r for P < .001": [
            "above 1"
            if one.needed_correlation.low >= 1
            else f"{one.needed_correlation:.2f}"
            for one in audits
        ],
        "r by the width": [f"{one.width_correlation:.2f}" for one in audits],
    }
)
book_table(
    other,
    "Correlation r of the paired AUCs that P and width would need",
    prose=True,
)

# %%
limits = pd.DataFrame(
    {
        "Task": names,
        "Printed": [f"{one.published_half_width:.2f}" for one in audits],
        "DeLong, at most": [f"{one.delong_limit:.2f}" for one in audits],
        "Possible": [
            "no" if one.too_wide_for_delong else "yes" for one in audits
        ],
    }
)
book_table(limits, "Half-widths in AUC points, printed and by DeLong's method")

# %% tags=["hide-input"]
claim("no correlation gives P < .001 for SARS-CoV-2",
      [one.task for one in audits if one.needed_correlation.low >= 1] == ["sarscov2"])  # fmt: skip
claim("the width fits a correlation of zero in every task",
      all(one.width_correlation.holds(0) for one in audits))  # fmt: skip
wide = [one.task for one in audits if one.too_wide_for_delong]
claim(
    "wider than DeLong's limit for two CT tasks",
    wide == ["sarscov2", "hemorrhage"],
)
both = [
    one.task
    for one in audits
    if one.width_correlation.meets(one.needed_correlation)
]
dice = {task: dice_gains(one) for task, one in paper.DICE.items()}
claim("the Dice gains fit text and caption",
      all(one["stated"].meets(one[name]) for one in dice.values()
          for name in ("text", "caption")))  # fmt: skip
relative = [
    one.task for one in audits if one.relative_gain.low > one.difference.high
]
glue_values(
    both=task_names(both),
    tested=paper.SETTINGS["split_percent"].value[-1],
    thyroid=by_task["thyroid"].published.difference,
    thyroid_relative=f"{by_task['thyroid'].relative_gain:.1f}",
    n_relative=len(relative),
    dice_thyroid=paper.DICE["thyroid"].gain_percent,
    dice_breast=paper.DICE["breast"].gain_percent,
)

# %% [markdown]
# A range beyond 1 means that only some roundings allow it. For SARS-CoV-2 no correlation gives
# P < .001. One correlation serves both the printed width and the stated P value in
# {glue:text}`both` only. For SARS-CoV-2 and haemorrhage the printed interval is wider than any
# DeLong interval of the printed AUCs on {glue:text}`tested`% of the images. A DeLong *test* could
# still give small P values on so many images; it needs the scores of every case, which were not
# published.
#
# ## Two kinds of percent
#
# The paper's percentages of AUCs are points: relative to the ImageNet AUC, the
# {glue:text}`thyroid:.1f`% gain for thyroid nodules would be {glue:text}`thyroid_relative`%. In
# {glue:text}`n_relative` tasks the stated gain lies below the relative one. Its percentages of Dice
# scores are relative, and fit the printed scores: {glue:text}`dice_thyroid:.1f`% for thyroid and
# {glue:text}`dice_breast:.1f`% for breast.
#
# ## Claim by claim
#
# *Holds* means that the printed numbers say the same, not that it is true of other data; *does not
# follow* means that they do not say it, not that it is false. Unfold a claim for the reason.

# %% tags=["hide-input"]
VERDICTS = ("holds", "does not follow", "cannot be told")


def splits_as_far_apart(audits, first):
    """Count the ways to choose as many tasks whose mean difference is as far above the others'.

    An exact permutation test of "the difference is larger in these tasks" (`first`): how many
    choices are at least as far apart, the chosen one included, and how many there are.
    """
    stated = {audit.task: audit.published.difference for audit in audits}
    observed = sum(stated[task] for task in first)
    choices = list(combinations(stated, len(first)))
    as_far = [
        c for c in choices if sum(stated[task] for task in c) >= observed - 1e-9
    ]
    return len(as_far), len(choices)


def judged_claims(audits):
    """Return every quoted sentence with its verdict: name, text, place, tasks, verdict, why, see.

    `verdict` is one of `VERDICTS`, `see` a page with other evidence, or "".
    """
    judged = {
        name: (holds, values) for name, holds, values in judgements(audits)
    }
    rows = []
    for one in CLAIMS:
        # Of "unfreezing" and "backbones" nothing is printed to judge them by.
        holds, values = judged.get(one["name"], (None, {}))
        verdict = (
            VERDICTS[2]
            if holds is None
            else VERDICTS[0]
            if holds
            else VERDICTS[1]
        )
        fields = {
            name: one.get(name, "")
            for name in ("name", "text", "place", "tasks", "see")
        }
        rows.append(
            fields | {"verdict": verdict, "why": one["why"].format_map(values)}
        )
    return pd.DataFrame(rows)


def judgements(audits):
    """Yield claims, whether the numbers say so (None: they cannot tell), and values for the why."""
    tasks = {one["name"]: one["tasks"] for one in CLAIMS}
    chosen = {
        name: [audit for audit in audits if audit.task in tasks[name]]
        for name in tasks
    }
    small, large = chosen["small_significant"], chosen["large_significant"]
    for name, own in (
        ("small_significant", small),
        ("large_significant", large),
    ):
        zero, follows = which(own, "contains_zero"), which(own, "p_follows")
        values = {
            "ahead": share(which(own, "ahead"), own),
            "zero": task_names(zero),
        }
        values |= {
            "follows": share(follows, own),
            "follows_names": task_names(follows),
        }
        yield name, len(follows) == len(own) and not zero, values

    own = chosen["superior"]
    clear = [
        audit.task
        for audit in own
        if audit.ahead and not audit.may_contain_zero
    ]
    values = {"ahead": share(which(own, "ahead"), own), "clear": len(clear)}
    yield (
        "superior",
        len(clear) == len(own),
        values | {"clear_names": task_names(clear)},
    )

    stated = [audit.published.difference for audit in chosen["range"]]
    low, high = f"{min(stated):.1f}", f"{max(stated):.1f}"
    (text,) = (one["text"] for one in CLAIMS if one["name"] == "range")
    yield "range", f"from {low}% to {high}%" in text, {"low": low, "high": high}

    first, *_ = own = chosen["gain"]
    relative = all(audit.relative_gain.meets(audit.difference) for audit in own)
    values = {"gain": first.relative_gain, "stated": first.published.difference}
    yield "gain", relative, values

    own = chosen["outperforming"]
    above, zero = which(own, "ahead"), which(own, "contains_zero")
    equal = [
        audit.task for audit in own if audit.means.low + audit.means.high == 0
    ]
    values = {
        "above": share(above, own),
        "zero": task_names(zero),
        "equal": task_names(equal),
    }
    yield "outperforming", len(above) == len(own) and not zero, values

    means = [
        sum((audit.difference for audit in own), Bounds(0, 0)).scaled(
            1 / len(own)
        )
        for own in (small, large)
    ]
    top = max(large, key=lambda audit: audit.published.difference)
    beaten = [
        audit for audit in small if audit.difference.high < top.difference.low
    ]
    as_far, ways = splits_as_far_apart(audits, set(tasks["small_significant"]))
    values = {
        "small": means[0],
        "large": means[1],
        "top": task_names([top.task]),
    }
    values |= {
        "top_stated": top.published.difference,
        "beaten": share(beaten, small),
    }
    yield (
        "narrowed",
        means[0].low > means[1].high,
        values | {"as_far": as_far, "ways": ways},
    )

    records = [audit.published for audit in audits]
    smaller = [row for row in records if row.sd_radimagenet < row.sd_imagenet]
    ratios = [row.sd_imagenet / row.sd_radimagenet for row in records]
    values = {
        "smaller": share(smaller, records),
        "ratio": Bounds(min(ratios), max(ratios)),
    }
    yield "smaller_sds", len(smaller) == len(records), values

    margin, own = (
        100 * EQUIVALENCE_MARGIN,
        [audit.published for audit in chosen["comparable"]],
    )
    inside = [
        row for row in own if -margin < row.ci_low and row.ci_high < margin
    ]
    values = {"margin": margin, "inside": share(inside, own)}
    yield "comparable", len(inside) == len(own), values

    gains = {
        task: dice_gains(published) for task, published in paper.DICE.items()
    }
    fits = all(
        g["stated"].meets(g[name])
        for g in gains.values()
        for name in ("text", "caption")
    )
    words = "; ".join(
        f"{task} {gain['caption']:.1f}%" for task, gain in gains.items()
    )
    yield "dice", None if fits else False, {"gains": words}

    of_large = [
        task for task in paper.DICE if task not in tasks["small_significant"]
    ]
    values = {
        "measured": task_names(paper.DICE),
        "large_measured": task_names(of_large),
    }
    yield "interpretability", None, values


def which(audits, quality):
    return [audit.task for audit in audits if getattr(audit, quality)]


def share(part, whole):
    return f"{len(part)} of {len(whole)}"


# %%
claims = judged_claims(audits)
claims["verdict"].value_counts().to_frame()

# %% tags=["hide-input"]
colour = dict(zip(VERDICTS, ("#1F6326", "#A32100", "#6B4A00"), strict=True))


def folded(one):
    link = (
        ' <a href="../results/regimes.html">What our real run says.</a>'
        if one.see
        else ""
    )
    badge = f"background:{colour[one.verdict]};color:white;border-radius:3px;padding:0.1em 0.5em"
    return (
        f'<details style="margin:0.4em 0"><summary><span style="{badge}">{one.verdict}</span> '
        f"“{escape(one.text)}”</summary>"
        f'<p style="margin:0.3em 0 0.8em 1.2em">{escape(one.place)}. {escape(one.why)}{link}</p>'
        "</details>"
    )


counts = claims["verdict"].value_counts()
glue_values(n_claims=len(claims), n_hold=int(counts["holds"]), n_not=int(counts["does not follow"]),
            n_open=int(counts["cannot be told"]))  # fmt: skip
claim("every kind of verdict occurs", set(counts.index) == set(VERDICTS))
HTML("".join(folded(one) for one in claims.itertuples()))

# %% [markdown]
# Two claims that the printed means cannot decide, which layers to train and which network is best,
# are asked of real scores on [the page by regime](../results/regimes).
#
# ## Run this page
#
# `rin run notebooks/evidence/audit.py`, or `jupytext --to ipynb notebooks/evidence/audit.py` and
# then papermill. It takes seconds and needs no images.
