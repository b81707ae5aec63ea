import numpy as np
import pytest
from known_backbones import literal_weights
from scipy.special import softmax

from rin.errors import InputError
from rin.explain.gradcam import gradient_cam
from rin.models.build import UNFREEZING, Architecture, apply_unfreezing, build_classifier
from rin.models.preprocessing import PREPROCESSING


@pytest.fixture(scope="module")
def gray():
    """ResNet50 at 64 px, three classes, gray input, random weights."""
    import keras

    keras.utils.set_random_seed(1)
    made = build_classifier(Architecture("ResNet50", "unfreeze_top10", 64, n_classes=3))
    made.backbone.set_weights(literal_weights(made.backbone, 1))
    made.preprocess.set_contract(PREPROCESSING["caffe"])
    return made


def uint8(n, size, channels):
    draws = np.random.default_rng(2)
    return draws.integers(0, 256, (n, size, size, channels)).astype("uint8")


def test_head_when_built_is_pooling_dropout_and_softmax(gray):
    import keras

    head = gray.model.layers[-4:]
    assert [type(layer).__name__ for layer in head] == [
        "GlobalAveragePooling2D",
        "Dropout",
        "Dense",
        "Softmax",
    ]
    assert head[1].rate == 0.5
    assert head[2].units == 3
    assert head[2].activation is keras.activations.linear
    assert gray.model.layers[-5] is gray.backbone


def test_trainable_variables_when_top10_are_its_twelve_and_the_head(gray):
    assert len(gray.model.trainable_variables) == 12 + 2


def test_explainer_returns_the_model_s_logits_and_maps_of_gradient_cam(gray):
    images = uint8(3, 64, 1)
    logits, maps = map(np.asarray, gray.explainer(images))
    np.testing.assert_allclose(softmax(logits, axis=1), gray.model(images), atol=1e-6)
    expected = gradient_cam(gray.model, images, gray.model.layers[-4].input)
    assert maps.shape == expected.shape == (3, 2, 2, 3)
    np.testing.assert_allclose(maps, expected, atol=1e-5 * np.abs(expected).max())
    assert np.abs(expected).max() > 1e-2


def test_gray_input_equals_three_equal_channels_through_contract_and_backbone(gray):
    images = uint8(2, 64, 1)
    repeated = np.repeat(images, 3, axis=-1).astype("float32")
    features = np.asarray(gray.backbone(PREPROCESSING["caffe"].apply(repeated)))
    logits = features.mean(axis=(1, 2)) @ np.asarray(gray.dense.kernel)
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    expected = odds / odds.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(np.asarray(gray.model(images)), expected, atol=1e-5)


def test_rgb_input_when_channels_are_three_reaches_the_backbone_in_colour():
    made = build_classifier(Architecture("ResNet50", "freeze_all", 32, channels=3))
    images = uint8(2, 32, 3)
    assert made.model.input_shape == (None, 32, 32, 3)
    assert len(made.model.trainable_variables) == 2
    same = np.asarray(made.explainer(images)[1])
    turned = np.asarray(made.explainer(images[..., ::-1])[1])
    assert np.abs(same - turned).max() > 1e-3 * np.abs(same).max()


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"backbone": "VGG16"}, "ResNet50"),
        ({"unfreezing": "all"}, "unfreeze_all"),
        ({"augmentation": "strong"}, "official"),
        ({"size": 16}, "too small"),
    ],
)
def test_build_classifier_of_unusable_architecture_raises(change, match):
    settings = {"backbone": "ResNet50", "unfreezing": "freeze_all", "size": 32} | change
    with pytest.raises(InputError, match=match):
        build_classifier(Architecture(**settings))


# Trainable parameters without top, as `summary()` of Keras 2 gives them.
PARAMETERS = {
    "inception_resnet_v2": 54_276_192,
    "resnet50": 23_534_592,
    "densenet121": 6_953_856,
    "inception_v3": 21_768_352,
    "vgg19": 20_024_384,
    "mobilenetv2_1.00_32": 2_223_872,
}


def paths(variables):
    return sorted(v.path for v in variables)


def test_unfreeze_all_when_applied_leaves_every_parameter_trainable(backbone):
    apply_unfreezing(backbone, "unfreeze_all")
    count = sum(int(np.prod(v.shape)) for v in backbone.trainable_variables)
    assert count == PARAMETERS[backbone.name]


def test_freeze_all_when_applied_leaves_no_variable_trainable(backbone):
    apply_unfreezing(backbone, "freeze_all")
    assert backbone.trainable_variables == []


def test_unfreeze_top10_when_applied_trains_exactly_the_last_ten_layers(backbone):
    expected = [v for layer in backbone.layers[-10:] for v in layer.trainable_variables]
    apply_unfreezing(backbone, "unfreeze_top10")
    assert paths(backbone.trainable_variables) == paths(expected)
    assert [layer.trainable for layer in backbone.layers].count(True) == 10


@pytest.mark.parametrize("before", UNFREEZING)
@pytest.mark.parametrize("regime", UNFREEZING)
def test_regime_when_applied_after_another_forgets_the_earlier(resnet, before, regime):
    apply_unfreezing(resnet, regime)
    expected = paths(resnet.trainable_variables)
    apply_unfreezing(resnet, before)
    apply_unfreezing(resnet, regime)
    assert paths(resnet.trainable_variables) == expected
