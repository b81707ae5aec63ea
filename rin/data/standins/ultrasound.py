"""Stand-ins for BUSI, BUS-BRA and DDTI: B-mode phantoms with lesions, in exactly their layouts.

Layered tissue under multiplicative speckle, with attenuation and log compression.  A benign
lesion tends to be smooth and wider than tall; a malignant one rough, taller than wide and dark,
in the breast spiculated and with a shadow, in the thyroid sprinkled with calcifications.  One
hidden suspicion drives all of these, and its distributions overlap, so no classifier reaches an
AUC of 1.  The tendencies follow the BI-RADS ultrasound lexicon and TI-RADS (Kwak et al.,
Radiology 260, 2011, 892-899); the numbers are chosen, not measured.
"""

import json
from itertools import chain
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
from numpy import ndarray
from numpy.random import Generator, default_rng
from scipy.ndimage import binary_erosion, gaussian_filter, gaussian_filter1d
from skimage.measure import approximate_polygon, find_contours

from rin.data.standins.phantoms import (
    blurred,
    echoes,
    ellipse,
    grid,
    outline,
    resized,
    smooth_noise,
    to_uint8,
)
from rin.data.standins.writers import write_cases, write_picture, write_table

BUSI_CLASSES = ("benign", "malignant", "normal")
DDTI_CLASSES = ("benign", "malignant")
UNRATED = "unrated"
DDTI_KINDS = (*DDTI_CLASSES, UNRATED)
SUSPICION = {"benign": -1.0, "malignant": 1.0, UNRATED: 0.0}
#: Breast: level in dB and lower border (share of depth) of skin, fat, gland, muscle, chest wall.
LAYERS = ((0.04, -16.0), (0.26, -36.0), (0.62, -27.0), (0.84, -37.0), (1.01, -45.0))
#: Highest suspicion of each TI-RADS category but the last.
TIRADS = {"benign": ((-1.0, "2"), (9.0, "3")), "malignant": ((0.2, "4a"), (0.9, "4b"), (1.6, "4c"))}


def write_busi(folder: Path, counts: dict[str, int], seed: int) -> list[tuple]:
    """Write pictures and masks.

    The last benign case is a cropped and brightened copy of the first (where there are two),
    so that the leakage checks have something to find.
    """

    def write(kind: str, index: int) -> tuple[str, int, int]:
        repeat = kind == "benign" and 0 < index == counts[kind] - 1
        picture, masks = draw_breast(kind, 0 if repeat else index, seed)
        if repeat:
            picture = to_uint8(picture[2:-2, 2:-2] / 255 * 1.04 + 0.01)
            masks = [mask[2:-2, 2:-2] for mask in masks]
        stem = f"{kind} ({index + 1})"
        write_picture(folder / kind / f"{stem}.png", picture)
        for number, mask in enumerate(masks):
            tail = f"_{number}" if number else ""
            write_picture(folder / kind / f"{stem}_mask{tail}.png", mask)
        return kind, 1, len(masks)

    return write_cases(write, counts)


def write_busbra(folder: Path, counts: dict[str, int], seed: int) -> list[tuple]:
    """Write pictures, masks, and the tables of cases and of five folds; every second patient has
    two pictures.
    """

    def write(kind: str, index: int) -> list[tuple]:
        rng = default_rng([seed, BUSI_CLASSES.index(kind), index, 1])
        patient = 2 * index + BUSI_CLASSES.index(kind) + 1
        category = int(rng.integers(2, 5)) + (kind == "malignant")
        device = rng.choice(["GE Logiq 5", "GE Logiq 7"])
        histology = {"benign": "fibroadenoma", "malignant": "invasive ductal carcinoma"}[kind]
        rows = []
        for view, side in enumerate(["left", "right"] if index % 2 else ["single"]):
            # Far from the indices of BUSI, so that the two datasets share no picture.
            picture, masks = draw_breast(kind, 10**6 + 2 * index + view, seed)
            name = f"{patient:04d}-{side[0]}"
            write_picture(folder / "Images" / f"bus_{name}.png", picture)
            write_picture(folder / "Masks" / f"mask_{name}.png", np.any(masks, axis=0))
            box = (*picture.shape[::-1], side, "")
            row = (f"bus_{name}", patient, histology, kind, category, device, *box)
            rows.append((row, (f"bus_{name}", kind, index % 5 + 1)))
        return rows

    rows, folds = zip(*sorted(chain.from_iterable(write_cases(write, counts))), strict=True)
    columns = ["ID", "Case", "Histology", "Pathology", "BIRADS", "Device"]
    write_table(folder / "bus_data.csv", [*columns, "Width", "Height", "Side", "BBOX"], rows)
    write_table(folder / "5-fold-cv.csv", ["ID", "Pathology", "kFold"], folds)
    return [(row[3], 1, 1) for row in rows]


