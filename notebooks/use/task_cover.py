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
# # A task of one's own
#
# *Answers* which initialisation ranks the new cases better, on one task. *Needs* its runs, which
# `rin study --profile NAME` makes. *Takes* seconds:
# `rin run notebooks/use/task_cover.py -p profile=NAME`.

# %% tags=["parameters", "remove-input"]
# rin is the package of this checkout: pip install -e '.[study,book,cpu]' there
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
task = runs.workspace.profile.live_task
banner(runs, [task])

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(sentences.own_task_in_short(runs, task))

# %%
aucs = stats.scenario_aucs(runs.predictions(task=task))
figures.paired_slopes(runs, aucs, "backbone")

# %% [markdown]
# Each line is a scenario of fine-tuning, from one kind of weights to the other.
#
# ## The images

# %%
tables.images(runs, task)

# %% [markdown]
# The pages that follow show how the networks were trained.
