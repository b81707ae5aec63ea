"""Mean ROC curves over scenarios, by three ways of averaging.

Figures 3 and 4 of the paper show mean curves with shaded SDs.  This module computes points;
drawing them is the report's work.
"""

import numpy as np
import pandas as pd
from sklearn.metrics import roc_curve

from rin.errors import InputError
from rin.stats.inputs import each_run, evaluated_rows

_POINT = ["fpr", "tpr"]


def mean_roc(predictions: pd.DataFrame, *, n_points: int = 101) -> pd.DataFrame:
    """Return the mean ROC curve of each init over its scenarios.

    Folds (and seeds) of a scenario are averaged first; mean and SD are over scenarios.  By
    `method`: "vertical", true-positive rates at a common false-positive rate, so the area under the
    mean curve is the mean area (Fawcett 2006, section 8.1); "threshold", both rates at a common
    threshold, an even quantile of the scores of all runs of the init (section 8.2), which is the
    paper's description read literally (Figure 3, caption); "rank", the same where each run calls
    an equal fraction of its cases positive, so that scores on different scales do not matter.

    `n_points` is that of the even grid from 0 to 1, at least 2.  One row per task × init × method ×
    position: position (0-1; the false-positive rate, the fraction of all runs' scores at or above
    the threshold, or the fraction called positive), fpr, tpr, fpr_sd, tpr_sd (n − 1; NaN for one
    scenario), n_scenarios.  Where a curve jumps, "vertical" takes the middle of the jump, but its
    upper end at rates of 0 and 1.  InputError for a bad table (`rin.stats.inputs.evaluated_rows`)
    or one class only.
    """
    if n_points < 2:
        raise InputError(
            f"{n_points} is too few", where="n_points", remedy="Pass at least 2; 101 is usual."
        )
    grid = np.linspace(0, 1, n_points)
    curves = []
    for _, rows in evaluated_rows(predictions).groupby(["task", "init"], observed=True):
        cuts = _thresholds(rows["score"].to_numpy(dtype=float), grid)
        for names, positive, scores in each_run(rows):
            for method, (fpr, tpr) in _run_curves(positive, scores, grid, cuts).items():
                points = {"method": method, "position": grid, "fpr": fpr, "tpr": tpr}
                curves.append(pd.DataFrame({**names, **points}))
    points = ["task", "init", "method", "position"]
    runs = pd.concat(curves, ignore_index=True)
    scenarios = runs.groupby([*points, "scenario"], observed=True)[_POINT].mean()
    over_scenarios = scenarios.groupby(points, observed=True)
    mean, sd = over_scenarios.mean(), over_scenarios.std().add_suffix("_sd")
    sizes = over_scenarios.size().rename("n_scenarios")
    return pd.concat([mean, sd, sizes], axis=1).reset_index()


def _thresholds(scores: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Return for each position the score at or above which that fraction of scores lies."""
    falling = np.sort(scores)[::-1]
    # Rounded first, so that 0.29 of 100 scores are 29 and not 30.
    places = np.ceil(np.round(grid * scores.size, 9)).astype(int)
    return np.append(np.inf, falling)[places]


def _run_curves(
    positive: np.ndarray, scores: np.ndarray, grid: np.ndarray, cuts: np.ndarray
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    fpr, tpr, _ = roc_curve(positive, scores)
    # Along a curve the fraction called positive rises strictly, so both rates are functions of it.
    called = positive.mean() * tpr + (1 - positive.mean()) * fpr
    return {
        "vertical": (grid, _height(grid, fpr, tpr)),
        "threshold": (_share_at(cuts, scores[~positive]), _share_at(cuts, scores[positive])),
        "rank": (np.interp(grid, called, fpr), np.interp(grid, called, tpr)),
    }


def _height(grid: np.ndarray, fpr: np.ndarray, tpr: np.ndarray) -> np.ndarray:
    """Return the height of a curve, the middle of its jumps (trapezoids then keep the area)."""
    # Rounded, so that a jump at 57 of 100 negatives stands at the grid's 0.57.
    grid, fpr = np.round(grid, 12), np.round(fpr, 12)
    upper = np.interp(grid, fpr, tpr)
    lower = np.interp(-grid, -fpr[::-1], tpr[::-1])
    return np.where((grid > 0) & (grid < 1), (lower + upper) / 2, upper)


def _share_at(cuts: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return the fraction of scores at or above each threshold."""
    return 1 - np.searchsorted(np.sort(scores), cuts, side="left") / scores.size
