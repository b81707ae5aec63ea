"""Mean ROC curves over scenarios: points alone, which `rin.report.roc` draws."""

import numpy as np
import pandas as pd
from sklearn.metrics import roc_curve

from rin.errors import InputError
from rin.stats.inputs import each_run, evaluated_rows


def mean_roc(predictions: pd.DataFrame, *, n_points: int = 101) -> pd.DataFrame:
    """Return the mean ROC curve of each init over its scenarios, as Figures 3 and 4 show them.

    Folds (and seeds) of a scenario are averaged first; mean and SD are over scenarios, of
    true-positive rates at a common false-positive rate, so that the area under the mean curve is
    the mean area (Fawcett 2006, section 8.1).  Where a curve jumps, the middle of the jump counts,
    but its upper end at rates of 0 and 1.

    `n_points` is that of the even grid from 0 to 1, at least 2.  One row per task × init × fpr:
    these three, tpr, tpr_sd (n − 1; NaN for one scenario), n_scenarios.  InputError for a bad table
    (`rin.stats.inputs.evaluated_rows`) or one class only.
    """
    if n_points < 2:
        raise InputError(
            f"{n_points} is too few", where="n_points", remedy="Pass at least 2; 101 is usual."
        )
    grid = np.linspace(0, 1, n_points)
    curves = [
        pd.DataFrame({**names, "fpr": grid, "tpr": _height(grid, *roc_curve(positive, scores)[:2])})
        for names, positive, scores in each_run(evaluated_rows(predictions))
    ]
    points = ["task", "init", "fpr"]
    runs = pd.concat(curves, ignore_index=True)
    scenarios = runs.groupby([*points, "scenario"], observed=True)["tpr"].mean()
    over_scenarios = scenarios.groupby(points, observed=True)
    found = over_scenarios.agg(tpr="mean", tpr_sd="std", n_scenarios="size")
    return found.reset_index()


def _height(grid: np.ndarray, fpr: np.ndarray, tpr: np.ndarray) -> np.ndarray:
    """Return the height of a curve, the middle of its jumps (trapezoids then keep the area)."""
    # Rounded, so that a jump at 57 of 100 negatives stands at the grid's 0.57.
    grid, fpr = np.round(grid, 12), np.round(fpr, 12)
    upper = np.interp(grid, fpr, tpr)
    lower = np.interp(-grid, -fpr[::-1], tpr[::-1])
    return np.where((grid > 0) & (grid < 1), (lower + upper) / 2, upper)
