"""Grad-CAM, on whichever backend Keras runs; the last test repeats the gradients on JAX."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest
from literal_gradient import literal_cam

from rin.errors import InputError
from rin.explain.gradcam import gradient_cam, to_uint8
from rin.models import heads

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "resize_golden.json").read_text())


@pytest.mark.parametrize("name", GOLDEN["cases"])
def test_to_uint8_of_golden_maps_equals_the_opencv_recipe_rounded(name):
    case = GOLDEN["cases"][name]
    level, cut = np.array(case["level"]), np.array(case["cut"])
    found = to_uint8(np.array([case["cam"]]), len(level))[0]
    assert np.abs(found - level).max() <= 0.501  # the nearest integer of OpenCV's level
    assert set(np.unique(found - cut)) == {0, 1}  # the recipe cuts off what is rounded here


def test_to_uint8_of_maps_without_contrast_is_zero_or_255():
    assert not to_uint8(np.array([[[-2.0, 0.0], [-1.0, -3.0]]]), 4).any()
    assert (to_uint8(np.full((1, 2, 2), 1e-6), 5) == 255).all()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_to_uint8_of_a_map_that_is_not_finite_raises(value):
    with pytest.raises(InputError, match="finite"):
        to_uint8(np.full((1, 2, 2), value), 4)


def features():
    """What a last convolution may make of some images."""
    return np.random.default_rng(0).normal(size=(5, 4, 4, 12)).astype(np.float32)


def drawn_head(name):
    """A head of three classes whose every weight has a value of its own."""
    _, head = heads.build_head(name, keras.Input((12,)), 3, 0.5)
    draws = np.random.default_rng(0)
    for variable in head.trainable_variables:
        variable.assign(draws.normal(size=variable.shape))
    return head


@pytest.mark.parametrize("name", heads.HEADS)
def test_gradient_of_each_head_is_that_of_the_whole_network(name):
    pixels, head = keras.Input((12, 12, 1)), drawn_head(name)
    found = keras.layers.Conv2D(12, 3, activation="relu")(pixels)
    logits = head(keras.layers.GlobalAveragePooling2D()(found))
    model = keras.Model(pixels, keras.layers.Softmax()(logits))
    images = np.random.default_rng(1).normal(size=(5, 12, 12, 1)).astype(np.float32)
    expected = literal_cam(model, images, found)
    maps = gradient_cam(head, keras.Model(pixels, found)(images))
    np.testing.assert_allclose(maps, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())
    assert np.abs(expected).max() > 1e-3
