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
# # The datasets, and how to get them
#
# *Answers* which images the tasks need, where to get them, and where to put them. *Needs* nothing.
# *Takes* seconds: `rin run notebooks/use/data_status.py -p data_root=/path/to/images`.

# %% tags=["parameters", "remove-input"]
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]
from html import escape

from IPython.display import HTML, Markdown

from rin.data.status import dataset_status
from rin.evidence.paper import COMPARISONS
from rin.report.format import book_table
from rin.study import open_runs

runs = open_runs(profile, data_root=data_root, results=results)
statuses = dataset_status(runs.study.data_root)

# %%
of_paper = statuses[
    [not set(tasks).isdisjoint(COMPARISONS) for tasks in statuses["tasks"]]
]

# %% tags=["hide-input"]
Markdown(f"""
The tasks of the paper need {len(of_paper)} datasets:
{(of_paper["access"] == "open").sum()} can be downloaded as they are,
{(of_paper["access"] == "not public").sum()} is not public, the others require
an account or an agreement. Where this page was computed,
{(statuses["state"] == "here").sum()} of all {len(statuses)} datasets were in
the data folder.
""")

# %% [markdown]
# ## What is there

# %%
table = statuses[["name", "state", "access", "purpose"]]
table.columns = ["Dataset", "State", "Access", "For"]
book_table(table, "Every dataset of the study", prose=True)

# %% [markdown]
# A task takes the images of its own dataset where they are at hand, else those of its substitute:
# real, open images with the same question, of other patients. Without either, the default book
# shows the committed reference run, and profiles that train on stand-ins say so on every page.
#
# ## Where to get them
#
# Each line unfolds to what to do. Licence, terms, counts and known faults of a dataset are in its
# manifest, `data_manifests/<name>.yaml`.

# %%
entry = "<details><summary><b>{}</b>: {}</summary><p>{}</p></details>"
columns = statuses[["name", "title", "to_do"]].map(escape)
HTML("".join(entry.format(*row) for row in columns.to_numpy()))

