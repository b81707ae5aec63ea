"""What the pages on training do by hand, with every backbone: plain Keras, `compile` and `fit`.

The package trains many runs with one compiled step; each has to be what a reader gets who writes
the same run in Keras, with the order of cases and the augmentation of the package.
"""

import keras
import numpy as np
import pytest

from rin.models.augmentation import AUGMENTATION
from rin.models.build import Architecture
from rin.models.layers import Augment
from rin.models.preprocessing import PREPROCESSING
from rin.models.weights import random_weights
from rin.study.profile import Pretraining
from rin.training import trainer
from rin.training.batches import ImageSubset, OrderedBatches, ShuffledBatches
from rin.training.pretrain import PretrainingBlock

SIZE, BATCH, SEED, RATE = 75, 8, 11, 1e-4
CONTRACT = PREPROCESSING["caffe_unit"]


@pytest.fixture(scope="module")
def parts():
    draws = np.random.default_rng(0)
    labels = np.arange(24) % 2
    noise = draws.integers(0, 120, (24, SIZE, SIZE))
    images = (noise + 90 * labels[:, np.newaxis, np.newaxis]).astype("uint8")
    rows = np.split(np.arange(24), [8, 16])
    return [ImageSubset(images, labels, of_part) for of_part in rows]


def plain_model(backbone, size, classes, dropout, channels=1):
    """Return a model of grey images, or in colour, in plain Keras, with the chance of one seed."""
    augment = Augment(AUGMENTATION["official"])
    dropout, dense = keras.layers.Dropout(dropout, seed=0), keras.layers.Dense(classes)
    pixels = keras.Input((size, size, channels), dtype="uint8")
    augmented = augment(keras.ops.cast(pixels, "float32"))
    rgb = keras.ops.repeat(augmented, 3 // channels, axis=-1)
    prepared = keras.ops.flip(rgb, axis=-1) * np.float32(CONTRACT.scale) + np.float32(
        CONTRACT.offset
    )
    pooled = keras.layers.GlobalAveragePooling2D()(backbone(prepared))
    model = keras.Model(pixels, keras.layers.Softmax()(dense(dropout(pooled))))
    chance = np.random.default_rng(SEED)
    limit = np.sqrt(6 / (pooled.shape[1] + classes))
    kernel = chance.uniform(-limit, limit, (pooled.shape[1], classes))
    dense.set_weights([kernel, np.zeros(classes)])
    augment.seed_generator.state.assign(chance.integers(1, 2**31, 2))
    dropout.seed_generator.state.assign(chance.integers(1, 2**31, 2))
    return model


def fit(model, parts, rate, metrics=None):
    """Train for an epoch in plain Keras, and return its curves."""
    training, validation = parts
    batch = {"batch": BATCH, "channels": model.input_shape[-1]}
    loss = "sparse_categorical_crossentropy"
    model.compile(keras.optimizers.Adam(rate), loss, metrics=metrics, jit_compile=False)
    return model.fit(
        ShuffledBatches(training, seed=SEED, **batch),
        steps_per_epoch=training.steps(BATCH),
        validation_data=OrderedBatches(validation, **batch),
        verbose=0,
    ).history


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ResNet50", "DenseNet121", "InceptionV3", "InceptionResNetV2"])
def test_run_of_a_block_is_the_training_by_hand(name, parts, request):
    if name == "ResNet50":
        request.getfixturevalue("real_resnet")
    start = random_weights(name, SIZE, 0)
    block = trainer.ReusableClassifier(Architecture(name, "unfreeze_all", SIZE))
    block.fit(start, CONTRACT, trainer.TrainingSettings(RATE, 1, BATCH, SEED), parts[:2])
    logits, _ = block.predict(parts[2], BATCH)
    recorded = 1 / (1 + np.exp(logits[:, 0] - logits[:, 1]))
    backbone = getattr(keras.applications, name)(
        include_top=False, weights=None, input_shape=(SIZE, SIZE, 3)
    )
    backbone.set_weights(start)
    model = plain_model(backbone, SIZE, classes=2, dropout=0.5)
    fit(model, parts[:2], RATE)
    test = OrderedBatches(parts[2], batch=BATCH, channels=1)
    expected = model.predict(test, verbose=0)[:, 1]
    np.testing.assert_allclose(recorded, expected, atol=5e-3)


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 3])
def test_first_epoch_of_a_pretraining_is_the_training_by_hand(channels):
    """In a block of which one corpus is in colour; six classes of seven outputs."""
    settings = Pretraining(
        corpora={}, size=32, batch=8, epochs=2, batch_norm_momentum=0.6, schedule="cosine",
        warmup=0.1, augmentation="official", dropout=0.2,
    )  # fmt: skip
    draws, classes = np.random.default_rng(0), np.repeat(np.arange(6), 9)
    images = draws.integers(0, 130, (54, 32, 32, channels)) + 20 * classes[:, None, None, None]
    images, names = images.astype("uint8"), np.array(list("abcdef"))[classes]
    parts = np.tile(np.repeat(["train", "validation", "test"], [6, 2, 1]), 6)
    block = PretrainingBlock("ResNet50", settings, 7, seed=SEED, channels=3)
    by_rin = block.train(images, names, parts, CONTRACT.name).history.iloc[0]

    keras.utils.set_random_seed(SEED)
    backbone = keras.applications.ResNet50(
        include_top=False, weights=None, input_shape=(32, 32, 3)
    )
    for layer in backbone.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.6
    model = plain_model(backbone, 32, classes=7, dropout=0.2, channels=channels)
    training, validation = (
        ImageSubset(images, classes, np.flatnonzero(parts == name))
        for name in ("train", "validation")
    )
    steps = training.steps(BATCH)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, 2 * steps - 1, warmup_target=settings.learning_rate, warmup_steps=1
    )
    top5 = keras.metrics.SparseTopKCategoricalAccuracy(5, name="top5")
    expected = fit(model, (training, validation), rate, metrics=["accuracy", top5])
    assert {*expected} == {f"{kind}{name}" for kind in ("", "val_")
                           for name in ("loss", "accuracy", "top5")}  # fmt: skip
    for measure, (value,) in expected.items():
        np.testing.assert_allclose(by_rin[measure], value, rtol=1e-3, err_msg=measure)
