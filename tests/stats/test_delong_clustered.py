import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rin.stats import auc_ci, delong_covariance, delong_test
from rin.stats.bootstrap import bootstrap_areas
from rin.stats.delong import (
    clustered_auc_ci,
    clustered_covariance,
    clustered_test,
)
from rin.stats.simulate import simulate_test_sets

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "clustered.json").read_text())
LABELS = np.array([0, 1, 0, 1, 1, 0, 0, 1, 1, 0])
SCORES_A = np.array([1, 2, 2, 3, 1, 0, 2, 2, 5, 3], float)
SCORES_B = np.array([5, 1, 4, 2, 2, 2, 1, 7, 6, 0], float)
CLUSTERS = np.array(list("aabbbccdde"))


def beats(x, y):
    return 1.0 if x > y else 0.5 if x == y else 0.0


def brute_force(labels, rows, clusters):
    """Obuchowski (1997) as printed: loops over predictors, patients, cases and pairs."""
    patients = list(dict.fromkeys(clusters))
    cases = range(len(labels))
    big_m, big_n = sum(labels), sum(1 - np.asarray(labels))
    theta, x_sums, y_sums = [], [], []
    for row in rows:
        positive = [row[i] for i in cases if labels[i] == 1]
        negative = [row[i] for i in cases if labels[i] == 0]
        theta.append(sum(beats(x, y) for x in positive for y in negative) / (big_m * big_n))
        xs, ys = [], []
        for patient in patients:
            own = [i for i in cases if clusters[i] == patient]
            of_positive = [row[i] for i in own if labels[i] == 1]
            of_negative = [row[i] for i in own if labels[i] == 0]
            v10 = sum(sum(beats(x, y) for y in negative) / big_n for x in of_positive)
            v01 = sum(sum(beats(x, y) for x in positive) / big_m for y in of_negative)
            xs.append(v10 - len(of_positive) * theta[-1])
            ys.append(v01 - len(of_negative) * theta[-1])
        x_sums.append(xs)
        y_sums.append(ys)
    i_all = len(patients)
    i_10 = len({clusters[i] for i in cases if labels[i] == 1})
    i_01 = len({clusters[i] for i in cases if labels[i] == 0})
    covariance = np.empty((len(rows), len(rows)))
    for r in range(len(rows)):
        for s in range(len(rows)):
            if min(i_10, i_01) < 2:
                covariance[r, s] = np.nan
                continue
            s10 = i_10 / ((i_10 - 1) * big_m) * np.dot(x_sums[r], x_sums[s])
            s01 = i_01 / ((i_01 - 1) * big_n) * np.dot(y_sums[r], y_sums[s])
            s11_rs = i_all / (i_all - 1) * np.dot(x_sums[r], y_sums[s])
            s11_sr = i_all / (i_all - 1) * np.dot(x_sums[s], y_sums[r])
            covariance[r, s] = s10 / big_m + s01 / big_n + (s11_rs + s11_sr) / (big_m * big_n)
    return np.array(theta), covariance


@st.composite
def clustered_cases(draw):
    """Draw labels, two score rows full of ties, and patients with one class or both."""
    n = draw(st.integers(4, 14))
    column = st.lists(st.integers(0, 5), min_size=n, max_size=n)
    labels = draw(
        st.lists(st.integers(0, 1), min_size=n, max_size=n).filter(lambda x: 0 < sum(x) < n)
    )
    clusters = draw(column.filter(lambda x: len(set(x)) > 1))
    return np.array(labels), np.array([draw(column), draw(column)], float), np.array(clusters)


@given(clustered_cases())
@settings(max_examples=200, deadline=None)
def test_covariance_equals_brute_force(drawn):
    labels, rows, clusters = drawn
    aucs, covariance = clustered_covariance(labels, rows, clusters)
    expected_aucs, expected = brute_force(labels, rows, clusters)
    np.testing.assert_allclose(aucs, expected_aucs, atol=1e-14)
    np.testing.assert_allclose(covariance, expected, atol=1e-13)
    test = clustered_test(labels, *rows, clusters)
    contrast = expected[0, 0] + expected[1, 1] - 2 * expected[0, 1]
    np.testing.assert_allclose(test.variance, contrast, atol=1e-13)


@given(clustered_cases())
@settings(max_examples=60, deadline=None)
def test_one_case_a_patient_gives_delong_without_any_factor(drawn):
    labels, rows, _ = drawn
    singles = np.arange(labels.size)
    covariance = clustered_covariance(labels, rows, singles)[1]
    np.testing.assert_allclose(covariance, delong_covariance(labels, rows)[1], atol=1e-14)
    test, plain = clustered_test(labels, *rows, singles), delong_test(labels, *rows)
    assert (test.auc_a, test.auc_b, test.n_clusters) == (plain.auc_a, plain.auc_b, labels.size)
    assert test.variance == pytest.approx(plain.variance, rel=1e-9, abs=1e-14, nan_ok=True)


@pytest.mark.parametrize("case", GOLDEN["clustered"].values(), ids=GOLDEN["clustered"].keys())
def test_covariance_equals_the_formulas_in_r(case):
    aneurysm = GOLDEN["aSAH"]
    rows = [aneurysm[name] for name in ("wfns", "s100b", "ndka")]
    aucs, covariance = clustered_covariance(aneurysm["labels"], rows, case["clusters"])
    np.testing.assert_allclose(aucs, case["auc"], rtol=1e-12)
    np.testing.assert_allclose(covariance, case["covariance"], rtol=1e-10)


