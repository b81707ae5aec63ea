import numpy as np
import pytest
from counted_cases import replicates, sample, samples, written_out
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix

from rin.errors import InputError
from rin.stats.decision import net_benefit

LABELS, SCORES = [1, 0, 1, 0, 0], [0.9, 0.6, 0.4, 0.2, 0.1]


def test_net_benefit_of_five_cases():
    curve = net_benefit(LABELS, SCORES, [0.2, 0.5, 0.75])
    np.testing.assert_allclose(
        curve.net_benefit, [2 / 5 - 2 / 5 * 0.25, 1 / 5 - 1 / 5 * 1, 1 / 5 - 0]
    )
    np.testing.assert_allclose(curve.treat_all, [2 / 5 - 3 / 5 * t for t in (0.25, 1, 3)])
    assert curve.treat_none.tolist() == [0, 0, 0]


def test_a_score_at_the_threshold_is_called_positive():
    at, above = net_benefit(LABELS, SCORES, [0.6, 0.6 + 1e-9]).net_benefit
    assert at == pytest.approx(1 / 5 - 1 / 5 * 1.5)
    assert above == pytest.approx(1 / 5)


def test_threshold_0_costs_nothing_and_equals_treating_all():
    curve = net_benefit(LABELS, SCORES, 0)
    assert curve.net_benefit.tolist() == curve.treat_all.tolist() == [0.4]


def test_treating_all_is_worth_nothing_at_the_prevalence():
    assert net_benefit(LABELS, SCORES, 0.4).treat_all == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize(("labels", "expected"), [([0, 0, 1, 1], 0.5), ([1, 1, 0, 0], -0.5)])
def test_sure_scores_gain_the_prevalence_if_right_and_lose_if_wrong(labels, expected):
    assert net_benefit(labels, [0, 0, 1, 1], 0.5).net_benefit == expected


def test_equal_scores_treat_all_up_to_their_value_and_none_above():
    curve = net_benefit([0, 1, 1], [0.4] * 3, [0.3, 0.5])
    np.testing.assert_allclose(curve.net_benefit, [curve.treat_all[0], 0])


@given(samples, st.integers(0, 15).map(lambda k: k / 16))
@settings(max_examples=100, deadline=None)
def test_net_benefit_equals_counts_of_a_confusion_matrix(counted, threshold):
    labels, scores, weights = counted
    outcomes, sure = written_out(*counted)
    (_, false), (_, true) = confusion_matrix(outcomes, sure >= threshold, labels=[0, 1])
    expected = (true - false * threshold / (1 - threshold)) / len(outcomes)
    found = net_benefit(labels, scores, threshold, weights).net_benefit
    assert found == pytest.approx([expected], abs=1e-12)


def test_rows_of_weights_give_one_curve_each():
    labels, scores = sample(30)
    weights, grid = replicates(30), [0.1, 0.4]
    curves = net_benefit(labels, scores, grid, weights)
    assert curves.net_benefit.shape == curves.treat_all.shape == curves.treat_none.shape == (7, 2)
    fourth = net_benefit(labels, scores, grid, weights[4])
    np.testing.assert_allclose(curves.net_benefit[4], fourth.net_benefit)
    np.testing.assert_allclose(curves.treat_all[4], fourth.treat_all)


@pytest.mark.parametrize("threshold", [-0.1, 1, 1.5, np.nan, [], [[0.2]]])
def test_a_threshold_outside_0_to_1_is_an_error(threshold):
    with pytest.raises(InputError, match="are not threshold probabilities"):
        net_benefit(LABELS, SCORES, threshold)
