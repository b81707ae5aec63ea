import fake_beyond as fake
import pytest

from rin.errors import InputError
from rin.report.beyond_readings import (
    calibration_reading,
    chance_reading,
    compared,
    decision_reading,
    mean_roc_reading,
    methods_reading,
    precision_recall_reading,
    reliability_reading,
    remarks_reading,
    sensitivity_reading,
    slope_reading,
)
from rin.report.beyond_tables import CaseCounts
from rin.stats.beyond import DIFFERENCE

NAN = float("nan")
INITS = fake.INITS
COUNTS = CaseCounts(n=100, positive=20, patients=50, scenarios=24)


def difference(measure, *numbers):
    return compared(fake.measures(**{measure: {DIFFERENCE: numbers}}), INITS, measure)


def test_mean_roc_reading_sets_each_area_beside_the_mean_of_the_areas():
    assert mean_roc_reading(fake.areas(), INITS, "threshold") == (
        "Radiologic: area under the mean curve 0.770, mean of the areas 0.800 (−3.0 points); "
        "Photographic: area under the mean curve 0.690, mean of the areas 0.700 (−1.0 points)."
    )


def test_mean_roc_reading_of_unknown_method_lists_the_known():
    with pytest.raises(InputError, match="threshold, rank, vertical"):
        mean_roc_reading(fake.areas(), INITS, "median")


def test_methods_reading_tells_the_difference_that_each_averaging_shows():
    assert methods_reading(fake.areas(), INITS, fake.REAL).data == (
        "The areas under the two mean curves differ (radiologic − photographic, in points) by "
        "+8.0 at common thresholds, +10.0 at equal ranks, +10.0 vertically: the way of averaging "
        "alone moves the difference by 2.0 points."
    )
    assert methods_reading(fake.areas(), INITS, fake.STAND_IN).data.startswith("Stand-ins, not a")


def test_compared_tells_both_estimates_with_their_intervals():
    assert compared(fake.measures(), INITS, "average_precision").startswith(
        "Average precision: radiologic 0.500 (0.400, 0.600), photographic 0.400 (0.300, 0.500);"
    )


@pytest.mark.parametrize(
    ("measure", "numbers", "start"),
    [
        ("average_precision", (0.1, 0.05, 0.15), "radiologic"),
        ("average_precision", (-0.1, -0.15, -0.05), "photographic"),
        ("brier", (0.1, 0.05, 0.15), "photographic"),
        ("brier", (-0.1, -0.15, -0.05), "radiologic"),
    ],
)
def test_an_interval_without_zero_favours_the_start_with_the_better_value(measure, numbers, start):
    assert difference(measure, *numbers).endswith(f", in favour of the {start} start.")


@pytest.mark.parametrize("numbers", [(0.1, -0.01, 0.2), (0.1, 0.0, 0.2), (-0.1, -0.2, 0.0)])
def test_an_interval_with_zero_favours_none(numbers):
    text = difference("brier", *numbers)
    assert text.endswith("an interval that includes zero.")
    assert "favour" not in text


def test_a_measure_without_a_direction_favours_none():
    text = difference("calibration_in_the_large", 0.3, 0.1, 0.5)
    assert text.endswith("difference +0.300 (0.100, 0.500), an interval that leaves out zero.")


def test_a_difference_without_interval_or_estimate_is_said_to_have_none():
    assert difference("brier", 0.1, NAN, NAN).endswith(
        "the difference is +0.100, without an interval."
    )
    assert difference("brier", NAN, NAN, NAN).endswith("the difference cannot be computed.")


def test_reliability_reading_counts_bins_whose_interval_leaves_out_the_diagonal():
    # Radiologic bins (x, y ± 0.1): (0, 0.15), (0.3, 0.25), (0.6, 0.75), (0.9, 0.85).
    text = reliability_reading(fake.curves(), INITS)
    assert text == (
        "Radiologic: in 2 of 4 bins the interval leaves out the diagonal; "
        "Photographic: in 0 of 4 bins the interval leaves out the diagonal."
    )


def test_reliability_reading_says_which_bins_have_no_interval():
    curves = fake.curves()
    own = curves["init"] == "radiologic"
    curves.loc[own & (curves["x"] > 0.5), ["low", "high"]] = NAN
    curves.loc[~own, ["low", "high"]] = NAN
    assert reliability_reading(curves, INITS) == (
        "Radiologic: in 1 of 2 bins the interval leaves out the diagonal (2 of 4 bins hold too few "
        "cases for one); Photographic: no bin holds enough cases for an interval."
    )


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ((0.5, 0.2, 0.9), "below 1: probabilities are more extreme"),
        ((1.5, 1.1, 1.9), "above 1: probabilities are less extreme"),
        ((0.9, 0.7, 1.2), "an interval that includes 1"),
        ((1.0, 0.5, 1.0), "an interval that includes 1"),
        ((1.0, 1.0, 1.5), "an interval that includes 1"),
    ],
)
def test_slope_reading_says_what_the_interval_tells(numbers, words):
    text = slope_reading(fake.measures(calibration_slope={"radiologic": numbers}), INITS)
    first, second = text.split("; ")
    assert words in first
    assert second.startswith("Photographic: slope 0.400 (0.300, 0.500), below 1")


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ((0.9, NAN, NAN), "Radiologic: slope 0.900 (no interval)"),
        ((NAN, NAN, NAN), "Radiologic: slope not to be computed"),
    ],
)
def test_slope_reading_without_interval_judges_nothing(numbers, text):
    told = slope_reading(fake.measures(calibration_slope={"radiologic": numbers}), INITS)
    assert told.split("; ")[0] == text


