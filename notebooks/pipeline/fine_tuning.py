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
# # Fine-tuning, from images to a difference

# %% tags=["parameters", "remove-input"]
task: str = ""  # of data_manifests/; empty for the live task
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty for stand-ins
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]
import pandas as pd
from IPython.display import display

from rin.report.banner import banner
from rin.report.format import format_estimate, format_p
from rin.report.maps import image_row
from rin.report.page import glue_values, picture, verdict
from rin.report.roc import learning_curves
from rin.report.style import use_style
from rin.report.swarm import auc_swarm
from rin.stats import auc_ci, delong_test, init_differences, scenario_aucs
from rin.study import histories, open_study, run_fine_tuning, run_records
from rin.study.results import Runs

use_style()
study = open_study(profile, data_root=data_root, results=results)
task = task or study.profile.live_task
live = Runs(study)  # the runs of this profile alone, never a reference run
a, b = live.inits
line = display(banner(live, [task], trained=False), display_id=True)

# %% [markdown]
# One task, “{glue:text}`task_title`”, from its images to the comparison of two initialisations.
# Mean AUC over {glue:text}`n_scenarios` scenarios: {glue:text}`mean_a:.3f` ±
# {glue:text}`sd_a:.3f` ({glue:text}`name_a`) and {glue:text}`mean_b:.3f` ± {glue:text}`sd_b:.3f`
# ({glue:text}`name_b`); difference {glue:text}`difference` points, {glue:text}`p_value`:
# {glue:text}`verdict`.
#
# ## Images
#
# A reader turns the files of a dataset into one case table, and one pass decodes, hashes and
# resizes every image into a memory-mapped store. Labels, patients and counts come from the
# dataset's own files and are checked against its manifest.

# %%
inputs = study.inputs(task)
cases = inputs.store.cases
cases[["case_id", "patient_id", "label", "width", "height"]].head(4)

# %% tags=["hide-input"]
examples = cases.groupby("label", sort=False).head(2).index
masks = inputs.store.masks()
axes = image_row(
    [inputs.store.images()[row] for row in examples],
    [f"{cases['case_id'][row]}\n{cases['label'][row]}" for row in examples],
    None if masks is None else [masks[row] for row in examples],
)
glue_values(
    n_cases=len(cases),
    n_patients=cases["patient_id"].nunique(),
    side=inputs.store.size,
    n_pairs=len(inputs.pairs),
)
picture(
    axes, "Two images of each class as the networks see them", width="36rem"
)

# %% [markdown]
# {glue:text}`n_cases` images of {glue:text}`n_patients` patients, as the networks see them:
# {glue:text}`side` × {glue:text}`side` pixels, lesions outlined where they are marked.
#
# ## A split that does not leak
#
# All images of a patient go to one part, and so do near-duplicate images, found by their difference
# hashes ({glue:text}`n_pairs` pairs here). The split is stratified by class; `Study.inputs` raises
# an error if anything stands on both sides.

# %%
split = inputs.folds.merge(cases[["case_id", "patient_id"]], on="case_id")
split["positive"] = split["case_id"].map(inputs.labels)
assert split.groupby(["fold", "patient_id"])["part"].nunique().max() == 1
split[split["fold"] == 0].groupby("part", sort=False).agg(
    images=("case_id", "size"),
    patients=("patient_id", "nunique"),
    positive=("positive", "sum"),
)

# %% [markdown]
# ## Every run that is missing
#
# A *scenario* is a backbone, a rule of unfreezing and a learning rate {cite:p}`mei2022`. A *run* is
# one scenario from one initialisation on one fold. Both initialisations of a scenario share head,
# order of cases, and augmentation. This call trains whatever the ledger lacks.

# %%
table = run_fine_tuning(study)
records = run_records(study, task=task)
records.groupby(["backbone", "unfreezing"], sort=False).size().unstack()

# %% [markdown]
# Runs that differ only in initialisation, fold, learning rate or task share one compiled step, a
# *block*: between two runs it takes its initial weights back and the optimiser starts anew. Each
# finished run is a folder of the *ledger*, named by a hash of its configuration and of what it
# read, and renamed into place when whole. A training that was interrupted goes on with the runs
# that are missing; nothing is trained twice.

# %%
folder = study.runs.path(table.index[0])
pd.Series(
    sorted(file.name for file in folder.iterdir()), name="files of one run"
).to_frame()

