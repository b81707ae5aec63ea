"""The stand-in of each dataset: which phantoms its cases are, and its files and tables.

One hidden suspicion per case drives number, size, shape and contrast of what is found; its
distributions overlap.  Files of a case do not depend on how many cases there are.
"""

import json
from collections import Counter
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple
from uuid import NAMESPACE_OID, uuid5
from xml.etree import ElementTree

import numpy as np
import pandas as pd
from numpy import ndarray
from numpy.random import default_rng
from pydicom import dcmwrite
from skimage.color import hsv2rgb
from skimage.measure import approximate_polygon, find_contours

from rin.data.layouts import folders, rsna
from rin.data.standins import writers
from rin.data.standins.phantoms import Phantom, resized, smooth_noise, to_uint8
from rin.files import read_yaml

FACTS = read_yaml(Path(__file__).with_suffix(".yaml"))
SUSPICION: dict[str, float] = FACTS["suspicion"]
SHAPE = (160, 160)
#: Slices of the chest, from -1 (diaphragm) to 1, and those that CC-CCII lists as with lesions.
HEIGHTS, LISTED = (-0.45, 0.0, 0.4), (0, 1)
PNEUMONIA_CLASSES = dict(
    zip(("opacity", "not_normal", "normal"), rsna.PNEUMONIA_CLASSES, strict=True)
)


def _who(seed: int, kind: str, index: int) -> list[int]:
    """Return what all chance of a case starts from."""
    return [seed, list(SUSPICION).index(kind), index]


def write_busi(folder: Path, counts: dict[str, int], seed: int) -> list[tuple]:
    """Write pictures and masks; the last benign case copies the first, for the leakage checks."""

    def write(kind: str, index: int) -> Iterator[tuple]:
        repeat = kind == "benign" and 0 < index == counts[kind] - 1
        picture, masks = draw_breast(kind, 0 if repeat else index, seed)
        if repeat:
            picture = to_uint8(picture[2:-2, 2:-2] / 255 * 1.04 + 0.01)
            masks = [mask[2:-2, 2:-2] for mask in masks]
        stem = f"{kind} ({index + 1})"
        writers.write_picture(folder / kind / f"{stem}.png", picture)
        for number, mask in enumerate(masks):
            tail = f"_{number}" if number else ""
            writers.write_picture(folder / kind / f"{stem}_mask{tail}.png", mask)
        yield kind, 1, len(masks)

    return writers.write_cases(write, counts)


