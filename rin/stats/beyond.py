"""What the area leaves out: calibration, fixed specificity, precision and net benefit.

Every measure takes labels (0 or 1) and scores, both (n,), and weights that say how often each
case counts, (n,) or (r, n): a bootstrap of any measure is one call with one row a replicate, and
the result then has a first axis of r.  InputError for what `rin.stats.inputs` refuses, scores
outside 0 to 1 where they must be probabilities, and weights of another width, negative, not
finite, or under which a class counts nothing.

`beyond_area` and `beyond_curves` take each measure of one network at a time and average it over
the scenarios of an init: a typical network, not their ensemble.  The test sets of a scenario's
folds are put side by side, as their probabilities are meant to share one scale; a fold with few
cases has no calibration of its own.  Intervals resample patients, the same ones for every init
and scenario, with the networks held fixed.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import expit, logit
from scipy.stats import rankdata

from rin.errors import InputError
from rin.stats.bootstrap import cluster_weights, percentile_interval
from rin.stats.inputs import (
    TaskScores,
    binary_labels,
    check_level,
    check_probabilities,
    cluster_codes,
    located,
    score_row,
    task_scores,
)

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
#: Scores nearer to 0 or 1 than this are moved to it before their log odds are taken.
EXTREME = 1e-6
# Chance raises these, in a replicate once more: their interval is reflected about the estimate.
_RAISED = {"ece", "brier_reliability", "brier_resolution"}
_CELLS = 2_000_000  # weights of one block; a measure holds about ten such arrays of float64
_SAME = 1e-9  # share of the total weight below which two sums of weights are one
# Of Newton's method for the calibration line: steps, halvings of each, and the last step's size.
_STEPS, _HALVINGS, _CONVERGED = 100, 60, 1e-10
# Of a step: where scores are sure there is next to no information, and no end to it.
_LONGEST = 10.0
_SINGULAR = 1e12  # condition from which a slope has no information

Value = float | np.ndarray


class Reliability(NamedTuple):
    """One value a bin, from low to high scores, (bins,) or (r, bins), each 0-1.

    Weighted mean `score` and share of positive cases (`observed`), NaN in a bin without cases;
    the bin's `share` of all cases.
    """

    score: np.ndarray
    observed: np.ndarray
    share: np.ndarray


class Brier(NamedTuple):
    """The Brier score and its five parts, each a number or (r,).

    score = reliability − resolution + uncertainty + within_bin_variance − within_bin_covariance.
    """

    score: Value
    reliability: Value
    resolution: Value
    uncertainty: Value
    within_bin_variance: Value
    within_bin_covariance: Value


class CalibrationLine(NamedTuple):
    """Logistic recalibration, each field a number or (r,); ideal are 0, 0 and 1.

    `in_the_large` is the intercept with the slope held at 1; `intercept` and `slope` are fitted
    together.
    """

    in_the_large: Value
    intercept: Value
    slope: Value


class DecisionCurve(NamedTuple):
    """Net benefit per case, in true positives, at each threshold (t,); (t,) or (r, t).

    By the scores, and of calling everyone positive; calling no one positive is worth 0.
    """

    thresholds: np.ndarray
    net_benefit: np.ndarray
    treat_all: np.ndarray


class PatientInterval(NamedTuple):
    """A measure of one network, with a percentile interval over resampled patients."""

    estimate: float
    ci_low: float
    ci_high: float
    n_patients: int


def patient_interval(
    measure: Callable[..., Value],
    labels: ArrayLike,
    scores: ArrayLike,
    patients: ArrayLike,
    *,
    replicates: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> PatientInterval:
    """Return a measure of one network's scores with an interval over patients (n,).

    `measure(labels, scores, weights=weights)` is such as `brier_score` or
    ``functools.partial(sensitivity_at_specificity, specificity=0.9)``.
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
        As `rin.stats.inputs.task_scores`; scores are probabilities.
    inits
        For exactly two, rows of init "difference" hold the first less the second.
    replicates, seed, level
        Of the bootstrap over patients; every replicate holds both classes.
    bins
        Bins of equal mass, for the calibration error and the Brier parts.
    threshold
        Threshold probability of the net benefit; the task's prevalence if None, where treating
        all and treating none are both worth 0.

    Returns
    -------
    pandas.DataFrame
        One row per task × init × measure of `MEASURES`: task, init, measure, estimate, ci_low,
        ci_high, n_scenarios, n_cases, n_patients, remark.  Intervals are percentile intervals;
        that of the calibration error and of Brier reliability and resolution is the reflected
        (basic) one, as chance raises these in the sample and once more in replicates; an
        estimate outside its interval says so in `remark`.  "ece_by_chance" is no estimate of the
        networks: mean and range of the calibration error if the scores were true probabilities.
        A slope is NaN, and says so, if a scenario's scores separate the classes.  Efron and
        Tibshirani (1993), sections 13.3 and 13.4.
    """
    check_level(level)
    tables = []
    for task in sorted(task_scores(predictions, inits), key=lambda task: task.task):
        with located(f"task {task.task}"):
            values = _task_values(task, replicates, seed, bins, threshold)
        for init, of_init in values.items():
            lowest = -1.0 if init == DIFFERENCE else 0.0
            rows = [
                _summary(of_init[:, column], measure, level, lowest)
                for column, measure in enumerate(MEASURES)
            ]
            sizes = (len(task.scenarios), task.labels.size, len(set(task.patients)))
            named = dict(zip(["n_scenarios", "n_cases", "n_patients"], sizes, strict=True))
            tables.append(pd.DataFrame(rows).assign(task=task.task, init=init, **named))
    columns = ["task", "init", "measure", "estimate", "ci_low", "ci_high", *named, "remark"]
    return pd.concat(tables, ignore_index=True)[columns]


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
        As `beyond_area`.
    n_points
        Points from 0 to 1 of recall, and of thresholds (1 itself left out), at least 2.

    Returns
    -------
    pandas.DataFrame
        task, init, curve, x, y, low, high, share.  Curve "reliability": one row a bin that holds
        cases in some scenario, mean over those of its mean score (x) and share of positive cases
        (y), and its share of all cases; "precision_recall": recall, precision; "decision":
        threshold, net benefit; "treat_all", the same for every init: threshold, net benefit of
        calling everyone positive.  Percentiles (low, high) are taken at each x alone; NaN where
        a bin is empty in some replicate.  `share` is NaN on other curves.
    """
    check_level(level)
    if n_points < 2:
        raise InputError(f"{n_points} points", where="n_points", remedy="Pass at least 2.")
    grid = np.linspace(0, 1, n_points)
    tables = []
    for task in sorted(task_scores(predictions, inits), key=lambda task: task.task):
        with located(f"task {task.task}"):
            weights = _replicate_weights(task, replicates, seed)
            for init in task.inits:
                curves = _task_curves(task, init, weights, bin_count(bins), grid, level)
                tables.append(curves.assign(task=task.task, init=init))
    columns = ["task", "init", "curve", "x", "y", "low", "high", "share"]
    return pd.concat(tables, ignore_index=True)[columns]


