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
# *Answers* which of two models is better on a table of yours, and questions that this book does not
# ask. *Needs* `pip install .` for the first half; the second reads predictions that come with the
# book. *Takes* half a minute: `rin run notebooks/use/fork_me.py`.

# %% tags=["parameters", "remove-input"]
# rin is the package of this checkout: pip install -e '.[study,book,cpu]' there
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% [markdown]
# ## Only the tests: a table of your own
#
# One row an image, several images of a patient, labels 0 or 1; a higher score means 1. Only the
# order of scores matters: probabilities, logits and ratings all work. `rin.stats` installs
# without a deep-learning framework and without plotting. These cases are made up; with a file on
# disk, give its name to `read_csv`.

# %%
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
labels, model_a, model_b = images["label"], images["model_a"], images["model_b"]

# %%
of_a = stats.auc_ci(labels, model_a)
pd.Series(vars(of_a), name="model A").round(3).to_frame()

# %% [markdown]
# Images of a patient carry less information than as many independent cases would. DeLong's test
# {cite:p}`delong1988` counts images; given patients, Obuchowski's estimator
# {cite:p}`obuchowski1997` counts patients. `estimate` and its interval are those of a − b.

# %%
naive = stats.delong_test(labels, model_a, model_b)
clustered = stats.delong_test(labels, model_a, model_b, images["patient"])
both = pd.DataFrame(
    {"images independent": vars(naive), "patients independent": vars(clustered)}
)
both.loc[["estimate", "ci_low", "ci_high", "p_value"]].astype(float).round(3)

# %%
stats.holm([0.030, 0.012, 0.028, 0.400]).round(3)  # P values of several tests

# %% [markdown]
# Nothing is silently repaired or dropped: an error names what does not fit.

# %%
attempts = {
    "one class": ([1, 1, 1], [0.2, 0.3, 0.4]),
    "other labels": (["benign", "malignant"], [0.2, 0.3]),
    "a missing score": ([0, 1, 1], [0.2, float("nan"), 0.4]),
}
for problem, (bad_labels, bad_scores) in attempts.items():
    try:
        stats.auc_ci(bad_labels, bad_scores)
    except ValueError as error:
        print(f"{problem:16} {error}")

# %% [markdown]
# For three or more models there is `auc_contrasts`; the [API reference](../../api) has them all.
#
# ## The predictions of this book
#
# One row for each test image and network: `label` is 1 for the positive class, `score` its
# log-odds. Every page of the results starts from this table, and a table of yours with these
# columns can replace it ([Tables and manifests](reference)).

# %% jupyter={"source_hidden": true} tags=["hide-input"]
import numpy as np
import seaborn as sns
from IPython.display import Markdown

from rin.report import words_of_results as words
from rin.report.banner import banner
from rin.report.page import picture
from rin.study import open_runs

runs = open_runs(profile, data_root=data_root, results=results)
runs = runs.or_reference_with("breast")
a, b = runs.inits
banner(runs, ["breast"])

# %%
predictions = runs.predictions(task="breast")
predictions.head(3).T

# %% [markdown]
# Each network has a scale of its own: AUCs are computed within a fold, then averaged over folds
# and scenarios. Patients are the units; BUSI names no patients, so each image counts as one:

# %%
unit = runs.facts("breast").dataset.independence
unit

# %%
table = stats.init_differences(predictions, a, b)
table[["group", "auc_a", "auc_b", "estimate", "ci_low", "ci_high"]].round(3)

# %% [markdown]
# ## A metric of your own
#
# *Sensitivity at 90% specificity*: the share of cancers found if one benign lesion in ten may be
# called suspicious. Each network has a threshold of its own.

# %%
SPECIFICITY = 0.9
network = ["init", "scenario", "pretraining", "fold"]
case = ["patient_id", "case_id", "label"]
scores = predictions.pivot(index=case, columns=network, values="score")


def sensitivity(scores):
    """One value a network, each of which is a column."""
    label = scores.index.get_level_values("label")
    benign, malignant = scores[label == 0], scores[label == 1]
    threshold = benign.quantile(SPECIFICITY, interpolation="higher")
    return (malignant > threshold).sum() / malignant.count()


by_scenario = sensitivity(scores).groupby(["init", "scenario"]).mean()
by_scenario = by_scenario.unstack("init")
by_scenario.head(4).round(2)

# %% [markdown]
# Conclusions must hold for new patients, so patients are resampled, with all their images and in
# every network at once.

# %%
patients = scores.index.get_level_values("patient_id")


def gained(rows):
    """The mean difference over scenarios; NaN where the rows lack a class."""
    of_scenarios = sensitivity(rows).groupby(["init", "scenario"]).mean()
    means = of_scenarios.groupby("init").mean()
    return means[a] - means[b]


