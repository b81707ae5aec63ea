import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rin.errors import InputError
from rin.stats.folds import nadeau_bengio, split_ratio

DIFFERENCES = [0.02, 0.05, -0.01, 0.04, 0.03]


def nadeau_bengio_by_hand(differences, n_test, n_train):
    """Oracle: the corrected resampled t statistic, term by term as the paper writes it."""
    j = len(differences)
    mean = sum(differences) / j
    variance = sum((d - mean) ** 2 for d in differences) / (j - 1)
    return mean / math.sqrt((1 / j + n_test / n_train) * variance)


def test_nadeau_bengio_equals_the_papers_formula():
    test = nadeau_bengio(DIFFERENCES, 20 / 80)
    t = nadeau_bengio_by_hand(DIFFERENCES, 20, 80)
    assert test.mean_difference == pytest.approx(0.026)
    assert (test.t, test.df) == (pytest.approx(t, rel=1e-12), 4)
    assert test.p_value == pytest.approx(2 * stats.t.sf(t, 4))
    assert (test.ci_low, test.ci_high) == pytest.approx(stats.t.interval(0.95, 4, 0.026, 0.026 / t))


def test_nadeau_bengio_with_ratio_zero_is_the_plain_t_test_over_folds():
    test, plain = nadeau_bengio(DIFFERENCES, 0, level=0.9), stats.ttest_1samp(DIFFERENCES, 0)
    assert (test.t, test.p_value) == pytest.approx((plain.statistic, plain.pvalue))
    interval = plain.confidence_interval(0.9)
    assert (test.ci_low, test.ci_high) == pytest.approx((interval.low, interval.high))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(-40, 40), min_size=2, max_size=8, unique=True), st.floats(0.01, 2))
def test_nadeau_bengio_is_never_surer_than_the_plain_test_and_keeps_its_estimate(points, ratio):
    differences = np.array(points) / 100
    corrected, plain = nadeau_bengio(differences, ratio), nadeau_bengio(differences, 0)
    assert corrected.mean_difference == plain.mean_difference
    assert corrected.ci_high - corrected.ci_low > plain.ci_high - plain.ci_low
    assert corrected.p_value >= plain.p_value


def test_nadeau_bengio_of_equal_differences_is_infinitely_sure_despite_rounding():
    differences = np.array([0.3, 0.4, 0.5]) - np.array([0.1, 0.2, 0.3])
    assert np.ptp(differences) > 0
    test = nadeau_bengio(differences, 0.25)
    assert (test.t, test.p_value) == (math.inf, 0)


def test_nadeau_bengio_without_any_difference_finds_nothing():
    test = nadeau_bengio([0, 0, 0], 0.25)
    assert (test.t, test.p_value, test.ci_low, test.ci_high) == (0, 1, 0, 0)


@pytest.mark.parametrize(
    ("differences", "ratio", "message"),
    [
        ([0.1], 0.25, "at least 2"),
        ([], 0.25, "at least 2"),
        ([0.1, math.nan], 0.25, "1 finite"),
        ([0.1, 0.2], -0.1, "test_train_ratio"),
        ([0.1, 0.2], math.nan, "test_train_ratio"),
        ([0.1, 0.2], math.inf, "test_train_ratio"),
    ],
)
def test_nadeau_bengio_of_bad_input_raises_input_error(differences, ratio, message):
    with pytest.raises(InputError, match=message):
        nadeau_bengio(differences, ratio)


def splits(counts):
    rows = [
        {"case_id": f"{fold}-{part}-{k}", "fold": fold, "part": part}
        for (fold, part), n in counts.items()
        for k in range(n)
    ]
    return pd.DataFrame(rows, columns=["case_id", "fold", "part"])


def test_split_ratio_is_tested_over_trained_on_averaged_over_folds():
    table = splits(
        {(0, "train"): 8, (0, "validation"): 3, (0, "test"): 2, (1, "train"): 6, (1, "test"): 3}
    )
    assert split_ratio(table) == pytest.approx((2 / 8 + 3 / 6) / 2)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (splits({(0, "train"): 8, (0, "test"): 2, (1, "test"): 3}), r"folds \[1\] lack"),
        (splits({(0, "train"): 8}), r"folds \[0\] lack"),
        (splits({}), "lack"),
        (splits({(0, "train"): 1}).drop(columns="part"), r"\['part'\] are missing"),
    ],
)
def test_split_ratio_of_unfit_splits_raises_input_error(table, message):
    with pytest.raises(InputError, match=message):
        split_ratio(table)
