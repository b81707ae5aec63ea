"""The stand-in of each dataset: which phantoms its cases are, and its files and tables.

One hidden suspicion per case drives number, size, shape and contrast of what is found; its
distributions overlap.  Files of a case do not depend on how many cases there are.
"""

import hashlib
import io
import json
import uuid
from collections import Counter
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import numpy as np
import pandas as pd
from numpy import ndarray
from numpy.random import default_rng
from PIL import Image
from pydicom import dcmwrite
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGBaseline8Bit
from scipy.ndimage import binary_erosion
from skimage.color import hsv2rgb
from skimage.measure import approximate_polygon, find_contours

from rin.data.layouts import folders, rsna
from rin.data.standins import writers
from rin.data.standins.phantoms import Phantom, smooth_noise, to_uint8
from rin.files import read_yaml

FACTS = read_yaml(Path(__file__).with_suffix(".yaml"))
SUSPICION: dict[str, float] = FACTS["suspicion"]
SHAPE = (160, 160)
#: CC-CCII: the slices with lesions, which are listed.
LISTED = (1, 2)
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
        rng = default_rng([*_who(seed, kind, index), 1])
        patient = 2 * index + (kind == "malignant") + 1
        category = int(rng.integers(2, 5)) + (kind == "malignant")
        device = rng.choice(["GE Logiq 5", "GE Logiq 7"])
        histology = {"benign": "fibroadenoma", "malignant": "invasive ductal carcinoma"}[kind]
        for view, side in enumerate(["left", "right"] if index % 2 else ["single"]):
            # Far from the indices of BUSI, so that the two datasets share no picture.
            picture, masks = draw_breast(kind, 10**6 + 2 * index + view, seed)
            name = f"{patient:04d}-{side[0]}"
            writers.write_picture(folder / "Images" / f"bus_{name}.png", picture)
            writers.write_picture(folder / "Masks" / f"mask_{name}.png", np.any(masks, axis=0))
            box = (*picture.shape[::-1], side, "")
            row = (f"bus_{name}", patient, histology, kind, category, device, *box)
            yield row, (f"bus_{name}", kind, index % 5 + 1)

    rows, folds = zip(*sorted(writers.write_cases(write, counts)), strict=True)
    writers.write_table(folder / "bus_data.csv", FACTS["bus-bra columns"], rows)
    writers.write_table(folder / "5-fold-cv.csv", ["ID", "Pathology", "kFold"], folds)
    return [(row[3], 1, 1) for row in rows]


def draw_breast(kind: str, index: int, seed: int) -> tuple[ndarray, list[ndarray]]:
    """Draw an image, uint8, 180 to 288 wide, and a mask, bool, per lesion, or an empty one."""
    rng = default_rng(_who(seed, kind, index))
    width = int(rng.integers(180, 289))
    phantom = Phantom("breast", (int(width * rng.uniform(0.6, 0.95)), width), rng, rng)
    masks = []
    if kind != "normal":
        suspicion = SUSPICION[kind] + rng.normal()
        masks.append(phantom.add_lesion("breast lesion", rng, suspicion))
        if index % (25 if kind == "benign" else 100) == 2:
            second = phantom.add_lesion("breast lesion", rng, suspicion, 0.5)
            masks.append(second & ~masks[0])
    shown = [mask for mask in masks if mask.any()]
    return phantom.picture(), shown or [np.zeros(phantom.shape, bool)]


