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
# # Fine-tuning: every run of the study
#
# **What this page answers.** Which trainings make up the comparison, and what did they cost? Every
# task is fine-tuned in every scenario from every initialisation, and what comes after reads only
# the per-case predictions that are written here.
#
# | | |
# |---|---|
# | command | `make book`, or `rin grid --profile demo` for this step alone |
# | time and memory | stated below, as measured in this very run |
# | expected | every run finished; a run that is in the ledger is never repeated |

# %% tags=["parameters", "hide-input"]
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty for stand-ins
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]
import pandas as pd

from rin.report.glued import glue_values
from rin.report.provenance import study_banner
from rin.report.tables import book_table
from rin.report.tables_study import block_table, task_table
from rin.study import open_study, run_fine_tuning, run_grid, run_records, task_inputs

study = open_study(profile, data_root=data_root, results=results)
inputs = {task: task_inputs(study, task) for task in study.profile.tasks}
run_fine_tuning(study)  # the grid and every study beside it, which share compiled steps
runs = run_grid(study, *inputs.values())

# %% tags=["remove-input"]
study_banner(study, inputs)

# %% [markdown]
# ## From scenarios to runs
#
# A *scenario* is a backbone, a rule of unfreezing and a learning rate {cite:p}`mei2022`. A *run* is
# one scenario from one initialisation on one fold of one task. Both initialisations of a scenario
# share everything else: head, order of the cases, augmentation.

# %% tags=["hide-input"]
records = pd.concat([run_records(study, one) for one in inputs.values()], ignore_index=True)
glue_values(
    n_tasks=len(inputs),
    n_scenarios=runs["scenario"].nunique(),
    n_inits=runs["init"].nunique(),
    n_runs=len(runs),
)
book_table(task_table(inputs, records), "Runs of each task, and what they cost", prose=True)

# %% [markdown]
# {glue:text}`n_tasks` tasks, {glue:text}`n_scenarios` scenarios and {glue:text}`n_inits`
# initialisations, on as many folds as the profile asks for, make {glue:text}`n_runs` runs.
#
# ## What compiling once saves
#
# Runs that differ only in task, initialisation, fold or learning rate share one compiled step, a
# *block*. Between two runs the block takes its first weights back, and the optimizer starts anew.

# %% tags=["hide-input"]
glue_values(
    n_blocks=len(records[["backbone", "unfreezing"]].drop_duplicates()),
    grid_minutes=records["seconds"].sum() / 60,
    peak_memory=records["peak_memory_gb"].max(),
)
book_table(block_table(records), "Seconds a run, and peak memory of the worker that ran it")

# %% [markdown]
# The runs share {glue:text}`n_blocks` compiled steps. They took {glue:text}`grid_minutes:.1f`
# minutes of one worker's time, compiling excluded, and no worker held more than
# {glue:text}`peak_memory:.1f` GB.
