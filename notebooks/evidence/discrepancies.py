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

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# rin is the package of this checkout: pip install -e '.[study,book]' there
from html import escape

import pandas as pd
from IPython.display import HTML, Markdown

from rin.evidence import paper
from rin.evidence.discrepancies import CHANGES, KINDS, discrepancy_table
from rin.report.format import book_table
from rin.report.page import claim

entries = discrepancy_table()
groups = dict(list(entries.groupby("changes")))
weighty = groups["conclusions"]
is_open = entries["status"] == "open"
GRAVE = ["zero-and-p", "imagenet-inputs", "breast-one-network",
         "thyroid-independence", "covid-slices"]  # fmt: skip
claim("every entry still disagrees", entries["disagree"])
claim("the named entries are weighty", {*GRAVE} <= {*weighty["id"]})
claim("the first two are open", {*GRAVE[:2]} <= {*entries["id"][is_open]})
Markdown(f"""
**Of {len(entries)} inconsistencies between the paper, its authors' files and
the public data, {len(weighty)} may change a conclusion.** Four matter most:
<a href="#zero-and-p">intervals that include zero beside P < .001</a>, <a
href="#imagenet-inputs">inputs that do not fit the ImageNet weights</a>, <a
href="#breast-one-network">one breast network that is trained through all
folds</a>, and images of one patient treated as independent (<a
href="#thyroid-independence">thyroid</a>, <a
href="#covid-slices">COVID-19</a>). {len(groups["reading"])} others change how
a number is read, {len(groups["repetition"])} matter only for repeating the
study, and {len(groups["nothing"])} change nothing. For {is_open.sum()}, the
first two among them, nothing public shows which side is right.
""")

# %% [markdown]
# An entry states that two sources disagree, not why. Numbers come from the paper {cite:p}`mei2022`, its
# authors' files and the dataset manifests; *computed* ones are compared again whenever this page is built.
# Unfold a line for the sources, the consequence, and what this book does.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
counts = pd.crosstab(entries["kind"], entries["changes"])
counts = counts.reindex(index=KINDS, columns=CHANGES).rename(columns=CHANGES)
counts["Computed"] = entries["compared"].groupby(entries["kind"]).sum()
counts["Open"] = is_open.groupby(entries["kind"]).sum()
counts = counts.rename(index=KINDS).rename_axis("Between whom")
book_table(
    counts.rename_axis("", axis=1),
    "Inconsistencies by who disagrees and what they change",
    prose=True,
)


# %% jupyter={"source_hidden": true} tags=["hide-input"]
def details(rows):
    """Return entries that unfold; each has its id, so that pages link to it."""
    texts = []
    for row in rows.map(
        lambda x: escape(x) if isinstance(x, str) else x
    ).itertuples():
        said = "".join(
            f"<li><b>{escape(at)}</b>: {escape(text)}</li>"
            for at, text in row.says
        )
        texts.append(
            f'<details id="{row.id}" style="margin:0.5em 0"><summary>'
            f"<b>{row.title}</b> ({row.status})</summary>"
            f'<div style="margin:0.3em 0 1em 1.2em;overflow-wrap:anywhere">'
            f"<p>{row.finding}</p><ul>{said}</ul>"
            f"<p><b>What it changes.</b> {row.consequence} "
            f"<b>In this book.</b> {row.handling}</p></div></details>"
        )
    return HTML("".join(texts))


# %% [markdown]
# ## What may change a conclusion

# %% jupyter={"source_hidden": true} tags=["hide-input"]
details(groups["conclusions"])

# %% [markdown]
# ## What changes how a number is read

# %% jupyter={"source_hidden": true} tags=["hide-input"]
details(groups["reading"])

# %% [markdown]
# ## What matters for repeating the study

# %% jupyter={"source_hidden": true} tags=["hide-input"]
details(groups["repetition"])

# %% [markdown]
# ## What changes nothing

# %% jupyter={"source_hidden": true} tags=["hide-input"]
details(groups["nothing"])

# %% [markdown]
# ## What readers asked
#
# From the authors' [tracker](https://github.com/BMEII-AI/RadImageNet/issues)
# (numbers: threads) and a commentary on the paper (Alexandre Cadrin-Chênevert, “Moving from ImageNet to
# RadImageNet for Improved Transfer Learning and Generalizability”).
#
# <details><summary>Seven questions, and what is known</summary>
#
# | question | what is known |
# |---|---|
# | Are there duplicates and blank images? ([17](https://github.com/BMEII-AI/RadImageNet/issues/17)) | A user reported files under two labels and a blank picture that occurs many times. The images are not public, so nothing here counts them. |
# | Which versions of the public datasets? ([12](https://github.com/BMEII-AI/RadImageNet/issues/12)) | The paper names sources, not files. Here each has counts and a digest ([Run it](../use/run_it)). |
# | Is every patient in one part of a split? ([8](https://github.com/BMEII-AI/RadImageNet/issues/8)) | The paper says so. One group found that parts of the released folds overlap {cite:p}`frees2025`; in the first fold of the ACL lists we found no exam in two parts. The lists of the pretraining name no patients. |
# | Which scaling do the weights expect? ([18](https://github.com/BMEII-AI/RadImageNet/issues/18)) | [What the inputs alone do](../results/inputs) shows how a file tells, on files made here, and measures a wrong one. |
# | Why has one network extreme variances and logits? ([20](https://github.com/BMEII-AI/RadImageNet/issues/20)) | Not known; no released file has been loaded here. |
# | Was an ImageNet network trained for the comparison? | No: public weights were used, trained on other numbers of images and classes. |
# | Do the networks generalise better? | The paper tests only on the dataset used for fine-tuning; [Images from another hospital](../results/external) tests on images of another one. |
#
# </details>

# %% jupyter={"source_hidden": true} tags=["hide-input"]
released = pd.DataFrame(map(vars, paper.RELEASED_ACCURACY.values()))
released = released.set_index("name")
first = released["top1"].idxmax()
fifth = released["top5"].idxmax()
claim("the two accuracies favour different networks", first != fifth)
Markdown(f"""
**Which released network is the best?**
By the authors' test
accuracies {first} has the highest top-1 ({released["top1"].max()}%) and
{fifth} the highest top-5 ({released["top5"].max()}%). Without the
classification layers, which were not released, neither can be checked.
""")

# %% [markdown]
# This page: `rin run notebooks/evidence/discrepancies.py`.
