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
# # What fine-tuning leaves of the layers

# %% tags=["parameters", "remove-input"]
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.stats import pearsonr, rankdata, ttest_1samp

from rin.evidence.replications import FOLLOW_UPS
from rin.report.banner import banner
from rin.report.format import (
    book_table,
    format_interval,
    format_number,
    format_p,
)
from rin.report.page import agreement, glue_values, picture
from rin.report.style import init_style, use_style
from rin.stats import scenario_aucs
from rin.study import open_runs

use_style()
runs = open_runs(profile, data_root=data_root, results=results)
a, b = (init_style(init).short for init in runs.inits)
titles = runs.titles
tasks = runs.tasks_of("layers")
banner(runs, study="layers")

# %% [markdown]
# Juodelyte and colleagues found that networks from ImageNet and from RadImageNet weights make
# different things of the same images, and more so after fine-tuning, while their predictions stay
# alike; and that how far a network moved does not tell how much it gained
# {cite:p}`juodelyte2023`. Here, the canonical correlation of the two initialisations goes from
# {glue:text}`before:.2f` before to {glue:text}`after:.2f` after fine-tuning (mean over layers and
# scenarios; two random networks: {glue:text}`chance:.2f`), and predictions agree on
# {glue:text}`agreed:.0f` % of test images where chance would give {glue:text}`expected:.0f` %. This
# book {glue:text}`says_apart` that the networks grow further apart, {glue:text}`says_alike` that
# they predict alike, and {glue:text}`says_moved` that moving does not tell the gain.
#
# ## Layer by layer
#
# Activations of the last layer of each stage are taken at the same images and places. The mean
# canonical correlation is computed as that study does, without weights; linear centred kernel
# alignment (CKA) stands beside it. Both lie between 0 and 1 and ignore how channels are mixed.

# %%
alike = pd.concat(
    [runs.layer_similarity(task) for task in tasks], ignore_index=True
)
layers = list(alike["layer"].unique())
by_layer = alike.groupby(["task", "comparison", "init", "layer"])[
    ["cca", "cka"]
].mean()

# %%
lines = {
    ("before", ""): (f"{a} and {b}, before", "0.2", ":"),
    ("after", ""): (f"{a} and {b}, after", "0.2", "-"),
    **{
        ("tuned", init): (
            f"{init_style(init).short}, before and after",
            init_style(init).color,
            "-",
        )
        for init in runs.inits
    },
    ("random", "random"): ("Two random networks", "0.65", "--"),
}
figure, axes = plt.subplots(
    len(tasks),
    2,
    figsize=(8.4, 0.9 + 2.6 * len(tasks)),
    sharex=True,
    sharey=True,
    squeeze=False,
)
for row, task in zip(axes, tasks, strict=True):
    for ax, measure in zip(row, ("cca", "cka"), strict=True):
        for (comparison, init), (label, color, line) in lines.items():
            heights = by_layer.loc[task, comparison, init].reindex(layers)[
                measure
            ]
            ax.plot(
                range(len(layers)),
                heights,
                line,
                marker="o",
                color=color,
                label=label,
            )
        ax.set(title=f"{titles[task]}, {measure.upper()}", ylim=(0, 1.03))
        ax.set_xticks(
            range(len(layers)), [layer.partition("_")[0] for layer in layers]
        )
figure.legend(
    *axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3
)
picture(
    figure,
    "Similarity of layers between initialisations and before against after, by task",
)

# %% [markdown]
# ## Do they predict alike?
#
# Two networks agree on an image when both are right or both are wrong. Networks with accuracies p
# and q whose errors have nothing to do with each other agree on pq + (1 − p)(1 − q) of the images.

# %%
scores = runs.predictions(study="main")
right = scores.assign(right=(scores["score"] > 0) == (scores["label"] == 1))
right = right.pivot(
    index=["task", "scenario", "fold", "case_id"],
    columns="init",
    values="right",
)
first, second = (right[init].astype(bool) for init in runs.inits)
matches = pd.DataFrame({"agree": first == second, "p": first, "q": second})
matches = matches.groupby(["task", "scenario"]).mean()
p, q = matches["p"], matches["q"]
matches["chance"] = p * q + (1 - p) * (1 - q)
by_task = (
    100
    * matches.groupby("task")[["agree", "chance"]].mean().loc[list(runs.tasks)]
)

