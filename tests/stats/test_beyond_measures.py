import functools
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
from rin.stats import beyond
from rin.stats.beyond import (
    EXTREME,
    average_precision,
    brier_decomposition,
    brier_score,
    calibration_error_by_chance,
    calibration_line,
    equal_mass_bins,
    expected_calibration_error,
    first_passed,
    first_reached,
    net_benefit,
    precision_at_recall,
    reliability_curve,
    replicate_lines,
    sensitivity_at_specificity,
    weighted_cases,
)

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
@pytest.mark.parametrize("labels", [[-1, 1], [0, 2], [0.5, 1]])
def test_labels_other_than_0_and_1_are_an_error(measure, labels):
    with pytest.raises(InputError, match="other than 0 and 1"):
        measure(labels, [0.1, 0.2])


@pytest.mark.parametrize("measure", MEASURES)
def test_several_predictors_are_an_error(measure):
    with pytest.raises(InputError, match="2 rows of scores"):
        measure([0, 1], [[0.1, 0.2], [0.3, 0.4]])


@pytest.mark.parametrize("measure", PROBABILITIES)
@pytest.mark.parametrize("scores", [[-0.01, 0.5], [0.5, 1.01]])
def test_scores_that_are_no_probabilities_are_an_error(measure, scores):
    with pytest.raises(InputError, match="not all probabilities"):
        measure([0, 1], scores)


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
    monkeypatch.setattr(beyond, "_CELLS", 60)
    np.testing.assert_allclose(measure(labels, scores, weights=weights), whole, rtol=1e-12)


@pytest.mark.parametrize("measure", NUMBERS)
@given(scale=st.floats(1e-3, 1e3))
@settings(max_examples=15, deadline=None)
def test_weights_count_in_proportion_only(measure, scale):
    labels, scores = sample(30, levels=6)
    weights = replicates(30, 1)[0]
    expected = measure(labels, scores, weights=weights)
    assert measure(labels, scores, weights=weights * scale) == pytest.approx(expected, rel=1e-9)


def test_first_reached_and_passed_of_a_value_in_the_row_differ_by_it():
    rows = np.array([[0.0, 1.0, 1.0, 4.0]])
    assert first_reached(rows, np.array([[0.0, 0.5, 1.0, 4.0]])).tolist() == [[0, 1, 1, 3]]
    assert first_passed(rows, np.array([[0.0, 0.5, 1.0, 4.0]])).tolist() == [[1, 1, 3, 4]]


def test_a_rounded_fraction_of_a_total_finds_the_sum_it_stands_for():
    rows = np.arange(11.0)[None]
    for tenth in (1 - 0.9, 0.1 + 1e-16, 0.1 - 1e-16):
        assert first_reached(rows, np.array([[tenth * 10]])) == 1
        assert first_passed(rows, np.array([[tenth * 10]])) == 2


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


def identity(parts):
    return (
        parts.reliability
        - parts.resolution
        + parts.uncertainty
        + parts.within_bin_variance
        - parts.within_bin_covariance
    )


@pytest.mark.parametrize(("n", "bins"), [(40, 10), (60, 4), (30, 5), (12, 12)])
def test_reliability_of_distinct_scores_equals_scikit_learn(n, bins):
    labels, scores = sample(n, seed=n)
    curve = reliability_curve(labels, scores, bins=bins)
    observed, mean_score = calibration_curve(labels, scores, n_bins=bins, strategy="quantile")
    np.testing.assert_allclose(curve.observed, observed, atol=1e-12)
    np.testing.assert_allclose(curve.score, mean_score, atol=1e-12)


def test_reliability_never_splits_a_score():
    curve = reliability_curve([0, 1, 0, 1, 1], [0.2, 0.5, 0.5, 0.5, 0.9], bins=5)
    np.testing.assert_allclose(curve.share, [0.2, 0, 0.6, 0, 0.2])
    np.testing.assert_allclose(curve.observed, [0, np.nan, 2 / 3, np.nan, 1])
    np.testing.assert_allclose(curve.score, [0.2, np.nan, 0.5, np.nan, 0.9])


