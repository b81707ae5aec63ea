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
# # A task of your own

# %% tags=["parameters", "remove-input"]
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]
import os
import shutil
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pandas as pd
from PIL import Image

from rin.data.manifest import load_manifest
from rin.data.status import verify_dataset
from rin.files import manifest_folder
from rin.report.format import book_table
from rin.report.page import claim, glue_values
from rin.study import open_study
from rin.study.plan import sample_confounder
from rin.study.profile import scenarios_of

# %% [markdown]
# A dataset whose files lie in a known layout needs two text files and no Python: a manifest, which
# says what the images are, and a profile, which says how much to compute. This page does it for a
# folder of {glue:text}`n_images` made-up images, up to the point where training would begin
# ({glue:text}`n_runs` runs), and then puts a question of its own to them.
#
# ## The images
#
# Most hospitals have a folder of images and one table that says what they are. One image is planted
# twice, under two patients, to see whether that is noticed.

# %%
work = Path(mkdtemp())
rng = np.random.default_rng(0)
folder = work / "images" / "hospital_us" / "pictures"
folder.mkdir(parents=True)
rows = []
for patient in range(48):
    for number in (1, 2):
        coarse = rng.integers(0, 256, (8, 8), dtype=np.uint8)
        name = f"p{patient:02d}_{number}.png"
        Image.fromarray(coarse).resize((96, 96)).save(folder / name)
        rows.append(
            (
                name,
                patient,
                "malignant" if patient >= 24 else "benign",
                "AB"[patient % 2],
            )
        )
shutil.copy(folder / "p30_1.png", folder / "p40_1.png")
table = pd.DataFrame(rows, columns=["File", "Patient", "Finding", "Scanner"])
table.to_csv(folder.parent / "cases.csv", index=False)
table.head(4)

# %% [markdown]
# ## The manifest
#
# In a checkout, copy the manifest nearest to yours to `data_manifests/hospital_us.yaml` and change
# it. Here a copy of the folder takes the new file, so that nothing of the checkout is touched.

# %%
manifest = r"""
name: hospital_us
title: Breast ultrasound of our hospital
citation: unpublished
home: internal
licence: internal use
access: not public
modality: US
anatomy: breast
layout: table
options:
  table: cases.csv
  images: pictures
  image: File
  label: Finding
  patient: Patient
  keep: {scanner: Scanner}
locations: [hospital_us, hospital_us.zip]
independence: patient
near_duplicate_bits: 8
label_map: {benign: benign, malignant: malignant}
counts:
  images: {benign: 48, malignant: 48}
tasks:
  - name: hospital
    title: Benign and malignant breast lesions at our hospital
    positive_class: malignant
    n_folds: 5
    paper_task: breast
"""
shutil.copytree(manifest_folder(), work / "manifests")
(work / "manifests" / "hospital_us.yaml").write_text(manifest)
os.environ["RIN_MANIFESTS"] = str(
    work / "manifests"
)  # not needed in a checkout

# %% [markdown]
# `options` name the columns, CSV or parquet; `image` may be a template, as `"{Study}_{View}.png"`,
# and `masks` a folder of outlines, with which the task also gets Grad-CAM and localisation. `keep`
# takes further columns along. `label_map` names every class; `null` leaves one out. `counts` is
# what must be there: who leaves it out gives up that check. `paper_task` is the task of the paper
# that yours stands beside; leave it out where there is none. `near_duplicate_bits` says how alike
# two images may be, in bits of 256, before they must stay on one side; leave it empty where every
# patient is known. Each class needs at least twenty groups of images that do not repeat each
# other.
#
# ## Is it whole?
#
# The same as `rin data verify hospital_us`. A wrong count, an unknown file or a broken image would
# be listed as a problem.

# %%
checked = verify_dataset(
    load_manifest("hospital_us"),
    work / "images",
    index_folder=work / "results" / "index",
)
found = checked.counts[["found", "expected"]].reset_index()
found.columns = ["Class", "Images", "Expected"]
book_table(
    found,
    f"{checked.readable} images can be read, {len(checked.problems)} problems",
)

# %% [markdown]
# ## The profile
#
# Copy one of `notebooks/profiles/` and list the task. With the released weights under
# `DATA_ROOT/weights`, name them as `inits: [radimagenet, imagenet]` and leave `pretraining` out.

# %%
settings = """
name: hospital
about: Our breast ultrasound, matched pretraining, one fold.
tasks: [hospital]
inits: [radiologic, photographic]
folds: 1
fine_tuning: {size: 96, batch: 16, epochs: 3, batch_norm_momentum: 0.9}
pretraining:
  corpora: {radiologic: corpus_radiologic, photographic: corpus_photographic}
  size: 75
  batch: 16
  epochs: 4
  preprocessing: {radiologic: radimagenet, photographic: imagenet}
"""
(work / "hospital.yaml").write_text(settings)
study = open_study(
    work / "hospital.yaml", data_root=work / "images", results=work / "results"
)

# %% [markdown]
# ## Repeated images, and the split
#
# Opening the task decodes every image once, finds images that repeat, and divides the patients. A
# group of images on two sides of a split would be an error here, before anything is trained.

# %%
inputs = study.inputs("hospital")
book_table(inputs.pairs, "Images that repeat")

