import keras
import numpy as np
import pytest
from known_backbones import built

from rin.errors import InputError
from rin.models.backbones import (
    ALL_BACKBONES,
    BACKBONES,
    build_backbone,
    check_size,
    find_backbone,
)

# Target layer of Grad-CAM and its channels; trainable parameters without top, as `summary()` of
# Keras 2 gives them; smallest image side.
KNOWN = {
    "InceptionResNetV2": ("conv_7b_ac", 1536, 54_276_192, 75),
    "ResNet50": ("conv5_block3_out", 2048, 23_534_592, 32),
    "DenseNet121": ("relu", 1024, 6_953_856, 32),
    "InceptionV3": ("mixed10", 2048, 21_768_352, 75),
    "VGG19": ("block5_pool", 512, 20_024_384, 32),
    "MobileNetV2": ("out_relu", 1280, 2_223_872, 32),
    "MobileNet": ("conv_pw_13_relu", 1024, 3_206_976, 32),
    "EfficientNetV2B0": ("top_activation", 1280, 5_858_704, 32),
    "Xception": ("block14_sepconv2_act", 2048, 20_806_952, 71),
}


#: What takes more than a second to build.
SLOW = ("InceptionResNetV2", "InceptionV3", "EfficientNetV2B0", "DenseNet121", "Xception")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else [])
        for name in ALL_BACKBONES
    ],
)
def test_backbone_when_built_is_what_is_stated_of_it(name):
    assert name in KNOWN, "state what is known of it from elsewhere: its summary() in Keras 2"
    backbone, stated = built(name), find_backbone(name)
    layer, channels, trainable, _ = KNOWN[name]
    assert stated.cam_layer == layer
    assert backbone.output is backbone.layers[-1].output is backbone.get_layer(layer).output
    assert backbone.output.shape[-1] == channels
    assert backbone.count_params() == stated.parameters
    assert sum(int(np.prod(v.shape)) for v in backbone.trainable_variables) == trainable
    pair = [keras.layers.Conv2D, keras.layers.BatchNormalization]
    kinds = [type(each) for each in backbone.layers if type(each) in pair]
    assert (kinds[:2] == pair) is stated.batch_norm


def test_backbones_of_the_paper_are_four_wherever_others_are_listed():
    assert {*BACKBONES} == {"InceptionResNetV2", "ResNet50", "DenseNet121", "InceptionV3"}


@pytest.mark.parametrize("name", KNOWN)
def test_size_when_one_pixel_too_small_raises_and_the_next_passes(name):
    smallest = KNOWN[name][-1]
    with pytest.raises(InputError, match=f"at least {smallest} px"):
        build_backbone(name, smallest - 1)
    check_size(name, smallest)


@pytest.mark.usefixtures("small")
def test_batch_norm_momentum_when_given_is_that_of_every_batch_normalisation():
    layers = build_backbone("ResNet50", 32, batch_norm_momentum=0.875).layers
    momenta = [layer.momentum for layer in layers if hasattr(layer, "momentum")]
    assert momenta == [0.875] * 3
