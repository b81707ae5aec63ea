import math

import numpy as np
import pytest
from scipy import stats

from rin.errors import InputError
from rin.stats.effects import effect_sizes
from rin.stats.paired import paired_t

A = np.array([0.85, 0.91, 0.78, 0.88, 0.94])
B = np.array([0.80, 0.92, 0.70, 0.85, 0.80])


def test_cohen_d_is_the_difference_over_the_pooled_sd():
    pooled = math.sqrt((A.var(ddof=1) + B.var(ddof=1)) / 2)
    assert effect_sizes(A, B).cohen_d == pytest.approx((A.mean() - B.mean()) / pooled)


def test_hedges_g_shrinks_d_by_the_small_sample_factor():
    found = effect_sizes(A, B)
    assert found.hedges_g == pytest.approx(found.cohen_d * (1 - 3 / (4 * 10 - 9)))


def test_cohen_dz_is_that_of_the_paired_t_test_with_its_interval():
    found, dz, n = effect_sizes(A, B, level=0.9), paired_t(A, B).cohen_dz, 5
    assert (found.n, found.cohen_dz) == (5, pytest.approx(dz))
    error = math.sqrt(1 / n + dz**2 / (2 * n))
    low, high = stats.t.interval(0.9, n - 1, dz, error)
    assert (found.dz_low, found.dz_high) == pytest.approx((low, high))


def test_common_language_effect_counts_all_pairs_and_share_ahead_the_true_ones():
    found = effect_sizes([3, 5, 2], [2, 5, 4])
    assert found.cles == pytest.approx((1 + (2 + 0.5) + 0.5) / 9)
    assert found.share_ahead == pytest.approx((1 + 0.5 + 0) / 3)


def test_effect_sizes_swapped_change_sign_or_side():
    forth, back = effect_sizes(A, B), effect_sizes(B, A)
    assert (forth.cohen_d, forth.cohen_dz) == pytest.approx((-back.cohen_d, -back.cohen_dz))
    assert (forth.cles, forth.share_ahead) == pytest.approx((1 - back.cles, 1 - back.share_ahead))
    assert forth.cohen_d > 0


def test_effect_sizes_of_a_constant_shift_have_infinite_dz_without_interval():
    found = effect_sizes(A, A - 0.1)
    assert found.cohen_dz == math.inf
    assert math.isnan(found.dz_low) and math.isnan(found.dz_high)
    assert math.isfinite(found.cohen_d)
    assert effect_sizes(A - 0.1, A).cohen_dz == -math.inf


def test_effect_sizes_of_equal_samples_are_zero_and_one_half():
    found = effect_sizes(A, A)
    assert (found.cohen_d, found.hedges_g, found.cohen_dz) == (0, 0, 0)
    assert (found.cles, found.share_ahead) == (0.5, 0.5)


def test_effect_sizes_of_two_constants_are_infinite():
    found = effect_sizes([2, 2, 2], [1, 1, 1])
    assert (found.cohen_d, found.hedges_g, found.cohen_dz) == (math.inf, math.inf, math.inf)
    assert (found.cles, found.share_ahead) == (1, 1)


def test_effect_sizes_of_equal_constants_are_zero_and_one_half():
    found = effect_sizes([2, 2, 2], [2, 2, 2])
    assert (found.cohen_d, found.hedges_g, found.cohen_dz) == (0, 0, 0)
    assert (found.cles, found.share_ahead) == (0.5, 0.5)


@pytest.mark.parametrize(
    ("a", "b"), [([1], [2]), ([1, 2], [1, 2, 3]), ([1, math.nan], [1, 2]), ([], [])]
)
def test_effect_sizes_of_bad_samples_raise_input_error(a, b):
    with pytest.raises(InputError):
        effect_sizes(a, b)


def test_effect_sizes_at_a_level_of_one_raise_input_error():
    with pytest.raises(InputError, match="level"):
        effect_sizes(A, B, level=1)
