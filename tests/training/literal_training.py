"""A fine-tuning written out in plain Keras and NumPy: what `ReusableClassifier` has to compute.

It runs in the process of the test, since the floats of a short training differ from one processor
to another by more than many defects would change them.
"""

import keras
import numpy as np
from literal_affine import affine_matrix
from scipy.special import log_softmax

#: The `rin.training.identity.RESULTS_VERSION` that is written out here.
VERSION = 1


def literal_network(start, size, frozen):
    """Return a ResNet50 with a head, and the head's layers of dropout and weights."""
    backbone = keras.applications.ResNet50(
        include_top=False, weights=None, input_shape=(size, size, 3)
    )
    for layer in backbone.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.9
    backbone.trainable = not frozen
    backbone.set_weights(start)
    pixels = keras.Input((size, size, 3))
    dropout, dense = keras.layers.Dropout(0.5, seed=0), keras.layers.Dense(2)
    pooled = keras.layers.GlobalAveragePooling2D()(backbone(pixels))
    model = keras.Model(pixels, keras.layers.Softmax()(dense(dropout(pooled))))
    return backbone, model, dropout, dense, keras.Model(pixels, dense.output)


def literal_training(start, parts, *, frozen, rate, epochs, batch, seed, scaling):
    """Train a ResNet50 of grey pictures; return losses, validation losses, test logits and
    weights.

    `start` holds the backbone's weights; a pixel x enters as x * scale + offset, for each channel,
    with the `scaling` of both.
    """
    training, validation, test = parts
    size, (scale, offset) = training.images.shape[1], map(np.float32, scaling)
    backbone, model, dropout, dense, logits = literal_network(start, size, frozen)
    draws = np.random.default_rng(seed)
    limit = np.sqrt(6 / sum(dense.kernel.shape))
    dense.set_weights([draws.uniform(-limit, limit, dense.kernel.shape), np.zeros(2)])
    transforms = keras.random.SeedGenerator(0)
    transforms.state.assign(draws.integers(1, 2**31, 2))
    dropout.seed_generator.state.assign(draws.integers(1, 2**31, 2))
    # Step by step: tracing a network takes longer than a few of its steps.
    optimizer, loss = keras.optimizers.Adam(rate), "sparse_categorical_crossentropy"
    model.compile(optimizer, loss, run_eagerly=True)

    def prepared(rows, draw):
        pictures = training.images[rows].astype("float32")[..., np.newaxis]
        if draw:
            uniform = keras.random.uniform((len(rows), 7), -1.0, 1.0, seed=transforms)
            pictures = np.asarray(transformed(pictures, np.asarray(uniform)))
        return np.repeat(pictures, 3, axis=-1) * scale + offset

    losses, validation_losses, kept = [], [], None
    for epoch in range(epochs):
        order = np.random.default_rng([seed, epoch]).permutation(training.rows)
        total = 0.0
        for first in range(0, len(order), batch):
            rows = np.sort(order[first : first + batch])
            model.reset_metrics()
            found = model.train_on_batch(prepared(rows, draw=True), training.labels[rows])
            total += float(np.ravel(found)[0]) * len(rows)
        losses.append(total / len(order))
        made = np.asarray(logits(prepared(validation.rows, draw=False), training=False))
        labels = training.labels[validation.rows]
        validation_losses.append(-log_softmax(made, 1)[np.arange(len(labels)), labels].mean())
        if np.argmin(validation_losses) == epoch:
            kept = model.get_weights()
    model.set_weights(kept)
    made = np.asarray(logits(prepared(test.rows, draw=False), training=False))
    return losses, validation_losses, made, backbone.get_weights()


def transformed(pictures, uniform):
    """Rotate by up to 10 degrees, shift and zoom by up to a tenth, shear, and mirror a half."""
    maps = []
    for drawn in uniform:
        (yy, yx, y), (xy, xx, x), _ = affine_matrix(
            pictures.shape[1:3], drawn, rotation=10, shift=0.1, shear=0.1, zoom=0.1, flip=True
        )
        maps.append([xx, xy, x, yx, yy, y, 0, 0])
    return keras.ops.image.affine_transform(
        pictures, np.array(maps, "float32"), interpolation="bilinear", fill_mode="nearest"
    )
