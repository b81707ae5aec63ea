from dataclasses import dataclass
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, top_k_accuracy_score

from rin.errors import InputError
from rin.models.weights import random_weights
from rin.study.profile import Pretraining
from rin.training.batches import ImageSubset, OrderedBatches, ShuffledBatches
from rin.training.checkpoint import TrainingState, WorkFolder
from rin.training.pretrain import (
    PretrainingBlock,
    ProgressReporter,
    read_probabilities,
    recalibrate,
)

SMALL = {"corpora": {}, "size": 32, "batch": 6, "epochs": 2, "batch_norm_momentum": 0.9}
SETTINGS = Pretraining(**SMALL, learning_rate=1e-2, augmentation="official", dropout=0.2)


def corpus(names, color=False, seed=0):
    """Sixteen images a class, told apart by brightness: eleven to train, two to validate."""
    classes = np.repeat(names, 16)
    base = np.linspace(30, 220, len(names)).repeat(16)
    shape = (len(classes), 32, 32) + (3,) * color
    noise = np.random.default_rng(seed).normal(0, 10, shape)
    images = base.reshape(-1, *[1] * (len(shape) - 1)) + noise
    parts = np.tile(np.repeat(["train", "validation", "test"], [11, 2, 3]), len(names))
    return np.clip(images, 0, 255).astype("uint8"), classes, parts, "symmetric"


GRAY, RGB = corpus(["a", "b", "c"]), corpus(["d", "e", "f", "g"], color=True, seed=1)


@pytest.fixture(scope="module")
def pretrained():
    """Block, results on two corpora, and the weights that they left."""
    block = PretrainingBlock("ResNet50", SETTINGS, 4, seed=5)
    results, ends = [], []
    for arguments in (GRAY, RGB):
        results.append(block.train(*arguments))
        ends.append(block.backbone.get_weights())
    return block, results, ends


def test_pretraining_of_each_corpus_begins_from_the_same_weights_and_traces_nothing(pretrained):
    one, other = (result.metrics["traces"] for result in pretrained[1])
    assert one == other
    expected = random_weights("ResNet50", 32, 5)
    for mine, own in zip(pretrained[0].start, expected, strict=True):
        np.testing.assert_array_equal(mine, own)
    for end in pretrained[2]:
        assert np.abs(end[0] - expected[0]).max() > 1e-4


def test_pretraining_metrics_tell_the_budget(pretrained):
    gray, rgb = (result.metrics for result in pretrained[1])
    told = {
        "images": 48, "classes": 3, "training_images": 33, "epochs": 2, "steps": 2 * 6,
        "precision": "float32", "resumed": 0, "parameters": pretrained[0].backbone.count_params(),
    }  # fmt: skip
    assert told.items() <= gray.items()
    assert (rgb["images"], rgb["classes"], rgb["epochs"]) == (64, 4, 2)
    assert 0 <= gray["top1"] <= gray["top5"] <= 1
    rates = pretrained[1][0].history["images_per_second"]
    assert gray["images_per_second"] == round(float(np.median(rates)), 1) > 0


def test_pretraining_accuracy_is_that_of_images_with_their_own_labels(pretrained):
    """Keras' own evaluation takes image and label from one batch, whatever its order."""
    compiled, (images, classes, parts) = pretrained[0].compiled, RGB[:3]
    labels = np.unique(classes, return_inverse=True)[1]
    rows = np.flatnonzero(parts == "test")
    test = OrderedBatches(ImageSubset(images, labels, rows), batch=6, channels=3)
    _, accuracy, top5 = compiled.network.model.evaluate(test, verbose=0)
    metrics = pretrained[1][1].metrics
    assert [metrics["top1"], metrics["top5"]] == pytest.approx([accuracy, top5], abs=1e-6)
    # Of four classes, the least likely one counts as wrong.
    wrong = OrderedBatches(ImageSubset(images, (labels + 1) % 4, rows), batch=6, channels=3)
    assert compiled.network.model.evaluate(wrong, verbose=0)[2] < 1


