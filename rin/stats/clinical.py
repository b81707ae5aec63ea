"""Measures beyond the AUC: calibration, sensitivity at a specificity, precision and net benefit.

Every measure takes `WeightedCases(labels, scores, weights)` and returns one value for each row of
weights (r, n), so that a bootstrap of any measure is one call. Cases are ranked by log-odds,
because the probabilities of an overconfident network would tie. Calibration is computed here
because scikit-learn's takes no case weights.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import expit, logit

from rin.errors import InputError
from rin.stats.bootstrap import cluster_weights
from rin.stats.hypothesis import tails
from rin.stats.inputs import TaskScores, name_place, numbers, task_scores

_THRESHOLDS = np.linspace(0, 1, 101)[:-1]  # of the decision curve
_CELLS = 150_000  # weights of one block, whose arrays of float64 stay in a processor's cache
_SAME = 1e-9  # share of the total weight below which two sums of weights are the same


def clinical_measures(
    predictions: pd.DataFrame,
    inits: Sequence[str],
    *,
    replicates: int = 1000,
    seed: int = 0,
    bins: int = 10,
    probabilities: bool | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Return clinical measures beyond the AUC for each init, and their paired difference.

    A measure is averaged over the scenarios of an init: it describes a typical network, not an
    ensemble. The cases of all folds are pooled.  Intervals resample patients; networks are held
    fixed.

    Parameters
    ----------
    predictions : DataFrame
        the predictions table, with `patient_id`; scores are log-odds
    inits : Sequence[str]
        names of the inits; with two inits, rows of init "difference" contain the first minus
        the second
    replicates, seed : int
        of the bootstrap over patients
    bins : int, default 10
        number of bins of equal mass for the calibration error
    probabilities : bool, optional
        False if scores that all lie from 0 to 1 are log-odds nevertheless
    level : float, default 0.95
        of the intervals

    Returns
    -------
    pandas.DataFrame
        One row per task × init × measure: task, init, measure, estimate, ci_low, ci_high
        (percentiles).  Of the calibration error, which chance increases, estimate and interval
        are corrected by what resampling adds.  Net benefit is at a threshold equal to the
        prevalence, where treating all and treating none have net benefit 0.

    Raises
    ------
    InputError
        As `init_differences`; for scores that are probabilities, or a class with one patient.

    Examples
    --------
    >>> from rin.stats import clinical_measures, simulation
    >>> breast = simulation.simulate_predictions().query("task == 'breast'")
    >>> table = clinical_measures(breast, ["a", "b"], replicates=50).query("measure == 'brier'")
    >>> table.set_index("init")["estimate"].round(3).to_dict()
    {'a': 0.17, 'b': 0.184, 'difference': -0.014}
    """
    rows = []
    for task in _tasks_in_log_odds(predictions, inits, probabilities):
        with name_place(f"task {task.task}"):
            drawn = cluster_weights(task.patients, replicates, seed, labels=task.labels)
        weights = np.concatenate([np.ones_like(drawn[:1]), drawn])  # all cases, then replicates
        values = {}
        for init in task.inits:
            of_networks = _network_measures(task, init, weights, bins)
            values[init] = sum(map(operator.mul, task.shares(), of_networks))
        rows += _rows_of_task(task, values, level)
    return pd.DataFrame(rows)


def clinical_curves(
    predictions: pd.DataFrame,
    inits: Sequence[str],
    *,
    bins: int = 10,
    probabilities: bool | None = None,
) -> pd.DataFrame:
    """Return reliability and decision curves of a typical network of each init.

    Parameters
    ----------
    predictions, inits, bins, probabilities : DataFrame or Sequence[str] or int or bool
        as `clinical_measures`

    Returns
    -------
    pandas.DataFrame
        task, init, curve, x, estimate: means over scenarios.  Curve "reliability": mean
        probability and share of positive cases of a bin; "decision": threshold and net benefit;
        "treat_all": threshold and net benefit of calling every case positive.

    Raises
    ------
    InputError
        As `init_differences`; for scores that are probabilities.

    Examples
    --------
    >>> from rin.stats import clinical_curves, simulation
    >>> breast = simulation.simulate_predictions().query("task == 'breast'")
    >>> table = clinical_curves(breast, ["a"], bins=2).query("curve == 'reliability'")
    >>> table[["x", "estimate"]].round(2).to_numpy().tolist()
    [[0.43, 0.22], [0.82, 0.78]]
    """
    tables = []
    for task in _tasks_in_log_odds(predictions, inits, probabilities):
        for init, networks in zip(task.inits, task.scores, strict=True):
            curves = _mean_curves(task, networks, bins)
            tables.append(curves.assign(task=task.task, init=init))
    columns = ["task", "init", "curve", "x", "estimate"]
    return pd.concat(tables, ignore_index=True)[columns]


