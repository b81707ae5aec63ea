"""How often intervals hold the truth when a patient has several images: a simulation.

A binormal model with patient effects: within a class scores are normal with SD 1, images of one
patient correlate, and the true areas have a closed form.  Counted is what intervals cover:
DeLong's ("naive": every image a patient of its own) and Obuchowski's ("clustered").
"""

from collections import namedtuple
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import special
from statsmodels.stats.proportion import proportion_confint

from rin.errors import InputError, look_up
from rin.stats.delong import cluster_parts, placement_areas, placement_counts
from rin.stats.tests import t_quantile

LABELS = ["patient", "lesion"]
#: True areas of the two predictors.
AREAS = (0.85, 0.80)
# How the two predictors correlate: in patient effects, in image effects.
_ALIKE = (0.5, 0.5)


#: Simulated test sets that share labels, bool (n,), and patients, intp (n,); scores are float64
#: (replicates, 2, n).
SimulatedSets = namedtuple("SimulatedSets", ["labels", "clusters", "scores"])


def simulate_coverage(
    correlations: Sequence[float],
    *,
    patients: int,
    images: int,
    replicates: int,
    seed: int,
    labels: str = "patient",
) -> pd.DataFrame:
    """Count how often 95 % intervals of an area and of a paired difference hold the truth.

    For each intra-patient correlation of scores; the rest as `simulate_test_sets`.  One row per
    correlation × method × measure: correlation, method ("naive", "clustered"), measure ("auc" of
    the second predictor, or "difference" first − second), truth, coverage (0-1), low, high
    (Wilson's 95 % interval of the coverage), mean_width, design_effect (mean variance over the
    naive one's), replicates.
    """
    settings = {"patients": patients, "images": images, "replicates": replicates, "seed": seed}
    tables = []
    for correlation in correlations:
        sets = normal_intervals(simulate_test_sets(correlation, labels=labels, **settings))
        sets["held"] = sets["truth"].between(sets["low"], sets["high"])
        sets["width"] = sets["high"] - sets["low"]
        groups = sets.groupby(["method", "measure"], sort=False)
        table = groups.agg(
            truth=("truth", "first"),
            held=("held", "sum"),
            mean_width=("width", "mean"),
            variance=("variance", "mean"),
            replicates=("held", "size"),
        )
        table["low"], table["high"] = proportion_confint(
            table["held"], table["replicates"], method="wilson"
        )
        naive = table["variance"]["naive"]
        table["design_effect"] = table["variance"].div(naive, level="measure")
        table["coverage"] = table["held"] / table["replicates"]
        tables.append(table.reset_index().assign(correlation=correlation))
    columns = ["correlation", "method", "measure", "truth", "coverage", "low", "high"]
    columns += ["mean_width", "design_effect", "replicates"]
    return pd.concat(tables, ignore_index=True)[columns]


def simulate_test_sets(
    correlation: float,
    *,
    patients: int,
    images: int,
    replicates: int,
    seed: int,
    labels: str = "patient",
) -> SimulatedSets:
    """Draw test sets of a binormal model with patient effects.

    The score of predictor p for image j of patient i, of class c (0 or 1), is d_p·c + √ρ·u_pi + √(1
    − ρ)·e_pij with standard normal u and e: within a class two images of a patient correlate by ρ
    (0 to below 1), and two of different patients have area Φ(d_p / √2).  A correlation has draws of
    its own, whatever else is simulated; a longer run begins with the test sets of a shorter one.

    With `labels` "patient" the first half of the patients (4 or more) is positive, with all images.
    With "lesion" images of a patient alternate, and patients in how they begin.  One pair in
    `patients` then compares images of one patient, whose area is Φ(d_p / √(2 (1 − ρ))): the mean
    estimate is raised by that much, which counts against every interval.
    """
    if not (0 <= correlation < 1 and patients >= 4 and images >= 1 and replicates >= 1):
        raise InputError(
            f"correlation {correlation}, {patients} patients with {images} images, {replicates} "
            "replicates",
            where="simulation",
            remedy="Pass a correlation from 0 to below 1, 4 patients or more, and images of each.",
        )
    look_up("labels", labels, LABELS)
    rng = np.random.default_rng([seed, round(correlation * 1e9)])
    normal = rng.standard_normal((replicates, 2, patients, images + 1))
    # The first column is the patient effect, the others are image effects.
    r = np.repeat(_ALIKE, [1, images])
    normal[:, 1] = r * normal[:, 0] + np.sqrt(1 - r**2) * normal[:, 1]
    noise = correlation**0.5 * normal[..., :1] + (1 - correlation) ** 0.5 * normal[..., 1:]
    patient, image = np.divmod(np.arange(patients * images), images)
    whole = labels == "patient"
    positive = patient < patients // 2 if whole else (patient + image) % 2 == 0
    separation = np.sqrt(2) * special.ndtri(AREAS)
    scores = noise.reshape(replicates, 2, -1) + separation[:, None] * positive
    return SimulatedSets(positive, patient, scores)


def normal_intervals(sets: SimulatedSets) -> pd.DataFrame:
    """Return the naive and the clustered 95 % interval of every test set.

    One row per method × measure × test set: method, measure, truth, low, high, estimate, variance.
    """
    replicates, _, n = sets.scores.shape
    counts = placement_counts(sets.labels, sets.scores.reshape(-1, n))
    wins, losses = (part.reshape(replicates, 2, -1) for part in counts)
    of_measures = [
        ("auc", AREAS[1], (wins[:, 1], losses[:, 1])),
        ("difference", AREAS[0] - AREAS[1], (wins[:, 0] - wins[:, 1], losses[:, 0] - losses[:, 1])),
    ]
    groupings = {"naive": np.arange(n), "clustered": sets.clusters}
    tables = []
    for measure, truth, of_measure in of_measures:
        for method, clusters in groupings.items():
            table = pd.DataFrame({"estimate": placement_areas(*of_measure)})
            parts = cluster_parts(of_measure, sets.labels, clusters)
            table["variance"] = sum(factor * (part**2).sum(axis=1) for factor, part in parts)
            half = t_quantile() * np.sqrt(table["variance"])
            table["low"], table["high"] = table["estimate"] - half, table["estimate"] + half
            if measure == "auc":
                table[["low", "high"]] = table[["low", "high"]].clip(0, 1)
            tables.append(table.assign(method=method, measure=measure, truth=truth))
    return pd.concat(tables, ignore_index=True)
