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
# # Another head on the same network

# %% tags=["parameters", "remove-input"]
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import display

from rin.evidence.replications import FOLLOW_UPS
from rin.report import page
from rin.report.banner import banner
from rin.report.forest import forest
from rin.report.format import book_table, format_estimate, format_number
from rin.report.style import UNFREEZING_LABEL, init_style, use_style
from rin.stats import factor_effects, init_differences, scenario_aucs
from rin.study import open_runs

use_style()
runs = open_runs(profile, data_root=data_root, results=results)
a, b = (init_style(init).short for init in runs.inits)
titles = runs.titles
HEADS = {
    "linear": "Linear, as in the paper",
    "nonlinear": "One hidden layer",
    "conv": "1-D convolution",
    "conv_skip": "1-D convolution with skip",
}
banner(runs, study="head")

# %% [markdown]
# Frees and colleagues tried other heads than the paper's on breast lesions and cruciate ligaments,
# found one-dimensional convolutions with a skip connection and partial unfreezing best, and no
# evidence for RadImageNet weights {cite:p}`frees2025`. Here their four heads stand on the same
# networks, with their settings and the paper's scenarios. Of {glue:text}`n_gains` comparisons with
# the linear head {glue:text}`n_better` are clearly better and {glue:text}`n_worse` clearly worse,
# and of {glue:text}`n_rows` differences between the initialisations {glue:text}`n_clear` are clear,
# after adjustment. With partial unfreezing, that the skip connection is best is confirmed in
# {glue:text}`skip_agrees` of {glue:text}`n_skip` comparisons here, contradicted in
# {glue:text}`skip_contradicts`, and left open in the others; that radiologic weights are no better
# is contradicted in {glue:text}`init_contradicts` of {glue:text}`n_init`.
#
# ## The heads
#
# A head sees the pooled features of the last convolution. The linear one weighs them. The second
# has a hidden layer of half as many units. The third slides four filters of two taps along the
# features, whose order is the arbitrary one of the channels, and reduces what comes out by half;
# the fourth adds a shortcut around the filters.

# %%
scores = runs.predictions(study="head")
levels = [level for level in HEADS if level in set(scores["level"])]
regimes = [
    name for name in UNFREEZING_LABEL if name in set(scores["unfreezing"])
]

# %%
aucs = pd.concat(
    scenario_aucs(rows).assign(head=level)
    for level, rows in scores.groupby("level")
)
regime = scores.drop_duplicates("scenario").set_index("scenario")["unfreezing"]
aucs["unfreezing"] = aucs["scenario"].map(regime)
means = aucs.groupby(["task", "unfreezing", "head", "init"])["auc"].mean()

# %%
tasks = runs.tasks_of("head")
figure, axes = plt.subplots(
    len(tasks),
    len(regimes),
    figsize=(8.4, 0.8 + 2.6 * len(tasks)),
    sharey="row",
    squeeze=False,
)
for row, task in zip(axes, tasks, strict=True):
    for ax, name in zip(row, regimes, strict=True):
        for init in runs.inits:
            style = init_style(init)
            own = aucs[(aucs["task"] == task) & (aucs["unfreezing"] == name)]
            own = own[own["init"] == init]
            places = own["head"].map(levels.index)
            ax.plot(places, own["auc"], "o", color=style.color, alpha=0.45)
            heights = (
                means.loc[task, name].unstack("init").reindex(levels)[init]
            )
            ax.plot(
                range(len(levels)),
                heights,
                color=style.color,
                label=style.short,
            )
        ax.axhline(0.5, color="0.6", lw=0.8, ls=":")
        ax.set_xticks(
            range(len(levels)),
            [HEADS[level].partition(",")[0] for level in levels],
        )
        ax.tick_params("x", rotation=35)
        plt.setp(ax.get_xticklabels(), ha="right")
        ax.set_title(UNFREEZING_LABEL[name])
    row[0].set_ylabel(f"AUC, {titles[task]}")
figure.legend(
    *axes[0, 0].get_legend_handles_labels(), loc="outside upper right", ncols=2
)
page.picture(
    figure,
    "AUC of each scenario by head, unfreezing and initialisation; lines join means",
)

# %% [markdown]
# ## What each head gains over the linear one

# %%
gains = []
for level in levels[1:]:
    groups = {name: regime.index[regime == name].to_list() for name in regimes}
    groups = {"all": regime.index.to_list()} | groups
    found = factor_effects(
        scores, runs.inits, (levels[0], level), groups=groups
    )
    gains.append(found[found["quantity"] == "effect"].assign(head=level))
