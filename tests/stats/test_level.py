"""Every function that returns an interval takes its level, and only the interval depends on it."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from rin.errors import InputError
from rin.stats import (
    against_baselines,
    equivalence_tests,
    factor_effects,
    image_differences,
    init_differences,
    paired_t,
    scenario_aucs,
    simulation,
    synthesis,
    task_analyses,
)

PREDICTIONS = simulation.simulate_predictions()
BREAST = PREDICTIONS[PREDICTIONS["task"] == "breast"]
MAPS = BREAST.eval("dice = abs(score) / 9")
CENTRE = MAPS[["case_id"]].drop_duplicates().assign(baseline="centre", dice=0.1)
LEVELS = pd.concat([BREAST.assign(level="low"), BREAST.assign(level="high", score=-BREAST.score)])
THRICE = simulation.simulate_predictions(pretrainings=3)
TWICE = pd.concat([PREDICTIONS, simulation.simulate_predictions(seed=2).assign(seed=1)])

#: Tables of each function at a level; those of the first group have t or z intervals.
TESTED = {
    init_differences: lambda level: init_differences(PREDICTIONS, "a", "b", level=level),
    factor_effects: lambda level: factor_effects(LEVELS, ("a", "b"), ("low", "high"), level=level),
    image_differences: lambda level: image_differences(MAPS, "a", "b", ["dice"], level=level),
    against_baselines: lambda level: against_baselines(
        MAPS, CENTRE, ["a", "b"], ["dice"], level=level
    ),
    task_analyses: lambda level: task_analyses(BREAST, "a", "b", level=level),
}


@pytest.mark.parametrize("function", TESTED, ids=lambda function: function.__name__)
def test_intervals_of_a_level_are_the_quantiles_of_t_around_the_estimate(function):
    usual, table = TESTED[function](0.95), TESTED[function](0.8)
    df = table["df"].fillna(np.inf)  # an AUC is not tested, and its interval is normal
    half_width = stats.t.ppf(0.9, df) * table["standard_error"]
    for end, sign in {"ci_low": -1, "ci_high": 1}.items():
        np.testing.assert_allclose(table[end], table["estimate"] + sign * half_width)
    ends = ["ci_low", "ci_high"]
    pd.testing.assert_frame_equal(usual.drop(columns=ends), table.drop(columns=ends))


def test_intervals_of_paired_values_and_of_runs_are_of_their_level():
    a, b = [0.91, 0.88, 0.86, 0.93], [0.90, 0.84, 0.85, 0.88]
    test = paired_t(a, b, level=0.9)
    expected = stats.ttest_rel(a, b).confidence_interval(0.9)
    assert (test.ci_low, test.ci_high) == pytest.approx((expected.low, expected.high))
    runs = scenario_aucs(BREAST, level=0.5)
    half_width = stats.norm.ppf(0.75) * np.sqrt(runs["variance"])
    np.testing.assert_allclose(runs["ci_low"], runs["auc"] - half_width)


def test_intervals_of_pooled_studies_are_of_their_level():
    y, variances, groups = np.array([0.02, -0.01, 0.05, 0.01, 0.03]), np.full(5, 4e-4), [*"aabbc"]
    moderators = pd.DataFrame({"frozen": [0, 1, 0, 1, 1]})
    pooled = {
        "random": synthesis.random_effects(y, variances, level=0.8),
        "three levels": synthesis.three_level(y, variances, groups, level=0.8),
        **synthesis.moderated_effects(y, variances, groups, moderators, level=0.8).T,
    }
    for row in pooled.values():
        half_width = stats.t.ppf(0.9, row["df"]) * row["standard_error"]
        assert row["ci_high"] == pytest.approx(row["estimate"] + half_width)
        assert row["ci_low"] == pytest.approx(row["estimate"] - half_width)
    row = pooled["random"]
    spread = stats.t.ppf(0.9, 4) * np.hypot(row["standard_error"], np.sqrt(row["tau2"]))
    assert row["prediction_high"] == pytest.approx(row["estimate"] + spread)


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
