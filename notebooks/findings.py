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
from IPython.display import Markdown, display

from rin.errors import counted
from rin.evidence.paper import COMPARISONS
from rin.evidence.replications import pooled_fine_tuned
from rin.report import banner, page
from rin.report.format import book_table, format_estimate, listed
from rin.report.headline import headline, short_names, three_bands
from rin.report.heat import heat
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
means = pretraining_differences(runs.predictions(), *runs.inits)
clear = means.query("p_holm < 0.05")["task"].map(names)
paper = pd.DataFrame(COMPARISONS.values())
pooled = pooled_fine_tuned()
same, every = pooled.loc["the paper's questions"], pooled.loc["all"]
zero = [rows.eval("ci_low <= 0 <= ci_high").sum() for rows in (paper, means)]
facts = {task: runs.facts(task) for task in runs.tasks}
trained = {task: fact.split["train"] for task, fact in facts.items()}
small = [n for task, n in trained.items() if task in COMPARISONS]
larger = [
    f"{names[task].rpartition(', ')[2]} {trained[task]:,}"
    for task in trained.keys() - COMPARISONS
]
corpus = runs.reference.facts.corpora[0].title
unclear = ", and no difference is clear after adjustment"
unclear = "" if len(clear) or zero[1] == len(means) else unclear
display(banner.reference_banner(runs.reference))
Markdown(f"""
**Asked.** Does a network read radiologic images better when it was first
trained on radiologic images rather than on photographs?

**Known.** The paper says yes on all {len(paper)} of its tasks, by
{paper["estimate"].min()} to {paper["estimate"].max()} points of AUC, but
{zero[0]} of its {len(paper)} intervals include zero. One other group finds
{format_estimate(same, digits=1)} points on the same questions, with code that
lacks the scaling of inputs which those weights expect.

**This run {"tells on " + listed(clear) if len(clear) else "cannot tell"}.**
{zero[1]} of {len(means)} intervals include zero{unclear}. Not RadImageNet’s
weights, small images, {min(small)} to {max(small)} training images
({listed(larger)}), ultrasound in the corpus:
{"yes" if "ultrasound" in corpus else "no"}.
""")

# %% tags=["hide-input"]
bands = three_bands(runs)
axes = headline(bands)
page.picture(
    axes, "Differences in AUC in three bands: the paper, others, this run"
)

# %% [markdown]
# *Top:* as printed. *Middle:* full fine-tuning, where standard deviations (SDs)
# are stated. *Bottom:* diamonds say what other backbones and pretrainings would
# show, and conclusions follow them; dots what these networks would show on new
# patients.
#
# ## What the three bands say

# %%
page.claim(
    "every pooled one lacks the scaling", pooled["scaling_missing"].all()
)
page.claim(
    "the interval of the paper's questions includes zero, that of all does not",
    same["ci_low"] < 0 < same["ci_high"] and every["ci_high"] < 0,
)
page.claim(
    "RadImageNet is ahead on all tasks of the paper",
    bool((paper["estimate"] > 0).all()),
)

# %% tags=["hide-input"]
Markdown(f"""
**Others.** All {every["k"]} fully fine-tuned comparisons are of one group,
whose public code lacks the scaling by 1/255 that RadImageNet weights expect.
The {same["k"]} on the paper's own questions average
{format_estimate(same, digits=1)}, most of their weight on one set of chest
radiographs. The others are of skin photographs, histology and mammograms; with
them RadImageNet is behind, {format_estimate(every, digits=1)} points
([What independent studies found](evidence/replications)).
""")

# %%
first = open_reference("first")
place = runs.external("breast")[0]
elsewhere = external_scores(runs.predictions(task="breast", part=place))
transfer = pretraining_differences(elsewhere, *runs.inits).iloc[0]
both = pd.concat(
    init_differences(run.predictions(), *run.inits)
    .query("group == 'all' and p_holm < 0.05")
    .assign(run=name)
    for name, run in {"This run": runs, "Earlier run": first}.items()
)
both["points"] = format_estimate(both, unit="points")
both = both.pivot(index="task", columns="run", values="points")
both = both.reindex(columns=["This run", "Earlier run"])
shown = both.rename(index=names).rename_axis("Task").reset_index()
book_table(shown.fillna("–"), "AUC points (95% CI over patients), Holm P < .05")

# %% tags=["hide-input"]
Markdown(f"""
**This run.** From one pair of networks to another the difference varies so much
that nothing can be said about radiologic pretraining in general where the
interval of the diamond includes zero. The table has the tasks on which these
very networks differ on new patients (Holm P < .05). It says little of other
networks: those of the earlier run differ on {both["Earlier run"].count()}
tasks, {both.notna().all(axis=1).sum()} of them among the
{both["This run"].count()} of this run. The networks of the breast task, tested
on images of another hospital, differ by
{format_estimate(transfer, unit="points")} points with pretrainings as the
units, a single unadjusted test.
""")

