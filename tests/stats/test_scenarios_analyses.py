"""Six analyses of one task, each against what it is written out."""

import numpy as np
import pandas as pd
import pytest
from made_predictions import make_predictions
from scipy import stats

from rin.errors import InputError
from rin.stats import delong_test, init_differences, scenario_aucs, task_analyses

INITS = ("radimagenet", "imagenet")
COMPARED = ["estimate", "p_value"]


def test_analyses_are_those_of_their_names():
    predictions = make_predictions(n_scenarios=3, n_folds=3)
    found = task_analyses(predictions, *INITS).set_index("name")[COMPARED].to_numpy()
    of_runs = scenario_aucs(predictions).groupby(["scenario", "init"])["auc"].mean().unstack()
    a, b = of_runs["radimagenet"], of_runs["imagenet"]
    tested = predictions[predictions["part"] == "test"]
    wide = tested.pivot(index=["scenario", "case_id", "label"], columns="init", values="score")
    mean = wide.groupby(["case_id", "label"]).mean()
    stacked, ensembles = (
        delong_test(rows.index.get_level_values("label"), *rows[[*INITS]].to_numpy().T)
        for rows in (wide, mean)
    )
    contrasts = [
        init_differences(tested.assign(patient_id=tested[unit]), *INITS).iloc[0]
        for unit in ("case_id", "patient_id")
    ]
    expected = [
        [(a - b).mean(), stats.ttest_ind(a, b).pvalue],
        [(a - b).mean(), stats.ttest_rel(a, b).pvalue],
        [stacked.estimate, stacked.p_value],
        [ensembles.estimate, ensembles.p_value],
        *([row["estimate"], row["p_value"]] for row in contrasts),
    ]
    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize(
    ("predictions", "said"),
    [
        (lambda rows: pd.concat([rows, rows.assign(task="acl")]), "Select one task"),
        (lambda rows: rows[rows["scenario"].str.endswith("1")], "at least 2 finite"),
        (lambda rows: rows.assign(label=1), "one class"),
    ],
)
def test_what_cannot_be_analysed_is_one_clear_error(predictions, said):
    with pytest.raises(InputError, match=said):
        task_analyses(predictions(make_predictions()), *INITS)
