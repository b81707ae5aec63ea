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
# # The same networks, trained again
#
# *Answers* how far the difference moves when the same networks are trained again, on other
# cases, or from a briefer pretraining. *Needs* nothing: it reads the reference run. *Takes*
# about 10 s: `rin run notebooks/results/retrained.py`.

# %% tags=["parameters", "remove-input"]
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]
import numpy as np
import pandas as pd
import seaborn as sns
from IPython.display import Markdown, display

from rin.errors import counted
from rin.report.banner import banner
from rin.report.forest import forest
from rin.report.format import (
    design_table,
    format_estimate,
    format_number,
    listed,
)
from rin.report.page import picture
from rin.report.style import UNFREEZING_LABEL, init_style, use_style
from rin.stats import (
    factor_effects,
    init_differences,
    scenario_aucs,
    training_spread,
)
from rin.stats.pretrainings import (
    choose_settings,
    pair_differences,
    pretraining_differences,
)
from rin.study import open_reference, open_runs

use_style()
runs = open_runs(profile, data_root=data_root, results=results)
repeated = runs.keeping("repeats", "equal_accuracy")
inits, titles = runs.inits, runs.titles
a, b = (init_style(init).short for init in inits)
banner(repeated, study="repeats")

# %%
longer = runs.keeping("convergence")
scores = repeated.predictions(study="repeats")
brief = repeated.predictions(study="equal_accuracy")
trained = longer.predictions(study="convergence")
design = {"Trained again": scores, "Briefer pretraining": brief}
design_table(design | {"Until validation stops improving": trained})

# %%
same_split = scores[scores["fold"] == 0]  # the others have other training cases
spread = training_spread(same_split, *inits).set_index("task")
spread.round(3)

# %% tags=["hide-input"]
sds = listed(
    f"{row.sd:.1f} ({titles[row.Index].partition(',')[0]}; 95% CI "
    f"{row.sd_low:.1f}, {row.sd_high:.1f})"
    for row in (100 * spread).itertuples()
)
Markdown(f"""
**Exploratory.** Networks were trained again from the same weights and on the
same images, in another order and with new random weights of the head. From one
training to the next, the difference between the initialisations in one scenario
has a standard deviation (SD) of {sds} AUC points. With such an SD, differences
from two trainings are {1.96 * 2**0.5 * 100 * spread["sd"].min():.0f} points or
more apart in one case of twenty, so that one training supports no verdict.
""")

# %%
aucs = scenario_aucs(same_split).pivot(
    index=["task", "scenario", "seed"], columns="init", values="auc"
)
apart = (100 * (aucs[inits[0]] - aucs[inits[1]])).rename("points").reset_index()
apart = apart.replace({"scenario": UNFREEZING_LABEL}, regex=True)
grid = sns.catplot(
    apart.assign(task=apart["task"].map(titles)), x="points", y="scenario",
    col="task", kind="strip", jitter=False, color="0.25", alpha=0.7,
    height=2.8, aspect=1.2,
)  # fmt: skip
grid.refline(x=0, color="0.6", linestyle="-").set_titles("{col_name}")
grid.set_axis_labels("AUC points", "")
picture(grid.figure, "Difference in each scenario, one dot a training, by task")

# %% [markdown]
# One dot is one training of both networks. The variance between trainings is
# computed within each scenario and pooled.

# %%
main = repeated.predictions(study="main")
same = main.merge(scores[["task", "scenario"]].drop_duplicates())
elsewhere = scores[scores["fold"] > 0]
divided = {"new patients": same, "other training cases": elsewhere}
shown = pd.concat(
    init_differences(rows, *inits).assign(what=what)
    for what, rows in divided.items()
)
axes = forest(
    shown.query("group == 'all'").drop(columns="p_holm"), unit="points",
    label="what", group="task", names=titles,
    ends=(f"{b} ahead", f"{a} ahead"),
)  # fmt: skip
picture(axes, "Mean difference on new patients, and with other training cases")

# %% [markdown]
# Both are means over the scenarios that were trained again. “Other training
# cases” are another division of the same images; its test set overlaps with the
# first.

# %% [markdown]
# ## After a briefer pretraining
#
# Where one corpus is easier, the better initialisation may be the one that learnt
# more. So one was pretrained briefly, until it classified its own validation images
# about as well as the other. If only how much was learnt counted, the difference
# would vanish.

# %%
learnt = repeated.pretraining()
accuracy = learnt.pivot_table(index="backbone", columns="init", values="top1")
accuracy.rename(columns=lambda init: init_style(init).short).round(3)

# %%
names = brief["init"].astype(str).str.removesuffix("_brief")
whole = main.merge(brief[["task", "scenario"]].drop_duplicates())
pairs = {"whole": whole, "brief": brief.assign(init=names)}

# %%
compared = pd.concat(
    init_differences(rows, *inits).assign(pretraining=name)
    for name, rows in pairs.items()
).query("group == 'all'")
axes = forest(
    compared.sort_values("task", kind="stable").drop(columns="p_holm"),
    unit="points", label="pretraining", group="task",
    names=titles | {"whole": "Whole", "brief": "Brief"},
    ends=(f"{b} ahead", f"{a} ahead"),
)  # fmt: skip
picture(axes, "Difference with the whole and the brief pretraining, by task")