def reliability_curve(
    labels: ArrayLike, scores: ArrayLike, *, bins: int = 10, weights: ArrayLike | None = None
) -> Reliability:
    """Return mean scores and observed shares in bins that hold equal shares of the cases.

    Scores are probabilities.  Cases of one score are never split: with b bins they go into bin
    ⌊b · (share of cases below + half the share at that score)⌋, so ties can leave bins empty.
    """
    count, cases = bin_count(bins), weighted_cases(labels, scores, weights, probabilities=True)
    curve = cases.each(lambda block: reliability_of(bin_sums(block, count)))
    return Reliability(*np.moveaxis(curve, -2, 0))


def expected_calibration_error(
    labels: ArrayLike, scores: ArrayLike, *, bins: int = 10, weights: ArrayLike | None = None
) -> Value:
    """Return the mean distance of score and observed share over bins, weighted by their share.

    Bins as `reliability_curve`.  Above 0 by chance even where scores are true probabilities, the
    more the fewer cases a bin holds.  Naeini et al. (2015); Nguyen and O'Connor (2015).
    """
    count, cases = bin_count(bins), weighted_cases(labels, scores, weights, probabilities=True)
    return cases.each(lambda block: ece_of(bin_sums(block, count)))


def calibration_error_by_chance(
    scores: ArrayLike, uniforms: ArrayLike, *, bins: int = 10
) -> np.ndarray:
    """Return the calibration errors (r,) that scores (n,) show if they are true probabilities.

    In each row of `uniforms` (r, n), drawn evenly from 0 to 1, a case is positive where its number
    lies below its score.  Cases that share a number (a patient's) then agree as far as their
    scores allow, which is the most that their outcomes can depend on each other.  Consistency
    resampling (Bröcker and Smith 2007).
    """
    draws = np.asarray(uniforms)
    if np.ndim(scores) != 1 or draws.ndim != 2 or draws.shape[1] != np.size(scores):
        raise InputError(
            f"shape {draws.shape} beside scores of shape {np.shape(scores)}",
            where="uniforms",
            remedy="Pass one row a replicate, one number a case.",
        )
    chances = check_probabilities(score_row(scores, np.size(scores)))
    members = equal_mass_bins(chances, bins)[:, None] == np.arange(bins)
    observed = (draws < chances).astype(float) @ members
    return np.abs(observed - chances @ members).sum(axis=1) / chances.size


