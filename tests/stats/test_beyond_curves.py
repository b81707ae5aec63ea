import numpy as np
import pandas as pd
import pytest
from made_predictions import make_predictions
from scipy.special import expit

from rin.errors import InputError
from rin.stats.beyond_curves import beyond_curves
from rin.stats.bootstrap import cluster_weights
from rin.stats.calibration import reliability_curve
from rin.stats.decision import net_benefit
from rin.stats.precision_recall import precision_at_recall
from rin.stats.task_scores import task_scores

INITS = ("radimagenet", "imagenet")
GRID = np.linspace(0, 1, 11)


@pytest.fixture(scope="module")
def predictions():
    table = make_predictions(n_cases=36)
    return table.assign(score=expit(table["score"] - 0.5))


@pytest.fixture(scope="module")
def curves(predictions):
    return beyond_curves(predictions, INITS, replicates=40, bins=4, n_points=11)


@pytest.fixture(scope="module")
def task(predictions):
    return next(task_scores(predictions, INITS))


def one(curves, init, curve):
    return curves[(curves["init"] == init) & (curves["curve"] == curve)]


def drawn(task):
    return cluster_weights(task.patients, 40, 0, labels=task.labels)


@pytest.mark.parametrize("init", INITS)
def test_precision_is_the_mean_over_scenarios_at_each_recall(curves, task, init):
    rows = one(curves, init, "precision_recall")
    scores = task.scores[init]
    np.testing.assert_allclose(rows["x"], GRID)
    alone = [precision_at_recall(task.labels, s, GRID) for s in scores]
    np.testing.assert_allclose(rows["y"], np.mean(alone, axis=0))
    replicates = np.mean(
        [precision_at_recall(task.labels, s, GRID, drawn(task)) for s in scores], axis=0
    )
    low, high = np.quantile(replicates, [0.025, 0.975], axis=0)
    np.testing.assert_allclose(rows["low"], low)
    np.testing.assert_allclose(rows["high"], high)


@pytest.mark.parametrize("init", INITS)
@pytest.mark.parametrize(
    ("curve", "field"), [("decision", "net_benefit"), ("treat_all", "treat_all")]
)
def test_net_benefit_is_the_mean_over_scenarios_at_each_threshold(curves, task, init, curve, field):
    rows = one(curves, init, curve)
    np.testing.assert_allclose(rows["x"], GRID[:-1])
    alone, replicates = (
        np.mean(
            [
                getattr(net_benefit(task.labels, s, GRID[:-1], weights), field)
                for s in task.scores[init]
            ],
            axis=0,
        )
        for weights in (None, drawn(task))
    )
    np.testing.assert_allclose(rows["y"], alone, atol=1e-12)
    low, high = np.quantile(replicates, [0.025, 0.975], axis=0)
    np.testing.assert_allclose(rows["low"], low, atol=1e-12)
    np.testing.assert_allclose(rows["high"], high, atol=1e-12)


@pytest.mark.parametrize("init", INITS)
def test_reliability_is_the_mean_over_scenarios_of_each_bin(curves, task, init):
    rows = one(curves, init, "reliability")
    alone = [reliability_curve(task.labels, s, bins=4) for s in task.scores[init]]
    for column, field in {"x": "score", "y": "observed", "share": "share"}.items():
        expected = np.mean([getattr(curve, field) for curve in alone], axis=0)
        np.testing.assert_allclose(rows[column], expected)
    replicates = np.mean(
        [
            reliability_curve(task.labels, s, bins=4, weights=drawn(task)).observed
            for s in task.scores[init]
        ],
        axis=0,
    )
    low, high = np.quantile(replicates, [0.025, 0.975], axis=0)
    np.testing.assert_allclose(rows["low"], low)
    np.testing.assert_allclose(rows["high"], high)


def test_share_is_of_reliability_alone(curves):
    assert curves["share"].notna().eq(curves["curve"] == "reliability").all()


def two_scenarios(first, second):
    rows = []
    for scenario, scores in {"s0": first, "s1": second}.items():
        for case, score in enumerate(scores):
            rows.append(
                {"scenario": scenario, "case_id": f"{case}", "label": case % 2, "score": score}
            )
    fixed = {"task": "breast", "fold": 0, "init": "a", "seed": 0, "part": "test"}
    table = pd.DataFrame(rows).assign(**fixed)
    return table.assign(patient_id=table["case_id"])


def test_a_bin_counts_only_scenarios_that_hold_cases_in_it():
    # The second scenario says 0.5 of everyone: all its cases lie in the middle bin.
    predictions = two_scenarios([0.1, 0.2, 0.4, 0.6, 0.8, 0.9], [0.5] * 6)
    rows = one(beyond_curves(predictions, ("a",), replicates=5, bins=3), "a", "reliability")
    np.testing.assert_allclose(rows["x"], [0.15, 0.5, 0.85])
    np.testing.assert_allclose(rows["share"], [1 / 6, (1 / 3 + 1) / 2, 1 / 6])


def test_a_bin_without_cases_in_any_scenario_has_no_row():
    predictions = two_scenarios([0.5] * 6, [0.4] * 6)
    rows = one(beyond_curves(predictions, ("a",), replicates=5, bins=3), "a", "reliability")
    np.testing.assert_allclose(rows[["x", "y", "share"]], [[0.45, 0.5, 1]])


def test_a_bin_that_is_empty_in_some_replicate_has_no_interval():
    predictions = two_scenarios([0.1, 0.1, 0.1, 0.9, 0.9, 0.9], [0.1, 0.1, 0.1, 0.9, 0.9, 0.9])
    rows = one(beyond_curves(predictions, ("a",), replicates=200, bins=6), "a", "reliability")
    assert rows["y"].notna().all()
    assert rows[["low", "high"]].isna().all(axis=None)


def test_level_narrows_the_band(predictions, curves):
    narrow = beyond_curves(predictions, INITS, replicates=40, bins=4, n_points=11, level=0.5)
    assert (narrow["low"] >= curves["low"]).all()
    assert (narrow["high"] <= curves["high"]).all()
    assert (narrow["high"] - narrow["low"]).sum() < (curves["high"] - curves["low"]).sum()


@pytest.mark.parametrize(
    ("option", "problem"),
    [({"n_points": 1}, "1 points"), ({"bins": 0}, "0 bins"), ({"level": 1}, "confidence level")],
)
def test_bad_options_are_an_error(predictions, option, problem):
    with pytest.raises(InputError, match=problem):
        beyond_curves(predictions, INITS, **({"replicates": 5} | option))
