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
# Your own images become a comparison of two initialisations, without Python or YAML. This page shows it on
# 48 drawn images. `rin run notebooks/use/your_images.py` computes this page.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# rin is the package of this checkout: pip install -e '.[study,book]' there
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
# .venv/bin/rin new lesions --images FOLDER --positive malignant
# .venv/bin/rin study --profile lesions --data-root FOLDER/..
# .venv/bin/rin book --profile lesions --data-root FOLDER/..
# ```
#
# In the folder of this repository (`make venv` makes `.venv`), the first line checks everything, writes two
# files and prints the other two as they are for you; the second trains, the third makes a book of this
# task. `FOLDER` has one of three forms, which are those that the field uses:
#
# | form | what it is |
# |---|---|
# | a folder a class | `FOLDER/CLASS/x.png`, or with given parts `FOLDER/train/CLASS/x.png`, `val`, `test`; patients by `--patient 'name:PATTERN'` (below), or `--patient none` |
# | a table | `metadata.csv` (`.parquet`, `.jsonl`, `.xlsx`) in `FOLDER`, or one in each of `train`, `val` and `test`, as in Hugging Face's `imagefolder` |
# | an archive of MedMNIST | `--images breastmnist_64.npz --patient none --positive 0`: its classes are numbers, which MedMNIST's page explains |
#
# Pictures are PNG, JPEG, TIFF or DICOM. The table has a row a picture. Its columns are `file_name`, which begins at the folder of the table,
# `label`, `patient`, and if there are any `mask` and `split`; other names of columns are given with
# `--label`, `--patient`, `--mask` and `--split`. The text is UTF-8, with commas, semicolons or tabs:

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
# `rin new` prints what it understood in its first lines, and then what else is to be known, the most
# important first. Lines in capitals are warnings: the discs of these drawings are larger in one class, so
# that brightness alone tells the classes apart. The manifest keeps them, and the page of your run shows them.

# %%
made = new_task(
    Stated(
        "lesions", folder, positive=["malignant"], results=folder / "results"
    ),
    Pace(image=0.02, tracing=15),  # of this page; the command measures
)
for what, text in made.facts:
    print(f"{what:16} {text}")
claim(
    "all pictures and patients are found",
    "48 pictures, 24 patients" in made.facts[0][1],
)

# %% [markdown]
# ## What else can be said
#
# - `--positive` and `--negative` may be repeated: every class that the table has is one or the other.
# - `--patient none` says that nobody knows who the patients are. Each picture then counts as one, and the
#   AUC is too high, its interval too narrow, where a patient has several.
# - `--patient 'name:^([^_]+)_'` takes patients from names of files, `--patient dicom:PatientID` from headers.
# - `--window 40 400` is centre and width, for pictures of more than 8 bits and for DICOM that has a rescale slope.
# - `--several-labels` accepts patients whose pictures differ in their label, and `--replace` rewrites the two
#   files; what was decoded and measured before is kept.
# - A column `split`, or folders `train`, `val` and `test`, is kept as it is; it may also hold the number of
#   the fold that tests a picture. Validation cases are drawn by whole patients where there are none.
# - `--results RESULTS` is where all that is computed is kept. After the study, `RESULTS/NAME/tables/cases.parquet`
#   lists each case that was scored, with label, patient and part.
# - Both files, `data_manifests/NAME.yaml` and `notebooks/profiles/NAME.yaml`, may be edited: [tables and manifests](reference) lists the settings of the first, `rin/study/profile.py` those of the second. A network, a head or a
#   metric of your own is on [Fork me](fork_me).
# - A second dataset with the same labels, from another hospital, gets a manifest of its own. With its name
#   under `external` of the task and `external: true` in the profile, every run also scores it; none is
#   trained on it.

# %% [markdown]
# ## Recipes
#
# What comes otherwise becomes `metadata.csv` by a few lines of pandas. Copy the recipe that is nearest,
# change its names, and run `rin new` on the same folder: it says what the lines got wrong. Files are named
# as they are below `folder`. Each begins so:
#
# ```python
# import json
# from pathlib import Path
#
# import numpy as np
# import pandas as pd
# from PIL import Image
#
# folder = Path("FOLDER")
#
#
# def pictures(pattern="*.png"):
#     files = sorted(folder.rglob(pattern))
#     return pd.DataFrame({"file_name": [file.relative_to(folder).as_posix() for file in files]})
# ```

