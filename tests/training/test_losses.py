"""Losses against literal computations, image by image, and online labels through a training."""

import keras
import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from rin.errors import InputError
from rin.training.losses import LabelTurn, OnlineLabels, SoftLabelLoss, soft_labels

K = 5
DRAWS = np.random.default_rng(3)
LOGITS = DRAWS.normal(size=(12, K))
LABELS = DRAWS.integers(0, K, 12)
ROWS = list(zip(LOGITS, LABELS, strict=True))


def found(name, online=None):
    loss = SoftLabelLoss(name, K, online).call(LABELS[:, None], softmax(LOGITS, axis=1))
    return np.asarray(loss)


def cross_entropy(logits, target):
    return -sum(q * p for q, p in zip(target, log_softmax(logits), strict=True))


def literal_smoothing(logits, label):
    target = [0.9 if k == label else 0.1 / (K - 1) for k in range(K)]
    return cross_entropy(logits, target)


def literal_teacher_free(logits, label):
    """Yuan et al.'s code: the student is not softened, and the mean goes over all elements."""
    teacher = np.array([0.99 if k == label else 0.01 / (K - 1) for k in range(K)])
    softened = softmax(teacher / 20)
    divergence = [q * (np.log(q) - p) for q, p in zip(softened, log_softmax(logits), strict=True)]
    return 0.9 * -log_softmax(logits)[label] + 0.1 * 100 * np.mean(divergence)


@pytest.mark.parametrize(
    ("name", "literal"),
    [
        ("hard", lambda logits, label: -log_softmax(logits)[label]),
        ("smoothing", literal_smoothing),
        ("teacher_free", literal_teacher_free),
    ],
)
def test_loss_is_the_literal_one(name, literal):
    np.testing.assert_allclose(found(name), [literal(*row) for row in ROWS], rtol=1e-5)


def literal_online(logits, label, table):
    return 0.5 * -log_softmax(logits)[label] + 0.5 * cross_entropy(logits, table[label])


def test_online_loss_begins_uniform_and_follows_its_labels():
    online, uniform = OnlineLabels(K), np.full((K, K), 1 / K)
    drawn = softmax(DRAWS.normal(size=(K, K)), axis=1)
    expected = [[literal_online(*row, table) for row in ROWS] for table in (uniform, drawn)]
    np.testing.assert_allclose(found("online", online), expected[0], rtol=1e-5)
    online.labels.assign(drawn)
    np.testing.assert_allclose(found("online", online), expected[1], rtol=1e-5)


def literal_labels(probabilities, labels):
    table = np.full((K, K), 1 / K)
    for k in range(K):
        right = [p for p, y in zip(probabilities, labels, strict=True) if p.argmax() == y == k]
        if right:
            table[k] = np.mean(right, axis=0)
    return table


def test_next_labels_are_the_mean_predictions_of_what_was_right():
    online, probabilities = OnlineLabels(K), softmax(LOGITS, axis=1)
    online.update_state(LABELS[:7, None], probabilities[:7])
    online.update_state(LABELS[7:, None], probabilities[7:])
    expected = literal_labels(probabilities, LABELS)
    assert (expected == 1 / K).all(axis=1).any()  # a class of which none was right
    np.testing.assert_allclose(online.next_labels(), expected, rtol=1e-5)
    before = np.asarray(online.labels).copy()
    online.reset_state()
    np.testing.assert_array_equal(online.next_labels(), np.full((K, K), 1 / K, "float32"))
    np.testing.assert_array_equal(np.asarray(online.labels), before)


@pytest.mark.filterwarnings("ignore:The model does not have any trainable weights")
def test_training_uses_in_an_epoch_what_it_gathered_in_the_one_before():
    online = OnlineLabels(K)
    model = keras.Sequential([keras.Input((K,)), keras.layers.Softmax()])  # nothing to learn
    model.compile("sgd", SoftLabelLoss("online", K, online), metrics=[online])
    other = np.roll(LABELS, 1)
    curves = model.fit(
        LOGITS, LABELS, batch_size=5, epochs=2, shuffle=False, verbose=0,
        validation_data=(LOGITS, other), callbacks=[LabelTurn(online)],
    ).history  # fmt: skip
    uniform, gathered = np.full((K, K), 1 / K), literal_labels(softmax(LOGITS, axis=1), LABELS)
    for epoch, table in enumerate((uniform, gathered)):
        for name, labels in (("loss", LABELS), ("val_loss", other)):
            each = [literal_online(x, y, table) for x, y in zip(LOGITS, labels, strict=True)]
            assert curves[name][epoch] == pytest.approx(np.mean(each), rel=1e-5)


def test_unknown_loss_is_named_with_those_that_there_are():
    with pytest.raises(InputError, match=r"unknown loss 'focal'.*hard, smoothing, teacher_free"):
        soft_labels("focal", K)
