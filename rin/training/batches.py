"""Batches from a memory-mapped store, in an order that only seed and epoch decide.

Rows of the store are read without mapping them into memory: pages that a memory map touches stay
with the process, so that after one pass over a store all of it counts as resident.
"""

from __future__ import annotations

import mmap
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from rin.errors import InputError

#: Batches that are read while a step runs.
_READ_AHEAD = 2
_END = object()


def read_rows(images: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return `images[rows]` as an array in memory; of a read-only memory map the file is read.

    Rows (k,) are 0 to n - 1 in any order; neighbours are read together.  InputError when the file
    cannot be read or ends before a row does.
    """
    if not _is_whole_file(images):
        return np.asarray(images[rows])
    rows = np.asarray(rows)
    read = np.empty((len(rows), *images.shape[1:]), images.dtype)
    if read.size == 0:
        return read
    if rows.min() < 0 or rows.max() >= len(images):
        raise IndexError(f"rows {rows.min()} to {rows.max()} of {len(images)}")
    flat, size = read.reshape(-1).view(np.uint8), read[0].nbytes
    breaks = np.flatnonzero(np.diff(rows) != 1) + 1
    try:
        file = os.open(images.filename, os.O_RDONLY)
        try:
            for first, end in zip([0, *breaks], [*breaks, len(rows)], strict=True):
                place = images.offset + int(rows[first]) * size
                _fill(file, flat[first * size : end * size], place)
        finally:
            os.close(file)
    except OSError as error:
        raise InputError(
            f"the stored images cannot be read ({error})",
            where=images.filename,
            remedy="Check the disk, or delete the store's folder: the next run decodes again.",
        ) from error
    return read


def _is_whole_file(images: np.ndarray) -> bool:
    """Whether an array is a whole read-only map of a file, and not a part of one."""
    return (
        isinstance(images, np.memmap)
        and isinstance(images.base, mmap.mmap)
        and images.mode == "r"
        and images.filename is not None
        and images.flags.c_contiguous
    )


def _fill(file: int, target: np.ndarray, place: int) -> None:
    """Read bytes from a place in a file until the target is full."""
    done = 0
    while done < len(target):
        count = os.preadv(file, [target[done:]], place + done)
        if count == 0:
            raise OSError(f"it ends {len(target) - done} bytes too early")
        done += count


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
        """An empty part would make endless batches wait for ever."""
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
        return self if left == 0 else Part(self.images, self.labels, self.rows[:-left])


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

    `make` returns the batches from the first on; each pass is read by one thread, strictly in
    sequence.  `failure` is what the reading raised, if it did.
    """

    def __init__(self, make: Callable[[], Iterator[Any]]) -> None:
        self._make = make
        self._changed, self._over = threading.Condition(), False
        self._threads: list[threading.Thread] = []
        self.failure: Exception | None = None

    def __enter__(self) -> ReadAhead:
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._over = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def batches(self) -> Iterator[Any]:
        """Yield the batches from the first on; a generator, as Keras asks for one."""
        waiting: deque = deque()
        thread = threading.Thread(target=self._read, args=(waiting,), daemon=True)
        self._threads.append(thread)
        thread.start()
        while True:
            with self._changed:
                self._changed.wait_for(lambda: waiting or self._over)
                if self._over:
                    return
                item = waiting.popleft()
                self._changed.notify_all()
            if item is _END:
                if self.failure is not None:
                    raise self.failure
                return
            yield item

    def _read(self, waiting: deque) -> None:
        try:
            for item in self._make():
                if not self._put(waiting, item):
                    return
        except Exception as error:  # handed to whoever asks for the next batch
            self.failure = error
        self._put(waiting, _END)

    def _put(self, waiting: deque, item: Any) -> bool:
        """Add a batch when there is room; return False where nobody reads any more."""
        with self._changed:
            self._changed.wait_for(lambda: len(waiting) < _READ_AHEAD or self._over)
            waiting.append(item)
            self._changed.notify_all()
            return not self._over


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
