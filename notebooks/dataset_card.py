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
# # The images
#
# **What this page answers.** Which images does the task use, how many of each class, what is wrong
# with them, and how are they divided?
#
# | | |
# |---|---|
# | command | `make book`; on real images `make book DATA_ROOT=folder` |
# | time and memory | under a minute and 1 GB on a laptop; no GPU is used |
# | expected | counts as in the manifest, repeats listed, no group on two sides of a split |

# %% tags=["parameters", "hide-input"]
task: str = "breast"  # name of a task of data_manifests/
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty for stand-ins
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]
import numpy as np
from IPython.display import Markdown, display

from rin import paper
from rin.data.leakage import contradictory
from rin.report.dataset_card import (
    card_table,
    exam_table,
    findings_table,
    known_table,
    readings_table,
    repeats_sentence,
    shown_sentence,
)
from rin.report.figures import sample_sheet, use_style
from rin.report.glued import glue_values
from rin.report.provenance import task_banner
from rin.report.tables import book_table
from rin.report.tables_study import class_count_table, split_table
from rin.study import open_study, task_inputs

use_style()
study = open_study(profile, data_root=data_root, results=results)
inputs = task_inputs(study, task)
cases = inputs.store.cases

# %% tags=["remove-input"]
task_banner(study, inputs, trained=False)

# %% tags=["remove-input"]
book_table(card_table(inputs), "Card of the dataset", prose=True)

# %% [markdown]
# ## A look at them

# %%
shown = np.concatenate(
    [np.flatnonzero(cases["source_class"] == name)[:4] for name in cases["source_class"].unique()]
)
masks = inputs.store.masks()
_ = sample_sheet(
    inputs.store.images()[shown], None if masks is None else masks[shown], cases.iloc[shown]
)

# %% tags=["remove-input"]
shown_sentence(inputs)

# %% [markdown]
# ## Counts: stated and found

# %% tags=["hide-input"]
glue_values(
    n_cases=len(cases),
    n_positive=int(inputs.labels.sum()),
    n_negative=int((1 - inputs.labels).sum()),
)
# What the paper counted are images of its own dataset, not of a substitute.
published = () if inputs.substitute_for else paper.CLASS_COUNTS.get(inputs.task.paper_task, ())
book_table(
    class_count_table(inputs.manifest, inputs.found.cases, published),
    "Images of each class: as the paper states, as the authors state, as counted here",
)

# %% [markdown]
# Used here: {glue:text}`n_cases` images, {glue:text}`n_positive` of the positive class and
# {glue:text}`n_negative` of the negative one.
#
# ## Exams
#
# A dataset of volumes leaves open which slices of an exam become images. One rule for all exams
# would give each class about the same number of images per exam.

# %% tags=["remove-input"]
implied = exam_table(inputs)
if len(implied):
    display(book_table(implied, "Images per exam that the published counts imply"))
else:
    display(Markdown("This dataset is counted in images, so there is nothing to compare."))

# %% [markdown]
# ## Patients
#
# Where a dataset publishes patients, they decide what stays together. Where only file names tell,
# there may be several readings; each is applied to all names, and the patients that the official
# split would put on both sides are counted.

# %% tags=["remove-input"]
readings = readings_table(inputs)
if len(readings):
    display(book_table(readings, "Patients, by reading of the file names; the first is used"))
else:
    display(Markdown("The manifest of this dataset lists no alternative readings."))

# %% [markdown]
# ## Findings
#
# Pictures that occur twice would let a network meet a test case in training. Equal pixels are found
# by digest, near-duplicates by a perceptual hash; both stay in one group, which a split never
# divides. Pictures that repeat under two labels are kept, as in the paper, and listed.

# %% tags=["hide-input"]
glue_values(
    n_pairs=len(inputs.pairs),
)
opposed = contradictory(cases, inputs.pairs)
glue_values(
    n_opposed=len(opposed),
)
book_table(findings_table(inputs), "Found in the files that were read", prose=True)

# %% tags=["remove-input"]
book_table(known_table(inputs), "Known of the dataset as published", prose=True)

# %% tags=["remove-input"]
repeats_sentence(inputs)

# %% tags=["hide-input"]
names = ["One case", "Other case", "Differing bits of 256", "Label of one", "Label of other"]
book_table(opposed.set_axis(names, axis=1), "Near-duplicates with different labels")

# %% [markdown]
# Pairs of near-duplicates: {glue:text}`n_pairs`, of which {glue:text}`n_opposed` across labels.
#
# ## The split

# %%
book_table(split_table(inputs.folds, inputs.labels), "Cases of each part and fold (positive class)")

# %% [markdown]
# Groups, not images, are divided, so the parts miss 75, 10 and 15 per cent by a few cases. The test
# sets of the folds share no group.
