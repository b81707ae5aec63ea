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
#
# *Answers* the questions of a commentary that appeared with the paper (Alexandre
# Cadrin-Chênevert), of a reader's summary on the web, and of the authors' tracker.
# *Needs* nothing: it reads the reference run, in about 10 s.
# *Run it*: `rin run notebooks/evidence/questions.py`.

# %% tags=["hide-input"]
import pandas as pd
from IPython.display import Markdown

from rin.evidence import paper
from rin.report.banner import reference_banner
from rin.report.format import book_table, format_estimate
from rin.report.page import claim
from rin.stats import external_scores, init_differences
from rin.study import open_reference

runs = open_reference()
reference_banner(runs.reference)

# %% [markdown]
# ## About the images
#
# **Does squashing images to squares do harm?** [](../results/inputs) compares
# padding with stretching. For maps, lesions are stretched with their images, so
# that Dice is measured on the stretched ones.
#
# **Are there duplicates and blank images?** A user reported files under two labels
# and one blank picture that occurs many times
# ([tracker](https://github.com/BMEII-AI/RadImageNet/issues/17)). RadImageNet's
# images are not public, so nothing here counts them. The curation of this book
# finds such pairs by hash and by appearance and keeps them on one side of a split.
#
# **Which versions of the public datasets?** The paper names sources, not files
# ([tracker](https://github.com/BMEII-AI/RadImageNet/issues/12)). Every dataset of
# this book has its counts and a digest ([](../use/data_status)).
#
# ## About the splits
#
# **Is every patient on one side?** The paper says so. A group that used the
# released lists of folds found that training, validation and test parts overlap,
# and divided the images again {cite:p}`frees2025`. Several thyroid images belong
# to one patient ([](discrepancies)). Splits here are by patient, wherever the files
# name patients.
#
# **Where is the split of the pretraining?** The lists were shared on request
# ([tracker](https://github.com/BMEII-AI/RadImageNet/issues/8)), without patients,
# so nobody can check that the test accuracies are of new patients.
#
# ## About the inputs
#
# **How was one grey channel made three, and which scaling do the weights expect?**
# This was asked in the first thread of the tracker and again three years later
# ([tracker](https://github.com/BMEII-AI/RadImageNet/issues/22)), and two releases
# of one network want different inputs. [](../evidence/probe) reads it from a weights file, and
# [](../results/inputs) measures what wrong inputs do.
#
# **Why does one released network have variances so large that half precision
# overflows?** No released file has been loaded here
# ([tracker](https://github.com/BMEII-AI/RadImageNet/issues/20)).
#
# ## About the numbers
#
# **AUC improved by 0.9 to 9.4%, Dice by 64.6%?** The first are points of AUC, the
# second are relative ([](audit)).
#
# **Which of the released networks is the best?**

# %%
released = pd.DataFrame(
    [
        (one.backbone, one.top1, one.top5)
        for one in paper.RELEASED_ACCURACY.values()
    ],
    columns=["Network", "Top-1, %", "Top-5, %"],
)
book_table(released.astype(str), "Test accuracy as the authors state it")

# %% tags=["hide-input"]
first = released.set_index("Network")["Top-1, %"].idxmax()
fifth = released.set_index("Network")["Top-5, %"].idxmax()
claim("the two accuracies favour different networks", first != fifth)
Markdown(f"""
{first} has the highest top-1 and {fifth} the highest top-5 accuracy. Without
the classification layers, which were not released, neither can be checked
([tracker](https://github.com/BMEII-AI/RadImageNet/issues/6)).
""")

# %% [markdown]
# **Was an ImageNet network trained for the comparison?** No: public weights were
# taken, which saw other numbers of images, classes and epochs. The networks of this
# book share these, and still differ in how well they learnt
# ([](../results/random)).
#
# ## About what follows
#
# **Do the networks generalise better?** Every network of the paper is tested on
# images of the dataset that it was fine-tuned on. Here, networks fine-tuned on
# breast lesions of one hospital were also tested on those of another.

# %%
(place,) = runs.external("breast")
tests = {
    "internal": runs.predictions(task="breast"),
    "external": external_scores(runs.predictions(task="breast", part=place)),
}
differences = {
    test: init_differences(scores, *runs.inits).set_index("group").loc["all"]
    for test, scores in tests.items()
}
pd.DataFrame(differences).loc[["estimate", "ci_low", "ci_high"]]

# %% tags=["hide-input"]
Markdown(f"""
Radiologic − photographic is
{format_estimate(differences["internal"], unit="points")} AUC points on the
internal and {format_estimate(differences["external"], unit="points")} on the
external test set (these networks, new patients; see “Images from another
hospital”).
""")

# %% [markdown]
# **Do others find the same?** [](replications) pools comparisons of like with like.
#
# **Do the maps show more of the lesion?** [](../results/localisation) sets them
# beside image-blind baselines.
