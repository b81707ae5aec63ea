"""What the committed reference run says, recomputed from its predictions with scikit-learn."""

import pytest
from sklearn.metrics import roc_auc_score

from rin.stats import init_differences
from rin.stats.scenarios import factor_effects
from rin.study import open_reference

pytestmark = pytest.mark.slow
INITS = ("radiologic", "photographic")
GROUPS = ("freeze_all", "unfreeze_top10", "unfreeze_all")


@pytest.fixture(scope="module")
def reference():
    return open_reference("open")


def aucs_of(rows, *columns):
    """AUC of every network, the mean of those of a scenario, and of what shares some columns."""
    network = [*columns, *{"scenario", "init", "pretraining", "fold"}.difference(columns)]
    aucs = rows.groupby(network).apply(lambda one: roc_auc_score(one["label"], one["score"]))
    return aucs.groupby([*columns, "scenario"]).mean().groupby([*columns]).mean()


def test_differences_of_every_task_are_those_of_scikit_learn(reference):
    rows = reference.predictions()
    table = init_differences(rows, *INITS).set_index(["task", "group"])["estimate"]
    of_unfreezing = aucs_of(rows, "task", "unfreezing", "init").unstack("init")
    of_task = aucs_of(rows, "task", "init").unstack("init")
    assert set(of_task.index) == set(reference.reference.facts.profile.tasks)
    for task, own in of_task.iterrows():
        assert table[task, "all"] == pytest.approx(own[INITS[0]] - own[INITS[1]], abs=1e-12)
        for group in GROUPS:
            one = of_unfreezing.loc[(task, group)]
            assert table[task, group] == pytest.approx(one[INITS[0]] - one[INITS[1]], abs=1e-12)


@pytest.mark.parametrize("init", INITS)
def test_gains_over_random_weights_are_those_of_scikit_learn(reference, init):
    rows = reference.predictions("from_random")
    table = init_differences(rows, init, "random").set_index(["task", "group"])["estimate"]
    for task, own in aucs_of(rows, "task", "init").unstack("init").iterrows():
        assert table[task, "all"] == pytest.approx(own[init] - own["random"], abs=1e-12)


@pytest.mark.parametrize(
    ("study", "levels"),
    [("preprocessing", ("native", "official_scripts")), ("resize", ("stretch", "pad"))],
)
def test_effects_of_a_factor_are_those_of_scikit_learn(reference, study, levels):
    rows = reference.predictions(study)
    rows = rows[rows["level"].isin(levels)]
    found = factor_effects(rows, INITS, levels).query("group == 'all'")
    found = found.set_index(["quantity", "init", "level"])
    means = aucs_of(rows, "level", "init")
    for (level, init), auc in means.items():
        assert found.loc[("auc", init, level), "estimate"] == pytest.approx(auc, abs=1e-12)
    for init in INITS:
        effect = means[levels[1], init] - means[levels[0], init]
        assert found.loc[("effect", init, ""), "estimate"] == pytest.approx(effect, abs=1e-12)


def test_inputs_of_the_official_scripts_are_those_of_the_released_radiologic_networks(reference):
    rows = reference.predictions("preprocessing")
    found = factor_effects(rows, INITS, ("official_scripts", "released"))
    effects = found.query("group == 'all' and quantity == 'effect'").set_index("init")
    assert effects.loc["radiologic", "same_networks"]
    assert not effects.loc["photographic", "same_networks"]