def test_reliability_of_a_middle_rank_on_an_edge_goes_to_the_bin_above():
    curve = reliability_curve([0, 1, 1], [0.1, 0.5, 0.9], bins=2)
    np.testing.assert_allclose(curve.share, [1 / 3, 2 / 3])


@pytest.mark.parametrize("bins", [1, 2, 3, 7, 10])
def test_reliability_of_equal_scores_is_one_bin(bins):
    curve = reliability_curve([0, 1, 1, 1], [0.4] * 4, bins=bins)
    assert np.nansum(curve.share) == 1
    assert curve.observed[bins // 2] == 0.75
    assert np.isnan(np.delete(curve.score, bins // 2)).all()


@given(samples, st.integers(1, 11))
@settings(max_examples=100, deadline=None)
def test_reliability_equals_a_loop_over_cases_written_out(counted, bins):
    labels, scores, weights = counted
    curve = reliability_curve(labels, scores, bins=bins, weights=weights)
    for k, members in enumerate(binned_in_a_loop(*written_out(*counted), bins)):
        assert curve.share[k] == pytest.approx(len(members) / weights.sum(), abs=1e-12)
        expected = members.mean(axis=0) if len(members) else [np.nan, np.nan]
        np.testing.assert_allclose([curve.score[k], curve.observed[k]], expected, atol=1e-12)


@pytest.mark.parametrize("bins", [0, -1, 2.5, True, "ten"])
def test_a_number_of_bins_that_is_not_whole_and_positive_is_an_error(bins):
    with pytest.raises(InputError, match="bins"):
        expected_calibration_error([0, 1], [0.2, 0.7], bins=bins)


@given(samples, st.integers(1, 11))
@settings(max_examples=100, deadline=None)
def test_ece_equals_a_loop_over_cases_written_out(counted, bins):
    labels, scores, weights = counted
    expected = sum(
        len(members) / weights.sum() * abs(np.subtract(*members.mean(axis=0)))
        for members in binned_in_a_loop(*written_out(*counted), bins)
        if len(members)
    )
    error = expected_calibration_error(labels, scores, bins=bins, weights=weights)
    assert error == pytest.approx(expected, abs=1e-12)


@given(samples)
@settings(max_examples=50, deadline=None)
def test_brier_equals_scikit_learn_with_sample_weights(counted):
    labels, scores, weights = counted
    expected = brier_score_loss(labels, scores, sample_weight=weights)
    assert brier_score(labels, scores, weights) == pytest.approx(expected, abs=1e-12)


@given(samples, st.integers(1, 11))
@settings(max_examples=100, deadline=None)
def test_brier_parts_add_up_to_scikit_learns_score(counted, bins):
    labels, scores, weights = counted
    parts = brier_decomposition(labels, scores, bins=bins, weights=weights)
    expected = brier_score_loss(labels, scores, sample_weight=weights)
    assert identity(parts) == pytest.approx(expected, abs=1e-12)
    assert parts.score == pytest.approx(expected, abs=1e-12)


@given(samples, st.integers(1, 11))
@settings(max_examples=100, deadline=None)
def test_brier_parts_equal_a_loop_over_cases_written_out(counted, bins):
    labels, scores, weights = counted
    parts = brier_decomposition(labels, scores, bins=bins, weights=weights)
    outcomes = np.repeat(labels, weights)
    found = [m for m in binned_in_a_loop(*written_out(*counted), bins) if len(m)]
    total = len(outcomes)
    shift = [m - m.mean(axis=0) for m in found]
    assert parts.reliability == pytest.approx(
        sum(len(m) * np.subtract(*m.mean(axis=0)) ** 2 for m in found) / total, abs=1e-12
    )
    assert parts.resolution == pytest.approx(
        sum(len(m) * (m[:, 1].mean() - outcomes.mean()) ** 2 for m in found) / total, abs=1e-12
    )
    assert parts.uncertainty == pytest.approx(outcomes.var(), abs=1e-12)
    assert parts.within_bin_variance == pytest.approx(
        sum((d[:, 0] ** 2).sum() for d in shift) / total, abs=1e-12
    )
    assert parts.within_bin_covariance == pytest.approx(
        2 * sum((d[:, 0] * d[:, 1]).sum() for d in shift) / total, abs=1e-12
    )


def test_error_by_chance_is_the_calibration_error_of_the_outcomes_drawn():
    scores = sample(40, levels=8)[1]
    uniforms = np.random.default_rng(0).random((20, 40))
    expected = [expected_calibration_error(row < scores, scores, bins=5) for row in uniforms]
    found = calibration_error_by_chance(scores, uniforms, bins=5)
    np.testing.assert_allclose(found, expected, atol=1e-12)


@given(st.lists(st.integers(0, 6), min_size=2, max_size=15), st.integers(1, 11))
@settings(max_examples=100, deadline=None)
def test_bins_hold_the_shares_of_the_reliability_curve(levels, bins):
    scores = np.array(levels) / 6
    share = np.bincount(equal_mass_bins(scores, bins), minlength=bins) / scores.size
    curve = reliability_curve(np.arange(scores.size) % 2, scores, bins=bins)
    np.testing.assert_allclose(share, curve.share, atol=1e-12)


@pytest.mark.parametrize(
    ("scores", "uniforms", "problem"),
    [
        ([0.1, 1.2], [[0.5, 0.5]], "not all probabilities"),
        ([0.1, np.nan], [[0.5, 0.5]], "NaN"),
        ([0.1, 0.2], [[0.5]], "beside scores"),
        ([0.1, 0.2], [0.5, 0.5], "beside scores"),
    ],
)
def test_bad_scores_or_numbers_are_an_error(scores, uniforms, problem):
    with pytest.raises(InputError, match=problem):
        calibration_error_by_chance(scores, uniforms)


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


def test_average_precision_of_equal_scores_is_the_prevalence():
    assert average_precision([1, 0, 0, 0], [0.3] * 4) == 0.25


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


@pytest.mark.parametrize("recall", [-0.1, 1.2, np.nan])
def test_a_recall_that_is_no_share_is_an_error(recall):
    with pytest.raises(InputError, match="outside 0 to 1"):
        precision_at_recall([0, 1], [0.1, 0.2], [0.5, recall])


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


LABELS, SCORES = [1, 0, 1, 0, 0], [0.9, 0.6, 0.4, 0.2, 0.1]


def test_net_benefit_of_five_cases():
    curve = net_benefit(LABELS, SCORES, [0.2, 0.5, 0.75])
    np.testing.assert_allclose(
        curve.net_benefit, [2 / 5 - 2 / 5 * 0.25, 1 / 5 - 1 / 5 * 1, 1 / 5 - 0]
    )
    np.testing.assert_allclose(curve.treat_all, [2 / 5 - 3 / 5 * t for t in (0.25, 1, 3)])


def test_a_score_at_the_threshold_is_called_positive():
    at, above = net_benefit(LABELS, SCORES, [0.6, 0.6 + 1e-9]).net_benefit
    assert at == pytest.approx(1 / 5 - 1 / 5 * 1.5)
    assert above == pytest.approx(1 / 5)


def test_treating_all_is_worth_nothing_at_the_prevalence():
    assert net_benefit(LABELS, SCORES, 0.4).treat_all == pytest.approx(0, abs=1e-15)


@given(samples, st.integers(0, 15).map(lambda k: k / 16))
@settings(max_examples=100, deadline=None)
def test_net_benefit_equals_counts_of_a_confusion_matrix(counted, threshold):
    labels, scores, weights = counted
    outcomes, sure = written_out(*counted)
    (_, false), (_, true) = confusion_matrix(outcomes, sure >= threshold, labels=[0, 1])
    expected = (true - false * threshold / (1 - threshold)) / len(outcomes)
    found = net_benefit(labels, scores, threshold, weights).net_benefit
    assert found == pytest.approx([expected], abs=1e-12)


@pytest.mark.parametrize("threshold", [-0.1, 1, 1.5, np.nan, [], [[0.2]]])
def test_a_threshold_outside_0_to_1_is_an_error(threshold):
    with pytest.raises(InputError, match="are not threshold probabilities"):
        net_benefit(LABELS, SCORES, threshold)
