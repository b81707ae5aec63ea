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
# # Discrepancies, and what readers asked
#
# *Answers* where the paper, its authors' files and the public data contradict one another, and what
# readers asked about it. *Needs* nothing. *Takes* a quarter of a minute:
# `rin run notebooks/evidence/discrepancies.py`.

# %% tags=["parameters", "remove-input"]
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]
from html import escape

import pandas as pd
from IPython.display import HTML, Markdown

from rin.evidence import paper
from rin.evidence.discrepancies import (
    KINDS,
    ledger,
)
from rin.report.banner import banner
from rin.report.format import book_table
from rin.report.heat import heat
from rin.report.page import claim, picture
from rin.report.style import UNFREEZING_LABEL, use_style
from rin.stats import init_differences
from rin.study import open_runs

use_style()

# %%
entries = ledger()
entries["computed"] = entries["compared"].map(bool)

# %% tags=["hide-input"]
status = entries["status"].value_counts()
IMPORTANT = ["zero-and-p", "imagenet-inputs", "thyroid-independence",
             "covid-slices", "four-preprocessings"]  # fmt: skip
claim("every entry has something to say", bool(entries["disagree"].all()))
claim("the named entries exist", set(IMPORTANT) <= set(entries["id"]))
Markdown(f"""
{len(entries)} contradictions are listed. {status["open"]} are open: nothing
public shows which side is right. The other {status["explained"]} are explained
by the files. {entries["computed"].sum()} are computed: their numbers are
compared whenever this page is built, and the build fails when an entry no
longer differs.

Five matter most for a reader of the results: <a href="#zero-and-p">intervals
that include zero beside P < .001</a>, <a href="#imagenet-inputs">inputs that
do not fit the ImageNet weights</a>, images of one patient treated as
independent (<a href="#thyroid-independence">thyroid</a>, <a
href="#covid-slices">COVID-19</a>), and <a href="#four-preprocessings">four
statements of how to prepare inputs</a> for RadImageNet weights.
""")

# %%
counts = pd.DataFrame(
    {
        "Entries": entries.groupby("kind").size(),
        "Computed": entries.groupby("kind")["computed"].sum(),
        "Open": (entries["status"] == "open").groupby(entries["kind"]).sum(),
    }
).loc[list(KINDS)]
counts = counts.rename(index=KINDS).rename_axis("Kind")
book_table(counts, "Entries by kind", prose=True)

# %% [markdown]
# An entry states that two sources disagree, not why. Numbers come
# from the paper {cite:p}`mei2022`, from its authors' scripts and lists, and from
# the dataset manifests, not from images or networks. Unfold a line to see the
# sources, what the contradiction means for a reader, and how this book handles it.
#
# ## Within the paper


# %%
def unfold(kind):
    lines = []
    for row in entries[entries["kind"] == kind].itertuples():
        said = "".join(
            f"<li><b>{escape(place)}</b>: {escape(text)}</li>"
            for place, text in row.says
        )
        changes, handling = escape(row.consequence), escape(row.handling)
        lines.append(
            f'<details id="{row.id}" style="margin:0.5em 0"><summary>'
            f"<b>{escape(row.title)}</b> ({row.status}). {escape(row.finding)}"
            '</summary><div style="margin:0.3em 0 0.9em 1.2em;'
            f'overflow-wrap:anywhere"><ul>{said}</ul><p>'
            f"<b>What it changes.</b> {changes} "
            f"<b>In this book.</b> {handling}</p></div></details>"
        )
    return HTML("".join(lines))


unfold("paper")

# %% [markdown]
# ## Between the paper and its authors' scripts, README and preprint

# %%
unfold("authors")

# %% [markdown]
# ## Between the paper and the public data

# %%
unfold("data")

# %% [markdown]
# ## Between distributors of the weights

# %%
unfold("distributors")

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

# %% tags=["hide-input"]
released = pd.DataFrame(paper.RELEASED_ACCURACY.values())
released = released.set_index("backbone")
first, fifth = released["top1"].idxmax(), released["top5"].idxmax()
claim("the two accuracies favour different networks", first != fifth)
Markdown(f"""
**Which of the released networks is the best?** By the authors' test accuracies
{first} has the highest top-1 ({released["top1"].max()}%) and {fifth} the
highest top-5 ({released["top5"].max()}%). Without the classification layers,
which were not released, neither can be checked
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

# %% tags=["hide-input"]
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
