import json
import math
from pathlib import Path

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from rin.errors import InputError
from rin.stats import paired_t
from rin.stats.clustered_means import clustered_t, wilcoxon

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "clustered.json").read_text())

DIFFERENCES = [0.2, -0.1, 0.4, 0.3, 0.05, -0.2, 0.6]
CLUSTERS = ["a", "a", "b", "c", "c", "c", "d"]


@st.composite
def clustered_differences(draw):
    n = draw(st.integers(3, 15))
    whole = st.lists(st.integers(-9, 9), min_size=n, max_size=n).filter(lambda x: len(set(x)) > 1)
    clusters = st.lists(st.integers(0, 5), min_size=n, max_size=n)
    return np.array(draw(whole)) / 8, draw(clusters.filter(lambda x: len(set(x)) > 1))


@given(clustered_differences(), st.sampled_from([0.9, 0.95]))
@settings(max_examples=100, deadline=None)
def test_clustered_t_equals_statsmodels(drawn, level):
    differences, clusters = drawn
    fit = sm.OLS(differences, np.ones(differences.size)).fit(
        cov_type="cluster",
        cov_kwds={"groups": np.unique(clusters, return_inverse=True)[1]},
        use_t=True,
    )
    ours = clustered_t(differences, clusters, level=level)
    assert ours.mean_difference == pytest.approx(fit.params[0], abs=1e-14)
    if fit.bse[0] < 1e-12:
        assert ours.ci_high - ours.ci_low < 1e-10
        return
    np.testing.assert_allclose([ours.t, ours.p_value], [fit.tvalues[0], fit.pvalues[0]], atol=1e-12)
    np.testing.assert_allclose([ours.ci_low, ours.ci_high], fit.conf_int(1 - level)[0], atol=1e-12)
    assert ours.df == fit.df_resid_inference


def test_clustered_t_names_its_patients_and_cases():
    ours = clustered_t(DIFFERENCES, CLUSTERS)
    assert (ours.n_clusters, ours.n, ours.df) == (4, 7, 3)


def test_one_case_a_patient_gives_the_paired_t_test():
    ours = clustered_t(DIFFERENCES, range(7), level=0.9)
    expected = paired_t(DIFFERENCES, np.zeros(7), level=0.9)
    for name in ("mean_difference", "t", "df", "p_value", "ci_low", "ci_high", "n"):
        assert getattr(ours, name) == pytest.approx(getattr(expected, name), rel=1e-12)


def test_repeated_cases_of_a_patient_leave_t_as_it_was():
    once = clustered_t(DIFFERENCES, range(7))
    copies = clustered_t(np.repeat(DIFFERENCES, 5), np.repeat(np.arange(7), 5))
    assert (copies.t, copies.ci_low) == (pytest.approx(once.t), pytest.approx(once.ci_low))


@given(clustered_differences())
@settings(max_examples=50, deadline=None)
def test_negated_differences_negate_t_and_interval(drawn):
    differences, clusters = drawn
    forth, back = clustered_t(differences, clusters), clustered_t(-differences, clusters)
    assert (forth.t, forth.ci_low, forth.p_value) == (-back.t, -back.ci_high, back.p_value)


@pytest.mark.parametrize(
    ("value", "t", "p"), [(0.0, 0, 1), (0.1, math.inf, 0), (-0.1, -math.inf, 0)]
)
def test_constant_differences_have_documented_t(value, t, p):
    ours = clustered_t([value] * 7, CLUSTERS)
    assert (ours.t, ours.p_value, ours.ci_low, ours.ci_high) == (t, p, *2 * [pytest.approx(value)])


@pytest.mark.parametrize(
    ("differences", "clusters", "message"),
    [
        ([0.1, np.nan], ["a", "b"], "1 finite"),
        ([], [], "0 finite"),
        ([[0.1, 0.2]], ["a", "b"], r"shape \(1, 2\)"),
        ([0.1, 0.2], ["a", "a"], "one cluster"),
        ([0.1, 0.2], ["a", None], "no identifier"),
        ([0.1, 0.2], ["a", "b", "c"], "beside 2 labels"),
    ],
)
def test_bad_differences_are_an_error(differences, clusters, message):
    with pytest.raises(InputError, match=message):
        clustered_t(differences, clusters)


@pytest.mark.parametrize("index", range(len(GOLDEN["signed_rank"])))
def test_wilcoxon_equals_r(index):
    case = GOLDEN["signed_rank"][index]
    v, p = wilcoxon(case["x"], case["y"])
    assert v == case["V"]
    np.testing.assert_allclose(p, float(case["p"]), rtol=1e-10)


def test_golden_cases_reach_every_rule_of_r():
    assert set(GOLDEN["names"]) >= {"zeros", "ties", "ties_and_zeros", "forty_nine", "fifty"}


@given(clustered_differences())
@settings(max_examples=50, deadline=None)
def test_swapped_pairs_turn_v_round_and_keep_p(drawn):
    a, _ = drawn
    n = np.count_nonzero(a)
    (v, p), (turned, same) = wilcoxon(a, 0 * a), wilcoxon(0 * a, a)
    assert v + turned == n * (n + 1) / 2
    assert p == pytest.approx(same, nan_ok=True)


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [([1, 2], [1], "2 values beside 1"), ([1, np.nan], [1, 2], "1 finite"), ([], [], "0 finite")],
)
def test_bad_pairs_are_an_error(a, b, message):
    with pytest.raises(InputError, match=message):
        wilcoxon(a, b)
