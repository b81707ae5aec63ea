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
# # Does pretraining help at all?
#
# *Answers* whether either pretraining beats random weights.
# *Needs* nothing: it reads finished runs. *Takes* ten seconds:
# `rin run notebooks/results/from_random.py`.

# %% tags=["parameters", "remove-input"]
# rin is the package of this checkout: pip install -e '.[study,book,cpu]' there
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% jupyter={"source_hidden": true} tags=["hide-input"]
from IPython.display import Markdown

from rin import stats
from rin.report import random_start
from rin.report.banner import banner
from rin.study import open_runs

runs = open_runs(profile, data_root=data_root, results=results)
runs = runs.or_reference_with("from_random")
banner(runs, study="from_random")

# %% [markdown]
# ## In short

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(random_start.in_short(runs))

# %%
random_start.gains_forest(runs)

# %% [markdown]
# *How to read it.* The paper compares two pretrainings with each other but neither with random
# weights; so two equal AUCs may mean that both help, or neither. A mark is the gain of one
# pretraining over random weights; within a comparison only the initial weights differ. Learning
# rates are shown one by one: a gain at a rate at which random weights have hardly begun to learn
# shows that pretraining is faster, not that it reaches more. All layers are trained, because with
# frozen random weights only the head would learn. P is adjusted over all comparisons
# {cite:p}`holm1979`; exploratory: intervals are over patients alone.
#
# ## One comparison by hand

# %%
a, b = runs.inits
scores = runs.predictions(study="from_random")
rate = scores["learning_rate"].max()
fast = scores[scores["learning_rate"] == rate]
gain = stats.init_differences(fast, a, "random").query("group == 'all'")
gain[["task", "auc_a", "auc_b", "ci_low", "ci_high"]].round(2)

# %%
random_start.design(runs)

# %% [markdown]
# ## Every network
#
# One dot a network; the line is chance.

# %%
aucs = stats.scenario_aucs(scores)
random_start.network_dots(runs, aucs)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(random_start.wrong_way_round(runs, aucs))

# %% [markdown]
# ## What pretraining learnt
#
# The gain may depend on how much a network learnt in pretraining. The table shows
# the share of test images of its own corpus that it classified correctly.

# %%
accuracy = random_start.corpus_accuracy(runs)
random_start.accuracy_table(accuracy)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(random_start.how_much_was_learnt(accuracy))

# %% [markdown]
# ## Try it
#
# 1. Take the lower learning rate. Watch `auc_b`, the mean AUC from random weights: is the
#    gain that of pretraining, or the loss of a network that was given no time?
#
#    ```python
#    slow = scores[scores["learning_rate"] < rate]
#    stats.init_differences(slow, a, "random")[["task", "group", "auc_a", "auc_b"]].round(2)
#    ```
#
# 2. Compare the two pretrainings with each other. Is the difference smaller than either
#    gain?
#
#    ```python
#    stats.init_differences(fast, a, b)[["task", "group", "estimate", "ci_low", "ci_high"]]
#    ```
#
# 3. Keep one backbone. How many of the signs survive?
#
#    ```python
#    one = fast[fast["backbone"] == fast["backbone"].iloc[0]]
#    stats.init_differences(one, b, "random")[["task", "group", "estimate"]].round(3)
#    ```
