"""From a locator to uint8 pixels: pictures, slices of volumes, shapes in words, squares.

Grey pictures stay as they are; colour becomes ITU-R 601 luma, or the shared channel if all three
are equal; transparency is laid over black.  Whole numbers of more than 8 bits or with a sign, and
floating-point numbers, become grey by a `window`, and are refused without one.  A picture has
the bits that its file states, not those that Pillow reads: Pillow keeps 8 of 16 bits in colour or
with transparency, so such pictures are refused.

Picture k of an array (n, h, w), or (n, h, w, 3) in colour, in NumPy's own format is
`volume.npy#k`.

An outline that an annotation gives as coordinates takes the place of a mask's locator, as
`polygon:x1,y1 x2,y2 ...` or `box:x,y,width,height`, in pixels, x to the right and y down:
`box:2,0,3,1` is the pixels 2, 3 and 4 of the first row.
"""

import io
import math
import threading
import warnings
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from itertools import islice
from pathlib import Path
from tokenize import TokenError

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.TiffImagePlugin import (
    BITSPERSAMPLE,
    PHOTOMETRIC_INTERPRETATION,
    PLANAR_CONFIGURATION,
    SAMPLEFORMAT,
)
from skimage.draw import polygon

from rin.data.tree import (
    MALFORMED,
    MAX_PIXELS,
    SEPARATOR,
    is_dicom,
    read_bytes,
    refuse_damaged_jpeg,
    split_slice,
)
from rin.errors import FileError, InputError, as_input_error

# Pillow also warns about files that are cut off, beside the errors raised here.
warnings.filterwarnings("ignore", "Corrupt EXIF data", module="PIL")
POLYGON = "polygon:"
BOX = "box:"
#: No picture is that large: larger coordinates are errors in the annotation.
MAX_COORDINATE = 1e6


def shape_text(kind: str, rows: Iterable[Iterable[float]]) -> str:
    """Return a `POLYGON` of (x, y) points, or a `BOX`, one row of four numbers, as text."""
    numbers = ([repr(float(number)).removesuffix(".0") for number in row] for row in rows)
    text = kind + " ".join(map(",".join, numbers))
    _numbers(text)
    return text


def is_shape(entry: str) -> bool:
    """Return whether a mask entry is a shape in words, not a locator."""
    return entry.startswith((POLYGON, BOX))


def rasterise(entry: str, shape: tuple[int, int], image: str | Path = "mask") -> np.ndarray:
    """Fill a shape in words, clipped to the picture of the given `shape` (height, width).

    A pixel is in a polygon if its index (column, row) is inside, by the even-odd rule, or on the
    border; it is in a box if its centre is inside.  Errors name the `image`, which the shape
    itself does not.
    """
    filled = np.zeros(shape, dtype=bool)
    if entry.startswith(BOX):
        x, y, width, height = _numbers(entry, image)[0]
        edges = (x, y, x + width, y + height)
        left, top, right, bottom = (max(0, math.ceil(edge - 0.5)) for edge in edges)
        filled[top:bottom, left:right] = True
    else:
        columns, rows = _numbers(entry, image).T
        filled[polygon(rows, columns, shape=shape)] = True
    if not filled.any():
        raise InputError(
            f"the shape covers no pixel of its picture ({shape[1]} x {shape[0]} pixels)",
            where=f"{image}: {entry[:60]}",
            remedy="Check that the annotation belongs to this picture and uses its pixel "
            "coordinates.",
        )
    return filled


def _numbers(entry: str, image: str | Path = "mask") -> np.ndarray:
    """Return the points of a polygon, float (n, 2), or the numbers of a box, (1, 4)."""
    _, _, text = entry.partition(":")
    try:
        numbers = np.array([row.split(",") for row in text.split()], dtype=float)
    except ValueError:
        numbers = np.empty(0)
    if entry.startswith(BOX):
        fits = numbers.shape == (1, 4) and bool((numbers[0, 2:] > 0).all())
    else:
        fits = numbers.shape[1:] == (2,) and len(numbers) >= 3
    # A comparison with NaN is false, so this refuses it too.
    if not (is_shape(entry) and fits and (np.abs(numbers) <= MAX_COORDINATE).all()):
        raise InputError(
            f"the shape {entry[:60]!r} cannot be read",
            where=image,
            remedy="Write 'polygon:x1,y1 x2,y2 x3,y3 ...' with three points or more, or "
            "'box:x,y,width,height' with sides above zero, in pixels, all finite.",
        )
    return numbers


