import numpy as np
import pytest
from sklearn.metrics import f1_score

from rin.errors import InputError
from rin.explain.dice import cam_dice, check_masks, dice, has_lesion


def test_dice_of_random_masks_equals_sklearn_f1():
    rng = np.random.default_rng(2)
    prediction, mask = rng.random((2, 6, 9, 7)) > 0.6
    expected = [f1_score(m.ravel(), p.ravel()) for p, m in zip(prediction, mask, strict=True)]
    np.testing.assert_allclose(dice(prediction, mask), expected, rtol=1e-12)


def test_dice_when_one_side_is_empty_is_zero_and_when_both_are_is_nan():
    empty, full = np.zeros((1, 2, 2), bool), np.ones((1, 2, 2), bool)
    assert dice(full, empty)[0] == 0
    assert dice(empty, full)[0] == 0
    assert np.isnan(dice(empty, empty)[0])


def test_dice_when_sizes_differ_raises():
    with pytest.raises(InputError, match="one size"):
        dice(np.zeros((1, 2, 2), bool), np.zeros((1, 3, 3), bool))


def test_dice_of_one_picture_without_a_stack_raises():
    with pytest.raises(InputError, match="n, h, w"):
        dice(np.zeros((2, 2), bool), np.zeros((2, 2), bool))


@pytest.mark.parametrize("name", ["prediction", "mask"])
def test_dice_of_integers_raises_and_names_the_array(name):
    arrays = {"prediction": np.zeros((1, 2, 2), bool), "mask": np.zeros((1, 2, 2), bool)}
    with pytest.raises(InputError, match=f"{name}: dtype is int64"):
        dice(**(arrays | {name: np.zeros((1, 2, 2), int)}))


def test_cam_dice_at_the_threshold_itself_predicts_nothing():
    cams = np.array([[[180, 181]], [[180, 180]]], np.uint8)
    masks = np.array([[[0, 1]], [[0, 1]]], np.uint8)
    assert cam_dice(cams, masks).tolist() == [1.0, 0.0]


def test_cam_dice_of_a_zero_map_is_zero_and_of_a_full_one_that_of_the_whole_image():
    masks = np.zeros((2, 4, 4), bool)
    masks[:, :2, :2] = True
    cams = np.stack([np.zeros((4, 4)), np.full((4, 4), 255)]).astype(np.uint8)
    assert cam_dice(cams, masks) == pytest.approx([0, 2 * 4 / (16 + 4)])


def test_cam_dice_of_float_maps_raises():
    with pytest.raises(InputError, match="to_uint8"):
        cam_dice(np.zeros((1, 2, 2)), np.zeros((1, 2, 2)))


def test_cam_dice_of_masks_of_another_size_raises():
    with pytest.raises(InputError, match="one size"):
        cam_dice(np.zeros((1, 2, 2), np.uint8), np.zeros((1, 4, 4), bool))


@pytest.mark.parametrize("value", [255, -1, 0.5, np.nan])
def test_masks_of_other_values_than_zero_and_one_raise(value):
    with pytest.raises(InputError, match="not 0 and 1"):
        check_masks(np.array([[[0, value]]]))


def test_one_mask_without_a_stack_raises():
    with pytest.raises(InputError, match="Give masks"):
        check_masks(np.zeros((2, 2), bool))


def test_masks_of_zeros_and_ones_become_boolean_whatever_their_type():
    for kind in (np.uint8, np.int64, float, bool):
        assert check_masks(np.array([[[0, 1]]], kind)).tolist() == [[[False, True]]]


def test_has_lesion_is_false_for_empty_masks_only():
    masks = np.zeros((2, 3, 3), np.uint8)
    masks[1, 2, 2] = 1
    assert has_lesion(masks).tolist() == [False, True]
