"""Batches from a memory-mapped store, in an order that depends only on seed and epoch.

Rows are read from the file, not through the memory map: pages read through a map stay with the
process, so that after one pass the whole store would count as resident memory.
"""

import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import keras
import numpy as np

from rin.errors import InputError, as_input_error


def read_rows(images: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return `images[rows]` as an array in memory; for a read-only memory map, read the file.

    InputError if the file cannot be read or ends before the last byte of a row.
    """
    # A slice of a map has another offset in the file, and a writable map may differ from the file.
    whole = isinstance(images, np.memmap) and isinstance(images.base, mmap.mmap)
    if not (whole and images.mode == "r" and images.filename and images.flags.c_contiguous):
        return np.asarray(images[rows])
    rows = np.asarray(rows)
    read = np.empty((len(rows), *images.shape[1:]), images.dtype)
    if read.size == 0:
        return read
    breaks = np.flatnonzero(np.diff(rows) != 1) + 1
    failing = as_input_error(
        "the stored images cannot be read",
        where=images.filename,
        remedy="Check the disk, or delete the store's folder: the next run decodes again.",
        kinds=OSError,
    )
    with failing, Path(images.filename).open("rb", buffering=0) as file:
        for first, end in zip([0, *breaks], [*breaks, len(rows)], strict=True):
            file.seek(images.offset + int(rows[first]) * read[0].nbytes)
            if file.readinto(read[first:end]) < read[first:end].nbytes:
                raise OSError("it ends too early")
    return read


@dataclass(frozen=True)
class ImageSubset:
    """The cases of one part of a split: rows of a store and their labels.

    `images`, uint8 (n, size, size) grey or (n, size, size, 3) RGB, and `labels` (n,) are those of
    all n cases of the store; `rows` are the indices of the cases of this part.
    """

    images: np.ndarray
    labels: np.ndarray
    rows: np.ndarray

    def __post_init__(self) -> None:
        """Raise InputError for pixels that are not uint8, or for a part without cases."""
        if self.images.dtype != np.uint8:
            problem = f"pixels of type {self.images.dtype}"
            remedy = "Store uint8, 0-255, and undo any earlier scaling."
            raise InputError(problem, where="image store", remedy=remedy)
        if len(self.rows) == 0:
            remedy = "Check the part names and the number of cases in each class."
            raise InputError("no cases in this part of the split", where="split", remedy=remedy)

    def steps(self, batch: int) -> int:
        """Return the number of batches in one pass; the last may be smaller."""
        return -(-len(self.rows) // batch)

    def take(self, rows: np.ndarray, channels: int) -> tuple[np.ndarray, np.ndarray]:
        """Return images (k, size, size, channels) and labels (k,) of rows; repeat grey."""
        images = read_rows(self.images, rows)
        if images.ndim == 3:
            images = images[..., np.newaxis]
        if images.shape[-1] != channels:
            images = np.repeat(images, channels, axis=-1)
        return images, self.labels[rows]


class _Batches(keras.utils.PyDataset):
    """Batches of a part; `failure` is the exception that reading raised, or None."""

    def __init__(self, part: ImageSubset, *, batch: int, channels: int) -> None:
        super().__init__()
        self._part, self._batch, self._channels = part, batch, channels
        self.failure: Exception | None = None

    @property
    def feed(self) -> Any:
        """What Keras reads the batches from: with TensorFlow, a dataset that tunes nothing.

        One that tunes itself, as Keras makes it, at times waits for up to a minute when it ends,
        because its thread for that misses the signal.
        """
        if keras.backend.backend() != "tensorflow":
            return self
        import tensorflow as tf

        def batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
            yield from map(self.__getitem__, count() if endless else range(self.num_batches))

        endless = self.num_batches is None
        length = tf.data.INFINITE_CARDINALITY if endless else self.num_batches
        kinds = tuple(tf.TensorSpec((None, *array.shape[1:]), array.dtype) for array in self[0])
        dataset = tf.data.Dataset.from_generator(batches, output_signature=kinds)
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(length)).prefetch(2)
        options = tf.data.Options()
        options.autotune.enabled = False
        return dataset.with_options(options)

    def _take(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        try:
            return self._part.take(rows, self._channels)
        except Exception as error:
            self.failure = error
            raise


class OrderedBatches(_Batches):
    """One pass over a part in its own order, for validation and prediction."""

    def __len__(self) -> int:
        return self._part.steps(self._batch)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        return self._take(self._part.rows[index * self._batch : (index + 1) * self._batch])


class ShuffledBatches(_Batches):
    """Endless batches; each pass has its own order, drawn from the seed.

    The first batch is the one at an epoch and a step, `start`.
    """

    def __init__(
        self,
        part: ImageSubset,
        *,
        batch: int,
        channels: int,
        seed: int,
        start: tuple[int, int] = (0, 0),
    ) -> None:
        super().__init__(part, batch=batch, channels=channels)
        epoch, step = start
        self._steps, self._seed = part.steps(batch), seed
        self._first = epoch * self._steps + step
        self._drawn: tuple[int, np.ndarray] = (-1, part.rows)

    @property
    def num_batches(self) -> None:
        """None, which tells Keras that the batches are endless."""

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        epoch, step = divmod(self._first + index, self._steps)
        if self._drawn[0] != epoch:
            order = np.random.default_rng([self._seed, epoch]).permutation(self._part.rows)
            self._drawn = epoch, order
        rows = self._drawn[1][step * self._batch : (step + 1) * self._batch]
        # Reading a file forward is fastest, and the order within a training batch does not matter.
        return self._take(np.sort(rows))


@contextmanager
def reader_errors(*sources: _Batches) -> Iterator[None]:
    """Raise the exception of a reader in place of the framework's own."""
    try:
        yield
    except Exception as error:
        for source in sources:
            if source.failure is not None and source.failure is not error:
                raise source.failure from error
        raise
