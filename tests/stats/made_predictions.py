"""A predictions table of two inits, made up, for every test of statistics on tables."""

import numpy as np
import pandas as pd


def make_predictions(n_scenarios=3, n_folds=2, n_cases=24, inits=("radimagenet", "imagenet")):
    """Return a predictions table in which earlier inits separate the classes better."""
    rng = np.random.default_rng(7)
    rows = []
    for fold in range(n_folds):
        labels = np.arange(n_cases) % 3 == 0
        for scenario in range(n_scenarios):
            for rank, init in enumerate(inits):
                scores = rng.normal(labels * (1.5 - 0.7 * rank), 1).round(1)
                rows += [
                    {
                        "task": "breast",
                        "fold": fold,
                        "scenario": f"ResNet50-unfreeze_all-{scenario}",
                        "init": init,
                        "seed": 0,
                        "case_id": f"case {fold}-{case}",
                        "patient_id": f"patient {fold}-{case // 2}",
                        "part": "test",
                        "label": int(labels[case]),
                        "score": scores[case],
                    }
                    for case in range(n_cases)
                ]
    validation = pd.DataFrame(rows[:n_cases]).assign(part="validation", score=np.nan)
    return pd.concat([pd.DataFrame(rows), validation], ignore_index=True)
