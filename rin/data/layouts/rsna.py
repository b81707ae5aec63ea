"""The layouts of two challenges of RSNA, both in their second stage: DICOM files beside tables.

`rsna_pneumonia` (2018): a radiograph is `stage_2_train_images/<patientId>.dcm`; tables have
the boxes (one row per box, or a single row with Target 0) and the classes.  The challenge's
`patientId` names an image; a list that RSNA publishes beside the challenge says which NIH
patient the image shows.  Shih et al., Radiology: Artificial Intelligence 2019;1(1):e180041.

`rsna_hemorrhage` (2019): a CT slice is `stage_2_train/ID_<hex>.dcm`, with six rows in
`stage_2_train.csv`: `ID_<hex>_<kind>,<0 or 1>` for the five kinds of hemorrhage and for
`any`, the only kind that is read.  The published table repeats the rows of a few slices.  Only
headers name patients.  Flanders et al., Radiology: Artificial Intelligence 2020;2(3):e190211.
"""

import json

import numpy as np
import pandas as pd

from rin.data.layouts.found import (
    FoundCase,
    alternatives,
    labelled_files,
    read_table,
    sort_files,
)
from rin.data.manifest import DatasetManifest
from rin.data.pixels import BOX, shape_text
from rin.data.tree import REMEDY, Tree, read_bytes
from rin.errors import as_input_error

BOXES = "stage_2_train_labels.csv"
CLASS_INFO = "stage_2_detailed_class_info.csv"
RADIOGRAPHS = "stage_2_train_images"
MAPPING = "pneumonia-challenge-dataset-mappings_2018.json"
OPACITY = "Lung Opacity"
PNEUMONIA_CLASSES = (OPACITY, "No Lung Opacity / Not Normal", "Normal")
SIDES = ["x", "y", "width", "height"]
NIH_NAME = r"^(\d{8})_\d{3}\.png$"
KINDS_TABLE = "stage_2_train.csv"
SLICES = "stage_2_train"
HEMORRHAGE_CLASSES = {"0": "none", "1": "hemorrhage"}
_OTHERS = "GCP Credits Request Link - RSNA.txt", "stage_2_sample_submission.csv"


def _sort(tree: Tree, layout: str, folder: str, *tables: str) -> tuple[str, dict[str, str]]:
    """Return the folder around the challenge, and images by id, the file name without .dcm."""
    around, files = sort_files(
        tree,
        layout,
        images=rf"{folder}/([^/]+)\.dcm",
        others=f"({alternatives([*tables, *_OTHERS])}|stage_2_test.*/.+)",
    )
    return around, files["images"]


def find_pneumonia(tree: Tree, manifest: DatasetManifest) -> list[FoundCase]:
    """Return the training radiographs, with their boxes as masks."""
    around, images = _sort(tree, "rsna_pneumonia", RADIOGRAPHS, BOXES, CLASS_INFO, MAPPING)
    boxes = _read_boxes(tree, around + BOXES)
    rows = read_table(tree, around + CLASS_INFO, ["patientId", "class"])
    classes = rows.drop_duplicates(["patientId", "class"]).set_index("patientId")["class"]
    odd = classes[~classes.isin(PNEUMONIA_CLASSES)]
    tree.raise_if_any(odd.index + " " + odd, "images of an unknown class", file=CLASS_INFO)
    tree.raise_if_any(
        classes.index[classes.index.duplicated()], "images have two classes", file=CLASS_INFO
    )
    labelled_files(tree, manifest, boxes, images, f"images of {BOXES}", "pictures")
    labelled_files(tree, manifest, classes.index, images, f"images of {CLASS_INFO}", "pictures")
    against = [image for image in images if (classes[image] == OPACITY) != bool(boxes[image])]
    tree.raise_if_any(
        against, f"images have a Target that contradicts their class in {CLASS_INFO}", file=BOXES
    )
    patients = _nih_patients(tree, around)
    tree.raise_if_any(
        sorted(images.keys() - patients.keys()), "images have no patient", file=MAPPING
    )
    return [
        FoundCase(image, patients[image], classes[image], tree.locator(name), boxes[image])
        for image, name in images.items()
    ]


