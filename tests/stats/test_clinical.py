"""Clinical measures beyond the AUC, against scikit-learn and pROC, and their two tables."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_predictions import make_predictions, one_run
from scipy.special import expit, logit
from sklearn.calibration import calibration_curve
from sklearn.metrics import average_precision_score, brier_score_loss, confusion_matrix

from rin.errors import InputError
from rin.stats import clinical
from rin.stats.bootstrap import cluster_weights
from rin.stats.clinical import (
    EXTREME,
    GRID,
    MEASURES,
    average_precision,
    brier_parts,
    calibration_error_by_chance,
    calibration_line,
    clinical_curves,
    clinical_measures,
    expected_calibration_error,
    net_benefit,
    precision_at_recall,
    reliability_curve,
    replicate_lines,
    sensitivity_at_specificity,
    treat_all,
    weighted_cases,
)
from rin.stats.inputs import task_scores

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "operating_golden.json").read_text())
#: Probabilities of a coarse grid, so that ties and the ends 0 and 1 occur.
case = st.tuples(st.integers(0, 1), st.integers(0, 8).map(lambda k: k / 8), st.integers(0, 3))


def _both_classes_count(cases):
    return {label for label, _, weight in cases if weight} == {0, 1}


samples = (
    st.lists(case, min_size=2, max_size=14)
    .filter(_both_classes_count)
    .map(lambda cases: tuple(np.array(column) for column in zip(*cases, strict=True)))
)


def written_out(labels, scores, weights):
    return np.repeat(labels, weights), np.repeat(scores, weights)


def sample(n, seed=0, *, levels=None):
    """Labels and probabilities that are informative but not calibrated."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 3 == 0
    scores = 1 / (1 + np.exp(-rng.normal(1.5 * labels - 0.3, 1.2)))
    if levels:
        scores = np.round(scores * levels) / levels
    return labels.astype(int), scores


def replicates(n):
    """Rows of whole weights under which both classes of `sample` count."""
    weights = np.random.default_rng(1).multinomial(n, np.full(n, 1 / n), size=7)
    weights[:, :2] += 1
    return weights


def brier_score(cases):
    return brier_parts(cases)[:, 0]


NUMBERS = [brier_score, expected_calibration_error, average_precision, sensitivity_at_specificity]


def measured(measure, labels, probabilities, *options, weights=None):
    """A measure of one row of weights."""
    return ranked(measure, labels, logit(probabilities), *options, weights=weights)


def ranked(measure, labels, scores, *options, weights=None):
    """A measure of one row of weights and scores of any size."""
    return measure(weighted_cases(labels, scores, weights), *options)[0]


def test_probabilities_in_place_of_log_odds_are_an_error(predictions):
    wrong = predictions.assign(score=expit(predictions["score"]))
    with pytest.raises(InputError, match=r"task breast, score: all scores lie from 0 to 1.*logit"):
        clinical_measures(wrong, INITS, replicates=10)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sure_networks_are_ranked_on_log_odds_and_no_threshold_is_made_up(dtype):
    # Sure of everything: as float32 probabilities nearly all are 1, and tie.
    scores = np.array([60, 55, 50, 45, 40, 38, 35, 30, 25, 20, 19, 18, 17, 16, 15], dtype)
    labels = np.array([1, 0, 1, 1, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0])
    assert np.unique(expit(scores.astype(np.float32))).size < 5
    found = ranked(sensitivity_at_specificity, labels, scores, [0.75, 0.9, 0.95])
    np.testing.assert_allclose(found, [1, 4 / 5, 1 / 5])
    assert ranked(average_precision, labels, scores) == pytest.approx(
        np.mean([1, 2 / 3, 3 / 4, 4 / 5, 5 / 7])
    )
    run = one_run(labels, scores, np.arange(15))
    table = clinical_measures(run, ("a",), replicates=20, bins=2).set_index("measure")["estimate"]
    assert table["sensitivity_at_90"] == 4 / 5
    assert table["brier"] == pytest.approx(np.mean((expit(scores.astype(float)) - labels) ** 2))


