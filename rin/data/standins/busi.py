"""Stand-in for Dataset_BUSI_with_GT: B-mode phantoms with masks, in exactly its layout.

Layered tissue under multiplicative speckle, with attenuation and log compression.  A benign
lesion tends to be smooth, wider than tall and bright behind; a malignant one rough, spiculated,
taller than wide and dark behind.  One hidden suspicion drives all of these, and its two
distributions overlap, so no classifier reaches an AUC of 1.  The tendencies follow the
BI-RADS ultrasound lexicon; the numbers are chosen, not measured.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from rin.data.standins.textures import grid, lesion, smooth_noise, speckle, to_uint8

VERSION = 2
CLASSES = ("benign", "malignant", "normal")
SUSPICION = {"benign": -1.0, "malignant": 1.0}
DYNAMIC_RANGE_DB = 55.0
# Scanners smooth their speckle (compounding); 1 would be the full Rayleigh contrast.
SPECKLE = 0.42
# Levels in dB and lower borders (share of depth) of skin, fat, gland, muscle and chest wall.
LAYERS = ((0.04, -16.0), (0.26, -36.0), (0.62, -27.0), (0.84, -37.0), (1.01, -45.0))


@dataclass(frozen=True)
class Phantom:
    """An image (uint8) and one mask (bool) per lesion; a single empty mask when there is none."""

    image: np.ndarray
    masks: tuple[np.ndarray, ...]


def write(folder: Path, counts: dict[str, int], seed: int) -> dict[str, dict[str, int]]:
    """Write the class folders and return images and masks per class.

    The last benign case is a cropped and brightened copy of the first (where there are two),
    so that the leakage checks have something to find.
    """
    written = {"images": {}, "masks": {}}
    for kind in CLASSES:
        if not counts[kind]:
            continue
        (folder / kind).mkdir()
        with ThreadPoolExecutor(2) as pool:
            masks = list(
                pool.map(
                    lambda index, kind=kind: _write_case(folder, kind, index, counts[kind], seed),
                    range(counts[kind]),
                )
            )
        written["images"][kind] = counts[kind]
        written["masks"][kind] = sum(masks)
    return written


def _write_case(folder: Path, kind: str, index: int, count: int, seed: int) -> int:
    repeat = kind == "benign" and count > 1 and index == count - 1
    phantom = draw_phantom(kind, 0 if repeat else index, seed)
    if repeat:
        phantom = _nearly_the_same(phantom)
    stem = folder / kind / f"{kind} ({index + 1})"
    Image.fromarray(phantom.image).save(f"{stem}.png")
    for number, mask in enumerate(phantom.masks):
        suffix = f"_{number}" if number else ""
        Image.fromarray(mask).save(f"{stem}_mask{suffix}.png")
    return len(phantom.masks)


def draw_phantom(kind: str, index: int, seed: int) -> Phantom:
    """Draw one phantom; the same class, index and seed give the same pixels.

    Images are 180 to 288 pixels wide and 0.6 to 0.95 times as high.
    """
    rng = np.random.default_rng([seed, CLASSES.index(kind), index])
    width = int(rng.integers(180, 289))
    shape = (int(width * rng.uniform(0.6, 0.95)), width)
    level = _tissue(rng, shape)
    masks = []
    if kind != "normal":
        suspicion = SUSPICION[kind] + rng.normal()
        masks.append(_add_lesion(rng, level, suspicion, scale=1.0))
        if index % (25 if kind == "benign" else 100) == 2:
            second = _add_lesion(rng, level, suspicion, scale=0.5)
            masks.append(second & ~masks[0])
    level += SPECKLE * 20 * np.log10(speckle(rng, shape, 0.9, 1.6) + 1e-2)
    picture = gaussian_filter(1 + level / DYNAMIC_RANGE_DB, 0.45)
    kept = tuple(mask for mask in masks if mask.any())
    return Phantom(to_uint8(picture), kept or (np.zeros(shape, dtype=bool),))


def _tissue(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Return the echo level (dB below white) of layered breast tissue, float32."""
    rows, columns = grid(shape)
    depth, across = rows / shape[0], columns / shape[1] - 0.5
    # All layers follow one bend, and each its own waves; near the skin both fade.
    fade = np.minimum(1, 3 * depth)
    bent = depth + fade * (rng.normal(0, 0.12) * across + rng.normal(0, 0.25) * across**2)
    level = np.full(shape, LAYERS[-1][1] + rng.normal(0, 2.5), dtype=np.float32)
    for border, decibels in reversed(LAYERS[:-1]):
        wave = gaussian_filter1d(rng.standard_normal(shape[1]), shape[1] / 9)
        wave *= rng.uniform(0.01, 0.06) * min(1, 5 * border) / (np.abs(wave).max() + 1e-6)
        inside = bent < border * rng.uniform(0.85, 1.15) + wave
        level = np.where(inside, decibels + rng.normal(0, 2.5), level)
    level = gaussian_filter(level, (1.5, 3))
    level += 2.5 * smooth_noise(rng, shape, (rng.uniform(3, 6), rng.uniform(6, 14)))
    level += _fibres(rng, bent, rng.uniform(11, 20)) * (depth > 0.05)
    level -= rng.uniform(3, 20) * np.clip(depth - 0.25, 0, 1) ** 1.2 + rng.normal(0, 2.5)
    return level - rng.uniform(0, 12) * (2 * np.abs(across)) ** 6


