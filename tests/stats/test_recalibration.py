import numpy as np
import pytest
import statsmodels.api as sm
from counted_cases import replicates, sample
from scipy.special import expit, logit

from rin.stats.recalibration import EXTREME, calibration_line, replicate_lines
from rin.stats.weighted import weighted_cases


def by_statsmodels(labels, scores, weights=None):
    """In the large, intercept and slope from two generalised linear models."""
    odds, binomial = logit(scores), sm.families.Binomial()
    large = sm.GLM(labels, np.ones(len(odds)), binomial, offset=odds, freq_weights=weights)
    line = sm.GLM(labels, sm.add_constant(odds), binomial, freq_weights=weights)
    return [*large.fit(tol=1e-12).params, *line.fit(tol=1e-12).params]


def as_list(line):
    return [line.in_the_large, line.intercept, line.slope]


@pytest.mark.parametrize(("n", "seed"), [(30, 0), (200, 1), (2000, 2)])
def test_line_equals_statsmodels(n, seed):
    labels, scores = sample(n, seed)
    expected = by_statsmodels(labels, scores)
    np.testing.assert_allclose(as_list(calibration_line(labels, scores)), expected, rtol=1e-7)
    logit_model = sm.Logit(labels, sm.add_constant(logit(scores))).fit(disp=0)
    np.testing.assert_allclose(expected[1:], logit_model.params, rtol=1e-6)


def test_line_with_weights_equals_statsmodels_row_by_row():
    labels, scores = sample(60)
    weights = replicates(60)
    lines = np.stack(as_list(calibration_line(labels, scores, weights)), axis=1)
    expected = [by_statsmodels(labels, scores, row) for row in weights]
    np.testing.assert_allclose(lines, expected, rtol=1e-7)


def test_line_of_scores_bent_by_a_known_line_finds_it():
    rng = np.random.default_rng(0)
    truth = rng.normal(0, 1.5, 200_000)
    labels = rng.random(truth.size) < expit(truth)
    line = calibration_line(labels, expit((truth - 0.4) / 0.7))
    assert line.intercept == pytest.approx(0.4, abs=0.02)
    assert line.slope == pytest.approx(0.7, abs=0.02)


def test_in_the_large_is_above_0_if_scores_are_too_low():
    assert calibration_line([1, 1, 0, 1], [0.1, 0.3, 0.2, 0.2]).in_the_large > 0


def test_in_the_large_of_equal_scores_is_the_difference_of_log_odds():
    line = calibration_line([0, 1, 1, 1], [0.4] * 4)
    assert line.in_the_large == pytest.approx(logit(0.75) - logit(0.4))


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
    line = calibration_line(labels, scores)
    assert np.isnan([line.intercept, line.slope]).all()
    assert np.isfinite(line.in_the_large)


def test_slope_is_nan_only_in_rows_whose_weights_separate_the_classes():
    weights = [[1, 1, 1, 1], [1, 0, 1, 1], [2, 1, 1, 0]]
    lines = calibration_line([0, 1, 0, 1], [0.1, 0.2, 0.3, 0.9], weights)
    assert np.isnan(lines.slope).tolist() == [False, True, False]


def test_scores_of_0_and_1_count_as_the_nearest_that_have_log_odds():
    labels, sure = [0, 1, 0, 1, 1], np.array([0, 0, 1, 1, 1.0])
    near = np.clip(sure, EXTREME, 1 - EXTREME)
    assert calibration_line(labels, sure) == calibration_line(labels, near)
    assert calibration_line(labels, near).slope == pytest.approx(
        (logit(2 / 3) - logit(1 / 2)) / (2 * logit(1 - EXTREME))
    )


def test_in_the_large_of_sure_scores_that_are_mostly_wrong_is_found():
    line = calibration_line([1, 1, 1, 0, 0], [0, 0, 0, 0, 1.0])
    # The sum of what the shifted scores expect equals the number of positives.
    shifted = expit(logit([EXTREME] * 4 + [1 - EXTREME]) + line.in_the_large)
    assert shifted.sum() == pytest.approx(3)


def near(labels, scores, weights):
    line = calibration_line(labels, scores)
    cases = weighted_cases(labels, scores, weights)
    return cases.each(lambda block: replicate_lines(block, line))


def test_replicate_with_each_case_counted_once_stays_at_the_line():
    labels, scores = sample(80)
    line = calibration_line(labels, scores)
    stay = near(labels, scores, np.ones((1, 80)))[0]
    np.testing.assert_allclose(stay, [line.in_the_large, line.slope], rtol=1e-9)


def test_replicates_spread_as_complete_fits_do():
    labels, scores = sample(600)
    weights = replicates(600, r=400)
    stepped = near(labels, scores, weights)
    complete = calibration_line(labels, scores, weights)
    for column, fitted in enumerate([complete.in_the_large, complete.slope]):
        assert np.corrcoef(stepped[:, column], fitted)[0, 1] > 0.99
        assert stepped[:, column].std() == pytest.approx(fitted.std(), rel=0.03)
        np.testing.assert_allclose(stepped[:, column].mean(), fitted.mean(), atol=0.01)


def test_replicate_slope_is_nan_where_all_cases_that_count_score_the_same():
    labels, scores = [0, 1, 0, 1, 0], [0.1, 0.2, 0.2, 0.9, 0.95]
    values = near(labels, scores, [[1, 1, 1, 1, 1], [0, 2, 2, 0, 0]])
    assert np.isnan(values[:, 1]).tolist() == [False, True]
    assert np.isfinite(values[:, 0]).all()


def test_replicate_slope_is_nan_without_a_line_to_step_from():
    values = near([0, 1, 1], [0.1, 0.6, 0.7], [[1, 1, 1]])
    assert np.isfinite(values[0, 0])
    assert np.isnan(values[0, 1])


def test_replicates_in_the_large_equal_complete_fits_with_a_dozen_cases():
    labels, scores = sample(12, seed=5)
    weights = replicates(12, r=200)
    both = (weights @ labels > 0) & (weights @ (1 - np.asarray(labels)) > 0)
    fitted = calibration_line(labels, scores, weights[both]).in_the_large
    np.testing.assert_allclose(near(labels, scores, weights[both])[:, 0], fitted, atol=1e-6)


def test_replicate_in_the_large_of_saturated_scores_is_finite_and_fits():
    labels = np.array([1, 0, 1, 0, 1, 0, 0, 0, 0, 1])
    scores = expit([13.8, 13.8, -3.0, -4.0, -8.5, -13.8, -13.8, -13.8, -13.8, -13.8])
    weights = np.array([[1, 4, 0, 0, 0, 0, 2, 0, 3, 0], [0, 0, 0, 0, 0, 5, 3, 0, 0, 2]])
    large = near(labels, scores, weights)[:, 0]
    predicted = expit(logit(scores) + large[:, None])
    np.testing.assert_allclose((weights * predicted).sum(axis=1), weights @ labels, rtol=1e-4)
