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
import uuid
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

from rin.data.layouts import rsna_hemorrhage, rsna_pneumonia
from rin.data.standins.phantoms import blurred, ellipse, grid, outline, smooth_noise, to_uint8
from rin.data.standins.writers import (
    make_uid,
    write_ct_slice,
    write_json,
    write_radiograph,
    write_table,
)

SIDE = 160
SHAPE = (SIDE, SIDE)
CHEST_MM, HEAD_MM = 350.0, 240.0
PNEUMONIA_CLASSES = {
    "opacity": rsna_pneumonia.OPACITY,
    "not_normal": "No Lung Opacity / Not Normal",
    "normal": "Normal",
}
PNEUMONIA_SUSPICION = {"opacity": 1.2, "not_normal": -0.9, "normal": -1.2}
TWO_IMAGES_EVERY = 6
HEMORRHAGE_CLASSES = ("hemorrhage", "none")
SLICES = 2
# Shares of patients with hemorrhage in whom both slices show it, and of slices with two kinds.
BOTH_SLICES, TWO_KINDS = 0.2, 0.25
AIR, SCALP, SKULL, FLUID, WHITE, GRAY_MATTER, BLOOD = -1000, 25, 1100, 8, 29, 38, 62

Box = tuple[int, int, int, int]
Lungs = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Radiograph:
    """One image of the stand-in: its id, patient, class, pixels (uint8) and boxes."""

    image_id: str
    patient: str
    source_class: str
    pixels: np.ndarray
    boxes: tuple[Box, ...]


def write_pneumonia(folder: Path, counts: dict[str, int], seed: int) -> dict[str, dict[str, int]]:
    """Write ``counts`` patients per class, and return images and boxes per class.

    Every sixth patient has two images.
    """
    (folder / rsna_pneumonia.FOLDER).mkdir()
    images = dict.fromkeys(PNEUMONIA_CLASSES.values(), 0)
    masks, drawn = images.copy(), []
    for kind in PNEUMONIA_CLASSES:
        for index in range(counts[kind]):
            for take in range(1 + (index % TWO_IMAGES_EVERY == TWO_IMAGES_EVERY - 1)):
                image = draw_radiograph(kind, index, take, seed)
                write_radiograph(
                    folder / rsna_pneumonia.FOLDER / f"{image.image_id}.dcm",
                    image.pixels,
                    image.image_id,
                    view=("PA", "AP")[index % 2],
                    spacing=CHEST_MM / SIDE,
                    jpeg=index % 5 != 2,
                    inverted=index % 8 == 3,
                )
                images[image.source_class] += 1
                masks[image.source_class] += len(image.boxes)
                drawn.append(image)
    _write_tables(folder, sorted(drawn, key=lambda image: image.image_id))
    return {"images": images, "masks": masks}


def _write_tables(folder: Path, images: list[Radiograph]) -> None:
    labels, classes, mapping = [], [], []
    takes: Counter[str] = Counter()
    for image in images:
        for box in image.boxes or [()]:
            sides = [float(side) for side in box] or [""] * 4
            labels.append([image.image_id, *sides, int(bool(image.boxes))])
            classes.append([image.image_id, image.source_class])
        mapping.append(
            {
                "subset_img_id": image.image_id,
                "img_id": f"{image.patient}_{takes[image.patient]:03d}.png",
                "SOPInstanceUID": make_uid("image", image.image_id),
                "StudyInstanceUID": make_uid("study", image.image_id),
            }
        )
        takes[image.patient] += 1
    columns = ["patientId", *rsna_pneumonia.SIDES, "Target"]
    write_table(folder / rsna_pneumonia.LABELS, columns, labels)
    write_table(folder / rsna_pneumonia.CLASS_INFO, ["patientId", "class"], classes)
    write_json(folder / rsna_pneumonia.MAPPING, mapping)


def draw_radiograph(kind: str, index: int, take: int, seed: int) -> Radiograph:
    """Draw an image of a patient; the same arguments give the same pixels.

    The images of one patient share the anatomy and differ in position, exposure and findings.
    """
    number = list(PNEUMONIA_CLASSES).index(kind)
    body = np.random.default_rng([seed, number, index])
    rng = np.random.default_rng([seed, number, index, 1 + take])
    suspicion = PNEUMONIA_SUSPICION[kind] + rng.normal()
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
        source_class=PNEUMONIA_CLASSES[kind],
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
        level -= depth * blurred(lung, 2.5)
    _add_ribs(body, level, middle, turn)
    inside = lungs[0] | lungs[1]
    vessels = np.exp(-((smooth_noise(body, SHAPE, 2.6) / 0.25) ** 2))
    level += 0.09 * inside * vessels * np.exp(-across / 0.22)
    level += 0.16 * np.exp(-((across / 0.05) ** 2))
    heart = body.uniform(0.13, 0.17) + (
        0.045 if kind == "not_normal" and body.random() < 0.5 else 0
    )
    place = middle + SIDE * np.array([0.16, 0.05])
    shadow = ellipse(SHAPE, place, (0.14 * SIDE, heart * SIDE), 0.5)
    level = np.maximum(level, 0.62 * blurred(shadow, 3))
    if kind == "not_normal":
        _add_other_finding(body, level, lungs, middle)
    return lungs, level


