from itertools import product

import keras
import numpy as np
import pytest
from known_backbones import literal_weights
from literal_gradient import literal_cam
from scipy.special import softmax

from rin.errors import InputError
from rin.evidence import discrepancies
from rin.models.build import Architecture, apply_unfreezing, build_classifier
from rin.models.preprocessing import PREPROCESSING
from rin.tables import UNFREEZING


@pytest.fixture(scope="module")
def gray():
    """MobileNetV2 at 64 px, three classes, grey input, random weights."""
    keras.utils.set_random_seed(1)
    made = build_classifier(Architecture("MobileNetV2", "unfreeze_top10", 64, n_classes=3))
    made.backbone.set_weights(literal_weights(made.backbone, 1))
    made.preprocess.set_preprocessing(PREPROCESSING["symmetric"])
    return made


def uint8(n, size, channels):
    draws = np.random.default_rng(2)
    return draws.integers(0, 256, (n, size, size, channels)).astype("uint8")


def test_head_when_built_is_pooling_dropout_and_softmax(gray):
    backbone, *head = gray.model.layers[-5:]
    kinds = ["GlobalAveragePooling2D", "Dropout", "Dense", "Softmax"]
    assert [type(layer).__name__ for layer in head] == kinds
    assert (head[1].rate, head[2].units) == (0.5, 3)
    assert head[2].activation is keras.activations.linear
    assert backbone is gray.backbone


def test_explainer_returns_the_model_s_logits_and_grad_cam_maps(gray):
    images = uint8(3, 64, 1)
    logits, maps = map(np.asarray, gray.explainer(images))
    np.testing.assert_allclose(softmax(logits, axis=1), gray.model(images), atol=1e-6)
    expected = literal_cam(gray.model, images, gray.model.layers[-4].input)
    assert maps.shape == expected.shape == (3, 2, 2, 3)
    np.testing.assert_allclose(maps, expected, atol=1e-5 * np.abs(expected).max())
    assert np.abs(expected).max() > 1e-2


def test_gray_input_equals_three_equal_channels_through_contract_and_backbone(gray):
    images = uint8(2, 64, 1)
    repeated = np.repeat(images, 3, axis=-1).astype("float32")
    features = np.asarray(gray.backbone(PREPROCESSING["symmetric"].apply(repeated)))
    expected = softmax(
        features.mean(axis=(1, 2)) @ np.asarray(gray.head.layers[-1].kernel), axis=1
    )
    np.testing.assert_allclose(np.asarray(gray.model(images)), expected, atol=1e-5)


def test_rgb_input_when_channels_are_three_reaches_the_backbone_in_colour():
    made = build_classifier(Architecture("MobileNetV2", "freeze_all", 32, channels=3))
    made.backbone.set_weights(literal_weights(made.backbone, 1))
    made.preprocess.set_preprocessing(PREPROCESSING["symmetric"])
    images = uint8(2, 32, 3)
    assert made.model.input_shape == (None, 32, 32, 3)
    assert len(made.model.trainable_variables) == 2
    same, turned = (np.asarray(made.explainer(x)[1]) for x in (images, images[..., ::-1]))
    assert np.abs(same - turned).max() > 1e-3 * np.abs(same).max()


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"backbone": "VGG16"}, "ResNet50"),
        ({"unfreezing": "all"}, "unfreeze_all"),
        ({"augmentation": "strong"}, "official"),
        ({"head": "mlp"}, "conv_skip"),
    ],
)
def test_build_classifier_of_unusable_architecture_raises(change, match):
    settings = {"backbone": "MobileNetV2", "unfreezing": "freeze_all", "size": 32} | change
    with pytest.raises(InputError, match=match):
        build_classifier(Architecture(**settings))


@pytest.mark.parametrize(("before", "now"), product(UNFREEZING, UNFREEZING))
def test_unfreezing_trains_its_layers_whatever_was_applied_before(small, before, now):
    first = {"unfreeze_all": 0, "freeze_all": len(small.layers), "unfreeze_top10": -10}[now]
    expected = [v.path for layer in small.layers[first:] for v in layer.trainable_variables]
    apply_unfreezing(small, before)
    apply_unfreezing(small, now)
    assert [v.path for v in small.trainable_variables] == expected
    trained = [layer.trainable for layer in small.layers]
    assert trained.count(True) == len(small.layers[first:])


def test_ten_top_layers_are_other_weights_where_pooling_is_one_of_them():
    stated = discrepancies.FACTS
    for pooling, name in (("avg", "top10_of_scripts"), (None, "top10_of_backbone")):
        backbone = keras.applications.ResNet50(weights=None, include_top=False, pooling=pooling)
        for layer in backbone.layers[:-10]:
            layer.trainable = False
        assert sum(np.prod(w.shape) for w in backbone.trainable_weights) == stated[name]
