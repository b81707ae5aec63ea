"""Every function that returns an interval takes its level, and only the interval depends on it."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from rin.errors import InputError
from rin.stats import (
    baseline_differences,
    equivalence_tests,
    factor_effects,
    image_differences,
    init_differences,
    paired_t,
    random_effects,
    scenario_aucs,
    simulation,
    task_analyses,
)

PREDICTIONS = simulation.simulate_predictions()
BREAST = PREDICTIONS[PREDICTIONS["task"] == "breast"]
MAPS = BREAST.eval("dice = abs(score) / 9")
CENTRE = MAPS[["case_id"]].drop_duplicates().assign(baseline="centre", dice=0.1)
LEVELS = pd.concat([BREAST.assign(level="low"), BREAST.assign(level="high", score=-BREAST.score)])
A, B = [0.91, 0.88, 0.86, 0.93], [0.90, 0.84, 0.85, 0.88]
STUDIES = [0.02, -0.01, 0.05, 0.01, 0.03], [4e-4] * 5

#: Tables of each function at a level, with t or z intervals.
TESTED = {
    init_differences: lambda level: init_differences(PREDICTIONS, "a", "b", level=level),
    factor_effects: lambda level: factor_effects(LEVELS, ("a", "b"), ("low", "high"), level=level),
    image_differences: lambda level: image_differences(MAPS, "a", "b", ["dice"], level=level),
    baseline_differences: lambda level: baseline_differences(
        MAPS, CENTRE, ["a", "b"], ["dice"], level=level
    ),
    task_analyses: lambda level: task_analyses(BREAST, "a", "b", level=level),
    paired_t: lambda level: pd.DataFrame([paired_t(A, B, level=level).to_row()]),
    random_effects: lambda level: pd.DataFrame([random_effects(*STUDIES, level=level)]),
}


@pytest.mark.parametrize("function", TESTED, ids=lambda function: function.__name__)
def test_intervals_of_a_level_are_the_quantiles_of_t_around_the_estimate(function):
    usual, table = TESTED[function](0.95), TESTED[function](0.8)
    df = table["df"].fillna(np.inf)  # an AUC is not tested, and its interval is normal
    half_width = stats.t.ppf(0.9, df) * table["standard_error"]
    assert_allclose(table["ci_low"], table["estimate"] - half_width)
    assert_allclose(table["ci_high"], table["estimate"] + half_width)
    ends = {"ci_low", "ci_high", "prediction_low", "prediction_high"}
    others = [name for name in table if name not in ends]
    pd.testing.assert_frame_equal(usual[others], table[others])


def test_intervals_of_runs_are_of_their_level():
    runs = scenario_aucs(BREAST, level=0.5)
    half_width = stats.norm.ppf(0.75) * np.sqrt(runs["variance"])
    assert_allclose(runs["ci_low"], runs["auc"] - half_width)


def test_prediction_of_a_further_study_is_of_its_level():
    row = random_effects(*STUDIES, level=0.8)
    spread = stats.t.ppf(0.9, 4) * np.hypot(row["standard_error"], np.sqrt(row["tau2"]))
    ends = row["prediction_low"], row["prediction_high"]
    assert ends == pytest.approx((row["estimate"] - spread, row["estimate"] + spread))


def test_equivalence_is_decided_at_their_level():
    """The interval is that of twice the one-sided level, and agrees with the decision."""
    made = {"task": ["breast"], "estimate": [0.005], "standard_error": [0.01], "df": [np.inf]}
    table = pd.DataFrame(made)
    for level in (0.9, 0.95):
        (found,) = equivalence_tests(table, [0.02], level=level).itertuples()
        ends = stats.norm.interval(2 * level - 1, 0.005, 0.01)
        assert (found.ci_low, found.ci_high) == pytest.approx(ends)
        assert found.equivalent == (found.ci_high < 0.02) == (level == 0.9)
    with pytest.raises(InputError, match="is no level"):
        equivalence_tests(table, level=0.05)
