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
# # Fork me: your scores, your question
#
# Everything on this page runs when its visible cells are copied into an empty notebook: first tests on a
# table of your own, which need only `pip install .`, then a metric, a figure and a study on predictions
# that come with the checkout (`pip install -e '.[study,book]'`).
#
# To train on images of your own, start with `rin new NAME --images FOLDER` ([Your images](your_images)) and
# copy [Fine-tuning](../pipeline/fine_tuning), run with `-p profile=NAME -p task=NAME -p data_root=FOLDER/..`.
#
# ## Only the tests: a table of your own
#
# One row an image, several images of a patient, labels 0 or 1. Only the order of scores matters:
# probabilities, logits and ratings all work. These cases are made up; give `read_csv` the name of a file.

# %%
# rin is the package of this checkout: pip install -e '.[study,book]' there
from io import StringIO

import pandas as pd

from rin import stats

file = StringIO("""patient,label,model_a,model_b
p01,0,0.12,0.30
p01,0,0.08,0.41
p02,1,0.81,0.66
p02,1,0.77,0.35
p03,0,0.35,0.52
p03,0,0.44,0.61
p04,1,0.58,0.47
p04,1,0.49,0.62
p05,0,0.61,0.27
p06,1,0.42,0.71
""")
images = pd.read_csv(file)
labels = images["label"]
model_a = images["model_a"]
model_b = images["model_b"]
pd.Series(vars(stats.auc_ci(labels, model_a)), name="model A").to_frame()

# %% [markdown]
# DeLong's test {cite:p}`delong1988` counts images; given patients, Obuchowski's estimator
# {cite:p}`obuchowski1997` counts patients. `estimate` and its interval are those of a − b.

# %%
naive = stats.delong_test(labels, model_a, model_b)
clustered = stats.delong_test(labels, model_a, model_b, images["patient"])
both = pd.DataFrame(
    {"images independent": vars(naive), "patients independent": vars(clustered)}
)
both.loc[["estimate", "ci_low", "ci_high", "p_value"]].astype(float).round(3)

# %% [markdown]
# **Six patients are too few for either interval**: below about twenty patients of each class both are too
# narrow. Several tests are adjusted together; wrong input is an error, never repaired:

# %%
stats.holm([0.030, 0.012, 0.028, 0.400]).round(3)

# %%
try:
    stats.auc_ci([0, 1, 1], [0.2, float("nan"), 0.4])
except ValueError as error:
    print(error)

# %% [markdown]
# For three or more models there is `auc_contrasts`; without Python, [`rin compare`](run_it) makes a page of
# a table of scores; the [API reference](../../api) has all functions.
#
# ## The predictions of this book
#
# One row for each test image and network: `label` is 1 for the positive class, `score` its log-odds. A
# table of yours with these columns can replace it ([Tables and manifests](reference)).

# %%
from rin.study import open_reference

runs = open_reference("open")
a, b = runs.inits
predictions = runs.predictions(task="breast")
predictions.head(3).T

# %% [markdown]
# AUCs are computed within a fold, then averaged over folds and scenarios.

# %%
table = stats.init_differences(predictions, a, b)
table[["group", "auc_a", "auc_b", "estimate", "ci_low", "ci_high"]].round(3)

# %% [markdown]
# ## A metric of your own
#
# *Sensitivity at 90% specificity*: the share of cancers found if one benign lesion in ten may be called
# suspicious. Each network has a threshold of its own.

# %%
import numpy as np

SPECIFICITY = 0.9
network = ["init", "scenario", "pretraining", "fold"]
case = ["patient_id", "case_id", "label"]
scores = predictions.pivot(index=case, columns=network, values="score")


def sensitivity(scores):
    """One value a network, each of which is a column."""
    label = scores.index.get_level_values("label")
    benign = scores[label == 0]
    malignant = scores[label == 1]
    threshold = np.quantile(benign, SPECIFICITY, 0, method="inverted_cdf")
    return (malignant > threshold).sum() / malignant.count()


