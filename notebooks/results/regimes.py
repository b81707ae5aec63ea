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
# # Does it matter how much of the network is trained?

# %% tags=["parameters", "remove-input"]
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]
from textwrap import fill

import matplotlib.pyplot as plt
import pandas as pd

from rin import paper
from rin.report.banner import banner
from rin.report.forest import forest
from rin.report.format import book_table, format_estimate, format_p
from rin.report.page import claim, glue_values, picture
from rin.report.style import init_style, use_style
from rin.stats import (
    EQUIVALENCE_MARGIN,
    holm,
    init_differences,
    regime_interaction,
    task_analyses,
)
from rin.study import open_reference, open_runs

use_style()
runs = open_runs(profile, data_root=data_root, results=results)
titles = runs.titles
banner(runs)

# %% [markdown]
# The study fine-tunes each network in three regimes: with the pretrained layers frozen, with the
# last ten of them trained, and with all of them trained. The difference between the two
# initialisations changes clearly with the regime on {glue:text}`n_interaction` of
# {glue:text}`n_tasks` tasks (test of interaction, adjusted), which a mean over all scenarios cannot
# show.
#
# ## The difference in each regime
#
# Differences are of areas under the ROC curve (AUC), averaged over the scenarios of a regime.
# Patients are the independent units {cite:p}`obuchowski1997`; P values are adjusted over the tasks,
# within a regime, by Holm's method {cite:p}`holm1979`.

# %%
scores = runs.predictions(study="main")
differences = init_differences(scores, *runs.inits)

# %%
names = {
    "all": "all regimes",
    "freeze_all": "frozen",
    "unfreeze_top10": "ten layers",
    "unfreeze_all": "all layers",
}
points = 100 * differences[["difference", "ci_low", "ci_high"]]
rows = points.set_axis(["estimate", "low", "high"], axis="columns").assign(
    group=differences["task"].map(titles),
    label=differences["group"].map(names),
    clear=differences["p_holm"] < 0.05,
)
a, b = (init_style(init).short for init in runs.inits)
axes = forest(
    rows,
    xlabel=f"{a} − {b}, AUC points (95% CI)",
    ends=(f"{b.lower()} ahead", f"{a.lower()} ahead"),
)
picture(axes, "Difference between the initialisations in each unfreezing regime, by task")

# %% [markdown]
# Of {glue:text}`n_regimes` differences within a regime, {glue:text}`n_clear` are clear after
# adjustment. Whether the regimes differ from each other is another question, and one test answers
# it: are the differences of a task's regimes all equal?

# %%
interaction = regime_interaction(scores, *runs.inits)
table = pd.DataFrame(
    {
        "Task": interaction["task"].map(titles),
        "χ² (df)": [f"{row.chi2:.1f} ({row.df})" for row in interaction.itertuples()],
        "P": interaction["p_value"].map(format_p),
        "P, Holm": interaction["p_holm"].map(format_p),
    }
)
book_table(table, "Do the regimes' differences differ?", prose=True)

# %% tags=["hide-input"]
within = differences[differences["group"] != "all"]
glue_values(
    n_tasks=len(interaction),
    n_interaction=int((interaction["p_holm"] < 0.05).sum()),
    n_regimes=len(within),
    n_clear=int((within["p_holm"] < 0.05).sum()),
    a=a.lower(),
    b=b.lower(),
)

# %% [markdown]
# ## Which regime, which network
#
# The paper says that “unfreezing all layers consistently achieved the best performance” and that
# “Inception-ResNet-v2, ResNet50, and DenseNet121 achieved higher performance than Inception V3”,
# without printing an AUC by regime or network. Per-case predictions can test both: the same
# function compares two regimes, or two networks, when their names stand in the column `init`.


# %%
def compared(scores, column, level, other):
    """Compare two levels of a column, averaged over everything else."""
    rate = scores.groupby("unfreezing")["learning_rate"].rank("dense").map({1: "low", 2: "high"})
    rest = [scores[name] for name in ("backbone", "unfreezing", "init") if name != column]
    own = scores.assign(init=scores[column], scenario=rest[0].str.cat([rest[1], rate], sep=" "))
    table = init_differences(own.assign(unfreezing="any"), level, other)
    return table[table["group"] == "all"].assign(level=level, other=other)


