"""Stand-in for CC-CCII in its layout: class, patient, scan, slice, and its three tables.

COVID-19 (NCP) tends to several hazy patches near the pleura of both lungs, common pneumonia
(CP) to one dense area in one lung.  One hidden suspicion per patient drives both, and its
distributions overlap.  Two slices of a scan show lesions and are listed; the first, and in
every other scan the last, lie above and below the lesions and are not.
"""

import csv
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from rin.data.layouts.cc_ccii import LESIONS, METADATA, SCAN_COLUMNS, SCANS
from rin.data.standins.chest_ct import (
    add_consolidation,
    add_ground_glass,
    draw_slice,
    draw_thorax,
    finish,
)

VERSION = 1
CLASSES = {"cp": "CP", "ncp": "NCP", "normal": "Normal"}
SUSPICION = {"cp": -1.0, "ncp": 1.0}
# Top to bottom; the lesions stand in the middle two.
HEIGHTS = (0.85, 0.3, -0.2, -0.95)
LESION_SLICES = (1, 2)
METADATA_COLUMNS = (
    "patient_id",
    "Age",
    "Sex(Male1/Female2)",
    "Critical_illness",
    "Liver_function",
    "Lung_function",
    "Progression (Days)",
)


def write(folder: Path, counts: dict[str, int], seed: int) -> dict[str, dict[str, int]]:
    """Write classes and tables for so many patients; return listed slices, and all normal ones."""
    images, listed, scans = {}, [], []
    for kind, source_class in CLASSES.items():
        with ThreadPoolExecutor(2) as pool:
            written = list(
                pool.map(
                    lambda index, kind=kind: _write_scan(folder, kind, index, seed),
                    range(counts[kind]),
                )
            )
        names = [name for scan in written for name in scan]
        if kind != "normal":
            names = [scan[number] for scan in written for number in LESION_SLICES]
            listed += names
        images[source_class] = len(names)
        scans += [_scan_row(scan) for scan in written]
    _write_table(folder / LESIONS, ("imgpath",), [(name,) for name in listed])
    _write_table(folder / SCANS, SCAN_COLUMNS, scans)
    patients = [row[2] for row in scans if row[1] == CLASSES["ncp"]]
    _write_table(folder / METADATA, METADATA_COLUMNS, _clinical(patients, seed))
    return {"images": images, "masks": dict.fromkeys(images, 0)}


def draw_scan(kind: str, index: int, seed: int) -> list[np.ndarray]:
    """Draw the slices of one scan, uint8 (160, 160) each; equal arguments, equal pixels."""
    rng = np.random.default_rng([seed, list(CLASSES).index(kind), index])
    thorax = draw_thorax(rng)
    suspicion = SUSPICION.get(kind, 0.0) + rng.normal()
    dense = rng.random() < 1 / (1 + np.exp(2.5 * suspicion))
    slices = []
    for number, height in enumerate(HEIGHTS[: 4 - index % 2]):
        picture, lungs = draw_slice(rng, thorax, height + rng.normal(0, 0.06))
        if number in LESION_SLICES and kind != "normal":
            patches = int(rng.poisson(np.clip(2.8 + 1.8 * suspicion, 0.2, 9)))
            add_ground_glass(rng, picture, lungs, patches, rng.uniform(8, 13), 0.42)
            if dense or not patches:
                radius = np.clip(18 - 3 * suspicion, 9, 26)
                add_consolidation(rng, picture, lungs, radius, rng.uniform(0.6, 0.95))
        slices.append(finish(rng, picture, thorax))
    return slices


def _write_scan(folder: Path, kind: str, index: int, seed: int) -> list[str]:
    """Write one scan and return its file names, relative to the folder."""
    # Numbers interleave, so that each patient and scan has one number in the whole set.
    number = 3 * index + list(CLASSES).index(kind) + 1
    place = f"{CLASSES[kind]}/{number}/{1000 + number}"
    (folder / place).mkdir(parents=True)
    names = []
    for position, picture in enumerate(draw_scan(kind, index, seed)):
        # The published slices are PNG in most scans and JPEG in some.
        ending, quality = (".jpg", {"quality": 95}) if index % 5 == 4 else (".png", {})
        names.append(f"{place}/{position:04d}{ending}")
        Image.fromarray(picture).save(folder / names[-1], **quality)
    return names


def _scan_row(names: list[str]) -> tuple:
    source_class, patient, scan, _ = names[0].split("/")
    return (f"{source_class}-1.zip", source_class, patient, scan, len(names))


def _clinical(patients: list[str], seed: int) -> Iterable[tuple]:
    for patient in patients:
        rng = np.random.default_rng([seed, len(CLASSES), int(patient)])
        age, days = int(rng.integers(22, 85)), int(rng.integers(1, 15))
        yield (patient, age, 1 + age % 2, int(rng.random() < 0.2), *rng.integers(0, 6, 2), days)


def _write_table(path: Path, columns: Iterable[str], rows: Iterable[tuple]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
