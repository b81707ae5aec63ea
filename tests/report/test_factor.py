"""The page of one factor: its table is that of `rin.stats`, level by level."""

from itertools import product

import numpy as np
import pandas as pd

from rin.report.factor import differences_at, factor_forest
from rin.stats import init_differences, simulation

LEVELS = {"late": 1, "early": 2}
TITLES = {"breast": "Breast lesions", "thyroid": "Thyroid nodules"}


def test_differences_at_each_level_are_those_of_its_scores_in_the_order_of_study_and_tasks():
    parts = {name: simulation.simulate_predictions(seed=seed) for name, seed in LEVELS.items()}
    scores = pd.concat(part.assign(level=name) for name, part in parts.items())
    scores = scores.sort_values("task", kind="stable")  # results come task by task
    rows = differences_at(scores, "a", "b")
    for name, of_level in rows.groupby("at"):
        alone = init_differences(parts[name], "a", "b").query("group == 'all'")
        columns = ["task", "estimate"]
        found = of_level.sort_values("task")[columns].to_numpy()
        np.testing.assert_array_equal(found, alone.sort_values("task")[columns])
    assert [*zip(rows["task"], rows["at"], strict=True)] == [*product(TITLES, LEVELS)]
    assert len(factor_forest(rows, TITLES).get_yticks()) == 4
