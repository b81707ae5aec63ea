"""Losses against literal computations, image by image, and online labels through a training."""

import keras
import numpy as np
import pytest
from scipy.special import log_softmax, rel_entr, softmax

from rin.errors import InputError
from rin.training.losses import LabelTurn, OnlineLabels, SoftLabelLoss, soft_labels

K = 5
DRAWS = np.random.default_rng(3)
LOGITS = DRAWS.normal(size=(12, K))
LABELS = DRAWS.integers(0, K, 12)


def cross_entropy(logits, target):
    return -np.dot(target, log_softmax(logits))


def literal_smoothing(logits, label):
    return cross_entropy(logits, [0.9 if k == label else 0.1 / (K - 1) for k in range(K)])


def literal_teacher_free(logits, label):
    """Yuan et al.'s code: the student is not softened, and the mean goes over all elements."""
    teacher = np.array([0.99 if k == label else 0.01 / (K - 1) for k in range(K)])
    divergence = rel_entr(softmax(teacher / 20), softmax(logits))
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
    found = SoftLabelLoss(name, K).call(LABELS[:, None], softmax(LOGITS, axis=1))
    expected = [literal(*row) for row in zip(LOGITS, LABELS, strict=True)]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def literal_online(logits, label, table):
    return 0.5 * -log_softmax(logits)[label] + 0.5 * cross_entropy(logits, table[label])


def literal_labels(probabilities, labels):
    table = np.full((K, K), 1 / K)
    for k in range(K):
        right = [p for p, y in zip(probabilities, labels, strict=True) if p.argmax() == y == k]
        if right:
            table[k] = np.mean(right, axis=0)
    return table


@pytest.mark.filterwarnings("ignore:The model does not have any trainable weights")
def test_training_uses_in_an_epoch_the_mean_predictions_of_what_was_right_in_the_one_before():
    online = OnlineLabels(K)
    model = keras.Sequential([keras.Input((K,)), keras.layers.Softmax()])  # nothing to learn
    model.compile("sgd", SoftLabelLoss("online", K, online), metrics=[online])
    other = np.roll(LABELS, 1)
    curves = model.fit(
        LOGITS, LABELS, batch_size=5, epochs=3, shuffle=False, verbose=0,
        validation_data=(LOGITS, other), callbacks=[LabelTurn(online)],
    ).history  # fmt: skip
    uniform, gathered = np.full((K, K), 1 / K), literal_labels(softmax(LOGITS, axis=1), LABELS)
    assert (gathered == uniform).all(axis=1).any()  # a class of which none was right
    for epoch, table in enumerate((uniform, gathered, gathered)):
        for name, labels in (("loss", LABELS), ("val_loss", other)):
            each = [literal_online(x, y, table) for x, y in zip(LOGITS, labels, strict=True)]
            assert curves[name][epoch] == pytest.approx(np.mean(each), rel=1e-5)


def test_unknown_loss_is_named_with_those_that_there_are():
    with pytest.raises(InputError, match=r"unknown loss 'focal'.*hard, smoothing, teacher_free"):
        soft_labels("focal", K)
