"""How many test patients, backbones and pretrainings a comparison of AUCs needs.

A finished study gives the standard error of a difference for its number of patients; the square of
that error falls in proportion as the number grows.
"""

import math
from collections.abc import Mapping

import numpy as np
from scipy import special

from rin.errors import InputError
from rin.stats.effects import MeanModel

#: Power for which numbers of patients are computed.
POWER = 0.8


def patients_needed(difference: float, n_measured: float, standard_error: float) -> float:
    """Return how many patients a two-sided 5% test needs to find a true difference, with power .8.

    Parameters
    ----------
    difference : float
        Of AUCs (0-1).
    n_measured, standard_error : float
        Number of patients of a finished study, and the standard error of its difference.

    Returns
    -------
    float
        Number of patients.

    Raises
    ------
    InputError
        For a difference of zero, or another value that is not above zero and finite.

    Examples
    --------
    >>> from rin.stats import patients_needed
    >>> round(patients_needed(0.02, n_measured=100, standard_error=0.02))
    785
    """
    _check_plan(difference=abs(difference), n_measured=n_measured, standard_error=standard_error)
    quantiles = special.ndtri(0.975) + special.ndtri(POWER)
    return float(n_measured * (standard_error * quantiles / difference) ** 2)


def patients_for_equivalence(margin: float, n_measured: float, standard_error: float) -> float:
    """Return how many patients show that two equal AUCs differ by less than a margin, power .8.

    Parameters
    ----------
    margin : float
        Of AUCs (0-1), of two one-sided tests at 5%.
    n_measured, standard_error : float
        As `patients_needed`.

    Returns
    -------
    float
        Number of patients.

    Raises
    ------
    InputError
        As `patients_needed`.

    Examples
    --------
    >>> from rin.stats import patients_for_equivalence
    >>> round(patients_for_equivalence(0.02, n_measured=100, standard_error=0.02))
    856
    """
    _check_plan(margin=margin, n_measured=n_measured, standard_error=standard_error)
    quantiles = special.ndtri(0.95) + special.ndtri((1 + POWER) / 2)
    return float(n_measured * (standard_error * quantiles / margin) ** 2)


def pretraining_power(
    difference: float,
    spread: Mapping[str, float],
    *,
    backbones: int,
    pretrainings: int,
    patients: float = 1.0,
    replicates: int = 1000,
    seed: int = 0,
) -> float:
    """Return the power to find a true difference (AUC 0-1), with the pretraining as the unit.

    Simulated studies are tested as by `pretraining_differences`: two-sided, at 5%.

    Parameters
    ----------
    difference : float
        Of AUCs (0-1).
    spread : mapping
        A row of a table of `pretraining_differences`.
    backbones, pretrainings : int
        Planned number of backbones, and of pretrainings of each, every one with its own seed, in
        one fold.
    patients : float
        Their number, as a multiple of the present one.
    replicates, seed : int
        Of the simulation; with 1000, a power of one half is accurate to ±3 points.

    Returns
    -------
    float
        Power; NaN where the spread is not known.

    Raises
    ------
    InputError
        For fewer than two pairs, or a value that is not above zero and finite.

    Examples
    --------
    >>> from rin.stats import pretraining_differences, pretraining_power, simulation
    >>> table = pretraining_differences(simulation.simulate_predictions(pretrainings=3), "a", "b")
    >>> pretraining_power(0.2, table.iloc[0], backbones=4, pretrainings=3, replicates=99) > 0.9
    True
    """
    design = {"backbones": backbones, "pretrainings": pretrainings, "patients": patients}
    _check_plan(difference=abs(difference), replicates=replicates, **design)
    if backbones * pretrainings < 2:
        raise InputError(
            "1 pair",
            where="backbones, pretrainings",
            remedy="Plan two or more: one pair has no interval.",
        )
    # An effect that the present pairs cannot separate is part of the effect of a pretraining.
    effects = ("backbone", "seed", "pretraining", "fold", "training")
    variance = {of: np.nan_to_num(spread.get(f"sd_{of}", 0.0)) ** 2 for of in effects}
    sd = spread["patients_sd"]
    correlation = spread["patients_correlation"]
    unknown = spread.get("backbones") == 1 and backbones > 1
    if unknown or not np.isfinite([spread["sd_pretraining"], sd, correlation]).all():
        return math.nan
    backbone = np.repeat(range(backbones), pretrainings)
    k = len(backbone)
    correlation = max(correlation, 0.0)
    covariance = sd**2 / patients * (correlation + (1 - correlation) * np.eye(k))
    model = MeanModel(covariance, {"backbone": backbone}, np.ones(k))
    shared = np.equal.outer(backbone, backbone)
    of_pair = variance["seed"] + variance["pretraining"] + variance["training"]
    marginal = covariance + variance["backbone"] * shared + variance["fold"] + of_pair * np.eye(k)
    # By eigenvalues, so that a singular covariance can be drawn from, too.
    drawn = np.random.default_rng(seed).multivariate_normal(
        np.full(k, difference), marginal, int(replicates), check_valid="ignore", method="eigh"
    )
    fits = model.fit(drawn)
    rejected = np.abs(fits.estimates) > special.stdtrit(fits.df, 0.975) * fits.standard_errors
    return float(rejected.mean())


def _check_plan(**positive: float) -> None:
    for name, value in positive.items():
        if not 0 < value < math.inf:
            raise InputError(f"{value}", where=name, remedy="Give a positive, finite number.")
