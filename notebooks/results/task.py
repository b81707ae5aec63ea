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
# # One task
#
# *Answers* which initialisation does better on this task, and what that means
# for patients. *Needs* nothing: it reads finished runs, or the reference run.
# *Takes* half a minute: `rin run notebooks/results/task.py -p task=NAME`.

# %% tags=["parameters", "remove-input"]
# rin is the package of this checkout: pip install -e '.[study,book,cpu]' there
task: str = "breast"  # name of a task of data_manifests/
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% jupyter={"source_hidden": true} tags=["hide-input"]
from IPython.display import Markdown

from rin import stats
from rin.report import figures, sentences, tables
from rin.report.banner import banner
from rin.study import open_runs

runs = open_runs(profile, data_root=data_root, results=results)
banner(runs, [task])

# %% [markdown]
# ## In short

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(sentences.task_in_short(runs, task))

# %%
figures.difference_forest(runs, task)

# %% [markdown]
# *How to read it.* A mark is a difference in mean AUC, in points; right of zero the radiologic
# start did better. The pale interval asks whether *these very networks* would do so on new
# patients: patients are the sample. The dark one asks whether *networks pretrained again* would:
# each pair of networks, one from either corpus, is one observation. Pairs are few and disagree,
# so it is wider, and what is said of pretraining rests on it. An interval that includes zero
# shows which differences are still possible, not that there is none.
#
# ## How good is one network?
#
# Each network scored every test image, in log-odds: above zero it calls the image positive.

# %%
a, b = runs.inits
scores = runs.predictions(task=task)
some_rows = scores.sample(4, random_state=0)
some_rows[["backbone", "init", "label", "score"]].round(2)

# %% [markdown]
# The AUC is the probability that a positive image gets a higher score than a negative one; each
# network has one. A *scenario*, a line below, is a backbone with the layers trained and a
# learning rate.

# %%
aucs = stats.scenario_aucs(scores)
aucs.groupby("init")["auc"].agg(["mean", "std", "min", "max"]).round(2)

# %%
figures.paired_slopes(runs, aucs, "backbone")

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(sentences.networks_of_task(runs, task, aucs))

# %% [markdown]
# ## Is the difference more than chance?
#
# `init_differences` takes patients as the sample {cite:p}`obuchowski1997`,
# `pretraining_differences` pairs of networks. Here P is of this task alone; above, it is
# adjusted over all tasks {cite:p}`holm1979`.

# %%
paired = runs.paired_scores(task)
patients = stats.init_differences(paired, a, b).query("group == 'all'")
pretrainings = stats.pretraining_differences(paired, a, b)
tables.differences(runs, {"patients": patients, "pretrainings": pretrainings})

# %% [markdown]
# The pairs whose absence moves the difference most (`moved`):

# %%
without = stats.leave_one_pair_out(paired, a, b)
moved = without.set_index(["backbone", "pretraining"])[["estimate", "moved"]]
(100 * moved).sort_values("moved", key=abs).tail(3).round(1)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(sentences.most_influential(runs, task, without))

# %% [markdown]
# ## Beyond the AUC
#
# The AUC sees only the order of the scores. Calibration asks whether a probability of .8 is right
# in eight of ten cases, net benefit whether acting on it does more good than harm
# ([Methods](../../methods)). Intervals are of these networks on new patients. Where
# trainings diverged, the last columns and dashed curves leave these networks out.

# %%
tables.clinical(runs, task)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(sentences.diverged(runs, scores))

# %%
figures.calibration_and_benefit(runs, scores)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(sentences.two_more_points(runs, task))

# %% [markdown]
# ## Images of this task

# %%
tables.images(runs, task)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(sentences.images_of_task(runs, task))

# %% [markdown]
# ## Try it
#
# 1. Keep one way of unfreezing. Fewer scenarios: which of the two intervals grows?
#
#    ```python
#    frozen = scores.query("unfreezing == 'freeze_all'")
#    stats.pretraining_differences(frozen, a, b)[["estimate", "ci_low", "ci_high"]]
#    ```
#
# 2. Leave out a backbone. Why does the interval over pretrainings often move more than in the
# first change?
#
#    ```python
#    fewer = scores[scores["backbone"] != "ResNet50"]
#    stats.pretraining_differences(fewer, a, b)[["estimate", "ci_low", "ci_high"]]
#    ```
#
# 3. Keep half of the patients. Which interval grows by about the square root of two?
#
#    ```python
#    half = scores["patient_id"].drop_duplicates().sample(frac=0.5, random_state=0)
#    some = scores[scores["patient_id"].isin(half)]
#    stats.init_differences(some, a, b).query("group == 'all'")[["ci_low", "ci_high"]]
#    ```