# %% [markdown]
# ## How to place and check them
#
# All datasets are in one folder, the data root, each under one of the names that its manifest
# lists under `locations`; the first that exists counts. A folder and a zip archive of it are read
# alike. Nothing has to be unpacked unless a layout below says so. Files that do not belong to a
# dataset are errors.
#
# ```console
# export DATA_ROOT=/path/to/images
# rin data status                 # the tables above
# rin data verify busi            # files, counts, every image
# rin data verify all --quick     # files and counts of all
# ```
#
# `rin data verify` lists all that is missing, miscounted or broken, and then ends with status 1.
# Where it ends well it prints a digest of ids, labels, pixels and masks. Equal digests mean that
# two people work on the same images, wherever these lie; `--expect DIGEST` compares them.
#
# ## Layouts
#
# :::{dropdown} `ddti`: thyroid
# ```text
# DATA_ROOT/
# └── ddti/
#     ├── 1.xml        case 1: TI-RADS category, outlines
#     ├── 1_1.jpg      its images
#     ├── 1_2.jpg
#     └── …
# ```
#
# The archive of the mirror is called `archive.zip` like many others: rename it to `ddti.zip`.
# :::
#
# :::{dropdown} `busi`: breast
# ```text
# DATA_ROOT/
# └── Dataset_BUSI_with_GT/
#     ├── benign/
#     │   ├── benign (1).png
#     │   ├── benign (1)_mask.png      its lesion
#     │   ├── benign (1)_mask_1.png    a second lesion
#     │   └── …
#     ├── malignant/                   the same
#     └── normal/                      the same, masks black
# ```
# :::
#
# :::{dropdown} `mrnet`: acl and meniscus
# ```text
# DATA_ROOT/
# └── MRNet-v1.0/
#     ├── train/
#     │   ├── axial/              0000.npy, a volume an exam
#     │   ├── coronal/
#     │   └── sagittal/
#     ├── valid/                  the same
#     ├── train-abnormal.csv      rows such as 0000,1
#     ├── train-acl.csv
#     ├── train-meniscus.csv
#     ├── valid-abnormal.csv
#     ├── valid-acl.csv
#     └── valid-meniscus.csv
# ```
#
# Only the sagittal volumes are read; the other two planes may be left out. One dataset feeds two
# tasks, which take other slices and other labels from it.
# :::
#
# :::{dropdown} `covid19_ct`: covid19
# ```text
# DATA_ROOT/
# └── covid19_ct/
#     ├── positive/    <patient>_<slice>.png
#     └── negative/    <patient>_<slice>.png
# ```
#
# These names are a convention of this book, for whoever holds the images; none were published.
# :::
#
# :::{dropdown} `rsna_pneumonia`: pneumonia
# ```text
# DATA_ROOT/
# └── rsna-pneumonia-detection-challenge/
#     ├── stage_2_train_images/    <patientId>.dcm
#     ├── stage_2_train_labels.csv
#     ├── stage_2_detailed_class_info.csv
#     └── pneumonia-challenge-dataset-mappings_2018.json
# ```
#
# The last file tells which images show one patient. It is not in the challenge's archive: RSNA
# offers it on its own page of the challenge. It may also lie beside the folder or archive.
# :::
#
# :::{dropdown} `cc_ccii`: sarscov2
# ```text
# DATA_ROOT/
# └── CC-CCII/
#     ├── NCP/                   COVID-19
#     │   └── 25/                a patient
#     │       └── 1181/          a scan
#     │           ├── 0040.png   a slice
#     │           └── …
#     ├── CP/                    common pneumonia
#     ├── Normal/                controls, not used
#     ├── lesions_slices.csv     slices with a lesion
#     ├── unzip_filenames.csv    number of slices of a scan
#     └── metadata.csv
# ```
#
# It comes as many archives (`NCP-1.zip`, `CP-1.zip` and so on): unpack all of them into this one
# folder. The last two tables are only used to check the files.
# :::
#
# :::{dropdown} `rsna_hemorrhage`: hemorrhage
# ```text
# DATA_ROOT/
# └── rsna-intracranial-hemorrhage-detection/
#     ├── stage_2_train/       ID_<number>.dcm, a slice each
#     └── stage_2_train.csv    six rows a slice
# ```
#
# The test images of the challenge may lie there and are not read. Which slices are one patient's
# stands in their headers. The first look at so many files takes long, and goes on where it was
# stopped.
# :::
#
# :::{dropdown} `sarscov2_ct`: substitute for covid19
# ```text
# DATA_ROOT/
# └── sarscov2_ct/
#     ├── COVID/        Covid (1).png
#     └── non-COVID/    Non-Covid (1).png
# ```
# :::
#
# :::{dropdown} `kermany_cxr`: substitute for pneumonia
# ```text
# DATA_ROOT/
# └── chest_xray/
#     ├── train/
#     │   ├── NORMAL/       IM-0115-0001.jpeg
#     │   └── PNEUMONIA/    person1_bacteria_1.jpeg
#     ├── val/              the same
#     └── test/             the same
# ```
#
# All three parts are read, and divided anew by patient.
# :::
#
# :::{dropdown} `headct200`: substitute for hemorrhage
# ```text
# DATA_ROOT/
# └── headct200/
#     ├── head_ct/      000.png
#     └── labels.csv
# ```
# :::
#
# :::{dropdown} `ddti_crops`: substitute for thyroid
# ```text
# DATA_ROOT/
# └── ddti_crops/
#     ├── images/       100_1-1.png
#     ├── masks/        the same names
#     └── labels.csv
# ```
# :::
#
# :::{dropdown} `busbra`: a task of its own, and external images for breast
# ```text
# DATA_ROOT/
# └── BUSBRA/
#     ├── Images/       bus_0001-l.png
#     ├── Masks/        mask_0001-l.png
#     ├── bus_data.csv
#     └── 5-fold-cv.csv
# ```
# :::
#
# :::{dropdown} `corpus_radiologic`: pretraining
# ```text
# DATA_ROOT/
# └── pretrain_radiologic/
#     ├── ct_chest/     images under any name
#     └── …
# ```
#
# Any images in this layout will do: a folder for each class. `pretrain_photographic/` has the same
# layout.
# :::
#
# :::{dropdown} `radimagenet`: pretraining
# ```text
# DATA_ROOT/
# └── radimagenet_database/
#     ├── radiology_ai/     MR/knee/normal/…png
#     ├── RadiologyAI_train.csv
#     ├── RadiologyAI_val.csv
#     └── RadiologyAI_test.csv
# ```
#
# From its authors on request: images, and three tables of file names and labels that also hold the
# split.
# :::
#
# :::{dropdown} `curated_archive`: pretraining
# ```text
# DATA_ROOT/
# └── radimagenet_curated/
#     ├── radiology_ai/     CT/lung/Nodule/lung000001.png
#     ├── RadiologyAI_train.csv, RadiologyAI_val.csv, RadiologyAI_test.csv
#     ├── patients.csv
#     ├── dataset_card.json
#     └── croissant.json
# ```
#
# What curation made from an archive has RadImageNet's layout, and patients beside it. It is read
# from the results of this book; a copy of it can be read from here too.
# :::
