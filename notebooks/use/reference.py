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
# # Tables and manifests
#
# *Answers* which columns the tables of this book have, and which settings a dataset's manifest.
# *Needs* nothing. *Takes* seconds: `rin run notebooks/use/reference.py`.

# %% tags=["hide-input"]
import pandas as pd
from IPython.display import Markdown, display

from rin.data.layouts.folders import FolderOptions
from rin.data.layouts.npz import NpzOptions
from rin.data.layouts.table import GivenSplit, TableOptions
from rin.data.manifest import (
    DatasetManifest,
    Download,
    ExpectedCounts,
    TaskManifest,
)
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
# A manifest is one YAML file in `data_manifests/`; `rin new` writes one from a folder of images, and
# an unknown setting is an error. These tables are made from the models that read the files.


# %%
def settings_of(model):
    """Return one row a setting: its name, its values, and its default."""
    rows = []
    for setting, field in model.model_fields.items():
        kind = field.annotation
        values = kind.__name__ if type(kind) is type else str(kind)
        default = field.get_default(call_default_factory=True)
        shown = "needed" if field.is_required() else repr(default)
        rows.append((setting, values.replace("typing.", ""), shown))
    return pd.DataFrame(rows, columns=["Setting", "Values", "Default"])


# %%
MODELS = {
    "A dataset": DatasetManifest,
    "A task of it": TaskManifest,
    "Its counts": ExpectedCounts,
    "What is fetched": Download,
    "Options of the layout table": TableOptions,
    "Its split": GivenSplit,
    "Options of the layout folder_classes": FolderOptions,
    "Options of the layout npz": NpzOptions,
}
for title, model in MODELS.items():
    display(Markdown(f"**{title}.** {' '.join(model.__doc__.split())}"))
    display(book_table(settings_of(model), title, prose=True))