def test_sensitivity_is_one_that_some_threshold_reaches():
    # The highest score is given to one negative of five: nothing is 90 % specific but nobody.
    scores, labels = [9, 9, 9, 9, 3, 2, 1, 0], [1, 1, 1, 0, 0, 0, 0, 1]
    assert ranked(sensitivity_at_specificity, labels, scores, [0.9, 0.75]).tolist() == [0, 0.75]


@pytest.mark.parametrize(
    ("weights", "problem"),
    [
        ([1, 2, 3], "beside 2 labels"),
        ([[[1, 1]]], "beside 2 labels"),
        (["a", "b"], "beside 2 labels"),
        ([1, -1], "finite numbers from 0"),
        ([1, np.nan], "finite numbers from 0"),
        (np.ones((0, 2)), "finite numbers from 0"),
        ([[1, 1], [2, 0]], "a row counts no case of one class"),
    ],
)
def test_bad_weights_are_an_error(weights, problem):
    with pytest.raises(InputError, match=problem):
        weighted_cases([0, 1], [0.2, 0.6], weights)


@pytest.mark.parametrize("measure", NUMBERS)
def test_every_row_of_weights_is_measured_as_if_alone(measure):
    labels, scores = sample(30, levels=6)
    weights = replicates(30)
    alone = [measured(measure, labels, scores, weights=row) for row in weights]
    found = measure(weighted_cases(labels, logit(scores), weights))
    np.testing.assert_allclose(found, alone, rtol=1e-12)


def binned_in_a_loop(labels, scores, bins):
    """The rule in plain words: a score's bin is that of its middle rank."""
    found = []
    for k in range(bins):
        members = []
        for label, score in zip(labels, scores, strict=True):
            middle = (scores < score).mean() + (scores == score).mean() / 2
            if int(bins * middle + 1e-9) == k:
                members.append((score, label))
        found.append(np.array(members).reshape(-1, 2))
    return found


@pytest.mark.parametrize(("n", "bins"), [(40, 10), (60, 4), (30, 5), (12, 12)])
def test_reliability_of_distinct_scores_equals_scikit_learn(n, bins):
    labels, scores = sample(n, seed=n)
    mean_score, observed, _ = measured(reliability_curve, labels, scores, bins)
    expected = calibration_curve(labels, scores, n_bins=bins, strategy="quantile")
    np.testing.assert_allclose([observed, mean_score], expected, atol=1e-12)


@given(samples, st.integers(1, 11))
@settings(max_examples=60, deadline=None)
def test_calibration_and_brier_parts_equal_a_loop_over_cases_written_out(counted, bins):
    labels, scores, weights = counted
    binned = binned_in_a_loop(*written_out(*counted), bins)
    outcomes, total = np.repeat(labels, weights), weights.sum()
    mean_score, observed, share = measured(reliability_curve, labels, scores, bins, weights=weights)
    for k, members in enumerate(binned):
        assert share[k] == pytest.approx(len(members) / total, abs=1e-12)
        expected = members.mean(axis=0) if len(members) else [np.nan, np.nan]
        np.testing.assert_allclose([mean_score[k], observed[k]], expected, atol=1e-12)
    found = [members for members in binned if len(members)]
    gaps = [(len(m) / total, np.subtract(*m.mean(axis=0))) for m in found]
    error = measured(expected_calibration_error, labels, scores, bins, weights=weights)
    assert error == pytest.approx(sum(share * abs(gap) for share, gap in gaps), abs=1e-12)
    resolution = sum(len(m) / total * (m[:, 1].mean() - outcomes.mean()) ** 2 for m in found)
    expected = [
        brier_score_loss(labels, scores, sample_weight=weights),
        sum(share * gap**2 for share, gap in gaps),
        resolution,
        outcomes.var(),
    ]
    parts = measured(brier_parts, labels, scores, bins, weights=weights)
    np.testing.assert_allclose(parts, expected, atol=1e-12)


