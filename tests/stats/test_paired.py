import math

import numpy as np
import pytest

from rin.errors import InputError
from rin.stats import holm, paired_t, shapiro_wilk, unpaired_t_from_summary


def test_holm_equals_r_p_adjust_and_leaves_nan_out_of_the_family():
    # R: p.adjust(c(0.01, 0.04, NA, 0.03, 0.005), "holm")
    np.testing.assert_allclose(
        holm([0.01, 0.04, np.nan, 0.03, 0.005]), [0.03, 0.06, np.nan, 0.06, 0.02]
    )


def test_holm_of_nothing_is_empty():
    assert holm([]).size == 0


@pytest.mark.parametrize("p_value", [-0.1, 1.1])
def test_holm_outside_zero_and_one_raises_input_error(p_value):
    with pytest.raises(InputError, match="p_values"):
        holm([0.5, p_value])


def test_paired_t_of_equal_samples_finds_nothing():
    test = paired_t([1, 2, 3], [1, 2, 3])
    assert (test.t, test.p_value, test.ci_low, test.ci_high) == (0, 1, 0, 0)
    assert math.isnan(test.shapiro_w)


def test_paired_t_of_constant_shift_is_infinitely_sure_despite_rounding():
    a = np.array([0.1, 0.7, 0.3])
    assert np.ptp(a - (a + 0.2)) > 0
    test = paired_t(a, a + 0.2)
    assert (test.t, test.p_value) == (-math.inf, 0)


def test_paired_t_effect_size_is_mean_over_sd_of_differences():
    assert paired_t([3, 5, 10], [2, 3, 7]).cohen_dz == pytest.approx(2 / 1)


def test_paired_t_of_two_pairs_has_no_normality_test():
    test = paired_t([1, 4], [0, 1])
    assert test.df == 1
    assert math.isnan(test.shapiro_p)


@pytest.mark.parametrize(
    ("a", "b"),
    [([1, 2], [1, 2, 3]), ([1], [2]), ([], []), ([1, np.nan], [1, 2]), ([[1, 2]], [[1, 3]])],
)
def test_paired_t_of_bad_samples_raises_input_error(a, b):
    with pytest.raises(InputError):
        paired_t(a, b)


@pytest.mark.parametrize("sizes", [(1, 24), (24, 1)])
def test_summary_of_single_unit_raises_input_error(sizes):
    with pytest.raises(InputError, match="n_a"):
        unpaired_t_from_summary(0, 1, sizes[0], 0, 1, sizes[1])


def test_shapiro_of_two_values_raises_input_error():
    with pytest.raises(InputError, match="at least 3"):
        shapiro_wilk([1, 2])
