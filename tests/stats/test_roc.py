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


def test_curve_of_untied_cases_is_the_staircase():
    found = rates(one_run([1, 1] + [0] * 100, [100, 42.5, *range(100)]))["tpr"]
    assert found.tolist() == 57 * [0.5] + [0.75] + 43 * [1]  # a jump counts with its middle


def test_mean_is_over_scenarios_after_folds_are_averaged(predictions):
    pooled = rates(predictions)
    test = predictions[(predictions["part"] == "test") & (predictions["init"] == "imagenet")]
    runs = {run: rates(rows)["tpr"].to_numpy() for run, rows in test.groupby(["scenario", "fold"])}
    scenarios = pd.DataFrame(runs).T.groupby(level=0).mean()
    np.testing.assert_allclose(pooled.loc["imagenet", "tpr"], scenarios.mean())


values = st.integers(0, 9)


@given(
    n=st.sampled_from([1, 2, 4, 5, 10, 20, 25]),
    negative=st.lists(values, min_size=24, max_size=24),
    positive=st.lists(values, min_size=1, max_size=20),
)
@settings(max_examples=25)
def test_area_equals_the_auc_where_the_grid_holds_every_jump(n, negative, positive):
    """Jumps stand at whole hundredths; the lowest score is a negative one's."""
    labels, scores = [0] * n + [1] * len(positive), [-1, *negative[: n - 1], *positive]
    curve = mean_roc(one_run(labels, scores))
    area = np.trapezoid(curve["tpr"], curve["fpr"])
    assert area == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
