"""Convolutional backbones from `keras.applications`: the paper's four backbones and others.

Three backbones are also built in torchvision's topology, for weights from PyTorch.  A backbone
maps a preprocessed batch (n, size, size, 3) to its last feature map, which feeds global average
pooling directly and is the target layer of Grad-CAM (the paper names it for its four backbones).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from rin.errors import InputError, look_up

if TYPE_CHECKING:
    import keras

#: The framework that defines a network; the same weights give other features in the other one.
Topology = Literal["keras", "torchvision"]
#: Backbones that can be built in torchvision's topology.
IN_TORCHVISION = ("ResNet50", "DenseNet121", "InceptionV3")


@dataclass(frozen=True)
class Backbone:
    """One architecture, by the name of its constructor in `keras.applications`.

    `min_size` is in pixels; `relative_cost`, training time relative to ResNet50, only decides
    which blocks start first; `parameters` is the number of parameters without top, which differs
    between all backbones; `batch_norm` says whether batch normalisation follows the first
    convolution, and `preprocesses` whether the constructor would add its own preprocessing to the
    network.
    """

    name: str
    cam_layer: str
    min_size: int
    relative_cost: float
    parameters: int
    batch_norm: bool = True
    preprocesses: bool = False


ALL_BACKBONES = {
    b.name: b
    for b in (
        # `BACKBONES` takes the first four, which are the paper's: append others.
        Backbone("InceptionResNetV2", "conv_7b_ac", 75, 2.5, 54_336_736),
        Backbone("ResNet50", "conv5_block3_out", 32, 1.0, 23_587_712),
        Backbone("DenseNet121", "relu", 32, 1.2, 7_037_504),
        Backbone("InceptionV3", "mixed10", 75, 0.8, 21_802_784),
        Backbone("VGG19", "block5_pool", 32, 2.5, 20_024_384, batch_norm=False),
        Backbone("MobileNetV2", "out_relu", 32, 0.3, 2_257_984),
        Backbone("MobileNet", "conv_pw_13_relu", 32, 0.3, 3_228_864),
        Backbone("EfficientNetV2B0", "top_activation", 32, 0.5, 5_919_312, preprocesses=True),
        Backbone("Xception", "block14_sepconv2_act", 71, 1.2, 20_861_480),
    )
}
#: The paper's four backbones.
BACKBONES = dict(list(ALL_BACKBONES.items())[:4])


def find_backbone(name: str) -> Backbone:
    """Return a backbone by name; `InputError` for an unknown one."""
    return look_up("backbone", name, ALL_BACKBONES)


def check_size(name: str, size: int, where: str = "size") -> None:
    """Raise `InputError` when images of `size` pixels are too small for the backbone."""
    smallest = find_backbone(name).min_size
    if size < smallest:
        raise InputError(
            f"{size} px is too small for {name}",
            where=where,
            remedy=f"Use images of at least {smallest} px, or leave {name} out.",
        )


def build_backbone(
    name: str,
    size: int,
    *,
    batch_norm_momentum: float | None = None,
    topology: Topology = "keras",
) -> keras.Model:
    """Build a backbone without top, randomly initialised.

    `batch_norm_momentum` is the momentum of the moving averages, which lag behind in short
    trainings; None takes the default of the framework that defines the topology.
    """
    check_size(name, size)
    import keras

    if topology == "torchvision":
        from rin.models.torchvision_backbones import construct_torchvision

        look_up("backbone in torchvision's topology", name, IN_TORCHVISION)
        backbone = construct_torchvision(name, (size, size, 3))
    else:
        backbone = construct(name, (size, size, 3), weights=None)
    if batch_norm_momentum is not None:
        for layer in backbone.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.momentum = batch_norm_momentum
    return backbone


def topology_of(backbone: keras.Model) -> Topology:
    """Return the topology of a backbone."""
    return "torchvision" if backbone.name.endswith("_torchvision") else "keras"


def construct(name: str, input_shape: tuple[int, ...], weights: str | None) -> keras.Model:
    """Call the constructor of a backbone in `keras.applications`, without top.

    Preprocessing is left out, because here it belongs to the weights.
    """
    import keras

    options = {"include_preprocessing": False} if find_backbone(name).preprocesses else {}
    constructor = getattr(keras.applications, name)
    return constructor(include_top=False, weights=weights, input_shape=input_shape, **options)
