import math

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rin.errors import InputError
from rin.stats.intervals import area_interval, normal_quantile, share_interval


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


@given(st.floats(0.02, 0.98), st.floats(1e-6, 0.02), st.sampled_from(["identity", "logit"]))
@settings(max_examples=100, deadline=None)
def test_interval_of_the_reversed_curve_is_mirrored(area, variance, scale):
    low, high = area_interval(area, variance, scale=scale)
    mirrored = area_interval(1 - area, variance, scale=scale)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-12)


def test_wald_interval_is_clipped_and_logit_interval_stays_inside():
    assert area_interval(0.97, 0.04**2)[1] == 1
    assert area_interval(0.03, 0.04**2)[0] == 0
    assert 0.97 < area_interval(0.97, 0.04**2, scale="logit")[1] < 1


def test_wald_interval_of_a_half_is_a_half_more_or_less_two_standard_errors():
    low, high = area_interval(0.5, 0.01)
    assert (low, high) == pytest.approx((0.5 - 0.195996398454, 0.5 + 0.195996398454))


@pytest.mark.parametrize("area", [0.0, 1.0])
def test_perfect_area_has_no_logit_interval_and_a_point_as_wald_interval(area):
    assert all(map(math.isnan, area_interval(area, 0.0, scale="logit")))
    assert area_interval(area, 0.0) == (area, area)


@pytest.mark.parametrize("scale", ["identity", "logit"])
def test_no_variance_gives_a_point_and_unknown_variance_no_interval(scale):
    assert area_interval(0.5, 0.0, scale=scale) == (0.5, 0.5)
    assert all(map(math.isnan, area_interval(0.5, math.nan, scale=scale)))


def test_unknown_scale_lists_the_known_ones():
    with pytest.raises(InputError, match="identity"):
        area_interval(0.5, 0.01, scale="probit")


@pytest.mark.parametrize(("right", "n"), [(0, 6), (4, 6), (19, 20), (7, 7)])
def test_share_interval_of_one_image_a_patient_is_wilsons(right, n):
    hits = np.arange(n) < right
    expected = stats.binomtest(right, n).proportion_ci(method="wilson")
    assert share_interval(hits, np.arange(n)) == pytest.approx(tuple(expected))


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


def test_share_interval_when_every_image_is_right_counts_patients():
    expected = stats.binomtest(5, 5).proportion_ci(method="wilson")
    found = share_interval(np.ones(20, bool), np.repeat(np.arange(5), 4))
    assert found == pytest.approx(tuple(expected))
