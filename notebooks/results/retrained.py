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
# # The chance of one training
#
# Two networks are fine-tuned from the same weights, on the same images, in the same setting. Only the
# order of the images and the random weights of the head differ. How far apart are their AUCs?

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# rin is the package of this checkout: pip install -e '.[study,book,cpu]' there
import pandas as pd
import seaborn as sns
from IPython.display import Markdown

from rin import stats
from rin.report.banner import banner
from rin.report.figures import task_names
from rin.report.forest import forest
from rin.report.format import book_table, format_estimate, format_p
from rin.report.page import claim, picture
from rin.report.style import UNFREEZING_LABEL, use_style
from rin.report.verdict import points
from rin.study import open_reference

use_style()
run = open_reference("open")
a, b = run.inits
names = task_names(run.titles)
banner(run, study="repeats")

# %%
repeats = run.predictions("repeats")
same = repeats[repeats["fold"] == 0]
aucs = stats.scenario_aucs(same)
key = ["task", "scenario", "seed"]
apart = aucs.pivot(index=key, columns="init", values="auc")
apart = (100 * (apart[a] - apart[b])).rename("points").reset_index()
spread = stats.training_spread(same, a, b).set_index("task")
(100 * spread[["sd", "sd_low", "sd_high"]]).round(1)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
ends = apart.groupby(["task", "scenario"])["points"].agg(["min", "max"])
both = (
    ((ends["min"] < 0) & (ends["max"] > 0)).groupby("task").agg(["sum", "size"])
)
sd = 100 * spread["sd"]
claim(
    "either start may win in half of the scenarios",
    (both["size"] == 12).all() and both["sum"].between(5, 8).all(),
)
claim("the SD is eight to nine points", sd.between(8, 9).all())
widest = (ends["max"] - ends["min"]).max()
claim("tens of points in one scenario", 30 < widest < 60)
Markdown(f"""
**Far enough to choose the winner.** In {both["sum"].sum()} of
{both["size"].sum()} scenarios of two tasks, three trainings of both networks
gave differences on either side of zero. The difference in one scenario has an
SD of {sd["breast"]:.1f} points on breast lesions and {sd["thyroid"]:.1f} on
thyroid nodules from training to training; in one scenario it moved by
{widest:.0f} points. Whoever trains each network once and reports one setting
reports one dot of Figure 1. The mean over 12 scenarios is steadier, and only
several trainings show by how much.
""")

# %% jupyter={"source_hidden": true} tags=["hide-input"]
settings = ["scenario", "backbone", "unfreezing", "learning_rate"]
records = run.records("breast", "repeats")[settings].drop_duplicates()
dots = apart.merge(records, on="scenario")
dots["setting"] = (
    dots["backbone"]
    + ", "
    + dots["unfreezing"].map(UNFREEZING_LABEL)
    + dots["learning_rate"].map(", {:g}".format)
)
grid = sns.catplot(
    dots.assign(title=dots["task"].map(names)),
    x="points",
    y="setting",
    col="title",
    kind="strip",
    jitter=False,
    color="0.25",
    alpha=0.7,
    height=3.4,
    aspect=0.7,
)
for ax in grid.axes.flat:
    ax.axvline(0, color="0.5", linewidth=1, zorder=0)
grid.set_titles("{col_name}").set_axis_labels("AUC points", "")
picture(
    grid.axes,
    "Figure 1. Equal settings, trained three times, give either sign",
    "Difference radiologic − photographic in one scenario; each dot is one "
    "training of both networks, three per scenario, 12 scenarios of one pair "
    "of MobileNet and one of ResNet50. No interval: the spread is the "
    "message.",
)

# %% [markdown]
# ## On other training images
#
# All runs of the headline share one set of training images for each task. Two backbones were also trained
# on another division of the images, whose test set overlaps with the first.

