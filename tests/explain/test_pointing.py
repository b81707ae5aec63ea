import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from rin.errors import InputError
from rin.explain.pointing import (
    hit_shares,
    near_lesion,
    pixel_average_precision,
    pointing_game,
    tolerance_at,
)

SIDE = 7
tolerances = st.sampled_from([0, 1, 1.5, 2, 3, 20])


def near_by_force(mask, tolerance):
    """Whether the smallest distance to a pixel of the lesion is within the tolerance."""
    lesion = np.argwhere(mask)
    near = np.zeros(mask.shape, bool)
    for at in np.ndindex(mask.shape):
        distances = [np.hypot(*(np.array(at) - one)) for one in lesion]
        near[at] = bool(distances) and min(distances) <= tolerance
    return near


@given(st.integers(0, 10**6), tolerances)
@settings(max_examples=25, deadline=None)
def test_near_lesion_equals_distances_by_brute_force(seed, tolerance):
    mask = np.random.default_rng(seed).random((SIDE, SIDE)) > 0.93
    np.testing.assert_array_equal(
        near_lesion(mask[None], tolerance)[0], near_by_force(mask, tolerance)
    )


def test_near_lesion_at_exactly_the_tolerance_counts():
    mask = np.zeros((1, 1, 5), bool)
    mask[0, 0, 0] = True
    assert near_lesion(mask, 2)[0, 0].tolist() == [True, True, True, False, False]


def test_near_lesion_of_an_empty_mask_is_nowhere():
    assert not near_lesion(np.zeros((1, 4, 4), bool), 100).any()


@pytest.mark.parametrize("tolerance", [-1, np.nan])
def test_near_lesion_within_no_distance_raises(tolerance):
    with pytest.raises(InputError, match="not negative"):
        near_lesion(np.ones((1, 2, 2), bool), tolerance)


def test_tolerance_is_the_published_one_at_the_papers_size_and_in_proportion_elsewhere():
    assert [tolerance_at(side) for side in (256, 512, 128, 64)] == [15, 30, 8, 4]


@given(st.integers(0, 10**6), tolerances)
@settings(max_examples=25, deadline=None)
def test_pointing_game_with_one_maximum_equals_argmax_and_distances_by_brute_force(seed, tolerance):
    rng = np.random.default_rng(seed)
    masks = rng.random((4, SIDE, SIDE)) > 0.9
    masks[:, 0, 0] = True
    maps = rng.normal(size=masks.shape) + 5
    expected = []
    for cam, mask in zip(maps, masks, strict=True):
        at = np.unravel_index(cam.argmax(), cam.shape)
        expected.append(float(near_by_force(mask, tolerance)[at]))
    assert pointing_game(maps, masks, tolerance).tolist() == expected


def test_pointing_game_with_shared_maxima_is_the_share_that_hits():
    cam = np.array([[[9, 9, 0, 9, 9, 1]]], np.uint8)
    mask = np.array([[[1, 0, 0, 0, 0, 1]]], np.uint8)
    assert pointing_game(cam, mask, 0)[0] == 0.25
    assert pointing_game(cam, mask, 1)[0] == 0.75


def test_pointing_game_of_a_constant_map_scores_the_share_of_the_image_that_hits():
    mask = np.zeros((1, 4, 4), bool)
    mask[0, :2, :2] = True
    assert pointing_game(np.full((1, 4, 4), 255, np.uint8), mask, 0)[0] == 0.25


@pytest.mark.parametrize("value", [0, -1])
def test_pointing_game_of_a_map_without_a_positive_value_is_a_miss(value):
    assert pointing_game(np.full((1, 2, 2), value), np.ones((1, 2, 2), bool)).tolist() == [0.0]


def test_pointing_game_of_an_empty_mask_is_undefined():
    assert np.isnan(pointing_game(np.ones((1, 2, 2)), np.zeros((1, 2, 2), bool)))[0]


def test_pointing_game_of_other_sizes_or_of_values_that_are_not_finite_raises():
    mask = np.ones((1, 2, 2), bool)
    with pytest.raises(InputError, match="one size"):
        pointing_game(np.ones((1, 3, 3)), mask)
    with pytest.raises(InputError, match="diverged"):
        hit_shares(np.full((1, 2, 2), np.nan), mask)


@given(st.integers(0, 10**6), st.sampled_from([2, 6, 256]))
@settings(max_examples=40, deadline=None)
def test_pixel_average_precision_equals_sklearn_with_and_without_ties(seed, levels):
    rng = np.random.default_rng(seed)
    masks = rng.random((3, SIDE, SIDE)) > 0.7
    masks[:, 0, 0] = True
    maps = rng.integers(0, levels, masks.shape).astype(np.uint8)
    expected = [
        average_precision_score(m.ravel(), c.ravel()) for c, m in zip(maps, masks, strict=True)
    ]
    np.testing.assert_allclose(pixel_average_precision(maps, masks), expected, rtol=1e-12)


@pytest.mark.parametrize("level", [0, 255])
def test_pixel_average_precision_of_a_constant_map_is_the_lesions_share(level):
    mask = np.zeros((1, 5, 4), bool)
    mask[0, :2, :3] = True
    assert pixel_average_precision(np.full((1, 5, 4), level, np.uint8), mask)[0] == 6 / 20


def test_pixel_average_precision_of_random_maps_is_the_lesions_share_on_average():
    rng = np.random.default_rng(1)
    masks = np.zeros((300, 20, 20), bool)
    masks[:, 4:10, 2:14] = True
    maps = rng.integers(0, 256, masks.shape).astype(np.uint8)
    assert pixel_average_precision(maps, masks).mean() == pytest.approx(72 / 400, abs=0.01)


def test_pixel_average_precision_of_the_lesion_itself_is_one():
    mask = np.eye(4, dtype=bool)[None]
    assert pixel_average_precision((200 * mask).astype(np.uint8), mask)[0] == 1


def test_pixel_average_precision_of_an_empty_mask_is_undefined():
    empty = np.zeros((1, 2, 2), bool)
    assert np.isnan(pixel_average_precision(np.ones((1, 2, 2), np.uint8), empty))[0]


def test_pixel_average_precision_of_float_maps_or_other_sizes_raises():
    with pytest.raises(InputError, match="to_uint8"):
        pixel_average_precision(np.ones((1, 2, 2)), np.ones((1, 2, 2), bool))
    with pytest.raises(InputError, match="one size"):
        pixel_average_precision(np.ones((1, 2, 2), np.uint8), np.ones((1, 2, 3), bool))
