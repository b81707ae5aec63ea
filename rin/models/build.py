"""A whole classifier: augmentation, preprocessing, backbone and head, and which layers train.

A second model over the same layers returns logits and class activation maps together, so that
maps cost no second forward pass and scores do not saturate into ties.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rin.errors import look_up
from rin.models.augmentation import AUGMENTATION
from rin.models.backbones import Topology, build_backbone
from rin.models.heads import build_head

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Architecture:
    """Everything that decides the compiled step of a block.

    `size` is the image side in pixels; `channels` is 1 for grey images and 3 for RGB.
    """

    backbone: str
    unfreezing: str
    size: int
    n_classes: int = 2
    channels: int = 1
    augmentation: str = "official"
    dropout: float = 0.5
    batch_norm_momentum: float | None = None
    head: str = "linear"
    topology: Topology = "keras"


@dataclass(frozen=True)
class Classifier:
    """A built classifier and the parts that a trainer needs.

    `model` maps uint8 pixels (n, size, size, channels) to probabilities (n, n_classes).
    `explainer` maps them to logits and class activation maps (for heads other than the linear
    head: feature maps), `embedder` to logits and pooled features; `head` maps the pooled features
    to logits.
    """

    model: keras.Model
    explainer: keras.Model
    embedder: keras.Model
    backbone: keras.Model
    augment: keras.layers.Layer
    preprocess: keras.layers.Layer
    head: keras.Model


def build_classifier(architecture: Architecture, *, gathers: bool = False) -> Classifier:
    """Build a randomly initialised classifier; `gathers` is passed to `Augment`."""
    a = architecture
    augmentation = look_up("augmentation", a.augmentation, AUGMENTATION)
    backbone = build_backbone(
        a.backbone, a.size, batch_norm_momentum=a.batch_norm_momentum, topology=a.topology
    )
    apply_unfreezing(backbone, a.unfreezing)
    import keras

    from rin.models.layers import Augment, ClassActivation, Preprocess

    # The eight bits of a bfloat16 mantissa would lose grey levels.
    augment = Augment(augmentation, gathers=gathers, dtype="float32")
    preprocess = Preprocess(dtype="float32")
    pixels = keras.Input((a.size, a.size, a.channels), dtype="uint8")
    features = backbone(preprocess(augment(keras.ops.cast(pixels, "float32"))))
    pooled = keras.layers.GlobalAveragePooling2D()(features)
    logits, head = build_head(a.head, pooled, a.n_classes, a.dropout)
    probabilities = keras.layers.Softmax(dtype="float32")(logits)
    maps = ClassActivation(head.layers[-1])(features) if a.head == "linear" else features
    return Classifier(
        keras.Model(pixels, probabilities),
        keras.Model(pixels, [logits, maps]),
        keras.Model(pixels, [logits, pooled]),
        backbone,
        augment,
        preprocess,
        head,
    )


def apply_unfreezing(backbone: keras.Model, unfreezing: str) -> None:
    """Mark the layers of a backbone as trainable or frozen; call it before `compile`."""
    first_of = {"unfreeze_all": 0, "freeze_all": len(backbone.layers), "unfreeze_top10": -10}
    first = look_up("unfreezing", unfreezing, first_of)
    backbone.trainable = unfreezing != "freeze_all"
    # Layer by layer, because Keras passes on a model's value to its layers only when it changes.
    for layer in backbone.layers:
        layer.trainable = False
    for layer in backbone.layers[first:]:
        layer.trainable = True