# %%
cases = inputs.folds.merge(inputs.store.cases, on="case_id")
parts = cases.groupby("part").agg(
    Images=("case_id", "size"),
    Patients=("patient_id", "nunique"),
    Malignant=("label", lambda labels: (labels == "malignant").sum()),
)
book_table(
    parts,
    "The split: 75, 10 and 15 % of the patients, as near as whole groups allow",
)

# %%
scenarios = scenarios_of(study.profile.backbones)
n_runs = len(scenarios) * len(study.profile.inits) * study.profile.folds
[scenario.name for scenario in scenarios[:3]], len(scenarios), n_runs

# %% [markdown]
# The planted copy is found, and both of its patients stay in one part.
#
# ## A question of your own: does it learn the scanner?
#
# A study beside the main one is an entry of the profile and a notebook. This entry asks whether a
# network takes the scanner for the disease: a growing share of the cancers of training come from
# scanner B, and all cancers of the test from A.

# %%
entry = """
factors:
  confounder:
    tasks: [hospital]
    scenarios: [ResNet50-unfreeze_all-1e-04]
    shares: [0, 50, 100]
    sampled:
      {task: hospital, column: scanner, groups: [A, B], train: 5, validation: 2, test: 4}
"""
(work / "question.yaml").write_text(
    settings.replace("name: hospital", "name: question") + entry
)
asked = open_study(
    work / "question.yaml", data_root=work / "images", results=work / "results"
)
confounder = asked.profile.factors.confounder

# %%
divided = []
for share in confounder.shares:
    drawn = sample_confounder(
        inputs, confounder.sampled, f"sampled {share}", asked.profile.seed
    )
    divided.append(drawn.folds.assign(share=share))
divided = pd.concat(divided).merge(inputs.dataset.cases, on="case_id")
patients = divided.pivot_table(
    index=["share", "part", "label"], columns="scanner", values="patient_id",
    aggfunc="nunique", fill_value=0,
)  # fmt: skip
book_table(
    patients.reset_index(),
    "Patients by scanner, at each share of confounded cancers",
)

# %% tags=["hide-input"]
repeated = inputs.pairs.iloc[0]
side = cases.set_index("case_id")["part"]
claim("the planted copy is found", len(inputs.pairs) == 1)
claim(
    "both copies lie in one part",
    side[repeated["case_a"]] == side[repeated["case_b"]],
)
claim(
    "no patient stands in two parts",
    cases.groupby("patient_id")["part"].nunique().max() == 1,
)
cancers = patients.xs("malignant", level="label")
claim(
    "at 100 % all cancers of training are of B",
    cancers.loc[(100, "train"), "A"] == 0,
)
copies = divided[divided["case_id"].isin(repeated[["case_a", "case_b"]])]
claim(
    "copies stay together here too",
    copies.groupby("share")["part"].nunique().max() <= 1,
)
claim("in the test none is", cancers.xs("test", level="part")["B"].eq(0).all())
glue_values(n_images=len(cases), n_runs=n_runs)
del os.environ["RIN_MANIFESTS"]
shutil.rmtree(work)

# %% [markdown]
# The notebook is a copy of `notebooks/results/confounders.py`; all that it needs of the study is
#
# ```python
# runs = open_runs("question.yaml", data_root=data_root, results=results)
# scores = runs.predictions(study="confounder")
# for level, of_level in scores.groupby("level"):  # "sampled 0", "sampled 50", "sampled 100"
#     print(level, init_differences(of_level, *runs.inits).set_index("group").loc["all"])
# ```
#
# ## Train
#
# This takes hours rather than seconds:
#
# ```console
# rin data verify hospital_us --data-root /path/to/images
# make book PROFILE=hospital DATA_ROOT=/path/to/images
# ```
#
# The table of contents follows from the profile's tasks: with `tasks: [breast, hospital]` the book
# has a page for both. For a question of another kind, copy the notebook nearest to it, and keep
# its visible lines: `runs.predictions(…)`, a function of `rin.stats`, a figure.
#
# ## Layouts that have a reader
#
# | layout | files | patients from | example |
# |---|---|---|---|
# | `folder_classes` | a folder a class | `patient_pattern` | `kermany_cxr` |
# | `table` | a table and its images | a column, or `patient_pattern` | `busbra` |
# | `busi` | a folder a class, masks beside | each image one | `busi` |
# | `ddti` | images, XML with outlines | the XML | `ddti` |
# | `mrnet` | NumPy volumes, tables | each exam one | `mrnet` |
# | `cc_ccii` | class, patient, scan, slice | the folder | `cc_ccii` |
# | `rsna_…` | DICOM and tables | a list, or headers | `rsna_pneumonia` |
#
# `options` in a manifest are its reader's; the example manifests show them at work.
#
# ## Tested elsewhere
#
# A second dataset with the same labels, from another hospital, gets a manifest of its own. Its name
# under `external` of the task's manifest, and `external: true` in the profile, have every run score
# it as well; none is trained on it. A page then compares both places.
#
# ## Run this page
#
# ```console
# rin run notebooks/use/own_task.py
# ```
#
# With plain tools: `jupytext --to ipynb notebooks/use/own_task.py`, then `papermill
# notebooks/use/own_task.ipynb out.ipynb`. It takes seconds.