regimes = pd.concat(
    compared(scores, "unfreezing", "unfreeze_all", other)
    for other in ("unfreeze_top10", "freeze_all")
)
backbones = list(scores["backbone"].unique())
weakest = "InceptionV3" if "InceptionV3" in backbones else backbones[-1]
networks = pd.concat(
    compared(scores, "backbone", level, weakest) for level in backbones if level != weakest
)


# %%
def rows_of(table, label):
    table = table.sort_values("task", key=lambda task: task.map(runs.tasks.index), kind="stable")
    points = 100 * table[["difference", "ci_low", "ci_high"]]
    return points.set_axis(["estimate", "low", "high"], axis="columns").assign(
        group=table["task"].map(titles), label=label(table), clear=table["p_holm"] < 0.05
    )


axes = forest(
    rows_of(regimes, lambda table: "against " + table["other"].map(names)),
    xlabel="All layers − other regime, AUC points (95% CI)",
    ends=("other ahead", "all layers ahead"),
)
picture(axes, "All layers trained against ten or none of the pretrained layers, by task")

# %%
axes = forest(
    rows_of(networks, lambda table: table["level"]),
    xlabel=f"Network − {weakest}, AUC points (95% CI)",
    ends=(f"{weakest} ahead", "network ahead"),
)
picture(axes, f"Each network against {weakest}, averaged over regimes and weights, by task")

# %% [markdown]
# Both figures average over the two initialisations. P values are adjusted over the tasks, one
# comparison at a time.
#
# ## Nine analyses of one difference
#
# The same predictions can be analysed in many ways, which share their data and differ in what they
# take as the sample. The first way has the widths of the published intervals; the recommended one
# takes patients, for it is to other patients that a conclusion is carried.

# %%
seed = runs.study.profile.seed
tables = {
    task: task_analyses(runs.predictions(task=task), *runs.inits, seed=seed) for task in runs.tasks
}
nine = pd.concat({task: table.set_index("analysis") for task, table in tables.items()}, axis=1)
estimates = 100 * nine.xs("estimate", axis=1, level=1)
adjusted = nine.xs("p_value", axis=1, level=1).apply(holm, axis=1, result_type="broadcast")
analyses = nine[runs.tasks[0]]

# %% tags=["hide-input"]
figure, ax = plt.subplots(figsize=(8, 5))
for down, analysis in enumerate(estimates.index):
    for across, task in enumerate(estimates):
        value, p = estimates.loc[analysis, task], adjusted.loc[analysis, task]
        side = runs.inits[0 if value > 0 else 1]
        color = init_style(side).color if p < 0.05 else "#F0F0F0"
        ax.add_patch(
            plt.Rectangle((across - 0.47, down - 0.44), 0.94, 0.88, color=color, alpha=0.6)
        )
        text = f"{value:+.1f}\n{format_p(p)}".replace("-", "−") if p == p else "–"
        ax.text(across, down, text, ha="center", va="center", fontsize=9 if len(tables) < 6 else 8)
ax.set(xlim=(-0.5, len(tables) - 0.5), ylim=(len(estimates) - 0.5, -0.5))
labels = [fill(titles[task], 14 if len(tables) < 6 else 10) for task in estimates]
ax.set_xticks(range(len(tables)), labels, fontsize=9.5 if len(tables) < 6 else 7.5)
ax.set_yticks(range(len(estimates)), analyses.loc[estimates.index, "name"])
for label, mark in zip(ax.get_yticklabels(), analyses["recommended"], strict=True):
    label.set_fontweight("bold" if mark else "normal")
ax.xaxis.tick_top()
ax.tick_params(length=0)
ax.spines[:].set_visible(False)
picture(figure, "Difference and adjusted P value of every analysis on every task")

