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
# # Tasks with published results only
#
# *Answers* what is published on the tasks whose images were not used here, and how
# to get those images. *Needs* nothing. *Takes* five seconds:
# `rin run notebooks/results/task_published.py`.

# %% tags=["parameters", "remove-input"]
# rin is the package of this checkout: pip install -e '.[study,book,cpu]' there
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% jupyter={"source_hidden": true} tags=["hide-input"]
from IPython.display import Markdown

from rin.report import unused
from rin.study import open_runs

runs = open_runs(profile, data_root=data_root, results=results)
tasks = unused.tasks(runs)

# %% [markdown]
# ## In short

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(unused.in_short(runs, tasks))

# %%
unused.published_forest(tasks)

# %% [markdown]
# *How to read it.* The first line of each task is the interval that the paper prints;
# the second is that of an unpaired t test on the printed standard deviations (SDs) of 24
# AUCs ([The published numbers, checked](../evidence/audit)). That they agree shows what
# was taken as the sample: settings of fine-tuning, not patients. Intervals of independent
# studies come from their SDs over folds; their knee images concern both knee tasks.
# † The study's code omits the official scaling by 1/255
# ([What independent studies found](../evidence/replications)).

# %%
published = unused.intervals(tasks)
widths = published["ci_high"] - published["ci_low"]
by_kind = widths.groupby([published["task"], published["label"]]).first()
by_kind.unstack().round(1)

# %% [markdown]
# ## Images of these tasks

# %%
counts = unused.class_counts(tasks)
unused.counts_table(counts)

# %% [markdown]
# ## Where to get them

# %%
unused.places_table(tasks)

# %% [markdown]
# With these images and the released weights in a folder,
# `make study DATA_ROOT=FOLDER PROFILE=paper` trains everything on a GPU; `make book`
# with the same settings then builds a page of results for each task.
#
# ## Try it
#
# 1. Take tasks that have results here, too. In how many do printed and implied interval
#    differ in width by more than rounding?
#
#    ```python
#    every = unused.intervals(["thyroid", "breast", "acl", "meniscus", "covid19"])
#    (every["ci_high"] - every["ci_low"]).groupby([every["task"], every["label"]]).first()
#    ```
#
# 2. Keep the independent comparisons that scale as the official scripts do. Does the
#    direction change?
#
#    ```python
#    others = unused.independent(tasks)
#    others.groupby("scaling_missing")["estimate"].agg(["size", "mean"]).round(1)
#    ```
#
# 3. Compare how the same class is counted in different places of the paper.
#
#    ```python
#    of_paper = counts[counts["As stated by"].str.startswith("paper")]
#    of_paper.groupby(["Task", "Class"])["Count"].unique()
#    ```
