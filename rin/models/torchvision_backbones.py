"""Backbones in torchvision's topology, with layers named after PyTorch's modules.

Their weights have the shapes of those in `keras.applications`, but they compute other features:
ResNet50 has its stride on the 3 x 3 convolution and no biases, all networks pad every side
equally, normalisations have other epsilons, and InceptionV3's average pooling includes the zeros
around an image.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import layers

#: Keras' equivalent of PyTorch's momentum of 0.1.
MOMENTUM = 0.9
Size = int | tuple[int, int]


def build_resnet50(pixels: Any) -> Any:
    """Return ResNet50's last feature map, the output of torchvision's `layer4`."""
    x = _normalised(_convolution(pixels, 64, 7, "conv1", stride=2, padding=3), "bn1")
    x = _padded_pool(_activated(x, "relu"), "maxpool")
    for stage, blocks in enumerate((3, 4, 6, 3), start=1):
        for block in range(blocks):
            stride = 2 if stage > 1 and block == 0 else 1
            x = _bottleneck(x, 32 * 2**stage, stride, f"layer{stage}.{block}")
    return x


def _bottleneck(x: Any, width: int, stride: int, name: str) -> Any:
    y = _normalised(_convolution(x, width, 1, f"{name}.conv1"), f"{name}.bn1")
    y = _activated(y, f"{name}.relu1")
    y = _convolution(y, width, 3, f"{name}.conv2", stride=stride, padding=1)
    y = _activated(_normalised(y, f"{name}.bn2"), f"{name}.relu2")
    y = _normalised(_convolution(y, 4 * width, 1, f"{name}.conv3"), f"{name}.bn3")
    if x.shape[-1] != 4 * width:
        x = _convolution(x, 4 * width, 1, f"{name}.downsample.0", stride=stride)
        x = _normalised(x, f"{name}.downsample.1")
    return _activated(layers.Add(name=f"{name}.add")([y, x]), f"{name}.relu")


def build_densenet121(pixels: Any) -> Any:
    """Return DenseNet121's last feature map, the rectified output of torchvision's `features`."""
    x = _convolution(pixels, 64, 7, "features.conv0", stride=2, padding=3)
    x = _activated(_normalised(x, "features.norm0"), "features.relu0")
    x = _padded_pool(x, "features.pool0")
    for block, n_layers in enumerate((6, 12, 24, 16), start=1):
        for number in range(1, n_layers + 1):
            x = _dense_layer(x, f"features.denseblock{block}.denselayer{number}")
        if block < 4:
            name = f"features.transition{block}"
            x = _activated(_normalised(x, f"{name}.norm"), f"{name}.relu")
            x = _convolution(x, x.shape[-1] // 2, 1, f"{name}.conv")
            x = layers.AveragePooling2D(2, name=f"{name}.pool")(x)
    return _activated(_normalised(x, "features.norm5"), "features.relu5")


def _dense_layer(x: Any, name: str) -> Any:
    y = _activated(_normalised(x, f"{name}.norm1"), f"{name}.relu1")
    y = _normalised(_convolution(y, 128, 1, f"{name}.conv1"), f"{name}.norm2")
    y = _convolution(_activated(y, f"{name}.relu2"), 32, 3, f"{name}.conv2", padding=1)
    return layers.Concatenate(name=f"{name}.concat")([x, y])


def build_inceptionv3(pixels: Any) -> Any:
    """Return InceptionV3's last feature map, the output of torchvision's `Mixed_7c`."""
    x = _unit(pixels, 32, 3, "Conv2d_1a_3x3", stride=2)
    x = _unit(_unit(x, 32, 3, "Conv2d_2a_3x3"), 64, 3, "Conv2d_2b_3x3", padding=1)
    x = _unit(layers.MaxPooling2D(3, 2, name="maxpool1")(x), 80, 1, "Conv2d_3b_1x1")
    x = layers.MaxPooling2D(3, 2, name="maxpool2")(_unit(x, 192, 3, "Conv2d_4a_3x3"))
    for letter, of_pool in zip("bcd", (32, 64, 64), strict=True):
        x = _inception_a(x, of_pool, f"Mixed_5{letter}")
    x = _inception_b(x, "Mixed_6a")
    for letter, width in zip("bcde", (128, 160, 160, 192), strict=True):
        x = _inception_c(x, width, f"Mixed_6{letter}")
    x = _inception_d(x, "Mixed_7a")
    return _inception_e(_inception_e(x, "Mixed_7b"), "Mixed_7c")


def _inception_a(x: Any, of_pool: int, name: str) -> Any:
    single = _unit(x, 64, 1, f"{name}.branch1x1")
    five = _unit(x, 48, 1, f"{name}.branch5x5_1")
    five = _unit(five, 64, 5, f"{name}.branch5x5_2", padding=2)
    double = _unit(x, 64, 1, f"{name}.branch3x3dbl_1")
    double = _unit(double, 96, 3, f"{name}.branch3x3dbl_2", padding=1)
    double = _unit(double, 96, 3, f"{name}.branch3x3dbl_3", padding=1)
    return _joined([single, five, double, _pooled_unit(x, of_pool, name)], name)


def _inception_b(x: Any, name: str) -> Any:
    three = _unit(x, 384, 3, f"{name}.branch3x3", stride=2)
    double = _unit(x, 64, 1, f"{name}.branch3x3dbl_1")
    double = _unit(double, 96, 3, f"{name}.branch3x3dbl_2", padding=1)
    double = _unit(double, 96, 3, f"{name}.branch3x3dbl_3", stride=2)
    return _joined([three, double, layers.MaxPooling2D(3, 2, name=f"{name}.pool")(x)], name)


def _inception_c(x: Any, width: int, name: str) -> Any:
    wide, high = {"size": (1, 7), "padding": (0, 3)}, {"size": (7, 1), "padding": (3, 0)}
    single = _unit(x, 192, 1, f"{name}.branch1x1")
    seven = _unit(x, width, 1, f"{name}.branch7x7_1")
    seven = _unit(seven, width, name=f"{name}.branch7x7_2", **wide)
    seven = _unit(seven, 192, name=f"{name}.branch7x7_3", **high)
    double = _unit(x, width, 1, f"{name}.branch7x7dbl_1")
    for place, shape in enumerate((high, wide, high, wide), start=2):
        filters = 192 if place == 5 else width
        double = _unit(double, filters, name=f"{name}.branch7x7dbl_{place}", **shape)
    return _joined([single, seven, double, _pooled_unit(x, 192, name)], name)


def _inception_d(x: Any, name: str) -> Any:
    three = _unit(x, 192, 1, f"{name}.branch3x3_1")
    three = _unit(three, 320, 3, f"{name}.branch3x3_2", stride=2)
    seven = _unit(x, 192, 1, f"{name}.branch7x7x3_1")
    seven = _unit(seven, 192, (1, 7), f"{name}.branch7x7x3_2", padding=(0, 3))
    seven = _unit(seven, 192, (7, 1), f"{name}.branch7x7x3_3", padding=(3, 0))
    seven = _unit(seven, 192, 3, f"{name}.branch7x7x3_4", stride=2)
    return _joined([three, seven, layers.MaxPooling2D(3, 2, name=f"{name}.pool")(x)], name)


def _inception_e(x: Any, name: str) -> Any:
    single = _unit(x, 320, 1, f"{name}.branch1x1")
    three = _both_ways(_unit(x, 384, 1, f"{name}.branch3x3_1"), f"{name}.branch3x3_2")
    double = _unit(x, 448, 1, f"{name}.branch3x3dbl_1")
    double = _unit(double, 384, 3, f"{name}.branch3x3dbl_2", padding=1)
    double = _both_ways(double, f"{name}.branch3x3dbl_3")
    return _joined([single, three, double, _pooled_unit(x, 192, name)], name)


def _both_ways(x: Any, name: str) -> Any:
    wide = _unit(x, 384, (1, 3), f"{name}a", padding=(0, 1))
    high = _unit(x, 384, (3, 1), f"{name}b", padding=(1, 0))
    return _joined([wide, high], name)


def _pooled_unit(x: Any, filters: int, name: str) -> Any:
    # Padded explicitly, because Keras' own padding leaves the zeros out of the mean.
    x = layers.ZeroPadding2D(1, name=f"{name}.pad")(x)
    x = layers.AveragePooling2D(3, 1, name=f"{name}.pool")(x)
    return _unit(x, filters, 1, f"{name}.branch_pool")


def _unit(
    x: Any, filters: int, size: Size, name: str, *, stride: int = 1, padding: Size = 0
) -> Any:
    x = _convolution(x, filters, size, f"{name}.conv", stride=stride, padding=padding)
    return _activated(_normalised(x, f"{name}.bn", epsilon=1e-3), f"{name}.relu")


def _joined(branches: list, name: str) -> Any:
    return layers.Concatenate(name=f"{name}.concat")(branches)


def _convolution(
    x: Any, filters: int, size: Size, name: str, *, stride: int = 1, padding: Size = 0
) -> Any:
    # With a stride, `same` would pad less before the image than after it.
    if padding and stride > 1:
        x = layers.ZeroPadding2D(padding, name=f"{name}.pad")(x)
    sides = "same" if padding and stride == 1 else "valid"
    return layers.Conv2D(filters, size, stride, sides, use_bias=False, name=name)(x)


def _normalised(x: Any, name: str, epsilon: float = 1e-5) -> Any:
    return layers.BatchNormalization(momentum=MOMENTUM, epsilon=epsilon, name=name)(x)


def _activated(x: Any, name: str) -> Any:
    return layers.Activation("relu", name=name)(x)


def _padded_pool(x: Any, name: str) -> Any:
    # Inputs are rectified, so zeros around them never exceed their maximum.
    x = layers.ZeroPadding2D(1, name=f"{name}.pad")(x)
    return layers.MaxPooling2D(3, 2, name=name)(x)


#: For each backbone the function that maps pixels to its last feature map.
BUILDERS: dict[str, Callable[[Any], Any]] = {
    "ResNet50": build_resnet50,
    "DenseNet121": build_densenet121,
    "InceptionV3": build_inceptionv3,
}


def construct_torchvision(name: str, input_shape: tuple[int, ...]) -> keras.Model:
    """Build a backbone in torchvision's topology, without top, randomly initialised."""
    pixels = keras.Input(input_shape)
    return keras.Model(pixels, BUILDERS[name](pixels), name=f"{name.lower()}_torchvision")
