"""What a first layer expects: the batch normalisation behind the first convolution.

The moving averages of that normalisation describe the outputs of the convolution over the images
of pretraining.  An input contract is an affine map of the pixels and a convolution is linear, so
the mean and variance of every channel under any contract follow from the mean and covariance of
the image patches alone: those are computed once, and every candidate costs a small product.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from rin.errors import InputError
from rin.models.preprocessing import Preprocessing

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class FirstLayer:
    """The first convolution of a network and the batch normalisation behind it.

    Attributes
    ----------
    backbone
        Name of the architecture.
    kernel
        float (h, w, 3, channels).
    bias
        float (channels,), zero where the convolution has none.
    mean, variance
        Moving averages of the normalisation, float (channels,).
    epsilon
        What the normalisation adds to a variance.
    stride
        Of the convolution, in pixels.
    padding
        Rows and columns of zeros before and after the image: a number of pixels on every side,
        or `same`, as the framework pads for that stride.
    """

    backbone: str
    kernel: np.ndarray
    bias: np.ndarray
    mean: np.ndarray
    variance: np.ndarray
    epsilon: float
    stride: int
    padding: int | str

    @property
    def channels(self) -> int:
        """Output channels of the convolution."""
        return self.kernel.shape[-1]

    def sides(self, size: int) -> tuple[int, int]:
        """Return the zeros before and after an image side of `size` pixels."""
        if self.padding != "same":
            return int(self.padding), int(self.padding)
        needed = (-(-size // self.stride) - 1) * self.stride + self.kernel.shape[0] - size
        before = max(needed, 0) // 2
        return before, max(needed, 0) - before


def first_layer(backbone: keras.Model) -> FirstLayer:
    """Return the first convolution of a backbone and the batch normalisation behind it.

    Raises
    ------
    InputError
        The first convolution feeds no batch normalisation.
    """
    import keras

    layers = backbone.layers
    conv = next(layer for layer in layers if isinstance(layer, keras.layers.Conv2D))
    behind = next(
        (
            layer
            for layer in layers
            if isinstance(layer, keras.layers.BatchNormalization) and layer.input is conv.output
        ),
        None,
    )
    if behind is None:
        raise InputError(
            f"{backbone.name} has no batch normalisation behind its first convolution, "
            "so its weights do not tell which inputs they were trained on",
            where="backbone",
            remedy="Ask whoever released the weights.",
        )
    pads = [layer for layer in layers if isinstance(layer, keras.layers.ZeroPadding2D)]
    before = [layer for layer in pads if layer.output is conv.input]
    padding: int | str = before[0].padding[0][0] if before else 0
    if conv.padding == "same":
        padding = "same"
    kernel = np.asarray(conv.kernel, dtype=float)
    return FirstLayer(
        backbone.name,
        kernel,
        np.asarray(conv.bias, dtype=float) if conv.use_bias else np.zeros(kernel.shape[-1]),
        np.asarray(behind.moving_mean, dtype=float),
        np.asarray(behind.moving_variance, dtype=float),
        float(behind.epsilon),
        int(conv.strides[0]),
        padding,
    )


@dataclass(frozen=True)
class PatchMoments:
    """Mean and covariance of the patches that a first convolution sees.

    A patch is its pixels (0-255; zero outside the image) followed by a mark for each of its
    places that is 1 inside the image and 0 in the zero padding, where no contract applies.

    Attributes
    ----------
    mean
        float (d,), d = places × channels + places.
    covariance
        float (d, d).
    channels
        1 for gray images, 3 for colour.
    patches, images
        How many were averaged.
    """

    mean: np.ndarray
    covariance: np.ndarray
    channels: int
    patches: int
    images: int


def patch_moments(images: np.ndarray, layer: FirstLayer) -> PatchMoments:
    """Return the moments of all patches of some images.

    Parameters
    ----------
    images
        uint8 (n, h, w) gray, or (n, h, w, 3) RGB.  Colour images whose channels are equal count
        as gray.
    layer
        Decides kernel size, stride and padding.

    Returns
    -------
    PatchMoments
        Checked against a loop over every patch.

    Raises
    ------
    InputError
        No image, images of another type or shape, or images without any contrast.
    """
    images = _checked(images)
    if images.ndim == 3:
        images = images[..., None]
    size = layer.kernel.shape[0]
    rows, columns = (layer.sides(side) for side in images.shape[1:3])
    total, products, n = 0.0, 0.0, 0
    for image in images:
        inside = np.ones((*image.shape[:2], 1))
        marked = np.concatenate([image.astype(float), inside], axis=2)
        padded = np.pad(marked, (rows, columns, (0, 0)))
        windows = sliding_window_view(padded, (size, size), axis=(0, 1))
        windows = windows[:: layer.stride, :: layer.stride]  # (y, x, channel, h, w)
        flat = windows.transpose(0, 1, 3, 4, 2).reshape(-1, size * size, marked.shape[2])
        pixels = flat[..., :-1].reshape(len(flat), -1)
        patches = np.concatenate([pixels, flat[..., -1]], axis=1)
        total, products = total + patches.sum(axis=0), products + patches.T @ patches
        n += len(patches)
    mean = total / n
    covariance = products / n - np.outer(mean, mean)
    return PatchMoments(mean, covariance, images.shape[3], n, len(images))


def predict(
    layer: FirstLayer, moments: PatchMoments, contract: Preprocessing
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and variance of every output channel under an input contract.

    Returns
    -------
    tuple
        Two float arrays (channels,).  Validated against Keras' own convolution of the
        preprocessed images, and checked against a loop over every patch.
    """
    kernel = layer.kernel.reshape(-1, 3, layer.channels)  # places, input channel, output
    scale, offset = (np.asarray(v)[None, :, None] for v in (contract.scale, contract.offset))
    on_pixels = kernel * scale
    if moments.channels == 1:
        on_pixels = on_pixels.sum(axis=1)
    elif contract.bgr:
        on_pixels = on_pixels[:, ::-1]  # pixels lie in the order red, green, blue
    on_pixels = on_pixels.reshape(-1, layer.channels)
    weights = np.concatenate([on_pixels, (kernel * offset).sum(axis=1)])
    mean = weights.T @ moments.mean + layer.bias
    variance = np.einsum("dk,de,ek->k", weights, moments.covariance, weights, optimize=True)
    return mean, np.maximum(variance, 0.0)  # rounding may leave a dead channel below zero


def _checked(images: np.ndarray) -> np.ndarray:
    images = np.asarray(images)
    shaped = images.ndim == 3 or (images.ndim == 4 and images.shape[3] == 3)
    if images.dtype != np.uint8 or not shaped or not images.size:
        raise InputError(
            f"images of type {images.dtype} and shape {images.shape}",
            where="images",
            remedy="Give uint8 pixels, (n, h, w) gray or (n, h, w, 3) RGB, and at least one image.",
        )
    if images.min() == images.max():
        raise InputError(
            f"every pixel of the images is {images.min()}",
            where="images",
            remedy="Give pictures that show something.",
        )
    gray = images.ndim == 4 and (images == images[..., :1]).all()
    return images[..., 0] if gray else images
