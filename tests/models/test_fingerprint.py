import numpy as np
import pytest
from first_layers import color_images, gray_images, made_layer

from rin.errors import InputError
from rin.models.fingerprint import first_layer, patch_moments, predict
from rin.models.fingerprint_verdict import CANDIDATES, swapped
from rin.models.preprocessing import PREPROCESSING

CONTRACTS = [c.contract for c in CANDIDATES] + [swapped(c.contract) for c in CANDIDATES]


def loop_over_patches(layer, images, contract):
    """Mean and variance of every channel, patch by patch, as the network computes them."""
    if images.ndim == 3:
        images = np.repeat(images[..., None], 3, axis=3)
    size, outputs = layer.kernel.shape[0], []
    for image in contract.apply(images):
        sides = [layer.sides(side) for side in image.shape[:2]]
        padded = np.pad(image.astype(float), (*sides, (0, 0)))
        for top in range(0, padded.shape[0] - size + 1, layer.stride):
            for left in range(0, padded.shape[1] - size + 1, layer.stride):
                patch = padded[top : top + size, left : left + size]
                outputs.append(np.einsum("ijc,ijck->k", patch, layer.kernel) + layer.bias)
    return np.mean(outputs, axis=0), np.var(outputs, axis=0)


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.name)
@pytest.mark.parametrize("images", [gray_images(2, 12), color_images(2, 12)], ids=["gray", "rgb"])
@pytest.mark.parametrize(
    "layer",
    [
        made_layer(5, size=3),
        made_layer(5, size=7, padding=3, bias=True),
        made_layer(5, size=3, padding="same"),
    ],
    ids=["valid", "padded", "same"],
)
def test_predicted_moments_equal_those_of_a_loop_over_every_patch(layer, images, contract):
    mean, variance = predict(layer, patch_moments(images, layer), contract)
    looped = loop_over_patches(layer, images, contract)
    np.testing.assert_allclose(mean, looped[0], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(variance, looped[1], rtol=1e-4, atol=1e-6)


def test_images_whose_channels_are_equal_count_as_gray():
    gray, layer = gray_images(), made_layer()
    assert patch_moments(np.repeat(gray[..., None], 3, axis=3), layer).channels == 1
    assert patch_moments(color_images(), layer).channels == 3


def test_on_gray_images_the_order_of_equal_channels_makes_no_difference():
    layer, contract = made_layer(), PREPROCESSING["symmetric"]
    moments = patch_moments(gray_images(), layer)
    ours, theirs = (predict(layer, moments, c) for c in (contract, swapped(contract)))
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(("size", "sides"), [(20, (0, 1)), (21, (1, 1)), (75, (1, 1))])
def test_same_padding_of_stride_two_puts_more_zeros_behind(size, sides):
    assert made_layer(padding="same").sides(size) == sides


@pytest.mark.parametrize(
    ("images", "said"),
    [
        (np.zeros((0, 8, 8), np.uint8), "shape (0, 8, 8)"),
        (np.ones((2, 8, 8)), "type float64"),
        (np.zeros((2, 8, 8, 4), np.uint8), "shape (2, 8, 8, 4)"),
        (np.full((2, 8, 8), 7, np.uint8), "every pixel of the images is 7"),
    ],
)
def test_images_that_cannot_be_used_raise(images, said):
    with pytest.raises(InputError) as raised:
        patch_moments(images, made_layer())
    assert said in str(raised.value)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ResNet50", "InceptionV3", "DenseNet121", "MobileNetV2"])
def test_predicted_moments_agree_with_keras(name):
    import keras

    from rin.models.backbones import build_backbone

    backbone = build_backbone(name, 75)
    layer, images = first_layer(backbone), gray_images(4, 75)
    normalised = next(
        one for one in backbone.layers if isinstance(one, keras.layers.BatchNormalization)
    )
    outputs = keras.Model(backbone.input, normalised.input)
    for contract in PREPROCESSING.values():
        pixels = contract.apply(np.repeat(images[..., None], 3, axis=3))
        found = np.asarray(outputs(pixels), dtype=float).reshape(-1, layer.channels)
        mean, variance = predict(layer, patch_moments(images, layer), contract)
        scale = found.std(axis=0)
        np.testing.assert_allclose(mean / scale, found.mean(axis=0) / scale, atol=1e-4)
        np.testing.assert_allclose(np.sqrt(variance) / scale, 1, atol=1e-4)


@pytest.mark.slow
def test_a_backbone_without_batch_normalisation_raises():
    from rin.models.backbones import build_backbone

    with pytest.raises(InputError, match="no batch normalisation behind its first convolution"):
        first_layer(build_backbone("VGG19", 32))
