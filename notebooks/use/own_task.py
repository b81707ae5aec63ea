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
# # A task of your own, from a folder of images to a result
#
# *Answers* how your own images become a comparison of two initialisations, without Python or YAML.
# *Needs* nothing: this page invents 96 images; put yours in their place. *Takes* under two minutes
# on two idle cores: `rin run notebooks/use/own_task.py`.

# %% tags=["parameters", "remove-input"]
# rin is the package of this checkout: pip install -e '.[study,book,cpu]' there
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% jupyter={"source_hidden": true} tags=["hide-input"]
import os
import shutil
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pandas as pd
from IPython.display import Markdown
from PIL import Image

from rin import stats
from rin.report import live as shown
from rin.report.format import format_estimate
from rin.report.page import claim
from rin.study import open_runs, run_study
from rin.study.forecast import forecast
from rin.study.new_task import new_task, write_task

sources = shown.settings_folders()

# %% [markdown]
# ## The images
#
# A folder of images, a folder of masks, and one table that says what they are, in the manner of a
# German hospital: separated by semicolons, in Latin-1. The “lesions” are bright discs, in
# malignant cases larger. One image is planted twice, under two patients.

# %%
work = Path(mkdtemp())
rng = np.random.default_rng(0)
folder = work / "hospital"
for kind in ("Bilder", "Masken"):
    (folder / kind).mkdir(parents=True)
rows = []
for patient in range(48):
    malignant = patient >= 24
    for number in (1, 2):
        x, y = np.mgrid[:64, :64] - rng.integers(20, 44, (2, 1, 1))
        disc = x**2 + y**2 < (14 if malignant else 7) ** 2
        speckle = rng.integers(0, 140, (64, 64)) + 90 * disc
        name = f"p{patient:02d}_{number}.png"
        Image.fromarray(speckle.astype("uint8")).save(folder / "Bilder" / name)
        mask = Image.fromarray((255 * disc).astype("uint8"))
        mask.save(folder / "Masken" / name)
        rows.append((name, patient, "bösartig" if malignant else "gutartig"))
shutil.copy(folder / "Bilder/p30_1.png", folder / "Bilder/p40_1.png")
table = pd.DataFrame(rows, columns=["Datei", "Patienten-Nr", "Befund"])
table.to_csv(folder / "Befunde.csv", sep=";", encoding="latin-1", index=False)

# %% [markdown]
# ## One command
#
# ```console
# rin new hospital_us --table hospital/Befunde.csv --images hospital/Bilder \
#     --masks hospital/Masken --minutes 15
# ```
#
# It reads tables of any separator and encoding (CSV, Excel, parquet, JSON), finds the columns by their
# names and contents, opens every image (PNG, JPEG, TIFF, BMP, GIF, NumPy, NIfTI, DICOM), and asks for
# what it cannot guess; names may omit folder and ending. Without a table, each class is a folder:
# `rin new NAME --images FOLDER`, which may be a zip archive. This page calls the function behind
# it with a typical speed; the command measures yours:

# %%
home = Path(mkdtemp())  # not the checkout
others = shutil.ignore_patterns("hospital_us.yaml")
for variable, source in sources.items():
    shutil.copytree(source, home / variable, ignore=others)
    os.environ[variable] = str(home / variable)
made = new_task(
    "hospital_us",
    table=folder / "Befunde.csv",
    images=folder / "Bilder",
    masks=folder / "Masken",
    minutes=2,
    results=home / "results",
    measure=shown.typical_pace,
)
manifest, own_profile = write_task(made)
shown.screen(made, work)

# %% [markdown]
# It also reports what is wrong before anything is trained: rows without images and images without
# rows, a patient with two labels or in two spellings, a misspelt class, a black mask, a broken
# file, one class only, too few patients to divide. Nothing of yours is changed or overwritten.
#
# ## What it wrote
#
# A manifest, which says what the images are, with a comment at each guess:

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(f"```yaml\n{manifest.read_text('utf-8')}```")

# %% [markdown]
# And a profile, which says how much to compute:

