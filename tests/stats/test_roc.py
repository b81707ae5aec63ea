import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_predictions import one_run
from sklearn.metrics import roc_auc_score

from rin.stats.scenarios import mean_roc


def rates(predictions):
    return mean_roc(predictions).set_index(["init", "fpr"])


def test_curve_of_four_untied_cases_is_the_staircase():
    found = rates(one_run([1, 0, 1, 0], [4, 3, 2, 1]))["tpr"]
    assert found.tolist() == 50 * [0.5] + [0.75] + 50 * [1]  # a jump counts with its middle


def test_mean_is_over_scenarios_after_folds_are_averaged(predictions):
    pooled = rates(predictions)
    test = predictions[(predictions["part"] == "test") & (predictions["init"] == "imagenet")]
    runs = {run: rates(rows)["tpr"].to_numpy() for run, rows in test.groupby(["scenario", "fold"])}
    scenarios = pd.DataFrame(runs).T.groupby(level=0).mean()
    np.testing.assert_allclose(pooled.loc["imagenet", "tpr"], scenarios.mean())


@st.composite
def cases(draw):
    """Scores of both classes, the lowest a negative one's; jumps stand at whole hundredths."""
    n_negative = draw(st.sampled_from([1, 2, 4, 5, 10, 20, 25]))
    values = st.integers(0, 9)
    negative = draw(st.lists(values, min_size=n_negative - 1, max_size=n_negative - 1))
    positive = draw(st.lists(values, min_size=1, max_size=20))
    return [0] * n_negative + [1] * len(positive), [-1, *negative, *positive]


@given(cases())
@settings(max_examples=25, deadline=None)
def test_area_equals_the_auc_where_the_grid_holds_every_jump(drawn):
    curve = mean_roc(one_run(*drawn))
    area = np.trapezoid(curve["tpr"], curve["fpr"])
    assert area == pytest.approx(roc_auc_score(*drawn), abs=1e-12)
