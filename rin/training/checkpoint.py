"""The progress of a training, in memory and on disk, so that a killed training can go on.

A checkpoint is one safetensors file with every variable, the best epoch's weights and the record
so far; `keras.callbacks.BackupAndRestore` keeps neither of the last two.  A checkpoint is whole
or absent; a damaged one is ignored with a warning.
"""

import hashlib
import json
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from rin.errors import as_input_error
from rin.files import write_atomically

_RECORDED = ("epoch", "step", "curves", "lowest", "stale", "seconds", "resumed")


@dataclass(frozen=True)
class WorkFolder:
    """The folder in which the training of one run keeps its checkpoint and other files.

    `minutes` is the least time between two checkpoints.  `made_by` describes backend and
    precision; a checkpoint of any others is not used.
    """

    folder: Path
    minutes: float = 5.0
    made_by: str = ""

    @property
    def path(self) -> Path:
        """The path of the checkpoint."""
        return self.folder / "checkpoint.safetensors"

    def save(self, arrays: dict[str, np.ndarray], record: dict[str, Any]) -> None:
        """Replace the checkpoint atomically by these arrays and a JSON-serialisable record.

        InputError if it cannot be written; the previous checkpoint is then kept.
        """
        from safetensors.numpy import save_file

        # safetensors writes an array's memory as it is and ignores its strides.
        arrays = {name: np.array(a, order="C") for name, a in arrays.items()}
        notes = {"made_by": self.made_by, "record": json.dumps(record)}
        notes["digest"] = _digest(arrays, notes["record"])
        failing = as_input_error(
            "the checkpoint cannot be written",
            where=self.path,
            remedy="Make room, then run again: the training goes on from the one before.",
            kinds=Exception,  # safetensors raises its own error for a full disk
        )
        with failing, write_atomically(self.path) as draft:
            save_file(arrays, draft, notes)

    def load(self) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
        """Return the arrays and record saved last; None if training must begin from its start."""
        from safetensors import safe_open

        if not self.path.is_file():
            return None
        try:
            with safe_open(self.path, "np") as file:
                notes = file.metadata()
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            if notes["made_by"] != self.made_by:
                return self.refuse(f"is of {notes['made_by']} and not of {self.made_by}")
            if notes["digest"] != _digest(arrays, notes["record"]):
                return self.refuse("was changed after it was written")
            return arrays, json.loads(notes["record"])
        except Exception as error:  # safetensors raises its own error for a damaged file
            return self.refuse(f"cannot be read ({error})")

    def refuse(self, problem: str) -> None:
        """Warn that the checkpoint is not used, and why."""
        warnings.warn(
            f"{self.path}: the checkpoint {problem}; the training begins from its start.",
            stacklevel=3,
        )


def _digest(arrays: dict[str, np.ndarray], record: str) -> str:
    digest = hashlib.sha256(record.encode())
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype} {array.shape}".encode() + array.tobytes())
    return digest.hexdigest()