# %%
first = same.groupby(key[:2], observed=True)["seed"].transform("min")
once = same[same["seed"] == first]
other = repeats[repeats["fold"] == 1]
divisions = {"first division": once, "second division": other}
divided = pd.concat(
    stats.init_differences(some, a, b).query("group == 'all'").assign(at=name)
    for name, some in divisions.items()
)
divided[["task", "at", "estimate", "ci_low", "ci_high"]].round(3)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
order = divided.sort_values("task", kind="stable").assign(kind="networks")
of = divided.set_index(["task", "at"])["estimate"].unstack()
claim(
    "breast lesions change sign, thyroid nodules do not",
    of.loc["breast", "first division"] > 0 > of.loc["breast", "second division"]
    and (of.loc["thyroid"] > 0).all(),
)
picture(
    forest(
        order,
        unit="points",
        label="at",
        group="task",
        names=names,
        ends=("photographs", "radiologic"),
    ),
    "Figure 2. On other images, the difference on breast lesions changes sign",
    "Mean of 12 scenarios of MobileNet and ResNet50, each trained once on each "
    "division; 95% intervals over patients, which do not contain the chance of "
    "training or of the division.",
)

# %% [markdown]
# ## Without one pair of networks
#
# A mean of few pairs may rest on one of them. `leave_one_pair_out` repeats the analysis of all eight
# backbones without each of the 18 pairs.

# %%
paired = run.paired_scores()
every = stats.pretraining_differences(paired, a, b).set_index("task")
without = stats.leave_one_pair_out(paired, a, b)
lost = without[without["task"] == "covid19"].query("p_holm >= 0.05")
lost[["backbone", "pretraining", "estimate", "p_holm"]].round(3)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
clear = without["p_holm"].lt(0.05).groupby(without["task"]).sum()
claim(
    "six of eighteen pairs decide COVID-19",
    (len(lost), clear["covid19"]) == (6, 12),
)
claim("no other task becomes significant", clear.drop("covid19").sum() == 0)
covid = every.loc["covid19"]
claim("its P is .03", format_p(covid["p_holm"]) == "P = .03")
Markdown(f"""
Leaving out any of {len(lost)} of the 18 pairs makes the result on COVID-19
({points(covid)}, {format_p(covid["p_holm"])} with all pairs) non-significant.
On the other tasks no single pair makes a difference significant.
""")

# %% jupyter={"source_hidden": true} tags=["hide-input"]
farthest = without.loc[without["moved"].abs().groupby(without["task"]).idxmax()]
farthest = farthest.set_index("task").reindex(run.tasks)
table = pd.DataFrame(
    {
        "Task": [names[task] for task in run.tasks],
        "All pairs": format_estimate(
            every.loc[[*run.tasks]], unit="points"
        ).to_list(),
        "Pair left out": (
            farthest["backbone"].astype(str)
            + ", no. "
            + farthest["pretraining"].astype(str)
        ).to_list(),
        "Without it": format_estimate(farthest, unit="points").to_list(),
    }
)
book_table(table, "Without the pair that changes the result most", rows=without)

# %% [markdown]
# ## Try it
#
# 1. Choose the best of three trainings of each network, as is done where only one is reported. How far
#    does that move the mean AUC?
#
#    ```python
#    of_networks = aucs.groupby(["task", "init", "scenario"], observed=True)["auc"]
#    (of_networks.max() - of_networks.mean()).groupby(["task", "init"]).mean().round(3)
#    ```
#
# 2. Keep one scenario of each task. How many trainings would it take to know the SD to a factor of two?
#
#    ```python
#    one_scenario = same.groupby("task", observed=True)["scenario"].transform("first")
#    stats.training_spread(same[same["scenario"] == one_scenario], a, b)
#    ```
#
# 3. Leave out a pair without the highest learning rate. Is it the same pair that matters?
#
#    ```python
#    slower = run.predictions().query("learning_rate < 0.01")
#    stats.leave_one_pair_out(slower, a, b).sort_values("moved").head()
#    ```
#
# `rin run notebooks/results/retrained.py` computes this page.
