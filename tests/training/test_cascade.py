from itertools import pairwise

import numpy as np
import pytest

from rin.models.backbones import BACKBONES, build_backbone
from rin.models.preprocessing import PREPROCESSING
from rin.models.weights import random_weights
from rin.training.cascade import backbone_stages, cascade_maps
from rin.training.trainer import Recipe

SEED = 5


@pytest.fixture(scope="module")
def trained(frozen, start, parts):
    """A block after a run that taught its head something."""
    block, _ = frozen
    block.fit(start, PREPROCESSING["caffe"], Recipe(1e-2, 2, 8, 0), *parts[:2])
    return block


@pytest.fixture(scope="module")
def cascade(trained, parts):
    """What a cascade puts back and its maps, and the weights of the block before."""
    before = trained.parts.model.get_weights()
    return cascade_maps(trained, parts[2], 8, SEED), before


def equal(some, others):
    return all(np.array_equal(a, b) for a, b in zip(some, others, strict=True))


def test_cascade_goes_from_the_head_to_the_first_stage_and_leaves_the_block(
    cascade, trained, frozen
):
    (groups, maps), before = cascade
    assert groups == ["head", "stage 2", "stage 1"]
    assert maps.shape == (4, 12, 3, 3, 2)
    assert maps.dtype == np.float32
    assert equal(before, trained.parts.model.get_weights())
    assert trained.traces == frozen[1]


def test_last_step_of_the_cascade_is_a_network_that_never_trained(cascade, trained, parts):
    (_, maps), before = cascade
    limit = np.sqrt(6 / (16 + 2))
    kernel = np.random.default_rng([SEED, 1]).uniform(-limit, limit, (16, 2))
    trained.parts.backbone.set_weights(trained.untrained)
    pixels = trained.parts.preprocess(parts[2].take(parts[2].rows, 1)[0].astype("float32"))
    features = np.asarray(trained.parts.backbone(pixels))
    trained.parts.model.set_weights(before)
    np.testing.assert_allclose(maps[-1], features @ kernel / 9, rtol=1e-3, atol=1e-5)


def test_cascade_is_decided_by_its_seed(cascade, trained, parts):
    maps = cascade[0][1]
    again, other = (cascade_maps(trained, parts[2], 8, seed)[1] for seed in (SEED, SEED + 1))
    np.testing.assert_array_equal(maps, again)
    assert (np.abs(maps[1:] - other[1:]).max(axis=(1, 2, 3, 4)) > 1e-6).all()


def test_cascade_of_a_run_puts_back_other_weights_than_those_that_it_started_from(trained, parts):
    before = trained.parts.model.get_weights()
    start = random_weights("ResNet50", 32, SEED)
    trained.restore(start, PREPROCESSING["caffe"], Recipe(1e-3, 1, 8, SEED), 1)
    _, maps = cascade_maps(trained, parts[2], 8, SEED)
    trained.parts.model.set_weights(before)
    for one, two in pairwise(maps):
        assert (np.abs(one - two).max(axis=(1, 2, 3)) > 1e-6).all()


def test_cascade_when_it_fails_leaves_the_weights(trained, parts, monkeypatch):
    before, calls, predict = trained.parts.model.get_weights(), [], trained.predict

    def failing(*arguments):
        calls.append(arguments)
        if len(calls) == 3:
            raise RuntimeError("the power is gone")
        return predict(*arguments)

    monkeypatch.setattr(trained, "predict", failing)
    with pytest.raises(RuntimeError, match="power"):
        cascade_maps(trained, parts[2], 8, SEED)
    assert equal(before, trained.parts.model.get_weights())


@pytest.mark.slow
@pytest.mark.usefixtures("real_resnet")
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