@pytest.mark.parametrize("bins", [0, 2.5, True, "ten"])
def test_a_number_of_bins_that_is_not_whole_and_positive_is_an_error(bins):
    with pytest.raises(InputError, match="bins"):
        measured(expected_calibration_error, [0, 1], [0.2, 0.7], bins)


@pytest.mark.parametrize("bins", [1, 5, 11])
def test_error_by_chance_is_the_calibration_error_of_the_outcomes_drawn(bins):
    scores = sample(40, levels=8)[1]
    uniforms = np.random.default_rng(0).random((20, 40))
    expected = [
        measured(expected_calibration_error, row < scores, scores, bins) for row in uniforms
    ]
    found = calibration_error_by_chance(scores, uniforms, bins)
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: case["name"])
def test_sensitivity_is_the_highest_of_procs_thresholds(case):
    found = ranked(sensitivity_at_specificity, case["labels"], case["scores"], case["specificity"])
    np.testing.assert_allclose(found, case["sensitivity"], atol=1e-12)


@given(samples, st.integers(0, 20).map(lambda k: k / 20))
@settings(max_examples=60, deadline=None)
def test_sensitivity_of_weighted_cases_is_that_of_cases_written_out(counted, specificity):
    labels, scores, weights = counted
    found = measured(sensitivity_at_specificity, labels, scores, [specificity], weights=weights)
    once = measured(sensitivity_at_specificity, *written_out(*counted), [specificity])
    assert found == pytest.approx(once, abs=1e-12)


@pytest.mark.parametrize(
    ("labels", "scores", "specificity", "expected"),
    [
        ([0] * 10 + [1] * 3, [*range(10), 8.5, 8.6, 20], 0.9, 1),  # the upper end of a rise
        ([0] * 10 + [1] * 3, [*range(10), 8.5, 8.6, 20], 1, 1 / 3),
        ([0, 1, 0, 1], [3, 3, 1, 1], 0.9, 0),  # a tie: no threshold between (0, 0) and (0.5, 0.5)
        ([0, 1, 1], [0.4] * 3, 0.95, 0),
        ([1, 1, 0, 0], [0, 0, 1, 1], 0.9, 0),
        # 0.1 of ten negatives is a little less than the one above all positives.
        ([0, 1, 0] + [0] * 8, [5, 4, 4] + [1] * 8, 0.9, 0),
    ],
)
def test_sensitivity_between_and_at_points_of_the_curve(labels, scores, specificity, expected):
    found = ranked(sensitivity_at_specificity, labels, scores, [specificity])
    assert found == pytest.approx([expected], abs=1e-15)
    assert found >= 0


@given(samples)
@settings(max_examples=60, deadline=None)
def test_average_precision_equals_scikit_learn_and_the_mean_precision_over_recall(counted):
    labels, scores, weights = counted
    found = measured(average_precision, labels, scores, weights=weights)
    expected = average_precision_score(labels, scores, sample_weight=weights)
    assert found == pytest.approx(expected, abs=1e-12)
    # Midpoints of a grid that has every recall of the sample on its lines.
    steps = int(weights[labels == 1].sum())
    middle = (np.arange(steps) + 0.5) / steps
    precision = measured(precision_at_recall, labels, scores, middle, weights=weights)
    assert precision.mean() == pytest.approx(found, abs=1e-12)


def test_precision_at_recall_is_that_of_the_highest_threshold_that_reaches_it():
    recall = np.array([0, 0.2, 1 / 3, 0.4, 2 / 3, 0.9, 1])
    found = ranked(precision_at_recall, [1, 0, 1, 0, 1, 0], [6, 5, 4, 3, 2, 1], recall)
    np.testing.assert_allclose(found, [1, 1, 1, 2 / 3, 2 / 3, 3 / 5, 3 / 5])


