"""What a training tells while it runs: speed, loss, learning rate, time left.

Asking for the loss waits for the device, so this is done every few seconds and never at
every step.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from rin.errors import InputError
from rin.files import write_atomically
from rin.training.standing import Standing

EVERY_SECONDS = 3.0


@dataclass(frozen=True)
class Reading:
    """A training at one moment; `speed` in cases a second, `left` in seconds, None if unknown."""

    epoch: int
    epochs: int
    speed: float | None
    loss: float
    learning_rate: float
    left: float | None

    @property
    def line(self) -> str:
        """Return the reading in words."""
        parts = [f"epoch {self.epoch}/{self.epochs}"]
        if self.speed is not None:
            parts.append(f"{self.speed:,.{0 if self.speed >= 10 else 1}f} images/s")
        parts += [f"loss {self.loss:.3g}", f"lr {self.learning_rate:.2g}"]
        if self.left is not None:
            parts.append(f"ETA {_duration(self.left)}")
        return ", ".join(parts)


class Watch(keras.callbacks.Callback):
    """Tells how a training goes, and ends one that diverges.

    Parameters
    ----------
    standing
        Kept by a `Journal` that comes before this callback.
    loss
        Running loss of the epoch.
    tell
        Is given a `Reading` every few seconds.
    where
        Names the training in the error.
    """

    def __init__(
        self,
        standing: Standing,
        loss: keras.metrics.Metric,
        tell: Callable[[Reading], None],
        where: str,
    ) -> None:
        super().__init__()
        self._s, self._loss, self._tell, self._where = standing, loss, tell, where
        self._last, self._validating = time.monotonic(), 0.0

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Tell how the batches before this one went, if it is time."""
        if batch and time.monotonic() - self._last >= EVERY_SECONDS:
            model = self.model
            self._check(loss := float(np.asarray(self._loss.result())))
            rate = float(np.asarray(model.optimizer.learning_rate))
            s = self._s
            self._tell(Reading(s.epoch + 1, s.epochs, s.speed, loss, rate, self._left()))
            self._last = time.monotonic()

    def on_test_begin(self, logs: dict | None = None) -> None:
        """Check the loss of a whole epoch."""
        self._check(float(np.asarray(self._loss.result())))
        self._began = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Learn how long validation takes."""
        self._validating = time.monotonic() - self._began

    def _left(self) -> float | None:
        s = self._s
        if s.speed is None:
            return None
        epochs = s.epochs - s.epoch
        return (epochs * s.images - s.done) / s.speed + epochs * self._validating

    def _check(self, loss: float) -> None:
        if not math.isfinite(loss):
            raise InputError(
                f"the training loss is {loss} in epoch {self._s.epoch + 1}, "
                f"step {self._s.step} of {self._s.steps}",
                where=self._where,
                remedy="Training diverged: lower the learning rate, or warm it up.",
            )


def write_line(path: Path, reading: Reading) -> None:
    """Write a reading into a file for whoever shows it; it is never half there."""
    with write_atomically(path) as draft:
        draft.write_text(reading.line, encoding="utf-8")


class EventLog(keras.callbacks.Callback):
    """Writes losses, accuracies, learning rate and speed of every epoch for TensorBoard.

    Parameters
    ----------
    folder
        Takes an event file.
    standing
        Kept by a `Journal` that comes before this callback.
    """

    def __init__(self, folder: Path, standing: Standing) -> None:
        super().__init__()
        self._folder, self._s, self._writer = folder, standing, None

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Write the epoch."""
        from tensorboardX import SummaryWriter

        done = self._s.epoch
        if self._writer is None:  # what a killed run wrote from here on counts no more
            self._writer = SummaryWriter(str(self._folder), purge_step=done)
        for name, value in self._s.curves[-1].items():
            self._writer.add_scalar(name, value, done)
        self._writer.flush()

    def on_train_end(self, logs: dict | None = None) -> None:
        """Close the file."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None


class Callbacks(keras.callbacks.CallbackList):
    """Callbacks that hear of the beginning of batches and never of their end.

    Keras turns the results of every batch into numbers for them, which waits for the device
    at every step and keeps it from running ahead.
    """

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Pass nothing on."""

    def on_test_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Pass nothing on."""


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
