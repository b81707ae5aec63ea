"""Batches from a memory-mapped store, in an order that only seed and epoch decide."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from rin.errors import InputError
from rin.training.rows import read_rows

#: Batches that are read while a step runs.
READ_AHEAD = 2
_END = object()


@dataclass(frozen=True)
class Part:
    """The cases of one part of a split: rows of a store and their labels.

    Attributes
    ----------
    images
        uint8 store of all n cases, (n, size, size) gray or (n, size, size, 3) RGB;
        of a memory map the file is read batch by batch.
    labels
        int labels of all n cases.
    rows
        Indices of the cases of this part.
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


def epoch_order(rows: np.ndarray, seed: int, epoch: int) -> np.ndarray:
    """Return rows in the order of one epoch, which depends on nothing that came before."""
    return np.random.default_rng([seed, epoch]).permutation(rows)


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

    A generator is read strictly in sequence, so the order is the same in every run;
    Keras' own shuffling reads ahead in threads and is not.

    Parameters
    ----------
    epoch, step
        Pass and batch to begin with; the batches are those that come there in every run.
    devices
        Number that every batch can be divided by, if `batch` can: up to `devices` - 1 cases,
        others in each pass, are left out.
    class_weights
        float (classes,); with them, each batch has a third array, the weights of its cases.
    """
    used = len(part.rows) - len(part.rows) % devices
    while True:
        order = epoch_order(part.rows, seed, epoch)[:used]
        for start in range(step * batch, used, batch):
            # Files are read forward fastest; inside a training batch no order matters.
            images, labels = part.take(np.sort(order[start : start + batch]), channels)
            weights = () if class_weights is None else (class_weights[labels],)
            yield images, labels, *weights
        epoch, step = epoch + 1, 0


class ReadAhead:
    """Batches that a thread reads while steps run, in their order.

    Parameters
    ----------
    make
        Returns the batches from the first on; each pass is read by one thread, strictly in
        sequence.
    depth
        Batches that wait at most.

    Attributes
    ----------
    failure
        What the reading raised, if it did.
    """

    def __init__(self, make: Callable[[], Iterator[Any]], depth: int = READ_AHEAD) -> None:
        self._make, self._depth = make, depth
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
            self._changed.wait_for(lambda: len(waiting) < self._depth or self._over)
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