def write_busbra(folder: Path, counts: dict[str, int], seed: int) -> list[tuple]:
    """Write pictures (two of every second patient), masks, and tables of cases and five folds."""

    def write(kind: str, index: int) -> Iterator[tuple]:
        malignant = kind == "malignant"
        patient, category = 2 * index + malignant + 1, index % 3 + 2 + malignant
        histology = "invasive ductal carcinoma" if malignant else "fibroadenoma"
        for view, side in enumerate(["left", "right"] if index % 2 else ["single"]):
            # Far from the indices of BUSI, so that the two datasets share no picture.
            picture, masks = draw_breast(kind, 10**6 + 2 * index + view, seed)
            name = f"{patient:04d}-{side[0]}"
            writers.write_picture(folder / "Images" / f"bus_{name}.png", picture)
            writers.write_picture(folder / "Masks" / f"mask_{name}.png", np.any(masks, axis=0))
            device, sides = f"GE Logiq {5 + index % 2 * 2}", picture.shape[::-1]
            yield f"bus_{name}", patient, histology, kind, category, device, *sides, side, ""

    rows = sorted(writers.write_cases(write, counts))
    folds = [(name, kind, (patient - 1) // 2 % 5 + 1) for name, patient, _, kind, *_ in rows]
    writers.write_table(folder / "bus_data.csv", FACTS["bus-bra columns"], rows)
    writers.write_table(folder / "5-fold-cv.csv", ["ID", "Pathology", "kFold"], folds)
    return [(row[3], 1, 1) for row in rows]


def draw_breast(kind: str, index: int, seed: int) -> tuple[ndarray, list[ndarray]]:
    """Draw an image, uint8, 180 to 288 wide, and a mask, bool, per lesion, or an empty one."""
    rng = default_rng(_who(seed, kind, index))
    width = int(rng.integers(180, 289))
    phantom = Phantom("breast", (int(width * rng.uniform(0.6, 0.95)), width), rng, rng)
    masks = [np.zeros(phantom.shape, bool)]
    if kind != "normal":
        suspicion = SUSPICION[kind] + rng.normal()
        masks = [phantom.add_lesion("breast lesion", rng, suspicion)]
        if index % 25 == 2:
            masks.append(phantom.add_lesion("breast lesion", rng, suspicion, 0.5) & ~masks[0])
    return phantom.picture(), masks


def write_ddti(folder: Path, counts: dict[str, int], seed: int) -> list[tuple]:
    """Write an XML file a patient, and JPEGs; the class is the TI-RADS category.

    To each dozen patients comes one without a category, which the study leaves out.
    """

    def write(kind: str, index: int) -> Iterator[tuple]:
        categories = FACTS["tirads"][kind]
        number, tirads = 3 * index + list(FACTS["tirads"]).index(kind) + 1, index % len(categories)
        case, images = ElementTree.Element("case"), range(1, 3 if index % 3 == 1 else 2)
        fields = {"number": number, "age": 20 + index % 60, "sex": "F"} | FACTS["ddti fields"]
        for tag, text in (fields | {"tirads": categories[tirads]}).items():
            ElementTree.SubElement(case, tag).text = str(text)
        for image in images:
            picture, nodule = draw_thyroid(kind, index, seed, image)
            writers.write_picture(folder / f"{number}_{image}.jpg", picture, quality=92)
            mark = ElementTree.SubElement(case, "mark")
            ElementTree.SubElement(mark, "image").text = str(image)
            ElementTree.SubElement(mark, "svg").text = json.dumps([_region(nodule)])
        path = folder / f"{number}.xml"
        ElementTree.ElementTree(case).write(path, encoding="utf-8", xml_declaration=True)
        yield categories[tirads] or "unrated", len(images), len(images)

    return writers.write_cases(write, counts | {"unrated": -(-sum(counts.values()) // 12)})


def draw_thyroid(kind: str, index: int, seed: int, image: int) -> tuple[ndarray, ndarray]:
    """Draw an image of a patient, uint8, 200 to 256 pixels wide, and the nodule's mask, bool."""
    who = _who(seed, kind, index)
    suspicion, rng = SUSPICION[kind] + default_rng(who).normal(), default_rng([*who, image])
    width = int(rng.integers(200, 257))
    phantom = Phantom("neck", (int(width * rng.uniform(0.6, 0.72)), width), rng, rng)
    nodule = phantom.add_lesion("thyroid nodule", rng, suspicion)
    return phantom.picture(), nodule


def _region(mask: ndarray) -> dict:
    """Return the outline of a mask in the form of the dataset's annotations."""
    contours = find_contours(np.pad(mask, 1), 0.5)
    corners = approximate_polygon(max(contours, key=len) - 1, 0.6)[:-1]
    points = [{"x": int(x), "y": int(y)} for y, x in np.rint(corners)]
    return {"points": points, "annotation": {}, "regionType": "freehand"}


def write_covid19_ct(folder: Path, counts: dict[str, int], seed: int) -> list[tuple]:
    """Write the slices of so many patients in class folders."""

    def write(kind: str, index: int) -> Iterator[tuple]:
        for number, picture in enumerate(draw_chest(kind, index, seed), start=1):
            path = folder / kind / f"{kind[0]}{index + 1:04d}_{number}.png"
            writers.write_picture(path, picture)
        yield kind, len(HEIGHTS), 0

    return writers.write_cases(write, counts)


def draw_chest(kind: str, index: int, seed: int) -> list[ndarray]:
    """Draw the slices of one scan, uint8 (160, 160) each.

    COVID-19 (positive, ncp) tends to several hazy patches near the pleura of both lungs, other
    pneumonia (negative, cp) to one dense area in one lung.
    """
    who = _who(seed, kind, index)
    rng = default_rng([*who, 0])
    suspicion = SUSPICION[kind] + rng.normal()
    dense = rng.random() < 1 / (1 + np.exp(2.5 * suspicion))
    slices = []
    for height in HEIGHTS:
        phantom = Phantom("thorax", SHAPE, default_rng(who), rng, height + rng.normal(0, 0.07))
        if kind != "normal":
            for _ in range(rng.poisson(np.clip(2.6 + 1.9 * suspicion, 0.2, 9))):
                phantom.add_lesion("ground glass", rng, suspicion)
            if dense:
                phantom.add_lesion("consolidation", rng, suspicion)
        slices.append(phantom.picture())
    return slices


def write_cc_ccii(folder: Path, counts: dict[str, int], seed: int) -> list[tuple]:
    """Write the scans of so many patients, and tables; counted are listed and normal slices."""
    classes = FACTS["cc_ccii"]

    def write(kind: str, index: int) -> Iterator[tuple]:
        # Numbers interleave, so that each patient and scan has one number in the whole set.
        patient = 3 * index + list(classes).index(kind) + 1
        place = f"{classes[kind]}/{patient}/{1000 + patient}"
        names = [f"{place}/{number:04d}.png" for number in range(len(HEIGHTS))]
        for name, picture in zip(names, draw_chest(kind, index, seed), strict=True):
            writers.write_picture(folder / name, picture)
        yield classes[kind], patient, names

    scans, listed, rows = [], [], []
    for name, patient, names in writers.write_cases(write, counts):
        scans.append((f"{name}-1.zip", name, patient, 1000 + patient, len(names)))
        lesions = [] if name == folders.NORMAL else [names[number] for number in LISTED]
        listed += [(lesion,) for lesion in lesions]
        rows.append((name, len(lesions or names), 0))
    writers.write_table(folder / folders.LESIONS, ("imgpath",), listed)
    writers.write_table(folder / folders.SCANS, folders.SCAN_COLUMNS, scans)
    patients = [(patient,) for _, name, patient, *_ in scans if name == classes["ncp"]]
    writers.write_table(folder / folders.METADATA, ("patient_id",), patients)
    return rows


def write_mrnet(folder: Path, counts: dict[str, int], seed: int) -> list[tuple]:
    """Write tables and volumes of the sagittal plane; the dataset has two planes more."""
    knees, splits, signs = FACTS["knees"], ("train", "valid"), ("abnormal", "acl", "meniscus")
    for split in splits:
        (folder / split / "sagittal").mkdir(parents=True)

    def write(kind: str, index: int) -> Iterator[tuple]:
        number = list(knees).index(kind)
        split, name = splits[(index + number) % 8 == 0], f"{5 * index + number:04d}"
        n = 9 + (index + number) % 3
        places = (2 * np.arange(n) + 1) / n - 1
        slices = [draw_knee(kind, index, seed, place)[0] for place in places]
        np.save(folder / split / "sagittal" / f"{name}.npy", np.stack(slices))
        yield split, name, kind != "normal", *knees[kind][1:]

    rows = sorted(writers.write_cases(write, counts))
    exams = pd.DataFrame(rows, columns=["split", "name", *signs])
    for split, sign in product(splits, signs):
        table = exams.loc[exams["split"] == split, ["name", sign]].astype({sign: int})
        table.to_csv(folder / f"{split}-{sign}.csv", header=False, index=False)
    return [(knees[kind][0], n, 0) for kind, n in counts.items()]


def draw_knee(kind: str, index: int, seed: int, place: float) -> tuple[ndarray, Phantom]:
    """Draw a slice, uint8 (256, 256), ``place`` (-1 to 1) along the knee; and its phantom.

    A torn ligament (around 0) tends to be bright in its middle, a torn meniscus to bear a bright
    line; both come with fluid in the joint.
    """
    who = _who(seed, kind, index)
    rng = default_rng([*who, int(1000 * (place + 2)), 8])
    phantom = Phantom("knee", (128, 128), default_rng(who), rng, place)
    exam = default_rng([*who, 0])
    torn = FACTS["knees"][kind][1:]
    ligament, meniscus = ((1.0 if part else -1.0) + exam.normal() for part in torn)
    phantom.add_lesion("effusion", exam, max(ligament, meniscus) + (kind != "normal"))
    phantom.add_lesion("torn meniscus", exam, meniscus)
    phantom.add_lesion("torn ligament", exam, ligament)
    # Drawn smaller and enlarged, which is faster.
    return to_uint8(resized(phantom.scan(), (256, 256))), phantom


def _write_dicom(
    path: Path, header: str, patient: str, stored: ndarray, bits: int, **elements: Any
) -> None:
    """Write stored values (h, w) under the elements that `FACTS` has for a header."""
    image = writers.new_instance(
        SOPInstanceUID=writers.make_uid("image", path.stem),
        StudyInstanceUID=writers.make_uid("study", patient),
        SeriesInstanceUID=writers.make_uid("series", patient),
        PatientID=patient,
        PatientName=patient,
        **FACTS[header] | elements,
    )
    dcmwrite(path, writers.set_pixels(image, stored, bits), enforce_file_format=True)


class Drawn(NamedTuple):
    """Image, values (h, w), and what it shows: boxes (x, y, width, height) or kinds of bleed."""

    image_id: str
    patient: str
    values: ndarray
    shown: tuple


def write_pneumonia(folder: Path, counts: dict[str, int], seed: int) -> list[tuple]:
    """Write radiographs and tables of so many patients; every sixth patient has two images.

    As in the published files, every image bears its own ``patientId``, while the mapping table
    names the patients.
    """
    (folder / rsna.RADIOGRAPHS).mkdir()

    def write(kind: str, index: int) -> Iterator[tuple[str, Drawn]]:
        for take in range(1 + (index % 6 == 5)):
            image = draw_radiograph(kind, index, take, seed)
            path = folder / rsna.RADIOGRAPHS / f"{image.image_id}.dcm"
            view = ("PA", "AP")[index % 2]
            _write_dicom(path, "radiograph", path.stem, image.values, 8, ViewPosition=view)
            yield PNEUMONIA_CLASSES[kind], image

    labels, classes, mapping, takes = [], [], [], Counter()
    images = writers.write_cases(write, counts)
    for source_class, (name, patient, _, boxes) in images:
        labels += [(name, *box, 1) for box in boxes] or [(name, *4 * [""], 0)]
        classes.append((name, source_class))
        picture = f"{patient}_{takes[patient]:03d}.png"
        mapping.append({"subset_img_id": name, "img_id": picture})
        takes[patient] += 1
    writers.write_table(folder / rsna.BOXES, ["patientId", *rsna.SIDES, "Target"], labels)
    writers.write_table(folder / rsna.CLASS_INFO, ["patientId", "class"], classes)
    writers.write_json(folder / rsna.MAPPING, mapping)
    return [(source_class, 1, len(image.shown)) for source_class, image in images]


def draw_radiograph(kind: str, index: int, take: int, seed: int) -> Drawn:
    """Draw an image of a patient, whose images share the anatomy but not the opacities.

    Images without a box may be abnormal in another way, or carry a faint shadow.
    """
    who = _who(seed, kind, index)
    rng = default_rng([*who, 1 + take])
    suspicion = SUSPICION[kind] + rng.normal()
    phantom = Phantom("chest film", SHAPE, default_rng(who), rng, zoom=1 - 0.08 * take)
    boxes = []
    if kind == "not_normal":
        phantom.add_lesion("scar", rng)
    if kind == "opacity":
        for _ in range(1 + int(rng.poisson(max(0.1, 0.7 + 0.4 * suspicion)))):
            mask = phantom.add_lesion("opacity", rng, suspicion)
            (y, x), sides = np.argwhere(mask).min(axis=0), np.ptp(np.argwhere(mask), axis=0) + 1
            boxes.append((int(x), int(y), *map(int, sides[::-1])))
    elif suspicion > -0.5:
        phantom.add_lesion("opacity", rng, suspicion - 0.5)
    image_id = str(uuid5(NAMESPACE_OID, f"{seed} {kind} {index} {take}"))
    return Drawn(image_id, f"{who[1]:02d}{index + 1:06d}", phantom.picture(), tuple(boxes))


def write_hemorrhage(folder: Path, counts: dict[str, int], seed: int) -> list[tuple]:
    """Write two CT slices of so many patients, and the table of labels.

    Scanners differ: every other patient has 16 signed bits, the others 12 unsigned ones.
    """
    (folder / rsna.SLICES).mkdir()

    def write(kind: str, index: int) -> Iterator[Drawn]:
        bits, signed = (12, np.uint16) if index % 2 else (16, np.int16)
        for number in (0, 1):
            image = draw_head_slice(kind, index, number, seed)
            stored = np.clip(np.rint(image.values) + 1024, 0, 4095).astype(signed)
            path = folder / rsna.SLICES / f"{image.image_id}.dcm"
            place = [0.0, 0.0, 15.0 * number]
            _write_dicom(path, "head", image.patient, stored, bits, ImagePositionPatient=place)
            yield image

    images = writers.write_cases(write, counts)
    shown = {image.image_id: {*image.shown, "any"} if image.shown else set() for image in images}
    labels = [(f"{name}_{kind}", int(kind in kinds))
              for name, kinds in shown.items() for kind in rsna.KINDS]  # fmt: skip
    writers.write_table(folder / rsna.KINDS_TABLE, ["ID", "Label"], labels)
    return sorted((rsna.HEMORRHAGE_CLASSES[bool(kinds)], 1, 0) for kinds in shown.values())


def draw_head_slice(kind: str, index: int, number: int, seed: int) -> Drawn:
    """Draw a slice of a patient; of a patient with hemorrhage at least one of two shows it.

    Those without blood may have some artefact that is hardly denser than brain.
    """
    who = _who(seed, kind, index)
    rng = default_rng([*who, number])
    bleeds = kind == "hemorrhage" and (number == index % 2 or index % 5 == 0)
    phantom = Phantom("head", SHAPE, default_rng(who), rng, 0.3 * number)
    suspicion, kinds = SUSPICION["hemorrhage" if bleeds else "none"] + rng.normal(), ()
    if bleeds:
        n_kinds = 1 + int(rng.random() < 0.25)
        kinds = tuple(rng.choice(rsna.SUBTYPES, n_kinds, replace=False).tolist())
    elif suspicion > -0.9:
        phantom.add_lesion("intraparenchymal", rng, suspicion - 0.8)
    for shape in kinds:
        phantom.add_lesion(shape, rng, suspicion)
    patient, image = (
        uuid5(NAMESPACE_OID, name).hex
        for name in (f"{seed} {kind} {index}", f"{seed} {kind} {index} {number}")
    )
    return Drawn(f"ID_{image[:9]}", f"ID_{patient[:8]}", phantom.scan(), kinds)


def write_corpus(
    folder: Path, counts: dict[str, int], seed: int, *, kind: str, ending: str
) -> list[tuple]:
    """Write ``class_count`` folders of ``per_class`` pictures, 64 x 64: `looks`, or `motifs`."""
    rows, classes = [], FACTS[kind]
    variants = -(-counts["class_count"] // len(classes)) + 1
    for number in range(counts["class_count"]):
        variant, place = divmod(number, len(classes))
        name = list(classes)[place]
        for index in range(counts["per_class"]):
            rng = default_rng([seed, number, index])
            if kind == "motifs":
                picture = _photograph(rng, name, variant / variants)
            else:
                body, lesion, suspicion = classes[name]
                phantom = Phantom(body, (64, 64), rng, rng, 0.3 * variant, 1.3**variant)
                if lesion:
                    phantom.add_lesion(lesion, rng, suspicion)
                picture = phantom.picture()
            path = folder / f"{number:02d}_{name}" / f"{index + 1:04d}{ending}"
            writers.write_picture(path, picture, quality=90)
        rows.append((f"{number:02d}_{name}", counts["per_class"], 0))
    return rows


def _photograph(rng: np.random.Generator, motif: str, hue: float) -> ndarray:
    """Draw a motif of a hue in front of sky and ground, uint8 (64, 64, 3)."""
    front = Phantom(motif, (64, 64), rng, rng).levels[..., None]
    ground = 1 / (1 + np.exp(-(np.arange(64) - rng.uniform(20, 50)) / 2))[:, None, None]
    hues = [(hue + rng.normal(0, 0.03)) % 1, *rng.uniform(0, 1, 2)]
    saturations = [rng.uniform(0.55, 1), *rng.uniform(0.1, 0.6, 2)]
    values = [rng.uniform(0.55, 0.95), 0.7, 0.45]
    colors = hsv2rgb(np.stack([hues, saturations, values], axis=-1))
    picture = front * colors[0] + (1 - front) * (ground * colors[1] + (1 - ground) * colors[2])
    shade = rng.uniform(0.75, 1.1) + 0.1 * smooth_noise(rng, (64, 64), 2)[..., None]
    return to_uint8(picture * shade)