@pytest.mark.parametrize("n", [60, 400])
def test_line_with_weights_solves_the_equations_of_the_likelihood_row_by_row(n):
    labels, scores = sample(n)
    weights, odds = np.vstack([np.ones(n, int), replicates(n)]), logit(scores)
    lines = calibration_line(weighted_cases(labels, odds, weights))
    large, intercept, slope = lines.T[:, :, None]
    for fitted in (odds + large, intercept + slope * odds):
        left = weights * (labels - expit(fitted))
        np.testing.assert_allclose(left.sum(axis=1), 0, atol=1e-6)
    np.testing.assert_allclose(left @ odds, 0, atol=1e-6)


@pytest.mark.parametrize(
    ("labels", "scores"),
    [
        ([0, 1, 1, 1], [0.4] * 4),
        ([0, 0, 1, 1], [0.1, 0.2, 0.7, 0.9]),
        ([1, 1, 0, 0], [0.1, 0.2, 0.7, 0.9]),
        ([0, 0, 1, 1], [0.1, 0.5, 0.5, 0.9]),
        ([0, 0, 1, 1], [0, 0, 1, 1]),
    ],
    ids=["equal", "separated", "reversed", "separated but for a tie", "sure and right"],
)
def test_slope_is_nan_where_the_likelihood_has_no_finite_maximum(labels, scores):
    line = measured(calibration_line, labels, scores)
    assert np.isnan(line).tolist() == [False, True, True]


def test_slope_is_nan_only_in_rows_whose_weights_separate_the_classes():
    weights = [[1, 1, 1, 1], [1, 0, 1, 1], [2, 1, 1, 0]]
    lines = calibration_line(weighted_cases([0, 1, 0, 1], logit([0.1, 0.2, 0.3, 0.9]), weights))
    assert np.isnan(lines[:, 2]).tolist() == [False, True, False]


def test_scores_of_0_and_1_count_as_the_nearest_that_have_log_odds():
    labels, sure = [0, 1, 0, 1, 1], np.array([0, 0, 1, 1, 1.0])
    near = np.clip(sure, EXTREME, 1 - EXTREME)
    line = measured(calibration_line, labels, near)
    np.testing.assert_array_equal(measured(calibration_line, labels, sure), line)
    slope = (logit(2 / 3) - logit(1 / 2)) / (2 * logit(1 - EXTREME))
    assert line[2] == pytest.approx(slope)


def near(labels, scores, weights):
    line = measured(calibration_line, labels, scores)
    return replicate_lines(weighted_cases(labels, logit(scores), weights), line)


def test_replicate_slope_is_nan_where_all_cases_that_count_score_the_same():
    labels, scores = [0, 1, 0, 1, 0], [0.1, 0.7, 0.7, 0.9, 0.95]
    of_one_score = [[0, k, m, 0, 0] for k in (1, 2, 3) for m in (1, 2, 3)]
    values = near(labels, scores, [[1, 1, 1, 1, 1], *of_one_score])
    assert np.isfinite(values[:, 0]).all()
    assert np.isnan(values[:, 1]).tolist() == [False, *[True] * 9]


def test_replicate_in_the_large_of_saturated_scores_is_finite_and_fits():
    labels = np.array([1, 0, 1, 0, 1, 0, 0, 0, 0, 1])
    scores = expit([13.8, 13.8, -3.0, -4.0, -8.5, -13.8, -13.8, -13.8, -13.8, -13.8])
    weights = np.array([[1, 4, 0, 0, 0, 0, 2, 0, 3, 0], [0, 0, 0, 0, 0, 5, 3, 0, 0, 2]])
    large = near(labels, scores, weights)[:, 0]
    predicted = expit(logit(scores) + large[:, None])
    np.testing.assert_allclose((weights * predicted).sum(axis=1), weights @ labels, rtol=1e-9)


@given(samples, st.integers(0, 15).map(lambda k: k / 16))
@settings(max_examples=60, deadline=None)
def test_net_benefit_equals_counts_of_a_confusion_matrix(counted, threshold):
    labels, scores, weights = counted
    outcomes, sure = written_out(*counted)
    for measure, called in ((net_benefit, sure >= threshold), (treat_all, sure >= 0)):
        (_, false), (_, true) = confusion_matrix(outcomes, called, labels=[0, 1])
        expected = (true - false * threshold / (1 - threshold)) / len(outcomes)
        found = measured(measure, labels, scores, [threshold], weights=weights)
        assert found == pytest.approx([expected], abs=1e-12)