def test_compared_says_what_is_missing():
    starts = {"radiologic": (NAN, NAN, NAN), "photographic": (0.7, NAN, NAN)}
    text = compared(fake.measures(brier=starts), INITS, "brier")
    assert text.startswith(
        "Brier score: radiologic not to be computed, photographic 0.700 (no interval); "
    )


@pytest.mark.parametrize(("high", "more"), [(0.45, True), (0.5, False), (0.6, False)])
def test_chance_reading_calls_an_error_more_than_chance_above_its_range_only(high, more):
    table = fake.measures(ece_by_chance={"radiologic": (0.3, 0.1, high)})
    first = chance_reading(table, INITS).split("; ")[0]
    assert first.startswith(f"Radiologic: error 0.500, (0.100, {high:.3f}) if its probabilities")
    assert ("more than chance" in first) is more


def test_chance_reading_without_a_range_gives_the_error_alone():
    table = fake.measures(ece_by_chance={"radiologic": (NAN, NAN, NAN)})
    assert chance_reading(table, INITS).startswith("Radiologic: error 0.500; ")


def test_calibration_reading_opens_with_the_caution_of_stand_ins():
    points = calibration_reading(fake.measures(), INITS, fake.STAND_IN).data
    assert points.startswith("Stand-ins, not a finding. \n\n- Expected calibration error: ")
    assert points.count("\n- ") == 4
    assert not calibration_reading(fake.measures(), INITS, fake.REAL).data.startswith("Stand")


def test_sensitivity_reading_tells_both_levels_and_the_false_alarms_they_leave():
    text = sensitivity_reading(fake.measures(), INITS, COUNTS)
    assert "Sensitivity at 90 % specificity: radiologic 0.500" in text
    assert "Sensitivity at 95 % specificity: radiologic 0.500" in text
    assert text.endswith("Of 80 negative cases, a specificity of 95 % allows 4.0 false alarms.")


def test_sensitivity_reading_says_when_less_than_one_false_alarm_is_left():
    few = CaseCounts(n=12, positive=6, patients=8, scenarios=24)
    assert sensitivity_reading(fake.measures(), INITS, few).endswith(
        "allows 0.3 false alarms, which is less than one, so values lie between two points of a "
        "curve."
    )
    twenty = CaseCounts(n=26, positive=6, patients=8, scenarios=24)
    assert sensitivity_reading(fake.measures(), INITS, twenty).endswith("1.0 false alarms.")


@pytest.mark.parametrize(("positive", "kind"), [(20, "is imbalanced."), (40, "is not imbalanced.")])
def test_precision_recall_reading_tells_prevalence_and_imbalance(positive, kind):
    counts = CaseCounts(n=100, positive=positive, patients=50, scenarios=24)
    text = precision_recall_reading(fake.measures(), INITS, counts)
    assert f"{positive} % of the test cases are positive" in text
    assert "fewer than 30 % of the cases in the rarer class" in text
    assert text.endswith(kind)


def test_decision_reading_counts_thresholds_above_both_easy_rules():
    # Radiologic: 0.45 > 0.4, 0.35 > 0.2, 0.15 > 0, −0.95 < 0; photographic: 0.4 = 0.4, ….
    text = decision_reading(fake.curves(), fake.measures(), INITS, COUNTS)
    assert text.startswith("With a threshold of 20 %, the prevalence, treating all and treating")
    assert "Net benefit at the prevalence: radiologic 0.500" in text
    assert text.endswith(
        "Radiologic: above both at 3 of 4 thresholds. Photographic: above both at 2 of 4 "
        "thresholds."
    )


def test_decision_reading_takes_no_rounding_for_a_benefit():
    curves = fake.curves()
    curves.loc[curves["curve"] == "decision", "y"] = 0.4 + 1e-16
    curves.loc[curves["curve"] == "treat_all", "y"] = 0.4 - 1e-16
    text = decision_reading(curves, fake.measures(), INITS, COUNTS)
    assert text.count("above both at 0 of 4 thresholds") == 2


def test_remarks_reading_tells_each_remark_once_with_the_measures_it_is_about():
    table = fake.measures()
    table.loc[table["measure"] == "calibration_slope", "remark"] = "not defined"
    table.loc[(table["measure"] == "ece") & (table["init"] == "radiologic"), "remark"] = "chance"
    table.loc[(table["measure"] == "brier") & (table["init"] == DIFFERENCE), "remark"] = "chance"
    assert remarks_reading(table).data == (
        "Expected calibration error (radiologic), Brier score (difference): chance. "
        "Calibration slope (radiologic, photographic, difference): not defined."
    )


def test_remarks_reading_without_remarks_says_that_all_is_there():
    assert remarks_reading(fake.measures()).data.startswith("Every measure")
