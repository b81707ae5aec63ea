"""Compiled blocks for the tests, one for each unfreezing, built once, of a dozen layers."""

import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from rin.models.build import Architecture
from rin.models.preprocessing import PREPROCESSING
from rin.models.weights import random_weights
from rin.training.batches import ImageSubset
from rin.training.trainer import ReusableClassifier, TrainingSettings

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


@pytest.fixture(scope="session")
def compiled(parts):
    """Return a function: a block after its first run, and how often that run traced."""

    def first_run(unfreezing, start):
        with small_networks():
            settings = Architecture("ResNet50", unfreezing, 32, batch_norm_momentum=0.9)
            block = ReusableClassifier(settings)
        block.fit(start, PREPROCESSING["caffe"], TrainingSettings(1e-3, 1, 8, 0), parts[:2])
        block.predict(parts[2], 8)
        return block, block.traces

    return first_run


@pytest.fixture(scope="session")
def whole(compiled, start):
    return compiled("unfreeze_all", start)


@pytest.fixture(scope="session")
def frozen(compiled, start):
    return compiled("freeze_all", start)


@pytest.fixture(scope="session")
def top10(compiled, start):
    return compiled("unfreeze_top10", start)
