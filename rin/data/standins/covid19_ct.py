"""Stand-in for the chest CT slices of reference 15: three phantom slices per patient.

One hidden suspicion per patient drives how many hazy patches there are, how large and how
dense, and its two distributions overlap; patients of both classes may have a consolidation,
which says nothing about the class.
"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from rin.data.standins.chest_ct import (
    add_consolidation,
    add_ground_glass,
    draw_slice,
    draw_thorax,
    finish,
)

VERSION = 1
CLASSES = ("negative", "positive")
SUSPICION = {"negative": -1.0, "positive": 1.0}
HEIGHTS = (-0.45, 0.0, 0.4)


def write(folder: Path, counts: dict[str, int], seed: int) -> dict[str, dict[str, int]]:
    """Write the class folders for so many patients and return the images per class."""
    for kind in CLASSES:
        (folder / kind).mkdir()
        with ThreadPoolExecutor(2) as pool:
            list(
                pool.map(
                    lambda index, kind=kind: _write_patient(folder / kind, kind, index, seed),
                    range(counts[kind]),
                )
            )
    images = {kind: len(HEIGHTS) * counts[kind] for kind in CLASSES}
    return {"images": images, "masks": dict.fromkeys(CLASSES, 0)}


def draw_patient(kind: str, index: int, seed: int) -> list[np.ndarray]:
    """Draw the slices of one patient, uint8 (160, 160) each; equal arguments, equal pixels."""
    rng = np.random.default_rng([seed, CLASSES.index(kind), index])
    thorax = draw_thorax(rng)
    suspicion = SUSPICION[kind] + rng.normal()
    dense = rng.random() < 0.2
    slices = []
    for height in HEIGHTS:
        picture, lungs = draw_slice(rng, thorax, height + rng.normal(0, 0.08))
        patches = int(rng.poisson(np.clip(2.4 + 2.0 * suspicion, 0.1, 9)))
        radius = np.clip(10 + 2 * suspicion, 5, 16)
        density = np.clip(0.4 + 0.06 * suspicion, 0.2, 0.6)
        add_ground_glass(rng, picture, lungs, patches, radius, density)
        if dense and rng.random() < 0.7:
            add_consolidation(rng, picture, lungs, rng.uniform(6, 11), rng.uniform(0.6, 0.9))
        slices.append(finish(rng, picture, thorax))
    return slices


def _write_patient(folder: Path, kind: str, index: int, seed: int) -> None:
    for number, picture in enumerate(draw_patient(kind, index, seed)):
        Image.fromarray(picture).save(folder / f"{kind[0]}{index + 1:04d}_{number + 1}.png")
