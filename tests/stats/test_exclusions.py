"""Equivalence, non-inferiority and published differences, against statsmodels, SciPy and Holm."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import DescrStatsW

from rin.errors import InputError
from rin.stats import (
    against_published,
    equivalence_tests,
    paired_t,
)

DRAWS = {
    "breast": np.random.default_rng(1).normal(0.004, 0.02, 12),
    "covid19": np.random.default_rng(2).normal(-0.03, 0.02, 12),
    "thyroid": np.random.default_rng(3).normal(0.01, 0.06, 12),
}


def estimates():
    tests = {task: paired_t(drawn, np.zeros(12)).to_row() for task, drawn in DRAWS.items()}
    return pd.DataFrame(tests).T.rename_axis("task").reset_index()


def test_equivalence_of_every_task_equals_statsmodels_and_is_adjusted_for_each_margin():
    table = equivalence_tests(estimates(), [0.02, 0.05])
    assert table["margin"].tolist() == [0.02] * 3 + [0.05] * 3
    for row in table.itertuples():
        described = DescrStatsW(DRAWS[row.task])
        assert row.p_value == pytest.approx(described.ttost_mean(-row.margin, row.margin)[0])
        assert (row.ci_low, row.ci_high) == pytest.approx(described.tconfint_mean(alpha=0.1))
        assert (row.p_value < 0.05) == (max(-row.ci_low, row.ci_high) < row.margin)
    for _, family in table.groupby("margin"):
        reject, adjusted, *_ = multipletests(family["p_value"], method="holm")
        assert family["p_holm"].to_numpy() == pytest.approx(adjusted)
        assert family["equivalent"].tolist() == reject.tolist()
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
    table = against_published(estimates(), published)
    assert table["task"].tolist() == ["breast", "thyroid"]
    for row in table.itertuples():
        expected = stats.ttest_1samp(DRAWS[row.task], published[row.task])
        assert (row.statistic, row.p_value) == pytest.approx(tuple(expected))
        assert row.outside == (expected.pvalue < 0.05)
        low, high = expected.confidence_interval(0.95)
        assert (row.ci_low, row.ci_high) == pytest.approx((low, high))
    assert table["outside"].tolist() == [True, True]
    _, adjusted, *_ = multipletests(table["p_value"], method="holm")
    assert table["p_holm"].to_numpy() == pytest.approx(adjusted)


def test_wider_intervals_hold_more_beside_published():
    table = estimates()
    half = stats.t.ppf(0.995, 11) * table["standard_error"]
    published = dict(zip(table["task"], table["estimate"] + 0.99 * half, strict=True))
    assert against_published(table, published)["outside"].all()
    assert not against_published(table, published, level=0.99)["outside"].any()


def test_what_has_no_standard_error_excludes_nothing():
    rows = pd.DataFrame({"task": ["x"], "estimate": 0.0, "standard_error": np.nan, "df": np.nan})
    assert not equivalence_tests(rows)["equivalent"].any()
    (row,) = against_published(rows, {"x": 0.5}).itertuples()
    assert not row.outside
    assert math.isnan(row.p_holm)


@pytest.mark.parametrize(
    ("test", "said"),
    [
        (lambda: equivalence_tests(estimates(), [0.0]), "margin: 0.0"),
        (lambda: equivalence_tests(estimates().drop(columns="df")), "df"),
        (lambda: equivalence_tests(estimates().iloc[:0]), "^table: no row"),
        (lambda: against_published(estimates().drop(columns="task"), {}), "'task'.* missing"),
        (lambda: against_published(estimates(), {"brest": 0.1}), "brest"),
    ],
)
def test_what_cannot_be_tested_is_one_clear_error(test, said):
    with pytest.raises(InputError, match=said):
        test()
