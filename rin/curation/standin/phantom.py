"""What all phantoms of the stand-in archive share: lesions, drawings, lengths, resizing.

A phantom is drawn from three sources of chance: ``anatomy`` belongs to the patient and repeats
in every slice and every later study, ``texture`` belongs to the slice, and each lesion brings
its own.  So a slice can be drawn with and without its lesions, and differs there alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from rin.data.standins.textures import grid


@dataclass(frozen=True)
class Lesion:
    """A lesion as one slice cuts it.

    Attributes
    ----------
    label
        Name of the class in the taxonomy.
    share
        Its size in this slice, as a share of that in the slice through its middle.
    seed
        Source of its place and shape, the same in all slices.
    """

    label: str
    share: float
    seed: tuple[int, ...]

    def generator(self) -> np.random.Generator:
        """Return the lesion's own source of chance, at its beginning."""
        return np.random.default_rng(self.seed)


@dataclass(frozen=True)
class Drawing:
    """A slice in physical values, float32 (h, w), and per lesion where it lies, bool (h, w).

    CT is in Hounsfield units; MR and ultrasound run from 0 (black) to 1 (white).
    """

    values: np.ndarray
    lesions: dict[str, np.ndarray] = field(default_factory=dict)


#: anatomy, texture, height (-1 to 1), shape (h, w), lesions.
Phantom = Callable[
    [np.random.Generator, np.random.Generator, float, tuple[int, int], Sequence[Lesion]], Drawing
]


def own_axes(
    shape: tuple[int, int], center: tuple[float, float] = (0, 0), tilt: float = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Return distances down and across, float32 (h, w), where half the height of a picture is 1.

    ``center`` is in the same units from the middle of the picture, ``tilt`` in radians.
    """
    rows, columns = grid(shape)
    half = shape[0] / 2
    dy, dx = (rows + 0.5) / half - 1 - center[0], (columns + 0.5 - shape[1] / 2) / half - center[1]
    if not tilt:
        return dy, dx
    return dy * np.cos(tilt) - dx * np.sin(tilt), dx * np.cos(tilt) + dy * np.sin(tilt)


def oval(
    axes: tuple[np.ndarray, np.ndarray],
    center: tuple[float, float],
    half: tuple[float, float],
    power: float = 2.0,
) -> np.ndarray:
    """Return a filled oval, bool; a ``power`` above 2 makes it boxier."""
    down, across = axes
    away = np.abs((down - center[0]) / half[0]) ** power
    return away + np.abs((across - center[1]) / half[1]) ** power <= 1


def resized(values: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return float32 values in another size, smoothed where they shrink."""
    if values.shape == tuple(shape):
        return values.astype(np.float32)
    picture = Image.fromarray(np.ascontiguousarray(values, dtype=np.float32))
    return np.asarray(picture.resize(shape[::-1], Image.Resampling.BICUBIC))


def resized_mask(mask: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return a bool mask in another size."""
    return resized(mask.astype(np.float32), shape) > 0.5
