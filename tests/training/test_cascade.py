from itertools import pairwise

import keras
import numpy as np
import pytest

from rin.explain.gradcam import class_activation
from rin.models.backbones import BACKBONES, build_backbone
from rin.models.build import Architecture
from rin.models.preprocessing import PREPROCESSING
from rin.models.weights import random_weights
from rin.training.cascade import backbone_stages, cascade_maps
from rin.training.trainer import CompiledBlock, Recipe

SEED = 5


@pytest.fixture(scope="module")
def trained(small_backbone, parts):
    """A block of a small backbone after one run, and how often it traced."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras.applications, "ResNet50", small_backbone)
        block = CompiledBlock(Architecture("ResNet50", "freeze_all", 32, batch_norm_momentum=0.9))
        start = random_weights("ResNet50", 32, 0)
        block.train(start, PREPROCESSING["caffe"], Recipe(1e-2, 2, 8, 0), *parts[:2])
        block.predict(parts[2], 8)
        yield block, block.traces


@pytest.fixture(scope="module")
def cascade(trained, parts):
    """Maps of a trained block, and its weights and traces before and after."""
    block, traces = trained
    before = block.parts.model.get_weights()
    found = cascade_maps(block, parts[2], 8, SEED)
    return found, before, block.parts.model.get_weights(), (traces, block.traces)


def test_cascade_goes_from_the_head_to_the_first_stage(cascade):
    found, *_ = cascade
    assert found.groups == ("head", "stage 2", "stage 1")
    assert found.maps.shape == (4, 12, 3, 3, 2)
    assert found.maps.dtype == np.float32


def test_cascade_leaves_the_weights_and_traces_nothing(cascade):
    _, before, after, (traces, later) = cascade
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    assert later == traces


def test_last_step_of_the_cascade_is_a_network_that_never_trained(cascade, trained, parts):
    found, before, *_ = cascade
    block, _ = trained
    limit = np.sqrt(6 / (16 + 2))
    kernel = np.random.default_rng([SEED, 1]).uniform(-limit, limit, (16, 2))
    block.parts.backbone.set_weights(block.untrained)
    inputs, _ = parts[2].take(parts[2].rows, 1)
    features = np.asarray(block.parts.backbone(block.parts.preprocess(inputs.astype("float32"))))
    block.parts.model.set_weights(before)
    np.testing.assert_allclose(found.maps[-1], class_activation(features, kernel), rtol=1e-3)


def test_cascade_is_decided_by_its_seed(cascade, trained, parts):
    found, *_ = cascade
    again, other = (cascade_maps(trained[0], parts[2], 8, seed) for seed in (SEED, SEED + 1))
    np.testing.assert_array_equal(found.maps, again.maps)
    assert (np.abs(found.maps[1:] - other.maps[1:]).max(axis=(1, 2, 3, 4)) > 1e-6).all()


def test_cascade_of_a_run_puts_back_other_weights_than_those_that_it_started_from(trained, parts):
    block, _ = trained
    before = block.parts.model.get_weights()
    start = random_weights("ResNet50", 32, SEED)
    block._restore(start, PREPROCESSING["caffe"], Recipe(1e-3, 1, 8, SEED), 1)
    found = cascade_maps(block, parts[2], 8, SEED)
    block.parts.model.set_weights(before)
    for one, two in pairwise(found.maps):
        assert (np.abs(one - two).max(axis=(1, 2, 3)) > 1e-6).all()


def test_cascade_when_it_fails_leaves_the_weights(trained, parts, monkeypatch):
    block, _ = trained
    before, calls, predict = block.parts.model.get_weights(), [], block.predict

    def failing(*arguments):
        calls.append(arguments)
        if len(calls) == 3:
            raise RuntimeError("the power is gone")
        return predict(*arguments)

    monkeypatch.setattr(block, "predict", failing)
    with pytest.raises(RuntimeError, match="power"):
        cascade_maps(block, parts[2], 8, SEED)
    after = block.parts.model.get_weights()
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("name", BACKBONES)
@pytest.mark.parametrize("above", [0, 149])
def test_stages_of_each_backbone_are_five_and_hold_every_weight_once(name, above):
    backbone = build_backbone(name, BACKBONES[name].min_size + above)
    stages = backbone_stages(backbone)
    assert list(stages) == ["stage 5", "stage 4", "stage 3", "stage 2", "stage 1"]
    places = [place for each in stages.values() for place in each]
    assert sorted(places) == list(range(len(backbone.weights)))
    assert all(stages.values())


def test_stages_of_a_small_network_count_from_the_image(small_backbone):
    backbone = small_backbone(include_top=False, weights=None, input_shape=(32, 32, 3))
    stages = backbone_stages(backbone)
    assert list(stages) == ["stage 2", "stage 1"]
    names = [backbone.weights[place].path.split("/")[0] for place in stages["stage 2"]]
    assert len(set(names)) == 1  # the one layer behind the second stride
    assert len(stages["stage 1"]) == len(backbone.weights) - 2
