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

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# rin is the package of this checkout: pip install -e '.[study,book]' there
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pingouin
import seaborn as sns
from IPython.display import Markdown

from rin import stats
from rin.evidence import paper
from rin.evidence.audit import audit_tasks, published_intervals
from rin.evidence.claims import (
    checks,
    dice_gains,
    judged_claims,
    splits_as_far_apart,
    task_names,
)
from rin.report.forest import forest
from rin.report.format import book_table, format_estimate, format_p
from rin.report.page import claim, picture
from rin.report.style import use_style
from rin.study import compare_levels, open_reference

use_style()
audits = audit_tasks()
judged = judged_claims(audits)
checked = checks(audits)
tasks = {name: [*checked.index[checked[name]]] for name in checked}
lists = {name: task_names(chosen) for name, chosen in tasks.items()}
counts = judged["verdict"].value_counts()
claim("four of eight intervals include zero",
      (len(tasks["zero"]), len(audits)) == (4, 8))  # fmt: skip
claim("however they were rounded", checked["zero"] != checked["clear"])
claim("the half-widths agree in all tasks",
      all(row.agrees for row in audits.values()))  # fmt: skip
claim("P < .001 for every task",
      all(row.stated_p == 0.001 for row in audits.values()))  # fmt: skip
Markdown(f"""
**The paper's intervals equal, within rounding, intervals over its 24 ways of
fine-tuning, and say nothing about new patients.** In all eight tasks the
printed half-width is that of an unpaired t interval over settings. Four of the
eight intervals ({lists["zero"]}) include zero and are printed with P < .001
{{cite:p}}`mei2022`. Of {len(judged)} claims quoted below, {counts["holds"]}
hold, {counts["does not follow"]} do not follow from the printed numbers, and
{counts["cannot be judged"]} cannot be judged by them.
""")

# %% jupyter={"source_hidden": true} tags=["hide-input"]
intervals = pd.concat(
    published_intervals(row.published).assign(label=row.published.short)
    for row in audits.values()
)
half_widths = (intervals["ci_high"] - intervals["ci_low"]) / 2
notes = half_widths.map("±{:.2f}".format).groupby(intervals["label"])
axes = forest(intervals.assign(note=notes.transform("   ".join)))
axes.set_xlabel("RadImageNet − ImageNet, AUC points (95% CI)")
picture(
    axes,
    "Figure 1. Every printed interval agrees with the SDs over settings",
    "Grey: differences and 95% intervals as printed, eight tasks. "
    "Squares: the same difference, with the interval that the SDs imply. "
    "Numbers: half-widths, printed and implied.",
)

# %% [markdown]
# With SDs $s_1$ and $s_2$ over the $n = 24$ settings of each source, the half-width of such an interval is
# $t_{0.975,\,46}\sqrt{(s_1^2 + s_2^2)/24}$. For breast lesions, where
# $(8.7 + 0.6)/2 = 4.65$ is printed:

# %%
breast = paper.COMPARISONS["breast"]
radimagenet = breast.auc_radimagenet, breast.sd_radimagenet, 24
imagenet = breast.auc_imagenet, breast.sd_imagenet, 24
implied = stats.hypothesis.unpaired_t_from_summary(*radimagenet, *imagenet)
round(100 * (implied.ci_high - implied.ci_low) / 2, 2)

# %% [markdown]
# ## Claim by claim
#
# *Holds*: the printed numbers support the claim; other data may not. *Does not follow*: they do not
# support it; it may still be true. *Cannot be judged*: too few numbers are printed.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
quoted = judged[["verdict", "text", "why"]]
quoted.columns = ["Verdict", "The paper says", "Reason"]
book_table(quoted, "Claims of the paper", prose=True)

# %% [markdown]
# ## What the printed numbers imply
#
# A printed 0.85 can be anything from 0.845 to 0.855, so every result has a range. *DeLong, at most*: the
# variance of an AUC $A$ with $m$ and $n$ tested cases {cite:p}`delong1988` cannot exceed
# $A(1-A)\,(1/(m-1) + 1/(n-1))$. *r needed*: the correlation of both sources' AUCs with which a paired t
# test would give P < .001; where it exceeds 1, none does. *P, SDs*: of the unpaired t test that the SDs imply;
# *P, interval*: of the printed interval, as if normal.


# %% jupyter={"source_hidden": true} tags=["hide-input"]
def p_range(bounds):
    ends = [format_p(p)[2:].removeprefix("= ") for p in bounds]
    return " to ".join(dict.fromkeys(ends))


