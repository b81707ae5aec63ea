"""Layers that train the same network faster, compared by `gpu_pretraining.py`.

Frameworks are imported inside functions, so that the caller chooses the backend first.
"""


def faster_layers(options):
    """Return the function, for `clone_model`, that replaces a layer by a faster equivalent."""
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
        """Batch normalisation with mean and mean square in one pass over the activations."""

        def _moments(self, inputs, mask):
            mean = ops.mean(inputs, self._reduction_axes)
            square = ops.mean(ops.square(inputs), self._reduction_axes)
            return mean, ops.maximum(square - ops.square(mean), 0.0)

    def faster(layer):
        kind = type(layer)
        if kind is Augment and options["affine"] == "gather":
            return Augment(layer.augmentation, gathers=True, dtype="float32")
        if kind is keras.layers.BatchNormalization and options["batch_norm"] == "one_pass":
            return OnePassBatchNormalization.from_config(layer.get_config())
        pointwise = kind is keras.layers.Conv2D and layer.kernel_size == (1, 1)
        if pointwise and options["pointwise"] == "matmul":
            return PointwiseConv2D.from_config(layer.get_config())
        if kind in (keras.layers.Conv2D, keras.layers.BatchNormalization):
            return kind.from_config(layer.get_config())
        return layer

    return faster


def freeze_biases(model):
    """Stop training biases of convolutions that batch normalisation follows."""
    import keras

    for backbone in (part for part in model.layers if isinstance(part, keras.Model)):
        for layer in backbone.layers:
            if isinstance(layer, keras.layers.Conv2D) and layer.use_bias:
                after = [node.operation for node in layer._outbound_nodes]
                if all(isinstance(op, keras.layers.BatchNormalization) for op in after):
                    layer.bias.trainable = False
