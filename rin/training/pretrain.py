"""Pretraining a backbone from random initialisation on labelled images, as in the paper.

The weights of the epoch with the lowest validation loss are kept.  A killed training goes on from
its last checkpoint.
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
from rin.training.trainer import ReusableClassifier, TrainingSettings

#: Least time between two lines of progress, because reading the loss waits for the device.
EVERY_SECONDS = 3.0


@dataclass(frozen=True)
class PretrainingResult:
    """The result of a pretraining.

    `history` has the `curves` of `TrainingState`; `metrics` has accuracies on the test part, 0 to
    1, and the budget, in which `seconds` is the time of all epochs and of testing; `predictions`
    has each test image's row in the store, then the columns of `read_probabilities`.
    """

    history: pd.DataFrame
    metrics: dict[str, float | int | str]
    predictions: pd.DataFrame


class PretrainingBlock:
    """One backbone, compiled once, for pretraining on any number of corpora.

    `settings` are those of a profile's `pretraining` section.  A corpus with fewer than
    `n_classes` classes leaves the other outputs unused.  `seed` decides the backbone's first
    weights, `start`, and the order of the images.  InputError for an unknown name or too small
    images.
    """

    def __init__(
        self,
        backbone: str,
        settings: Any,
        n_classes: int,
        *,
        seed: int,
        channels: int = 3,
    ) -> None:
        self.settings, self.seed = settings, seed
        self.start = random_weights(backbone, settings.size, seed)
        of_network = {"size", "augmentation", "dropout", "batch_norm_momentum"}
        stated = settings.model_dump(include=of_network) | {"channels": channels}
        architecture = Architecture(backbone, "unfreeze_all", n_classes=n_classes, **stated)
        self.compiled = ReusableClassifier(architecture, loss=settings.loss)

    @property
    def backbone(self) -> keras.Model:
        """The backbone, with the weights from the last training."""
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
        """Pretrain on one corpus from the random start, or from the last checkpoint.

        `images` is a uint8 store (n, size, size) or (n, size, size, 3); `classes` and `parts` are
        the class name and the part of every image, (n,); `preprocessing` is a name.  `epochs` are
        by default those of the settings.  Without `work`, no checkpoint, progress or features are
        written.  InputError if the store cannot be read or training diverges.
        """
        s, block = self.settings, self.compiled
        precision = keras.config.dtype_policy().name
        if work:
            backend = f"{keras.backend.backend()} with Keras {keras.__version__}"
            work = replace(work, made_by=f"{backend} in {precision}")
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
            (training, validation),
            watcher=partial(ProgressReporter, where=where, path=progress),
            work=work,
        )
        fitted = time.monotonic()
        if s.batch_norm_recalibration:
            recalibrate(block, training, s.batch, s.batch_norm_recalibration, self.seed)
        logits, features = block.embed(test, s.batch)
        # Outputs beyond the classes of the corpus are left out.
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
            "precision": precision,
            "resumed": state.resumed,
            "traces": block.traces,
        }
        return PretrainingResult(history, metrics, predictions)


def read_probabilities(
    probabilities: np.ndarray, truth: np.ndarray, names: np.ndarray
) -> pd.DataFrame:
    """Return truth, predicted (names), in_top5, confidence and truth_probability of each image.

    With five classes or fewer, `in_top5` is true for all classes but the least likely.
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
    """Set the moving averages of every batch normalisation to their means over `count` batches.

    Layers that are frozen are recomputed, too.
    """
    backbone = block.network.backbone
    layers = [n for n in backbone.layers if isinstance(n, keras.layers.BatchNormalization)]
    names = "momentum", "trainable"
    before = [[getattr(layer, name) for name in names] for layer in layers]
    channels = block.architecture.channels
    batches = ShuffledBatches(training, batch=batch, channels=channels, seed=seed)
    try:
        for number in range(count):
            images, _ = batches[number]
            for layer in layers:  # with this momentum, the average is a plain mean over batches
                layer.momentum = number / (number + 1)
                layer.trainable = True  # a frozen layer would use its averages
            pixels = keras.ops.cast(images, "float32")
            backbone(block.network.preprocess(pixels), training=True)
    finally:
        for layer, values in zip(layers, before, strict=True):
            for name, value in zip(names, values, strict=True):
                setattr(layer, name, value)


class ProgressReporter(keras.callbacks.Callback):
    """Reports the progress of a training, and ends a training that diverges.

    Every few seconds it writes a line to `path`, if that is given; `where` names the training in
    the error.
    """

    def __init__(
        self, state: TrainingState, where: str, path: Path | None, every: float = EVERY_SECONDS
    ) -> None:
        super().__init__()
        self._state, self._where, self._path, self._every = state, where, path, every
        self._last = time.monotonic()

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Report the batches before this one, if a line is due."""
        if not batch or time.monotonic() - self._last < self._every:
            return
        # `self.model` comes before the loss, because on JAX it updates the variables.
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
        """Return the running loss; InputError if it is not finite."""
        s = self._state
        loss = float(np.asarray(s.meters[0].result()))
        if not math.isfinite(loss):
            problem = f"the loss is {loss} in epoch {s.epoch + 1}, step {s.step} of {s.steps}"
            remedy = "Training diverged: lower the learning rate, or warm it up."
            raise InputError(problem, where=self._where, remedy=remedy)
        return loss
