"""Clinical measures beyond the AUC, against scikit-learn and pROC, and their two tables."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_predictions import columns_of, golden, make_predictions, one_run
from numpy.testing import assert_allclose
from scipy.special import expit, logit
from scipy.stats import rankdata
from sklearn.metrics import (
    brier_score_loss,
    confusion_matrix,
    roc_curve,
)

from rin.errors import InputError
from rin.stats.bootstrap import cluster_weights
from rin.stats.clinical import (
    MEASURES,
    Measure,
    WeightedCases,
    brier_score,
    clinical_curves,
    clinical_measures,
    expected_calibration_error,
    net_benefit,
    reliability_curve,
    sensitivity_at_specificity,
)
from rin.stats.inputs import task_scores

GOLDEN = golden("operating_golden")
#: Probabilities of a coarse grid, so that ties and the ends 0 and 1 occur.
case = st.sampled_from([*product((0, 1), np.arange(9) / 8, range(4))])


weighted = st.lists(case, min_size=2, max_size=12).filter(
    lambda cases: {label for label, _, weight in cases if weight} == {0, 1}
)
samples = weighted.map(columns_of)


def written_out(labels, scores, weights):
    return np.repeat(labels, weights), np.repeat(scores, weights)


def cases_of(labels, scores, weights=None):
    """Cases with one row of weights, below a row by which each counts once."""
    rows = None if weights is None else np.vstack([np.ones(len(labels), int), weights])
    return WeightedCases(np.asarray(labels), np.asarray(scores, float), rows)


def measured(measure, labels, probabilities, *options, weights=None):
    """A measure of one row of weights."""
    return ranked(measure, labels, logit(probabilities), *options, weights=weights)


def ranked(measure, labels, scores, *options, weights=None):
    """A measure of one row of weights and scores of any size."""
    return measure(cases_of(labels, scores, weights), *options)[-1]


def test_probabilities_in_place_of_log_odds_of_one_init_are_an_error(predictions):
    of_a = predictions["init"] == INITS[0]
    wrong = predictions.assign(score=predictions["score"].mask(of_a, expit(predictions["score"])))
    with pytest.raises(InputError, match=r"task breast, score: all scores lie from 0 to 1.*logit"):
        clinical_measures(wrong, INITS, replicates=10)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sure_networks_are_ranked_on_log_odds(dtype):
    # Sure of everything: as float32 probabilities nearly all are 1, and tie.
    scores = np.array([60, 55, 50, 45, 40, 38, 35, 30, 25, 20, 19, 18, 17, 16, 15], dtype)
    labels = np.isin(np.arange(15), [0, 2, 3, 4, 6]).astype(int)
    assert np.unique(expit(scores.astype(np.float32))).size < 5
    run = one_run(labels, scores)
    table = clinical_measures(run, ("a",), replicates=20).set_index("measure")["estimate"]
    assert table["sensitivity_at_90"] == pytest.approx(4 / 5)


@given(samples)
@settings(max_examples=40)
def test_calibration_equals_that_of_cases_written_out_in_the_bins_of_their_ranks(counted):
    labels, scores = written_out(*counted)
    rows = pd.DataFrame({"label": labels, "score": scores})
    middle = (rankdata(rows["score"]) - 0.5) / len(rows)  # of cases of one score, who share a bin
    of_bins = rows.groupby((10 * middle + 1e-9).astype(int))
    score, label = of_bins[["score", "label"]].mean().reindex(range(10)).to_numpy().T
    share = of_bins.size().reindex(range(10), fill_value=0) / len(rows)
    found = reliability_curve(labels, logit(scores))
    assert_allclose(found, [score, label, share], atol=1e-12)
    error = measured(expected_calibration_error, labels, scores)
    assert error == pytest.approx((share * abs(score - label)).sum(), abs=1e-12)


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: case["name"])
def test_sensitivity_is_the_highest_of_procs_thresholds(case):
    found = [
        ranked(sensitivity_at_specificity, case["labels"], case["scores"], specificity)
        for specificity in case["specificity"]
    ]
    assert_allclose(found, case["sensitivity"], atol=1e-12)


@pytest.mark.parametrize("case", [case for case in GOLDEN if "ci" in case])
def test_draws_of_cases_give_the_interval_that_procs_give(case):
    labels, scores = np.array(case["labels"]), np.array(case["scores"])
    weights = cluster_weights(np.arange(labels.size), 4000, 0, labels=labels)
    for specificity, *ends in zip(*case["ci"].values(), strict=True):
        _, *drawn = sensitivity_at_specificity(cases_of(labels, scores, weights), specificity)
        assert np.quantile(drawn, [0.025, 0.975]).tolist() == pytest.approx(ends, abs=0.02)


@pytest.mark.parametrize(
    ("labels", "scores", "specificity", "expected"),
    [
        ([0] * 10 + [1] * 3, [*range(10), 8.5, 8.6, 20], 0.9, 1),  # the upper end of a rise
        ([0] * 10 + [1] * 3, [*range(10), 8.5, 8.6, 20], 1, 1 / 3),
        # 0.1 of ten negatives is a little less than the one above all positives.
        ([0, 1, 0] + [0] * 8, [5, 4, 4] + [1] * 8, 0.9, 0),
    ],
)
def test_sensitivity_is_that_of_the_exact_share_of_negatives(
    labels, scores, specificity, expected
):
    found = ranked(sensitivity_at_specificity, labels, scores, specificity)
    assert found == pytest.approx(expected, abs=1e-15)


def highest_sensitivity(labels, scores, specificity):
    false, true, _ = roc_curve(labels, scores, drop_intermediate=False)
    return true[false <= 1 - specificity + 1e-12].max()


def counted_benefit(labels, scores, threshold):
    (_, false), (_, true) = confusion_matrix(labels, scores >= threshold, labels=[0, 1])
    return (true - false * threshold / (1 - threshold)) / len(labels)


@pytest.mark.parametrize(
    ("measure", "expected"),
    [
        (lambda cases, _: brier_score(cases), lambda *case: brier_score_loss(*case[:2])),
        (sensitivity_at_specificity, highest_sensitivity),
        (lambda cases, at: net_benefit(cases, np.array([at]))[0], counted_benefit),
    ],
    ids=["Brier score", "sensitivity", "net benefit"],
)
@given(counted=samples, at=st.integers(0, 19).map(lambda k: k / 20))
@settings(max_examples=40)
def test_measures_equal_scikit_learns_of_cases_written_out(measure, expected, counted, at):
    labels, scores, weights = counted
    found = measured(measure, labels, scores, at, weights=weights)
    assert found == pytest.approx(expected(*written_out(*counted), at), abs=1e-12)


INITS = ("radimagenet", "imagenet")
THRESHOLDS = np.arange(100) / 100


@pytest.fixture(scope="module")
def predictions():
    """Of two folds, of which the second has fewer positive cases."""
    rows = make_predictions(n_cases=36).eval("score = score - 0.5")
    return rows.query("fold == 0 or case_id not in ['case 1-0', 'case 1-3', 'case 1-6']")


@pytest.fixture(scope="module")
def task(predictions):
    return next(task_scores(predictions, INITS))


@pytest.fixture(scope="module")
def table(predictions):
    return clinical_measures(predictions, INITS, replicates=60)


def one(table, init, measure):
    return table[(table["init"] == init) & (table["measure"] == measure)].iloc[0]


#: What measures are of the cases of one scenario.
KNOWN = {
    "ece": expected_calibration_error,
    "brier": brier_score,
    "sensitivity_at_90": lambda cases: sensitivity_at_specificity(cases, 0.9),
    "net_benefit": lambda cases: net_benefit(cases, np.array([cases.labels.mean()]))[0],
}


def mean_over_scenarios(task, init, measure, weights=None):
    """A function of weighted cases, averaged over the scenarios of an init."""
    weights = np.ones((1, task.labels.size), int) if weights is None else weights
    folds = [task.cases["fold"] == fold for fold in task.cases["fold"].unique()]
    cases = [
        WeightedCases(task.labels[inside], scores[inside], weights[:, inside])
        for scores in task.scores[task.inits.index(init)]
        for inside in folds
    ]
    return np.mean([measure(of_fold) for of_fold in cases], axis=0)


def test_a_further_measure_is_one_entry(predictions, monkeypatch):
    monkeypatch.setitem(MEASURES, "cases", Measure("Cases", lambda cases: cases.total))
    table = clinical_measures(predictions, INITS, replicates=5)
    assert one(table, INITS[0], "cases")["estimate"] == (36 + 33) / 2
    assert one(table, "difference", "cases")["ci_high"] == 0


@pytest.mark.parametrize("measure", MEASURES)
def test_estimate_and_interval_are_those_of_the_public_measure_averaged_over_scenarios(
    task, table, measure
):
    drawn = cluster_weights(pd.factorize(task.cases["patient_id"])[0], 60, 0, labels=task.labels)
    weights = np.vstack([np.ones(task.labels.size, int), drawn])
    a, b = (mean_over_scenarios(task, init, KNOWN[measure], weights) for init in INITS)
    for init, values in ((INITS[0], a), (INITS[1], b), ("difference", a - b)):
        row = one(table, init, measure)
        ends = np.quantile(values[1:], [0.025, 0.975])
        expected = [values[0], *([np.nan] * 2 if measure == "ece" else ends)]
        found = row[["estimate", "ci_low", "ci_high"]].tolist()
        assert_allclose(found, expected, rtol=1e-8, atol=1e-12)


def test_replicates_of_many_cases_which_are_measured_in_blocks_join_without_a_seam():
    labels, scores = np.arange(4000) % 2, np.random.default_rng(0).normal(size=4000)
    many = one_run(labels, scores)
    row = one(clinical_measures(many, ("a",), replicates=1000), "a", "brier")
    weights = cluster_weights(np.arange(4000), 1000, 0, labels=labels)
    drawn = brier_score(WeightedCases(labels, scores, weights))
    assert_allclose([row["ci_low"], row["ci_high"]], np.quantile(drawn, [0.025, 0.975]))


def test_draws_without_a_positive_in_a_fold_are_left_out_of_the_interval():
    labels = np.append(np.arange(20) % 2, np.arange(20) == 0)
    scores, folds = np.random.default_rng(0).normal(size=40), np.repeat([0, 1], 20)
    runs = one_run(labels, scores).assign(fold=folds)
    row = one(clinical_measures(runs, ("a",), replicates=300), "a", "brier")
    weights = cluster_weights(np.arange(40), 300, 0, labels=labels)
    of_folds = [
        brier_score(WeightedCases(labels[inside], scores[inside], weights[:, inside]))
        for inside in (folds == 0, folds == 1)
    ]
    whole = np.mean(of_folds, axis=0)[weights[:, 20] > 0]
    assert len(whole) < 250
    assert_allclose([row["ci_low"], row["ci_high"]], np.quantile(whole, [0.025, 0.975]))


@pytest.mark.filterwarnings("error")
def test_draws_without_any_patient_of_a_fold_have_no_value_and_give_no_warning():
    labels, folds = np.arange(12) % 2, np.arange(12) // 2
    scores = np.random.default_rng(0).normal(size=12)
    runs = one_run(labels, scores).assign(fold=folds)
    assert one(clinical_measures(runs, ("a",), replicates=200), "a", "brier")["ci_low"] > 0


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


@pytest.fixture(scope="module")
def curves(predictions):
    return clinical_curves(predictions, INITS).set_index(["curve", "init"])[["x", "estimate"]]


def sure_of_all(cases):
    return WeightedCases(cases.labels, np.full(cases.labels.size, 60.0))


@pytest.mark.parametrize(
    ("curve", "points"),
    [
        ("decision", lambda cases: ([THRESHOLDS], net_benefit(cases, THRESHOLDS).T)),
        ("treat_all", lambda cases: ([THRESHOLDS], net_benefit(sure_of_all(cases), THRESHOLDS).T)),
        (
            "reliability",
            lambda cases: np.array(reliability_curve(cases.labels, cases.scores))[:2, None],
        ),
    ],
)
@pytest.mark.parametrize("init", INITS)
def test_curve_is_the_mean_over_scenarios_at_each_point(curves, task, init, curve, points):
    expected = mean_over_scenarios(task, init, points)[:, 0]
    assert_allclose(curves.loc[curve, init].T, expected, atol=1e-12)


def test_a_bin_counts_only_scenarios_that_hold_cases_in_it():
    # The second scenario says 0.5 of everyone: all its cases lie in the bin above the middle.
    middles = np.arange(0.05, 1, 0.1)
    predictions = pd.concat(
        one_run([0, 1] * 5, logit(of_cases), scenario=scenario)
        for scenario, of_cases in (("s", middles), ("t", [0.5] * 10))
    )
    rows = clinical_curves(predictions, ("a",)).query("curve == 'reliability'")
    middles[5] = (0.55 + 0.5) / 2
    assert_allclose(rows[["x", "estimate"]].T, [middles, [0, 1, 0, 1, 0, 0.75, 0, 1, 0, 1]])
