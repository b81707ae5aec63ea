import math
import os
import subprocess
import sys
from dataclasses import replace

import keras
import literal_training
import numpy as np
import pytest
from literal_gradient import literal_cam
from scipy.special import log_softmax, softmax

from rin.errors import InputError
from rin.models.preprocessing import PREPROCESSING
from rin.training.batches import ImageSubset
from rin.training.identity import RESULTS_VERSION
from rin.training.trainer import (
    TrainingSettings,
    learning_rate,
    prepare_framework,
    sample_activations,
)

CAFFE, SYMMETRIC = PREPROCESSING["caffe"], PREPROCESSING["symmetric"]


def run(block, start, parts, recipe, preprocessing=SYMMETRIC):
    """Train and return losses and test logits."""
    curves = block.fit(start, preprocessing, recipe, parts[:2]).curves
    losses = [(row["loss"], row["val_loss"]) for row in curves]
    return losses, block.predict(parts[2], recipe.batch)[0]


def changed(block, start):
    """Paths of the backbone's variables that differ from the start."""
    pairs = zip(block.network.backbone.weights, start, strict=True)
    return {v.path for v, before in pairs if not np.array_equal(v, before)}


SLOW = [pytest.param(each, marks=pytest.mark.slow) for each in ("whole", "top10", "other_head")]


@pytest.mark.parametrize("trained", ["frozen", *SLOW])
def test_run_when_repeated_is_the_same_to_the_bit_traced_once_and_trains_its_layers(
    request, trained, start, parts
):
    block = request.getfixturevalue(trained)
    recipe = TrainingSettings(1e-3, 2, 8, 7)
    first, traces = run(block, start, parts, recipe), block.traces
    run(block, [w * np.float32(1.1) for w in start], parts, TrainingSettings(1e-2, 1, 8, 8))
    again = run(block, start, parts, recipe)
    assert block.traces == traces
    assert first[0] == again[0]
    np.testing.assert_array_equal(first[1], again[1])
    layers = block.network.backbone.layers
    taught = {"whole": layers, "top10": layers[-10:]}.get(trained, [])
    assert changed(block, start) == {v.path for layer in taught for v in layer.weights}


@pytest.mark.slow
def test_maps_of_another_head_are_those_of_the_whole_network_however_many_images(
    other_head, start, parts
):
    run(other_head, start, parts, TrainingSettings(1e-3, 2, 8, 7))
    _, maps = other_head.predict(parts[2], 8)
    # More images than have their feature maps in memory at a time.
    many = replace(parts[2], rows=np.resize(parts[2].rows, 300))
    _, maps_of_many = other_head.predict(many, 8)
    np.testing.assert_allclose(maps_of_many[-12:], maps, rtol=1e-4, atol=1e-6)
    pictures = parts[2].images[parts[2].rows][..., np.newaxis]
    model, kind = other_head.network.model, keras.layers.GlobalAveragePooling2D
    pool = next(layer for layer in model.layers if isinstance(layer, kind))
    expected = literal_cam(model, pictures, pool.input)
    np.testing.assert_allclose(maps, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())
    assert np.ptp(expected) > 0


def spoil(block, biases, **calls):
    """A callback that gives the head these biases when an epoch begins."""

    def spoil_one(epoch, _):
        if epoch in biases:
            block.network.head.layers[-1].bias.assign(biases[epoch])

    return keras.callbacks.LambdaCallback(on_epoch_begin=spoil_one, **calls)


def test_weights_after_training_are_those_of_the_lowest_finite_validation_loss(
    frozen, start, parts
):
    block, recipe = frozen, TrainingSettings(1e-3, 3, 8, 0)

    def mend(epoch, _):
        if epoch == 0:
            block.restore(start, SYMMETRIC, recipe, 3)

    calls = spoil(block, {0: [np.nan, np.nan], 2: [9, -9]}, on_epoch_end=mend)
    state = block.fit(start, SYMMETRIC, recipe, parts[:2], watcher=lambda _: calls)
    losses = [row["val_loss"] for row in state.curves]
    assert np.isnan(losses).tolist() == [True, False, False]
    assert losses[1] < losses[2] - 1
    logits, _ = block.predict(parts[1], 8)
    labels = parts[1].labels[parts[1].rows]
    kept = -log_softmax(logits, axis=1)[np.arange(len(labels)), labels].mean()
    assert kept == pytest.approx(losses[1], rel=1e-4)


@pytest.mark.parametrize(("patience", "epochs"), [(None, 5), (2, 4)])
def test_training_ends_once_validation_has_not_improved_for_as_long_as_its_patience(
    frozen, start, parts, patience, epochs
):
    """The second epoch is the best: from the third on the head is spoilt."""
    block = frozen
    calls = spoil(block, dict.fromkeys((2, 3, 4), (9, -9)))
    recipe = TrainingSettings(1e-2, 5, 8, 7, patience=patience)
    state = block.fit(start, SYMMETRIC, recipe, parts[:2], watcher=lambda _: calls)
    losses = [row["val_loss"] for row in state.curves]
    assert np.argmin(losses) == 1
    assert len(losses) == state.epoch == epochs


def test_training_that_diverges_raises_and_the_next_run_is_untouched(frozen, start, parts):
    block, recipe = frozen, TrainingSettings(1e-3, 1, 8, 7)
    expected = run(block, start, parts, recipe)[1]
    huge = [*start[:-2], np.full_like(start[-2], 1e38), start[-1]]  # of the last layer
    with pytest.raises(InputError, match=r"ResNet50 at 0\.001.*lower the learning rate"):
        run(block, huge, parts, recipe)
    np.testing.assert_array_equal(run(block, start, parts, recipe)[1], expected)