# NumPy parses headers as Python literals, which before Python 3.11.8 fails at random in several
# threads at once (python/cpython#106905).
_PARSING = threading.Lock()
# NumPy reads a header as Python, token by token.
UNREADABLE = (
    *MALFORMED,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
    MemoryError,
    SyntaxError,
    TokenError,
)


def open_volume(root: Path, locator: str) -> np.ndarray:
    """Return pictures, uint8 (n, h, w) or (n, h, w, 3): a member of an archive is unpacked."""
    volume = load_array(root, locator)
    has_axes = volume.ndim == 3 or (volume.ndim == 4 and volume.shape[3] == 3)
    if volume.dtype != np.uint8 or not has_axes or not volume.size:
        raise InputError(
            f"the array is {volume.shape} of {volume.dtype} instead of (pictures, height, width) "
            "or (pictures, height, width, 3) of uint8",
            where=root / locator,
            remedy="Window the volume to 8 bits, as its publication describes, and save the "
            "result.",
        )
    _refuse_large(volume.shape[2], volume.shape[1], root / locator)
    return volume


def _refuse_large(width: int, height: int, where: Path) -> None:
    if width * height > MAX_PIXELS:
        raise InputError(
            f"{width:,} x {height:,} pixels are more than the limit of {MAX_PIXELS:,}",
            where=where,
            remedy="Save a smaller picture, or a part of it.",
        )


def load_array(root: Path, locator: str) -> np.ndarray:
    """Return an array in NumPy's own format: mapped, or unpacked from an archive."""
    place, _, member = locator.partition(SEPARATOR)
    path = root / place
    where = root / locator
    with as_input_error(
        "the array cannot be read",
        where=where,
        remedy="Save it again with numpy.save, without objects, or download it again.",
        kinds=UNREADABLE,
    ):
        stat = path.stat()
        if member:
            return _unpack(root, locator, stat.st_ctime_ns, stat.st_size)
        with _PARSING:
            return np.lib.format.open_memmap(path, mode="r")


@lru_cache(maxsize=8)
def _unpack(root: Path, locator: str, _changed: int, _size: int) -> np.ndarray:
    content = read_bytes(root, locator)
    with _PARSING:
        return np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)


FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF")
GRAY_MODES = ("1", "L")
#: Spread of channels above which a pixel is coloured, and number of pictures searched for colour.
COLOURFUL = 24
FIRST_PICTURES = 32
#: Modes of whole numbers of more than 8 bits, and of floating-point numbers.
DEEP_MODES = ("I;16", "I;16L", "I;16B", "I", "F")
COLOR_MODES = ("RGB", "RGBA", "P", "LA", "PA", "La", "RGBa")
#: TIFF's photometric interpretation in which zero is white, and its format of signed numbers.
WHITE_IS_ZERO = 0
SIGNED = 2
#: TIFF's planar configuration of planes one after another.
IN_PLANES = 2


def show_colour(root: Path, locators: Iterable[str]) -> bool:
    """Return whether one of the first pictures has colour in more than 5% of its pixels."""
    for locator in islice(locators, FIRST_PICTURES):
        with suppress(InputError):  # broken pictures are reported when all are read
            if (np.ptp(read_picture(root, locator, True), axis=2) > COLOURFUL).mean() > 0.05:
                return True
    return False


