import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rin.evidence import audit, paper
from rin.evidence.audit import Bounds, TaskAudit, published_intervals
from rin.stats import delong_test

ACL = paper.COMPARISONS["acl"]
N = 24


def replace(published, **changes):
    return SimpleNamespace(**vars(published) | changes)


@pytest.fixture
def pairs():
    """Two samples of 24 whose correlation in the sample is exactly zero."""
    a, b = np.random.default_rng(0).normal(size=(2, N))
    a, b = a - a.mean(), b - b.mean()
    return 5 * a + 3, 2 * (b - a * (a @ b) / (a @ a))


def test_p_value_of_an_interval_is_that_of_the_test_that_made_it():
    low, high = stats.norm.interval(0.95, loc=4.8, scale=1.7)
    assert audit.interval_p(low, high) == pytest.approx(2 * stats.norm.sf(4.8 / 1.7))


def test_p_range_reaches_one_where_the_difference_may_be_zero():
    assert TaskAudit(replace(ACL, estimate=0.0)).p_by_sds.high == 1
    assert TaskAudit(replace(ACL, ci_low=-3.0, ci_high=3.0)).p_by_normal.high == 1
    assert TaskAudit(ACL).p_by_sds.high < 0.02


def test_correlation_range_is_that_of_a_fine_grid():
    """Its lowest point is no corner."""
    sd_a, sd_b, variance = Bounds(2, 6), Bounds(5, 6), Bounds(1, 9)
    grid = np.meshgrid(*(np.linspace(one.low, one.high, 81) for one in (sd_a, sd_b, variance)))
    values = audit.correlation_for(*grid)
    found = audit.correlation_bounds(sd_a, sd_b, variance)
    assert found.low == pytest.approx(values.min(), abs=1e-3)
    assert found.high == pytest.approx(values.max())


@pytest.mark.parametrize(("r_shift", "below"), [(0.02, True), (-0.02, False)])
def test_needed_correlation_divides_small_from_large_p_values_of_the_paired_t_test(
    pairs, r_shift, below
):
    sds, difference = (3.0, 8.0), 4.8
    t = stats.t.isf(0.0005, N - 1)
    r = audit.correlation_for(*sds, N * (difference / t) ** 2) + r_shift
    # Pairs with exactly these SDs, correlation and mean difference.
    u, v = ((x - x.mean()) / x.std(ddof=1) for x in pairs)
    pair = sds[0] * u + difference, sds[1] * (r * u + math.sqrt(1 - r * r) * v)
    assert (stats.ttest_rel(*pair).pvalue < 0.001) == below
    assert TaskAudit(ACL).needed_correlation.holds(r - r_shift)


def test_a_difference_that_may_be_zero_may_need_any_correlation():
    one = TaskAudit(replace(ACL, estimate=0.02))  # rounded from −0.03 to 0.07
    assert one.needed_correlation.holds(audit.correlation_for(2.5, 8.5, 0.0))


@settings(max_examples=100)
@given(st.integers(2, 12), st.integers(2, 12), st.integers(0, 10**6))
def test_no_delong_interval_is_wider_than_its_limit(positives, negatives, seed):
    rng = np.random.default_rng(seed)
    labels = np.repeat([1, 0], [positives, negatives])
    # Few distinct values bring ties and extreme placements.
    scores = rng.integers(0, 4, (2, len(labels))).astype(float)
    test = delong_test(labels, *scores)
    areas = test.auc_a, test.auc_b
    limit, wider = (
        audit.delong_width_limit(
            *(Bounds(max(0.0, auc - below), auc) for auc in areas), positives, negatives
        )
        for below in (0.0, 0.4)
    )
    assert 100 * stats.norm.isf(0.025) * math.sqrt(test.variance) <= limit + 1e-6
    assert limit <= wider + 1e-6
    turned = [Bounds(1 - auc, 1 - auc) for auc in areas]
    assert audit.delong_width_limit(*turned, positives, negatives) == pytest.approx(limit)


AUDITS = audit.audit_tasks()


@pytest.mark.parametrize(
    ("task", "published", "implied"),
    [
        ("thyroid", 6.80, 6.84),
        ("breast", 4.65, 4.59),
        ("acl", 3.55, 3.51),
        ("meniscus", 2.65, 2.60),
        ("covid19", 3.90, 3.90),
        ("pneumonia", 2.10, 2.21),
        ("sarscov2", 3.05, 3.13),
        ("hemorrhage", 2.55, 2.63),
    ],
)
def test_half_widths_worked_out_apart_are_reproduced_and_agree_within_rounding(
    task, published, implied
):
    one = AUDITS[task]
    intervals = published_intervals(one.published)
    printed, by_sds = (intervals["ci_high"] - intervals["ci_low"]) / 2
    assert printed == pytest.approx(published, abs=1e-9)
    assert by_sds == pytest.approx(implied, abs=0.005)
    assert one.agrees
    assert one.half_width.high - one.half_width.low == pytest.approx(0.1)
    stated = one.published
    sides = stated.estimate / 100, stated.sd_radimagenet, N, 0, stated.sd_imagenet, N
    p_value = stats.ttest_ind_from_stats(*sides).pvalue
    assert one.p_by_sds.holds(p_value)
    assert (p_value > 0.05) == one.contains_zero


sds = st.floats(0.006, 0.2)


@settings(max_examples=100)
@given(st.floats(0.3, 0.8), st.floats(0.5, 15), sds, sds, st.floats(0.3, 14))
def test_every_range_holds_what_the_numbers_before_rounding_give(
    imagenet, difference, sd_a, sd_b, half
):
    low, high, of_both = difference - half, difference + half, (100 * sd_a, 100 * sd_b)
    of_aucs = {
        "auc_radimagenet": imagenet + difference / 100,
        "sd_radimagenet": sd_a,
        "auc_imagenet": imagenet,
        "sd_imagenet": sd_b,
    }
    printed = {name: round(value, 2) for name, value in of_aucs.items()}
    of_difference = {"estimate": difference, "ci_low": low, "ci_high": high}
    printed |= {name: round(value, 1) for name, value in of_difference.items()}
    one = TaskAudit(replace(ACL, **printed))
    exact = [
        (one.implied, audit.pooled_half_width(*of_both)),
        (one.difference, difference),
        (one.means, difference),
        (one.middle, difference),
        (one.half_width, half),
        (one.p_by_sds, audit.unpaired_t_p(difference, *of_both)),
        (one.p_by_normal, audit.interval_p(low, high)),
        (one.relative_gain, difference / imagenet),
    ]
    assert [value for bounds, value in exact if not bounds.holds(value)] == []
    assert one.may_contain_zero or low > 0
    assert low <= 0 or not one.contains_zero
    variance = N * (difference / stats.t.isf(0.0005, N - 1)) ** 2
    needed, found = audit.correlation_for(*of_both, variance), one.needed_correlation
    assert found.low - 1e-6 <= needed <= found.high + 1e-6


@pytest.mark.parametrize(
    ("ends", "spec", "words"),
    [((-0.51, 0.5), ".1f", "−0.5 to 0.5"), ((1.01, 1.04), ".1f", "1.0")],
)  # fmt: skip
def test_a_range_prints_both_ends_where_they_differ(ends, spec, words):
    assert format(Bounds(*ends), spec) == words
