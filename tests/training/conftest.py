"""Compiled blocks for the tests: ResNet50 at 32 px, one for each regime, built once."""

import sys
from pathlib import Path

import numpy as np
import pytest

from rin.models.build import Architecture
from rin.models.preprocessing import PREPROCESSING
from rin.models.weights import random_weights
from rin.training.batches import Part
from rin.training.trainer import CompiledBlock, Recipe

sys.path.append(str(Path(__file__).parents[1] / "study"))  # for its small backbone


@pytest.fixture(scope="session")
def small_backbone():
    """A dozen layers that may stand in for ResNet50."""
    from small_backbone import small_backbone

    return small_backbone


@pytest.fixture(scope="session")
def start():
    """Random weights of the backbone."""
    return random_weights("ResNet50", 32, 0)


@pytest.fixture(scope="session")
def store():
    """Return gray images (40, 32, 32) whose brightness tells their label, and the labels."""
    draws, labels = np.random.default_rng(0), np.arange(40) % 2
    base = 80 + 90 * labels[:, np.newaxis, np.newaxis]
    return np.clip(base + draws.normal(0, 25, (40, 32, 32)), 0, 255).astype("uint8"), labels


@pytest.fixture(scope="session")
def parts(store):
    """Training (18 cases, batches of 8 leave 2), validation (10) and test (12)."""
    return [Part(*store, np.arange(*ends)) for ends in ((0, 18), (18, 28), (28, 40))]


def compiled(regime, start, parts):
    """Return a block after its first run, and how often that run traced."""
    block = CompiledBlock(Architecture("ResNet50", regime, 32, batch_norm_momentum=0.9))
    block.train(start, PREPROCESSING["caffe"], Recipe(1e-3, 1, 8, 0), *parts[:2])
    block.predict(parts[2], 8)
    return block, block.traces


@pytest.fixture(scope="session")
def whole(start, parts):
    return compiled("unfreeze_all", start, parts)


@pytest.fixture(scope="session")
def frozen(start, parts):
    return compiled("freeze_all", start, parts)


@pytest.fixture(scope="session")
def top10(start, parts):
    return compiled("unfreeze_top10", start, parts)
