"""Lesion outlines in words: polygons and boxes that annotations give as coordinates.

``polygon:x1,y1 x2,y2 ...`` and ``box:x,y,width,height`` stand where a mask picture's locator
would.  Coordinates are in pixels, x to the right and y down, and name pixels by their index:
the box ``box:2,0,3,1`` is the pixels 2, 3 and 4 of the first row.
"""

import math
from collections.abc import Iterable

import numpy as np
from skimage.draw import polygon, rectangle

from rin.errors import InputError

POLYGON = "polygon:"
BOX = "box:"
MIN_POINTS = 3
#: No picture is that large; beyond it, coordinates are a slip of the annotation.
MAX_COORDINATE = 1e6


def polygon_text(points: Iterable[tuple[float, float]]) -> str:
    """Return a polygon of (x, y) points, in pixels, as text.

    Raises
    ------
    InputError
        Fewer than three points, or a coordinate that is not finite or beyond a million pixels.
    """
    text = POLYGON + " ".join(f"{_number(x)},{_number(y)}" for x, y in points)
    _points(text)
    return text


def box_text(x: float, y: float, width: float, height: float) -> str:
    """Return a box of ``width`` by ``height`` pixels, whose first pixel is (x, y), as text.

    Raises
    ------
    InputError
        Width or height not above zero, or a number that is not finite or beyond a million.
    """
    text = BOX + ",".join(map(_number, (x, y, width, height)))
    _sides(text)
    return text


def is_shape(entry: str) -> bool:
    """Tell whether a mask entry is a shape in words; else it is a locator."""
    return entry.startswith((POLYGON, BOX))


def rasterise(entry: str, shape: tuple[int, int]) -> np.ndarray:
    """Fill a shape in words, clipped to the picture.

    A pixel belongs to a polygon where its index (column, row) lies inside or on the border;
    where a polygon crosses itself, parts wound an even number of times are outside.  It
    belongs to a box where its centre does: ``x <= column + 0.5 < x + width``.

    Parameters
    ----------
    entry
        Text as :func:`polygon_text` and :func:`box_text` make it.
    shape
        Height and width of the picture.

    Returns
    -------
    numpy.ndarray
        bool (h, w); at least one pixel is set.  Checked against Matplotlib's paths and
        against the areas of boxes.

    Raises
    ------
    InputError
        Malformed text, or a shape that covers no pixel of the picture.
    """
    filled = np.zeros(shape, dtype=bool)
    if entry.startswith(BOX):
        x, y, width, height = _sides(entry)
        start = max(0, math.ceil(y - 0.5)), max(0, math.ceil(x - 0.5))
        end = math.ceil(y + height - 0.5) - 1, math.ceil(x + width - 0.5) - 1
        # Where the end lies before the start, skimage would swap the two.
        if start[0] <= end[0] and start[1] <= end[1]:
            filled[rectangle(start, end, shape=shape)] = True
    else:
        columns, rows = _points(entry).T
        filled[polygon(rows, columns, shape=shape)] = True
    if not filled.any():
        raise InputError(
            f"the shape covers no pixel of its picture ({shape[1]} x {shape[0]} pixels)",
            where=_short(entry),
            remedy="Check that the annotation belongs to this picture and is in its pixels.",
        )
    return filled


def _points(entry: str) -> np.ndarray:
    """Return the points of a polygon, float (n, 2)."""
    if not entry.startswith(POLYGON):
        raise _malformed(entry, "it is neither a polygon nor a box")
    pairs = [pair.split(",") for pair in entry.removeprefix(POLYGON).split()]
    if any(len(pair) != 2 for pair in pairs):
        raise _malformed(entry, "a point is not two numbers")
    if len(pairs) < MIN_POINTS:
        raise _malformed(entry, f"{len(pairs)} points make no polygon")
    return np.array([_finite(entry, pair) for pair in pairs])


def _sides(entry: str) -> tuple[float, ...]:
    parts = entry.removeprefix(BOX).split(",")
    if len(parts) != 4:
        raise _malformed(entry, "a box is four numbers")
    sides = _finite(entry, parts)
    if sides[2] <= 0 or sides[3] <= 0:
        raise _malformed(entry, "width and height of a box must be above zero")
    return sides


def _finite(entry: str, parts: list[str]) -> tuple[float, ...]:
    try:
        numbers = tuple(map(float, parts))
    except ValueError as error:
        raise _malformed(entry, f"not a number ({error})") from error
    # A comparison with NaN is false, so this refuses it too.
    if not all(abs(number) <= MAX_COORDINATE for number in numbers):
        raise _malformed(entry, "a coordinate is not finite, or beyond a million pixels")
    return numbers


def _number(value: float) -> str:
    """Return the shortest text that reads back as the same number."""
    return repr(float(value)).removesuffix(".0")


def _malformed(entry: str, problem: str) -> InputError:
    return InputError(
        f"the shape cannot be read: {problem}",
        where=_short(entry),
        remedy="Write 'polygon:x1,y1 x2,y2 x3,y3 ...' or 'box:x,y,width,height', in pixels.",
    )


def _short(entry: str) -> str:
    return entry if len(entry) <= 60 else f"{entry[:60]}..."
