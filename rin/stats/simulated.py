"""Simulated test sets of two predictors with several images of each patient.

A binormal model with patient effects: within a class scores are normal with SD
1, images of one patient correlate, and the true areas have a closed form.
`rin.stats.coverage` counts on them how often intervals hold the truth.
"""

from dataclasses import dataclass

import numpy as np
from scipy import special

from rin.errors import InputError, unknown

LABELS = ["patient", "lesion"]
AREA = 0.80  # of the second predictor; the first has `effect` more
ALIKE = (0.5, 0.5)


@dataclass(frozen=True)
class SimulatedSets:
    """Simulated test sets that share labels and patients.

    `labels` bool and `clusters` intp (n,); `scores` float64 (replicates, 2, n);
    `areas` the true areas of the two predictors.
    """

    labels: np.ndarray
    clusters: np.ndarray
    scores: np.ndarray
    areas: tuple[float, float]


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

    The score of predictor p for image j of patient i, of class c (0 or 1), is
    d_p·c + √ρ·u_pi + √(1 − ρ)·e_pij with standard normal u and e: within a class
    two images of a patient correlate by ρ, and two of different patients have
    area Φ(d_p / √2).

    Parameters
    ----------
    correlation
        ρ, 0 to below 1.
    patients, images
        Patients, at least 4, and images of each, at least 1.
    replicates
        How many test sets.
    seed
        A correlation has draws of its own, whatever else is simulated; a
        longer run begins with the test sets of a shorter one.
    effect
        True difference of the two areas, in [0, 0.2).  The second is 0.80.
    alike
        How the two predictors correlate, −1 to 1: in patient effects u, in image effects e.
    labels
        "patient": the first half of the patients is positive, with all images.
        "lesion": images of a patient alternate, and patients in how they begin.

    Returns
    -------
    SimulatedSets

    Raises
    ------
    InputError
        A parameter outside its range.

    Notes
    -----
    With labels by lesion, one pair in `patients` compares images of one
    patient, whose area is Φ(d_p / √(2 (1 − ρ))): the mean estimate lies above
    the area of different patients by that much, which counts against every
    interval.  Checked against the model's moments and mean estimates.
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
