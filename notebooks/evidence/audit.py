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

from rin import stats
from rin.evidence import claims, paper
from rin.evidence.audit import audit_tasks
from rin.report import evidence_figures, published
from rin.report.banner import banner
from rin.report.page import claim
from rin.study import open_runs

runs = open_runs(profile, data_root=data_root, results=results)
banner(runs)

# %%
audits = audit_tasks()
judged = claims.judged_claims(audits)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
zero = [row.task for row in audits if row.contains_zero]
counts = judged["verdict"].value_counts()
claim("four intervals include zero however they were rounded",
      [row.task for row in audits if row.may_contain_zero] == zero)  # fmt: skip
claim("the half-widths agree in all tasks", all(row.agrees for row in audits))
claim("P < .001 for every task", all(row.stated_p == 0.001 for row in audits))
Markdown(f"""
The paper's intervals describe 24 ways of fine-tuning, not patients: in all
{len(audits)} tasks the printed half-width equals, within rounding, that of an
unpaired t interval over settings. {len(zero)} of the intervals
({claims.task_names(zero)}) include zero, beside P < .001. Of {len(judged)}
quoted claims {counts["holds"]} hold, {counts["does not follow"]} do not follow
from the printed numbers, and {counts["cannot be judged"]} cannot be decided
from them.
""")

# %%
evidence_figures.published_forest(audits)

# %% [markdown]
# Square: the stated difference, with the interval that the published means and
# standard deviations (SDs) imply. With $s_1$ and $s_2$ over $n = 24$ settings of
# each source, its half-width is $t_{0.975,\,46}\sqrt{(s_1^2 + s_2^2)/24}$. For
# breast lesions, where $(8.7 + 0.6)/2 = 4.65$ is printed:

# %%
breast = paper.COMPARISONS["breast"]
implied = stats.hypothesis.unpaired_t_from_summary(
    breast.auc_radimagenet, breast.sd_radimagenet, 24,
    breast.auc_imagenet, breast.sd_imagenet, 24,
)  # fmt: skip
round(100 * (implied.ci_high - implied.ci_low) / 2, 2)

# %% [markdown]
# ## What the printed numbers imply
#
# A printed 0.85 can be anything from 0.845 to 0.855, so every result has a range,
# and two numbers agree where their ranges overlap. *Implied*: from the SDs, without
# pairing. *DeLong, at most*: the variance of an AUC $A$ with $m$ and $n$ tested cases
# {cite:p}`delong1988` cannot exceed $A(1-A)\,(1/(m-1) + 1/(n-1))$. P is computed from
# the difference and the SDs, and from the printed interval alone. *r needed*: a
# paired t test gives a smaller P the more the AUCs of both sources rise and fall
# together; P < .001 would need this correlation.

# %%
published.checks_table(audits)

# %%
checks = claims.checks(audits)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
tasks = {name: [*checks.index[checks[name]]] for name in checks}
shown = {name: claims.task_names(chosen) for name, chosen in tasks.items()}
fitting = [
    formula
    for formula in audits[0].widths
    if all(row.half_width.meets(row.widths[formula]) for row in audits)
]
acl, thyroid = (
    next(row for row in audits if row.task == task)
    for task in ("acl", "thyroid")
)
gains = [claims.dice_gains(row) for row in paper.DICE.values()]
claim("every formula without pairing fits", len(fitting) == 4)
claim("wider than DeLong's limit", tasks["wide"] == ["sarscov2", "hemorrhage"])
claim("only meniscus allows P < .001", tasks["follows"] == ["meniscus"])
claim(
    "the ACL difference misses its middle", not acl.difference.meets(acl.middle)
)
claim(
    "the Dice gains are relative",
    all(row["stated"].meets(row["caption"]) for row in gains),
)
Markdown(f"""
**Intervals.** Four formulas without
pairing fit equally well. All ignore that both sources were run with the same
settings, and none concerns new patients. For {shown["wide"]} the printed
interval is wider than any DeLong interval on
{paper.SETTINGS["split_percent"].value[-1]}% of the images.

**P values.** A 95% interval that includes zero and P < .05 cannot come from one
test of one difference. Only {shown["follows"]} allows P < .001; for
{shown["above"]} both P values are above .05 for every rounding. After
Holm's correction {{cite:p}}`holm1979`, {shown["below"]} are below .05
for every rounding. A DeLong *test* on so many images could still give small P
values; it needs the scores of every case, which were not published.

**The ligament.** The difference is stated as {acl.published.estimate:.1f}
points; the middle of its interval is {acl.middle:.2f}, and the printed means
differ by {acl.means:.0f}.

**Two kinds of percent.** Those of AUCs are points: relative to ImageNet's AUC
thyroid's {thyroid.published.estimate:.1f}% would be
{thyroid.relative_gain:.1f}%. Those of Dice scores
({paper.DICE["thyroid"].gain_percent:.1f}% for thyroid,
{paper.DICE["breast"].gain_percent:.1f}% for breast) are relative, and fit the
printed scores.
""")

# %% [markdown]
# ## Claim by claim
#
# *Holds*: the printed numbers support the claim; other data may not. *Does not
# follow*: they do not support it; it may still be true. *Cannot be judged*: too few
# numbers are printed.

# %% jupyter={"outputs_hidden": true} tags=["hide-output"]
published.claims_table(judged)

# %% [markdown]
# ## The same analyses on scores that are known
#
# The paper's analysis, DeLong's test and others, applied to the predictions of this
# book. They differ in what they take as the sample ([Methods](../../methods)).

# %%
ratios = {task: runs.facts(task).split for task in runs.tasks}
nine = pd.concat(
    stats.task_analyses(
        runs.predictions(task=task),
        *runs.inits,
        test_train_ratio=parts["test"] / parts["train"],
        seed=runs.workspace.profile.seed,
    ).assign(task=task)
    for task, parts in ratios.items()
)
p_values = nine.pivot(index="name", columns="task", values="p_value")
adjusted = p_values.apply(stats.holm, axis=1, result_type="broadcast")

# %%
evidence_figures.analyses_heat(
    nine, adjusted, runs.inits, runs.titles, tested=not runs.stand_ins()
)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(published.analyses_in_words(nine, runs))

# %% [markdown]
# *DeLong of mean scores* compares two ensembles: the scores of all networks of a
# source are averaged first. An ensemble is better than its members, and the two
# sources need not gain alike, so its star answers another question.
#
# The paired t test over scenarios is one line of pingouin, and `rin.stats` gives
# the same.

# %%
aucs = stats.scenario_aucs(runs.predictions(task=runs.tasks[0]))
aucs = aucs.groupby(["scenario", "init"])["auc"].mean().unstack()
pair = [aucs[init] for init in runs.inits]
test, same = pingouin.ttest(*pair, paired=True).iloc[0], stats.paired_t(*pair)
assert np.allclose([test["T"], test["p_val"]], [same.statistic, same.p_value])
f"{runs.tasks[0]}: {100 * same.estimate:+.1f} AUC points"
