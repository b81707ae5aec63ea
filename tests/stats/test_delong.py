"""DeLong and Obuchowski against all pairs, R's formulas, jackknife and bootstrap."""

import math
import tracemalloc
from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_predictions import auc_contrast, clustered_mean, columns_of, golden
from numpy.testing import assert_allclose
from scipy import stats
from sklearn.metrics import roc_auc_score
from statsmodels.stats.proportion import proportion_confint

from rin.errors import InputError
from rin.stats import placements
from rin.stats.delong import (
    auc_ci,
    auc_contrasts,
    delong_covariance,
    delong_test,
    share_interval,
)

GOLDEN = golden("clustered")
LABELS = np.array([0, 1, 1, 0, 0, 1, 0, 1, 1, 0, 0, 1])
PATIENTS = np.array(list("aabbccddeeff"))
SCORES = np.random.default_rng(5).normal(LABELS, 1.2, size=(2, 12)).round(1)
SCORES_A, SCORES_B = SCORES
by_patient = pytest.mark.parametrize("clusters", [None, PATIENTS], ids=["cases", "patients"])


#: Labels, scores of three predictors, two of them full of ties, and patients.
whole = st.integers(0, 5)
value = st.sampled_from([-np.inf, -0.0, 0.0, np.inf]) | st.floats(allow_nan=False)
samples = (
    st.lists(st.tuples(st.integers(0, 1), whole, whole, value, whole), min_size=4, max_size=14)
    .map(columns_of)
    .filter(lambda columns: len({*columns[0]}) == 2 and len({*columns[-1]}) > 1)
)


def brute_force(labels, rows, patients):
    """Obuchowski (1997) as printed, from all pairs; DeLong where each case is a patient."""
    above, below = rows[:, labels == 1, None], rows[:, None, labels == 0]
    wins = (above > below) + (above == below) / 2
    areas = wins.mean(axis=(1, 2))
    member = np.equal.outer(patients, np.unique(patients))
    positive, negative = member[labels == 1], member[labels == 0]
    x = (wins.mean(axis=2) - areas[:, None]) @ positive
    y = (wins.mean(axis=1) - areas[:, None]) @ negative
    counts = [part.any(axis=0).sum() for part in (positive, negative, member)]
    f, g, h = (count / (count - 1) if count > 1 else np.nan for count in counts)
    m, n, s11 = len(positive), len(negative), h * x @ y.T
    return areas, f / m**2 * x @ x.T + g / n**2 * y @ y.T + (s11 + s11.T) / (m * n)


@pytest.mark.parametrize("packed_from", [0, placements._PACKED])
@given(drawn=samples, weights=st.lists(st.floats(-3, 3), min_size=6, max_size=6))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_areas_covariances_and_variances_of_differences_equal_brute_force(
    monkeypatch, packed_from, drawn, weights
):
    monkeypatch.setattr(placements, "_PACKED", packed_from)
    (labels, *rows, patients), weights = drawn, np.reshape(weights, (2, 3))
    singles = np.arange(labels.size)
    for clusters, units in ((None, singles), (singles, singles), (patients, patients)):
        areas, covariance = brute_force(labels, np.array(rows), units)
        sums = areas, weights @ areas, weights @ covariance @ weights.T
        test = delong_test(labels, *rows[:2], clusters)
        of_test = areas[0], areas[1], [1, -1, 0] @ covariance @ [1, -1, 0]
        for found, expected in (
            (delong_covariance(labels, rows, clusters), (areas, covariance)),
            (auc_contrasts(labels, rows, weights, clusters), sums),
            ((test.auc_a, test.auc_b, test.variance), of_test),
        ):
            for one, other in zip(found, expected, strict=True):
                assert_allclose(one, other, atol=1e-12)


