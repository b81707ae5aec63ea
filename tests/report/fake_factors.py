"""Predictions of a factor, made up: four networks a scenario, on two folds; nothing is trained."""

import itertools

import numpy as np
import pandas as pd

from rin.study.factors import FACTORS

INITS = ("radiologic", "photographic")
REGIMES = ("unfreeze_all-1e-03", "unfreeze_all-1e-04", "freeze_all-1e-02", "unfreeze_top10-1e-02")
TITLES = {"breast": "Breast lesions", "thyroid": "Thyroid nodules"}


def factor_predictions(
    factor="preprocessing", *, loss=1.2, shared=True, tasks=("breast",), backbones=("ResNet50",),
    regimes=REGIMES, patients=60, images=1, seed=0,
):  # fmt: skip
    """The second init separates the classes worse by `loss` SD at the second level.

    With `shared` the first init has the same scores at both levels, as one run has.
    """
    rng, tables = np.random.default_rng(seed), []
    scenarios = [f"{backbone}-{regime}" for backbone in backbones for regime in regimes]
    for task, fold, scenario in itertools.product(tasks, (0, 1), scenarios):
        labels = np.repeat(np.arange(patients) % 2, images)
        hard = rng.normal(size=labels.size)
        kept = {}
        for level, init in itertools.product(FACTORS[factor], INITS):
            moved = level == FACTORS[factor][1]
            shift = 1.5 - loss * (moved and init == INITS[1])
            scores = labels * shift + 0.8 * hard + 0.6 * rng.normal(size=labels.size)
            if init == INITS[0] and shared:
                scores = kept.setdefault(init, scores)
            contract = "caffe" if init == INITS[1] and not moved else "caffe_unit"
            if factor == "resize":
                contract = "caffe" if init == INITS[1] else "caffe_unit"
            named = {"factor": factor, "level": level, "contract": contract, "task": task,
                     "fold": fold, "scenario": scenario, "backbone": scenario.split("-")[0],
                     "init": init, "seed": 0, "part": "test"}  # fmt: skip
            cases = {
                "case_id": [f"{fold}-{k}" for k in range(labels.size)],
                "patient_id": [f"{fold}-p{k // images}" for k in range(labels.size)],
                "label": labels,
                "score": scores,
            }
            tables.append(pd.DataFrame(named | cases))
    return pd.concat(tables, ignore_index=True)