gains = pd.concat(gains, ignore_index=True)

# %%
overall = gains[gains["group"] == "all"].reset_index(drop=True)
rows = overall.assign(
    group=overall["task"].map(titles) + ", " + overall["head"].map(HEADS),
    label=[init_style(init).short for init in overall["init"]],
    kind=overall["init"],
    clear=overall["p_holm"] < 0.05,
)
axes = forest(
    rows,
    unit="points",
    xlabel="Gain over the linear head, AUC points (95% CI)",
    ends=("worse", "better"),
    legend=False,
)
page.picture(
    axes,
    "Gain of each head over the linear one with its interval, by task and weights",
)

# %% [markdown]
# ## Does the head decide which initialisation is better?

# %%
compared = pd.concat(
    init_differences(rows, *runs.inits).assign(head=level)
    for level, rows in scores.groupby("level")
)

# %% tags=["hide-input"]
names = {"all": "All", **UNFREEZING_LABEL}
compared["text"] = [
    format_estimate(one, unit="points") + ("*" if one.p_holm < 0.05 else "")
    for one in compared.itertuples()
]
table = compared.pivot(index=["task", "head"], columns="group", values="text")
table = table[[name for name in names if name in table]].rename(columns=names)
for task in tasks:
    own = (
        table.loc[task]
        .reindex(levels)
        .rename(index=HEADS)
        .rename_axis("Head", columns=None)
    )
    caption = f"{titles[task]}: {a} − {b}, AUC points (95% CI); * Holm P < .05"
    display(book_table(own.reset_index(), caption, prose=True))

# %% [markdown]
# ## Beside what the source found
#
# Its best breast model, of ImageNet weights with the top five layers open, reaches an AUC of
# {glue:text}`published_auc`. The best one with that head here reaches {glue:text}`best_auc`.
# Whether that head gains is asked where the top layers are open, against the linear one; whether
# radiologic weights are better, with that head in all regimes.

# %%
partial = gains[
    (gains["group"] == "unfreeze_top10") & (gains["head"] == "conv_skip")
]
partial = partial.assign(published="skip better")
partial["says"] = [
    page.agreement(one.ci_low, one.ci_high, 1) for one in partial.itertuples()
]
either = compared[
    (compared["group"] == "all") & (compared["head"] == "conv_skip")
]
either = either.assign(init="", published="radiologic not better")
either["says"] = np.where(
    either["ci_low"] > 0, "contradicts", "does not contradict"
)
judged = pd.concat([partial, either], ignore_index=True)

# %% tags=["hide-input"]
questions = [
    f"{init_style(one.init).short}: skip − linear" if one.init else f"{a} − {b}"
    for one in judged.itertuples()
]
table = pd.DataFrame(
    {
        "Task": judged["task"].map(titles).str.partition(",")[0],
        "Question": questions,
        "Published": judged["published"],
        "This book (95% CI)": format_estimate(judged, unit="points"),
        "Verdict": judged["says"],
    }
)
book_table(
    table,
    "What the source found, and what this book finds, AUC points",
    prose=True,
)

# %% tags=["hide-input"]
skip, weights = partial["says"].to_list(), either["says"].to_list()
best = aucs[(aucs["task"] == "breast") & (aucs["head"] == "conv_skip")][
    "auc"
].max()
page.glue_values(
    n_skip=len(skip),
    skip_agrees=skip.count("agrees"),
    skip_contradicts=skip.count("contradicts"),
    n_init=len(weights),
    init_contradicts=weights.count("contradicts"),
    published_auc=format_number(FOLLOW_UPS["frees2025"]["breast"]["auc"], 3),
    best_auc=format_number(best, 3),
    n_gains=len(overall),
    n_better=int(
        ((overall["estimate"] > 0) & (overall["p_holm"] < 0.05)).sum()
    ),
    n_worse=int(((overall["estimate"] < 0) & (overall["p_holm"] < 0.05)).sum()),
    n_rows=len(compared),
    n_clear=int((compared["p_holm"] < 0.05).sum()),
)

# %% [markdown]
# Maps of networks with these heads follow from the gradient of each image's own logit
# {cite:p}`selvaraju2020`, not from the weights of one dense layer.
#
# ## Run this page
#
# `rin run notebooks/results/heads.py -p profile=open -p data_root=FOLDER`, after
# `rin study --profile open`. A profile of your own needs a factor `head`.