@pytest.mark.parametrize("case", GOLDEN["clustered"].values(), ids=GOLDEN["clustered"].keys())
def test_covariance_equals_the_formulas_in_r(case):
    aneurysm = GOLDEN["aSAH"]
    rows = [aneurysm[name] for name in ("wfns", "s100b", "ndka")]
    aucs, covariance = delong_covariance(aneurysm["labels"], rows, case["clusters"])
    assert_allclose(aucs, case["auc"], rtol=1e-12)
    assert_allclose(covariance, case["covariance"], rtol=1e-10)


def test_repeated_cases_leave_the_clustered_variance_and_shrink_the_naive_one():
    copies = np.tile(np.arange(12), 4)
    labels, rows = LABELS[copies], SCORES[:, copies]
    _, of_patients = delong_covariance(LABELS, SCORES)
    _, clustered = delong_covariance(labels, rows, copies)
    assert_allclose(clustered, of_patients, rtol=1e-12)
    # 6 cases of a class: DeLong divides by 6 · 5, and for 24 copies by 24 · 23 of 4 times the sum.
    effect = 24 * 23 / (6 * 5 * 4)
    assert_allclose(delong_covariance(labels, rows)[1] * effect, of_patients, rtol=1e-12)


def test_area_interval_is_wald_within_0_and_1():
    (area, _), ((variance, _), _) = delong_covariance(LABELS, SCORES, PATIENTS)
    ours = auc_ci(LABELS, SCORES_A, PATIENTS)
    ends = stats.norm(area, variance**0.5).interval(0.95)
    assert astuple(ours) == pytest.approx((area, variance, *np.clip(ends, 0, 1)))
    assert astuple(auc_ci(LABELS, LABELS, PATIENTS)) == (1, 0, 1, 1)


@by_patient
@pytest.mark.parametrize(
    ("a", "b", "statistic", "p_value"),
    [
        (SCORES_A, 2 * SCORES_A, 0, 1),
        *((LABELS, other, np.inf, 0) for other in (-LABELS, 0 * LABELS)),
        *((other, LABELS, -np.inf, 0) for other in (-LABELS, 0 * LABELS)),
    ],
)
def test_difference_without_variance_is_sure(a, b, statistic, p_value, clusters):
    test = delong_test(LABELS, a, b, clusters)
    assert (test.statistic, test.p_value, test.variance) == (statistic, p_value, 0)
    assert test.ci_low == test.ci_high == test.estimate


@pytest.mark.parametrize("labels", [[1, 1] + 10 * [0], [0, 0] + 10 * [1]])
def test_class_of_one_patient_gives_areas_without_inference(labels):
    test = delong_test(labels, *SCORES, PATIENTS)
    alone = auc_ci(labels, SCORES_A, PATIENTS)
    assert [test.auc_a, test.auc_b] == pytest.approx(
        [roc_auc_score(labels, row) for row in SCORES]
    )
    assert np.isnan([test.statistic, test.p_value, test.ci_low, alone.ci_low]).all()


def test_patients_whose_errors_cancel_never_give_a_negative_variance():
    labels, scores = np.tile([1, 0], 3), np.repeat([1.0, 2.0, 3.0], 2)
    ours = auc_ci(labels, scores, np.repeat([0, 1, 2], 2))
    assert (ours.auc, ours.variance) == (0.5, pytest.approx(0, abs=1e-30))


def test_placements_that_all_differ_by_a_third_have_variance_exactly_zero():
    labels = [0, 1, 0, 1, 0, 1]
    one_negative_higher = [1, 0, 3, 2, 5, 4]
    result = delong_test(labels, [0, 1, 2, 3, 4, 5], one_negative_higher)
    assert result.estimate == pytest.approx(1 / 3)
    assert (result.variance, result.statistic, result.p_value) == (0, np.inf, 0)


@by_patient
@pytest.mark.parametrize("weights", [np.repeat([1 / 3, -1 / 3], 3), [0.1, 0.2, -0.3]])
def test_contrast_of_equal_predictors_finds_nothing_despite_rounding(weights, clusters):
    found = auc_contrast(LABELS, SCORES[[0] * len(weights)], weights, clusters=clusters)
    assert (found.estimate, found.variance, found.statistic, found.p_value) == (0, 0, 0, 1)


