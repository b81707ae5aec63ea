"""Input contracts: how 0-255 pixels become what a set of weights was trained on.

Every contract in use is an affine map per channel after an optional RGB to BGR swap, so one layer
with nine numbers serves them all, and a block of runs can change it without compiling anything.
The contract belongs to the weights entry, never to the caller.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from rin.errors import look_up

_CAFFE_MEAN = (103.939, 116.779, 123.68)
_TORCH_MEAN = (0.485, 0.456, 0.406)
_TORCH_SD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Preprocessing:
    """An input contract: `swap(pixels) * scale + offset`, pixels in 0-255.

    With `bgr` the channels are swapped to blue, green, red first; `scale` and `offset` hold one
    number for each channel, in the order after the swap; `used_by` says who is known to use it.
    """

    name: str
    bgr: bool
    scale: tuple[float, float, float]
    offset: tuple[float, float, float]
    used_by: str = field(default="", compare=False)

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """Apply the contract to (..., 3) RGB pixels in 0-255; float32 comes back."""
        swapped = pixels[..., ::-1] if self.bgr else pixels
        return (swapped * np.asarray(self.scale) + np.asarray(self.offset)).astype("float32")


PREPROCESSING: dict[str, Preprocessing] = {
    p.name: p
    for p in (
        Preprocessing(
            "caffe",
            True,
            (1.0,) * 3,
            tuple(-m for m in _CAFFE_MEAN),
            "Keras ResNet50 and VGG19 with ImageNet weights",
        ),
        Preprocessing(
            "caffe_unit",
            True,
            (1 / 255,) * 3,
            tuple(-m / 255 for m in _CAFFE_MEAN),
            "official RadImageNet scripts; MONAI",
        ),
        Preprocessing(
            "symmetric",
            False,
            (1 / 127.5,) * 3,
            (-1.0,) * 3,
            "Keras Inceptions and MobileNetV2 with ImageNet weights; RadImageNet's PyTorch example",
        ),
        Preprocessing(
            "standardised",
            False,
            tuple(1 / (255 * s) for s in _TORCH_SD),
            tuple(-m / s for m, s in zip(_TORCH_MEAN, _TORCH_SD, strict=True)),
            "Keras DenseNet121 with ImageNet weights; torchvision",
        ),
    )
}


def find_preprocessing(name: str) -> Preprocessing:
    """Return the contract called `name`; raise `InputError` for an unknown one."""
    return look_up("preprocessing", name, PREPROCESSING)
