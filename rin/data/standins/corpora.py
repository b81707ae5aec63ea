"""Stand-ins for the two pretraining corpora: 64 x 64 pictures, a folder per class.

Radiologic: eight looks (three of ultrasound, two of CT, one of MR, two of radiographs), varied in
texture, size and number of parts; a network that tells them apart has learnt speckle, outlines
and attenuation.  Photographic: six motifs in several hues, in front of varying backgrounds.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numpy import ndarray
from numpy.random import Generator, default_rng
from scipy.ndimage import gaussian_filter
from skimage.color import hsv2rgb

from rin.data.standins.phantoms import (
    Pair,
    blurred,
    ellipse,
    grid,
    outline,
    smooth_noise,
    speckle,
    to_uint8,
    turned,
)
from rin.data.standins.writers import write_picture

SIZE = 64
SHAPE = (SIZE, SIZE)


def write_radiologic(folder: Path, counts: dict[str, int], seed: int) -> list[tuple]:
    """Write ``class_count`` folders of ``per_class`` PNGs."""
    return _write(folder, counts, seed, LOOKS, ".png")


def write_photographic(folder: Path, counts: dict[str, int], seed: int) -> list[tuple]:
    """Write ``class_count`` folders of ``per_class`` JPEGs."""
    return _write(folder, counts, seed, MOTIFS, ".jpg")


def _write(
    folder: Path, counts: dict[str, int], seed: int, draws: dict[str, Callable], ending: str
) -> list[tuple]:
    rows = []
    variants = -(-counts["class_count"] // len(draws)) + 1
    for number in range(counts["class_count"]):
        variant, place = divmod(number, len(draws))
        name, draw = list(draws.items())[place]
        folder_name = f"{number:02d}_{name}"
        for index in range(counts["per_class"]):
            rng = default_rng([seed, number, index])
            picture = draw(rng, variant)
            if draws is MOTIFS:
                picture = _scene(rng, picture, variant / variants)
            path = folder / folder_name / f"{index + 1:04d}{ending}"
            write_picture(path, to_uint8(picture), quality=90)
        rows.append((folder_name, counts["per_class"], 0))
    return rows


def _ultrasound(
    rng: Generator,
    variant: int,
    aspect: Pair | None = None,
    roughness: float = 0.0,
    spicules: int = 0,
) -> ndarray:
    """Draw layers of speckle, with a dark lesion where an aspect ratio is given as a range."""
    mask = None
    if aspect:
        center, radius = rng.uniform(22, 42, 2), rng.uniform(8, 14)
        mask = outline(rng, SHAPE, center, radius, rng.uniform(*aspect), roughness, spicules)
    rows, _ = grid(SHAPE)
    layers = np.sin(rows / (5 + 3 * variant) + 1.5 * smooth_noise(rng, SHAPE, 12))
    level = -27 + 5 * layers + 2 * smooth_noise(rng, SHAPE, 3) - rng.uniform(4, 14) * rows / SIZE
    if mask is not None:
        level += 0.9 * blurred(mask, 1.0) * (-46 - level)
    texture = speckle(rng, SHAPE, 0.6 + 0.25 * variant, 1.0 + 0.4 * variant)
    return 1 + (level + 9 * np.log10(texture + 1e-2)) / 55


def _ct_abdomen(rng: Generator, variant: int) -> ndarray:
    picture = np.zeros(SHAPE, dtype=np.float32)
    middle = 32 + rng.normal(0, 1.5, 2)
    picture[ellipse(SHAPE, middle, (rng.uniform(20, 24), rng.uniform(26, 30)))] = 0.45
    for _ in range(2 + variant):
        place = middle + rng.uniform(-13, 13, 2)
        organ = outline(rng, SHAPE, place, rng.uniform(4, 8), rng.uniform(0.6, 1.5), 0.06)
        picture[organ & (picture > 0)] = rng.uniform(0.55, 0.75)
    picture[ellipse(SHAPE, (middle[0] + 14, middle[1]), (4, 5))] = 0.97
    return gaussian_filter(picture, 0.8) + 0.04 * smooth_noise(rng, SHAPE, 0.7)


def _ct_head(rng: Generator, variant: int) -> ndarray:
    middle, tilt = 32 + rng.normal(0, 1.5, 2), rng.normal(0, 0.15)
    height, width = rng.uniform(25, 28), rng.uniform(20, 23)
    picture = ellipse(SHAPE, middle, (height, width), tilt) * np.float32(0.98)
    picture[ellipse(SHAPE, middle, (height - 3, width - 3), tilt)] = 0.42
    for side in (-1, 1):
        ventricle = (middle[0] + rng.normal(0, 1), middle[1] + side * (4 + variant))
        picture[ellipse(SHAPE, ventricle, (7 + variant, 2.5), side * 0.35)] = 0.15
    if variant % 2:
        place = middle + rng.uniform(-9, 9, 2)
        picture[outline(rng, SHAPE, place, rng.uniform(3, 6), 1.0, 0.1)] = 0.68
    return gaussian_filter(picture, 0.7) + 0.03 * smooth_noise(rng, SHAPE, 0.6)


def _mr_brain(rng: Generator, variant: int) -> ndarray:
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


def _radiograph_chest(rng: Generator, variant: int) -> ndarray:
    rows, _ = grid(SHAPE)
    picture = np.full(SHAPE, 0.72, dtype=np.float32)
    for side in (-1, 1):
        lung = (30 + rng.normal(0, 2), 32 + side * rng.uniform(13, 16))
        half = (rng.uniform(19, 24), rng.uniform(9, 12))
        picture -= 0.5 * ellipse(SHAPE, lung, half, 0.12 * side)
    picture += 0.09 * (np.sin(rows / (1.5 + 0.4 * variant) + rng.uniform(0, 6)) > 0.55)
    heart = (42 + rng.normal(0, 2), 37 + rng.normal(0, 2))
    picture += 0.25 * ellipse(SHAPE, heart, (9 + variant, 8 + 2 * variant))
    for _ in range(variant):
        spot = (rng.uniform(18, 45), rng.choice([18, 46]) + rng.normal(0, 3))
        picture += 0.2 * outline(rng, SHAPE, spot, rng.uniform(2, 5), 1, 0.1)
    return gaussian_filter(picture, 1.2) + 0.03 * smooth_noise(rng, SHAPE, 0.5)


def _radiograph_bone(rng: Generator, variant: int) -> ndarray:
    rows, columns = grid(SHAPE)
    picture = 0.25 * np.exp(-(((columns - 32) / 22) ** 2))
    gap, tilt = rng.uniform(1.5, 3) + 1.2 * variant, rng.normal(0, 0.05)
    axis = columns - 32 - tilt * (rows - 32) + rng.normal(0, 1)
    width = 8 + 6 * np.exp(-(((rows - 32) / 9) ** 2)) + rng.normal(0, 0.8)
    shaft = np.sqrt(np.clip(1 - (axis / width) ** 2, 0, 1)) * 0.55
    joint = np.abs(rows - 32 - 0.6 * smooth_noise(rng, SHAPE, 6)) < gap
    picture = picture + np.where(joint, 0.05, shaft)
    return gaussian_filter(picture, 0.9) + 0.03 * smooth_noise(rng, SHAPE, 0.6)


def _scene(rng: Generator, motif: ndarray, hue: float) -> ndarray:
    """Colour a motif (0 to 1) and lay it over a sky-and-ground background, float (64, 64, 3)."""
    rows, _ = grid(SHAPE)
    horizon = 1 / (1 + np.exp(-(rows - rng.uniform(20, 50)) / 2))
    ground, sky = rng.uniform(0, 1, 2)
    back = (
        np.where(horizon > 0.5, ground, sky),
        np.full(SHAPE, rng.uniform(0.1, 0.6)),
        0.45 + 0.25 * horizon + 0.08 * smooth_noise(rng, SHAPE, 3),
    )
    front = (
        (hue + rng.normal(0, 0.03)) % 1 + np.zeros(SHAPE),
        np.full(SHAPE, rng.uniform(0.55, 1)),
        rng.uniform(0.55, 0.95) + 0.08 * smooth_noise(rng, SHAPE, 1.5),
    )
    front, back = (hsv2rgb(np.clip(np.stack(part, -1), 0, 1)) for part in (front, back))
    alpha = gaussian_filter(motif.astype(np.float64), 0.6)[..., None]
    return (alpha * front + (1 - alpha) * back) * rng.uniform(0.75, 1.1)


def _motif(rng: Generator, variant: int, name: str) -> ndarray:
    """Draw one of `MOTIFS`, where it stands in the picture, bool."""
    rows, columns = grid(SHAPE)
    if name == "disc":
        return ellipse(SHAPE, rng.uniform(22, 42, 2), rng.uniform(9, 20, 2))
    if name == "stripes":
        turn = rng.uniform(0, np.pi)
        wave = (rows * np.sin(turn) + columns * np.cos(turn)) / (1.6 + 0.5 * variant)
        return (np.sin(wave + rng.uniform(0, 6)) > 0) & ellipse(SHAPE, (32, 32), (26, 26))
    if name == "star":
        (y, x), radius = rng.uniform(24, 40, 2), rng.uniform(12, 20)
        angle = np.arctan2(rows - y, columns - x) + rng.uniform(0, 6)
        reach = radius * (0.65 + 0.35 * np.cos((5 + variant) * angle))
        return np.hypot(rows - y, columns - x) < reach
    if name == "crowd":
        spots = np.zeros(SHAPE, dtype=bool)
        for _ in range(6 + 3 * variant):
            spots |= ellipse(SHAPE, rng.uniform(6, 58, 2), rng.uniform(2.5, 5, 2))
        return spots
    if name == "tree":
        crown = (rng.uniform(20, 28), rng.uniform(26, 38))
        leaves = outline(rng, SHAPE, crown, rng.uniform(10, 16), 1.0 + 0.2 * variant, 0.1)
        return leaves | ((np.abs(columns - crown[1]) < 2.5) & (rows > crown[0]) & (rows < 58))
    # A box.
    (y, x), turn = rng.uniform(22, 42, 2), rng.uniform(-0.5, 0.5)
    v, u = turned(rows - y, columns - x, turn)
    return (np.abs(u) < rng.uniform(8, 17)) & (np.abs(v) < rng.uniform(8, 17))


#: Classes in turn; each further round of them is another variant.
LOOKS = {
    "ultrasound_smooth": partial(_ultrasound, aspect=(0.45, 0.8), roughness=0.02),
    "ultrasound_rough": partial(_ultrasound, aspect=(0.85, 1.4), roughness=0.14, spicules=3),
    "ct_abdomen": _ct_abdomen,
    "radiograph_chest": _radiograph_chest,
    "mr_brain": _mr_brain,
    "ultrasound_plain": _ultrasound,
    "ct_head": _ct_head,
    "radiograph_bone": _radiograph_bone,
}
_NAMES = ("disc", "stripes", "star", "crowd", "tree", "box")
MOTIFS = {name: partial(_motif, name=name) for name in _NAMES}
