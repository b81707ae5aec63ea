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
# # Tables and manifests
#
# *Answers* which columns the tables of this book have, and which settings the manifest of a dataset
# has. *Needs* nothing. *Takes* seconds: `rin run notebooks/use/reference.py`.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# rin is the package of this checkout: pip install -e '.[study,book,cpu]' there
from IPython.display import Markdown, display

from rin.report import schemas

# %% [markdown]
# ## Tables
#
# The same schemas check every table that enters a statistic; an error names the column that does
# not fit. Your own scores in the columns of the predictions are enough for `rin.stats`.

# %%
for name, columns in schemas.column_tables().items():
    display(Markdown(name), columns)

# %% [markdown]
# ## Manifests
#
# A manifest is one YAML file in `data_manifests/`; `rin new` writes one from a folder of images,
# and an unknown setting is an error. These tables are made from the models that read the files:
# values are in the words of JSON Schema (an object is a mapping, an array a list), `{…}` are mappings
# with the names of their settings; an empty default means none.

# %%
for part, settings in schemas.setting_tables().items():
    display(Markdown(part), settings)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(schemas.known_names())