def read_picture(
    root: Path,
    locator: str,
    color: bool = False,
    window: tuple[float, float] | None = None,
) -> np.ndarray:
    """Read a picture, 0 to 255: grey, uint8 (h, w), or in `color`, (h, w, 3).

    `window`, center and width, is for DICOM pictures (:func:`rin.data.dicom.read_dicom`), for
    whole numbers of more than 8 bits, and for floating-point numbers, which it maps linearly from
    center minus half the width; 8-bit pictures stay as they are.
    """
    pixels = read_stored(root, locator, color, window)
    if pixels.dtype != np.uint8:
        from rin.data.dicom import apply_window, to_uint8  # pydicom is slow to load

        where = root / locator
        values = f"they range from {pixels.min()} to {pixels.max()}"
        if window is None:
            raise InputError(
                "pixels of more than 8 bits, or with a sign, need a window (window: [center, "
                "width] in the manifest, --window CENTER WIDTH of rin new)",
                where=where,
                remedy=f"State which values are black and white: {values}.",
            )
        if pixels.dtype.kind == "f":
            pixels = to_uint8(pixels.astype(np.float64), window)
        else:  # whole numbers have steps, which the standard counts
            with as_input_error(
                "the window does not fit its whole numbers",
                where=where,
                remedy=f"Give a width of at least 1: {values}.",
                kinds=FileError,
            ):
                pixels = to_uint8(apply_window(pixels.astype(np.float64), window))
    return np.repeat(pixels[..., None], 3, axis=2) if color and pixels.ndim == 2 else pixels


def read_stored(
    root: Path,
    locator: str,
    color: bool = False,
    window: tuple[float, float] | None = None,
) -> np.ndarray:
    """Return pixels as stored, uint8 or numbers of more bits; those of DICOM as displayed.

    InputError if floating-point numbers are not finite.
    """
    if parts := split_slice(locator):
        name, number = parts
        stored = np.array(open_volume(root, name)[number], order="C")
        stored = _stored_pixels(Image.fromarray(stored), color) if stored.ndim == 3 else stored
    elif is_dicom(locator):
        from rin.data.dicom import read_dicom  # pydicom is slow to load

        return read_dicom(root, locator, window, color=color)
    else:
        stored = _stored_pixels(_open(root, locator), color)
    if stored.dtype.kind == "f" and (n := (~np.isfinite(stored)).sum()):
        raise InputError(
            f"{n:,} of {stored.size:,} pixels are not finite numbers",
            where=root / locator,
            remedy="Save it with finite numbers in their place, such as the picture's darkest "
            "value.",
        )
    return stored


def _stored_pixels(picture: Image.Image, color: bool) -> np.ndarray:
    """Return the pixels of an opened picture: deep values as stored, else RGB if `color`."""
    # Pillow ignores the sign of 8 bits, and takes unsigned 32 bits for signed ones.
    tags = getattr(picture, "tag_v2", {})
    is_signed = SIGNED in tags.get(SAMPLEFORMAT, ())
    if picture.mode == "L" and is_signed:
        return np.asarray(picture).view(np.int8)
    if picture.mode in DEEP_MODES:
        pixels = np.asarray(picture)
        return pixels.view(np.uint32) if picture.mode == "I" and tags and not is_signed else pixels
    if picture.mode not in ("RGB", *GRAY_MODES) or "transparency" in picture.info:
        layers = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", layers.size, (0, 0, 0, 255)), layers)
    flat = picture.convert("RGB")
    return np.asarray(flat if color else flat.convert("L"))


def read_drawn(root: Path, locator: str) -> np.ndarray:
    """Return the values of a mask: the indices of a palette of colours, or opacity, or grey.

    Where the first colour is not black, black is 0.  Opacity counts if all below it is black.
    """
    if split_slice(locator):
        return read_stored(root, locator)
    if is_dicom(locator):
        from rin.data.dicom import read_dicom  # pydicom is slow to load

        return read_dicom(root, locator, drawn=True)
    picture = _open(root, locator)
    _refuse_white_zero(picture, root / locator)  # libraries save what is marked as 1, thus black
    palette = np.reshape(picture.getpalette() or [], (-1, 3))
    if picture.mode == "P" and (palette != palette[:, :1]).any():
        drawn = np.asarray(picture)
        ground = np.isin(drawn, np.flatnonzero(~palette.any(axis=1)))
        return (
            np.where(ground, 0, drawn.astype(int) + 1)
            if palette[0].any() and ground.any()
            else drawn
        )
    if picture.mode in ("LA", "RGBA") and not np.asarray(picture)[..., :-1].any():
        return np.asarray(picture)[..., -1]
    return read_stored(root, locator)


