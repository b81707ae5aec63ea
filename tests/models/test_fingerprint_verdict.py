from dataclasses import replace

import numpy as np
import pytest
from first_layers import color_images, gray_images, made_layer, trained_layer
from scipy.integrate import quad
from scipy.stats import norm, pearsonr

from rin.models.fingerprint import patch_moments
from rin.models.fingerprint_verdict import (
    CANDIDATES,
    NONE_FITS,
    TOO_CLOSE,
    Score,
    chance_of,
    gaussian_divergence,
    judge,
    scaling_of,
    score_candidate,
    score_candidates,
    swapped,
)
from rin.models.preprocessing import PREPROCESSING, Preprocessing

CONTRACTS = {candidate.name: candidate.contract for candidate in CANDIDATES}


def verdict_on(layer, images, **options):
    return judge(score_candidates(layer, images), **options)


def score(name, divergence, correlation=0.99, channels=48):
    return Score(name, divergence, correlation, 1.0, channels)


@pytest.mark.parametrize(
    ("a", "b"), [((0, 1), (0, 1)), ((0.3, 0.5), (-1, 2)), ((2, 4), (1.5, 0.3))]
)
def test_divergence_equals_the_integral_of_its_definition(a, b):
    (mean_a, variance_a), (mean_b, variance_b) = a, b
    p, q = norm(mean_a, variance_a**0.5), norm(mean_b, variance_b**0.5)
    ends = mean_a - 12 * variance_a**0.5, mean_a + 12 * variance_a**0.5
    integral, _ = quad(lambda x: p.pdf(x) * (p.logpdf(x) - q.logpdf(x)), *ends)
    assert gaussian_divergence(mean_a, variance_a, mean_b, variance_b) == pytest.approx(
        integral, abs=1e-8
    )


def test_chance_equals_the_one_sided_p_value_of_pearson():
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(2, 32))
    tested = pearsonr(a, a + 2 * b, alternative="greater")
    assert chance_of(tested.statistic, 32) == pytest.approx(tested.pvalue, rel=1e-6)


@pytest.mark.parametrize(("correlation", "expected"), [(np.nan, 1), (0, 0.5), (1, 0)])
def test_chance_at_the_ends(correlation, expected):
    assert chance_of(correlation, 32) == pytest.approx(expected)


@pytest.mark.parametrize("name", CONTRACTS)
def test_the_right_contract_fits_perfectly_and_is_named_on_images_of_the_training(name):
    images = gray_images()
    verdict = verdict_on(trained_layer(CONTRACTS[name], images), images)
    assert verdict.word == name
    assert verdict.best.divergence == pytest.approx(0, abs=1e-9)
    assert verdict.best.contrast == pytest.approx(1)


@pytest.mark.parametrize("name", CONTRACTS)
def test_the_right_contract_is_named_on_darker_images_of_less_contrast(name):
    layer = trained_layer(CONTRACTS[name], gray_images())
    verdict = verdict_on(layer, gray_images(seed=8, mean=80, sd=50))
    assert verdict.word == name
    assert verdict.best.contrast > 1.05


@pytest.mark.parametrize(("name", "order"), [("caffe_unit", "BGR"), ("symmetric", "RGB")])
def test_colour_images_tell_the_order_of_the_channels(name, order):
    images = color_images()
    own = verdict_on(trained_layer(CONTRACTS[name], images), images)
    other = verdict_on(trained_layer(swapped(CONTRACTS[name]), images), images)
    assert (own.word, own.order) == (name, order)
    assert (other.word, {other.order, order}) == (name, {"RGB", "BGR"})


def test_gray_images_tell_no_order_of_the_channels():
    images = gray_images()
    assert verdict_on(trained_layer(CONTRACTS["symmetric"], images), images).order is None


@pytest.mark.parametrize("images", [gray_images(), color_images()], ids=["gray", "rgb"])
def test_averages_that_were_never_updated_fit_no_candidate(images):
    verdict = verdict_on(made_layer(), images)
    assert verdict.word == NONE_FITS
    assert "do not follow from these kernels" in verdict.reason


@pytest.mark.parametrize("seed", range(5))
def test_random_averages_fit_no_candidate(seed):
    rng, layer = np.random.default_rng(seed), made_layer()
    filled = replace(layer, mean=rng.normal(size=48), variance=rng.uniform(0.1, 3, 48))
    assert verdict_on(filled, gray_images()).word == NONE_FITS


