"""Checkpoints: where a training stands, on disk, so that a killed one goes on.

One safetensors file holds every variable, the best epoch's weights and the record so far.
It is written under another name, flushed to the disk and renamed, so that there is always
either the last whole one or none.  One of another configuration, or a damaged one, is not
used, with a warning.
"""

from __future__ import annotations

import json
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rin.errors import InputError
from rin.files import write_atomically


@dataclass(frozen=True)
class Snapshot:
    """What a training needs in order to go on.

    Attributes
    ----------
    arrays
        Variables, by a name that tells group and place.
    record
        Everything else, as JSON takes it.
    """

    arrays: dict[str, np.ndarray]
    record: dict[str, Any]


@dataclass(frozen=True)
class Checkpoint:
    """The checkpoint of one training.

    Attributes
    ----------
    path
        The file; its folder exists.
    identity
        What a checkpoint must have been written for: run, backend, devices and the like.
    minutes
        Time between two checkpoints, at least; 0 writes one after every step.
    """

    path: Path
    identity: dict[str, str]
    minutes: float = 5.0

    def save(self, snapshot: Snapshot) -> None:
        """Replace the checkpoint by another, at once and whole.

        Raises
        ------
        InputError
            When it cannot be written; the one before is kept.
        """
        from safetensors.numpy import save_file

        # safetensors writes the memory of an array as it lies, whatever its strides.
        arrays = {name: np.array(a, order="C") for name, a in snapshot.arrays.items()}
        notes = {"identity": self.identity, "record": snapshot.record}
        try:
            with write_atomically(self.path) as draft:
                save_file(arrays, draft, {name: json.dumps(n) for name, n in notes.items()})
                _flush(draft)
        except Exception as error:  # safetensors has an error of its own for a full disk
            raise InputError(
                f"the checkpoint cannot be written ({error})",
                where=self.path,
                remedy="Make room, then run again: the training goes on from the one before.",
            ) from error

    def load(self) -> Snapshot | None:
        """Return the last snapshot, or None where the training has to begin from its start."""
        from safetensors import safe_open

        if not self.path.is_file():
            return None
        try:
            with safe_open(self.path, "np") as file:
                notes = {name: json.loads(note) for name, note in file.metadata().items()}
                if notes["identity"] != self.identity:
                    return self.refuse(f"was written for {_differing(notes, self.identity)}")
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
                return Snapshot(arrays, notes["record"])
        except Exception as error:  # safetensors has an error of its own for a damaged file
            return self.refuse(f"cannot be read ({error})")

    def refuse(self, problem: str) -> None:
        """Warn that the checkpoint is of no use, and why."""
        warnings.warn(
            f"{self.path}: the checkpoint {problem}; the training begins from its start.",
            stacklevel=3,
        )


def _differing(notes: dict[str, Any], wanted: dict[str, str]) -> str:
    written = notes["identity"]
    return ", ".join(
        f"{name} {written.get(name)!r} and not {wanted.get(name)!r}"
        for name in sorted(written.keys() | wanted.keys())
        if written.get(name) != wanted.get(name)
    )


def _flush(path: Path) -> None:
    """Wait until a file is on the disk; a rename may reach it before the content does."""
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
