"""What a factor does to a difference, against contrasts and tests of two networks."""

import itertools

import numpy as np
import pandas as pd
import pytest
from made_predictions import auc_contrast, by_case, make_predictions

from rin.errors import InputError
from rin.stats.scenarios import factor_effects
from rin.tables import UNFREEZING

INITS, LEVELS = ("radiologic", "photographic"), ("native", "official_scripts")
SCENARIOS = ("s0", "s1", "s2")  # one of each unfreezing
GROUPS = ("all", *UNFREEZING)
NETWORKS = [f"{init} at {level}" for level, init in itertools.product(LEVELS, INITS)]


def made(tasks=("breast",)):
    """Predictions of both inits at both levels in three scenarios; patients have two images."""
    tables = [
        make_predictions(3, 1, 48, NETWORKS, seed).assign(task=task)
        for seed, task in enumerate(tasks)
    ]
    table = pd.concat(tables, ignore_index=True).query("part == 'test'")
    table[["init", "level"]] = table["init"].str.split(" at ", expand=True)
    return table.assign(scenario="s" + table["scenario"].str[-1])


def found(table, **names):
    """The one row of a table with these names."""
    wanted = pd.Series(names)
    (row,) = table[(table[wanted.index] == wanted).all(axis=1)].to_dict("records")
    return row


#: Quantities, and their signs at both levels, of the radiologic and the photographic networks.
SIGNS = [
    ({"quantity": "auc", "init": "radiologic", "level": "native"}, [1, 0, 0, 0]),
    ({"quantity": "difference", "level": "official_scripts"}, [0, 0, 1, -1]),
    ({"quantity": "effect", "init": "photographic"}, [0, -1, 0, 1]),
    ({"quantity": "interaction"}, [-1, 1, 1, -1]),
]


@pytest.fixture(scope="module")
def effects():
    return factor_effects(made(), INITS, LEVELS)


@pytest.mark.parametrize(("names", "signs"), SIGNS, ids=[name["quantity"] for name, _ in SIGNS])
@pytest.mark.parametrize(
    ("group", "scenarios"), [("all", SCENARIOS), *zip(UNFREEZING, zip(SCENARIOS), strict=True)]
)
def test_quantity_is_a_contrast_of_areas_averaged_over_scenarios(
    effects, names, signs, group, scenarios
):
    labels, patients, wide = by_case(made(), "scenario", "level", "init")
    scores = wide[list(itertools.product(scenarios, LEVELS, INITS))].T
    weights = np.tile(signs, len(scenarios)) / len(scenarios)
    test = vars(auc_contrast(labels, scores, weights, clusters=patients))
    test.pop("variance")
    if names["quantity"] == "auc":
        test |= dict.fromkeys(["statistic", "df", "p_value"], np.nan)
    expected = test | {"n_scenarios": len(scenarios), "n_cases": 48, "n_positive": 16}
    own = found(effects, group=group, **names)
    assert {name: own[name] for name in expected} == pytest.approx(expected, nan_ok=True)
    assert own["n_patients"] == 24


def test_runs_that_both_levels_share_are_not_tested_nor_counted():
    predictions = made()
    native = predictions.query("init == 'radiologic' and level == 'native'")
    others = predictions.query("init != 'radiologic'")
    shared_runs = pd.concat([others, native, native.assign(level=LEVELS[1])])
    table = factor_effects(shared_runs, INITS, LEVELS)
    shared = table[(table["quantity"] == "effect") & (table["init"] == "radiologic")]
    assert (shared[["estimate", "standard_error"]] == 0).all(axis=None)
    assert shared["p_value"].isna().all()
    for group in GROUPS:
        effect = found(table, quantity="effect", group=group, init="photographic")
        change = found(table, quantity="interaction", group=group)
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
