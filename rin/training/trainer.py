"""One compiled step for many runs.

Keras compiles every new model again, which takes longer than a short run, so runs that differ in
nothing compiled share a model.  Before each run, weights are restored, the optimizer is reset, and
learning rate and preprocessing are set.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import keras
import numpy as np

from rin.errors import InputError, look_up
from rin.explain.gradcam import gradient_cam
from rin.models.build import Architecture, Classifier, apply_unfreezing, build_classifier
from rin.models.heads import reset_head
from rin.models.preprocessing import Preprocessing
from rin.models.weights import random_weights
from rin.processes import keep_memory
from rin.training.batches import ImageSubset, OrderedBatches, ShuffledBatches, reader_errors
from rin.training.checkpoint import TrainingState, WorkFolder
from rin.training.losses import LabelTurn, OnlineLabels, SoftLabelLoss

_UNTRAINED_SEED = 1_000_003
#: Number of images whose feature maps are in memory at once.
FEATURES_AT_ONCE = 256
#: Ends of the stages of a backbone, as Juodelyte et al. (2023) compare them.
LAYERS: dict[str, tuple[str, ...]] = {
    "ResNet50": (
        "conv1_relu",
        "conv2_block3_out",
        "conv3_block4_out",
        "conv4_block6_out",
        "conv5_block3_out",
    ),
    "DenseNet121": ("conv1_relu", "pool2_relu", "pool3_relu", "pool4_relu", "relu"),
}
#: The names of these layers in torchvision's topology.
LAYERS_IN_TORCHVISION: dict[str, tuple[str, ...]] = {
    "ResNet50": ("relu", "layer1.2.relu", "layer2.3.relu", "layer3.5.relu", "layer4.2.relu"),
    "DenseNet121": (
        "features.relu0",
        "features.transition1.relu",
        "features.transition2.relu",
        "features.transition3.relu",
        "features.relu5",
    ),
}
#: A function that takes the state of a training and returns a further callback.
Watcher = Callable[[TrainingState], keras.callbacks.Callback]


def prepare_framework(threads: int | None, precision: str) -> None:
    """Set TensorFlow's threads (None: its choice) and the precision, before the first model."""
    keras.config.set_dtype_policy(precision)
    if threads is None or keras.backend.backend() != "tensorflow":
        return
    import tensorflow as tf

    tf.get_logger().setLevel("ERROR")  # it warns of too many tracings, one a block
    threading = tf.config.threading
    if threading.get_intra_op_parallelism_threads() != threads:
        threading.set_intra_op_parallelism_threads(threads)
        threading.set_inter_op_parallelism_threads(threads)


def learning_rate(
    peak: float, steps: int, schedule: str = "constant", warmup: float = 0.0
) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """Return the learning rate of a training: a number, or a schedule over its steps.

    A `schedule` is `constant`, or `cosine`, which falls to zero at the last step (Loshchilov and
    Hutter 2017).  Before either, the rate rises linearly from zero over a share `warmup`, 0 to
    below 1, of the steps.
    """
    rising = round(warmup * steps)
    if schedule == "constant" and rising == 0:
        return peak
    return keras.optimizers.schedules.CosineDecay(
        0.0 if rising else peak,
        max(steps - rising, 1),
        alpha=1.0 if schedule == "constant" else 0.0,
        warmup_target=peak if rising else None,
        warmup_steps=rising,
    )


