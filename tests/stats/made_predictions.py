"""Predictions tables, made up, one contrast, and R's values, for every test of statistics."""

import json
from dataclasses import asdict
from itertools import product
from types import SimpleNamespace

import numpy as np
import pandas as pd
import statsmodels.api as sm

from rin.files import REPOSITORY
from rin.stats.delong import auc_contrasts
from rin.stats.hypothesis import t_test
from rin.tables import UNFREEZING

#: Names of a run, where a test names none.
RUN = {"task": "breast", "fold": 0, "scenario": "s", "init": "a", "seed": 0, "part": "test"}


def golden(name):
    """The values of a golden file."""
    return json.loads((REPOSITORY / f"tests/golden/{name}.json").read_text())


def predictions_of(runs, cases, scores):
    """A predictions table: the names of `runs` beside the columns of all `cases`, run by run."""
    names = pd.DataFrame([RUN | run for run in runs])
    return names.merge(pd.DataFrame(cases), how="cross").assign(score=np.ravel(scores))


def one_run(labels, scores, patients=None, **names):
    """The test rows of one run; every case is a patient unless they are named."""
    cases = [f"{k:04d}" for k in range(len(labels))]
    patients = cases if patients is None else patients
    columns = {"case_id": cases, "patient_id": patients, "label": labels}
    return predictions_of([names], columns, scores)


def make_predictions(
    n_scenarios=3, n_folds=2, n_cases=24, inits=("radimagenet", "imagenet"), seed=7
):
    """Runs of each fold, scenario and init, the earlier inits better; patients have two images."""
    rng, runs, scores = np.random.default_rng(seed), [], []
    case = np.arange(n_cases)
    for fold, k in product(range(n_folds), range(n_scenarios)):
        names = {"scenario": f"ResNet50-unfreeze_all-{k}", "unfreezing": UNFREEZING[k % 3]}
        for rank, init in enumerate(inits):
            runs.append(names | {"fold": fold, "init": init})
            scores.append(rng.normal((case % 3 == 0) * (1.5 - 0.7 * rank), 1).round(1))
    cases = {"case_id": case, "patient_id": case // 2, "label": (case % 3 == 0).astype(int)}
    table = predictions_of(runs, cases, scores)
    for name in ("case", "patient"):
        number = table["fold"].astype(str) + "-" + table[f"{name}_id"].astype(str)
        table[f"{name}_id"] = f"{name} " + number
    validation = table[:n_cases].assign(part="validation", score=np.nan)
    return pd.concat([table, validation], ignore_index=True)


def by_case(rows, *names):
    """Labels and patients of the cases, and their scores, a column for each network of `names`."""
    cases = ["case_id", "label", "patient_id"]
    wide = rows.pivot(index=cases, columns=list(names), values="score")
    _, labels, patients = zip(*wide.index, strict=True)
    return labels, patients, wide


def columns_of(cases):
    """The columns of a list of cases, as arrays."""
    return [np.array(column) for column in zip(*cases, strict=True)]


def clustered_mean(values, patients, **options):
    """Statsmodels' mean of values, with a cluster-robust error."""
    mean = sm.OLS(np.asarray(values, float), np.ones(len(values)))
    return mean.fit(cov_type="cluster", cov_kwds={"groups": patients}, **options)


def auc_contrast(labels, scores_matrix, weights, *, clusters=None):
    """One weighted sum of the AUCs of predictors, with its variance and its test."""
    _, (estimate,), ((variance,),) = auc_contrasts(labels, scores_matrix, [weights], clusters)
    test = t_test(estimate, variance**0.5)
    return SimpleNamespace(variance=variance, **asdict(test) | {"estimate": estimate})
