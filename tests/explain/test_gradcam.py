import numpy as np
import pytest
from skimage.transform import resize

from rin.errors import InputError
from rin.explain.gradcam import class_activation, gradient_cam, to_uint8


def test_class_activation_with_literal_features_weighs_channels_over_pixels():
    features = np.array([[[[1, 0], [0, 2]], [[3, 1], [0, 0]]]], dtype=np.float32)
    kernel = np.array([[4.0, -4.0], [8.0, 0.0]])
    cam = class_activation(features, kernel)
    assert cam.dtype == np.float32
    np.testing.assert_allclose(cam[0, :, :, 0], [[1, 4], [5, 0]])
    np.testing.assert_allclose(cam[0, :, :, 1], [[-1, 0], [-3, 0]])


def test_class_activation_when_channels_differ_raises():
    with pytest.raises(InputError, match="do not fit"):
        class_activation(np.zeros((1, 2, 2, 3)), np.zeros((4, 2)))


@pytest.fixture(scope="module", params=["softmax in the dense layer", "softmax layer", "nested"])
def tiny(request):
    """Return a model, its feature tensor and its dense kernel."""
    keras = pytest.importorskip("keras")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("the oracle needs a gradient tape")
    keras.utils.set_random_seed(3)
    inputs = keras.Input((12, 12, 1))
    trunk = keras.layers.Conv2D(5, 3, strides=2, activation="relu")
    if request.param == "nested":
        trunk = keras.Sequential([keras.Input((12, 12, 1)), trunk])
    pool = keras.layers.GlobalAveragePooling2D()
    own = request.param == "softmax in the dense layer"
    dense = keras.layers.Dense(2, activation="softmax" if own else None)
    outputs = dense(pool(trunk(inputs)))
    outputs = outputs if own else keras.layers.Softmax()(outputs)
    return keras.Model(inputs, outputs), pool.input, dense.get_weights()[0]


def test_class_activation_of_pooled_head_equals_gradient(tiny):
    import keras

    model, features, kernel = tiny
    images = np.random.default_rng(0).normal(size=(5, 12, 12, 1)).astype(np.float32)
    closed = class_activation(np.asarray(keras.Model(model.input, features)(images)), kernel)
    by_gradient = gradient_cam(model, images, features, batch_size=2)
    np.testing.assert_allclose(closed, by_gradient, atol=1e-5)
    assert np.abs(closed).max() > 1e-3


def test_gradient_cam_when_model_ends_in_pooling_raises():
    keras = pytest.importorskip("keras")
    inputs = keras.Input((4, 4, 1))
    features = keras.layers.Conv2D(2, 3)(inputs)
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(features))
    with pytest.raises(InputError, match="dense"):
        gradient_cam(model, np.zeros((1, 4, 4, 1), np.float32), features)


@pytest.mark.parametrize("size", [7, 16, 64])
def test_to_uint8_of_random_maps_equals_skimage_bilinear(size):
    cam = np.random.default_rng(1).normal(size=(4, 7, 5)).astype(np.float32)
    positive = np.maximum(cam, 0)
    expected = [
        resize(255 * one / one.max(), (size, size), order=1, mode="edge", anti_aliasing=False)
        for one in positive
    ]
    result = to_uint8(cam, size)
    assert result.dtype == np.uint8
    assert np.abs(result - np.array(expected)).max() <= 0.501


def test_to_uint8_of_map_without_positive_value_is_zero():
    cam = np.array([[[-2.0, 0.0], [-1.0, -3.0]]])
    assert not to_uint8(cam, 4).any()


def test_to_uint8_of_constant_positive_map_is_255():
    assert (to_uint8(np.full((1, 2, 2), 1e-6), 5) == 255).all()


def test_to_uint8_divides_each_image_by_its_own_maximum():
    cam = np.array([[[1.0, 2.0]], [[50.0, 100.0]]]).repeat(2, axis=1)
    large = to_uint8(cam, 2)
    np.testing.assert_array_equal(large[0], large[1])
    assert large[0, 0].tolist() == [128, 255]


@pytest.mark.parametrize(
    ("cam", "size", "match"),
    [
        (np.zeros((2, 2)), 4, "shape"),
        (np.full((1, 2, 2), np.nan), 4, "finite"),
        (np.zeros((1, 8, 8)), 4, "below"),
    ],
)
def test_to_uint8_of_unusable_maps_raises(cam, size, match):
    with pytest.raises(InputError, match=match):
        to_uint8(cam, size)
