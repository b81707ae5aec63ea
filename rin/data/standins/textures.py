"""Building blocks of phantoms: correlated noise, speckle, outlines, and scaling to uint8."""

import numpy as np
from scipy.ndimage import gaussian_filter


def smooth_noise(
    rng: np.random.Generator, shape: tuple[int, ...], sigma: float | tuple[float, ...]
) -> np.ndarray:
    """Return Gaussian noise of correlation length ``sigma`` (pixels), mean 0 and SD 1, float32."""
    noise = gaussian_filter(rng.standard_normal(shape, dtype=np.float32), sigma, mode="reflect")
    return (noise - noise.mean()) / (noise.std() + 1e-6)


def speckle(
    rng: np.random.Generator, shape: tuple[int, int], axial: float, lateral: float
) -> np.ndarray:
    """Return fully developed speckle: a Rayleigh envelope of mean 1, float32.

    The magnitude of complex Gaussian noise, blurred with a point spread of SD ``axial`` by
    ``lateral`` pixels (Goodman 1975; Wagner et al. 1983).
    """
    real = smooth_noise(rng, shape, (axial, lateral))
    imaginary = smooth_noise(rng, shape, (axial, lateral))
    envelope = np.hypot(real, imaginary)
    return envelope / envelope.mean()


def grid(shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return row and column coordinates (pixels), float32, each of the given shape."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return rows.astype(np.float32), columns.astype(np.float32)


def ellipse(
    shape: tuple[int, int], center: tuple[float, float], axes: tuple[float, float], tilt: float = 0
) -> np.ndarray:
    """Return a filled ellipse, bool; ``axes`` are half height and half width, tilt in radians."""
    rows, columns = grid(shape)
    dy, dx = rows - center[0], columns - center[1]
    u = dx * np.cos(tilt) + dy * np.sin(tilt)
    v = -dx * np.sin(tilt) + dy * np.cos(tilt)
    return (v / axes[0]) ** 2 + (u / axes[1]) ** 2 <= 1


def lesion(
    rng: np.random.Generator,
    shape: tuple[int, int],
    center: tuple[float, float],
    radius: float,
    aspect: float,
    roughness: float,
    spicules: int = 0,
) -> np.ndarray:
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


def to_uint8(values: np.ndarray) -> np.ndarray:
    """Return values of 0 to 1 as uint8 of 0 to 255, clipped and rounded."""
    return np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
