"""From a locator to uint8 pixels: the only place where pictures are decoded.

Gray pictures stay as they are; colour becomes ITU-R 601 luma, or the shared channel where
all three are equal; palettes are looked up; transparency is laid over black; 16-bit and
floating pixels are refused, because no window for them is known.
"""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from rin.data.dicom import read_dicom
from rin.data.shapes import is_shape, rasterise
from rin.data.tree import SEPARATOR, read_bytes
from rin.data.volumes import is_slice, read_slice
from rin.errors import InputError

FORMATS = ("PNG", "JPEG", "BMP", "TIFF")
GRAY_MODES = ("1", "L")
COLOR_MODES = ("RGB", "RGBA", "P", "LA", "PA", "La", "RGBa")
MAX_PIXELS = 64_000_000
_DECODING = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    OverflowError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)


def read_gray(root: Path, locator: str, window: tuple[float, float] | None = None) -> np.ndarray:
    """Read a picture as gray.

    Parameters
    ----------
    window
        Center and width of the window of a DICOM picture (:func:`rin.data.dicom.read_dicom`).

    Returns
    -------
    numpy.ndarray
        uint8 (h, w), 0 to 255.

    Raises
    ------
    InputError
        Empty, truncated, unrecognised, too large, multi-page or 16-bit file.
    """
    if locator.lower().endswith(".dcm"):
        return read_dicom(root, locator, window)
    if is_slice(locator):
        return read_slice(root, locator)
    picture = _open(root, locator)
    if picture.mode in GRAY_MODES:
        return np.asarray(picture.convert("L"))
    colors = _flatten(picture)
    pixels = np.asarray(colors)
    if (pixels[..., 0] == pixels[..., 1]).all() and (pixels[..., 1] == pixels[..., 2]).all():
        return np.ascontiguousarray(pixels[..., 0])
    return np.asarray(colors.convert("L"))


def read_rgb(root: Path, locator: str) -> np.ndarray:
    """Read a picture as colour, uint8 (h, w, 3), 0 to 255; gray is repeated three times.

    Raises
    ------
    InputError
        As :func:`read_gray`.
    """
    return np.asarray(_flatten(_open(root, locator)))


def read_mask(root: Path, entries: tuple[str, ...], shape: tuple[int, int]) -> np.ndarray:
    """Read the masks of one picture and merge them by OR.

    A pixel belongs to the mask where it exceeds half of the brightest value of its file, so
    masks in 0/1 and in 0/255 read alike.

    Parameters
    ----------
    entries
        Locators of mask files, or shapes in words; none gives an empty mask.
    shape
        Height and width of the picture.

    Returns
    -------
    numpy.ndarray
        bool (h, w).

    Raises
    ------
    InputError
        A mask that is not of the given shape, or cannot be read; a shape in words that is
        malformed, or that covers no pixel of the picture.
    """
    merged = np.zeros(shape, dtype=bool)
    for locator in entries:
        if is_shape(locator):
            merged |= rasterise(locator, shape)
            continue
        gray = read_gray(root, locator)
        if gray.shape != tuple(shape):
            raise InputError(
                f"the mask is {gray.shape[1]} x {gray.shape[0]} pixels and its picture "
                f"{shape[1]} x {shape[0]}",
                where=_place(root, locator),
                remedy="Fetch the picture and its mask again; they must have one size.",
            )
        merged |= gray > gray.max() / 2
    return merged


def _open(root: Path, locator: str) -> Image.Image:
    content = read_bytes(root, locator)
    if not content:
        raise _refusal(root, locator, "the file is empty")
    try:
        picture = Image.open(io.BytesIO(content), formats=FORMATS)
        if picture.width * picture.height > MAX_PIXELS:
            raise Image.DecompressionBombError(f"{picture.width} x {picture.height} pixels")
        if getattr(picture, "n_frames", 1) > 1:
            raise ValueError(f"{picture.n_frames} frames in one file")
        picture.load()
    except _DECODING as error:
        problem = f"the file is no whole picture in {', '.join(FORMATS)} ({error})"
        raise _refusal(root, locator, problem) from error
    if picture.mode not in GRAY_MODES + COLOR_MODES:
        raise InputError(
            f"pixels of mode {picture.mode!r} have no agreed 8-bit meaning",
            where=_place(root, locator),
            remedy="Window the picture to 8 bits, as its publication says, and save it as PNG.",
        )
    return picture


def _flatten(picture: Image.Image) -> Image.Image:
    if picture.mode in ("RGB", *GRAY_MODES) and "transparency" not in picture.info:
        return picture.convert("RGB")
    layers = picture.convert("RGBA")
    black = Image.new("RGBA", layers.size, (0, 0, 0, 255))
    return Image.alpha_composite(black, layers).convert("RGB")


def _refusal(root: Path, locator: str, problem: str) -> InputError:
    remedy = "Fetch the file again, or remove it and correct the manifest's counts."
    return InputError(problem, where=_place(root, locator), remedy=remedy)


def _place(root: Path, locator: str) -> str:
    place, _, member = locator.partition(SEPARATOR)
    return f"{Path(root) / place}{SEPARATOR}{member}" if member else str(Path(root) / place)
