import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_predictions import one_run
from sklearn.metrics import roc_auc_score

from rin.stats.scenarios import mean_roc


def rates(predictions, n_points):
    return mean_roc(predictions, n_points=n_points).set_index(["init", "fpr"])


def test_curve_of_four_untied_cases_is_the_staircase():
    found = rates(one_run([1, 0, 1, 0], [4, 3, 2, 1]), 5)["tpr"]
    assert found.tolist() == [0.5, 0.5, 0.75, 1, 1]  # the jump at 0.5 counts with its middle


def test_constant_scores_give_the_diagonal():
    table = mean_roc(one_run([1, 0, 1, 0, 0], [7] * 5), n_points=9)
    np.testing.assert_allclose(table["tpr"], table["fpr"], atol=1e-12)


def test_mean_and_sd_are_over_scenarios_after_folds_are_averaged(predictions):
    pooled = rates(predictions, 5)
    test = predictions[(predictions["part"] == "test") & (predictions["init"] == "imagenet")]
    runs = {
        run: rates(rows, 5)["tpr"].to_numpy() for run, rows in test.groupby(["scenario", "fold"])
    }
    scenarios = pd.DataFrame(runs).T.groupby(level=0).mean()
    np.testing.assert_allclose(pooled.loc["imagenet", "tpr"], scenarios.mean())
    np.testing.assert_allclose(pooled.loc["imagenet", "tpr_sd"], scenarios.std())
    assert (pooled["n_scenarios"] == 3).all()


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9)), min_size=1, max_size=30))
@settings(max_examples=25, deadline=None)
def test_area_equals_the_auc_where_the_grid_holds_every_jump(cases):
    labels, scores = np.array([*cases, (True, 4)], int).T
    labels, scores = np.append(labels, 0), np.append(scores, -1)  # the lowest is negative
    curve = mean_roc(one_run(labels, scores), n_points=(labels == 0).sum() + 1)
    area = np.trapezoid(curve["tpr"], curve["fpr"])
    assert area == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
