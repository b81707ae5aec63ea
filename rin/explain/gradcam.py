"""Grad-CAM: which part of an image speaks for a class.

The networks of the study end in global average pooling and one dense layer, so the
gradient of a class logit with respect to a feature map is the same at every pixel and
Grad-CAM has a closed form that needs no gradient: `class_activation`. `gradient_cam`
is the general form for any head, and the oracle of the closed one. Maps are kept at
the resolution of the last convolution and before the ReLU; `to_uint8` makes the
pictures that the paper thresholds.
"""

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from rin.errors import InputError

if TYPE_CHECKING:
    import keras


def class_activation(features: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Return the Grad-CAM of every class for a network with pooling and a dense head.

    With ``logit_c = b_c + sum_k w[k, c] * mean_xy A_k`` the gradient of the logit is
    ``w[k, c] / (H * W)`` at every pixel, so the weighted sum of Grad-CAM is
    ``sum_k w[k, c] / (H * W) * A_k``.

    Parameters
    ----------
    features
        Activations of the last convolution, float (n, h, w, channels).
    kernel
        Weights of the dense layer, float (channels, classes).

    Returns
    -------
    numpy.ndarray
        float32 (n, h, w, classes), before the ReLU, any range.

    Raises
    ------
    InputError
        When the channels of the two arrays differ or an array has the wrong rank.

    Notes
    -----
    Selvaraju et al, Int J Comput Vis 2020;128:336 (the paper's reference 29); paper,
    Materials and Methods, "Grad-CAM". Checked against `gradient_cam` to 1e-5.
    """
    features = np.asarray(features, dtype=np.float32)
    kernel = np.asarray(kernel, dtype=np.float32)
    if features.ndim != 4 or kernel.ndim != 2 or features.shape[3] != kernel.shape[0]:
        raise InputError(
            f"shapes {features.shape} and {kernel.shape} do not fit",
            where="features, kernel",
            remedy="Give features (n, h, w, channels) and a kernel (channels, classes).",
        )
    pixels = features.shape[1] * features.shape[2]
    return features @ (kernel / np.float32(pixels))


def to_uint8(cam: np.ndarray, size: int) -> np.ndarray:
    """Return maps as 8-bit images of the size of the network's input.

    The order matters to the threshold that follows, and is that of the usual OpenCV
    recipe: ReLU; division by the image's own maximum; scaling of the small map to
    0–255; bilinear enlargement with half-pixel centres (as ``cv2.resize``); rounding to
    the nearest integer. A map without a positive value gives zeros; a constant positive
    map gives 255 everywhere.

    Parameters
    ----------
    cam
        Maps of one class, float (n, h, w).
    size
        Side of the square result in pixels, at least h and w: maps are only enlarged.

    Returns
    -------
    numpy.ndarray
        uint8 (n, size, size), 0–255.

    Raises
    ------
    InputError
        When the rank is wrong, a value is not finite, or `size` is below the map's.

    Notes
    -----
    Checked against ``skimage.transform.resize(order=1, mode="edge",
    anti_aliasing=False)``.
    """
    cam = np.asarray(cam, dtype=np.float32)
    _check_maps(cam, size)
    positive = np.maximum(cam, 0)
    peak = positive.max(axis=(1, 2), keepdims=True)
    small = 255 * np.divide(positive, peak, out=np.zeros_like(positive), where=peak > 0)
    large = np.empty((len(cam), size, size), dtype=np.uint8)
    for row, picture in zip(large, small, strict=True):
        enlarged = Image.fromarray(picture).resize((size, size), Image.Resampling.BILINEAR)
        row[:] = np.clip(np.rint(np.asarray(enlarged)), 0, 255)
    return large


def _check_maps(cam: np.ndarray, size: int) -> None:
    if cam.ndim != 3:
        raise InputError(
            f"maps have shape {cam.shape}",
            where="cam",
            remedy="Give the maps of one class, (n, h, w).",
        )
    if not np.isfinite(cam).all():
        raise InputError(
            "a map holds values that are not finite",
            where="cam",
            remedy="Leave out the run: its training has diverged.",
        )
    if size < max(cam.shape[1:]):
        raise InputError(
            f"size {size} is below that of the maps, {cam.shape[1:]}",
            where="size",
            remedy="Give the side of the network's input, in pixels.",
        )


def gradient_cam(
    model: "keras.Model",
    images: np.ndarray,
    features: "keras.KerasTensor",
    *,
    batch_size: int = 32,
) -> np.ndarray:
    """Return the Grad-CAM of every class by differentiating the class logits.

    Slower than `class_activation` and right for any head. A softmax or sigmoid of the
    last dense layer is left out: Grad-CAM differentiates the logit.

    Parameters
    ----------
    model
        Functional Keras model that ends in a dense layer, with or without a softmax or
        sigmoid after it.
    images
        Inputs as the model expects them, (n, height, width, channels).
    features
        Symbolic output of the target layer within `model`, (None, h, w, channels): the
        `output` of a layer, or, for a backbone nested in the model, the `input` of the
        pooling layer that reads it.
    batch_size
        Images differentiated at a time.

    Returns
    -------
    numpy.ndarray
        float32 (n, h, w, classes), before the ReLU.

    Raises
    ------
    InputError
        When the model does not end in logits, or Keras does not run on TensorFlow.
    """
    import keras

    if keras.backend.backend() != "tensorflow":
        raise InputError(
            f"backend {keras.backend.backend()!r} has no gradient tape",
            where="KERAS_BACKEND",
            remedy="Use class_activation, or set KERAS_BACKEND=tensorflow.",
        )
    target = keras.Model(model.input, [features, _logits(model)])
    starts = range(0, len(images), batch_size)
    return np.concatenate([_tape_maps(target, images[s : s + batch_size]) for s in starts])


def _logits(model: "keras.Model") -> "keras.KerasTensor":
    """Return the model's output with the last activation left out."""
    import keras

    last = model.layers[-1]
    if isinstance(last, (keras.layers.Softmax, keras.layers.Activation)):
        return last.input
    if not isinstance(last, keras.layers.Dense):
        raise InputError(
            f"the last layer is a {type(last).__name__}",
            where=model.name,
            remedy="Give a model that ends in a dense layer, activation included.",
        )
    settings = last.get_config() | {"activation": None, "name": f"{last.name}_logits"}
    linear = keras.layers.Dense.from_config(settings)
    logits = linear(last.input)
    linear.set_weights(last.get_weights())
    return logits


def _tape_maps(target: "keras.Model", images: np.ndarray) -> np.ndarray:
    import tensorflow as tf

    with tf.GradientTape(persistent=True) as tape:
        features, logits = target(images, training=False)
        by_class = tf.unstack(tf.cast(logits, tf.float32), axis=1)
    maps = []
    for logit in by_class:
        slope = tf.cast(tape.gradient(logit, features), tf.float32)
        weight = tf.reduce_mean(slope, axis=(1, 2), keepdims=True)
        maps.append(tf.reduce_sum(weight * tf.cast(features, tf.float32), axis=-1))
    return tf.stack(maps, axis=-1).numpy()
