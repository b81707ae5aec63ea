"""Probing weights: first layers made by hand, with averages as training would leave them."""

from dataclasses import replace

import h5py
import keras
import numpy as np
import pandas as pd
import pytest
from known_backbones import built, literal_weights
from scipy.stats import norm as normal
from scipy.stats import pearsonr
from torch_files import built_as_torchvision

from rin.models.backbones import ALL_BACKBONES, BACKBONES, find_backbone
from rin.models.preprocessing import PREPROCESSING
from rin.models.probe import (
    CANDIDATES,
    IN_COLOR,
    NONE_FITS,
    TOO_CLOSE,
    FirstLayer,
    chance_of,
    first_layer,
    identify_backbone,
    judge,
    load_distributions,
    predict,
    reorder,
    score_candidates,
)


def made_layer(channels=48):
    """A layer of random kernels of unequal strength, with averages that were never updated."""
    rng = np.random.default_rng(0)
    strength = np.exp(rng.normal(0, 0.5, channels))
    conv = keras.layers.Conv2D(channels, 3, 2, use_bias=False)
    conv.build((None, None, None, 3))
    conv.set_weights([rng.normal(0, 0.2, (3, 3, 3, channels)) * strength])
    averages = np.zeros(channels), np.ones(channels)
    return FirstLayer(lambda images: np.asarray(conv(images)), *averages, 1e-5)


def trained_layer(preprocessing, images, layer=None):
    """The layer with the averages that training under a preprocessing would leave."""
    layer = layer or made_layer()
    mean, variance = predict(layer, images, preprocessing)
    return replace(layer, mean=mean, variance=variance)


def gray_images(n=6, size=20, seed=1, mean=90.0, sd=60.0):
    """Smooth grey pictures, uint8 (n, size, size)."""
    noise = np.random.default_rng(seed).normal(size=(n, size + 2, size + 2))
    smooth = sum(noise[:, i : i + size, j : j + size] for i in range(3) for j in range(3)) / 3
    return np.clip(mean + sd * smooth, 0, 255).astype(np.uint8)


def color_images(n=6, size=20, seed=1):
    """Pictures whose channels differ in brightness, uint8 (n, size, size, 3)."""
    levels = [(150, 60), (90, 40), (50, 25)]
    return np.stack(
        [gray_images(n, size, seed + k, *level) for k, level in enumerate(levels)], axis=3
    )


@pytest.mark.parametrize(
    ("build", "name"),
    [
        (built, "MobileNetV2"),
        (built_as_torchvision, "ResNet50"),
        *(pytest.param(built, name, marks=pytest.mark.slow) for name in BACKBONES),
    ],
)
def test_predicted_moments_are_those_of_the_network_before_its_first_normalisation(build, name):
    backbone, side = build(name), find_backbone(name).min_size
    backbone.set_weights(literal_weights(backbone, 1))
    layer = first_layer(backbone)
    norm = next(x for x in backbone.layers if isinstance(x, keras.layers.BatchNormalization))
    np.testing.assert_array_equal(layer.variance.astype("float32"), norm.moving_variance)
    np.testing.assert_array_equal(layer.mean.astype("float32"), norm.moving_mean)
    outputs = keras.Model(backbone.input, norm.input)
    for images in (gray_images(2, side), color_images(2, side)):
        rgb = images if images.ndim == 4 else np.repeat(images[..., None], 3, axis=3)
        for preprocessing in IN_COLOR.values():
            found = np.asarray(outputs(preprocessing.apply(rgb)), float)
            mean, variance = predict(layer, images, preprocessing)
            np.testing.assert_allclose(mean, found.mean(axis=(0, 1, 2)), rtol=1e-3, atol=1e-3)
            np.testing.assert_allclose(variance, found.var(axis=(0, 1, 2)), rtol=1e-3)


def verdict_on(layer, images):
    return judge(score_candidates(layer, images))


def scores(correlation=0.99, **divergences):
    table = pd.DataFrame({"candidate": divergences.keys(), "divergence": divergences.values()})
    return table.assign(correlation=correlation, contrast=1.0, channels=48)


def relative_entropy(mean_a, variance_a, mean_b, variance_b):
    p, q = normal(mean_a, variance_a**0.5), normal(mean_b, variance_b**0.5)
    return p.expect(lambda x: p.logpdf(x) - q.logpdf(x))