def _rows_of_task(
    task: TaskScores, values: dict[str, pd.DataFrame], level: float
) -> list[dict[str, Any]]:
    """Return one row per init and measure; its first value is of all cases, others of draws."""
    if len(values) == 2:
        a, b = task.inits
        values["difference"] = values[a] - values[b]
    rows = []
    for init, measures in values.items():
        for name, (estimate, *of_replicates) in measures.items():
            corrected = MEASURES[name].rises_by_chance
            if corrected:  # in the sample, and as much again in replicates
                of_replicates = 2 * estimate - np.array(of_replicates)
                estimate = of_replicates.mean()
            low, high = np.quantile(of_replicates, tails(level))
            if corrected:
                least = -1.0 if init == "difference" else 0.0
                estimate, low, high = np.clip([estimate, low, high], least, 1)
            row = {"task": task.task, "init": init, "measure": name, "estimate": estimate}
            rows.append(row | {"ci_low": low, "ci_high": high})
    return rows


def _tasks_in_log_odds(
    predictions: pd.DataFrame, inits: Sequence[str], probabilities: bool | None = None
) -> Iterator[TaskScores]:
    """Yield each task, by name; InputError where its scores are probabilities."""
    for task in sorted(task_scores(predictions, inits), key=lambda task: task.task):
        if probabilities is None and ((task.scores >= 0) & (task.scores <= 1)).all():
            problem = "all scores lie from 0 to 1, as probabilities do"
            remedy = "Pass log-odds, such as `scipy.special.logit` of probabilities."
            raise InputError(problem, where=f"task {task.task}, score", remedy=remedy)
        yield task


