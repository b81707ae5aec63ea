import numpy as np
import pandas as pd
import pytest
from made_predictions import make_predictions
from sklearn.metrics import roc_auc_score

from rin.errors import InputError
from rin.stats.crossed import crossed_scores
from rin.stats.scenarios import mean_scores, paired_scores

INITS = ("radimagenet", "imagenet")


def crossed(predictions):
    return crossed_scores(paired_scores(predictions, *INITS))


def test_crossed_scores_are_inits_by_scenarios_by_cases_of_each_fold(predictions):
    found = crossed(predictions.sample(frac=1, random_state=0))
    assert (found.task, len(found.scenarios), [fold.fold for fold in found.folds]) == (
        "breast", 3, [0, 1]
    )  # fmt: skip
    one = found.folds[1]
    test = predictions[(predictions["part"] == "test") & (predictions["fold"] == 1)]
    for place, init in enumerate(INITS):
        for row, scenario in enumerate(found.scenarios):
            run = test[(test["init"] == init) & (test["scenario"] == scenario)]
            run = run.sort_values("case_id")
            assert one.scores[place, row].tolist() == run["score"].tolist()
            assert one.labels.tolist() == run["label"].astype(bool).tolist()
            assert one.patients.tolist() == run["patient_id"].tolist()
            area = roc_auc_score(run["label"], run["score"])
            assert one.areas[place, row] == pytest.approx(area)


def test_crossed_scores_do_not_depend_on_the_order_of_pairs(predictions):
    pairs = paired_scores(predictions, *INITS)
    one, other = crossed_scores(pairs), crossed_scores(pairs.sample(frac=1, random_state=1))
    np.testing.assert_array_equal(one.folds[1].scores, other.folds[1].scores)
    assert one.folds[1].patients.tolist() == other.folds[1].patients.tolist()


def test_crossed_areas_stack_the_folds_last(predictions):
    found = crossed(predictions)
    assert found.areas.shape == (2, 3, 2)
    np.testing.assert_array_equal(found.areas[:, :, 1], found.folds[1].areas)


def test_crossed_scores_without_patients_have_none(predictions):
    found = crossed(predictions.drop(columns="patient_id"))
    assert found.folds[0].patients is None


def one_scenario(rows, fold=1):
    return (rows["scenario"] == "ResNet50-unfreeze_all-1") & (rows["fold"] == fold)


def relabelled(rows):
    first = one_scenario(rows) & rows["case_id"].isin(["case 1-0", "case 1-1"])
    return rows.assign(label=rows["label"].where(~first, 1 - rows["label"]))


def renamed(rows, column, value):
    first = one_scenario(rows) & (rows["case_id"] == "case 1-0")
    return rows.assign(**{column: rows[column].where(~first, value)})


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda rows: pd.concat([rows, rows.assign(task="acl")]), "Select one task"),
        (
            lambda rows: rows[~one_scenario(rows)],
            "task breast, fold 1, predictions: scenario ResNet50-unfreeze_all-1 has 0 of 24",
        ),
        (
            lambda rows: rows[~(one_scenario(rows) & (rows["case_id"] == "case 1-0"))],
            "scenario ResNet50-unfreeze_all-1 has 23 of 24",
        ),
        (lambda rows: renamed(rows, "case_id", "case 1-x"), "unfreeze_all-1 has another case_id"),
        (lambda rows: renamed(rows, "patient_id", "x"), "unfreeze_all-1 has another patient_id"),
        (relabelled, "unfreeze_all-1 has another label"),
        (
            lambda rows: renamed(rows, "score", np.nan),
            "score_a: 1 of 144 scores are NaN.*'fold': 1, 'scenario': 'ResNet50-unfreeze_all-1'",
        ),
        (lambda rows: rows.assign(patient_id=None), "144 of 144 rows have no patient_id"),
        (
            lambda rows: rows.assign(patient_id=rows["patient_id"].str[10:]),
            "patient 0 is tested in folds 0 and 1",
        ),
        (
            lambda rows: rows.assign(label=rows["label"].where(rows["fold"] == 0, 1)),
            "task breast, fold 1, labels: one class only",
        ),
    ],
)
def test_crossed_scores_of_an_incomplete_design_name_the_place(predictions, spoil, message):
    with pytest.raises(InputError, match=message):
        crossed(spoil(predictions))


def test_paired_scores_of_contradicting_patients_raise_input_error(predictions):
    other = predictions["patient_id"].where(predictions["init"] == "imagenet", "x")
    with pytest.raises(InputError, match="144 cases have another patient_id under 'imagenet'"):
        paired_scores(predictions.assign(patient_id=other), *INITS)


def test_paired_scores_name_patients_only_where_predictions_do(predictions):
    columns = ["task", "scenario", "fold", "case_id", "label", "score_a", "score_b"]
    without = paired_scores(predictions.drop(columns="patient_id"), *INITS)
    assert without.columns.tolist() == columns
    assert paired_scores(predictions, *INITS).columns.tolist() == [*columns, "patient_id"]
    nobody = paired_scores(predictions.assign(patient_id=None), *INITS)
    assert nobody["patient_id"].isna().all()


def test_mean_scores_average_each_case_over_scenarios():
    predictions = make_predictions(n_scenarios=2, n_folds=1, n_cases=4)
    found = mean_scores(paired_scores(predictions, *INITS))
    test = predictions[predictions["part"] == "test"]
    expected = test[test["init"] == "imagenet"].groupby("case_id")["score"].mean()
    assert found.columns.tolist() == ["label", "score_a", "score_b"]
    assert found["score_b"].tolist() == pytest.approx(expected.tolist())
    assert found["label"].tolist() == [1, 0, 0, 1]
