import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rin.errors import InputError
from rin.stats.audit_rounding import Bounds, corner_bounds, rounded


def ends(bounds):
    return bounds.low, bounds.high


@given(st.floats(-50, 50), st.sampled_from([0, 1, 2, 3]))
def test_rounded_range_holds_the_number_before_rounding(value, digits):
    assert rounded(round(value, digits), 10.0**-digits).holds(value)


def test_rounded_range_is_half_a_unit_to_either_side():
    assert ends(rounded(0.85, 0.01)) == pytest.approx((0.845, 0.855))


def test_rounded_range_stops_at_what_is_possible():
    assert rounded(0.0, 1.0, least=0.0) == Bounds(0.0, 0.5)
    assert rounded(100.0, 1.0, most=100.0) == Bounds(99.5, 100.0)


@pytest.mark.parametrize(
    ("value", "unit", "ends"),
    [(math.nan, 1, {}), (math.inf, 1, {}), (1, 0, {}), (1, -1, {}), (-1, 1, {"least": 0})],
)
def test_rounded_refuses_what_no_number_can_be(value, unit, ends):
    with pytest.raises(InputError, match="Pass a finite value"):
        rounded(value, unit, **ends)


@pytest.mark.parametrize(("low", "high"), [(2, 1), (math.nan, 1)])
def test_empty_range_is_refused(low, high):
    with pytest.raises(InputError, match="holds nothing"):
        Bounds(low, high)


@pytest.mark.parametrize(
    ("other", "meet"), [((2, 3), True), ((2.1, 3), False), ((0, 1), True), ((0.5, 9), True)]
)
def test_ranges_meet_where_they_share_a_value(other, meet):
    assert Bounds(1, 2).meets(Bounds(*other)) is Bounds(*other).meets(Bounds(1, 2)) is meet


def test_sums_and_differences_of_ranges_take_the_far_ends():
    assert Bounds(1, 2) + Bounds(10, 30) == Bounds(11, 32)
    assert Bounds(1, 2) - Bounds(10, 30) == Bounds(-29, -8)
    assert Bounds(1, 2).scaled(-2) == Bounds(-4, -2)


def test_corners_give_the_range_of_a_quotient():
    assert corner_bounds(lambda a, b: a / b, Bounds(1, 2), Bounds(4, 5)) == Bounds(0.2, 0.5)
