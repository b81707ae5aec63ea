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
# # What the inputs alone do
#
# *Answers* how much the preparation of the inputs changes an AUC and the comparison:
# the scaling of the official scripts, padding, and size. *Needs* nothing: it reads the reference
# run. *Takes* about 10 s: `rin run notebooks/results/inputs.py`.

# %% tags=["parameters", "remove-input"]
# rin is the package of this checkout: pip install -e '.[study,book,cpu]' there
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% jupyter={"source_hidden": true} tags=["hide-input"]
import pandas as pd
from IPython.display import Markdown, display

from rin import stats
from rin.report import fed
from rin.report.banner import banner
from rin.study import open_reference, open_runs

runs = open_runs(profile, data_root=data_root, results=results)
runs = runs.or_reference_with("preprocessing", "resize")
banner(runs, study="preprocessing")

# %% [markdown]
# ## In short

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(fed.in_short(runs))

# %%
fed.effect_forest(runs)

# %% [markdown]
# *How to read it.* Nothing but the numbers at the input was changed. A mark left of
# zero is AUC that was lost by that alone. “Difference” is what the change does to
# radiologic − photographic: it can reverse a comparison without a word about
# pretraining.

# %%
fed.by_inputs(runs)

# %%
fed.designs(runs)

# %% [markdown]
# ## The effect by hand
#
# `level` says what a network was fed; each scenario was trained at every level.

# %%
a, b = runs.inits
scores = fed.scores_of(runs)
aucs = pd.concat(
    stats.scenario_aucs(rows).assign(level=level)
    for level, rows in scores.groupby("level")
)
backbones = aucs["scenario"].str.partition("-")[0].rename("backbone")
by_inputs = aucs.groupby([backbones, "init", "level"])["auc"]
by_inputs.agg(["mean", "min", "max"]).round(2)

# %%
fed.scenario_lines(runs)

# %% [markdown]
# Each line is a scenario.
#
# ## What the scripts supply, and what the weights expect
#
# The
# [official scripts](https://github.com/BMEII-AI/RadImageNet) subtract the channel
# means of Caffe's models and divide by 255, for every network and for both sources
# of weights. The ImageNet weights of Keras expect other inputs.

# %%
ranges = fed.released_ranges()
fed.ranges_table(ranges)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(fed.too_small(runs, ranges))

# %% [markdown]
# ## Does squashing images to squares do harm?
#
# Networks need square inputs; most images are not square. Stretching, as here,
# changes shapes; padding keeps them and fills the rest with black.

# %%
fed.padding_forest(runs)

# %% [markdown]
# Exploratory: it shows whether the choice can matter, not which is better.
#
# ## Does the size of the images matter?
#
# Pretraining saw images of 64 pixels, enlarged to 96; below, most layers stay as it left
# them.

# %%
full = open_reference("fine_tuned_224")
display(banner(full, study="sizes"))
by_size = fed.effects_of_size(full)
fed.size_forest(full, by_size)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(fed.effect_of_size(full, by_size))

# %% [markdown]
# ## Try it
#
# 1. Compare with the inputs of the released counterpart in place of the scripts'. Which
#    arm moves now?
#
#    ```python
#    levels = ("native", scores["level"].unique()[-1])
#    one = scores[scores["backbone"] == scores["backbone"].iloc[0]]
#    effects = stats.factor_effects(one, (a, b), levels).query("group == 'all'")
#    effects[["quantity", "init", "estimate"]].round(3)
#    ```
#
# 2. Keep frozen networks: nothing but the head can adapt to wrong inputs. Is the loss
#    larger?
#
#    ```python
#    aucs[aucs["scenario"].str.contains("freeze_all-")].groupby(["init", "level"])["auc"].mean()
#    ```
#
# 3. Look at the spread of the scores. Where inputs are far too small, what does it say of
#    a network's certainty?
#
#    ```python
#    scores.groupby(["init", "level"])["score"].std().round(2)
#    ```
