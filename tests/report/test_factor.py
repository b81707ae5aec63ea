"""The page of one factor: its table is that of `rin.stats`, level by level."""

from types import SimpleNamespace

import pandas as pd

from rin.report.factor import differences_at, factor_forest, factor_table
from rin.stats import init_differences, simulation

LEVELS = {"late": 1, "early": 2}
TITLES = {"thyroid": "Thyroid nodules", "breast": "Breast lesions"}


def test_differences_at_each_level_are_those_of_its_scores_in_the_order_of_study_and_tasks():
    parts = {name: simulation.simulate_predictions(seed=seed) for name, seed in LEVELS.items()}
    scores = pd.concat(part.assign(level=name) for name, part in parts.items())
    runs = SimpleNamespace(predictions=lambda study: scores, inits=("a", "b"), titles=TITLES)
    rows = differences_at(runs, "a study").set_index(["task", "at"])["estimate"]
    alone = {name: init_differences(part, "a", "b") for name, part in parts.items()}
    for name, table in alone.items():
        expected = table[table["group"] == "all"].set_index("task")["estimate"]
        assert rows.xs(name, level="at").to_dict() == expected.to_dict()
    assert [*rows.index] == [(task, level) for task in TITLES for level in LEVELS]
    table = factor_table(rows_of := differences_at(runs, "a study"), TITLES, "c").data
    assert [*table.columns] == ["Task", "late", "early"]
    assert len(factor_forest(rows_of, TITLES).get_yticks()) == 4
