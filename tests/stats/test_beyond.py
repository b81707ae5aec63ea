import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_predictions import make_predictions, one_run
from scipy.special import expit

from rin.errors import InputError
from rin.stats import beyond
from rin.stats.beyond import (
    MEASURES,
    average_precision,
    beyond_area,
    beyond_curves,
    brier_parts,
    calibration_line,
    expected_calibration_error,
    net_benefit,
    precision_at_recall,
    reliability_curve,
    sensitivity_at_specificity,
    treat_all,
    weighted_cases,
)
from rin.stats.bootstrap import cluster_weights
from rin.stats.inputs import task_scores

INITS = ("radimagenet", "imagenet")
GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "operating_golden.json").read_text())


def probabilities(**shape):
    table = make_predictions(**shape)
    return table.assign(score=expit(table["score"] - 0.5))


@pytest.fixture(scope="module")
def predictions():
    return probabilities(n_scenarios=3, n_folds=2, n_cases=36)


@pytest.fixture(scope="module")
def table(predictions):
    return beyond_area(predictions, INITS, replicates=60, bins=5)


def one(table, init, measure):
    return table[(table["init"] == init) & (table["measure"] == measure)].iloc[0]


def alone(measure, cases):
    """Each measure of one scenario by its own function."""
    (in_the_large, _, slope), brier = calibration_line(cases).T, brier_parts(cases, 5).T
    values = [
        expected_calibration_error(cases, 5),
        None,  # by chance
        *brier,
        *(sensitivity_at_specificity(cases, [share])[:, 0] for share in (0.90, 0.95)),
        average_precision(cases),
        net_benefit(cases, [cases.labels.mean()])[:, 0],
        in_the_large,
        slope,
    ]
    return values[MEASURES.index(measure)]


def mean_over_scenarios(task, init, measure, weights=None):
    """A function of weighted cases, averaged over the scenarios of an init."""
    of_init = task.scores[task.inits.index(init)]
    cases = [weighted_cases(task.labels, scores, weights) for scores in of_init]
    return np.mean([measure(of_scenario) for of_scenario in cases], axis=0)


def test_rows_are_every_measure_of_each_init_and_their_difference(table):
    assert table["init"].unique().tolist() == [*INITS, "difference"]
    assert table["measure"].tolist() == list(MEASURES) * 3
    assert table[["n_scenarios", "n_cases", "n_patients"]].drop_duplicates().values.tolist() == [
        [3, 72, 36]
    ]
    assert table["task"].unique().tolist() == ["breast"]


@pytest.mark.parametrize("measure", [m for m in MEASURES if m != "ece_by_chance"])
def test_estimate_is_the_mean_over_scenarios_of_the_public_measure(predictions, table, measure):
    (task,) = task_scores(predictions, INITS)
    for init in INITS:
        (expected,) = mean_over_scenarios(task, init, lambda cases: alone(measure, cases))
        assert one(table, init, measure)["estimate"] == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize(
    ("measure", "reflected"),
    [
        *((name, False) for name in ("brier", "sensitivity_at_90", "net_benefit")),
        *((name, True) for name in ("ece", "brier_reliability", "brier_resolution")),
    ],
)
def test_interval_is_that_of_the_public_measure_over_the_same_replicates(
    predictions, table, measure, reflected
):
    (task,) = task_scores(predictions, INITS)
    weights = cluster_weights(task.patients, 60, 0, labels=task.labels)
    a, b = (
        mean_over_scenarios(task, init, lambda cases: alone(measure, cases), weights)
        for init in INITS
    )
    for init, drawn, lowest in zip([*INITS, "difference"], [a, b, a - b], [0, 0, -1], strict=True):
        row = one(table, init, measure)
        bounds = np.quantile(drawn, [0.025, 0.975])
        if reflected:  # as chance raises it, and cut at its limits
            bounds = np.maximum(2 * row["estimate"] - bounds[::-1], lowest)
        np.testing.assert_allclose([row["ci_low"], row["ci_high"]], bounds, rtol=1e-9)
        inside = row["ci_low"] <= row["estimate"] <= row["ci_high"]
        assert (row["remark"] == "") == inside


