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

import numpy as np
import pandas as pd
from IPython.display import HTML
from scipy import stats

from rin.evidence import paper
from rin.evidence.audit import audit_tasks
from rin.evidence.claims import (
    VERDICTS,
    dice_gains,
    holm_bounds,
    judged_claims,
    task_names,
)
from rin.report.forest import forest
from rin.report.format import book_table, format_p
from rin.report.page import claim, glue_values, picture
from rin.report.style import use_style

use_style()


def p_range(bounds):
    ends = [
        format_p(p).removeprefix("P ").removeprefix("= ")
        for p in (bounds.low, bounds.high)
    ]
    return " to ".join(dict.fromkeys(ends))


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
