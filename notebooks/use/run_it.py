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
# # Run it: images, GPU, cluster, and your scores
#
# ```console
# # the default book, without images (the first time, packages of 3.4 GB are installed)
# make book
# # with your images: the live pages and *Your run* are about them
# make book DATA_ROOT=/path/to/images
# make book PROFILE=open DATA_ROOT=/path/to/images RESULTS=/path/to/results
# ```
#
# The book, `_build/html/index.html`, opens without an internet connection; `_build` keeps one of each
# profile. A second `make book` skips what is finished; an interrupted one continues. Profiles
# (`notebooks/profiles/`, `rin profiles`) hold settings and no code; copy one under its own `name` to make your own. `rin` means
# `.venv/bin/rin`.
#
# ## Your scores
#
# Models trained elsewhere need only their scores: CSV, Excel or parquet with a row a model and case, or a
# column a model (`--score net_a --score net_b`).
#
# ```console
# rin compare scores.csv --by model --label truth --patient patient_id \
#     --case image --score probability --positive malignant
# # of more than two models one pair alone, with the same options: --a new --b old
# ```
#
# It writes a page and its tables, `scores_compared/`: AUCs with intervals, paired differences over patients
# with Holm's adjustment, ROC curves, operating points and calibration. Scores from 0 to 1 are taken as
# probabilities, or as log-odds with `--log-odds`; others get no calibration. Without `--patient` each case
# counts as a patient, which is too sure where patients have several images. In Python the same is
# [Fork me](fork_me).
#
# ## Encoders of any framework
#
# Which encoder suits these images: DINOv2, RAD-DINO, BiomedCLIP, a network of your own? A table of its
# features takes the place of weights; nothing of it is installed or downloaded here. `encoders` and `encode.py`
# are below:
#
# ```console
# rin features export encoders --data-root DATA --output exported
# python encode.py
# # for each encoder and dataset
# rin features add dinov2 exported/busi/dinov2.npz --dataset busi --profile encoders \
#     --data-root DATA --about "DINOv2 ViT-S/14, class token"
# rin study --profile encoders --data-root DATA
# rin run notebooks/results/your_run.py -p profile=encoders
# ```
#
# `exported` has a folder for each dataset, external ones included, with `images.npy` and the ids of its rows
# in `cases.csv`. Each dataset and encoder has a table, `.npz` or `.parquet`, with a row a case; it is
# checked and kept in `results/features`. On each task and fold a logistic regression is fitted to the features,
# standardised by the training part; the validation part chooses its penalty. Other features are other runs.
#
# <details><summary>The profile, and <code>encode.py</code> in PyTorch and in Keras</summary>
#
# `notebooks/profiles/encoders.yaml`, for your tasks and encoders:
#
# ```yaml
# name: encoders
# about: Linear probes of two encoders on breast ultrasound.
# tasks: [breast]
# inits: [dinov2, efficientnet]
# backbones: [features]
# external: true
# fine_tuning: {size: 224, batch: 1, epochs: 1}  # the size of the images; nothing is fine-tuned
# ```
#
# ```python
# from pathlib import Path
#
# import numpy as np
# import pandas as pd
# import timm
# import torch
#
# name = "vit_small_patch14_dinov2.lvd142m"
# encoder = timm.create_model(name, pretrained=True, num_classes=0, img_size=224).eval()
# expected = timm.data.resolve_model_data_config(encoder)
# mean, sd = np.float32(expected["mean"]), np.float32(expected["std"])
# for folder in Path("exported").iterdir():
#     features, images = [], np.load(folder / "images.npy", mmap_mode="r")
#     for start in range(0, len(images), 64):
#         pixels = images[start : start + 64] / np.float32(255)
#         if pixels.ndim == 3:  # grey
#             pixels = np.repeat(pixels[..., None], 3, axis=-1)
#         batch = torch.from_numpy((pixels - mean) / sd).movedim(-1, 1)
#         with torch.inference_mode():
#             features.append(encoder(batch).numpy())
#     ids = pd.read_csv(folder / "cases.csv", dtype=str)["case_id"]
#     np.savez(folder / "dinov2.npz", case_id=[*ids], features=np.concatenate(features))
# ```
#
# ```python
# from pathlib import Path
#
# import keras
# import numpy as np
# import pandas as pd
#
# networks = keras.applications  # this one scales its inputs itself
# encoder = networks.EfficientNetV2B0(include_top=False, pooling="avg", weights="imagenet")
# for folder in Path("exported").iterdir():
#     images = np.load(folder / "images.npy")
#     if images.ndim == 3:  # grey
#         images = np.repeat(images[..., None], 3, axis=-1)
#     features = pd.DataFrame(encoder.predict(images, verbose=0)).add_prefix("feature_")
#     features.insert(0, "case_id", pd.read_csv(folder / "cases.csv", dtype=str)["case_id"])
#     features.to_parquet(folder / "efficientnet.parquet")
# ```
#
# </details>
#
# ## The images of the tasks

