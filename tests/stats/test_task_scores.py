import numpy as np
import pandas as pd
import pytest
from made_predictions import make_predictions

from rin.errors import InputError
from rin.stats.task_scores import mean_over_scenarios, task_scores

INITS = ("radimagenet", "imagenet")


def only(predictions):
    (task,) = task_scores(predictions, INITS)
    return task


def test_folds_stand_side_by_side_and_cases_in_the_order_of_their_names(predictions):
    task = only(predictions)
    assert task.task == "breast"
    assert list(task.scores) == list(INITS)
    assert task.scores["imagenet"].shape == (3, 48)
    assert task.labels.shape == task.patients.shape == (48,)


def test_every_score_stands_at_its_scenario_and_case(predictions):
    task = only(predictions.sample(frac=1, random_state=0))
    rows = predictions[(predictions["part"] == "test") & (predictions["init"] == "imagenet")]
    wide = rows.sort_values(["scenario", "case_id"])
    np.testing.assert_array_equal(task.scores["imagenet"].ravel(), wide["score"])
    np.testing.assert_array_equal(np.tile(task.labels, 3), wide["label"])
    np.testing.assert_array_equal(np.tile(task.patients, 3), wide["patient_id"])


def test_mean_over_scenarios_of_scores_is_their_mean(predictions):
    task = only(predictions)
    mean = mean_over_scenarios(task, "imagenet", lambda scores: scores)
    np.testing.assert_allclose(mean, task.scores["imagenet"].mean(axis=0))


def without_case(predictions):
    gone = (predictions["init"] == "imagenet") & (predictions["case_id"] == "case 0-3")
    return predictions[~(gone & predictions["scenario"].str.endswith("1"))]


def without_scenario(predictions):
    gone = (predictions["init"] == "imagenet") & predictions["scenario"].str.endswith("1")
    return predictions[~gone]


@pytest.mark.parametrize("spoil", [without_case, without_scenario])
def test_a_missing_score_is_an_error_that_names_its_place(predictions, spoil):
    with pytest.raises(InputError, match=r"scenario ResNet50-unfreeze_all-1 .* 'imagenet'"):
        only(spoil(predictions))


def test_no_patients_is_an_error(predictions):
    with pytest.raises(InputError, match="'patient_id' is missing"):
        only(predictions.drop(columns="patient_id"))


def test_no_init_is_an_error(predictions):
    with pytest.raises(InputError, match="no init"):
        list(task_scores(predictions, ()))


def test_an_unknown_init_is_an_error(predictions):
    with pytest.raises(InputError, match="unknown init 'random'"):
        list(task_scores(predictions, ("random",)))


def test_a_nan_score_is_an_error_that_names_its_run(predictions):
    predictions.loc[3, "score"] = np.nan
    with pytest.raises(InputError, match=r"1 scores are NaN.*'fold': 0"):
        only(predictions)


@pytest.mark.parametrize("column", ["label", "patient_id"])
def test_a_case_under_two_labels_or_patients_is_an_error(predictions, column):
    predictions.loc[0, column] = 0 if column == "label" else "another"
    with pytest.raises(InputError, match="'case 0-0' has several labels or patients"):
        only(predictions)


def test_two_seeds_are_an_error(predictions):
    twice = pd.concat([predictions, predictions.assign(seed=1)])
    with pytest.raises(InputError, match="repeat their"):
        only(twice)


def test_tasks_come_one_by_one():
    table = make_predictions(n_cases=12)
    both = pd.concat([table, table.assign(task="acl")], ignore_index=True)
    assert [task.task for task in task_scores(both, INITS)] == ["acl", "breast"]
