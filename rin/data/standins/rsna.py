"""Stand-ins for the two RSNA challenges as DICOM: chest radiographs, and CT slices of heads.

Pneumonia: lungs, heart, ribs and vessels under a projection's soft contrast.  Opacities are drawn
inside their boxes; images without a box may be abnormal in another way (a large heart, fluid at a
base, a scar) or carry a faint shadow.  As in the published files, pictures are JPEG-compressed
and every image bears its own ``patientId``, while the mapping table names the patients; a few
files are not compressed or are MONOCHROME1, which readers must also master.

Hemorrhage: scalp, skull, brain, sulci and ventricles have their textbook Hounsfield units; blood
of the five kinds lies where it is found in heads, and slices without it may have artefacts.

One hidden suspicion drives number, size and contrast of what is found, and its distributions
overlap, so no classifier reaches an AUC of 1.  The numbers are chosen, not measured.
"""

import hashlib
import io
import uuid
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray
from numpy.random import Generator, default_rng
from PIL import Image
from pydicom import dcmwrite
from pydicom.encaps import encapsulate
from pydicom.uid import CTImageStorage, JPEGBaseline8Bit, SecondaryCaptureImageStorage
from scipy.ndimage import gaussian_filter

from rin.data.layouts import rsna as layout
from rin.data.standins.phantoms import blurred, ellipse, grid, outline, smooth_noise, to_uint8
from rin.data.standins.writers import (
    fill,
    make_uid,
    new_instance,
    write_cases,
    write_json,
    write_table,
)

SIDE = 160
SHAPE = (SIDE, SIDE)
#: Source class of each kind of patient, and the mean of its suspicion.
PNEUMONIA_CLASSES = {
    "opacity": (layout.OPACITY, 1.2),
    "not_normal": ("No Lung Opacity / Not Normal", -0.9),
    "normal": ("Normal", -1.2),
}
HEMORRHAGE_CLASSES = ("hemorrhage", "none")
SLICES = 2
AIR, SCALP, SKULL, FLUID, WHITE, GRAY_MATTER, BLOOD = -1000, 25, 1100, 8, 29, 38, 62

Box = tuple[int, int, int, int]


def _write_dicom(
    path: Path,
    sop_class: str,
    patient: str,
    stored: ndarray,
    photometric: str = "MONOCHROME2",
    *,
    bits: int,
    millimeters: float,
    jpeg: bool = False,
    **elements: Any,
) -> None:
    """Write stored values (h, w) that span so many millimeters."""
    spacing = round(millimeters / SIDE, 3)
    header = new_instance(
        sop_class,
        SOPInstanceUID=make_uid("image", path.stem),
        StudyInstanceUID=make_uid("study", patient),
        SeriesInstanceUID=make_uid("series", patient),
        StudyDate="19010101",
        PatientID=patient,
        PatientName=patient,
        PixelSpacing=[spacing, spacing],
        **elements,
    )
    header.set_pixel_data(stored, photometric, bits, generate_instance_uid=False)
    if jpeg:
        coded = io.BytesIO()
        Image.fromarray(stored).save(coded, "JPEG", quality=92)
        header.PixelData = encapsulate([coded.getvalue()])
        header.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
        fill(header, LossyImageCompression="01", LossyImageCompressionMethod="ISO_10918_1")
    dcmwrite(path, header, enforce_file_format=True)


class Radiograph(NamedTuple):
    """One image of the stand-in: its id, patient, class, pixels (uint8) and boxes."""

    image_id: str
    patient: str
    source_class: str
    pixels: ndarray
    boxes: tuple[Box, ...]


def write_pneumonia(folder: Path, counts: dict[str, int], seed: int) -> list[tuple]:
    """Write radiographs and tables of so many patients; every sixth patient has two images."""
    (folder / layout.RADIOGRAPHS).mkdir()

    def write(kind: str, index: int) -> list[Radiograph]:
        images = [draw_radiograph(kind, index, take, seed) for take in range(1 + (index % 6 == 5))]
        inverted = index % 8 == 3
        for image in images:
            _write_dicom(
                folder / layout.RADIOGRAPHS / f"{image.image_id}.dcm",
                SecondaryCaptureImageStorage,
                image.image_id,
                255 - image.pixels if inverted else image.pixels,
                "MONOCHROME1" if inverted else "MONOCHROME2",
                bits=8,
                millimeters=350,
                jpeg=index % 5 != 2,
                Modality="CR",
                BodyPartExamined="CHEST",
                ConversionType="WSD",
                ViewPosition=("PA", "AP")[index % 2],
            )
        return images

    images = [image for taken in write_cases(write, counts) for image in taken]
    labels, classes, mapping = [], [], []
    takes: Counter[str] = Counter()
    for name, patient, source_class, _, boxes in sorted(images):
        for box in boxes or [()]:
            labels.append([name, *(map(float, box) if box else [""] * 4), int(bool(boxes))])
            classes.append([name, source_class])
        identity = {"subset_img_id": name, "img_id": f"{patient}_{takes[patient]:03d}.png"}
        uids = {"SOPInstanceUID": make_uid("image", name)}
        uids["StudyInstanceUID"] = make_uid("study", name)
        mapping.append(identity | uids)
        takes[patient] += 1
    columns = ["patientId", *layout.SIDES, "Target"]
    write_table(folder / layout.BOXES, columns, labels)
    write_table(folder / layout.CLASS_INFO, ["patientId", "class"], classes)
    write_json(folder / layout.MAPPING, mapping)
    return [(image.source_class, 1, len(image.boxes)) for image in images]