@dataclass(eq=False)
class TrainingState(keras.callbacks.Callback):
    """The progress of one training, recorded here and saved in the folder `work` when due.

    `steps` and `images` are the numbers of batches and cases in an epoch; `meters` are the model's
    running metrics, the loss first.  Training ends after `epochs`, or after `patience` consecutive
    epochs, `stale` so far, whose validation loss is not below the `lowest`.  `epoch` and `step`
    count the finished epochs and batches, `seconds` is the time spent in the current epoch;
    `curves` has one row per epoch: Keras' logs, `learning_rate`, `images_per_second` (training
    only) and `seconds`.  `best` are the weights with the lowest validation loss, or None if they
    are those that the model has now; `resumed` counts how often the training went on from a
    checkpoint.  `keras.callbacks.EarlyStopping` would not do: if the loss of the first epoch is
    NaN, it keeps that epoch.

    Callbacks that change something in the checkpoint must come before this one, and callbacks that
    read from this one after it.
    """

    steps: int
    images: int
    epochs: int
    patience: int | None = None
    epoch: int = 0
    step: int = 0
    curves: list[dict[str, float]] = field(default_factory=list)
    lowest: float = float("inf")
    best: list[np.ndarray] | None = None
    stale: int = 0
    seconds: float = 0.0
    resumed: int = 0
    work: WorkFolder | None = None
    meters: Sequence[keras.metrics.Metric] = ()

    def __post_init__(self) -> None:
        super().__init__()
        self._metrics: dict[str, np.ndarray] = {}
        self._saved = time.monotonic()

    @property
    def ended(self) -> bool:
        """Whether the training has ended."""
        impatient = self.patience is not None and self.stale >= self.patience
        return impatient or self.epoch >= self.epochs

    def resume(self, model: keras.Model) -> None:
        """Restore the last checkpoint into a compiled model, if there is one that fits."""
        self.set_model(model)
        loaded = self.work.load() if self.work else None
        if loaded is None:
            return
        (arrays, record), variables = loaded, self._variables()
        best = [arrays[name] for name in sorted(arrays) if name.startswith("best/")]
        shapes = {name: v.shape for name, v in arrays.items() if not name.startswith("best/")}
        if shapes != {name: tuple(v.shape) for name, v in variables.items()}:
            return self.work.refuse("holds other variables than this network has")
        for name, variable in variables.items():
            variable.assign(arrays[name])
        for name in _RECORDED:
            setattr(self, name, record[name])
        self.best, self.resumed = best or None, self.resumed + 1
        if self.step:  # between epochs, Keras should reset the metrics to zero
            self._metrics = {name: arrays[name] for name in arrays if name.startswith("metric/")}

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Start the clock, and restore the metrics of an interrupted epoch."""
        for name, values in self._metrics.items():  # Keras has just reset them to zero
            self._variables()[name].assign(values)
        self._metrics = {}
        self._first, self._last = self.step, time.monotonic()

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Record the step, and save the state before this batch if a checkpoint is due."""
        self._advance(self._first + batch)
        self._save_when_due()

    def on_test_begin(self, logs: dict | None = None) -> None:
        """Record that all batches of an epoch are done."""
        np.asarray(self.model.optimizer.iterations)  # waits until the device has trained
        self._advance(self.steps)
        self._rate = self.images / self.seconds

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Add the epoch to the curves; keep its weights if its validation loss is the lowest."""
        model = self.model
        self._advance(self.steps)
        row = {
            "learning_rate": float(np.asarray(model.optimizer.learning_rate)),
            "images_per_second": self._rate,
            "seconds": self.seconds,
        }
        self.curves.append(logs | row)
        self.stale += 1
        if logs["val_loss"] < self.lowest:
            self.lowest, self.stale = logs["val_loss"], 0
            self.best = model.get_weights() if epoch + 1 < self.epochs else None
        self.epoch, self.step, self.seconds = epoch + 1, 0, 0.0
        model.stop_training = self.ended
        self._save_when_due()

    def _advance(self, step: int) -> None:
        """Record that all batches before a step are done."""
        now = time.monotonic()
        self.step, self.seconds, self._last = step, self.seconds + now - self._last, now

    def _save_when_due(self) -> None:
        if self.work is None or time.monotonic() - self._saved < 60 * self.work.minutes:
            return
        self.model  # noqa: B018 - on JAX, variables hold the last step's values only after this
        arrays = {name: np.asarray(variable) for name, variable in self._variables().items()}
        arrays |= {f"best/{place:05d}": w for place, w in enumerate(self.best or [])}
        self.work.save(arrays, {name: getattr(self, name) for name in _RECORDED})
        self._saved = time.monotonic()

    def _variables(self) -> dict[str, Any]:
        groups = {"model": self._model.variables, "optimizer": self._model.optimizer.variables}
        groups["metric"] = [v for meter in self.meters for v in meter.variables]
        return {
            f"{name}/{k:05d}": v for name, group in groups.items() for k, v in enumerate(group)
        }
