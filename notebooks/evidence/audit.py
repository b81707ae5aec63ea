# ---
# jupyter:
#   jupytext:
#     cell_metadata_filter: tags,jupyter,mystnb,-all
#     notebook_metadata_filter: -jupytext.text_representation.jupytext_version
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # The published numbers, checked
#
# *Answers* which of the paper's statements follow from its printed numbers {cite:p}`mei2022`, and
# what its analysis says about the scores of this book. *Needs* nothing. *Takes* half a minute:
# `rin run notebooks/evidence/audit.py`.

# %% tags=["parameters", "remove-input"]
# rin is the package of this checkout: pip install -e '.[study,book,cpu]' there
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% jupyter={"source_hidden": true} tags=["hide-input"]
import numpy as np
import pandas as pd
import pingouin
from IPython.display import Markdown
from scipy import stats

from rin.evidence import paper
from rin.evidence.audit import audit_tasks, published_intervals
from rin.evidence.claims import (
    dice_gains,
    holm_bounds,
    judged_claims,
    task_names,
)
from rin.report import style
from rin.report.banner import banner
from rin.report.forest import forest
from rin.report.format import book_table, format_p
from rin.report.heat import heat
from rin.report.page import claim, picture
from rin.report.words import equivalence
from rin.stats import (
    EQUIVALENCE_MARGIN,
    holm,
    paired_t,
    scenario_aucs,
    task_analyses,
)
from rin.study import open_runs

style.use_style()

# %%
audits = audit_tasks()
claims = judged_claims(audits)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
zero = [row.task for row in audits if row.contains_zero]
counts = claims["verdict"].value_counts()
claim("four intervals include zero however they were rounded",
      [row.task for row in audits if row.may_contain_zero] == zero)  # fmt: skip
claim("the half-widths agree in all tasks", all(row.agrees for row in audits))
claim("P < .001 for every task", all(row.stated_p == 0.001 for row in audits))
Markdown(f"""
The paper's intervals describe 24 ways of fine-tuning, not patients: in all
{len(audits)} tasks the printed half-width equals, within rounding, that of an
unpaired t interval over settings. {len(zero)} of the intervals
({task_names(zero)}) include zero, beside P < .001. Of {len(claims)} quoted
claims {counts["holds"]} hold, {counts["does not follow"]} do not follow from
the printed numbers, and {counts["cannot be judged"]} cannot be decided from
them.
""")

# %%
intervals = pd.concat(
    published_intervals(row.published).assign(label=row.published.title)
    for row in audits
)
half_widths = (intervals["ci_high"] - intervals["ci_low"]) / 2
notes = half_widths.map("±{:.2f}".format).groupby(intervals["label"])
axes = forest(
    intervals.assign(note=notes.transform("   ".join)),
    xlabel="RadImageNet − ImageNet, AUC points (95% CI)",
    ends=("ImageNet", "RadImageNet"), note_title="printed   implied",
)  # fmt: skip
picture(axes, "Published interval of each task's difference and, below it, the "
        "unpaired t interval of the published SDs: nearly equal")  # fmt: skip

# %% [markdown]
# Square: the stated difference, with the interval that the published means and
# standard deviations (SDs) imply. With $s_1$ and $s_2$ over $n = 24$ settings of
# each source, its half-width is $t_{0.975,\,46}\sqrt{(s_1^2 + s_2^2)/24}$. For
# breast lesions:

# %%
breast = paper.COMPARISONS["breast"]
error = 100 * np.hypot(breast.sd_radimagenet, breast.sd_imagenet) / np.sqrt(24)
round(
    float(stats.t.ppf(0.975, 46) * error), 2
)  # printed: (8.7 + 0.6) / 2 = 4.65

# %% [markdown]
# A printed 0.85 can be anything from 0.845 to 0.855, so every result has a
# range, and two numbers agree where their ranges overlap. DeLong's method
# {cite:p}`delong1988`, which the paper names, is about cases: its variance of an
# AUC $A$ with $m$ and $n$ tested cases cannot exceed
# $A(1-A)\,(1/(m-1) + 1/(n-1))$, which limits the width of its interval.