# %% tags=["hide-input"]
line.update(banner(live, [task]))
glue_values(
    n_runs=len(records),
    n_all=len(table),
    n_blocks=len(table[["backbone", "unfreezing"]].drop_duplicates()),
    grid_minutes=records["seconds"].sum() / 60,
    peak_memory=records["peak_memory_gb"].max(),
)

# %% [markdown]
# The {glue:text}`n_runs` runs of this task took {glue:text}`grid_minutes:.1f` minutes of one
# worker's time, compiling excluded, and at most {glue:text}`peak_memory:.1f` GB. All
# {glue:text}`n_all` runs of this profile share {glue:text}`n_blocks` compiled steps.
#
# ## One scenario
#
# The scenario with the lowest validation loss. Of each run the epoch with the lowest validation
# loss is kept, and only its predictions on the test cases are looked at from here on.

# %%
history = histories(study, task)
scenario = history.loc[history["val_loss"].idxmin(), "scenario"]
chosen = history[(history["scenario"] == scenario) & (history["fold"] == 0)]
picture(
    learning_curves(chosen, [a, b]),
    "Training and validation loss over the epochs of one scenario, by initialisation",
    width="36rem",
)

# %%
scores = live.predictions(task=task)
one = scores[(scores["scenario"] == scenario) & (scores["fold"] == 0)]
one = one.pivot(
    index=["case_id", "patient_id", "label"], columns="init", values="score"
)
one = one.reset_index()[["case_id", "patient_id", "label", a, b]]
one.head(4).round(3)

# %% [markdown]
# Scenario {glue:text}`scenario`, first fold. The AUC of each network, with DeLong's interval:

# %%
pd.DataFrame(
    {init: vars(auc_ci(one["label"], one[init])) for init in (a, b)}
).round(3)

# %% [markdown]
# Their difference, by DeLong's paired test with images as the units, and with patients as the
# units:

# %%
by_image = delong_test(one["label"], one[a], one[b])
by_patient = delong_test(one["label"], one[a], one[b], one["patient_id"])
rows = ["estimate", "ci_low", "ci_high", "p_value"]
both = pd.DataFrame(
    {
        "images independent": vars(by_image),
        "patients independent": vars(by_patient),
    }
)
both.loc[rows].astype(float).round(3)

# %% [markdown]
# ## All scenarios
#
# One dot a scenario, averaged over folds. The SD over scenarios describes how much the choice of
# scenario matters; it says nothing about other patients.

# %%
aucs = (
    scenario_aucs(scores)
    .groupby(["scenario", "init"])["auc"]
    .mean()
    .reset_index()
)
aucs = aucs.merge(
    scores[["scenario", "backbone", "unfreezing"]].drop_duplicates()
)
picture(
    auc_swarm(aucs, [a, b]),
    "AUC of every scenario by initialisation, with mean and SD",
)

# %% [markdown]
# The comparison of this book: AUCs within each fold, averaged over folds and scenarios with their
# covariance over patients {cite:p}`obuchowski1997`, over all scenarios and by unfreezing.

# %%
differences = init_differences(scores, a, b).set_index("group")
points = 100 * differences[["estimate", "ci_low", "ci_high"]]
points.assign(p_value=differences["p_value"]).round(3)

# %% tags=["hide-input"]
overall = differences.loc["all"]
glue_values(
    task_title=inputs.task.title,
    scenario=scenario,
    name_a=a,
    mean_a=overall["auc_a"],
    sd_a=overall["sd_a"],
    name_b=b,
    mean_b=overall["auc_b"],
    sd_b=overall["sd_b"],
    n_scenarios=int(overall["n_scenarios"]),
    n_test=int(overall["n_cases"]),
    n_test_patients=int(overall["n_patients"]),
    difference=format_estimate(overall, unit="points"),
    p_value=format_p(overall["p_value"]),
    verdict=verdict(overall["estimate"], overall["p_value"], (a, b)),
)

# %% [markdown]
# Differences are {glue:text}`name_a` minus {glue:text}`name_b`, in AUC points, on
# {glue:text}`n_test` test images of {glue:text}`n_test_patients` patients. What the same calls give
# on real images stands in the results part of this book; there P values are adjusted over the
# tasks.
#
# ## Run this page
#
# `rin run notebooks/pipeline/fine_tuning.py -p task=breast -p profile=demo`; with plain tools,
# `jupytext --to ipynb notebooks/pipeline/fine_tuning.py`, then
# `papermill notebooks/pipeline/fine_tuning.ipynb out.ipynb -p task breast`. Minutes where runs are
# missing, seconds afterwards.
