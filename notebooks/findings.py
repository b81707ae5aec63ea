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
# # RadImageNet, re-examined
#
# *Answers* whether pretraining on radiologic images beats pretraining on
# photographs {cite:p}`mei2022`. *Needs* nothing. *Takes* 20 s:
# `rin run notebooks/findings.py`.

# %% tags=["parameters", "remove-input"]
# rin is the package of this checkout: pip install -e '.[study,book,cpu]' there
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% jupyter={"source_hidden": true} tags=["hide-input"]
import pandas as pd
from IPython.display import Markdown

from rin.errors import counted
from rin.evidence.paper import COMPARISONS
from rin.evidence.replications import other_groups, pooled_fine_tuned
from rin.report import banner, headline, page, words
from rin.report.format import book_table, format_estimate, inline_title
from rin.report.heat import heat
from rin.report.style import use_style
from rin.stats import (
    external_scores,
    factor_effects,
    pair_differences,
    pretraining_differences,
)
from rin.study import open_reference, open_runs

use_style()
book = open_runs(profile, data_root=data_root, results=results)
runs = book.foremost  # one's own run where it is real, else the book's
run_name, made_up = words.run_name(runs.is_reference), runs.stand_ins()
banner.banner(runs)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
paper, pooled = pd.DataFrame(COMPARISONS.values()), pooled_fine_tuned()
same, every = pooled.loc["the paper's questions"], pooled.loc["all"]
mine = [task for task in book.tasks if book.origin(task) == "own"]
aside = words.own_run_aside(
    [inline_title(book.titles[task]) for task in mine if runs.is_reference],
    book.stand_ins(),
)
committed = ""
if not runs.is_reference:
    committed = words.committed_run(headline.finding(open_reference()))
weights = words.weights_compared(
    runs.inits, runs.corpora(), runs.unverified_weights()
)
means, networks = headline.differences(runs)
n_zero = paper.eval("ci_low <= 0 <= ci_high").sum()
pairs = pair_differences(runs.predictions(), *runs.inits)
names = {task: inline_title(title) for task, title in runs.titles.items()}
Markdown(f"""
**Does pretraining on radiologic images beat pretraining on photographs?**

- **The paper:** yes, on all {len(paper)} tasks, by
  {paper["estimate"].min()} to {paper["estimate"].max()} points of AUC. But its
  intervals describe scenarios of training, not patients, and {n_zero} of the
  {len(paper)} include no difference.
- **Others:** no difference in one group’s {same["k"]} comparisons on the same
  questions, {format_estimate(same, digits=1)} points. Their code omits the
  scaling of inputs that the RadImageNet weights expect.
- **{run_name}:** {headline.finding(runs)} {weights} Mean AUCs are
  {words.mean_aucs(networks)}.
{committed}

{aside}
""")

# %% jupyter={"source_hidden": true} tags=["hide-input"]
axes = headline.headline(headline.three_bands(runs, run_name))
page.picture(
    axes, "Differences in AUC in three bands: the paper, others, this run"
)

# %% [markdown]
# *Top:* intervals as printed. *Middle:* fully fine-tuned comparisons with
# published standard deviations (SDs). *Bottom:* diamonds, on which conclusions
# rest, have the pretraining as the unit; dots show uncertainty from patients
# only and describe these networks.
#
# ## What to do tomorrow

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(words.what_to_do(means, pairs, names, runs.inits, stand_ins=made_up))

# %% [markdown]
# ## What the three bands say

# %%
page.claim(
    "every pooled one lacks the scaling", pooled["scaling_missing"].all()
)
page.claim(
    "both pooled intervals of the one group include zero",
    all(row["ci_low"] < 0 < row["ci_high"] for row in (same, every)),
)
page.claim(
    "RadImageNet is ahead on all tasks of the paper",
    bool((paper["estimate"] > 0).all()),
)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(f"""
**Others.** All {every["k"]} fully fine-tuned comparisons come from one group,
whose public code omits the scaling by 1/255 that RadImageNet weights expect.
The {same["k"]} on the paper's own questions average
{format_estimate(same, digits=1)} points, with most of the weight on one set of
chest radiographs. The other {every["k"] - same["k"]} concern skin photographs,
histology and mammograms; together, all {every["k"]} average
{format_estimate(every, digits=1)} points. {words.directions(other_groups())}
([What independent studies found](evidence/replications)).
""")

# %%
columns = {"Pretraining as the unit": means}
if len(of_paper := headline.of_paper(runs)):
    columns["The paper's backbones alone"] = of_paper
columns["These networks, new patients"] = networks
earlier = open_reference("first")
if runs.is_reference:
    columns["Earlier run, new patients"] = headline.differences(earlier)[1]
cells = {
    column: words.starred(rows.set_index("task"), stand_ins=made_up)
    for column, rows in columns.items()
}
shown = pd.DataFrame(cells).reindex([*runs.tasks])
shown.insert(0, "Task", shown.index.map(headline.short_names(runs)))
caption = f"{words.difference_name(runs.inits)}, AUC points (95% CI)"
book_table(shown.reset_index(drop=True).fillna("–"), caption, prose=True)

