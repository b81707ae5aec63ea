import math
import tracemalloc
import warnings

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from rin.errors import InputError
from rin.stats import auc_ci, delong_covariance, delong_test, delong_test_unpaired
from rin.stats.delong import (
    area_interval,
    normal_quantile,
    share_interval,
)


def test_covariance_of_48_predictors_needs_less_than_three_times_the_scores():
    rng = np.random.default_rng(3)
    labels, rows = rng.random(10_000) < 0.3, rng.normal(size=(48, 10_000))
    tracemalloc.start()
    delong_covariance(labels, rows)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * rows.nbytes


def logit(share):
    return math.log(share) - math.log(1 - share)


@pytest.mark.parametrize(
    ("level", "expected"),
    [(0.95, 1.95996398454005), (0.9, 1.64485362695147), (0.5, 0.674489750196082)],
)
def test_normal_quantile_equals_r_qnorm(level, expected):
    assert normal_quantile(level) == pytest.approx(expected, abs=1e-13)


@given(st.floats(0.02, 0.98), st.floats(1e-6, 0.02), st.sampled_from([0.8, 0.95, 0.99]))
@settings(max_examples=100, deadline=None)
def test_logit_interval_equals_delta_method_by_numerical_differentiation(area, variance, level):
    step = 1e-5 * min(area, 1 - area)
    slope = (logit(area + step) - logit(area - step)) / (2 * step)
    half_width = normal_quantile(level) * slope * math.sqrt(variance)
    low, high = area_interval(area, variance, level=level, scale="logit")
    assert logit(low) == pytest.approx(logit(area) - half_width, rel=1e-6, abs=1e-6)
    assert logit(high) == pytest.approx(logit(area) + half_width, rel=1e-6, abs=1e-6)


def test_wald_interval_is_clipped_and_logit_interval_stays_inside():
    assert area_interval(0.97, 0.04**2)[1] == 1
    assert area_interval(0.03, 0.04**2)[0] == 0
    assert 0.97 < area_interval(0.97, 0.04**2, scale="logit")[1] < 1


@pytest.mark.parametrize(
    ("area", "variance", "scale", "expected"),
    [
        (0.5, 0.0, "identity", (0.5, 0.5)),
        (0.5, 0.0, "logit", (0.5, 0.5)),
        (1.0, 0.0, "identity", (1.0, 1.0)),
        (1.0, 0.0, "logit", (math.nan, math.nan)),
        (0.5, math.nan, "logit", (math.nan, math.nan)),
    ],
)
def test_interval_without_variance_is_a_point_or_unknown(area, variance, scale, expected):
    found = area_interval(area, variance, scale=scale)
    assert found == pytest.approx(expected, nan_ok=True)


def test_unknown_scale_lists_the_known_ones():
    with pytest.raises(InputError, match="identity"):
        area_interval(0.5, 0.01, scale="probit")


@pytest.mark.parametrize(
    ("right", "n", "images"), [(0, 6, 1), (4, 6, 1), (19, 20, 1), (7, 7, 1), (5, 5, 4)]
)
def test_share_interval_of_patients_whose_images_agree_is_wilsons(right, n, images):
    hits, patients = np.repeat(np.arange(n) < right, images), np.repeat(np.arange(n), images)
    expected = stats.binomtest(right, n).proportion_ci(method="wilson")
    assert share_interval(hits, patients) == pytest.approx(tuple(expected))


def test_share_interval_of_patients_with_several_images_follows_the_clustered_variance():
    rng = np.random.default_rng(3)
    patients = np.repeat(np.arange(30), rng.integers(1, 9, 30))
    hits = rng.random(len(patients)) < np.repeat(rng.uniform(0, 1, 30), np.bincount(patients))
    mean = sm.OLS(hits.astype(float), np.ones(len(hits)))
    clustered = mean.fit(cov_type="cluster", cov_kwds={"groups": patients}).cov_params()[0, 0]
    share = hits.mean()
    size = share * (1 - share) * len(hits) / (len(hits) - 1) / clustered
    assert size < len(hits)
    z = stats.norm.ppf(0.975)
    center = (share + z**2 / 2 / size) / (1 + z**2 / size)
    half = z / (1 + z**2 / size) * np.sqrt(share * (1 - share) / size + z**2 / 4 / size**2)
    found = share_interval(hits, patients)
    assert found == pytest.approx((center - half, center + half))


LABELS = [0, 0, 0, 1, 1, 1, 0, 1]
SCORES_A = [0.1, 0.4, 0.35, 0.8, 0.4, 0.9, 0.2, 0.3]
SCORES_B = [0.5, 0.1, 0.35, 0.6, 0.2, 0.9, 0.6, 0.3]


@st.composite
def two_predictors(draw):
    """Draw labels with both classes and two score vectors full of ties, some constant."""
    n_positive, n_negative = draw(st.integers(1, 7)), draw(st.integers(1, 7))
    labels = draw(st.permutations([1] * n_positive + [0] * n_negative))
    levels = draw(st.integers(0, 6))
    score = st.lists(st.integers(0, levels), min_size=len(labels), max_size=len(labels))
    return np.array(labels), np.array(draw(score), float), np.array(draw(score), float)


@st.composite
def three_predictors(draw):
    """Draw two predictors as above, and a third with few ties and infinite scores."""
    labels, a, b = draw(two_predictors())
    values = st.sampled_from([-np.inf, -0.0, 0.0, np.inf]) | st.floats(-5, 5)
    third = draw(st.lists(values, min_size=labels.size, max_size=labels.size))
    return labels, np.array([a, b, third], float)


