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

# %% tags=["hide-input"]
from html import escape

import pandas as pd
from IPython.display import HTML

from rin.evidence.checks import computed_checks
from rin.evidence.discrepancies import KINDS, ledger
from rin.report.format import book_table
from rin.report.page import claim, glue_values


def unfold(entries):
    """Each entry as one line that unfolds to places, consequence and what this book does."""
    lines = []
    for one in entries.itertuples():
        said = "".join(
            f"<li><b>{escape(place)}</b>: {escape(text)}</li>"
            for place, text in one.says
        )
        lines.append(
            f'<details id="{one.id}" style="margin:0.5em 0"><summary><b>{escape(one.title)}</b> '
            f"({one.status}). {escape(one.finding)}</summary>"
            f'<div style="margin:0.3em 0 0.9em 1.2em;overflow-wrap:anywhere"><ul>{said}</ul>'
            f"<p><b>What it changes.</b> {escape(one.consequence)} "
            f"<b>In this book.</b> {escape(one.handling)}</p></div></details>"
        )
    return HTML("".join(lines))


# %% [markdown]
# The paper, its authors' files and the public data contradict one another in
# {glue:text}`n` places. {glue:text}`n_open` are open: nothing public says which side is right. The
# other {glue:text}`n_explained` are explained by the files. {glue:text}`n_computed` are computed:
# their numbers are compared whenever this page is built, and the build fails when an entry has
# nothing left to say.
#
# Five matter most for a reader of the results: <a href="#zero-and-p">intervals that include zero
# beside P < .001</a>, <a href="#imagenet-inputs">inputs that do not fit the ImageNet weights</a>,
# images of one patient treated as independent (<a href="#thyroid-independence">thyroid</a>,
# <a href="#covid-slices">COVID-19</a>), and
# <a href="#four-preprocessings">four statements of how to prepare inputs</a> for RadImageNet
# weights.
#
# ## The ledger in numbers
#
# An entry says that two places do not agree, not how that came about. Numbers come from the paper
# {cite:p}`mei2022`, from its authors' scripts and lists, and from the dataset manifests. No image
# and no network stands behind them.
#
# A computed entry takes its numbers from a check, which returns them, and whether the sides still
# differ.


# %%
checks = computed_checks()
checks["acl-images"]

# %%
entries = ledger(checks)

counts = pd.DataFrame(
    {
        "Entries": entries.groupby("kind").size(),
        "Computed": entries.groupby("kind")["computed"].sum(),
        "Open": (entries["status"] == "open").groupby(entries["kind"]).sum(),
    }
).loc[list(KINDS)]
book_table(
    counts.rename(index=KINDS).rename_axis("Kind"),
    "Entries by kind",
    prose=True,
)

# %% tags=["hide-input"]
claim("every entry still has something to say", bool(entries["disagree"].all()))
important = {"zero-and-p", "imagenet-inputs", "thyroid-independence", "covid-slices",
             "four-preprocessings"}  # fmt: skip
claim("the entries named above are there", important <= set(entries["id"]))
glue_values(
    n=len(entries),
    n_open=int((entries["status"] == "open").sum()),
    n_explained=int((entries["status"] == "explained").sum()),
    n_computed=int(entries["computed"].sum()),
)

# %% [markdown]
# ## Within the paper
#
# Unfold a line for the places, what it changes for a reader, and how this book handles it.

# %%
unfold(entries[entries["kind"] == "paper"])

# %% [markdown]
# ## Between the paper and its authors' scripts, README and preprint

# %%
unfold(entries[entries["kind"] == "authors"])

# %% [markdown]
# ## Between the paper and the public data

# %%
unfold(entries[entries["kind"] == "data"])

# %% [markdown]
# ## Between distributors of the weights

# %%
unfold(entries[entries["kind"] == "distributors"])

# %% [markdown]
# ## Run this page
#
# `rin run notebooks/evidence/discrepancies.py`, or
# `jupytext --to ipynb notebooks/evidence/discrepancies.py` and then papermill. It takes seconds and
# needs no images. Entries stand in `rin/evidence/discrepancies.yaml`.
