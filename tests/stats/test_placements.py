import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rin.stats import delong_covariance
from rin.stats.placements import placement_areas, placement_counts, placement_covariance


@st.composite
def cases(draw):
    """Draw labels with both classes and three rows of scores, tied or not, some infinite."""
    labels = [*draw(st.lists(st.booleans(), max_size=10)), True, False]
    values = st.sampled_from([-np.inf, -1.0, -0.0, 0.0, 1.0, 2.0, np.inf]) | st.floats(-5, 5)
    row = st.lists(values, min_size=len(labels), max_size=len(labels))
    return np.array(labels), np.array([draw(row) for _ in range(3)])


@given(cases())
@settings(max_examples=200, deadline=None)
def test_counts_equal_counting_all_pairs(drawn):
    positive, rows = drawn
    wins, losses = placement_counts(positive, rows)
    for row, won, lost in zip(rows, wins, losses, strict=True):
        higher = row[positive][:, None] > row[~positive]
        pairs = higher + 0.5 * (row[positive][:, None] == row[~positive])
        assert won.tolist() == pairs.sum(axis=1).tolist()
        assert lost.tolist() == (1 - pairs).sum(axis=0).tolist()


def test_counts_of_five_cases_are_those_counted_by_hand():
    positive = np.array([True, False, True, False, False])
    wins, losses = placement_counts(positive, np.array([[3.0, 1, 2, 2, 5]]))
    assert wins.tolist() == [[2, 1.5]]
    assert losses.tolist() == [[0, 0.5, 2]]


def test_infinite_scores_rank_as_extremes():
    labels, scores = [1, 0, 1, 0, 0], [np.inf, 1, -np.inf, 2, np.inf]
    finite = [9, 1, -9, 2, 9]
    np.testing.assert_array_equal(
        delong_covariance(labels, scores)[1], delong_covariance(labels, finite)[1]
    )


def test_areas_are_won_pairs_over_all_pairs():
    assert placement_areas(np.array([[2.0, 1.5]]), np.array([[0, 0.5, 2]])) == 3.5 / 6


def test_covariance_of_equal_counts_is_exactly_zero():
    wins, losses = np.full((2, 7), 1 / 2), np.full((2, 3), 4.5)
    assert (placement_covariance(wins, losses) == 0).all()


@pytest.mark.parametrize("shape", [(1, 5), (5, 1), (1, 1)])
def test_covariance_of_a_single_case_of_a_class_is_nan(shape):
    m, n = shape
    assert np.isnan(placement_covariance(np.ones((2, m)), np.ones((2, n)))).all()


def test_covariance_of_48_predictors_needs_less_than_three_times_the_scores():
    rng = np.random.default_rng(3)
    labels, rows = rng.random(10_000) < 0.3, rng.normal(size=(48, 10_000))
    tracemalloc.start()
    delong_covariance(labels, rows)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * rows.nbytes
