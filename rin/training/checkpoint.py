"""How far a training has come, in memory and on disk, so that a killed one goes on.

A checkpoint is one safetensors file with every variable, the best epoch's weights and the record
so far.  There is always either the last whole one or none; one of another configuration, or a
damaged one, is not used, with a warning.
"""

import hashlib
import json
import os
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from rin.errors import explained
from rin.files import write_atomically

_RECORDED = ("epoch", "step", "curves", "lowest", "seconds", "timed", "resumed")


@dataclass(frozen=True)
class WorkFolder:
    """Where a training keeps what lets it go on: its checkpoint, and whatever else it leaves.

    A checkpoint is used if it was written for the same `identity`: run, backend, devices and the
    like; `minutes` is the least time between two, 0 for one after every step.
    """

    folder: Path
    identity: dict[str, str] = field(default_factory=dict)
    minutes: float = 5.0

    @property
    def path(self) -> Path:
        """The checkpoint."""
        return self.folder / "checkpoint.safetensors"

    def save(self, arrays: dict[str, np.ndarray], record: dict[str, Any]) -> None:
        """Replace the checkpoint, at once and whole, by arrays and a record that JSON takes.

        InputError when it cannot be written; the one before is kept.
        """
        from safetensors.numpy import save_file

        # safetensors writes the memory of an array as it lies, whatever its strides.
        arrays = {name: np.array(a, order="C") for name, a in arrays.items()}
        notes = {"identity": json.dumps(self.identity), "record": json.dumps(record)}
        notes["digest"] = json.dumps(_digest(arrays, record))
        failing = explained(
            "the checkpoint cannot be written",
            where=self.path,
            remedy="Make room, then run again: the training goes on from the one before.",
            kinds=Exception,  # safetensors has an error of its own for a full disk
        )
        with failing, write_atomically(self.path) as draft:
            save_file(arrays, draft, notes)
            with draft.open("rb") as file:  # a rename may reach the disk before the content
                os.fsync(file.fileno())

    def load(self) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
        """Return what `save` got last, or None where the training has to begin from its start."""
        from safetensors import safe_open

        if not self.path.is_file():
            return None
        try:
            with safe_open(self.path, "np") as file:
                notes = {name: json.loads(note) for name, note in file.metadata().items()}
                written, wanted = notes["identity"], self.identity
                if written != wanted:
                    differing = (
                        f"{name} {written.get(name)!r} and not {wanted.get(name)!r}"
                        for name in sorted(written.keys() | wanted.keys())
                        if written.get(name) != wanted.get(name)
                    )
                    return self.refuse(f"was written for {', '.join(differing)}")
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            if notes["digest"] != _digest(arrays, notes["record"]):
                return self.refuse("was changed after it was written")
            return arrays, notes["record"]
        except Exception as error:  # safetensors has an error of its own for a damaged file
            return self.refuse(f"cannot be read ({error})")

    def refuse(self, problem: str) -> None:
        """Warn that the checkpoint is of no use, and why."""
        warnings.warn(
            f"{self.path}: the checkpoint {problem}; the training begins from its start.",
            stacklevel=3,
        )


def _digest(arrays: dict[str, np.ndarray], record: dict[str, Any]) -> str:
    """Return a SHA-256 of what a checkpoint holds."""
    digest = hashlib.sha256(json.dumps(record).encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name} {array.dtype} {array.shape}".encode() + array.tobytes())
    return digest.hexdigest()