by_scenario = sensitivity(scores).groupby(["init", "scenario"]).mean()
by_scenario = by_scenario.unstack("init")
by_scenario.mean().round(3)

# %% [markdown]
# Patients are resampled, with all their images and in every network at once. BUSI names no patients, so
# each image counts as one. For a paper draw 1,000 times.

# %%
REPLICATES = 60


def gain(rows):
    """The mean difference over scenarios."""
    of_scenarios = sensitivity(rows).groupby(["init", "scenario"]).mean()
    means = of_scenarios.groupby("init").mean()
    return means[a] - means[b]


shift = stats.bootstrap_interval(
    scores,
    gain,
    scores.index.get_level_values("patient_id"),
    replicates=REPLICATES,
    seed=1,
)
pd.Series(shift).round(3)

# %% [markdown]
# ## A figure and a table of your own
#
# Each dot is a scenario; above the dotted line the first initialisation finds more.

# %%
import seaborn as sns

from rin.report.page import picture

scenarios = predictions.drop_duplicates("scenario").set_index("scenario")
layers = scenarios["unfreezing"].str.replace("_", " ").rename("layers")
grid = sns.relplot(
    by_scenario.join(layers), x=b, y=a, style="layers", color="0.3", height=3.2
)
grid.ax.axline((0.5, 0.5), slope=1, color="0.5", linestyle=":")
grid.set_axis_labels(f"Sensitivity, {b}", f"Sensitivity, {a}")
picture(grid.figure, "Sensitivity of each scenario, by initialisation")

# %% [markdown]
# The paper compares Dice scores by a paired t test. Here it is applied to the mean score of each patient:

# %%
overlap = runs.overlap("breast")
of_patients = overlap.groupby(["patient_id", "init"])["dice"].mean().unstack()
test = stats.paired_t(of_patients[a], of_patients[b])
pd.Series(vars(test), name="Dice, a − b").to_frame()

# %% [markdown]
# ## A study of your own
#
# A question is a study: an entry of a profile's list, which takes a part of the plan (tasks, backbones,
# unfreezing, learning rates, inits, pretrainings, folds) and says what varies in it; a factor that changes
# several settings has names for its levels.
#
# ```yaml
# studies:
#   - name: dropout
#     tasks: [breast]
#     backbones: [ResNet50]
#     learning_rates: {unfreeze_all: [1e-4], freeze_all: [1e-2]}
#     vary: {dropout: [0.5, 0.2, 0.0]}
#   - name: longer
#     tasks: [breast]
#     unfreezing: [freeze_all]
#     vary: {length: {fixed: {}, converged: {epochs: 12, patience: 3}}}
# ```
#
# `rin study --profile NAME` trains what is missing of it, and `rin.study.open_results("results/NAME/tables")`
# opens it; two lines make the table of any factor, here of one that the committed run has:

# %%
from rin.report.factor import differences_at
from rin.report.format import format_estimate

rows = differences_at(runs.predictions("head"), *runs.inits)
levels = rows.set_index(["task", "at"])
format_estimate(levels, unit="points").unstack(sort=False)  # 95% CI, patients

# %% [markdown]
# A figure, and a sentence whose verb the page checks each time that it runs:

# %%
from IPython.display import Markdown

from rin.report.factor import factor_forest
from rin.report.page import claim
from rin.report.verdict import points

picture(
    factor_forest(rows, runs.titles),
    "One head moves the difference on breast lesions",
    "Difference in mean AUC by head, with 95% intervals over patients.",
)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
breast = levels.loc["breast"]
clear = breast[(breast["ci_low"] > 0) | (breast["ci_high"] < 0)]
claim("one head, photographs ahead", [*clear.index] == ["conv_skip"])
Markdown(f"With one head photographs are ahead: {points(clear.iloc[0])}.")

# %% [markdown]
# Profile and page may stand in any folder: `rin study --profile mine/dropout.yaml`, then `rin run mine/dropout.py`.
# For a page of this book see `CONTRIBUTING.md`; `rin.study.profile` describes every field.
#
# This page: `rin run notebooks/use/fork_me.py`.
