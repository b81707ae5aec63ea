"""From graphics of a presentation state to closed outlines in pixels (PS3.3, section C.10.5).

PIXEL coordinates have their origin in the top left corner of the first pixel, so that its
middle is 0.5, 0.5; outlines in this study name pixels by index, so half a pixel goes off.
DISPLAY coordinates are shares of the displayed area, whose corners are pixels counted from 1.
Circles and ellipses become polygons; a spline is taken by its points, as the standard leaves
its course to the writer.  An open line is a measurement or an arrow, and outlines nothing.
"""

from __future__ import annotations

import numpy as np
from pydicom import Dataset

Points = tuple[tuple[float, float], ...]

#: Corners of the polygon that stands for a circle or an ellipse.
CORNERS = 48
_LINES = ("POLYLINE", "INTERPOLATED")
_CLOSED = 1e-3


def closed_outline(graphic: Dataset, state: Dataset, image: str) -> Points | str:
    """Return the outline that a graphic draws on an image, or in words why it draws none.

    Parameters
    ----------
    graphic
        Item of the Graphic Object Sequence.
    state
        The presentation state, which may shift, turn and enlarge what it displays.
    image
        SOP instance UID.

    Returns
    -------
    tuple of (float, float), or str
        Three corners or more, (x, y) in pixels by index, the first not repeated.
    """
    kind = str(graphic.get("GraphicType") or "")
    data = np.asarray(graphic.get("GraphicData"), dtype=float).ravel()
    if kind == "POINT":
        return "point"
    if kind not in (*_LINES, "CIRCLE", "ELLIPSE"):
        return "graphic of an unknown type"
    if graphic.get("GraphicDimensions", 2) != 2 or len(data) % 2 or not np.isfinite(data).all():
        return "graphic that is not a list of points"
    points = _in_pixels(data.reshape(-1, 2), graphic, state, image)
    if isinstance(points, str):
        return points
    if kind == "CIRCLE" or kind == "ELLIPSE":
        points = _round(points, kind)
        return points if isinstance(points, str) else _rounded(points)
    closed = len(points) > 1 and np.abs(points[0] - points[-1]).max() <= _CLOSED
    if not closed and graphic.get("GraphicFilled") != "Y":
        return "open line"
    if closed:
        points = points[:-1]
    return _rounded(points) if len(points) >= 3 else "line that encloses nothing"


def _in_pixels(
    points: np.ndarray, graphic: Dataset, state: Dataset, image: str
) -> np.ndarray | str:
    """Return points by index of pixel, or why that cannot be."""
    units = str(graphic.get("GraphicAnnotationUnits") or "")
    if units == "PIXEL":
        return points - 0.5
    if units != "DISPLAY":
        return "graphic in unknown units"
    if int(state.get("ImageRotation") or 0) % 360 or state.get("ImageHorizontalFlip") == "Y":
        return "graphic in units of a turned display"
    area = _displayed_area(state, image)
    if area is None:
        return "graphic in units of an unknown display"
    # The area reaches from the outer corner of its first pixel to that of its last.
    first = np.array(area.DisplayedAreaTopLeftHandCorner, dtype=float) - 1
    last = np.array(area.DisplayedAreaBottomRightHandCorner, dtype=float)
    return first + points * (last - first) - 0.5


def _displayed_area(state: Dataset, image: str) -> Dataset | None:
    """Return the area that is displayed of an image: the one that names it, or names none."""
    for area in state.get("DisplayedAreaSelectionSequence") or ():
        named = [one.ReferencedSOPInstanceUID for one in area.get("ReferencedImageSequence") or ()]
        if not named or image in named:
            return area
    return None


def _round(points: np.ndarray, kind: str) -> np.ndarray | str:
    """Return the polygon of a circle (middle, a point of it) or an ellipse (ends of both axes)."""
    if len(points) != (2 if kind == "CIRCLE" else 4):
        return "circle or ellipse of another number of points"
    if kind == "CIRCLE":
        middle, one = points[0], points[1] - points[0]
        other = np.array([-one[1], one[0]])
    else:
        middle = points.mean(axis=0)
        one, other = (points[1] - points[0]) / 2, (points[3] - points[2]) / 2
    if not abs(one[0] * other[1] - one[1] * other[0]) > 0:
        return "line that encloses nothing"
    turn = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)[:, None]
    return middle + np.cos(turn) * one + np.sin(turn) * other


def _rounded(points: np.ndarray) -> Points:
    return tuple((round(float(x), 3), round(float(y), 3)) for x, y in points)
