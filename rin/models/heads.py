"""What stands between pooled features and logits: the paper's head, and three others.

The others are those of Frees et al. (arXiv 2508.17567), with that study's default settings: a
hidden layer, a one-dimensional convolution over the features, and that convolution beside a
shortcut.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from rin.errors import unknown

if TYPE_CHECKING:
    import keras

_RATIO, _FILTERS, _KERNEL, _SLOPE = 0.5, 4, 2, 0.01


def build_head(
    name: str, pooled: keras.KerasTensor, n_classes: int, dropout: float
) -> tuple[keras.KerasTensor, keras.Model]:
    """Put a head on pooled features (n, channels); return its logits (n, n_classes), and itself.

    `dropout` is the rate of all its dropout layers.  The model, from features to logits, shares
    its layers with the network that `pooled` is of.  InputError for an unknown name.
    """
    if name not in HEADS:
        raise unknown("head", name, HEADS)
    import keras

    logits = keras.layers.Dense(n_classes, dtype="float32")(HEADS[name](pooled, dropout))
    return logits, keras.Model(pooled, logits)


def reset_head(head: keras.Model, draws: np.random.Generator) -> None:
    """Draw the weights of a head anew: Glorot uniform kernels, and nothing learnt elsewhere."""
    fresh = {"bias": 0, "beta": 0, "gamma": 1, "moving_mean": 0, "moving_variance": 1}
    for variable in head.variables:
        shape = tuple(variable.shape)
        if variable.name == "kernel":
            taps = int(np.prod(shape[:-2]))
            limit = np.sqrt(6 / (taps * sum(shape[-2:])))
            variable.assign(draws.uniform(-limit, limit, shape))
        elif variable.name in fresh:
            variable.assign(np.full(shape, fresh[variable.name]))


def _linear(pooled: keras.KerasTensor, dropout: float) -> keras.KerasTensor:
    import keras

    return keras.layers.Dropout(dropout, seed=0)(pooled)


def _nonlinear(pooled: keras.KerasTensor, dropout: float) -> keras.KerasTensor:
    import keras

    hidden = keras.layers.Dense(int(_RATIO * pooled.shape[1]))(pooled)
    return _normalised(hidden, dropout)


def _conv(pooled: keras.KerasTensor, dropout: float) -> keras.KerasTensor:
    return _narrowed(_convolved(pooled, dropout), dropout)


def _conv_skip(pooled: keras.KerasTensor, dropout: float) -> keras.KerasTensor:
    import keras

    convolved = _convolved(pooled, dropout)
    past = keras.layers.Dense(convolved.shape[1])(pooled)
    past = keras.layers.ReLU()(keras.layers.BatchNormalization()(past))
    return _narrowed(keras.layers.Add()([convolved, past]), dropout)


def _convolved(pooled: keras.KerasTensor, dropout: float) -> keras.KerasTensor:
    """Convolve along the features, which have no order but that of the backbone's channels."""
    import keras

    line = keras.layers.Reshape((pooled.shape[1], 1))(pooled)
    line = keras.layers.Conv1D(_FILTERS, _KERNEL, use_bias=False)(line)
    return keras.layers.Flatten()(_normalised(line, dropout))


def _narrowed(flat: keras.KerasTensor, dropout: float) -> keras.KerasTensor:
    import keras

    hidden = keras.layers.Dense(int(_RATIO * flat.shape[1]))(flat)
    return keras.layers.Dropout(dropout, seed=0)(keras.layers.BatchNormalization()(hidden))


def _normalised(hidden: keras.KerasTensor, dropout: float) -> keras.KerasTensor:
    import keras

    hidden = keras.layers.BatchNormalization()(hidden)
    hidden = keras.layers.LeakyReLU(negative_slope=_SLOPE)(hidden)
    return keras.layers.Dropout(dropout, seed=0)(hidden)


#: Hidden layers of each head, before its last dense layer; `linear` is the paper's.
HEADS: dict[str, Callable[[keras.KerasTensor, float], keras.KerasTensor]] = {
    "linear": _linear,
    "nonlinear": _nonlinear,
    "conv": _conv,
    "conv_skip": _conv_skip,
}
