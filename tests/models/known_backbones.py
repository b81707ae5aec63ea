"""Backbones with known weights; each is built once, at its smallest size."""

from functools import cache

import numpy as np

from rin.models.backbones import ALL_BACKBONES, build_backbone, find_backbone


@cache
def built(name):
    return build_backbone(name, find_backbone(name).min_size)


def literal_weights(backbone, seed):
    """Draw finite weights that keep activations in range; variances are positive."""
    draws = np.random.default_rng(seed)
    weights = []
    for variable in backbone.weights:
        if variable.name == "kernel":
            fan_in = np.prod(variable.shape[:-1])
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


def name_of(backbone):
    """Name of the constructor; MobileNetV2 calls itself by width and size too."""
    stem = backbone.name.partition("_1.00")[0].replace("_", "")
    (name,) = [known for known in ALL_BACKBONES if known.lower() == stem]
    return name
