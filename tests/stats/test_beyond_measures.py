import json
from pathlib import Path

import numpy as np
import pytest
import statsmodels.api as sm
from counted_cases import replicates, sample, samples, written_out
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit
from sklearn.calibration import calibration_curve
from sklearn.metrics import average_precision_score, brier_score_loss, confusion_matrix, roc_curve

from rin.errors import InputError
from rin.stats.beyond import (
    EXTREME,
    average_precision,
    brier_parts,
    calibration_error_by_chance,
    calibration_line,
    expected_calibration_error,
    net_benefit,
    precision_at_recall,
    reliability_curve,
    replicate_lines,
    sensitivity_at_specificity,
    treat_all,
    weighted_cases,
)

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "operating_golden.json").read_text())
LABELS, SCORES = [1, 0, 1, 0, 0], [0.9, 0.6, 0.4, 0.2, 0.1]


def brier_score(cases):
    return brier_parts(cases)[:, 0]


NUMBERS = [brier_score, expected_calibration_error, average_precision, sensitivity_at_specificity]


def measured(measure, labels, scores, *options, weights=None):
    """A measure of one row of weights."""
    return measure(weighted_cases(labels, scores, weights), *options)[0]


@pytest.mark.parametrize("scores", [[-0.01, 0.5], [0.5, 1.01]])
@pytest.mark.parametrize(
    "measure", [brier_parts, reliability_curve, calibration_line, lambda c: net_benefit(c, [0.3])]
)
def test_scores_that_are_no_probabilities_are_an_error(measure, scores):
    with pytest.raises(InputError, match="not all probabilities"):
        measured(measure, [0, 1], scores)


@pytest.mark.parametrize(
    ("weights", "problem"),
    [
        ([1, 2, 3], "beside 2 labels"),
        ([[[1, 1]]], "beside 2 labels"),
        (["a", "b"], "beside 2 labels"),
        ([1, -1], "finite numbers from 0"),
        ([1, np.nan], "finite numbers from 0"),
        (np.ones((0, 2)), "finite numbers from 0"),
        ([[1, 1], [2, 0]], "a row counts no case of one class"),
    ],
)
def test_bad_weights_are_an_error(weights, problem):
    with pytest.raises(InputError, match=problem):
        weighted_cases([0, 1], [0.2, 0.6], weights)


@pytest.mark.parametrize("measure", NUMBERS)
def test_every_row_of_weights_is_measured_as_if_alone(measure):
    labels, scores = sample(30, levels=6)
    weights = replicates(30)
    alone = [measured(measure, labels, scores, weights=row) for row in weights]
    found = measure(weighted_cases(labels, scores, weights))
    np.testing.assert_allclose(found, alone, rtol=1e-12)


def binned_in_a_loop(labels, scores, bins):
    """The rule in plain words: a score's bin is that of its middle rank."""
    found = []
    for k in range(bins):
        members = []
        for label, score in zip(labels, scores, strict=True):
            middle = (scores < score).mean() + (scores == score).mean() / 2
            if int(bins * middle + 1e-9) == k:
                members.append((score, label))
        found.append(np.array(members).reshape(-1, 2))
    return found


@pytest.mark.parametrize(("n", "bins"), [(40, 10), (60, 4), (30, 5), (12, 12)])
def test_reliability_of_distinct_scores_equals_scikit_learn(n, bins):
    labels, scores = sample(n, seed=n)
    mean_score, observed, _ = measured(reliability_curve, labels, scores, bins)
    expected = calibration_curve(labels, scores, n_bins=bins, strategy="quantile")
    np.testing.assert_allclose([observed, mean_score], expected, atol=1e-12)


@given(samples, st.integers(1, 11))
@settings(max_examples=100, deadline=None)
def test_calibration_and_brier_parts_equal_a_loop_over_cases_written_out(counted, bins):
    labels, scores, weights = counted
    binned = binned_in_a_loop(*written_out(*counted), bins)
    outcomes, total = np.repeat(labels, weights), weights.sum()
    mean_score, observed, share = measured(reliability_curve, labels, scores, bins, weights=weights)
    for k, members in enumerate(binned):
        assert share[k] == pytest.approx(len(members) / total, abs=1e-12)
        expected = members.mean(axis=0) if len(members) else [np.nan, np.nan]
        np.testing.assert_allclose([mean_score[k], observed[k]], expected, atol=1e-12)
    found = [members for members in binned if len(members)]
    gaps = [(len(m) / total, np.subtract(*m.mean(axis=0))) for m in found]
    error = measured(expected_calibration_error, labels, scores, bins, weights=weights)
    assert error == pytest.approx(sum(share * abs(gap) for share, gap in gaps), abs=1e-12)
    resolution = sum(len(m) / total * (m[:, 1].mean() - outcomes.mean()) ** 2 for m in found)
    expected = [
        brier_score_loss(labels, scores, sample_weight=weights),
        sum(share * gap**2 for share, gap in gaps),
        resolution,
        outcomes.var(),
    ]
    parts = measured(brier_parts, labels, scores, bins, weights=weights)
    np.testing.assert_allclose(parts, expected, atol=1e-12)


