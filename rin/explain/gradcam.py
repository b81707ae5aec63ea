"""Grad-CAM: which part of an image supports a class.

The networks of the study end in global average pooling and one dense layer, so the gradient of a
class's logit is the same at every pixel, and Grad-CAM has a closed form that needs no gradient,
`rin.models.layers.ClassActivation`.  `gradient_cam` is for any other head.  Maps are kept at the
resolution of the last convolution and before the ReLU.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from rin.errors import InputError

if TYPE_CHECKING:
    import keras


def to_uint8(cam: np.ndarray, size: int) -> np.ndarray:
    """Return maps of one class (n, h, w) as 8-bit images (n, size, size) of the network's input.

    The steps are those of the usual OpenCV recipe: ReLU; division of the small map by its own
    maximum; bilinear enlargement with half-pixel centres; multiplication by 255; 8 bits, rounded
    where the recipe truncates.  A map without a positive value gives zeros.
    """
    if not np.isfinite(cam).all():
        remedy = "Leave out the run: it has diverged."
        raise InputError("a value is not finite", where="maps", remedy=remedy)
    positive = np.maximum(cam.astype(np.float32), 0)
    peak = positive.max(axis=(1, 2), keepdims=True)
    small = 255 * np.divide(positive, peak, out=np.zeros_like(positive), where=peak > 0)
    large = np.empty((len(cam), size, size), dtype=np.uint8)
    for row, picture in zip(large, small, strict=True):
        enlarged = Image.fromarray(picture).resize((size, size), Image.Resampling.BILINEAR)
        row[:] = np.clip(np.rint(np.asarray(enlarged)), 0, 255)
    return large


def gradient_cam(head: keras.Model, features: np.ndarray) -> np.ndarray:
    """Return the Grad-CAM of every class by differentiating a head of any kind.

    ``M_c = sum_k mean_xy(dlogit_c / dA_k) A_k`` (Selvaraju et al 2020), on TensorFlow and on JAX.
    Global averaging passes the gradient of a logit by a channel's mean evenly to all its pixels,
    so only the head has to be differentiated.  ``features`` are the activations of the last
    convolution (n, h, w, channels); maps are float32 (n, h, w, classes), before the ReLU.
    """
    import keras

    features = np.asarray(features, dtype=np.float32)
    pooled = keras.ops.convert_to_tensor(features.mean(axis=(1, 2)))
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape(persistent=True) as tape:
            tape.watch(pooled)
            logits = tf.unstack(tf.cast(head(pooled, training=False), tf.float32), axis=1)
        slopes = [tape.gradient(logit, pooled) for logit in logits]
    else:
        import jax

        outputs, pull_back = jax.vjp(lambda x: head(x, training=False).astype("float32"), pooled)
        units = np.eye(outputs.shape[1], dtype=np.float32)
        slopes = [pull_back(np.broadcast_to(unit, outputs.shape))[0] for unit in units]
    by_class = np.stack(slopes, axis=-1).astype(np.float32)
    pixels = features.shape[1] * features.shape[2]
    return np.einsum("nhwk,nkc->nhwc", features, by_class / pixels)
