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
# # What readers of the paper asked

# %% tags=["parameters", "remove-input"]
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]
import pandas as pd

from rin.evidence import paper
from rin.report.banner import reference_banner
from rin.report.format import book_table, format_estimate
from rin.report.page import claim, glue_values
from rin.report.style import init_style
from rin.stats import external_scores, factor_effects, init_differences
from rin.study import open_reference

runs = open_reference()
reference_banner(runs.reference)

# %% [markdown]
# A commentary that appeared with the paper, by Alexandre Cadrin-Chênevert, promises “improved
# transfer learning and generalizability” in its title; a reader's summary on the web wonders about
# the shape of images and praises the splits; and the authors' tracker holds the questions of those
# who used the weights. Each stands here with the page or the number that speaks to it, or with the
# statement that nothing here does.
#
# ## About the images
#
# **Does it harm to make every image a square?** All images were resized without regard to their
# shapes. Padding instead of stretching changes the AUC on “{glue:text}`resize_task`” by
# {glue:text}`resize_a` points with the {glue:text}`a` and by {glue:text}`resize_b` with the
# {glue:text}`b` initialisation ([](../results/inputs)). For maps, lesions are stretched with their
# images, so that Dice is measured on the stretched ones.

# %%
scores = runs.predictions(study="resize")
task = scores["task"].iloc[0]
one = scores[scores["task"] == task]
groups = {"all": one["scenario"].unique()}
effects = factor_effects(one, runs.inits, ("stretch", "pad"), groups=groups)
effects = effects[effects["quantity"] == "effect"].set_index("init")

# %% [markdown]
# **Are there duplicates and blank images?** A user reported files that stand under two labels, and
# one blank picture that stands there many times
# ([tracker](https://github.com/BMEII-AI/RadImageNet/issues/17)). Nothing here counts them in
# RadImageNet itself, whose images are not public. The curation of this book finds such pairs by
# hash and by appearance and keeps them on one side of every split.
#
# **Which versions of the public datasets?** The paper names sources, not files
# ([tracker](https://github.com/BMEII-AI/RadImageNet/issues/12)). Every dataset of this book has its
# counts and a digest, and [](../use/data_status) compares the files at hand with both.
#
# ## About the splits
#
# **Is every patient on one side?** The paper says so. A group that used the released lists of folds
# found that training, validation and test parts overlap, and divided the images anew
# {cite:p}`frees2025`. Several thyroid images belong to one patient ([](discrepancies)). Splits here
# are by patient, wherever the files name patients.
#
# **Where is the split of the pretraining?** The lists were shared on request
# ([tracker](https://github.com/BMEII-AI/RadImageNet/issues/8)), without patients, so that nobody
# can check that the test accuracies are of other patients.
#
# ## About the inputs
#
# **How was one gray channel made three, and which scaling do the weights expect?** This was asked
# in the first thread of the tracker and again three years later
# ([tracker](https://github.com/BMEII-AI/RadImageNet/issues/22)), and two releases of one network
# want different inputs. [](probe) tries to tell it from a weights file alone, and
# [](../results/inputs) measures what wrong inputs do.
#
# **Why does one released network have variances so large that half precision overflows?** No
# released file has been loaded here; nothing in this book speaks to it
# ([tracker](https://github.com/BMEII-AI/RadImageNet/issues/20)).
#
# ## About the numbers

# %%
gains = pd.DataFrame(
    [(one.title, one.auc_radimagenet, one.auc_imagenet, one.difference)
     for one in paper.COMPARISONS.values()],
    columns=["task", "radimagenet", "imagenet", "points"],
)  # fmt: skip
gains["relative"] = 100 * (gains["radimagenet"] / gains["imagenet"] - 1)
dice = pd.DataFrame(
    [(one.task, one.caption_radimagenet, one.caption_imagenet, one.gain_percent)
     for one in paper.DICE.values()],
    columns=["task", "radimagenet", "imagenet", "percent"],
).set_index("task")  # fmt: skip
dice["points"] = 100 * (dice["radimagenet"] - dice["imagenet"])
released = pd.DataFrame(
    [
        (one.backbone, one.top1, one.top5)
        for one in paper.RELEASED_ACCURACY.values()
    ],
    columns=["Network", "Top-1, %", "Top-5, %"],
)
book_table(
    released, "Test accuracy of the released networks, as stated", prose=True
)

