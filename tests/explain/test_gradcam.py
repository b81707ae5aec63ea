import json
from pathlib import Path

import numpy as np
import pytest
from skimage.transform import resize
from sklearn.metrics import f1_score

from rin.errors import InputError
from rin.explain.gradcam import class_activation, probability_maps, to_uint8

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "resize_golden.json").read_text())


def test_class_activation_with_literal_features_weighs_channels_over_pixels():
    features = np.array([[[[1, 0], [0, 2]], [[3, 1], [0, 0]]]], dtype=np.float32)
    kernel = np.array([[4.0, -4.0], [8.0, 0.0]])
    cam = class_activation(features, kernel)
    assert cam.dtype == np.float32
    np.testing.assert_allclose(cam[0, :, :, 0], [[1, 4], [5, 0]])
    np.testing.assert_allclose(cam[0, :, :, 1], [[-1, 0], [-3, 0]])


def test_class_activation_when_channels_differ_raises():
    with pytest.raises(InputError, match="do not fit"):
        class_activation(np.zeros((1, 2, 2, 3)), np.zeros((4, 2)))


def test_probability_maps_of_literal_maps_follow_the_softmax_gradient():
    maps = np.array([[[[1.0, 3.0, -2.0]]]])
    found = probability_maps(maps, np.array([[0.5, 0.3, 0.2]]))
    assert found.dtype == np.float32
    # sum_j p_j M_j is 0.5 + 0.9 - 0.4, that is 1.
    np.testing.assert_allclose(found[0, 0, 0], [0.0, 0.3 * 2, 0.2 * -3], atol=1e-7)


def test_probability_maps_of_two_classes_are_the_difference_of_the_logit_maps():
    draws = np.random.default_rng(2)
    maps, p = draws.normal(size=(4, 3, 2, 2)), draws.uniform(0.1, 0.9, 4)
    found = probability_maps(maps, np.stack([1 - p, p], axis=1))
    expected = (p * (1 - p))[:, None, None] * (maps[..., 1] - maps[..., 0])
    np.testing.assert_allclose(found[..., 1], expected, atol=1e-6)
    np.testing.assert_allclose(found[..., 0], -expected, atol=1e-6)


def test_probability_map_of_the_predicted_class_has_another_shape_than_that_of_its_logit():
    maps = np.array([[[[5.0, 4.0], [1.0, 2.0]]]])  # the logit of class 1 is highest on the left
    logit, probability = maps[..., 1], probability_maps(maps, np.array([[0.4, 0.6]]))[..., 1]
    assert logit.argmax() == 0
    assert probability.argmax() == 1


def test_probability_map_does_not_depend_on_how_sure_the_network_is_once_scaled():
    maps = np.random.default_rng(3).normal(size=(1, 3, 3, 2))
    unsure, sure = (probability_maps(maps, np.array([[1 - p, p]]))[..., 1] for p in (0.6, 0.99))
    np.testing.assert_array_equal(to_uint8(unsure, 9), to_uint8(sure, 9))


def test_probability_map_of_a_probability_rounded_to_one_is_zero():
    maps = np.random.default_rng(3).normal(size=(1, 3, 3, 2))
    assert not probability_maps(maps, np.array([[0.0, 1.0]])).any()


@pytest.mark.parametrize(
    ("maps", "probabilities", "told"),
    [
        (np.zeros((2, 3, 3, 2)), np.full((2, 3), 1 / 3), "do not fit"),
        (np.zeros((2, 3, 3, 2)), np.full((1, 2), 0.5), "do not fit"),
        (np.zeros((3, 3, 2)), np.full((3, 2), 0.5), "do not fit"),
        (np.full((1, 3, 3, 2), np.nan), np.full((1, 2), 0.5), "finite"),
        (np.zeros((1, 3, 3, 2)), np.array([[0.5, np.nan]]), "distribution"),
        (np.zeros((1, 3, 3, 2)), np.array([[0.5, 0.6]]), "distribution"),
        (np.zeros((1, 3, 3, 2)), np.array([[-0.5, 1.5]]), "distribution"),
    ],
)
def test_probability_maps_of_unusable_arrays_raise(maps, probabilities, told):
    with pytest.raises(InputError, match=told):
        probability_maps(maps, probabilities)


@pytest.mark.parametrize("size", [7, 16, 64])
def test_to_uint8_of_random_maps_equals_skimage_bilinear(size):
    cam = np.random.default_rng(1).normal(size=(4, 7, 5)).astype(np.float32)
    positive = np.maximum(cam, 0)
    expected = [
        resize(255 * one / one.max(), (size, size), order=1, mode="edge", anti_aliasing=False)
        for one in positive
    ]
    result = to_uint8(cam, size)
    assert result.dtype == np.uint8
    assert np.abs(result - np.array(expected)).max() <= 0.501


@pytest.mark.parametrize("name", GOLDEN["cases"])
def test_to_uint8_of_golden_maps_equals_the_opencv_recipe_rounded(name):
    case = GOLDEN["cases"][name]
    level, cut = np.array(case["level"]), np.array(case["cut"])
    found = to_uint8(np.array([case["cam"]]), len(level))[0]
    assert np.abs(found - level).max() <= 0.501  # the nearest integer of OpenCV's level
    assert set(np.unique(found - cut)) == {0, 1}  # the recipe cuts off what is rounded here


def test_recipe_scaled_after_enlarging_would_take_a_tenth_more_of_the_image():
    maps = np.maximum(np.random.default_rng(0).normal(size=(200, 7, 7)), 0)
    shares, dice, cut_dice = [], [], []
    for one, ours in zip(maps, to_uint8(maps, 224) > 180, strict=True):
        large = resize(one, (224, 224), order=1, mode="edge", anti_aliasing=False)
        after = np.rint(255 * large / large.max()) > 180
        cut_off = np.floor(255 * large / one.max()) > 180
        shares.append(after.sum() / ours.sum())
        dice.append(f1_score(after.ravel(), ours.ravel()))
        cut_dice.append(f1_score(cut_off.ravel(), ours.ravel()))
    assert np.mean(shares) == pytest.approx(1.1, abs=0.03)
    assert np.mean(dice) == pytest.approx(0.95, abs=0.01)
    assert np.mean(cut_dice) == pytest.approx(0.99, abs=0.005)


def test_to_uint8_of_map_without_positive_value_is_zero():
    cam = np.array([[[-2.0, 0.0], [-1.0, -3.0]]])
    assert not to_uint8(cam, 4).any()


def test_to_uint8_of_constant_positive_map_is_255():
    assert (to_uint8(np.full((1, 2, 2), 1e-6), 5) == 255).all()


def test_to_uint8_divides_each_image_by_its_own_maximum():
    cam = np.array([[[1.0, 2.0]], [[50.0, 100.0]]]).repeat(2, axis=1)
    large = to_uint8(cam, 2)
    np.testing.assert_array_equal(large[0], large[1])
    assert large[0, 0].tolist() == [128, 255]


@pytest.mark.parametrize(
    ("cam", "size", "match"),
    [
        (np.zeros((2, 2)), 4, "shape"),
        (np.full((1, 2, 2), np.nan), 4, "finite"),
        (np.full((1, 2, 2), np.inf), 4, "finite"),
        (np.zeros((1, 8, 8)), 4, "below"),
    ],
)
def test_to_uint8_of_unusable_maps_raises(cam, size, match):
    with pytest.raises(InputError, match=match):
        to_uint8(cam, size)
