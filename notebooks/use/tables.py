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
# # Tables

# %% tags=["hide-input"]
from rin.report.format import book_table
from rin.tables import SCHEMAS, described


def columns_of(name):
    """The columns of a table: name, type, unit and meaning."""
    table = described(SCHEMAS[name])
    optional = table.pop("always").map({True: "", False: " (optional)"})
    table["meaning"] += optional
    return book_table(table, SCHEMAS[name].description, prose=True)


# %% [markdown]
# Between its packages this book passes tidy tables. These are their columns; the same schemas
# check every table that enters a statistic, and an error names the column that does not fit.
#
# ## Cases of a dataset

# %%
columns_of("Cases")

# %% [markdown]
# ## Predictions
#
# `rin.stats.init_differences` and its neighbours take this table: your own scores in these columns
# are enough to use them.

# %%
columns_of("Predictions")

# %% [markdown]
# ## Differences

# %%
columns_of("Differences")

# %% [markdown]
# ## Overlap of maps with lesions

# %%
columns_of("Overlap")

# %% [markdown]
# ## Records of runs

# %%
columns_of("RunRecords")

# %% [markdown]
# ## Pretrained networks

# %%
columns_of("Pretrained")

# %% [markdown]
# ## Run this page
#
# `rin run notebooks/use/tables.py`, or `jupytext --to ipynb notebooks/use/tables.py` and then
# papermill. It takes seconds and needs no images.
