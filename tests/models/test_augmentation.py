import warnings
from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import ops
from literal_affine import affine_matrix
from scipy import ndimage

from rin.models.augmentation import AUGMENTATION, Augmentation, gathered_affine
from rin.models.layers import Augment

WIDE = Augmentation(rotation=40, shift=0.3, shear=20, zoom=0.4, flip=True)
OFFICIAL = AUGMENTATION["official"]
of_both = pytest.mark.parametrize("augmentation", [WIDE, OFFICIAL])


def draws():
    return np.random.default_rng(4).uniform(-1, 1, (6, 7)).astype("float32")


def picture(height, width, channels=1):
    """Smooth enough that a rounding of coordinates does not show."""
    noise = np.random.default_rng(5).uniform(0, 255, (height, width, channels))
    return ndimage.gaussian_filter(noise, (1.5, 1.5, 0)).astype("float32")


def check(augmentation, image, expected):
    """Both what the framework's own transform makes of an image, and what gathers make of it."""
    drawn = ops.convert_to_tensor(draws())
    matrices = augmentation.matrices(drawn, *image.shape[:2])
    images = ops.convert_to_tensor(np.repeat(image[np.newaxis], len(drawn), axis=0))
    own = ops.image.affine_transform(
        images, matrices, interpolation="bilinear", fill_mode="nearest"
    )
    for made in (own, gathered_affine(images, matrices)):
        np.testing.assert_allclose(made, expected, atol=0.02)
        assert np.abs(made - image).max() > 1


@of_both
def test_transform_when_drawn_equals_image_data_generator_with_exchanged_axes(augmentation):
    """With `row_axis` above `col_axis` the generator takes its matrix in array order."""
    legacy = pytest.importorskip("keras.src.legacy.preprocessing.image")
    image, a, expected = picture(24, 24, 3), augmentation, []
    ranges = [a.rotation, 24 * a.shift, 24 * a.shift, a.shear, a.zoom, a.zoom, 1]
    axes = {"row_axis": 1, "col_axis": 0, "channel_axis": 2}
    for drawn in draws():
        *changes, mirror = drawn * ranges + [0, 0, 0, 0, 1, 1, 0]
        with warnings.catch_warnings(action="ignore"):
            made = legacy.apply_affine_transform(image, *changes, **axes)
        expected.append(legacy.flip_axis(made, 1) if a.flip and mirror < 0 else made)
    check(a, image, expected)


def test_official_haemorrhage_script_leaves_out_rotation_and_flip():
    rest = replace(OFFICIAL, rotation=0, flip=False)
    assert AUGMENTATION["official_hemorrhage"] == rest


def test_layer_when_not_training_is_the_identity():
    images = np.stack([picture(12, 12)] * 3)
    for told in ({}, {"training": False}):
        np.testing.assert_array_equal(Augment(OFFICIAL)(images, **told), images)


def test_layer_when_training_draws_for_every_image_and_call_anew():
    layer, images = Augment(OFFICIAL), np.stack([picture(32, 32)] * 4)
    made = np.concatenate([layer(images, training=True) for _ in range(2)])
    gaps = np.abs(made[:, np.newaxis] - made).max(axis=(2, 3, 4)) + np.eye(8) * 9
    assert gaps.min() > 1
    # Nearest filling invents no value.
    assert images.min() - 1e-3 <= made.min() < made.max() <= images.max() + 1e-3


def test_layer_when_flipping_mirrors_about_half_of_the_images():
    images = np.tile(np.arange(8, dtype="float32")[:, np.newaxis], (400, 8, 1, 1))
    made = np.rint(Augment(Augmentation(flip=True))(images, training=True))
    assert {tuple(row) for row in made[:, 3, :, 0]} == {tuple(range(8)), tuple(range(7, -1, -1))}
    assert 150 < (made[:, 3, 0, 0] == 7).sum() < 250


def test_layer_in_mixed_precision_transforms_as_in_full_precision():
    images = np.stack([picture(16, 16)] * 3)
    full, mixed = (
        Augment(WIDE, dtype=d)(images, training=True) for d in ("float32", "mixed_bfloat16")
    )
    np.testing.assert_allclose(np.asarray(mixed, "float32"), np.asarray(full), atol=1)


@pytest.mark.slow
def test_transform_by_gathers_can_be_compiled_by_xla():
    if keras.backend.backend() != "tensorflow":
        pytest.skip("only TensorFlow's own transform is missing under XLA")
    import tensorflow as tf

    images = np.repeat(picture(16, 16)[np.newaxis], 4, axis=0)
    layer = Augment(WIDE, gathers=True, dtype="float32")
    layer.build(images.shape)
    compiled = tf.function(lambda x: layer(x, training=True), jit_compile=True)
    assert np.isfinite(np.asarray(compiled(images))).all()


@of_both
def test_transform_when_drawn_equals_scipy(augmentation):
    image, expected = picture(17, 30), []
    for drawn in draws():
        matrix = affine_matrix((17, 30), drawn, **vars(augmentation))
        made = ndimage.affine_transform(image[..., 0], matrix, order=1, mode="nearest")
        expected.append(made[..., np.newaxis])
    check(augmentation, image, expected)
