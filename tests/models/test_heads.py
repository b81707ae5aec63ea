"""Heads against their literal computation in NumPy."""

import keras
import numpy as np
import pytest

from rin.models.heads import HEADS, build_head, reset_head

FEATURES = 12


def drawn(name):
    """A head whose every variable has an own value, and features."""
    _, head = build_head(name, keras.Input((FEATURES,)), 2, 0.5)
    draws = np.random.default_rng(0)
    for variable in head.weights:
        if variable.dtype == "float32":
            variable.assign(draws.uniform(0.5, 1.5, variable.shape))
    return head, draws.normal(size=(5, FEATURES)).astype("float32")


def dense(x, layer):
    kernel, bias = layer.get_weights()
    return x @ kernel + bias


def normalised(x, layer):
    gamma, beta, mean, variance = layer.get_weights()
    return (x - mean) / np.sqrt(variance + layer.epsilon) * gamma + beta


def leaky(x):
    return np.where(x > 0, x, 0.01 * x)


def convolved(x, conv, norm):
    (kernel,) = conv.get_weights()  # two taps, one channel, four filters
    windows = np.stack([x[:, :-1], x[:, 1:]], axis=2)
    return leaky(normalised(windows @ kernel[:, 0], norm)).reshape(len(x), -1)


def literal(name, head, x):
    kinds = {}
    for layer in head.layers:
        kinds.setdefault(type(layer).__name__, []).append(layer)
    denses, norms = kinds["Dense"], kinds.get("BatchNormalization", [])
    if name == "nonlinear":
        x = leaky(normalised(dense(x, denses[0]), norms[0]))
    if name.startswith("conv"):
        size = 4 * (FEATURES - 1)
        by_size = {layer.get_weights()[0].size: layer for layer in norms}
        flat = convolved(x, kinds["Conv1D"][0], by_size[4])
        if name == "conv_skip":
            past = next(layer for layer in denses if layer.units == size)
            flat = flat + np.maximum(normalised(dense(x, past), by_size[size]), 0)
        narrow = next(layer for layer in denses if layer.units == size // 2)
        x = normalised(dense(flat, narrow), by_size[size // 2])
    return dense(x, denses[-1])


@pytest.mark.parametrize("name", HEADS)
def test_head_computes_what_its_description_says(name):
    head, x = drawn(name)
    assert head.output_shape == (None, 2)
    found = keras.ops.convert_to_numpy(head(x, training=False))
    np.testing.assert_allclose(found, literal(name, head, x), rtol=2e-4)


@pytest.mark.parametrize("name", HEADS)
def test_reset_head_forgets_and_repeats_by_its_seed(name):
    head, _ = drawn(name)
    states = []
    for seed in (1, 1, 2):
        reset_head(head, np.random.default_rng(seed))
        states.append([np.array(variable) for variable in head.variables])
    fresh = {"bias": 0, "beta": 0, "gamma": 1, "moving_mean": 0, "moving_variance": 1}
    for variable, first, again, other in zip(head.variables, *states, strict=True):
        np.testing.assert_array_equal(first, again)
        if variable.name == "kernel":
            assert (first != other).any()
            glorot = np.asarray(keras.initializers.GlorotUniform(seed=1)(other.shape))
            assert np.abs(other).max() == pytest.approx(np.abs(glorot).max(), rel=0.2)
        elif variable.name in fresh:
            assert (other == fresh[variable.name]).all()
