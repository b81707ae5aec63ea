"""The smallest backbone for the tests of the models, and what must not be run."""

import sys
from pathlib import Path

import keras
import pytest
from known_backbones import literal_weights

from rin.models.backbones import build_backbone

sys.path.append(str(Path(__file__).parents[1] / "study"))
from small_backbone import small_backbone


@pytest.fixture
def small(monkeypatch):
    """A dozen layers at 32 px in place of ResNet50, with known weights."""
    monkeypatch.setattr(keras.applications, "ResNet50", small_backbone)
    model = build_backbone("ResNet50", 32)
    model.set_weights(literal_weights(model, 1))
    return model


class Bomb:
    """Creates a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@pytest.fixture
def bomb(tmp_path):
    """What must not be unpickled in a test."""
    yield Bomb(tmp_path / "executed")
    assert not (tmp_path / "executed").exists()
