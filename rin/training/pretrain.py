"""Pretraining a backbone from random initialisation on labelled images, as in the paper.

The epoch with the lowest validation loss is kept.  A training that was killed goes on from its
last checkpoint.
"""

import math
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
from scipy.special import softmax
from tqdm import tqdm

from rin.data.manifest import PARTS
from rin.errors import InputError
from rin.files import write_atomically
from rin.models.build import Architecture
from rin.models.preprocessing import find_preprocessing
from rin.models.weights import random_weights
from rin.training import FEATURES, PROGRESS
from rin.training.batches import ImageSubset, ShuffledBatches
from rin.training.checkpoint import TrainingState, WorkFolder
from rin.training.trainer import ReusableClassifier, TrainingSettings, find_devices

#: Between two lines of progress; asking for the loss waits for the device.
EVERY_SECONDS = 3.0


@dataclass(frozen=True)
class PretrainingResult:
    """What a pretraining left.

    `history` are the `curves` of `TrainingState`; `metrics` are accuracies on the test part, 0 to
    1, and the budget, `seconds` being those of all epochs and of testing; `predictions` has the
    row of each test image in the store, then the columns of `read_probabilities`.
    """

    history: pd.DataFrame
    metrics: dict[str, float | int | str]
    predictions: pd.DataFrame


class PretrainingBlock:
    """One backbone, compiled once, pretrained on any number of corpora.

    `settings` are those of a profile's `pretraining` section.  Corpora with fewer than `n_classes`
    classes leave the other outputs unused.  The seed decides the random `start` of the backbone
    and the order of the images.  InputError for an unknown name, too small images, too few
    devices, or a batch that they cannot share evenly.
    """

    def __init__(
        self,
        backbone: str,
        settings: Any,
        n_classes: int,
        *,
        seed: int,
        channels: int = 3,
        devices: int | str | None = None,
    ) -> None:
        self.settings, self.seed = settings, seed
        sharing = find_devices(devices)
        if settings.batch % sharing.count:
            problem = f"{sharing.count} devices cannot share a batch of {settings.batch} evenly"
            remedy = "Choose a multiple of the number of devices."
            raise InputError(problem, where="pretraining.batch", remedy=remedy)
        self.start = random_weights(backbone, settings.size, seed)
        of_network = {"size", "augmentation", "dropout", "batch_norm_momentum"}
        stated = settings.model_dump(include=of_network) | {"channels": channels}
        architecture = Architecture(backbone, "unfreeze_all", n_classes=n_classes, **stated)
        self.compiled = ReusableClassifier(architecture, loss=settings.loss, devices=sharing)

    @property
    def backbone(self) -> keras.Model:
        """The backbone, with the weights of the last training."""
        return self.compiled.network.backbone

    def train(
        self,
        images: np.ndarray,
        classes: np.ndarray,
        parts: np.ndarray,
        preprocessing: str,
        work: WorkFolder | None = None,
        *,
        epochs: int | None = None,
    ) -> PretrainingResult:
        """Pretrain on one corpus from the random start, or from where it was killed.

        From a uint8 store (n, size, size) or (n, size, size, 3), with class name and part of every
        image, (n,), and the name of the preprocessing; for the settings' epochs unless others are
        given.  Without `work` checkpoint, progress and features go nowhere.  InputError for a
        store that cannot be read, or when training diverges.
        """
        s, block = self.settings, self.compiled
        precision, devices = keras.config.dtype_policy().name, block.devices.count
        if work:
            backend = f"{keras.backend.backend()} with Keras {keras.__version__}"
            work = replace(work, made_by=f"{backend} in {precision} on {devices} device(s)")
        epochs = epochs or s.epochs
        names, labels = np.unique(classes, return_inverse=True)
        by_part = {
            name: ImageSubset(images, labels, np.flatnonzero(parts == name)) for name in PARTS
        }
        training, validation, test = by_part.values()
        where = f"{block.architecture.backbone} at {s.learning_rate:g}"
        progress = work.folder / PROGRESS if work else None
        state = block.fit(
            self.start,
            find_preprocessing(preprocessing),
            TrainingSettings(s.learning_rate, epochs, s.batch, self.seed, s.schedule, s.warmup),
            training,
            validation,
            watcher=partial(ProgressReporter, where=where, path=progress),
            work=work,
        )
        fitted = time.monotonic()
        if s.batch_norm_recalibration:
            recalibrate(block, training, s.batch, s.batch_norm_recalibration, self.seed)
        logits, features = block.embed(test, s.batch)
        # Outputs beyond the classes of the corpus are not counted.
        probabilities = softmax(logits, axis=1)[:, : len(names)]
        predictions = read_probabilities(probabilities, labels[test.rows], names)
        predictions.insert(0, "row", test.rows)
        if work:
            with write_atomically(work.folder / FEATURES) as draft:
                np.save(draft, features)
        history = pd.DataFrame(state.curves)
        history.insert(0, "epoch", np.arange(1, len(history) + 1))
        right = predictions["truth"] == predictions["predicted"]
        metrics = {
            "images": sum(len(part.rows) for part in by_part.values()),
            "classes": len(names),
            "training_images": len(training.rows),
            "epochs": epochs,
            "steps": epochs * state.steps,
            "top1": float(right.mean()),
            "top5": float(predictions["in_top5"].mean()),
            "balanced_accuracy": float(right.groupby(predictions["truth"]).mean().mean()),
            "seconds": round(history["seconds"].sum() + time.monotonic() - fitted, 1),
            "images_per_second": round(float(history["images_per_second"].median()), 1),
            "parameters": self.backbone.count_params(),
            "devices": devices,
            "precision": precision,
            "resumed": state.resumed,
            "traces": block.traces,
        }
        return PretrainingResult(history, metrics, predictions)


