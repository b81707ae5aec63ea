import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.weightstats import ttost_paired

from rin.errors import InputError
from rin.stats.equivalence import EQUIVALENCE_MARGIN, equivalence

A = np.array([0.81, 0.86, 0.79, 0.9, 0.84, 0.88])
B = np.array([0.8, 0.87, 0.77, 0.91, 0.82, 0.87])


def of_pairs(a, b, margin, level=0.95):
    d = a - b
    return equivalence(d.mean(), d.std(ddof=1) / math.sqrt(d.size), d.size - 1, margin, level)


@pytest.mark.parametrize("margin", [0.005, 0.02, 0.05])
@pytest.mark.parametrize(("a", "b"), [(A, B), (B, A)])
def test_equivalence_equals_statsmodels_for_pairs(a, b, margin):
    expected = ttost_paired(a, b, -margin, margin)[0]
    assert of_pairs(a, b, margin).p_value == pytest.approx(expected, rel=1e-10)


def test_equivalence_interval_has_level_one_minus_two_alpha():
    found = equivalence(0.01, 0.004, 23, 0.02)
    assert (found.ci_low, found.ci_high) == pytest.approx(stats.t.interval(0.90, 23, 0.01, 0.004))
    wider = equivalence(0.01, 0.004, 23, 0.02, level=0.975)
    assert (wider.ci_low, wider.ci_high) == pytest.approx(stats.t.interval(0.95, 23, 0.01, 0.004))


@pytest.mark.parametrize("estimate", [0.01, -0.01])
def test_equivalence_just_above_the_smallest_margin_holds_and_just_below_does_not(estimate):
    smallest = equivalence(estimate, 0.004, 23).smallest_margin
    assert smallest == pytest.approx(0.01 + stats.t.ppf(0.95, 23) * 0.004)
    assert equivalence(estimate, 0.004, 23, smallest * 1.001).equivalent
    assert not equivalence(estimate, 0.004, 23, smallest * 0.999).equivalent
    assert equivalence(estimate, 0.004, 23, smallest).p_value == pytest.approx(0.05)


@settings(max_examples=80, deadline=None)
@given(st.floats(-0.1, 0.1), st.floats(1e-4, 0.05), st.integers(1, 60), st.floats(0.001, 0.1))
def test_equivalence_holds_exactly_where_the_interval_lies_within_the_margin(
    estimate, error, df, margin
):
    found = equivalence(estimate, error, df, margin)
    inside = -margin < found.ci_low and found.ci_high < margin
    assert found.equivalent == inside == (found.p_value < 0.05)


def test_equivalence_with_infinite_df_is_the_normal_test():
    found = equivalence(0.005, 0.005, math.inf, 0.02)
    assert found.p_value == pytest.approx(stats.norm.sf(3))
    assert found.ci_high == pytest.approx(0.005 + stats.norm.ppf(0.95) * 0.005)


@pytest.mark.parametrize(("estimate", "p_value"), [(0.01, 0), (0.03, 1), (-0.03, 1), (0.02, 0.5)])
def test_equivalence_without_standard_error_is_sure(estimate, p_value):
    found = equivalence(estimate, 0, 23, 0.02)
    assert (found.p_value, found.equivalent) == (p_value, p_value == 0)
    assert (found.ci_low, found.ci_high) == (estimate, estimate)


def test_equivalence_on_the_margin_itself_is_not_shown():
    assert not equivalence(0.02, 0, 23, 0.02, level=0.5).equivalent


def test_equivalence_margin_is_two_auc_points_unless_told():
    assert EQUIVALENCE_MARGIN == 0.02
    assert equivalence(0, 0.001, 9).margin == EQUIVALENCE_MARGIN


@pytest.mark.parametrize(
    "change",
    [
        {"margin": 0},
        {"margin": -0.02},
        {"margin": math.nan},
        {"margin": math.inf},
        {"standard_error": -1},
        {"standard_error": math.nan},
        {"standard_error": math.inf},
        {"estimate": math.nan},
        {"df": 0},
        {"df": math.nan},
        {"level": 0},
    ],
)
def test_equivalence_of_bad_input_raises_input_error(change):
    good = {"estimate": 0.01, "standard_error": 0.004, "df": 23, "margin": 0.02}
    with pytest.raises(InputError):
        equivalence(**good | change)