def brute_force(labels, scores_matrix):
    """DeLong by its definition: every pair of a positive and a negative case, O(n²)."""
    labels, rows = np.asarray(labels), np.asarray(scores_matrix, float)
    placements = []
    for row in rows:
        positive, negative = row[labels == 1], row[labels == 0]
        wins = (positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)
        placements.append((wins.mean(), wins.mean(axis=1), wins.mean(axis=0)))
    m, n = (labels == 1).sum(), (labels == 0).sum()
    covariance = np.empty((len(rows), len(rows)))
    for i, (auc_i, x_i, y_i) in enumerate(placements):
        for j, (auc_j, x_j, y_j) in enumerate(placements):
            s10 = ((x_i - auc_i) * (x_j - auc_j)).sum() / (m - 1)
            s01 = ((y_i - auc_i) * (y_j - auc_j)).sum() / (n - 1)
            covariance[i, j] = s10 / m + s01 / n
    return np.array([auc for auc, _, _ in placements]), covariance


@given(three_predictors())
@settings(max_examples=200, deadline=None)
def test_areas_and_covariance_of_three_predictors_equal_brute_force(drawn):
    labels, rows = drawn
    aucs, covariance = delong_covariance(labels, rows)
    with np.errstate(invalid="ignore", divide="ignore"):
        expected_aucs, expected = brute_force(labels, rows)
    np.testing.assert_allclose(aucs, expected_aucs, atol=1e-14)
    if min(labels.sum(), (1 - labels).sum()) == 1:
        assert np.isnan(covariance).all()
        return
    np.testing.assert_allclose(covariance, expected, atol=1e-14)
    contrast = expected[0, 0] + expected[1, 1] - 2 * expected[0, 1]
    assert delong_test(labels, *rows[:2]).variance == pytest.approx(contrast, abs=1e-14)


@given(two_predictors(), two_predictors())
@settings(max_examples=100, deadline=None)
def test_unpaired_variance_and_df_equal_brute_force(one, other):
    (labels_a, a, _), (labels_b, b, _) = one, other
    assume(min(x.sum() for x in (labels_a, 1 - labels_a, labels_b, 1 - labels_b)) > 1)
    (auc_a,), ((var_a,),) = brute_force(labels_a, [a])
    (auc_b,), ((var_b,),) = brute_force(labels_b, [b])
    assume(var_a + var_b > 1e-9)
    test = delong_test_unpaired(labels_a, a, labels_b, b)
    df = (var_a + var_b) ** 2 / (var_a**2 / (a.size - 1) + var_b**2 / (b.size - 1))
    d = (auc_a - auc_b) / np.sqrt(var_a + var_b)
    expected = [auc_a - auc_b, var_a + var_b, d, df]
    np.testing.assert_allclose([test.difference, test.variance, test.d, test.df], expected)
    assert test.p_value == pytest.approx(2 * stats.t.cdf(-abs(d), df), abs=1e-12)


def test_no_variance_and_equal_aucs_gives_z_zero_and_p_one():
    result = delong_test(LABELS, SCORES_A, SCORES_A)
    assert (result.z, result.p_value, result.ci_low, result.ci_high) == (0, 1, 0, 0)


@pytest.mark.parametrize(("swap", "z"), [(False, np.inf), (True, -np.inf)])
def test_no_variance_and_different_aucs_gives_infinite_z_and_p_zero(swap, z):
    perfect, constant = [1, 2, 3, 4], [5, 5, 5, 5]
    scores = (constant, perfect) if swap else (perfect, constant)
    result = delong_test([0, 0, 1, 1], *scores)
    assert (result.z, result.p_value) == (z, 0)
    assert result.ci_low == result.ci_high == result.difference


def test_placements_that_all_differ_by_a_third_have_variance_exactly_zero():
    labels = [0, 1, 0, 1, 0, 1]
    one_negative_higher = [1, 0, 3, 2, 5, 4]
    result = delong_test(labels, [0, 1, 2, 3, 4, 5], one_negative_higher)
    assert result.difference == pytest.approx(1 / 3)
    assert (result.variance, result.z, result.p_value) == (0, np.inf, 0)


def test_one_positive_gives_areas_without_inference():
    one = [1, 0, 0], [3, 1, 2]
    with warnings.catch_warnings(action="error"):
        paired = delong_test(*one, [1, 2, 3])
        unpaired = delong_test_unpaired(*one, LABELS, SCORES_A)
    assert (paired.auc_a, paired.auc_b, unpaired.auc_a) == (1, 0, 1)
    assert np.isnan([paired.variance, paired.z, paired.p_value, paired.ci_low]).all()
    assert np.isnan([unpaired.d, unpaired.df, unpaired.p_value, unpaired.ci_low]).all()


def test_unpaired_without_variance_has_no_degrees_of_freedom():
    perfect, constant = ([0, 0, 1, 1], [1, 2, 3, 4]), ([0, 0, 1, 1], [5, 5, 5, 5])
    result = delong_test_unpaired(*perfect, *constant)
    assert result.d == np.inf
    assert np.isnan([result.df, result.p_value, result.ci_low, result.ci_high]).all()
    assert np.isnan(delong_test_unpaired(*perfect, *perfect).d)


@pytest.mark.parametrize("level", [0, 1, 95, np.nan])
def test_level_outside_zero_and_one_raises_input_error(level):
    a, b = (LABELS, SCORES_A), ([0, 0, 1, 1], [5, 5, 5, 5])
    for call in (
        lambda: auc_ci(*a, level=level),
        lambda: delong_test(*a, SCORES_B, level=level),
        lambda: delong_test_unpaired(*b, *b, level=level),
    ):
        with pytest.raises(InputError, match="level"):
            call()