def equal_mass_bins(scores: ArrayLike, bins: int) -> np.ndarray:
    """Return the bin of each case, from 0 for low scores, by the rule of `reliability_curve`."""
    below = rankdata(scores) - 0.5  # cases below a score and half of those at it
    return np.floor(bin_count(bins) * below / np.size(scores)).astype(int)


def brier_score(labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None) -> Value:
    """Return the mean squared distance of probability and outcome, 0 (perfect) to 1."""
    return weighted_cases(labels, scores, weights, probabilities=True).each(brier_of)


def brier_decomposition(
    labels: ArrayLike, scores: ArrayLike, *, bins: int = 10, weights: ArrayLike | None = None
) -> Brier:
    """Return the Brier score in parts: miscalibration, resolution, uncertainty and the remainder.

    With bins k of share w, mean score f and observed share o, and prevalence p: reliability
    Σ w (f − o)², resolution Σ w (o − p)², uncertainty p (1 − p).  Scores that differ within a bin
    leave a remainder: the mean squared distance of scores to their bin's mean (variance) minus
    twice the mean product of that distance with the outcome's (covariance).  Murphy (1973);
    Stephenson, Coelho and Jolliffe (2008).
    """
    count, cases = bin_count(bins), weighted_cases(labels, scores, weights, probabilities=True)
    parts = cases.each(lambda block: brier_parts_of(block, bin_sums(block, count)))
    return Brier(*map(_plain, np.moveaxis(parts, -1, 0)))


def calibration_line(
    labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None
) -> CalibrationLine:
    """Return intercept and slope of the outcome's log odds on those of probabilities.

    Scores nearer than `EXTREME` to 0 or 1 are moved there, as their log odds are infinite.  A
    slope below 1 means scores too extreme; an intercept in the large above 0 means scores too low
    on average.  Intercept and slope are NaN if some score separates the classes (the likelihood
    then has no finite maximum) or all scores are equal; the intercept in the large always exists.
    Cox (1958); Van Calster et al. (2019).
    """
    cases = weighted_cases(labels, scores, weights, probabilities=True)
    return CalibrationLine(*map(_plain, np.moveaxis(cases.each(_lines), -1, 0)))


def sensitivity_at_specificity(
    labels: ArrayLike, scores: ArrayLike, specificity: float, weights: ArrayLike | None = None
) -> Value:
    """Return the sensitivity of the empirical ROC curve at a specificity, by pROC's rule.

    Where the curve rises at exactly this specificity, the highest sensitivity counts.  Between
    two points it is interpolated on the straight line, as a test that decides at random between
    the two thresholds would perform.  Equal scores give 1 − specificity.
    """
    if not 0 <= specificity <= 1:
        raise InputError(
            f"{specificity!r} is not a share", where="specificity", remedy="Use for example 0.9."
        )
    cases = weighted_cases(labels, scores, weights)
    return cases.each(lambda block: sensitivities_of(block, [specificity])[:, 0])


def average_precision(
    labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None
) -> Value:
    """Return the mean precision over recall, Σ (Rₖ − Rₖ₋₁) Pₖ; equal scores give the prevalence."""
    return weighted_cases(labels, scores, weights).each(average_precision_of)


