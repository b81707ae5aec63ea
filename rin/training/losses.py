"""Losses for pretraining: hard labels, and three ways to soften them.

Label smoothing gives every other class the same share.  Teacher-free distillation (Yuan et al.,
CVPR 2020) softens the output of a teacher that gives the true class a probability of .99.  In
online label smoothing (Zhang et al., IEEE Trans Image Process 2021;30:5984) the soft label of a
class is the mean prediction for its correctly classified images in the previous epoch.
"""

from typing import Any

import keras
import numpy as np
from keras import ops
from scipy.special import softmax

from rin.errors import look_up

LOSSES = ("hard", "smoothing", "teacher_free", "online")
SMOOTHING, TEACHER_RIGHT = 0.1, 0.99
#: Settings of teacher-free distillation, as its authors use them for ResNets.
TEMPERATURE, TEACHER_SHARE, MULTIPLIER = 20.0, 0.1, 100.0
ONLINE_SHARE = 0.5


def soft_labels(name: str, n_classes: int) -> np.ndarray:
    """Return a loss's initial soft label of each class; float32 (classes, classes)."""
    look_up("loss", name, LOSSES)
    if name == "online":
        return np.full((n_classes, n_classes), 1 / n_classes, np.float32)
    right = {"smoothing": 1 - SMOOTHING, "teacher_free": TEACHER_RIGHT}.get(name, 1.0)
    hard = np.eye(n_classes)
    table = right * hard + (1 - right) * (1 - hard) / (n_classes - 1)
    if name == "teacher_free":
        table = softmax(table / TEMPERATURE, axis=1)
    return table.astype(np.float32)


class OnlineLabels(keras.metrics.Metric):
    """The soft labels of an epoch, and the sums from which those of the next epoch are computed.

    As a metric, they are variables of the compiled step.
    """

    def __init__(self, n_classes: int) -> None:
        super().__init__(name="online_labels")
        n, even = n_classes, keras.initializers.Constant(1 / n_classes)
        self.labels = self.add_weight(shape=(n, n), initializer=even, name="labels")
        self.sums = self.add_weight(shape=(n, n), initializer="zeros", name="sums")
        self.counts = self.add_weight(shape=(n,), initializer="zeros", name="counts")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add the predictions for correctly classified images to the rows of their classes."""
        labels = ops.cast(ops.reshape(y_true, (-1,)), "int32")
        y_pred = ops.cast(y_pred, "float32")
        right = ops.equal(ops.cast(ops.argmax(y_pred, axis=-1), "int32"), labels)
        rows = ops.one_hot(labels, self.counts.shape[0], dtype="float32")
        rows = rows * ops.cast(right, "float32")[:, None]
        self.sums.assign_add(ops.matmul(ops.transpose(rows), y_pred))
        self.counts.assign_add(ops.sum(rows, axis=0))

    def reset_state(self) -> None:
        """Set the sums to zero, and keep the labels."""
        for sums in (self.sums, self.counts):
            sums.assign(ops.zeros_like(sums))

    def result(self) -> Any:
        """Return the share of classes with a correctly classified image so far."""
        return ops.mean(ops.cast(self.counts > 0, "float32"))

    def next_labels(self) -> np.ndarray:
        """Return the mean prediction for each class; uniform for one without a correct image."""
        sums, counts = np.asarray(self.sums), np.asarray(self.counts)
        even = np.full_like(sums, 1 / len(sums))
        return np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], even)


class SoftLabelLoss(keras.losses.Loss):
    """Cross-entropy with soft labels, `online` or fixed, combined with that of hard labels."""

    def __init__(self, name: str, n_classes: int, online: OnlineLabels | None = None) -> None:
        super().__init__(name=f"{name}_loss")
        table = soft_labels(name, n_classes)
        self._labels = table if online is None else online.labels
        self._share = {"teacher_free": TEACHER_SHARE, "online": ONLINE_SHARE}.get(name, 1.0)
        # Minus the teacher's own entropy, the loss is a divergence, which the authors also average
        # over classes and multiply by a constant.
        distils = name == "teacher_free"
        self._entropy = float(-(table[0] * np.log(table[0])).sum()) if distils else 0.0
        self._weight = MULTIPLIER / n_classes if distils else 1.0

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss of each image."""
        labels = ops.cast(ops.reshape(y_true, (-1,)), "int32")
        logs = ops.log(ops.clip(ops.cast(y_pred, "float32"), keras.backend.epsilon(), 1.0))
        table = ops.convert_to_tensor(self._labels)
        soft = -ops.sum(ops.take(table, labels, axis=0) * logs, axis=-1) - self._entropy
        hard = -ops.take_along_axis(logs, labels[:, None], axis=-1)[:, 0]
        return (1 - self._share) * hard + self._share * self._weight * soft


class LabelTurn(keras.callbacks.Callback):
    """Replaces the soft labels after each epoch, once it is validated."""

    def __init__(self, online: OnlineLabels) -> None:
        super().__init__()
        self._online = online

    def on_test_begin(self, logs: dict | None = None) -> None:
        """Compute the next labels from the training sums, before validation adds to them."""
        self.model  # noqa: B018 - on JAX, variables hold the last step's values only after this
        self._next = self._online.next_labels()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Use the next labels from now on."""
        self._online.labels.assign(self._next)