# %%
shown.unfolding(own_profile, work)

# %% [markdown]
# With the released weights under `DATA_ROOT/weights` it compares those; with the two corpora of
# this book under `DATA_ROOT` it pretrains on them. Here it has neither, so both initialisations
# come from stand-ins. `rin new` then prints the next two commands:
#
# ```console
# make study PROFILE=hospital_us DATA_ROOT=FOLDER
# make book PROFILE=hospital_us DATA_ROOT=FOLDER
# ```
#
# The first trains, the second makes a book of this task alone. Both files may be edited: here, to
# keep this page short, a smaller network takes ResNet50's place, and ten of its layers are trained
# in place of all. `rin study --dry-run` lists what is missing, and counts the runs:

# %%
written = own_profile.read_text("utf-8")
all_layers = "unfreeze_all:\n    - 0.0001"
ten_layers = "unfreeze_top10:\n    - 0.001"
claim("the profile trains all layers", all_layers in written)
claim("the profile takes ResNet50", "- ResNet50\n" in written)
shorter = written.replace(all_layers, ten_layers)
own_profile.write_text(shorter.replace("ResNet50", "MobileNetV2"), "utf-8")
own_runs = open_runs("hospital_us", data_root=work, results=home / "results")
workspace = own_runs.workspace
forecast(workspace)[["stage", "runs", "jobs"]]

# %% [markdown]
# ## The split
#
# Every image is decoded once, repeated images are found, and patients are divided. A split that
# comes in a column of the table is used as it is, provided no patient is in two parts.

# %%
inputs = workspace.inputs("hospital_us")
cases = inputs.folds.merge(inputs.store.cases, on="case_id")
part_of = cases[cases["fold"] == 0].set_index("case_id")["part"]
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
# All that the profile asks for: two short pretrainings, then both scenarios from either.

# %%
run_study(workspace)
predictions = own_runs.predictions(task="hospital_us")
aucs = stats.scenario_aucs(predictions)
aucs.pivot(index="scenario", columns="init", values="auc").round(3)

# %% [markdown]
# ## The result
#
# The mean difference over scenarios, with patients as the units:

# %%
a, b = workspace.profile.inits
differences = stats.init_differences(predictions, a, b)
differences[["group", "auc_a", "auc_b", "estimate", "ci_low", "ci_high"]].round(
    3
)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
overall = differences.set_index("group").loc["all"]
Markdown(f"""
On these invented images, {a} minus {b} is
**{format_estimate(overall, unit="points")}** AUC points over
{overall["n_patients"]:.0f} test patients. It means nothing; on yours, with real
weights, it is the result.
""")

# %% [markdown]
# Maps of activation are kept with each run. Of all maps, classes and test images, this one has the
# largest value:

# %%
shown.map_with_largest_value(workspace, "hospital_us")

# %%
for variable, source in sources.items():
    os.environ[variable] = str(source)
shutil.rmtree(home)
shutil.rmtree(work)