class Callbacks(keras.callbacks.CallbackList):
    """Callbacks that are not called at the end of a batch, where Keras waits for the device."""

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Call no callback."""

    on_test_batch_end = on_train_batch_end


@dataclass(frozen=True)
class TrainingSettings:
    """Settings that may change from run to run; only a new schedule has to be compiled.

    `seed` decides the head's first weights, the order of cases, augmentation and dropout;
    `schedule` and `warmup` are as for the function `learning_rate`, `patience` as for
    `TrainingState`.
    """

    learning_rate: float
    epochs: int
    batch: int
    seed: int
    schedule: str = "constant"
    warmup: float = 0.0
    patience: int | None = None


class ReusableClassifier:
    """A classifier compiled once and trained many times.

    The optimizer is Adam; `loss` is one of `rin.training.losses.LOSSES`.
    """

    def __init__(self, architecture: Architecture, *, loss: str = "hard") -> None:
        self.architecture = architecture
        self._schedule: dict | None = None
        on_tensorflow = keras.backend.backend() == "tensorflow"
        compiles = not on_tensorflow
        if on_tensorflow:  # on a CPU, compiling with XLA costs more than it saves
            import tensorflow as tf

            compiles = bool(tf.config.list_physical_devices("GPU"))
        gathers = on_tensorflow and compiles  # XLA cannot compile TensorFlow's affine transform
        self.network: Classifier = build_classifier(architecture, gathers=gathers)
        self.online = OnlineLabels(architecture.n_classes) if loss == "online" else None
        metrics = [keras.metrics.SparseCategoricalAccuracy(name="accuracy")]
        if architecture.n_classes > 2:
            ranks = min(5, architecture.n_classes - 1)
            metrics.append(keras.metrics.SparseTopKCategoricalAccuracy(ranks, name="top5"))
        metrics += [self.online] if self.online else []
        loss_function = "sparse_categorical_crossentropy"  # for two classes, the paper's
        if loss != "hard":
            loss_function = SoftLabelLoss(loss, architecture.n_classes, self.online)
        self.network.model.compile(
            optimizer=keras.optimizers.Adam(),
            loss=loss_function,
            metrics=metrics,
            jit_compile="auto" if compiles else False,
        )
        self.network.model.optimizer.build(self.network.model.trainable_variables)
        self._meters = [self.network.model.metrics[0], *metrics]  # the first is the loss

    def unfreeze(self, unfreezing: str) -> None:
        """Train other layers from now on; the steps of validation and prediction stay compiled."""
        model = self.network.model
        self.architecture = replace(self.architecture, unfreezing=unfreezing)
        apply_unfreezing(self.network.backbone, unfreezing)
        model.optimizer = keras.optimizers.Adam()
        model.optimizer.build(model.trainable_variables)
        self._schedule, model.train_function, self.network.augment.traces = None, None, 0

    @cached_property
    def untrained(self) -> list[np.ndarray]:
        """Random weights of the backbone, other than those that a run starts from."""
        a = self.architecture
        return random_weights(a.backbone, a.size, _UNTRAINED_SEED, a.topology)

    @property
    def traces(self) -> int:
        """How often the framework has traced the model since the last `unfreeze`."""
        return self.network.augment.traces

    def fit(
        self,
        weights: list[np.ndarray],
        preprocessing: Preprocessing,
        recipe: TrainingSettings,
        parts: tuple[ImageSubset, ImageSubset],
        *,
        watcher: Watcher | None = None,
        work: WorkFolder | None = None,
    ) -> TrainingState:
        """Train from these backbone weights and return the state of the training.

        `parts` are those of training and of validation.  The model keeps the weights of the epoch
        with the lowest validation loss.  `watcher` makes a further callback; `work` is the folder
        for checkpoints, from which a killed training goes on.  InputError if no epoch has a finite
        validation loss or a store cannot be read.
        """
        keep_memory()
        training, validation = parts
        model, steps = self.network.model, training.steps(recipe.batch)
        ends = recipe.epochs, recipe.patience
        state = TrainingState(steps, len(training.rows), *ends, work=work, meters=self._meters)
        callbacks = [LabelTurn(self.online), state] if self.online else [state]
        callbacks += [watcher(state)] if watcher else []
        self.restore(weights, preprocessing, recipe, steps)
        state.resume(model)
        ordered = self._ordered_batches(validation, recipe.batch)
        while not state.ended:
            shuffled = ShuffledBatches(
                training,
                batch=recipe.batch,
                channels=self.architecture.channels,
                seed=recipe.seed,
                start=(state.epoch, state.step),
            )
            with reader_errors(shuffled, ordered):
                model.fit(
                    shuffled.feed,
                    initial_epoch=state.epoch,
                    # An interrupted epoch is finished by a call of its own.
                    epochs=state.epoch + 1 if state.step else recipe.epochs,
                    steps_per_epoch=steps - state.step,
                    validation_data=ordered.feed,
                    shuffle=False,
                    callbacks=Callbacks(callbacks, add_history=True, model=model),
                    verbose=0,
                )
        if not np.isfinite(state.lowest):
            losses = [row["val_loss"] for row in state.curves]
            raise InputError(
                f"no epoch has a finite validation loss ({losses})",
                where=f"{self.architecture.backbone} at {recipe.learning_rate:g}",
                remedy="Training diverged: lower the learning rate or check the weights.",
            )
        if state.best is not None:
            model.set_weights(state.best)
        return state

    def predict(self, part: ImageSubset, batch: int) -> tuple[np.ndarray, np.ndarray]:
        """Return logits (n, classes) and class activation maps (n, h, w, classes).

        For heads other than the linear head, maps are Grad-CAM from the gradients of the logits.
        """
        if self.architecture.head == "linear":
            return self._predict(self.network.explainer, part, batch)
        logits, maps = [], []
        for start in range(0, len(part.rows), FEATURES_AT_ONCE):
            chunk = replace(part, rows=part.rows[start : start + FEATURES_AT_ONCE])
            of_chunk, features = self._predict(self.network.explainer, chunk, batch)
            logits.append(of_chunk)
            maps.append(gradient_cam(self.network.head, features))
        return np.concatenate(logits), np.concatenate(maps)

    def embed(self, part: ImageSubset, batch: int) -> tuple[np.ndarray, np.ndarray]:
        """Return logits (n, classes) and pooled features of the backbone (n, channels)."""
        return self._predict(self.network.embedder, part, batch)

    def _predict(
        self, model: keras.Model, part: ImageSubset, batch: int
    ) -> tuple[np.ndarray, ...]:
        ordered = self._ordered_batches(part, batch)
        with reader_errors(ordered):
            outputs = model.predict(ordered.feed, verbose=0)
        return tuple(np.asarray(output, "float32") for output in outputs)

    def _ordered_batches(self, part: ImageSubset, batch: int) -> OrderedBatches:
        return OrderedBatches(part, batch=batch, channels=self.architecture.channels)

    def restore(
        self,
        weights: list[np.ndarray],
        preprocessing: Preprocessing,
        recipe: TrainingSettings,
        steps: int,
    ) -> None:
        """Set every variable to the state in which a run begins."""
        network, draws = self.network, np.random.default_rng(recipe.seed)
        network.backbone.set_weights(weights)
        network.preprocess.set_preprocessing(preprocessing)
        reset_head(network.head, draws)
        dropouts = (
            layer for layer in network.head.layers if isinstance(layer, keras.layers.Dropout)
        )
        # Keras gives a dropout layer with rate 0 no generator.
        dropping = [layer.seed_generator for layer in dropouts if layer.rate]
        for generator in (network.augment.seed_generator, *dropping):
            generator.state.assign(draws.integers(1, 2**31, generator.state.shape))
        for variable in network.model.optimizer.variables:
            variable.assign(keras.ops.zeros(variable.shape, variable.dtype))
        if self.online:  # uniform labels
            self.online.reset_state()
            self.online.labels.assign(self.online.next_labels())
        total = recipe.epochs * steps
        rate = learning_rate(recipe.learning_rate, total, recipe.schedule, recipe.warmup)
        if isinstance(rate, float):
            network.model.optimizer.learning_rate = rate
        elif rate.get_config() != self._schedule:  # a new schedule needs a newly compiled step
            network.model.optimizer.learning_rate = rate
            self._schedule, network.model.train_function = rate.get_config(), None


def layer_activations(
    block: ReusableClassifier,
    part: ImageSubset,
    batch: int,
    *,
    points: int,
    channels: int,
    seed: int,
) -> dict[str, np.ndarray]:
    """Return activations of each layer of `LAYERS`, float32 (points, channels), in inference mode.

    The same seed gives the same places and channels.  `InputError` for a backbone that `LAYERS`
    does not list.
    """
    backbone = block.network.backbone
    names = look_up("backbone", block.architecture.backbone, LAYERS)
    inner = names
    if block.architecture.topology == "torchvision":
        inner = LAYERS_IN_TORCHVISION[block.architecture.backbone]
    inside = keras.Model(backbone.input, [backbone.get_layer(name).output for name in inner])
    activations: dict[str, list[np.ndarray]] = {name: [] for name in names}
    for start in range(0, len(part.rows), batch):
        rows = part.rows[start : start + batch]
        images, _ = part.take(rows, block.architecture.channels)
        pixels = keras.ops.cast(images, "float32")
        outputs = inside(block.network.preprocess(pixels), training=False)
        for name, maps in zip(names, outputs, strict=True):
            activations[name].append(np.asarray(keras.ops.convert_to_numpy(maps), np.float32))
    return {
        name: sample_activations(np.concatenate(maps), points, channels, seed=seed)
        for name, maps in activations.items()
    }


def sample_activations(
    features: np.ndarray, points: int, channels: int, *, seed: int
) -> np.ndarray:
    """Draw rows (image and place) and channels of feature maps (n, h, w, c), without repetition.

    Return float32 (points, channels), or fewer if there are not as many.  With the same seed, the
    same rows and channels are drawn from maps of the same shape.
    """
    table = np.asarray(features, np.float32).reshape(-1, features.shape[-1])
    draws = np.random.default_rng(seed)
    rows = np.sort(draws.permutation(table.shape[0])[:points])
    columns = np.sort(draws.permutation(table.shape[1])[:channels])
    return table[np.ix_(rows, columns)]
