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
# # A task of your own, from a folder of images to a result
#
# *Answers* how your own images become a comparison of two initialisations: two text files and no
# Python. *Needs* nothing: this page invents 96 images; put yours in their place. *Takes* under two
# minutes on two idle cores: `rin run notebooks/use/own_task.py`.

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
from IPython.display import Markdown
from PIL import Image

from rin.data.manifest import load_manifest
from rin.data.status import verify_dataset
from rin.explain.gradcam import to_uint8
from rin.files import manifest_folder
from rin.report.format import format_estimate
from rin.report.maps import image_row
from rin.report.page import claim, picture
from rin.report.style import use_style
from rin.stats import init_differences, scenario_aucs
from rin.study import open_study, run_pretraining
from rin.study.fine_tuning import run_missing
from rin.study.plan import plan_study

use_style()

# %% [markdown]
# ## The images
#
# A folder of images, a folder of outlines, and one table that says what they are. The “lesions” are
# bright discs, in malignant cases larger. One image is planted twice, under two patients.

# %%
work = Path(mkdtemp())
rng = np.random.default_rng(0)
folder = work / "images" / "hospital_us"
for name in ("pictures", "outlines"):
    (folder / name).mkdir(parents=True)
rows = []
for patient in range(48):
    malignant = patient >= 24
    for number in (1, 2):
        x, y = np.mgrid[:64, :64] - rng.integers(20, 44, (2, 1, 1))
        disc = x**2 + y**2 < (14 if malignant else 7) ** 2
        speckle = rng.integers(0, 140, (64, 64)) + 90 * disc
        name = f"p{patient:02d}_{number}.png"
        Image.fromarray(speckle.astype("uint8")).save(
            folder / "pictures" / name
        )
        outline = Image.fromarray((255 * disc).astype("uint8"))
        outline.save(folder / "outlines" / name)
        rows.append((name, patient, "malignant" if malignant else "benign"))
shutil.copy(folder / "pictures/p30_1.png", folder / "pictures/p40_1.png")
table = pd.DataFrame(rows, columns=["File", "Patient", "Finding"])
table.to_csv(folder / "cases.csv", index=False)

# %% [markdown]
# ## The manifest
#
# It says what the images are. In a checkout, copy the manifest nearest to yours to
# `data_manifests/hospital_us.yaml` and change it; here a copy of that folder takes the new file.

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
masks: true
layout: table
options: {table: cases.csv, images: pictures, image: File, label: Finding,
          patient: Patient, masks: outlines, mask: File}
locations: [hospital_us]
independence: patient
near_duplicate_bits: 8
label_map: {benign: benign, malignant: malignant}
counts: {images: {benign: 48, malignant: 48}}
tasks:
  - {name: hospital, title: Benign and malignant lesions, n_folds: 5,
     positive_class: malignant}
"""
shutil.copytree(manifest_folder(), work / "manifests")
(work / "manifests" / "hospital_us.yaml").write_text(manifest)
os.environ["RIN_MANIFESTS"] = str(work / "manifests")  # not in a checkout

# %% [markdown]
# `options` name the columns, CSV or parquet; a name may be a template such as
# `"{Study}_{View}.png"`. `label_map` names every class; `null` leaves one out. `counts` is checked;
# omit it and the check is skipped. `near_duplicate_bits` says how alike two images may be, in bits
# of 256, before they must stay in one part. Is the folder whole? This is `rin data verify`:

# %%
entry = load_manifest("hospital_us")
index = work / "results" / "index"
checked = verify_dataset(entry, work / "images", index_folder=index)
claim("nothing is wrong", checked.readable == 96 and not checked.problems)
checked.counts[["found", "expected"]]

# %% [markdown]
# ## The profile
#
# It says how much to compute. Copy one of `notebooks/profiles/` and list the task. With the
# released weights under `DATA_ROOT/weights`, write `inits: [radimagenet, imagenet]` and leave out
# everything from `pretraining` on.

# %%
settings = """
name: hospital
about: Our breast ultrasound, matched pretraining, one fold.
tasks: [hospital]
inits: [radiologic, photographic]
backbones: [ResNet50]
folds: 1
fine_tuning: {size: 48, batch: 16, epochs: 3, batch_norm_momentum: 0.9}
pretraining:
  corpora: {radiologic: corpus_radiologic, photographic: corpus_photographic}
  cases: 96
  size: 32
  batch: 16
  epochs: 1
  preprocessing: {radiologic: radimagenet, photographic: imagenet}
  batch_norm_momentum: 0.6
