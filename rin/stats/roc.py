"""Mean ROC curves over scenarios, by two ways of averaging.

Figures 3 and 4 of the paper show mean curves with shaded SDs.  This module
computes points; drawing them is the report's work.
"""

import numpy as np
import pandas as pd
from sklearn.metrics import roc_curve

from rin.errors import InputError
from rin.stats.inputs import RUN, binary_labels, evaluated_rows, located, score_rows

_POINT = ["fpr", "tpr"]
_GROUP = ["task", "init", "method", "position"]


def mean_roc(predictions: pd.DataFrame, *, n_points: int = 101) -> pd.DataFrame:
    """Return the mean ROC curve of each init over its scenarios.

    Folds (and seeds) of a scenario are averaged first; mean and SD are over
    scenarios.  Method "vertical" averages true-positive rates at a common
    false-positive rate, so the area under its mean curve is the mean AUC.
    Method "threshold" averages false- and true-positive rates where each run
    calls the same fraction of its cases positive: the paper's description,
    "averaging false-positive rates and true-positive rates from each
    experiment" (Figure 3, caption), with ranks as the common threshold.

    Parameters
    ----------
    predictions
        As in `rin.stats.scenario_aucs`.
    n_points
        Points of the even grid from 0 to 1, at least 2.

    Returns
    -------
    pandas.DataFrame
        One row per task × init × method × position: position (0-1; the
        false-positive rate, or the fraction called positive), fpr, tpr,
        fpr_sd, tpr_sd (n − 1; NaN for one scenario), n_scenarios.  A
        vertical jump of a curve counts with its upper end.

    Raises
    ------
    InputError
        Bad table (see `rin.stats.inputs`), one class only, or fewer than
        two points.
    """
    if n_points < 2:
        raise InputError(
            f"{n_points} is too few", where="n_points", remedy="Pass at least 2; 101 is usual."
        )
    grid = np.linspace(0, 1, n_points)
    curves = []
    for key, run in evaluated_rows(predictions).groupby(RUN, observed=True):
        names = dict(zip(RUN, key, strict=True))
        with located(", ".join(f"{name} {value}" for name, value in names.items())):
            labels = binary_labels(run["label"])
            scores = score_rows(run["score"], labels.size)[0]
        curves += [
            curve.assign(**names, position=grid) for curve in _run_curves(labels, scores, grid)
        ]
    runs = pd.concat(curves, ignore_index=True)
    scenarios = runs.groupby([*_GROUP, "scenario"], observed=True)[_POINT].mean()
    over_scenarios = scenarios.groupby(_GROUP, observed=True)
    mean, sd = over_scenarios.mean(), over_scenarios.std().add_suffix("_sd")
    sizes = over_scenarios.size().rename("n_scenarios")
    return pd.concat([mean, sd, sizes], axis=1).reset_index()


def _run_curves(labels: np.ndarray, scores: np.ndarray, grid: np.ndarray) -> list[pd.DataFrame]:
    fpr, tpr, _ = roc_curve(labels, scores)
    vertical = {"method": "vertical", "fpr": grid, "tpr": np.interp(grid, fpr, tpr)}
    # Along a curve the fraction called positive rises strictly, so both rates are functions of it.
    called = labels.mean() * tpr + (1 - labels.mean()) * fpr
    threshold = {
        "method": "threshold",
        "fpr": np.interp(grid, called, fpr),
        "tpr": np.interp(grid, called, tpr),
    }
    return [pd.DataFrame(vertical), pd.DataFrame(threshold)]
