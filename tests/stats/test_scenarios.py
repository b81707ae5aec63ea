"""The recommended comparison, against contrasts fold by fold and scikit-learn's AUCs."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from made_predictions import auc_contrast, make_predictions
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
    ours = dict(zip(table[keys].itertuples(index=False, name=None), table["auc"], strict=True))
    test = predictions[predictions["part"] == "test"].groupby(keys)[["label", "score"]]
    assert ours == pytest.approx({run: roc_auc_score(*rows.to_numpy().T) for run, rows in test})
    spread = dict(zip(ours, table["score_sd"], strict=True))
    assert spread == pytest.approx({run: rows["score"].std() for run, rows in test})
    assert len(table) == 12
    assert (table["n"] == 24).all()
    assert (table["n_positive"] == 8).all()


def test_scenario_aucs_of_one_class_names_the_run(predictions):
    predictions.loc[predictions["fold"] == 1, "label"] = 0
    with pytest.raises(
        InputError, match=r"fold 1, scenario ResNet50-unfreeze_all-0, init imagenet"
    ):
        scenario_aucs(predictions)


def test_training_spread_is_the_residual_of_an_analysis_of_variance():
    seeds = [make_predictions(seed=seed).assign(seed=seed) for seed in (1, 2, 3)]
    lost = seeds[2]["scenario"].eq("ResNet50-unfreeze_all-1") & seeds[2]["fold"].eq(1)
    lost &= seeds[2]["init"].eq(INITS[1])  # without its other half, a training has no difference
    trained = pd.concat([*seeds[:2], seeds[2][~lost]], ignore_index=True)
    found = training_spread(trained, *INITS).iloc[0]

    aucs = scenario_aucs(trained).pivot(
        index=["fold", "scenario", "seed"], columns="init", values="auc"
    )
    cells = (aucs[INITS[0]] - aucs[INITS[1]]).rename("difference").reset_index()
    cells["cell"] = cells["fold"].astype(str) + cells["scenario"]
    fitted = smf.ols("difference ~ cell", cells).fit()
    assert (found["task"], found["sd_df"]) == ("breast", fitted.df_resid) == ("breast", 11)
    assert found["sd"] == pytest.approx(np.sqrt(fitted.mse_resid), abs=1e-12)
    inside = fitted.df_resid * fitted.mse_resid / found[["sd_low", "sd_high"]].astype(float) ** 2
    assert stats.chi2.sf(inside, 11) == pytest.approx([0.025, 0.975])
    with pytest.raises(InputError, match=r"every scenario of breast was trained once.*repeats"):
        training_spread(seeds[0], *INITS)


def unfreezing_predictions(seed=0, folds=2, task="breast"):
    """Five scenarios of three ways of unfreezing; every network has a scale of its own."""
    table = make_predictions(n_scenarios=5, n_folds=folds, n_cases=48, inits=("a", "b"), seed=seed)
    shift = 5 * table.groupby(["fold", "scenario", "init"]).ngroup()
    return table[table["part"] == "test"].assign(task=task, score=table["score"] + shift)


def wide_scores(table):
    """The cases of a table, and their scores by init and scenario."""
    wide = table.pivot(index="case_id", columns=["init", "scenario"], values="score")
    return table.drop_duplicates("case_id").set_index("case_id").loc[wide.index], wide


def contrast_by_hand(table, scenarios):
    """Mean over some scenarios of AUC(a) − AUC(b), and its variance, by one contrast a fold."""
    found = []
    for _, fold in table.groupby("fold"):
        cases, wide = wide_scores(fold)
        scores = [wide[init, name] for init in ("a", "b") for name in scenarios]
        weights = np.repeat([1, -1], len(scenarios)) / len(scenarios)
        found.append(auc_contrast(cases["label"], scores, weights, clusters=cases["patient_id"]))
    variance = sum(contrast.variance for contrast in found) / len(found) ** 2
    return np.mean([contrast.estimate for contrast in found]), variance


@pytest.mark.parametrize("group", ["all", *UNFREEZING])
def test_difference_of_a_group_equals_contrasts_averaged_over_folds(group):
    table = unfreezing_predictions()
    row = init_differences(table, "a", "b").set_index("group").loc[group]
    unfreezing_of = table.drop_duplicates("scenario").set_index("scenario")["unfreezing"]
    own = [name for name, unfreezing in unfreezing_of.items() if group in ("all", unfreezing)]
    estimate, variance = contrast_by_hand(table, own)
    assert row["estimate"] == pytest.approx(estimate, abs=1e-12)
    assert row["standard_error"] ** 2 == pytest.approx(variance, rel=1e-10)
    interval = stats.norm.interval(0.95, estimate, np.sqrt(variance))
    assert (row["ci_low"], row["ci_high"]) == pytest.approx(interval, abs=1e-10)
    p_value = 2 * stats.norm.sf(abs(estimate) / np.sqrt(variance))
    assert row["p_value"] == pytest.approx(p_value, rel=1e-8)
    assert row["n_scenarios"] == len(own)


def test_mean_aucs_are_those_of_scikit_learn_within_folds():
    table = unfreezing_predictions(3)
    row = init_differences(table, "a", "b").query("group == 'all'").iloc[0]
    runs = table.groupby(["init", "scenario", "fold"])[["label", "score"]]
    aucs = runs.apply(lambda rows: roc_auc_score(rows["label"], rows["score"]))
    for init in ("a", "b"):
        by_scenario = aucs[init].groupby("scenario").mean()
        assert row[f"auc_{init}"] == pytest.approx(by_scenario.mean())
        assert row[f"sd_{init}"] == pytest.approx(by_scenario.std())
    assert row[["n_folds", "n_cases", "n_positive", "n_patients"]].tolist() == [2, 96, 32, 48]


def test_p_values_are_adjusted_over_tasks_within_a_group():
    table = pd.concat([unfreezing_predictions(seed, task=name) for seed, name in enumerate("xyz")])
    found = init_differences(table, "a", "b")
    assert found["task"].unique().tolist() == ["x", "y", "z"]
    for _, own in found.groupby("group"):
        smallest = own.loc[own["p_value"].idxmin()]
        assert smallest["p_holm"] == pytest.approx(min(1, 3 * smallest["p_value"]))
