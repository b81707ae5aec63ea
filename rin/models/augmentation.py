"""Random affine augmentation with the ranges of the official training scripts.

Ranges have the meaning of Keras' `ImageDataGenerator`, which the official scripts use: zoom is
drawn for each axis separately, and shear is in degrees: the official "0.1" is a tenth of a degree.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Augmentation:
    """Largest changes, in either direction, of a random affine transform.

    `rotation` and `shear` are in degrees, `shift` is a fraction of the image's side, `zoom`
    applies to each axis; with `flip`, half of the images are mirrored left to right.
    """

    rotation: float = 0.0
    shift: float = 0.0
    shear: float = 0.0
    zoom: float = 0.0
    flip: bool = False

    def matrices(self, draws: Any, height: int, width: int) -> Any:
        """Return output-to-input maps (n, 8), as `keras.ops.image.affine_transform` takes them.

        The columns of `draws` (n, 7), in [-1, 1), are rotation, vertical and horizontal shift,
        shear, vertical and horizontal zoom, and flip.  They act in the order of
        `ImageDataGenerator`: rotation, shift, shear, zoom about the image centre, flip.  Releases
        of Keras differ in whether the first axis points down or right, which only decides along
        which axis shear acts.
        """
        from keras import ops

        theta = draws[:, 0] * self.rotation * (3.141592653589793 / 180)
        down = draws[:, 1] * self.shift * height
        right = draws[:, 2] * self.shift * width
        shear = draws[:, 3] * self.shear * (3.141592653589793 / 180)
        zoom_y, zoom_x = 1 + draws[:, 4] * self.zoom, 1 + draws[:, 5] * self.zoom
        mirror = ops.where(draws[:, 6] < 0, -1.0, 1.0) if self.flip else ops.ones_like(theta)

        cos, sin = ops.cos(theta), ops.sin(theta)
        # Rows of rotation @ shift @ shear @ zoom, acting on (y, x) about the centre.
        yy, yx = cos * zoom_y, (-cos * ops.sin(shear) - sin * ops.cos(shear)) * zoom_x
        xy, xx = sin * zoom_y, (-sin * ops.sin(shear) + cos * ops.cos(shear)) * zoom_x
        shift_y, shift_x = cos * down - sin * right, sin * down + cos * right
        yx, xx = yx * mirror, xx * mirror
        mid_y, mid_x = (height - 1) / 2, (width - 1) / 2
        start_y = mid_y - yy * mid_y - yx * mid_x + shift_y
        start_x = mid_x - xy * mid_y - xx * mid_x + shift_x
        zero = ops.zeros_like(theta)
        return ops.stack([xx, xy, start_x, yx, yy, start_y, zero, zero], axis=1)


AUGMENTATION = {
    "none": Augmentation(),
    "official": Augmentation(rotation=10, shift=0.1, shear=0.1, zoom=0.1, flip=True),
    # The official haemorrhage script leaves out rotation and flip.
    "official_hemorrhage": Augmentation(shift=0.1, shear=0.1, zoom=0.1),
}


def gathered_affine(images: Any, matrices: Any) -> Any:
    """Transform images (n, h, w, channels) by gathers, bilinearly, with the nearest pixel outside.

    It replaces `keras.ops.image.affine_transform`, whose `matrices` (n, 8) it takes, in steps that
    XLA compiles: there that function has no kernel on TensorFlow.
    """
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

    def pixels(row: Any, column: Any) -> Any:
        index = ops.reshape(row * width + column, (-1, height * width, 1))
        taken = ops.take_along_axis(flat, index, axis=1)
        return ops.reshape(taken, (-1, height, width, channels))

    upper = pixels(top, left) * (1 - over) + pixels(top, next_x) * over
    lower = pixels(next_y, left) * (1 - over) + pixels(next_y, next_x) * over
    return upper * (1 - under) + lower * under
