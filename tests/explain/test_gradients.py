"""Gradients on whichever backend Keras runs; the last test repeats the others on JAX."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from rin.errors import InputError  # noqa: E402
from rin.explain import gradients  # noqa: E402
from rin.explain.gradcam import class_activation, gradient_cam, probability_maps  # noqa: E402
from rin.models.backbones import BACKBONES, build_backbone  # noqa: E402

sys.path.append(str(Path(__file__).parents[1] / "models"))  # for literal weights

SIZES = {"InceptionResNetV2": 110, "ResNet50": 64, "DenseNet121": 64, "InceptionV3": 110}


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


def pooled_head(form):
    """The paper's head, written in three ways."""
    softmax, dense = keras.layers.Softmax(), keras.layers.Dense
    return {
        "activation in the dense layer": dense(3, activation="softmax"),
        "softmax layer": lambda pooled: softmax(dense(3)(pooled)),
        "activation layer": lambda pooled: keras.layers.Activation("softmax")(dense(3)(pooled)),
    }[form]


def hidden_head(pooled):
    """A hidden layer makes the gradient differ from image to image: no closed form."""
    return keras.layers.Dense(2, activation="softmax")(
        keras.layers.Dense(6, activation="tanh")(pooled)
    )


def found_features(model, features):
    return np.asarray(keras.ops.convert_to_numpy(keras.Model(model.input, features)(pictures())))


@pytest.mark.parametrize("nested", [False, True], ids=["flat", "nested"])
@pytest.mark.parametrize(
    "form", ["activation in the dense layer", "softmax layer", "activation layer"]
)
def test_gradient_of_pooled_head_equals_the_closed_forms(form, nested):
    model, features = network(pooled_head(form), nested=nested)
    (kernel,) = [w for w in model.get_weights() if w.shape == (5, 3)]
    closed = class_activation(found_features(model, features), kernel)
    by_gradient = gradient_cam(model, pictures(), features, batch_size=2)
    np.testing.assert_allclose(closed, by_gradient, atol=1e-5)
    assert np.abs(closed).max() > 1e-3
    probabilities = model.predict(pictures(), verbose=0)
    np.testing.assert_allclose(
        probability_maps(closed, probabilities),
        gradient_cam(model, pictures(), features, of="probability"),
        atol=1e-5,
    )


def finite_differences(model, features, of):
    """Grad-CAM whose gradients are central differences of the outputs, cell by cell."""
    head, found = gradients.head_of(model, features, of), found_features(model, features)
    step, slopes = 1e-2, np.zeros((*found.shape, 2))
    for place in np.ndindex(*found.shape[1:]):
        moved = np.zeros_like(found)
        moved[:, *place] = step
        ends = [
            keras.ops.convert_to_numpy(head([pictures(), (found + sign * moved)], training=False))
            for sign in (1, -1)
        ]
        slopes[:, *place] = (np.asarray(ends[0], "float64") - ends[1]) / (2 * step)
    weights = slopes.mean(axis=(1, 2), keepdims=True)
    return (weights * found[..., np.newaxis]).sum(axis=3)


@pytest.mark.parametrize("of", ["logit", "probability"])
def test_gradient_of_head_with_hidden_layer_equals_finite_differences(of):
    model, features = network(hidden_head)
    expected = finite_differences(model, features, of)
    found = gradient_cam(model, pictures(), features, of=of)
    assert found.shape == (5, 5, 5, 2)
    np.testing.assert_allclose(found, expected, atol=1e-5, rtol=1e-3)
    assert np.abs(expected).max() > 1e-3


def test_gradient_past_a_shortcut_is_that_of_the_layer_alone():
    inputs = keras.Input((12, 12, 1))
    first = keras.layers.Conv2D(4, 3, padding="same")(inputs)
    second = keras.layers.Conv2D(4, 3, padding="same")(first)
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Add()([first, second]))
    model = keras.Model(inputs, keras.layers.Dense(2)(pooled))
    closed = class_activation(found_features(model, second), model.get_weights()[-2])
    np.testing.assert_allclose(closed, gradient_cam(model, pictures(), second), atol=1e-5)


def test_gradient_of_sigmoid_is_that_of_the_logit_times_its_slope():
    model, features = network(keras.layers.Dense(1, activation="sigmoid"))
    p = model.predict(pictures(), verbose=0)[:, :, np.newaxis, np.newaxis]
    logit = gradient_cam(model, pictures(), features)
    probability = gradient_cam(model, pictures(), features, of="probability")
    np.testing.assert_allclose(probability, p * (1 - p) * logit, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", BACKBONES)
def test_gradient_at_the_paper_s_layer_equals_the_closed_forms(name):
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
    kernel /= np.linalg.norm(found.mean(axis=(1, 2)), axis=1).mean()  # no sure probability
    dense.set_weights([kernel.astype(np.float32), np.zeros(2, np.float32)])
    closed = class_activation(found, kernel)
    assert np.abs(closed).max() > 1e-2
    np.testing.assert_allclose(closed, gradient_cam(model, images, pool.input), atol=1e-5)
    probability = gradient_cam(model, images, pool.input, of="probability")
    expected = probability_maps(closed, model.predict(images, verbose=0))
    np.testing.assert_allclose(expected, probability, atol=1e-5)
    assert np.abs(expected).max() > 1e-3


def test_gradient_cam_when_model_ends_in_pooling_raises():
    inputs = keras.Input((4, 4, 1))
    features = keras.layers.Conv2D(2, 3)(inputs)
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(features))
    with pytest.raises(InputError, match="GlobalAveragePooling2D"):
        gradient_cam(model, np.zeros((1, 4, 4, 1), np.float32), features)


def test_gradient_cam_when_model_ends_in_another_activation_raises():
    model, features = network(keras.layers.Dense(2, activation="relu"))
    with pytest.raises(InputError, match="last layer"):
        gradient_cam(model, pictures(), features)


@pytest.mark.parametrize(
    "head", [lambda p: keras.layers.Dense(2)(p), lambda p: keras.layers.Activation("linear")(p)]
)
def test_gradient_cam_of_probability_when_model_ends_in_logits_raises(head):
    model, features = network(head)
    with pytest.raises(InputError, match="no probabilities"):
        gradient_cam(model, pictures(), features, of="probability")


def test_gradient_cam_of_unknown_output_lists_the_known_ones():
    model, features = network(hidden_head)
    with pytest.raises(InputError, match=r"unknown output 'score'.*logit, probability"):
        gradient_cam(model, pictures(), features, of="score")


def test_gradient_cam_without_images_raises():
    model, features = network(hidden_head)
    with pytest.raises(InputError, match="no image"):
        gradient_cam(model, pictures(0), features)


def test_gradients_on_a_backend_without_them_name_those_that_have(monkeypatch):
    model, features = network(hidden_head)
    monkeypatch.setattr(keras.backend, "backend", lambda: "openvino")
    with pytest.raises(InputError, match=r"openvino.*tensorflow, jax"):
        gradients.channel_weights(model, pictures(), pictures())
    del features


@pytest.mark.skipif(
    find_spec("jax") is None or os.environ.get("KERAS_BACKEND") == "jax",
    reason="JAX is not installed (pip install jax), or these tests run on it already",
)
@pytest.mark.parametrize("marked", ["not slow", pytest.param("slow", marks=pytest.mark.slow)])
def test_gradients_are_the_same_on_jax(marked):
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-m", marked, __file__]
    made = subprocess.run(
        command, env=os.environ | {"KERAS_BACKEND": "jax"}, capture_output=True, text=True
    )
    assert made.returncode == 0, made.stdout
    assert " passed" in made.stdout
