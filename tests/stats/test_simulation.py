"""Simulated test sets, against closed forms; and how often intervals contain the truth."""

import numpy as np
import pytest

from rin.stats import auc_ci, delong_test
from rin.stats.simulation import simulate_test_sets


def coverage(correlation, clustered):
    """The shares of intervals of the second AUC, and of the difference, that hold the truth."""
    settings = {"patients": 80, "images": 4, "replicates": 300, "seed": 1}
    labels, patients, scores = simulate_test_sets(correlation, **settings)
    clusters = patients if clustered else None
    of_auc = [auc_ci(labels, b, clusters) for _, b in scores]
    of_difference = [delong_test(labels, a, b, clusters) for a, b in scores]
    return [
        np.mean([test.ci_low <= truth <= test.ci_high for test in tests])
        for tests, truth in ((of_auc, 0.8), (of_difference, 0.05))
    ]


@pytest.mark.parametrize(
    ("correlation", "clustered", "least", "most"),
    [
        (0.0, False, 0.92, 1),
        (0.6, False, 0, 0.85),
        pytest.param(0.0, True, 0.92, 0.98, marks=pytest.mark.slow),
        (0.6, True, 0.92, 0.98),
    ],
)
def test_clustered_interval_keeps_its_level_and_the_naive_one_does_not(
    correlation, clustered, least, most
):
    assert all(least <= share <= most for share in coverage(correlation, clustered))
