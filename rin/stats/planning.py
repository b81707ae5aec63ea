"""How many test patients, backbones and pretrainings a comparison of AUCs needs.

A finished study gives the standard error of a difference with its patients, whose square falls as
their number grows.
"""

import math
from collections.abc import Mapping

from scipy import special
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


def binormal_sensitivity(auc: float, specificity: float = 0.9) -> float:
    """Return the sensitivity at a specificity where scores of both classes are normal, of one SD.

    What an AUC means to a reader: Φ(√2 Φ⁻¹(AUC) − Φ⁻¹(specificity)).  Hanley 1988, Medical
    Decision Making 8:197.
    """
    for name, value in {"auc": auc, "specificity": specificity}.items():
        if not 0 < value < 1:
            raise InputError(f"{value}", where=name, remedy="Give a share between 0 and 1.")
    apart = math.sqrt(2) * special.ndtri(auc)
    return float(special.ndtr(apart - special.ndtri(specificity)))


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
