"""Parity with R: `tests/golden/make_golden.R` made the values."""

import json
import os
from dataclasses import astuple
from pathlib import Path

import numpy as np
import pytest

from rin.stats import (
    auc_ci,
    delong_covariance,
    delong_test,
    delong_test_unpaired,
    paired_t,
    shapiro_wilk,
    unpaired_t,
)

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "proc_golden.json").read_text())


PAIRED = GOLDEN["paired"] + list(GOLDEN["edge"].values())


def numbers(*values):
    """Turn R's "Inf", "NaN" and "NA" into floats."""
    flat = np.concatenate([np.atleast_1d(np.array(value, dtype=object)) for value in values])
    return np.array([np.nan if value == "NA" else float(value) for value in flat])


def assert_same(ours, *golden, atol=1e-10):
    np.testing.assert_allclose(np.array(ours, float), numbers(*golden), rtol=1e-10, atol=atol)


def check_paired(case):
    labels, a, b = case["labels"], case["pred1"], case["pred2"]
    test = delong_test(labels, a, b)
    assert_same([test.auc_a, test.auc_b], case["auc1"], case["auc2"])
    assert_same([test.z, test.p_value], case["Z"], case["p"])
    assert_same([test.ci_low, test.ci_high], case["diff_ci"])
    _, covariance = delong_covariance(labels, [a, b])
    assert_same(covariance[[0, 1, 0], [0, 1, 1]], case["var1"], case["var2"], case["cov"])
    for scores, interval in ((a, case["ci1"]), (b, case["ci2"])):
        ours = auc_ci(labels, scores)
        assert_same([ours.ci_low, ours.ci_high], interval[0], interval[2])


def check_logit(case):
    for scores, expected in ((case["pred1"], "ci1_logit"), (case["pred2"], "ci2_logit")):
        ours = auc_ci(case["labels"], scores, scale="logit")
        assert_same([ours.ci_low, ours.ci_high], case[expected])


def check_unpaired(case):
    test = delong_test_unpaired(case["labels1"], case["pred1"], case["labels2"], case["pred2"])
    assert_same([test.auc_a, test.auc_b], case["auc1"], case["auc2"])
    assert_same([test.variance], numbers(case["var1"]) + numbers(case["var2"]))
    assert_same([test.d, test.df, test.p_value], case["D"], case["df"], case["p"])


def check_t(case):
    test = paired_t(case["x"], case["y"])
    ours = [test.mean_difference, test.t, test.df, test.p_value, test.ci_low, test.ci_high]
    assert_same(ours, case["mean_diff"], case["t"], case["df"], case["p"], case["ci"])
    for values, expected in ((case["x"], case["shapiro_x"]), (case["y"], case["shapiro_y"])):
        assert_same(shapiro_wilk(values), expected["W"], expected["p"], atol=1e-6)


@pytest.mark.parametrize("case", PAIRED, ids=lambda case: f"{case['kind']}-{case['n']}")
def test_paired_case_equals_proc(case):
    check_paired(case)


@pytest.mark.parametrize("case", PAIRED, ids=lambda case: f"{case['kind']}-{case['n']}")
def test_logit_interval_equals_r(case):
    check_logit(case)


@pytest.mark.parametrize("case", GOLDEN["unpaired"], ids=lambda case: str(case["seed"]))
def test_unpaired_case_equals_proc(case):
    check_unpaired(case)


@pytest.mark.parametrize("kind", GOLDEN["unpaired_edge"])
def test_unpaired_case_without_a_variance_equals_proc(kind):
    check_unpaired(GOLDEN["unpaired_edge"][kind])


@pytest.mark.parametrize("case", GOLDEN["stats"], ids=lambda case: str(len(case["x"])))
def test_paired_t_and_shapiro_equal_r(case):
    check_t(case)


@pytest.mark.parametrize("case", GOLDEN["stats"], ids=lambda case: str(len(case["x"])))
def test_shapiro_of_differences_equals_r(case):
    test, expected = paired_t(case["x"], case["y"]), case["shapiro_diff"]
    assert_same([test.shapiro_w, test.shapiro_p], expected["W"], expected["p"], atol=1e-6)


@pytest.mark.parametrize("case", GOLDEN["stats"], ids=lambda case: str(len(case["x"])))
def test_pooled_t_equals_r(case):
    expected = case["pooled"]
    ours = astuple(unpaired_t(case["x"], case["y"]))[1:6]
    assert_same(ours, expected["t"], expected["df"], expected["p"], expected["ci"])


def test_asah_wfns_against_s100b_equals_documented_proc_values():
    case = GOLDEN["aSAH"]
    test = delong_test(case["labels"], case["wfns"], case["s100b"])
    assert test.z == pytest.approx(2.20898359144091, abs=1e-10)
    assert test.p_value == pytest.approx(0.0271757822291882, abs=1e-10)
    assert_same([test.ci_low, test.ci_high], [0.0104061769564846, 0.174214419249478])


def test_asah_ndka_against_s100b_equals_documented_proc_values():
    case = GOLDEN["aSAH"]
    test = delong_test(case["labels"], case["ndka"], case["s100b"])
    assert test.z == pytest.approx(-1.39077002573558, abs=1e-10)
    assert test.p_value == pytest.approx(0.164295175223054, abs=1e-10)


def test_asah_covariance_of_three_predictors_equals_proc():
    case = GOLDEN["aSAH"]
    rows = [case["wfns"], case["s100b"], case["ndka"]]
    assert_same(delong_covariance(case["labels"], rows)[1].ravel(), *case["covariance"])


@pytest.mark.real_data
def test_every_case_of_the_full_golden_file_equals_r():
    path = Path(os.environ.get("DATA_ROOT", "")) / "proc_golden.json"
    if "DATA_ROOT" not in os.environ or not path.exists():
        pytest.skip("DATA_ROOT holds no proc_golden.json")
    full = json.loads(path.read_text())
    assert full["meta"]["direction"] == "<"
    assert min(len(full[part]) for part in ("paired", "edge", "unpaired", "stats")) > 0
    for case in full["paired"] + list(full["edge"].values()):
        check_paired(case)
    for case in full["unpaired"]:
        check_unpaired(case)
    for case in full["stats"]:
        check_t(case)
