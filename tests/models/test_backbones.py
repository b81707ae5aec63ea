import pytest
from known_backbones import name_of

from rin.errors import InputError
from rin.models.backbones import (
    build_backbone,
    check_size,
    find_backbone,
)

CAM_LAYERS = {
    "InceptionResNetV2": ("conv_7b_ac", 1536),
    "ResNet50": ("conv5_block3_out", 2048),
    "DenseNet121": ("relu", 1024),
    "InceptionV3": ("mixed10", 2048),
    "VGG19": ("block5_pool", 512),
    "MobileNetV2": ("out_relu", 1280),
}


def test_cam_layer_when_backbone_is_built_is_the_output(backbone):
    layer, channels = CAM_LAYERS[name_of(backbone)]
    assert find_backbone(name_of(backbone)).cam_layer == layer
    assert backbone.layers[-1] is backbone.get_layer(layer)
    assert backbone.output is backbone.get_layer(layer).output
    assert backbone.output.shape[-1] == channels


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("InceptionV3", 74),
        ("InceptionResNetV2", 74),
        ("ResNet50", 31),
        ("DenseNet121", 31),
        ("VGG19", 31),
        ("MobileNetV2", 31),
    ],
)
def test_size_when_one_pixel_too_small_raises_and_the_next_passes(name, size):
    with pytest.raises(InputError, match=f"at least {size + 1} px"):
        build_backbone(name, size)
    check_size(name, size + 1)


def test_batch_norm_momentum_when_given_is_that_of_every_batch_normalisation():
    import keras

    backbone = build_backbone("ResNet50", 32, batch_norm_momentum=0.875)
    momenta = [
        layer.momentum
        for layer in backbone.layers
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    assert momenta == [0.875] * 53


def test_batch_norm_when_stated_follows_the_first_convolution_of_the_backbone(backbone):
    import keras

    kinds = [
        type(layer)
        for layer in backbone.layers
        if isinstance(layer, keras.layers.Conv2D | keras.layers.BatchNormalization)
    ]
    found = kinds[:2] == [keras.layers.Conv2D, keras.layers.BatchNormalization]
    assert find_backbone(name_of(backbone)).batch_norm is found
