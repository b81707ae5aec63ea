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

from rin.errors import counted
from rin.evidence.paper import COMPARISONS
from rin.evidence.replications import pooled_fine_tuned
from rin.report import banner, headline, page
from rin.report.format import (
    book_table,
    format_estimate,
    inline_title,
    listed,
)
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
banner.reference_banner(runs.reference)

# %%
names = headline.short_names(runs)
facts = {task: runs.facts(task) for task in runs.tasks}
means = pretraining_differences(runs.predictions(), *runs.inits)
clear = means.query("p_holm < 0.05")["task"].map(names)
paper = pd.DataFrame(COMPARISONS.values())
pooled = pooled_fine_tuned()
same, every = pooled.loc["the paper's questions"], pooled.loc["all"]
zero = [rows.eval("ci_low <= 0 <= ci_high").sum() for rows in (paper, means)]

# %% tags=["hide-input"]
trained = {task: fact.split["train"] for task, fact in facts.items()}
small = [n for task, n in trained.items() if task in COMPARISONS]
larger = [
    f"{names[task].rpartition(', ')[2]}: {trained[task]:,}"
    for task in trained.keys() - COMPARISONS
]
corpus = runs.reference.facts.corpora[0].title
includes = {
    0: f"None of the {len(means)} intervals includes zero",
    len(means): f"All {len(means)} intervals include zero",
}.get(zero[1], f"Zero is inside {zero[1]} of the {len(means)} intervals")
if not len(clear) and zero[1] < len(means):
    includes += ", and after adjustment no difference is clear"
Markdown(f"""
**Asked.** Does a network read radiologic images better when it was first
trained on radiologic images rather than on photographs?

**Known.** The paper answers yes on all {len(paper)} of its tasks, by
{paper["estimate"].min()} to {paper["estimate"].max()} points of AUC, but
{zero[0]} of its {len(paper)} intervals include zero. One other group’s {
    same["k"]
}
comparisons on the same questions average {format_estimate(same, digits=1)}
points; their code omits the scaling of inputs that the RadImageNet weights
expect.

**This run {
    "finds a clear difference on " + listed(clear)
    if len(clear)
    else "cannot tell"
}.** {includes}. The released weights were not tested: networks were pretrained
here on small images, {"with" if "ultrasound" in corpus else "without"}
ultrasound among them, and fine-tuned on {min(small)} to {max(small)} images
({listed(larger)}).
""")

# %%
axes = headline.headline(headline.three_bands(runs))
page.picture(
    axes, "Differences in AUC in three bands: the paper, others, this run"
)

# %% [markdown]
# *Top:* intervals as printed. *Middle:* fully fine-tuned comparisons with
# published standard deviations (SDs). *Bottom:* the intervals of diamonds, on
# which the conclusions rest, take the pretrainings as a sample; those of dots
# take only the patients as a sample and describe these networks.
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
**Others.** All {every["k"]} fully fine-tuned comparisons come from one group,
whose public code omits the scaling by 1/255 that RadImageNet weights expect.
The {same["k"]} on the paper's own questions average
{format_estimate(same, digits=1)} points, with most of the weight on one set of
chest radiographs. The other {every["k"] - same["k"]} concern skin photographs,
histology and mammograms; together, all {every["k"]} average
{format_estimate(every, digits=1)} points, in favour of ImageNet
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
both = both.set_index(["task", "run"])[["estimate", "points"]].unstack()
both = both.reindex(columns=["This run", "Earlier run"], level=1)
shown = both["points"].rename(index=names).rename_axis("Task").reset_index()
book_table(shown.fillna("–"), "AUC points (95% CI over patients), Holm P < .05")

# %% tags=["hide-input"]
n_earlier, n_here = both["points"][["Earlier run", "This run"]].count()
recurring = both["estimate"].dropna()
opposite = (recurring["This run"] * recurring["Earlier run"] < 0).sum()
signs = {0: "the same sign", len(recurring): "opposite signs"}.get(
    opposite, f"opposite signs on {opposite}"
)
shared = "none is in both columns"
if len(recurring):
    shared = (
        f"{counted(len(recurring), 'tasks are in both columns')}, with {signs}"
    )
