"""Grad-CAM, on whichever backend Keras runs; the last test repeats the gradients on JAX."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import keras
import numpy as np
import pytest

from rin.errors import InputError
from rin.explain.gradcam import class_activation, gradient_cam, pooled_gradient_cam, to_uint8
from rin.models import heads
from rin.models.backbones import BACKBONES, build_backbone

sys.path.append(str(Path(__file__).parents[1] / "models"))  # for literal weights

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "resize_golden.json").read_text())
SIZES = {"InceptionResNetV2": 110, "ResNet50": 64, "DenseNet121": 64, "InceptionV3": 110}


def test_class_activation_with_literal_features_weighs_channels_over_pixels():
    features = np.array([[[[1, 0], [0, 2]], [[3, 1], [0, 0]]]], dtype=np.float32)
    cam = class_activation(features, np.array([[4.0, -4.0], [8.0, 0.0]]))
    assert cam.dtype == np.float32
    np.testing.assert_allclose(cam[0], [[[1, -1], [4, 0]], [[5, -3], [0, 0]]])


def test_class_activation_when_channels_differ_raises():
    with pytest.raises(InputError, match="do not fit"):
        class_activation(np.zeros((1, 2, 2, 3)), np.zeros((4, 2)))


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


@pytest.mark.parametrize(
    ("cam", "match"),
    [
        (np.zeros((2, 2)), "shape"),
        (np.full((1, 2, 2), np.nan), "finite"),
        (np.full((1, 2, 2), np.inf), "finite"),
        (np.zeros((1, 8, 8)), "below"),
    ],
)
def test_to_uint8_of_unusable_maps_raises(cam, match):
    with pytest.raises(InputError, match=match):
        to_uint8(cam, 4)


def network(head, *, nested=False):
    """A small network; returns it and its features. `head` maps pooled features to outputs."""
    keras.utils.set_random_seed(3)
    inputs = keras.Input((12, 12, 1))
    trunk = keras.layers.Conv2D(5, 3, strides=2, activation="relu")
    trunk = keras.Sequential([keras.Input((12, 12, 1)), trunk]) if nested else trunk
    pool = keras.layers.GlobalAveragePooling2D()
    return keras.Model(inputs, head(pool(trunk(inputs)))), pool.input


def pictures(n=5):
    return np.random.default_rng(0).normal(size=(n, 12, 12, 1)).astype(np.float32)


def found_features(model, features):
    return np.asarray(keras.ops.convert_to_numpy(keras.Model(model.input, features)(pictures())))


HEADS = {
    "activation in the dense layer": lambda p: keras.layers.Dense(3, activation="softmax")(p),
    "sigmoid": lambda p: keras.layers.Dense(3, activation="sigmoid")(p),
    "logits": lambda p: keras.layers.Dense(3)(p),
    "softmax layer": lambda p: keras.layers.Softmax()(keras.layers.Dense(3)(p)),
    "activation layer": lambda p: keras.layers.Activation("softmax")(keras.layers.Dense(3)(p)),
}


@pytest.mark.parametrize(
    ("form", "nested"), [*((form, False) for form in HEADS), ("softmax layer", True)]
)
def test_gradient_of_pooled_head_equals_the_closed_form(form, nested):
    model, features = network(HEADS[form], nested=nested)
    (kernel,) = [w for w in model.get_weights() if w.shape == (5, 3)]
    closed = class_activation(found_features(model, features), kernel)
    np.testing.assert_allclose(closed, gradient_cam(model, pictures(), features), atol=1e-5)
    assert np.abs(closed).max() > 1e-3


def test_gradient_of_head_with_hidden_layer_equals_finite_differences():
    """A hidden layer makes the gradient differ from image to image: no closed form."""
    model, features = network(
        lambda p: keras.layers.Dense(2)(keras.layers.Dense(6, activation="tanh")(p))
    )
    head = keras.Model([model.input, features], model.output)
    found, step = found_features(model, features), 1e-2
    slopes = np.zeros((*found.shape, 2))
    for place in np.ndindex(*found.shape[1:]):
        moved = np.zeros_like(found)
        moved[:, *place] = step
        ends = [
            keras.ops.convert_to_numpy(head([pictures(), (found + sign * moved)], training=False))
            for sign in (1, -1)
        ]
        slopes[:, *place] = (np.asarray(ends[0], "float64") - ends[1]) / (2 * step)
    weights = slopes.mean(axis=(1, 2), keepdims=True)
    expected = (weights * found[..., np.newaxis]).sum(axis=3)
    maps = gradient_cam(model, pictures(), features)
    np.testing.assert_allclose(maps, expected, atol=1e-5, rtol=1e-3)
    assert np.abs(expected).max() > 1e-3


@pytest.mark.parametrize("name", heads.HEADS)
def test_gradient_of_each_head_is_that_of_the_whole_network(name):
    pixels = keras.Input((12, 12, 1))
    features = keras.layers.Conv2D(12, 3, activation="relu")(pixels)
    logits, head = heads.build_head(name, keras.layers.GlobalAveragePooling2D()(features), 3, 0.5)
    draws = np.random.default_rng(0)
    for variable in head.trainable_variables:
        variable.assign(draws.normal(size=variable.shape))
    model = keras.Model(pixels, keras.layers.Softmax()(logits))
    expected = gradient_cam(model, pictures(), features)
    found = pooled_gradient_cam(head, found_features(model, features))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())
    assert np.abs(expected).max() > 1e-3


def test_gradient_past_a_shortcut_is_that_of_the_layer_alone():
    inputs = keras.Input((12, 12, 1))
    first = keras.layers.Conv2D(4, 3, padding="same")(inputs)
    second = keras.layers.Conv2D(4, 3, padding="same")(first)
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Add()([first, second]))
    model = keras.Model(inputs, keras.layers.Dense(2)(pooled))
    closed = class_activation(found_features(model, second), model.get_weights()[-2])
    np.testing.assert_allclose(closed, gradient_cam(model, pictures(), second), atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", BACKBONES)
def test_gradient_at_the_paper_s_layer_equals_the_closed_form(name):
    from known_backbones import literal_weights

    size = SIZES[name]
    backbone = build_backbone(name, size)
    backbone.set_weights(literal_weights(backbone, 1))
    inputs = keras.Input((size, size, 3))
    pool, dense = keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2)
    model = keras.Model(inputs, keras.layers.Softmax()(dense(pool(backbone(inputs)))))
    images = np.random.default_rng(1).normal(size=(3, size, size, 3)).astype(np.float32)
    layer = backbone.get_layer(BACKBONES[name].cam_layer)
    found = np.asarray(keras.Model(backbone.input, layer.output).predict(images, verbose=0))
    assert min(found.shape[1:3]) > 1
    kernel = np.random.default_rng(2).normal(size=(found.shape[3], 2))
    kernel /= np.linalg.norm(found.mean(axis=(1, 2)), axis=1).mean()
    dense.set_weights([kernel.astype(np.float32), np.zeros(2, np.float32)])
    closed = class_activation(found, kernel)
    assert np.abs(closed).max() > 1e-2
    np.testing.assert_allclose(closed, gradient_cam(model, images, pool.input), atol=1e-5)


@pytest.mark.parametrize(
    ("head", "told"),
    [
        (lambda p: p, "GlobalAveragePooling2D"),
        (lambda p: keras.layers.Dense(2, activation="relu")(p), "last layer"),
    ],
)
def test_gradient_cam_of_a_model_that_ends_otherwise_raises(head, told):
    model, features = network(head)
    with pytest.raises(InputError, match=told):
        gradient_cam(model, pictures(), features)


@pytest.mark.skipif(
    find_spec("jax") is None or os.environ.get("KERAS_BACKEND") == "jax",
    reason="JAX is not installed (pip install jax), or these tests run on it already",
)
@pytest.mark.parametrize("marked", ["not slow", pytest.param("slow", marks=pytest.mark.slow)])
def test_gradients_are_the_same_on_jax(marked):
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-m", marked]
    made = subprocess.run(
        [*command, "-k", "gradient", __file__],
        env=os.environ | {"KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stdout
    assert " passed" in made.stdout