def draw_radiograph(kind: str, index: int, take: int, seed: int) -> Radiograph:
    """Draw an image of a patient; the same arguments give the same pixels.

    The images of one patient share the anatomy and differ in position, exposure and findings.
    """
    number = list(PNEUMONIA_CLASSES).index(kind)
    source_class, mean = PNEUMONIA_CLASSES[kind]
    body = default_rng([seed, number, index])
    rng = default_rng([seed, number, index, 1 + take])
    suspicion = mean + rng.normal()
    lungs, level = _chest(body, rng, kind)
    boxes = []
    if kind == "opacity":
        for _ in range(1 + int(rng.poisson(max(0.1, 0.7 + 0.4 * suspicion)))):
            boxes.append(_add_opacity(rng, level, lungs, suspicion))
    elif suspicion > -0.5:
        _add_opacity(rng, level, lungs, suspicion - 0.5)
    level += 0.018 * smooth_noise(rng, SHAPE, 0.6)
    level = rng.uniform(0.9, 1.05) * level + rng.normal(0, 0.02)
    pixels = to_uint8(np.clip(level, 0, 1) ** rng.uniform(0.85, 1.2))
    name = hashlib.sha256(f"{seed} {kind} {index} {take}".encode()).digest()[:16]
    image_id, patient = str(uuid.UUID(bytes=name, version=4)), f"{number:02d}{index + 1:06d}"
    return Radiograph(image_id, patient, source_class, pixels, tuple(dict.fromkeys(boxes)))


def _chest(body: Generator, rng: Generator, kind: str) -> tuple[list[ndarray], ndarray]:
    """Return the two lungs (bool) and the brightness (0 to 1) of a chest without opacities."""
    rows, columns = grid(SHAPE)
    wide, tall = body.uniform(0.9, 1.15), body.uniform(0.85, 1.1)
    middle = SIDE * np.array([0.46, 0.5]) + rng.normal(0, 6, 2)
    turn = rng.normal(0, 0.08)
    lungs = []
    for side in (-1, 1):
        center = (middle[0] + rng.normal(0, 2), middle[1] + side * 0.195 * SIDE * wide)
        half = (0.33 * SIDE * tall, body.uniform(0.14, 0.17) * SIDE * wide)
        lungs.append(ellipse(SHAPE, center, half, turn - 0.14 * side))
    away = (columns - middle[1]) / SIDE
    across = np.abs(columns - middle[1]) / SIDE
    shoulder = 0.16 + 0.5 * np.clip(across - 0.2, 0, 1) ** 1.5
    level = 0.76 - 0.5 / (1 + np.exp((rows / SIDE - shoulder + 0.12) / 0.03))
    level -= 1.2 * np.clip(across - 0.4, 0, 1)
    level += 0.04 * smooth_noise(body, SHAPE, SIDE / 8)
    level += 0.075 * smooth_noise(body, SHAPE, SIDE / 24)
    level += body.normal(0, 0.18) * (columns / SIDE - 0.5)
    depth = body.uniform(0.4, 0.5)
    for lung in lungs:
        level -= depth * blurred(lung, 2.5)
    arch = rows - middle[0] + SIDE * (1.1 * away**2 + turn * away)
    period = SIDE * body.uniform(0.075, 0.1)
    ribs = np.cos(2 * np.pi * arch / period + body.uniform(0, 6)) > 0.45
    level += body.uniform(0.03, 0.07) * blurred(ribs, 1.0)
    vessels = np.exp(-((smooth_noise(body, SHAPE, 2.6) / 0.25) ** 2))
    level += 0.09 * (lungs[0] | lungs[1]) * vessels * np.exp(-across / 0.22)
    level += 0.16 * np.exp(-((across / 0.05) ** 2))
    heart = body.uniform(0.13, 0.17)
    heart += 0.045 if kind == "not_normal" and body.random() < 0.5 else 0
    place = middle + SIDE * np.array([0.16, 0.05])
    shadow = ellipse(SHAPE, place, (0.14 * SIDE, heart * SIDE), 0.5)
    level = np.maximum(level, 0.62 * blurred(shadow, 3))
    if kind == "not_normal":
        lung = lungs[body.integers(2)]
        if body.random() < 0.5:
            fluid = lung & (rows > middle[0] + SIDE * body.uniform(0.14, 0.22))
            level += 0.3 * blurred(fluid, 3)
        else:
            slope, start = body.uniform(-0.7, 0.7), middle + body.uniform(-25, 25, 2)
            scar = np.abs(rows - start[0] - slope * (columns - start[1])) < 1
            level += 0.14 * blurred(scar & lung, 0.8)
    return lungs, level