def test_predict_when_rows_are_reordered_follows_them(frozen, store):
    block = frozen
    ahead, back = (ImageSubset(*store, np.arange(12)[::step]) for step in (1, -1))
    for one, other in zip(block.predict(ahead, 5), block.predict(back, 5), strict=True):
        np.testing.assert_allclose(one, other[::-1], atol=1e-5 * np.abs(one).max())


def test_prepare_framework_when_called_sets_the_precision():
    before = keras.config.dtype_policy()
    try:
        prepare_framework(None, "mixed_bfloat16")
        assert keras.config.dtype_policy().compute_dtype == "bfloat16"
    finally:
        keras.config.set_dtype_policy(before)


JAX = """
import numpy as np
from rin.models.build import Architecture
from rin.models.preprocessing import PREPROCESSING
from rin.models.weights import random_weights
from rin.training.batches import ImageSubset
from rin.training.trainer import ReusableClassifier, TrainingSettings

start = random_weights("ResNet50", 32, 0)
block = ReusableClassifier(Architecture("ResNet50", "freeze_all", 32))
images = np.random.default_rng(0).integers(0, 256, (24, 32, 32)).astype("uint8")
parts = [ImageSubset(images, np.arange(24) % 2, np.arange(8) + 8 * i) for i in range(3)]
made, traces = [], []
for seed, rate in ((0, 1e-3), (1, 1e-2), (0, 1e-3)):
    block.fit(start, PREPROCESSING["caffe"], TrainingSettings(rate, 1, 8, seed), parts[:2])
    made.append(block.predict(parts[2], 8)[0])
    traces.append(block.traces)
assert len(set(traces)) == 1, traces
assert (made[0] == made[2]).all() and not (made[0] == made[1]).all()
block.unfreeze("unfreeze_top10")
made = []
for network in (block, ReusableClassifier(Architecture("ResNet50", "unfreeze_top10", 32))):
    network.fit(start, PREPROCESSING["caffe"], TrainingSettings(1e-2, 2, 8, 0), parts[:2])
    made += network.predict(parts[2], 8)
    weights = network.network.backbone.get_weights()
    made.append(np.concatenate([(a - b).ravel() for a, b in zip(weights, start)]))
assert made[2].any() and all((a == b).all() for a, b in zip(made[:3], made[3:]))
"""


@pytest.mark.slow
def test_block_on_the_jax_backend_traces_once_repeats_to_the_bit_and_goes_on_with_other_layers():
    pytest.importorskip("jax")
    environment = os.environ | {"KERAS_BACKEND": "jax"}
    subprocess.run([sys.executable, "-c", JAX], env=environment, check=True, timeout=500)


@pytest.mark.parametrize(("trained", "rate"), [("frozen", 1e-2), ("whole", 1e-3)])
def test_training_computes_what_its_results_version_says(request, trained, rate, start, parts):
    """What a block computes is what the literal training does, in the same process.

    Results that change on purpose need a higher `RESULTS_VERSION` and another literal training.
    """
    assert literal_training.VERSION == RESULTS_VERSION
    block = request.getfixturevalue(trained)
    state = block.fit(start, SYMMETRIC, TrainingSettings(rate, 3, 8, 7), parts[:2])
    logits, weights = block.predict(parts[2], 8)[0], block.network.backbone.get_weights()
    expected = literal_training.literal_training(
        start,
        parts,
        frozen=trained == "frozen",
        rate=rate,
        epochs=3,
        batch=8,
        seed=7,
        scaling=(SYMMETRIC.scale, SYMMETRIC.offset),
    )
    for column, values in zip(("loss", "val_loss"), expected[:2], strict=True):
        assert [row[column] for row in state.curves] == pytest.approx(values, abs=5e-4)
    np.testing.assert_allclose(softmax(logits, 1), softmax(expected[2], 1), atol=5e-4)
    changes, expected_changes = (
        np.concatenate([(end - begin).ravel() for end, begin in zip(ends, start, strict=True)])
        for ends in (weights, expected[3])
    )
    apart = np.abs(changes - expected_changes).mean()
    assert apart <= 5e-3 * np.abs(expected_changes).mean()


def test_sampled_rows_and_channels_are_those_of_the_seed_each_once():
    maps = np.arange(4 * 3 * 3 * 10).reshape(4, 3, 3, 10)
    one = sample_activations(maps, 20, 5, seed=1)
    assert one.shape == (20, 5)
    np.testing.assert_array_equal(sample_activations(maps + 1000, 20, 5, seed=1), one + 1000)
    assert (sample_activations(maps, 20, 5, seed=2) != one).any()
    assert len(np.unique(one)) == one.size
    assert sample_activations(maps, 99, 99, seed=1).shape == (36, 10)


@pytest.mark.parametrize(
    ("schedule", "warmup", "rising"),
    [("cosine", 0.0, 0), ("constant", 0.19, 4), ("cosine", 0.19, 4)],  # 3.8 steps are 4
)
def test_learning_rate_rises_in_a_line_and_stays_or_falls_along_a_cosine(schedule, warmup, rising):
    expected = [0.4 * step / rising for step in range(rising)]
    for step in range(21 - rising):
        share = (1 + math.cos(math.pi * step / (20 - rising))) / 2
        expected.append(0.4 * share if schedule == "cosine" else 0.4)
    made = learning_rate(0.4, 20, schedule, warmup)
    assert [float(np.asarray(made(step))) for step in range(21)] == pytest.approx(
        expected, abs=1e-6
    )
