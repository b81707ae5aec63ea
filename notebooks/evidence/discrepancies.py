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
# # Discrepancy ledger
#
# *Answers* where the paper, its authors' files and the public data contradict one
# another, and what this book does about it. *Needs* nothing: the entries are in
# `rin/evidence/discrepancies.yaml`, 10 s.
# *Run it*: `rin run notebooks/evidence/discrepancies.py`.

# %% tags=["hide-input"]
from html import escape

import pandas as pd
from IPython.display import HTML, Markdown

from rin.evidence.checks import computed_checks
from rin.evidence.discrepancies import KINDS, ledger
from rin.report.format import book_table
from rin.report.page import claim

# %%
checks = computed_checks()
entries = ledger(checks)
checks["acl-images"]  # its numbers, and whether the two sides still differ

# %% tags=["hide-input"]
status = entries["status"].value_counts()
IMPORTANT = ["zero-and-p", "imagenet-inputs", "thyroid-independence",
             "covid-slices", "four-preprocessings"]  # fmt: skip
claim("every entry has something to say", bool(entries["disagree"].all()))
claim("the named entries exist", set(IMPORTANT) <= set(entries["id"]))
Markdown(f"""
{len(entries)} places disagree. {status["open"]} are open: nothing public says
which side is right. The other {status["explained"]} are explained by the
files. {entries["computed"].sum()} are computed: their numbers are compared
whenever this page is built, and the build fails when an entry no longer
differs.

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
# An entry says that two places disagree, not how that came about. Numbers come
# from the paper {cite:p}`mei2022`, from its authors' scripts and lists, and from
# the dataset manifests, not from images or networks. Unfold a line for the places,
# what it changes for a reader, and how this book handles it.
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
