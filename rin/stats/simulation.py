"""Simulated test sets in which patients have several images: how far do intervals hold?

Two networks score images of patients under a binormal model.  Scores have standard normal patient
and image effects, so that two images of a patient correlate by a chosen amount, and the true AUCs
do not depend on it.
"""

from collections.abc import Iterable
from itertools import product
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import ndtri
from statsmodels.stats.proportion import proportion_confint

from rin.errors import look_up
from rin.stats.delong import delong_covariance

#: True AUCs of the two networks.
TRUE_AUCS = (0.85, 0.80)
#: Correlation of the two networks, in patient effects and in image effects.
BETWEEN_NETWORKS = 0.5
_SETS_AT_ONCE = 10
_REGIMES = ("unfreeze_all", "freeze_all")
_CASE = ["case_id", "patient_id", "part", "label", "score"]


def simulate_test_sets(
    correlation: float,
    *,
    patients: int,
    images: int,
    replicates: int,
    seed: int,
    labels: Literal["patient", "lesion"] = "patient",
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return labels (n,), patients (n,) and scores (replicates, 2, n) of simulated test sets.

    With labels "patient" the first half of the patients is positive, with all images.  With
    "lesion" the images of a patient alternate, and so do first images of patients.  One pair in
    `patients` then compares images of one patient, whose AUC is Φ(d / √(2 (1 − ρ))): the mean
    estimate is raised by that much, which counts against every interval.

    Each correlation has its own random stream, whatever else is simulated; a longer run begins with
    the test sets of a shorter one.

    Parameters
    ----------
    correlation
        Correlation ρ (0 to 1) of the scores of two images of one patient.
    patients, images
        Number of patients of a test set, and of images of each.
    replicates, seed
        Number of test sets, and the seed of the random numbers.
    labels
        Whether a whole patient is positive, or each image has a label of its own.

    Examples
    --------
    >>> labels, patients, scores = simulate_test_sets(
    ...     0.5, patients=4, images=2, replicates=3, seed=0
    ... )
    >>> patients.tolist()
    [0, 0, 1, 1, 2, 2, 3, 3]
    >>> scores.shape
    (3, 2, 8)
    """
    rng = np.random.default_rng([seed, round(correlation * 1e9)])
    effects = rng.standard_normal((replicates, 2, patients, images + 1))
    independent = np.sqrt(1 - BETWEEN_NETWORKS**2) * effects[:, 1]
    effects[:, 1] = BETWEEN_NETWORKS * effects[:, 0] + independent
    of_patients, of_images = effects[..., :1], effects[..., 1:]
    noise = correlation**0.5 * of_patients + (1 - correlation) ** 0.5 * of_images
    patient, image = np.divmod(np.arange(patients * images), images)
    by_unit = {"patient": patient < patients // 2, "lesion": (patient + image) % 2 == 0}
    positive = look_up("labels", labels, by_unit)
    separation = np.sqrt(2) * ndtri(TRUE_AUCS)
    scores = noise.reshape(replicates, 2, -1) + separation[:, None] * positive
    return positive, patient, scores


def normal_intervals(labels: ArrayLike, patients: ArrayLike, scores: np.ndarray) -> pd.DataFrame:
    """Return DeLong's 95% intervals of every test set, naive and clustered, in one table.

    Columns `method` ("naive": images as units; "clustered": patients as units), `measure` ("auc" of
    the second network; "difference", first − second), `estimate`, `variance`, `ci_low`, `ci_high`
    and `truth`, all AUCs as fractions.
    """
    tables = []
    for method, clusters in (("naive", None), ("clustered", patients)):
        estimates = _estimates(labels, scores, clusters)
        half = ndtri(0.975) * np.sqrt(estimates["variance"])
        estimates["ci_low"] = estimates["estimate"] - half
        estimates["ci_high"] = estimates["estimate"] + half
        is_auc = estimates["measure"] == "auc"
        ends = ["ci_low", "ci_high"]
        estimates.loc[is_auc, ends] = estimates.loc[is_auc, ends].clip(0, 1)
        tables.append(estimates.assign(method=method))
    return pd.concat(tables, ignore_index=True)


def _estimates(labels: ArrayLike, scores: np.ndarray, clusters: ArrayLike | None) -> pd.DataFrame:
    """Return AUC and difference of every test set with their variances, measure by measure."""
    aucs, differences = [], []
    for sets in np.array_split(scores, -(-len(scores) // _SETS_AT_ONCE)):
        values, covariance = delong_covariance(labels, np.concatenate(sets), clusters)
        first, second = values[::2], values[1::2]
        variances, shared = np.diag(covariance), np.diag(covariance[::2, 1::2])
        of_first, of_second = variances[::2], variances[1::2]
        aucs.append(pd.DataFrame({"estimate": second, "variance": of_second}))
        differences.append(
            pd.DataFrame(
                {"estimate": first - second, "variance": of_first + of_second - 2 * shared}
            )
        )
    return pd.concat(
        [
            pd.concat(aucs).assign(measure="auc", truth=TRUE_AUCS[1]),
            pd.concat(differences).assign(measure="difference", truth=TRUE_AUCS[0] - TRUE_AUCS[1]),
        ],
        ignore_index=True,
    )


def simulate_coverage(
    correlations: Iterable[float],
    *,
    patients: int,
    images: int,
    replicates: int,
    seed: int,
    labels: Literal["patient", "lesion"] = "patient",
) -> pd.DataFrame:
    """Return the share of intervals that contain the truth, one row a correlation and method.

    Parameters are those of `simulate_test_sets`.  Columns `correlation`, `method`, `measure` and
    `truth` as `normal_intervals`; `coverage` with Wilson's 95% interval (`ci_low`, `ci_high`),
    `covered` of `replicates` test sets, mean `variance`, and `design_effect`: that
    variance over the naive one.

    Examples
    --------
    >>> table = simulate_coverage([0.8], patients=40, images=4, replicates=50, seed=0)
    >>> table.query("measure == 'auc'").set_index("method")["coverage"].round(2).to_dict()
    {'naive': 0.64, 'clustered': 0.94}
    """
    tables = []
    for correlation in correlations:
        test_sets = simulate_test_sets(
            correlation,
            patients=patients,
            images=images,
            replicates=replicates,
            seed=seed,
            labels=labels,
        )
        intervals = normal_intervals(*test_sets)
        intervals["is_covered"] = intervals["truth"].between(
            intervals["ci_low"], intervals["ci_high"]
        )
        table = intervals.groupby(["method", "measure"], sort=False).agg(
            truth=("truth", "first"),
            coverage=("is_covered", "mean"),
            covered=("is_covered", "sum"),
            variance=("variance", "mean"),
            replicates=("is_covered", "size"),
        )
        table["ci_low"], table["ci_high"] = proportion_confint(
            table["covered"], table["replicates"], method="wilson"
        )
        naive = table["variance"]["naive"]
        table["design_effect"] = table["variance"].div(naive, level="measure")
        tables.append(table.reset_index().assign(correlation=correlation))
    return pd.concat(tables, ignore_index=True)


def simulate_predictions(
    *, patients: int = 60, pretrainings: int = 1, seed: int = 0
) -> pd.DataFrame:
    """Return a small made-up predictions table, for examples and for trying an analysis.

    Two tasks, two initialisations "a" (true AUC 0.85) and "b" (0.80), two backbones, each fully
    fine-tuned and frozen; one fold, in which every patient has two images.  Columns are those of
    the predictions of a study.

    Parameters
    ----------
    patients
        Number of patients of each task; half are positive.
    pretrainings
        Number of pretrainings of each initialisation.
    seed
        Seed of the random numbers.

    Examples
    --------
    >>> table = simulate_predictions()
    >>> table.groupby("init")["case_id"].count().to_dict()
    {'a': 960, 'b': 960}
    """
    tables = []
    for number, task in enumerate(("breast", "thyroid")):
        networks = list(product(("DenseNet121", "ResNet50"), _REGIMES, range(1, pretrainings + 1)))
        positive, patient, scores = simulate_test_sets(
            0.5, patients=patients, images=2, replicates=len(networks), seed=seed + number
        )
        cases = pd.DataFrame(
            {
                "case_id": [f"{task}{case}" for case in range(len(patient))],
                "patient_id": [f"p{name}" for name in patient],
                "part": "test",
                "label": positive.astype(int),
            }
        )
        for network, (backbone, unfreezing, pretraining) in enumerate(networks):
            for place, init in enumerate(("a", "b")):
                run = {
                    "task": task,
                    "fold": 0,
                    "scenario": f"{backbone}-{unfreezing}-1e-03",
                    "backbone": backbone,
                    "unfreezing": unfreezing,
                    "learning_rate": 1e-3,
                    "init": init,
                    "seed": 0,
                    "pretraining": pretraining,
                }
                tables.append(cases.assign(**run, score=scores[network, place])[[*run, *_CASE]])
    return pd.concat(tables, ignore_index=True)
