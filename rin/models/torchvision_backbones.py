"""Backbones in torchvision's topology, with layers named after PyTorch's modules.

Their weights have the shapes of those in `keras.applications`, but they compute other features:
ResNet50 has its stride on the 3 x 3 convolution and no biases, all networks pad every side
equally, normalisations have other epsilons, and InceptionV3's average pooling includes the zeros
around an image.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

#: Keras' equivalent of PyTorch's momentum of 0.1.
MOMENTUM = 0.9
Size = int | tuple[int, int]
#: One after another, the units of a branch: name, number of filters, size of their kernels.
Branch = list[tuple[str, int, Size]]
_WIDE, _HIGH = (1, 7), (7, 1)


def build_resnet50(pixels: Any) -> Any:
    """Return ResNet50's last feature map, the output of torchvision's `layer4`."""
    x = _norm(_convolution(pixels, 64, 7, "conv1", stride=2), "bn1")
    x = _max_pool(_relu(x, "relu"), "maxpool")
    for stage, blocks in enumerate((3, 4, 6, 3), start=1):
        for block in range(blocks):
            stride = 2 if stage > 1 and block == 0 else 1
            x = _bottleneck(x, 32 * 2**stage, stride, f"layer{stage}.{block}")
    return x


def _bottleneck(x: Any, width: int, stride: int, name: str) -> Any:
    y = x
    for place, size in ((1, 1), (2, 3)):
        y = _convolution(y, width, size, f"{name}.conv{place}", stride=stride if size > 1 else 1)
        y = _relu(_norm(y, f"{name}.bn{place}"), f"{name}.relu{place}")
    y = _norm(_convolution(y, 4 * width, 1, f"{name}.conv3"), f"{name}.bn3")
    if x.shape[-1] != 4 * width:
        x = _convolution(x, 4 * width, 1, f"{name}.downsample.0", stride=stride)
        x = _norm(x, f"{name}.downsample.1")
    return _relu(layers.Add(name=f"{name}.add")([y, x]), f"{name}.relu")


def build_densenet121(pixels: Any) -> Any:
    """Return DenseNet121's last feature map, the rectified output of torchvision's `features`."""
    x = _convolution(pixels, 64, 7, "features.conv0", stride=2)
    x = _relu(_norm(x, "features.norm0"), "features.relu0")
    x = _max_pool(x, "features.pool0")
    for block, n_layers in enumerate((6, 12, 24, 16), start=1):
        for number in range(1, n_layers + 1):
            x = _dense_layer(x, f"features.denseblock{block}.denselayer{number}")
        if block < 4:
            name = f"features.transition{block}"
            x = _relu(_norm(x, f"{name}.norm"), f"{name}.relu")
            x = _convolution(x, x.shape[-1] // 2, 1, f"{name}.conv")
            x = layers.AveragePooling2D(2, name=f"{name}.pool")(x)
    return _relu(_norm(x, "features.norm5"), "features.relu5")


def _dense_layer(x: Any, name: str) -> Any:
    y = _relu(_norm(x, f"{name}.norm1"), f"{name}.relu1")
    y = _norm(_convolution(y, 128, 1, f"{name}.conv1"), f"{name}.norm2")
    y = _convolution(_relu(y, f"{name}.relu2"), 32, 3, f"{name}.conv2")
    return layers.Concatenate(name=f"{name}.concat")([x, y])


def build_inceptionv3(pixels: Any) -> Any:
    """Return InceptionV3's last feature map, the output of torchvision's `Mixed_7c`."""
    x = _unit(pixels, 32, 3, "Conv2d_1a_3x3", stride=2, padded=False)
    x = _unit(_unit(x, 32, 3, "Conv2d_2a_3x3", padded=False), 64, 3, "Conv2d_2b_3x3")
    x = _unit(layers.MaxPooling2D(3, 2, name="maxpool1")(x), 80, 1, "Conv2d_3b_1x1")
    x = _unit(x, 192, 3, "Conv2d_4a_3x3", padded=False)
    x = layers.MaxPooling2D(3, 2, name="maxpool2")(x)
    double = [("3x3dbl_1", 64, 1), ("3x3dbl_2", 96, 3), ("3x3dbl_3", 96, 3)]
    five = [("5x5_1", 48, 1), ("5x5_2", 64, 5)]
    for letter, filters in zip("bcd", (32, 64, 64), strict=True):
        x = _mix(x, f"Mixed_5{letter}", [[("1x1", 64, 1)], five, double], filters)
    x = _reduction(x, "Mixed_6a", [[("3x3", 384, 3)], double])
    for letter, n in zip("bcde", (128, 160, 160, 192), strict=True):
        seven = [("7x7_1", n, 1), ("7x7_2", n, _WIDE), ("7x7_3", 192, _HIGH)]
        double = [("7x7dbl_1", n, 1), ("7x7dbl_2", n, _HIGH), ("7x7dbl_3", n, _WIDE)]
        double += [("7x7dbl_4", n, _HIGH), ("7x7dbl_5", 192, _WIDE)]
        x = _mix(x, f"Mixed_6{letter}", [[("1x1", 192, 1)], seven, double], 192)
    seven = [("7x7x3_1", 192, 1), ("7x7x3_2", 192, _WIDE), ("7x7x3_3", 192, _HIGH)]
    three = [("3x3_1", 192, 1), ("3x3_2", 320, 3)]
    x = _reduction(x, "Mixed_7a", [three, [*seven, ("7x7x3_4", 192, 3)]])
    return _split(_split(x, "Mixed_7b"), "Mixed_7c")


def _mix(x: Any, name: str, branches: list[Branch], of_pool: int) -> Any:
    """Join branches and a pooled one with that number of filters."""
    ends = [_chain(x, name, branch) for branch in branches]
    return _concat([*ends, _pool_unit(x, of_pool, name)], name)


def _reduction(x: Any, name: str, branches: list[Branch]) -> Any:
    """Join branches of which the last unit, without padding, halves the sides, and a pool."""
    ends = []
    for *before, (last, filters, size) in branches:
        y = _chain(x, name, before)
        ends.append(_unit(y, filters, size, f"{name}.branch{last}", stride=2, padded=False))
    return _concat([*ends, layers.MaxPooling2D(3, 2, name=f"{name}.pool")(x)], name)


def _split(x: Any, name: str) -> Any:
    """Join branches of which two end both ways, in a wide and in a high unit."""
    double = [("3x3dbl_1", 448, 1), ("3x3dbl_2", 384, 3)]
    ends = [_unit(x, 320, 1, f"{name}.branch1x1")]
    for branch, last in (([("3x3_1", 384, 1)], "3x3_2"), (double, "3x3dbl_3")):
        y, last = _chain(x, name, branch), f"{name}.branch{last}"
        sides = [_unit(y, 384, (1, 3), f"{last}a"), _unit(y, 384, (3, 1), f"{last}b")]
        ends.append(_concat(sides, last))
    return _concat([*ends, _pool_unit(x, 192, name)], name)


def _chain(x: Any, name: str, branch: Branch) -> Any:
    for unit, filters, size in branch:
        x = _unit(x, filters, size, f"{name}.branch{unit}")
    return x


def _pool_unit(x: Any, filters: int, name: str) -> Any:
    # Padded explicitly, because Keras' own padding leaves the zeros out of the mean.
    x = layers.ZeroPadding2D(1, name=f"{name}.pad")(x)
    x = layers.AveragePooling2D(3, 1, name=f"{name}.pool")(x)
    return _unit(x, filters, 1, f"{name}.branch_pool")


def _unit(x: Any, filters: int, size: Size, name: str, **placed: Any) -> Any:
    x = _convolution(x, filters, size, f"{name}.conv", **placed)
    return _relu(_norm(x, f"{name}.bn", epsilon=1e-3), f"{name}.relu")


def _concat(branches: list, name: str) -> Any:
    return layers.Concatenate(name=f"{name}.concat")(branches)


def _convolution(
    x: Any, filters: int, size: Size, name: str, *, stride: int = 1, padded: bool = True
) -> Any:
    # With a stride, `same` would pad less before the image than after it.
    if padded and stride > 1 and size != 1:
        x = layers.ZeroPadding2D(size // 2, name=f"{name}.pad")(x)
    sides = "same" if padded and stride == 1 else "valid"
    return layers.Conv2D(filters, size, stride, sides, use_bias=False, name=name)(x)


def _norm(x: Any, name: str, epsilon: float = 1e-5) -> Any:
    return layers.BatchNormalization(momentum=MOMENTUM, epsilon=epsilon, name=name)(x)


def _relu(x: Any, name: str) -> Any:
    return layers.Activation("relu", name=name)(x)


def _max_pool(x: Any, name: str) -> Any:
    # Inputs are rectified, so zeros around them never exceed their maximum.
    x = layers.ZeroPadding2D(1, name=f"{name}.pad")(x)
    return layers.MaxPooling2D(3, 2, name=name)(x)


#: For each backbone the function that maps pixels to its last feature map.
BUILDERS = {
    "ResNet50": build_resnet50,
    "DenseNet121": build_densenet121,
    "InceptionV3": build_inceptionv3,
}


def construct_torchvision(name: str, input_shape: tuple[int, ...]) -> keras.Model:
    """Build a backbone in torchvision's topology, without top, randomly initialised."""
    pixels = keras.Input(input_shape)
    return keras.Model(pixels, BUILDERS[name](pixels), name=f"{name.lower()}_torchvision")
