"""Measures beyond the AUC: calibration, sensitivity at a specificity, and net benefit.

Every measure takes `WeightedCases(labels, scores, weights)` and returns one value for each row of
weights (r, n), so that a bootstrap of any measure is one call. Cases are ranked by log-odds,
because the probabilities of an overconfident network would tie. Calibration is computed here
because scikit-learn's leaves out empty bins, without which curves of networks cannot be averaged.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from rin.errors import InputError
from rin.stats.bootstrap import cluster_weights
from rin.stats.hypothesis import tails
from rin.stats.inputs import TaskScores, cluster_codes, name_place, task_scores

_THRESHOLDS = np.linspace(0, 1, 101)[:-1]  # of the decision curve
BINS = 10  # of equal mass, for calibration
_CELLS = 2_000_000  # weights of one block, for memory's sake


def clinical_measures(
    predictions: pd.DataFrame,
    inits: Sequence[str],
    *,
    replicates: int = 1000,
    seed: int = 0,
    log_odds: bool = False,
    level: float = 0.95,
) -> pd.DataFrame:
    """Return clinical measures beyond the AUC for each init, and their paired difference.

    A measure is averaged over the scenarios of an init: it describes a typical network, not an
    ensemble.  A network counts with the mean over its folds.  Intervals resample patients;
    networks are held fixed.

    Parameters
    ----------
    predictions : DataFrame
        the predictions table, with `patient_id`; scores are log-odds
    inits : Sequence[str]
        names of the inits; with two inits, rows of init "difference" contain the first minus
        the second
    replicates, seed : int
        of the bootstrap over patients
    log_odds : bool
        whether scores that all lie from 0 to 1 are log-odds nevertheless
    level : float, default 0.95
        of the intervals

    Returns
    -------
    pandas.DataFrame
        One row per task × init × measure: task, init, measure, estimate, ci_low, ci_high
        (percentiles; draws without one class in a fold are left out).  The calibration error (ten
        bins of equal mass), which chance increases, has no interval.  Net benefit is at a
        threshold equal to the prevalence, where treating all and treating none have net benefit 0.

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
    for task in _tasks_in_log_odds(predictions, inits, log_odds):
        with name_place(f"task {task.task}"):
            patients, _ = cluster_codes(task.cases["patient_id"], task.labels.size)
            blocks = weight_blocks(patients, task.labels, replicates, seed)
        values = {
            init: _mean_measures(task, networks, blocks)
            for init, networks in zip(task.inits, task.scores, strict=True)
        }
        if len(values) == 2 and "difference" not in values:
            a, b = task.inits
            values["difference"] = values[a] - values[b]
        for init, measures in values.items():
            # The first value is of all cases, others of draws.
            for name, (estimate, *of_replicates) in measures.items():
                low, high = math.nan, math.nan
                if not MEASURES[name].rises_by_chance:
                    low, high = np.nanquantile(of_replicates, tails(level))
                rows.append((task.task, init, name, estimate, low, high))
    columns = ["task", "init", "measure", "estimate", "ci_low", "ci_high"]
    return pd.DataFrame(rows, columns=columns)


def clinical_curves(
    predictions: pd.DataFrame,
    inits: Sequence[str],
    *,
    log_odds: bool = False,
) -> pd.DataFrame:
    """Return reliability and decision curves of a typical network of each init.

    Parameters
    ----------
    predictions : DataFrame
        as `clinical_measures`
    inits : Sequence[str]
        as `clinical_measures`
    log_odds : bool
        as `clinical_measures`

    Returns
    -------
    pandas.DataFrame
        task, init, curve, x, estimate: means over scenarios.  Curve "reliability": mean
        probability and share of positive cases of one of ten bins of equal mass; "decision":
        threshold and net benefit; "treat_all": the same, where every case is called positive.

    Raises
    ------
    InputError
        As `init_differences`; for scores that are probabilities.

    Examples
    --------
    >>> from rin.stats import clinical_curves, simulation
    >>> breast = simulation.simulate_predictions().query("task == 'breast'")
    >>> table = clinical_curves(breast, ["a"]).query("curve == 'reliability'")
    >>> table[["x", "estimate"]].round(2).to_numpy().tolist()[::9]
    [[0.2, 0.06], [0.95, 1.0]]
    """
    tables = [
        _mean_curves(task, networks).assign(task=task.task, init=init)
        for task in _tasks_in_log_odds(predictions, inits, log_odds)
        for init, networks in zip(task.inits, task.scores, strict=True)
    ]
    return pd.concat(tables, ignore_index=True)[["task", "init", "curve", "x", "estimate"]]