def draw_breast(kind: str, index: int, seed: int) -> tuple[ndarray, list[ndarray]]:
    """Draw an image, uint8, 180 to 288 pixels wide, and a mask, bool, per lesion.

    Equal arguments give equal pixels.  Without a lesion there is one empty mask.
    """
    rng = default_rng([seed, BUSI_CLASSES.index(kind), index])
    width = int(rng.integers(180, 289))
    shape = (int(width * rng.uniform(0.6, 0.95)), width)
    level = _breast_tissue(rng, shape)
    masks = []
    if kind != "normal":
        suspicion = SUSPICION[kind] + rng.normal()
        masks.append(_add_breast_lesion(rng, level, suspicion, scale=1.0))
        if index % (25 if kind == "benign" else 100) == 2:
            second = _add_breast_lesion(rng, level, suspicion, scale=0.5)
            masks.append(second & ~masks[0])
    picture = to_uint8(echoes(rng, level, 0.9, 1.6))
    return picture, [mask for mask in masks if mask.any()] or [np.zeros(shape, dtype=bool)]


def _breast_tissue(rng: Generator, shape: tuple[int, int]) -> ndarray:
    """Return the echo level (dB below white) of layered breast tissue, float32."""
    height, width = shape
    rows, columns = grid(shape)
    depth, across = rows / height, columns / width - 0.5
    # All layers follow one bend, and each its own waves; near the skin both fade.
    fade = np.minimum(1, 3 * depth)
    bent = depth + fade * (rng.normal(0, 0.12) * across + rng.normal(0, 0.25) * across**2)
    level = np.full(shape, LAYERS[-1][1] + rng.normal(0, 2.5), dtype=np.float32)
    for border, decibels in reversed(LAYERS[:-1]):
        wave = gaussian_filter1d(rng.standard_normal(width), width / 9)
        wave *= rng.uniform(0.01, 0.06) * min(1, 5 * border) / (np.abs(wave).max() + 1e-6)
        inside = bent < border * rng.uniform(0.85, 1.15) + wave
        level = np.where(inside, decibels + rng.normal(0, 2.5), level)
    level = gaussian_filter(level, (1.5, 3))
    level += 2.5 * smooth_noise(rng, shape, (rng.uniform(3, 6), rng.uniform(6, 14)))
    # Thin bright septa run along the layers.
    gain, thickness = rng.uniform(11, 20), height * rng.uniform(0.012, 0.03)
    noise = smooth_noise(rng, (2 * height, width), (thickness, rng.uniform(8, 16) * thickness))
    row = np.clip((0.5 + bent) * height, 0, 2 * height - 1).astype(int)
    septa = np.exp(-((noise[row, np.arange(width)] / 0.22) ** 2))
    septa *= np.clip(0.35 + 0.6 * smooth_noise(rng, shape, (height / 14, width / 9)), 0, 1.3)
    level += gain * gaussian_filter(septa, (0.4, 0.8)) * (depth > 0.05)
    level -= rng.uniform(3, 20) * np.clip(depth - 0.25, 0, 1) ** 1.2 + rng.normal(0, 2.5)
    return level - rng.uniform(0, 12) * (2 * np.abs(across)) ** 6


def _add_breast_lesion(rng: Generator, level: ndarray, suspicion: float, scale: float) -> ndarray:
    """Darken a lesion into the echo level, with what it does behind it; return its mask."""
    height, width = shape = level.shape
    radius = scale * width * np.exp(-2.25 + 0.15 * suspicion + 0.28 * rng.normal())
    aspect = np.exp(-0.38 + 0.16 * suspicion + 0.17 * rng.normal())
    roughness = float(np.clip(0.075 + 0.045 * suspicion + 0.02 * rng.normal(), 0.008, 0.25))
    spicules = int(rng.poisson(max(0.0, 2.2 * suspicion)))
    half = radius * np.sqrt(aspect) / height
    row = height * np.clip(rng.normal(0.40, 0.07), 0.08 + half, max(0.86 - half, 0.09 + half))
    column = width * rng.uniform(0.28, 0.72)
    mask = outline(rng, shape, (row, column), radius, aspect, roughness, spicules)
    soft = blurred(mask, np.clip(1.3 + 0.7 * suspicion + 0.5 * rng.normal(), 0.6, 4))
    # Lesions are hypoechoic: at least 6 dB below the tissue that they replace.
    dark = min(np.clip(rng.normal(-46, 4.0), -53, -38), level[mask].mean() - 6)
    level += 0.9 * soft * (dark - level + 2 * smooth_noise(rng, shape, 3))
    behind = np.clip(np.cumsum(soft, axis=0) / (2 * radius * aspect), 0, 1) * (1 - soft)
    behind = gaussian_filter(behind, (2, 0.06 * radius + 1))
    level += behind * np.clip(-3.5 * suspicion + 4.5 * rng.normal(), -18, 11)
    return mask


