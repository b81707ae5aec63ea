"""Affine transforms made of gathers, for steps that XLA compiles.

TensorFlow's own transform, which `keras.ops.image.affine_transform` calls, has no kernel under XLA,
and XLA is what Keras compiles with on a GPU.
"""

from __future__ import annotations

from typing import Any

from keras import ops


def gathered_affine(images: Any, matrices: Any) -> Any:
    """Transform a batch of images: bilinear, the nearest pixel outside.

    Parameters
    ----------
    images
        float32 (n, h, w, channels).
    matrices
        float32 (n, 8): from places in the output to places in the input, as
        `keras.ops.image.affine_transform` takes them; of an affine map the last two are zero.

    Returns
    -------
    tensor
        float32 (n, h, w, channels).  Validated against `keras.ops.image.affine_transform`.
    """
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

    def pixels(row: Any, column: Any) -> Any:
        index = ops.reshape(row * width + column, (-1, height * width, 1))
        taken = ops.take_along_axis(flat, index, axis=1)
        return ops.reshape(taken, (-1, height, width, channels))

    upper = pixels(top, left) * (1 - over) + pixels(top, next_x) * over
    lower = pixels(next_y, left) * (1 - over) + pixels(next_y, next_x) * over
    return upper * (1 - under) + lower * under
