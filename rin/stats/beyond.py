"""What the area leaves out: calibration, fixed specificity, precision and net benefit.

Each measure is taken of one network at a time and averaged over the scenarios
of an init: a typical network, not their ensemble.  The test sets of a
scenario's folds are put side by side, as their probabilities are meant to
share one scale; a fold with few cases has no calibration of its own.
Intervals resample patients, the same ones for every init and scenario, with
the networks held fixed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from rin.stats.bootstrap import cluster_weights, percentile_interval
from rin.stats.calibration import bin_sums, brier_parts_of, ece_of
from rin.stats.clusters import cluster_codes
from rin.stats.consistency import calibration_error_by_chance
from rin.stats.decision import check_thresholds, net_benefit_of
from rin.stats.inputs import check_level, located
from rin.stats.operating import sensitivities_of
from rin.stats.precision_recall import average_precision_of
from rin.stats.recalibration import calibration_line, replicate_lines
from rin.stats.task_scores import (
    TaskScores,
    mean_over_scenarios,
    replicate_weights,
    task_scores,
)
from rin.stats.weighted import Block, weighted_cases

#: Name of the rows that hold the paired difference of two inits.
DIFFERENCE = "difference"
#: Measures in the order of the table.
MEASURES = (
    "ece",
    "ece_by_chance",
    "brier",
    "brier_reliability",
    "brier_resolution",
    "brier_uncertainty",
    "sensitivity_at_90",
    "sensitivity_at_95",
    "average_precision",
    "net_benefit",
    "calibration_in_the_large",
    "calibration_slope",
)
# Chance raises these, in a replicate once more: their interval is reflected about the estimate.
_RAISED = {"ece", "brier_reliability", "brier_resolution"}
_BLOCK = 2_000_000


@dataclass(frozen=True)
class PatientInterval:
    """A measure of one network, with a percentile interval over resampled patients."""

    estimate: float
    ci_low: float
    ci_high: float
    n_patients: int


def patient_interval(
    measure: Callable[..., float | np.ndarray],
    labels: ArrayLike,
    scores: ArrayLike,
    patients: ArrayLike,
    *,
    replicates: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> PatientInterval:
    """Return a measure of one network's scores with an interval over patients.

    Parameters
    ----------
    measure
        ``measure(labels, scores, weights=weights)``, such as `brier_score` or
        ``functools.partial(sensitivity_at_specificity, specificity=0.9)``.
    labels, scores, patients
        Shape (n,).
    replicates, seed, level
        As `beyond_area`.

    Raises
    ------
    InputError
        As the measure and `rin.stats.cluster_weights`.

    Notes
    -----
    Checked against pROC's bootstrap ``ci.se(boot.stratified = FALSE)`` with
    one case a patient, and against a plain loop over resampled patients.
    """
    drawn = cluster_weights(patients, replicates, seed, labels=labels)
    low, high = percentile_interval(measure(labels, scores, weights=drawn), level)
    n_patients = cluster_codes(patients, drawn.shape[1])[1]
    return PatientInterval(float(measure(labels, scores)), low, high, n_patients)


def beyond_area(
    predictions: pd.DataFrame,
    inits: Sequence[str],
    *,
    replicates: int = 1000,
    seed: int = 0,
    level: float = 0.95,
    bins: int = 10,
    threshold: float | None = None,
) -> pd.DataFrame:
    """Return measures beyond the area for each init, and their paired difference.

    Parameters
    ----------
    predictions
        As `rin.stats.task_scores.task_scores`; scores are probabilities.
    inits
        Initialisation sources; for exactly two, rows of init "difference"
        hold the first less the second.
    replicates, seed
        Of the bootstrap over patients; every replicate holds both classes.
    level
        Confidence level.
    bins
        Bins of equal mass, for the calibration error and the Brier parts.
    threshold
        Threshold probability of the net benefit; the task's prevalence if
        None, where treating all and treating none are both worth 0.

    Returns
    -------
    pandas.DataFrame
        One row per task × init × measure of `MEASURES`: task, init, measure,
        estimate, ci_low, ci_high, n_scenarios, n_cases, n_patients, remark.

        Intervals are percentile intervals.  That of the calibration error
        and of Brier reliability and resolution is the reflected (basic) one,
        as chance raises these in the sample and once more in replicates; an
        estimate outside its interval says so in `remark`.  "ece_by_chance" is
        no estimate of the networks: mean and range of the calibration error
        if the scores were true probabilities.
        Replicates of the slope are one Newton step from the estimate
        (`rin.stats.recalibration.replicate_lines`).  A slope is NaN, and says
        so, if a scenario's scores separate the classes.

    Raises
    ------
    InputError
        As `task_scores` and `rin.stats.cluster_weights` (fewer than two
        patients with each class), or scores outside 0 to 1.

    Notes
    -----
    Efron and Tibshirani (1993), sections 13.3 and 13.4.  Checked against
    every public measure called for each scenario alone, and against a
    bootstrap in a plain loop.
    """
    check_level(level)
    tables = []
    for task in task_scores(predictions, inits):
        with located(f"task {task.task}"):
            values = _task_values(task, replicates, seed, bins, threshold)
        sizes = {
            "n_scenarios": len(task.scores[inits[0]]),
            "n_cases": task.labels.size,
            "n_patients": len(set(task.patients)),
        }
        for init, of_init in values.items():
            lowest = -1.0 if init == DIFFERENCE else 0.0
            rows = [
                {"task": task.task, "init": init, "measure": measure}
                | _summary(of_init[:, column], measure, level, lowest)
                for column, measure in enumerate(MEASURES)
            ]
            tables.append(pd.DataFrame(rows).assign(**sizes))
    columns = ["task", "init", "measure", "estimate", "ci_low", "ci_high", *sizes, "remark"]
    return pd.concat(tables, ignore_index=True)[columns]


def _task_values(
    task: TaskScores, replicates: int, seed: int, bins: int, threshold: float | None
) -> dict[str, np.ndarray]:
    """Return (1 + replicates, measures) for each init and, of two, their difference."""
    weights = replicate_weights(task, replicates, seed)
    at = check_thresholds(task.labels.mean() if threshold is None else threshold)
    codes, n_patients = cluster_codes(task.patients, task.labels.size)
    uniforms = np.random.default_rng([seed, 1]).random((replicates, n_patients), np.float32)

    def of_scenario(scores: np.ndarray) -> np.ndarray:
        cases = weighted_cases(task.labels, scores, weights, probabilities=True)
        line = calibration_line(task.labels, scores)
        values = cases.each(
            lambda block: np.concatenate(
                [_measures_of(block, bins, at), replicate_lines(block, line)], axis=1
            )
        )
        return np.insert(values, 1, _by_chance(scores, uniforms, codes, bins), axis=1)

    values = {init: mean_over_scenarios(task, init, of_scenario) for init in task.scores}
    if len(values) == 2:
        first, second = values.values()
        values[DIFFERENCE] = first - second
    return values


def _measures_of(block: Block, bins: int, threshold: np.ndarray) -> np.ndarray:
    """Return the measures from a block's counts, in the order of `MEASURES`, (r, 9)."""
    sums = bin_sums(block, bins)
    columns = [
        ece_of(sums)[:, None],
        brier_parts_of(block, sums)[:, :4],
        sensitivities_of(block, [0.90, 0.95]),
        average_precision_of(block)[:, None],
        net_benefit_of(block, threshold),
    ]
    return np.concatenate(columns, axis=1)


