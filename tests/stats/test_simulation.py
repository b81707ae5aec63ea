"""Simulated test sets and their intervals, against closed forms and the library's intervals."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from rin.errors import InputError
from rin.stats import auc_ci, delong_test
from rin.stats.simulation import (
    TRUE_AUCS,
    normal_intervals,
    simulate_coverage,
    simulate_test_sets,
)

SMALL = {"patients": 10, "images": 3, "replicates": 8, "seed": 4}


def table_of(correlations=(0.0, 0.5), **changed):
    return simulate_coverage(correlations, **{**SMALL, **changed})


def test_scores_have_the_moments_of_the_model():
    labels, _, scores = simulate_test_sets(0.6, patients=40, images=2, replicates=4000, seed=0)
    a, b = scores[:, 0], scores[:, 1]
    for scores, area in ((a, 0.85), (b, 0.8)):
        separation = stats.norm.ppf(area) * 2**0.5
        assert scores[:, labels].mean() == pytest.approx(separation, abs=0.02)
        assert scores[:, ~labels].mean() == pytest.approx(0, abs=0.02)
        assert scores[:, 0].var() == pytest.approx(1, abs=0.07)
    for own, other, stranger in ((0, 1, 4), (79, 78, 70)):  # one of each class
        found = np.corrcoef([a[:, own], a[:, other], a[:, stranger], b[:, own], b[:, other]])[0]
        # The same predictor: 0.6 within a patient, 0 between two of them.  Two predictors: 0.5 on
        # one image, 0.6 · 0.5 on two of a patient.
        assert found.tolist() == pytest.approx([1, 0.6, 0, 0.5, 0.3], abs=0.05)


@pytest.mark.parametrize("kind", ["patient", "lesion"])
def test_mean_estimate_is_the_auc_in_closed_form(kind):
    settings = {"patients": 20, "images": 4, "replicates": 4000, "seed": 2, "labels": kind}
    intervals = normal_intervals(*simulate_test_sets(0.8, **settings))
    mean = intervals[intervals["method"] == "naive"].groupby("measure")["estimate"].mean()
    separations = 2**0.5 * stats.norm.ppf(TRUE_AUCS)
    # By lesion, one pair in 20 compares two images of a patient, which differ by image effects.
    within = stats.norm.cdf(separations / (2 * 0.2) ** 0.5)
    share = 1 / 20 if kind == "lesion" else 0
    first, second = (1 - share) * np.array(TRUE_AUCS) + share * within
    assert mean["auc"] == pytest.approx(second, abs=0.005)
    assert mean["difference"] == pytest.approx(first - second, abs=0.005)


def test_longer_run_begins_with_the_shorter_and_other_correlations_do_not_matter():
    short = simulate_test_sets(0.4, **SMALL)[2]
    long = simulate_test_sets(0.4, **{**SMALL, "replicates": 12})[2]
    np.testing.assert_array_equal(long[:8], short)
    assert (simulate_test_sets(0.4, **{**SMALL, "seed": 5})[2] != short).all()
    both, alone = table_of([0.0, 0.5]), table_of([0.5])
    pd.testing.assert_frame_equal(both[both["correlation"] == 0.5].reset_index(drop=True), alone)


@pytest.mark.parametrize("kind", ["patient", "lesion"])
def test_intervals_are_those_of_the_library_test_set_by_test_set(kind):
    labels, patients, scores = simulate_test_sets(0.5, **SMALL, labels=kind)
    ours = normal_intervals(labels, patients, scores)
    columns = ["estimate", "ci_low", "ci_high", "variance"]
    for i, (a, b) in enumerate(scores):
        rows = ours.groupby(["method", "measure"]).nth(i).set_index(["method", "measure"])[columns]
        expected = {
            ("naive", "auc"): auc_ci(labels, b),
            ("clustered", "auc"): auc_ci(labels, b, patients),
            ("naive", "difference"): delong_test(labels, a, b),
            ("clustered", "difference"): delong_test(labels, a, b, patients),
        }
        for key, result in expected.items():
            estimate = result.auc if key[1] == "auc" else result.estimate
            values = [estimate, result.ci_low, result.ci_high, result.variance]
            np.testing.assert_allclose(rows.loc[key], values, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(ours["truth"], np.where(ours["measure"] == "auc", 0.8, 0.05))


def test_table_counts_what_the_intervals_hold():
    table = table_of([0.5], patients=30)
    sets = simulate_test_sets(0.5, **{**SMALL, "patients": 30})
    intervals = normal_intervals(*sets)
    naive = intervals[intervals["method"] == "naive"].groupby("measure")["variance"].mean()
    assert len(table) == 4
    for row in table.itertuples():
        own = intervals[(intervals["method"] == row.method) & (intervals["measure"] == row.measure)]
        held = ((own["ci_low"] <= row.truth) & (own["ci_high"] >= row.truth)).sum()
        assert row.coverage == held / len(own)
        assert (row.ci_low, row.ci_high) == proportion_confint(held, len(own), method="wilson")
        assert row.design_effect == pytest.approx(own["variance"].mean() / naive[row.measure])
        assert row.replicates == 8


def test_clustered_interval_keeps_its_level_and_the_naive_one_does_not():
    table = simulate_coverage([0.0, 0.6], patients=80, images=4, replicates=600, seed=1)
    table = table.set_index(["method", "correlation"])
    assert (table.loc[("naive", 0.0), "coverage"] > 0.92).all()
    assert (table.loc[("naive", 0.6), "ci_high"] < 0.85).all()
    assert table.loc["clustered", "coverage"].between(0.92, 0.98).all()


def test_unknown_labels_are_refused_with_the_known_ones():
    with pytest.raises(InputError, match=r"unknown labels 'image'.*patient, lesion"):
        simulate_test_sets(0.5, **SMALL, labels="image")
