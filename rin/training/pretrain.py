"""Pretraining a backbone from random initialisation on labelled images, as in the paper.

The epoch with the lowest validation loss is kept.  A training that was killed goes on from its last
checkpoint.
"""

import math
import time
from contextlib import ExitStack
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
from rin.training import FEATURES, PROGRESS, UNUSED
from rin.training.batches import Part, ShuffledBatches
from rin.training.checkpoint import TrainingState, WorkFolder
from rin.training.trainer import CompiledBlock, Recipe, find_devices

_EVERY_SECONDS = 3.0  # between two lines of progress; asking for the loss waits for the device
_CHUNK = 8192  # images whose features are in memory at once


@dataclass(frozen=True)
class PretrainingResult:
    """What a pretraining left.

    `history` are the `curves` of `TrainingState`; `metrics` are accuracies on the test part, 0 to
    1, and the budget: `seconds` with testing and what killed attempts had done before their last
    checkpoints, `images_per_second` of training alone, `parameters` of the backbone without top;
    `predictions` are those of `score`; `classes` has label and images of each part, class by class.
    """

    history: pd.DataFrame
    metrics: dict[str, float | int | str]
    predictions: pd.DataFrame
    classes: pd.DataFrame


class PretrainingBlock:
    """One backbone, compiled once, pretrained on any number of corpora.

    `settings` are those of a profile's `pretraining` section.  Corpora with fewer than `n_classes`
    classes leave the other outputs unused.  The seed decides the random start of the backbone and
    the order of the images. `channels` is 3 where any corpus has photographs.  InputError for an
    unknown name, too small images, too few devices, or a batch that they cannot share evenly.
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
        self._settings, self._seed = settings, seed
        sharing = find_devices(devices)
        if settings.batch % sharing.count:
            raise InputError(
                f"{sharing.count} devices cannot share a batch of {settings.batch} evenly",
                where="pretraining.batch",
                remedy="Choose a multiple of the number of devices.",
            )
        self._start = random_weights(backbone, settings.size, seed)
        of_network = settings.model_dump(
            include={"size", "augmentation", "dropout", "batch_norm_momentum"}
        )
        of_step = settings.model_dump(include={"optimizer", "weight_decay", "loss"})
        architecture = Architecture(
            backbone, "unfreeze_all", n_classes=n_classes, channels=channels, **of_network
        )
        self._block = CompiledBlock(architecture, **of_step, devices=sharing)

    @property
    def backbone(self) -> keras.Model:
        """The backbone, with the weights of the last training."""
        return self._block.parts.backbone

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
        corpus that the network cannot be trained on, a part without images, a store that cannot be
        read, or when training diverges.
        """
        s, started = self._settings, time.monotonic()
        made_by = {
            "backend": f"{keras.backend.backend()} with keras {keras.__version__}",
            "precision": keras.config.dtype_policy().name,
            "devices": str(self._block.devices.count),
        }
        work = work and replace(work, identity=work.identity | made_by)
        epochs = epochs or s.epochs
        names, labels = np.unique(classes, return_inverse=True)
        self._check(images, names, labels, parts)
        by_part = {name: Part(images, labels, np.flatnonzero(parts == name)) for name in PARTS}
        training, validation, test = by_part.values()
        counts = {
            name: np.bincount(labels[part.rows], minlength=len(names))
            for name, part in by_part.items()
        }
        weights = None
        if s.class_weights == "balanced":
            weights = (len(training.rows) / (len(names) * counts["train"])).astype("float32")
        where = f"{self._block.architecture.backbone} at {s.learning_rate:g}"
        progress = work.folder / PROGRESS if work else None
        state = self._block.fit(
            self._start,
            find_preprocessing(preprocessing),
            Recipe(s.learning_rate, epochs, s.batch, self._seed, s.schedule, s.warmup),
            training,
            validation,
            class_weights=weights,
            watcher=partial(ProgressReporter, where=where, path=progress),
            work=work,
        )
        if s.batch_norm_recalibration:
            recalibrate(self._block, training, s.batch, s.batch_norm_recalibration, self._seed)
        features = work.folder / FEATURES if work else None
        predictions = score(self._block, test, s.batch, names, features)
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
            "seconds": round(state.earlier + time.monotonic() - started, 1),
            "images_per_second": round(float(history["images_per_second"].median()), 1),
            "parameters": self.backbone.count_params(),
            "devices": self._block.devices.count,
            "precision": made_by["precision"],
            "resumed": state.resumed,
            "traces": self._block.traces,
        }
        table = pd.DataFrame({"label": names} | counts)
        return PretrainingResult(history, metrics, predictions, table)

    def _check(
        self, images: np.ndarray, names: np.ndarray, labels: np.ndarray, parts: np.ndarray
    ) -> None:
        """Raise `InputError` unless the network can be trained on a corpus; `UNUSED` is no part."""

        def refuse(bad: bool, problem: str, remedy: str) -> None:
            if bad:
                raise InputError(problem, where="pretraining corpus", remedy=remedy)

        size, outputs = self._settings.size, self._block.architecture.n_classes
        shape, counts = images.shape[1:3], [len(images), len(labels), len(parts)]
        problem = f"images of {shape} pixels and not {size} x {size}"
        refuse(shape != (size, size), problem, "Build the store at the size of the pretraining.")
        problem = "{} images, {} class names and {} parts".format(*counts)
        refuse(len({*counts}) > 1, problem, "Give one of each for every image.")
        problem = f"{len(names)} classes for {outputs} outputs"
        refuse(len(names) > outputs, problem, "Build the block for the corpus with most classes.")
        odd = ", ".join(repr(part) for part in sorted({*parts.tolist()} - {*PARTS, UNUSED}))
        refuse(bool(odd), f"unknown part {odd}", f"Known: {', '.join(PARTS)}.")
        missing = ", ".join(np.setdiff1d(names, names[labels[parts == "train"]]))
        remedy = "Split again, or leave the class out with the manifest's label_map."
        refuse(bool(missing), f"no training image of class {missing}", remedy)