def _add_ribs(rng: np.random.Generator, level: np.ndarray, middle: np.ndarray, turn: float) -> None:
    rows, columns = grid(SHAPE)
    away = (columns - middle[1]) / SIDE
    arch = rows - middle[0] + SIDE * (1.1 * away**2 + turn * away)
    period = SIDE * rng.uniform(0.075, 0.1)
    ribs = np.cos(2 * np.pi * arch / period + rng.uniform(0, 6)) > 0.45
    level += rng.uniform(0.03, 0.07) * blurred(ribs, 1.0)


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
        level += 0.3 * blurred(fluid, 3)
    else:
        slope, start = rng.uniform(-0.7, 0.7), middle + rng.uniform(-25, 25, 2)
        scar = np.abs(rows - start[0] - slope * (columns - start[1])) < 1
        level += 0.14 * blurred(scar & lung, 0.8)


def _add_opacity(
    rng: np.random.Generator,
    level: np.ndarray,
    lungs: tuple[np.ndarray, np.ndarray],
    suspicion: float,
) -> Box:
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


@dataclass(frozen=True)
class HeadSlice:
    """One slice: its id, patient, Hounsfield units (float) and the kinds of blood that it shows."""

    image_id: str
    patient: str
    hounsfield: np.ndarray
    kinds: tuple[str, ...]


@dataclass(frozen=True)
class Head:
    """Masks (bool) of one slice through a head, and its middle, half axes and tilt."""

    brain: np.ndarray
    inner: np.ndarray
    sulci: np.ndarray
    ventricles: np.ndarray
    middle: np.ndarray
    axes: np.ndarray
    tilt: float


def write_hemorrhage(folder: Path, counts: dict[str, int], seed: int) -> dict[str, dict[str, int]]:
    """Write ``counts`` patients per class, and return slices per class; there are no masks.

    Two slices of each patient are written; of a patient with hemorrhage at least one shows it,
    and it alone is labelled so.
    """
    (folder / rsna_hemorrhage.FOLDER).mkdir()
    images, rows = dict.fromkeys(HEMORRHAGE_CLASSES, 0), []
    for kind in HEMORRHAGE_CLASSES:
        for index, number in np.ndindex(counts[kind], SLICES):
            drawn = draw_head_slice(kind, index, number, seed)
            write_ct_slice(
                folder / rsna_hemorrhage.FOLDER / f"{drawn.image_id}.dcm",
                drawn.hounsfield,
                drawn.patient,
                height=15.0 * number,
                spacing=HEAD_MM / SIDE,
                signed=index % 2 == 0,
            )
            images["hemorrhage" if drawn.kinds else "none"] += 1
            shown = {*drawn.kinds, "any"} if drawn.kinds else set()
            rows += [(f"{drawn.image_id}_{k}", int(k in shown)) for k in rsna_hemorrhage.KINDS]
    write_table(folder / rsna_hemorrhage.TABLE, ["ID", "Label"], rows)
    return {"images": images, "masks": dict.fromkeys(images, 0)}


def draw_head_slice(kind: str, index: int, number: int, seed: int) -> HeadSlice:
    """Draw a slice of a patient; the same arguments give the same values.

    The slices of a patient share the head and lie 15 mm apart.
    """
    patient = np.random.default_rng([seed, HEMORRHAGE_CLASSES.index(kind), index])
    bleeding = _bleeding_slices(patient) if kind == "hemorrhage" else ()
    rng = np.random.default_rng([seed, HEMORRHAGE_CLASSES.index(kind), index, number])
    head, values = _draw_head(patient, rng, number)
    kinds = ()
    if number in bleeding:
        suspicion = 1.2 + rng.normal()
        n_kinds = 1 + int(rng.random() < TWO_KINDS)
        kinds = tuple(sorted(rng.choice(rsna_hemorrhage.SUBTYPES, n_kinds, replace=False).tolist()))
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


def _bleeding_slices(rng: np.random.Generator) -> tuple[int, ...]:
    return tuple(range(SLICES)) if rng.random() < BOTH_SLICES else (int(rng.integers(SLICES)),)


