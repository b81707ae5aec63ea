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
# **What this page answers.** Which datasets did the paper's tasks use, which of them are at hand
# here, where does one get the others, and how must their files lie on disk?
#
# | | |
# |---|---|
# | command | `make book`, after which this page alone re-runs in seconds |
# | time and memory | seconds and 0.5 GB on a laptop; files are listed, no image is opened |
# | expected | a row per dataset; without a data folder all of them are not there |

# %% tags=["parameters", "hide-input"]
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty for stand-ins
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]
from rin.data.manifest import load_manifest
from rin.data.status import dataset_status
from rin.report.data_status import dataset_card, status_frame, to_do_frame
from rin.report.glued import glue_values
from rin.report.tables import book_table
from rin.study import open_study

study = open_study(profile, data_root=data_root, results=results)
statuses = dataset_status(study.data_root)

# %% [markdown]
# ## What is there

# %% tags=["hide-input"]
book_table(status_frame(statuses), "Every dataset of the study", prose=True)

# %% tags=["hide-input"]
missing = [one for one in statuses if one.state != "here"]
glue_values(
    n_datasets=len(statuses),
    n_here=len(statuses) - len(missing),
    n_own=sum(bool(one.tasks) for one in statuses),
    n_open=sum(bool(one.tasks) and one.access == "open" for one in statuses),
    n_closed=sum(bool(one.tasks) and one.access == "not public" for one in statuses),
    profile_name=study.profile.name,
    stand_ins=", ".join(study.profile.stand_ins) or "no dataset",
)

# %% [markdown]
# Of {glue:text}`n_datasets` datasets, {glue:text}`n_here` were there when this page was computed.
# The paper's tasks need {glue:text}`n_own`: {glue:text}`n_open` can be downloaded as they are,
# {glue:text}`n_closed` cannot be had, the others ask for an account or an agreement. A dataset that
# is not there is replaced by its substitute, which is real and open, if that is there; else by a
# stand-in, if the profile says how large it is to be. The profile {glue:text}`profile_name` does so
# for {glue:text}`stand_ins`.
#
# ## Where to get them

# %% tags=["hide-input"]
book_table(to_do_frame(statuses), "What to do about those that are not there", prose=True)

# %% [markdown]
# ## How to place and check them
#
# All datasets lie in one folder, the data root, each under one of the names that its card below
# lists as *Looked for as*; the first that exists counts. A folder and a zip archive of it are read
# alike, and nothing has to be unpacked unless a section says so. Files that do not belong to a
# dataset are errors, so nothing else should lie in its folder.
#
# ```console
# export DATA_ROOT=/path/to/images
# rin data status                 # the tables above
# rin data verify busi            # files, counts, every picture
# rin data verify all --quick     # files and counts of all
# ```
#
# `rin data verify` lists all that is missing, miscounted or broken, and then ends with status 1.
# Where it ends well it prints a digest of ids, labels, pixels and masks: equal digests mean that
# two people work on the same images, wherever these lie. With `--expect DIGEST` it compares them.
#
# ## `ddti`: thyroid nodules, ultrasound
#
# ```text
# DATA_ROOT/
# └── ddti/
#     ├── 1.xml        case 1: TI-RADS category, outlines
#     ├── 1_1.jpg      its pictures
#     ├── 1_2.jpg
#     └── …
# ```
#
# The archive of the mirror is called `archive.zip` like many others: rename it to `ddti.zip`.

# %% tags=["hide-input"]
dataset_card(load_manifest("ddti"))

# %% [markdown]
# ## `busi`: breast lesions, ultrasound
#
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

# %% tags=["hide-input"]
dataset_card(load_manifest("busi"))

# %% [markdown]
# ## `mrnet`: tears of the cruciate ligament and the menisci, knee MRI
#
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
# Only the sagittal volumes are read; the other two planes may be left out as a whole. One dataset
# feeds two tasks, which take other slices and other labels from it.

