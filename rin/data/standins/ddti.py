"""Stand-in for DDTI: B-mode neck phantoms with outlined nodules, in exactly its layout.

A thyroid lobe between skin and muscles, with the carotid artery on one side and the trachea's
shadow on the other, under speckle.  A benign nodule tends to be smooth, wider than tall and
about as bright as the gland, with a dark halo; a malignant one rough, taller than wide, dark
and sprinkled with calcifications.  One hidden suspicion per patient drives all of these and
the TI-RADS category, and its two distributions overlap.  The tendencies follow the TI-RADS
lexicon (Kwak et al., Radiology 260, 2011, 892-899); the numbers are chosen, not measured.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from PIL import Image
from scipy.ndimage import binary_erosion, gaussian_filter
from skimage.measure import approximate_polygon, find_contours

from rin.data.standins.textures import ellipse, grid, lesion, smooth_noise, speckle, to_uint8

VERSION = 1
CLASSES = ("benign", "malignant")
UNRATED = "unrated"
KINDS = (*CLASSES, UNRATED)
SUSPICION = {"benign": -1.0, "malignant": 1.0, UNRATED: 0.0}
#: Highest suspicion of each category but the last.
TIRADS = {"benign": ((-1.0, "2"), (9.0, "3")), "malignant": ((0.2, "4a"), (0.9, "4b"), (1.6, "4c"))}
DYNAMIC_RANGE_DB = 55.0
SPECKLE = 0.42
QUALITY = 92


@dataclass(frozen=True)
class Patient:
    """What the images of one patient share: category, and traits that follow the suspicion."""

    number: int
    tirads: str
    age: int
    sex: str
    n_images: int
    suspicion: float
    size: float


def write(folder: Path, counts: dict[str, int], seed: int) -> dict[str, dict[str, int]]:
    """Write XML files and JPEGs and return images and outlines per TI-RADS category.

    Every third patient has two images.  To each dozen patients comes one without a category,
    which the study leaves out.
    """
    wanted = counts | {UNRATED: -(-sum(counts.values()) // 12)}
    patients = [(kind, index) for kind in KINDS for index in range(wanted[kind])]
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda one: _write_patient(folder, *one, seed), patients))
    images: dict[str, int] = {}
    masks: dict[str, int] = {}
    for patient, outlines in done:
        category = patient.tirads or UNRATED
        images[category] = images.get(category, 0) + patient.n_images
        masks[category] = masks.get(category, 0) + outlines
    return {"images": images, "masks": masks}


def _write_patient(folder: Path, kind: str, index: int, seed: int) -> tuple[Patient, int]:
    patient = draw_patient(kind, index, seed)
    case = ElementTree.Element("case")
    fields = {"number": str(patient.number), "age": str(patient.age), "sex": patient.sex}
    fields |= dict.fromkeys(("composition", "echogenicity", "margins", "calcifications"), "")
    fields |= {"tirads": patient.tirads, "reportbacaf": "", "reporteco": "generated"}
    for tag, text in fields.items():
        ElementTree.SubElement(case, tag).text = text
    outlines = 0
    for image in range(1, patient.n_images + 1):
        picture, nodules = draw_image(kind, index, seed, image)
        stem = f"{patient.number}_{image}"
        Image.fromarray(picture).save(folder / f"{stem}.jpg", quality=QUALITY)
        mark = ElementTree.SubElement(case, "mark")
        ElementTree.SubElement(mark, "image").text = str(image)
        ElementTree.SubElement(mark, "svg").text = json.dumps([_region(one) for one in nodules])
        outlines += len(nodules)
    ElementTree.ElementTree(case).write(
        folder / f"{patient.number}.xml", encoding="utf-8", xml_declaration=True
    )
    return patient, outlines


def draw_patient(kind: str, index: int, seed: int) -> Patient:
    """Draw what the images of a patient share; equal arguments give equal patients."""
    rng = np.random.default_rng([seed, KINDS.index(kind), index])
    suspicion = SUSPICION[kind] + rng.normal()
    tirads = ""
    if kind != UNRATED:
        tirads = next((name for limit, name in TIRADS[kind] if suspicion <= limit), "5")
    return Patient(
        number=len(KINDS) * index + KINDS.index(kind) + 1,
        tirads=tirads,
        age=int(np.clip(rng.normal(48, 14), 16, 88)),
        sex="F" if rng.random() < 0.85 else "M",
        n_images=2 if index % 3 == 1 else 1,
        suspicion=suspicion,
        size=float(np.exp(-2.25 + 0.24 * rng.normal())),
    )


def draw_image(
    kind: str, index: int, seed: int, image: int
) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """Draw one image of a patient.

    Returns
    -------
    picture : numpy.ndarray
        uint8 (h, w), 200 to 256 pixels wide.
    nodules : tuple of numpy.ndarray
        One bool (h, w) per nodule; every seventh patient has two.
    """
    patient = draw_patient(kind, index, seed)
    rng = np.random.default_rng([seed, KINDS.index(kind), index, image])
    width = int(rng.integers(200, 257))
    shape = (int(width * rng.uniform(0.6, 0.72)), width)
    level, lobe = _neck(rng, shape)
    nodules = [_add_nodule(rng, level, lobe, patient, patient.size)]
    if index % 7 == 3:
        second = _add_nodule(rng, level, lobe, patient, patient.size * 0.55)
        nodules.append(second & ~nodules[0])
    level += SPECKLE * 20 * np.log10(speckle(rng, shape, 0.9, 1.5) + 1e-2)
    picture = gaussian_filter(1 + level / DYNAMIC_RANGE_DB, 0.45)
    kept = tuple(nodule for nodule in nodules if binary_erosion(nodule).any())
    return to_uint8(picture), kept


def _neck(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[np.ndarray, tuple]:
    """Return the echo level (dB below white), float32, and center and half axes of the lobe."""
    height, width = shape
    rows, columns = grid(shape)
    side = rng.choice([-1.0, 1.0])
    bend = rng.normal(0, 0.16) * (columns / width - 0.5) + 0.03 * _slow_noise(rng, shape)
    depth = rows / height + bend
    level = np.full(shape, -40 + rng.normal(0, 2), dtype=np.float32)
    for top, bottom, decibels in ((0, 0.06, -17), (0.06, 0.15, -33), (0.15, 0.27, -42)):
        inside = (depth >= top) & (depth < bottom * rng.uniform(0.9, 1.15))
        level[inside] = decibels + rng.normal(0, 2)
    level += 9 * np.exp(-(((depth - 0.15 * rng.uniform(0.9, 1.1)) / 0.012) ** 2))
    center = (height * rng.uniform(0.46, 0.56), width * (0.5 + 0.04 * side))
    half = (height * rng.uniform(0.2, 0.27), width * rng.uniform(0.26, 0.33))
    radius, aspect = np.sqrt(half[0] * half[1]), half[0] / half[1]
    middle = (center[0] / 2, center[1] / 2)
    gland = lesion(rng, (-(-height // 2), -(-width // 2)), middle, radius / 2, aspect, 0.05)
    gland = gland.repeat(2, axis=0).repeat(2, axis=1)[:height, :width]
    level = np.where(gland, -22 + rng.normal(0, 2.5), level)
    artery = (center[0] + height * rng.uniform(0, 0.1), width * (0.5 + side * 0.42))
    radius = height * rng.uniform(0.08, 0.12)
    level = np.where(ellipse(shape, artery, (radius, radius * 1.1)), -54, level)
    trachea = (height * rng.uniform(0.42, 0.5), width * (0.5 - side * rng.uniform(0.42, 0.5)))
    ring = ellipse(shape, trachea, (height * 0.16, width * 0.11))
    shadow = (rows > trachea[0]) & (np.abs(columns - trachea[1]) < width * 0.11)
    level = np.where(ring | shadow, -52, level)
    level = gaussian_filter(level, (1.3, 2.2))
    level += 3 * smooth_noise(rng, shape, (rng.uniform(2.5, 5), rng.uniform(6, 12)))
    level += 2.5 * _slow_noise(rng, shape)
    return level - rng.uniform(2, 14) * np.clip(rows / height - 0.3, 0, 1), (center, half)


def _slow_noise(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Return noise that changes over about an eighth of the picture, mean 0 and SD 1, float32."""
    coarse = smooth_noise(rng, (16, 24), 2)
    return np.asarray(Image.fromarray(coarse).resize(shape[::-1], Image.Resampling.BICUBIC))