# %%
sizes = means[["task", "pairs", "pretrainings"]]
alone = networks.merge(sizes).assign(unit="networks")
alone = words.with_exclusion(alone)
elsewhere = [
    pretraining_differences(external_scores(scores), *runs.inits)
    for task in runs.tasks
    for place in runs.external(task)
    if len(scores := runs.predictions(task=task, part=place))
]
longer = []
if "convergence" in runs.studies:
    longer = runs.predictions("convergence")
    effects = factor_effects(longer, runs.inits, ("fixed", "converged"))
    effects = effects.query("group == 'all' and quantity == 'difference'")

# %% jupyter={"source_hidden": true} tags=["hide-input"]
sentences = [words.finding(alone, names, runs.inits, stand_ins=made_up)]
if not made_up:
    sentences.insert(0, "An asterisk marks P < .05 after Holm's adjustment.")
if len(longer) and not made_up:
    networks_longer = longer["backbone"].nunique()
    sentences.append(words.longer_training(effects, names, networks_longer))
if runs.is_reference:
    before = headline.differences(earlier)[0]
    sentences.append(words.sign_changes(means, before))
if elsewhere:
    sentences.append(words.transfer(pd.concat(elsewhere), names))
Markdown(f"**{run_name}.** " + " ".join(sentences))

# %%
grid = pairs.pivot_table(index="task", columns="backbone", values="estimate")
grid = grid.loc[list(runs.tasks)].rename(index=headline.short_names(runs))
axes = heat(grid, runs.inits)
page.picture(axes, "Mean difference of each backbone's networks, by task")

# %% [markdown]
# Difference in AUC points (blue: radiologic higher; orange: photographic higher),
# averaged over the pretrainings of a backbone
# ([All tasks](results/all_tasks) shows each pretraining).
#
# ## How small this run is

# %%
facts = {task: runs.facts(task) for task in runs.tasks}
records = pd.concat(runs.records(task) for task in facts)
epochs = records.groupby("task")["epochs"].max()
batch = runs.study.profile.fine_tuning.batch
MARK = {"image": " †"}
rows = [
    {
        "Task": headline.short_names(runs)[task]
        + MARK.get(fact.dataset.independence, ""),
        "Trained on": f"{fact.split['train']:,}",
        "Steps": epochs[task] * -(-fact.split["train"] // batch),
        "Tested on": fact.split["test"],
        "Pixels": f"{fact.size} × {fact.size}",
        "Mean AUC": f"{networks.set_index('task').loc[task, 'auc_a']:.2f}, "
        f"{networks.set_index('task').loc[task, 'auc_b']:.2f}",
    }
    for task, fact in facts.items()
]
caption_sizes = "Images, steps of fine-tuning, and AUC of either initialisation"
book_table(pd.DataFrame(rows), caption_sizes, prose=True)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
size = means[["pairs", "backbones", "pretrainings"]].max()
unnamed = [task for task in facts if MARK.get(facts[task].dataset.independence)]
Markdown(f"""
On each task {counted(size["pairs"], "pairs of networks were compared")}, of
{counted(size["backbones"], "backbones")} with at most
{counted(size["pretrainings"], "pretrainings")} each on either source.
{words.unnamed_patients(len(unnamed))}
""")

# %% [markdown]
# ## What this can and cannot say

# %%
fed_as = runs.study.profile.pretraining
alike = fed_as is not None and isinstance(fed_as.preprocessing, str)
several = records[records["epochs"] > 1]  # of one epoch the best is the last
last = 100 * (several["best_epoch"] == several["epochs"]).mean()
learnt, histories = runs.pretraining(), runs.pretraining_histories()
limits = [words.weights_limit(runs.inits, runs.corpora())]
limits.append(words.inputs_limit(alike))
if len(histories):
    accuracy = 100 * learnt.groupby("init")["top1"].mean()
    limits.append(words.unequal_learning(accuracy, runs.inits))
    network = ["init", "backbone", "pretraining"]
    curves = histories.sort_values("epoch").groupby(network)["val_accuracy"]
    rise = 100 * curves.apply(lambda curve: curve.diff().iloc[-1])
    limits.append(words.short_pretraining(rise.min(), rise.max()))
limits.append(words.short_fine_tuning(last))
limits.append(words.images_limit([*facts.values()]))

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown("\n".join(f"- {limit}" for limit in limits))

# %% [markdown]
# ## Where to go
#
# - [The study, and how to read this book](study): the data, and what the intervals mean.
# - [All tasks](results/all_tasks): every task, every pair of networks.
# - [The published numbers, checked](evidence/audit): what follows from the published numbers.
# - [A task of your own, from a folder of images to a result](use/own_task): the same comparison on your own images.
