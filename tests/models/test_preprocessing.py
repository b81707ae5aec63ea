import keras
import numpy as np
import pytest

from rin.models.layers import Preprocess
from rin.models.preprocessing import PREPROCESSING


def rgb():
    return np.random.default_rng(0).integers(0, 256, (2, 5, 4, 3)).astype("float32")


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("caffe", "resnet"),
        ("symmetric", "inception_v3"),
        ("standardised", "densenet"),
    ],
)
def test_contract_when_applied_equals_keras_preprocess_input(name, module):
    expected = getattr(keras.applications, module).preprocess_input(rgb().copy())
    result = PREPROCESSING[name].apply(rgb())
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-4)


def test_unit_scalings_when_applied_are_over_255():
    expected = {"unit": rgb(), "caffe_unit": PREPROCESSING["caffe"].apply(rgb())}
    for name, pixels in expected.items():
        np.testing.assert_allclose(PREPROCESSING[name].apply(rgb()), pixels / 255, atol=1e-6)


@pytest.mark.parametrize("channels", [1, 3])
def test_layer_when_contract_changes_equals_apply_without_a_new_layer(channels):
    layer, images = Preprocess(), rgb()[..., :channels]
    np.testing.assert_array_equal(layer(images), np.broadcast_to(images, rgb().shape))
    for preprocessing in [*PREPROCESSING.values(), PREPROCESSING["caffe"]]:
        layer.set_preprocessing(preprocessing)
        expected = preprocessing.apply(np.broadcast_to(images, rgb().shape))
        np.testing.assert_allclose(layer(images), expected, rtol=1e-5, atol=1e-4)
    assert layer.trainable_variables == []
