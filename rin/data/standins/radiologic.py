"""Stand-in for the radiologic pretraining corpus: gray 64 x 64 phantoms, a folder per class.

Eight looks (three of ultrasound, two of CT, one of MR, two of radiographs) are varied in
texture, size and number of parts until there are as many classes as asked for.  A network
that tells them apart has learnt speckle, outlines and attenuation.
"""

from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from rin.data.standins.textures import ellipse, grid, lesion, smooth_noise, speckle, to_uint8

VERSION = 2
SIZE = 64
SHAPE = (SIZE, SIZE)
FINE = 1.0


def write(folder: Path, counts: dict[str, int], seed: int) -> dict[str, dict[str, int]]:
    """Write ``class_count`` folders of ``per_class`` PNGs and return the counts per class."""
    images = {}
    for number in range(counts["class_count"]):
        look = LOOKS[number % len(LOOKS)]
        name = f"{number:02d}_{look.__name__.strip('_')}"
        (folder / name).mkdir()
        for index in range(counts["per_class"]):
            rng = np.random.default_rng([seed, number, index])
            picture = to_uint8(look(rng, number // len(LOOKS)))
            Image.fromarray(picture).save(folder / name / f"{index + 1:04d}.png")
        images[name] = counts["per_class"]
    return {"images": images, "masks": dict.fromkeys(images, 0)}


def _ultrasound(rng: np.random.Generator, variant: int, outline: np.ndarray | None) -> np.ndarray:
    rows, _ = grid(SHAPE)
    layers = np.sin(rows / (5 + 3 * variant) + 1.5 * smooth_noise(rng, SHAPE, 12))
    level = -27 + 5 * layers + 2 * smooth_noise(rng, SHAPE, 3) - rng.uniform(4, 14) * rows / SIZE
    if outline is not None:
        soft = gaussian_filter(outline.astype(np.float32), FINE)
        level += 0.9 * soft * (-46 - level)
    texture = speckle(rng, SHAPE, 0.6 + 0.25 * variant, 1.0 + 0.4 * variant)
    return 1 + (level + 9 * np.log10(texture + 1e-2)) / 55


def _ultrasound_smooth(rng: np.random.Generator, variant: int) -> np.ndarray:
    center, radius = rng.uniform(22, 42, 2), rng.uniform(8, 14)
    outline = lesion(rng, SHAPE, center, radius, rng.uniform(0.45, 0.8), 0.02)
    return _ultrasound(rng, variant, outline)


def _ultrasound_rough(rng: np.random.Generator, variant: int) -> np.ndarray:
    center, radius = rng.uniform(22, 42, 2), rng.uniform(8, 14)
    outline = lesion(rng, SHAPE, center, radius, rng.uniform(0.85, 1.4), 0.14, 3)
    return _ultrasound(rng, variant, outline)


def _ultrasound_plain(rng: np.random.Generator, variant: int) -> np.ndarray:
    return _ultrasound(rng, variant, None)


def _ct_abdomen(rng: np.random.Generator, variant: int) -> np.ndarray:
    picture = np.zeros(SHAPE, dtype=np.float32)
    middle = 32 + rng.normal(0, 1.5, 2)
    picture[ellipse(SHAPE, middle, (rng.uniform(20, 24), rng.uniform(26, 30)))] = 0.45
    for _ in range(2 + variant):
        place = middle + rng.uniform(-13, 13, 2)
        organ = lesion(rng, SHAPE, place, rng.uniform(4, 8), rng.uniform(0.6, 1.5), 0.06)
        picture[organ & (picture > 0)] = rng.uniform(0.55, 0.75)
    picture[ellipse(SHAPE, (middle[0] + 14, middle[1]), (4, 5))] = 0.97
    return gaussian_filter(picture, 0.8) + 0.04 * smooth_noise(rng, SHAPE, 0.7)


def _ct_head(rng: np.random.Generator, variant: int) -> np.ndarray:
    middle, tilt = 32 + rng.normal(0, 1.5, 2), rng.normal(0, 0.15)
    height, width = rng.uniform(25, 28), rng.uniform(20, 23)
    picture = ellipse(SHAPE, middle, (height, width), tilt) * np.float32(0.98)
    picture[ellipse(SHAPE, middle, (height - 3, width - 3), tilt)] = 0.42
    for side in (-1, 1):
        ventricle = (middle[0] + rng.normal(0, 1), middle[1] + side * (4 + variant))
        picture[ellipse(SHAPE, ventricle, (7 + variant, 2.5), side * 0.35)] = 0.15
    if variant % 2:
        place = middle + rng.uniform(-9, 9, 2)
        picture[lesion(rng, SHAPE, place, rng.uniform(3, 6), 1.0, 0.1)] = 0.68
    return gaussian_filter(picture, 0.7) + 0.03 * smooth_noise(rng, SHAPE, 0.6)


def _mr_brain(rng: np.random.Generator, variant: int) -> np.ndarray:
    middle = 32 + rng.normal(0, 1.5, 2)
    head = ellipse(SHAPE, middle, (rng.uniform(25, 28), rng.uniform(21, 24)))
    folds = np.abs(smooth_noise(rng, SHAPE, 1.6 + 0.6 * variant))
    picture = head * (0.35 + 0.22 * np.clip(folds, 0, 1.6)).astype(np.float32)
    picture[ellipse(SHAPE, middle, (6, 3 + variant))] = 0.9 if variant % 2 else 0.1
    rows, columns = grid(SHAPE)
    direction = rng.uniform(0, 2 * np.pi)
    bias = (np.sin(direction) * (rows - 32) + np.cos(direction) * (columns - 32)) / 90
    noise = np.hypot(0.03 * rng.standard_normal(SHAPE), 0.03 * rng.standard_normal(SHAPE))
    return gaussian_filter(picture * (1 + bias), 0.6) + noise


def _radiograph_chest(rng: np.random.Generator, variant: int) -> np.ndarray:
    rows, _ = grid(SHAPE)
    picture = np.full(SHAPE, 0.72, dtype=np.float32)
    for side in (-1, 1):
        lung = (30 + rng.normal(0, 2), 32 + side * rng.uniform(13, 16))
        picture -= 0.5 * ellipse(
            SHAPE, lung, (rng.uniform(19, 24), rng.uniform(9, 12)), 0.12 * side
        )
    picture += 0.09 * (np.sin(rows / (1.5 + 0.4 * variant) + rng.uniform(0, 6)) > 0.55)
    heart = (42 + rng.normal(0, 2), 37 + rng.normal(0, 2))
    picture += 0.25 * ellipse(SHAPE, heart, (9 + variant, 8 + 2 * variant))
    for _ in range(variant):
        spot = (rng.uniform(18, 45), rng.choice([18, 46]) + rng.normal(0, 3))
        picture += 0.2 * lesion(rng, SHAPE, spot, rng.uniform(2, 5), 1, 0.1)
    return gaussian_filter(picture, 1.2) + 0.03 * smooth_noise(rng, SHAPE, 0.5)


def _radiograph_bone(rng: np.random.Generator, variant: int) -> np.ndarray:
    rows, columns = grid(SHAPE)
    picture = 0.25 * np.exp(-(((columns - 32) / 22) ** 2))
    gap, tilt = rng.uniform(1.5, 3) + 1.2 * variant, rng.normal(0, 0.05)
    axis = columns - 32 - tilt * (rows - 32) + rng.normal(0, 1)
    width = 8 + 6 * np.exp(-(((rows - 32) / 9) ** 2)) + rng.normal(0, 0.8)
    shaft = np.sqrt(np.clip(1 - (axis / width) ** 2, 0, 1)) * 0.55
    joint = np.abs(rows - 32 - 0.6 * smooth_noise(rng, SHAPE, 6)) < gap
    picture = picture + np.where(joint, 0.05, shaft)
    return gaussian_filter(picture, 0.9) + 0.03 * smooth_noise(rng, SHAPE, 0.6)


LOOKS = (
    _ultrasound_smooth,
    _ultrasound_rough,
    _ct_abdomen,
    _radiograph_chest,
    _mr_brain,
    _ultrasound_plain,
    _ct_head,
    _radiograph_bone,
)