# %% [markdown]
# ### 1. Another separator, another encoding, other names of columns
#
# <details><summary>Recipe</summary>
#
# ```python
# table = pd.read_csv(folder / "Befunde.csv", sep=";", encoding="latin-1", dtype=str)
# table = table.rename(columns={"Datei": "file_name", "Befund": "label", "Pat-Nr": "patient"})
# table.to_csv(folder / "metadata.csv", index=False)
# ```
#
# Cyrillic tables are often in `cp1251`, Greek ones in `cp1253`, Japanese ones in `cp932`; UTF-8 with a mark
# is `utf-8-sig`. Backslashes in names: `table["file_name"].str.replace("\\", "/")`.
#
# </details>
#
# ### 2. A row a patient, or a study
#
# <details><summary>Recipe</summary>
#
# A patient without a row stays in the table without a label, and is refused by name.
#
# ```python
# table = pd.read_excel(folder / "patients.xlsx", dtype=str)  # columns patient, label
# files = pictures()
# files["patient"] = files["file_name"].str.split("/").str[0]  # P01/1.png
# # of names such as P01_1.png: files["file_name"].str.extract(r"^(P\d+)_")[0]
# # of labels such as "Benign " beside "benign": table["label"].str.strip().str.lower()
# table = files.merge(table, on="patient", how="left", validate="many_to_one")
# table.to_csv(folder / "metadata.csv", index=False)
# ```
#
# </details>
#
# ### 3. Several findings of a picture
#
# <details><summary>Recipe</summary>
#
# ```python
# table = pd.read_csv(folder / "findings.csv", dtype=str, keep_default_na=False)
# # with a row a finding, first:
# # table = table.groupby(["file_name", "patient"])["findings"].agg("|".join).reset_index()
# found = table["findings"].str.split("|")  # Mass|Effusion; a blank cell is none
# table["label"] = np.where(found.map(lambda names: "Mass" in names), "mass", "no mass")
# table.to_csv(folder / "metadata.csv", index=False)
# ```
#
# </details>
#
# ### 4. A column a class (one-hot)
#
# <details><summary>Recipe</summary>
#
# ```python
# table = pd.read_csv(folder / "classes.csv", dtype={"file_name": str, "patient": str})
# classes = table[["benign", "malignant", "normal"]]
# assert (classes.sum(axis=1) == 1).all()
# table["label"] = classes.idxmax(axis=1)
# table.to_csv(folder / "metadata.csv", index=False)
# ```
#
# </details>
#
# ### 5. Class, patient and mask in names, or folders of patients
#
# <details><summary>Recipe</summary>
#
# ```python
# files = pictures()["file_name"]  # malignant_07_1.png beside malignant_07_1_mask.png
# table = files[~files.str.contains("_mask")].to_frame()
# table[["label", "patient"]] = table["file_name"].str.extract(r"([a-z]+)_(\d+)_")
# # of folders such as malignant/07/1.png: .str.extract("(.+)/(.+)/")
# masks = table["file_name"].str.replace(".png", "_mask.png")
# table["mask"] = masks.where(masks.isin(files), "")
# table.to_csv(folder / "metadata.csv", index=False)
# ```
#
# </details>
#
# ### 6. Masks in a folder beside
#
# <details><summary>Recipe</summary>
#
# ```python
# table = pictures("images/*/*.png")  # images/malignant/P07_1.png, masks/malignant/P07_1.png
# table[["label", "patient"]] = table["file_name"].str.extract(r"images/([^/]+)/([^_]+)_")
# table["mask"] = "masks/" + table["file_name"].str.removeprefix("images/")
# table.to_csv(folder / "metadata.csv", index=False)
# ```
#
# </details>
#
# ### 7. Annotations of COCO
#
# <details><summary>Recipe</summary>
#
# ```python
# coco = json.loads((folder / "annotations.json").read_text("utf-8"))
# table, boxes, names = (pd.DataFrame(coco[k]) for k in ("images", "annotations", "categories"))
# masses = names.loc[names["name"] == "mass", "id"]
# marked = boxes.loc[boxes["category_id"].isin(masses), "image_id"]
# # of pictures in a folder beside: table["file_name"] = "images/" + table["file_name"]
# table["label"] = np.where(table["id"].isin(marked), "mass", "no mass")
# table["patient"] = table["file_name"].str.extract(r"^([^_]+)_")
# table[["file_name", "label", "patient"]].to_csv(folder / "metadata.csv", index=False)
# ```
#
# </details>
#
# ### 8. Run lengths
#
# <details><summary>Recipe</summary>
#
# Pairs of a start, from 1 and down the columns, and a length; a blank cell marks nothing.
#
# ```python
# table = pd.read_csv(folder / "runs.csv", dtype=str, keep_default_na=False)
# table["label"] = np.where(table["runs"] == "", "normal", "lesion")
# table["mask"] = ""
# for row, (name, runs) in table.loc[table["runs"] != "", ["file_name", "runs"]].iterrows():
#     width, height = Image.open(folder / name).size
#     flat = np.zeros(width * height, np.uint8)
#     for start, length in np.array(runs.split(), int).reshape(-1, 2):
#         flat[start - 1 : start - 1 + length] = 255
#     table.loc[row, "mask"] = mask = name.replace(".png", "_mask.png")
#     Image.fromarray(flat.reshape(width, height).T).save(folder / mask)
# table.drop(columns="runs").to_csv(folder / "metadata.csv", index=False)
# ```
#
# </details>
#
# ### 9. Masks of several classes, as palettes of VOC
#
# <details><summary>Recipe</summary>
#
# ```python
# table = pictures("JPEGImages/*.jpg")
# table["patient"] = table["file_name"].str.extract(r"/([^_]+)_")
# table["mask"] = table["file_name"].str.replace("JPEGImages", "lesions").str.replace("jpg", "png")
# (folder / "lesions").mkdir()
# for mask in table["mask"]:
#     drawn = np.asarray(Image.open(folder / mask.replace("lesions", "SegmentationClass")))
#     Image.fromarray(255 * (drawn == 2).astype("uint8")).save(folder / mask)  # 2 is the lesion
# has_lesion = [np.asarray(Image.open(folder / mask)).any() for mask in table["mask"]]
# table["label"] = np.where(has_lesion, "lesion", "normal")
# table["mask"] = table["mask"].where(has_lesion)
# table.to_csv(folder / "metadata.csv", index=False)
# ```
#
# </details>
#
# ### 10. DICOM headers
#
# <details><summary>Recipe</summary>
#
# Patients alone need no recipe: `--patient dicom:PatientID` reads them. CT is shown in one
# window by `--window 40 80`; without it, each file in its own.
#
# ```python
# import pydicom
#
# table = pictures("*.dcm")  # without an ending: pictures("IM*")
# headers = [pydicom.dcmread(folder / f, stop_before_pixels=True) for f in table["file_name"]]
# names = {"patient": "PatientID", "study": "AccessionNumber", "view": "ViewPosition"}
# for column, element in names.items():
#     table[column] = [str(header.get(element, "")) for header in headers]
# labels = pd.read_csv(folder / "reports.csv", dtype=str)  # columns study, label
# table = table[table["view"] == "PA"].merge(labels, on="study", how="left")
# table.to_csv(folder / "metadata.csv", index=False)
# ```
#
# </details>
#
# ### 11. Slices of NIfTI
#
# <details><summary>Recipe</summary>
#
# Three slices a volume, those with most of the lesion; grey values from percentiles of the volume. It needs
# `pip install nibabel`. Without masks, leave out their names and take `z` from
# `range(len(volume) // 2 - 1, len(volume) // 2 + 2)`; of a film, take a frame first.
#
# ```python
# import nibabel
#
# rows, labels = [], pd.read_csv(folder / "labels.csv", dtype=str)  # columns patient, label
# for file in sorted(folder.glob("*_seg.nii.gz")):  # P01_seg.nii.gz beside P01.nii.gz
#     patient = file.name.removesuffix("_seg.nii.gz")
#     images = nibabel.load(folder / f"{patient}.nii.gz"), nibabel.load(file)
#     volume, mask = (nibabel.as_closest_canonical(i).get_fdata().T[:, ::-1] for i in images)
#     grey = np.interp(volume, np.percentile(volume, [0.5, 99.5]), [0, 255])
#     for z in np.argsort((mask > 0).sum((1, 2)), kind="stable")[-3:]:
#         rows.append((f"{patient}_{z}.png", f"{patient}_{z}_mask.png", patient))
#         for name, pixels in zip(rows[-1], (grey[z], 255 * (mask[z] > 0))):
#             Image.fromarray(pixels.astype("uint8")).save(folder / name)
# table = pd.DataFrame(rows, columns=["file_name", "mask", "patient"])
# table.merge(labels, how="left").to_csv(folder / "metadata.csv", index=False)
# ```
#
# </details>
#
# ### 12. Slices of DICOM series
#
# <details><summary>Recipe</summary>
#
# The three in the middle, by their position and not by their number; two acquisitions in one series are
# told apart. Give CT a window, such as `--window 40 400`.
#
# ```python
# import pydicom
#
# table = pictures("*.dcm")
# headers = [pydicom.dcmread(folder / f, stop_before_pixels=True) for f in table["file_name"]]
# table["patient"] = [header.PatientID for header in headers]
# table["series"] = [f"{h.SeriesInstanceUID} {h.get('AcquisitionNumber', '')}" for h in headers]
# across = [np.cross(*np.reshape(h.ImageOrientationPatient, (2, 3)).astype(float)) for h in headers]
# places = [np.array(header.ImagePositionPatient, float) for header in headers]
# table["height"] = [normal @ place for normal, place in zip(across, places)]
# series = table.sort_values(["series", "height"]).groupby("series")
# table = pd.concat([rows.iloc[len(rows) // 2 - 1 :][:3] for _, rows in series])
# labels = pd.read_csv(folder / "labels.csv", dtype=str)  # columns patient, label
# table.merge(labels, on="patient", how="left").to_csv(folder / "metadata.csv", index=False)
# ```
#
# </details>
#
# ### 13. Volumes in NumPy's format, as MRNet's
#
# <details><summary>Recipe</summary>
#
# Of all planes; `sagittal/` in place of `*/` takes one.
#
# ```python
# rows = []
# for part, split in {"train": "train", "valid": "test"}.items():
#     labels = pd.read_csv(folder / f"{part}-acl.csv", header=None, index_col=0, dtype=str)[1]
#     for file in sorted((folder / part).glob("*/*.npy")):  # train/sagittal/0001.npy
#         volume, exam, plane = np.load(file), file.stem, file.parent.name
#         for k in range(len(volume) // 2 - 1, len(volume) // 2 + 2):
#             Image.fromarray(volume[k]).save(folder / f"{exam}_{plane}_{k}.png")
#             label = {"0": "intact", "1": "tear"}[labels[exam]]
#             rows.append((f"{exam}_{plane}_{k}.png", label, exam, split))
# columns = ["file_name", "label", "patient", "split"]
# pd.DataFrame(rows, columns=columns).to_csv(folder / "metadata.csv", index=False)
# ```
#
# </details>
#
# ### 14. Lists of MONAI
#
# <details><summary>Recipe</summary>
#
# ```python
# lists = json.loads((folder / "datalist.json").read_text("utf-8"))
# words = {"training": "train", "validation": "val", "test": "test"}
# parts = [pd.DataFrame(lists[name]).assign(split=words[name]) for name in lists if name in words]
# # where the label is a mask: rename it to mask, and take label from a table as in recipe 2
# table = pd.concat(parts).rename(columns={"image": "file_name"})
# table.to_csv(folder / "metadata.csv", index=False)
# ```
#
# </details>
#
# ### 15. Folders of nnU-Net
#
# <details><summary>Recipe</summary>
#
# ```python
# table = pictures("imagesTr/*_0000.png")
# table["patient"] = table["file_name"].str.extract(r"/(.+)_\d+_0000")  # imagesTr/P01_3_0000.png
# table["mask"] = table["file_name"].str.replace("imagesTr", "lesions").str.replace("_0000", "")
# (folder / "lesions").mkdir()
# for mask in table["mask"]:
#     drawn = np.asarray(Image.open(folder / mask.replace("lesions", "labelsTr")))
#     Image.fromarray(255 * (drawn == 2).astype("uint8")).save(folder / mask)  # see dataset.json
# labels = pd.read_csv(folder / "labels.csv", dtype=str)  # columns patient, label
# table.merge(labels, on="patient", how="left").to_csv(folder / "metadata.csv", index=False)
# ```
#
# </details>
#
# ### 16. A part of a published set
#
# <details><summary>Recipe</summary>
#
# ```python
# table = pd.read_csv(folder / "Data_Entry_2017.csv", dtype=str)
# names = {"Image Index": "file_name", "Finding Labels": "label", "Patient ID": "patient"}
# table = table.rename(columns=names)[[*names.values()]]
# is_here = table["file_name"].isin(pictures()["file_name"])
# table = table[is_here & table["label"].isin(["Pneumothorax", "No Finding"])]
# table.to_csv(folder / "metadata.csv", index=False)
# ```
#
# </details>
#
# ### 17. Two sides or views of a patient
#
# <details><summary>Recipe</summary>
#
# ```python
# table = pd.read_csv(folder / "eyes.csv", dtype=str)  # columns patient, left, right
# table = table.melt("patient", ["left", "right"], "side", "label")
# files = pictures()
# files[["patient", "side"]] = files["file_name"].str.extract(r"^(P\d+)_(left|right)")
# table = files.merge(table, on=["patient", "side"], how="left")
# table.to_csv(folder / "metadata.csv", index=False)
# ```
#
# </details>
#
# ### 18. Folders of classes, with patients on two sides
#
# Pictures for training are left out if their patient is tested. A set that has no test part may test another:
# `table["split"].replace("val", "test")`.
#
# <details><summary>Recipe</summary>
#
# ```python
# table = pictures("*/*/*.png")  # train/malignant/P07_1.png
# table[["split", "label", "patient"]] = table["file_name"].str.extract("(.+)/(.+)/([^_]+)_")
# tested = table.loc[table["split"] == "test", "patient"]
# table = table[(table["split"] == "test") | ~table["patient"].isin(tested)]
# table.to_csv(folder / "metadata.csv", index=False)
# ```
#
# </details>
#
# ### 19. A column of 1, 0, −1 and blank cells, as CheXpert's
#
# <details><summary>Recipe</summary>
#
# ```python
# parts = {"train": "train.csv", "test": "valid.csv"}
# tables = [pd.read_csv(folder / f, dtype=str).assign(split=part) for part, f in parts.items()]
# table = pd.concat(tables).fillna({"Edema": "0.0"})  # a blank cell is none
# table = table[table["Edema"] != "-1.0"]  # not certain
# table["label"] = table["Edema"].map({"1.0": "edema", "0.0": "no edema"})
# table["file_name"] = table["Path"].str.partition("/")[2]  # below CheXpert-v1.0-small
# table["patient"] = table["Path"].str.extract(r"(patient\d+)")
# columns = ["file_name", "label", "patient", "split"]
# table[columns].to_csv(folder / "metadata.csv", index=False)
# ```
#
# </details>
#
# ### 20. Several rows a picture, as CBIS-DDSM's
#
# <details><summary>Recipe</summary>
#
# A picture is malignant if one of its masses is. Of its pictures the whole mammograms are listed; cells
# there end in line breaks.
#
# ```python
# files = {part: folder / f"mass_case_description_{part}_set.csv" for part in ("train", "test")}
# tables = [pd.read_csv(file, dtype=str).assign(split=part) for part, file in files.items()]
# masses = pd.concat(tables).rename(columns={"patient_id": "patient"})
# masses["file_name"] = "CBIS-DDSM/" + masses["image file path"].str.strip()
# masses["malignant"] = masses["pathology"] == "MALIGNANT"
# table = masses.groupby(["file_name", "patient", "split"], as_index=False)["malignant"].any()
# table["label"] = np.where(table["malignant"], "malignant", "benign")
# table.drop(columns="malignant").to_csv(folder / "metadata.csv", index=False)
# ```
#
# </details>
#
# ### 21. Volumes with a text file a patient, as ACDC's
#
# <details><summary>Recipe</summary>
#
# All slices of the two frames that are there beside the film, `patient001_frame01.nii.gz`.
#
# ```python
# import nibabel
#
# rows = []
# for file in sorted(folder.glob("*/*/*_frame??.nii.gz")):  # training/patient001/
#     words = (file.parent / "Info.cfg").read_text().split()  # ED: 1 ES: 12 Group: DCM
#     label, patient = words[words.index("Group:") + 1], file.parent.name
#     volume = nibabel.as_closest_canonical(nibabel.load(file)).get_fdata().T[:, ::-1]
#     grey = np.interp(volume, np.percentile(volume, [0.5, 99.5]), [0, 255])
#     for z, pixels in enumerate(grey.astype("uint8")):
#         name = f"{file.name.removesuffix('.nii.gz')}_{z}.png"
#         Image.fromarray(pixels).save(folder / name)
#         rows.append((name, label, patient, file.parts[-3].removesuffix("ing")))
# table = pd.DataFrame(rows, columns=["file_name", "label", "patient", "split"])
# table[table["label"].isin(["DCM", "NOR"])].to_csv(folder / "metadata.csv", index=False)
# ```
#
# </details>

# %%
work.cleanup()
