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
# Which columns the tables of this book have, and which settings the manifest of a dataset has. Both lists
# are made from the models that check every file, so nothing is left out.
#
# ## Tables
#
# The same schemas check every table that enters a statistic; an error names the column that does not fit.
# Your own scores in the columns of the predictions are enough for `rin.stats`.

# %%
# rin is the package of this checkout: pip install -e '.[study,book]' there
import pandas as pd
from IPython.display import Markdown, display
from pydantic import BaseModel

from rin.report.format import book_table
from rin.tables import SCHEMAS, describe_columns

for name in SCHEMAS:
    columns = describe_columns(SCHEMAS[name])
    always = columns.pop("always").map({True: "", False: " (optional)"})
    columns["meaning"] += always
    display(
        book_table(columns, f"{name}: {SCHEMAS[name].description}", prose=True)
    )

# %% [markdown]
# ## Manifests
#
# A manifest is one YAML file in `data_manifests/`; `rin new` writes one from a folder of images, and an
# unknown setting is an error. Values are in the words of JSON Schema (an object is a mapping, an array a
# list), `{…}` are mappings with the names of their settings; an empty default means none.

# %%
from rin.data import manifest
from rin.data.layouts import LAYOUTS, arrays, folders, table
from rin.evidence import paper
from rin.files import settings_of

models = {
    model.__name__: model
    for module in (manifest, table, folders, arrays)
    for model in vars(module).values()
    if isinstance(model, type)
    and issubclass(model, BaseModel)
    and model.model_fields
}
for title, model in sorted(models.items()):
    settings = pd.DataFrame(settings_of(model))
    says = " ".join(model.__doc__.split()).partition(". ")[0].removesuffix(".")
    display(book_table(settings, f"{title}: {says}", prose=True))

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(f"""
**Layouts**: {", ".join(LAYOUTS)}. A folder of your own is `table`,
`folder_classes` or `npz`; the others are named after their datasets.

**Published tasks**: {", ".join(paper.COMPARISONS)}.
""")

# %% [markdown]
# This page runs in seconds: `rin run notebooks/use/reference.py`.
