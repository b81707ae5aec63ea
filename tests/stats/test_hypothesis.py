"""Tests of a few values, against statsmodels, R (golden values of lme4, lmerTest) and by hand."""

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.weightstats import ttost_paired

from rin.errors import InputError
from rin.stats.hypothesis import (
    change_between,
    clustered_t,
    equivalence_p,
    holm,
    mixed_model,
    nadeau_bengio,
    paired_t,
    reml,
    smallest_permutation_p,
    unpaired_t_from_summary,
)
from rin.stats.synthesis import random_effects

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "mixed_golden.json").read_text())
MISSING = {"p": [0.01, 0.04, np.nan, 0.03, 0.005], "adjusted": [0.03, 0.06, np.nan, 0.06, 0.02]}


@pytest.mark.parametrize("family", [*GOLDEN["holm"], MISSING], ids=lambda one: str(len(one["p"])))
def test_holm_equals_r_p_adjust_and_leaves_nan_out_of_the_family(family):
    np.testing.assert_allclose(holm(family["p"]), family["adjusted"], rtol=1e-12)


@pytest.mark.parametrize("p", [-0.1, 1.1])
def test_holm_refuses_what_is_no_p_value(p):
    with pytest.raises(InputError, match="p_values"):
        holm([0.5, p])


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ([1, 2], [1, 2, 3], "2 values beside 3"),
        ([1], [1], "at least 2"),
        ([], [1, 2], "at least 2"),
        ([1, np.nan], [1, 2], "not finite"),
        ([[1, 2]], [[1, 2]], "at least 2"),
    ],
)
def test_paired_t_refuses_what_is_not_paired(a, b, message):
    with pytest.raises(InputError, match=message):
        paired_t(a, b)


@pytest.mark.parametrize(("n_a", "n_b"), [(24, 24), (4, 30), (30, 4)])
def test_unpaired_t_from_summary_equals_scipy_for_groups_of_unequal_size_and_spread(n_a, n_b):
    found = unpaired_t_from_summary(0.82, 0.09, n_a, 0.78, 0.02, n_b)
    expected = stats.ttest_ind_from_stats(0.82, 0.09, n_a, 0.78, 0.02, n_b, equal_var=True)
    assert (found.statistic, found.p_value) == pytest.approx(tuple(expected))
    assert found.df == n_a + n_b - 2
    low, high = stats.t.interval(0.95, found.df, found.estimate, found.standard_error)
    assert (found.ci_low, found.ci_high) == pytest.approx((low, high))


@pytest.mark.parametrize(("n_a", "n_b"), [(8, 8), (5, 40)])
def test_change_between_independent_estimates_equals_welch(n_a, n_b):
    rng = np.random.default_rng(5)
    a, b = rng.normal(1, 3, n_a), rng.normal(0, 1, n_b)
    one, other = (paired_t(drawn, np.zeros(len(drawn))).to_row() for drawn in (a, b))
    found, expected = change_between(one, other, level=0.9), stats.ttest_ind(a, b, equal_var=False)
    assert (found.statistic, found.p_value) == pytest.approx(tuple(expected))
    interval = expected.confidence_interval(0.9)
    assert (found.ci_low, found.ci_high) == pytest.approx(tuple(interval))


def test_change_between_z_tests_is_a_two_sided_z_test_of_the_sum_of_variances():
    first = {"estimate": 0.03, "standard_error": 0.03, "df": math.inf}
    second = {"estimate": 0.08, "standard_error": 0.04, "df": math.inf}
    found = change_between(first, second)
    assert (found.estimate, found.standard_error) == pytest.approx((-0.05, 0.05))
    assert found.p_value == pytest.approx(2 * stats.norm.cdf(-1))
    assert (found.ci_low, found.ci_high) == pytest.approx(stats.norm.interval(0.95, -0.05, 0.05))


@pytest.mark.parametrize(("n_a", "n_b"), [(5, 5), (3, 4), (1, 2)])
def test_smallest_permutation_p_is_that_of_groups_that_do_not_overlap(n_a, n_b):
    """Brute force: of all ways to divide the values, how many are as far apart as can be."""
    values = np.arange(n_a + n_b)
    far = values[:n_a].mean() - values[n_a:].mean()
    divisions = [
        np.delete(values, list(chosen)).mean() - values[list(chosen)].mean()
        for chosen in itertools.combinations(range(n_a + n_b), n_a)
    ]
    as_far = np.mean(-np.array(divisions) <= far + 1e-12)
    assert smallest_permutation_p(n_a, n_b) == pytest.approx(2 * as_far)


