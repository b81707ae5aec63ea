import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from rin import paper
from rin.errors import InputError
from rin.stats import audit_tests as audit
from rin.stats import delong_test, paired_t, unpaired_t, unpaired_t_from_summary
from rin.stats.audit_rounding import Bounds

ACL = paper.COMPARISONS["acl"]
N = 24


def ends(bounds):
    return bounds.low, bounds.high


@pytest.fixture
def pairs():
    """Two samples of 24 whose correlation in the sample is exactly zero."""
    a, b = np.random.default_rng(0).normal(size=(2, N))
    a, b = a - a.mean(), b - b.mean()
    b = b - a * (a @ b) / (a @ a)
    return 5 * a + 3, 2 * b


def half_width(test):
    return (test.ci_high - test.ci_low) / 2


def test_printed_numbers_of_the_ligament_task_before_rounding():
    assert ends(audit.stated_difference(ACL)) == pytest.approx((4.75, 4.85))
    assert audit.stated_sds(ACL) == (Bounds(2.5, 3.5), Bounds(7.5, 8.5))
    low, high = audit.stated_ends(ACL)
    assert low.holds(1.65) and low.holds(1.75) and high.holds(8.75) and high.holds(8.85)
    assert ends(audit.means_difference(ACL)) == pytest.approx((5, 7))


def test_widths_are_those_of_the_tests_that_they_name(pairs):
    a, b = pairs
    sds = a.std(ddof=1), b.std(ddof=1)
    welch = scipy_stats.ttest_ind(a, b, equal_var=False).confidence_interval()
    assert audit.unpaired_t_width(*sds) == pytest.approx(half_width(unpaired_t(a, b)))
    assert audit.welch_width(*sds) == pytest.approx((welch.high - welch.low) / 2)
    assert audit.uncorrelated_pairs_width(*sds) == pytest.approx(half_width(paired_t(a, b)))
    assert audit.normal_width(3, 4) == pytest.approx(1.959963984540054 * 5 / math.sqrt(N))


@given(st.floats(0.5, 20), st.floats(0.5, 20), st.floats(1.0, 1.5))
@pytest.mark.parametrize("width", audit.WIDTHS.values(), ids=audit.WIDTHS)
def test_every_width_grows_with_either_sd(width, a, b, factor):
    assert width(a, b) <= width(a * factor, b) * (1 + 1e-12)
    assert width(a, b) <= width(a, b * factor) * (1 + 1e-12)


def test_p_values_are_those_of_the_pooled_t_test():
    test = unpaired_t_from_summary(4.8, 3, N, 0, 8, N)
    assert audit.unpaired_t_p(4.8, 3, 8) == pytest.approx(test.p_value)
    assert audit.interval_p(test.ci_low, test.ci_high) == pytest.approx(test.p_value)


def test_normal_interval_gives_the_lowest_p_value_of_all_symmetric_ones():
    values = [audit.interval_p(1.8, 7.1, df) for df in (5, 23, 46, math.inf)]
    assert values == sorted(values, reverse=True)
    z = 1.959963984540054 * 8.9 / 5.3
    assert values[-1] == pytest.approx(math.erfc(z / math.sqrt(2)))


@pytest.mark.parametrize(("difference", "expected"), [(0.0, 1.0), (3.0, 0.0)])
def test_p_value_without_any_spread(difference, expected):
    assert audit.unpaired_t_p(difference, 0, 0) == expected
    assert audit.interval_p(difference, difference) == expected


def test_p_range_reaches_one_where_the_difference_may_be_zero():
    assert audit.p_of_difference(replace(ACL, difference=0.0)).high == 1
    assert audit.p_of_interval(replace(ACL, ci_low=-3.0, ci_high=3.0)).high == 1
    assert audit.p_of_difference(ACL).high < 0.02


def test_p_value_of_an_interval_that_is_not_above_zero_at_its_upper_end_is_refused():
    with pytest.raises(InputError, match="upper end"):
        audit.p_of_interval(replace(ACL, ci_low=-3.0, ci_high=0.0))
    with pytest.raises(InputError, match="upper end"):
        audit.p_of_interval(replace(ACL, ci_low=3.0, ci_high=2.0))


def test_correlation_is_that_of_pairs_with_this_variance_of_differences():
    rng = np.random.default_rng(1)
    a, b = rng.multivariate_normal([0, 0], [[9, 5], [5, 4]], size=50).T
    found = audit.correlation_for(a.std(ddof=1), b.std(ddof=1), (a - b).var(ddof=1))
    assert found == pytest.approx(np.corrcoef(a, b)[0, 1])


