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
# # Discrepancies, and what readers asked
#
# *Answers* where the paper, its authors' files and the public data contradict one another, and what
# readers asked about it. *Needs* nothing. *Takes* a quarter of a minute:
# `rin run notebooks/evidence/discrepancies.py`.

# %% tags=["parameters", "remove-input"]
# rin is the package of this checkout: pip install -e '.[study,book,cpu]' there
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% jupyter={"source_hidden": true} tags=["hide-input"]
import pandas as pd
from IPython.display import Markdown

from rin.evidence import paper
from rin.evidence.discrepancies import CHANGES, KINDS, ledger
from rin.report.banner import banner
from rin.report.format import book_table
from rin.report.heat import heat
from rin.report.page import claim, picture
from rin.report.published import folded_entries
from rin.report.style import UNFREEZING_LABEL, use_style
from rin.stats import init_differences
from rin.study import open_runs

use_style()

# %%
entries = ledger()
entries["computed"] = entries["compared"].map(bool)
groups = dict(list(entries.groupby("changes")))

# %% jupyter={"source_hidden": true} tags=["hide-input"]
status = entries["status"].value_counts()
IMPORTANT = ["zero-and-p", "imagenet-inputs", "breast-one-network",
             "thyroid-independence", "covid-slices"]  # fmt: skip
weighty = groups["conclusions"]
claim("every entry has something to say", bool(entries["disagree"].all()))
claim("the named entries are weighty", set(IMPORTANT) <= set(weighty["id"]))
Markdown(f"""
Of {len(entries)} inconsistencies, {len(weighty)} may change a conclusion of
the paper, {len(groups["reading"])} change how a number is read,
{len(groups["repetition"])} matter for repeating the study and
{len(groups["nothing"])} change nothing. {status["open"]} are open: nothing
public shows which side is right.

Four matter most for a reader of the results: <a href="#zero-and-p">intervals
that include zero beside P < .001</a>, <a href="#imagenet-inputs">inputs that
do not fit the ImageNet weights</a>, <a href="#breast-one-network">one breast
network that is trained through all folds</a>, and images of one patient
treated as independent (<a href="#thyroid-independence">thyroid</a>, <a
href="#covid-slices">COVID-19</a>).
""")

# %%
counts = entries.pivot_table(
    index="kind", columns="changes", values="id", aggfunc="count", fill_value=0
)
counts = counts.loc[list(KINDS), list(CHANGES)].rename(columns=str.capitalize)
counts["Computed"] = entries.groupby("kind")["computed"].sum()
counts["Open"] = entries["status"].eq("open").groupby(entries["kind"]).sum()
counts = counts.rename(index=KINDS)
book_table(
    counts.rename_axis("Between whom").rename_axis("", axis=1),
    "Inconsistencies by who disagrees and what it changes",
    prose=True,
)

# %% [markdown]
# An entry states that two sources disagree, not why. Numbers come
# from the paper {cite:p}`mei2022`, from its authors' scripts and lists, and from
# the dataset manifests, not from images or networks. *Computed*: the numbers are
# compared whenever this page is built, and the build fails when they no longer
# differ. Unfold a line to see the sources, what a reader should make of it, and
# how this book handles it.
#
# ## What may change a conclusion

# %%
folded_entries(groups["conclusions"])

# %% [markdown]
# ## What changes how a number is read

# %%
folded_entries(groups["reading"])

# %% [markdown]
# ## What matters for repeating the study

# %%
folded_entries(groups["repetition"])

# %% [markdown]
# ## What changes nothing

# %% jupyter={"outputs_hidden": true} tags=["hide-output"]
trivial = groups["nothing"]
sides = trivial["says"].map(
    lambda pairs: "; ".join(f"{at}: {said}" for at, said in pairs)
)
table = pd.DataFrame(
    {"What": trivial["title"], "Sources": sides, "Finding": trivial["finding"]}
).reset_index(drop=True)
book_table(table, "Slips and differences of wording", prose=True)

