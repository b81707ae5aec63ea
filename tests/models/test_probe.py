"""Probing weights: first layers made by hand, with averages as training would leave them."""

from dataclasses import replace

import h5py
import keras
import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.stats import norm, pearsonr

from rin.models.backbones import ALL_BACKBONES, build_backbone
from rin.models.preprocessing import PREPROCESSING
from rin.models.probe import (
    CANDIDATES,
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

BY_NAME = {preprocessing.name: preprocessing for preprocessing in CANDIDATES}


def drawn(channels=48, size=3, seed=0, bias=False):
    """Random kernels of unequal strength, and biases."""
    rng = np.random.default_rng(seed)
    strength = np.exp(rng.normal(0, 0.5, channels))
    kernel = rng.normal(0, 0.2, (size, size, 3, channels)) * strength
    return kernel, rng.normal(0, 0.1, channels) if bias else np.zeros(channels)


def made_layer(stride=2, padding=0, **kind):
    """The layer of these kernels, with averages that were never updated."""
    kernel, biases = drawn(**kind)
    pad = keras.layers.ZeroPadding2D(0 if padding == "same" else padding)
    name = "same" if padding == "same" else "valid"
    conv = keras.layers.Conv2D(len(biases), len(kernel), stride, name)
    conv.build((None, None, None, 3))
    conv.set_weights([kernel, biases])
    mean, variance = np.zeros(len(biases)), np.ones(len(biases))
    return FirstLayer(lambda images: np.asarray(conv(pad(images))), mean, variance, 1e-5)


def trained_layer(preprocessing, images, layer=None):
    """The layer with the averages that training under a preprocessing would leave."""
    layer = layer or made_layer()
    mean, variance = predict(layer, images, preprocessing)
    return replace(layer, mean=mean, variance=variance)


def gray_images(n=6, size=20, seed=1, mean=90.0, sd=60.0):
    """Smooth grey pictures, uint8 (n, size, size)."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(n, size + 2, size + 2))
    smooth = sum(noise[:, i : i + size, j : j + size] for i in range(3) for j in range(3)) / 3
    return np.clip(mean + sd * smooth, 0, 255).astype(np.uint8)


def color_images(n=6, size=20, seed=1):
    """Pictures whose channels differ in brightness, uint8 (n, size, size, 3)."""
    levels = [(150, 60), (90, 40), (50, 25)]
    return np.stack(
        [gray_images(n, size, seed + k, *level) for k, level in enumerate(levels)], axis=3
    )


def test_images_without_any_contrast_fit_no_candidate():
    layer = trained_layer(PREPROCESSING["caffe_unit"], gray_images())
    assert verdict_on(layer, np.full((2, 8, 8), 7, np.uint8))["verdict"] == NONE_FITS


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ResNet50", "InceptionV3", "DenseNet121", "MobileNetV2"])
def test_predicted_moments_agree_with_keras(name):
    backbone = build_backbone(name, 75)
    layer, images = first_layer(backbone), gray_images(4, 75)
    norms = (x for x in backbone.layers if isinstance(x, keras.layers.BatchNormalization))
    outputs = keras.Model(backbone.input, next(norms).input)
    for preprocessing in PREPROCESSING.values():
        pixels = preprocessing.apply(np.repeat(images[..., None], 3, axis=3))
        found = np.asarray(outputs(pixels), dtype=float).reshape(-1, len(layer.mean))
        mean, variance = predict(layer, images, preprocessing)
        scale = found.std(axis=0)
        np.testing.assert_allclose(mean / scale, found.mean(axis=0) / scale, atol=1e-4)
        np.testing.assert_allclose(np.sqrt(variance) / scale, 1, atol=1e-4)


def verdict_on(layer, images):
    return judge(score_candidates(layer, images))


def scores(correlation=0.99, **divergences):
    table = pd.DataFrame({"candidate": divergences.keys(), "divergence": divergences.values()})
    return table.assign(correlation=correlation, contrast=1.0, channels=48)


def relative_entropy(mean_a, variance_a, mean_b, variance_b):
    p, q = norm(mean_a, variance_a**0.5), norm(mean_b, variance_b**0.5)
    ends = mean_a - 12 * variance_a**0.5, mean_a + 12 * variance_a**0.5
    return quad(lambda x: p.pdf(x) * (p.logpdf(x) - q.logpdf(x)), *ends)[0]


def test_divergence_equals_the_integrals_of_its_definition_both_ways():
    images, preprocessing = gray_images(), PREPROCESSING["symmetric"]
    layer = trained_layer(PREPROCESSING["caffe_unit"], images, made_layer(channels=4))
    mean, variance = predict(layer, images, preprocessing)
    stored, predicted = ((v + layer.epsilon) for v in (layer.variance, variance))
    channels = list(zip(layer.mean, stored, mean, predicted, strict=True))
    both = [relative_entropy(*c) + relative_entropy(*c[2:], *c[:2]) for c in channels]
    table = score_candidates(layer, images).set_index("candidate")
    assert table.loc["symmetric", "divergence"] == pytest.approx(np.mean(both) / 2, rel=1e-6)


def test_chance_equals_the_one_sided_p_value_of_pearson():
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(2, 32))
    tested = pearsonr(a, a + 2 * b, alternative="greater")
    assert chance_of(tested.statistic, 32) == pytest.approx(tested.pvalue, rel=1e-6)


@pytest.mark.parametrize("name", BY_NAME)
def test_the_right_contract_fits_perfectly_and_is_named_on_images_of_the_training(name):
    images = gray_images()
    verdict = verdict_on(trained_layer(BY_NAME[name], images), images)
    assert verdict["verdict"] == name
    assert verdict["divergence"] == pytest.approx(0, abs=1e-9)
    assert verdict["contrast"] == pytest.approx(1)


@pytest.mark.parametrize(("name", "order"), [("caffe_unit", "BGR"), ("symmetric", "RGB")])
def test_colour_images_tell_the_order_of_the_channels(name, order):
    images = color_images()
    own = verdict_on(trained_layer(BY_NAME[name], images), images)
    other = verdict_on(trained_layer(reorder(BY_NAME[name]), images), images)
    assert (own["verdict"], own["order"]) == (name, order)
    assert (other["verdict"], {other["order"], order}) == (name, {"RGB", "BGR"})


@pytest.mark.parametrize("images", [gray_images(), color_images()], ids=["gray", "rgb"])
def test_averages_that_were_never_updated_fit_no_candidate(images):
    verdict = verdict_on(made_layer(), images)
    assert verdict["verdict"] == NONE_FITS
    assert "do not follow from these kernels" in verdict["reason"]


def test_averages_shuffled_over_the_channels_fit_no_candidate():
    images = gray_images()
    layer = trained_layer(BY_NAME["symmetric"], images)
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(len(layer.mean))
        shuffled = replace(layer, mean=layer.mean[order], variance=layer.variance[order])
        assert verdict_on(shuffled, images)["verdict"] == NONE_FITS


@pytest.mark.parametrize(
    ("table", "word"),
    [
        (scores(caffe_unit=0.20, symmetric=0.31), "caffe_unit"),
        (scores(caffe_unit=0.20, symmetric=0.29), TOO_CLOSE),
        (scores(symmetric=0.31, caffe_unit=0.20), "caffe_unit"),
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


def h5_of(path, parameters, optimizer=0):
    with h5py.File(path, "w") as file:
        file.create_dataset("layers/conv/vars/0", (parameters,), "float16")
        if optimizer:
            file.create_dataset("optimizer/vars/0", (optimizer,), "float16")
    return path


@pytest.mark.parametrize("name", ["DenseNet121", "MobileNetV2"])
def test_a_backbone_is_found_by_its_number_of_parameters(tmp_path, name):
    count = ALL_BACKBONES[name].parameters
    assert identify_backbone(h5_of(tmp_path / "x.weights.h5", count, 99)) == name


def test_known_distributions_hold_one_file_under_two_names_and_disagree_about_it():
    digest = "08629f7e7bd3e29b8ee9522ca3f65ce4d010a7ddf74f0ea3c7e3f3d0bbab0734"
    found = [each for each in load_distributions() if each.sha256 == digest]
    stated = {d.distributor: d.stated_preprocessing for d in found}
    assert stated == {
        "RadImageNet's authors": "symmetric_bgr",
        "Lab-Rasool (Hugging Face)": "standardised",
    }


def sides(side, size, stride, padding):
    """Zeros before and after an image side; of Keras' padding, the odd one stands at the end."""
    if padding != "same":
        return padding, padding
    needed = max((-(-side // stride) - 1) * stride + size - side, 0)
    return needed // 2, needed - needed // 2


def loop_over_patches(images, preprocessing, stride=2, padding=0, **kind):
    """Mean and variance of every channel, patch by patch, as the network computes them."""
    if images.ndim == 3:
        images = np.repeat(images[..., None], 3, axis=3)
    kernel, biases = drawn(**kind)
    size, outputs = len(kernel), []
    for image in preprocessing.apply(images):
        zeros = [sides(side, size, stride, padding) for side in image.shape[:2]]
        padded = np.pad(image.astype(float), (*zeros, (0, 0)))
        for top in range(0, padded.shape[0] - size + 1, stride):
            for left in range(0, padded.shape[1] - size + 1, stride):
                patch = padded[top : top + size, left : left + size]
                outputs.append(np.einsum("ijc,ijck->k", patch, kernel) + biases)
    return np.mean(outputs, axis=0), np.var(outputs, axis=0)


@pytest.mark.parametrize("preprocessing", [*BY_NAME.values(), *map(reorder, BY_NAME.values())])
@pytest.mark.parametrize("images", [gray_images(2, 12), color_images(2, 12)], ids=["gray", "rgb"])
@pytest.mark.parametrize(
    "kind",
    [
        {"channels": 5, "size": 3},
        {"channels": 5, "size": 7, "padding": 3, "bias": True},
        {"channels": 5, "size": 3, "padding": "same"},
    ],
    ids=["valid", "padded", "same"],
)
def test_predicted_moments_equal_those_of_a_loop_over_every_patch(kind, images, preprocessing):
    mean, variance = predict(made_layer(**kind), images, preprocessing)
    looped = loop_over_patches(images, preprocessing, **kind)
    np.testing.assert_allclose(mean, looped[0], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(variance, looped[1], rtol=1e-4, atol=1e-6)
