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
# # Where the networks look
#
# *Answers* whether activation maps (Grad-CAM) overlap with the lesions that radiologists
# marked, and with which initialisation they overlap more. *Needs* nothing: it reads finished runs, or
# the reference run. *Takes* about 15 s: `rin run notebooks/results/localisation.py`.

# %% tags=["parameters", "remove-input"]
# rin is the package of this checkout: pip install -e '.[study,book,cpu]' there
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% jupyter={"source_hidden": true} tags=["hide-input"]
from IPython.display import Markdown

from rin import stats
from rin.report import overlap
from rin.report.banner import banner
from rin.study import open_runs

runs = open_runs(profile, data_root=data_root, results=results)
runs = overlap.with_masks(runs)
banner(runs, overlap.marked(runs))

# %% [markdown]
# ## In short

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(overlap.in_short(runs))

# %%
overlap.difference_forest(runs)

# %% [markdown]
# *How to read it.* Figure 5 of the paper reports larger overlap with the lesion for RadImageNet
# networks. Each line is that difference here, by one measure: Dice (twice the pixels in common
# over the pixels of both) with the paper's threshold; Dice with a threshold chosen on other
# patients; and average precision, which needs none. A difference at one threshold only is about
# the threshold, and none means much where maps localise the lesion no better than a region drawn
# without looking at the image. Intervals are over patients and describe the networks of the first
# pretraining.
#
# ## From a map to a number
#
# Each map is that of the predicted class. Negative values are set to zero, and the
# map is scaled to a maximum of 255 and enlarged to the image; pixels above 180
# count as lesion, as in the paper. The scores of an image are averaged over
# scenarios first, and patients are the independent units
# ([Methods](../../methods)).

# %%
a, b = runs.inits
maps = overlap.all_maps(runs)
task = overlap.marked(runs)[0]
of_task = maps[maps["task"] == task]
scores = of_task.groupby("init")[["dice", "dice_best", "average_precision"]]
scores.mean().round(2)

# %%
differences = stats.image_differences(of_task, a, b, list(overlap.MEASURES))
differences[["measure", "estimate", "ci_low", "ci_high"]].round(3)

# %% [markdown]
# ## Figure 5: what the paper shows

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(overlap.published())

# %% [markdown]
# ## Do the maps beat an image-blind region?
#
# Two regions that ignore the image serve as baselines: the whole image, and a
# centred ellipse of the mean size of other patients' lesions. Crops of thyroid
# nodules show the nodule in the middle, so the ellipse is hard to beat there.

# %%
blind = stats.against_baselines(of_task, runs.baselines(task), (a, b), ["dice"])
blind[["init", "mean", "baseline", "baseline_mean"]].round(2)

# %%
overlap.blind_forest(runs)

# %% [markdown]
# ## Does the brightest point hit the lesion?
#
# In the pointing game a map scores a hit if its brightest point is on the lesion or within 6% of
# the image's side from it {cite:p}`zhang2018`. In maps of small images that point is the centre
# of a coarse cell or, for a corner cell, the whole corner beyond it; with 2 × 2 cells it is
# *always* in a corner, where lesions are rare. Hits are therefore compared with a random cell of
# the same grid.

# %%
hits = overlap.hits_of(runs, maps)
overlap.pointing_table(runs, hits)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(overlap.pointing(runs, hits))

# %% [markdown]
# ## Image by image
#
# Each dot is an image: the difference of the initialisations in its mean Dice over
# scenarios, by the lesion's share of the image.

# %%
overlap.dice_by_lesion_size(runs, maps)

# %% [markdown]
# ## Around the lesion
#
# Maps are shifted and scaled so that the box around the lesion covers the central
# square, then averaged over images and scenarios; the figure shows the difference
# of the initialisations. It contains no pixel of an image.

# %%
overlap.difference_maps(runs)

# %% [markdown]
# ## One map on one image
#
# One image of each class, from the runs on this computer: the outline of the lesion, and
# the maps of the best scenario. Within the dashed line a map is above the threshold.
# The reference run holds no image of a patient.

# %%
overlap.examples(runs)

# %% [markdown]
# ## Try it
#
# 1. Keep large lesions. Does the difference survive where the threshold matters least?
#
#    ```python
#    large = of_task[of_task["mask_share"] > of_task["mask_share"].median()]
#    stats.image_differences(large, a, b, ["dice"])[["estimate", "ci_low", "ci_high"]]
#    ```
#
# 2. Keep the finest maps. Watch the mean scores of both sides, not only the difference.
#
#    ```python
#    fine = of_task[of_task["cells"] == of_task["cells"].max()]
#    fine.groupby("init")[["dice", "average_precision"]].mean().round(2)
#    ```
#
# 3. Count images instead of averaging them: how many go either way?
#
#    ```python
#    mean = of_task.groupby(["case_id", "init"])["dice"].mean().unstack()
#    (mean[a] - mean[b]).describe().round(2)
#    ```
