"""The study's own Keras layers, for every backend of Keras."""

from typing import Any

import keras
import numpy as np
from keras import ops

from rin.models.augmentation import Augmentation, gathered_affine
from rin.models.preprocessing import Preprocessing


class Augment(keras.layers.Layer):
    """Random affine augmentation of a batch in training; identity otherwise.

    With `gathers`, `rin.models.augmentation.gathered_affine` does the transform.  `traces` counts
    how often the layer's Python code ran, which is once for each tracing of a compiled step.
    """

    def __init__(
        self, augmentation: Augmentation, *, gathers: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.augmentation, self._gathers = augmentation, gathers
        self.seed_generator = keras.random.SeedGenerator(0)
        self.traces = 0

    def call(self, images: Any, training: bool = False) -> Any:
        """Transform float pixels (n, h, w, channels); fill with the nearest pixel."""
        self.traces += 1
        if not training or self.augmentation == Augmentation():
            return images
        n, height, width = ops.shape(images)[0], images.shape[1], images.shape[2]
        draws = keras.random.uniform((n, 7), -1.0, 1.0, seed=self.seed_generator)
        matrices = self.augmentation.matrices(draws, height, width)
        if self._gathers:
            return gathered_affine(images, matrices)
        return ops.image.affine_transform(
            images, matrices, interpolation="bilinear", fill_mode="nearest"
        )


class Preprocess(keras.layers.Layer):
    """Expands grey to three channels and applies a preprocessing, kept in the layer's weights."""

    def build(self, input_shape: tuple) -> None:
        """Create the weights, with the values of the identity."""
        self.order = self.add_weight(shape=(3, 3), initializer="identity", trainable=False)
        self.scale = self.add_weight(shape=(3,), initializer="ones", trainable=False)
        self.offset = self.add_weight(shape=(3,), initializer="zeros", trainable=False)

    def set_preprocessing(self, preprocessing: Preprocessing) -> None:
        """Make the layer apply `preprocessing` from now on."""
        identity = np.eye(3, dtype="float32")
        self.order.assign(identity[::-1] if preprocessing.bgr else identity)
        self.scale.assign(np.asarray(preprocessing.scale, "float32"))
        self.offset.assign(np.asarray(preprocessing.offset, "float32"))

    def call(self, images: Any) -> Any:
        """Map pixels (n, h, w, 1 or 3) in 0-255 to inputs (n, h, w, 3)."""
        if images.shape[-1] == 1:
            images = ops.repeat(images, 3, axis=-1)
        else:
            images = ops.matmul(images, ops.cast(self.order, images.dtype))
        return images * self.scale + self.offset


class ClassActivation(keras.layers.Layer):
    """Class activation map for a head of global average pooling and one dense layer.

    The gradient of the logit of class c with respect to channel k is w[k, c] / (H W) everywhere,
    so Grad-CAM is the ReLU of this map (Selvaraju et al. 2020; Zhou et al. 2016).
    """

    def __init__(self, dense: keras.layers.Dense, **kwargs: Any) -> None:
        super().__init__(trainable=False, **kwargs)
        self._kernel_of = [dense]  # in a list, so that the layer is not tracked twice

    def call(self, features: Any) -> Any:
        """Map features (n, h, w, k) to (n, h, w, classes), float32."""
        features = ops.cast(features, "float32")
        area = features.shape[1] * features.shape[2]
        kernel = ops.cast(self._kernel_of[0].kernel, "float32")
        return ops.matmul(features, kernel) / area