rows = [
    {
        "Task": row.published.short,
        "± printed": f"{row.half_width:.2f}",
        "± implied": f"{row.implied:.2f}",
        "± DeLong, at most": f"{row.delong_limit:.1f}",
        "P, SDs": p_range(row.p_by_sds),
        "P, interval": p_range(row.p_by_normal),
        "r needed": f"{row.needed_correlation:.2f}",
    }
    for row in audits.values()
]
caption = "Half-widths (AUC points) and P values, with their ranges by rounding"
book_table(pd.DataFrame(rows), caption, prose=True)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
acl = audits["acl"]
gains = [dice_gains(row) for row in paper.DICE.values()]
claim("wider than DeLong's limit", tasks["wide"] == ["sarscov2", "hemorrhage"])
claim("only meniscus allows P < .001", tasks["follows"] == ["meniscus"])
claim("the ACL difference misses its middle",
      not acl.difference.meets(acl.middle))  # fmt: skip
claim("the Dice gains are relative",
      all(row["stated"].meets(row["caption"]) for row in gains))  # fmt: skip
Markdown(f"""
**Intervals.** For {lists["wide"]} they are wider than any DeLong interval on
the tested images. The ACL difference is stated as {acl.published.estimate:.1f}
points; the middle of its interval is {acl.middle:.2f}, and the printed means
differ by {acl.means:.0f}.

**P values.** Only {lists["follows"]} allows P < .001; for {lists["above"]} both
P values are above .05 for every rounding. After Holm's correction
{{cite:p}}`holm1979`, {lists["below"]} are below .05 for every rounding.
DeLong's test could still give small P values; it needs the scores of every
case, which were not published.

**Two kinds of percent.** Those of AUCs are points; those of Dice scores
({paper.DICE["thyroid"].gain_percent:.1f}% and
{paper.DICE["breast"].gain_percent:.1f}%) are relative.
""")

# %% [markdown]
# ## Statements that need data
#
# The paper also gives advice and reasons without numbers. The first three can be tried on the networks of
# this book, the last two on the paper's eight differences.

# %%
runs = open_reference("open")
scores = runs.predictions(study="main")
first = scores.query("pretraining == 1")
levels = compare_levels(first, reference_backbone="InceptionV3")
levels["clear"] = (levels["estimate"] > 0) & (levels["p_holm"] < 0.05)
clear = levels.groupby(["level", "other"])["clear"].sum()
# Tasks, of six, on which a row's level is clearly better than a column's.
clear.unstack(fill_value="–")

# %% jupyter={"source_hidden": true} tags=["hide-input"]
claim("than frozen layers on three, than ten layers on two",
      clear["unfreeze_all"].to_dict()
      == {"freeze_all": 3, "unfreeze_top10": 2})  # fmt: skip
networks = ["DenseNet121", "InceptionResNetV2", "ResNet50"]
claim("on six, four and one of six tasks",
      [*clear.loc[networks, "InceptionV3"]] == [6, 4, 1])  # fmt: skip
SIMILAR = ["thyroid", "acl", "meniscus", "covid19", "sarscov2"]
stated = pd.Series(
    {task: row.published.estimate for task, row in audits.items()}
)
near = stated[SIMILAR].mean()
far = stated.drop(SIMILAR).mean()
as_far, ways = splits_as_far_apart(audits, SIMILAR)
claim(
    "similar tasks gain more, not clearly",
    near > far and (as_far, ways) == (3, 56),
)
claim("the three intervals include zero", checked["zero"].drop(SIMILAR))
Markdown(f"""
| the paper says | what the numbers say |
|---|---|
| “A smaller learning rate at 0.0001 would be suggested when training all \
trainable parameters” | **Holds** here on \
[six of six tasks](../results/all_tasks) with the paper's backbones, on two of \
six with four others. |
| “unfreezing all layers consistently achieved the best performance” | **In \
part** here: at 0.0001 the highest mean AUC on six of six tasks with the \
paper's backbones; over both rates and all eight backbones, of the first \
pretraining, clearly better than frozen layers on three, than ten trained \
layers on two. |
| “Inception-ResNet-v2, ResNet50, and DenseNet121 achieved higher performance \
than Inception V3” | **In part** here: DenseNet121 clearly on six of six \
tasks, InceptionResNetV2 on four, ResNet50 on one. |
| “source data similarity can contribute to extraordinary performance with a \
small dataset” | **Cannot be told apart from other causes.** The five tasks \
whose modality and findings RadImageNet contains gain {near:.1f} points on \
average, the other three {far:.1f}; of {ways} ways to choose five tasks, \
three give a gap as large. |
| “better generalizability”, as RadImageNet also gained on three tasks unlike \
it | **Does not follow**: the intervals of all three differences include \
zero, and no network was tested on images from elsewhere. |

*Clearly*: P < .05 over the six tasks by Holm's method, for these networks on
new patients.
""")

