"""Pretraining a backbone from random initialisation on labelled images.

The paper's pretraining: global average pooling, dropout and softmax over the classes, the
epoch with the lowest validation loss kept.  The caller says which part of the split every
image belongs to.  A training that was killed goes on from its last checkpoint.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from rin.errors import InputError
from rin.files import sha256_of
from rin.models.build import Architecture
from rin.models.preprocessing import Preprocessing, find_preprocessing
from rin.models.weights import random_weights
from rin.training.batches import Part
from rin.training.checkpoint import Checkpoint
from rin.training.devices import find_devices
from rin.training.pretrain_records import (
    CHECKPOINT,
    FEATURES,
    PARTS,
    PROGRESS,
    PretrainingMetrics,
    PretrainingResult,
    Settings,
    Workplace,
    check_corpus,
)
from rin.training.progress import EventLog, Watch, write_line
from rin.training.recalibrate import recalibrate
from rin.training.scoring import score
from rin.training.standing import Standing
from rin.training.trainer import CompiledBlock, Recipe

__all__ = [
    "PARTS",
    "PretrainingBlock",
    "PretrainingMetrics",
    "PretrainingResult",
    "Settings",
    "Workplace",
]


class PretrainingBlock:
    """One backbone, compiled once, pretrained on any number of corpora.

    Parameters
    ----------
    backbone
        Name of the backbone.
    settings
        Numbers of the pretraining.
    n_classes
        Outputs of the softmax; corpora with fewer classes leave the rest unused.
    seed
        Random start of the backbone (the same for every corpus) and order of the images.
    channels
        3 where any corpus has photographs; gray corpora share the compiled step.
    devices
        See `rin.training.devices.find_devices`.

    Raises
    ------
    InputError
        For an unknown name, too small images, too few devices, or a batch that they cannot
        share evenly.
    """

    def __init__(
        self,
        backbone: str,
        settings: Settings,
        n_classes: int,
        *,
        seed: int,
        channels: int = 3,
        devices: int | str | None = None,
    ) -> None:
        self._settings, self._seed, self._name = settings, seed, backbone
        found = find_devices(devices)
        if settings.batch % found.count:
            raise InputError(
                f"{found.count} devices cannot share a batch of {settings.batch} evenly",
                where="pretraining.batch",
                remedy="Choose a multiple of the number of devices.",
            )
        self._start = random_weights(backbone, settings.size, seed)
        architecture = Architecture(
            backbone,
            "unfreeze_all",
            settings.size,
            n_classes=n_classes,
            channels=channels,
            augmentation=settings.augmentation,
            dropout=settings.dropout,
            batch_norm_momentum=settings.batch_norm_momentum,
        )
        self._block = CompiledBlock(
            architecture,
            optimizer=settings.optimizer,
            weight_decay=settings.weight_decay,
            devices=found,
        )

    @property
    def backbone(self) -> keras.Model:
        """The backbone, with the weights of the last training."""
        return self._block.parts.backbone

    def train(
        self,
        images: np.ndarray,
        classes: np.ndarray,
        parts: np.ndarray,
        contract: str,
        work: Workplace | None = None,
    ) -> PretrainingResult:
        """Pretrain on one corpus from the random start, or from where it was killed.

        Parameters
        ----------
        images
            uint8 store, (n, size, size) or (n, size, size, 3).
        classes
            Class names, (n,).
        parts
            `train`, `validation` or `test` for every image, (n,).
        contract
            Name of the input contract.
        work
            Where checkpoint, progress and features go; without one, nowhere.

        Raises
        ------
        InputError
            When images are not uint8 or of another size, a class or a part lacks images, the
            store cannot be read, or training diverges.
        """
        started = time.monotonic()
        names = np.unique(classes)
        labels = np.searchsorted(names, classes)
        outputs = self._block.architecture.n_classes
        check_corpus(images, names, labels, parts, size=self._settings.size, outputs=outputs)
        by_part = [Part(images, labels, np.flatnonzero(parts == part)) for part in PARTS]
        training, validation, test = by_part
        standing = self._fit(training, validation, len(names), find_preprocessing(contract), work)
        if batches := self._settings.batch_norm_recalibration:
            recalibrate(self._block, training, self._settings.batch, batches, self._seed)
        features = work.folder / FEATURES if work else None
        predictions = score(self._block, test, self._settings.batch, names, features)
        history = pd.DataFrame(standing.curves)
        history.insert(0, "epoch", np.arange(1, len(history) + 1))
        seconds = standing.earlier + time.monotonic() - started
        metrics = self._metrics(standing, by_part, predictions, seconds)
        return PretrainingResult(history, metrics, predictions, _class_table(names, by_part))

    def save(self, path: Path) -> str:
        """Write the backbone's weights as Keras `.weights.h5`; return their SHA-256."""
        self.backbone.save_weights(path)
        return sha256_of(path)

    def _fit(
        self,
        training: Part,
        validation: Part,
        n_classes: int,
        contract: Preprocessing,
        work: Workplace | None,
    ) -> Standing:
        s = self._settings
        weights = None
        if s.class_weights == "balanced":
            counts = np.bincount(training.labels[training.rows], minlength=n_classes)
            weights = (len(training.rows) / (n_classes * counts)).astype("float32")
        return self._block.fit(
            self._start,
            contract,
            Recipe(s.learning_rate, s.epochs, s.batch, self._seed, s.schedule, s.warmup),
            training,
            validation,
            class_weights=weights,
            watchers=partial(self._watchers, work),
            checkpoint=self._checkpoint(work) if work else None,
        )

    def _watchers(
        self, work: Workplace | None, standing: Standing, loss: keras.metrics.Metric
    ) -> list[keras.callbacks.Callback]:
        where = f"{self._name} at {self._settings.learning_rate:g}"
        tell: Callable = partial(write_line, work.folder / PROGRESS) if work else lambda _: None
        logs = [EventLog(work.events, standing)] if work and work.events else []
        return [Watch(standing, loss, tell, where), *logs]

    def _checkpoint(self, work: Workplace) -> Checkpoint:
        made_by = {
            "backend": f"{keras.backend.backend()} with keras {keras.__version__}",
            "precision": keras.config.dtype_policy().name,
            "devices": str(self._block.devices.count),
        }
        return Checkpoint(work.folder / CHECKPOINT, work.identity | made_by, work.minutes)

    def _metrics(
        self, standing: Standing, parts: list[Part], predictions: pd.DataFrame, seconds: float
    ) -> PretrainingMetrics:
        right = predictions["truth"] == predictions["predicted"]
        curves = pd.DataFrame(standing.curves)
        return PretrainingMetrics(
            images=sum(len(part.rows) for part in parts),
            classes=int(parts[0].labels.max()) + 1,
            training_images=len(parts[0].rows),
            epochs=standing.epochs,
            steps=standing.epochs * standing.steps,
            top1=float(right.mean()),
            top5=float(predictions["in_top5"].mean()),
            balanced_accuracy=float(right.groupby(predictions["truth"]).mean().mean()),
            seconds=round(seconds, 1),
            images_per_second=round(float(curves["images_per_second"].median()), 1),
            parameters=self.backbone.count_params(),
            devices=self._block.devices.count,
            precision=keras.config.dtype_policy().name,
            resumed=standing.resumed,
            traces=self._block.traces,
        )


def _class_table(names: np.ndarray, parts: list[Part]) -> pd.DataFrame:
    counts = {
        name: np.bincount(part.labels[part.rows], minlength=len(names))
        for name, part in zip(PARTS, parts, strict=True)
    }
    return pd.DataFrame({"label": names} | counts)