def _by_chance(
    scores: np.ndarray, uniforms: np.ndarray, codes: np.ndarray, bins: int
) -> np.ndarray:
    """Return the mean error by chance, then each replicate's."""
    step = max(1, _BLOCK // scores.size)
    errors = np.concatenate(
        [
            calibration_error_by_chance(scores, uniforms[start : start + step][:, codes], bins=bins)
            for start in range(0, len(uniforms), step)
        ]
    )
    return np.append(errors.mean(), errors)


def _summary(values: np.ndarray, measure: str, level: float, lowest: float) -> dict[str, object]:
    """Return estimate, interval and remark of the first value and its replicates."""
    estimate = float(values[0])
    row: dict[str, object] = {"estimate": estimate, "ci_low": np.nan, "ci_high": np.nan}
    if np.isnan(estimate):
        return row | {"remark": "not defined: scores of a scenario separate the classes or are one"}
    if np.isnan(values).any():
        return row | {"remark": "no interval: not defined in some replicates"}
    low, high = percentile_interval(values[1:], level)
    if measure in _RAISED:
        low, high = np.clip([2 * estimate - high, 2 * estimate - low], lowest, 1).tolist()
    outside = not low <= estimate <= high
    remark = "outside its interval: chance adds much at this many cases" if outside else ""
    return row | {"ci_low": low, "ci_high": high, "remark": remark}
