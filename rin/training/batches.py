"""Batches from a memory-mapped store, in an order that only seed and epoch decide.

Rows of the store are read without mapping them into memory: pages that a memory map touches stay
with the process, so that after one pass over a store all of it counts as resident.
"""

from __future__ import annotations

import mmap
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from rin.errors import InputError, explained

#: Batches that are read while a step runs.
_READ_AHEAD = 2
_END = object()


def read_rows(images: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return `images[rows]` as an array in memory; of a read-only memory map the file is read.

    Rows (k,) are 0 to n - 1 in any order; neighbours are read together.  InputError when the file
    cannot be read or ends before a row does.
    """
    # A part of a map begins elsewhere in the file, and one that may be written to may differ.
    whole = isinstance(images, np.memmap) and isinstance(images.base, mmap.mmap)
    if not (whole and images.mode == "r" and images.filename and images.flags.c_contiguous):
        return np.asarray(images[rows])
    rows = np.asarray(rows)
    read = np.empty((len(rows), *images.shape[1:]), images.dtype)
    if read.size == 0:
        return read
    if rows.min() < 0 or rows.max() >= len(images):
        raise IndexError(f"rows {rows.min()} to {rows.max()} of {len(images)}")
    breaks = np.flatnonzero(np.diff(rows) != 1) + 1
    told = {
        "where": images.filename,
        "remedy": "Check the disk, or delete the store's folder: the next run decodes again.",
    }
    with (
        explained("the stored images cannot be read", **told, kinds=OSError),
        Path(images.filename).open("rb", buffering=0) as file,
    ):
        for first, end in zip([0, *breaks], [*breaks, len(rows)], strict=True):
            file.seek(images.offset + int(rows[first]) * read[0].nbytes)
            if file.readinto(read[first:end]) < read[first:end].nbytes:
                raise OSError("it ends too early")
    return read


@dataclass(frozen=True)
class Part:
    """The cases of one part of a split: rows of a store and their labels.

    `images` is the uint8 store of all n cases, (n, size, size) gray or (n, size, size, 3) RGB, of
    which a memory map is read batch by batch; `labels` are those of all n cases; `rows` are the
    indices of the cases of this part.
    """

    images: np.ndarray
    labels: np.ndarray
    rows: np.ndarray

    def __post_init__(self) -> None:
        """Refuse what would pass for trained: pixels scaled before, and batches without end."""
        if self.images.dtype != np.uint8:
            raise InputError(
                f"pixels of type {self.images.dtype}",
                where="image store",
                remedy="Store uint8, 0-255, and undo any earlier scaling: preprocessing belongs "
                "to the weights.",
            )
        if len(self.rows) == 0:
            raise InputError(
                "no cases in this part of the split",
                where="split",
                remedy="Check the part names and the number of cases in each class.",
            )

    def steps(self, batch: int) -> int:
        """Return the number of batches in one pass; the last may be smaller."""
        return -(-len(self.rows) // batch)

    def take(self, rows: np.ndarray, channels: int) -> tuple[np.ndarray, np.ndarray]:
        """Return images (k, size, size, channels) and labels (k,) of rows, in their order.

        Gray images are repeated when the model takes three channels.
        """
        images = read_rows(self.images, rows)
        if images.ndim == 3:
            images = images[..., np.newaxis]
        if images.shape[-1] != channels:
            images = np.repeat(images, channels, axis=-1)
        return images, self.labels[rows]

    def divisible(self, count: int) -> Part:
        """Return the part without the last few rows, so that `count` devices share it evenly."""
        left = len(self.rows) % count
        return self if left == 0 else replace(self, rows=self.rows[:-left])


def shuffled_batches(
    part: Part,
    *,
    batch: int,
    channels: int,
    seed: int,
    epoch: int = 0,
    step: int = 0,
    devices: int = 1,
    class_weights: np.ndarray | None = None,
) -> Iterator[tuple[np.ndarray, ...]]:
    """Yield batches without end; every pass has an order of its own, drawn from the seed.

    A generator is read strictly in sequence, so the order is the same in every run; Keras' own
    shuffling reads ahead in threads and is not.  It begins with the batch that comes at `epoch` and
    `step` in every run.  Every batch can be divided by `devices`, if `batch` can: up to `devices` -
    1 cases, others in each pass, are left out.  With `class_weights`, float (classes,), each batch
    has a third array, the weights of its cases.
    """
    used = len(part.rows) - len(part.rows) % devices
    while True:
        order = np.random.default_rng([seed, epoch]).permutation(part.rows)[:used]
        for start in range(step * batch, used, batch):
            # Files are read forward fastest; inside a training batch no order matters.
            images, labels = part.take(np.sort(order[start : start + batch]), channels)
            weights = () if class_weights is None else (class_weights[labels],)
            yield images, labels, *weights
        epoch, step = epoch + 1, 0


class ReadAhead:
    """Batches that a thread reads while steps run, in their order.

    `make` returns the batches from the first on.  `failure` is what the reading raised, if it did.
    """

    def __init__(self, make: Callable[[], Iterator[Any]]) -> None:
        self._make, self._reader = make, ThreadPoolExecutor(1)
        self.failure: Exception | None = None

    def __enter__(self) -> ReadAhead:
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.shutdown(cancel_futures=True)

    def batches(self) -> Iterator[Any]:
        """Yield the batches from the first on; a generator, as Keras asks for one."""
        source, waiting = self._make(), deque()
        while True:
            try:
                while len(waiting) <= _READ_AHEAD:
                    waiting.append(self._reader.submit(self._read, source))
                batch = waiting.popleft().result()
            except (CancelledError, RuntimeError):  # closed, if not the failure of the source
                if self.failure is not None:
                    raise
                return
            if batch is _END:
                return
            yield batch

    def _read(self, source: Iterator[Any]) -> Any:
        try:
            return next(source, _END)
        except Exception as error:
            self.failure = error
            raise


class OrderedBatches(keras.utils.PyDataset):
    """One pass over a part in its own order, for validation and prediction."""

    def __init__(self, part: Part, *, batch: int, channels: int) -> None:
        super().__init__(workers=1, use_multiprocessing=False)
        self._part, self._batch, self._channels = part, batch, channels
        self.failure: Exception | None = None

    def __len__(self) -> int:
        return self._part.steps(self._batch)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        rows = self._part.rows[index * self._batch : (index + 1) * self._batch]
        try:
            return self._part.take(rows, self._channels)
        except InputError as error:
            self.failure = error
            raise


@contextmanager
def own_errors(*sources: ReadAhead | OrderedBatches) -> Iterator[None]:
    """Raise what a reader raised, in place of what the framework makes of it."""
    try:
        yield
    except Exception as error:
        for source in sources:
            if source.failure is not None and source.failure is not error:
                raise source.failure from error
        raise
