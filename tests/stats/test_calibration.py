import numpy as np
import pytest
from counted_cases import replicates, sample, samples, written_out
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from rin.errors import InputError
from rin.stats.calibration import (
    brier_decomposition,
    brier_score,
    expected_calibration_error,
    reliability_curve,
)


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


def test_reliability_of_four_cases_in_two_bins():
    curve = reliability_curve([0, 1, 1, 1], [0.1, 0.3, 0.6, 0.8], bins=2)
    np.testing.assert_allclose(curve.score, [0.2, 0.7])
    np.testing.assert_allclose(curve.observed, [0.5, 1])
    np.testing.assert_allclose(curve.share, [0.5, 0.5])


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


def test_reliability_with_rows_of_weights_has_one_row_each():
    labels, scores = sample(30, levels=6)
    weights = replicates(30)
    curves = reliability_curve(labels, scores, bins=4, weights=weights)
    assert curves.score.shape == curves.observed.shape == curves.share.shape == (7, 4)
    second = reliability_curve(labels, scores, bins=4, weights=weights[1])
    np.testing.assert_allclose(curves.observed[1], second.observed)


@pytest.mark.parametrize("bins", [0, -1, 2.5, True, "ten"])
def test_a_number_of_bins_that_is_not_whole_and_positive_is_an_error(bins):
    with pytest.raises(InputError, match="bins"):
        expected_calibration_error([0, 1], [0.2, 0.7], bins=bins)


def test_ece_of_four_cases_in_two_bins():
    error = expected_calibration_error([0, 1, 1, 1], [0.1, 0.3, 0.6, 0.8], bins=2)
    assert error == pytest.approx(0.5 * 0.3 + 0.5 * 0.3)


def test_ece_weighs_bins_by_their_share():
    error = expected_calibration_error([0, 0, 1, 0, 1], [0.2, 0.5, 0.5, 0.5, 0.9], bins=5)
    assert error == pytest.approx(0.2 * 0.2 + 0.6 * (0.5 - 1 / 3) + 0.2 * 0.1)


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


@pytest.mark.parametrize(("labels", "error"), [([0, 0, 1, 1], 0), ([1, 1, 0, 0], 1)])
def test_ece_and_brier_of_sure_scores_are_0_if_right_and_1_if_wrong(labels, error):
    assert expected_calibration_error(labels, [0, 0, 1, 1], bins=2) == error
    assert brier_score(labels, [0, 0, 1, 1]) == error


def test_brier_of_three_cases():
    assert brier_score([1, 0, 0], [0.7, 0.2, 0.6]) == pytest.approx((0.09 + 0.04 + 0.36) / 3)


@given(samples)
@settings(max_examples=50, deadline=None)
def test_brier_equals_scikit_learn_with_sample_weights(counted):
    labels, scores, weights = counted
    expected = brier_score_loss(labels, scores, sample_weight=weights)
    assert brier_score(labels, scores, weights) == pytest.approx(expected, abs=1e-12)


def test_brier_parts_of_four_cases_in_two_bins():
    parts = brier_decomposition([0, 1, 1, 1], [0.1, 0.3, 0.6, 0.8], bins=2)
    assert parts.score == pytest.approx((0.01 + 0.49 + 0.16 + 0.04) / 4)
    assert parts.reliability == pytest.approx(0.09)
    assert parts.resolution == pytest.approx(0.0625)
    assert parts.uncertainty == pytest.approx(0.1875)
    assert parts.within_bin_variance == pytest.approx(0.01)
    assert parts.within_bin_covariance == pytest.approx(2 * (0.05 + 0.05) / 4)


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


def test_brier_remainder_is_0_if_each_bin_holds_one_score():
    parts = brier_decomposition([0, 1, 1, 1], [0.25, 0.25, 0.75, 0.75], bins=2)
    assert parts.within_bin_variance == pytest.approx(0, abs=1e-15)
    assert parts.within_bin_covariance == pytest.approx(0, abs=1e-15)


def test_brier_of_equal_scores_has_no_resolution():
    parts = brier_decomposition([0, 1, 1, 1], [0.5] * 4)
    assert parts.resolution == pytest.approx(0, abs=1e-15)
    assert parts.reliability == pytest.approx(0.0625)


def test_brier_parts_with_rows_of_weights_are_arrays():
    labels, scores = sample(30)
    parts = brier_decomposition(labels, scores, weights=replicates(30))
    assert parts.resolution.shape == (7,)
    np.testing.assert_allclose(identity(parts), parts.score)
