import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rin.data.pixels import box_text, polygon_text, rasterise
from rin.errors import InputError

SHAPE = (24, 32)
NUMBERS = st.floats(-60, 60, allow_nan=False).map(lambda value: round(value, 3))
POINTS = st.lists(st.tuples(NUMBERS, NUMBERS), min_size=3, max_size=9)


def filled(entry, shape=SHAPE):
    """The mask, or an empty one where the shape covers no pixel."""
    try:
        return rasterise(entry, shape)
    except InputError as error:
        assert "covers no pixel" in error.problem
        return np.zeros(shape, dtype=bool)


@given(POINTS)
def test_polygon_text_reads_back_as_the_same_points(points):
    pairs = polygon_text(points).removeprefix("polygon:").split()
    assert [tuple(map(float, pair.split(","))) for pair in pairs] == points


def test_rasterise_polygon_takes_the_pixels_on_its_border():
    mask = rasterise("polygon:2,1 5,1 5,4 2,4", (6, 8))
    assert mask.dtype == bool
    np.testing.assert_array_equal(np.argwhere(mask).min(axis=0), (1, 2))
    np.testing.assert_array_equal(np.argwhere(mask).max(axis=0), (4, 5))
    assert mask.sum() == 16


@given(POINTS)
@settings(max_examples=150)
def test_rasterise_polygon_agrees_with_an_independent_point_in_polygon(points):
    """Compared where a pixel is at least half of one away from the outline."""
    mask = filled(polygon_text(points))
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    pixels = np.column_stack([columns.ravel(), rows.ravel()]).astype(float)
    ends = [*points[1:], points[0]]
    distance = np.min([_distance(pixels, a, b) for a, b in zip(points, ends, strict=True)], axis=0)
    crossings = sum(_crosses(pixels, a, b) for a, b in zip(points, ends, strict=True))
    clear = distance > 0.5
    np.testing.assert_array_equal(mask.ravel()[clear], (crossings % 2 == 1)[clear])


@given(st.integers(-9, 40), st.integers(-9, 30), st.integers(1, 30), st.integers(1, 30))
def test_rasterise_box_has_the_area_of_its_part_in_the_picture(x, y, width, height):
    across = max(0, min(x + width, SHAPE[1]) - max(x, 0))
    down = max(0, min(y + height, SHAPE[0]) - max(y, 0))
    assert filled(box_text(x, y, width, height)).sum() == across * down


@given(st.floats(-9, 40), st.floats(-9, 30), st.floats(0.1, 30), st.floats(0.1, 30))
def test_rasterise_box_holds_the_pixels_whose_centre_it_holds(x, y, width, height):
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]] + 0.5
    inside = (x <= columns) & (columns < x + width) & (y <= rows) & (rows < y + height)
    # A centre on the very border may fall to either side in floating point.
    near = np.minimum.reduce(
        [
            np.abs(columns - x),
            np.abs(columns - x - width),
            np.abs(rows - y),
            np.abs(rows - y - height),
        ]
    )
    mask = filled(box_text(x, y, width, height))
    np.testing.assert_array_equal(mask[near > 1e-6], inside[near > 1e-6])


@pytest.mark.parametrize(
    "entry",
    [
        "polygon:40,2 50,2 50,9",
        "polygon:-9,-9 -1,-9 -1,-1",
        "box:32,0,5,5",
        "box:0,-8,4,8",
        "polygon:1.2,1.2 1.4,1.2 1.4,1.4",
        "box:3.6,3.6,0.5,0.5",
    ],
)
def test_rasterise_of_shape_without_a_pixel_says_so(entry):
    with pytest.raises(InputError, match=r"covers no pixel of its picture \(32 x 24 pixels\)"):
        rasterise(entry, SHAPE)


@pytest.mark.parametrize(
    "entry",
    [
        "polygon:",
        "polygon:1,1 2,2",
        "polygon:1,1 2,2 3",
        "polygon:1,1 2,2 3,4,5",
        "polygon:1,1 2,2 three,4",
        "polygon:1,1 2,2 nan,4",
        "polygon:1,1 2,2 inf,4",
        "polygon:1,1 2,2 1e9,4",
        "box:1,2,3",
        "box:1,2,3,0",
        "box:1,2,-3,4",
        "box:1,2,nan,4",
        "box:",
        "circle:1,2,3",
    ],
)
def test_rasterise_of_malformed_text_names_it_and_the_form(entry):
    with pytest.raises(InputError, match=f"the shape '{entry}' cannot be .*Write 'polygon:x1,y1"):
        rasterise(entry, SHAPE)


@given(st.text(max_size=40))
def test_rasterise_of_any_text_gives_a_mask_or_an_input_error(text):
    for kind in ("polygon:", "box:", ""):
        try:
            assert rasterise(kind + text, SHAPE).any()
        except InputError:
            continue


@pytest.mark.parametrize("points", [[], [(1, 1), (2, 2)], [(1, 1), (2, 2), (math.nan, 3)]])
def test_polygon_text_of_unusable_points_is_refused(points):
    with pytest.raises(InputError, match="cannot be read"):
        polygon_text(points)


def _crosses(pixels, a, b):
    """Count 1 where a ray to the right of a pixel crosses the edge from a to b."""
    x, y = pixels.T
    level = (a[1] > y) != (b[1] > y)
    slope = (b[0] - a[0]) / (b[1] - a[1]) if b[1] != a[1] else 0.0
    return (level & (x < a[0] + (y - a[1]) * slope)).astype(int)


def _distance(pixels, a, b):
    a, b = np.array(a), np.array(b)
    along = b - a
    t = np.clip((pixels - a) @ along / max(along @ along, 1e-12), 0, 1)
    return np.linalg.norm(pixels - a - t[:, None] * along, axis=1)