def test_interval_of_the_line_is_near_that_of_complete_fits():
    predictions = probabilities(n_scenarios=1, n_folds=1, n_cases=600)
    table = beyond_area(predictions, INITS, replicates=200)
    (task,) = task_scores(predictions, INITS)
    weights = cluster_weights(task.patients, 200, 0, labels=task.labels)
    lines = calibration_line(weighted_cases(task.labels, task.scores[0, 0], weights))
    for measure, drawn in [("in_the_large", lines[:, 0]), ("slope", lines[:, 2])]:
        row = one(table, INITS[0], f"calibration_{measure}")
        bounds = np.quantile(drawn, [0.025, 0.975])
        np.testing.assert_allclose([row["ci_low"], row["ci_high"]], bounds, atol=0.04)


def test_an_estimate_above_its_reflected_interval_says_so():
    # True probabilities in many small bins: nearly all of the error is chance.
    rng = np.random.default_rng(3)
    scores = rng.random(60)
    predictions = one_run((rng.random(60) < scores).astype(int), scores, np.arange(60))
    row = one(beyond_area(predictions, ("a",), replicates=300, bins=30), "a", "ece")
    assert row["ci_high"] < row["estimate"]
    assert row["remark"].startswith("outside its interval")


def test_ece_by_chance_draws_one_number_a_patient():
    labels, scores = np.arange(240) % 2, np.full(240, 0.4)
    runs = (one_run(labels, scores, np.arange(240) // images) for images in (1, 8))
    tables = (beyond_area(run, ("a",), replicates=200) for run in runs)
    apart, shared = (one(table, "a", "ece_by_chance")["estimate"] for table in tables)
    assert shared > 2 * apart


def test_blocks_of_replicates_join_without_a_seam(predictions, monkeypatch):
    whole = beyond_area(predictions, INITS, replicates=20)
    monkeypatch.setattr(beyond, "_CELLS", 100)
    pd.testing.assert_frame_equal(beyond_area(predictions, INITS, replicates=20), whole)


def test_equal_scores_have_documented_values():
    labels = np.arange(40) % 4 == 0
    predictions = one_run(labels.astype(int), np.full(40, 0.4), np.arange(40))
    table = beyond_area(predictions, ("a",), replicates=20)
    values = table.set_index("measure")["estimate"]
    assert values["average_precision"] == 0.25
    assert values["sensitivity_at_90"] == pytest.approx(0.1)
    assert values["brier_resolution"] == pytest.approx(0, abs=1e-15)
    assert values["ece"] == pytest.approx(0.15)
    slope = one(table, "a", "calibration_slope")
    assert np.isnan([slope["estimate"], slope["ci_low"], slope["ci_high"]]).all()
    assert slope["remark"].startswith("not defined")


def test_slope_of_a_replicate_without_one_has_an_estimate_but_no_interval():
    # Two scores only: a replicate that draws one of them has no slope.
    labels, scores = np.array([0, 1, 0, 1]), np.array([0.2, 0.2, 0.7, 0.7])
    predictions = one_run(labels, scores, np.arange(4))
    row = one(beyond_area(predictions, ("a",), replicates=200), "a", "calibration_slope")
    assert row["estimate"] == pytest.approx(0, abs=1e-9)
    assert np.isnan(row["ci_low"])
    assert row["remark"] == "no interval: not defined in some replicates"


@pytest.mark.parametrize(
    ("labels", "patients", "problem"),
    [
        ([0, 1, 0, 1], [1, 1, 1, 1], "one cluster"),
        ([0, 0, 0, 0], [1, 2, 3, 4], "one class only"),
        ([0, 1, 0, 1], [1, 2, None, 4], "name no patient"),
    ],
)
def test_what_cannot_be_resampled_is_an_error_that_names_the_task(labels, patients, problem):
    predictions = one_run(labels, [0.1, 0.3, 0.5, 0.8], patients)
    with pytest.raises(InputError, match=f"task breast.*{problem}"):
        beyond_area(predictions, ("a",), replicates=10)


def test_scores_that_are_no_probabilities_are_an_error():
    with pytest.raises(InputError, match=r"task breast.*not all probabilities"):
        beyond_area(make_predictions(), INITS, replicates=10)


@pytest.mark.parametrize("case", GOLDEN[:2], ids=lambda case: case["name"])
def test_interval_of_sensitivity_is_near_procs_bootstrap(case):
    labels, scores = case["labels"], case["scores"]
    weights = cluster_weights(np.arange(len(labels)), 8000, 0, labels=labels)
    at, *bounds = case["ci"].values()
    drawn = sensitivity_at_specificity(weighted_cases(labels, scores, weights), at)
    # pROC leaves out replicates without the rarer class too; both draw at random.
    np.testing.assert_allclose(np.quantile(drawn, [0.025, 0.975], axis=0), bounds, atol=0.03)


def two_scenarios(first, second):
    cases = np.arange(len(first))
    runs = [one_run(cases % 2, np.array(scores), cases) for scores in (first, second)]
    return pd.concat([runs[0], runs[1].assign(scenario="t")])


GRID = np.linspace(0, 1, 11)


@pytest.fixture(scope="module")
def curves(predictions):
    return beyond_curves(predictions, INITS, replicates=40, bins=4, n_points=11)


@pytest.fixture(scope="module")
def task(predictions):
    return next(task_scores(predictions, INITS))


def curve_of(curves, init, curve):
    return curves[(curves["init"] == init) & (curves["curve"] == curve)]


def drawn(task):
    return cluster_weights(task.patients, 40, 0, labels=task.labels)


@pytest.mark.parametrize(
    ("init", "curve", "measure", "grid"),
    [
        (INITS[0], "precision_recall", precision_at_recall, GRID),
        (INITS[1], "decision", net_benefit, GRID[:-1]),
        (INITS[1], "treat_all", treat_all, GRID[:-1]),
    ],
)
def test_curve_is_the_mean_over_scenarios_at_each_point(curves, task, init, curve, measure, grid):
    rows = curve_of(curves, init, curve)
    np.testing.assert_allclose(rows["x"], grid)
    (expected,), replicates = (
        mean_over_scenarios(task, init, lambda cases: measure(cases, grid), weights)
        for weights in (None, drawn(task))
    )
    np.testing.assert_allclose(rows["y"], expected, atol=1e-12)
    bounds = np.quantile(replicates, [0.025, 0.975], axis=0)
    np.testing.assert_allclose([rows["low"], rows["high"]], bounds, atol=1e-12)


def test_reliability_is_the_mean_over_scenarios_of_each_bin(curves, task):
    init = INITS[1]
    rows = curve_of(curves, init, "reliability")
    (expected,), replicates = (
        mean_over_scenarios(task, init, lambda cases: reliability_curve(cases, 4), weights)
        for weights in (None, drawn(task))
    )
    np.testing.assert_allclose(rows[["x", "y", "share"]].T, expected)
    bounds = np.quantile(replicates[:, 1], [0.025, 0.975], axis=0)
    np.testing.assert_allclose([rows["low"], rows["high"]], bounds)


def test_a_bin_counts_only_scenarios_that_hold_cases_in_it():
    # The second scenario says 0.5 of everyone: all its cases lie in the middle bin.
    predictions = two_scenarios([0.1, 0.2, 0.4, 0.6, 0.8, 0.9], [0.5] * 6)
    rows = curve_of(beyond_curves(predictions, ("a",), replicates=5, bins=3), "a", "reliability")
    np.testing.assert_allclose(rows["x"], [0.15, 0.5, 0.85])
    np.testing.assert_allclose(rows["share"], [1 / 6, (1 / 3 + 1) / 2, 1 / 6])


def test_a_bin_that_is_empty_in_some_replicate_has_no_interval():
    predictions = two_scenarios([0.1, 0.1, 0.1, 0.9, 0.9, 0.9], [0.1, 0.1, 0.1, 0.9, 0.9, 0.9])
    rows = curve_of(beyond_curves(predictions, ("a",), replicates=200, bins=6), "a", "reliability")
    assert rows["y"].notna().all()
    assert rows[["low", "high"]].isna().all(axis=None)


@pytest.mark.parametrize(
    ("function", "option", "problem"),
    [
        (beyond_curves, {"n_points": 1}, "1 points"),
        (beyond_curves, {"bins": 0}, "0 bins"),
        (beyond_area, {"level": 95}, "confidence level"),
    ],
)
def test_bad_options_are_an_error(predictions, function, option, problem):
    with pytest.raises(InputError, match=problem):
        function(predictions, INITS, **({"replicates": 5} | option))