def _open(root: Path, locator: str) -> Image.Image:
    """Return a whole picture, turned as its metadata say."""
    content = read_bytes(root, locator)
    where = root / locator
    remedy = (
        "Save or download it again; or remove it, with its row in the table, and correct the "
        "manifest's counts."
    )
    if not content:
        raise InputError("the file is empty", where=where, remedy=remedy)
    with as_input_error(
        f"the file is not a complete picture in {', '.join(FORMATS)}",
        where=where,
        remedy=remedy,
        kinds=UNREADABLE,
    ):
        try:
            picture = Image.open(io.BytesIO(content), formats=FORMATS)
        except UnidentifiedImageError as error:  # its text is only an address in memory
            raise ValueError(
                f"it begins with {content[:8]!r}; numbers of 64 bits are not read"
            ) from error
        if (frames := getattr(picture, "n_frames", 1)) > 1:
            raise ValueError(f"{frames} frames in one file: save those to be used as pictures")
        _refuse_large(*picture.size, where)
        picture.load()  # which turns a TIFF as its metadata say
        _refuse_unclear(picture, content, where)
        if picture.format == "PNG":
            Image.open(io.BytesIO(content)).verify()  # checksums, which loading does not check
        elif picture.format == "JPEG":
            refuse_damaged_jpeg(content)
        ImageOps.exif_transpose(picture, in_place=True)
    return picture


def _refuse_unclear(picture: Image.Image, content: bytes, where: Path) -> None:
    """Raise an error if the meaning of pixels is not agreed, or Pillow would read other values."""
    tags = getattr(picture, "tag_v2", {})  # of a TIFF; other pictures have none
    if len(picture.getbands()) > 2 and tags.get(PLANAR_CONFIGURATION) == IN_PLANES:
        raise InputError(
            "its planes may be colours, or frames saved as colours",
            where=where,
            remedy="Save frames as pictures of their own, and colours pixel by pixel (planar "
            "configuration 1).",
        )
    if picture.mode not in GRAY_MODES + DEEP_MODES + COLOR_MODES:
        raise ValueError(f"pixels of mode {picture.mode!r} have no agreed 8-bit meaning")
    bits = content[24] if picture.format == "PNG" else int(max(tags.get(BITSPERSAMPLE, (8,))))
    if bits <= 8:
        return
    if picture.mode not in DEEP_MODES or "transparency" in picture.info:
        raise InputError(
            f"it has {bits} bits per channel in colour or with transparency, and only 8 would be "
            "read",
            where=where,
            remedy=f"Save it as grey of {bits} bits without transparency, or scaled to 8 bits.",
        )
    _refuse_white_zero(picture, where)


def _refuse_white_zero(picture: Image.Image, where: Path) -> None:
    if getattr(picture, "tag_v2", {}).get(PHOTOMETRIC_INTERPRETATION) == WHITE_IS_ZERO:
        raise InputError(
            "zero means white (photometric interpretation 0)",
            where=where,
            remedy="Save it with zero as black.",
        )


def resize_picture(pixels: np.ndarray, size: int, resize: str) -> np.ndarray:
    """Return pixels, uint8 (h, w) or (h, w, 3), or bool (h, w), scaled to a square of `size`.

    `stretch` scales both sides; `pad` scales the longer one and centres the picture on black.
    Pictures are scaled bilinearly with antialiasing; masks, which are bool, by the nearest pixel.
    """
    method = Image.Resampling.NEAREST if pixels.dtype == bool else Image.Resampling.BILINEAR
    sides = pixels.shape[:2]
    inner = (size, size)
    if resize == "pad":
        inner = tuple(max(1, round(side * size / max(sides))) for side in sides)
    picture = Image.fromarray(pixels.astype(np.uint8)).resize(inner[::-1], method)
    square = Image.new(picture.mode, (size, size))
    square.paste(picture, ((size - inner[1]) // 2, (size - inner[0]) // 2))
    return np.array(square).astype(pixels.dtype)