# %% tags=["hide-input"]
dataset_card(load_manifest("mrnet"))

# %% [markdown]
# ## `covid19_ct`: COVID-19, chest CT
#
# ```text
# DATA_ROOT/
# └── covid19_ct/
#     ├── positive/    <patient>_<slice>.png
#     └── negative/    <patient>_<slice>.png
# ```
#
# These names are a convention of this book, for whoever holds the images; they were not published.

# %% tags=["hide-input"]
dataset_card(load_manifest("covid19_ct"))

# %% [markdown]
# ## `rsna_pneumonia`: pneumonia, chest radiography
#
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

# %% tags=["hide-input"]
dataset_card(load_manifest("rsna_pneumonia"))

# %% [markdown]
# ## `cc_ccii`: COVID-19 or another pneumonia, chest CT
#
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

# %% tags=["hide-input"]
dataset_card(load_manifest("cc_ccii"))

# %% [markdown]
# ## `rsna_hemorrhage`: intracranial hemorrhage, head CT
#
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

# %% tags=["hide-input"]
dataset_card(load_manifest("rsna_hemorrhage"))

# %% [markdown]
# ## Substitutes
#
# Open datasets of the same question and modality, for tasks whose own images are closed or ask for
# registration. They show other patients under the same labels.
#
# ### `sarscov2_ct`: in the place of `covid19_ct`
#
# ```text
# DATA_ROOT/
# └── sarscov2_ct/
#     ├── COVID/        Covid (1).png
#     └── non-COVID/    Non-Covid (1).png
# ```

# %% tags=["hide-input"]
dataset_card(load_manifest("sarscov2_ct"))

# %% [markdown]
# ### `kermany_cxr`: in the place of `rsna_pneumonia`
#
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

# %% tags=["hide-input"]
dataset_card(load_manifest("kermany_cxr"))

# %% [markdown]
# ### `headct200`: in the place of `rsna_hemorrhage`
#
# ```text
# DATA_ROOT/
# └── headct200/
#     ├── head_ct/      000.png
#     └── labels.csv
# ```

# %% tags=["hide-input"]
dataset_card(load_manifest("headct200"))

# %% [markdown]
# ## Pretraining
#
# Two corpora of this book's own making, for pretraining on equal terms. Any images in this layout
# will do: a folder for each class, with pictures directly in it.
#
# ```text
# DATA_ROOT/
# └── pretrain_radiologic/
#     ├── ct_chest/     pictures under any name
#     └── …
# ```

# %% tags=["hide-input"]
dataset_card(load_manifest("corpus_radiologic"))

# %% [markdown]
# `pretrain_photographic/` has the same layout.

# %% tags=["hide-input"]
dataset_card(load_manifest("corpus_photographic"))

# %% [markdown]
# RadImageNet itself, from its authors on request: pictures, and three tables of file names and
# labels that also hold the split.
#
# ```text
# DATA_ROOT/
# └── radimagenet_database/
#     ├── radiology_ai/     MR/knee/normal/…png
#     ├── RadiologyAI_train.csv
#     ├── RadiologyAI_val.csv
#     └── RadiologyAI_test.csv
# ```

# %% tags=["hide-input"]
dataset_card(load_manifest("radimagenet"))

# %% [markdown]
# A corpus that curation made from an archive has the same layout, and patients beside it. It is
# read from the results of this book; a copy of it can be read from here too.
#
# ```text
# DATA_ROOT/
# └── radimagenet_curated/
#     ├── radiology_ai/     CT/lung/Nodule/lung000001.png
#     ├── RadiologyAI_train.csv, RadiologyAI_val.csv, RadiologyAI_test.csv
#     ├── patients.csv
#     ├── dataset_card.json
#     └── croissant.json
# ```

# %% tags=["hide-input"]
dataset_card(load_manifest("curated_archive"))
