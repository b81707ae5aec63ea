import fake_beyond as fake
import numpy as np
import pandas as pd
import pytest

from rin.errors import InputError
from rin.report.beyond_tables import (
    MEASURES,
    CaseCounts,
    case_counts,
    curve_rows,
    estimate_text,
    measure_table,
    row_of,
    score_shares,
)
from rin.stats.beyond import DIFFERENCE
from rin.stats.beyond import MEASURES as COMPUTED

NAN = float("nan")


def test_every_computed_measure_has_a_name():
    assert set(MEASURES) == set(COMPUTED)
    assert len({measure.label for measure in MEASURES.values()}) == len(MEASURES)


def test_measure_table_shows_both_inits_and_their_difference():
    row = measure_table(fake.measures(), fake.INITS).loc["Brier score"]
    assert row["Radiologic"] == "0.500 (0.400, 0.600)"
    assert row["Photographic"] == "0.400 (0.300, 0.500)"
    assert row["Difference"] == "+0.100 (0.050, 0.150)"
    assert row["Better"] == "lower"


def test_measure_table_shows_no_difference_of_what_is_no_merit():
    row = measure_table(fake.measures(), fake.INITS).loc["Brier: uncertainty"]
    assert row["Radiologic"] == "0.500 (0.400, 0.600)"
    assert (row["Difference"], row["Better"]) == ("–", "–")


def test_measure_table_shows_dashes_for_what_does_not_exist():
    slopes = {"radiologic": (NAN, NAN, NAN), "photographic": (0.7, NAN, NAN)}
    table = measure_table(fake.measures(calibration_slope=slopes), fake.INITS)
    row = table.loc["Calibration slope"]
    assert row["Radiologic"] == "–"
    assert row["Photographic"] == "0.700 –"


def test_measure_table_of_two_tasks_raises():
    two = pd.concat([fake.measures(), fake.measures().assign(task="acl")])
    with pytest.raises(InputError, match="several tasks"):
        measure_table(two, fake.INITS)


def test_row_of_unknown_init_or_measure_lists_the_known():
    with pytest.raises(InputError, match="photographic, radiologic"):
        row_of(fake.measures(), "random", "ece")
    with pytest.raises(InputError, match="average_precision, brier"):
        row_of(fake.measures(), DIFFERENCE, "auc")


def test_estimate_text_signs_differences_alone():
    row = pd.Series({"estimate": 0.0214, "ci_low": -0.01, "ci_high": 0.0555})
    assert estimate_text(row) == "0.021 (−0.010, 0.056)"
    assert estimate_text(row, signed=True) == "+0.021 (−0.010, 0.056)"
    assert estimate_text(row, 1) == "0.0 (0.0, 0.1)"


def test_curve_rows_are_those_of_one_curve_and_init():
    rows = curve_rows(fake.curves(), "decision", "photographic")
    assert rows["y"].tolist() == [0.4, 0.3, 0.1, -1.0]


def test_curve_rows_of_unknown_curve_or_init_list_the_known():
    with pytest.raises(InputError, match="precision_recall, reliability"):
        curve_rows(fake.curves(), "gain", "radiologic")
    with pytest.raises(InputError, match="photographic, radiologic"):
        curve_rows(fake.curves(), "decision", "random")


def test_curve_rows_of_two_tasks_raise():
    two = pd.concat([fake.curves(), fake.curves().assign(task="acl")])
    for curve in ("decision", "reliability"):
        with pytest.raises(InputError, match="several tasks"):
            curve_rows(two, curve, "radiologic")


def test_bins_of_one_mean_probability_are_all_kept():
    rows = curve_rows(fake.curves().assign(x=0.5), "reliability", "radiologic")
    assert len(rows) == 4


def test_case_counts_count_each_test_case_once():
    counts = case_counts(fake.predictions(), fake.INITS)
    assert counts == CaseCounts(n=6, positive=2, patients=4, scenarios=2)
    assert counts.negative == 4
    assert counts.prevalence == pytest.approx(1 / 3)


def test_case_counts_of_two_tasks_raise():
    two = pd.concat([fake.predictions(), fake.predictions().assign(task="acl")])
    with pytest.raises(InputError, match="several tasks"):
        case_counts(two, fake.INITS)


@pytest.mark.parametrize(
    ("positive", "expected"), [(29, True), (30, False), (50, False), (70, False), (71, True)]
)
def test_classes_are_imbalanced_when_the_rarer_holds_under_thirty_percent(positive, expected):
    assert CaseCounts(n=100, positive=positive, patients=9, scenarios=1).imbalanced is expected


@pytest.mark.parametrize(("n", "bins"), [(8, 2), (29, 2), (30, 3), (99, 9), (100, 10), (999, 10)])
def test_bins_hold_ten_cases_each_but_are_two_to_ten(n, bins):
    assert CaseCounts(n=n, positive=4, patients=4, scenarios=1).bins == bins


def test_score_shares_count_all_test_scores_of_an_init():
    shares = score_shares(fake.predictions(), fake.INITS, bins=5)
    own = shares[shares["init"] == "radiologic"]
    assert own["share"].tolist() == pytest.approx([2 / 6, 2 / 6, 0, 0, 2 / 6])
    assert own["left"].tolist() == pytest.approx([0, 0.2, 0.4, 0.6, 0.8])
    assert own["right"].tolist() == pytest.approx([0.2, 0.4, 0.6, 0.8, 1])


def test_score_shares_tell_inits_apart():
    table = fake.predictions()
    table.loc[table["init"] == "photographic", "score"] = 0.5
    shares = score_shares(table, fake.INITS, bins=2).set_index(["init", "left"])["share"]
    assert shares["photographic", 0.5] == 1
    assert np.isclose(shares["radiologic", 0.5], 1 / 3)