def test_repeated_cases_leave_the_clustered_variance_and_shrink_the_naive_one():
    labels, rows = LABELS, np.array([SCORES_A, SCORES_B])
    singles = np.arange(labels.size)
    _, of_patients = clustered_covariance(labels, rows, singles)
    copies = np.tile(singles, 4)
    _, clustered = clustered_covariance(labels[copies], rows[:, copies], copies)
    _, naive = delong_covariance(labels[copies], rows[:, copies])
    np.testing.assert_allclose(clustered, of_patients, rtol=1e-12)
    # 5 cases of a class: DeLong divides by 5 · 4, and for 20 copies by 20 · 19 of 4 times the sum.
    np.testing.assert_allclose(naive, of_patients * (5 * 4) * 4 / (20 * 19), rtol=1e-12)
    test = clustered_test(labels[copies], *rows[:, copies], copies)
    assert test.design_effect == pytest.approx(20 * 19 / (5 * 4 * 4))
    assert clustered_auc_ci(labels[copies], rows[0, copies], copies).design_effect == pytest.approx(
        test.design_effect
    )


def jackknife(labels, rows, clusters):
    names = np.unique(clusters)
    left = []
    for name in names:
        kept = clusters != name
        left.append(delong_covariance(labels[kept], rows[:, kept])[0])
    return np.cov(np.transpose(left)) * (names.size - 1) ** 2 / names.size


@pytest.mark.parametrize("kind", ["patient", "lesion"])
def test_covariance_of_many_patients_is_near_jackknife_and_bootstrap(kind):
    sets = simulate_test_sets(0.6, patients=240, images=4, replicates=1, seed=5, labels=kind)
    data = sets.labels, sets.scores[0], sets.clusters
    _, covariance = clustered_covariance(*data)
    np.testing.assert_allclose(jackknife(*data), covariance, rtol=0.03)
    resampled = np.cov(bootstrap_areas(*data, replicates=6000, seed=1).T)
    np.testing.assert_allclose(resampled, covariance, rtol=0.1)
    effect = clustered_auc_ci(sets.labels, sets.scores[0, 0], sets.clusters).design_effect
    # Images of one class add up their errors; of both classes they cancel.
    assert effect > 2 if kind == "patient" else effect < 0.95


def test_area_interval_is_wald_within_0_and_1():
    _, ((variance,),) = clustered_covariance(LABELS, SCORES_A, CLUSTERS)
    expected = auc_ci(LABELS, SCORES_A)
    ours = clustered_auc_ci(LABELS, SCORES_A, CLUSTERS, level=0.9)
    assert ours.auc == expected.auc
    assert ours.variance == pytest.approx(variance)
    half = stats.norm.ppf(0.95) * variance**0.5
    np.testing.assert_allclose([ours.ci_low, ours.ci_high], [ours.auc - half, ours.auc + half])
    assert ours.design_effect == pytest.approx(variance / expected.variance)
    assert ours.n_clusters == 5
    assert clustered_auc_ci(LABELS, SCORES_B, CLUSTERS, level=0.9999).ci_high == 1


def test_no_variance_gives_z_0_or_infinite():
    equal = clustered_test(LABELS, SCORES_A, 2 * SCORES_A, CLUSTERS)
    assert (equal.z, equal.p_value, equal.ci_low, equal.ci_high) == (0, 1, 0, 0)
    assert np.isnan(equal.design_effect)
    ours = clustered_test(LABELS, LABELS, -LABELS, CLUSTERS)
    assert (ours.difference, ours.variance, ours.p_value) == (1, 0, 0)
    assert ours.z == np.inf
    perfect = clustered_auc_ci(LABELS, LABELS, CLUSTERS)
    assert (perfect.auc, perfect.variance, perfect.ci_low, perfect.ci_high) == (1, 0, 1, 1)
    assert np.isnan(perfect.design_effect)


@pytest.mark.parametrize("labels", [[1, 1] + 8 * [0], [0, 0] + 8 * [1]])
def test_class_of_one_patient_gives_areas_without_inference(labels):
    aucs, covariance = clustered_covariance(labels, [SCORES_A, SCORES_B], CLUSTERS)
    test = clustered_test(labels, SCORES_A, SCORES_B, CLUSTERS)
    alone = clustered_auc_ci(labels, SCORES_A, CLUSTERS)
    np.testing.assert_allclose(aucs, [test.auc_a, test.auc_b])
    assert np.isnan(covariance).all()
    assert np.isnan([test.variance, test.z, test.p_value, test.ci_low, test.design_effect]).all()
    assert np.isnan([alone.variance, alone.ci_low, alone.ci_high, alone.design_effect]).all()


def test_patients_whose_errors_cancel_never_give_a_negative_variance():
    labels, scores = np.tile([1, 0], 3), np.repeat([1.0, 2.0, 3.0], 2)
    ours = clustered_auc_ci(labels, scores, np.repeat([0, 1, 2], 2))
    assert (ours.auc, ours.variance) == (0.5, pytest.approx(0, abs=1e-30))