# %%
pairs = pair_differences(runs.predictions(), *runs.inits)
cells = pairs.pivot_table(index="task", columns="backbone", values="estimate")
cells = cells.loc[list(facts)]
cells.index = cells.index.map(names)
axes = heat(cells, runs.inits, unit="points")
page.picture(
    axes,
    "Mean difference of each backbone's networks, by task",
)

# %% [markdown]
# Radiologic − photographic in AUC points, in the colour of the higher side; the
# mean where a backbone was pretrained several times ([All tasks](results/all_tasks) shows
# each).
#
# ## How small this run is

# %%
records = pd.concat(runs.records(task) for task in facts)
epochs = records.groupby("task")["epochs"].max()
batch = runs.study.profile.fine_tuning.batch
rows = [
    {
        "Task": names[task]
        + (" †" if fact.dataset.independence == "image" else ""),
        "Trained on": trained[task],
        "Steps": epochs[task] * -(-trained[task] // batch),
        "Tested on": fact.split["test"],
        "Pixels": f"{fact.size} × {fact.size}",
    }
    for task, fact in facts.items()
]
caption = "Images of each task, and steps of fine-tuning"
book_table(pd.DataFrame(rows), caption, prose=True)

# %% tags=["hide-input"]
size = means[["pairs", "backbones", "pretrainings"]].max()
complete = size["pairs"] == size["pretrainings"] * size["backbones"]
fed_as = runs.study.profile.pretraining.preprocessing_of
differ = len({fed_as(init, "ResNet50") for init in runs.inits}) > 1
fed = "differently" if differ else "alike"
earlier = pretraining_differences(first.predictions(), *first.inits)
in_both = means.merge(earlier, on="task")
turned = (in_both["estimate_x"] * in_both["estimate_y"] < 0).sum()
Markdown(f"""
† The files name no patients: one may be on both sides of the split, which
makes AUCs optimistic, and every image counts as one, which makes intervals too
narrow.

On each task {size["pairs"]} pairs of networks were compared, of
{size["backbones"]} backbones that were pretrained
{"" if complete else "up to "}{counted(size["pretrainings"], "times")} on either
corpus. An earlier run of other pretrainings, on other corpora and with other
inputs, had the opposite sign on {turned} of {len(in_both)} tasks.
""")

# %%
several = records[records["epochs"] > 1]  # of one epoch the best is the last
last = 100 * (several["best_epoch"] == several["epochs"]).mean()
learnt = 100 * runs.pretraining().groupby("init")["top1"].mean()
page.claim(
    "photographic networks learnt their corpus less well",
    learnt["photographic"] < learnt["radiologic"],
)
longer = runs.keeping("convergence").predictions("convergence")
moves = factor_effects(longer, runs.inits, ("fixed", "converged"))
moves = moves.query("group == 'all' and quantity == 'interaction'")
histories = runs.reference.tables["pretraining_histories"]
networks = ["init", "backbone", "pretraining"]
last_two = histories.sort_values("epoch").groupby(networks)["val_accuracy"]
rise = 100 * last_two.apply(lambda accuracy: accuracy.diff().iloc[-1])
cuts = sum(map(banner.is_another_cut, facts.values()))
others = sum(fact.substitute_for is not None for fact in facts.values()) - cuts
scripts = runs.keeping("preprocessing").predictions("preprocessing")

# %% [markdown]
# ## What this can and cannot say

# %% tags=["hide-input"]
Markdown(f"""
- Other weights: networks were pretrained here on
  {corpus.partition(", ")[2]}, or on as many photographs.
  No released weights have been compared yet, so this run can neither
  confirm nor refute RadImageNet. Put the files in the data folder and
  the book uses them.
- Inputs were prepared {fed} in the two arms; what they alone do was measured in
  the earlier run ({counted(scripts["backbone"].nunique(), "backbones")},
  exploratory; [What the inputs alone do](results/inputs)).
- Short training: in the last epoch of pretraining the accuracy on validation
  images still rose by {rise.min():.1f} to {rise.max():.1f} points. Of the
  networks fine-tuned for more than one epoch, {last:.0f}% were best after their
  last. Fine-tuned until validation stopped improving, networks of
  {longer["backbone"].nunique()} backbones and one pretraining had a difference
  that moved on {len(moves)} tasks by
  {", ".join(format_estimate(moves, unit="points"))} points (95% CI over
  patients alone, exploratory).
- Unequal learning: {learnt["radiologic"]:.0f}% of the test images of the
  radiologic corpus were classified correctly (split by image, hence
  optimistic), and {learnt["photographic"]:.0f}% of the photographs, so that a
  difference may be one of what was learnt and not of what was shown.
- {others} of {len(facts)} tasks run on open substitutes for the paper's images,
  {cuts} on another cut of them, and {len(set(COMPARISONS) - set(facts))} tasks
  of the paper have no images here ([Tasks with published results only](results/task_published)).
""")

# %% [markdown]
# ## Where to go
#
# - [The study, and how to read this book](study): the data, and how to read an interval of this book.
# - [All tasks](results/all_tasks): every task, every pair of networks.
# - [The published numbers, checked](evidence/audit): what follows from the published numbers.
# - [A task of your own, from a folder of images to a result](use/own_task): your own images in the same harness.