def _fibres(rng: np.random.Generator, bent: np.ndarray, gain: float) -> np.ndarray:
    """Return the gain (dB) of thin bright septa, which run along the layers."""
    height, width = bent.shape
    thickness = height * rng.uniform(0.012, 0.03)
    noise = smooth_noise(rng, (2 * height, width), (thickness, rng.uniform(8, 16) * thickness))
    row = np.clip((0.5 + bent) * height, 0, 2 * height - 1).astype(int)
    ridges = np.exp(-((noise[row, np.arange(width)] / 0.22) ** 2))
    present = np.clip(0.35 + 0.6 * smooth_noise(rng, bent.shape, (height / 14, width / 9)), 0, 1.3)
    return gain * gaussian_filter(ridges * present, (0.4, 0.8))


def _add_lesion(
    rng: np.random.Generator, level: np.ndarray, suspicion: float, scale: float
) -> np.ndarray:
    """Darken a lesion into the echo level, with what it does behind it; return its mask."""
    shape = level.shape
    radius = scale * shape[1] * np.exp(-2.25 + 0.15 * suspicion + 0.28 * rng.normal())
    aspect = np.exp(-0.38 + 0.16 * suspicion + 0.17 * rng.normal())
    roughness = float(np.clip(0.075 + 0.045 * suspicion + 0.02 * rng.normal(), 0.008, 0.25))
    spicules = int(rng.poisson(max(0.0, 2.2 * suspicion)))
    half = radius * np.sqrt(aspect) / shape[0]
    row = shape[0] * np.clip(rng.normal(0.40, 0.07), 0.08 + half, max(0.86 - half, 0.09 + half))
    column = shape[1] * rng.uniform(0.28, 0.72)
    mask = lesion(rng, shape, (row, column), radius, aspect, roughness, spicules)
    blur = np.clip(1.3 + 0.7 * suspicion + 0.5 * rng.normal(), 0.6, 4)
    soft = gaussian_filter(mask.astype(np.float32), blur)
    # Lesions are hypoechoic: at least 6 dB below the tissue that they replace.
    dark = min(np.clip(rng.normal(-46, 4.0), -53, -38), level[mask].mean() - 6)
    level += 0.9 * soft * (dark - level + 2 * smooth_noise(rng, shape, 3))
    behind = np.clip(np.cumsum(soft, axis=0) / (2 * radius * aspect), 0, 1) * (1 - soft)
    behind = gaussian_filter(behind, (2, 0.06 * radius + 1))
    level += behind * np.clip(-3.5 * suspicion + 4.5 * rng.normal(), -18, 11)
    return mask


def _nearly_the_same(phantom: Phantom) -> Phantom:
    image = to_uint8(phantom.image[2:-2, 2:-2] / 255 * 1.04 + 0.01)
    return Phantom(image, tuple(mask[2:-2, 2:-2] for mask in phantom.masks))
