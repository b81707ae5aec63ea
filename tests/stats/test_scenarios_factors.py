"""What a factor does to a difference, against contrasts and tests of two networks."""

import itertools

import numpy as np
import pandas as pd
import pytest
from made_predictions import auc_contrast, make_predictions
from sklearn.metrics import roc_auc_score

from rin.errors import InputError
from rin.stats.delong import delong_test
from rin.stats.scenarios import factor_effects
from rin.tables import UNFREEZING

INITS, LEVELS = ("radiologic", "photographic"), ("native", "official_scripts")
SCENARIOS = ("s0", "s1", "s2")  # one of each unfreezing
GROUPS = ("all", *UNFREEZING)
NETWORKS = [f"{init} at {level}" for level, init in itertools.product(LEVELS, INITS)]


def made(n_folds=1, tasks=("breast",), n_cases=48):
    """Predictions of both inits at both levels in three scenarios; patients have two images."""
    tables = [
        make_predictions(3, n_folds, n_cases, NETWORKS, seed).assign(task=task)
        for seed, task in enumerate(tasks)
    ]
    table = pd.concat(tables, ignore_index=True).query("part == 'test'")
    table[["init", "level"]] = table["init"].str.split(" at ", expand=True)
    return table.assign(scenario="s" + table["scenario"].str[-1])


def found(table, quantity, **names):
    """The one row of a table with these names."""
    wanted = pd.Series(names | {"quantity": quantity})
    (row,) = table[(table[wanted.index] == wanted).all(axis=1)].to_dict("records")
    return row


def scores_of(predictions, scenario, init, level):
    own = predictions.query("scenario == @scenario and init == @init and level == @level")
    return own["label"].to_numpy(), own["score"].to_numpy(), own["patient_id"].to_numpy()


@pytest.mark.parametrize(
    ("group", "scenarios"), [("all", SCENARIOS), *zip(UNFREEZING, zip(SCENARIOS), strict=True)]
)
def test_interaction_is_the_contrast_of_four_areas_averaged_over_scenarios(group, scenarios):
    predictions = made()
    own = found(factor_effects(predictions, INITS, LEVELS), "interaction", group=group)
    order = itertools.product(scenarios, LEVELS, INITS)
    rows = [scores_of(predictions, scenario, init, level) for scenario, level, init in order]
    weights = np.array([-1, 1, 1, -1] * len(scenarios)) / len(scenarios)
    labels, _, patients = rows[0]
    expected = vars(auc_contrast(labels, [row[1] for row in rows], weights, clusters=patients))
    expected.pop("variance")
    assert {name: own[name] for name in expected} == pytest.approx(expected)
    assert own["n_scenarios"] == len(scenarios)


def test_effect_and_difference_are_paired_tests_of_two_networks():
    predictions = made()
    table = factor_effects(predictions, INITS, LEVELS)
    names = [("photographic", "native")]
    names += [(init, "official_scripts") for init in ("photographic", "radiologic")]
    rows = [scores_of(predictions, "s1", *network) for network in names]
    (labels, before, patients), (_, after, _), (_, other, _) = rows
    effect = found(table, "effect", group="unfreeze_top10", init="photographic")
    difference = found(table, "difference", group="unfreeze_top10", level="official_scripts")
    sizes = {"n_cases": 48, "n_positive": 16, "n_patients": 24}
    for own, one, two in ((effect, after, before), (difference, other, after)):
        expected = delong_test(labels, one, two, patients).to_row() | sizes
        assert {name: own[name] for name in expected} == pytest.approx(expected)


def test_area_is_that_of_scikit_learn_and_has_no_p():
    predictions = made()
    own = found(
        factor_effects(predictions, INITS, LEVELS),
        "auc", group="unfreeze_all", init="radiologic", level="native",
    )  # fmt: skip
    auc = roc_auc_score(*scores_of(predictions, "s2", "radiologic", "native")[:2])
    assert own["estimate"] == pytest.approx(auc)
    assert np.isnan(own["p_value"])


def shared_runs(predictions):
    """Predictions in which the radiologic networks of both levels are the same runs."""
    radiologic = predictions["init"] == "radiologic"
    native = predictions[radiologic & (predictions["level"] == "native")]
    return pd.concat([predictions[~radiologic], native, native.assign(level=LEVELS[1])])


def test_runs_that_both_levels_share_are_not_tested_nor_counted():
    table = factor_effects(shared_runs(made()), INITS, LEVELS)
    shared = table[(table["quantity"] == "effect") & (table["init"] == "radiologic")]
    assert (shared[["estimate", "standard_error"]] == 0).all(axis=None)
    assert shared["p_value"].isna().all()
    for group in GROUPS:
        effect = found(table, "effect", group=group, init="photographic")
        change = found(table, "interaction", group=group)
        assert change["estimate"] == pytest.approx(-effect["estimate"])
        assert change["standard_error"] == pytest.approx(effect["standard_error"])
        assert change["p_value"] > 0


def test_every_task_and_group_has_every_quantity():
    table = factor_effects(made(tasks=("breast", "thyroid")), INITS, LEVELS)
    sizes = table.groupby(["task", "group"])["quantity"].value_counts().unstack()
    assert sizes.index.tolist() == [*itertools.product(("breast", "thyroid"), sorted(GROUPS))]
    expected = {"auc": 4, "difference": 2, "effect": 2, "interaction": 1}
    assert (sizes[[*expected]] == list(expected.values())).all(axis=None)


@pytest.mark.parametrize(
    ("predictions", "change", "message"),
    [
        (made().drop(columns="level"), {}, "level"),
        (made(), {"levels": ("native", "pad")}, "pad"),
        (made(), {"levels": ("native", "native")}, "not different"),
    ],
)
def test_bad_input_raises_input_error(predictions, change, message):
    with pytest.raises(InputError, match=message):
        factor_effects(predictions, **{"inits": INITS, "levels": LEVELS} | change)
