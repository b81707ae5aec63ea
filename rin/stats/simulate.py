"""How often intervals hold the truth when a patient has several images: a simulation.

A binormal model with patient effects: within a class scores are normal with SD 1, images of one
patient correlate, and the true areas have a closed form.  Counted is what intervals cover:
DeLong's ("naive": every image a patient of its own), Obuchowski's ("clustered"; for areas also on
the logit scale), and that of the bootstrap over patients.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special
from statsmodels.stats.proportion import proportion_confint

from rin.errors import InputError, unknown
from rin.stats.bootstrap import bootstrap_areas, percentile_interval
from rin.stats.delong import (
    area_interval,
    cluster_sums,
    normal_quantile,
    placement_areas,
    placement_counts,
    sums_variances,
)
from rin.stats.inputs import check_level

LABELS = ["patient", "lesion"]
AREA = 0.80  # of the second predictor; the first has `effect` more
ALIKE = (0.5, 0.5)
METHODS = ["naive", "clustered", "clustered_logit", "bootstrap"]
MEASURES = ["auc", "difference"]


@dataclass(frozen=True)
class SimulatedSets:
    """Simulated test sets that share labels and patients.

    `labels` bool and `clusters` intp (n,); `scores` float64 (replicates, 2, n); `areas` the true
    areas of the two predictors.
    """

    labels: np.ndarray
    clusters: np.ndarray
    scores: np.ndarray
    areas: tuple[float, float]


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
        Intra-patient correlations of scores.
    patients, images, replicates, seed, effect, alike, labels
        As `simulate_test_sets`.
    level
        Confidence level of the intervals; of Wilson's bands always 0.95.
    bootstrapped
        How many of the test sets, the first ones, are bootstrapped too; it costs far more than the
        other methods do.
    resamples
        Replicates of each bootstrap.

    Returns
    -------
    pandas.DataFrame
        One row per correlation × method × measure: correlation, method (`METHODS`;
        "clustered_logit" for areas only), measure ("auc" of the second predictor, or "difference"
        first − second), truth, coverage (0-1), low, high (Wilson's 95 % interval of the coverage),
        mean_width, design_effect (mean variance over the naive one's; NaN for the bootstrap),
        replicates.  An area of 1 has no logit interval, which counts as not holding the truth.
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
            correlation,
            patients=patients,
            images=images,
            replicates=replicates,
            seed=seed,
            effect=effect,
            alike=alike,
            labels=labels,
        )
        tables = [normal_intervals(sets, level=level)]
        if bootstrapped:
            tables.append(bootstrap_intervals(sets, bootstrapped, resamples, seed, level=level))
        rows.append(_summary(pd.concat(tables)).assign(correlation=correlation))
    table = pd.concat(rows, ignore_index=True)
    return table[["correlation", *table.columns.drop("correlation")]]


def simulate_test_sets(
    correlation: float,
    *,
    patients: int,
    images: int,
    replicates: int,
    seed: int,
    effect: float = 0.05,
    alike: tuple[float, float] = ALIKE,
    labels: str = "patient",
) -> SimulatedSets:
    """Draw test sets of a binormal model with patient effects.

    The score of predictor p for image j of patient i, of class c (0 or 1), is d_p·c + √ρ·u_pi +
    √(1 − ρ)·e_pij with standard normal u and e: within a class two images of a patient correlate by
    ρ, and two of different patients have area Φ(d_p / √2).

    Parameters
    ----------
    correlation
        ρ, 0 to below 1.
    patients, images
        Patients, at least 4, and images of each, at least 1.
    replicates
        How many test sets.
    seed
        A correlation has draws of its own, whatever else is simulated; a longer run begins with the
        test sets of a shorter one.
    effect
        True difference of the two areas, in [0, 0.2).  The second is 0.80.
    alike
        How the two predictors correlate, −1 to 1: in patient effects u, in image effects e.
    labels
        "patient": the first half of the patients is positive, with all images.  "lesion": images of
        a patient alternate, and patients in how they begin.  One pair in `patients` then compares
        images of one patient, whose area is Φ(d_p / √(2 (1 − ρ))): the mean estimate lies above the
        area of different patients by that much, which counts against every interval.
    """
    _check_design(correlation, patients, images, replicates, effect, alike)
    shape = (2, patients, images + 1)
    rng = np.random.default_rng([seed, round(correlation * 1e9)])
    normal = rng.standard_normal((replicates, *shape))
    # The first column is the patient effect, the others are image effects.
    r = np.repeat(alike, [1, images])
    normal[:, 1] = r * normal[:, 0] + np.sqrt(1 - r**2) * normal[:, 1]
    noise = correlation**0.5 * normal[..., :1] + (1 - correlation) ** 0.5 * normal[..., 1:]
    positive = _labels(labels, patients, images)
    areas = (AREA + effect, AREA)
    separation = np.sqrt(2) * special.ndtri(areas)
    scores = noise.reshape(replicates, 2, -1) + separation[:, None] * positive
    return SimulatedSets(positive, np.repeat(np.arange(patients), images), scores, areas)


def normal_intervals(sets: SimulatedSets, *, level: float = 0.95) -> pd.DataFrame:
    """Return the naive and the clustered interval of every test set.

    One row per method × measure × test set: method, measure, truth, low, high, estimate, variance.
    """
    replicates, _, n = sets.scores.shape
    counts = placement_counts(sets.labels, sets.scores.reshape(-1, n))
    wins, losses = (part.reshape(replicates, 2, -1) for part in counts)
    singles = np.arange(n)
    groupings = {"naive": (singles, n), "clustered": (sets.clusters, sets.clusters.max() + 1)}
    tables = []
    for measure, truth in _truths(sets):
        of_measure = tuple(_measured(part, measure) for part in (wins, losses))
        estimate = placement_areas(*of_measure)
        for method, (codes, n_clusters) in groupings.items():
            sums = cluster_sums(of_measure, sets.labels, codes, n_clusters)
            variance = sums_variances(sums)
            for name, limits in _limits(method, measure, estimate, variance, level):
                tables.append(_intervals(name, measure, truth, *limits, estimate, variance))
    return pd.concat(tables, ignore_index=True)


def bootstrap_intervals(
    sets: SimulatedSets, bootstrapped: int, resamples: int, seed: int, *, level: float = 0.95
) -> pd.DataFrame:
    """Return the percentile interval over patients of the first test sets, as `normal_intervals`.

    Each test set has resamples of its own; the variance is NaN.
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


