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
# # Supplement: networks and data
#
# **What this page answers.** How well do the pretrained networks name the classes of their own
# corpus, and how many images and patients does each task have, by class, part and fold? The
# counterparts of the paper's Figure E1 and Tables E2 to E4.
#
# | | |
# |---|---|
# | command | `make book`, after which this page alone re-runs in seconds |
# | time and memory | under a minute and 1 GB on a laptop; no GPU is used |
# | expected | on real images the published counts or nearly so; fewer images elsewhere |
#
# The paper's supplement itself is not at hand. What its tables hold is known from the text that
# names them, so the layout is ours; published numbers come from the text of the article and from
# the README of its repository. Table E1 stands on the page about the study's design; the networks
# are looked at class by class, with their confusion matrices, on the page about pretraining.

# %% tags=["parameters", "hide-input"]
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty for stand-ins
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]
from rin.report.figures import use_style
from rin.report.figures_design import accuracy_dots
from rin.report.glued import glue_values
from rin.report.panels import picture
from rin.report.pretraining_readings import accuracy_reading
from rin.report.pretraining_tables import accuracy_table, comparable
from rin.report.provenance import study_banner
from rin.report.tables import book_table
from rin.report.tables_supplement import (
    class_table,
    counts_reading,
    parts_table,
    task_records,
)
from rin.study import open_study, pretrained, task_inputs

use_style()
study = open_study(profile, data_root=data_root, results=results)
weights = pretrained(study)
inputs = {task: task_inputs(study, task) for task in study.profile.tasks}
records = task_records(inputs)
small = [one for one in records if one.small]
large = [one for one in records if not one.small]

# %% tags=["remove-input"]
study_banner(study, inputs)

# %% [markdown]
# ## Figure E1 and Table E2: the pretrained networks

# %% tags=["hide-input"]
picture(
    accuracy_dots(comparable(weights), study.profile.inits)[0].figure,
    "Top-1 and top-5 test accuracy of four networks, published and pretrained here",
    width="36rem",
)

# %% tags=["remove-input"]
accuracy_reading(weights)

# %% tags=["hide-input"]
glue_values(
    n_small=len(small),
    n_large=len(large),
    folds=study.profile.folds,
)
book_table(
    accuracy_table(weights, study.profile.inits),
    "Table E2: test accuracy, %; columns do not compare",
    prose=True,
)

# %% [markdown]
# ## Table E3: small datasets
#
# The {glue:text}`n_small` tasks that the paper cross-validates. *Authors* are those of the dataset
# that was read; their numbers count images unless they say exams. *Counted* are all images that
# were found; the second table has those that this profile uses. Where a dataset names no patients,
# each image counts as one. A dash marks what is not stated, or a task that this profile leaves out.

# %% tags=["hide-input"]
book_table(class_table(small), "Table E3: class distribution of the small datasets", prose=True)

# %% tags=["remove-input"]
counts_reading(small)

# %% tags=["hide-input"]
book_table(
    parts_table(small), "Table E3: data split; images / positive ones / patients", prose=True
)

# %% [markdown]
# Folds run here: {glue:text}`folds` at most. Patients, not images, are divided: within a fold no
# patient stands in two parts, and the shares of 75, 10 and 15 per cent are met as closely as whole
# patients allow.
#
# ## Table E4: larger datasets
#
# The {glue:text}`n_large` tasks with a single split.

# %% tags=["hide-input"]
book_table(class_table(large), "Table E4: class distribution of the larger datasets", prose=True)

# %% tags=["remove-input"]
counts_reading(large)

# %% tags=["hide-input"]
book_table(
    parts_table(large), "Table E4: data split; images / positive ones / patients", prose=True
)

# %% [markdown]
# Where a profile draws some of the images that were found, the banner says how many of how many.