INITS = ("radimagenet", "imagenet")
REFLECTED = ("ece", "brier_reliability", "brier_resolution")


def shifted(**shape):
    table = make_predictions(**shape)
    return table.assign(score=table["score"] - 0.5)


@pytest.fixture(scope="module")
def predictions():
    return shifted(n_scenarios=3, n_folds=2, n_cases=36)


@pytest.fixture(scope="module")
def table(predictions):
    return clinical_measures(predictions, INITS, replicates=60, bins=5)


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
    same = table[["task", "n_scenarios", "n_cases", "n_patients"]].drop_duplicates()
    assert same.values.tolist() == [["breast", 3, 72, 36]]


@pytest.mark.parametrize("measure", [m for m in MEASURES if m != "ece_by_chance"])
def test_estimate_and_interval_are_those_of_the_public_measure_averaged_over_scenarios(
    predictions, table, measure
):
    (task,) = task_scores(predictions, INITS)
    drawn = cluster_weights(task.patients, 60, 0, labels=task.labels)
    weights = np.vstack([np.ones(task.labels.size, int), drawn])
    a, b = (
        mean_over_scenarios(task, init, lambda cases: alone(measure, cases), weights)
        for init in INITS
    )
    for init, values, lowest in zip([*INITS, "difference"], [a, b, a - b], [0, 0, -1], strict=True):
        row = one(table, init, measure)
        assert row["estimate"] == pytest.approx(values[0], rel=1e-8)
        if measure.startswith("calibration"):  # its interval is not of complete fits
            continue
        bounds = np.quantile(values[1:], [0.025, 0.975])
        if measure in REFLECTED:  # as chance raises it, and cut at its limits
            bounds = np.maximum(2 * row["estimate"] - bounds[::-1], lowest)
        np.testing.assert_allclose([row["ci_low"], row["ci_high"]], bounds, rtol=1e-9, atol=1e-12)
        inside = row["ci_low"] <= row["estimate"] <= row["ci_high"]
        assert (row["remark"] == "") == inside


def test_interval_of_the_line_is_near_that_of_complete_fits():
    predictions = shifted(n_scenarios=1, n_folds=1, n_cases=600)
    table = clinical_measures(predictions, INITS, replicates=200)
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
    predictions = one_run((rng.random(60) < scores).astype(int), logit(scores), np.arange(60))
    row = one(clinical_measures(predictions, ("a",), replicates=300, bins=30), "a", "ece")
    assert row["ci_high"] < row["estimate"]
    assert row["remark"].startswith("outside its interval")