# %% [markdown]
# **AUC improved by {glue:text}`least:.1f` to {glue:text}`most:.1f` %?** These are points of AUC.
# Relative to ImageNet they would be {glue:text}`relative_least:.1f` to
# {glue:text}`relative_most:.1f` %.
#
# **Dice improved by {glue:text}`thyroid_percent:.1f` and {glue:text}`breast_percent:.1f` %?** These
# are relative: {glue:text}`thyroid_points:.1f` points of Dice on thyroid nodules, where the better
# network reaches {glue:text}`thyroid_dice:.2f`, and {glue:text}`breast_points:.1f` on breast
# lesions. What a region that is drawn without looking at the image scores stands in
# [](../results/localisation).
#
# **Which of the released networks is the best?** The table gives what the authors stated. The
# network with the highest top-1 accuracy is not the one with the highest top-5 accuracy, and
# without the classification layers, which were not released, neither can be checked
# ([tracker](https://github.com/BMEII-AI/RadImageNet/issues/6)).
#
# **Was an ImageNet network trained for the comparison?** No: public weights were taken, which saw
# other numbers of images, classes and epochs. The networks of this book share all of these, and
# still differ in how well they learnt ([](../results/random)).
#
# ## About what follows
#
# **Do the networks generalize better?** Every network of the paper is tested on images of the
# dataset that it was fine-tuned on, so “generalizability” there means other images of the same
# source. Here, networks fine-tuned on breast lesions of one hospital were tested on those of
# another: radiologic less photographic pretraining is {glue:text}`home` points of AUC at home and
# {glue:text}`abroad` on the other hospital's images (“Images from another hospital”).

# %%
(place,) = runs.external("breast")
travelled = {
    "home": runs.predictions(task="breast"),
    "abroad": external_scores(runs.predictions(task="breast", part=place)),
}
for where, found in travelled.items():
    overall = init_differences(found, *runs.inits).set_index("group").loc["all"]
    travelled[where] = overall

# %% [markdown]
# **Do others find the same?** [](replications) pools those who compared like with like.
#
# **Do the maps show more of the lesion?** [](../results/localisation) sets them beside maps that
# know nothing.

# %% tags=["hide-input"]
glue_values(
    resize_task=paper.COMPARISONS[task].title,
    resize_a=format_estimate(effects.loc[runs.inits[0]], unit="points"),
    resize_b=format_estimate(effects.loc[runs.inits[1]], unit="points"),
    home=format_estimate(travelled["home"], unit="points"),
    abroad=format_estimate(travelled["abroad"], unit="points"),
    a=init_style(runs.inits[0]).word,
    b=init_style(runs.inits[1]).word,
    least=gains["points"].min(),
    most=gains["points"].max(),
    relative_least=gains["relative"].min(),
    relative_most=gains["relative"].max(),
    thyroid_percent=dice.loc["thyroid", "percent"],
    breast_percent=dice.loc["breast", "percent"],
    thyroid_points=dice.loc["thyroid", "points"],
    thyroid_dice=dice.loc["thyroid", "radimagenet"],
    breast_points=dice.loc["breast", "points"],
)
rounded = 100 * (gains["radimagenet"] - gains["imagenet"])
claim(
    "the gains in AUC are points", (rounded - gains["points"]).abs().max() < 1.3
)
again = (100 * (dice["radimagenet"] / dice["imagenet"] - 1)).round(1)
claim(
    "the gains in Dice are relative",
    (again - dice["percent"]).abs().max() < 0.5,
)
claim(
    "the best top-1 accuracy is not that of the best top-5 accuracy",
    released["Top-1, %"].idxmax() != released["Top-5, %"].idxmax(),
)

# %% [markdown]
# ## Run this page
#
# `rin run notebooks/evidence/questions.py` takes some seconds.
