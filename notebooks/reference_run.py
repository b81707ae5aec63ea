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
# # Real images: the reference run
#
# **What this page answers.** What does a study on real, open images find, without a stand-in
# anywhere: which start leads, on which task, and how sure is that? Its per-case predictions come
# with the book, so these are findings whatever profile the book is built with.
#
# | | |
# |---|---|
# | command | `make book`; nothing is trained, for the predictions of the run are part of the book |
# | time and memory | under 20 seconds and 1 GB on a laptop; no GPU is used |
# | expected | wide intervals, for the test sets are small; pretraining ahead of random weights |

# %% tags=["parameters", "hide-input"]
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty for stand-ins
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]
from IPython.display import display

from rin.report.figures import use_style
from rin.report.reference_page import (
    areas_section,
    beside_section,
    overlap_section,
    random_section,
    reference_page,
    what_section,
)
from rin.study import open_study

use_style()
page = reference_page(open_study(profile, data_root=data_root, results=results))

# %% tags=["remove-input"]
display(*what_section(page))

# %% [markdown]
# ## How to repeat it
#
# With the datasets in one folder, `rin study --profile open --data-root FOLDER` pretrains,
# fine-tunes and goes on where it was stopped; `rin reference write open --data-root FOLDER` then
# writes the files of this page. It refuses a study with a stand-in or an unfinished run. Networks
# trained on another computer give other scores by floating-point noise, and so other decimals
# here.
#
# ## Mean areas
#
# For each task, the area under the ROC curve, averaged over the scenarios of each start. The
# interval and P are those of the analysis that the page on statistics recommends: the mean
# difference over scenarios, with patients as the independent units {cite:p}`obuchowski1997`; P is
# then adjusted over the tasks by Holm's method.

# %% tags=["hide-input"]
display(*areas_section(page))

# %% [markdown]
# The SD is that over scenarios: it tells how much the choice of scenario matters, and nothing
# about other patients.
#
# ## Published, reference run, this run
#
# Published intervals are as printed. The others compare the weights that are named above, and
# not the released RadImageNet and ImageNet weights: they can agree with the published
# differences or not, and can neither confirm nor refute them.

# %% tags=["hide-input"]
display(*beside_section(page))

# %% [markdown]
# ## Pretraining against random weights
#
# Had pretraining taught nothing, comparing two of them would be idle. Both networks of a row
# scored the same test images, so DeLong's paired test applies {cite:p}`delong1988`.

# %% tags=["hide-input"]
display(*random_section(page))

# %% [markdown]
# ## Where the networks look
#
# Dice of the Grad-CAM map, cut at the paper's threshold, and the marked lesion: the mean over
# test images with a lesion, averaged over scenarios. The first P takes images as independent, as
# the paper does; the interval and the second take patients.

# %% tags=["hide-input"]
display(*overlap_section(page))
