"""Stand-in for the photographic pretraining corpus: colour 64 x 64 JPEGs, a folder per class.

A class is a motif (six of them) in a hue range; backgrounds, places, sizes and light vary.
"""

from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter
from skimage.color import hsv2rgb

from rin.data.standins.textures import ellipse, grid, lesion, smooth_noise, to_uint8

VERSION = 1
SIZE = 64
SHAPE = (SIZE, SIZE)
QUALITY = 90


def write(folder: Path, counts: dict[str, int], seed: int) -> dict[str, dict[str, int]]:
    """Write ``class_count`` folders of ``per_class`` JPEGs and return the counts per class."""
    images = {}
    hues = -(-counts["class_count"] // len(MOTIFS)) + 1
    for number in range(counts["class_count"]):
        motif, variant = MOTIFS[number % len(MOTIFS)], number // len(MOTIFS)
        name = f"{number:02d}_{motif.__name__.strip('_')}"
        (folder / name).mkdir()
        for index in range(counts["per_class"]):
            rng = np.random.default_rng([seed, number, index])
            picture = to_uint8(_scene(rng, motif(rng, variant), variant / hues))
            path = folder / name / f"{index + 1:04d}.jpg"
            Image.fromarray(picture).save(path, quality=QUALITY)
        images[name] = counts["per_class"]
    return {"images": images, "masks": dict.fromkeys(images, 0)}


def _scene(rng: np.random.Generator, motif: np.ndarray, hue: float) -> np.ndarray:
    """Colour a motif (0 to 1) and lay it over a sky-and-ground background, float (64, 64, 3)."""
    rows, _ = grid(SHAPE)
    horizon = 1 / (1 + np.exp(-(rows - rng.uniform(20, 50)) / 2))
    ground, sky = rng.uniform(0, 1, 2)
    back = np.stack(
        [
            np.where(horizon > 0.5, ground, sky),
            np.full(SHAPE, rng.uniform(0.1, 0.6)),
            0.45 + 0.25 * horizon + 0.08 * smooth_noise(rng, SHAPE, 3),
        ],
        axis=-1,
    )
    front = np.stack(
        [
            (hue + rng.normal(0, 0.03)) % 1 + np.zeros(SHAPE),
            np.full(SHAPE, rng.uniform(0.55, 1)),
            rng.uniform(0.55, 0.95) + 0.08 * smooth_noise(rng, SHAPE, 1.5),
        ],
        axis=-1,
    )
    alpha = gaussian_filter(motif.astype(np.float64), 0.6)[..., None]
    colors = alpha * hsv2rgb(np.clip(front, 0, 1)) + (1 - alpha) * hsv2rgb(np.clip(back, 0, 1))
    return colors * rng.uniform(0.75, 1.1)


def _disc(rng: np.random.Generator, _variant: int) -> np.ndarray:
    return ellipse(SHAPE, rng.uniform(22, 42, 2), rng.uniform(9, 20, 2))


def _box(rng: np.random.Generator, _variant: int) -> np.ndarray:
    rows, columns = grid(SHAPE)
    (y, x), turn = rng.uniform(22, 42, 2), rng.uniform(-0.5, 0.5)
    u = (columns - x) * np.cos(turn) + (rows - y) * np.sin(turn)
    v = (rows - y) * np.cos(turn) - (columns - x) * np.sin(turn)
    return (np.abs(u) < rng.uniform(8, 17)) & (np.abs(v) < rng.uniform(8, 17))


def _stripes(rng: np.random.Generator, variant: int) -> np.ndarray:
    rows, columns = grid(SHAPE)
    turn = rng.uniform(0, np.pi)
    wave = (rows * np.sin(turn) + columns * np.cos(turn)) / (1.6 + 0.5 * variant)
    return (np.sin(wave + rng.uniform(0, 6)) > 0) & ellipse(SHAPE, (32, 32), (26, 26))


def _star(rng: np.random.Generator, variant: int) -> np.ndarray:
    rows, columns = grid(SHAPE)
    (y, x), radius = rng.uniform(24, 40, 2), rng.uniform(12, 20)
    angle = np.arctan2(rows - y, columns - x) + rng.uniform(0, 6)
    reach = radius * (0.65 + 0.35 * np.cos((5 + variant) * angle))
    return np.hypot(rows - y, columns - x) < reach


def _crowd(rng: np.random.Generator, variant: int) -> np.ndarray:
    spots = np.zeros(SHAPE, dtype=bool)
    for _ in range(6 + 3 * variant):
        spots |= ellipse(SHAPE, rng.uniform(6, 58, 2), rng.uniform(2.5, 5, 2))
    return spots


def _tree(rng: np.random.Generator, variant: int) -> np.ndarray:
    crown = (rng.uniform(20, 28), rng.uniform(26, 38))
    leaves = lesion(rng, SHAPE, crown, rng.uniform(10, 16), 1.0 + 0.2 * variant, 0.1)
    rows, columns = grid(SHAPE)
    return leaves | ((np.abs(columns - crown[1]) < 2.5) & (rows > crown[0]) & (rows < 58))


MOTIFS = (_disc, _stripes, _star, _crowd, _tree, _box)