def _add_opacity(rng: Generator, level: ndarray, lungs: list[ndarray], suspicion: float) -> Box:
    """Brighten an opacity into a lung, and return its box: x, y, width and height in pixels."""
    lung = lungs[rng.integers(2)]
    places = np.argwhere(blurred(lung, 3) > 0.8)
    center = places[rng.integers(len(places))]
    radius = SIDE * np.clip(0.09 + 0.024 * suspicion + 0.015 * rng.normal(), 0.035, 0.17)
    mask = outline(rng, SHAPE, center, radius, rng.uniform(1.0, 1.8), 0.12) & lung
    contrast = np.clip(0.21 + 0.09 * suspicion + 0.03 * rng.normal(), 0.02, 0.42)
    patchy = 1 + 0.25 * smooth_noise(rng, SHAPE, 2.5)
    level += contrast * patchy * blurred(mask, 3.5)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1


class HeadSlice(NamedTuple):
    """One slice: its id, patient, Hounsfield units (float) and the kinds of blood that it shows."""

    image_id: str
    patient: str
    hounsfield: ndarray
    kinds: tuple[str, ...]


def write_hemorrhage(folder: Path, counts: dict[str, int], seed: int) -> list[tuple]:
    """Write two CT slices of so many patients, and the table of labels.

    Of a patient with hemorrhage at least one slice shows it, and it alone is labelled so.
    Scanners differ: every other patient has 16 signed bits, the others 12 unsigned ones.
    """
    (folder / layout.SLICES).mkdir()

    def write(kind: str, index: int) -> list[HeadSlice]:
        slices = [draw_head_slice(kind, index, number, seed) for number in range(SLICES)]
        for number, drawn in enumerate(slices):
            stored = np.clip(np.rint(drawn.hounsfield) + 1024, 0, 4095)
            _write_dicom(
                folder / layout.SLICES / f"{drawn.image_id}.dcm",
                CTImageStorage,
                drawn.patient,
                stored.astype(np.uint16 if index % 2 else np.int16),
                bits=12 if index % 2 else 16,
                millimeters=240,
                Modality="CT",
                BodyPartExamined="HEAD",
                ImagePositionPatient=[0.0, 0.0, 15.0 * number],
                ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
                RescaleSlope=1,
                RescaleIntercept=-1024,
                RescaleType="HU",
                WindowCenter=30,
                WindowWidth=80,
            )
        return slices

    slices = [drawn for patient in write_cases(write, counts) for drawn in patient]
    labels = []
    for drawn in slices:
        shown = (*drawn.kinds, "any") if drawn.kinds else ()
        labels += [(f"{drawn.image_id}_{k}", int(k in shown)) for k in layout.KINDS]
    write_table(folder / layout.KINDS_TABLE, ["ID", "Label"], labels)
    return sorted(("hemorrhage" if drawn.kinds else "none", 1, 0) for drawn in slices)


def draw_head_slice(kind: str, index: int, number: int, seed: int) -> HeadSlice:
    """Draw a slice of a patient; the same arguments give the same values.

    The slices of a patient share the head and lie 15 mm apart.
    """
    who = [seed, HEMORRHAGE_CLASSES.index(kind), index]
    patient, rng = default_rng(who), default_rng([*who, number])
    bleeds = kind == "hemorrhage"
    if bleeds and patient.random() >= 0.2:
        # In four of five patients one slice alone shows it.
        bleeds = number == int(patient.integers(SLICES))
    head, values = _draw_head(patient, rng, number)
    kinds = ()
    if bleeds:
        suspicion = 1.2 + rng.normal()
        n_kinds = 1 + int(rng.random() < 0.25)
        kinds = tuple(sorted(rng.choice(layout.SUBTYPES, n_kinds, replace=False).tolist()))
        for blood in kinds:
            _add_blood(rng, values, _bleed(rng, head, blood, suspicion), suspicion)
    else:
        suspicion = -1.2 + rng.normal()
        if suspicion > -0.9:
            artefact = _bleed(rng, head, "intraparenchymal", suspicion)
            _add_blood(rng, values, artefact, suspicion - 0.8)
    values = gaussian_filter(values, 0.6) + rng.uniform(3, 6) * smooth_noise(rng, SHAPE, 0.7)
    name = hashlib.sha256(f"{seed} {kind} {index}".encode()).hexdigest()
    image = hashlib.sha256(f"{name} {number}".encode()).hexdigest()
    return HeadSlice(f"ID_{image[:9]}", f"ID_{name[:8]}", values, kinds)


