"""Preprocessing: how 0-255 pixels become what a set of weights was trained on.

Every one in use is an affine map per channel after an optional RGB to BGR swap, so one layer
with nine numbers serves them all, and a block of runs can change it without compiling anything.
The preprocessing belongs to the weights entry, never to the caller.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from rin.errors import look_up
from rin.files import read_yaml


@dataclass(frozen=True)
class Preprocessing:
    """A preprocessing: `swap(pixels) * scale + offset`, pixels in 0-255.

    With `bgr` the channels are swapped to blue, green, red first; `scale` and `offset` hold one
    number for each channel, in the order after the swap; `used_by` says who is known to use it.
    """

    name: str
    bgr: bool
    scale: tuple[float, float, float]
    offset: tuple[float, float, float]
    used_by: str = field(default="", compare=False)

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """Apply the preprocessing to (..., 3) RGB pixels in 0-255; float32 comes back."""
        swapped = pixels[..., ::-1] if self.bgr else pixels
        return (swapped * np.asarray(self.scale) + np.asarray(self.offset)).astype("float32")


def _read(name: str, bgr: bool, mean: list[float], sd: list[float], used_by: str) -> Preprocessing:
    scale, offset = (1 / x for x in sd), (-m / x for m, x in zip(mean, sd, strict=True))
    return Preprocessing(name, bgr, tuple(scale), tuple(offset), used_by)


#: The preprocessings of `preprocessing.yaml`, by name.
PREPROCESSING: dict[str, Preprocessing] = {
    name: _read(name, **facts)
    for name, facts in read_yaml(Path(__file__).with_suffix(".yaml")).items()
}


def find_preprocessing(name: str) -> Preprocessing:
    """Return the preprocessing called `name`; raise `InputError` for an unknown one."""
    return look_up("preprocessing", name, PREPROCESSING)