Markdown(f"""
**This run.** Pairs of networks differ so much from one another that, where the
interval of a diamond includes zero, nothing can be said about radiologic
pretraining in general. The table lists the tasks on which the networks of a run
differ on new patients (Holm P < .05); such an interval says nothing about other
networks. Those of the earlier run differ on {counted(n_earlier, "tasks")},
those of this run on {counted(n_here, "tasks")};
{shared}. On images of another hospital the difference of the breast task is
{format_estimate(transfer, unit="points")} points, with the pretraining as the
unit (a single test, not adjusted).
""")

# %%
pairs = pair_differences(runs.predictions(), *runs.inits)
cells = pairs.pivot_table(index="task", columns="backbone", values="estimate")
cells = cells.loc[list(facts)]
cells.index = cells.index.map(names)
axes = heat(cells, runs.inits)
page.picture(
    axes,
    "Mean difference of each backbone's networks, by task",
)

# %% [markdown]
# Radiologic − photographic in AUC points, in the colour of the higher side,
# averaged over the pretrainings of a backbone
# ([All tasks](results/all_tasks) shows each pretraining).
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
        "Trained on": f"{trained[task]:,}",
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
on_tasks = {0: "no task", len(in_both): f"all {len(in_both)} tasks"}.get(
    turned, f"{turned} of {len(in_both)} tasks"
)
Markdown(f"""
† The files name no patients: images of one patient may be on both sides of the
split, which makes AUCs optimistic, and every image counts as a patient, which
makes intervals too narrow.

On each task {size["pairs"]} pairs of networks were compared, of
{counted(size["backbones"], "backbones")} with
{"" if complete else "up to "}{counted(size["pretrainings"], "pretrainings")}
each on either corpus. An earlier run, with other pretrainings, corpora and
inputs, had the opposite sign on {on_tasks}.
""")

# %% [markdown]
# ## What this can and cannot say

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

# %% tags=["hide-input"]
changes = format_estimate(moves.set_index("task"), unit="points")
changes = changes.rename(runs.titles)
Markdown(f"""
- Other weights: networks were pretrained here on
  {corpus.partition(", ")[2]}, or on as many classes of photographs. No released
  weights have been compared yet, so this run can neither confirm nor refute
  what the paper says of RadImageNet. The profile `paper` compares them once the
  files are in the data folder.
- Inputs were prepared {fed} in the two arms. What their preparation alone
  changes was measured in the earlier run
  ({counted(scripts["backbone"].nunique(), "backbones")}, exploratory;
  [What the inputs alone do](results/inputs)).
- Short training: in the last epoch of pretraining, accuracy on validation
  images still rose by {rise.min():.1f} to {rise.max():.1f} points. Of the
  networks fine-tuned for more than one epoch, {last:.0f}% had a validation loss
  that was still falling in the last. Longer fine-tuning was tried with
  {counted(longer["backbone"].nunique(), "backbones")} and one pretraining; it
  changed the difference by
  {
    listed(f"{text} ({inline_title(task)})" for task, text in changes.items())
} points (95% CI over patients alone, exploratory).
- Unequal learning: the radiologic networks classified
  {learnt["radiologic"]:.0f}% of the test images of their corpus correctly
  (optimistic, as that corpus is split by image), the photographic ones
  {learnt["photographic"]:.0f}%. A difference may therefore reflect how much was
  learnt rather than what was shown.
- Images: of {len(facts)} tasks, {others} have open substitutes for the paper's
  images and {cuts} another cut of them; for
  {counted(len(set(COMPARISONS) - set(facts)), "tasks")} of the paper there are
  no images here
  ([Tasks with published results only](results/task_published)).
""")

# %% [markdown]
# ## Where to go
#
# - [The study, and how to read this book](study): the data, and what the intervals mean.
# - [All tasks](results/all_tasks): every task, every pair of networks.
# - [The published numbers, checked](evidence/audit): what follows from the published numbers.
# - [A task of your own, from a folder of images to a result](use/own_task): the same comparison on your own images.
