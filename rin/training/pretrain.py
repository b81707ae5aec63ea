"""Pretraining a backbone from random initialisation on labelled images.

First version of the paper's pretraining: global average pooling, dropout and softmax
over the classes, 75/10/15, the epoch with the lowest validation loss kept.  Corpora
without patient ids are split by image, which the page says.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd
from sklearn.metrics import top_k_accuracy_score
from sklearn.model_selection import train_test_split

from rin.errors import InputError
from rin.models.build import Architecture
from rin.models.preprocessing import find_preprocessing
from rin.models.weights import file_sha256, random_weights
from rin.training.batches import Part
from rin.training.trainer import CompiledBlock, Recipe


class Settings(Protocol):
    """What pretraining needs to know; a profile's `pretraining` section has it."""

    size: int
    batch: int
    epochs: int
    learning_rate: float
    preprocessing: str
    augmentation: str
    dropout: float
    batch_norm_momentum: float


@dataclass(frozen=True)
class PretrainingMetrics:
    """How a pretraining went; accuracies are those of the test part, 0 to 1."""

    images: int
    classes: int
    training_images: int
    epochs: int
    steps: int
    top1: float
    top5: float
    seconds: float
    traces: int


@dataclass(frozen=True)
class PretrainingResult:
    """Learning curves (one row an epoch) and metrics."""

    history: pd.DataFrame
    metrics: PretrainingMetrics


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
        Random start of the backbone (the same for every corpus), split and order.
    """

    def __init__(
        self,
        backbone: str,
        settings: Settings,
        n_classes: int,
        *,
        seed: int,
    ) -> None:
        self._settings, self._seed = settings, seed
        self._start = random_weights(backbone, settings.size, seed)
        self._block = CompiledBlock(
            Architecture(
                backbone,
                "unfreeze_all",
                settings.size,
                n_classes=n_classes,
                channels=3,  # photographs have three; gray corpora share the compiled step
                augmentation=settings.augmentation,
                dropout=settings.dropout,
                batch_norm_momentum=settings.batch_norm_momentum,
            )
        )

    def train(self, images: np.ndarray, classes: np.ndarray) -> PretrainingResult:
        """Pretrain on one corpus from the random start.

        Parameters
        ----------
        images
            uint8 store, (n, size, size) or (n, size, size, 3).
        classes
            Class names, (n,).

        Raises
        ------
        InputError
            When a class is too small to stand in every part, or training diverges.
        """
        started = time.monotonic()
        s, names = self._settings, np.unique(classes)
        labels = np.searchsorted(names, classes)
        training, validation, test = split_rows(labels, self._seed)
        recipe = Recipe(s.learning_rate, s.epochs, s.batch, self._seed)
        history = self._block.train(
            self._start,
            find_preprocessing(s.preprocessing),
            recipe,
            Part(images, labels, training),
            Part(images, labels, validation),
        )
        held_out = Part(images, labels, test)
        probabilities, _ = self._block.predict(held_out, s.batch)
        top1, top5 = (
            float(top_k_accuracy_score(labels[test], probabilities[:, : len(names)], k=k))
            for k in (1, min(5, len(names) - 1))
        )
        metrics = PretrainingMetrics(
            images=len(labels),
            classes=len(names),
            training_images=len(training),
            epochs=s.epochs,
            steps=s.epochs * Part(images, labels, training).steps(s.batch),
            top1=top1,
            top5=top5,
            seconds=round(time.monotonic() - started, 1),
            traces=self._block.traces,
        )
        table = pd.DataFrame(history)
        table.insert(0, "epoch", np.arange(1, len(table) + 1))
        return PretrainingResult(table, metrics)

    def save(self, path: Path) -> str:
        """Write the backbone's weights as Keras `.weights.h5`; return their SHA-256."""
        self._block.parts.backbone.save_weights(path)
        return file_sha256(path)


def split_rows(labels: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Split rows 75/10/15 into training, validation and test, stratified by class.

    Raises
    ------
    InputError
        When a class has too few images for that.
    """
    smallest = int(np.bincount(labels).min())
    if smallest < 10:
        raise InputError(
            f"the smallest class has {smallest} images",
            where="pretraining corpus",
            remedy="Classes of at least 10 images can be split 75/10/15.",
        )
    rows = np.arange(len(labels))
    rest, test = train_test_split(rows, test_size=0.15, stratify=labels, random_state=seed)
    training, validation = train_test_split(
        rest, test_size=0.10 / 0.85, stratify=labels[rest], random_state=seed
    )
    return training, validation, test