@pytest.mark.parametrize("bins", [0, 2.5, True, "ten"])
def test_a_number_of_bins_that_is_not_whole_and_positive_is_an_error(bins):
    with pytest.raises(InputError, match="bins"):
        measured(expected_calibration_error, [0, 1], [0.2, 0.7], bins)


@pytest.mark.parametrize("bins", [1, 5, 11])
def test_error_by_chance_is_the_calibration_error_of_the_outcomes_drawn(bins):
    scores = sample(40, levels=8)[1]
    uniforms = np.random.default_rng(0).random((20, 40))
    expected = [
        measured(expected_calibration_error, row < scores, scores, bins) for row in uniforms
    ]
    found = calibration_error_by_chance(scores, uniforms, bins)
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: case["name"])
def test_sensitivity_equals_proc(case):
    found = measured(
        sensitivity_at_specificity, case["labels"], case["scores"], case["specificity"]
    )
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
    found = measured(sensitivity_at_specificity, labels, scores, [specificity], weights=weights)
    expected = by_scikit_learn(labels, scores, specificity, weights)
    assert found == pytest.approx([expected], abs=1e-9)
    once = measured(sensitivity_at_specificity, *written_out(*counted), [specificity])
    assert found == pytest.approx(once, abs=1e-12)


@pytest.mark.parametrize(
    ("labels", "scores", "specificity", "expected"),
    [
        ([0] * 10 + [1] * 3, [*range(10), 8.5, 8.6, 20], 0.9, 1),  # the upper end of a rise
        ([0] * 10 + [1] * 3, [*range(10), 8.5, 8.6, 20], 1, 1 / 3),
        ([0, 1, 0, 1], [3, 3, 1, 1], 0.9, 0.1),  # a tie: a line from (0, 0) to (0.5, 0.5)
        ([0, 1, 1], [0.4] * 3, 0.95, 0.05),
        ([1, 1, 0, 0], [0, 0, 1, 1], 0.9, 0),
        # 0.1 of ten negatives is a little less than the one above all positives.
        ([0, 1, 0] + [0] * 8, [5, 4, 4] + [1] * 8, 0.9, 0),
    ],
)
def test_sensitivity_between_and_at_points_of_the_curve(labels, scores, specificity, expected):
    found = measured(sensitivity_at_specificity, labels, scores, [specificity])
    assert found == pytest.approx([expected], abs=1e-15)
    assert found >= 0


@given(samples)
@settings(max_examples=100, deadline=None)
def test_average_precision_equals_scikit_learn_and_the_mean_precision_over_recall(counted):
    labels, scores, weights = counted
    found = measured(average_precision, labels, scores, weights=weights)
    expected = average_precision_score(labels, scores, sample_weight=weights)
    assert found == pytest.approx(expected, abs=1e-12)
    # Midpoints of a grid that has every recall of the sample on its lines.
    steps = int(weights[labels == 1].sum())
    middle = (np.arange(steps) + 0.5) / steps
    precision = measured(precision_at_recall, labels, scores, middle, weights=weights)
    assert precision.mean() == pytest.approx(found, abs=1e-12)


def test_precision_at_recall_is_that_of_the_highest_threshold_that_reaches_it():
    recall = np.array([0, 0.2, 1 / 3, 0.4, 2 / 3, 0.9, 1])
    found = measured(precision_at_recall, [1, 0, 1, 0, 1, 0], [6, 5, 4, 3, 2, 1], recall)
    np.testing.assert_allclose(found, [1, 1, 1, 2 / 3, 2 / 3, 3 / 5, 3 / 5])


def by_statsmodels(labels, scores, weights=None):
    """In the large, intercept and slope from two generalised linear models."""
    odds, binomial = logit(scores), sm.families.Binomial()
    large = sm.GLM(labels, np.ones(len(odds)), binomial, offset=odds, freq_weights=weights)
    line = sm.GLM(labels, sm.add_constant(odds), binomial, freq_weights=weights)
    return [*large.fit(tol=1e-12).params, *line.fit(tol=1e-12).params]


@pytest.mark.parametrize("n", [60, 400])
def test_line_with_weights_equals_statsmodels_row_by_row(n):
    labels, scores = sample(n)
    weights = np.vstack([np.ones(n, int), replicates(n)])
    expected = [by_statsmodels(labels, scores, row) for row in weights]
    found = calibration_line(weighted_cases(labels, scores, weights))
    np.testing.assert_allclose(found, expected, rtol=1e-7)


