"""Simulated test sets in which patients have several images, and a table of predictions.

Two networks score images under a binormal model, whose true AUCs do not depend on how much two
images of a patient correlate.
"""

from itertools import product

import numpy as np
import pandas as pd
from scipy.special import ndtri

#: True AUCs of the two networks.
TRUE_AUCS = (0.85, 0.80)
#: Correlation of the two networks, in patient effects and in image effects.
BETWEEN_NETWORKS = 0.5


def simulate_test_sets(
    correlation: float, *, patients: int, images: int, replicates: int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw test sets on which two networks score several images of every patient.

    Parameters
    ----------
    correlation : float
        of the scores of two images of one patient, 0 to 1
    patients, images : int
        numbers of patients, the first half of them positive, and of images of each
    replicates, seed : int
        number of test sets, and the seed of the random numbers

    Returns
    -------
    labels, patients, scores : numpy.ndarray
        Label and patient of each image (n,), scores (replicates, 2, n) of the two networks.

    Examples
    --------
    >>> from rin.stats.simulation import simulate_test_sets
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
    of_patients = effects[..., :1]
    of_images = effects[..., 1:]
    noise = correlation**0.5 * of_patients + (1 - correlation) ** 0.5 * of_images
    patient = np.repeat(np.arange(patients), images)
    positive = patient < patients // 2
    separation = np.sqrt(2) * ndtri(TRUE_AUCS)
    scores = noise.reshape(replicates, 2, -1) + separation[:, None] * positive
    return positive, patient, scores


def simulate_predictions(*, pretrainings: int = 1, seed: int = 0) -> pd.DataFrame:
    """Return a small made-up predictions table, for examples and for trying an analysis.

    Two tasks, initialisations "a" (true AUC 0.85) and "b" (0.80), and backbones, each fully
    fine-tuned and frozen; one fold of 60 patients with two images each.

    Parameters
    ----------
    pretrainings, seed : int
        number of pretrainings of each initialisation, and seed of the random
        numbers

    Returns
    -------
    pandas.DataFrame
        The columns of the predictions of a study.

    Examples
    --------
    >>> from rin.stats.simulation import simulate_predictions
    >>> simulate_predictions().groupby("init")["case_id"].count().to_dict()
    {'a': 960, 'b': 960}
    """
    backbones = ("DenseNet121", "ResNet50")
    ways = ("unfreeze_all", "freeze_all")
    networks = list(product(backbones, ways, range(1, pretrainings + 1), ("a", "b")))
    runs = pd.DataFrame(networks, columns=["backbone", "unfreezing", "pretraining", "init"])
    runs["scenario"] = runs["backbone"] + "-" + runs["unfreezing"] + "-1e-03"
    runs = runs.assign(fold=0, learning_rate=1e-3, seed=0, part="test")
    tables = []
    for number, task in enumerate(("breast", "thyroid")):
        positive, patient, scores = simulate_test_sets(
            0.5, patients=60, images=2, replicates=len(runs) // 2, seed=seed + number
        )
        cases = pd.DataFrame(
            {
                "task": task,
                "case_id": [f"{task}{case}" for case in range(len(patient))],
                "patient_id": [f"p{name}" for name in patient],
                "label": positive.astype(int),
            }
        )
        tables.append(runs.merge(cases, how="cross").assign(score=scores.ravel()))
    return pd.concat(tables, ignore_index=True)