def write_ddti(folder: Path, counts: dict[str, int], seed: int) -> list[tuple]:
    """Write an XML file a patient, and JPEGs; the class is the TI-RADS category.

    To each dozen patients comes one without a category, which the study leaves out.
    """

    def write(kind: str, index: int) -> Iterator[tuple]:
        who = _who(seed, kind, index)
        number, n_images = str(3 * index + who[1] + 1), 2 if index % 3 == 1 else 1
        rng, limits = default_rng([*who, 0]), FACTS["tirads"]
        suspicion = SUSPICION[kind] + default_rng(who).normal()
        tirads = "5" if kind in limits else ""
        tirads = next((name for most, name in limits.get(kind, ()) if suspicion <= most), tirads)
        age, sex = int(np.clip(rng.normal(48, 14), 16, 88)), "F" if rng.random() < 0.85 else "M"
        fields = {"number": number, "age": str(age), "sex": sex}
        fields |= FACTS["ddti fields"] | {"tirads": tirads}
        case, outlines = ElementTree.Element("case"), 0
        for tag, text in fields.items():
            ElementTree.SubElement(case, tag).text = text
        for image in range(1, n_images + 1):
            picture, nodules = draw_thyroid(kind, index, seed, image)
            writers.write_picture(folder / f"{number}_{image}.jpg", picture, quality=92)
            mark = ElementTree.SubElement(case, "mark")
            ElementTree.SubElement(mark, "image").text = str(image)
            ElementTree.SubElement(mark, "svg").text = json.dumps(list(map(_region, nodules)))
            outlines += len(nodules)
        path = folder / f"{number}.xml"
        ElementTree.ElementTree(case).write(path, encoding="utf-8", xml_declaration=True)
        yield tirads or "unrated", n_images, outlines

    return writers.write_cases(write, counts | {"unrated": -(-sum(counts.values()) // 12)})


def draw_thyroid(kind: str, index: int, seed: int, image: int) -> tuple[ndarray, list[ndarray]]:
    """Draw an image of a patient, uint8, 200 to 256 pixels wide, and a mask, bool, per nodule."""
    who = _who(seed, kind, index)
    suspicion, rng = SUSPICION[kind] + default_rng(who).normal(), default_rng([*who, image])
    width = int(rng.integers(200, 257))
    phantom = Phantom("neck", (int(width * rng.uniform(0.6, 0.72)), width), rng, rng)
    nodules = [phantom.add_lesion("thyroid nodule", rng, suspicion)]
    if index % 7 == 3:
        second = phantom.add_lesion("thyroid nodule", rng, suspicion, 0.55)
        nodules.append(second & ~nodules[0])
    return phantom.picture(), [nodule for nodule in nodules if binary_erosion(nodule).any()]


def _region(mask: ndarray) -> dict:
    """Return the outline of a mask in the form of the dataset's annotations."""
    contours = find_contours(np.pad(mask, 1), 0.5)
    corners = approximate_polygon(max(contours, key=len) - 1, 0.6)[:-1]
    points = [{"x": int(x), "y": int(y)} for y, x in np.rint(corners)]
    return {"points": points, "annotation": {}, "regionType": "freehand"}


def write_covid19_ct(folder: Path, counts: dict[str, int], seed: int) -> list[tuple]:
    """Write the slices of so many patients in class folders."""

    def write(kind: str, index: int) -> Iterator[tuple]:
        slices = draw_chest(kind, index, seed, FACTS["heights"]["covid19"])
        for number, picture in enumerate(slices, start=1):
            path = folder / kind / f"{kind[0]}{index + 1:04d}_{number}.png"
            writers.write_picture(path, picture)
        yield kind, len(slices), 0

    return writers.write_cases(write, counts)


def draw_chest(kind: str, index: int, seed: int, heights: list[float]) -> list[ndarray]:
    """Draw the slices of one scan at heights from -1 (diaphragm) to 1, uint8 (160, 160) each.

    COVID-19 (positive, ncp) tends to several hazy patches near the pleura of both lungs, common
    pneumonia (cp) to one dense area in one lung.  One in five scans of COVID19-CT has a dense
    area, which says nothing about the class.
    """
    who, published = _who(seed, kind, index), kind in FACTS["cc_ccii"]
    rng = default_rng([*who, 0])
    suspicion = SUSPICION[kind] + rng.normal()
    dense = rng.random() < (1 / (1 + np.exp(2.5 * suspicion)) if published else 0.2)
    slices = []
    for number, height in enumerate(heights):
        phantom = Phantom("thorax", SHAPE, default_rng(who), rng, height + rng.normal(0, 0.07))
        if kind != "normal" and (number in LISTED or not published):
            patches = rng.poisson(np.clip(2.6 + 1.9 * suspicion, 0.2, 9))
            for _ in range(patches):
                phantom.add_lesion("ground glass", rng, suspicion)
            if dense or (published and not patches):
                phantom.add_lesion("consolidation", rng, suspicion if published else 1.5)
        slices.append(phantom.picture())
    return slices


def write_cc_ccii(folder: Path, counts: dict[str, int], seed: int) -> list[tuple]:
    """Write the scans of so many patients, and tables; counted are listed and normal slices."""

    def write(kind: str, index: int) -> Iterator[tuple[str, str, list[str]]]:
        # Numbers interleave, so that each patient and scan has one number in the whole set.
        number = 3 * index + list(FACTS["cc_ccii"]).index(kind) + 1
        # The published slices are PNG in most scans and JPEG in some.
        ending, quality = (".jpg", {"quality": 95}) if index % 5 == 4 else (".png", {})
        names = []
        heights = FACTS["heights"]["cc_ccii"][: 4 - index % 2]
        for position, picture in enumerate(draw_chest(kind, index, seed, heights)):
            place = f"{FACTS['cc_ccii'][kind]}/{number}/{1000 + number}"
            names.append(f"{place}/{position:04d}{ending}")
            writers.write_picture(folder / names[-1], picture, **quality)
        yield kind, str(number), names

    listed, scans, clinical, rows = [], [], [], []
    for kind, patient, names in writers.write_cases(write, counts):
        name = FACTS["cc_ccii"][kind]
        scans.append((f"{name}-1.zip", name, patient, 1000 + int(patient), len(names)))
        lesions = [] if kind == "normal" else [names[number] for number in LISTED]
        listed += lesions
        rows.append((name, len(lesions or names), 0))
        if kind == "ncp":
            rng = default_rng([seed, 3, int(patient)])
            age, days = int(rng.integers(22, 85)), int(rng.integers(1, 15))
            critical = int(rng.random() < 0.2)
            clinical.append((patient, age, 1 + age % 2, critical, *rng.integers(0, 6, 2), days))
    writers.write_table(folder / folders.LESIONS, ("imgpath",), [(name,) for name in listed])
    writers.write_table(folder / folders.SCANS, folders.SCAN_COLUMNS, scans)
    writers.write_table(folder / folders.METADATA, FACTS["clinical columns"], clinical)
    return rows


def write_mrnet(folder: Path, counts: dict[str, int], seed: int) -> list[tuple]:
    """Write tables and volumes of the sagittal plane; the dataset has two planes more."""
    splits, signs = ("train", "valid"), ["abnormal", "acl", "meniscus"]
    for split in splits:
        (folder / split / "sagittal").mkdir(parents=True)

    def write(kind: str, index: int) -> Iterator[tuple]:
        number = list(FACTS["knees"]).index(kind)
        valid = (index + number) % 8 == 0
        split = splits[valid]
        name = f"{5 * index + number + 5000 * valid:04d}"
        n = 9 + (index + number) % 3
        places = (2 * np.arange(n) + 1) / n - 1
        slices = [draw_knee(kind, index, seed, place)[0] for place in places]
        np.save(folder / split / "sagittal" / f"{name}.npy", np.stack(slices))
        shown = (int(sign not in ("normal", False)) for sign in FACTS["knees"][kind])
        yield split, name, *shown

    rows = sorted(writers.write_cases(write, counts))
    exams = pd.DataFrame(rows, columns=["split", "name", *signs])
    for split, sign in product(splits, signs):
        of_split = exams.loc[exams["split"] == split, ["name", sign]]
        of_split.to_csv(
            folder / f"{split}-{sign}.csv", header=False, index=False, lineterminator="\n"
        )
    return [(FACTS["knees"][kind][0], n, 0) for kind, n in counts.items()]


def draw_knee(kind: str, index: int, seed: int, place: float) -> tuple[ndarray, Phantom]:
    """Draw a slice, uint8 (256, 256), ``place`` (-1 to 1) along the knee; and its phantom.

    A torn ligament (around 0) tends to be bright in its middle, a torn meniscus to bear a bright
    line; both come with fluid in the joint.
    """
    who = _who(seed, kind, index)
    rng = default_rng([*who, int(1000 * (place + 2)), 8])
    # Drawn smaller and enlarged: slices are smooth, and noise comes last.
    phantom = Phantom("knee", (128, 128), default_rng(who), rng, place)
    exam = default_rng([*who, 0])
    torn = FACTS["knees"][kind][1:]
    ligament, meniscus = ((1.0 if part else -1.0) + exam.normal() for part in torn)
    phantom.add_lesion("effusion", exam, max(ligament, meniscus) + (kind != "normal"))
    phantom.add_lesion("torn meniscus", exam, meniscus)
    if "ligament" in phantom.frames:
        phantom.add_lesion("torn ligament", exam, ligament)
    return phantom.picture((256, 256)), phantom


def _write_dicom(
    path: Path, header: str, patient: str, stored: ndarray, bits: int, jpeg: bool, **elements: Any
) -> None:
    """Write stored values (h, w) under the elements that `FACTS` has for a header."""
    image = writers.new_instance(
        SOPInstanceUID=writers.make_uid("image", path.stem),
        StudyInstanceUID=writers.make_uid("study", patient),
        SeriesInstanceUID=writers.make_uid("series", patient),
        PatientID=patient,
        PatientName=patient,
        **FACTS[header],
    )
    writers.set_pixels(image, stored, bits)
    if jpeg:
        coded = io.BytesIO()
        Image.fromarray(stored).save(coded, "JPEG", quality=92)
        image.PixelData = encapsulate([coded.getvalue()])
        image.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
        writers.fill(image, LossyImageCompression="01", LossyImageCompressionMethod="ISO_10918_1")
    dcmwrite(path, writers.fill(image, **elements), enforce_file_format=True)


class Drawn(NamedTuple):
    """Image, values (h, w), and what it shows: boxes (x, y, width, height) or kinds of bleed."""

    image_id: str
    patient: str
    values: ndarray
    shown: tuple


def write_pneumonia(folder: Path, counts: dict[str, int], seed: int) -> list[tuple]:
    """Write radiographs and tables of so many patients; every sixth patient has two images.

    As in the published files, pictures are JPEG-compressed and every image bears its own
    ``patientId``, while the mapping table names the patients; a few files are not compressed or
    are MONOCHROME1, which readers must also master.
    """
    (folder / rsna.RADIOGRAPHS).mkdir()

    def write(kind: str, index: int) -> Iterator[tuple[Drawn, str]]:
        view, elements = ("PA", "AP")[index % 2], {}
        for take in range(1 + (index % 6 == 5)):
            name, _, pixels, _ = image = draw_radiograph(kind, index, take, seed)
            if index % 8 == 3:
                pixels, elements = 255 - pixels, {"PhotometricInterpretation": "MONOCHROME1"}
            path, jpeg = folder / rsna.RADIOGRAPHS / f"{name}.dcm", index % 5 != 2
            _write_dicom(path, "radiograph", name, pixels, 8, jpeg, ViewPosition=view, **elements)
            yield image, PNEUMONIA_CLASSES[kind]

    images = sorted(writers.write_cases(write, counts), key=lambda row: row[0].image_id)
    labels, classes, mapping = [], [], []
    takes = Counter()
    for (name, patient, _, boxes), source_class in images:
        for box in boxes or [()]:
            labels.append([name, *(map(float, box) if box else [""] * 4), int(bool(boxes))])
            classes.append([name, source_class])
        row = {"subset_img_id": name, "img_id": f"{patient}_{takes[patient]:03d}.png"}
        row |= {"SOPInstanceUID": writers.make_uid("image", name)}
        mapping.append(row | {"StudyInstanceUID": writers.make_uid("study", name)})
        takes[patient] += 1
    writers.write_table(folder / rsna.BOXES, ["patientId", *rsna.SIDES, "Target"], labels)
    writers.write_table(folder / rsna.CLASS_INFO, ["patientId", "class"], classes)
    writers.write_json(folder / rsna.MAPPING, mapping)
    return [(source_class, 1, len(image.shown)) for image, source_class in images]


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
        other = ("large heart", "pleural fluid", "scar")[index % 3]
        phantom.add_lesion(other, default_rng([*who, 0]))
    if kind == "opacity":
        for _ in range(1 + int(rng.poisson(max(0.1, 0.7 + 0.4 * suspicion)))):
            mask = phantom.add_lesion("opacity", rng, suspicion)
            rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
            sizes = int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1
            boxes.append((int(columns[0]), int(rows[0]), *sizes))
    elif suspicion > -0.5:
        phantom.add_lesion("opacity", rng, suspicion - 0.5)
    level = rng.uniform(0.9, 1.05) * phantom.scan() + rng.normal(0, 0.02)
    pixels = to_uint8(np.clip(level, 0, 1) ** rng.uniform(0.85, 1.2))
    name = hashlib.sha256(f"{seed} {kind} {index} {take}".encode()).digest()[:16]
    image_id, patient = str(uuid.UUID(bytes=name, version=4)), f"{who[1]:02d}{index + 1:06d}"
    return Drawn(image_id, patient, pixels, tuple(dict.fromkeys(boxes)))


def write_hemorrhage(folder: Path, counts: dict[str, int], seed: int) -> list[tuple]:
    """Write two CT slices of so many patients, and the table of labels.

    Of a patient with hemorrhage at least one slice shows it, and it alone is labelled so.
    Scanners differ: every other patient has 16 signed bits, the others 12 unsigned ones.
    """
    (folder / rsna.SLICES).mkdir()

    def write(kind: str, index: int) -> Iterator[Drawn]:
        bits, signed = (12, np.uint16) if index % 2 else (16, np.int16)
        for number in (0, 1):
            name, patient, values, _ = drawn = draw_head_slice(kind, index, number, seed)
            stored = np.clip(np.rint(values) + 1024, 0, 4095).astype(signed)
            path, place = folder / rsna.SLICES / f"{name}.dcm", [0.0, 0.0, 15.0 * number]
            _write_dicom(path, "head", patient, stored, bits, False, ImagePositionPatient=place)
            yield drawn

    labels, rows = [], []
    for name, _, _, kinds in writers.write_cases(write, counts):
        shown = (*kinds, "any") if kinds else ()
        labels += [(f"{name}_{kind}", int(kind in shown)) for kind in rsna.KINDS]
        rows.append(("hemorrhage" if kinds else "none", 1, 0))
    writers.write_table(folder / rsna.KINDS_TABLE, ["ID", "Label"], labels)
    return sorted(rows)


def draw_head_slice(kind: str, index: int, number: int, seed: int) -> Drawn:
    """Draw a slice of a patient; slices lie 15 mm apart, and those without blood may have some
    artefact that is hardly denser than brain.
    """
    who = _who(seed, kind, index)
    patient, rng = default_rng([*who, 2]), default_rng([*who, number])
    bleeds = kind == "hemorrhage"
    if bleeds and patient.random() >= 0.2:
        # In four of five patients one slice alone shows it.
        bleeds = number == int(patient.integers(2))
    phantom, kinds = Phantom("head", SHAPE, default_rng(who), rng, 0.3 * number), ()
    suspicion = SUSPICION["hemorrhage" if bleeds else "none"] + rng.normal()
    if bleeds:
        n_kinds = 1 + int(rng.random() < 0.25)
        kinds = tuple(sorted(rng.choice(rsna.SUBTYPES, n_kinds, replace=False).tolist()))
    shapes = kinds
    if not kinds and suspicion > -0.9:
        shapes = ("intraparenchymal",)  # of the artefact
    for shape in shapes:
        phantom.add_lesion(shape, rng, suspicion - 0.8 * (not bleeds))
    name = hashlib.sha256(f"{seed} {kind} {index}".encode()).hexdigest()
    image = hashlib.sha256(f"{name} {number}".encode()).hexdigest()
    return Drawn(f"ID_{image[:9]}", f"ID_{name[:8]}", phantom.scan(), kinds)


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
                zoom, height = 1.3**variant, 0.3 * variant
                phantom = Phantom(body, (64, 64), rng, rng, height, zoom)
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
