"""Stand-in for the RSNA Pneumonia Detection Challenge: chest phantoms as DICOM, with its tables.

Lungs, heart, ribs and vessels under a projection's soft contrast.  Opacities are drawn inside
their boxes; images without a box may be abnormal in another way (a large heart, fluid at a
base, a scar) or carry a faint shadow.  One hidden suspicion drives number, size and contrast
of what lies in the lungs, and its distributions overlap, so no classifier reaches an AUC of 1.
The tendencies are those of textbooks; the numbers are chosen, not measured.

As in the published files, pictures are JPEG-compressed and every image bears its own
``patientId``, while the mapping table names the patients: here every sixth has two images.  A
few files are not compressed or are MONOCHROME1, which readers must also master.
"""

import csv
import hashlib
import json
import uuid
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

from rin.data.layouts.rsna_pneumonia import CLASS_INFO, FOLDER, LABELS, MAPPING, OPACITY, SIDES
from rin.data.standins.dicom_files import make_uid, write_radiograph
from rin.data.standins.textures import ellipse, grid, lesion, smooth_noise, to_uint8

VERSION = 1
CLASSES = {
    "opacity": OPACITY,
    "not_normal": "No Lung Opacity / Not Normal",
    "normal": "Normal",
}
SUSPICION = {"opacity": 1.2, "not_normal": -0.9, "normal": -1.2}
SIDE = 160
SHAPE = (SIDE, SIDE)
WIDTH_MM = 350.0
TWO_IMAGES_EVERY = 6

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Radiograph:
    """One image of the stand-in: its id, patient, class, pixels (uint8) and boxes."""

    image_id: str
    patient: str
    source_class: str
    pixels: np.ndarray
    boxes: tuple[Box, ...]


def write(folder: Path, counts: dict[str, int], seed: int) -> dict[str, dict[str, int]]:
    """Write ``counts`` patients per class, and return images and boxes per class."""
    (folder / FOLDER).mkdir()
    drawn = []
    written = {"images": {}, "masks": {}}
    for kind, source_class in CLASSES.items():
        own = [
            _write_image(folder, kind, index, take, seed)
            for index in range(counts[kind])
            for take in range(2 if index % TWO_IMAGES_EVERY == TWO_IMAGES_EVERY - 1 else 1)
        ]
        written["images"][source_class] = len(own)
        written["masks"][source_class] = sum(len(image.boxes) for image in own)
        drawn += own
    _write_tables(folder, sorted(drawn, key=lambda image: image.image_id))
    return written


def draw_radiograph(kind: str, index: int, take: int, seed: int) -> Radiograph:
    """Draw an image of a patient; the same arguments give the same pixels.

    The images of one patient share the anatomy and differ in position, exposure and findings.
    """
    number = list(CLASSES).index(kind)
    body = np.random.default_rng([seed, number, index])
    rng = np.random.default_rng([seed, number, index, 1 + take])
    suspicion = SUSPICION[kind] + rng.normal()
    lungs, level = _chest(body, rng, kind)
    boxes = []
    if kind == "opacity":
        for _ in range(1 + int(rng.poisson(max(0.1, 0.7 + 0.4 * suspicion)))):
            boxes.append(_add_opacity(rng, level, lungs, suspicion))
    elif suspicion > -0.5:
        _add_opacity(rng, level, lungs, suspicion - 0.5)
    level += 0.018 * smooth_noise(rng, SHAPE, 0.6)
    level = rng.uniform(0.9, 1.05) * level + rng.normal(0, 0.02)
    name = hashlib.sha256(f"{seed} {kind} {index} {take}".encode()).digest()[:16]
    return Radiograph(
        image_id=str(uuid.UUID(bytes=name, version=4)),
        patient=f"{number:02d}{index + 1:06d}",
        source_class=CLASSES[kind],
        pixels=to_uint8(np.clip(level, 0, 1) ** rng.uniform(0.85, 1.2)),
        boxes=tuple(dict.fromkeys(boxes)),
    )


def _chest(
    body: np.random.Generator, rng: np.random.Generator, kind: str
) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """Return the two lungs (bool) and the brightness (0 to 1) of a chest without opacities."""
    rows, columns = grid(SHAPE)
    wide, tall = body.uniform(0.9, 1.15), body.uniform(0.85, 1.1)
    middle = SIDE * np.array([0.46, 0.5]) + rng.normal(0, 6, 2)
    turn = rng.normal(0, 0.08)
    lungs = tuple(
        ellipse(
            SHAPE,
            (middle[0] + rng.normal(0, 2), middle[1] + side * 0.195 * SIDE * wide),
            (0.33 * SIDE * tall, body.uniform(0.14, 0.17) * SIDE * wide),
            turn - 0.14 * side,
        )
        for side in (-1, 1)
    )
    across = np.abs(columns - middle[1]) / SIDE
    shoulder = 0.16 + 0.5 * np.clip(across - 0.2, 0, 1) ** 1.5
    level = 0.76 - 0.5 / (1 + np.exp((rows / SIDE - shoulder + 0.12) / 0.03))
    level -= 1.2 * np.clip(across - 0.4, 0, 1)
    level += 0.04 * smooth_noise(body, SHAPE, SIDE / 8)
    level += 0.075 * smooth_noise(body, SHAPE, SIDE / 24)
    level += body.normal(0, 0.18) * (columns / SIDE - 0.5)
    depth = body.uniform(0.4, 0.5)
    for lung in lungs:
        level -= depth * gaussian_filter(lung.astype(np.float32), 2.5)
    _add_ribs(body, level, middle, turn)
    inside = lungs[0] | lungs[1]
    vessels = np.exp(-((smooth_noise(body, SHAPE, 2.6) / 0.25) ** 2))
    level += 0.09 * inside * vessels * np.exp(-across / 0.22)
    level += 0.16 * np.exp(-((across / 0.05) ** 2))
    heart = body.uniform(0.13, 0.17) + (
        0.045 if kind == "not_normal" and body.random() < 0.5 else 0
    )
    place = middle + SIDE * np.array([0.16, 0.05])
    outline = ellipse(SHAPE, place, (0.14 * SIDE, heart * SIDE), 0.5)
    level = np.maximum(level, 0.62 * gaussian_filter(outline.astype(np.float32), 3))
    if kind == "not_normal":
        _add_other_finding(body, level, lungs, middle)
    return lungs, level


