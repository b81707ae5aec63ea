"""Heads, which map pooled features to logits: the paper's head and three others.

The others are from Frees et al. (arXiv 2508.17567), with that study's default settings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rin.errors import look_up

if TYPE_CHECKING:
    import keras

#: `linear` is the paper's head.
HEADS = ("linear", "nonlinear", "conv", "conv_skip")
_RATIO, _FILTERS, _KERNEL, _SLOPE = 0.5, 4, 2, 0.01


def build_head(
    name: str, pooled: keras.KerasTensor, n_classes: int, dropout: float
) -> tuple[keras.KerasTensor, keras.Model]:
    """Put a head on pooled features (n, channels); return its logits (n, n_classes) and its model.

    The model maps pooled features to logits and shares its layers with the network of `pooled`.
    """
    look_up("head", name, HEADS)
    import keras
    from keras import layers

    def activation(hidden: keras.KerasTensor) -> keras.KerasTensor:
        hidden = layers.LeakyReLU(negative_slope=_SLOPE)(layers.BatchNormalization()(hidden))
        return layers.Dropout(dropout, seed=0)(hidden)

    channels = pooled.shape[1]
    if name == "linear":
        hidden = layers.Dropout(dropout, seed=0)(pooled)
    elif name == "nonlinear":
        hidden = activation(layers.Dense(int(_RATIO * channels))(pooled))
    else:
        # A convolution along the features, in the arbitrary order of the backbone's channels.
        line = layers.Reshape((channels, 1))(pooled)
        flat = layers.Flatten()(activation(layers.Conv1D(_FILTERS, _KERNEL, use_bias=False)(line)))
        if name == "conv_skip":
            past = layers.BatchNormalization()(layers.Dense(flat.shape[1])(pooled))
            flat = layers.Add()([flat, layers.ReLU()(past)])
        narrow = layers.BatchNormalization()(layers.Dense(int(_RATIO * flat.shape[1]))(flat))
        hidden = layers.Dropout(dropout, seed=0)(narrow)
    logits = layers.Dense(n_classes, dtype="float32")(hidden)
    return logits, keras.Model(pooled, logits)


def reset_head(head: keras.Model, draws: np.random.Generator) -> None:
    """Reset the weights of a head: random Glorot uniform kernels, initial values for the rest."""
    fresh = {"bias": 0, "beta": 0, "gamma": 1, "moving_mean": 0, "moving_variance": 1}
    for variable in head.variables:
        shape = tuple(variable.shape)
        if variable.name == "kernel":
            taps = int(np.prod(shape[:-2]))
            limit = np.sqrt(6 / (taps * sum(shape[-2:])))
            variable.assign(draws.uniform(-limit, limit, shape))
        elif variable.name in fresh:
            variable.assign(np.full(shape, fresh[variable.name]))
