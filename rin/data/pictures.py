"""Pictures as a dataset reads them, gray or in colour, and scaled to squares."""

from pathlib import Path

import numpy as np
from PIL import Image

from rin.data.pixels import read_gray, read_rgb

RESIZES = ("stretch", "pad")


def read_picture(
    root: Path, locator: str, color: bool, window: tuple[float, float] | None
) -> np.ndarray:
    """Read a picture, uint8 (h, w), or (h, w, 3) in colour.

    ``window`` is center and width in Hounsfield units, for gray pictures that need one.
    Raises InputError as :func:`rin.data.pixels.read_gray`.
    """
    return read_rgb(root, locator) if color else read_gray(root, locator, window)


def resize_picture(pixels: np.ndarray, size: int, resize: str, nearest: bool = False) -> np.ndarray:
    """Return pixels, uint8 (h, w) or (h, w, 3), or bool (h, w), scaled to a square of ``size``.

    ``stretch`` scales both sides to ``size``; ``pad`` scales the longer side, keeps the aspect
    ratio and centres the picture on black.  The type is kept.
    """
    method = Image.Resampling.NEAREST if nearest else Image.Resampling.BILINEAR
    height, width = pixels.shape[:2]
    longest = max(height, width)
    inner = (size, size)
    if resize == "pad":
        inner = tuple(max(1, round(side * size / longest)) for side in (height, width))
    picture = Image.fromarray(pixels.astype(np.uint8)).resize(inner[::-1], method)
    square = np.zeros((size, size, *pixels.shape[2:]), dtype=np.uint8)
    top, left = (size - inner[0]) // 2, (size - inner[1]) // 2
    square[top : top + inner[0], left : left + inner[1]] = np.asarray(picture)
    return square.astype(pixels.dtype)