def _intervals(method: str, measure: str, truth: float, *columns: np.ndarray) -> pd.DataFrame:
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


def _labels(kind: str, patients: int, images: int) -> np.ndarray:
    """Return bool (patients × images,): which images are positive."""
    if kind not in LABELS:
        raise unknown("labels", kind, LABELS)
    patient, image = np.divmod(np.arange(patients * images), images)
    return patient < patients // 2 if kind == "patient" else (patient + image) % 2 == 0


def _check_design(
    correlation: float,
    patients: int,
    images: int,
    replicates: int,
    effect: float,
    alike: tuple[float, float],
) -> None:
    checks = [
        ("correlation", correlation, 0 <= correlation < 1, "Pass a value from 0 to below 1."),
        ("patients", patients, patients >= 4, "Pass at least 4, two of each class."),
        ("images", images, images >= 1, "Pass at least one image a patient."),
        ("replicates", replicates, replicates >= 1, "Draw at least one test set."),
        ("effect", effect, 0 <= effect < 1 - AREA, f"Pass 0 to below {1 - AREA:.2f}."),
        ("alike", alike, max(map(abs, alike)) <= 1, "Pass two correlations, -1 to 1."),
    ]
    for where, value, holds, remedy in checks:
        if not holds:
            raise InputError(f"{value!r} is out of range", where=where, remedy=remedy)