def _draw_head(patient: Generator, rng: Generator, number: int) -> tuple[SimpleNamespace, ndarray]:
    """Return the masks and axes of a slice, and its Hounsfield units without blood, float."""
    tilt = patient.uniform(-0.5, 0.5)
    middle = SIDE / 2 + patient.uniform(-12, 12, 2)
    axes = SIDE * np.array([patient.uniform(0.41, 0.47), patient.uniform(0.35, 0.43)])
    axes *= 1 - 0.05 * number
    bone = SIDE * patient.uniform(0.02, 0.055)
    inner, brain = (ellipse(SHAPE, middle, axes - less, tilt) for less in (0, 1.5))
    rind = blurred(brain, 0.05 * SIDE) < patient.uniform(0.8, 0.9)
    folds = np.abs(smooth_noise(patient, SHAPE, 0.022 * SIDE))
    sulci = inner & (~brain | (rind & (folds < patient.uniform(0.12, 0.3))))
    size = (1 - 0.25 * number) * SIDE * patient.uniform(0.8, 1.4)
    down, right = np.array([np.cos(tilt), -np.sin(tilt)]), np.array([np.sin(tilt), np.cos(tilt)])
    ventricles = np.zeros(SHAPE, dtype=bool)
    for side, along in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
        place = middle + size * (0.07 * along * down + 0.045 * side * right)
        half = (0.08 * size, 0.022 * size)
        ventricles |= ellipse(SHAPE, place, half, tilt + 0.35 * side * along) & brain
    mixed = smooth_noise(patient, SHAPE, 0.035 * SIDE) + 2.2 * rind
    values = np.full(SHAPE, float(AIR))
    values[ellipse(SHAPE, middle, axes + bone + 0.025 * SIDE, tilt)] = SCALP
    values[ellipse(SHAPE, middle, axes + bone, tilt)] = SKULL + 150 * patient.normal()
    values[inner] = np.where(mixed > 0.6, GRAY_MATTER, WHITE)[inner]
    values[inner] += (4 * smooth_noise(patient, SHAPE, 0.045 * SIDE))[inner]
    values[sulci | ventricles] = FLUID
    if patient.random() < 0.6:
        # A calcified pineal gland or choroid plexus: dense, but no blood.
        place = middle + rng.normal(0, 1, 2) + (0.06 * SIDE, 0)
        values[ellipse(SHAPE, place, patient.uniform(1, 2.5, 2))] = patient.uniform(80, 200)
    masks = {"brain": brain, "inner": inner, "sulci": sulci, "ventricles": ventricles}
    return SimpleNamespace(**masks, middle=middle, axes=axes, tilt=tilt), values


def _bleed(rng: Generator, head: SimpleNamespace, kind: str, suspicion: float) -> ndarray:
    """Return where a bleed of one kind lies, bool (h, w)."""
    size = SIDE * np.exp(0.22 * suspicion + 0.2 * rng.normal())
    turn = rng.uniform(0, 2 * np.pi)
    away = head.axes * np.array([np.sin(turn), np.cos(turn)])
    if kind == "intraparenchymal":
        place = head.middle + away * rng.uniform(0.2, 0.65)
        return outline(rng, SHAPE, place, 0.055 * size, rng.uniform(0.7, 1.5), 0.12) & head.brain
    if kind == "epidural":
        return ellipse(SHAPE, head.middle + away, (0.1 * size, 0.13 * size), turn) & head.inner
    if kind == "subdural":
        thick = 0.03 * size * away / np.hypot(*away)
        return head.inner & ~ellipse(SHAPE, head.middle - 2 * thick, head.axes, head.tilt)
    if kind == "intraventricular":
        return head.ventricles & (grid(SHAPE)[0] > head.middle[0] - 0.05 * size)
    return head.sulci & outline(rng, SHAPE, head.middle + 0.75 * away, 0.2 * size, 1.0, 0.1)


def _add_blood(rng: Generator, values: ndarray, bleed: ndarray, suspicion: float) -> None:
    """Raise the density where the blood lies; old or diluted blood is hardly denser than brain."""
    density = np.clip(BLOOD + 6 * (suspicion - 1) + 3 * rng.normal(), 36, 85)
    soft = blurred(bleed, 0.8)
    values += soft * (density + 2 * smooth_noise(rng, SHAPE, 2) - np.clip(values, 0, 60))