def _add_nodule(
    rng: np.random.Generator, level: np.ndarray, lobe: tuple, patient: Patient, size: float
) -> np.ndarray:
    """Lay a nodule into the lobe and return its mask."""
    shape, (center, half), suspicion = level.shape, lobe, patient.suspicion
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
    place = (row - top, column - left)
    window[:] = lesion(rng, window.shape, place, radius, aspect, roughness)
    soft = gaussian_filter(mask.astype(np.float32), np.clip(1 + 0.5 * suspicion, 0.6, 3))
    echo = np.clip(-31 - 4.5 * suspicion + 3.5 * rng.normal(), -46, -23)
    level += 0.92 * soft * (echo - level + 2.5 * smooth_noise(rng, shape, 3))
    rim = gaussian_filter(mask ^ binary_erosion(mask, iterations=2), 0.8, output=np.float32)
    level -= rim * np.clip(9 - 5 * suspicion, 0, 16)
    inside = np.argwhere(binary_erosion(mask, iterations=2))
    spots = rng.poisson(max(0.0, 2 + 2.5 * suspicion)) if len(inside) else 0
    for y, x in inside[rng.integers(0, max(1, len(inside)), spots)] if spots else ():
        level[y, x : x + 2] += 30
    return mask


def _region(mask: np.ndarray) -> dict:
    """Return the outline of a mask in the form of the dataset's annotations."""
    contours = find_contours(np.pad(mask, 1), 0.5)
    outline = approximate_polygon(max(contours, key=len) - 1, 0.6)[:-1]
    points = [{"x": int(x), "y": int(y)} for y, x in np.rint(outline)]
    return {"points": points, "annotation": {}, "regionType": "freehand"}
