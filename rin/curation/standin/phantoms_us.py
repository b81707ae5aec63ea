"""Ultrasound phantoms of the stand-in archive, 0 to 1: thyroid, and liver with gallbladder.

Echo levels are in decibels below white, under speckle, as in the other ultrasound stand-ins.
The tendencies follow textbooks of sonography; the shapes are chosen, not measured.
"""

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import binary_erosion, gaussian_filter

from rin.curation.standin.phantom import Drawing, Lesion, oval, own_axes
from rin.data.standins.textures import grid, smooth_noise, speckle
from rin.data.standins.textures import lesion as outline

DYNAMIC_RANGE_DB = 55.0
SPECKLE = 0.42


def draw_thyroid(
    anatomy: np.random.Generator,
    texture: np.random.Generator,
    height: float,
    shape: tuple[int, int],
    lesions: Sequence[Lesion],
) -> Drawing:
    """Draw a lobe between skin, strap muscles, carotid artery and the trachea's shadow.

    Label: ``thyroid_nodule``, a rounded area darker than the gland, some with a bright rim.
    """
    side = anatomy.choice([-1.0, 1.0])
    down, across = own_axes(shape)
    bent = down + 0.08 * anatomy.normal() * across + 0.02 * texture.normal()
    level = np.full(shape, -40 + anatomy.normal(0, 2), dtype=np.float32)
    for top, bottom, decibels in ((-1, -0.86, -16), (-0.86, -0.7, -32), (-0.7, -0.44, -43)):
        level[(bent >= top) & (bent < bottom)] = decibels + anatomy.normal(0, 2)
    size = 1 - 0.2 * height**2
    half = anatomy.uniform(0.36, 0.46) * size, anatomy.uniform(0.62, 0.78) * size
    axes = (bent, across)
    center = (0.04 + anatomy.normal(0, 0.03), 0.08 * side)
    gland = oval(axes, center, half, 2.2)
    level[gland] = -21 + anatomy.normal(0, 2)
    ring = oval(axes, (-0.05, -side * 1.15), (0.34, 0.3))
    level[ring | ((bent > -0.05) & (np.abs(across + side * 1.15) < 0.3))] = -53
    artery = anatomy.uniform(0.15, 0.2)
    level[oval(axes, (0.15 + anatomy.normal(0, 0.05), side * 1.0), (artery, 1.1 * artery))] = -54
    level = gaussian_filter(level, (1, 1.6))
    level += 2.5 * smooth_noise(texture, shape, (0.02 * shape[0], 0.05 * shape[1]))
    found = {}
    for lesion in lesions:
        if lesion.label != "thyroid_nodule":
            raise KeyError(lesion.label)
        mask = _add_nodule(lesion, level, center, half)
        if mask.any():
            found[lesion.label] = mask
    level -= anatomy.uniform(2, 10) * np.clip(down, 0, 1)
    return Drawing(_echoes(texture, level), found)


def _add_nodule(
    lesion: Lesion, level: np.ndarray, center: tuple[float, float], half: tuple[float, float]
) -> np.ndarray:
    rng = lesion.generator()
    unit = level.shape[0] / 2
    place = center[0] + half[0] * rng.uniform(-0.25, 0.25)
    aside = center[1] + half[1] * rng.uniform(-0.45, 0.45)
    middle = ((1 + place) * unit, level.shape[1] / 2 + aside * unit)
    radius = unit * rng.uniform(0.2, 0.32) * lesion.share
    mask = outline(rng, level.shape, middle, radius, rng.uniform(0.7, 1.2), 0.06)
    soft = gaussian_filter(mask.astype(np.float32), 1)
    level += 0.92 * soft * (rng.uniform(-40, -33) - level)
    if rng.random() < 0.4:
        rim = gaussian_filter((mask ^ binary_erosion(mask)).astype(np.float32), 0.6)
        level += 12 * rim
    inside = np.argwhere(binary_erosion(mask, iterations=2))
    for row, column in rng.choice(inside, rng.integers(0, 5)) if len(inside) else ():
        level[row, column : column + 2] += 26
    return mask


