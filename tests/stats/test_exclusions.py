"""Equivalence, non-inferiority and published differences, against statsmodels, SciPy and Holm."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.weightstats import DescrStatsW

from rin.errors import InputError
from rin.stats import (
    equivalence_tests,
    paired_t,
    pairwise_differences,
    published_differences,
)

MEANS = {"breast": (0.004, 0.02), "covid19": (-0.03, 0.02), "thyroid": (0.01, 0.06)}
DRAWS = {
    task: np.random.default_rng(seed).normal(*of_task, 12)
    for seed, (task, of_task) in enumerate(MEANS.items(), 1)
}


def estimates():
    return pd.DataFrame(
        {"task": task, **paired_t(drawn, np.zeros(12)).to_row()} for task, drawn in DRAWS.items()
    )


def test_equivalence_of_every_task_equals_statsmodels():
    table = equivalence_tests(estimates(), [0.02, 0.05])
    assert table["margin"].tolist() == [0.02] * 3 + [0.05] * 3
    for row in table.itertuples():
        described = DescrStatsW(DRAWS[row.task])
        p_value, *_ = described.ttost_mean(-row.margin, row.margin)
        expected = p_value, *described.tconfint_mean(alpha=0.1)
        assert (row.p_value, row.ci_low, row.ci_high) == pytest.approx(expected)
    assert table["equivalent"].tolist() == [True, False, False, True, True, False]


def test_it_is_the_adjusted_p_that_decides():
    """Two P values of .04, each .08 once adjusted."""
    error = 0.02 / stats.norm.isf(0.04)
    rows = pd.DataFrame({"a": [*"xy"], "estimate": 0.0, "standard_error": error, "df": np.inf})
    table = equivalence_tests(rows, [0.02])
    assert table["a"].tolist() == [*"xy"]
    assert (table["p_value"] < 0.05).all()
    assert not table["equivalent"].any()


def test_a_published_difference_is_tested_as_the_mean_that_it_states():
    published = {"thyroid": 0.094, "breast": 0.02}
    table = published_differences(estimates(), published)
    assert table["task"].tolist() == ["breast", "thyroid"]
    for row in table.itertuples():
        expected = stats.ttest_1samp(DRAWS[row.task], published[row.task])
        ends = expected.confidence_interval(0.95)
        found = row.statistic, row.p_value, row.ci_low, row.ci_high
        assert found == pytest.approx((*expected, *ends))
        assert expected.pvalue < 0.05
        assert row.outside


def test_wider_intervals_hold_more_beside_published():
    table = estimates()
    half = stats.t.ppf(0.995, 11) * table["standard_error"]
    published = dict(zip(table["task"], table["estimate"] + 0.99 * half, strict=True))
    assert published_differences(table, published)["outside"].all()
    assert not published_differences(table, published, level=0.99)["outside"].any()


def test_what_has_no_standard_error_excludes_nothing():
    rows = pd.DataFrame({"task": ["x"], "estimate": 0.0, "standard_error": np.nan, "df": np.nan})
    assert not equivalence_tests(rows)["equivalent"].any()
    (row,) = published_differences(rows, {"x": 0.5}).itertuples()
    assert not row.outside
    assert math.isnan(row.p_holm)


@pytest.mark.parametrize(
    ("test", "said"),
    [
        (lambda: equivalence_tests(estimates(), [0.0]), "margin: 0.0"),
        (lambda: equivalence_tests(estimates().drop(columns="df")), "df"),
        (lambda: equivalence_tests(estimates().iloc[:0]), "^table: no row"),
        (lambda: equivalence_tests(estimates(), []), "^table: no row or margin"),
        (lambda: pairwise_differences(estimates(), ["a"]), "inits: .'a'.. Name two"),
        (lambda: published_differences(estimates().drop(columns="task"), {}), "'task'.* missing"),
        (lambda: published_differences(estimates(), {"brest": 0.1}), "brest"),
    ],
)
def test_what_cannot_be_tested_is_one_clear_error(test, said):
    with pytest.raises(InputError, match=said):
        test()