# %% tags=["parameters", "remove-input"]
# rin is the package of this checkout: pip install -e '.[study,book]' there
data_root: str = ""  # folder with the real images; empty where there are none

# %% jupyter={"source_hidden": true} tags=["hide-input"]
from html import escape
from pathlib import Path

from IPython.display import HTML, Markdown

from rin.data.status import dataset_status
from rin.evidence import paper

statuses = dataset_status(Path(data_root) if data_root else None)
needed = [
    not {*tasks}.isdisjoint(paper.COMPARISONS) for tasks in statuses["tasks"]
]
access = statuses[needed]["access"].value_counts()
Markdown(f"""
The tasks of the paper need {sum(needed)} datasets: {access["open"]} can be
downloaded as they are, {access["not public"]} is not public, the others require
an account or an agreement. A task uses its own dataset, or else a substitute.
Of all {len(statuses)} datasets, {(statuses["state"] == "here").sum()} were in
the data folder when this page was computed. Unfold a line for what
to do; licence, terms, counts and known faults are in
`data_manifests/<name>.yaml`.
""")

# %% jupyter={"source_hidden": true} tags=["hide-input"]
entry = "<details><summary><b>{}</b> ({}, {}): {}</summary><p>{}</p></details>"
columns = ["name", "state", "access", "title", "to_do"]
lines = statuses[columns].map(escape).to_numpy()
HTML("".join(entry.format(*line) for line in lines))