# %% [markdown]
# Each cell holds the difference {glue:text}`a` − {glue:text}`b` in AUC points and its P value,
# adjusted over the tasks; it is coloured by the initialisation that is ahead where that is below
# .05, and a dash marks an analysis that the data do not allow. The recommended analysis is bold.

# %% tags=["hide-input"]
table = pd.DataFrame({"Analysis": analyses["name"], "Speaks of": analyses["generalises_to"]})
book_table(table.reset_index(drop=True), "What each analysis generalises to", prose=True)

# %% tags=["hide-input"]
reference = open_reference()
real = reference.predictions(study="main")
tested = init_differences(real, *reference.inits).set_index(["group", "task"])
change = regime_interaction(real, *reference.inits).set_index("task")["p_holm"]
low, high, p = tested["ci_low"], tested["ci_high"], tested["p_holm"]
ahead = tested[(p < 0.05) & (low > 0)].index.tolist()
claim("all scenarios together: nothing is clear", (p["all"] > 0.05).all())
claim(
    "the regimes differ on COVID-19 and haemorrhage",
    set(change.index[change < 0.05]) == {"covid19", "hemorrhage"},
)
claim(
    "top 10: ahead on COVID-19 and haemorrhage; frozen: on haemorrhage",
    set(ahead)
    == {
        ("unfreeze_top10", "covid19"),
        ("unfreeze_top10", "hemorrhage"),
        ("freeze_all", "hemorrhage"),
    },
)
claim("no regime is clearly behind", not ((p < 0.05) & (high < 0)).any())
behind = tested.loc["unfreeze_all"]
claim(
    "all layers: behind on three tasks of four",
    set(behind.index[behind["difference"] < 0]) == {"breast", "covid19", "hemorrhage"},
)
claim(
    "on breast alone the interval excludes zero before adjustment",
    set(behind.index[behind["ci_high"] < 0]) == {"breast"},
)
one = {
    other: compared(real, "unfreezing", "unfreeze_all", other).set_index("task")
    for other in ("freeze_all", "unfreeze_top10")
}
for other, table in one.items():
    best = table.index[(table["ci_low"] > 0) & (table["p_holm"] < 0.05)]
    claim(
        f"all layers beat {other} on breast and COVID-19 alone", set(best) == {"breast", "covid19"}
    )
    claim("pneumonia: all layers are not even ahead", table.loc["pneumonia", "difference"] < 0)
two = {
    level: compared(real, "backbone", level, "InceptionV3").set_index("task")
    for level in ("InceptionResNetV2", "ResNet50", "DenseNet121")
}
better = {
    level: set(table.index[(table["difference"] > 0) & (table["p_holm"] < 0.05)])
    for level, table in two.items()
}
claim("DenseNet121 beats InceptionV3 on all tasks", better["DenseNet121"] == set(reference.tasks))
claim(
    "InceptionResNetV2: on breast and haemorrhage",
    better["InceptionResNetV2"] == {"breast", "hemorrhage"},
)
claim("ResNet50: on breast alone", better["ResNet50"] == {"breast"})
seed, nine = reference.study.profile.seed, {}
for task in reference.tasks:
    table = task_analyses(reference.predictions(task=task), *reference.inits, seed=seed)
    nine[task] = table.set_index("analysis")
