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
# # How this book was built, and references
#
# *Answers* from which profile, runs, computers and images the numbers of this book come. *Needs*
# the results folder of the book. *Takes* seconds: `rin run notebooks/use/how_built.py`.

# %% tags=["parameters", "remove-input"]
# rin is the package of this checkout: pip install -e '.[study,book,cpu]' there
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% jupyter={"source_hidden": true} tags=["hide-input"]
from IPython.display import Markdown

from rin.report import origins
from rin.study import open_runs

runs = open_runs(profile, data_root=data_root, results=results)

# %% [markdown]
# ## Time
#
# Each finished run leaves a record, `done.json`, in the results folder. The seconds are those of
# the process that trained, without compiling; several processes ran side by side.

# %%
origins.work_table(runs)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(origins.in_words(runs))

# %% [markdown]
# ## Software

# %% jupyter={"outputs_hidden": true} tags=["hide-output"]
origins.versions_table(runs)

# %% [markdown]
# ## Images
#
# A digest covers ids, labels, pixels and masks, so equal digests mean equal images.

# %% jupyter={"outputs_hidden": true} tags=["hide-output"]
origins.images_table(runs)

# %% [markdown]
# ## Profile

# %%
origins.settings(runs)

# %% [markdown]
# ## References
#
# ```{bibliography}
# :cited:
# ```
