"""How many test patients, backbones and pretrainings a comparison of AUCs needs.

A finished study gives the standard error of a difference with its patients, whose square falls as
their number grows.
"""

import math
from collections.abc import Mapping

from statsmodels.stats.power import TTestPower, normal_sample_size_one_tail

from rin.errors import InputError

#: Of the numbers of patients.
POWER = 0.8


def patients_needed(difference: float, patients: float, standard_error: float) -> float:
    """Return how many patients find a true difference of AUCs (0-1) by a two-sided test at 5%.

    `standard_error` is that of a difference measured on a number of `patients`.
    """
    size = abs(difference)
    _check_plan(difference=size, patients=patients, standard_error=standard_error)
    of_one_patient = standard_error * math.sqrt(patients)
    return float(normal_sample_size_one_tail(size, POWER, 0.025, of_one_patient))


def patients_for_equivalence(margin: float, patients: float, standard_error: float) -> float:
    """Return how many patients show that two equal AUCs (0-1) differ by less than a margin.

    By two one-sided tests at 5%: one each way from no difference to the margin.
    """
    _check_plan(margin=margin, patients=patients, standard_error=standard_error)
    of_one_patient = standard_error * math.sqrt(patients)
    return float(normal_sample_size_one_tail(margin, (1 + POWER) / 2, 0.05, of_one_patient))


def pretraining_power(
    difference: float,
    spread: Mapping[str, float],
    standard_error: float,
    *,
    backbones: int,
    pretrainings: int,
    patients: float = 1.0,
) -> float:
    """Return the power to find a true difference (AUC 0-1), with the pretraining as the unit.

    `spread` has the SDs of a row of `rin.stats.pretraining_differences`, `standard_error` is that
    over patients alone.  A study has as many `backbones` and `pretrainings` of each, and the
    present patients times `patients`.  NaN where the spread is not known.
    """
    design = {"pretrainings": pretrainings, "patients": patients, "backbones": backbones - 1}
    _check_plan(difference=abs(difference), standard_error=standard_error, **design)
    between, within = spread["sd_backbone"], spread["sd_pretraining"]
    if math.isnan(between):  # one pretraining of each: all of it may be of the backbones
        between, within = within, 0.0
    variance = (between**2 + within**2 / pretrainings) / backbones + standard_error**2 / patients
    effect = abs(difference) / math.sqrt(variance * backbones)
    return float(TTestPower().power(effect, backbones, 0.05, df=backbones - 1))


def _check_plan(**positive: float) -> None:
    for name, value in positive.items():
        if not 0 < value < math.inf:
            raise InputError(f"{value}", where=name, remedy="Give a positive, finite number.")
