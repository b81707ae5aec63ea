"""Batches from a memory-mapped store, in an order that only the seed decides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import keras
import numpy as np

from rin.errors import InputError


@dataclass(frozen=True)
class Part:
    """The cases of one part of a split: rows of a store and their labels.

    Attributes
    ----------
    images
        uint8 store of all n cases, (n, size, size) gray or (n, size, size, 3) RGB;
        a memory map is read batch by batch.
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
        images = np.asarray(self.images[rows])
        if images.ndim == 3:
            images = images[..., np.newaxis]
        if images.shape[-1] != channels:
            images = np.repeat(images, channels, axis=-1)
        return images, self.labels[rows]


def shuffled_batches(
    part: Part, *, batch: int, channels: int, seed: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield batches without end; every pass has a new order drawn from the seed.

    A generator is read strictly in sequence, so the order is the same in every run;
    Keras' own shuffling reads ahead in threads and is not.
    """
    draws = np.random.default_rng(seed)
    while True:
        order = draws.permutation(part.rows)
        for start in range(0, len(order), batch):
            # Memory maps read forward fastest; inside a training batch no order matters.
            yield part.take(np.sort(order[start : start + batch]), channels)


class OrderedBatches(keras.utils.PyDataset):
    """One pass over a part in its own order, for validation and prediction."""

    def __init__(self, part: Part, *, batch: int, channels: int) -> None:
        super().__init__(workers=1, use_multiprocessing=False)
        self._part, self._batch, self._channels = part, batch, channels

    def __len__(self) -> int:
        return self._part.steps(self._batch)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        rows = self._part.rows[index * self._batch : (index + 1) * self._batch]
        return self._part.take(rows, self._channels)
