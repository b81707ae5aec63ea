"""Tests of a few values beside those of pingouin, which the pages show next to ours."""

import numpy as np
import pandas as pd
import pingouin
import pytest
from scipy import stats

from rin.stats import holm, paired_t
from rin.stats.hypothesis import equivalence_p, unpaired_t_from_summary

RNG = np.random.default_rng(5)
DICE_A = RNG.beta(4, 6, 40)
DICE_B = np.clip(DICE_A - 0.03 + RNG.normal(0, 0.1, 40), 0, 1)


def unpaired_t(a, b):
    return unpaired_t_from_summary(
        a.mean(), a.std(ddof=1), a.size, b.mean(), b.std(ddof=1), b.size
    )


@pytest.mark.parametrize(("paired", "ours"), [(True, paired_t), (False, unpaired_t)])
def test_t_tests_are_those_of_pingouin(paired, ours):
    theirs = pingouin.ttest(DICE_A, DICE_B, paired=paired, correction=False).iloc[0]
    test = ours(DICE_A, DICE_B)
    assert test.statistic == pytest.approx(theirs["T"], rel=1e-12)
    assert test.df == theirs["dof"]
    assert test.p_value == pytest.approx(theirs["p_val"], rel=1e-12)
    # pingouin rounds its interval to two decimals.
    low, high = theirs["CI95"]
    assert (test.ci_low, test.ci_high) == pytest.approx((low, high), abs=0.0051)


def test_effect_size_is_that_of_the_t_test():
    differences = DICE_A - DICE_B
    theirs = pingouin.compute_effsize(differences, 0.0, eftype="cohen")
    test = paired_t(DICE_A, DICE_B)
    assert test.statistic / np.sqrt(differences.size) == pytest.approx(theirs, rel=1e-12)


@pytest.mark.parametrize("margin", [0.02, 0.05, 0.1])
def test_equivalence_is_pingouins_two_one_sided_tests(margin):
    theirs = pingouin.tost(DICE_A, DICE_B, bound=margin, paired=True).iloc[0]
    test = paired_t(DICE_A, DICE_B)
    ours = equivalence_p(test.estimate, test.standard_error, test.df, margin)
    assert ours == pytest.approx(theirs["pval"], rel=1e-12)


def test_holm_is_pingouins_and_leaves_out_what_was_not_tested():
    p_values = np.array([0.030, np.nan, 0.012, 0.028, 0.400, 0.012])
    tested = ~np.isnan(p_values)
    _, theirs = pingouin.multicomp(p_values[tested], method="holm")
    ours = holm(p_values)
    np.testing.assert_allclose(ours[tested], theirs, rtol=1e-14)
    assert np.isnan(ours[~tested]).all()


def test_normality_of_pingouin_is_shapiros_test_of_the_differences():
    differences = pd.Series(DICE_A - DICE_B)
    theirs = pingouin.normality(differences).iloc[0]
    ours = stats.shapiro(differences)
    assert (theirs["W"], theirs["pval"]) == pytest.approx((ours.statistic, ours.pvalue))
