import math

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.weightstats import ttost_paired

from rin.errors import InputError
from rin.stats import holm, paired_t, unpaired_t_from_summary
from rin.stats.tests import (
    clustered_t,
    equivalence,
    nadeau_bengio,
)


def test_holm_equals_r_p_adjust_and_leaves_nan_out_of_the_family():
    # R: p.adjust(c(0.01, 0.04, NA, 0.03, 0.005), "holm")
    np.testing.assert_allclose(
        holm([0.01, 0.04, np.nan, 0.03, 0.005]), [0.03, 0.06, np.nan, 0.06, 0.02]
    )


@pytest.mark.parametrize("p_value", [-0.1, 1.1])
def test_holm_outside_zero_and_one_raises_input_error(p_value):
    with pytest.raises(InputError, match="p_values"):
        holm([0.5, p_value])


@pytest.mark.parametrize(("shift", "t", "p_value"), [(0.0, 0, 1), (0.2, -math.inf, 0)])
def test_paired_t_of_constant_shift_is_sure_despite_rounding(shift, t, p_value):
    a = np.array([0.1, 0.7, 0.3])
    test = paired_t(a, a + shift)
    assert (test.t, test.p_value) == (t, p_value)
    assert math.isnan(test.shapiro_w)


@pytest.mark.parametrize(
    ("a", "b"),
    [([1, 2], [1, 2, 3]), ([1], [2]), ([], []), ([1, np.nan], [1, 2]), ([[1, 2]], [[1, 3]])],
)
def test_paired_t_of_bad_samples_raises_input_error(a, b):
    with pytest.raises(InputError):
        paired_t(a, b)


@pytest.mark.parametrize("sizes", [(1, 24), (24, 1)])
def test_summary_of_single_unit_raises_input_error(sizes):
    with pytest.raises(InputError, match="n_a"):
        unpaired_t_from_summary(0, 1, sizes[0], 0, 1, sizes[1])


A = np.array([0.81, 0.86, 0.79, 0.9, 0.84, 0.88])
B = np.array([0.8, 0.87, 0.77, 0.91, 0.82, 0.87])


def of_pairs(a, b, margin, level=0.95):
    d = a - b
    return equivalence(d.mean(), d.std(ddof=1) / math.sqrt(d.size), d.size - 1, margin, level)


@pytest.mark.parametrize(("a", "b", "margin"), [(A, B, 0.005), (B, A, 0.02), (A, B, 0.05)])
def test_equivalence_equals_statsmodels_for_pairs(a, b, margin):
    expected = ttost_paired(a, b, -margin, margin)[0]
    assert of_pairs(a, b, margin).p_value == pytest.approx(expected, rel=1e-10)


@settings(max_examples=80, deadline=None)
@given(st.floats(-0.1, 0.1), st.floats(1e-4, 0.05), st.integers(1, 60), st.floats(0.001, 0.1))
def test_equivalence_holds_exactly_where_the_interval_lies_within_the_margin(
    estimate, error, df, margin
):
    found = equivalence(estimate, error, df, margin)
    inside = -margin < found.ci_low and found.ci_high < margin
    assert found.equivalent == inside == (found.p_value < 0.05)
    at_the_limit = equivalence(estimate, error, df, found.smallest_margin)
    assert at_the_limit.p_value == pytest.approx(0.05)


@pytest.mark.parametrize(("estimate", "p_value"), [(0.01, 0), (0.03, 1), (-0.03, 1), (0.02, 0.5)])
def test_equivalence_without_standard_error_is_sure(estimate, p_value):
    found = equivalence(estimate, 0, 23, 0.02)
    assert (found.p_value, found.equivalent) == (p_value, p_value == 0)
    assert (found.ci_low, found.ci_high) == (estimate, estimate)


@pytest.mark.parametrize(
    "change",
    [
        *({"margin": value} for value in (0, math.nan, math.inf)),
        *({"standard_error": value} for value in (-1, math.nan, math.inf)),
        *({"estimate": math.nan}, {"df": 0}, {"df": math.nan}, {"level": 0}),
    ],
)
def test_equivalence_of_bad_input_raises_input_error(change):
    good = {"estimate": 0.01, "standard_error": 0.004, "df": 23, "margin": 0.02}
    with pytest.raises(InputError):
        equivalence(**good | change)


FOLDS = [0.02, 0.05, -0.01, 0.04, 0.03]


