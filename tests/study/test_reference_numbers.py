"""The headline numbers of the committed reference run, recomputed with scikit-learn.

Expected differences are those that were measured from the run's files before the pages about it
were written; whoever changes the run changes them here.
"""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from rin.stats import init_differences, regime_interaction
from rin.stats.scenarios import factor_effects
from rin.study import open_reference

INITS = ("radiologic", "photographic")
#: Mean over all scenarios, then frozen, ten layers and all layers unfrozen; AUC points.
POINTS = {
    "breast": (-2.6, -6.1, 2.0, -3.8),
    "covid19": (3.2, 2.7, 10.8, -3.9),
    "hemorrhage": (6.3, 9.6, 11.7, -2.4),
    "pneumonia": (3.1, 3.2, 3.1, 3.0),
}
GROUPS = ("all", "freeze_all", "unfreeze_top10", "unfreeze_all")


@pytest.fixture(scope="module")
def reference():
    return open_reference("open")


@pytest.fixture(scope="module")
def grid(reference):
    return reference.predictions()


@pytest.fixture(scope="module")
def aucs(grid):
    """AUC of every run by scikit-learn."""
    run = ["task", "unfreezing", "scenario", "init", "fold"]
    return grid.groupby(run).apply(lambda one: roc_auc_score(one["label"], one["score"]))


def test_differences_of_the_reference_run_are_those_of_scikit_learn(grid, aucs):
    table = init_differences(grid, *INITS).set_index(["task", "group"])["difference"]
    means = aucs.groupby(["task", "unfreezing", "init"]).mean().unstack("init")
    for task in POINTS:
        for group in GROUPS[1:]:
            own = means.loc[(task, group)]
            assert table[task, group] == pytest.approx(own[INITS[0]] - own[INITS[1]], abs=1e-12)
        own = aucs[task].groupby("init").mean()
        assert table[task, "all"] == pytest.approx(own[INITS[0]] - own[INITS[1]], abs=1e-12)


@pytest.mark.parametrize("task", POINTS)
def test_differences_of_the_reference_run_are_those_that_were_measured(grid, task):
    table = init_differences(grid, *INITS).set_index(["task", "group"])["difference"]
    assert tuple(round(100 * table[task, group], 1) for group in GROUPS) == POINTS[task]


def test_intervals_by_regime_of_the_reference_run_are_those_that_were_measured(grid):
    table = init_differences(grid, *INITS).set_index(["task", "group"])[["ci_low", "ci_high"]]
    points = (100 * table).round(1)
    assert tuple(points.loc["breast", "unfreeze_all"]) == (-7.4, -0.1)
    assert tuple(points.loc["covid19", "unfreeze_all"]) == (-7.9, 0.1)


def test_interaction_of_the_reference_run_is_clear_on_two_tasks(grid):
    table = regime_interaction(grid, *INITS).set_index("task")["p_holm"]
    assert set(table.index[table < 0.05]) == {"covid19", "hemorrhage"}


def test_gain_over_random_weights_is_averaged_over_folds_and_not_pooled(reference):
    rows = reference.predictions("from_random")
    table = init_differences(rows, "photographic", "random").set_index(["task", "group"])
    breast = table.loc["breast", "all"]
    points = np.round(100 * breast[["difference", "ci_low", "ci_high"]].astype(float), 1)
    assert tuple(points) == (33.3, 19.7, 46.9)
    assert breast["p_holm"] < 0.001

    own = rows[rows["task"] == "breast"]
    folds = own.groupby(["init", "fold"]).apply(lambda one: roc_auc_score(one.label, one.score))
    assert folds["photographic"].round(3).tolist() == [0.738, 0.929]
    assert folds["random"].round(3).tolist() == [0.330, 0.671]
    gain = folds.groupby("init").mean()
    assert breast["difference"] == pytest.approx(gain["photographic"] - gain["random"])
    pooled = own.groupby("init").apply(lambda one: roc_auc_score(one.label, one.score))
    assert pooled["photographic"] - pooled["random"] == pytest.approx(0.217, abs=5e-4)


def test_inputs_of_the_official_scripts_take_the_photographic_weights_to_chance(reference):
    rows = reference.predictions("preprocessing")
    groups = {"all": rows["scenario"].unique()}
    table = factor_effects(rows, INITS, ("native", "official_scripts"), groups=groups)
    found = table.set_index(["quantity", "init", "level"])
    aucs = rows.groupby(["level", "init", "scenario", "fold"]).apply(
        lambda one: roc_auc_score(one["label"], one["score"])
    )
    means = aucs.groupby(["level", "init"]).mean()
    for (level, init), auc in means.items():
        assert found.loc[("area", init, level), "estimate"] == pytest.approx(auc, abs=1e-12)
    effect = found.loc[("effect", "photographic", "")]
    assert effect["estimate"] == pytest.approx(
        means["official_scripts", "photographic"] - means["native", "photographic"], abs=1e-12
    )
    assert round(100 * effect["estimate"], 1) == -33.6
    assert found.loc[("effect", "radiologic", ""), "same_networks"]
