"""Folds (training sets) whose test sets share patients, and pairs that lack a fold."""

import numpy as np
import pandas as pd
import pytest
from made_predictions import by_case
from numpy.testing import assert_allclose
from scipy.special import expit

from rin.errors import InputError
from rin.stats import (
    auc_contrasts,
    clinical_measures,
    init_differences,
    mean_roc,
    pair_differences,
    pretraining_changes,
    pretraining_differences,
    simulation,
)
from rin.stats.pretrainings import task_pairs


def two_folds():
    """Return two pretrainings of each backbone, in two folds that test the same cases."""
    first, second = (simulation.simulate_predictions(pretrainings=2, seed=k) for k in (0, 2))
    rows = pd.concat([first, second.assign(fold=1)], ignore_index=True)
    return rows[rows["task"] == "breast"]


def test_folds_that_test_the_same_cases_are_as_predictors_of_one_test_set():
    rows = two_folds()
    pair = ["fold", "backbone", "pretraining"]
    labels, patients, wide = by_case(rows, *pair, "init", "scenario")
    networks = wide.columns.to_frame(index=False)
    sign = np.where(networks["init"] == "a", 1, -1)
    weights = (
        np.equal.outer(range(8), networks.groupby(pair).ngroup().array) * sign / 2
    )  # 2 scenarios
    _, differences, covariance = auc_contrasts(labels, wide.to_numpy().T, weights, patients)
    (of_task,) = task_pairs(rows, "a", "b")
    assert of_task.pairs["fold"].tolist() == [0] * 4 + [1] * 4
    assert_allclose(of_task.differences, differences)
    assert_allclose(of_task.covariance, covariance, atol=1e-12)
    (found,) = init_differences(rows, "a", "b").query("group == 'all'").itertuples()
    assert found.estimate == pytest.approx(differences.mean())
    assert found.standard_error**2 == pytest.approx(covariance.mean())
    assert (found.n_cases, found.n_patients) == (120, 60)


def test_pairs_may_lack_a_fold_as_a_whole_and_count_with_those_that_they_have():
    whole = two_folds()
    lacking = "backbone == 'ResNet50' and pretraining == 2 and fold == 1"
    rows = whole.query(f"not ({lacking})")
    table = pretraining_differences(rows, "a", "b")
    assert table[["pairs", "folds"]].to_numpy().tolist() == [[4, 2]]
    assert table["remark"].item() == "The variance between folds rests on 1 degree of freedom."
    pairs, first = (
        pair_differences(of, "a", "b").set_index(["backbone", "pretraining"])["estimate"]
        for of in (rows, rows[rows["fold"] == 0])
    )
    assert pairs["ResNet50", 2] == first["ResNet50", 2]
    assert pairs["ResNet50", 1] != first["ResNet50", 1]
    assert table["estimate"].item() == pytest.approx(pairs.groupby("backbone").mean().mean())
    one_run_less = whole.query(f"not ({lacking} and unfreezing == 'freeze_all')")
    with pytest.raises(InputError, match="has no scores in a fold that others have"):
        pretraining_differences(one_run_less, "a", "b")


def test_measures_and_mean_curves_of_networks_of_some_folds_are_of_these_folds():
    rows = two_folds().query("pretraining == 2 or fold == 0")
    found = clinical_measures(rows, ["a", "b"], replicates=9).set_index(["measure", "init"])
    network = ["init", "scenario", "pretraining"]
    runs = rows.groupby([*network, "fold"])[["label", "score"]]
    brier = runs.apply(lambda run: np.square(expit(run["score"]) - run["label"]).mean())
    expected = brier.groupby(network).mean().groupby("init").mean()
    assert_allclose(found["estimate"]["brier"][["a", "b"]], expected)
    area = (
        mean_roc(rows).groupby("init").apply(lambda rows: np.trapezoid(rows["tpr"], rows["fpr"]))
    )
    (table,) = init_differences(rows, "a", "b").query("group == 'all'").to_dict("records")
    assert_allclose(area, [table["auc_a"], table["auc_b"]], atol=5e-4)


def test_a_change_between_hospitals_is_that_of_the_means_over_the_folds_of_a_pair():
    here = two_folds().query("pretraining == 2 or fold == 0")
    there = here.assign(patient_id=here["patient_id"] + " elsewhere", score=-here["score"])
    there["scenario"] += " " + there["fold"].astype(str)  # as `external_scores`: folds as networks
    found = pretraining_changes(here, there.assign(fold=0), "a", "b")
    mean = pair_differences(here, "a", "b").groupby("backbone")["estimate"].mean().mean()
    assert found["estimate"].item() == pytest.approx(2 * mean)
    assert found[["pairs", "folds"]].to_numpy().tolist() == [[4, 1]]
