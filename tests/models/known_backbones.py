"""Backbones with known weights; each is built once, at its smallest size."""

from functools import cache

import numpy as np

from rin.models.backbones import build_backbone, find_backbone


@cache
def _built(name):
    return build_backbone(name, find_backbone(name).min_size)


def built(name):
    """Return a backbone with every layer trainable."""
    backbone = _built(name)
    for layer in (backbone, *backbone.layers):
        layer.trainable = True
    return backbone


def literal_weights(backbone, seed):
    """Draw finite weights that keep activations in range; variances are positive."""
    draws = np.random.default_rng(seed)
    weights = []
    for variable in backbone.weights:
        if variable.name == "kernel":
            depthwise = variable.shape[-1] == 1
            fan_in = np.prod(variable.shape[: 2 if depthwise else -1])
            values = draws.normal(0, np.sqrt(2 / fan_in), variable.shape)
        elif variable.name in ("gamma", "moving_variance"):
            values = draws.uniform(0.5, 1.5, variable.shape)
        else:
            values = draws.normal(0, 0.1, variable.shape)
        weights.append(values.astype("float32"))
    return weights


def emptied(backbone):
    """Make sure that nothing is left of the weights that a file is to bring back."""
    backbone.set_weights([np.zeros(v.shape, "float32") for v in backbone.weights])
    return backbone


def assert_same(found, expected):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)
