"""Grad-CAM by the letter: a tape over the whole network, from its image to its logits."""

import keras
import numpy as np
import pytest


def literal_cam(model, images, features):
    """Return the map of each class, (n, h, w, classes), of a network that ends in softmax.

    `features` is the tensor inside the model whose channels are weighed.
    """
    if keras.backend.backend() != "tensorflow":
        pytest.skip("the tape is TensorFlow's")
    import tensorflow as tf

    pixels = tf.convert_to_tensor(images)
    inside = keras.Model(model.input, [features, model.layers[-1].input])
    with tf.GradientTape(persistent=True) as tape:
        found, logits = inside(pixels, training=False)
        each = tf.unstack(logits, axis=1)
    weights = [tf.reduce_mean(tape.gradient(logit, found), axis=(1, 2)) for logit in each]
    return np.einsum("nhwk,cnk->nhwc", found, np.stack(weights))
