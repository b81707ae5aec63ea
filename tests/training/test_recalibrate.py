import numpy as np
import pytest

from rin.training.batches import Part, shuffled_batches
from rin.training.recalibrate import recalibrate


def first_norm(block):
    import keras

    layers = block.parts.backbone.layers
    return next(n for n in layers if isinstance(n, keras.layers.BatchNormalization))


def test_recalibrated_averages_are_those_of_the_batches_and_nothing_else_changes(whole, store):
    block, training = whole[0], Part(*store, np.arange(24))
    norm = first_norm(block)
    before = {v.path: np.asarray(v) for v in block.parts.model.variables}
    recalibrate(block, training, 8, 3, seed=4)

    import keras

    ahead = keras.Model(block.parts.backbone.input, norm.input)
    batches = shuffled_batches(training, batch=8, channels=1, seed=4)
    seen = []
    for _ in range(3):
        pixels = keras.ops.cast(next(batches)[0], "float32")
        seen.append(np.asarray(ahead(block.parts.preprocess(pixels)), "float64"))
    mean = np.mean([s.mean(axis=(0, 1, 2)) for s in seen], axis=0)
    variance = np.mean([s.var(axis=(0, 1, 2)) for s in seen], axis=0)
    np.testing.assert_allclose(np.asarray(norm.moving_mean), mean, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(np.asarray(norm.moving_variance), variance, rtol=1e-3)
    changed = {
        v.path for v in block.parts.model.variables if (np.asarray(v) != before[v.path]).any()
    }
    assert changed == {v.path for v in block.parts.backbone.weights if v.name.startswith("moving")}
    assert norm.momentum == 0.9


@pytest.mark.parametrize("count", [1, 2])
def test_recalibrated_averages_do_not_remember_what_was_before(whole, store, count):
    block, training = whole[0], Part(*store, np.arange(24))
    norm, made = first_norm(block), []
    for value in (0.0, 100.0):
        norm.moving_mean.assign(np.full(norm.moving_mean.shape, value))
        recalibrate(block, training, 8, count, seed=4)
        made.append(np.asarray(norm.moving_mean))
    np.testing.assert_array_equal(*made)