def _read_boxes(tree: Tree, name: str) -> dict[str, tuple[str, ...]]:
    """Return the boxes of each image as shapes in words; no boxes if Target is 0."""
    columns = ["patientId", "Target", *SIDES]
    rows = read_table(tree, name, columns)[columns].astype(object)
    sides = rows[SIDES].apply(pd.to_numeric, errors="coerce")
    has_box = (sides >= 0).all(axis=1) & (sides[["width", "height"]] > 0).all(axis=1)
    without = (rows[SIDES] == "").all(axis=1)
    strange = rows["Target"] != np.select([has_box, without], ["1", "0"], "no box")
    tree.raise_if_any(
        [", ".join(row) for row in rows[strange].to_numpy()],
        "rows are neither Target 1 with a box that begins inside nor Target 0 without one",
        file=name,
    )
    several = rows["patientId"].duplicated(keep=False)
    tree.raise_if_any(
        rows["patientId"][rows.duplicated() | (several & without)].unique(),
        "images have rows that repeat or contradict",
        file=name,
    )
    boxes: dict[str, tuple[str, ...]] = dict.fromkeys(rows["patientId"], ())
    for image, box in zip(rows["patientId"][has_box], sides[has_box].to_numpy(), strict=True):
        boxes[image] += (shape_text(BOX, [box]),)
    return boxes


def _nih_patients(tree: Tree, around: str) -> dict[str, str]:
    """Return the NIH patient of each image of the challenge, test images included."""
    inside = around + MAPPING in tree.names
    if not inside and not (tree.root / MAPPING).is_file():
        raise tree.error(
            f"{MAPPING} is missing, so it is unknown which images show the same patient",
            remedy="Download it from the challenge's page at RSNA to the dataset or next to it.",
        )
    content = tree.read(around + MAPPING) if inside else read_bytes(tree.root, MAPPING)
    with as_input_error(
        "not a list of subset_img_id and img_id",
        where=tree.place(MAPPING),
        remedy=REMEDY,
        kinds=(ValueError, TypeError, KeyError),
    ):
        names = pd.DataFrame(json.loads(content)).set_index("subset_img_id")["img_id"]
        patients = names.str.extract(NIH_NAME)[0]
    odd = patients.isna() | (patients.groupby(level=0).transform("nunique") > 1)
    tree.raise_if_any(
        [f"{image} is {name!r}" for image, name in names[odd].items()],
        "images have no NIH picture, or two patients",
        file=MAPPING,
    )
    return patients.to_dict()


def find_hemorrhage(tree: Tree, manifest: DatasetManifest) -> list[FoundCase]:
    """Return the training slices with the classes `hemorrhage` and `none`."""
    around, images = _sort(tree, "rsna_hemorrhage", SLICES, KINDS_TABLE)
    rows = read_table(tree, around + KINDS_TABLE, ["ID", "Label"])
    rows = rows[rows["ID"].str.endswith("_any")].drop_duplicates(["ID", "Label"])
    classes = rows.set_index("ID")["Label"].map(HEMORRHAGE_CLASSES)
    strange = classes.index[classes.isna()]
    tree.raise_if_any(strange, "labels are neither 0 nor 1", file=KINDS_TABLE)
    classes.index = classes.index.str.removesuffix("_any")
    tree.raise_if_any(
        classes.index[classes.index.duplicated()],
        "images have rows that contradict each other",
        file=KINDS_TABLE,
    )
    what = f"images of {KINDS_TABLE}"
    labelled = labelled_files(tree, manifest, classes.index, images, what, "pictures")
    return [
        FoundCase(image, None, source_class, tree.locator(images[image]))
        for image, source_class in classes[labelled].items()
    ]