nine_p = pd.DataFrame({task: table["p_value"] for task, table in nine.items()})
nine_p = nine_p.apply(holm, axis=1, result_type="broadcast").stack()
covid = nine["covid19"]["estimate"]
claim(
    "only counting predictions as cases makes a task clear",
    nine_p.index[nine_p < 0.05].tolist() == [("delong_stacked", "pneumonia")],
)
called = {task: nine[task].loc["clustered_contrast"] for task in paper.CLAIMS["comparable"].value}
claim(
    "none of the three is shown to be comparable",
    not any(row["equivalent"] for row in called.values()),
)
sizes = [reference.facts(task).size for task in reference.tasks]
points = {
    key: [100 * value for value in tested.loc[key, ["difference", "ci_low", "ci_high"]]]
    for key in tested.index
}
glue_values(
    breast_all=format_estimate(*points["unfreeze_all", "breast"], 1),
    covid_all=format_estimate(*points["unfreeze_all", "covid19"], 1),
    covid_all_p=format_p(p["unfreeze_all", "covid19"]),
    breast_all_p=format_p(p["unfreeze_all", "breast"]),
    covid_ten=format_estimate(*points["unfreeze_top10", "covid19"], 1),
    hemorrhage_ten=format_estimate(*points["unfreeze_top10", "hemorrhage"], 1),
    hemorrhage_frozen=format_estimate(*points["freeze_all", "hemorrhage"], 1),
    covid_change=format_p(change["covid19"]),
    hemorrhage_change=format_p(change["hemorrhage"]),
    stacked=format_p(nine_p["delong_stacked", "pneumonia"]),
    recommended=format_p(nine_p["clustered_contrast", "pneumonia"]),
    covid_mean=f"{100 * covid['clustered_contrast']:+.1f}".replace("-", "−"),
    covid_ensemble=f"{100 * covid['delong_mean_scores']:+.1f}".replace("-", "−"),
    margin=100 * EQUIVALENCE_MARGIN,
    smallest_size=min(sizes),
    largest_size=max(sizes),
    paper_size=paper.SETTINGS["image_size"].value,
    smallest=", ".join(f"{100 * row['smallest_margin']:.1f}" for row in called.values()),
)

# %% [markdown]
# ## What the reference run says
#
# **The sign follows the regime.** Over all scenarios together, no task shows a clear difference.
# That mean hides opposite effects. With ten layers trained, the radiologic initialisation is ahead
# on COVID-19, {glue:text}`covid_ten` points, and on haemorrhage, {glue:text}`hemorrhage_ten`; with
# frozen layers, on haemorrhage, {glue:text}`hemorrhage_frozen`. With all layers trained it has the
# lower mean on three of four tasks: the difference is {glue:text}`breast_all` points on breast and
# {glue:text}`covid_all` on COVID-19. The first interval excludes zero, but neither difference is
# clear once four tasks are allowed for (adjusted {glue:text}`breast_all_p` and
# {glue:text}`covid_all_p`). The interaction itself is clear on COVID-19 (adjusted
# {glue:text}`covid_change`) and haemorrhage ({glue:text}`hemorrhage_change`). One reading is that
# radiologic features are the better ones to keep, and that the advantage is gone once everything
# may adapt; two tasks cannot establish it.
#
# **“Unfreezing all layers consistently achieved the best performance” does not carry over.** All
# layers are clearly better than either other regime on breast and COVID-19. On haemorrhage there is
# no clear difference, and on pneumonia the estimates point the other way.
#
# **“Higher performance than Inception V3” carries over for one network of three.** DenseNet121 is
# clearly ahead of InceptionV3 on all four tasks, Inception-ResNet-v2 on breast and haemorrhage,
# ResNet50 on breast alone. Images of {glue:text}`smallest_size` to {glue:text}`largest_size` pixels
# a side may suit InceptionV3 badly; the paper used {glue:text}`paper_size`.
#
# **The choice of analysis can make a finding.** Over nine analyses and four tasks, one difference
# is clear: on pneumonia, when every prediction is counted as a new patient ({glue:text}`stacked`;
# recommended analysis {glue:text}`recommended`). What is compared matters too: on COVID-19 the mean
# of the AUCs differs by {glue:text}`covid_mean` points, the AUCs of the mean scores (log-odds) by
# {glue:text}`covid_ensemble`. The paper calls breast, pneumonia and haemorrhage
# comparable; within ±{glue:text}`margin:.0f` points none of them is shown to be so here. The
# smallest margins that the data support are, in this order, {glue:text}`smallest` points.
#
# These are networks pretrained for minutes on small corpora, not the released weights: whether a
# sentence of the paper carries over to them says nothing about whether it was true of the paper's.
#
# ## Run this page
#
# `rin run notebooks/results/regimes.py -p profile=demo` takes half a minute; so do
# `jupytext --to ipynb notebooks/results/regimes.py` and
# `papermill notebooks/results/regimes.ipynb out.ipynb -p profile demo`.