# %% [markdown]
# All datasets are in one folder, the data root, each under a name that its manifest lists under
# `locations`. A folder and a zip archive of it are read alike.
#
# ```console
# export DATA_ROOT=/path/to/images
# rin data status                # what is there, what to do for the rest
# rin data fetch busi            # downloads it, where that needs no account
# rin data verify busi           # files, counts, every image
# rin data verify all --quick    # files and counts of all
# ```
#
# `rin data verify` lists what is missing, miscounted or broken, or else prints a digest: equal digests mean
# equal ids, labels, pixels and masks.
#
# <details><summary>A part of a dataset, released weights, and the authors' folds</summary>
#
# A part of a published dataset is refused. `--partial` accepts it in `rin data verify`, `rin study` and
# `rin book` (`partial: true` in a profile or a manifest does, too): the labels of what is there are kept,
# pages say which part it is, and no reference run is written from it.
#
# Released weights are looked for in `DATA_ROOT/weights`, then in `DATA_ROOT`, under the file names of
# `data_manifests/weights.yaml`, and checked by SHA-256 where it is known
# ([What a weights file wants](../results/inputs)). Keras fetches its own ImageNet weights. `rin weights convert FILE.pt`
# converts PyTorch's files once, where PyTorch is installed (`pip install -e '.[torch]'`);
# `radimagenet_pytorch`, `imagenet_torchvision` and `radiologynet` are then inits as any other, and the profile
# `releases` compares them. `rin weights add FILE --name mine --preprocessing NAME` makes a file of your own an init; a
# profile may have three and more, and [Your run](../results/your_run) compares each with each. For the folds
# that the paper's authors published, put a copy of their repository under `DATA_ROOT`, as `RadImageNet`, and
# set `splits: official`.
#
# </details>
#
# ## One step, or one notebook
#
# ```console
# rin curate --profile smoke --data-root ''     # from a stand-in archive
# rin study --profile open --dry-run            # runs, hours, disk
# rin study --profile open                      # everything that trains
# rin study --profile open --only pretraining   # or a study, with the networks that it starts from
# rin run notebooks/results/your_run.py -p task=breast -p profile=open
# ```
#
# Each step uses finished runs. Plain tools work as well:
#
# ```console
# .venv/bin/jupytext --to ipynb notebooks/results/your_run.py
# .venv/bin/papermill notebooks/results/your_run.ipynb out.ipynb -p profile open -p task breast
# ```
#
# `rin reference write open --folder my_runs` writes a reference run of your own: per-case predictions
# without any image. Stand-ins and unfinished runs are refused.
#
# ## Publish a run, open somebody else's
#
# ```console
# rin publish results/open/tables --author "Jane Doe"   # results/published/open, and open.zip
# rin open https://zenodo.org/records/NUMBER/files/open.zip
# rin run notebooks/results/your_run.py -p profile=results/opened/open
# rin run notebooks/results/your_run.py -p profile=NAME -p beside=results/opened/open
# ```
#
# `rin publish` writes a folder and a zip archive of it for Zenodo and the like: the tables without any image,
# how they were computed, a README, `CITATION.cff` and an RO-Crate with every file's SHA-256. Images and
# patients are named as in the files of their dataset; where access to these is not open, `--yes` says that the
# names may be shown. `rin open` takes such a folder, archive or address, and refuses a table that is not as it
# was published.
#
# ## A GPU
#
# <details><summary>The lines to install it, precision, and several GPUs</summary>
#
# TensorFlow with CUDA replaces the version without; JAX is installed beside it:
#
# ```console
# .venv/bin/python -m pip uninstall -y tensorflow-cpu
# .venv/bin/python -m pip install -e '.[gpu]'
# # or '.[jax-gpu]', with KERAS_BACKEND=jax
# make book PROFILE=paper DATA_ROOT=/path/to/images-and-weights
# ```
#
# An update of the lock undoes this: repeat these lines then. `rin study --profile paper --dry-run` says how
# long the paper's own study takes; **this project has not run it at full size**.
#
# Mixed precision (`execution: precision`, as in `paper`) gives results close to those of a CPU, not equal
# digit by digit; the ledger keeps backend and precision. `execution: {workers: 4}` gives every worker a GPU,
# shared where there are fewer; each training is on one. With JAX, set `JAX_COMPILATION_CACHE_DIR` to a
# folder: each step is then compiled once, not once a worker.
#
# </details>
#
# ## A cluster
#
# <details><summary>The commands, the profile, and what happens after a failure</summary>
#
# ```console
# cp notebooks/profiles/paper.yaml notebooks/profiles/cluster.yaml
# rin study --profile cluster --data-root /shared/images \
#     --results /shared/results --dry-run
# rin study --profile cluster --data-root /shared/images \
#     --results /shared/results
# ```
#
# Its book is `make book PROFILE=cluster` with the same DATA_ROOT and RESULTS. In the copy of the profile,
# change `name` to `cluster`, and replace `execution` by what a job may ask for:
#
# ```yaml
# execution:
#   executor: slurm
#   blocks: by_task
#   precision: mixed_bfloat16
#   slurm: {partition: gpu, gpus_per_node: 1, cpus_per_task: 8, timeout_min: 480}
# ```
#
# The command decodes the images once, submits pretrainings and then fine-tuning as job arrays
# ([submitit](https://github.com/facebookincubator/submitit)), and shows a progress bar for each; Ctrl-C cancels
# the jobs. A job whose time is up is queued again, and a pretraining continues from its checkpoint; a run
# of fine-tuning starts again, so `timeout_min` has to exceed the longest. A job that fails is named with the
# end of its log; the same command then submits only the missing runs.
#
# </details>
#
# ## Layouts
#
# <details><summary><code>ddti</code>: thyroid</summary>
#
# ```text
# DATA_ROOT/
# └── ddti/
#     ├── 1.xml        case 1: TI-RADS category, outlines
#     ├── 1_1.jpg      its images
#     ├── 1_2.jpg
#     └── …
# ```
#
# Rename the mirror's `archive.zip` to `ddti.zip`.
#
# </details>
#
# <details><summary><code>busi</code>: breast</summary>
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
#
# </details>
#
# <details><summary><code>mrnet</code>: acl and meniscus</summary>
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
# Only the sagittal volumes are read.
#
# </details>
#
# <details><summary><code>covid19_ct</code>: covid19</summary>
#
# ```text
# DATA_ROOT/
# └── covid19_ct/
#     ├── positive/    <patient>_<slice>.png
#     └── negative/    <patient>_<slice>.png
# ```
#
# These names are this book's own.
#
# </details>
#
# <details><summary><code>rsna_pneumonia</code>: pneumonia</summary>
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
# The last file, which RSNA offers on its own page of the challenge, says which images show one
# patient. It may also be beside the folder or archive.
#
# </details>
#
# <details><summary><code>cc_ccii</code>: sarscov2</summary>
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
#     └── lesions_slices.csv     slices with a lesion
# ```
#
# It comes as many archives (`NCP-1.zip`, `CP-1.zip` and so on): unpack all of them into this one
# folder.
#
# </details>
#
# <details><summary><code>rsna_hemorrhage</code>: hemorrhage</summary>
#
# ```text
# DATA_ROOT/
# └── rsna-intracranial-hemorrhage-detection/
#     ├── stage_2_train/       ID_<number>.dcm, a slice each
#     └── stage_2_train.csv    six rows per slice
# ```
#
# The challenge's test images are not read. Headers say which slices are of one patient.
#
# </details>
#
# <details><summary><code>sarscov2_ct</code>: substitute for covid19</summary>
#
# ```text
# DATA_ROOT/
# └── sarscov2_ct/
#     ├── COVID/        Covid (1).png
#     └── non-COVID/    Non-Covid (1).png
# ```
#
# </details>
#
# <details><summary><code>kermany_cxr</code>: substitute for pneumonia</summary>
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
# All three parts are read, and divided again by patient.
#
# </details>
#
# <details><summary><code>headct200</code>: substitute for hemorrhage</summary>
#
# ```text
# DATA_ROOT/
# └── headct200/
#     ├── head_ct/      000.png
#     └── labels.csv
# ```
#
# </details>
#
# <details><summary><code>ddti_crops</code>: substitute for thyroid</summary>
#
# ```text
# DATA_ROOT/
# └── ddti_crops/
#     ├── images/       100_1-1.png
#     ├── masks/        the same names
#     └── labels.csv
# ```
#
# </details>
#
# <details><summary><code>busbra</code>: a task of its own, and external images for breast</summary>
#
# ```text
# DATA_ROOT/
# └── BUSBRA/
#     ├── Images/       bus_0001-l.png
#     ├── Masks/        mask_0001-l.png
#     ├── bus_data.csv
#     └── 5-fold-cv.csv
# ```
#
# </details>
#
# <details><summary><code>corpus_radiologic</code>: pretraining</summary>
#
# ```text
# DATA_ROOT/
# └── pretrain_radiologic/
#     ├── ct_chest/     images under any name
#     └── …
# ```
#
# Any images in a folder for each class will do; `pretrain_photographic/` likewise.
#
# </details>
#
# <details><summary><code>radimagenet</code>: pretraining</summary>
#
# ```text
# DATA_ROOT/
# └── radimagenet_database/
#     ├── radiology_ai/     MR/knee/normal/…png
#     ├── RadiologyAI_train.csv
#     ├── RadiologyAI_val.csv
#     └── RadiologyAI_test.csv
# ```
#
# From its authors on request. The tables hold labels and split.
#
# </details>
#
# <details><summary><code>curated_archive</code>: pretraining</summary>
#
# ```text
# DATA_ROOT/
# └── radimagenet_curated/
#     ├── radiology_ai/     CT/lung/Nodule/lung000001.png
#     ├── RadiologyAI_train.csv, RadiologyAI_val.csv, RadiologyAI_test.csv
#     ├── patients.csv
#     └── dataset_card.json, croissant.json
# ```
#
# What curation made, in RadImageNet's layout with patients; read from the results of this book, or
# from here.
#
# </details>
#
# This page: `rin run notebooks/use/run_it.py`.
