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
import pandas as pd
from IPython.display import Markdown, display

from rin.data.layouts import LAYOUTS
from rin.data.layouts.folders import FolderOptions
from rin.data.layouts.table import GivenSplit, TableOptions
from rin.data.manifest import (
    DatasetManifest,
    Download,
    ExpectedCounts,
    Finding,
    FoldLists,
    PartSource,
    Slices,
    TaskManifest,
)
from rin.evidence.paper import COMPARISONS
from rin.files import settings_of
from rin.report.format import book_table
from rin.tables import SCHEMAS, described

# %% [markdown]
# ## Tables
#
# The same schemas check every table that enters a statistic; an error names the column that does
# not fit. Your own scores in the columns of the predictions are enough for `rin.stats`.

# %%
for name, schema in SCHEMAS.items():
    columns = described(schema)
    optional = columns.pop("always").map({True: "", False: " (optional)"})
    columns["meaning"] += optional
    display(Markdown(f"**{name}**"))
    display(book_table(columns, schema.description, prose=True))

# %% [markdown]
# ## Manifests
#
# A manifest is one YAML file in `data_manifests/`; `rin new` writes one from a folder of images,
# and an unknown setting is an error. These tables are made from the models that read the files:
# values are in the words of JSON Schema (an object is a mapping, an array a list), `{…}` are mappings
# with the names of their settings; an empty default means none.


# %%
MODELS = {
    "A dataset": DatasetManifest,
    "A task of it": TaskManifest,
    "Published folds of a task": FoldLists,
    "Slices of its volumes": Slices,
    "Its counts": ExpectedCounts,
    "What is known of it": Finding,
    "What it was gathered from": PartSource,
    "What is fetched": Download,
    "Options of the layout table": TableOptions,
    "Its split": GivenSplit,
    "Options of the layout folder_classes": FolderOptions,
}
for title, model in MODELS.items():
    display(Markdown(f"**{title}.** {' '.join(model.__doc__.split())}"))
    settings = pd.DataFrame(settings_of(model))
    display(book_table(settings, title, prose=True))

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(
    f"""
**Layouts**: {", ".join(LAYOUTS)}. A folder of your own is `table` or
`folder_classes`; the others are of the datasets that they are called by.

**Published tasks**: {", ".join(COMPARISONS)}.
"""
)
