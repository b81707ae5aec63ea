"""One compiled step, many runs.

A block builds and compiles its classifier once.  Between runs it restores weights,
empties the optimizer and sets the learning rate and the input contract, none of
which makes the framework trace again; `CompiledBlock.traces` lets a test prove it.
Nothing here reads or writes files but checkpoints, where one is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial

import keras
import numpy as np

from rin.errors import InputError
from rin.models.build import Architecture, Classifier, build_classifier
from rin.models.preprocessing import Preprocessing, check_pixels
from rin.models.weights import random_weights
from rin.training.batches import OrderedBatches, Part, ReadAhead, own_errors, shuffled_batches
from rin.training.checkpoint import Checkpoint
from rin.training.devices import Devices
from rin.training.framework import jit_setting, lacks_affine, prepare_framework
from rin.training.progress import Callbacks
from rin.training.rows import read_rows
from rin.training.schedule import learning_rate, make_optimizer
from rin.training.standing import Journal, Keeper, Standing

__all__ = ["LOGS", "CompiledBlock", "Recipe", "Watchers", "prepare_framework"]

_UNTRAINED_SEED = 1_000_003
#: What Keras logs of every epoch.
LOGS = ("accuracy", "loss", "val_accuracy", "val_loss")
#: Given where a training stands and its running loss, returns further callbacks.
Watchers = Callable[[Standing, keras.metrics.Metric], list[keras.callbacks.Callback]]


@dataclass(frozen=True)
class Recipe:
    """What may change from run to run without compiling anything.

    Attributes
    ----------
    learning_rate
        Constant, or the peak of a schedule.
    epochs
        Passes over the training part.
    batch
        Cases a step.
    seed
        Decides head, order of cases, augmentation and dropout.
    schedule, warmup
        See `rin.training.schedule.learning_rate`.  A schedule is part of the compiled step:
        another one, or another number of steps, makes the framework trace training again.
    """

    learning_rate: float
    epochs: int
    batch: int
    seed: int
    schedule: str = "constant"
    warmup: float = 0.0


class CompiledBlock:
    """A classifier compiled once and trained many times.

    Parameters
    ----------
    architecture
        What decides the compiled step.
    optimizer, weight_decay
        See `rin.training.schedule.make_optimizer`.
    devices
        Devices that share each batch.

    Raises
    ------
    InputError
        For an unknown name or an image size that the backbone cannot take.
    """

    def __init__(
        self,
        architecture: Architecture,
        *,
        optimizer: str = "adam",
        weight_decay: float = 0.0,
        devices: Devices | None = None,
    ) -> None:
        self.architecture, self.devices = architecture, devices or Devices(1)
        self._schedule: dict | None = None
        with self.devices.scope():
            self.parts: Classifier = build_classifier(architecture, gathers=lacks_affine())
            self.devices.synchronise(self.parts.backbone)
            accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")
            self.parts.model.compile(
                optimizer=make_optimizer(optimizer, weight_decay),
                # Two-class softmax cross-entropy is the paper's binary cross-entropy.
                loss="sparse_categorical_crossentropy",
                metrics=[accuracy],
                jit_compile=jit_setting(),
            )
            self.parts.model.optimizer.build(self.parts.model.trainable_variables)
            self._meters = [self.parts.model.metrics[0], accuracy]  # the first is the loss

    @cached_property
    def untrained(self) -> list[np.ndarray]:
        """Weights of a backbone that never trained, from which no run starts either."""
        return random_weights(self.architecture.backbone, self.architecture.size, _UNTRAINED_SEED)

    @property
    def traces(self) -> int:
        """How often the framework has traced the model so far."""
        return self.parts.augment.traces

    def train(
        self,
        weights: list[np.ndarray],
        contract: Preprocessing,
        recipe: Recipe,
        training: Part,
        validation: Part,
        *,
        callbacks: list[keras.callbacks.Callback] | None = None,
    ) -> dict[str, list[float]]:
        """Train once and return loss and accuracy per epoch, training and validation.

        Parameters
        ----------
        weights, contract, recipe, training, validation
            See `fit`.
        callbacks
            Further callbacks, which do not hear of the end of a batch.

        Raises
        ------
        InputError
            See `fit`.
        """
        watchers = None if callbacks is None else lambda *_: callbacks
        parts = (training, validation)
        curves = self.fit(weights, contract, recipe, *parts, watchers=watchers).curves
        return {name: [row[name] for row in curves] for name in LOGS}

    def fit(
        self,
        weights: list[np.ndarray],
        contract: Preprocessing,
        recipe: Recipe,
        training: Part,
        validation: Part,
        *,
        class_weights: np.ndarray | None = None,
        watchers: Watchers | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> Standing:
        """Train from given backbone weights, keep the best epoch and tell how it went.

        Parameters
        ----------
        weights
            Backbone weights, in the order of `keras.Model.get_weights`.
        contract
            Input contract that goes with those weights.
        recipe
            Learning rate, epochs, batch and seed.
        training, validation
            Parts of the split; the epoch with the lowest validation loss is kept.
        class_weights
            float32 (classes,): weight of each class in the training loss.
        watchers
            Maker of further callbacks, which do not hear of the end of a batch.
        checkpoint
            What the training leaves meanwhile, and goes on from if it was killed.

        Raises
        ------
        InputError
            When no epoch has a finite validation loss, the pixels are not 0-255, or a store
            cannot be read.
        """
        check_pixels(read_rows(training.images, np.arange(1)), where="image store")
        model, used = self.parts.model, training.divisible(self.devices.count)
        steps = used.steps(recipe.batch)
        standing = Standing(steps, len(used.rows), recipe.batch, recipe.epochs)
        own = [Journal(standing)]
        with self.devices.scope():
            self._restore(weights, contract, recipe, steps)
            if checkpoint is not None:
                own.append(keeper := Keeper(model, self._meters, standing, checkpoint))
                keeper.resume()
            own += watchers(standing, self._meters[0]) if watchers else []
            while standing.epoch < recipe.epochs:
                make = self._batches(recipe, training, class_weights, standing)
                self._fit(make, validation, standing, own)
            if standing.best is None:
                losses = [row["val_loss"] for row in standing.curves]
                raise InputError(
                    f"no epoch has a finite validation loss ({losses})",
                    where=f"{self.architecture.backbone} at {recipe.learning_rate:g}",
                    remedy="Training diverged: lower the learning rate or check the weights.",
                )
            model.set_weights(standing.best)
        return standing

    def _batches(
        self,
        recipe: Recipe,
        training: Part,
        class_weights: np.ndarray | None,
        standing: Standing,
    ) -> Callable[[], Iterator[tuple[np.ndarray, ...]]]:
        """Return a maker of the training batches from where a training stands."""
        return partial(
            shuffled_batches,
            training,
            batch=recipe.batch,
            channels=self.architecture.channels,
            seed=recipe.seed,
            epoch=standing.epoch,
            step=standing.step,
            devices=self.devices.count,
            class_weights=class_weights,
        )

    def _fit(
        self,
        make: Callable[[], Iterator[tuple[np.ndarray, ...]]],
        validation: Part,
        standing: Standing,
        callbacks: list[keras.callbacks.Callback],
    ) -> None:
        """Train the rest of an epoch that was cut off, or all whole epochs that are left."""
        s, model = standing, self.parts.model
        ordered = self._ordered(validation.divisible(self.devices.count), s.batch)
        with ReadAhead(make) as ahead, own_errors(ahead, ordered):
            model.fit(
                self.devices.feed(ahead.batches),
                initial_epoch=s.epoch,
                epochs=s.epoch + 1 if s.step else s.epochs,
                steps_per_epoch=s.steps - s.step,
                validation_data=ordered,
                shuffle=False,
                callbacks=Callbacks(callbacks, add_history=True, model=model),
                verbose=0,
            )

    def predict(self, part: Part, batch: int) -> tuple[np.ndarray, np.ndarray]:
        """Return probabilities (n, classes) and class activation maps (n, h, w, classes)."""
        return self._predict(self.parts.explainer, part, batch)

    def embed(self, part: Part, batch: int) -> tuple[np.ndarray, np.ndarray]:
        """Return probabilities (n, classes) and pooled features of the backbone (n, channels)."""
        return self._predict(self.parts.embedder, part, batch)

    def _predict(self, model: keras.Model, part: Part, batch: int) -> tuple[np.ndarray, ...]:
        """Return the two outputs of a model for every case of a part."""
        n, count = len(part.rows), self.devices.count
        # Repeated at the end, so that the devices share the last batch evenly.
        rows = np.pad(part.rows, (0, -n % count), mode="edge")
        ordered = self._ordered(Part(part.images, part.labels, rows), batch)
        with self.devices.scope(), own_errors(ordered):
            outputs = model.predict(ordered, verbose=0)
        return tuple(np.asarray(output, "float32")[:n] for output in outputs)

    def _ordered(self, part: Part, batch: int) -> OrderedBatches:
        return OrderedBatches(part, batch=batch, channels=self.architecture.channels)

    def _restore(
        self, weights: list[np.ndarray], contract: Preprocessing, recipe: Recipe, steps: int
    ) -> None:
        """Bring every variable to the state in which a run begins."""
        parts, draws = self.parts, np.random.default_rng(recipe.seed)
        parts.backbone.set_weights(weights)
        parts.preprocess.set_contract(contract)
        limit = np.sqrt(6 / sum(parts.dense.kernel.shape))  # Glorot uniform, Keras' default
        parts.dense.kernel.assign(draws.uniform(-limit, limit, parts.dense.kernel.shape))
        parts.dense.bias.assign(np.zeros(parts.dense.bias.shape))
        generators = [parts.augment.seed_generator]
        if parts.dropout.rate:  # without a rate Keras makes no generator
            generators.append(parts.dropout.seed_generator)
        for generator in generators:
            generator.state.assign(draws.integers(1, 2**31, generator.state.shape))
        for variable in parts.model.optimizer.variables:
            variable.assign(np.zeros(variable.shape))
        self._set_rate(recipe, steps)

    def _set_rate(self, recipe: Recipe, steps: int) -> None:
        """Set the learning rate; another schedule has to be compiled into the training step."""
        total = recipe.epochs * steps
        rate = learning_rate(recipe.learning_rate, total, recipe.schedule, recipe.warmup)
        if isinstance(rate, float):
            self.parts.model.optimizer.learning_rate = rate
        elif rate.get_config() != self._schedule:
            self.parts.model.optimizer.learning_rate = rate
            self._schedule = rate.get_config()
            self.parts.model.train_function = None  # `fit` makes another