def _draw_head(
    patient: np.random.Generator, rng: np.random.Generator, number: int
) -> tuple[Head, np.ndarray]:
    """Return the masks of a slice and its Hounsfield units without blood, float (h, w)."""
    tilt = patient.uniform(-0.5, 0.5)
    middle = SIDE / 2 + patient.uniform(-12, 12, 2)
    axes = SIDE * np.array([patient.uniform(0.41, 0.47), patient.uniform(0.35, 0.43)])
    axes *= 1 - 0.05 * number
    bone = SIDE * patient.uniform(0.02, 0.055)
    scalp = ellipse(SHAPE, middle, axes + bone + 0.025 * SIDE, tilt)
    skull = ellipse(SHAPE, middle, axes + bone, tilt)
    inner = ellipse(SHAPE, middle, axes, tilt)
    brain = ellipse(SHAPE, middle, axes - 1.5, tilt)
    rind = blurred(brain, 0.05 * SIDE) < patient.uniform(0.8, 0.9)
    folds = np.abs(smooth_noise(patient, SHAPE, 0.022 * SIDE))
    sulci = inner & (~brain | (rind & (folds < patient.uniform(0.12, 0.3))))
    ventricles = _ventricles(patient, middle, tilt, 1 - 0.25 * number) & brain
    mixed = smooth_noise(patient, SHAPE, 0.035 * SIDE) + 2.2 * rind
    values = np.full(SHAPE, float(AIR))
    values[scalp] = SCALP
    values[skull] = SKULL + 150 * patient.normal()
    values[inner] = np.where(mixed > 0.6, GRAY_MATTER, WHITE)[inner]
    values[inner] += (4 * smooth_noise(patient, SHAPE, 0.045 * SIDE))[inner]
    values[sulci | ventricles] = FLUID
    if patient.random() < 0.6:
        # A calcified pineal gland or choroid plexus: dense, but no blood.
        place = middle + rng.normal(0, 1, 2) + (0.06 * SIDE, 0)
        values[ellipse(SHAPE, place, patient.uniform(1, 2.5, 2))] = patient.uniform(80, 200)
    return Head(brain, inner, sulci, ventricles, middle, axes, tilt), values


def _ventricles(
    rng: np.random.Generator, middle: np.ndarray, tilt: float, scale: float
) -> np.ndarray:
    size = scale * SIDE * rng.uniform(0.8, 1.4)
    down, right = np.array([np.cos(tilt), -np.sin(tilt)]), np.array([np.sin(tilt), np.cos(tilt)])
    found = np.zeros(SHAPE, dtype=bool)
    for side in (-1, 1):
        for along in (-1, 1):
            place = middle + size * (0.07 * along * down + 0.045 * side * right)
            found |= ellipse(SHAPE, place, (0.08 * size, 0.022 * size), tilt + 0.35 * side * along)
    return found


def _bleed(rng: np.random.Generator, head: Head, kind: str, suspicion: float) -> np.ndarray:
    """Return where a bleed of one kind lies, bool (h, w)."""
    size = np.exp(0.22 * suspicion + 0.2 * rng.normal())
    turn = rng.uniform(0, 2 * np.pi)
    away = head.axes * np.array([np.sin(turn), np.cos(turn)])
    if kind == "intraparenchymal":
        place = head.middle + away * rng.uniform(0.2, 0.65)
        shape = (0.055 * SIDE * size, rng.uniform(0.7, 1.5), 0.12)
        return outline(rng, SHAPE, place, *shape) & head.brain
    if kind == "epidural":
        lens = (0.1 * SIDE * size, 0.13 * SIDE * size)
        return ellipse(SHAPE, head.middle + away, lens, turn) & head.inner
    if kind == "subdural":
        thick = 0.03 * SIDE * size * away / np.hypot(*away)
        shifted = ellipse(SHAPE, head.middle - 2 * thick, head.axes, head.tilt)
        return head.inner & ~shifted
    if kind == "intraventricular":
        rows, _ = grid(SHAPE)
        return head.ventricles & (rows > head.middle[0] - 0.05 * SIDE * size)
    near = outline(rng, SHAPE, head.middle + 0.75 * away, 0.2 * SIDE * size, 1.0, 0.1)
    return head.sulci & near


def _add_blood(
    rng: np.random.Generator, values: np.ndarray, bleed: np.ndarray, suspicion: float
) -> None:
    """Raise the density where the blood lies; old or diluted blood is hardly denser than brain."""
    density = np.clip(BLOOD + 6 * (suspicion - 1) + 3 * rng.normal(), 36, 85)
    soft = blurred(bleed, 0.8)
    values += soft * (density + 2 * smooth_noise(rng, SHAPE, 2) - np.clip(values, 0, 60))