def _tasks_in_log_odds(
    predictions: pd.DataFrame, inits: Sequence[str], log_odds: bool
) -> Iterator[TaskScores]:
    """Yield each task, by name; InputError where its scores are probabilities."""
    for task in sorted(task_scores(predictions, inits), key=lambda task: task.task):
        outside = ((task.scores < 0) | (task.scores > 1)).any(axis=(1, 2))
        if not log_odds and not outside.all():
            raise InputError(
                "all scores lie from 0 to 1, as probabilities do",
                where=f"task {task.task}, score",
                remedy="Pass log-odds, such as `scipy.special.logit` of probabilities.",
            )
        yield task


def _mean_measures(
    task: TaskScores, networks: np.ndarray, blocks: Sequence[np.ndarray]
) -> pd.DataFrame:
    """Return the mean measures of networks (S, n): one row per row of blocks of weights (r, n)."""
    means = 0.0
    shares = task.shares() / sum(trained for _, trained, _ in task.folds)
    for number, inside in _networks_of_folds(task):
        of_fold = task.labels[inside], networks[number, inside]
        of_blocks = (WeightedCases(*of_fold, block[:, inside]) for block in blocks)
        values = [
            [np.where(cases.one_class, np.nan, measure.of(cases)) for measure in MEASURES.values()]
            for cases in of_blocks
        ]
        means += shares[number] * np.hstack(values)
    return pd.DataFrame(np.transpose(means), columns=list(MEASURES))


def _networks_of_folds(task: TaskScores) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the number of each network with the cases of each of its folds."""
    for _, trained, inside in task.folds:
        yield from ((int(number), inside) for number in np.flatnonzero(trained))


def _mean_curves(task: TaskScores, networks: np.ndarray) -> pd.DataFrame:
    """Return the curves of networks with these scores (networks, n): curve, x, estimate."""
    of_folds = []
    for number, inside in _networks_of_folds(task):
        cases = WeightedCases(task.labels[inside], networks[number, inside])
        probability, observed, _ = reliability_curve(cases.labels, cases.scores)
        prevalence = cases.labels.mean()
        treat_all = prevalence - (1 - prevalence) * _THRESHOLDS / (1 - _THRESHOLDS)
        benefit = net_benefit(cases, _THRESHOLDS)[:, 0]
        of_folds.append([number, *probability, *observed, *benefit, *treat_all])
    of_networks = pd.DataFrame(of_folds).groupby(0).mean()
    of_scenarios = of_networks.groupby(task.networks["scenario"].to_numpy()).mean()
    ends = [BINS, 2 * BINS, 2 * BINS + _THRESHOLDS.size]
    probability, observed, benefit, treat_all = np.split(of_scenarios.mean().to_numpy(), ends)
    curves = {
        "decision": (_THRESHOLDS, benefit),
        "reliability": (probability, observed),
        "treat_all": (_THRESHOLDS, treat_all),
    }
    tables = [
        pd.DataFrame({"curve": curve, "x": x, "estimate": y}) for curve, (x, y) in curves.items()
    ]
    return pd.concat(tables).dropna()  # bins without cases


def weight_blocks(
    codes: np.ndarray, labels: np.ndarray, replicates: int, seed: int
) -> list[np.ndarray]:
    """Return blocks of weights (r, n): those of all cases once, then of draws of patients."""
    drawn = cluster_weights(codes, replicates, seed, labels=labels)
    weights = np.concatenate([np.ones_like(drawn[:1], np.int32), drawn])
    blocks = np.array_split(weights, min(len(weights), math.ceil(weights.size / _CELLS)))
    return [np.asfortranarray(block) for block in blocks]


class WeightedCases:
    """Cases in descending order of their scores, with whole weights: how often each counts.

    Takes labels and log-odds, both (n,), and weights (r, n), one by default.  `called` (n + 1, r)
    are the sums of the weights of so many first cases and `found` those of so many first positive
    ones, `total` and `positive` (r,) those of all, below 2³¹ in all; `one_class` (r,), whether a
    class has no weight.  `cuts` are the numbers of
    first cases that a threshold can call positive: cases of one score go together.
    """

    def __init__(
        self, labels: np.ndarray, scores: np.ndarray, weights: np.ndarray | None = None
    ) -> None:
        order = np.argsort(-scores, kind="stable")
        self.scores = scores[order]
        self.labels = labels[order]
        self.cuts = np.append(np.unique(-self.scores, return_index=True)[1], order.size)
        if weights is None:
            weights = np.ones((1, labels.size), np.int16)
        # A row per case: rows are added to one another faster than a row is summed.
        self.weights = weights.T.astype(np.int32, copy=False).take(order, axis=0)
        self.called = _sums_of_first(self.weights)
        self.found = _sums_of_first(self.weights.take(np.flatnonzero(self.labels), axis=0))
        self.total = self.called[-1]
        self.positive = self.found[-1]
        self.one_class = (self.positive == 0) | (self.positive == self.total)

    def sums_of_first(self, count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the sums (k, r) of weights of the first `count` (k,) cases, all and positive."""
        positive = np.append(0, np.cumsum(self.labels))[count]
        return self.called.take(count, axis=0), self.found.take(positive, axis=0)


