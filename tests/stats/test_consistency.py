import numpy as np
import pytest
from counted_cases import sample
from hypothesis import given, settings
from hypothesis import strategies as st

from rin.errors import InputError
from rin.stats.calibration import expected_calibration_error, reliability_curve
from rin.stats.consistency import calibration_error_by_chance, equal_mass_bins


def test_error_by_chance_of_two_cases_in_two_bins():
    errors = calibration_error_by_chance([0.2, 0.7], [[0.1, 0.8], [0.3, 0.6]], bins=2)
    np.testing.assert_allclose(errors, [(0.8 + 0.7) / 2, (0.2 + 0.3) / 2])


def test_error_by_chance_is_the_calibration_error_of_the_outcomes_drawn():
    scores = sample(40, levels=8)[1]
    uniforms = np.random.default_rng(0).random((20, 40))
    expected = [expected_calibration_error(row < scores, scores, bins=5) for row in uniforms]
    found = calibration_error_by_chance(scores, uniforms, bins=5)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_error_by_chance_of_sure_scores_is_0():
    uniforms = np.random.default_rng(0).random((5, 4))
    assert calibration_error_by_chance([0, 0, 1, 1], uniforms).tolist() == [0] * 5


def test_error_by_chance_is_larger_if_patients_share_their_number():
    rng = np.random.default_rng(0)
    scores = np.full(60, 0.4)
    apart = calibration_error_by_chance(scores, rng.random((300, 60)), bins=1).mean()
    shared = np.repeat(rng.random((300, 10)), 6, axis=1)
    assert calibration_error_by_chance(scores, shared, bins=1).mean() > 1.8 * apart


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


def test_no_bin_is_an_error():
    with pytest.raises(InputError, match="0 bins"):
        calibration_error_by_chance([0.2, 0.4], [[0.1, 0.2]], bins=0)
