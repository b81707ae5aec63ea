"""What the AUC leaves out: calibration, fixed specificity, precision and net benefit.

Every measure takes `weighted_cases(labels, scores, weights)` and returns one value, or one row of
values, for each row of weights (r, n), which say how often a case counts: a bootstrap of any
measure is one call.  Scores are log-odds, and cases are ranked by them: probabilities of a sure
network are all 1 to the computer, and would tie.  They serve calibration and net benefit alone.
InputError for what `rin.stats.inputs` refuses.  Calibration is written out here, for
scikit-learn's takes no case weights.

`clinical_measures` and `clinical_curves` average a measure over the scenarios of an init: a typical
network, not their ensemble.  The test sets of a scenario's folds are put side by side.  Intervals,
of 95 %, resample patients, the same ones for every init and scenario; networks are held fixed.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.optimize import elementwise
from scipy.special import expit, logit
from scipy.stats import rankdata
from statsmodels.genmod import families
from statsmodels.genmod.generalized_linear_model import GLM

from rin.errors import InputError
from rin.stats import inputs
from rin.stats.bootstrap import cluster_weights, percentile_interval
from rin.stats.inputs import TaskScores, located, task_scores

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
#: Those that take weights; the error by chance draws outcomes instead.
_WEIGHTED = tuple(name for name in MEASURES if name != "ece_by_chance")
GRID = np.linspace(0, 1, 101)  # recalls and thresholds of `clinical_curves`
EXTREME = 1e-6  # probabilities nearer to 0 or 1 count as this near in the calibration line
_RAISED = {"ece", "brier_reliability", "brier_resolution"}  # by chance: reflected intervals
_CELLS = 2_000_000  # weights of one block; a measure holds about ten such arrays of float64
_SAME = 1e-9  # share of the total weight below which two sums of weights are one
_SINGULAR = 1e-12  # share of the sum of squared log odds below which scores do not differ


def clinical_measures(
    predictions: pd.DataFrame,
    inits: Sequence[str],
    *,
    replicates: int = 1000,
    seed: int = 0,
    bins: int = 10,
) -> pd.DataFrame:
    """Return clinical measures beyond the AUC for each init, and their paired difference.

    `predictions` are those of `rin.stats.inputs.task_scores`; scores are log-odds.  For exactly
    two inits rows of init "difference" hold the first less the second.  The bootstrap draws
    patients; every replicate holds both classes.  `bins` of equal mass serve the calibration error
    and the Brier parts.

    One row per task × init × measure of `MEASURES`: task, init, measure, estimate, ci_low, ci_high,
    n_scenarios, n_cases, n_patients, remark.  Net benefit is taken at the prevalence, where
    treating all and treating none are worth 0.  Intervals are percentile intervals, reflected
    (basic) ones for the calibration error and Brier reliability and resolution, which chance raises
    in the sample and once more in replicates; `remark` names an estimate outside its interval, and
    a slope that is NaN as a scenario's scores separate the classes.  "ece_by_chance" holds mean and
    range of the calibration error if the scores were true probabilities.  Efron and Tibshirani
    (1993), sections 13.3 and 13.4.

    Examples
    --------
    >>> from rin.stats import clinical_measures
    >>> from rin.stats.simulation import simulate_predictions
    >>> predictions = simulate_predictions()
    >>> table = clinical_measures(predictions, ["a", "b"], replicates=50)
    >>> ece = table.query("task == 'breast' and measure == 'ece'")
    >>> print(ece[["init", "estimate", "ci_low", "ci_high"]].round(3).to_string(index=False))
          init  estimate  ci_low  ci_high
             a     0.175   0.125    0.212
             b     0.154   0.078    0.178
    difference     0.020   0.006    0.062
    """
    rows = []
    for task, weights in _resampled(predictions, inits, replicates, seed):
        with located(f"task {task.task}"):
            values = _task_values(task, weights, seed, bins)
        sizes = {"n_scenarios": len(task.scenarios), "n_cases": task.labels.size}
        sizes["n_patients"] = len(set(task.patients))
        for init, replicates_of in values.items():
            lowest = -1.0 if init == DIFFERENCE else 0.0
            for measure in MEASURES:
                summary = _summary(replicates_of[measure].to_numpy(), measure, lowest)
                estimate, low, high, remark = summary
                row = {"task": task.task, "init": init, "measure": measure, "estimate": estimate}
                rows.append(row | {"ci_low": low, "ci_high": high} | sizes | {"remark": remark})
    return pd.DataFrame(rows)


def clinical_curves(
    predictions: pd.DataFrame,
    inits: Sequence[str],
    *,
    replicates: int = 1000,
    seed: int = 0,
    bins: int = 10,
) -> pd.DataFrame:
    """Return reliability, precision-recall and decision curves of a typical network.

    As `clinical_measures`; recall and thresholds are those of `GRID`, without a threshold of 1.

    Columns: task, init, curve, x, estimate, ci_low, ci_high, share.  Curve "reliability": one row a
    bin that holds cases in some scenario, mean over those of its mean score (x) and share of
    positive cases (estimate), and its share of all cases (NaN on other curves);
    "precision_recall": recall, precision;
    "decision": threshold, net benefit; "treat_all", the same for every init.  Percentiles (ci_low,
    ci_high) are taken at each x alone; NaN where a bin is empty in some replicate.

    Examples
    --------
    >>> from rin.stats import clinical_curves
    >>> from rin.stats.simulation import simulate_predictions
    >>> predictions = simulate_predictions()
    >>> table = clinical_curves(predictions, ["a", "b"], replicates=50, bins=3)
    >>> rows = table.query("task == 'breast' and init == 'a' and curve == 'reliability'")
    >>> print(rows[["x", "estimate"]].round(2).to_string(index=False))
       x  estimate
    0.34      0.12
    0.66      0.47
    0.87      0.91
    """
    tables = []
    for task, weights in _resampled(predictions, inits, replicates, seed):
        with located(f"task {task.task}"):
            for init in task.inits:
                curves = _init_curves(task, init, weights, bins)
                tables.append(curves.assign(task=task.task, init=init))
    columns = ["task", "init", "curve", "x", "estimate", "ci_low", "ci_high", "share"]
    return pd.concat(tables, ignore_index=True)[columns]


@dataclass(frozen=True)
class WeightedCases:
    """Cases in the order of falling scores, and how often each counts.

    `scores` and `labels` are float64 (n,), `weights` (r, n), `total` their sums (r,), `ends` (m,)
    the last case of each distinct score, `called` and `positives` (r, m) the weight of all and of
    positive cases at or above it.
    """

    scores: np.ndarray
    labels: np.ndarray
    weights: np.ndarray
    total: np.ndarray
    ends: np.ndarray
    called: np.ndarray
    positives: np.ndarray

    @cached_property
    def probabilities(self) -> np.ndarray:
        """Probability of the positive class, float64 (n,)."""
        return expit(self.scores)

    @cached_property
    def odds(self) -> np.ndarray:
        """Log-odds (n,) for the calibration line, of probabilities from `EXTREME` on."""
        return np.clip(self.scores, logit(EXTREME), logit(1 - EXTREME))


def weighted_cases(
    labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None
) -> WeightedCases:
    """Return labels (0 or 1), log-odds, both (n,), and weights (n,) or (r, n), for the measures.

    No weights count each case once.  InputError also for weights of another width, negative, not
    finite, or under which a class counts nothing.

    Examples
    --------
    >>> from rin.stats import weighted_cases
    >>> cases = weighted_cases([0, 1, 1], [-1.0, 0.5, 2.0], [1, 2, 1])
    >>> cases.scores.tolist(), cases.positives.tolist()
    ([2.0, 0.5, -1.0], [[1.0, 3.0, 3.0]])
    """
    positive = inputs.binary_labels(labels)
    row = inputs.score_row(scores, positive.size)
    rows = np.atleast_2d(np.ones(positive.size) if weights is None else np.asarray(weights))
    usable = rows.dtype.kind in "biuf" and rows.ndim == 2 and rows.shape[1] == positive.size
    if not usable or rows.size == 0 or not np.isfinite(rows).all() or rows.min() < 0:
        raise InputError(
            f"shape {rows.shape} of {rows.dtype} beside {positive.size} labels",
            where="weights",
            remedy="Pass finite numbers from 0, one a case, cases along the last axis.",
        )
    if not all((rows[:, part] > 0).any(axis=1).all() for part in (positive, ~positive)):
        raise InputError(
            "a row counts no case of one class",
            where="weights",
            remedy="Draw replicates that hold both classes (`cluster_weights(labels=...)`).",
        )
    order = np.argsort(-row, kind="stable")
    ranked, outcomes = row[order], positive[order].astype(float)
    counts = rows[:, order].astype(float)
    ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    called, true = (np.cumsum(part, axis=1)[:, ends] for part in (counts, counts * outcomes))
    return WeightedCases(ranked, outcomes, counts, counts.sum(axis=1), ends, called, true)


def reliability_curve(cases: WeightedCases, bins: int = 10) -> np.ndarray:
    """Return mean score, observed share of positives and share of cases a bin, (r, 3, bins).

    Scores are taken as probabilities, bins hold equal shares of the cases from low to high scores;
    the first two are NaN in a bin without cases.  Cases of one score are never split: they go into
    bin ⌊bins · (share of cases below + half the share at that score)⌋.
    """
    if isinstance(bins, bool) or not isinstance(bins, int | np.integer) or bins < 1:
        raise InputError(f"{bins!r} bins", where="bins", remedy="Pass a whole number from 1.")
    scored = np.cumsum(cases.weights * cases.probabilities, axis=1)[:, cases.ends]
    middle = cases.called - np.diff(_from_zero(cases.called), axis=1) / 2
    fractions = cases.total[:, None] * np.arange(1, bins) / bins
    edges = _first_reached(middle, fractions + 2 * _SAME * middle[:, -1:])
    cuts = np.pad(edges, ((0, 0), (1, 1)), constant_values=(0, cases.ends.size))
    sums = map(_from_zero, (cases.called, scored, cases.positives))
    at_cuts = (np.take_along_axis(rising, cuts, axis=1) for rising in sums)
    weight, score, positive = (np.diff(part, axis=1)[:, ::-1] for part in at_cuts)
    share = weight / cases.total[:, None]
    return np.stack([_ratio(score, weight), _ratio(positive, weight), share], axis=1)


def expected_calibration_error(cases: WeightedCases, bins: int = 10) -> np.ndarray:
    """Return the mean distance (r,) of score and observed share over bins, weighted by their share.

    Bins as `reliability_curve`.  Above 0 by chance even where scores are true probabilities, the
    more the fewer cases a bin holds.  Naeini et al. (2015); Nguyen and O'Connor (2015).
    """
    score, observed, share = np.moveaxis(reliability_curve(cases, bins), 1, 0)
    return np.nansum(share * np.abs(score - observed), axis=1)


def calibration_error_by_chance(
    probabilities: np.ndarray, uniforms: np.ndarray, bins: int = 10
) -> np.ndarray:
    """Return the calibration errors (r,) of true probabilities (n,), which are due to chance.

    In each row of `uniforms` (r, n), drawn evenly from 0 to 1, a case is positive where its number
    lies below its probability.  Cases that share a number (a patient's) then agree as far as
    theirs allow.  Consistency resampling (Bröcker and Smith 2007).
    """
    below = rankdata(probabilities) - 0.5  # cases below one and half of those at it
    bin_of = np.floor(bins * below / probabilities.size).astype(int)
    members = bin_of[:, None] == np.arange(bins)
    observed = (uniforms < probabilities).astype(float) @ members
    return np.abs(observed - probabilities @ members).sum(axis=1) / probabilities.size


def brier_parts(cases: WeightedCases, bins: int = 10) -> np.ndarray:
    """Return the Brier score of probabilities, its reliability, resolution and uncertainty, (r, 4).

    The score is the mean squared distance of probability and outcome.  With bins k of share w,
    mean score f and observed share o, and prevalence p: reliability Σ w (f − o)², resolution
    Σ w (o − p)², uncertainty p (1 − p).  Scores that differ within a bin leave a remainder.
    Murphy (1973); Stephenson, Coelho and Jolliffe (2008).
    """
    score, observed, share = np.nan_to_num(np.moveaxis(reliability_curve(cases, bins), 1, 0))
    prevalence = cases.positives[:, -1] / cases.total
    squares = (cases.probabilities - cases.labels) ** 2
    # Not a matrix product, whose threads would wait for each other.
    brier = np.einsum("rn,n->r", cases.weights, squares) / cases.total
    reliability = (share * (score - observed) ** 2).sum(axis=1)
    resolution = (share * (observed - prevalence[:, None]) ** 2).sum(axis=1)
    return np.stack([brier, reliability, resolution, prevalence * (1 - prevalence)], axis=1)


def calibration_line(cases: WeightedCases) -> np.ndarray:
    """Return intercept in the large, intercept and slope of logistic recalibration, (r, 3).

    The outcome's log-odds on the scores; ideal are 0, 0 and 1.  In the large is the
    intercept with the slope held at 1, above 0 where scores are too low on average; a slope below
    1 means scores too extreme.  Probabilities nearer than `EXTREME` to 0 or 1 are moved there, so
    that one sure case does not rule the line.  Intercept and slope are NaN if some score separates
    the classes (the likelihood then has no finite maximum) or all scores are equal.  Cox (1958);
    Van Calster et al. (2019).
    """
    odds, labels, weights = cases.odds, cases.labels, cases.weights
    counted = [weights * of_class > 0 for of_class in (labels, 1 - labels)]
    lowest = [np.where(counts, odds, np.inf).min(axis=1) for counts in counted]
    highest = [np.where(counts, odds, -np.inf).max(axis=1) for counts in counted]
    # Scores of each class reach beyond the other's.
    finite = (lowest[0] < highest[1]) & (lowest[1] < highest[0])
    lines = np.full((len(weights), 3), math.nan)
    lines[:, 0] = _in_the_large(cases)
    columns = np.column_stack([np.ones(odds.size), odds])
    for row in np.flatnonzero(finite):
        model = GLM(labels, columns, families.Binomial(), freq_weights=weights[row])
        fitted = model.fit(tol=1e-12, maxiter=500)
        if not fitted.converged:
            raise ArithmeticError("no convergence of the calibration line")
        lines[row, 1:] = fitted.params
    return lines


def replicate_lines(cases: WeightedCases, line: np.ndarray) -> np.ndarray:
    """Return in the large and slope of each row of weights near the line (3,) of all cases, (r, 2).

    In the large is fitted anew in each row.  The slope is one Newton step from the estimate of
    all cases (Moulton and Zeger 1991), which exists where the row alone would separate the classes.
    Its intervals agree with those of complete fits from some hundred cases on; with fewer they are
    too narrow and too low (by a fifth of their width at 60).  NaN where the line has no slope, or a
    row's cases all score the same.
    """
    odds, weights, (_, intercept, slope) = cases.odds, cases.weights, line
    risk = expit(intercept + slope * odds)
    # The step is a regression, weighted by information, of the residuals on the log odds.
    information = weights * (risk * (1 - risk))
    mean = _ratio((information * odds).sum(axis=1), information.sum(axis=1))
    deviations = odds - mean[:, None]
    squares = (information * deviations**2).sum(axis=1)
    differ = squares > _SINGULAR * (information * odds**2).sum(axis=1)
    step = (weights * (cases.labels - risk) * deviations).sum(axis=1)
    slopes = slope + _ratio(step, np.where(differ, squares, 0))
    return np.column_stack([_in_the_large(cases), slopes])


def sensitivity_at_specificity(
    cases: WeightedCases, specificities: Sequence[float] = (0.90, 0.95)
) -> np.ndarray:
    """Return the highest sensitivity of a threshold with at least each of k specificities, (r, k).

    Nothing is interpolated between thresholds: of a network that gives many negatives its highest
    score no threshold has a high specificity, save that which calls nobody positive, and its
    sensitivity is 0.
    """
    negatives = _from_zero(cases.called - cases.positives)
    sensitivity = _from_zero(cases.positives) / cases.positives[:, -1:]
    rate = np.round(negatives / negatives[:, -1:], 12)
    # Rounded, so that a tenth of thirty negatives is three; of equal rates the last one counts.
    allowed = np.round(1 - np.asarray(specificities), 12)
    last = [row.searchsorted(allowed, side="right") - 1 for row in rate]
    return np.take_along_axis(sensitivity, np.array(last), axis=1)


def average_precision(cases: WeightedCases) -> np.ndarray:
    """Return the mean precision over recall, Σ (Rₖ − Rₖ₋₁) Pₖ, (r,)."""
    gained = np.diff(cases.positives, axis=1, prepend=0)
    precision = _ratio(cases.positives, cases.called)
    return np.nansum(gained * precision, axis=1) / cases.positives[:, -1]


def precision_at_recall(cases: WeightedCases, recall: np.ndarray) -> np.ndarray:
    """Return the precision at the highest threshold that reaches each recall (k,), (r, k).

    A step function whose mean over recall is the average precision (Davis and Goadrich 2006).  At
    recall 0 it is the precision of the highest score that counts.
    """
    place = _first_reached(cases.positives, recall * cases.positives[:, -1:])
    place = np.maximum(place, (cases.called == 0).sum(axis=1, keepdims=True))
    return np.take_along_axis(_ratio(cases.positives, cases.called), place, axis=1)


def net_benefit(cases: WeightedCases, thresholds: ArrayLike) -> np.ndarray:
    """Return true positives per case less false positives at their price, (r, k).

    With n cases and thresholds t (k,), 0 to below 1: TP / n − FP / n · t / (1 − t), where
    probabilities of at least t (log-odds of at least t's) are called positive.  Vickers and Elkin
    (2006).
    """
    at = np.asarray(thresholds, dtype=float)
    called = np.searchsorted(-cases.scores[cases.ends], -logit(at), side="right")
    called_cases, true_positives = (
        _from_zero(part)[:, called] for part in (cases.called, cases.positives)
    )
    return (true_positives - (called_cases - true_positives) * at / (1 - at)) / cases.total[:, None]


def treat_all(cases: WeightedCases, thresholds: ArrayLike) -> np.ndarray:
    """Return the net benefit of calling everyone positive, (r, k); 0 at the prevalence."""
    at, true = np.asarray(thresholds, dtype=float), cases.positives[:, -1:]
    total = cases.total[:, None]
    return (true - (total - true) * at / (1 - at)) / total


def _from_zero(rising: np.ndarray) -> np.ndarray:
    """Return rising rows (r, m) with a zero before them, (r, 1 + m)."""
    return np.pad(rising, ((0, 0), (1, 0)))


def _first_reached(rows: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return where each rising row first holds at least each of its values, (r, k).

    A value counts as reached from `_SAME` of the row's last value below it, so that a rounded
    fraction of a total finds the sum that it stands for.
    """
    tolerant = values - _SAME * rows[:, -1:]
    return np.stack([row.searchsorted(value) for row, value in zip(rows, tolerant, strict=True)])


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0)


def _in_the_large(cases: WeightedCases) -> np.ndarray:
    """Return the shift (r,) of all log-odds at which as many cases are expected as are positive."""

    def excess(shift: np.ndarray, row: np.ndarray) -> np.ndarray:
        residuals = cases.labels - expit(cases.odds + shift[:, None])
        return (cases.weights[row] * residuals).sum(axis=1)

    # Were all scores the highest, or the lowest, the shift would be known.
    middle = logit(cases.positives[:, -1] / cases.total)
    bracket = middle - cases.odds[0] - 1, middle - cases.odds[-1] + 1
    rows = np.arange(len(middle))
    root = elementwise.find_root(excess, bracket, args=(rows,), tolerances={"xatol": 1e-10})
    if not root.success.all():
        raise ArithmeticError("no convergence of the calibration in the large")
    return root.x


def _resampled(
    predictions: pd.DataFrame, inits: Sequence[str], replicates: int, seed: int
) -> Iterator[tuple[TaskScores, np.ndarray]]:
    """Yield each task and weights (1 + replicates, n): each case once, then patients drawn anew.

    InputError where scores are probabilities: a task of several networks whose log-odds all lie
    from 0 to 1 does not occur.
    """
    for task in sorted(task_scores(predictions, inits), key=lambda task: task.task):
        with located(f"task {task.task}"):
            if ((task.scores >= 0) & (task.scores <= 1)).all():
                raise InputError(
                    "all scores lie from 0 to 1, as probabilities do",
                    where="score",
                    remedy="Pass log-odds: predictions as they are, or `scipy.special.logit` of "
                    "probabilities.",
                )
            drawn = cluster_weights(task.patients, replicates, seed, labels=task.labels)
        yield task, np.concatenate([np.ones((1, task.labels.size), drawn.dtype), drawn])


def _mean_over_scenarios(
    task: TaskScores, init: str, rows: np.ndarray, measure: Callable[..., np.ndarray]
) -> np.ndarray:
    """Return the mean over an init's scenarios of a measure of scores (n,) and rows (r, n)."""
    step, total = max(1, _CELLS // rows.shape[1]), 0
    for scores in task.scores[task.inits.index(init)]:
        blocks = [measure(scores, rows[k : k + step]) for k in range(0, len(rows), step)]
        total = total + np.concatenate(blocks)
    return total / len(task.scenarios)


def _task_values(
    task: TaskScores, weights: np.ndarray, seed: int, bins: int
) -> dict[str, pd.DataFrame]:
    """Return `MEASURES` of each init and, of two, their difference: all cases, then replicates."""
    codes, n_patients = inputs.cluster_codes(task.patients, task.labels.size)
    shape = len(weights) - 1, n_patients
    uniforms = np.random.default_rng([seed, 1]).random(shape, np.float32)
    prevalence = [task.labels.mean()]

    def measures(scores: np.ndarray, block: np.ndarray) -> np.ndarray:
        cases = weighted_cases(task.labels, scores, block)
        brier = brier_parts(cases, bins)
        sensitivity = sensitivity_at_specificity(cases, (0.90, 0.95))
        line = replicate_lines(cases, calibration_line(weighted_cases(task.labels, scores))[0])
        values = {
            "ece": expected_calibration_error(cases, bins),
            "brier": brier[:, 0],
            "brier_reliability": brier[:, 1],
            "brier_resolution": brier[:, 2],
            "brier_uncertainty": brier[:, 3],
            "sensitivity_at_90": sensitivity[:, 0],
            "sensitivity_at_95": sensitivity[:, 1],
            "average_precision": average_precision(cases),
            "net_benefit": net_benefit(cases, prevalence)[:, 0],
            "calibration_in_the_large": line[:, 0],
            "calibration_slope": line[:, 1],
        }
        return np.column_stack([values[name] for name in _WEIGHTED])

    def by_chance(scores: np.ndarray, block: np.ndarray) -> np.ndarray:
        return calibration_error_by_chance(expit(scores), block[:, codes], bins)

    values = {}
    for init in task.inits:
        table = pd.DataFrame(
            _mean_over_scenarios(task, init, weights, measures), columns=[*_WEIGHTED]
        )
        chance = _mean_over_scenarios(task, init, uniforms, by_chance)
        values[init] = table.assign(ece_by_chance=np.append(chance.mean(), chance))
    if len(values) == 2:
        first, second = values.values()
        values[DIFFERENCE] = first - second
    return values


def _summary(values: np.ndarray, measure: str, lowest: float) -> tuple[float, float, float, str]:
    """Return estimate, interval and remark of the first value and its replicates."""
    estimate, low, high = float(values[0]), np.nan, np.nan
    if np.isnan(estimate):
        remark = "not defined: scores of a scenario separate the classes or are one"
    elif np.isnan(values).any():
        remark = "no interval: not defined in some replicates"
    else:
        low, high = percentile_interval(values[1:])
        if measure in _RAISED:
            low, high = np.clip([2 * estimate - high, 2 * estimate - low], lowest, 1).tolist()
        inside = low <= estimate <= high
        remark = "" if inside else "outside its interval: chance adds much at this many cases"
    return estimate, low, high, remark


def _init_curves(task: TaskScores, init: str, weights: np.ndarray, bins: int) -> pd.DataFrame:
    curves = {
        "precision_recall": (precision_at_recall, GRID),
        "decision": (net_benefit, GRID[:-1]),
        "treat_all": (treat_all, GRID[:-1]),
    }

    def points(scores: np.ndarray, block: np.ndarray) -> np.ndarray:
        cases = weighted_cases(task.labels, scores, block)
        curve = reliability_curve(cases, bins)
        # An empty bin counts nothing; the last says in how many scenarios it holds cases.
        binned = [*np.nan_to_num(np.moveaxis(curve, 1, 0)), curve[:, 2] > 0]
        return np.hstack([*binned, *(measure(cases, x) for measure, x in curves.values())])

    values = _mean_over_scenarios(task, init, weights, points)
    score, observed, share, scenarios_with_cases, values = np.split(
        values, bins * np.arange(1, 5), axis=1
    )
    # Means over the scenarios whose bin holds cases, from means over all.
    score, observed = _ratio(score, scenarios_with_cases), _ratio(observed, scenarios_with_cases)
    low, high = np.full((2, bins), np.nan)
    if (filled := (scenarios_with_cases > 0).all(axis=0)).any():
        low[filled], high[filled] = percentile_interval(observed[1:, filled])
    rows = {"curve": "reliability", "x": score[0], "estimate": observed[0]}
    rows |= {"ci_low": low, "ci_high": high, "share": share[0]}
    tables = [pd.DataFrame(rows)[scenarios_with_cases[0] > 0]]
    for curve, (_, x) in curves.items():
        drawn, values = values[:, : x.size], values[:, x.size :]
        low, high = percentile_interval(drawn[1:])
        rows = {"curve": curve, "x": x, "estimate": drawn[0]}
        rows |= {"ci_low": low, "ci_high": high, "share": np.nan}
        tables.append(pd.DataFrame(rows))
    return pd.concat(tables, ignore_index=True)
