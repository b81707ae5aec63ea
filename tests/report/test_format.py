import math

import pytest

from rin.report import format as fmt


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (0.0, "P < .001"),
        (0.00099, "P < .001"),
        (0.001, "P = .001"),
        (0.0042, "P = .004"),
        (0.031, "P = .03"),
        (0.048, "P = .048"),
        (0.0504, "P = .050"),
        (0.2, "P = .20"),
        (0.995, "P > .99"),
        (math.nan, "–"),
    ],
)
def test_format_p_follows_the_journal(p, text):
    assert fmt.format_p(p) == text


@pytest.mark.parametrize(("p", "text"), [(0.05, ""), (0.02, "*"), (0.005, "**"), (1e-4, "***")])
def test_stars_count_the_levels_passed(p, text):
    assert fmt.stars(p) == text


@pytest.mark.parametrize(
    ("value", "signed", "text"),
    [(-0.126, False, "−0.13"), (0.126, True, "+0.13"), (-0.001, True, "0.00"), (0, True, "0.00")],
)
def test_format_number_signs_true_minus_plus_and_no_zero(value, signed, text):
    assert fmt.format_number(value, signed=signed) == text


def test_format_mean_sd_without_sd_gives_the_mean():
    assert fmt.format_mean_sd(0.938, 0.051) == "0.94 ± 0.05"
    assert fmt.format_mean_sd(0.938, math.nan) == "0.94"


def test_format_interval_of_a_missing_end_is_a_dash():
    assert fmt.format_interval(-0.006, 0.087) == "(−0.01, 0.09)"
    assert fmt.format_interval(math.nan, 1.0) == "–"


def test_format_estimate_shows_value_and_interval():
    assert fmt.format_estimate(0.04, -0.006, 0.087) == "+0.040 (−0.006, 0.087)"
