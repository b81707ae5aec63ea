import numpy as np
import pandas as pd
import pingouin
import pytest
from made_predictions import golden

from rin.errors import InputError
from rin.stats.synthesis import (
    common_mean_test,
    hanley_mcneil_error,
    moderated_effects,
    random_effects,
    three_level,
)

CASES = golden("synthesis")


def close(found, expected):
    # Variances of zero are found to rounding only.
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{len(case['y'])} estimates")
def test_pooled_estimates_equal_metafor(case):
    y, v, cluster = case["y"], case["v"], case["cluster"]
    close(random_effects(y, v, corrected=False), case["random_effects"])
    close(random_effects(y, v), case["corrected"])
    of_three = ("estimate", "standard_error", "between", "within")
    close(three_level(y, v, cluster), {name: case["three_level"][name] for name in of_three})


def test_means_of_an_estimated_covariance_are_compared_as_by_hotelling():
    values = np.random.default_rng(0).normal(size=(9, 4)).cumsum(axis=1)
    apart = pingouin.multivariate_ttest(values[:, 1:] - values[:, :1], np.zeros(3))
    found = common_mean_test(values.mean(axis=0), np.cov(values.T) / 9, 8)
    expected = apart.iloc[0, [0, 2, 4]]
    assert [*found.values()] == pytest.approx(expected.tolist())
    assert np.isnan(common_mean_test(values.mean(axis=0), np.cov(values.T) / 9, 2)["q_p"])


@pytest.mark.parametrize("case", [case for case in CASES if len({*case["cluster"]}) > 2])
def test_a_moderator_shifts_estimates_as_in_metafor(case):
    moderators = pd.DataFrame({"shift": case["moderator"]})
    found = moderated_effects(case["y"], case["v"], case["cluster"], moderators)
    assert found.index.tolist() == ["intercept", "shift"]
    for name in ("estimate", "standard_error"):
        expected = case["moderated"][name]
        assert found[name].tolist() == pytest.approx(expected, rel=1e-5, abs=1e-5), name


def test_degrees_of_freedom_count_clusters():
    y, v, clusters = [1.0, 2.0, 1.5, 3.0, 2.5, 0.5], [1.0] * 6, [1, 1, 2, 2, 3, 3]
    moderators = pd.DataFrame({"shift": [0, 1, 0, 1, 0, 1]})
    assert moderated_effects(y, v, clusters, moderators)["df"].tolist() == [1, 1]
    groups = clusters, [0, 0, 0, 1, 1, 1], [0] * 6
    assert [three_level(y, v, of)["df"] for of in groups] == [2, 1, 5]


def test_an_error_from_counts_is_that_of_exponential_scores():
    # Scores of positives with a mean of 4, of negatives with a mean of 1: an AUC of 4 / 5.
    rng = np.random.default_rng(0)
    positive = rng.exponential(4, (20_000, 12, 1))
    negative = rng.exponential(1, (20_000, 1, 20))
    aucs = (positive > negative).mean(axis=(1, 2))
    assert aucs.mean() == pytest.approx(0.8, abs=0.005)
    assert hanley_mcneil_error(0.8, 12, 20) == pytest.approx(aucs.std(), rel=0.02)


@pytest.mark.parametrize(
    ("y", "v"),
    [([1.0], [1.0]), ([1.0, 2.0], [1.0]), ([1, 2], [1, 0]), ([1, float("nan")], [1, 1])],
)
def test_estimates_that_cannot_be_pooled_are_refused(y, v):
    with pytest.raises(InputError, match="estimates, variances"):
        random_effects(y, v)