def _add_ribs(rng: np.random.Generator, level: np.ndarray, middle: np.ndarray, turn: float) -> None:
    rows, columns = grid(SHAPE)
    away = (columns - middle[1]) / SIDE
    arch = rows - middle[0] + SIDE * (1.1 * away**2 + turn * away)
    period = SIDE * rng.uniform(0.075, 0.1)
    ribs = np.cos(2 * np.pi * arch / period + rng.uniform(0, 6)) > 0.45
    level += rng.uniform(0.03, 0.07) * gaussian_filter(ribs.astype(np.float32), 1.0)


def _add_other_finding(
    rng: np.random.Generator,
    level: np.ndarray,
    lungs: tuple[np.ndarray, np.ndarray],
    middle: np.ndarray,
) -> None:
    rows, columns = grid(SHAPE)
    lung = lungs[rng.integers(2)]
    if rng.random() < 0.5:
        fluid = lung & (rows > middle[0] + SIDE * rng.uniform(0.14, 0.22))
        level += 0.3 * gaussian_filter(fluid.astype(np.float32), 3)
    else:
        slope, start = rng.uniform(-0.7, 0.7), middle + rng.uniform(-25, 25, 2)
        scar = np.abs(rows - start[0] - slope * (columns - start[1])) < 1
        level += 0.14 * gaussian_filter((scar & lung).astype(np.float32), 0.8)


def _add_opacity(
    rng: np.random.Generator,
    level: np.ndarray,
    lungs: tuple[np.ndarray, np.ndarray],
    suspicion: float,
) -> Box:
    """Brighten an opacity into a lung, and return its box: x, y, width and height in pixels."""
    lung = lungs[rng.integers(2)]
    places = np.argwhere(gaussian_filter(lung.astype(np.float32), 3) > 0.8)
    center = places[rng.integers(len(places))]
    radius = SIDE * np.clip(0.09 + 0.024 * suspicion + 0.015 * rng.normal(), 0.035, 0.17)
    outline = lesion(rng, SHAPE, center, radius, rng.uniform(1.0, 1.8), 0.12) & lung
    contrast = np.clip(0.21 + 0.09 * suspicion + 0.03 * rng.normal(), 0.02, 0.42)
    patchy = 1 + 0.25 * smooth_noise(rng, SHAPE, 2.5)
    level += contrast * patchy * gaussian_filter(outline.astype(np.float32), 3.5)
    rows, columns = np.flatnonzero(outline.any(axis=1)), np.flatnonzero(outline.any(axis=0))
    return int(columns[0]), int(rows[0]), int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1


def _write_image(folder: Path, kind: str, index: int, take: int, seed: int) -> Radiograph:
    image = draw_radiograph(kind, index, take, seed)
    write_radiograph(
        folder / FOLDER / f"{image.image_id}.dcm",
        image.pixels,
        image.image_id,
        view=("PA", "AP")[index % 2],
        spacing=WIDTH_MM / SIDE,
        jpeg=index % 5 != 2,
        inverted=index % 8 == 3,
    )
    return image


def _write_tables(folder: Path, images: list[Radiograph]) -> None:
    with (
        (folder / LABELS).open("w", encoding="utf-8", newline="") as labels,
        (folder / CLASS_INFO).open("w", encoding="utf-8", newline="") as classes,
    ):
        boxes, names = (csv.writer(file, lineterminator="\n") for file in (labels, classes))
        boxes.writerow(["patientId", *SIDES, "Target"])
        names.writerow(["patientId", "class"])
        for image in images:
            for box in image.boxes or [("",) * 4]:
                sides = [float(side) if side != "" else "" for side in box]
                boxes.writerow([image.image_id, *sides, int(bool(image.boxes))])
                names.writerow([image.image_id, image.source_class])
    takes: dict[str, int] = {}
    mapping = []
    for image in images:
        take = takes[image.patient] = takes.get(image.patient, -1) + 1
        mapping.append(
            {
                "subset_img_id": image.image_id,
                "img_id": f"{image.patient}_{take:03d}.png",
                "SOPInstanceUID": make_uid("image", image.image_id),
                "StudyInstanceUID": make_uid("study", image.image_id),
            }
        )
    (folder / MAPPING).write_text(json.dumps(mapping, indent=1) + "\n", "utf-8")
