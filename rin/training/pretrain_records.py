"""What pretraining is given, what it leaves, and which corpora it refuses."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd

from rin.errors import InputError

PARTS = ("train", "validation", "test")
CHECKPOINT, PROGRESS, FEATURES = "checkpoint.safetensors", "progress.txt", "features.npy"


class Settings(Protocol):
    """What pretraining needs to know; a profile's `pretraining` section has it."""

    size: int
    batch: int
    epochs: int
    optimizer: str
    weight_decay: float
    learning_rate: float
    schedule: str
    warmup: float
    class_weights: str
    augmentation: str
    dropout: float
    batch_norm_momentum: float
    batch_norm_recalibration: int


@dataclass(frozen=True)
class PretrainingMetrics:
    """How a pretraining went; accuracies are those of the test part, 0 to 1.

    `seconds` is the time of training, testing and what killed attempts had done before their
    last checkpoints; `images_per_second` is that of training alone; `parameters` counts those
    of the backbone without top; `resumed` tells how often a killed attempt was gone on with.
    """

    images: int
    classes: int
    training_images: int
    epochs: int
    steps: int
    top1: float
    top5: float
    balanced_accuracy: float
    seconds: float
    images_per_second: float
    parameters: int
    devices: int
    precision: str
    resumed: int
    traces: int


@dataclass(frozen=True)
class PretrainingResult:
    """What a pretraining left.

    Attributes
    ----------
    history
        One row an epoch: epoch, loss, accuracy, val_loss, val_accuracy, learning_rate,
        images_per_second, seconds.
    metrics
        Accuracy and budget.
    predictions
        One row a test image: row (of the images), truth, predicted (class names), in_top5
        (bool), confidence (of predicted), truth_probability.
    classes
        One row a class: label, train, validation, test (images).
    """

    history: pd.DataFrame
    metrics: PretrainingMetrics
    predictions: pd.DataFrame
    classes: pd.DataFrame


@dataclass(frozen=True)
class Workplace:
    """Where a pretraining keeps what lets it go on, and tells how it goes.

    Attributes
    ----------
    folder
        Takes checkpoint, progress line and the features of the test images.
    identity
        What the training is; a checkpoint of another one is not used.
    minutes
        Between two checkpoints, at least.
    events
        Folder of a TensorBoard log, None for none.
    """

    folder: Path
    identity: dict[str, str] = field(default_factory=dict)
    minutes: float = 5.0
    events: Path | None = None


def check_corpus(
    images: np.ndarray,
    names: np.ndarray,
    labels: np.ndarray,
    parts: np.ndarray,
    *,
    size: int,
    outputs: int,
) -> None:
    """Raise `InputError` unless a network of some outputs can be trained on a corpus.

    Parameters
    ----------
    images
        Has to be uint8, (n, size, size) or (n, size, size, 3).
    names
        Class names by label.
    labels, parts
        int labels and names of parts, (n,).
    """
    _refuse(images.dtype != np.uint8, f"pixels of type {images.dtype}", "Store uint8, 0-255.")
    _refuse(
        images.shape[1:3] != (size, size),
        f"images of {images.shape[1:3]} pixels and not {size} x {size}",
        "Build the store at the size of the pretraining.",
    )
    _refuse(
        not len(images) == len(labels) == len(parts),
        f"{len(images)} images, {len(labels)} class names and {len(parts)} parts",
        "Give one of each for every image.",
    )
    _refuse(
        len(names) > outputs,
        f"{len(names)} classes for {outputs} outputs",
        "Build the block for the corpus with most classes.",
    )
    odd = sorted(set(np.unique(parts)) - set(PARTS))
    known = f"Known: {', '.join(PARTS)}."
    _refuse(bool(odd), f"unknown part {', '.join(map(repr, odd))}", known)
    counts = np.bincount(labels[parts == "train"], minlength=len(names))
    missing = ", ".join(names[counts == 0])
    _refuse(
        bool(missing),
        f"no training image of class {missing}",
        "Split again, or leave the class out with the manifest's label_map.",
    )


def _refuse(bad: bool, problem: str, remedy: str) -> None:
    if bad:
        raise InputError(problem, where="pretraining corpus", remedy=remedy)
