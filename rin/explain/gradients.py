"""Gradients of a Keras head with respect to a feature map, on TensorFlow and on JAX.

The one place of `rin.explain` that calls a framework below Keras: one function a backend, each
with the same arguments and result.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from rin.errors import InputError, unknown

if TYPE_CHECKING:
    import keras

#: What Grad-CAM may differentiate.
OUTPUTS = ("logit", "probability")


def channel_weights(head: keras.Model, images: np.ndarray, features: np.ndarray) -> np.ndarray:
    """Return the gradient of a head's outputs with respect to each channel, mean over pixels.

    Parameters
    ----------
    head
        From inputs and features to outputs (n, classes), as `head_of` makes it.
    images
        Inputs of the whole model, (n, height, width, channels).
    features
        Feature maps of those inputs, float (n, h, w, channels).

    Returns
    -------
    numpy.ndarray
        float32 (n, channels, classes), averaged over the h * w pixels of a channel.

    Raises
    ------
    InputError
        When Keras runs on a backend that has no function here.

    Notes
    -----
    Checked against finite differences of the head's outputs.
    """
    import keras

    backend = keras.backend.backend()
    if backend not in _GRADIENTS:
        raise InputError(
            f"backend {backend!r} has no gradients here",
            where="KERAS_BACKEND",
            remedy=f"Use class_activation, or one of the backends {', '.join(_GRADIENTS)}.",
        )
    tensors = map(keras.ops.convert_to_tensor, (images, features))
    return _GRADIENTS[backend](head, *tensors)


def head_of(model: keras.Model, features: keras.KerasTensor, of: str) -> keras.Model:
    """Return the part of a model that leads from its inputs and some features to its outputs.

    Features are an input of their own, so that a gradient with respect to them holds all else
    fixed, also where a shortcut leads past them.

    Parameters
    ----------
    model
        Functional Keras model that ends in a dense layer, with or without a softmax or sigmoid.
    features
        Symbolic output of the target layer.
    of
        "logit", the output before the last activation, or "probability", after it.

    Raises
    ------
    InputError
        For another `of`, a model that ends otherwise, or probabilities asked of one that ends in
        logits.
    """
    import keras

    if of not in OUTPUTS:
        raise unknown("output", of, OUTPUTS)
    last = model.layers[-1]
    activation = _activation(last)
    if of == "probability" and activation == "linear":
        raise InputError(
            "the model ends in logits, so there are no probabilities",
            where=model.name,
            remedy='Ask for of="logit", or end the model in a softmax or sigmoid.',
        )
    outputs = model.output if of == "probability" else _logits(last)
    return keras.Model([model.input, features], outputs)


def _activation(last: keras.layers.Layer) -> str:
    """Return the name of the activation that a model ends in."""
    import keras

    if isinstance(last, keras.layers.Softmax):
        return "softmax"
    ends = isinstance(last, (keras.layers.Dense, keras.layers.Activation))
    if not ends or last.activation.__name__ not in ("softmax", "sigmoid", "linear"):
        raise InputError(
            f"the last layer is a {type(last).__name__}",
            where=last.name,
            remedy="Give a model that ends in a dense layer, with a softmax or sigmoid or without.",
        )
    return last.activation.__name__


def _logits(last: keras.layers.Layer) -> keras.KerasTensor:
    """Return the output of a last layer with its activation left out."""
    import keras

    if not isinstance(last, keras.layers.Dense):
        return last.input
    settings = last.get_config() | {"activation": None, "name": f"{last.name}_logits"}
    linear = keras.layers.Dense.from_config(settings)
    logits = linear(last.input)
    linear.set_weights(last.get_weights())
    return logits


def _tensorflow(head: keras.Model, images: Any, features: Any) -> np.ndarray:
    import tensorflow as tf

    with tf.GradientTape(persistent=True) as tape:
        tape.watch(features)
        outputs = tf.cast(head([images, features], training=False), tf.float32)
        by_class = tf.unstack(outputs, axis=1)
    slopes = [tape.gradient(one, features) for one in by_class]
    return _pixel_means([slope.numpy() for slope in slopes])


def _jax(head: keras.Model, images: Any, features: Any) -> np.ndarray:
    import jax

    def call(variable: jax.Array) -> jax.Array:
        return head([images, variable], training=False).astype("float32")

    outputs, pull_back = jax.vjp(call, features)
    units = np.eye(outputs.shape[1], dtype=np.float32)
    slopes = [pull_back(np.broadcast_to(unit, outputs.shape))[0] for unit in units]
    return _pixel_means([np.asarray(slope) for slope in slopes])


_GRADIENTS: dict[str, Callable] = {"tensorflow": _tensorflow, "jax": _jax}


def _pixel_means(slopes: list[np.ndarray]) -> np.ndarray:
    """Average gradients (n, h, w, channels) of each class over pixels and stack the classes."""
    means = [slope.astype(np.float32).mean(axis=(1, 2)) for slope in slopes]
    return np.stack(means, axis=-1)
