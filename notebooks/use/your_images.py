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
# # Your images
#
# *Answers* how your own images become a comparison of two initialisations, without Python or YAML.
# *Needs* nothing: this page draws 48 images; put yours in their place. *Takes* seconds:
# `rin run notebooks/use/your_images.py`.

# %% tags=["parameters", "remove-input"]
# rin is the package of this checkout: pip install -e '.[study,book]' there
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% jupyter={"source_hidden": true} tags=["hide-input"]
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from PIL import Image

from rin.report.page import claim
from rin.study.contract import Stated, new_task
from rin.study.forecast import Pace

# %% [markdown]
# ## Three lines
#
# ```console
# rin new lesions --images FOLDER --positive malignant
# make study PROFILE=lesions DATA_ROOT=FOLDER/..
# make book PROFILE=lesions DATA_ROOT=FOLDER/..
# ```
#
# The first line checks everything and writes two files, the second trains, the third makes a book of
# this task. `FOLDER` has one of three forms, which are those that the field uses:
#
# | form | what it is |
# |---|---|
# | a folder a class | `FOLDER/CLASS/x.png`, or with given parts `FOLDER/train/CLASS/x.png`, `val`, `test` |
# | a table | `metadata.csv` (`.parquet`, `.jsonl`, `.xlsx`) in `FOLDER`, or one in each of `train`, `val` and `test`, as in Hugging Face's `imagefolder` |
# | an archive of MedMNIST | `--images breastmnist_64.npz` |
#
# The table has a row a picture. Its columns are `file_name`, which begins at the folder of the table,
# `label`, `patient`, and if there are any `mask` and `split`; other names are told by `--label`,
# `--patient`, `--mask` and `--split`. The text is UTF-8, with commas:

# %%
rng = np.random.default_rng(0)
work = TemporaryDirectory()
folder = Path(work.name)
rows = []
for patient in range(24):
    for number in (1, 2):
        name = f"p{patient:02d}_{number}.png"
        x, y = np.mgrid[:64, :64] - rng.integers(20, 44, (2, 1, 1))
        disc = x**2 + y**2 < (14 if patient % 2 else 7) ** 2
        picture = rng.integers(0, 140, (64, 64)) + 90 * disc
        Image.fromarray(picture.astype("uint8")).save(folder / name)
        rows.append(
            (name, "malignant" if patient % 2 else "benign", f"P{patient:02d}")
        )
table = pd.DataFrame(rows, columns=["file_name", "label", "patient"])
table.to_csv(folder / "metadata.csv", index=False)
table.head(3)

# %% [markdown]
# `rin new` prints what it understood in its first three lines, and then what else is to be known:

# %%
made = new_task(
    Stated(
        "lesions", folder, positive=["malignant"], results=folder / "results"
    ),
    measure=lambda: Pace(
        image=0.02, tracing=15
    ),  # of this page; the command measures
)
for what, text in made.facts:
    print(f"{what:16} {text}")
claim(
    "all pictures and patients are found",
    "48 pictures, 24 patients" in made.facts[0][1],
)

# %%
work.cleanup()