def read_probabilities(
    probabilities: np.ndarray, truth: np.ndarray, names: np.ndarray
) -> pd.DataFrame:
    """Return truth, predicted (names), in_top5, confidence and truth_probability of each image.

    With five classes or fewer, `in_top5` leaves out the least likely one.
    """
    of_truth = probabilities[np.arange(len(truth)), truth]
    rank = (probabilities > of_truth[:, np.newaxis]).sum(axis=1)
    return pd.DataFrame(
        {
            "truth": names[truth],
            "predicted": names[probabilities.argmax(axis=1)],
            "in_top5": rank < min(5, probabilities.shape[1] - 1),
            "confidence": probabilities.max(axis=1),
            "truth_probability": of_truth,
        }
    )


def recalibrate(
    block: ReusableClassifier, training: ImageSubset, batch: int, count: int, seed: int
) -> None:
    """Set the moving averages of every batch normalisation to their means over `count` batches."""
    backbone = block.network.backbone
    layers = [n for n in backbone.layers if isinstance(n, keras.layers.BatchNormalization)]
    before = [(layer.momentum, layer.synchronized) for layer in layers]
    channels = block.architecture.channels
    batches = ShuffledBatches(training, batch=batch, channels=channels, seed=seed)
    try:
        for number in range(count):
            images, _ = batches[number]
            for layer in layers:  # the mean of n + 1 values is n / (n + 1) of that of n, and more
                layer.momentum, layer.synchronized = number / (number + 1), False
            with block.devices.scope():
                pixels = keras.ops.cast(images, "float32")
                backbone(block.network.preprocess(pixels), training=True)
    finally:
        for layer, (momentum, synchronized) in zip(layers, before, strict=True):
            layer.momentum, layer.synchronized = momentum, synchronized


class ProgressReporter(keras.callbacks.Callback):
    """Tells how a training goes, and ends one that diverges.

    Every few seconds a line about its state is written to `path`, if there is one; `where` names
    the training in the error.
    """

    def __init__(
        self, state: TrainingState, where: str, path: Path | None, every: float = EVERY_SECONDS
    ) -> None:
        super().__init__()
        self._state, self._where, self._path, self._every = state, where, path, every
        self._last = time.monotonic()

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Report the batches before this one, if it is time."""
        if not batch or time.monotonic() - self._last < self._every:
            return
        # The model before the loss: on JAX it brings variables up to date.
        rate, loss = float(np.asarray(self.model.optimizer.learning_rate)), self._check()
        if self._path is not None:
            s = self._state
            share = s.step / s.steps  # of the epoch
            speed, left = share * s.images / s.seconds, s.epochs - s.epoch - share
            line = f"epoch {s.epoch + 1}/{s.epochs}, {speed:,.1f} images/s, loss {loss:.3g}, "
            line += f"lr {rate:.2g}, ETA {tqdm.format_interval(left * s.seconds / share)}"
            with write_atomically(self._path) as draft:
                draft.write_text(line, encoding="utf-8")
        self._last = time.monotonic()

    def on_test_begin(self, logs: dict | None = None) -> None:
        """Check the loss of a whole epoch."""
        self._check()

    def _check(self) -> float:
        """Return the running loss, or end the training where it is no number."""
        s = self._state
        loss = float(np.asarray(s.meters[0].result()))
        if not math.isfinite(loss):
            problem = f"the loss is {loss} in epoch {s.epoch + 1}, step {s.step} of {s.steps}"
            remedy = "Training diverged: lower the learning rate, or warm it up."
            raise InputError(problem, where=self._where, remedy=remedy)
        return loss
