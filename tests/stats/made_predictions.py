"""Predictions tables, made up, and one contrast, for every test of statistics on tables."""

from dataclasses import asdict
from types import SimpleNamespace

import numpy as np
import pandas as pd

from rin.stats.delong import auc_contrasts
from rin.stats.hypothesis import t_test
from rin.tables import UNFREEZING


def one_run(labels, scores, patients=None, **names):
    """The test rows of one run; every case is a patient unless they are named."""
    cases = [f"{k:04d}" for k in range(len(labels))]
    patients = cases if patients is None else patients
    run = {"task": "breast", "fold": 0, "scenario": "s", "init": "a", "seed": 0, "part": "test"}
    columns = {"case_id": cases, "patient_id": patients, "label": labels, "score": scores}
    return pd.DataFrame(columns).assign(**run | names)


def make_predictions(
    n_scenarios=3, n_folds=2, n_cases=24, inits=("radimagenet", "imagenet"), seed=7
):
    """Runs of each fold, scenario and init, the earlier inits better; patients have two images."""
    rng, runs = np.random.default_rng(seed), []
    labels = np.arange(n_cases) % 3 == 0
    for fold in range(n_folds):
        cases = [f"case {fold}-{case}" for case in range(n_cases)]
        patients = [f"patient {fold}-{case // 2}" for case in range(n_cases)]
        for k in range(n_scenarios):
            names = {"scenario": f"ResNet50-unfreeze_all-{k}", "unfreezing": UNFREEZING[k % 3]}
            for rank, init in enumerate(inits):
                scores = rng.normal(labels * (1.5 - 0.7 * rank), 1).round(1)
                names |= {"fold": fold, "init": init, "case_id": cases}
                runs.append(one_run(labels.astype(int), scores, patients, **names))
    validation = runs[0].assign(part="validation", score=np.nan)
    return pd.concat([*runs, validation], ignore_index=True)


def auc_contrast(labels, scores_matrix, weights, *, clusters=None):
    """One weighted sum of the AUCs of predictors, with its variance and its test."""
    _, (estimate,), ((variance,),) = auc_contrasts(labels, scores_matrix, [weights], clusters)
    test = t_test(estimate, variance**0.5)
    return SimpleNamespace(variance=variance, **asdict(test) | {"estimate": estimate})