def reliability_curve(
    labels: np.ndarray, scores: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return mean probability, observed share of positives and share of cases by bin, (BINS,).

    Cases of one score are never split: they go into bin ⌊BINS · (share of cases below + half the
    share at that score)⌋, computed in whole numbers, so that it is the right one.
    """
    twice = (2 * pd.Series(scores).rank().to_numpy()).astype(np.int64) - 1
    bin_of_case = BINS * twice // (2 * labels.size)
    weight, positives, probability = (
        np.bincount(bin_of_case, part, BINS) for part in (None, labels, expit(scores))
    )
    return _ratio(probability, weight), _ratio(positives, weight), weight / labels.size


def expected_calibration_error(cases: WeightedCases) -> np.ndarray:
    """Return the mean distance of probability from observed share (Naeini et al. 2015).

    Cases count once each, so that all rows of weights (r,) have one value.
    """
    probability, observed, share = reliability_curve(cases.labels, cases.scores)
    return np.full(cases.total.size, np.nansum(share * np.abs(probability - observed)))


def brier_score(cases: WeightedCases) -> np.ndarray:
    """Return the mean squared distance (r,) between probability and outcome."""
    squares = (expit(cases.scores) - cases.labels) ** 2
    # Not a matrix product, whose threads would wait for each other.
    return _ratio(np.einsum("nr,n->r", cases.weights, squares), cases.total)


def sensitivity_at_specificity(cases: WeightedCases, specificity: float = 0.90) -> np.ndarray:
    """Return the highest sensitivity (r,) at any threshold with at least this specificity.

    There is no interpolation between thresholds; the first threshold calls no case positive.
    """
    # A little more, so that a tenth of thirty negatives is three.
    most = np.floor((1 - specificity + 5e-13) * (cases.total - cases.positive))
    # Only where the number of positive cases rises can the sensitivity.
    rises = np.add.reduceat(cases.labels, cases.cuts[:-1]) > 0
    called, true = cases.sums_of_first(cases.cuts[1:][rises])
    return _ratio(np.max(true * (called - true <= most), axis=0), cases.positive)


def net_benefit(cases: WeightedCases, thresholds: np.ndarray) -> np.ndarray:
    """Return TP / n − FP / n · t / (1 − t), (k, r), at thresholds t (Vickers and Elkin 2006)."""
    called, true = cases.sums_of_first(np.searchsorted(-cases.scores, -logit(thresholds), "right"))
    price = thresholds / (1 - thresholds)
    return _ratio(true - (called - true) * price[:, None], cases.total)


class Measure(NamedTuple):
    """A clinical measure: its name in print, and its values (r,) from cases.

    `ranks` is whether it needs no probabilities; `rises_by_chance`, whether bins of few cases
    raise it, so that it has no interval; `listed`, whether tables of tasks have it, with so many
    `digits`.
    """

    title: str
    of: Callable[[WeightedCases], np.ndarray]
    ranks: bool = False
    rises_by_chance: bool = False
    listed: bool = False
    digits: int = 2


#: The measures of `clinical_measures`, in the order in which they are printed.
MEASURES = {
    "ece": Measure(
        "Calibration error (0 is best)", expected_calibration_error, rises_by_chance=True
    ),
    "brier": Measure("Brier score (0 is best)", brier_score, listed=True, digits=3),
    "sensitivity_at_90": Measure(
        "Sensitivity at 90% specificity", sensitivity_at_specificity, ranks=True, listed=True
    ),
    "net_benefit": Measure(
        "Net benefit at the prevalence",
        lambda cases: net_benefit(cases, np.array([cases.labels.mean()]))[0],
        listed=True,
    ),
}


def _sums_of_first(values: np.ndarray) -> np.ndarray:
    """Return the sums (n + 1, r) of the first 0 to n rows of values (n, r)."""
    sums = np.zeros((len(values) + 1, values.shape[1]), values.dtype)
    for row, value in enumerate(values):
        np.add(sums[row], value, out=sums[row + 1])
    return sums


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
