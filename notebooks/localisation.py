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
# # Where the networks look, in every task with marked lesions
#
# **What this page answers.** Do class activation maps from the radiologic start overlap better with
# the lesions that radiologists marked, and does either beat looking at no image? The counterpart of
# the paper's Figure 5.
#
# | | |
# |---|---|
# | command | `make book`, after which this page alone re-runs in seconds |
# | time and memory | under a minute and 2 GB on a laptop; the maps were recorded while predicting |
# | expected | low overlap from either start, often below that of an ellipse in the middle |

# %% tags=["parameters", "hide-input"]
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty for stand-ins
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]
from IPython.display import Markdown, display

from rin import paper
from rin.report.figures import use_style
from rin.report.figures_across import localisation_rows
from rin.report.glued import glue_values
from rin.report.localisation import localisations
from rin.report.localisation_readings import baselines_reading
from rin.report.localisation_tables import against_table, dice_scoreboard, measures_table
from rin.report.provenance import study_banner
from rin.report.readings_across import overlap_reading
from rin.report.scoreboard import board
from rin.report.tables import book_table
from rin.study import open_study, task_inputs

use_style()
study = open_study(profile, data_root=data_root, results=results)
inputs = {task: task_inputs(study, task) for task in study.profile.tasks}
found = localisations(study, inputs)

# %% tags=["remove-input"]
study_banner(study, {one.task: inputs[one.task] for one in found} or inputs)

# %% tags=["hide-input"]
glue_values(
    n_marked=len(found),
    n_published=len(paper.DICE),
    n_beyond=sum(one.published is None for one in found),
    threshold=paper.SETTINGS["gradcam_threshold"].value,
)

# %% [markdown]
# The map of the predicted class is kept where positive, scaled so that its maximum is 255, and
# enlarged to the image. Gray levels above {glue:text}`threshold`, the paper's threshold, count as
# lesion. Number of tasks run here whose images have marked lesions: {glue:text}`n_marked`. The
# paper states Dice scores for {glue:text}`n_published` tasks; of those run here,
# {glue:text}`n_beyond` have markings that the paper did not use. Where a box marks the lesion, the
# score has a ceiling: an ellipse that just fills its box scores 0.88 against it.
# Images without a lesion enter no score here; the page of each task says what the maps do in them.
#
# ## Examples and Dice scores
#
# Each row shows a test case of each class that has a lesion, cases that both starts call rightly
# first, in the scenario with the most right calls. Cyan is the marked lesion, the dashed white line
# the region above the threshold. Bars are means over scenarios with their SD. The two baselines
# look at no image: an ellipse of the size of other patients' lesions in the middle, and the whole
# image.

# %% tags=["hide-input"]
display(*localisation_rows(found))

# %% tags=["remove-input"]
overlap_reading(found)

# %% [markdown]
# ## Other measures
#
# Dice depends on the threshold; the pointing game and the average precision of pixels need none.
# Differences are over images, each averaged over scenarios first, with patients as the independent
# units.

# %% tags=["hide-input"]
for one in found:
    caption = f"{one.title}: mean ± SD over scenarios"
    display(book_table(measures_table(one), caption, prose=True))

# %% [markdown]
# ## Does either start beat looking at nothing?
#
# Each start stands beside the best of the pictures that no image has a say in: the whole image, the
# centred ellipse and, for the pointing game, the centre point. "Above" and "below" stand where the
# whole interval does.

# %% tags=["hide-input"]
for one in found:
    caption = f"{one.title}: each start against the best baseline"
    display(book_table(against_table(one), caption, prose=True))

# %% tags=["remove-input"]
display(Markdown(baselines_reading(found)))

# %% [markdown]
# ## Published beside recomputed

# %% tags=["hide-input"]
board(
    dice_scoreboard(found, study.profile.inits[:2]),
    "Dice scores: published and recomputed (mean ± SD over scenarios)",
)

# %% [markdown]
# P values of this table pair images, each averaged over scenarios first, as published; the pages of
# the tasks set four other analyses beside it. Published scores come from the released weights and
# larger images, recomputed ones from what the banner names.