def test_divergence_equals_the_integrals_of_its_definition_both_ways():
    images, preprocessing = gray_images(), PREPROCESSING["symmetric"]
    layer = trained_layer(PREPROCESSING["caffe_unit"], images, made_layer(4))
    mean, variance = predict(layer, images, preprocessing)
    stored, predicted = ((v + layer.epsilon) for v in (layer.variance, variance))
    channels = list(zip(layer.mean, stored, mean, predicted, strict=True))
    both = [relative_entropy(*c) + relative_entropy(*c[2:], *c[:2]) for c in channels]
    table = score_candidates(layer, images).set_index("candidate")
    assert table.loc["symmetric", "divergence"] == pytest.approx(np.mean(both) / 2, rel=1e-6)


def test_chance_equals_the_one_sided_p_value_of_pearson():
    a, b = np.random.default_rng(3).normal(size=(2, 32))
    tested = pearsonr(a, a + 2 * b, alternative="greater")
    assert chance_of(tested.statistic, 32) == pytest.approx(tested.pvalue, rel=1e-6)


@pytest.mark.parametrize("name", [candidate.name for candidate in CANDIDATES])
def test_the_right_contract_fits_perfectly_and_is_named_on_images_of_the_training(name):
    images = gray_images()
    table = score_candidates(trained_layer(IN_COLOR[name], images), images)
    assert judge(table)["verdict"] == name
    nearest = table.nsmallest(1, "divergence").iloc[0]
    assert nearest["divergence"] == pytest.approx(0, abs=1e-9)
    assert nearest["contrast"] == pytest.approx(1)


@pytest.mark.parametrize(("name", "order"), [("caffe_unit", "BGR"), ("symmetric", "RGB")])
def test_colour_images_tell_the_order_of_the_channels(name, order):
    images = color_images()
    own = verdict_on(trained_layer(IN_COLOR[name], images), images)
    other = verdict_on(trained_layer(reorder(IN_COLOR[name]), images), images)
    assert (own["verdict"], own["order"]) == (name, order)
    assert (other["verdict"], {other["order"], order}) == (name, {"RGB", "BGR"})


@pytest.mark.parametrize("images", [gray_images(), color_images()])
def test_averages_that_do_not_follow_from_the_kernels_and_images_fit_no_candidate(images):
    layer = trained_layer(IN_COLOR["symmetric"], images)
    shuffled = replace(layer, mean=np.roll(layer.mean, 7), variance=np.roll(layer.variance, 7))
    for odd, shown in ((made_layer(), images), (shuffled, images), (layer, images * 0 + 7)):
        verdict = verdict_on(odd, shown)
        assert verdict["verdict"] == NONE_FITS
        assert "do not follow from these kernels" in verdict["reason"]


@pytest.mark.parametrize(
    ("table", "word"),
    [
        (scores(caffe_unit=0.20, symmetric=0.31), "caffe_unit"),
        (scores(caffe_unit=0.20, symmetric=0.29), TOO_CLOSE),
        (scores(caffe_unit=1.01, symmetric=9.0), NONE_FITS),
        (scores(caffe_unit=0.99, symmetric=9.0), "caffe_unit"),
        (scores(caffe_unit=0.2, symmetric=9.0, correlation=0.40), NONE_FITS),
        (scores(caffe_unit=0.2, symmetric=9.0, correlation=0.50), "caffe_unit"),
        (scores(caffe_unit=np.nan, symmetric=np.nan), NONE_FITS),
        # Both within sampling error of a perfect fit.
        (scores(caffe_unit=0.0001, symmetric=0.004), TOO_CLOSE),
        # Two orders of the channels are one scaling.
        (scores(caffe=0.20, caffe_rgb=0.21, raw=0.5), "caffe"),
    ],
)
def test_the_rules(table, word):
    assert judge(table)["verdict"] == word


@pytest.mark.parametrize("name", ["DenseNet121", "MobileNetV2"])
def test_a_backbone_is_found_by_its_number_of_parameters(tmp_path, name):
    with h5py.File(tmp_path / "x.weights.h5", "w") as file:
        for group, count in (("layers", ALL_BACKBONES[name].parameters), ("optimizer", 99)):
            file.create_dataset(f"{group}/conv/vars/0", (count,), "float16")
    assert identify_backbone(tmp_path / "x.weights.h5") == name


def test_known_distributions_hold_one_file_under_two_names_and_disagree_about_it():
    digest = "08629f7e7bd3e29b8ee9522ca3f65ce4d010a7ddf74f0ea3c7e3f3d0bbab0734"
    found = [each for each in load_distributions() if each.sha256 == digest]
    assert {d.distributor: d.stated_preprocessing for d in found} == {
        "RadImageNet's authors": "symmetric_bgr",
        "Lab-Rasool (Hugging Face)": "standardised",
    }
