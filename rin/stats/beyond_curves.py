"""Curves beyond the area, of a typical network: reliability, precision-recall, decision.

As in `rin.stats.beyond`, a curve is taken of each scenario and averaged over
them, and bands resample patients.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from rin.errors import InputError
from rin.stats.bootstrap import percentile_interval
from rin.stats.calibration import bin_count, bin_sums, reliability_of
from rin.stats.decision import net_benefit_of, treat_all_of
from rin.stats.inputs import check_level, located
from rin.stats.precision_recall import precision_at_recall_of
from rin.stats.task_scores import (
    TaskScores,
    mean_over_scenarios,
    replicate_weights,
    task_scores,
)
from rin.stats.weighted import Block, weighted_cases


def beyond_curves(
    predictions: pd.DataFrame,
    inits: Sequence[str],
    *,
    replicates: int = 1000,
    seed: int = 0,
    level: float = 0.95,
    bins: int = 10,
    n_points: int = 101,
) -> pd.DataFrame:
    """Return reliability, precision-recall and decision curves of a typical network.

    Parameters
    ----------
    predictions, inits, replicates, seed, level, bins
        As `rin.stats.beyond_area`.
    n_points
        Points from 0 to 1 of recall, and of thresholds (1 itself left out),
        at least 2.

    Returns
    -------
    pandas.DataFrame
        task, init, curve, x, y, low, high, share.  Curve "reliability": one
        row a bin that holds cases in some scenario, mean over those of its
        mean score (x) and share of positive cases (y), and its share of all
        cases; "precision_recall": recall, precision; "decision": threshold,
        net benefit; "treat_all", the same for every init: threshold, net
        benefit of calling everyone positive.  y, low and high as
        `rin.stats.beyond_area` (percentiles at each x alone); NaN bounds where a bin
        is empty in some replicate.  `share` is NaN on other curves.

    Raises
    ------
    InputError
        As `rin.stats.beyond_area`, or fewer than two points.

    Notes
    -----
    Checked against the public curve of each scenario alone.
    """
    check_level(level)
    if n_points < 2:
        raise InputError(f"{n_points} points", where="n_points", remedy="Pass at least 2.")
    grid = np.linspace(0, 1, n_points)
    tables = []
    for task in task_scores(predictions, inits):
        with located(f"task {task.task}"):
            weights = replicate_weights(task, replicates, seed)
            for init in task.scores:
                curves = _task_curves(task, init, weights, bin_count(bins), grid, level)
                tables.append(curves.assign(task=task.task, init=init))
    columns = ["task", "init", "curve", "x", "y", "low", "high", "share"]
    return pd.concat(tables, ignore_index=True)[columns]


def _task_curves(
    task: TaskScores, init: str, weights: np.ndarray, bins: int, grid: np.ndarray, level: float
) -> pd.DataFrame:
    thresholds = grid[:-1]
    curves = {"precision_recall": grid, "decision": thresholds, "treat_all": thresholds}

    def of_scenario(scores: np.ndarray) -> np.ndarray:
        cases = weighted_cases(task.labels, scores, weights, probabilities=True)
        return cases.each(
            lambda block: np.concatenate(
                [
                    _binned(block, bins),
                    precision_at_recall_of(block, grid),
                    net_benefit_of(block, thresholds),
                    treat_all_of(block, thresholds),
                ],
                axis=1,
            )
        )

    values = mean_over_scenarios(task, init, of_scenario)
    binned, rest = values[:, : 4 * bins].reshape(-1, 4, bins), values[:, 4 * bins :]
    tables = [_reliability_table(binned, level)]
    parts = np.split(rest, np.cumsum([x.size for x in curves.values()])[:-1], axis=1)
    for (curve, x), drawn in zip(curves.items(), parts, strict=True):
        low, high = percentile_interval(drawn[1:], level)
        points = {"curve": curve, "x": x, "y": drawn[0], "low": low, "high": high, "share": np.nan}
        tables.append(pd.DataFrame(points))
    return pd.concat(tables, ignore_index=True)


def _binned(block: Block, bins: int) -> np.ndarray:
    """Return mean score, observed share (0 in empty bins), share, and whether a bin holds cases."""
    curve = reliability_of(bin_sums(block, bins))
    return np.concatenate([*np.nan_to_num(np.moveaxis(curve, 1, 0)), curve[:, 2] > 0], axis=1)


def _reliability_table(binned: np.ndarray, level: float) -> pd.DataFrame:
    """Return the mean curve over the scenarios whose bin holds cases, from means over all."""
    held = binned[:, 3]
    score, observed = (
        np.divide(binned[:, k], held, out=np.full(held.shape, np.nan), where=held > 0)
        for k in (0, 1)
    )
    low, high = np.full((2, held.shape[1]), np.nan)
    for k in np.flatnonzero((held > 0).all(axis=0)):
        low[k], high[k] = percentile_interval(observed[1:, k], level)
    columns = {"x": score[0], "y": observed[0], "low": low, "high": high, "share": binned[0, 2]}
    return pd.DataFrame({"curve": "reliability"} | columns)[held[0] > 0]
