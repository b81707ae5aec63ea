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
# # Small replications
#
# *Answers* what four findings of follow-up studies look like here: other heads, softened
# labels, similarity of layers, confounders. *Needs* nothing: it reads the reference run.
# *Takes* about 15 s: `rin run notebooks/results/small_replications.py`.

# %% tags=["parameters", "remove-input"]
# rin is the package of this checkout: pip install -e '.[study,book,cpu]' there
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% jupyter={"source_hidden": true} tags=["hide-input"]
from IPython.display import Markdown

from rin import stats
from rin.report import follow_ups
from rin.report.banner import banner
from rin.study import open_runs

runs = open_runs(profile, data_root=data_root, results=results)
runs = follow_ups.with_losses(runs)
banner(runs, study="head")

# %% [markdown]
# ## In short

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(follow_ups.in_short(runs))

# %%
a, b = runs.inits
followed = follow_ups.followed(runs)
follow_ups.confounder_forest(runs, followed)

# %% [markdown]
# *How to read it.* All positive training images carried a mark; in the test the mark
# is on the negative images. A network with an AUC below 0.5 follows the confounder
# rather than the disease; where both AUCs are near zero (the numbers at the right),
# the test cannot tell the initialisations apart. Differences change by several
# points from one training to the next, so the page neither confirms nor contradicts
# the published estimates.

# %%
follow_ups.designs(runs)

# %% [markdown]
# ## Which weights learn shortcuts?
#
# In one study, confounders were added to a share of the positive training images and to negative
# test images; networks with ImageNet weights followed all confounders but the noise more than
# those with RadImageNet weights {cite:p}`juodelyte2024`. Here they are a letter, a low-pass
# filter and Poisson noise; the source gave noise to all images, and more to the marked ones. For
# *sampled*, the device of an ultrasound image takes the place of a mark.

# %%
confounded = follow_ups.confounded(runs)
letter = confounded[confounded["level"] == "tag 100"]
reversed_aucs = stats.scenario_aucs(letter)
reversed_aucs.groupby("init")["auc"].agg(["mean", "min", "max"]).round(2)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(follow_ups.confounders(runs, followed))

# %% [markdown]
# ## Another head on the same network
#
# One group tried four heads on breast lesions and cruciate ligaments. It found
# one-dimensional convolutions with a skip connection and partial unfreezing
# best, and no evidence that RadImageNet weights are better {cite:p}`frees2025`. The
# convolutions slide four filters of two taps along the pooled features, although
# the order of these channels is arbitrary.

# %%
gains = follow_ups.head_gains(runs)
follow_ups.head_forest(runs, gains)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(follow_ups.heads(runs, gains))

# %% [markdown]
# ## Softer labels in pretraining
#
# Three networks pretrained on RadImageNet were most accurate with online label
# smoothing; the study also suggests better calibration {cite:p}`choudhury2025`.
# Hard labels ask a network for certainty. Label smoothing gives a tenth of the
# probability to the other classes; teacher-free distillation uses fixed
# probabilities, .99 for the true class, softened by a temperature of 20; online
# smoothing uses the mean prediction for the correctly classified images of a class
# in the previous epoch.

# %%
losses = runs.losses()
follow_ups.loss_forest(losses)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(follow_ups.online_smoothing(losses))

# %% [markdown]
# ## What fine-tuning leaves of the layers
#
# Networks from ImageNet and from RadImageNet weights were reported to represent
# the same images differently, more so after fine-tuning, while their predictions
# remain similar {cite:p}`juodelyte2023`. The mean canonical correlation of two
# layers is between 0 and 1 and does not depend on how channels are mixed.

# %%
follow_ups.layer_dots(runs)

# %%
agree = follow_ups.agreement(runs)
follow_ups.agreement_table(runs, agree)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(follow_ups.layers(runs, agree))

# %% [markdown]
# ## Try it
#
# 1. Replace the letter by noise (`"noise 100"`). Which arm follows it, and in how many of
#    its networks?
#
#    ```python
#    noise = stats.scenario_aucs(confounded[confounded["level"] == "noise 100"])
#    noise.assign(follows=noise["auc"] < 0.5).groupby("init")["follows"].agg(["sum", "size"])
#    ```
#
# 2. Compare two heads that both convolve. Does the skip connection matter beside the
#    convolution?
#
#    ```python
#    heads = runs.predictions(study="head")
#    skip = stats.factor_effects(heads, (a, b), ("conv", "conv_skip")).query("group == 'all'")
#    skip[["task", "quantity", "init", "estimate"]].round(3)
#    ```
#
# 3. Compare the arms with the linear head alone. Is a head worth more than a pretraining?
#
#    ```python
#    linear = heads[heads["level"] == "linear"]
#    stats.init_differences(linear, a, b).query("group == 'all'")[["task", "estimate"]].round(3)
#    ```
