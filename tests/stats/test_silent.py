"""Input that once passed in silence, and made wrong numbers of it."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from rin.errors import InputError
from rin.stats import (
    baseline_differences,
    clinical_curves,
    clinical_measures,
    image_differences,
    init_differences,
    pretraining_differences,
    pretraining_power,
    simulation,
)

SCORES = simulation.simulate_predictions(pretrainings=2).query("task == 'breast'")
OF_A = SCORES["init"] == "a"


def test_pair_without_a_score_is_refused():
    lost = (SCORES["backbone"] == "ResNet50") & (SCORES["pretraining"] == 2)
    with pytest.raises(InputError, match="scores are NaN"):
        init_differences(SCORES.assign(score=SCORES["score"].mask(lost)), "a", "b")


def test_probabilities_of_one_init_are_refused():
    mixed = SCORES.assign(score=SCORES["score"].where(~OF_A, expit(SCORES["score"])))
    with pytest.raises(InputError, match="all scores lie from 0 to 1"):
        clinical_measures(mixed, ["a", "b"], replicates=5)


def test_baselines_are_compared_as_maps_are_on_their_images():
    uneven = SCORES[(SCORES["backbone"] != "ResNet50") | (SCORES["pretraining"] == 1)]
    maps = uneven.assign(dice=uneven["score"].abs() / (9 + (uneven["backbone"] == "ResNet50")))
    near = maps[["case_id"]].drop_duplicates().assign(baseline="near", dice=0.2)
    away = pd.DataFrame({"case_id": ["x"], "baseline": "away", "dice": 9.0})
    found = baseline_differences(maps, pd.concat([near, away]), ["a", "b"], ["dice"])
    expected = image_differences(maps, "a", "b", ["dice"])[["mean_a", "mean_b"]].iloc[0]
    assert found["mean"].tolist() == pytest.approx([*expected])
    assert {*found["baseline"]} == {"near"}


def test_units_share_a_seed_by_name_and_one_backbone_says_nothing_of_others():
    unit = ("backbone", "pretraining")
    renamed = SCORES.rename(columns={"pretraining": "training"}).assign(pretraining=1)
    plain, seeded = (
        pretraining_differences(table, "a", "b", unit=(unit[0], "training"))["df"]
        for table in (renamed, renamed.assign(pretraining_seed=7))
    )
    pd.testing.assert_series_equal(plain, seeded)
    alone = SCORES[SCORES["backbone"] == "ResNet50"]
    (row,) = pretraining_differences(alone, "a", "b").to_dict("records")
    assert np.isnan(pretraining_power(0.1, row, backbones=4, pretrainings=2))


def test_treating_all_is_averaged_over_folds_as_the_networks_are():
    few = SCORES[(SCORES["label"] == 0) | SCORES["case_id"].isin(SCORES["case_id"][:20])]
    few = few.assign(fold=1, case_id=few["case_id"] + "'", patient_id=few["patient_id"] + "'")
    curves = clinical_curves(pd.concat([SCORES, few]), ["a"]).query("x == 0")
    at_zero = curves.set_index("curve")["estimate"]
    assert at_zero["treat_all"] == pytest.approx(at_zero["decision"])
