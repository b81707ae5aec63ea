from itertools import product

import keras
import numpy as np
import pytest
from known_backbones import built, literal_weights
from literal_gradient import literal_cam
from scipy.special import softmax
from small_backbone import small_backbone

from rin.errors import InputError
from rin.evidence import discrepancies
from rin.models.build import Architecture, apply_unfreezing, build_classifier
from rin.models.preprocessing import PREPROCESSING
from rin.tables import UNFREEZING


def classifier(unfreezing, channels):
    """A classifier of three classes over a dozen layers at 64 px, with known weights."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras.applications, "ResNet50", small_backbone)
        made = build_classifier(Architecture("ResNet50", unfreezing, 64, 3, channels))
    made.backbone.set_weights(literal_weights(made.backbone, 1))
    made.preprocess.set_preprocessing(PREPROCESSING["symmetric"])
    return made


@pytest.fixture(scope="module")
def gray():
    return classifier("unfreeze_top10", 1)


def uint8(channels):
    return np.random.default_rng(2).integers(0, 256, (3, 64, 64, channels)).astype("uint8")


def test_explainer_returns_the_model_s_logits_and_grad_cam_maps(gray):
    images = uint8(1)
    logits, maps = map(np.asarray, gray.explainer(images))
    np.testing.assert_allclose(softmax(logits, axis=1), gray.model(images), atol=1e-6)
    expected = literal_cam(gray.model, images, gray.model.layers[-4].input)
    assert maps.shape == expected.shape == (3, 7, 7, 3)
    np.testing.assert_allclose(maps, expected, atol=1e-5 * np.abs(expected).max())
    assert np.abs(expected).max() > 1e-2


@pytest.mark.parametrize("channels", [1, 3])
def test_input_reaches_the_softmax_as_three_channels_through_contract_backbone_and_head(channels):
    made, images = classifier("freeze_all", channels), uint8(channels)
    assert made.model.input_shape == (None, 64, 64, channels)
    assert len(made.model.trainable_variables) == 2
    assert [layer.rate for layer in made.head.layers if hasattr(layer, "rate")] == [0.5]
    rgb = np.repeat(images, 3 // channels, axis=3).astype("float32")
    features = np.asarray(made.backbone(PREPROCESSING["symmetric"].apply(rgb)))
    kernel = np.asarray(made.head.layers[-1].kernel)
    expected = softmax(features.mean(axis=(1, 2)) @ kernel, axis=1)
    np.testing.assert_allclose(made.model(images), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"backbone": "VGG16"}, "ResNet50"),
        ({"unfreezing": "all"}, "unfreeze_all"),
        ({"augmentation": "strong"}, "official"),
        ({"head": "mlp"}, "conv_skip"),
    ],
)
@pytest.mark.usefixtures("small")
def test_build_classifier_of_unusable_architecture_raises(change, match):
    settings = {"backbone": "ResNet50", "unfreezing": "freeze_all", "size": 32} | change
    with pytest.raises(InputError, match=match):
        build_classifier(Architecture(**settings))


@pytest.mark.parametrize(("before", "now"), product(UNFREEZING, UNFREEZING))
def test_unfreezing_trains_its_layers_whatever_was_applied_before(gray, before, now):
    layers = gray.backbone.layers
    trained = {"unfreeze_all": layers, "freeze_all": [], "unfreeze_top10": layers[-10:]}[now]
    apply_unfreezing(gray.backbone, before)
    apply_unfreezing(gray.backbone, now)
    assert [layer for layer in layers if layer.trainable] == trained
    expected = [v.path for layer in trained for v in layer.trainable_variables]
    assert [v.path for v in gray.backbone.trainable_variables] == expected


def test_ten_top_layers_are_other_weights_where_pooling_is_one_of_them():
    layers = built("ResNet50").layers
    pooled = [*layers, keras.layers.GlobalAveragePooling2D()]
    for network, name in ((pooled, "top10_of_scripts"), (layers, "top10_of_backbone")):
        weights = [w for layer in network[-10:] for w in layer.trainable_weights]
        assert sum(np.prod(w.shape) for w in weights) == discrepancies.FACTS[name]