def draw_upper_abdomen(
    anatomy: np.random.Generator,
    texture: np.random.Generator,
    height: float,
    shape: tuple[int, int],
    lesions: Sequence[Lesion],
) -> Drawing:
    """Draw liver and right kidney in the sector of a curved probe.

    Label: ``gb``, the gallbladder: dark, bright behind, with stones that cast a shadow.
    """
    down, across = own_axes(shape)
    level = np.full(shape, -25 + anatomy.normal(0, 2), dtype=np.float32)
    level[down < -0.75] = -30
    wave = 0.04 * smooth_noise(texture, shape, 0.12 * shape[0])
    border = 0.45 + 0.35 * across + 0.12 * height + wave
    level[down > border] = -36
    level += 10 * np.exp(-(((down - border) / 0.03) ** 2))
    axes = own_axes(shape, (0.5 + 0.1 * height, 0.55), -0.3 + anatomy.normal(0, 0.1))
    kidney = anatomy.uniform(0.2, 0.26), anatomy.uniform(0.42, 0.52)
    level[oval(axes, (0, 0), kidney)] = -33
    level[oval(axes, (0, 0), (0.4 * kidney[0], 0.6 * kidney[1]))] = -15
    for _ in range(5):
        vessel = anatomy.uniform(-0.6, 0.2), anatomy.uniform(-0.7, 0.7)
        turned = own_axes(shape, vessel, anatomy.uniform(-0.8, 0.8))
        size = anatomy.uniform(0.02, 0.045)
        level[oval(turned, (0, 0), (size, 4 * size)) & (down < border)] = -47
    level = gaussian_filter(level, (0.9, 1.5))
    level += 2.5 * smooth_noise(texture, shape, (0.02 * shape[0], 0.05 * shape[1]))
    found = {}
    for lesion in lesions:
        if lesion.label != "gb":
            raise KeyError(lesion.label)
        found[lesion.label] = _add_gallbladder(lesion, level)
    level -= anatomy.uniform(4, 10) * np.clip(down, 0, 1)
    return Drawing(_echoes(texture, level) * _sector(shape), found)


def _add_gallbladder(lesion: Lesion, level: np.ndarray) -> np.ndarray:
    rng = lesion.generator()
    shape = level.shape
    rows, _ = grid(shape)
    center = rng.uniform(-0.3, -0.02), rng.uniform(-0.4, 0.15)
    axes = own_axes(shape, center, rng.uniform(-0.6, 0.6))
    half = np.array([rng.uniform(0.17, 0.24), rng.uniform(0.34, 0.46)])
    half *= 0.55 + 0.45 * lesion.share
    mask = oval(axes, (0, 0), half)
    wall = oval(axes, (0, 0), half + 0.035) & ~mask
    behind = np.cumsum(mask, axis=0) > 0
    level += 8 * gaussian_filter((behind & ~mask).astype(np.float32), (1, 3))
    level[mask] = -54
    level[wall] = -16
    for _ in range(rng.integers(1, 4)):
        place = 0.55 * half[0], rng.uniform(-0.5, 0.5) * half[1]
        size = rng.uniform(0.05, 0.08)
        stone = oval(axes, place, (0.7 * size, size))
        shadow = (np.cumsum(stone, axis=0) > 0) & ~stone & (rows > rows[stone].min())
        level -= 22 * gaussian_filter(shadow.astype(np.float32), (0.8, 1.4))
        level[stone] = -4
    return mask | wall


def _echoes(texture: np.random.Generator, level: np.ndarray) -> np.ndarray:
    """Return the compressed picture of an echo level, float32."""
    grain = SPECKLE * 20 * np.log10(speckle(texture, level.shape, 0.7, 1.1) + 1e-2)
    picture = gaussian_filter(1 + (level + grain) / DYNAMIC_RANGE_DB, 0.4)
    return np.clip(picture, 0, 1).astype(np.float32)


def _sector(shape: tuple[int, int]) -> np.ndarray:
    """Return the field of view of a curved probe, bool."""
    down, across = own_axes(shape)
    away = np.hypot(down + 1.9, across)
    return (away > 0.98) & (away < 2.88) & (np.abs(across) < 0.72 * (down + 1.9))
