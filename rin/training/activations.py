"""What layers inside a backbone make of images, sampled at some places and channels."""

from __future__ import annotations

import keras
import numpy as np

from rin.errors import look_up
from rin.explain.similarity import sample_activations
from rin.training.batches import Part
from rin.training.trainer import CompiledBlock

#: Ends of the stages of a backbone, as Juodelyte et al. (2023) compare them.
LAYERS: dict[str, tuple[str, ...]] = {
    "ResNet50": (
        "conv1_relu",
        "conv2_block3_out",
        "conv3_block4_out",
        "conv4_block6_out",
        "conv5_block3_out",
    )
}


def layer_activations(
    block: CompiledBlock,
    part: Part,
    batch: int,
    *,
    points: int,
    channels: int,
    seed: int,
    weights: list[np.ndarray] | None = None,
) -> dict[str, np.ndarray]:
    """Return activations of each layer of `LAYERS`, float32 (points, channels), in inference mode.

    Of the block's own weights, or of others, after which its own are put back.  The same seed gives
    the same images, places and channels.  `InputError` for a backbone whose layers are not listed.
    """
    backbone = block.parts.backbone
    names = look_up("backbone", block.architecture.backbone, LAYERS)
    inside = keras.Model(backbone.input, [backbone.get_layer(name).output for name in names])
    own = backbone.get_weights()
    found: list[list[np.ndarray]] = [[] for _ in names]
    try:
        backbone.set_weights(own if weights is None else weights)
        for start in range(0, len(part.rows), batch):
            rows = part.rows[start : start + batch]
            images, _ = part.take(rows, block.architecture.channels)
            pixels = keras.ops.cast(images, "float32")
            made = inside(block.parts.preprocess(pixels), training=False)
            for kept, maps in zip(found, made, strict=True):
                kept.append(np.asarray(keras.ops.convert_to_numpy(maps), np.float32))
    finally:
        backbone.set_weights(own)
    return {
        name: sample_activations(np.concatenate(maps), points, channels, seed=seed)
        for name, maps in zip(names, found, strict=True)
    }
