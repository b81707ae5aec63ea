"""Backbones for the tests of the models."""

import numpy as np
import pytest
from known_backbones import built, literal_weights

from rin.models.backbones import ALL_BACKBONES


@pytest.fixture(params=list(ALL_BACKBONES))
def backbone(request):
    """Each of the backbones, all layers trainable, with known weights."""
    model = built(request.param)
    model.trainable = True
    model.set_weights(literal_weights(model, 1))
    return model


@pytest.fixture
def resnet():
    """ResNet50 at 32 px, all layers trainable, with known weights."""
    model = built("ResNet50")
    model.trainable = True
    model.set_weights(literal_weights(model, 1))
    return model


@pytest.fixture
def densenet():
    """DenseNet121 at 32 px, with known weights."""
    model = built("DenseNet121")
    model.trainable = True
    model.set_weights(literal_weights(model, 2))
    return model


@pytest.fixture(scope="session")
def pixels():
    """Return a function that draws 0-255 float images (n, size, size, 3)."""

    def draw(n, size, channels=3):
        return (
            np.random.default_rng(9).integers(0, 256, (n, size, size, channels)).astype("float32")
        )

    return draw
