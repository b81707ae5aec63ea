import functools

import numpy as np
import pytest
from counted_cases import replicates, sample
from hypothesis import given, settings
from hypothesis import strategies as st

from rin.errors import InputError
from rin.stats import weighted
from rin.stats.calibration import (
    brier_decomposition,
    brier_score,
    expected_calibration_error,
    reliability_curve,
)
from rin.stats.decision import net_benefit
from rin.stats.operating import sensitivity_at_specificity
from rin.stats.precision_recall import (
    average_precision,
    precision_at_recall,
    precision_recall_curve,
)
from rin.stats.recalibration import calibration_line
from rin.stats.weighted import first_passed, first_reached, weighted_cases

PROBABILITIES = [
    brier_score,
    brier_decomposition,
    expected_calibration_error,
    reliability_curve,
    calibration_line,
    functools.partial(net_benefit, thresholds=0.3),
]
RANKS = [
    average_precision,
    precision_recall_curve,
    functools.partial(precision_at_recall, recall=[0.5]),
    functools.partial(sensitivity_at_specificity, specificity=0.9),
]
MEASURES = PROBABILITIES + RANKS
NUMBERS = [brier_score, expected_calibration_error, average_precision, RANKS[-1]]


@pytest.mark.parametrize("measure", MEASURES)
def test_one_class_is_an_error(measure):
    with pytest.raises(InputError, match="one class only"):
        measure([1, 1, 1], [0.1, 0.2, 0.3])


@pytest.mark.parametrize("measure", MEASURES)
def test_nan_score_is_an_error(measure):
    with pytest.raises(InputError, match="1 of 3 scores are NaN"):
        measure([0, 1, 1], [0.1, np.nan, 0.3])


@pytest.mark.parametrize("measure", MEASURES)
def test_unequal_lengths_are_an_error(measure):
    with pytest.raises(InputError, match="beside 2 labels"):
        measure([0, 1], [0.1, 0.2, 0.3])


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("labels", [[-1, 1], [0, 2], [0.5, 1]])
def test_labels_other_than_0_and_1_are_an_error(measure, labels):
    with pytest.raises(InputError, match="other than 0 and 1"):
        measure(labels, [0.1, 0.2])


@pytest.mark.parametrize("measure", MEASURES)
def test_several_predictors_are_an_error(measure):
    with pytest.raises(InputError, match="one predictor at a time"):
        measure([0, 1], [[0.1, 0.2], [0.3, 0.4]])


@pytest.mark.parametrize("measure", PROBABILITIES)
@pytest.mark.parametrize("scores", [[-0.01, 0.5], [0.5, 1.01]])
def test_scores_that_are_no_probabilities_are_an_error(measure, scores):
    with pytest.raises(InputError, match="not all probabilities"):
        measure([0, 1], scores)


@pytest.mark.parametrize("measure", RANKS)
def test_measures_of_rank_take_any_scores(measure):
    measure([0, 1, 1], [-3.0, 0.5, 12.0])


@pytest.mark.parametrize(
    ("weights", "problem"),
    [
        ([1, 2, 3], "beside 2 labels"),
        ([[[1, 1]]], "beside 2 labels"),
        (["a", "b"], "beside 2 labels"),
        ([1, -1], "negative or infinite value or NaN"),
        ([1, np.nan], "negative or infinite value or NaN"),
        ([1, np.inf], "negative or infinite value or NaN"),
        (np.ones((0, 2)), "no row"),
        ([0, 1], "row 0 counts no case of one class"),
        ([[1, 1], [2, 0]], "row 1 counts no case of one class"),
    ],
)
def test_bad_weights_are_an_error(weights, problem):
    with pytest.raises(InputError, match=problem):
        weighted_cases([0, 1], [0.2, 0.6], weights)


@pytest.mark.parametrize("measure", NUMBERS)
def test_no_weights_and_one_row_give_a_number_and_several_rows_an_array(measure):
    labels, scores = sample(12)
    assert isinstance(measure(labels, scores), float)
    assert isinstance(measure(labels, scores, weights=np.ones(12)), float)
    assert measure(labels, scores, weights=np.ones((5, 12))).shape == (5,)


@pytest.mark.parametrize("measure", NUMBERS)
def test_every_row_of_weights_is_measured_as_if_alone(measure):
    labels, scores = sample(30, levels=6)
    weights = replicates(30)
    alone = [measure(labels, scores, weights=row) for row in weights]
    np.testing.assert_allclose(measure(labels, scores, weights=weights), alone, rtol=1e-12)


@pytest.mark.parametrize("measure", NUMBERS)
def test_blocks_of_rows_join_without_a_seam(measure, monkeypatch):
    labels, scores = sample(30, levels=6)
    weights = replicates(30)
    whole = measure(labels, scores, weights=weights)
    monkeypatch.setattr(weighted, "_CELLS", 60)
    np.testing.assert_allclose(measure(labels, scores, weights=weights), whole, rtol=1e-12)


@pytest.mark.parametrize("measure", NUMBERS)
@given(scale=st.floats(1e-3, 1e3))
@settings(max_examples=15, deadline=None)
def test_weights_count_in_proportion_only(measure, scale):
    labels, scores = sample(30, levels=6)
    weights = replicates(30, 1)[0]
    expected = measure(labels, scores, weights=weights)
    assert measure(labels, scores, weights=weights * scale) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("measure", NUMBERS)
def test_order_of_cases_does_not_matter(measure):
    labels, scores = sample(30, levels=6)
    weights = replicates(30, 1)[0]
    turned = measure(labels[::-1], scores[::-1], weights=weights[::-1])
    assert turned == pytest.approx(measure(labels, scores, weights=weights), rel=1e-12)


def test_first_reached_and_passed_of_a_value_in_the_row_differ_by_it():
    rows = np.array([[0.0, 1.0, 1.0, 4.0]])
    assert first_reached(rows, np.array([[0.0, 0.5, 1.0, 4.0]])).tolist() == [[0, 1, 1, 3]]
    assert first_passed(rows, np.array([[0.0, 0.5, 1.0, 4.0]])).tolist() == [[1, 1, 3, 4]]


def test_a_rounded_fraction_of_a_total_finds_the_sum_it_stands_for():
    rows = np.arange(11.0)[None]
    for tenth in (1 - 0.9, 0.1 + 1e-16, 0.1 - 1e-16):
        assert first_reached(rows, np.array([[tenth * 10]])) == 1
        assert first_passed(rows, np.array([[tenth * 10]])) == 2
