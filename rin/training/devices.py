"""One device or several: data-parallel training with the framework's own strategy.

TensorFlow mirrors the variables (`tf.distribute.MirroredStrategy`), JAX shards the batches
(`keras.distribution.DataParallel`).  Gradients and the statistics of batch normalisation are
those of the whole batch, so that the number of devices changes floating-point noise only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from rin.errors import InputError


@dataclass(frozen=True)
class Devices:
    """The devices that share each batch; `strategy` is None for a single one."""

    count: int
    strategy: Any = None

    def scope(self) -> AbstractContextManager:
        """Return the context in which a model is built, trained and used."""
        return nullcontext() if self.strategy is None else self.strategy.scope()

    def feed(self, make: Callable[[], Iterator[tuple[np.ndarray, ...]]]) -> Any:
        """Return endless batches in the form in which `keras.Model.fit` keeps their order.

        With a strategy of TensorFlow, Keras reads a generator ahead before it begins, and
        loses what it has read; a dataset begins anew.
        """
        if self.strategy is None or keras.backend.backend() != "tensorflow":
            return make()
        import tensorflow as tf

        first = next(make())
        signature = tuple(tf.TensorSpec((None, *a.shape[1:]), a.dtype) for a in first)
        return tf.data.Dataset.from_generator(make, output_signature=signature).prefetch(1)

    def synchronise(self, backbone: keras.Model) -> None:
        """Let batch normalisation take its statistics over all devices; JAX always does."""
        if self.strategy is None or keras.backend.backend() != "tensorflow":
            return
        for layer in backbone.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.synchronized = True


def find_devices(wanted: int | str | None) -> Devices:
    """Return the devices to train on.

    Parameters
    ----------
    wanted
        None for one device; a number; or `all`.

    Raises
    ------
    InputError
        When there are fewer.
    """
    if wanted in (None, 1):
        return Devices(1)
    names = _names()
    if wanted != "all" and wanted > len(names):
        raise InputError(
            f"{wanted} devices are asked for and {len(names)} found ({', '.join(names)})",
            where="execution.devices",
            remedy="Ask for fewer, or for 'all'.",
        )
    chosen = names if wanted == "all" else names[:wanted]
    if len(chosen) == 1:
        return Devices(1)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return Devices(len(chosen), tf.distribute.MirroredStrategy(chosen))
    return Devices(len(chosen), keras.distribution.DataParallel(devices=chosen))


def _names() -> list[str]:
    """Return the accelerators of this process, or its CPU devices where it has none."""
    if keras.backend.backend() != "tensorflow":
        return keras.distribution.list_devices()
    import tensorflow as tf

    found = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    return [device.name for device in found]