def write_ddti(folder: Path, counts: dict[str, int], seed: int) -> list[tuple]:
    """Write an XML file a patient, and JPEGs; the class is the TI-RADS category.

    Every third patient has two images.  To each dozen patients comes one without a category,
    which the study leaves out.
    """

    def write(kind: str, index: int) -> tuple[str, int, int]:
        patient = _thyroid_patient(kind, index, seed)
        case, outlines = ElementTree.Element("case"), 0
        for tag, text in patient.fields.items():
            ElementTree.SubElement(case, tag).text = text
        for image in range(1, patient.n_images + 1):
            picture, nodules = draw_thyroid(kind, index, seed, image)
            write_picture(folder / f"{patient.number}_{image}.jpg", picture, quality=92)
            mark = ElementTree.SubElement(case, "mark")
            ElementTree.SubElement(mark, "image").text = str(image)
            ElementTree.SubElement(mark, "svg").text = json.dumps(list(map(_region, nodules)))
            outlines += len(nodules)
        path = folder / f"{patient.number}.xml"
        ElementTree.ElementTree(case).write(path, encoding="utf-8", xml_declaration=True)
        return patient.fields["tirads"] or UNRATED, patient.n_images, outlines

    return write_cases(write, counts | {UNRATED: -(-sum(counts.values()) // 12)})


def _thyroid_patient(kind: str, index: int, seed: int) -> SimpleNamespace:
    """Draw what the images of a patient share, and the fields of the XML file."""
    rng = default_rng([seed, DDTI_KINDS.index(kind), index])
    number = len(DDTI_KINDS) * index + DDTI_KINDS.index(kind) + 1
    suspicion = SUSPICION[kind] + rng.normal()
    tirads = ""
    if kind != UNRATED:
        tirads = next((name for limit, name in TIRADS[kind] if suspicion <= limit), "5")
    age = int(np.clip(rng.normal(48, 14), 16, 88))
    fields = {"number": str(number), "age": str(age), "sex": "F" if rng.random() < 0.85 else "M"}
    fields |= dict.fromkeys(("composition", "echogenicity", "margins", "calcifications"), "")
    fields |= {"tirads": tirads, "reportbacaf": "", "reporteco": "generated"}
    size = float(np.exp(-2.25 + 0.24 * rng.normal()))
    n_images = 2 if index % 3 == 1 else 1
    return SimpleNamespace(
        number=number, fields=fields, n_images=n_images, suspicion=suspicion, size=size
    )


def draw_thyroid(kind: str, index: int, seed: int, image: int) -> tuple[ndarray, list[ndarray]]:
    """Draw an image of a patient, uint8, 200 to 256 pixels wide, and a mask, bool, per nodule.

    Every seventh patient has two nodules.
    """
    patient = _thyroid_patient(kind, index, seed)
    rng = default_rng([seed, DDTI_KINDS.index(kind), index, image])
    width = int(rng.integers(200, 257))
    shape = (int(width * rng.uniform(0.6, 0.72)), width)
    level, lobe = _neck(rng, shape)
    nodules = [_add_nodule(rng, level, lobe, patient.suspicion, patient.size)]
    if index % 7 == 3:
        second = _add_nodule(rng, level, lobe, patient.suspicion, patient.size * 0.55)
        nodules.append(second & ~nodules[0])
    picture = to_uint8(echoes(rng, level, 0.9, 1.5))
    return picture, [nodule for nodule in nodules if binary_erosion(nodule).any()]


def _neck(rng: Generator, shape: tuple[int, int]) -> tuple[ndarray, tuple]:
    """Return the echo level (dB below white), float32, and center and half axes of the lobe.

    The carotid artery lies on one side of the lobe, the trachea's shadow on the other.
    """
    height, width = shape
    rows, columns = grid(shape)
    side = rng.choice([-1.0, 1.0])
    bend = rng.normal(0, 0.16) * (columns / width - 0.5)
    depth = rows / height + (bend + 0.03 * resized(smooth_noise(rng, (16, 24), 2), shape))
    level = np.full(shape, -40 + rng.normal(0, 2), dtype=np.float32)
    for top, bottom, decibels in ((0, 0.06, -17), (0.06, 0.15, -33), (0.15, 0.27, -42)):
        inside = (depth >= top) & (depth < bottom * rng.uniform(0.9, 1.15))
        level[inside] = decibels + rng.normal(0, 2)
    level += 9 * np.exp(-(((depth - 0.15 * rng.uniform(0.9, 1.1)) / 0.012) ** 2))
    center = (height * rng.uniform(0.46, 0.56), width * (0.5 + 0.04 * side))
    half = (height * rng.uniform(0.2, 0.27), width * rng.uniform(0.26, 0.33))
    # The gland is drawn at half the size.
    radius, aspect = np.sqrt(half[0] * half[1]), half[0] / half[1]
    small, middle = (-(-height // 2), -(-width // 2)), (center[0] / 2, center[1] / 2)
    gland = outline(rng, small, middle, radius / 2, aspect, 0.05)
    gland = gland.repeat(2, axis=0).repeat(2, axis=1)[:height, :width]
    level = np.where(gland, -22 + rng.normal(0, 2.5), level)
    artery = (center[0] + height * rng.uniform(0, 0.1), width * (0.5 + side * 0.42))
    radius = height * rng.uniform(0.08, 0.12)
    level = np.where(ellipse(shape, artery, (radius, radius * 1.1)), -54, level)
    trachea = (height * rng.uniform(0.42, 0.5), width * (0.5 - side * rng.uniform(0.42, 0.5)))
    ring = ellipse(shape, trachea, (height * 0.16, width * 0.11))
    shadow = (rows > trachea[0]) & (np.abs(columns - trachea[1]) < width * 0.11)
    level = gaussian_filter(np.where(ring | shadow, -52, level), (1.3, 2.2))
    level += 3 * smooth_noise(rng, shape, (rng.uniform(2.5, 5), rng.uniform(6, 12)))
    level += 2.5 * resized(smooth_noise(rng, (16, 24), 2), shape)
    return level - rng.uniform(2, 14) * np.clip(rows / height - 0.3, 0, 1), (center, half)


def _add_nodule(
    rng: Generator, level: ndarray, lobe: tuple, suspicion: float, size: float
) -> ndarray:
    """Lay a nodule into the lobe and return its mask."""
    shape, (center, half) = level.shape, lobe
    radius = size * shape[1] * np.exp(0.06 * rng.normal())
    aspect = np.exp(-0.25 + 0.15 * suspicion + 0.14 * rng.normal())
    roughness = float(np.clip(0.06 + 0.045 * suspicion + 0.02 * rng.normal(), 0.008, 0.2))
    row = center[0] + half[0] * rng.uniform(-0.35, 0.35)
    column = center[1] + half[1] * rng.uniform(-0.5, 0.5)
    # Only a window is drawn: the outline reaches at most twice its radius.
    reach = int(2 * radius * max(aspect, 1 / aspect) ** 0.5) + 2
    top, left = max(0, int(row) - reach), max(0, int(column) - reach)
    mask = np.zeros(shape, dtype=bool)
    window = mask[top : int(row) + reach, left : int(column) + reach]
    window[:] = outline(rng, window.shape, (row - top, column - left), radius, aspect, roughness)
    echo = np.clip(-31 - 4.5 * suspicion + 3.5 * rng.normal(), -46, -23)
    darker = echo - level + 2.5 * smooth_noise(rng, shape, 3)
    level += 0.92 * blurred(mask, np.clip(1 + 0.5 * suspicion, 0.6, 3)) * darker
    core = binary_erosion(mask, iterations=2)
    level -= blurred(mask ^ core, 0.8) * np.clip(9 - 5 * suspicion, 0, 16)
    inside = np.argwhere(core)
    spots = rng.poisson(max(0.0, 2 + 2.5 * suspicion)) if len(inside) else 0
    for y, x in inside[rng.integers(0, max(1, len(inside)), spots)] if spots else ():
        level[y, x : x + 2] += 30
    return mask


def _region(mask: ndarray) -> dict:
    """Return the outline of a mask in the form of the dataset's annotations."""
    contours = find_contours(np.pad(mask, 1), 0.5)
    corners = approximate_polygon(max(contours, key=len) - 1, 0.6)[:-1]
    points = [{"x": int(x), "y": int(y)} for y, x in np.rint(corners)]
    return {"points": points, "annotation": {}, "regionType": "freehand"}
