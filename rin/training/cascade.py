"""Activation maps of a trained block whose weights go random, layer group by layer group.

The cascade of Adebayo et al (NeurIPS 2018): first the head, then the backbone from its last stage
to its first.  Each step keeps what the steps before it have put back.  The compiled explainer is
used as it is, so nothing is traced again, and the block is left as it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rin.training.batches import Part
from rin.training.trainer import CompiledBlock

if TYPE_CHECKING:
    import keras

#: Stages that a backbone is put into: as many as its halvings of the image.
STAGES = 5


def cascade_maps(
    block: CompiledBlock, part: Part, batch: int, seed: int
) -> tuple[list[str], np.ndarray]:
    """Return what each step puts back, and the maps of a trained block as its weights go random.

    The steps are the head, then the stages of the backbone, last stage first; maps are float32
    (1 + steps, n, h, w, classes), before the ReLU: of the trained network, then after each step.
    The block's weights are the same afterwards.  The seed decides the random head; the backbone's
    random weights are `block.untrained`, averages of batch normalisation included.
    """
    backbone, dense = block.parts.backbone, block.parts.dense
    trained, head = backbone.get_weights(), dense.get_weights()
    weights, stages = list(trained), backbone_stages(backbone)
    maps = [block.predict(part, batch)[1]]
    try:
        # As training draws a head, by another stream: its own would give the start again.
        limit = np.sqrt(6 / sum(head[0].shape))
        kernel = np.random.default_rng([seed, 1]).uniform(-limit, limit, head[0].shape)
        dense.set_weights([kernel.astype("float32"), np.zeros(head[0].shape[1], "float32")])
        maps.append(block.predict(part, batch)[1])
        for places in stages.values():
            for place in places:
                weights[place] = block.untrained[place]
            backbone.set_weights(weights)
            maps.append(block.predict(part, batch)[1])
    finally:
        backbone.set_weights(trained)
        dense.set_weights(head)
    return ["head", *stages], np.stack(maps)


def backbone_stages(backbone: keras.Model) -> dict[str, list[int]]:
    """Return which weights belong to each stage of a backbone, the last stage first.

    A stage is the layers whose outputs share one resolution; those above the coarsest four
    resolutions, the stem, are one stage.  So each of the paper's backbones has five, which
    bear the numbers that they pass in, and every weight belongs to exactly one: from "stage 5" to
    "stage 1", the places of their weights in the order of `keras.Model.get_weights`.
    """
    place = {id(variable): number for number, variable in enumerate(backbone.weights)}
    sides: dict[int, list[int]] = {}
    for layer in backbone.layers:
        if layer.weights:
            own = [place[id(variable)] for variable in layer.weights]
            sides.setdefault(layer.output.shape[1], []).extend(own)
    ordered = [sides[side] for side in sorted(sides)]
    stem = [number for places in ordered[STAGES - 1 :] for number in places]
    stages = ordered[: STAGES - 1] + ([stem] if stem else [])
    return {f"stage {len(stages) - k}": sorted(each) for k, each in enumerate(stages)}
