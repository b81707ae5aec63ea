"""The smallest backbone for the tests of the models."""

import pytest
from known_backbones import built, literal_weights


@pytest.fixture
def small():
    """MobileNetV2 at 32 px, all layers trainable, with known weights."""
    model = built("MobileNetV2")
    model.set_weights(literal_weights(model, 1))
    return model