# %%
fitting = [
    name
    for name in audits[0].widths
    if all(row.half_width.meets(row.widths[name]) for row in audits)
]
names = [task_names([row.task]) for row in audits]
widths = pd.DataFrame(
    {
        "Task": names,
        "Printed": [f"{row.half_width:.2f}" for row in audits],
        "Implied": [f"{row.implied:.2f}" for row in audits],
        "DeLong, at most": [f"{row.delong_limit:.2f}" for row in audits],
        "Includes zero": [
            "yes" if row.contains_zero else "no" for row in audits
        ],
    }
)
book_table(widths, "Half-widths in AUC points, with rounding", prose=True)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
claim("every formula without pairing fits", len(fitting) == 4)
wide = [row.task for row in audits if row.too_wide_for_delong]
claim("wider than DeLong's limit", wide == ["sarscov2", "hemorrhage"])
Markdown(f"""
{len(fitting)} formulas without pairing fit equally well, so the numbers do not
show which was used. All of them ignore that both sources were run with the same
24 settings, and none concerns new patients. For {task_names(wide)} the printed
interval is wider than any DeLong interval of the printed AUCs on
{paper.SETTINGS["split_percent"].value[-1]}% of the images.
""")

# %% [markdown]
# ## P values
#
# A 95% interval that includes zero and a P value below .05 cannot come from one
# test of one difference. Here the P value is computed twice, with the range that
# rounding allows: from the stated difference and the SDs, and from the printed
# interval alone, taken as symmetric. A *paired* t test would give a smaller P the
# more the AUCs of both sources rise and fall together; the last column is the
# correlation that P < .001 would need.


# %%
def p_range(bounds):
    ends = (
        format_p(p)[2:].removeprefix("= ") for p in (bounds.low, bounds.high)
    )
    return " to ".join(dict.fromkeys(ends))


adjusted = holm_bounds(audits)  # over the eight tasks
needed = [row.needed_correlation for row in audits]
p_values = pd.DataFrame(
    {
        "Task": names,
        "SDs": [p_range(row.p_by_sds) for row in audits],
        "Interval": [p_range(row.p_by_normal) for row in audits],
        "SDs, Holm": [p_range(bounds) for bounds in adjusted],
        "r needed": ["above 1" if r.low >= 1 else f"{r:.2f}" for r in needed],
    }
)
book_table(
    p_values, "P values; the paper states P < .001 for every task", prose=True
)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
follows = [row.task for row in audits if row.p_follows]
above = [row.task for row in audits
         if min(row.p_by_sds.low, row.p_by_normal.low) > 0.05]  # fmt: skip
below = [
    row.task for row, p in zip(audits, adjusted, strict=True) if p.high < 0.05
]
(acl,) = (row for row in audits if row.task == "acl")
claim("only meniscus allows P < .001", follows == ["meniscus"])
claim(
    "the ACL difference misses its middle", not acl.difference.meets(acl.middle)
)
Markdown(f"""
Only {task_names(follows)} allows P < .001. For {task_names(above)} both P
values are above .05 for every rounding. After Holm's correction
{{cite:p}}`holm1979`, {task_names(below)} are below .05 for every rounding. For
the anterior cruciate ligament (ACL) the difference is stated as
{acl.published.estimate:.1f} points; the middle of its interval is
{acl.middle:.2f}, and the printed means differ by {acl.means:.0f}. A DeLong
*test* on so many images could still give small P values; it needs the scores
of every case, which were not published.
""")

# %% [markdown]
# ## Two kinds of percent

