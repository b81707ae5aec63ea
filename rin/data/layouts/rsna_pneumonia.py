"""The layout of the RSNA Pneumonia Detection Challenge of 2018 (stage 2).

``stage_2_train_images/<patientId>.dcm`` holds one radiograph each; ``stage_2_train_labels.csv``
its boxes (a row each, or one row with Target 0), ``stage_2_detailed_class_info.csv`` its class.
The challenge's ``patientId`` names an image.  Which NIH patient it shows stands in a table that
RSNA publishes beside the challenge, and one patient may have dozens of images.
Shih et al., Radiology: Artificial Intelligence 2019;1(1):e180041.
"""

import json
import re
from typing import Literal

from rin.data.layouts.found import (
    FoundCase,
    ReaderOptions,
    challenge_files,
    check_same_images,
    read_table,
    reader_options,
    refuse,
    wrong,
)
from rin.data.manifest import DatasetManifest
from rin.data.pixels import box_text
from rin.data.tree import Tree, read_bytes

LABELS = "stage_2_train_labels.csv"
CLASS_INFO = "stage_2_detailed_class_info.csv"
FOLDER = "stage_2_train_images"
MAPPING = "pneumonia-challenge-dataset-mappings_2018.json"
IGNORED = (
    CLASS_INFO,
    MAPPING,
    "stage_2_test_images/",
    "stage_2_sample_submission.csv",
    "GCP Credits Request Link - RSNA.txt",
)
OPACITY = "Lung Opacity"
CLASSES = (OPACITY, "No Lung Opacity / Not Normal", "Normal")
SIDES = ("x", "y", "width", "height")
NIH_NAME = re.compile(r"(\d{8})_\d{3}\.png")


class Options(ReaderOptions):
    """``patients``: ``nih`` groups the images by NIH patient and needs the mapping table;
    ``image`` takes each image for its own patient.
    """

    patients: Literal["nih", "image"] = "nih"


def find_cases(tree: Tree, manifest: DatasetManifest) -> list[FoundCase]:
    """Return the training radiographs, their boxes as masks."""
    options = reader_options(Options, manifest)
    prefix, images = challenge_files(tree, "rsna_pneumonia", LABELS, FOLDER, IGNORED)
    boxes = _read_boxes(tree, prefix + LABELS)
    classes = _read_classes(tree, prefix + CLASS_INFO)
    check_same_images(tree, LABELS, boxes, images.keys())
    check_same_images(tree, CLASS_INFO, classes, images.keys())
    against = [image for image, name in classes.items() if (name == OPACITY) != bool(boxes[image])]
    refuse(tree, against, f"images have a Target against their class in {CLASS_INFO}", file=LABELS)
    patients = _nih_patients(tree, prefix) if options.patients == "nih" else {i: i for i in images}
    unmapped = sorted(images.keys() - patients.keys())
    refuse(tree, unmapped, "images have no patient", file=MAPPING)
    return [
        FoundCase(image, patients[image], classes[image], tree.locator(name), tuple(boxes[image]))
        for image, name in images.items()
    ]


def _read_boxes(tree: Tree, name: str) -> dict[str, list[str]]:
    """Return the boxes of each image as shapes in words; none where Target is 0."""
    boxes: dict[str, list[str]] = {}
    columns = ["patientId", *SIDES, "Target"]
    for image, *sides, target in read_table(tree, name, columns)[columns].itertuples(index=False):
        box = _box(tree, name, image, sides, target)
        if image in boxes and (box is None or not boxes[image] or box in boxes[image]):
            refuse(tree, [image], "images have rows that repeat or contradict", file=name)
        boxes.setdefault(image, []).extend([box] if box else [])
    return boxes


def _box(tree: Tree, name: str, image: str, sides: list[str], target: str) -> str | None:
    """Return the box of a row as a shape in words, None for Target 0 and no box."""
    if target == "0" and all(side.lower() in ("", "nan") for side in sides):
        return None
    try:
        if target != "1":
            raise ValueError("only Target 1 has one, only Target 0 has none")
        x, y, width, height = map(float, sides)
        if x < 0 or y < 0:
            raise ValueError("it begins outside the image")
        return box_text(x, y, width, height)
    except ValueError as error:
        problem = f"{image} has Target {target!r} with box {', '.join(sides)!r}: {error}"
        raise wrong(tree, problem, file=name) from error


def _read_classes(tree: Tree, name: str) -> dict[str, str]:
    if name not in tree.names:
        raise wrong(tree, "the table is not there", file=name)
    table = read_table(tree, name, ["patientId", "class"])[["patientId", "class"]]
    odd = table[~table["class"].isin(CLASSES)]
    refuse(tree, odd["patientId"] + " " + odd["class"], "images of an unknown class", file=name)
    table = table.drop_duplicates()
    twice = table["patientId"][table["patientId"].duplicated()]
    refuse(tree, twice, "images have two classes", file=name)
    return dict(table.itertuples(index=False))


def _nih_patients(tree: Tree, prefix: str) -> dict[str, str]:
    """Return the NIH patient of each image of the challenge, test images included."""
    inside = prefix + MAPPING in tree.names
    if not inside and not (tree.root / MAPPING).is_file():
        raise wrong(
            tree,
            f"{MAPPING} is not there, so nobody knows which images show one patient",
            remedy="Download it from the challenge's page at RSNA into the dataset or beside it; "
            "or set 'patients: image' in the manifest, and parts of a split may share patients.",
        )
    content = tree.read(prefix + MAPPING) if inside else read_bytes(tree.root, MAPPING)
    patients: dict[str, str] = {}
    try:
        for entry in json.loads(content):
            image, picture = entry["subset_img_id"], NIH_NAME.fullmatch(entry["img_id"])
            if picture is None or patients.setdefault(image, picture[1]) != picture[1]:
                raise ValueError(f"{image} is {entry['img_id']!r}")
    except (ValueError, TypeError, KeyError) as error:
        problem = f"no list of subset_img_id and img_id ({type(error).__name__}: {error})"
        raise wrong(tree, problem, file=MAPPING) from error
    return patients
