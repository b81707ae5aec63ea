"""First layers made by hand, with averages as training on some images would leave them."""

from dataclasses import replace

import numpy as np

from rin.models.fingerprint import FirstLayer, patch_moments, predict


def made_layer(channels=48, size=3, stride=2, padding=0, seed=0, bias=False):
    """Random kernels of unequal strength, with averages that were never updated."""
    rng = np.random.default_rng(seed)
    strength = np.exp(rng.normal(0, 0.5, channels))
    kernel = rng.normal(0, 0.2, (size, size, 3, channels)) * strength
    return FirstLayer(
        "made",
        kernel,
        rng.normal(0, 0.1, channels) if bias else np.zeros(channels),
        np.zeros(channels),
        np.ones(channels),
        1e-5,
        stride,
        padding,
    )


def trained_layer(contract, images, layer=None):
    """The layer with the averages that training on the images under a contract would leave."""
    layer = layer or made_layer()
    mean, variance = predict(layer, patch_moments(images, layer), contract)
    return replace(layer, mean=mean, variance=variance)


def gray_images(n=6, size=20, seed=1, mean=90.0, sd=60.0):
    """Smooth gray pictures, uint8 (n, size, size)."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(n, size + 2, size + 2))
    smooth = sum(noise[:, i : i + size, j : j + size] for i in range(3) for j in range(3)) / 3
    return np.clip(mean + sd * smooth, 0, 255).astype(np.uint8)


def color_images(n=6, size=20, seed=1):
    """Pictures whose channels differ in brightness, uint8 (n, size, size, 3)."""
    levels = [(150, 60), (90, 40), (50, 25)]
    return np.stack(
        [gray_images(n, size, seed + k, *level) for k, level in enumerate(levels)], axis=3
    )
