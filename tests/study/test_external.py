"""External datasets: every run scores them whole, and is trained on none of them."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from tiny_study import FROZEN, side_study, tiny_profile

from rin.errors import InputError
from rin.study import consolidate, fine_tuning, open_workspace
from rin.study.fine_tuning import run_missing
from rin.study.plan import plan_study

CHANGES = {
    "name": "external",
    "external": True,
    "inits": ["random", "radiologic"],
    "studies": [side_study("from_random", **FROZEN)],
    "stand_ins.busbra": {"benign": 9, "malignant": 7},
}


@pytest.fixture(scope="module")
def external(beside):
    study = beside(CHANGES)
    run_missing(study, plan_study(study, "from_random"))
    return study


def test_run_has_all_external_cases_as_a_part_that_is_scored_alone(study_folder):
    changes = CHANGES | {"inits": ["imagenet", "random"], "pretraining": None, "studies": []}
    workspace = open_workspace(tiny_profile(changes), results=study_folder)
    inputs = workspace.inputs("breast")
    away, part = inputs.external["busbra"], inputs.folds.set_index("case_id")["part"]
    parts, stores = fine_tuning._parts_of(plan_study(workspace)[0])
    assert {*stores} == {"validation", "test", "busbra"}
    assert stores["busbra"] is away.store
    for name in ("train", "validation", "test"):
        cases = inputs.store.cases["case_id"].iloc[parts[name].rows]
        assert {*cases} == {*part.index[part == name]}
    np.testing.assert_array_equal(parts["busbra"].rows, np.arange(len(away.store.cases)))
    np.testing.assert_array_equal(parts["busbra"].labels, away.labels)
    assert len(parts["busbra"].images) == len(away.store.cases)


@pytest.mark.slow
def test_every_run_scores_all_external_cases_and_trains_on_none(external):
    inputs = external.inputs("breast")
    away = inputs.external["busbra"]
    assert away.all_images.manifest.name == "busbra"
    assert not set(inputs.folds["case_id"]) & set(away.store.cases["case_id"])
    found = consolidate(external).predictions("from_random", "breast", "busbra")
    for _, rows in found.groupby("init"):
        assert sorted(rows["case_id"]) == sorted(away.store.cases["case_id"])
    labels = away.labels.loc[found["case_id"]].to_numpy()
    assert np.array_equal(found["label"], labels)
    assert set(found["label"]) == {0, 1}
    assert found["score"].notna().all()


@pytest.mark.slow
def test_scores_at_home_are_those_without_the_external_dataset(external):
    profile = external.profile.model_copy(update={"external": False})
    alone = replace(external, profile=profile)
    planned = plan_study(alone, "from_random")
    ids = {run.run_id for run in plan_study(external, "from_random")}
    assert ids.isdisjoint(run.run_id for run in planned)
    run_missing(alone, planned)
    pd.testing.assert_frame_equal(
        consolidate(alone).predictions("from_random", "breast"),
        consolidate(external).predictions("from_random", "breast"),
    )
    with pytest.raises(InputError, match="unknown part 'busbra'"):
        consolidate(alone).predictions("from_random", "breast", "busbra")


def test_external_dataset_that_is_not_at_hand_is_named():
    workspace = open_workspace(tiny_profile({"external": True}))
    with pytest.raises(InputError, match="the images of busbra were not found"):
        workspace.inputs("breast")
