import json
from pathlib import Path

import numpy as np
import pytest
from counted_cases import sample, samples, written_out
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_curve

from rin.errors import InputError
from rin.stats.operating import sensitivity_at_specificity

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "operating_golden.json").read_text())


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: case["name"])
def test_sensitivity_equals_proc(case):
    found = [
        sensitivity_at_specificity(case["labels"], case["scores"], at) for at in case["specificity"]
    ]
    np.testing.assert_allclose(found, case["sensitivity"], atol=1e-12)


def by_scikit_learn(labels, scores, specificity, weights):
    """The highest rate at this false-positive rate of the curve that it interpolates."""
    fpr, tpr, _ = roc_curve(labels, scores, sample_weight=weights, drop_intermediate=False)
    at = 1 - specificity
    exact = np.isclose(fpr, at, atol=1e-12, rtol=0)
    if exact.any():
        return tpr[exact].max()
    return np.interp(at, fpr, tpr)


@given(samples, st.integers(0, 20).map(lambda k: k / 20))
@settings(max_examples=150, deadline=None)
def test_sensitivity_equals_scikit_learns_curve(counted, specificity):
    labels, scores, weights = counted
    found = sensitivity_at_specificity(labels, scores, specificity, weights)
    expected = by_scikit_learn(labels, scores, specificity, weights)
    assert found == pytest.approx(expected, abs=1e-9)


@given(samples, st.integers(0, 20).map(lambda k: k / 20))
@settings(max_examples=100, deadline=None)
def test_weights_count_as_cases_written_out(counted, specificity):
    labels, scores, weights = counted
    once = sensitivity_at_specificity(*written_out(*counted), specificity)
    found = sensitivity_at_specificity(labels, scores, specificity, weights)
    assert found == pytest.approx(once, abs=1e-12)


def test_at_a_point_of_the_curve_its_upper_end_counts():
    labels, scores = [0] * 10 + [1, 1, 1], [*range(10), 8.5, 8.6, 20]
    assert sensitivity_at_specificity(labels, scores, 0.9) == 1
    assert sensitivity_at_specificity(labels, scores, 1) == pytest.approx(1 / 3)


def test_between_points_it_is_interpolated():
    # One positive and one negative tied at the top: a line from (0, 0) to (0.5, 0.5).
    assert sensitivity_at_specificity([0, 1, 0, 1], [3, 3, 1, 1], 0.9) == pytest.approx(0.1)


@pytest.mark.parametrize("specificity", [0, 0.5, 0.9, 0.95, 1])
def test_equal_scores_give_the_chance_line(specificity):
    assert sensitivity_at_specificity([0, 1, 1], [0.4] * 3, specificity) == pytest.approx(
        1 - specificity
    )


@pytest.mark.parametrize(("labels", "expected"), [([0, 0, 1, 1], 1.0), ([1, 1, 0, 0], 0.1)])
def test_sure_scores_give_1_if_right_and_the_line_to_the_corner_if_wrong(labels, expected):
    found = sensitivity_at_specificity(labels, [0, 0, 1, 1], 0.9)
    assert found == pytest.approx(expected if expected == 1 else 0)


def test_rounding_never_makes_it_negative():
    # 0.1 of ten negatives is a little less than the one above all positives.
    labels, scores = [0, 1, 0] + [0] * 8, [5, 4, 4] + [1] * 8
    assert sensitivity_at_specificity(labels, scores, 0.9) == 0


def test_lower_specificity_never_lowers_sensitivity():
    labels, scores = sample(50, levels=9)
    found = [sensitivity_at_specificity(labels, scores, at) for at in np.linspace(1, 0, 41)]
    assert (np.diff(found) >= -1e-12).all()


@pytest.mark.parametrize("specificity", [-0.1, 1.1, 90, np.nan])
def test_a_specificity_that_is_no_share_is_an_error(specificity):
    with pytest.raises(InputError, match="is not a share"):
        sensitivity_at_specificity([0, 1], [0.1, 0.2], specificity)