def precision_at_recall(
    labels: ArrayLike, scores: ArrayLike, recall: ArrayLike, weights: ArrayLike | None = None
) -> np.ndarray:
    """Return the precision at the highest threshold that reaches each recall (k,), (k,) or (r, k).

    A step function whose mean over recall is the average precision.  Straight lines between
    points of this curve would promise what no threshold can do (Davis and Goadrich 2006).  At
    recall 0 it is the precision of the highest score.
    """
    grid = np.atleast_1d(np.asarray(recall, dtype=float))
    if not ((grid >= 0) & (grid <= 1)).all():
        raise InputError(
            "values outside 0 to 1", where="recall", remedy="Pass shares of the positive cases."
        )
    cases = weighted_cases(labels, scores, weights)
    return cases.each(lambda block: precision_at_recall_of(block, grid))


def net_benefit(
    labels: ArrayLike, scores: ArrayLike, thresholds: ArrayLike, weights: ArrayLike | None = None
) -> DecisionCurve:
    """Return true positives per case less false positives at their price.

    With n cases and threshold t, 0 to below 1: TP / n − FP / n · t / (1 − t), where probabilities
    of at least t are called positive.  At t equal to the prevalence treating all is worth as much
    as treating none: 0.  Vickers and Elkin (2006).
    """
    grid = check_thresholds(thresholds)
    cases = weighted_cases(labels, scores, weights, probabilities=True)
    curves = cases.each(
        lambda block: np.stack([net_benefit_of(block, grid), treat_all_of(block, grid)], axis=1)
    )
    return DecisionCurve(grid, *np.moveaxis(curves, -2, 0))


@dataclass(frozen=True)
class Block:
    """Some rows of weights (r, n) over cases in the order of falling scores.

    `scores` and `labels` are float64 (n,), `ends` (m,) is the last case of each distinct score.
    """

    scores: np.ndarray
    labels: np.ndarray
    weights: np.ndarray
    ends: np.ndarray

    @cached_property
    def total(self) -> np.ndarray:
        """Weight of all cases, (r,)."""
        return self.weights.sum(axis=1)

    @cached_property
    def positives(self) -> np.ndarray:
        """Weight of positive cases at or above each distinct score, (r, m)."""
        return np.cumsum(self.weights * self.labels, axis=1)[:, self.ends]

    @cached_property
    def called(self) -> np.ndarray:
        """Weight of all cases at or above each distinct score, (r, m)."""
        return np.cumsum(self.weights, axis=1)[:, self.ends]

    @cached_property
    def negatives(self) -> np.ndarray:
        """Weight of negative cases at or above each distinct score, (r, m)."""
        return self.called - self.positives

    def sums(self, *columns: np.ndarray) -> np.ndarray:
        """Return the weighted sums of columns (n,) over the cases, (len(columns), r)."""
        # Not a matrix product: on so few columns its threads would wait for each other.
        return np.einsum("rn,cn->cr", self.weights, np.stack(columns))