# %% tags=["hide-input"]
by_pretraining = compared.pivot(
    index="task", columns="pretraining", values="estimate"
)
kept = np.sign(by_pretraining).nunique(axis=1) == 1
Markdown(f"""
**Exploratory**, with {counted(brief["backbone"].nunique(), "backbones")}. The
difference keeps its sign on {kept.sum()} of
{counted(len(kept), "tasks")};
{((compared["ci_low"] < 0) & (compared["ci_high"] > 0)).sum()} of the
{len(compared)} intervals include zero. One initialisation has the same networks
in both rows, so that the two are not independent. What remains at equal
accuracy may come from the corpus, or from fewer images and steps.
""")

# %% [markdown]
# ## At other settings of fine-tuning
#
# A mean over 24 scenarios counts settings that nobody would choose. The figure adds
# the mean without the highest learning rate and, of runs that kept their scores on
# validation cases, the setting that these choose for each network. Unlike the
# figures above, this one has intervals over pretrainings.

# %%
display(banner(runs))
every = runs.predictions(study="main")
settings = {"all": every, "without 0.01": every[every["learning_rate"] < 0.01]}
records = pd.concat(map(runs.records, runs.tasks))
if "validation_auc" in records and records["validation_auc"].notna().any():
    settings["chosen on validation data"] = choose_settings(every, records)
choices = pd.concat(
    pretraining_differences(rows, *inits).assign(choice=name)
    for name, rows in settings.items()
).sort_values("task", kind="stable")
axes = forest(
    choices.drop(columns="p_holm"), unit="points", label="choice",
    group="task", names=titles, ends=(f"{b} ahead", f"{a} ahead"),
)  # fmt: skip
picture(axes, "Difference with the pretraining as the unit, by choice")

# %% [markdown]
# ## From other pretrainings, in another design
#
# The first reference run asked the same six questions with other networks: other
# first weights and order of the images, 26 classes without ultrasound, and the
# inputs of each arm prepared like those of its released counterpart. What
# radiologic images teach should return from one run to the other; what was the
# chance of one pretraining should not.

# %%
first = open_reference("first")
corpus = first.reference.facts.corpora[0].title
assert corpus.endswith("26 classes of CT, MR and radiographs")
earlier = pair_differences(first.predictions(), *inits)
pair = ["task", "backbone"]  # of several pretrainings, the mean
here = pair_differences(every, *inits).groupby(pair)["estimate"].mean()
both_runs = earlier.merge(here, on=pair, suffixes=("_first", "_here"))
twice = 100 * both_runs[["estimate_first", "estimate_here"]]
grid = sns.relplot(
    twice.assign(Task=both_runs["task"].map(titles)), color="0.25",
    x="estimate_first", y="estimate_here", style="Task", height=4, s=60,
)  # fmt: skip
grid.refline(x=0, y=0).set_axis_labels(
    "First run, AUC points", "This run, AUC points"
)
picture(grid.figure, "Difference of each backbone's networks in both runs")

# %%
of_tasks = twice.groupby(both_runs["task"]).mean()
alike_signs, alike_means = (
    f"{(np.sign(table).nunique(axis=1) == 1).sum()} of {len(table)}"
    for table in (twice, of_tasks)
)

# %% tags=["hide-input"]
Markdown(f"""
One mark is a backbone on a task, the mean of its pretrainings. The sign is the
same in both runs in {alike_signs} differences, and in {alike_means} means of a
task. Over the marks Pearson’s correlation is {twice.corr().iloc[0, 1]:.2f};
those of one task share their patients, so no interval is given. The runs differ
in more than the chance of pretraining, so this cannot say which of them is
right, only how little either proves alone.
""")

# %% [markdown]
# ## Trained until validation stops improving

# %% tags=["hide-input"]
banner(longer, study="convergence")

# %%
levels = ("fixed", "converged")
shift = factor_effects(trained, inits, levels).query("group == 'all'")
axes = forest(
    shift[shift["quantity"] == "difference"],
    unit="points", label="level", group="task",
    names=titles | {"fixed": "As elsewhere", "converged": "Until it stops"},
)  # fmt: skip
picture(axes, "Difference with the usual epochs and after longer training")

# %% tags=["hide-input"]
moves = shift[shift["quantity"] == "interaction"].set_index("task")
gains = shift[shift["quantity"] == "effect"]
fits = pd.concat(longer.records(task, "convergence") for task in moves.index)
fixed, until = (fits[fits["level"] == level] for level in levels)
ends = [(100 * (x["best_epoch"] == x["epochs"])).mean() for x in (fixed, until)]
texts = format_estimate(moves, unit="points").rename(titles)
Markdown(f"""
**Exploratory.** Networks were trained until the validation loss
stopped falling, for {until["epochs"].mean():.1f} epochs on average and not for
{counted(fixed["epochs"].max(), "epochs")}. The best epoch is the last in
{ends[1]:.0f}% of the networks, where it was in {ends[0]:.0f}%. The mean AUC of
an initialisation changes by
{format_number(100 * gains["estimate"].min(), 1, signed=True)} to
{format_number(100 * gains["estimate"].max(), 1, signed=True)} points. The
difference {a} − {b} moves by
{listed(f"{text} ({name})" for name, text in texts.items())} AUC points (95% CI
over patients). Of other networks, or of another training, the intervals say
nothing.
""")
