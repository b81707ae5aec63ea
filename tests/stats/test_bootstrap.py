import numpy as np
import pandas as pd
import pytest
from made_predictions import clustered_mean
from numpy.testing import assert_array_equal
from scipy import stats

from rin.errors import InputError
from rin.stats.bootstrap import bootstrap_interval, cluster_weights
from rin.stats.inputs import cluster_codes

CLUSTERS = np.array([0, 0, 1, 1, 1, 2, 2, 3])


def test_cases_of_a_cluster_share_their_weight_and_clusters_drawn_add_up():
    weights = cluster_weights(CLUSTERS, 50, 0)
    assert weights.dtype == np.int16
    assert weights.shape == (50, 8)
    first_of_each = weights[:, [0, 2, 5, 7]]
    assert_array_equal(weights, first_of_each[:, CLUSTERS])
    assert_array_equal(first_of_each.sum(axis=1), 4)


def test_seed_decides_the_draw_and_names_do_not():
    first = cluster_weights(CLUSTERS, 20, 3)
    codes, _ = cluster_codes([5, 5, 9, 9, 9, 1, 1, 0], 8)
    assert_array_equal(first, cluster_weights(codes, 20, 3))
    assert (first != cluster_weights(CLUSTERS, 20, 4)).any()


def test_replicate_without_a_class_is_drawn_again():
    clusters, labels = np.arange(12), np.array([1, 1] + 10 * [0])
    plain = cluster_weights(clusters, 2000, 0)
    lacking = plain[:, :2].sum(axis=1) == 0
    assert 0.08 < lacking.mean() < 0.15  # (1 - 2/12) ** 12 = 0.112
    weights = cluster_weights(clusters, 2000, 0, labels=labels)
    assert (weights[:, :2].sum(axis=1) > 0).all()
    assert_array_equal(weights[~lacking], plain[~lacking])
    assert len(np.unique(weights[lacking], axis=0)) > 0.9 * lacking.sum()
    flipped = cluster_weights(clusters, 2000, 0, labels=1 - labels)
    assert_array_equal(flipped, weights)


@pytest.mark.parametrize(
    ("replicates", "labels", "message"),
    [
        (0, None, "0 replicates"),
        (10, [1, 1, 0, 0, 0, 0, 0, 0], "all positive cases belong to one cluster"),
        (10, [0, 0, 1, 1, 1, 1, 1, 1], "all negative cases belong to one cluster"),
    ],
)
def test_what_cannot_be_drawn_is_an_error(replicates, labels, message):
    with pytest.raises(InputError, match=message):
        cluster_weights(CLUSTERS, replicates, 0, labels=labels)


def mean_score(rows):
    return rows["score"].mean()


def test_bootstrap_interval_is_that_of_the_clustered_variance():
    """Oracle: statsmodels' cluster-robust error of a mean, with normal quantiles."""
    rng = np.random.default_rng(8)
    patients = np.repeat(np.arange(150), rng.integers(1, 5, 150))
    score = rng.normal(size=150)[patients] + rng.normal(size=len(patients))
    rows = pd.DataFrame({"score": score})
    found = bootstrap_interval(rows, mean_score, patients, replicates=1500, level=0.8)
    error = clustered_mean(score, patients).bse.item()
    assert found["estimate"] == pytest.approx(score.mean())
    assert found["standard_error"] == pytest.approx(error, rel=0.08)
    ends = stats.norm.interval(0.8, score.mean(), error)
    assert (found["ci_low"], found["ci_high"]) == pytest.approx(ends, abs=0.12 * error)
    assert found["undefined"] == 0


def test_bootstrap_draws_every_row_of_a_patient_and_counts_draws_without_a_value():
    rows = pd.DataFrame({"label": [1, 0, 0, 1], "score": [3.0, 1.0, 2.0, 3.0]})
    seen = []

    def gap(some):
        seen.append([*some.index])
        means = some.groupby("label")["score"].mean()
        return means.get(1, np.nan) - means.get(0, np.nan)

    found = bootstrap_interval(rows, gap, ["p", "q", "q", "r"], replicates=400)
    drawn = np.array([[draw.count(row) for row in range(4)] for draw in seen])
    assert (drawn[:, 1] == drawn[:, 2]).all()
    assert (drawn[:, [0, 1, 3]].sum(axis=1) == 3).all()
    assert found["undefined"] == pytest.approx(9 / 27, abs=0.08)  # without q, or of q alone
    assert (found["estimate"], found["ci_low"], found["ci_high"]) == (1.5, 1.5, 1.5)
    two = bootstrap_interval(rows, mean_score, [*"pqrs"], replicates=2)
    assert two["standard_error"] == pytest.approx((two["ci_high"] - two["ci_low"]) / 0.95 / 2**0.5)


@pytest.mark.parametrize(
    ("statistic", "patients", "said"),
    [
        (lambda rows: np.nan, [1, 2], "no value of these rows"),
        (mean_score, [1, 1], "one cluster"),
    ],
)
def test_bootstrap_of_what_has_no_interval_is_refused(statistic, patients, said):
    rows = pd.DataFrame({"score": [1.0, 2.0]})
    with pytest.raises(InputError, match=said):
        bootstrap_interval(rows, statistic, patients, replicates=20)
