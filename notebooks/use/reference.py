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
import re
from dataclasses import asdict
from typing import Annotated, Any, Literal, get_args, get_origin

import pandas as pd
from IPython.display import Markdown, display
from pydantic import BaseModel

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
# an unknown setting is an error. These tables are made from the models that read the files:
# `[a, b]` and “list of” are YAML lists, `{…}` are mappings, with the names of their settings or with
# the kind of key and value; an empty default is nothing.


# %%
SIMPLE = {
    str: "text",
    bool: "true or false",
    int: "whole number",
    float: "number",
    re.Pattern: "pattern",
    type(None): "null",
    Any: "any value",
}
LIMITS = {"ge": "at least", "gt": "above", "le": "at most"}


# %%
def in_words(kind):
    """Return the values of a type as one writes them in YAML."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return " / ".join(inner)
    if origin is Annotated:
        rules = [asdict(rule) for rule in getattr(inner[1], "metadata", ())]
        limits = {way: value for rule in rules for way, value in rule.items()}
        said = [
            f"{LIMITS[way]} {limits[way]}" for way in limits if way in LIMITS
        ]
        return in_words(inner[0]) + (f" ({', '.join(said)})" if said else "")
    if origin is tuple and inner[-1] is not Ellipsis:
        return f"[{', '.join(map(in_words, inner))}]"
    if origin in (tuple, list):
        return f"list of {in_words(inner[0])}"
    if origin is dict:
        return f"{{{': '.join(map(in_words, inner))}}}"
    if origin:  # a union
        return " or ".join(map(in_words, inner))
    if kind in SIMPLE:
        return SIMPLE[kind]
    fields = getattr(kind, "model_fields", None) or kind.__dataclass_fields__
    return f"{{{', '.join(fields)}}}"


# %%
def settings_of(model):
    """Return one row a setting: its name, its values, and its default."""
    rows = []
    for setting, field in model.model_fields.items():
        default = field.get_default(call_default_factory=True)
        shown = (
            ", ".join(default)
            if isinstance(default, tuple)
            else str(default).lower()
        )
        if isinstance(default, BaseModel) or default in ({}, None):
            shown = ""
        if field.is_required():
            shown = "needed"
        rows.append((setting, in_words(field.annotation), shown))
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
