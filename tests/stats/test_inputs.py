import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from rin.errors import InputError
from rin.stats import (
    init_differences,
    scenario_aucs,
)
from rin.stats.inputs import task_scores
from rin.stats.simulation import simulate_predictions

INITS = ("radimagenet", "imagenet")


def only(predictions):
    (task,) = task_scores(predictions, INITS)
    return task


def test_every_score_stands_at_its_init_scenario_and_case(predictions):
    task = only(predictions.sample(frac=1, random_state=0))
    assert (task.task, task.inits, task.scores.shape) == ("breast", INITS, (2, 3, 48))
    names = ["fold", "case_id", "label", "patient_id"]
    tested = predictions.query("part == 'test'")
    cases = tested.pivot(index=names, columns=["init", "scenario"], values="score")
    assert_array_equal(task.cases[names], cases.index.to_frame())
    for init, of_init in zip(INITS, task.scores, strict=True):
        assert_array_equal(of_init, cases[init][[*task.networks["scenario"]]].T)


RUN = "scenario == 'ResNet50-unfreeze_all-1' and init == 'imagenet' and case_id == 'case 1-0'"


def changed(column, value):
    return lambda rows: rows.assign(**{column: rows[column].mask(rows.eval(RUN), value)})


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda rows: pd.concat([rows, rows[:1]]), "repeat"),
        (lambda rows: pd.concat([rows, rows.assign(seed=1)]), "select one seed"),
        (lambda rows: rows.assign(case_id=rows["case_id"].str[7:]), "has two labels or patients"),
        (
            lambda rows: rows.query(f"not ({RUN})"),
            "task breast, .*1 of 24 cases of scenario ResNet50-unfreeze_all-1 have no score of "
            "init 'imagenet'",
        ),
        (changed("patient_id", "x"), "'case 1-0' has two labels or patients"),
        (changed("score", np.nan), "1 of 24 cases of scenario ResNet50-unfreeze_all-1.*is NaN"),
        (
            lambda rows: rows.assign(score=rows["score"].where(rows["scenario"].str[-1] != "1")),
            "96 scores are NaN",
        ),
        (lambda rows: rows.assign(patient_id=None), "48 test cases name no patient"),
        (
            lambda rows: rows[(rows["fold"] == 0) | ~rows["scenario"].str.endswith("1")],
            "scenario ResNet50-unfreeze_all-1 has no scores in a fold that others have",
        ),
        (lambda rows: rows.drop(columns="patient_id"), "'patient_id'.* missing"),
        (lambda rows: rows[rows["part"] == "validation"], "no row of part 'test'"),
        (lambda rows: rows[rows["init"] == "imagenet"], "unknown init 'radimagenet'"),
        (
            lambda rows: rows.assign(seed=rows["seed"].where(rows["fold"] == 0)),
            "column 'seed': 144 of 288 values are not there",
        ),
        (
            lambda rows: rows.assign(label=np.where(rows["label"], "malignant", "benign")),
            "column 'label': .* not 0 or 1; the first: .*It is: 1 for the positive class, else 0",
        ),
        (changed("unfreezing", "x"), "task breast, .*two values of unfreezing"),
    ],
)
def test_unfit_predictions_are_an_error_that_names_the_place(predictions, spoil, message):
    with pytest.raises(InputError, match=message):
        init_differences(spoil(predictions), *INITS)


@pytest.mark.parametrize("inits", [(), ("imagenet", "imagenet")])
def test_inits_that_are_not_different_are_an_error(predictions, inits):
    with pytest.raises(InputError, match="not different inits"):
        list(task_scores(predictions, inits))


@pytest.mark.parametrize("dtype", ["str", "category"])
def test_network_has_the_name_of_its_scenario_and_of_its_pretraining(dtype):
    scores = simulate_predictions(pretrainings=2).sample(frac=1, random_state=0)
    scores = scores.query("task == 'breast'").astype({"scenario": dtype})
    (task,) = task_scores(scores, ["a", "b"])
    wide = scores.query("init == 'a'").pivot_table(
        "score", "case_id", ["scenario", "pretraining"], observed=True
    )
    for network, of_network in zip(task.networks.itertuples(), task.scores[0], strict=True):
        assert network.Index == f"{network.scenario} pretraining {network.pretraining}"
        expected = wide.loc[task.cases["case_id"], (network.scenario, network.pretraining)]
        assert_array_equal(of_network, expected)


def test_missing_descriptions_of_a_scenario_equal_one_another():
    """As the seed of a pretraining, which a run from released weights does not have."""
    scores = simulate_predictions().assign(pretraining_seed=np.nan)
    (first, *_) = task_scores(scores, ["a", "b"], ["pretraining_seed"])
    assert first.networks["pretraining_seed"].isna().all()
    mixed = scores.assign(pretraining_seed=np.where(scores["init"] == "a", 1.0, np.nan))
    with pytest.raises(InputError, match="two values of pretraining_seed"):
        list(task_scores(mixed, ["a", "b"], ["pretraining_seed"]))


def test_score_that_is_there_twice_is_refused_run_by_run_as_well():
    scores = simulate_predictions()
    with pytest.raises(InputError, match="1 row repeats task"):
        scenario_aucs(pd.concat([scores, scores.iloc[:1]], ignore_index=True))