def test_correlation_range_is_that_of_a_fine_grid():
    sd_a, sd_b, variance = Bounds(2, 6), Bounds(5, 6), Bounds(1, 9)
    grid = np.meshgrid(*(np.linspace(one.low, one.high, 81) for one in (sd_a, sd_b, variance)))
    values = audit.correlation_for(*grid)
    found = audit.correlation_bounds(sd_a, sd_b, variance)
    assert found.low == pytest.approx(values.min(), abs=1e-3)
    assert found.high == pytest.approx(values.max())
    # The lowest point is no corner.
    assert values[[0, 0, -1, -1], [0, -1, 0, -1], -1].min() > found.low + 0.01


def test_correlation_with_an_sd_that_may_be_zero_is_refused():
    with pytest.raises(InputError, match="positive"):
        audit.correlation_bounds(Bounds(0, 1), Bounds(1, 2), Bounds(1, 2))


def correlated(r, pairs, sds, difference):
    """Pairs with exactly these SDs, correlation and mean difference."""
    u, v = ((x - x.mean()) / x.std(ddof=1) for x in pairs)
    a = sds[0] * u + difference
    return a, sds[1] * (r * u + math.sqrt(1 - r * r) * v)


@pytest.mark.parametrize(("r_shift", "below"), [(0.02, True), (-0.02, False)])
def test_needed_correlation_divides_small_from_large_p_values_of_the_paired_t_test(
    pairs, r_shift, below
):
    sds, difference = (3.0, 8.0), 4.8
    t = scipy_stats.t.isf(0.0005, N - 1)
    r = audit.correlation_for(*sds, N * (difference / t) ** 2) + r_shift
    test = paired_t(*correlated(r, pairs, sds, difference))
    assert (test.p_value < 0.001) is below
    assert audit.needed_correlation(ACL, 0.001).holds(r - r_shift)


def test_width_correlation_gives_the_printed_width_to_the_paired_t_interval(pairs):
    found = audit.width_correlation(ACL)
    middle = audit.correlation_for(3, 8, N * (3.55 / scipy_stats.t.ppf(0.975, N - 1)) ** 2)
    assert found.low < middle < found.high
    test = paired_t(*correlated(middle, pairs, (3.0, 8.0), 4.8))
    assert half_width(test) == pytest.approx(3.55)


def test_width_correlation_stays_between_minus_one_and_one():
    narrow = audit.width_correlation(replace(ACL, ci_low=4.7, ci_high=4.8))
    wide = audit.width_correlation(replace(ACL, ci_low=-40.0, ci_high=50.0))
    assert (narrow.high, wide.low) == (1, -1)


@settings(max_examples=150, deadline=None)
@given(st.integers(2, 12), st.integers(2, 12), st.integers(0, 10**6))
def test_no_delong_interval_is_wider_than_its_limit(positives, negatives, seed):
    rng = np.random.default_rng(seed)
    labels = np.repeat([1, 0], [positives, negatives])
    # Few distinct values bring ties and extreme placements.
    scores = rng.integers(0, 4, (2, len(labels))).astype(float)
    test = delong_test(labels, *scores)
    areas = [Bounds(auc, auc) for auc in (test.auc_a, test.auc_b)]
    limit = audit.delong_width_limit(*areas, positives, negatives)
    assert 100 * 1.959963984540054 * math.sqrt(test.variance) <= limit + 1e-6


def test_delong_limit_is_nearly_reached_by_opposite_models():
    labels = np.repeat([1, 0], [40, 2000])
    low_or_high = np.where(np.arange(2040) % 2, 1.0, -1.0)
    scores = np.where(labels == 1, 3 * low_or_high, 0.0)
    test = delong_test(labels, scores, -scores)
    area = Bounds(0.5, 0.5)
    limit = audit.delong_width_limit(area, area, 40, 2000)
    width = 100 * 1.959963984540054 * math.sqrt(test.variance)
    assert 0.98 * limit < width <= limit


def test_delong_limit_of_any_area_is_that_of_one_half():
    half, anything = Bounds(0.5, 0.5), Bounds(0, 1)
    assert audit.delong_width_limit(half, half, 9, 9) == audit.delong_width_limit(
        anything, anything, 9, 9
    )


def test_delong_limit_needs_two_cases_of_each_class():
    with pytest.raises(InputError, match="more than one case"):
        audit.delong_width_limit(Bounds(0, 1), Bounds(0, 1), 1, 9)
