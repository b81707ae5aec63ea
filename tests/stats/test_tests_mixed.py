"""Parity with lme4, lmerTest and nlme: `tests/golden/make_mixed_golden.R` made the values."""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import rin.stats.tests as mixed
from rin.errors import InputError
from rin.stats.tests import mixed_model, paired_t, unpaired_t

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "mixed_golden.json").read_text())


def grid(n_scenarios=8, n_folds=3, *, scenario_sd=0.05, fold_sd=0.03, residual_sd=0.02, seed=2):
    rng = np.random.default_rng(seed)
    of_scenario = rng.normal(0, scenario_sd, n_scenarios)
    of_fold = rng.normal(0, fold_sd, n_folds)
    rows = [
        {
            "scenario": f"s{s}",
            "fold": f,
            "init": init,
            "auc": 0.8 + of_scenario[s] + of_fold[f] + lead + rng.normal(0, residual_sd),
        }
        for s in range(n_scenarios)
        for f in range(n_folds)
        for init, lead in (("a", 0.03), ("b", 0.0))
    ]
    return pd.DataFrame(rows)


def sides(table):
    wide = table.pivot(index=["scenario", "fold"], columns="init", values="auc")
    return wide["a"].to_numpy(), wide["b"].to_numpy()


@pytest.mark.parametrize("name", list(GOLDEN["mixed"]))
def test_mixed_model_equals_lme4(name):
    case = GOLDEN["mixed"][name]
    found = mixed_model(pd.DataFrame(case["runs"]), "a", "b")
    assert found.mean_difference == pytest.approx(case["estimate"], rel=1e-6)
    assert found.standard_error == pytest.approx(case["standard_error"], rel=1e-6)
    assert found.residual_sd == pytest.approx(case["residual_sd"], rel=1e-6)
    assert found.scenario_sd == pytest.approx(case["scenario_sd"], rel=1e-5, abs=1e-10)
    if case["fold_sd"] is None:
        assert math.isnan(found.fold_sd)
    else:
        assert found.fold_sd == pytest.approx(case["fold_sd"], rel=1e-5, abs=1e-10)
    assert ("Singular fit" in found.remark) == case["singular"]
    assert found.n == len(case["runs"]["auc"])


@pytest.mark.parametrize("name", ["crossed", "one_fold", "flat_folds", "flat"])
def test_mixed_model_of_a_complete_grid_has_satterthwaites_df_and_p(name):
    case = GOLDEN["mixed"][name]
    found = mixed_model(pd.DataFrame(case["runs"]), "a", "b")
    assert found.df == pytest.approx(case["satterthwaite_df"], rel=1e-6)
    assert found.p_value == pytest.approx(case["p_value"], rel=1e-5)


def test_mixed_model_of_one_fold_is_the_paired_t_test():
    table = grid(24, 1, seed=1)
    found, test = mixed_model(table, "a", "b", level=0.9), paired_t(*sides(table), level=0.9)
    assert (found.t, found.df) == (pytest.approx(test.t, rel=1e-6), 23)
    ours = [found.mean_difference, found.p_value, found.ci_low, found.ci_high]
    expected = [test.mean_difference, test.p_value, test.ci_low, test.ci_high]
    assert ours == pytest.approx(expected, rel=1e-6)
    assert found.remark == ""


def test_mixed_model_without_spread_of_scenarios_is_the_unpaired_t_test_and_says_so():
    table = grid(24, 1, scenario_sd=0, seed=10)
    table["auc"] -= table.groupby("scenario")["auc"].transform("mean") * 0.9
    found, test = mixed_model(table, "a", "b"), unpaired_t(*sides(table))
    assert (found.scenario_sd, found.df) == (0, 46)
    ours = [found.mean_difference, found.t, found.p_value, found.ci_low, found.ci_high]
    expected = [test.mean_difference, test.t, test.p_value, test.ci_low, test.ci_high]
    assert ours == pytest.approx(expected)
    assert found.remark == (
        "Singular fit: scenarios differ no more than chance would have it, and the model leaves "
        "them out."
    )


def test_mixed_model_swapped_changes_sign_and_ignores_other_inits():
    table = grid()
    more = pd.concat([table, table[table["init"] == "a"].assign(init="c", auc=0.1)])
    forth, back = mixed_model(more, "a", "b"), mixed_model(table, "b", "a")
    assert (forth.mean_difference, forth.ci_low) == pytest.approx(
        (-back.mean_difference, -back.ci_high)
    )
    assert forth.mean_difference > 0


def test_mixed_model_that_does_not_converge_has_no_estimate_and_says_so(monkeypatch):
    monkeypatch.setattr(mixed, "_OPTIMISERS", {"L-BFGS-B": {"maxiter": 1}})
    found = mixed_model(grid(), "a", "b")
    assert math.isnan(found.mean_difference) and math.isnan(found.residual_sd)
    assert found.remark == "No optimiser converged (L-BFGS-B), so no estimate."


def test_mixed_model_goes_on_with_another_optimiser(monkeypatch):
    expected = mixed_model(grid(), "a", "b")
    second = mixed._OPTIMISERS["Nelder-Mead"]
    tried = {"L-BFGS-B": {"maxiter": 1}, "Nelder-Mead": second}
    monkeypatch.setattr(mixed, "_OPTIMISERS", tried)
    found = mixed_model(grid(), "a", "b")
    assert (found.t, found.scenario_sd) == pytest.approx((expected.t, expected.scenario_sd))


@pytest.mark.parametrize("table", [grid(1, 1), grid(8, 3, residual_sd=0)])
def test_mixed_model_without_residual_has_no_estimate_and_says_so(table):
    found = mixed_model(table, "a", "b")
    assert math.isnan(found.mean_difference) and math.isnan(found.p_value)
    assert found.remark == "The areas leave no residual, so there is no standard error."


def test_mixed_model_of_one_scenario_leaves_its_effect_out():
    found = mixed_model(grid(1, 12), "a", "b")
    assert math.isnan(found.scenario_sd)
    assert found.df == 11


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda t: t.drop(columns="auc"), r"\['auc'\] are missing"),
        (lambda t: t[t["init"] == "a"], "unknown init 'b'"),
        (lambda t: pd.concat([t, t[:1]]), "repeat"),
        (lambda t: t.assign(auc=t["auc"].where(t.index > 0)), "not finite"),
    ],
)
def test_mixed_model_of_unfit_areas_raises_input_error(spoil, message):
    with pytest.raises(InputError, match=message):
        mixed_model(spoil(grid()), "a", "b")
