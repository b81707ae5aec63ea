"""Batch normalisation's averages, estimated again after training.

The moving averages trail behind weights that still change.  After a short training they can
be taken anew, from some training batches under the final weights; no gradient is computed and
no weight is changed.
"""

from __future__ import annotations

from itertools import islice

import keras

from rin.training.batches import Part, shuffled_batches
from rin.training.trainer import CompiledBlock


def recalibrate(block: CompiledBlock, training: Part, batch: int, count: int, seed: int) -> None:
    """Set the moving averages of every batch normalisation to their means over some batches.

    Parameters
    ----------
    block
        Trained; its augmentation and dropout are not applied.
    training
        Where the batches come from.
    batch
        Images a batch.
    count
        Number of batches.
    seed
        Decides which.
    """
    backbone = block.parts.backbone
    layers = [n for n in backbone.layers if isinstance(n, keras.layers.BatchNormalization)]
    if not layers:
        return
    before = [(layer.momentum, layer.synchronized) for layer in layers]
    channels = block.architecture.channels
    batches = shuffled_batches(training, batch=batch, channels=channels, seed=seed)
    try:
        for number, (images, _) in enumerate(islice(batches, count)):
            for layer in layers:  # the mean of n + 1 values is n / (n + 1) of that of n, and more
                layer.momentum, layer.synchronized = number / (number + 1), False
            with block.devices.scope():
                pixels = keras.ops.cast(images, "float32")
                backbone(block.parts.preprocess(pixels), training=True)
    finally:
        for layer, (momentum, synchronized) in zip(layers, before, strict=True):
            layer.momentum, layer.synchronized = momentum, synchronized
