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
# # RadImageNet, re-examined
#
# *Answers* what is known of radiologic against photographic pretraining
# {cite:p}`mei2022`. *Needs* nothing. *Takes* 20 s: `rin run notebooks/findings.py`.

# %% tags=["parameters", "remove-input"]
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]
import pandas as pd
from IPython.display import Markdown

from rin.evidence.paper import COMPARISONS
from rin.evidence.replications import pooled_fine_tuned
from rin.report.banner import reference_banner
from rin.report.format import book_table, format_estimate
from rin.report.headline import headline, short_names, three_bands
from rin.report.heat import heat
from rin.report.page import claim, picture
from rin.report.style import use_style
from rin.stats import (
    external_scores,
    factor_effects,
    init_differences,
    pair_differences,
    pretraining_differences,
)
from rin.study import open_reference

use_style()
runs = open_reference("open")
names = short_names(runs)
reference_banner(runs.reference)

# %% tags=["hide-input"]
means = pretraining_differences(runs.predictions(), *runs.inits)
first = open_reference("first")
earlier = pretraining_differences(first.predictions(), *first.inits)
in_both = means.merge(earlier, on="task")
turned = in_both["estimate_x"] * in_both["estimate_y"] < 0
paper = pd.DataFrame(COMPARISONS.values())
pooled = pooled_fine_tuned()
same, every = pooled.loc["the paper's questions"], pooled.loc["all"]
zero = [t["ci_low"].le(0) & t["ci_high"].ge(0) for t in (paper, means)]
size = means[["pairs", "backbones", "pretrainings"]].max()
facts = {task: runs.facts(task) for task in runs.tasks}
trained = {task: fact.split["train"] for task, fact in facts.items()}
small = {n for task, n in trained.items() if task in COMPARISONS}
records = pd.concat(runs.records(task) for task in facts)
epochs = records.groupby("task")["epochs"].max()
batch = runs.study.profile.fine_tuning.batch
steps = {task: epochs[task] * -(-n // batch) for task, n in trained.items()}
few = {n for task, n in steps.items() if task in COMPARISONS}
other = trained.keys() - COMPARISONS.keys()
more = "; ".join(f"{names[t]}: {steps[t]} on {trained[t]:,}" for t in other)
corpus = runs.reference.facts.corpora[0].title
fed_as = runs.study.profile.pretraining.preprocessing_of
differ = len({fed_as(init, "ResNet50") for init in runs.inits}) > 1
Markdown(f"""
**Asked.** Does a network read radiologic images better when it was first
trained on radiologic images rather than on photographs?

**Known.** The paper says yes on all {len(paper)} of its tasks, by
{paper["estimate"].min()} to {paper["estimate"].max()} points of AUC, yet
{zero[0].sum()} of its {len(paper)} intervals include zero. Independent
comparisons on the same questions average {format_estimate(same, digits=1)}
points.

**This run cannot tell.** On {zero[1].sum()} of {len(means)} tasks the interval
includes zero, and an earlier run of other pretrainings, on other corpora and
with other inputs, had the opposite sign on {turned.sum()} tasks. It tests other
weights than RadImageNet's
({size["pairs"]} pairs of networks of {size["backbones"]} backbones, one of each
pair pretrained on either corpus,
{"some" if "ultrasound" in corpus.lower() else "no"} ultrasound
among the images, inputs prepared {"differently" if differ else "alike"}), on
small images, after {min(few)} to {max(few)} steps on {min(small)} to
{max(small)} of them ({more}).
""")

# %%
bands = three_bands(runs)
axes = headline(bands)
picture(axes, "Differences in AUC in three bands: the paper, others, this run")

# %% [markdown]
# *Top:* as printed. *Middle:* full fine-tuning, where standard deviations (SDs)
# are stated. *Bottom:* diamonds say what other backbones and pretrainings would
# show, and conclusions follow them; dots what these networks would show on new
# patients. `three_bands` in `rin.report.headline` computes the
# table, `headline` draws it.
#
# ## What the three bands say

# %%
claim("every pooled one lacks the scaling", pooled["scaling_missing"].all())
claim(
    "the interval of the paper's questions includes zero, that of all does not",
    same["ci_low"] < 0 < same["ci_high"] and every["ci_high"] < 0,
)
claim(
    "RadImageNet is ahead on all tasks of the paper",
    bool((paper["estimate"] > 0).all()),
)

# %% tags=["hide-input"]
Markdown(f"""
**Others.** Over all {every["k"]} fully fine-tuned comparisons RadImageNet is
behind, {format_estimate(every, digits=1)} points. That mean rests on one
study, whose public code lacks the scaling by 1/255 that the RadImageNet weights
expect, and on skin photographs, histology and mammograms; on the {same["k"]}
that ask the paper's own questions it is {format_estimate(same, digits=1)},
most of its weight on one set of chest radiographs ([](evidence/replications)).
""")

# %%
place = runs.external("breast")[0]
elsewhere = external_scores(runs.predictions(task="breast", part=place))
transfer = pretraining_differences(elsewhere, *runs.inits).iloc[0]
often = size["pretrainings"]
complete = size["pairs"] == often * size["backbones"]
at_most = "" if complete else "up to "
clear = pd.concat(
    init_differences(run.predictions(), *run.inits)
    .query("group == 'all' and p_holm < 0.05")
    .assign(run=name)
    for name, run in {"This run": runs, "Earlier run": first}.items()
)
clear["points"] = format_estimate(clear, unit="points")
clear = clear.pivot(index="task", columns="run", values="points")
clear = clear.reindex(columns=["This run", "Earlier run"])
shown = clear.rename(index=names).rename_axis("Task").reset_index()
book_table(shown.fillna("–"), "AUC points (95% CI over patients), Holm P < .05")

# %% tags=["hide-input"]
Markdown(f"""
**This run.** {size["pairs"]} pairs of networks were compared on each task:
{size["backbones"]} backbones, pretrained
{"once" if often == 1 else f"{at_most}{often} times"} on
each corpus. From pair to pair the difference varies so much that nothing can
be said about radiologic pretraining in general where the interval of the
diamond includes zero. The table has the tasks on which these very networks
differ on new patients (Holm P < .05). It says little of other networks: those
of the earlier run differ on {clear["Earlier run"].count()} tasks,
{clear.notna().all(axis=1).sum()} of them among the
{clear["This run"].count()} of this run. The networks of the breast task, tested
on images of another hospital, differ by
{format_estimate(transfer, unit="points")} points with pretrainings as the
units, a single unadjusted test.
""")

# %%
pairs = pair_differences(runs.predictions(), *runs.inits)
cells = pairs.pivot_table(index="task", columns="backbone", values="estimate")
cells = 100 * cells.loc[list(facts)]
cells.index = cells.index.map(names)
axes = heat(cells, runs.inits, limit=15)
picture(
    axes,
    "Mean difference of each backbone's networks, by task",
)

# %% [markdown]
# Radiologic − photographic in AUC points, in the colour of the higher side; the
# mean where a backbone was pretrained several times ([](results/all_tasks) shows
# each).
#
# ## How small this run is

# %%
table = pd.DataFrame(
    {
        "Task": [names[task] for task in facts],
        "Trained on": trained.values(),
        "Steps": steps.values(),
        "Tested on": [fact.split["test"] for fact in facts.values()],
        "Pixels": [f"{fact.size} × {fact.size}" for fact in facts.values()],
    }
)
book_table(table, "Images of each task, and steps of fine-tuning", prose=True)

# %%
several = records[records["epochs"] > 1]  # of one epoch the best is the last
last = 100 * (several["best_epoch"] == several["epochs"]).mean()
learnt = 100 * runs.pretraining().groupby("init")["top1"].mean()
claim(
    "photographic networks learnt their corpus less well",
    learnt["photographic"] < learnt["radiologic"],
)
longer = runs.keeping("convergence").predictions("convergence")
moves = factor_effects(longer, runs.inits, ("fixed", "converged"))
moves = moves.query("group == 'all' and quantity == 'interaction'")
substitutes = sum(fact.substitute_for is not None for fact in facts.values())

# %% [markdown]
# ## What this can and cannot say

# %% tags=["hide-input"]
Markdown(f"""
- Other weights: networks were pretrained here on
  {corpus.partition(", ")[2]}, or on as many photographs.
  No released weights have been compared yet, so this run can neither
  confirm nor refute RadImageNet. Put the files in the data folder and
  the book uses them.
- Inputs were prepared {"differently" if differ else "alike"} in the two arms;
  what they alone do was measured on networks of the earlier run
  ([](results/inputs)).
- Short training: of the networks trained for more than one epoch, {last:.0f}%
  were best after their last, so that they may not have converged. Trained until
  validation stopped improving, networks of {longer["backbone"].nunique()}
  backbones and one pretraining had a difference that moved on
  {len(moves)} tasks by
  {", ".join(format_estimate(moves, unit="points"))} points
  (95% CI over patients alone).
- Unequal learning: {learnt["radiologic"]:.0f}% of the test images of the
  radiologic corpus were classified correctly, and
  {learnt["photographic"]:.0f}% of the photographs, so that a difference may be
  one of what was learnt and not of what was shown.
- {substitutes} of {len(facts)} tasks run on open substitutes for the paper's
  images, and {len(set(COMPARISONS) - set(facts))} tasks of the paper have no
  images here ([](results/task_published)).
""")

# %% [markdown]
# ## Where to go
#
# - [](study): the data, and how to read an interval of this book.
# - [](results/all_tasks): every task, every pair of networks.
# - [](evidence/audit): what follows from the published numbers.
# - [](use/own_task): your own images in the same harness.
