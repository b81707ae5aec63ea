"""The recommended comparison, against contrasts fold by fold and scikit-learn's AUCs."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from made_predictions import auc_contrast, by_case, make_predictions
from scipy import stats
from sklearn.metrics import roc_auc_score

from rin.errors import InputError
from rin.stats import (
    init_differences,
    scenario_aucs,
    training_spread,
)
from rin.tables import UNFREEZING

INITS = ("radimagenet", "imagenet")


def test_scenario_aucs_gives_one_row_per_run_equal_to_scikit_learn(predictions):
    table = scenario_aucs(predictions)
    keys = ["task", "fold", "scenario", "init", "seed"]
    assert table.columns.tolist() == [
        *keys, "auc", "variance", "ci_low", "ci_high", "n", "n_positive", "score_sd"
    ]  # fmt: skip
    runs = predictions[predictions["part"] == "test"].groupby(keys)
    expected = pd.DataFrame(
        {
            "auc": runs.apply(lambda rows: roc_auc_score(rows["label"], rows["score"])),
            "n": runs.size(),
            "n_positive": runs["label"].sum(),
            "score_sd": runs["score"].std(),
        }
    )
    assert len(expected) == 12
    pd.testing.assert_frame_equal(table.set_index(keys)[[*expected]], expected)


def test_scenario_aucs_of_one_class_names_the_run(predictions):
    predictions.loc[predictions["fold"] == 1, "label"] = 0
    named = "fold 1, scenario ResNet50-unfreeze_all-0, init imagenet"
    with pytest.raises(InputError, match=named):
        scenario_aucs(predictions)


def test_training_spread_is_the_residual_of_an_analysis_of_variance():
    seeds = [make_predictions(seed=seed).assign(seed=seed) for seed in (1, 2, 3)]
    # Without its other half, a training has no difference.
    lost = "scenario.str.endswith('1') and fold == 1 and seed == 3 and init == 'imagenet'"
    trained = pd.concat(seeds).query(f"not ({lost})")
    found = training_spread(trained, *INITS).iloc[0]

    cell = ["fold", "scenario", "seed"]
    aucs = scenario_aucs(trained).pivot(index=cell, columns="init", values="auc").reset_index()
    fitted = smf.ols("I(radimagenet - imagenet) ~ scenario * C(fold)", aucs.dropna()).fit()
    assert (found["task"], found["sd_df"]) == ("breast", fitted.df_resid) == ("breast", 11)
    assert found["sd"] == pytest.approx(np.sqrt(fitted.mse_resid), abs=1e-12)
    inside = fitted.ssr / found[["sd_low", "sd_high"]].astype(float) ** 2
    assert stats.chi2.sf(inside, 11) == pytest.approx([0.025, 0.975])
    with pytest.raises(InputError, match=r"every scenario of breast was trained once.*seeds"):
        training_spread(seeds[0], *INITS)


def unfreezing_predictions(seed=0, folds=2, task="breast"):
    """Five scenarios of three ways of unfreezing; every network has a scale of its own."""
    table = make_predictions(n_scenarios=5, n_folds=folds, n_cases=48, inits=("a", "b"), seed=seed)
    shift = 5 * table.groupby(["fold", "scenario", "init"]).ngroup()
    return table[table["part"] == "test"].assign(task=task, score=table["score"] + shift)


def contrast_by_hand(table, scenarios):
    """Mean over some scenarios of AUC(a) − AUC(b), and its variance, by one contrast a fold."""
    found = []
    for _, fold in table.groupby("fold"):
        labels, patients, wide = by_case(fold, "init", "scenario")
        scores = [wide[init, name] for init in ("a", "b") for name in scenarios]
        weights = np.repeat([1, -1], len(scenarios)) / len(scenarios)
        found.append(auc_contrast(labels, np.array(scores), weights, clusters=patients))
    variance = sum(contrast.variance for contrast in found) / len(found) ** 2
    return np.mean([contrast.estimate for contrast in found]), variance


@pytest.mark.parametrize("group", ["all", *UNFREEZING])
def test_difference_of_a_group_equals_contrasts_averaged_over_folds(group):
    table = unfreezing_predictions()
    row = init_differences(table, "a", "b").set_index("group").loc[group]
    own = table[table["unfreezing"].eq(group) | (group == "all")]["scenario"].unique()
    estimate, variance = contrast_by_hand(table, own)
    test = stats.norm(estimate, np.sqrt(variance))
    expected = [estimate, test.std(), *test.interval(0.95), 2 * test.cdf(0), len(own)]
    columns = ["estimate", "standard_error", "ci_low", "ci_high", "p_value", "n_scenarios"]
    assert row[columns].tolist() == pytest.approx(expected, rel=1e-8)


def test_unfreezing_that_no_scenario_has_is_no_group():
    table = unfreezing_predictions().query("unfreezing == 'freeze_all'")
    assert init_differences(table, "a", "b")["group"].tolist() == ["all", "freeze_all"]


def test_mean_aucs_are_those_of_scikit_learn_within_folds():
    table = unfreezing_predictions(3)
    row = init_differences(table, "a", "b").query("group == 'all'").iloc[0]
    runs = table.groupby(["init", "scenario", "fold"])[["label", "score"]]
    aucs = runs.apply(lambda rows: roc_auc_score(rows["label"], rows["score"]))
    for init in ("a", "b"):
        by_scenario = aucs[init].groupby("scenario").mean()
        expected = by_scenario.mean(), by_scenario.std()
        assert (row[f"auc_{init}"], row[f"sd_{init}"]) == pytest.approx(expected)
    assert row[["n_folds", "n_cases", "n_positive", "n_patients"]].tolist() == [2, 96, 32, 48]
