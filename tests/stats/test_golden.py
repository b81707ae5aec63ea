"""Parity with R: `tests/golden/make_golden.R` made the values."""

import json
import os
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from made_predictions import golden

from rin.stats import auc_ci, delong_covariance, delong_test, paired_t
from rin.stats.hypothesis import unpaired_t_from_summary

GOLDEN = golden("proc_golden")


def numbers(*values):
    """Turn R's "Inf", "NaN" and "NA" into floats."""
    flat = np.concatenate([np.atleast_1d(np.array(value, dtype=object)) for value in values])
    return np.array([np.nan if value == "NA" else float(value) for value in flat])


def assert_same(ours, *expected, atol=1e-10):
    np.testing.assert_allclose(np.array(ours, float), numbers(*expected), rtol=1e-10, atol=atol)


def check_paired(case):
    labels, a, b = case["labels"], case["pred1"], case["pred2"]
    test, first, second = delong_test(labels, a, b), auc_ci(labels, a), auc_ci(labels, b)
    _, covariance = delong_covariance(labels, [a, b])
    ours = [test.auc_a, test.auc_b, test.statistic, test.p_value, test.ci_low, test.ci_high]
    ours += [*covariance[[0, 1, 0], [0, 1, 1]], first.ci_low, first.ci_high]
    names = ["auc1", "auc2", "Z", "p", "diff_ci", "var1", "var2", "cov"]
    expected = [*map(case.get, names), case["ci1"][::2], case["ci2"][::2]]
    assert_same([*ours, second.ci_low, second.ci_high], *expected)


def check_t(case):
    test = paired_t(case["x"], case["y"])
    ours = [test.estimate, test.statistic, test.df, test.p_value, test.ci_low, test.ci_high]
    assert_same(ours, *map(case.get, ["mean_diff", "t", "df", "p", "ci"]))


def check_pooled(case):
    of_both = [f(case[name]) for name in "xy" for f in (np.mean, partial(np.std, ddof=1), len)]
    pooled = unpaired_t_from_summary(*of_both)
    ours = [pooled.statistic, pooled.df, pooled.p_value, pooled.ci_low, pooled.ci_high]
    assert_same(ours, *map(case["pooled"].get, ["t", "df", "p", "ci"]))


def cases_of(made):
    yield from ((check_paired, case) for case in (*made["paired"], *made["edge"].values()))
    yield from ((check_t, case) for case in made["stats"])


POOLED = [(check_pooled, case) for case in GOLDEN["stats"]]


@pytest.mark.parametrize(("check", "case"), [*cases_of(GOLDEN), *POOLED])
def test_every_golden_case_equals_r_without_a_warning(check, case):
    with warnings.catch_warnings(action="error"):
        check(case)


def test_asah_equals_documented_proc_values():
    case = GOLDEN["aSAH"]
    test = delong_test(case["labels"], case["wfns"], case["s100b"])
    documented = [2.20898359144091, 0.0271757822291882, 0.0104061769564846, 0.174214419249478]
    assert_same([test.statistic, test.p_value, test.ci_low, test.ci_high], documented)
    _, covariance = delong_covariance(case["labels"], [case["wfns"], case["s100b"], case["ndka"]])
    assert_same(covariance.ravel(), np.ravel(case["covariance"]))


@pytest.mark.real_data
def test_every_case_of_the_full_golden_file_equals_r():
    path = Path(os.environ.get("DATA_ROOT", "")) / "proc_golden.json"
    if "DATA_ROOT" not in os.environ or not path.exists():
        pytest.skip("DATA_ROOT holds no proc_golden.json")
    full = json.loads(path.read_text())
    assert full["meta"]["direction"] == "<"
    assert min(len(full[part]) for part in ("paired", "edge", "stats")) > 0
    for check, case in cases_of(full):
        check(case)