# %% jupyter={"source_hidden": true} tags=["hide-input"]
thyroid = next(row for row in audits if row.task == "thyroid")
gains = {task: dice_gains(row) for task, row in paper.DICE.items()}
fits = [row["stated"].meets(row["caption"]) for row in gains.values()]
claim("the Dice gains are relative", all(fits))
Markdown(f"""
The paper's percentages of AUCs are points. Thyroid's
{thyroid.published.estimate:.1f}% divided by the printed ImageNet AUC, each
with its rounding, is a relative gain of {thyroid.relative_gain:.1f}%. Its
percentages of Dice scores are relative and fit the printed scores:
{paper.DICE["thyroid"].gain_percent:.1f}% for thyroid and
{paper.DICE["breast"].gain_percent:.1f}% for breast.
""")

# %% [markdown]
# ## Claim by claim
#
# *Holds*: the printed numbers support the claim; other data may not. *Does not
# follow*: they do not support it; it may still be true. *Cannot be judged*: too few
# numbers are printed. Which layers to train, and which network is best, is examined
# with real scores on the page [Discrepancies](discrepancies).

# %% jupyter={"outputs_hidden": true} tags=["hide-output"]
quoted = claims[["verdict", "text", "why"]].set_axis(
    ["Verdict", "The paper says", "Reason"], axis=1
)
book_table(quoted.reset_index(drop=True), "Quoted claims", prose=True)

# %% [markdown]
# ## The same analyses on scores that are known
#
# The paper's analysis, DeLong's test and others are applied to the same predictions,
# those of this book. They differ in what they take as the sample
# ([Methods](../../methods)).

# %% jupyter={"source_hidden": true} tags=["hide-input"]
runs = open_runs(profile, data_root=data_root, results=results)
short = {task: title.partition(",")[0] for task, title in runs.titles.items()}
a, b = (style.init_style(init).word for init in runs.inits)
banner(runs)

# %%
tables = {}
for task in runs.tasks:
    parts = runs.facts(task).split
    tables[short[task]] = task_analyses(
        runs.predictions(task=task),
        *runs.inits,
        test_train_ratio=parts["test"] / parts["train"],
        seed=runs.study.profile.seed,
    ).set_index("name")
nine = pd.concat(tables, axis=1)
estimates = nine.xs("estimate", axis=1, level=1).dropna(how="all")
adjusted_p = nine.xs("p_value", axis=1, level=1).apply(
    holm, axis=1, result_type="broadcast"
)
ax = heat(estimates, runs.inits, clear=adjusted_p < 0.05)
picture(ax, "Difference by several analyses of the same predictions, by task")

# %% jupyter={"source_hidden": true} tags=["hide-input"]
called = [
    short[task]
    for task in paper.CLAIMS["comparable"].value
    if short.get(task) in tables
]
recommended = nine[short[runs.tasks[0]]].query("recommended").index[0]
equal = [name for name in called if tables[name].loc[recommended, "equivalent"]]
Markdown(f"""
Differences {a} − {b} in AUC points, orange where {b} is ahead; * P < .05,
adjusted over the tasks, row by row. No analysis takes the pretraining as the
sample, so a star concerns these networks only.
{int((adjusted_p < 0.05).sum(axis=None)) or "None"} of
{int(adjusted_p.notna().sum(axis=None))} cells have one.

{equivalence(called, equal, 100 * EQUIVALENCE_MARGIN)} This is by
“{recommended}”.
""")

# %% [markdown]
# *DeLong of mean scores* compares two ensembles: the scores of all networks of a
# source are averaged first. An ensemble is better than its members, and the two
# sources need not gain alike, so its difference can be several times the mean
# difference of single networks, and its star answers another question.
#
# The paired t test over scenarios is one line of pingouin, and `rin.stats` gives
# the same.

# %%
aucs = scenario_aucs(runs.predictions(task=runs.tasks[0]))
aucs = aucs.groupby(["scenario", "init"])["auc"].mean().unstack()
pair = [aucs[init] for init in runs.inits]
test, same = pingouin.ttest(*pair, paired=True).iloc[0], paired_t(*pair)
assert np.allclose([test["T"], test["p_val"]], [same.statistic, same.p_value])
f"{runs.tasks[0]}: {100 * same.estimate:+.1f} AUC points"
