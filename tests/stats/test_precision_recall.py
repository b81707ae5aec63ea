import numpy as np
import pytest
from counted_cases import replicates, sample, samples, written_out
from hypothesis import given, settings
from sklearn.metrics import average_precision_score
from sklearn.metrics import precision_recall_curve as scikit_learns_curve

from rin.errors import InputError
from rin.stats.precision_recall import (
    average_precision,
    precision_at_recall,
    precision_recall_curve,
)


@given(samples)
@settings(max_examples=100, deadline=None)
def test_average_precision_equals_scikit_learn_with_sample_weights(counted):
    labels, scores, weights = counted
    expected = average_precision_score(labels, scores, sample_weight=weights)
    assert average_precision(labels, scores, weights) == pytest.approx(expected, abs=1e-12)


@given(samples)
@settings(max_examples=50, deadline=None)
def test_average_precision_counts_weights_as_cases_written_out(counted):
    labels, scores, weights = counted
    expected = average_precision_score(*written_out(*counted))
    assert average_precision(labels, scores, weights) == pytest.approx(expected, abs=1e-12)


def test_average_precision_of_four_cases():
    # Positives at ranks 1 and 3: (1/1 + 2/3) / 2.
    assert average_precision([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1]) == pytest.approx(5 / 6)


def test_average_precision_of_equal_scores_is_the_prevalence():
    assert average_precision([1, 0, 0, 0], [0.3] * 4) == 0.25


@pytest.mark.parametrize(("labels", "expected"), [([0, 0, 1, 1], 1), ([1, 1, 0, 0], 0.5)])
def test_average_precision_of_sure_scores(labels, expected):
    assert average_precision(labels, [0, 0, 1, 1]) == expected


@pytest.mark.parametrize("levels", [None, 5])
def test_curve_equals_scikit_learn(levels):
    labels, scores = sample(40, levels=levels)
    curve = precision_recall_curve(labels, scores)
    precision, recall, thresholds = scikit_learns_curve(labels, scores)
    np.testing.assert_allclose(curve.thresholds, thresholds[::-1])
    np.testing.assert_allclose(curve.precision, precision[:-1][::-1])
    np.testing.assert_allclose(curve.recall, recall[:-1][::-1])
    assert curve.prevalence == pytest.approx(labels.mean())


def test_curve_with_rows_of_weights_is_nan_where_nobody_is_called():
    curve = precision_recall_curve([1, 0, 1], [0.9, 0.5, 0.1], [[1, 1, 1], [0, 1, 3]])
    np.testing.assert_allclose(curve.precision, [[1, 1 / 2, 2 / 3], [np.nan, 0, 3 / 4]])
    np.testing.assert_allclose(curve.recall, [[1 / 2, 1 / 2, 1], [0, 0, 1]])
    np.testing.assert_allclose(curve.prevalence, [2 / 3, 3 / 4])


def test_precision_at_recall_is_that_of_the_highest_threshold_that_reaches_it():
    labels, scores = [1, 0, 1, 0, 1, 0], [6, 5, 4, 3, 2, 1]
    found = precision_at_recall(labels, scores, [0, 0.2, 1 / 3, 0.4, 2 / 3, 0.9, 1])
    np.testing.assert_allclose(found, [1, 1, 1, 2 / 3, 2 / 3, 3 / 5, 3 / 5])


def test_precision_at_recall_0_is_that_of_the_highest_score_that_counts():
    labels, scores, weights = [1, 0, 1], [0.9, 0.5, 0.1], [[1, 1, 1], [0, 1, 3]]
    np.testing.assert_allclose(precision_at_recall(labels, scores, 0.0, weights), [[1], [0]])


@given(samples)
@settings(max_examples=50, deadline=None)
def test_mean_precision_over_recall_is_the_average_precision(counted):
    labels, scores, weights = counted
    # Midpoints of a grid that has every recall of the sample on its lines.
    steps = int(weights[labels == 1].sum())
    middle = (np.arange(steps) + 0.5) / steps
    mean = precision_at_recall(labels, scores, middle, weights).mean()
    assert mean == pytest.approx(average_precision(labels, scores, weights), abs=1e-12)


def test_precision_at_recall_with_rows_of_weights_has_one_row_each():
    labels, scores = sample(30, levels=5)
    weights, grid = replicates(30), np.linspace(0, 1, 6)
    found = precision_at_recall(labels, scores, grid, weights)
    assert found.shape == (7, 6)
    np.testing.assert_allclose(found[3], precision_at_recall(labels, scores, grid, weights[3]))


@pytest.mark.parametrize("recall", [-0.1, 1.2, np.nan])
def test_a_recall_that_is_no_share_is_an_error(recall):
    with pytest.raises(InputError, match="outside 0 to 1"):
        precision_at_recall([0, 1], [0.1, 0.2], [0.5, recall])