# %% [markdown]
# ## What readers asked
#
# The authors keep a tracker of questions; a commentary appeared with the paper
# (Alexandre Cadrin-Chênevert, “Moving from ImageNet to RadImageNet for Improved
# Transfer Learning and Generalizability”).
#
# **Are there duplicates and blank images?** A user reported files under two labels
# and one blank picture that occurs many times
# ([tracker](https://github.com/BMEII-AI/RadImageNet/issues/17)). RadImageNet's
# images are not public, so nothing here counts them.
#
# **Which versions of the public datasets?** The paper names sources, not files
# ([a question to the authors](https://github.com/BMEII-AI/RadImageNet/issues/12)). Every dataset
# of this book has its counts and a digest ([Run it](../use/run_it)).
#
# **Is every patient in one part of a split?** The paper says so. A group found that
# the parts of the released lists of folds overlap, and divided the images again
# {cite:p}`frees2025`; in the first fold of the ACL lists we found no exam in two
# parts. The lists of the pretraining name no patients
# ([tracker](https://github.com/BMEII-AI/RadImageNet/issues/8)), so it cannot be checked
# that the test accuracies are those on new patients.
#
# **How was one grey channel made three, and which scaling do the weights expect?**
# [The probe](../evidence/probe) infers the scaling from a weights file, and [What the inputs alone
# do](../results/inputs) measures the effect of a wrong one
# ([tracker](https://github.com/BMEII-AI/RadImageNet/issues/22)).
#
# **Why does one released network have variances so large that its logits become
# extreme?** No released file has been loaded here
# ([tracker](https://github.com/BMEII-AI/RadImageNet/issues/20)).
#
# **Was an ImageNet network trained for the comparison?** No: public weights were
# used, which were trained on other numbers of images and classes.
#
# **Do the networks generalise better?** The paper tests only on images of the dataset
# used for fine-tuning; the page “Images from another hospital” tests on another one.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
released = pd.DataFrame(paper.RELEASED_ACCURACY.values())
released = released.set_index("backbone")
first, fifth = released["top1"].idxmax(), released["top5"].idxmax()
claim("the two accuracies favour different networks", first != fifth)
Markdown(f"""
**Which of the released networks is the best?** By the authors' test accuracies
of those released {first} has the highest top-1 ({released["top1"].max()}%) and
{fifth} the highest top-5 ({released["top5"].max()}%). Without the
classification layers, which were not released, neither can be checked
([tracker](https://github.com/BMEII-AI/RadImageNet/issues/6)).
""")

# %% [markdown]
# ## Which layers to train, and which network
#
# The paper says that “unfreezing all layers consistently achieved the best
# performance” and that “Inception-ResNet-v2, ResNet50, and DenseNet121 achieved
# higher performance than Inception V3”, without AUCs by layers or network.
# `init_differences` compares two levels of unfreezing, or two networks, when their
# names are in the column `init`.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
runs = open_runs(profile, data_root=data_root, results=results)
banner(runs)

# %%
scores = runs.predictions(study="main")
by_task = scores.groupby("task")["backbone"]
of_pretraining = scores.groupby(["task", "pretraining"])["backbone"]
# Backbones are compared at the first pretraining that all of them have.
whole = of_pretraining.transform("nunique") == by_task.transform("nunique")
scores = scores[whole]
shared = scores.groupby("task")["pretraining"].transform("min")
scores = scores[scores["pretraining"] == shared]
rates = scores.groupby("unfreezing")["learning_rate"].rank("dense").astype(str)


def compared(column, level, other):
    """Compare two levels of a column, averaged over everything else."""
    names = sorted({"backbone", "unfreezing", "init"} - {column})
    rest = scores[names[0]] + " " + scores[names[1]] + " " + rates
    relabelled = scores.assign(
        init=scores[column], scenario=rest, unfreezing="any"
    )
    table = init_differences(relabelled, level, other)
    level, other = (
        UNFREEZING_LABEL.get(value, value) for value in (level, other)
    )
    return table[table["group"] == "all"].assign(label=f"{level} − {other}")


# %%
backbones = sorted(scores["backbone"].unique())
weakest = "InceptionV3" if "InceptionV3" in backbones else backbones[-1]
contrasts = [
    ("unfreezing", "unfreeze_all", "unfreeze_top10"),
    ("unfreezing", "unfreeze_all", "freeze_all"),
    *(("backbone", name, weakest) for name in backbones if name != weakest),
]
levels = pd.concat(compared(*contrast) for contrast in contrasts)

# %%
titles = {task: title.partition(",")[0] for task, title in runs.titles.items()}
cells = levels.assign(
    clear=levels["p_holm"] < 0.05,
    task=levels["task"].map(titles),
).pivot(index="label", columns="task")
cells = cells.loc[levels["label"].unique()]
order = [titles[task] for task in runs.tasks]
ax = heat(cells["estimate"][order], clear=cells["clear"])
picture(ax, "Differences by layers trained and by network, for each task")

# %% [markdown]
# AUC points, first minus second (purple where the first is higher), for the networks of
# the first pretraining on new patients; * P < .05 after Holm's adjustment.
# “Consistently” would require a positive number with a star on every task in the two
# upper rows; the second sentence would require it in all rows below.