def test_nadeau_bengio_equals_the_papers_formula():
    test = nadeau_bengio(FOLDS, 20 / 80)
    variance = sum((d - 0.026) ** 2 for d in FOLDS) / 4
    t = 0.026 / math.sqrt((1 / 5 + 20 / 80) * variance)
    assert test.mean_difference == pytest.approx(0.026)
    assert (test.t, test.df) == (pytest.approx(t, rel=1e-12), 4)
    assert test.p_value == pytest.approx(2 * stats.t.sf(t, 4))
    assert (test.ci_low, test.ci_high) == pytest.approx(stats.t.interval(0.95, 4, 0.026, 0.026 / t))


def test_nadeau_bengio_with_ratio_zero_is_the_plain_t_test_over_folds():
    test, plain = nadeau_bengio(FOLDS, 0, level=0.9), stats.ttest_1samp(FOLDS, 0)
    assert (test.t, test.p_value) == pytest.approx((plain.statistic, plain.pvalue))
    interval = plain.confidence_interval(0.9)
    assert (test.ci_low, test.ci_high) == pytest.approx((interval.low, interval.high))


@pytest.mark.parametrize(
    ("differences", "ratio", "message"),
    [
        ([0.1], 0.25, "at least 2"),
        ([], 0.25, "at least 2"),
        ([0.1, math.nan], 0.25, "1 finite"),
        ([0.1, 0.2], -0.1, "test_train_ratio"),
        ([0.1, 0.2], math.nan, "test_train_ratio"),
        ([0.1, 0.2], math.inf, "test_train_ratio"),
    ],
)
def test_nadeau_bengio_of_bad_input_raises_input_error(differences, ratio, message):
    with pytest.raises(InputError, match=message):
        nadeau_bengio(differences, ratio)


DIFFERENCES = [0.2, -0.1, 0.4, 0.3, 0.05, -0.2, 0.6]
CLUSTERS = ["a", "a", "b", "c", "c", "c", "d"]


@st.composite
def clustered_differences(draw):
    n = draw(st.integers(3, 15))
    whole = st.lists(st.integers(-9, 9), min_size=n, max_size=n).filter(lambda x: len(set(x)) > 1)
    clusters = st.lists(st.integers(0, 5), min_size=n, max_size=n)
    return np.array(draw(whole)) / 8, draw(clusters.filter(lambda x: len(set(x)) > 1))


@given(clustered_differences(), st.sampled_from([0.9, 0.95]))
@settings(max_examples=100, deadline=None)
def test_clustered_t_equals_statsmodels(drawn, level):
    differences, clusters = drawn
    fit = sm.OLS(differences, np.ones(differences.size)).fit(
        cov_type="cluster",
        cov_kwds={"groups": np.unique(clusters, return_inverse=True)[1]},
        use_t=True,
    )
    ours = clustered_t(differences, clusters, level=level)
    assert ours.mean_difference == pytest.approx(fit.params[0], abs=1e-14)
    if fit.bse[0] < 1e-12:
        assert ours.ci_high - ours.ci_low < 1e-10
        return
    np.testing.assert_allclose([ours.t, ours.p_value], [fit.tvalues[0], fit.pvalues[0]], atol=1e-12)
    np.testing.assert_allclose([ours.ci_low, ours.ci_high], fit.conf_int(1 - level)[0], atol=1e-12)
    assert ours.df == fit.df_resid_inference


def test_one_case_a_patient_gives_the_paired_t_test():
    ours = clustered_t(DIFFERENCES, range(7), level=0.9)
    expected = paired_t(DIFFERENCES, np.zeros(7), level=0.9)
    for name in ("mean_difference", "t", "df", "p_value", "ci_low", "ci_high", "n"):
        assert getattr(ours, name) == pytest.approx(getattr(expected, name), rel=1e-12)


@pytest.mark.parametrize(
    ("value", "t", "p"), [(0.0, 0, 1), (0.1, math.inf, 0), (-0.1, -math.inf, 0)]
)
def test_constant_differences_have_documented_t(value, t, p):
    ours = clustered_t([value] * 7, CLUSTERS)
    assert (ours.t, ours.p_value, ours.ci_low, ours.ci_high) == (t, p, *2 * [pytest.approx(value)])


@pytest.mark.parametrize(
    ("differences", "clusters", "message"),
    [
        ([0.1, np.nan], ["a", "b"], "1 finite"),
        ([], [], "0 finite"),
        ([[0.1, 0.2]], ["a", "b"], r"shape \(1, 2\)"),
        ([0.1, 0.2], ["a", "a"], "one cluster"),
        ([0.1, 0.2], ["a", None], "no identifier"),
        ([0.1, 0.2], ["a", "b", "c"], "beside 2 labels"),
    ],
)
def test_bad_differences_are_an_error(differences, clusters, message):
    with pytest.raises(InputError, match=message):
        clustered_t(differences, clusters)