# %% tags=["hide-input"]
table = by_task.map("{:.0f} %".format).rename(index=titles)
table = table.set_axis(
    ["Both right or both wrong", "By chance"], axis="columns"
)
book_table(
    table.rename_axis("Task").reset_index(),
    "Agreement of predictions, mean over scenarios",
)

# %% [markdown]
# ## Does a network that moves more gain more?

# %%
moved = (
    alike[alike["comparison"] == "tuned"]
    .groupby(["task", "scenario", "init"])["cca"]
    .mean()
)
areas = scenario_aucs(runs.predictions(study="layers"))
areas = areas.set_index(["task", "scenario", "init"])["auc"].unstack("init")
gains = areas[list(runs.inits)].sub(areas["random"], axis=0).stack()
points = pd.DataFrame({"kept": moved, "gain": 100 * gains}).dropna()
related = pearsonr(
    *(rankdata(points[name]) for name in ("kept", "gain"))
)  # Spearman's

# %%
figure, ax = plt.subplots(figsize=(5, 3.6))
for init, own in points.groupby("init"):
    style = init_style(init)
    ax.plot(own["kept"], own["gain"], "o", color=style.color, label=style.short)
ax.axhline(0, color="0.6", lw=0.8)
ax.set(
    xlabel="Mean canonical correlation, before and after",
    ylabel="Gain over random weights, AUC points",
)
ax.legend()
picture(
    figure,
    "Gain over random weights against the similarity before and after fine-tuning",
)

# %% [markdown]
# ## Beside what the source found
#
# Its values are of breast lesions at one network each, without intervals. Here, changes and
# agreement beyond chance have intervals over tasks and scenarios; they share images and weights, so
# that the intervals are a guide. The last row has Fisher's interval.

# %%
apart = alike[alike["comparison"].isin(["before", "after"])]
apart = (
    apart.groupby(["task", "scenario", "comparison"])["cca"]
    .mean()
    .unstack("comparison")
)
found = {
    "apart": ttest_1samp(apart["after"] - apart["before"], 0),
    "alike": ttest_1samp(100 * (matches["agree"] - matches["chance"]), 0),
    "moved": related,
}
source = FOLLOW_UPS["juodelyte2023"]
both, chance = source["agreement"]["breast"]
published = {
    "apart": f"{np.mean(source['after']) - np.mean(source['before']):+.3f}".replace(
        "-", "−"
    ),
    "alike": f"{100 * (both - chance):+.0f}",
    "moved": "not related",
}
claimed = {"apart": -1, "alike": 1, "moved": 0}
intervals = {name: test.confidence_interval() for name, test in found.items()}
says = {name: agreement(*intervals[name], claimed[name]) for name in found}

# %% tags=["hide-input"]
means = {
    "apart": (apart["after"] - apart["before"]).mean(),
    "alike": 100 * (matches["agree"] - matches["chance"]).mean(),
    "moved": related.statistic,
}
digits = {"apart": 3, "alike": 1, "moved": 2}
table = pd.DataFrame(
    {
        "Finding": [
            "Further apart after fine-tuning: change of the mean correlation",
            "Predictions alike: agreement less chance, points",
            "How far a network moves does not tell its gain: Spearman's correlation",
        ],
        "Published": list(published.values()),
        "This book (95% CI)": [
            format_number(means[name], digits[name], signed=True)
            + f" {format_interval(*intervals[name], digits[name])}"
            for name in found
        ],
        "Verdict": list(says.values()),
    }
)
book_table(
    table, "What the source found, and the intervals of this book", prose=True
)

# %% tags=["hide-input"]
pairs = (
    alike[alike["comparison"].isin(["before", "after"])]
    .groupby("comparison")["cca"]
    .mean()
)
glue_values(
    before=pairs["before"],
    after=pairs["after"],
    chance=alike.loc[alike["comparison"] == "random", "cca"].mean(),
    agreed=by_task["agree"].mean(),
    expected=by_task["chance"].mean(),
    **{f"says_{name}": word for name, word in says.items()},
    n_points=len(points),
    rho=f"{related.statistic:.2f}".replace("-", "−"),
    rho_p=format_p(related.pvalue),
)

# %% [markdown]
# Over {glue:text}`n_points` networks Spearman's correlation is {glue:text}`rho`
# ({glue:text}`rho_p`); scenarios share images and weights, so that P is only a guide.
#
# ## Run this page
#
# `rin run notebooks/results/layers.py -p profile=open -p data_root=FOLDER`, after
# `rin study --profile open`. A profile of your own needs a section `layers`.