def score(
    block: CompiledBlock, test: Part, batch: int, names: np.ndarray, features: Path | None = None
) -> pd.DataFrame:
    """Return what a network says of every test image.

    The row in the store, then the columns of `read_probabilities`; outputs beyond the class names
    are not counted.  `features` is where the pooled features of the backbone go, float32
    (n, channels) as `.npy`.
    """
    tables, shape = [], (len(test.rows), block.parts.backbone.output_shape[-1])
    with ExitStack() as opened:
        file = None
        if features:  # by ordinary writes: a memory map ends the process where the disk is full
            draft = opened.enter_context(write_atomically(features))
            file = opened.enter_context(draft.open("wb"))
            header = {"descr": "<f4", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, len(test.rows), _CHUNK):
            chunk = replace(test, rows=test.rows[start : start + _CHUNK])
            logits, pooled = block.embed(chunk, batch)
            probabilities = softmax(logits, axis=1)[:, : len(names)]
            tables.append(read_probabilities(probabilities, test.labels[chunk.rows]))
            if file:
                file.write(pooled.astype("<f4").tobytes())
    table = pd.concat(tables, ignore_index=True)
    table.insert(0, "row", test.rows)
    return table.assign(truth=names[table["truth"]], predicted=names[table["predicted"]])


def read_probabilities(probabilities: np.ndarray, truth: np.ndarray) -> pd.DataFrame:
    """Return truth, predicted (labels), in_top5, confidence and truth_probability of each image.

    With five classes or fewer, `in_top5` leaves out the least likely one.
    """
    of_truth = probabilities[np.arange(len(truth)), truth]
    rank = (probabilities > of_truth[:, np.newaxis]).sum(axis=1)
    return pd.DataFrame(
        {
            "truth": truth,
            "predicted": probabilities.argmax(axis=1),
            "in_top5": rank < min(5, probabilities.shape[1] - 1),
            "confidence": probabilities.max(axis=1),
            "truth_probability": of_truth,
        }
    )


def recalibrate(block: CompiledBlock, training: Part, batch: int, count: int, seed: int) -> None:
    """Set the moving averages of every batch normalisation to their means over some batches.

    The `count` first batches of the seed, without augmentation and dropout.
    """
    backbone = block.parts.backbone
    layers = [n for n in backbone.layers if isinstance(n, keras.layers.BatchNormalization)]
    if not layers:
        return
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
                backbone(block.parts.preprocess(pixels), training=True)
    finally:
        for layer, (momentum, synchronized) in zip(layers, before, strict=True):
            layer.momentum, layer.synchronized = momentum, synchronized


class ProgressReporter(keras.callbacks.Callback):
    """Tells how a training goes, and ends one that diverges.

    Every few seconds a line about the state, a callback that comes before this one, and the running
    loss is written to `path`, if there is one; `where` names the training in the error.
    """

    def __init__(
        self, state: TrainingState, loss: keras.metrics.Metric, where: str, path: Path | None
    ) -> None:
        super().__init__()
        self._s, self._loss, self._where, self._path = state, loss, where, path
        self._last, self._validating = time.monotonic(), 0.0

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Report the batches before this one, if it is time."""
        if not batch or time.monotonic() - self._last < _EVERY_SECONDS:
            return
        s, model = self._s, self.model  # before the loss: on JAX it brings variables up to date
        rate = float(np.asarray(model.optimizer.learning_rate))
        parts = [f"epoch {s.epoch + 1}/{s.epochs}", f"loss {self._check():.3g}", f"lr {rate:.2g}"]
        if s.speed is not None:
            epochs = s.epochs - s.epoch
            left = (epochs * s.images - s.done) / s.speed + epochs * self._validating
            parts.insert(1, f"{s.speed:,.{0 if s.speed >= 10 else 1}f} images/s")
            parts.append(f"ETA {tqdm.format_interval(left)}")
        if self._path is not None:
            with write_atomically(self._path) as draft:
                draft.write_text(", ".join(parts), encoding="utf-8")
        self._last = time.monotonic()

    def on_test_begin(self, logs: dict | None = None) -> None:
        """Check the loss of a whole epoch."""
        self._check()
        self._began = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Learn how long validation takes."""
        self._validating = time.monotonic() - self._began

    def _check(self) -> float:
        """Return the running loss, or end the training where it is no number."""
        loss = float(np.asarray(self._loss.result()))
        if not math.isfinite(loss):
            raise InputError(
                f"the training loss is {loss} in epoch {self._s.epoch + 1}, "
                f"step {self._s.step} of {self._s.steps}",
                where=self._where,
                remedy="Training diverged: lower the learning rate, or warm it up.",
            )
        return loss
