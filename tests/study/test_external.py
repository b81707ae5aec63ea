"""External datasets: every run scores them whole, and is trained on none of them."""

import numpy as np

from rin.study import fine_tuning
from rin.study.plan import plan_study


def test_run_has_all_external_cases_as_a_part_that_is_scored_alone(opened):
    workspace = opened(
        {
            "external": True,
            "inits": ["imagenet", "random"],
            "pretraining": None,
            "stand_ins.busbra": {"benign": 9, "malignant": 7},
        }
    )
    inputs = workspace.inputs("breast")
    away, part = inputs.external["busbra"], inputs.folds.set_index("case_id")["part"]
    parts = fine_tuning._parts_of(plan_study(workspace)[0])
    assert [*parts] == ["train", "validation", "test", "busbra"]
    for name in ("train", "validation", "test"):
        cases = inputs.store.cases["case_id"].iloc[parts[name].rows]
        assert {*cases} == {*part.index[part == name]}
    np.testing.assert_array_equal(parts["busbra"].rows, np.arange(len(away.store.cases)))
    np.testing.assert_array_equal(parts["busbra"].labels, away.labels)
    assert len(parts["busbra"].images) == len(away.store.cases)