# %% [markdown]
# ## The paper's five limitations
#
# | the paper's limitation | in this book |
# |---|---|
# | Readers and networks compared on single images | No readers took part |
# | One label an image; outlines not used for training | The same |
# | Reduced resolution may hide small findings | Worse: 75 to 112 pixels a side (224 in one further run) in place of 256 |
# | The 165 classes are groups, so the networks are no diagnostic models | The same; nothing here is for clinical use |
# | RadImageNet has fewer classes than ImageNet | Removed: both corpora have 36 classes and equally many images |
#
# Five others, which the paper does not name, matter more for its conclusion: inputs that perhaps did not
# fit the ImageNet weights, images of one patient counted as independent, one pretraining of each network, no test
# images from another institution, and intervals over settings.
#
# ## The same analyses on scores that are known
#
# The paper's analysis, DeLong's test and others differ in what they take as the sample
# ([Methods](../../methods)). Applied to one set of predictions:

# %%
six = pd.concat(
    stats.task_analyses(rows, *runs.inits).assign(task=task)
    for task, rows in scores.groupby("task", sort=False)
)
points, p_values = (
    six.pivot_table(value, "name", "task", sort=False)
    for value in ("estimate", "p_value")
)
adjusted = p_values.apply(stats.holm, axis=1, result_type="broadcast")

# %% jupyter={"source_hidden": true} tags=["hide-input"]
stars = (adjusted < 0.05).sum(axis=1)
claim("none to three of six tasks", (stars.min(), stars.max()) == (0, 3))
shown = (100 * points).rename(index=lambda name: name.replace(", ", ",\n"))
texts = shown.map("{:+.1f}".format).replace("-", "−", regex=True)
texts = texts.where(adjusted.ge(0.05).to_numpy(), texts + "*")
colours = sns.diverging_palette(30, 240, as_cmap=True)
_, ax = plt.subplots(figsize=(4.9, 3.8))
sns.heatmap(
    shown, annot=texts, fmt="", cmap=colours, vmin=-12, vmax=12, cbar=False,
    annot_kws={"size": 8.5}, ax=ax,
)  # fmt: skip
names = [
    runs.titles[task].partition(",")[0].replace(" ", "\n") for task in points
]
ax.set_xticklabels(names, rotation=90)
ax.set(xlabel="", ylabel="")
picture(
    ax,
    "Figure 2. The same scores are “significant” on none to three of six tasks",
    "AUC points on six tasks, by what is taken as the sample (blue: radiologic "
    "ahead, orange: behind); * P < .05 after Holm's adjustment over the tasks.",
)

# %% [markdown]
# No row takes the pretraining as its sample ([All tasks](../results/all_tasks) does). “DeLong of mean scores”
# compares two ensembles.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
patients = six.query("name == 'Obuchowski, mean over scenarios'")
alike = {
    task: stats.equivalence_tests(rows, [0.02])["equivalent"].item()
    for task, rows in patients.groupby("task")
}
pneumonia = patients.set_index("task").loc["pneumonia"]
claim(
    "pneumonia is within 2 points, breast and haemorrhage are not",
    [alike["pneumonia"], not alike["breast"], not alike["hemorrhage"]],
)
Markdown(f"""
The paper calls breast lesions, pneumonia and haemorrhage “comparable” without
a margin. For these networks, with patients as the unit, a difference of 2
points is excluded on pneumonia ({format_estimate(pneumonia, unit="points")}),
and on neither of the others; with the pretraining as the unit, [on no
task](../results/all_tasks).
""")

# %% [markdown]
# The paired t test over scenarios is one line of pingouin, and `rin.stats` gives the same:

# %%
aucs = stats.scenario_aucs(runs.predictions(task="thyroid"))
pair = aucs.pivot_table("auc", "init", "scenario").loc[[*runs.inits]].to_numpy()
test = pingouin.ttest(*pair, paired=True)
same = stats.paired_t(*pair)
assert np.allclose(test[["T", "p_val"]], [same.statistic, same.p_value])
print(f"thyroid: {100 * same.estimate:+.1f} points, P = {same.p_value:.2f}")

# %% [markdown]
# This page: `rin run notebooks/evidence/audit.py`.