@pytest.mark.parametrize(
    ("labels", "scores"),
    [
        ([0, 1, 1, 1], [0.4] * 4),
        ([0, 0, 1, 1], [0.1, 0.2, 0.7, 0.9]),
        ([1, 1, 0, 0], [0.1, 0.2, 0.7, 0.9]),
        ([0, 0, 1, 1], [0.1, 0.5, 0.5, 0.9]),
        ([0, 0, 1, 1], [0, 0, 1, 1]),
    ],
    ids=["equal", "separated", "reversed", "separated but for a tie", "sure and right"],
)
def test_slope_is_nan_where_the_likelihood_has_no_finite_maximum(labels, scores):
    line = measured(calibration_line, labels, scores)
    assert np.isnan(line).tolist() == [False, True, True]


def test_slope_is_nan_only_in_rows_whose_weights_separate_the_classes():
    weights = [[1, 1, 1, 1], [1, 0, 1, 1], [2, 1, 1, 0]]
    lines = calibration_line(weighted_cases([0, 1, 0, 1], [0.1, 0.2, 0.3, 0.9], weights))
    assert np.isnan(lines[:, 2]).tolist() == [False, True, False]


def test_scores_of_0_and_1_count_as_the_nearest_that_have_log_odds():
    labels, sure = [0, 1, 0, 1, 1], np.array([0, 0, 1, 1, 1.0])
    near = np.clip(sure, EXTREME, 1 - EXTREME)
    line = measured(calibration_line, labels, near)
    np.testing.assert_array_equal(measured(calibration_line, labels, sure), line)
    slope = (logit(2 / 3) - logit(1 / 2)) / (2 * logit(1 - EXTREME))
    assert line[2] == pytest.approx(slope)


def near(labels, scores, weights):
    line = measured(calibration_line, labels, scores)
    return replicate_lines(weighted_cases(labels, scores, weights), line)


def test_replicates_spread_as_complete_fits_do():
    labels, scores = sample(600)
    weights = replicates(600, r=400)
    stepped = near(labels, scores, weights)
    complete = calibration_line(weighted_cases(labels, scores, weights))[:, [0, 2]]
    for column, fitted in zip(stepped.T, complete.T, strict=True):
        assert np.corrcoef(column, fitted)[0, 1] > 0.99
        assert column.std() == pytest.approx(fitted.std(), rel=0.03)
        np.testing.assert_allclose(column.mean(), fitted.mean(), atol=0.01)


def test_replicate_slope_is_nan_where_all_cases_that_count_score_the_same():
    labels, scores = [0, 1, 0, 1, 0], [0.1, 0.2, 0.2, 0.9, 0.95]
    values = near(labels, scores, [[1, 1, 1, 1, 1], [0, 2, 2, 0, 0]])
    assert np.isnan(values).tolist() == [[False, False], [False, True]]


def test_replicate_in_the_large_of_saturated_scores_is_finite_and_fits():
    labels = np.array([1, 0, 1, 0, 1, 0, 0, 0, 0, 1])
    scores = expit([13.8, 13.8, -3.0, -4.0, -8.5, -13.8, -13.8, -13.8, -13.8, -13.8])
    weights = np.array([[1, 4, 0, 0, 0, 0, 2, 0, 3, 0], [0, 0, 0, 0, 0, 5, 3, 0, 0, 2]])
    large = near(labels, scores, weights)[:, 0]
    predicted = expit(logit(scores) + large[:, None])
    np.testing.assert_allclose((weights * predicted).sum(axis=1), weights @ labels, rtol=1e-4)


def test_net_benefit_of_five_cases():
    thresholds, prices = [0.2, 0.5, 0.75], [0.25, 1, 3]
    found = measured(net_benefit, LABELS, SCORES, thresholds)
    np.testing.assert_allclose(found, [2 / 5 - 2 / 5 * 0.25, 1 / 5 - 1 / 5 * 1, 1 / 5 - 0])
    everyone = measured(treat_all, LABELS, SCORES, [*thresholds, 0.4])
    np.testing.assert_allclose(everyone, [*(2 / 5 - 3 / 5 * t for t in prices), 0], atol=1e-15)


@given(samples, st.integers(0, 15).map(lambda k: k / 16))
@settings(max_examples=100, deadline=None)
def test_net_benefit_equals_counts_of_a_confusion_matrix(counted, threshold):
    labels, scores, weights = counted
    outcomes, sure = written_out(*counted)
    (_, false), (_, true) = confusion_matrix(outcomes, sure >= threshold, labels=[0, 1])
    expected = (true - false * threshold / (1 - threshold)) / len(outcomes)
    found = measured(net_benefit, labels, scores, [threshold], weights=weights)
    assert found == pytest.approx([expected], abs=1e-12)