def test_contrast_that_is_small_but_no_rounding_is_kept():
    found, area = auc_contrast(LABELS, SCORES[[0, 0]], [1, 1e-9 - 1]), auc_ci(LABELS, SCORES[0])
    assert found.estimate == pytest.approx(1e-9 * area.auc, rel=1e-6, abs=0)
    assert found.variance == pytest.approx(1e-18 * area.variance, rel=1e-6, abs=0)


@pytest.mark.parametrize("weights", [[[1]], [1, -1], [[1, math.inf]]])
def test_contrast_without_one_finite_weight_a_predictor_raises_input_error(weights):
    with pytest.raises(InputError, match=r"weights: .*one finite weight a predictor"):
        auc_contrasts(LABELS, SCORES, weights)


def neighbours(n):
    """Probabilities of which many differ in nothing but their last bits."""
    steps = np.arange(n) % 5
    return np.repeat(np.linspace(1e-300, 1, n // 5), 5) * (1 + steps * np.finfo(float).eps)


def test_many_cases_are_compared_as_by_ranks():
    rng = np.random.default_rng(11)
    labels = rng.random(25_000) < 0.2
    rows = np.array([rng.permutation(neighbours(labels.size)), rng.normal(labels, 1).round(2)])
    m, n = labels.sum(), (~labels).sum()
    below, above = [], []
    for row in rows:  # Sun and Xu's, by SciPy's ranks
        ranks = stats.rankdata(row)
        below.append((ranks[labels] - stats.rankdata(row[labels])) / n)
        above.append((ranks[~labels] - stats.rankdata(row[~labels])) / m)
    aucs, covariance = delong_covariance(labels, rows)
    assert_allclose(aucs, np.mean(below, axis=1), rtol=1e-13)
    expected = np.cov(below) / m + np.cov(above) / n
    assert_allclose(covariance, expected, rtol=1e-11, atol=1e-20)


def test_covariance_of_48_predictors_needs_less_than_three_times_the_scores():
    rng = np.random.default_rng(3)
    labels, rows = rng.random(10_000) < 0.3, rng.normal(size=(48, 10_000))
    tracemalloc.start()
    delong_covariance(labels, rows)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * rows.nbytes


@pytest.mark.parametrize(
    ("right", "n", "images"), [(0, 6, 1), (4, 6, 1), (7, 7, 1), (5, 5, 4), (1, 1, 3)]
)
def test_share_interval_of_patients_whose_images_agree_is_wilsons(right, n, images):
    hits, patients = np.repeat(np.arange(n) < right, images), np.repeat(np.arange(n), images)
    expected = stats.binomtest(right, n).proportion_ci(method="wilson")
    assert share_interval(hits, patients) == pytest.approx(tuple(expected))


def test_share_interval_of_patients_with_several_images_follows_the_clustered_variance():
    rng = np.random.default_rng(3)
    patients = np.repeat(np.arange(30), rng.integers(1, 9, 30))
    hits = rng.random(len(patients)) < np.repeat(rng.uniform(0, 1, 30), np.bincount(patients))
    clustered = clustered_mean(hits, patients).cov_params()[0, 0]
    share, size = hits.mean(), hits.var(ddof=1) / clustered
    assert size < len(hits)
    expected = proportion_confint(share * size, size, method="wilson")
    assert share_interval(hits, patients) == pytest.approx(expected)


def test_share_interval_of_patients_whose_images_differ_is_no_narrower_than_wilsons():
    """A hit and a miss of every patient: the clustered variance is zero, the design effect 1."""
    hits, patients = [1, 0] * 12, np.repeat(np.arange(12), 2)
    expected = proportion_confint(12, 24, method="wilson")
    assert share_interval(hits, patients) == pytest.approx(tuple(expected))