@pytest.mark.parametrize("ratio", [-0.1, math.nan, math.inf])
def test_nadeau_bengio_refuses_what_is_no_ratio(ratio):
    with pytest.raises(InputError, match="_ratio"):
        nadeau_bengio([0, 1], ratio)


@pytest.mark.parametrize(("shift", "t", "p_value"), [(0.0, 0, 1), (0.2, -math.inf, 0)])
def test_paired_t_of_constant_shift_is_sure_despite_rounding(shift, t, p_value):
    a = np.array([0.1, 0.7, 0.3])
    test = paired_t(a, a + shift)
    assert (test.statistic, test.p_value) == (t, p_value)


A = np.array([0.81, 0.86, 0.79, 0.9, 0.84, 0.88])
B = np.array([0.8, 0.87, 0.77, 0.91, 0.82, 0.87])


@pytest.mark.parametrize(("a", "b", "margin"), [(A, B, 0.005), (B, A, 0.02), (A, B, 0.05)])
def test_equivalence_equals_statsmodels_for_pairs(a, b, margin):
    expected = ttost_paired(a, b, -margin, margin)[0]
    test = paired_t(a, b)
    found = equivalence_p(test.estimate, test.standard_error, test.df, margin)
    assert found == pytest.approx(expected, rel=1e-10)


@settings(max_examples=80, deadline=None)
@given(st.floats(-0.1, 0.1), st.floats(1e-4, 0.05), st.integers(1, 60), st.floats(0.001, 0.1))
def test_equivalence_holds_exactly_where_the_interval_lies_within_the_margin(
    estimate, error, df, margin
):
    low, high = stats.t.interval(0.90, df, estimate, error)
    found = equivalence_p(estimate, error, df, margin)
    assert (found < 0.05) == (-margin < low and high < margin)
    assert equivalence_p(estimate, error, df, max(-low, high)) == pytest.approx(0.05)


@pytest.mark.parametrize(("estimate", "p_value"), [(0.01, 0), (0.03, 1), (-0.03, 1), (0.02, 0.5)])
def test_equivalence_without_standard_error_is_sure(estimate, p_value):
    assert equivalence_p(estimate, 0, 23, 0.02) == p_value


FOLDS = [0.02, 0.05, -0.01, 0.04, 0.03]


def test_nadeau_bengio_equals_the_papers_formula():
    test = nadeau_bengio(FOLDS, 20 / 80)
    error = math.sqrt((1 / 5 + 20 / 80) * sum((d - 0.026) ** 2 for d in FOLDS) / 4)
    assert (test.estimate, test.statistic, test.df) == pytest.approx((0.026, 0.026 / error, 4))
    assert test.p_value == pytest.approx(2 * stats.t.sf(0.026 / error, 4))
    assert (test.ci_low, test.ci_high) == pytest.approx(stats.t.interval(0.95, 4, 0.026, error))


@st.composite
def clustered_differences(draw):
    n = draw(st.integers(3, 15))
    whole = st.lists(st.integers(-9, 9), min_size=n, max_size=n).filter(lambda x: len(set(x)) > 1)
    clusters = st.lists(st.integers(0, 5), min_size=n, max_size=n)
    return np.array(draw(whole)) / 8, draw(clusters.filter(lambda x: len(set(x)) > 1))


@given(clustered_differences())
@settings(max_examples=50, deadline=None)
def test_clustered_t_equals_statsmodels(drawn):
    differences, clusters = drawn
    fit = sm.OLS(differences, np.ones(differences.size)).fit(
        cov_type="cluster",
        cov_kwds={"groups": np.unique(clusters, return_inverse=True)[1]},
        use_t=True,
    )
    ours = clustered_t(differences, clusters)
    assert ours.estimate == pytest.approx(fit.params[0], abs=1e-14)
    if fit.bse[0] < 1e-12:
        assert ours.ci_high - ours.ci_low < 1e-10
        return
    np.testing.assert_allclose(
        [ours.statistic, ours.p_value], [fit.tvalues[0], fit.pvalues[0]], atol=1e-12
    )
    np.testing.assert_allclose([ours.ci_low, ours.ci_high], fit.conf_int()[0], atol=1e-12)
    assert ours.df == fit.df_resid_inference


@pytest.mark.parametrize(
    ("value", "t", "p"), [(0.0, 0, 1), (0.1, math.inf, 0), (-0.1, -math.inf, 0)]
)
def test_constant_differences_have_documented_t(value, t, p):
    ours = clustered_t([value] * 7, list("aabcccd"))
    assert (ours.statistic, ours.p_value, ours.ci_low, ours.ci_high) == (
        t,
        p,
        *2 * [pytest.approx(value)],
    )