@dataclass(eq=False)
class TrainingState(keras.callbacks.Callback):
    """Progress of one training, which it keeps, and saves in the folder `work` when that is due.

    `steps` and `images` are batches and cases of an epoch.  The training ends after `epochs`, or
    after `patience` epochs in a row whose validation loss is not below the lowest.  `epoch` and
    `step` count what is done, `curves` has one row an epoch: what Keras logs, `learning_rate`,
    `images_per_second` (of training alone, without the step that compiles) and `seconds`.  `lowest`
    and `best` are the lowest validation loss and the weights of that epoch
    (`keras.callbacks.EarlyStopping` keeps a first epoch whose loss is not a number for ever);
    `seconds` and `timed` (cases and seconds that count for the speed) are those of the epoch under
    way; `resumed` and `earlier` say how often the training went on from a checkpoint, and seconds
    until the last; `meters` are the model's running metrics.

    Callbacks that change what a checkpoint keeps come before this one, those that read it after.
    """

    steps: int
    images: int
    batch: int
    epochs: int
    patience: int | None = None
    epoch: int = 0
    step: int = 0
    curves: list[dict[str, float]] = field(default_factory=list)
    lowest: float = float("inf")
    best: list[np.ndarray] | None = None
    seconds: float = 0.0
    timed: tuple[int, float] = (0, 0.0)
    resumed: int = 0
    earlier: float = 0.0
    work: WorkFolder | None = None
    meters: Sequence[keras.metrics.Metric] = ()

    def __post_init__(self) -> None:
        super().__init__()
        self._compiled = False
        self._metrics: dict[str, np.ndarray] = {}
        self._checked, self._saved = time.monotonic(), (0, 0)

    @property
    def ended(self) -> bool:
        """Whether no further epoch is to be trained."""
        if self.epoch >= self.epochs:
            return True
        if self.patience is None or self.step:
            return False
        losses = [row["val_loss"] for row in self.curves]
        lowest = losses.index(self.lowest) + 1 if self.lowest in losses else 0
        return len(losses) - lowest >= self.patience

    @property
    def done(self) -> int:
        """Cases of the epoch under way that were trained on."""
        return min(self.step * self.batch, self.images)

    @property
    def speed(self) -> float | None:
        """Cases a second, in this epoch or the one before; None before the second step."""
        cases, seconds = self.timed
        if cases and seconds > 0:
            return cases / seconds
        return self.curves[-1]["images_per_second"] if self.curves else None

    def resume(self, model: keras.Model) -> None:
        """Take over the last checkpoint of a compiled model, if there is one that fits."""
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
        self.best, self.timed, self.resumed = best or None, tuple(self.timed), self.resumed + 1
        self.earlier = self.seconds + sum(row["seconds"] for row in self.curves)
        if self.step:  # between epochs Keras is right to set the metrics to zero
            self._metrics = {name: arrays[name] for name in arrays if name.startswith("metric/")}
        self._saved = (self.epoch, self.step)

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Start the clock, and bring back the metrics of an epoch that was cut off."""
        for name, values in self._metrics.items():  # Keras has just set them to zero
            self._variables()[name].assign(values)
        self._metrics = {}
        self._first, self._last = self.step, time.monotonic()

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Note the place, and save what the batches before this one made, if it is time."""
        self._count(self._first + batch)
        self._save_when_due()

    def on_test_begin(self, logs: dict | None = None) -> None:
        """Note that all batches of an epoch are done."""
        np.asarray(self.model.optimizer.iterations)  # waits until the device has trained
        self._count(self.steps)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Add the epoch to the curves and keep its weights if they are the best."""
        model = self.model
        self.seconds += time.monotonic() - self._last
        cases, seconds = self.timed if self.timed[0] else (self.images, self.seconds)
        rate = float(np.asarray(model.optimizer.learning_rate))
        speed = {"images_per_second": cases / seconds, "seconds": self.seconds}
        self.curves.append({**logs, "learning_rate": rate, **speed})
        if logs["val_loss"] < self.lowest:
            self.lowest, self.best = logs["val_loss"], model.get_weights()
        self.epoch, self.step, self.seconds, self.timed = epoch + 1, 0, 0.0, (0, 0.0)
        model.stop_training = self.ended
        self._save_when_due()

    def _count(self, step: int) -> None:
        """Note that all batches before a step are done; the first one, which compiles, is slow."""
        before, now = self.done, time.monotonic()
        passed = now - self._last
        self.step, self.seconds, self._last = step, self.seconds + passed, now
        if self._compiled:
            self.timed = (self.timed[0] + self.done - before, self.timed[1] + passed)
        self._compiled |= step > self._first

    def _save_when_due(self) -> None:
        place, since = (self.epoch, self.step), time.monotonic() - self._checked
        if self.work is None or since < 60 * self.work.minutes or self._saved == place:
            return
        self.model  # noqa: B018 - on JAX, variables hold the last step's values only after this
        arrays = {name: np.asarray(variable) for name, variable in self._variables().items()}
        arrays |= {f"best/{place:05d}": w for place, w in enumerate(self.best or [])}
        self.work.save(arrays, {name: getattr(self, name) for name in _RECORDED})
        self._checked, self._saved = time.monotonic(), place

    def _variables(self) -> dict[str, Any]:
        """Return weights, states of random generators, the optimizer and the epoch's metrics."""
        groups = {"model": self._model.variables, "optimizer": self._model.optimizer.variables}
        groups["metric"] = [v for meter in self.meters for v in meter.variables]
        return {f"{name}/{k:05d}": v for name, group in groups.items() for k, v in enumerate(group)}
