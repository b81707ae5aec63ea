from dataclasses import dataclass

import numpy as np
import pytest

from rin.errors import InputError
from rin.models.weights import file_sha256, random_weights, read_weights_file
from rin.training.batches import OrderedBatches, Part
from rin.training.pretrain import PretrainingBlock, split_rows


def test_split_rows_of_20_40_and_100_is_75_10_15_in_every_class():
    labels = np.repeat([0, 1, 2], [20, 40, 100])
    training, validation, test = split_rows(labels, 0)
    assert np.bincount(labels[training]).tolist() == [15, 30, 75]
    assert np.bincount(labels[validation]).tolist() == [2, 4, 10]
    assert np.bincount(labels[test]).tolist() == [3, 6, 15]
    assert sorted(np.concatenate([training, validation, test])) == list(range(160))


def test_split_rows_are_decided_by_the_seed_alone():
    labels = np.arange(60) % 3
    for one, again, other in zip(*(split_rows(labels, s) for s in (1, 1, 2)), strict=True):
        np.testing.assert_array_equal(one, again)
        assert set(one) != set(other)


def test_split_rows_when_a_class_has_nine_images_raises():
    with pytest.raises(InputError, match="smallest class has 9 images"):
        split_rows(np.repeat([0, 1], [30, 9]), 0)


@pytest.mark.parametrize("smallest", [10, 11, 13])
def test_split_rows_when_a_class_has_ten_images_or_more_holds_it_in_every_part(smallest):
    labels = np.repeat(np.arange(4), [smallest, 15, 30, 50])
    for part in split_rows(labels, 3):
        assert set(labels[part]) == {0, 1, 2, 3}


@dataclass
class Settings:
    size: int = 32
    batch: int = 6
    epochs: int = 2
    learning_rate: float = 1e-3
    preprocessing: str = "symmetric"
    augmentation: str = "none"
    dropout: float = 0.2
    batch_norm_momentum: float = 0.9


def corpus(names, color, seed):
    """Sixteen images a class, told apart by brightness."""
    classes = np.repeat(names, 16)
    base = np.linspace(30, 220, len(names)).repeat(16)
    shape = (len(classes), 32, 32) + (3,) * color
    noise = np.random.default_rng(seed).normal(0, 10, shape)
    images = base.reshape(-1, *[1] * (len(shape) - 1)) + noise
    return np.clip(images, 0, 255).astype("uint8"), classes


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory):
    """Block, results on two corpora, their saved files and what each began from."""
    folder = tmp_path_factory.mktemp("pretrained")
    block = PretrainingBlock("ResNet50", Settings(), 4, seed=5)
    compiled, starts = block._block, []
    train = compiled.train

    def spy(weights, *rest):
        starts.append([w.copy() for w in weights])
        return train(weights, *rest)

    compiled.train = spy
    results, files = [], []
    for name, arguments in {
        "gray": (["a", "b", "c"], False, 0),
        "rgb": (["d", "e", "f", "g"], True, 1),
    }.items():
        results.append(block.train(*corpus(*arguments)))
        files.append((folder / f"{name}.weights.h5", block.save(folder / f"{name}.weights.h5")))
    return block, results, files, starts


def test_pretraining_of_a_second_corpus_traces_nothing_again(pretrained):
    one, other = (result.metrics.traces for result in pretrained[1])
    assert one == other == pretrained[0]._block.traces


def test_pretraining_of_each_corpus_begins_from_the_same_random_weights(pretrained):
    expected = random_weights("ResNet50", 32, 5)
    for start in pretrained[3]:
        for one, other in zip(start, expected, strict=True):
            np.testing.assert_array_equal(one, other)


def test_pretraining_metrics_tell_the_budget(pretrained):
    gray, rgb = (result.metrics for result in pretrained[1])
    assert (gray.images, gray.classes, gray.training_images) == (48, 3, 35)
    assert (rgb.images, rgb.classes, rgb.epochs) == (64, 4, 2)
    assert gray.steps == 2 * 6
    assert 0 <= gray.top1 <= gray.top5 <= 1
    for result in pretrained[1]:
        assert result.history["epoch"].tolist() == [1, 2]
        assert set(result.history) == {"epoch", "loss", "accuracy", "val_loss", "val_accuracy"}


def test_pretraining_accuracy_is_that_of_images_with_their_own_labels(pretrained):
    """Keras' own evaluation takes image and label from one batch, whatever its order."""
    compiled = pretrained[0]._block
    images, classes = corpus(["d", "e", "f", "g"], True, 1)
    labels = np.unique(classes, return_inverse=True)[1]
    test = OrderedBatches(Part(images, labels, split_rows(labels, 5)[2]), batch=6, channels=3)
    _, accuracy = compiled.parts.model.evaluate(test, verbose=0)
    assert pretrained[1][1].metrics.top1 == pytest.approx(accuracy, abs=1e-6)


def test_pretraining_that_is_saved_reads_back_with_its_digest(pretrained):
    block, _, ((gray, digest), (rgb, other)), starts = pretrained
    assert file_sha256(gray) == digest != other
    backbone = block._block.parts.backbone
    second = read_weights_file(rgb, backbone)
    first = read_weights_file(gray, backbone)
    assert np.abs(first[0] - second[0]).max() > 1e-4
    assert np.abs(first[0] - starts[0][0]).max() > 1e-4


def test_pretraining_of_a_class_too_small_to_split_raises(pretrained):
    images, classes = corpus(["a", "b"], False, 0)
    with pytest.raises(InputError, match="smallest class"):
        pretrained[0].train(images[:-7], classes[:-7])