def _network_measures(
    task: TaskScores, init: str, weights: np.ndarray, bins: int
) -> list[pd.DataFrame]:
    """Return the measures of each network of an init, one row per row of weights (r, n)."""
    step, of_networks = max(1, _CELLS // weights.shape[1]), []
    for scores in task.scores[task.inits.index(init)]:
        unweighted, blocks = WeightedCases(task.labels, scores), []
        for start in range(0, len(weights), step):
            cases = unweighted.reweigh(weights[start : start + step])
            blocks.append([measure.of(cases, bins) for measure in MEASURES.values()])
        of_networks.append(pd.DataFrame(np.hstack(blocks).T, columns=[*MEASURES]))
    return of_networks


def _mean_curves(task: TaskScores, networks: np.ndarray, bins: int) -> pd.DataFrame:
    """Return the curves of networks with these scores (networks, n): curve, x, estimate."""
    prevalence = task.labels.mean()
    treat_all = prevalence - (1 - prevalence) * _THRESHOLDS / (1 - _THRESHOLDS)
    of_networks = [WeightedCases(task.labels, scores) for scores in networks]

    def mean_over_scenarios(values: list[np.ndarray]) -> pd.Series:
        return pd.DataFrame(values).groupby(task.networks["scenario"].to_numpy()).mean().mean()

    reliability = [reliability_curve(cases, bins) for cases in of_networks]
    probability, observed = (
        mean_over_scenarios([parts[place][0] for parts in reliability]) for place in (0, 1)
    )
    benefit = mean_over_scenarios([net_benefit(cases, _THRESHOLDS)[0] for cases in of_networks])
    curves = {
        "decision": (_THRESHOLDS, benefit),
        "reliability": (probability, observed),
        "treat_all": (_THRESHOLDS, treat_all),
    }
    tables = [
        pd.DataFrame({"curve": curve, "x": x, "estimate": y}) for curve, (x, y) in curves.items()
    ]
    return pd.concat(tables).dropna()  # bins without cases


class WeightedCases:
    """Cases in descending order of their scores, with weights that say how often each counts.

    Takes labels and log-odds, both (n,), and weights (r, n), one by default.  `total` (r,) is the
    sum of the weights, `ends` (m,) the position of the last case of each distinct score, `called`
    (r, m) the sum of the weights up to it.  Of these scores, positive cases have those in the
    places `rising` (k,); `found` (r, k) is the sum of the weights of positive cases up to each.
    """

    def __init__(
        self, labels: np.ndarray, scores: np.ndarray, weights: np.ndarray | None = None
    ) -> None:
        self._order = np.argsort(-scores, kind="stable")
        order = self._order
        self.scores, self.labels = scores[order], labels[order]
        self.probabilities = expit(self.scores)
        self.ends = np.flatnonzero(np.append(self.scores[1:] != self.scores[:-1], True))
        counts = np.cumsum(self.labels)[self.ends]
        self.rising = np.flatnonzero(np.diff(counts, prepend=0))
        self._last_positives = counts[self.rising] - 1
        self._weigh(np.ones((1, labels.size), np.int32) if weights is None else weights)

    def reweigh(self, weights: np.ndarray) -> WeightedCases:
        """Return the same cases with other weights (r, n)."""
        cases = copy(self)
        cases._weigh(weights)
        return cases

    def _weigh(self, weights: np.ndarray) -> None:
        # Integer weights are summed as integers, which is eight times as fast.
        self.whole = np.issubdtype(weights.dtype, np.integer)
        # By `take`, as indexing may lay the columns out one after another, and sums along a row
        # then take four times as long.
        weights = weights.take(self._order, axis=1).astype(np.int32 if self.whole else float)
        self.weights = weights.astype(float)
        self.total = self.weights.sum(axis=1)
        of_positives = weights.take(np.flatnonzero(self.labels), axis=1)
        self.called = _sums_up_to(weights, self.ends)
        self.found = _sums_up_to(of_positives, self._last_positives)

    def positives_of_first(self, count: np.ndarray) -> np.ndarray:
        """Return the sums of the weights of positive cases with the first `count` scores."""
        return _head_sum(self.found, np.searchsorted(self.rising, count))


def _sums_up_to(weights: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Return each row's sums up to these places; places that are all places need no copy."""
    sums = np.cumsum(weights, axis=1, dtype=weights.dtype)
    return sums if last.size == weights.shape[1] else sums.take(last, axis=1)


def reliability_curve(
    cases: WeightedCases, bins: int = 10
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return mean probability, observed share of positives and share of cases by bin, (r, bins).

    Cases of one score are never split: they go into bin ⌊bins · (share of cases below + half the
    share at that score)⌋.  InputError where `bins` is not a whole number from 1.
    """
    if isinstance(bins, bool) or not isinstance(bins, int | np.integer) or bins < 1:
        raise InputError(f"{bins!r} bins", where="bins", remedy="Pass a whole number from 1.")
    n_ends = cases.ends.size
    last = cases.called[:, -1:] - (cases.called[:, -1:] - _head_sum(cases.called, n_ends - 1)) / 2
    # Counted from the highest score; a middle that is on an edge, up to rounding, is before it.
    edges = cases.total[:, None] * np.arange(1, bins) / bins + _SAME * last
    # The first score whose middle is beyond an edge: the score up to which that weight is called,
    # or the next score.
    reachable = (np.ceil(edges) if cases.whole else edges).astype(cases.called.dtype)
    pairs = zip(cases.called, reachable, strict=True)
    reached = np.array([row.searchsorted(row_edges) for row, row_edges in pairs])
    before, up_to = (_head_sum(cases.called, reached + more) for more in (0, 1))
    cuts = reached + (before + (up_to - before) / 2 < edges)
    cuts = np.pad(cuts, ((0, 0), (1, 1)), constant_values=(0, n_ends))
    # Summed bin by bin, row after row; the sum of a bin without cases is void, as its weight is 0.
    first = np.append(0, cases.ends + 1)[cuts[:, :-1]]
    rows = np.arange(len(first))[:, None] * cases.scores.size
    products = np.zeros(cases.weights.size + 1)
    np.multiply(cases.weights, cases.probabilities, out=products[:-1].reshape(cases.weights.shape))
    scored = np.add.reduceat(products, (rows + first).ravel()).reshape(first.shape)

    weight, positives = (
        np.diff(sums, axis=1)[:, ::-1]
        for sums in (_head_sum(cases.called, cuts), cases.positives_of_first(cuts))
    )
    probability, observed = _ratio(scored[:, ::-1], weight), _ratio(positives, weight)
    return probability, observed, weight / cases.total[:, None]


def expected_calibration_error(cases: WeightedCases, bins: int = 10) -> np.ndarray:
    """Return the mean distance (r,) of probability from observed share (Naeini et al. 2015)."""
    probability, observed, share = reliability_curve(cases, bins)
    return np.nansum(share * np.abs(probability - observed), axis=1)


def brier_score(cases: WeightedCases) -> np.ndarray:
    """Return the mean squared distance (r,) between probability and outcome."""
    squares = (cases.probabilities - cases.labels) ** 2
    # Not a matrix product, whose threads would wait for each other.
    return np.einsum("rn,n->r", cases.weights, squares) / cases.total


def sensitivity_at_specificity(cases: WeightedCases, specificity: float = 0.90) -> np.ndarray:
    """Return the highest sensitivity (r,) at any threshold with at least this specificity.

    There is no interpolation between thresholds; the first threshold calls no case positive.
    InputError for a specificity outside 0 to 1.
    """
    if not 0 <= specificity <= 1:
        problem = f"{specificity!r} is no specificity"
        raise InputError(problem, where="specificity", remedy="Pass a share from 0 to 1.")
    # Sensitivity rises only where a positive case has the score.
    negatives = cases.called.take(cases.rising, axis=1) - cases.found
    # A little more, so that a tenth of thirty negatives is three.
    most = (1 - specificity + 5e-13) * (cases.called[:, -1] - cases.found[:, -1])
    count = np.count_nonzero(negatives <= most[:, None], axis=1)
    return _head_sum(cases.found, count[:, None])[:, 0] / cases.found[:, -1]


def average_precision(cases: WeightedCases) -> np.ndarray:
    """Return the mean precision over recall, Σ (Rₖ − Rₖ₋₁) Pₖ, (r,)."""
    # Recall rises only where a positive case has the score.
    true, called = cases.found, cases.called.take(cases.rising, axis=1)
    precision = true / np.where(called > 0, called, 1)
    return (np.diff(true, axis=1, prepend=0) * precision).sum(axis=1) / true[:, -1]


def net_benefit(cases: WeightedCases, thresholds: ArrayLike) -> np.ndarray:
    """Return TP / n − FP / n · t / (1 − t), (r, k), at thresholds t (Vickers and Elkin 2006).

    InputError for a threshold that is no probability below 1.
    """
    probability = numbers(thresholds, "thresholds")
    if not ((probability >= 0) & (probability < 1)).all():
        remedy = "Pass probabilities from 0 to below 1."
        raise InputError("a value outside 0 to 1, or 1", where="thresholds", remedy=remedy)
    last = np.searchsorted(-cases.scores[cases.ends], -logit(probability), side="right")
    called, true = _head_sum(cases.called, last), cases.positives_of_first(last)
    price = probability / (1 - probability)
    return (true - (called - true) * price) / cases.total[:, None]


class Measure(NamedTuple):
    """A clinical measure: its name in print, and its values (r,) from cases and a number of bins.

    `ranks` is whether it needs no probabilities; `rises_by_chance`, whether it is corrected.
    """

    title: str
    of: Callable[[WeightedCases, int], np.ndarray]
    ranks: bool = False
    rises_by_chance: bool = False


#: The measures of `clinical_measures`, in the order in which they are printed.
MEASURES = {
    "ece": Measure(
        "Calibration error (0 is best)", expected_calibration_error, rises_by_chance=True
    ),
    "brier": Measure("Brier score (0 is best)", lambda cases, _: brier_score(cases)),
    "sensitivity_at_90": Measure(
        "Sensitivity at 90% specificity",
        lambda cases, _: sensitivity_at_specificity(cases, 0.90),
        ranks=True,
    ),
    "average_precision": Measure(
        "Average precision", lambda cases, _: average_precision(cases), ranks=True
    ),
    "net_benefit": Measure(
        "Net benefit at the prevalence",
        lambda cases, _: net_benefit(cases, [cases.labels.mean()])[:, 0],
    ),
}


def _head_sum(sums: np.ndarray, count: np.ndarray | int) -> np.ndarray:
    """Return each row's sum of its first `count` (k,) or (r, k) entries, from cumulative sums."""
    count = np.atleast_1d(count)
    last = np.clip(count - 1, 0, sums.shape[1] - 1)
    taken = sums[:, last] if last.ndim == 1 else np.take_along_axis(sums, last, axis=1)
    return np.where(count > 0, taken, 0.0)


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0)
