"""What is made of a study's predictions before they are compared, against loops written out."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from rin.errors import InputError
from rin.stats import init_differences, scenario_aucs, simulation
from rin.stats.inputs import run_names
from rin.study import compare_levels, external_scores
from rin.study.choices import choose_settings, validation_scores

NETWORK = ["task", "init", "backbone", "pretraining"]


@pytest.fixture(scope="module")
def predictions():
    return simulation.simulate_predictions(pretrainings=2)


@pytest.fixture(scope="module")
def records(predictions):
    names = run_names(predictions)
    run_ids = predictions[names].astype(str).agg(" ".join, axis="columns")
    runs = predictions.assign(run_id=run_ids)
    scores = validation_scores(runs)
    columns = runs.drop_duplicates("run_id").set_index("run_id")[[*names, "backbone"]]
    return columns.join(scores).reset_index(drop=True)


def test_validation_scores_equal_those_of_scikit_learn(predictions, records):
    names = ["task", "scenario", "init", "pretraining"]
    found = records.set_index(names)[["validation_auc", "validation_loss"]].sort_index()
    for (run, rows), (other, scores) in zip(
        predictions.groupby(names), found.iterrows(), strict=True
    ):
        auc = roc_auc_score(rows["label"], rows["score"])
        loss = log_loss(rows["label"], 1 / (1 + np.exp(-rows["score"])))
        assert (run, [*scores]) == (other, pytest.approx([auc, loss]))
    single = validation_scores(predictions[predictions["label"] == 1].assign(run_id="a"))
    assert single["validation_auc"].isna().all()


def test_chosen_setting_is_that_of_the_best_validation_of_each_network(predictions, records):
    """Init a does better with all layers; b does as well with both, with less loss frozen."""
    whole = records["scenario"].str.contains("unfreeze_all")
    made = records.assign(
        validation_auc=np.where((records["init"] == "a") & whole, 0.9, 0.8),
        validation_loss=np.where(whole, 0.6, 0.5),
    )
    chosen = choose_settings(predictions, made)
    assert (chosen["scenario"] == chosen["backbone"] + "-chosen").all()
    wanted = np.where(predictions["init"] == "a", "unfreeze_all", "freeze_all")
    expected = predictions[predictions["unfreezing"] == wanted]
    case = [*NETWORK, "case_id"]
    pd.testing.assert_series_equal(
        chosen.set_index(case)["score"], expected.set_index(case)["score"]
    )


@pytest.mark.parametrize("column", ["pretraining", "scenario"])
def test_rows_that_do_not_name_their_run_are_left_out_nowhere(predictions, records, column):
    spoilt = predictions.assign(**{column: predictions[column].where(predictions["init"] == "a")})
    with pytest.raises(InputError, match=rf"'{column}': 1920 of 3840 values are "):
        choose_settings(spoilt, records)


def test_settings_are_not_chosen_without_validation_scores(predictions, records):
    unknown = records.assign(validation_auc=np.nan)
    for nothing in (unknown, records.drop(columns="validation_auc")):
        with pytest.raises(InputError, match=r"no run has a validation score.*validation_auc"):
            choose_settings(predictions, nothing)


def test_external_images_are_scored_by_the_network_of_every_fold(predictions):
    one_fold = predictions[predictions["task"] == "breast"]
    another = one_fold.assign(fold=1, score=-one_fold["score"])
    both = external_scores(pd.concat([one_fold, another]).assign(part="external"))
    aucs = scenario_aucs(both)
    assert len(aucs) == 2 * len(one_fold.groupby([*NETWORK, "scenario"]))
    assert aucs["n"].unique().tolist() == [one_fold["case_id"].nunique()]
    assert init_differences(both, "a", "b")["estimate"].to_numpy() == pytest.approx(0, abs=1e-12)


def mean_auc(rows):
    """The mean over networks of scikit-learn's AUC."""
    networks = rows.groupby(["scenario", "init"])
    return np.mean([roc_auc_score(run["label"], run["score"]) for _, run in networks])


def test_levels_are_compared_by_their_mean_aucs():
    rows = simulation.simulate_predictions()
    table = compare_levels(rows, "ResNet50").set_index(["task", "level", "other"])
    pairs = [("unfreezing", "unfreeze_all", "freeze_all"), ("backbone", "DenseNet121", "ResNet50")]
    expected = {
        (task, *levels): np.subtract(*(mean_auc(own[own[column] == one]) for one in levels))
        for task, own in rows.groupby("task")
        for column, *levels in pairs
    }
    assert table["estimate"].to_dict() == pytest.approx(expected)


def test_learning_rates_of_levels_are_compared_by_their_rank(predictions):
    """Each way of unfreezing has a rate of its own."""
    own = np.where(predictions["unfreezing"] == "freeze_all", 1e-2, 1e-4)
    found = compare_levels(predictions.assign(learning_rate=own), "ResNet50")
    pd.testing.assert_frame_equal(found, compare_levels(predictions, "ResNet50"))