def test_pretraining_predictions_are_of_the_test_images_and_explain_the_metrics(pretrained):
    for result, (_, classes, parts, _) in zip(pretrained[1], (GRAY, RGB), strict=True):
        table, metrics = result.predictions, result.metrics
        assert table["row"].tolist() == np.flatnonzero(parts == "test").tolist()
        assert table["truth"].tolist() == classes[table["row"]].tolist()
        assert set(table["predicted"]) <= set(classes)
        right = table["truth"] == table["predicted"]
        assert metrics["top1"] == right.mean()
        assert metrics["top5"] == table["in_top5"].mean()
        expected = balanced_accuracy_score(table["truth"], table["predicted"])
        assert metrics["balanced_accuracy"] == pytest.approx(expected)
        assert (table["confidence"] >= table["truth_probability"]).all()


def test_pretraining_features_are_the_pooled_ones_of_the_test_images(pretrained, tmp_path):
    block, (images, _, parts) = pretrained[0], GRAY[:3]
    block.train(*GRAY, WorkFolder(tmp_path))
    features = np.load(tmp_path / "features.npy")
    gray = images[parts == "test"].astype("float32")[..., np.newaxis]
    maps = block.backbone(keras.ops.convert_to_tensor(np.repeat(gray, 3, axis=-1) / 127.5 - 1))
    assert features.dtype == np.float32
    np.testing.assert_allclose(features, np.asarray(maps).mean(axis=(1, 2)), rtol=1e-4, atol=1e-5)


def test_pretraining_on_pixels_that_were_scaled_before_tells_so(pretrained):
    with pytest.raises(InputError, match=r"pixels of type float64.*earlier scaling"):
        pretrained[0].train(GRAY[0] / 255, *GRAY[1:])


def test_pretraining_that_diverges_says_so(pretrained, tmp_path, monkeypatch):
    block = pretrained[0]
    # Infinity passes the last ReLU; of what is not a number some processors make 0 there.
    *inner, bias = block.start
    monkeypatch.setattr(block, "start", [*inner, np.full_like(bias, np.inf)])
    said = r"ResNet50 at 0\.01: .*loss is nan in epoch 1, step \d of 6.*lower the learning rate"
    with pytest.raises(InputError, match=said):
        block.train(*GRAY, WorkFolder(tmp_path))


class _Killed(BaseException):
    """As sudden as a signal, as far as the training can tell."""


@dataclass(frozen=True)
class LastFolder(WorkFolder):
    """A work folder after whose checkpoint at some epoch and step the training is killed."""

    place: tuple[int, int] = (0, 0)

    def save(self, arrays, record):
        super().save(arrays, record)
        if (record["epoch"], record["step"]) == self.place:
            raise _Killed


def train_until(place, block, corpus, work):
    """Let a training end behind the checkpoint of some epoch and step."""
    with pytest.raises(_Killed):
        block.train(*corpus, LastFolder(work.folder, minutes=0, place=place))


def test_pretraining_that_is_cut_off_goes_on_as_if_it_had_not_been(pretrained, tmp_path):
    """Within an epoch, between two, and after the last."""
    block, (gray, _) = pretrained[:2]
    work, places = WorkFolder(tmp_path, minutes=0), [(0, 3), (1, 0), (1, 5), (2, 0)]
    for place in places:
        train_until(place, block, GRAY, work)
        block.train(*RGB)  # whatever happens in between
    result = block.train(*GRAY, work)
    assert result.metrics["resumed"] == len(places)
    timed = ["seconds", "images_per_second"]
    assert result.history.drop(columns=timed).equals(gray.history.drop(columns=timed))
    assert result.predictions.equals(gray.predictions)


@pytest.mark.slow
def test_online_labels_of_a_training_that_is_cut_off_are_those_of_one_that_is_not(tmp_path):
    block = PretrainingBlock("ResNet50", SETTINGS.model_copy(update={"loss": "online"}), 4, seed=5)
    whole = block.train(*GRAY)
    labels, work = np.array(block.compiled.online.labels), WorkFolder(tmp_path, minutes=0)
    assert np.ptp(labels) > 0
    for place in ((1, 0), (1, 5)):
        train_until(place, block, GRAY, work)
        block.train(*RGB)  # whose labels are others
    result = block.train(*GRAY, work)
    assert result.metrics["resumed"] == 2
    np.testing.assert_array_equal(result.history["loss"], whole.history["loss"])
    np.testing.assert_array_equal(block.compiled.online.labels, labels)
    assert result.predictions.equals(whole.predictions)


