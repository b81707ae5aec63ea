"""Preprocessing: how 0-255 pixels become the inputs that a set of weights was trained on.

Every preprocessing in use is an affine map per channel after an optional RGB to BGR swap, so that
one layer serves them all, and a block of runs can change it without compiling anything.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rin.errors import look_up
from rin.files import read_yaml


@dataclass(frozen=True)
class Preprocessing:
    """A preprocessing: `swap(pixels) * scale + offset`, pixels in 0-255.

    With `bgr` the channels are first swapped to blue, green, red; `scale` and `offset` have one
    number per channel, in the order after the swap.
    """

    name: str
    bgr: bool
    scale: tuple[float, float, float]
    offset: tuple[float, float, float]

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """Return the float32 inputs for RGB pixels (..., 3) in 0-255."""
        swapped = pixels[..., ::-1] if self.bgr else pixels
        return (swapped * np.asarray(self.scale) + np.asarray(self.offset)).astype("float32")


def _read(name: str, bgr: bool, mean: list[float], sd: list[float]) -> Preprocessing:
    scale, offset = (1 / x for x in sd), (-m / x for m, x in zip(mean, sd, strict=True))
    return Preprocessing(name, bgr, tuple(scale), tuple(offset))


#: The preprocessings of `preprocessing.yaml`, by name.
PREPROCESSING = {
    name: _read(name, **facts)
    for name, facts in read_yaml(Path(__file__).with_suffix(".yaml")).items()
}


def find_preprocessing(name: str) -> Preprocessing:
    """Return a preprocessing by name; `InputError` for an unknown one."""
    return look_up("preprocessing", name, PREPROCESSING)
