"""Compiled blocks for the tests, one for each unfreezing, built once, of a dozen layers."""

import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from rin.models.build import Architecture
from rin.models.weights import random_weights
from rin.training.batches import ImageSubset
from rin.training.trainer import ReusableClassifier

sys.path.append(str(Path(__file__).parents[1] / "study"))
from small_backbone import small_backbone as make_small
from tiny_study import small_networks


@pytest.fixture(scope="module", autouse=True)
def small_backbone():
    """Have small networks in a file's tests; returns what builds them."""
    with small_networks():
        yield make_small


@pytest.fixture
def real_resnet(monkeypatch):
    """Let ResNet50 be itself."""
    monkeypatch.setattr(keras.applications, "ResNet50", keras.applications.resnet.ResNet50)


@pytest.fixture(scope="session")
def start():
    """Random weights of the backbone."""
    with small_networks():
        return random_weights("ResNet50", 32, 0)


@pytest.fixture(scope="session")
def store():
    """Return grey images (40, 32, 32) whose brightness tells their label, and the labels."""
    draws, labels = np.random.default_rng(0), np.arange(40) % 2
    base = 80 + 90 * labels[:, np.newaxis, np.newaxis]
    return np.clip(base + draws.normal(0, 25, (40, 32, 32)), 0, 255).astype("uint8"), labels


@pytest.fixture(scope="session")
def parts(store):
    """Training (18 cases, batches of 8 leave 2), validation (10) and test (12)."""
    return [ImageSubset(*store, np.arange(*ends)) for ends in ((0, 18), (18, 28), (28, 40))]


def compiled(unfreezing, head="linear"):
    """A fixture: a block of which these layers are trained."""

    @pytest.fixture(scope="session")
    def block():
        stated = {"batch_norm_momentum": 0.9, "head": head}
        with small_networks():
            return ReusableClassifier(Architecture("ResNet50", unfreezing, 32, **stated))

    return block


whole, frozen, top10 = map(compiled, ("unfreeze_all", "freeze_all", "unfreeze_top10"))
other_head = compiled("freeze_all", head="conv_skip")