def test_ece_by_chance_draws_one_number_a_patient():
    labels, scores = np.arange(240) % 2, np.full(240, logit(0.4))
    runs = (one_run(labels, scores, np.arange(240) // images) for images in (1, 8))
    tables = (clinical_measures(run, ("a",), replicates=200) for run in runs)
    apart, shared = (one(table, "a", "ece_by_chance")["estimate"] for table in tables)
    assert shared > 2 * apart


def test_blocks_of_replicates_join_without_a_seam(predictions, monkeypatch):
    whole = clinical_measures(predictions, INITS, replicates=20)
    monkeypatch.setattr(clinical, "_CELLS", 100)
    pd.testing.assert_frame_equal(clinical_measures(predictions, INITS, replicates=20), whole)


@pytest.mark.parametrize(
    ("scores", "slope", "remark"),
    [
        ([0.4] * 4, np.nan, "not defined: scores of a scenario separate the classes or are one"),
        # A replicate that draws one of two scores has no slope.
        ([0.2, 0.2, 0.7, 0.7], 0, "no interval: not defined in some replicates"),
    ],
)
def test_slope_that_is_not_defined_everywhere_has_no_interval_and_says_why(scores, slope, remark):
    predictions = one_run([0, 1, 0, 1], logit(scores), np.arange(4))
    row = one(clinical_measures(predictions, ("a",), replicates=200), "a", "calibration_slope")
    assert row["estimate"] == pytest.approx(slope, abs=1e-9, nan_ok=True)
    assert np.isnan([row["ci_low"], row["ci_high"]]).all()
    assert row["remark"] == remark


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"patients": [1, 1, 1, 1]}, "one cluster"),
        ({"labels": [0, 0, 0, 0]}, "one class only"),
        ({"patients": [1, 2, None, 4]}, "name no patient"),
    ],
)
def test_what_cannot_be_measured_is_an_error_that_names_the_task(changes, problem):
    good = {"labels": [0, 1, 0, 1], "scores": [-2, -1, 0, 1.5], "patients": [1, 2, 3, 4]}
    with pytest.raises(InputError, match=f"task breast.*{problem}"):
        clinical_measures(one_run(**good | changes), ("a",), replicates=10)


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
    runs = [one_run(cases % 2, logit(scores), cases) for scores in (first, second)]
    return pd.concat([runs[0], runs[1].assign(scenario="t")])


@pytest.fixture(scope="module")
def curves(predictions):
    return clinical_curves(predictions, INITS, replicates=40, bins=4)


@pytest.fixture(scope="module")
def task(predictions):
    return next(task_scores(predictions, INITS))


def curve_of(curves, init, curve):
    return curves[(curves["init"] == init) & (curves["curve"] == curve)]


def points(measure, grid):
    """Rows of x and y, as `reliability_curve` gives them."""
    return lambda cases: np.stack(np.broadcast_arrays(grid, measure(cases, grid)), axis=1)


@pytest.mark.parametrize("init", INITS)
@pytest.mark.parametrize(
    ("curve", "measure"),
    [
        ("precision_recall", points(precision_at_recall, GRID)),
        ("decision", points(net_benefit, GRID[:-1])),
        ("treat_all", points(treat_all, GRID[:-1])),
        ("reliability", lambda cases: reliability_curve(cases, 4)),
    ],
)
def test_curve_is_the_mean_over_scenarios_at_each_point(curves, task, init, curve, measure):
    rows = curve_of(curves, init, curve)
    weights = cluster_weights(task.patients, 40, 0, labels=task.labels)
    (expected,), replicates = (
        mean_over_scenarios(task, init, measure, drawn) for drawn in (None, weights)
    )
    names = ["x", "estimate", "share"][: len(expected)]
    np.testing.assert_allclose(rows[names].T, expected, atol=1e-12)
    bounds = np.quantile(replicates[:, 1], [0.025, 0.975], axis=0)
    np.testing.assert_allclose([rows["ci_low"], rows["ci_high"]], bounds, atol=1e-12)


def test_a_bin_counts_only_scenarios_that_hold_cases_in_it():
    # The second scenario says 0.5 of everyone: all its cases lie in the middle bin.
    predictions = two_scenarios([0.1, 0.2, 0.4, 0.6, 0.8, 0.9], [0.5] * 6)
    rows = curve_of(clinical_curves(predictions, ("a",), replicates=5, bins=3), "a", "reliability")
    np.testing.assert_allclose(rows["x"], [0.15, 0.5, 0.85])
    np.testing.assert_allclose(rows["share"], [1 / 6, (1 / 3 + 1) / 2, 1 / 6])


def test_a_bin_that_is_empty_in_some_replicate_has_no_interval():
    predictions = two_scenarios([0.1, 0.1, 0.1, 0.9, 0.9, 0.9], [0.1, 0.1, 0.1, 0.9, 0.9, 0.9])
    rows = curve_of(
        clinical_curves(predictions, ("a",), replicates=200, bins=6), "a", "reliability"
    )
    assert rows["estimate"].notna().all()
    assert rows[["ci_low", "ci_high"]].isna().all(axis=None)
