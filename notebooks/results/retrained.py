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
# # The same networks, trained again
#
# *Answers* how much the difference changes when the same networks are trained again, on other
# cases, or from a briefer pretraining. *Needs* nothing: it reads the reference run. *Takes*
# about 10 s: `rin run notebooks/results/retrained.py`.

# %% tags=["parameters", "remove-input"]
# rin is the package of this checkout: pip install -e '.[study,book,cpu]' there
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% jupyter={"source_hidden": true} tags=["hide-input"]
import numpy as np
import pandas as pd
import seaborn as sns
from IPython.display import Markdown, display

from rin.errors import counted, listed
from rin.report import headline, style
from rin.report import words_of_results as words
from rin.report.banner import banner
from rin.report.forest import forest
from rin.report.format import (
    book_table,
    design_table,
    format_estimate,
    inline_title,
)
from rin.report.page import picture
from rin.stats import (
    factor_effects,
    init_differences,
    leave_one_pair_out,
    posterior_differences,
    scenario_aucs,
    training_spread,
)
from rin.stats.pretrainings import (
    choose_settings,
    pair_differences,
    pretraining_differences,
)
from rin.study import open_reference, open_runs

style.use_style()
runs = open_runs(profile, data_root=data_root, results=results)
repeated = runs.keeping("repeats", "equal_accuracy")
inits, titles = runs.inits, runs.titles
ends = words.sides(inits, stand_ins=runs.stand_ins())
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
inside = {task: inline_title(title) for task, title in titles.items()}

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(f"""
**Exploratory.** Networks were trained again from the same weights and on the
same images, in another order and with new random weights of the head. Between
trainings, the difference of the initialisations in a single scenario has a
standard deviation (SD) of
{words.spread_of_trainings(spread, inside)}.
Even with the smallest SD, differences of two trainings would be
{1.96 * 2**0.5 * 100 * spread["sd"].min():.0f} points or more
apart in one case of twenty, so one training of a scenario supports no verdict.
""")

# %% jupyter={"source_hidden": true} tags=["hide-input"]
aucs = scenario_aucs(same_split).pivot(
    index=["task", "scenario", "seed"], columns="init", values="auc"
)
apart = (100 * (aucs[inits[0]] - aucs[inits[1]])).rename("points").reset_index()
apart = apart.replace({"scenario": style.UNFREEZING_LABEL}, regex=True)
grid = sns.catplot(
    apart.assign(task=apart["task"].map(titles)), x="points", y="scenario",
    col="task", kind="strip", jitter=False, color="0.25", alpha=0.7,
    height=2.8, aspect=1.2,
)  # fmt: skip
grid.refline(x=0, color="0.6", linestyle="-").set_titles("{col_name}")
grid.set_axis_labels("AUC points", "")
picture(grid.figure, "Difference in each scenario, one dot a training, by task")

# %% [markdown]
# Each dot is one training of both networks. The variance between trainings is
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
    label="what", group="task", names=titles, ends=ends,
)  # fmt: skip
picture(axes, "Mean difference on new patients, and with other training cases")

# %% [markdown]
# Both are means over the scenarios that were trained again. “Other training
# cases” are those of another split of the same images, whose test set overlaps with
# the first.

# %% [markdown]
# ## After a briefer pretraining
#
# If one corpus is easier, its networks may transfer better only because they learnt
# more. They were therefore pretrained again, briefly, until they classified their
# own validation images about as well as the others. If only the amount learnt
# mattered, the difference would vanish.

# %%
learnt = repeated.pretraining()
accuracy = learnt.pivot_table(index="backbone", columns="init", values="top1")
accuracy.columns = [style.init_style(init).short for init in accuracy]
accuracy.map("{:.0%}".format).replace("nan%", "–").rename_axis("Backbone")

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
    names=titles | {"whole": "Whole", "brief": "Brief"}, ends=ends,
)  # fmt: skip
picture(axes, "Difference with the whole and the brief pretraining, by task")

