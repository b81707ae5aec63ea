"""How often intervals hold the truth when a patient has several images: a simulation.

On the test sets of `rin.stats.simulated`, whose true areas are known, it counts
what intervals cover: DeLong's ("naive": every image a patient of its own),
Obuchowski's ("clustered"; for areas also on the logit scale), and that of the
bootstrap over patients.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from statsmodels.stats.proportion import proportion_confint

from rin.errors import InputError
from rin.stats.bootstrap import bootstrap_areas, percentile_interval
from rin.stats.cluster_sums import cluster_sums, sums_variances
from rin.stats.inputs import check_level
from rin.stats.intervals import area_interval, normal_quantile
from rin.stats.placements import placement_areas, placement_counts
from rin.stats.simulated import ALIKE, SimulatedSets, simulate_test_sets

METHODS = ["naive", "clustered", "clustered_logit", "bootstrap"]
MEASURES = ["auc", "difference"]


def simulate_coverage(
    correlations: Sequence[float],
    *,
    patients: int,
    images: int,
    replicates: int,
    seed: int,
    level: float = 0.95,
    effect: float = 0.05,
    alike: tuple[float, float] = ALIKE,
    labels: str = "patient",
    bootstrapped: int = 0,
    resamples: int = 400,
) -> pd.DataFrame:
    """Count how often intervals of an area and of a paired difference hold the truth.

    Parameters
    ----------
    correlations
        Intra-patient correlations of scores, each as in `simulate_test_sets`.
    patients, images, replicates, seed, effect, alike, labels
        As `simulate_test_sets`.
    level
        Confidence level of the intervals; of Wilson's bands always 0.95.
    bootstrapped
        How many of the test sets, the first ones, are bootstrapped too; 0
        leaves the method out.  It costs far more than the others do.
    resamples
        Replicates of each bootstrap.

    Returns
    -------
    pandas.DataFrame
        One row per correlation × method × measure: correlation, method
        (`METHODS`; "clustered_logit" for areas only), measure ("auc" of the
        second predictor, or "difference" first − second), truth, coverage
        (0-1), low, high (Wilson's 95 % interval of the coverage), mean_width,
        design_effect (mean variance over the naive one's; NaN for the
        bootstrap), replicates.

    Raises
    ------
    InputError
        As `simulate_test_sets`; a level outside (0, 1); more test sets
        bootstrapped than drawn.

    Notes
    -----
    An area of 1 has no logit interval, which counts as not holding the truth.
    Checked test set by test set against `auc_ci`, `delong_test`,
    `clustered_auc_ci` and `clustered_test`; Wilson's bands are statsmodels'.
    """
    check_level(level)
    if not 0 <= bootstrapped <= replicates:
        raise InputError(
            f"{bootstrapped} of {replicates} test sets",
            where="bootstrapped",
            remedy="Bootstrap between none and all of them.",
        )
    rows = []
    for correlation in correlations:
        sets = simulate_test_sets(
            correlation, patients=patients, images=images, replicates=replicates, seed=seed,
            effect=effect, alike=alike, labels=labels,
        )  # fmt: skip
        tables = [normal_intervals(sets, level=level)]
        if bootstrapped:
            tables.append(bootstrap_intervals(sets, bootstrapped, resamples, seed, level=level))
        rows.append(_summary(pd.concat(tables)).assign(correlation=correlation))
    table = pd.concat(rows, ignore_index=True)
    return table[["correlation", *table.columns.drop("correlation")]]


def normal_intervals(sets: SimulatedSets, *, level: float = 0.95) -> pd.DataFrame:
    """Return the naive and the clustered interval of every test set.

    Returns
    -------
    pandas.DataFrame
        One row per method × measure × test set: method, measure, truth,
        low, high, estimate, variance.

    Notes
    -----
    Checked against `auc_ci`, `delong_test`, `clustered_auc_ci` and `clustered_test`.
    """
    replicates, _, n = sets.scores.shape
    counts = placement_counts(sets.labels, sets.scores.reshape(-1, n))
    wins, losses = (part.reshape(replicates, 2, -1) for part in counts)
    singles = np.arange(n)
    groupings = {"naive": (singles, n), "clustered": (sets.clusters, sets.clusters.max() + 1)}
    tables = []
    for measure, truth in _truths(sets):
        of_measure = [_measured(part, measure) for part in (wins, losses)]
        estimate = placement_areas(*of_measure)
        for method, (codes, n_clusters) in groupings.items():
            sums = cluster_sums(*of_measure, codes[sets.labels], codes[~sets.labels], n_clusters)
            variance = sums_variances(sums)
            for name, limits in _limits(method, measure, estimate, variance, level):
                tables.append(_intervals(name, measure, truth, *limits, estimate, variance))
    return pd.concat(tables, ignore_index=True)


def bootstrap_intervals(
    sets: SimulatedSets, bootstrapped: int, resamples: int, seed: int, *, level: float = 0.95
) -> pd.DataFrame:
    """Return the percentile interval over patients of the first test sets.

    Each test set has resamples of its own.  Columns as `normal_intervals`;
    the variance is NaN.

    Notes
    -----
    Checked against `bootstrap_areas` and `percentile_interval`.
    """
    seeds = np.random.SeedSequence(seed).generate_state(bootstrapped)
    draws = np.stack(
        [
            bootstrap_areas(sets.labels, scores, sets.clusters, replicates=resamples, seed=own)
            for scores, own in zip(sets.scores[:bootstrapped], seeds, strict=True)
        ]
    )
    n = sets.labels.size
    counts = placement_counts(sets.labels, sets.scores[:bootstrapped].reshape(-1, n))
    areas = placement_areas(*counts).reshape(bootstrapped, 2)
    tables = []
    for measure, truth in _truths(sets):
        replicated = _measured(np.moveaxis(draws, 1, 2), measure)
        low, high = percentile_interval(replicated.T, level)
        estimate = _measured(areas, measure)
        tables.append(_intervals("bootstrap", measure, truth, low, high, estimate, np.nan))
    return pd.concat(tables, ignore_index=True)


def _truths(sets: SimulatedSets) -> list[tuple[str, float]]:
    return list(zip(MEASURES, (sets.areas[1], sets.areas[0] - sets.areas[1]), strict=True))


def _measured(values: np.ndarray, measure: str) -> np.ndarray:
    """Return what a measure takes of (replicates, 2, ...): the second, or first − second."""
    return values[:, 1] if measure == "auc" else values[:, 0] - values[:, 1]


def _limits(
    method: str, measure: str, estimates: np.ndarray, variances: np.ndarray, level: float
) -> list[tuple[str, np.ndarray]]:
    """Return names of intervals and their low and high ends (2, replicates)."""
    if measure == "difference":
        half = normal_quantile(level) * np.sqrt(variances)
        return [(method, np.stack([estimates - half, estimates + half]))]
    pairs = list(zip(estimates, variances, strict=True))
    scales = {"naive": ["identity"], "clustered": ["identity", "logit"]}[method]
    return [
        (
            method if scale == "identity" else f"{method}_{scale}",
            np.transpose([area_interval(a, v, level=level, scale=scale) for a, v in pairs]),
        )
        for scale in scales
    ]


def _intervals(method: str, measure: str, truth: float, *columns: ArrayLike) -> pd.DataFrame:
    names = ["low", "high", "estimate", "variance"]
    values = dict(zip(names, columns, strict=True))
    return pd.DataFrame({"method": method, "measure": measure, "truth": truth, **values})


def _summary(intervals: pd.DataFrame) -> pd.DataFrame:
    naive = intervals[intervals["method"] == "naive"].groupby("measure")["variance"].mean()
    rows = []
    for (method, measure), group in intervals.groupby(["method", "measure"], sort=False):
        held = group["low"].le(group["truth"]) & group["truth"].le(group["high"])
        low, high = proportion_confint(held.sum(), held.size, method="wilson")
        rows.append(
            {
                "method": method,
                "measure": measure,
                "truth": group["truth"].iloc[0],
                "coverage": held.mean(),
                "low": low,
                "high": high,
                "mean_width": (group["high"] - group["low"]).mean(),
                "design_effect": group["variance"].mean() / naive[measure],
                "replicates": held.size,
            }
        )
    return pd.DataFrame(rows)
