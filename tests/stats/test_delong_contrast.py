import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rin.errors import InputError
from rin.stats.delong import (
    area_contrast,
    area_contrasts,
    auc_ci,
    clustered_covariance,
    clustered_test,
    delong_covariance,
    delong_test,
)

LABELS = np.array([0, 1, 1, 0, 0, 1, 0, 1, 1, 0, 0, 1])
PATIENTS = np.array(list("aabbccddeeff"))
SCORES = np.random.default_rng(5).normal(LABELS, 1.2, size=(4, 12)).round(1)
WEIGHTS = [0.5, -1.0, 0.25, 2.0]


def test_contrast_of_two_with_plus_and_minus_one_is_the_delong_test():
    found = area_contrast(LABELS, SCORES[:2], [1, -1], level=0.9)
    test = delong_test(LABELS, *SCORES[:2], level=0.9)
    assert (found.estimate, found.variance, found.z) == (test.difference, test.variance, test.z)
    assert (found.p_value, found.ci_low) == (test.p_value, test.ci_low)
    assert found.ci_high == test.ci_high


def test_contrast_of_two_by_patient_is_the_clustered_test():
    found = area_contrast(LABELS, SCORES[:2], [1, -1], clusters=PATIENTS, level=0.9)
    test = clustered_test(LABELS, *SCORES[:2], PATIENTS, level=0.9)
    expected = [test.difference, test.variance, test.z, test.p_value, test.ci_low, test.ci_high]
    ours = [found.estimate, found.variance, found.z, found.p_value, found.ci_low, found.ci_high]
    assert ours == pytest.approx(expected, rel=1e-12)
    assert found.variance != pytest.approx(delong_test(LABELS, *SCORES[:2]).variance)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.lists(st.floats(-3, 3), min_size=3, max_size=3))
def test_contrast_equals_the_quadratic_form_of_either_covariance(seed, weights):
    rng = np.random.default_rng(seed)
    labels = np.append([0, 1, 0, 1], rng.integers(0, 2, 16))
    scores = rng.normal(size=(3, 20)).round(1)
    patients = np.repeat(np.arange(10), 2)
    for clusters, (areas, covariance) in (
        (None, delong_covariance(labels, scores)),
        (patients, clustered_covariance(labels, scores, patients)),
    ):
        found = area_contrast(labels, scores, weights, clusters=clusters)
        assert found.estimate == pytest.approx(areas @ weights, abs=1e-12)
        assert found.variance == pytest.approx(weights @ covariance @ weights, abs=1e-12)


@pytest.mark.parametrize("clusters", [None, PATIENTS])
@pytest.mark.parametrize("weights", [np.repeat([1 / 3, -1 / 3], 3), [0.1, 0.2, -0.3]])
def test_contrast_of_equal_predictors_finds_nothing_despite_rounding(weights, clusters):
    found = area_contrast(LABELS, SCORES[[0] * len(weights)], weights, clusters=clusters)
    assert (found.estimate, found.variance, found.z, found.p_value) == (0, 0, 0, 1)


def test_contrast_that_is_small_but_no_rounding_is_kept():
    found, area = area_contrast(LABELS, SCORES[[0, 0]], [1, 1e-9 - 1]), auc_ci(LABELS, SCORES[0])
    assert found.estimate == pytest.approx(1e-9 * area.auc, rel=1e-6, abs=0)
    assert found.variance == pytest.approx(1e-18 * area.variance, rel=1e-6, abs=0)


@pytest.mark.parametrize("clusters", [None, PATIENTS])
def test_contrast_of_perfect_and_reversed_is_infinitely_sure(clusters):
    rows = np.vstack([LABELS, LABELS, LABELS, -LABELS, -LABELS, -LABELS])
    found = area_contrast(LABELS, rows, np.repeat([1 / 3, -1 / 3], 3), clusters=clusters)
    assert (found.estimate, found.variance) == (pytest.approx(1), 0)
    assert (found.z, found.p_value) == (math.inf, 0)


def test_contrast_with_one_positive_has_an_estimate_and_no_inference():
    found = area_contrast([0, 1, 0], [[1, 3, 2], [1, 2, 3]], [1, -1])
    assert found.estimate == 0.5
    assert np.isnan([found.variance, found.z, found.p_value, found.ci_low, found.ci_high]).all()


def test_contrast_with_a_class_in_one_patient_has_no_clustered_inference():
    found = area_contrast([1, 1, 0, 0], [[1, 2, 0, 3]], [1], clusters=["a", "a", "b", "c"])
    assert found.estimate == 0.5
    assert math.isnan(found.variance) and math.isnan(found.p_value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": [1]}, "weights"),
        ({"weights": [1, math.nan]}, "1 finite"),
        ({"weights": [1, math.inf]}, "1 finite"),
        ({"weights": [[1, -1]]}, "weights"),
        ({"level": 1}, "level"),
    ],
)
def test_contrast_of_bad_input_raises_input_error(change, message):
    good = {"labels": [0, 1, 1], "scores_matrix": [[1, 2, 3], [3, 1, 2]], "weights": [1, -1]}
    with pytest.raises(InputError, match=message):
        area_contrast(**good | change)


@pytest.mark.parametrize("clusters", [None, PATIENTS])
def test_several_contrasts_are_each_alone_and_covary_by_the_quadratic_form(clusters):
    weights = np.array([WEIGHTS, [1, -1, 0, 0]])
    areas, estimates, covariance = area_contrasts(LABELS, SCORES, weights, clusters)
    for row, estimate, variance in zip(weights, estimates, np.diag(covariance), strict=True):
        alone = area_contrast(LABELS, SCORES, row, clusters=clusters)
        assert (alone.estimate, alone.variance) == pytest.approx((estimate, variance))
    by_case = delong_covariance(LABELS, SCORES)
    _, of_areas = by_case if clusters is None else clustered_covariance(LABELS, SCORES, clusters)
    np.testing.assert_allclose(areas, by_case[0])
    np.testing.assert_allclose(covariance, weights @ of_areas @ weights.T, atol=1e-15)
