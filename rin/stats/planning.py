"""How many test patients a comparison of AUCs needs, and what a number of them can show.

A pilot, or a finished study, gives the variance of a difference with its patients; with the same
mix of patients that variance falls as their number grows.  What chance in training adds comes on
top, and no number of patients takes it away.
"""

import math
from dataclasses import dataclass

from scipy.optimize import brentq
from scipy.stats import norm
from statsmodels.stats.power import normal_sample_size_one_tail

from rin.errors import InputError


@dataclass(frozen=True)
class Pilot:
    """A difference of AUCs (0-1) measured with a number of `patients`, or of positive cases.

    `variance` is that of the difference, `null_variance` that which it would have were the AUCs
    equal; by default the same, as for a test that estimates it (Obuchowski and McClish 1997 give
    both curves the first one's).  InputError for what is not positive and finite.
    """

    patients: float
    variance: float
    null_variance: float | None = None

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value is not None:
                _positive(name, value)

    def errors(self, patients: float) -> tuple[float, float]:
        """Return the standard errors with so many patients: were the AUCs equal, and as is."""
        share = self.patients / _positive("patients", patients)
        null = self.variance if self.null_variance is None else self.null_variance
        return math.sqrt(null * share), math.sqrt(self.variance * share)


def patients_needed(
    pilot: Pilot, difference: float, *, power: float = 0.8, level: float = 0.95
) -> float:
    """Return how many patients find a true difference of AUCs by a two-sided test."""
    size = _positive("difference", abs(difference))
    tail = (1 - _positive("level", level, 1)) / 2
    errors = pilot.errors(1)
    return float(normal_sample_size_one_tail(size, _positive("power", power, 1), tail, *errors))


def equivalence_power(
    pilot: Pilot, patients: float, margin: float, difference: float = 0.0, *, level: float = 0.95
) -> float:
    """Return the power of showing, by two one-sided tests, that a difference is within ± margin.

    `level` 0.95 is two tests at 5%, or a 90% interval inside the margins.  statsmodels has the
    power of two one-sided tests for rates alone.
    """
    _, error = pilot.errors(patients)
    edge = _positive("margin", margin) - norm.ppf(level) * error
    inside = norm.cdf((edge - difference) / error) - norm.cdf((-edge - difference) / error)
    return float(max(inside, 0))


def patients_for_equivalence(
    pilot: Pilot,
    margin: float,
    difference: float = 0.0,
    *,
    power: float = 0.8,
    level: float = 0.95,
) -> float:
    """Return how many patients show that a true difference lies within ± margin.

    InputError for a difference that does not lie within the margin.
    """
    if abs(difference) >= _positive("margin", margin):
        raise InputError(
            f"a difference of {difference} is not within ± {margin}",
            where="difference",
            remedy="Plan for a smaller difference, or a wider margin.",
        )
    _positive("level", level, 1)
    _positive("power", power, 1)

    def lacking(log_patients: float) -> float:
        reached = equivalence_power(pilot, math.exp(log_patients), margin, difference, level=level)
        return reached - power

    return math.exp(brentq(lacking, -20.0, 60.0, xtol=1e-12))


def _positive(name: str, value: float, limit: float = math.inf) -> float:
    if not 0 < value < limit:
        raise InputError(f"{value}", where=name, remedy=f"Give a number between 0 and {limit}.")
    return value