REPLICATES = 60
shift = stats.bootstrap_interval(
    scores,
    gained,
    patients,
    replicates=REPLICATES,
    seed=runs.workspace.profile.seed,
)
# 1,000 replicates for a paper

# %% jupyter={"source_hidden": true} tags=["hide-input"]
means = by_scenario[[a, b]].mean()
units = f"{patients.nunique():,} {unit}s"
Markdown(words.own_metric(means, shift, SPECIFICITY, units, REPLICATES))

# %% [markdown]
# ## A figure and a table of your own
#
# Each dot is a scenario; above the dotted line of equal sensitivity the first initialisation finds
# more.

# %%
scenarios = predictions.drop_duplicates("scenario").set_index("scenario")
layers = scenarios["unfreezing"].str.replace("_", " ")
grid = sns.relplot(by_scenario, x=b, y=a, style=layers, height=3.5)
grid.ax.axline((0.5, 0.5), slope=1, color="0.5", linestyle=":")
picture(grid.figure, "Sensitivity of each scenario, by initialisation")

# %% [markdown]
# `runs.overlap` has one row for each map: how well the region above the threshold of the paper
# covers the lesion.

# %%
overlap = runs.overlap("breast")
dice = overlap.pivot_table(index="unfreezing", columns="init", values="dice")
dice.assign(difference=dice[a] - dice[b]).round(3)

# %% [markdown]
# ## The paper's test of Dice scores, by pingouin
#
# The paper compares Dice scores by a paired t test, after Shapiro's test of normality. Applied to the
# mean score of each patient, either is one line of pingouin, and so are the effect size and the two
# one-sided tests of equivalence within ±5 points:

# %%
import warnings

import pingouin
from scipy.stats import ttest_rel

from rin import stats

# Of a Bayes factor, which pingouin adds to each t test.
warnings.filterwarnings("ignore", module="pingouin.bayesian")
of_patients = overlap.groupby(["patient_id", "init"])["dice"].mean().unstack()
x, y = of_patients[a], of_patients[b]
gap = x - y
normal = pingouin.normality(gap).iloc[0]
test = pingouin.ttest(x, y, paired=True).iloc[0]
effect = pingouin.compute_effsize(gap, 0.0, eftype="cohen")
within = pingouin.tost(x, y, bound=0.05, paired=True).iloc[0]

# %% [markdown]
# `rin.stats` gives the same, with the interval of SciPy:

# %%
ours = stats.paired_t(x, y)
interval = ttest_rel(x, y).confidence_interval()
assert np.allclose([test["T"], test["p_val"]], [ours.statistic, ours.p_value])
assert np.allclose(interval, [ours.ci_low, ours.ci_high])
assert np.isclose(effect, ours.statistic / np.sqrt(len(gap)))

# %% jupyter={"source_hidden": true} tags=["hide-input"]
of_units = f"{len(gap):,} {unit}s"
others = within["pval"], normal["pval"]
Markdown(words.by_t_test(ours, effect, *others, of_units))

# %% [markdown]
# Where patients have several images, `image_differences` averages images and takes patients as the
# units. Holm's adjustment over the tasks is `pingouin.multicomp`, and `holm`:

# %%
outlined = [rows for rows in map(runs.overlap, runs.tasks) if len(rows)]
of_tasks = pd.concat(
    stats.image_differences(rows, a, b, ["dice"]) for rows in outlined
)
of_tasks.index = [rows["task"].iloc[0] for rows in outlined]
_, p_holm = pingouin.multicomp(of_tasks["p_value"], method="holm")
assert np.allclose(p_holm, stats.holm(of_tasks["p_value"]))
shown = ["n_images", "n_patients", "estimate", "ci_low", "ci_high"]
adjusted = [f"{value:.2g}" for value in p_holm]
of_tasks[shown].round(3).assign(p_holm=adjusted)

# %% [markdown]
# ## A study of your own
#
# A question is a study: an entry of a profile's list, which takes a part of the plan of the paper
# (tasks, backbones, unfreezing, learning rates, inits, pretrainings, folds) and says what varies
# in it; the rest is as in the main study. A page is a notebook in `notebooks/` with a line in
# `rin/report/pages.yaml`.
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
# <details><summary>How to train and read it, and what may vary</summary>
#
# `rin study` trains what is missing of it, and `open_runs(…).predictions(study="dropout")`
# returns the scores, with the columns `factor` and `level`. Every setting of fine-tuning can
# vary; one with a single value holds for the whole study, and a factor that changes several
# settings has a name and names of its levels. `confounder` marks a share of the positive training
# images and tests on marked negatives. `seeds` repeats trainings, `inits: [random, radiologic,
# photographic]` adds random weights, and the profile `open` has all studies that the book shows.
# Softened labels (`losses`) and brief pretraining (`pretraining: brief`) have sections of their
# own; `rin.study.profile` describes every field.
#
# </details>