def test_pretraining_with_a_checkpoint_of_another_keras_begins_from_its_start(
    pretrained, tmp_path, monkeypatch
):
    block = pretrained[0]
    with monkeypatch.context() as patch:
        patch.setattr(keras, "__version__", "2.15")
        train_until((1, 2), block, GRAY, WorkFolder(tmp_path))
    with pytest.warns(UserWarning, match=r"is of .* with Keras 2\.15 in float32 and not"):
        result = block.train(*GRAY, WorkFolder(tmp_path))
    assert result.metrics["resumed"] == 0


@pytest.mark.parametrize(("trainable", "seed"), [(True, 4), (False, 5)])
def test_recalibrated_averages_are_those_of_the_batches_and_nothing_else_changes(
    whole, store, trainable, seed
):
    block, training = whole, ImageSubset(*store, np.arange(24))
    network, backbone = block.network, block.network.backbone
    norm = next(n for n in backbone.layers if isinstance(n, keras.layers.BatchNormalization))
    norm.trainable = trainable
    before = {v.path: np.asarray(v) for v in network.model.variables}
    recalibrate(block, training, 8, 3, seed=seed)
    assert (norm.trainable, norm.momentum) == (trainable, 0.9)
    norm.trainable = True

    ahead = keras.Model(backbone.input, norm.input)
    batches = ShuffledBatches(training, batch=8, channels=1, seed=seed)
    pixels = [keras.ops.cast(batches[number][0], "float32") for number in range(3)]
    seen = np.stack([np.asarray(ahead(network.preprocess(p)), "float64") for p in pixels])
    mean, variance = seen.mean(axis=(0, 1, 2, 3)), seen.var(axis=(1, 2, 3)).mean(axis=0)
    np.testing.assert_allclose(norm.moving_mean, mean, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(norm.moving_variance, variance, rtol=1e-3)
    changed = {v.path for v in network.model.variables if (np.asarray(v) != before[v.path]).any()}
    assert changed == {v.path for v in backbone.weights if v.name.startswith("moving")}


@pytest.mark.parametrize("classes", [4, 6, 20])
def test_read_probabilities_agree_with_scikit_learn(classes):
    draws = np.random.default_rng(classes)
    probabilities = draws.dirichlet(np.ones(classes), 300)
    truth = draws.integers(0, classes, 300)
    table = read_probabilities(probabilities, truth, np.arange(classes))
    right = table["truth"] == table["predicted"]
    for k, found in ((1, right), (min(5, classes - 1), table["in_top5"])):
        expected = top_k_accuracy_score(truth, probabilities, k=k, labels=np.arange(classes))
        assert found.mean() == expected


@pytest.mark.parametrize(
    ("seconds", "line"),
    [
        # 60 images of this epoch and 100 of the next, at 1,000 or 0.5 a second.
        (0.04, "epoch 2/3, 1,000.0 images/s, loss 1.82, lr 0.00061, ETA 00:00"),
        (80.0, "epoch 2/3, 0.5 images/s, loss 1.82, lr 0.00061, ETA 05:20"),
    ],
)
def test_reporter_tells_after_a_while_how_much_is_left(tmp_path, seconds, line):
    loss = SimpleNamespace(result=lambda: np.float32(1.8234))
    state = TrainingState(10, 100, 3, epoch=1, step=4, seconds=seconds, meters=[loss])
    early, due = (
        ProgressReporter(state, "Net at 1", tmp_path / "line", every=every) for every in (3600, 0)
    )
    for reporter in (early, due):
        assert not (tmp_path / "line").exists()
        rate = SimpleNamespace(learning_rate=np.float32(6.1e-4))
        reporter.set_model(SimpleNamespace(optimizer=rate))
        reporter.on_train_batch_begin(4)
    assert (tmp_path / "line").read_text() == line