# %% jupyter={"source_hidden": true} tags=["hide-input"]
by_pretraining = compared.pivot(
    index="task", columns="pretraining", values="estimate"
)
kept = np.sign(by_pretraining).nunique(axis=1) == 1
Markdown(
    f"""
**Exploratory**, with {counted(brief["backbone"].nunique(), "backbones")}. One
initialisation has the same networks in both rows, so the rows are not
independent. A difference that remains at equal accuracy may come from the
corpus, or from fewer images and steps.
"""
    + words.if_real(
        f"""
{words.same_direction(kept.sum(), len(kept))} after the briefer pretraining;
{words.excluding_zero(compared)} (these networks, new patients).
""",
        stand_ins=runs.stand_ins(),
    )
)

# %% [markdown]
# ## At other settings of fine-tuning
#
# A mean over all scenarios includes settings that nobody would choose. The figure
# adds the mean without the highest learning rate and, where runs kept their scores
# on validation cases, the setting that is best for each network on those cases.
# Unlike those above, its intervals take the pretrainings as the units.

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
    group="task", names=titles, ends=ends,
)  # fmt: skip
picture(axes, "Difference with the pretraining as the unit, by choice")

# %% [markdown]
# ## Without one pair of networks, and with a prior
#
# A mean of few pairs may rest on one. The table leaves out the pair of networks that
# changes it most. A posterior mean, with half-normal priors of the SDs of backbones,
# seeds and pairs, does not take a spread for zero that few pairs cannot show.

# %%
across = choices.query("choice == 'all'")
without = leave_one_pair_out(every, *inits)
posterior = posterior_differences(every, *inits)
shown_pairs = headline.one_left_out(across, without, posterior, titles)
book_table(shown_pairs, "AUC points, pretraining as the unit", prose=True)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(
    words.one_pair_matters(across, without, inside, stand_ins=runs.stand_ins())
)

# %% [markdown]
# ## From other pretrainings, in another design
#
# The first reference run asked the same six questions with other networks: other
# first weights and order of the images, 26 classes without ultrasound, and for each
# arm the preprocessing of its released weights. An effect of radiologic pretraining
# would give most differences the same sign in both runs; by chance alone, half of them
# have it.

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

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(f"""
Each mark is a backbone that both runs have, on a task, averaged over its
pretrainings. Both runs have the same sign in {alike_signs} of these differences
({len(twice) / 2:g} expected by chance), and in {alike_means} averages of a
task. Pearson’s correlation over the marks is
{twice.corr().iloc[0, 1]:.2f}; it has no interval, because marks of one task
share patients. As the runs differ in their corpora and inputs, not by chance
alone, this cannot show which of them is right; it shows how much a conclusion
would have depended on the run.
""")

# %% [markdown]
# ## Trained until validation stops improving

# %% jupyter={"source_hidden": true} tags=["hide-input"]
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

# %% jupyter={"source_hidden": true} tags=["hide-input"]
moves = shift[shift["quantity"] == "interaction"].set_index("task")
gains = shift[shift["quantity"] == "effect"]
fits = pd.concat(longer.records(task, "convergence") for task in moves.index)
fixed, until = (fits[fits["level"] == level] for level in levels)
at_end = [
    (100 * (x["best_epoch"] == x["epochs"])).mean() for x in (fixed, until)
]
texts = format_estimate(moves, unit="points").rename(titles)
Markdown(f"""
**Exploratory.** Networks were trained until the validation loss stopped
falling: for {until["epochs"].mean():.1f} epochs on average, in place of
{fixed["epochs"].max()} at most. The validation loss was lowest in the last
epoch for {at_end[1]:.0f}% of these networks, against {at_end[0]:.0f}% with the
usual epochs.
The mean AUC of an initialisation changes by
{words.changes_between(gains)}, the
difference {words.minus(inits)} by
{listed(f"{text} ({inline_title(name)})" for name, text in texts.items())}
points. Intervals are over patients: another training, or other networks, may
give other values.
""")
