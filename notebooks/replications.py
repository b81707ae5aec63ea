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
# # What others found
#
# **What this page answers.** Did independent studies that compared RadImageNet with ImageNet
# weights find the same advantage?
#
# | | |
# |---|---|
# | command | `make book`, after which this page alone re-runs in seconds |
# | time and memory | seconds and 0.5 GB on a laptop; nothing is trained |
# | expected | mixed: most independent comparisons do not find the published advantage |
#
# Every number on this page was printed by the study that it is ascribed to, or stands in its public
# results; none was recomputed. Left out are the authors' own reports, studies without both kinds of
# weights, and reports without a citable source. The search was not systematic.

# %% tags=["parameters", "hide-input"]
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty for stand-ins
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]
from rin.report.figures import use_style
from rin.report.figures_design import replication_dots
from rin.report.format import format_number
from rin.report.glued import glue_values
from rin.report.panels import picture
from rin.report.scoreboard import board
from rin.report.tables_replications import (
    OTHER,
    direction_counts,
    direction_table,
    replication_points,
    replication_table,
    task_replications,
)
from rin.study import open_study

use_style()
study = open_study(profile, data_root=data_root, results=results)
groups = task_replications()

# %% [markdown]
# ## Differences, published and found by others

# %% tags=["hide-input"]
points = replication_points()
of_tasks = points[points["name"] != OTHER]
glue_values(
    **direction_counts(study.profile.tasks),
    lowest=format_number(of_tasks["difference"].min(), 1),
    highest=format_number(of_tasks["difference"].max(), 1, signed=True),
)
picture(
    replication_dots(points).figure,
    "Differences in AUC points by task: the paper's with its interval, and those of others",
    width="36rem",
)

# %% [markdown]
# A mark to the right of zero says that RadImageNet weights scored higher. On questions of the paper
# the differences that others state go from {glue:text}`lowest` to {glue:text}`highest`
# points. The far ones come from one study, whose networks were first trained frozen; its public
# code feeds images to the RadImageNet networks without the scaling by 1/255 of the official
# scripts, so they may tell of the scaling more than of the weights {cite:p}`juodelyte2023`.
#
# ## Who was ahead, and how often

# %% tags=["hide-input"]
board(direction_table(), "Comparisons of like with like: which weights scored higher")

# %% [markdown]
# Of {glue:text}`n_fair` comparisons of like with like, from {glue:text}`n_studies` studies,
# RadImageNet was ahead in {glue:text}`n_radimagenet` and ImageNet in {glue:text}`n_imagenet`;
# {glue:text}`n_parity` found no difference. {glue:text}`n_below` of the {glue:text}`n_stated` that
# state both areas differ by less than one point. {glue:text}`n_unlike` more, with another head or
# network on each side, are listed and not counted.
#
# Counting votes is no evidence of size. A comparison with a difference of 0.1 counts as much as one
# with 20; {glue:text}`n_group` of these comparisons come from one group, whose studies share code
# and data and are not independent; none is weighted by its patients; and what was not published
# cannot be counted. The paper averages 24 ways of fine-tuning, most others report one or the best,
# which is another question.
#
# ## The comparisons on the paper's questions

# %% tags=["hide-input"]
asked = {title: records for title, records in groups.items() if title != OTHER}
replication_table(asked)

# %% [markdown]
# The knee images of one study serve both knee tasks, so its rows stand there twice and are counted
# once in all. Others asked {glue:text}`n_asked` of the paper's questions, of which this profile
# runs {glue:text}`n_run`; no comparison was found on its three CT tasks. Two more findings are not
# about the scores of one recipe: ImageNet networks learned planted confounders more readily
# {cite:p}`juodelyte2024`, and a search for the best head gave no evidence that RadImageNet weights
# are better {cite:p}`frees2025`.
#
# ## Other questions

# %% tags=["hide-input", "hide-output"]
replication_table({OTHER: groups[OTHER]})