def grid(n_scenarios=8, n_folds=3, *, scenario_sd=0.05, fold_sd=0.03, residual_sd=0.02, seed=2):
    rng = np.random.default_rng(seed)
    of_scenario = rng.normal(0.8, scenario_sd, n_scenarios)
    of_fold = rng.normal(0, fold_sd, n_folds)
    rows = [
        (f"s{s}", f, init, of_scenario[s] + of_fold[f] + lead + rng.normal(0, residual_sd))
        for s, f in itertools.product(range(n_scenarios), range(n_folds))
        for init, lead in (("a", 0.03), ("b", 0.0))
    ]
    return pd.DataFrame(rows, columns=["scenario", "fold", "init", "auc"])


@pytest.mark.parametrize("name", list(GOLDEN["mixed"]))
def test_mixed_model_equals_lme4(name):
    case = GOLDEN["mixed"][name]
    found = mixed_model(pd.DataFrame(case["runs"]), "a", "b")
    assert found["estimate"] == pytest.approx(case["estimate"], rel=1e-6)
    assert found["standard_error"] == pytest.approx(case["standard_error"], rel=1e-6)
    assert ("Singular fit" in found["remark"]) == case["singular"]
    assert ("scenarios differ" in found["remark"]) == (case["scenario_sd"] < 1e-8)
    of_folds = math.nan if case["fold_sd"] is None else case["fold_sd"]
    assert ("folds differ" in found["remark"]) == (of_folds < 1e-8)
    if name in ("crossed", "one_fold", "flat_folds", "flat"):  # complete grids
        assert found["df"] == pytest.approx(case["satterthwaite_df"], rel=1e-6)
        assert found["p_value"] == pytest.approx(case["p_value"], rel=1e-5)


@pytest.mark.parametrize("case", GOLDEN["mixed"].values(), ids=GOLDEN["mixed"].keys())
def test_variances_by_restricted_likelihood_are_those_of_lme4(case):
    runs = pd.DataFrame(case["runs"])
    fixed = np.column_stack([np.ones(len(runs)), runs["init"] == "a"]).astype(float)
    effects = ["scenario", "fold"] if runs["fold"].nunique() > 1 else ["scenario"]
    shared = [pd.get_dummies(runs[effect]).to_numpy(float) for effect in effects]
    variances, *_ = reml(runs["auc"].to_numpy(), fixed, np.ones(len(runs)), shared, relative=True)
    expected = [case[f"{part}_sd"] for part in ("residual", *effects)]
    assert np.sqrt(variances) == pytest.approx(expected, rel=1e-5, abs=1e-5)


def test_mixed_model_swapped_changes_sign_and_ignores_other_inits():
    table = grid()
    more = pd.concat([table, table[table["init"] == "a"].assign(init="c", auc=0.1)])
    forth, back = mixed_model(more, "a", "b"), mixed_model(table, "b", "a")
    assert forth["estimate"] == pytest.approx(-back["estimate"])
    assert forth["ci_low"] == pytest.approx(-back["ci_high"])
    assert forth["estimate"] > 0


def test_a_search_for_variances_that_does_not_converge_is_an_error():
    # The squares of these are infinite, and so is every deviance.
    with np.errstate(all="ignore"), pytest.raises(InputError, match="REML does not converge"):
        random_effects([1e160, 2e160, 5e160], [1, 1, 1])


def test_mixed_model_whose_search_does_not_converge_has_no_estimate_and_says_so():
    # Residuals near the rounding of the AUCs: some searches wander about.
    found = [mixed_model(grid(residual_sd=3e-11, seed=seed), "a", "b") for seed in range(16)]
    remarks = [model["remark"] for model in found if [*model] == ["remark"]]
    assert remarks
    assert all(remark.startswith("REML does not converge") for remark in remarks)


@pytest.mark.parametrize("table", [grid(1, 1), grid(8, 3, residual_sd=0)])
def test_mixed_model_without_residual_has_no_estimate_and_says_so(table):
    remark = "The AUCs leave no residual, so there is no standard error."
    assert mixed_model(table, "a", "b") == {"remark": remark}


def test_mixed_model_of_one_scenario_leaves_its_effect_out():
    assert mixed_model(grid(1, 12), "a", "b")["df"] == 11


@pytest.mark.parametrize(
    ("values", "clusters", "message"),
    [
        ([0.1, 0.2], ["a", "a"], "one cluster"),
        ([0.1, 0.2], ["a", None], "no identifier"),
        ([0.1, 0.2], ["a", "b", "c"], "beside 2 cases"),
    ],
)
def test_clustered_t_refuses_values_that_are_not_in_clusters(values, clusters, message):
    with pytest.raises(InputError, match=message):
        clustered_t(values, clusters)