@pytest.mark.parametrize("seed", range(5))
def test_averages_shuffled_over_the_channels_fit_no_candidate(seed):
    images = gray_images()
    layer = trained_layer(CONTRACTS["symmetric"], images)
    order = np.random.default_rng(seed).permutation(layer.channels)
    shuffled = replace(layer, mean=layer.mean[order], variance=layer.variance[order])
    assert verdict_on(shuffled, images).word == NONE_FITS


def test_a_contract_that_is_no_candidate_fits_none():
    images, between = gray_images(), Preprocessing("x16", False, (16 / 255,) * 3, (-8.0,) * 3)
    verdict = verdict_on(trained_layer(between, images), images)
    assert verdict.word == NONE_FITS
    assert "still diverges by" in verdict.reason


def test_dead_channels_do_not_change_the_verdict():
    images, layer = gray_images(), made_layer()
    dead = layer.kernel * np.where(np.arange(48) < 20, 1e-7, 1)
    trained = trained_layer(CONTRACTS["symmetric"], images, replace(layer, kernel=dead))
    noisy = np.where(np.arange(48) < 20, 1e-9, trained.variance)
    assert verdict_on(replace(trained, variance=noisy), images).word == "symmetric"


def test_images_of_half_and_of_twice_the_contrast_are_equally_far_off():
    images, contract = gray_images(), PREPROCESSING["symmetric"]
    layer = replace(trained_layer(contract, images), epsilon=0.0)
    moments = patch_moments(images, layer)
    less, more = (
        score_candidate(replace(layer, variance=layer.variance * factor), moments, contract)
        for factor in (1 / 4, 4)
    )
    assert less.divergence == pytest.approx(more.divergence)
    assert (less.contrast, more.contrast) == pytest.approx((0.5, 2.0))


@pytest.mark.parametrize(
    ("scores", "factor", "word"),
    [
        ([score("caffe_unit", 0.20), score("symmetric", 0.31)], 1.5, "caffe_unit"),
        ([score("caffe_unit", 0.20), score("symmetric", 0.29)], 1.5, TOO_CLOSE),
        ([score("caffe_unit", 0.20), score("symmetric", 0.31)], 2.0, TOO_CLOSE),
        ([score("symmetric", 0.31), score("caffe_unit", 0.20)], 1.5, "caffe_unit"),
        ([score("caffe_unit", 1.01), score("symmetric", 9.0)], 1.5, NONE_FITS),
        ([score("caffe_unit", 0.99), score("symmetric", 9.0)], 1.5, "caffe_unit"),
        ([score("caffe_unit", 0.2, 0.40), score("symmetric", 9.0)], 1.5, NONE_FITS),
        ([score("caffe_unit", 0.2, 0.50), score("symmetric", 9.0)], 1.5, "caffe_unit"),
        ([score("caffe_unit", np.nan), score("symmetric", np.nan)], 1.5, NONE_FITS),
        # Both within sampling error of a perfect fit.
        ([score("caffe_unit", 0.0001), score("symmetric", 0.004)], 1.5, TOO_CLOSE),
        # Two orders of the channels are one scaling.
        (
            [score("caffe", 0.20), score("caffe_rgb", 0.21), score("raw", 0.5)],
            1.5,
            "caffe",
        ),
    ],
)
def test_the_rules(scores, factor, word):
    assert judge(scores, factor).word == word


@pytest.mark.parametrize(
    ("candidate", "scaling"),
    [("caffe", "caffe"), ("caffe_rgb", "caffe"), ("symmetric_bgr", "symmetric")],
)
def test_scaling_of_a_candidate_leaves_the_order_of_channels_out(candidate, scaling):
    assert scaling_of(candidate) == scaling


@pytest.mark.parametrize("name", CONTRACTS)
def test_swapping_reverses_the_channels_and_leaves_each_its_own_numbers(name):
    pixels = color_images(1)
    plain, reverse = CONTRACTS[name].apply(pixels), swapped(CONTRACTS[name]).apply(pixels)
    np.testing.assert_array_equal(reverse, plain[..., ::-1])


def test_swapping_twice_gives_the_same_numbers():
    twice = swapped(swapped(PREPROCESSING["standardised"]))
    assert replace(twice, name="standardised") == PREPROCESSING["standardised"]
