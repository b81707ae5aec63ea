"""One compiled step, many runs.

A block builds and compiles its classifier once.  Between runs it restores weights,
empties the optimizer and sets the learning rate and the input contract, none of
which makes the framework trace again; `CompiledBlock.traces` lets a test prove it.
Nothing here reads or writes files.
"""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np

from rin.errors import InputError
from rin.models.build import Architecture, Classifier, build_classifier
from rin.models.preprocessing import Preprocessing, check_pixels
from rin.training.batches import OrderedBatches, Part, shuffled_batches


@dataclass(frozen=True)
class Recipe:
    """What may change from run to run without compiling anything.

    Attributes
    ----------
    learning_rate
        Of Adam, constant.
    epochs
        Passes over the training part.
    batch
        Cases a step.
    seed
        Decides head, order of cases, augmentation and dropout.
    """

    learning_rate: float
    epochs: int
    batch: int
    seed: int


def prepare_framework(threads: int | None, precision: str) -> None:
    """Set threads and precision of this process; call before the first model.

    Parameters
    ----------
    threads
        Threads of the TensorFlow backend, None for its own choice.  Several
        single-threaded blocks side by side train faster on a CPU than one block with
        all cores.  Other backends keep their own settings.
    precision
        Name of a Keras dtype policy.
    """
    keras.config.set_dtype_policy(precision)
    if threads is None or keras.backend.backend() != "tensorflow":
        return
    import tensorflow as tf

    tf.get_logger().setLevel("ERROR")  # it takes the one tracing of each block for too many
    threading = tf.config.threading
    if threading.get_intra_op_parallelism_threads() != threads:
        threading.set_intra_op_parallelism_threads(threads)
        threading.set_inter_op_parallelism_threads(threads)


class CompiledBlock:
    """A classifier compiled once and trained many times.

    Parameters
    ----------
    architecture
        What decides the compiled step.

    Raises
    ------
    InputError
        For an unknown name or an image size that the backbone cannot take.
    """

    def __init__(self, architecture: Architecture) -> None:
        self.architecture = architecture
        self.parts: Classifier = build_classifier(architecture)
        self.parts.model.compile(
            optimizer=keras.optimizers.Adam(),
            # Two-class softmax cross-entropy is the paper's binary cross-entropy.
            loss="sparse_categorical_crossentropy",
            metrics=["accuracy"],
            jit_compile=_jit(),
        )
        self.parts.model.optimizer.build(self.parts.model.trainable_variables)

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
        """Train once from given backbone weights and keep the best epoch.

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

        Returns
        -------
        dict
            Loss and accuracy per epoch, training and validation, as Keras names them.

        Raises
        ------
        InputError
            When no epoch has a finite validation loss, or the pixels are not 0-255.
        """
        check_pixels(training.images[:1], where="image store")
        self._restore(weights, contract, recipe)
        channels = self.architecture.channels
        fitted = self.parts.model.fit(
            shuffled_batches(training, batch=recipe.batch, channels=channels, seed=recipe.seed),
            steps_per_epoch=training.steps(recipe.batch),
            validation_data=self._ordered(validation, recipe.batch),
            epochs=recipe.epochs,
            shuffle=False,
            callbacks=[_BestEpoch(), *(callbacks or [])],
            verbose=0,
        )
        if not np.isfinite(fitted.history["val_loss"]).any():
            raise InputError(
                f"no epoch has a finite validation loss ({fitted.history['val_loss']})",
                where=f"{self.architecture.backbone} at {recipe.learning_rate:g}",
                remedy="Training diverged: lower the learning rate or check the weights.",
            )
        return {name: [float(v) for v in row] for name, row in fitted.history.items()}

    def predict(self, part: Part, batch: int) -> tuple[np.ndarray, np.ndarray]:
        """Return probabilities (n, classes) and class activation maps (n, h, w, classes)."""
        ordered = self._ordered(part, batch)
        probabilities, maps = self.parts.explainer.predict(ordered, verbose=0)
        return np.asarray(probabilities, "float32"), np.asarray(maps, "float32")

    def backbone_weights(self) -> list[np.ndarray]:
        """Return the backbone's weights as they are now."""
        return self.parts.backbone.get_weights()

    def _ordered(self, part: Part, batch: int) -> OrderedBatches:
        return OrderedBatches(part, batch=batch, channels=self.architecture.channels)

    def _restore(self, weights: list[np.ndarray], contract: Preprocessing, recipe: Recipe) -> None:
        """Bring every variable to the state in which a run begins."""
        parts, draws = self.parts, np.random.default_rng(recipe.seed)
        parts.backbone.set_weights(weights)
        parts.preprocess.set_contract(contract)
        limit = np.sqrt(6 / sum(parts.dense.kernel.shape))  # Glorot uniform, Keras' default
        parts.dense.kernel.assign(draws.uniform(-limit, limit, parts.dense.kernel.shape))
        parts.dense.bias.assign(np.zeros(parts.dense.bias.shape))
        for generator in (parts.augment.seed_generator, parts.dropout.seed_generator):
            generator.state.assign(draws.integers(1, 2**31, generator.state.shape))
        optimizer = parts.model.optimizer
        for variable in optimizer.variables:
            variable.assign(np.zeros(variable.shape))
        optimizer.learning_rate = recipe.learning_rate


class _BestEpoch(keras.callbacks.Callback):
    """Bring back the weights of the epoch with the lowest finite validation loss.

    `keras.callbacks.EarlyStopping` keeps a first epoch whose loss is not a number for ever.
    """

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._lowest, self._weights = np.inf, None

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if logs["val_loss"] < self._lowest:
            self._lowest, self._weights = logs["val_loss"], self.model.get_weights()

    def on_train_end(self, logs: dict | None = None) -> None:
        if self._weights is not None:
            self.model.set_weights(self._weights)


def _jit() -> bool | str:
    """Compile with XLA except on TensorFlow's CPU, where compiling costs more than it saves."""
    if keras.backend.backend() != "tensorflow":
        return "auto"
    import tensorflow as tf

    return "auto" if tf.config.list_physical_devices("GPU") else False
