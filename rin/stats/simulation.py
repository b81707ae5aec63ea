"""Simulated test sets in which patients have several images: how far do intervals hold?

Two networks score images under a binormal model, whose true AUCs do not depend on how much two
images of a patient correlate.
"""

from collections.abc import Iterable
from itertools import product

import numpy as np
import pandas as pd
from scipy.special import ndtri
from statsmodels.stats.proportion import proportion_confint

from rin.stats.delong import auc_contrasts

#: True AUCs of the two networks.
TRUE_AUCS = (0.85, 0.80)
#: Correlation of the two networks, in patient effects and in image effects.
BETWEEN_NETWORKS = 0.5
#: Weights of the two networks' AUCs in what is estimated.
MEASURES = {"auc": [0.0, 1.0], "difference": [1.0, -1.0]}


def simulate_test_sets(
    correlation: float, *, patients: int, images: int, replicates: int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw test sets on which two networks score several images of every patient.

    Parameters
    ----------
    correlation : that of the scores of two images of one patient, 0 to 1
    patients, images : numbers of patients, the first half of them positive, and of images of each
    replicates, seed : number of test sets, and the seed of the random numbers

    Returns
    -------
    labels, patients, scores : numpy.ndarray
        Label and patient of each image (n,), scores (replicates, 2, n) of the two networks.

    Examples
    --------
    >>> settings = {"patients": 4, "images": 2, "replicates": 3, "seed": 0}
    >>> labels, patients, scores = simulate_test_sets(0.5, **settings)
    >>> patients.tolist(), scores.shape
    ([0, 0, 1, 1, 2, 2, 3, 3], (3, 2, 8))
    """
    # Each correlation has its own random stream, whatever else is simulated.
    rng = np.random.default_rng([seed, round(correlation * 1e9)])
    effects = rng.standard_normal((replicates, 2, patients, images + 1))
    independent = np.sqrt(1 - BETWEEN_NETWORKS**2) * effects[:, 1]
    effects[:, 1] = BETWEEN_NETWORKS * effects[:, 0] + independent
    of_patients, of_images = effects[..., :1], effects[..., 1:]
    noise = correlation**0.5 * of_patients + (1 - correlation) ** 0.5 * of_images
    patient = np.repeat(np.arange(patients), images)
    positive = patient < patients // 2
    separation = np.sqrt(2) * ndtri(TRUE_AUCS)
    scores = noise.reshape(replicates, 2, -1) + separation[:, None] * positive
    return positive, patient, scores


def simulate_coverage(
    correlations: Iterable[float], *, patients: int, images: int, replicates: int, seed: int
) -> pd.DataFrame:
    """Simulate how often DeLong's 95% interval contains the truth, naive and clustered.

    Parameters
    ----------
    correlations : correlations of two images of one patient
    patients, images, replicates, seed : as `simulate_test_sets`

    Returns
    -------
    pandas.DataFrame
        One row a correlation, method ("naive": images as units; "clustered": patients) and measure
        ("auc" of the second network; "difference", first − second): correlation, method, measure,
        coverage (share of test sets) with Wilson's 95% interval ci_low, ci_high.

    Examples
    --------
    >>> table = simulate_coverage([0.8], patients=40, images=4, replicates=50, seed=0)
    >>> table.query("measure == 'auc'").set_index("method")["coverage"].round(2).to_dict()
    {'naive': 0.64, 'clustered': 0.94}
    """
    rows = []
    for correlation in correlations:
        labels, patient, scores = simulate_test_sets(
            correlation, patients=patients, images=images, replicates=replicates, seed=seed
        )
        for method, clusters in (("naive", None), ("clustered", patient)):
            for measure, held in zip(MEASURES, _held(labels, scores, clusters), strict=True):
                low, high = proportion_confint(held, replicates, method="wilson")
                row = {"correlation": correlation, "method": method, "measure": measure}
                row |= {"coverage": held / replicates, "ci_low": low, "ci_high": high}
                rows.append(row)
    return pd.DataFrame(rows)


def _held(labels: np.ndarray, scores: np.ndarray, clusters: np.ndarray | None) -> list[int]:
    weights = np.array([*MEASURES.values()])
    held = np.zeros(len(weights), dtype=int)
    for networks in scores:
        _, estimates, covariance = auc_contrasts(labels, networks, weights, clusters)
        distance = np.abs(estimates - weights @ TRUE_AUCS)
        held += distance <= ndtri(0.975) * np.sqrt(np.diag(covariance))
    return held.tolist()


def simulate_predictions(
    *, patients: int = 60, pretrainings: int = 1, seed: int = 0
) -> pd.DataFrame:
    """Return a small made-up predictions table, for examples and for trying an analysis.

    Two tasks, initialisations "a" (true AUC 0.85) and "b" (0.80), and backbones, each fully
    fine-tuned and frozen; one fold, in which every patient has two images.

    Parameters
    ----------
    patients, pretrainings, seed : patients of a task, pretrainings of an initialisation, the seed

    Returns
    -------
    pandas.DataFrame
        The columns of the predictions of a study.

    Examples
    --------
    >>> simulate_predictions().groupby("init")["case_id"].count().to_dict()
    {'a': 960, 'b': 960}
    """
    backbones, regimes = ("DenseNet121", "ResNet50"), ("unfreeze_all", "freeze_all")
    networks = list(product(backbones, regimes, range(1, pretrainings + 1)))
    tables = []
    for number, task in enumerate(("breast", "thyroid")):
        positive, patient, scores = simulate_test_sets(
            0.5, patients=patients, images=2, replicates=len(networks), seed=seed + number
        )
        for (backbone, unfreezing, pretraining), pair in zip(networks, scores, strict=True):
            for init, of_init in zip(("a", "b"), pair, strict=True):
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
                    "case_id": [f"{task}{case}" for case in range(len(patient))],
                    "patient_id": [f"p{name}" for name in patient],
                    "part": "test",
                    "label": positive.astype(int),
                    "score": of_init,
                }
                tables.append(pd.DataFrame(run))
    return pd.concat(tables, ignore_index=True)
