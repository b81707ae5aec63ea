"""Means with random effects, against metafor, R and the restricted likelihood."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from made_predictions import golden
from numpy.testing import assert_allclose
from scipy import stats
from scipy.linalg import null_space

from rin.stats import effects
from rin.stats.effects import ALONE, MeanModel
from rin.stats.pretrainings import TaskPairs

CASES = golden("effects")


def model_of(case, *, fixed):
    rows = {name: case[name] for name in ("backbone", "seed")}
    k = len(case["y"])
    pairs = pd.DataFrame(rows | {"pair": case.get("pair", range(k)), "fold": case.get("fold", 0)})
    of_task = TaskPairs("x", pairs.assign(pretraining=pairs["pair"]), None, None, 9)
    fixed_to = case["backbone"] if fixed else None
    return MeanModel(np.array(case["V"]), of_task.effect_levels(), of_task.weights(), fixed_to)


def cells(fits):
    """Mean, standard error and degrees of freedom of each row."""
    return np.squeeze([fits.estimates, fits.standard_errors, fits.df]).tolist()


@pytest.mark.parametrize("fixed", [False, True], ids=["random", "fixed"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{len(case['y'])} pairs")
def test_mean_and_variances_equal_metafor_and_df_those_written_out_in_r(case, fixed):
    """Pairs in one fold, or some of them in two, where a pair in a fold is alone."""
    found = model_of(case, fixed=fixed).fit(case["y"])
    expected = case["fixed" if fixed else "random"]
    names = {ALONE: "training" if "fold" in case else "pair"}
    variances = {names.get(name, name): v.item() for name, v in found.variances.items()}
    assert variances == pytest.approx(expected["variances"], rel=2e-4, abs=2e-3)
    mean, error, df = cells(found)
    assert mean == pytest.approx(expected["estimate"])
    assert error == pytest.approx(expected["standard_error"], rel=1e-4)
    assert df == pytest.approx(expected["df"], rel=1e-3)
    if "metafor" in case and not fixed:
        assert error == pytest.approx(case["metafor"]["standard_error"], rel=1e-3)


def test_rows_fitted_together_are_as_fitted_alone():
    model, rng = model_of(CASES[2], fixed=False), np.random.default_rng(5)
    rows = rng.normal(0, 6, (15, 10))
    alone = [cells(model.fit(row)) for row in rows]
    assert_allclose(cells(model.fit(rows)), np.transpose(alone), rtol=1e-5)


def test_balanced_design_is_fitted_on_common_axes_as_by_matrices(monkeypatch):
    backbone = np.repeat(range(4), 3)
    known = 0.01 * (0.3 + 0.7 * np.eye(12))
    model = MeanModel(known, {"backbone": backbone}, np.ones(12))
    rows = np.random.default_rng(0).normal(size=(20, 12)) + 0.5 * backbone
    assert effects._common_axes([known, *model.effects.values()]) is not None
    assert effects._common_axes([known, np.diag(np.arange(12.0))]) is None
    fast = cells(model.fit(rows))
    monkeypatch.setattr(effects, "_common_axes", lambda matrices: None)
    assert_allclose(fast, cells(model.fit(rows)), rtol=1e-10)


#: Sixteen pairs whose restricted likelihood has two optima, of which a search that starts with
#: equal variances finds the lower one: the optimum of one's own means, and of each backbone's.
TWO_OPTIMA = {
    False: [3, 3, 2, 0, 0, -1, 0, 2, 1, 2, 1, 5, -2, -4, 1, -6],
    True: [2, 3, 2, 3, 2, 7, -4, -3, -3, -2, -2, -4, -4, -3, 4, -4],
}


@pytest.mark.parametrize("fixed", [False, True], ids=["random", "fixed"])
def test_of_two_optima_the_variances_are_where_the_restricted_likelihood_is_largest(fixed):
    """Brute force: no point of a grid of SDs is likelier."""
    case = CASES[4] | {"V": np.eye(16)}
    model, y = model_of(case, fixed=fixed), np.array(TWO_OPTIMA[fixed], dtype=float)
    of_means = case["backbone"] if fixed else [0] * 16
    contrasts = null_space(np.equal.outer(np.unique(of_means), of_means)).T

    def deviance(variances):
        marginal = np.eye(16) + sum(map(np.multiply, variances, model.effects.values()))
        free = stats.multivariate_normal(cov=contrasts @ marginal @ contrasts.T)
        return -free.logpdf(contrasts @ y)

    best = deviance([v.item() for v in model.fit(y).variances.values()])
    grid = product(np.arange(0, 6, 0.5) ** 2, repeat=len(model.effects))
    assert best <= min(map(deviance, grid))


@pytest.mark.parametrize(
    ("levels", "distinct"),
    [
        ({"backbone": [1, 1, 2, 2], "seed": [1, 2, 1, 2]}, ["alone", "backbone", "seed"]),
        ({"backbone": [1, 1, 2, 2], "seed": [1, 2, 3, 4]}, ["alone", "backbone"]),
        ({"backbone": [1, 2, 3, 4], "seed": [1, 1, 1, 1]}, ["alone"]),
        ({"backbone": [1, 1, 1, 1], "seed": [1, 2, 3, 4]}, ["alone"]),
        ({"backbone": [1, 1, 2, 2], "seed": [8, 8, 9, 9]}, ["alone", "backbone"]),
    ],
)
def test_effects_that_estimates_cannot_tell_apart_are_left_out(levels, distinct):
    assert list(MeanModel(np.eye(4), levels, np.ones(4)).effects) == distinct


def test_estimates_that_agree_by_chance_are_not_taken_for_sure():
    """All variances are zero: still, four estimates do not have infinitely many df."""
    found = MeanModel(np.eye(4), {}, np.ones(4)).fit([1.0, 1.1, 0.9, 1.0])
    assert found.variances[ALONE].item() == 0
    assert found.df.item() == pytest.approx(3)


def test_one_degree_of_freedom_is_the_least():
    """Here the variance that decides the mean is measured against one that is far larger."""
    found = MeanModel(np.diag([100.0, 1e-6]), {}, [0.01, 1]).fit([0.0, 12.0])
    assert found.variances[ALONE].item() > 0
    assert found.df.item() == 1