stand_ins:
  corpus_radiologic: {class_count: 4, per_class: 20}
  corpus_photographic: {class_count: 4, per_class: 20}
"""
(work / "hospital.yaml").write_text(settings)
study = open_study(
    work / "hospital.yaml", data_root=work / "images", results=work / "results"
)

# %% [markdown]
# ## The split
#
# Every image is decoded once, repeated images are found, and patients are divided: 75, 10 and 15%,
# as near as whole groups allow.

# %%
inputs = study.inputs("hospital")
cases = inputs.folds.merge(inputs.store.cases, on="case_id")
part_of = cases.set_index("case_id")["part"]
copies = inputs.pairs.iloc[0]
claim("one planted copy is found", len(inputs.pairs) == 1)
claim(
    "both copies are in one part",
    part_of[copies["case_a"]] == part_of[copies["case_b"]],
)
pd.crosstab(cases["part"], cases["label"])

# %% [markdown]
# ## Train
#
# Two scenarios, frozen with two learning rates, from both initialisations: four runs that share one
# compiled step. `rin study --profile hospital` trains all that a profile asks for.

# %%
run_pretraining(study)
scenarios = ("ResNet50-freeze_all-1e-02", "ResNet50-freeze_all-1e-03")
chosen = [
    run
    for run in plan_study(study, "main", "hospital")
    if run.scenario.name in scenarios
]
run_missing(study, chosen)
columns = [(run.run_id, run.columns) for run in chosen]
scored = study.runs.tables(columns, "predictions.parquet")
predictions = scored[scored["part"] == "test"]
scenario_aucs(predictions).pivot(index="scenario", columns="init", values="auc")

# %% [markdown]
# ## The result
#
# The mean difference over scenarios, with patients as the units:

# %%
differences = init_differences(predictions, "radiologic", "photographic")
differences[["group", "auc_a", "auc_b", "estimate", "ci_low", "ci_high"]]

# %% tags=["hide-input"]
overall = differences.set_index("group").loc["all"]
Markdown(f"""
On these invented images, radiologic minus photographic is
**{format_estimate(overall, unit="points")}** AUC points over
{overall["n_patients"]:.0f} test patients. It means nothing; on yours, it is the
result.
""")

# %%
run = chosen[0]
test = inputs.store.cases["case_id"].map(part_of).to_numpy() == "test"
maps = np.load(study.runs.path(run.run_id) / "cams.npy")[:1, ..., 1]
row = np.flatnonzero(test)[0]
axes = image_row(
    [inputs.store.images()[row], to_uint8(maps, inputs.store.size)[0]],
    [inputs.store.cases["case_id"][row], "map of “malignant”"],
    [inputs.store.masks()[row]] * 2,
)
picture(axes, "One test image with its outline, and its map", width="20rem")

# %%
del os.environ["RIN_MANIFESTS"]
shutil.rmtree(work)

# %% [markdown]
# ## Your images
#
# ```console
# rin data verify hospital_us --data-root /path/to/images
# make book PROFILE=hospital DATA_ROOT=/path/to/images
# ```
#
# The table of contents follows from the tasks of the profile: with `tasks: [breast, hospital]` the
# book has a page for both. A second dataset with the same labels, from another hospital, gets a
# manifest of its own; its name under `external` of the task, and `external: true` in the profile,
# have every run score it as well, and none is trained on it. A column that `keep: {scanner:
# Scanner}` keeps can be studied as a confounder (`factors: confounder: sampled` of a profile).
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
