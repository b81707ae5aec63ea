"""Layers that train the same network faster, and are tried by `gpu_pretraining.py`.

Frameworks are imported inside functions, so that the caller chooses the backend first.
"""


def faster_layers(options):
    """Return the function that turns a layer into its faster kind, for `clone_model`."""
    import keras
    from keras import ops

    from rin.models.layers import Augment

    class PointwiseConv2D(keras.layers.Conv2D):
        """A convolution of 1 x 1 as a matrix product of pixels and channels."""

        def call(self, inputs):
            down, right = self.strides
            outputs = ops.matmul(inputs[:, ::down, ::right], self.kernel[0, 0])
            return self.activation(outputs + self.bias if self.use_bias else outputs)

    class OnePassBatchNormalization(keras.layers.BatchNormalization):
        """Mean and mean square in one pass over the activations."""

        def _moments(self, inputs, mask):
            mean = ops.mean(inputs, self._reduction_axes)
            square = ops.mean(ops.square(inputs), self._reduction_axes)
            return mean, ops.maximum(square - ops.square(mean), 0.0)

    class GatherAugment(Augment):
        """The same transform with four gathers; coordinates stay float32."""

        def call(self, images, training=False):
            if not training or self.augmentation.is_identity:
                return images
            draws = keras.random.uniform(
                (ops.shape(images)[0], 7), -1.0, 1.0, seed=self.seed_generator
            )
            return gathered(images, self.augmentation.matrices(draws, *images.shape[1:3]))

    def faster(layer):
        kind = type(layer)
        if kind is Augment and options["affine"] == "gather":
            return GatherAugment(layer.augmentation, dtype="float32")
        if kind is keras.layers.BatchNormalization and options["batch_norm"] == "one_pass":
            return OnePassBatchNormalization.from_config(layer.get_config())
        pointwise = kind is keras.layers.Conv2D and layer.kernel_size == (1, 1)
        if pointwise and options["pointwise"] == "matmul":
            return PointwiseConv2D.from_config(layer.get_config())
        if kind in (keras.layers.Conv2D, keras.layers.BatchNormalization):
            return kind.from_config(layer.get_config())
        return layer

    return faster


def gathered(images, matrices):
    """Bilinear affine transform, nearest pixel outside; as `keras.ops.image.affine_transform`."""
    from keras import ops

    height, width, channels = images.shape[1:]
    a, b, c, d, e, f = (matrices[:, k, None, None] for k in range(6))
    x = ops.arange(width, dtype="float32")[None, None, :]
    y = ops.arange(height, dtype="float32")[None, :, None]
    right = ops.clip(a * x + b * y + c, 0, width - 1)
    down = ops.clip(d * x + e * y + f, 0, height - 1)
    left, top = ops.floor(right), ops.floor(down)
    over, under = (right - left)[..., None], (down - top)[..., None]
    left, top = ops.cast(left, "int32"), ops.cast(top, "int32")
    next_x, next_y = ops.minimum(left + 1, width - 1), ops.minimum(top + 1, height - 1)
    flat = ops.reshape(images, (-1, height * width, channels))

    def pixels(row, column):
        index = ops.reshape(row * width + column, (-1, height * width, 1))
        taken = ops.take_along_axis(flat, index, axis=1)
        return ops.reshape(taken, (-1, height, width, channels))

    upper = pixels(top, left) * (1 - over) + pixels(top, next_x) * over
    lower = pixels(next_y, left) * (1 - over) + pixels(next_y, next_x) * over
    return upper * (1 - under) + lower * under


def freeze_biases(model):
    """Stop training biases of convolutions that batch normalisation follows."""
    import keras

    for backbone in (part for part in model.layers if isinstance(part, keras.Model)):
        for layer in backbone.layers:
            if isinstance(layer, keras.layers.Conv2D) and layer.use_bias:
                after = [node.operation for node in layer._outbound_nodes]
                if all(isinstance(op, keras.layers.BatchNormalization) for op in after):
                    layer.bias.trainable = False