# %% [markdown]
# ## What else can be said
#
# <details><summary>Options of <code>rin new</code>, by what you have</summary>
#
# | you have | say |
# |---|---|
# | columns with other names | `--image`, `--label`, `--patient`, `--split` |
# | a table with one row per patient | recognised where its cells begin names of folders or files, are the number behind a word in them (`Pat 0012`), or equal the patients of DICOM headers or of a pattern |
# | a table with one row per study, series or DICOM file | recognised where its cells equal AccessionNumber or a UID of the headers, or begin names |
# | patients in another table | found where it has the same column of pictures |
# | files called alike in folders, or one row per eye, side or day of a patient | recognised where two columns together begin names, as in `P012_L_1.png` |
# | a table with one row per lesion | rows that say the same of a picture count once, and their masks are joined |
# | a table with one row per finding | `--findings`: any finding of a picture, study or patient counts |
# | annotations of COCO | `--table annotations.json`: one row per picture, the classes of its annotations as findings |
# | several sequences or views, of which one is to be used | `--only flair`; `--only 'flair\|seg'` with masks that are called so |
# | a small text (`Group: DCM`) or JSON file per picture or patient, rows per finding as `ID_7_epidural`, an export of forms with labels in other rows, no names of columns | refused with the command that makes a table of it |
# | masks among the images, which a column names, or that one word names in the folder of a patient (`P001/lesion.png`), in a folder `masks` of each class or patient, or that share a number (`img7`, `mask7`) | recognised and reported; others are refused |
# | one row per side, told by names or DICOM headers | recognised; a picture of the other side has no row |
# | paths of which only a folder fits, as of CBIS-DDSM | recognised; `--findings` where lesions differ |
# | rows of units or sums in the table | `--leave-out rows-without-pictures` |
# | ids and dates written otherwise: `ID-12` or `12.0` for folder `0012`, `04.03.2021` for `20210304` | compared as ids and dates |
# | altered copies: `a_flip`, `rotated_a`, `a (1)`, names by Roboflow, Augmentor or Keras | kept with their originals, and reported; a folder `augmented` is refused until `--only` leaves it out or takes it |
# | masks on a bright background, as of REFUGE | asked about: `--lesion-values 0,128` |
# | masks in run lengths, as of SIIM-ACR, in a column of the table | read as with a lesion or, where cells are empty or −1, without |
# | a table with one row per session, as `OAS1_0001_MR2` | reported, with the pattern of patients |
# | a split in the table that is not to be used | `--split none` |
# | patients in file names, or in paths | a pattern is proposed, with examples; another one by `--patient 'p(\d+)_'`, `--patient '([^/]+)/[^/]+$'`; `--patient none` if names tell none |
# | classes in file names | `--label '_(\d)$'`, without a table |
# | masks that tell the class, a lesion or none | `--label masks` |
# | masks with labels, as 1 for an organ and 2 for its tumour | reported, and asked for; `--lesion-values 2` |
# | a folder for each patient below each class | recognised and reported |
# | patients in DICOM headers only | read from there and reported |
# | a table below a title, empty rows, or in another sheet | passed over, or found, and reported |
# | images of more than 8 bits | a window of all their values, or that of the DICOM file; `--window` for another; `--window percentiles` leaves the lowest and highest half percent aside |
# | volumes: NIfTI, `.npy` of three axes, DICOM or TIFF of several frames or a folder per series | three slices each are proposed; `--slices even,5`, `--slices middle,3,coronal`, `--slices lesion,3` or `--slices even,5,folder` for others |
# | floating values | `--window 0.5,1`, or `--window percentiles` |
# | classes in other words, or more than two | `--positive`, which may be repeated; the others become one, or `--negative` names those compared and leaves the rest out |
# | empty cells that mean no | `--negative unlabelled` |
# | classes in numbers | `--positive 2=malignant --negative 1=benign` also names them |
# | several findings in a cell, as in `Mass\|Effusion` | `--positive Mass`: any of them counts |
# | images without rows, rows without images or label, empty masks, patients with two labels | `--leave-out KIND`, once you have looked at them: `rows-without-pictures`, `pictures-without-rows`, `unlabelled`, `empty-masks`, `patients-with-two-labels` |
# | masks that rightly mark nothing | accepted in a class that has no other; `--empty-masks` elsewhere |
# | images of one patient that differ in their label | `--several-labels` |
# | patients or classes that look like one, and are two | `--distinct` |
# | other folds, weights or image sizes | edit the profile, or another copy of it |
# | a notebook of your own | a name in `pages` of the profile |
#
# </details>
#
# Without a column of patients each image counts as a patient, and the AUC is too high where that
# is wrong: `rin new` warns in red, and proposes a pattern where names look like patients. Small
# cohorts get coarser folds; with fewer than four patients in the rarer class they are refused.
# [The page of tables](reference) lists every setting of a manifest.
#
# A second dataset with the same labels, from another hospital, gets a manifest of its own. With
# its name under `external` of the task and `external: true` in the profile, every run also scores
# it; none is trained on it.
