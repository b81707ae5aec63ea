"""Tests of a few values, against statsmodels, SciPy and by hand."""

import math
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_predictions import clustered_mean, columns_of
from numpy.testing import assert_allclose
from scipy import stats
from statsmodels.stats.multitest import multipletests

from rin.errors import InputError
from rin.stats.hypothesis import (
    clustered_t,
    equivalence_p,
    holm,
    paired_t,
    unpaired_t_from_summary,
)


@patch("gc.collect", int)  # which statsmodels calls each time: .6 s beside TensorFlow
@given(st.lists(st.floats(0, 1) | st.just(math.nan), min_size=1, max_size=9))
def test_holm_equals_statsmodels_and_leaves_nan_out_of_the_family(values):
    expected, tested = np.array(values), ~np.isnan(values)
    if tested.any():
        expected[tested] = multipletests(expected[tested], method="holm")[1]
    assert_allclose(holm(values), expected, atol=1e-15)


@pytest.mark.parametrize("p", [-0.1, 1.1])
def test_holm_refuses_what_is_no_p_value(p):
    with pytest.raises(InputError, match="p_values"):
        holm([0.5, p])


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ([1, 2], [1, 2, 3], "2 values beside 3"),
        ([1], [1], "at least 2"),
        ([[1, 2]], [[1, 2]], "at least 2"),
    ],
)
def test_paired_t_refuses_what_is_not_paired(a, b, message):
    with pytest.raises(InputError, match=message):
        paired_t(a, b)


def test_unpaired_t_from_summary_equals_scipy_for_groups_of_unequal_size_and_spread():
    found = unpaired_t_from_summary(0.82, 0.09, 4, 0.78, 0.02, 30)
    expected = stats.ttest_ind_from_stats(0.82, 0.09, 4, 0.78, 0.02, 30, equal_var=True)
    assert (found.statistic, found.p_value) == pytest.approx(tuple(expected))
    assert found.df == 32
    ends = stats.t.interval(0.95, found.df, found.estimate, found.standard_error)
    assert (found.ci_low, found.ci_high) == pytest.approx(ends)


@pytest.mark.parametrize(("shift", "t", "p_value"), [(0.0, 0, 1), (0.2, -math.inf, 0)])
def test_paired_t_of_constant_shift_is_sure_despite_rounding(shift, t, p_value):
    a = np.array([0.1, 0.7, 0.3])
    test = paired_t(a, a + shift)
    assert (test.statistic, test.p_value) == (t, p_value)


@settings(max_examples=80)
@given(st.floats(-0.1, 0.1), st.floats(1e-4, 0.05), st.integers(1, 60), st.floats(0.001, 0.1))
def test_equivalence_holds_exactly_where_the_interval_lies_within_the_margin(
    estimate, error, df, margin
):
    low, high = stats.t.interval(0.90, df, estimate, error)
    found = equivalence_p(estimate, error, df, margin)
    assert (found < 0.05) == (-margin < low and high < margin)
    assert equivalence_p(estimate, error, df, max(-low, high)) == pytest.approx(0.05)


@pytest.mark.parametrize(("estimate", "p_value"), [(0.01, 0), (0.03, 1), (-0.03, 1), (0.02, 0.5)])
def test_equivalence_without_standard_error_is_sure(estimate, p_value):
    assert equivalence_p(estimate, 0, 23, 0.02) == p_value


clustered_differences = (
    st.lists(st.tuples(st.integers(-9, 9), st.integers(0, 5)), min_size=3, max_size=15)
    .map(columns_of)
    .filter(lambda columns: all(len({*column}) > 1 for column in columns))
)


@given(clustered_differences)
@settings(max_examples=50)
def test_clustered_t_equals_statsmodels(drawn):
    differences, clusters = drawn[0] / 8, drawn[1]
    fit = clustered_mean(differences, clusters, use_t=True)
    ours = clustered_t(differences, clusters)
    assert ours.estimate == pytest.approx(fit.params[0], abs=1e-14)
    if fit.bse[0] < 1e-12:
        assert ours.ci_high - ours.ci_low < 1e-10
        return
    expected = [fit.tvalues[0], fit.pvalues[0], *fit.conf_int()[0], fit.df_resid_inference]
    found = [ours.statistic, ours.p_value, ours.ci_low, ours.ci_high, ours.df]
    assert_allclose(found, expected, atol=1e-12)
