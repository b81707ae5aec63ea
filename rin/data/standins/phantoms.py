"""Building blocks of phantoms: correlated noise, speckle, outlines, and scaling to uint8.

Every stand-in is drawn from these; equal generators give equal pixels, so what an existing
function draws from its generator, and in which order, is part of the data.
"""

import numpy as np
from numpy import ndarray
from numpy.random import Generator
from PIL import Image
from scipy.ndimage import gaussian_filter

DYNAMIC_RANGE_DB = 55.0
# Scanners smooth their speckle (compounding); 1 would be the full Rayleigh contrast.
SPECKLE = 0.42

#: Coordinates down and across, each (h, w).
Axes = tuple[ndarray, ndarray]
Pair = tuple[float, float] | ndarray


def smooth_noise(rng: Generator, shape: tuple[int, ...], sigma: float | Pair) -> ndarray:
    """Return Gaussian noise of correlation length ``sigma`` (pixels), mean 0 and SD 1, float32."""
    noise = gaussian_filter(rng.standard_normal(shape, dtype=np.float32), sigma, mode="reflect")
    return (noise - noise.mean()) / (noise.std() + 1e-6)


def speckle(rng: Generator, shape: tuple[int, int], axial: float, lateral: float) -> ndarray:
    """Return fully developed speckle: a Rayleigh envelope of mean 1, float32.

    The magnitude of complex Gaussian noise, blurred with a point spread of SD ``axial`` by
    ``lateral`` pixels (Goodman 1975; Wagner et al. 1983).
    """
    real = smooth_noise(rng, shape, (axial, lateral))
    envelope = np.hypot(real, smooth_noise(rng, shape, (axial, lateral)))
    return envelope / envelope.mean()


def echoes(
    rng: Generator, level: ndarray, axial: float, lateral: float, blur: float = 0.45
) -> ndarray:
    """Return the log-compressed B-mode picture, about 0 to 1, of an echo level in dB below white.

    Speckle has a point spread of ``axial`` by ``lateral`` pixels, the picture one of ``blur``.
    """
    grain = SPECKLE * 20 * np.log10(speckle(rng, level.shape, axial, lateral) + 1e-2)
    return gaussian_filter(1 + (level + grain) / DYNAMIC_RANGE_DB, blur)


def grid(shape: tuple[int, int]) -> Axes:
    """Return row and column coordinates (pixels), float32, each of the given shape."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return rows.astype(np.float32), columns.astype(np.float32)


def turned(down: ndarray, across: ndarray, tilt: float) -> Axes:
    """Return coordinates, down and across, in axes tilted by so many radians."""
    sine, cosine = np.sin(tilt), np.cos(tilt)
    return down * cosine - across * sine, across * cosine + down * sine


def own_axes(shape: tuple[int, int], center: Pair = (0, 0), tilt: float = 0) -> Axes:
    """Return distances down and across, (h, w), where half the height of a picture is 1.

    ``center`` is in the same units from the middle of the picture, ``tilt`` in radians.
    """
    rows, columns = grid(shape)
    half = shape[0] / 2
    dy, dx = (rows + 0.5) / half - 1 - center[0], (columns + 0.5 - shape[1] / 2) / half - center[1]
    return turned(dy, dx, tilt) if tilt else (dy, dx)


def oval(axes: Axes, center: Pair, half: Pair, power: float = 2.0) -> ndarray:
    """Return a filled oval in given axes, bool; a ``power`` above 2 makes it boxier."""
    away = np.abs((axes[0] - center[0]) / half[0]) ** power
    return away + np.abs((axes[1] - center[1]) / half[1]) ** power <= 1


def ellipse(shape: tuple[int, int], center: Pair, half: Pair, tilt: float = 0) -> ndarray:
    """Return a filled ellipse, bool; lengths in pixels, heights first, tilt in radians."""
    rows, columns = grid(shape)
    return oval(turned(rows - center[0], columns - center[1], tilt), (0, 0), half)


def outline(
    rng: Generator,
    shape: tuple[int, int],
    center: Pair,
    radius: float,
    aspect: float,
    roughness: float,
    spicules: int = 0,
) -> ndarray:
    """Return a filled lesion outline, bool.

    An ellipse of area pi * radius**2 and height/width ``aspect``, whose radius is modulated
    by harmonics of relative amplitude ``roughness`` and by narrow spicules.
    """
    rows, columns = grid(shape)
    dy = (rows - center[0]) / (radius * np.sqrt(aspect))
    dx = (columns - center[1]) / (radius / np.sqrt(aspect))
    angle = np.arctan2(dy, dx)
    limit = np.ones(shape, dtype=np.float32)
    for order in range(2, 10):
        amplitude = roughness * rng.normal() / order**0.6
        limit += amplitude * np.cos(order * angle + rng.uniform(0, 2 * np.pi))
    for _ in range(spicules):
        turn = np.angle(np.exp(1j * (angle - rng.uniform(-np.pi, np.pi))))
        limit += rng.uniform(0.15, 0.5) * np.exp(-((turn / rng.uniform(0.06, 0.14)) ** 2))
    return np.hypot(dy, dx) <= np.clip(limit, 0.4, 2.0)


def blurred(mask: ndarray, sigma: float | Pair) -> ndarray:
    """Return a mask with a blurred edge, float32 of 0 to 1."""
    return gaussian_filter(mask.astype(np.float32), sigma)


def resized(values: ndarray, shape: tuple[int, int]) -> ndarray:
    """Return values in another size (bicubic), float32."""
    if values.shape == tuple(shape):
        return values.astype(np.float32)
    picture = Image.fromarray(np.ascontiguousarray(values, dtype=np.float32))
    return np.asarray(picture.resize(shape[::-1], Image.Resampling.BICUBIC))


def to_uint8(values: ndarray) -> ndarray:
    """Return values of 0 to 1 as uint8 of 0 to 255, clipped and rounded."""
    return np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
