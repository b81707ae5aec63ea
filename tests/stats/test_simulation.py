"""Simulated test sets and their intervals, against closed forms and the library's intervals."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from rin.stats import auc_ci, delong_test
from rin.stats.simulation import TRUE_AUCS, simulate_coverage, simulate_test_sets

SMALL = {"patients": 10, "images": 3, "replicates": 8, "seed": 4}


def table_of(correlations=(0.0, 0.5), **changed):
    return simulate_coverage(correlations, **{**SMALL, **changed})


def test_scores_have_the_moments_of_the_model():
    labels, _, scores = simulate_test_sets(0.6, patients=40, images=2, replicates=4000, seed=0)
    a, b = scores[:, 0], scores[:, 1]
    for scores, auc in ((a, 0.85), (b, 0.8)):
        separation = stats.norm.ppf(auc) * 2**0.5
        assert scores[:, labels].mean() == pytest.approx(separation, abs=0.02)
        assert scores[:, ~labels].mean() == pytest.approx(0, abs=0.02)
        assert scores[:, 0].var() == pytest.approx(1, abs=0.07)
    for image, other, stranger in ((0, 1, 4), (79, 78, 70)):  # one of each class
        found = np.corrcoef([a[:, image], a[:, other], a[:, stranger], b[:, image], b[:, other]])[
            0
        ]
        # The same predictor: 0.6 within a patient, 0 between two of them.  Two predictors: 0.5 on
        # one image, 0.6 · 0.5 on two of a patient.
        assert found.tolist() == pytest.approx([1, 0.6, 0, 0.5, 0.3], abs=0.05)


def test_mean_auc_is_the_true_one_whatever_the_correlation():
    settings = {"patients": 20, "images": 4, "replicates": 2000, "seed": 2}
    labels, _, scores = simulate_test_sets(0.8, **settings)
    for network, truth in enumerate(TRUE_AUCS):
        aucs = [auc_ci(labels, networks[network]).auc for networks in scores]
        assert np.mean(aucs) == pytest.approx(truth, abs=0.006)


def test_longer_run_begins_with_the_shorter_and_other_correlations_do_not_matter():
    short = simulate_test_sets(0.4, **SMALL)[2]
    long = simulate_test_sets(0.4, **{**SMALL, "replicates": 12})[2]
    np.testing.assert_array_equal(long[:8], short)
    assert (simulate_test_sets(0.4, **{**SMALL, "seed": 5})[2] != short).all()
    both, alone = table_of([0.0, 0.5]), table_of([0.5])
    pd.testing.assert_frame_equal(both[both["correlation"] == 0.5].reset_index(drop=True), alone)


def test_table_counts_what_intervals_of_the_library_hold():
    settings = SMALL | {"patients": 30, "replicates": 40}
    labels, patients, scores = simulate_test_sets(0.5, **settings)
    table = simulate_coverage([0.5], **settings).set_index(["method", "measure"])
    assert len(table) == 4
    for method, clusters in (("naive", None), ("clustered", patients)):
        of_auc = [auc_ci(labels, b, clusters) for _, b in scores]
        of_difference = [delong_test(labels, a, b, clusters) for a, b in scores]
        for measure, tests, truth in (("auc", of_auc, 0.8), ("difference", of_difference, 0.05)):
            held = sum(test.ci_low <= truth <= test.ci_high for test in tests)
            row = table.loc[(method, measure)]
            assert row["coverage"] == held / 40
            wilson = proportion_confint(held, 40, method="wilson")
            assert (row["ci_low"], row["ci_high"]) == wilson


def test_clustered_interval_keeps_its_level_and_the_naive_one_does_not():
    table = simulate_coverage([0.0, 0.6], patients=80, images=4, replicates=600, seed=1)
    table = table.set_index(["method", "correlation"])
    assert (table.loc[("naive", 0.0), "coverage"] > 0.92).all()
    assert (table.loc[("naive", 0.6), "ci_high"] < 0.85).all()
    assert table.loc["clustered", "coverage"].between(0.92, 0.98).all()
