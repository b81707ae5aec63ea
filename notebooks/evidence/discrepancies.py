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

from rin import stats
from rin.evidence import paper
from rin.evidence.discrepancies import discrepancy_table
from rin.report import evidence_figures, published
from rin.report.banner import banner
from rin.report.page import claim
from rin.study import open_runs

runs = open_runs(profile, data_root=data_root, results=results)
banner(runs)

# %%
entries = discrepancy_table()
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
published.ledger_counts(entries)

# %% [markdown]
# An entry states that two sources disagree, not why; numbers come from the paper
# {cite:p}`mei2022`, its authors' files and the dataset manifests. *Computed*: the
# numbers are compared whenever this page is built. Unfold a line for the finding, the
# sources, what it changes, and how this book handles it.
#
# ## What may change a conclusion

# %%
published.folded_entries(groups["conclusions"])

# %% [markdown]
# ## What changes how a number is read

# %%
published.folded_entries(groups["reading"], findings=False)

# %% [markdown]
# ## What matters for repeating the study

# %%
published.folded_entries(groups["repetition"], findings=False)

# %% [markdown]
# ## What changes nothing

# %% jupyter={"outputs_hidden": true} tags=["hide-output"]
published.slips_table(groups["nothing"])

# %% [markdown]
# ## What readers asked
#
# From the authors' [tracker](https://github.com/BMEII-AI/RadImageNet/issues)
# (numbers: threads) and a commentary on the paper (Alexandre Cadrin-Chênevert, “Moving from ImageNet to
# RadImageNet for Improved Transfer Learning and Generalizability”).
#
# | question | what is known |
# |---|---|
# | Are there duplicates and blank images? ([17](https://github.com/BMEII-AI/RadImageNet/issues/17)) | A user reported files under two labels and a blank picture that occurs many times. The images are not public, so nothing here counts them. |
# | Which versions of the public datasets? ([12](https://github.com/BMEII-AI/RadImageNet/issues/12)) | The paper names sources, not files. Here each has counts and a digest ([Run it](../use/run_it)). |
# | Is every patient in one part of a split? ([8](https://github.com/BMEII-AI/RadImageNet/issues/8)) | The paper says so. One group found that parts of the released folds overlap {cite:p}`frees2025`; in the first fold of the ACL lists we found no exam in two parts. The lists of the pretraining name no patients. |
# | Which scaling do the weights expect? ([22](https://github.com/BMEII-AI/RadImageNet/issues/22)) | [The probe](../evidence/probe) infers it from a file; [What the inputs alone do](../results/inputs) measures a wrong one. |
# | Why has one network extreme variances and logits? ([20](https://github.com/BMEII-AI/RadImageNet/issues/20)) | Not known; no released file has been loaded here. |
# | Was an ImageNet network trained for the comparison? | No: public weights were used, trained on other numbers of images and classes. |
# | Do the networks generalise better? | The paper tests only on the dataset used for fine-tuning; “Images from another hospital” tests on another one. |

# %% jupyter={"source_hidden": true} tags=["hide-input"]
released = pd.DataFrame(paper.RELEASED_ACCURACY.values())
released = released.set_index("backbone")
first, fifth = released["top1"].idxmax(), released["top5"].idxmax()
claim("the two accuracies favour different networks", first != fifth)
Markdown(f"""
**Which released network is the best?**
([6](https://github.com/BMEII-AI/RadImageNet/issues/6)) By the authors' test
accuracies {first} has the highest top-1 ({released["top1"].max()}%) and {fifth}
the highest top-5 ({released["top5"].max()}%). Without the classification
layers, which were not released, neither can be checked.
""")

# %% [markdown]
# ## Which layers to train, and which network
#
# The paper says that “unfreezing all layers consistently achieved the best
# performance” and that “Inception-ResNet-v2, ResNet50, and DenseNet121 achieved
# higher performance than Inception V3”, without AUCs by layers or network.

# %%
scores = runs.predictions(study="main")
levels = stats.compare_levels(scores, reference_backbone="InceptionV3")

# %%
evidence_figures.levels_heat(levels, runs.titles, tested=not runs.stand_ins())

# %% [markdown]
# AUC points, first minus second (purple where the first is higher), for the networks of
# the first pretraining that all backbones have, on new patients; * P < .05 after Holm's
# adjustment. “Consistently” would require a positive number with a star on every task
# in the two upper rows; the second sentence would require it in all rows below.