@dataclass(frozen=True)
class Cases:
    """Checked labels, scores and weights; `single` if the weights were a single row."""

    labels: np.ndarray
    scores: np.ndarray
    weights: np.ndarray
    single: bool

    def each(self, measure: Callable[[Block], np.ndarray]) -> Value:
        """Return a measure of every row of weights, without the first axis if there is one row.

        `measure` takes a `Block`, of rows few enough for memory, and returns an array whose first
        axis is its rows.
        """
        order = np.argsort(-self.scores, kind="stable")
        scores, labels = self.scores[order], self.labels[order].astype(float)
        ends = np.flatnonzero(np.append(scores[1:] != scores[:-1], True))
        step = max(1, _CELLS // scores.size)
        parts = []
        for start in range(0, len(self.weights), step):
            weights = self.weights[start : start + step][:, order].astype(float)
            parts.append(measure(Block(scores, labels, weights, ends)))
        values = np.concatenate(parts)
        return _plain(values[0]) if self.single else values


def weighted_cases(
    labels: ArrayLike,
    scores: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    probabilities: bool = False,
) -> Cases:
    """Return labels, scores and weights after checking them; no weights count each case once."""
    positive = binary_labels(labels)
    row = score_row(scores, positive.size)
    if probabilities:
        check_probabilities(row)
    array = np.ones(positive.size) if weights is None else np.asarray(weights)
    return Cases(positive, row, _weight_rows(array, positive), array.ndim == 1)


def bin_count(bins: int) -> int:
    """Return a number of bins after checking that it is whole and at least 1."""
    if isinstance(bins, bool) or not isinstance(bins, int | np.integer) or bins < 1:
        raise InputError(f"{bins!r} bins", where="bins", remedy="Pass a whole number from 1.")
    return int(bins)


def check_thresholds(thresholds: ArrayLike) -> np.ndarray:
    """Return thresholds as float64 (t,) after checking that all are from 0 to below 1."""
    grid = np.atleast_1d(np.asarray(thresholds, dtype=float))
    if grid.ndim != 1 or grid.size == 0 or not ((grid >= 0) & (grid < 1)).all():
        raise InputError(
            f"{np.asarray(thresholds).tolist()!r:.80} are not threshold probabilities",
            where="thresholds",
            remedy="Pass values from 0 to below 1; at 1 a false positive costs without bound.",
        )
    return grid


def first_reached(rows: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return where each rising row first holds at least each of its values, (r, k).

    A value counts as reached from `_SAME` of the row's last value below it, so that a rounded
    fraction of a total finds the sum that it stands for.
    """
    tolerant = values - _SAME * rows[:, -1:]
    return np.stack([row.searchsorted(value) for row, value in zip(rows, tolerant, strict=True)])


def first_passed(rows: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return where each rising row first exceeds each of its values, as `first_reached`."""
    return first_reached(rows, values + 2 * _SAME * rows[:, -1:])


class BinSums(NamedTuple):
    """Weight of all cases, of their scores and of positive cases per bin, each (r, bins)."""

    weight: np.ndarray
    score: np.ndarray
    positive: np.ndarray


def bin_sums(block: Block, bins: int) -> BinSums:
    """Return the sums per bin of equal mass, from low to high scores, of each row of a block."""
    scored = np.cumsum(block.weights * block.scores, axis=1)[:, block.ends]
    above = np.pad(block.called[:, :-1], ((0, 0), (1, 0)))
    middle = (above + block.called) / 2
    edges = first_passed(middle, block.total[:, None] * np.arange(1, bins) / bins)
    cuts = np.pad(edges, ((0, 0), (1, 1)), constant_values=(0, block.ends.size))
    return BinSums(*(_between(rising, cuts) for rising in (block.called, scored, block.positives)))


def reliability_of(sums: BinSums) -> np.ndarray:
    """Return the fields of `Reliability`, (r, 3, bins)."""
    share = sums.weight / sums.weight.sum(axis=1, keepdims=True)
    return np.stack(
        [_ratio(sums.score, sums.weight), _ratio(sums.positive, sums.weight), share], axis=1
    )


def ece_of(sums: BinSums) -> np.ndarray:
    """Return the expected calibration error, (r,)."""
    return np.abs(sums.score - sums.positive).sum(axis=1) / sums.weight.sum(axis=1)


def brier_of(block: Block) -> np.ndarray:
    """Return the Brier score of each row of a block, (r,)."""
    return block.sums((block.scores - block.labels) ** 2)[0] / block.total


def brier_parts_of(block: Block, sums: BinSums) -> np.ndarray:
    """Return the fields of `Brier` for each row of a block, (r, 6)."""
    score, observed, share = np.nan_to_num(np.moveaxis(reliability_of(sums), 1, 0))
    prevalence = sums.positive.sum(axis=1) / block.total
    squares, products = block.sums(block.scores**2, block.scores * block.labels) / block.total
    parts = [
        brier_of(block),
        (share * (score - observed) ** 2).sum(axis=1),
        (share * (observed - prevalence[:, None]) ** 2).sum(axis=1),
        prevalence * (1 - prevalence),
        squares - (share * score**2).sum(axis=1),
        2 * (products - (share * score * observed).sum(axis=1)),
    ]
    return np.stack(parts, axis=1)


def sensitivities_of(block: Block, specificities: Sequence[float]) -> np.ndarray:
    """Return the sensitivity at each specificity (k) of each row of a block, (r, k)."""
    false, true = (np.pad(part, ((0, 0), (1, 0))) for part in (block.negatives, block.positives))
    allowed = (1 - np.asarray(specificities)) * false[:, -1:]
    after = first_passed(false, allowed)
    last = after - 1  # the highest point of the curve that is specific enough
    after = np.minimum(after, false.shape[1] - 1)
    spent, reached = (np.take_along_axis(rate, last, axis=1) for rate in (false, true))
    gap = np.take_along_axis(false, after, axis=1) - spent
    share = np.divide(np.clip(allowed - spent, 0, None), gap, out=np.zeros_like(gap), where=gap > 0)
    further = np.take_along_axis(true, after, axis=1) - reached
    return (reached + share * further) / true[:, -1:]


def average_precision_of(block: Block) -> np.ndarray:
    """Return the average precision of each row of a block, (r,)."""
    gained = np.diff(block.positives, axis=1, prepend=0)
    return np.nansum(gained * _precision(block), axis=1) / block.positives[:, -1]


def precision_at_recall_of(block: Block, recall: np.ndarray) -> np.ndarray:
    """Return precision at each recall (k,) of each row of a block, (r, k)."""
    place = first_reached(block.positives, recall * block.positives[:, -1:])
    # Recall 0 is reached by calling anyone: the first score whose cases count.
    place = np.maximum(place, (block.called == 0).sum(axis=1, keepdims=True))
    return np.take_along_axis(_precision(block), place, axis=1)


def net_benefit_of(block: Block, thresholds: np.ndarray) -> np.ndarray:
    """Return the net benefit at each threshold (t,) of each row of a block, (r, t)."""
    distinct = block.scores[block.ends]
    called = np.searchsorted(-distinct, -thresholds, side="right")
    true, false = (
        np.pad(part, ((0, 0), (1, 0)))[:, called] for part in (block.positives, block.negatives)
    )
    return (true - false * _price(thresholds)) / block.total[:, None]


def treat_all_of(block: Block, thresholds: np.ndarray) -> np.ndarray:
    """Return the net benefit of calling everyone positive, as `net_benefit_of`."""
    true, false = block.positives[:, -1:], block.negatives[:, -1:]
    return (true - false * _price(thresholds)) / block.total[:, None]


def replicate_lines(block: Block, line: CalibrationLine) -> np.ndarray:
    """Return in_the_large and slope of each row near the line of all cases, (r, 2).

    In the large is fitted anew in each row.  The slope is one Newton step from the estimate of
    all cases (Moulton and Zeger 1991), which costs a few weighted sums instead of a fit and
    exists where the row alone would separate the classes.  Its intervals agree with those of
    complete fits from some hundred cases on; with fewer they are too narrow and too low (by a
    fifth of their width at 60).  NaN where the line has no slope, or a row's cases all score the
    same.
    """
    odds = _log_odds(block.scores)
    ones = np.ones((1, odds.size))
    # From the estimate of all cases a few steps reach far closer than replicates differ.
    start = np.full((len(block.weights), 1), line.in_the_large)
    large = _fit(block.weights, block.labels, ones, odds, start=start, close=1e-4)
    if math.isnan(line.slope):
        return np.pad(large, ((0, 0), (0, 1)), constant_values=math.nan)
    along = np.stack([ones[0], odds])
    slope = line.slope + _one_step(block, along, line.intercept + line.slope * odds)[:, 1:]
    return np.concatenate([large, slope], axis=1)


def _task_values(
    task: TaskScores, replicates: int, seed: int, bins: int, threshold: float | None
) -> dict[str, np.ndarray]:
    """Return (1 + replicates, measures) for each init and, of two, their difference."""
    weights = _replicate_weights(task, replicates, seed)
    at = check_thresholds(task.labels.mean() if threshold is None else threshold)
    codes, n_patients = cluster_codes(task.patients, task.labels.size)
    uniforms = np.random.default_rng([seed, 1]).random((replicates, n_patients), np.float32)

    def of_scenario(scores: np.ndarray) -> np.ndarray:
        cases = weighted_cases(task.labels, scores, weights, probabilities=True)
        line = calibration_line(task.labels, scores)

        def measures(block: Block) -> np.ndarray:
            sums = bin_sums(block, bins)
            columns = [
                ece_of(sums)[:, None],
                brier_parts_of(block, sums)[:, :4],
                sensitivities_of(block, [0.90, 0.95]),
                average_precision_of(block)[:, None],
                net_benefit_of(block, at),
                replicate_lines(block, line),
            ]
            return np.concatenate(columns, axis=1)

        return np.insert(cases.each(measures), 1, _by_chance(scores, uniforms, codes, bins), axis=1)

    bins = bin_count(bins)
    values = {init: _mean_over_scenarios(task, init, of_scenario) for init in task.inits}
    if len(values) == 2:
        first, second = values.values()
        values[DIFFERENCE] = first - second
    return values


def _by_chance(
    scores: np.ndarray, uniforms: np.ndarray, codes: np.ndarray, bins: int
) -> np.ndarray:
    """Return the mean error by chance, then each replicate's."""
    step = max(1, _CELLS // scores.size)
    errors = np.concatenate(
        [
            calibration_error_by_chance(scores, uniforms[start : start + step][:, codes], bins=bins)
            for start in range(0, len(uniforms), step)
        ]
    )
    return np.append(errors.mean(), errors)


def _summary(values: np.ndarray, measure: str, level: float, lowest: float) -> dict[str, object]:
    """Return estimate, interval and remark of the first value and its replicates."""
    estimate, low, high = float(values[0]), np.nan, np.nan
    if np.isnan(estimate):
        remark = "not defined: scores of a scenario separate the classes or are one"
    elif np.isnan(values).any():
        remark = "no interval: not defined in some replicates"
    else:
        low, high = percentile_interval(values[1:], level)
        if measure in _RAISED:
            low, high = np.clip([2 * estimate - high, 2 * estimate - low], lowest, 1).tolist()
        inside = low <= estimate <= high
        remark = "" if inside else "outside its interval: chance adds much at this many cases"
    fields = ("measure", "estimate", "ci_low", "ci_high", "remark")
    return dict(zip(fields, (measure, estimate, low, high, remark), strict=True))


def _replicate_weights(task: TaskScores, replicates: int, seed: int) -> np.ndarray:
    """Return weights (1 + replicates, n_cases): each case once, then patients drawn anew."""
    drawn = cluster_weights(task.patients, replicates, seed, labels=task.labels)
    return np.concatenate([np.ones((1, task.labels.size), drawn.dtype), drawn])


def _mean_over_scenarios(
    task: TaskScores, init: str, of_scenario: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Return the mean over the scenarios of an init of a function of their scores (n_cases,)."""
    total = sum(of_scenario(scores) for scores in task.scores[task.inits.index(init)])
    return np.asarray(total) / len(task.scenarios)


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

    values = _mean_over_scenarios(task, init, of_scenario)
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


def _log_odds(scores: np.ndarray) -> np.ndarray:
    return logit(np.clip(scores, EXTREME, 1 - EXTREME))


def _lines(block: Block) -> np.ndarray:
    """Return in_the_large, intercept and slope of each row of weights, (r, 3)."""
    odds = _log_odds(block.scores)
    lines = np.full((len(block.weights), 3), math.nan)
    one = np.ones((1, odds.size))
    lines[:, :1] = _fit(block.weights, block.labels, one, odds)
    finite = _overlap(block, odds)
    along = np.stack([one[0], odds])
    lines[finite, 1:] = _fit(block.weights[finite], block.labels, along, np.zeros(odds.size))
    return lines


def _overlap(block: Block, odds: np.ndarray) -> np.ndarray:
    """Return whether, in each row, scores of each class reach beyond the other's, (r,)."""
    lowest, highest = [], []
    for of_class in (block.labels, 1 - block.labels):
        counts = block.weights * of_class > 0
        lowest.append(np.where(counts, odds, np.inf).min(axis=1))
        highest.append(np.where(counts, odds, -np.inf).max(axis=1))
    return (lowest[0] < highest[1]) & (lowest[1] < highest[0])


def _fit(
    weights: np.ndarray,
    labels: np.ndarray,
    columns: np.ndarray,
    offset: np.ndarray,
    *,
    start: np.ndarray | None = None,
    close: float = _CONVERGED,
) -> np.ndarray:
    """Return the coefficients (r, c) of maximum likelihood by Newton's method, steps halved."""
    fitted = np.zeros((len(weights), len(columns))) if start is None else start
    best = _log_likelihood(weights, labels, offset + fitted @ columns)
    for _ in range(_STEPS if len(weights) else 0):
        step = _step(weights, labels, columns, offset + fitted @ columns)
        if len(columns) == 1:
            step = np.clip(step, -_LONGEST, _LONGEST)
        for _ in range(_HALVINGS):
            reached = _log_likelihood(weights, labels, offset + (fitted + step) @ columns)
            worse = reached < best - _CONVERGED * np.abs(best)
            if not worse.any():
                break
            step[worse] /= 2
        fitted, best = fitted + step, reached
        if np.abs(step).max() < close:
            return fitted
    if len(weights):
        raise ArithmeticError(f"no convergence of the calibration line in {_STEPS} steps")
    return fitted


def _step(
    weights: np.ndarray, labels: np.ndarray, columns: np.ndarray, odds: np.ndarray
) -> np.ndarray:
    """Return the Newton step of every row, (r, c), at its own log odds (r, n)."""
    risk = expit(odds)
    gradient = np.einsum("rn,cn->rc", weights * (labels - risk), columns)
    information = np.einsum("rn,cn->rc", weights * risk * (1 - risk), _products(columns))
    return _solved(information, gradient)


def _one_step(block: Block, columns: np.ndarray, odds: np.ndarray) -> np.ndarray:
    """Return the Newton step of every row, (r, c), at log odds (n,) that all rows share."""
    risk = expit(odds)
    gradient = block.sums(*((block.labels - risk) * columns))
    information = block.sums(*(risk * (1 - risk) * _products(columns)))
    return _solved(information.T, gradient.T)


def _products(columns: np.ndarray) -> np.ndarray:
    """Return the product of every two columns (c, n), (c * c, n)."""
    return (columns[:, None] * columns).reshape(-1, columns.shape[1])


def _solved(information: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """Return information⁻¹ gradient of every row, NaN where there is no information."""
    matrices = information.reshape(len(gradient), gradient.shape[1], gradient.shape[1])
    step = np.full_like(gradient, math.nan)
    solvable = np.linalg.cond(matrices) < _SINGULAR
    step[solvable] = np.linalg.solve(matrices[solvable], gradient[solvable, :, None])[..., 0]
    return step


def _log_likelihood(weights: np.ndarray, labels: np.ndarray, odds: np.ndarray) -> np.ndarray:
    return (weights * (labels * odds - np.logaddexp(0, odds))).sum(axis=1)


def _weight_rows(array: np.ndarray, positive: np.ndarray) -> np.ndarray:
    numeric = array.dtype.kind in "biuf"
    if not numeric or array.ndim not in (1, 2) or array.shape[-1] != positive.size:
        raise InputError(
            f"shape {array.shape} of {array.dtype} beside {positive.size} labels",
            where="weights",
            remedy="Pass one number a case, cases along the last axis.",
        )
    if array.size == 0 or not np.isfinite(array).all() or array.min() < 0:
        raise InputError(
            "no row, or a negative or infinite value or NaN",
            where="weights",
            remedy="A weight says how often a case counts: 0 or more.",
        )
    rows = np.atleast_2d(array)
    lacking = [~(rows[:, part] > 0).any(axis=1) for part in (positive, ~positive)]
    if np.any(lacking):
        first = int(np.flatnonzero(np.any(lacking, axis=0))[0])
        raise InputError(
            f"row {first} counts no case of one class",
            where="weights",
            remedy="Draw replicates that hold both classes (`cluster_weights(labels=...)`).",
        )
    return rows


def _between(rising: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    """Return what cumulative sums gain between cuts, bins from low to high scores."""
    sums = np.pad(rising, ((0, 0), (1, 0)))
    return np.flip(np.diff(np.take_along_axis(sums, cuts, axis=1), axis=1), axis=1)


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0)


def _precision(block: Block) -> np.ndarray:
    """Return the precision at each distinct score, NaN where the cases called weigh nothing."""
    return _ratio(block.positives, block.called)


def _price(thresholds: np.ndarray) -> np.ndarray:
    """Return how many true positives one false positive costs."""
    return thresholds / (1 - thresholds)


def _plain(values: np.ndarray) -> Value:
    """Return a Python number for an array without axes, any other array as it is."""
    return float(values) if np.ndim(values) == 0 else values
