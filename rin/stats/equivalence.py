"""Is a difference small enough to ignore? Two one-sided tests (TOST).

A large P value is no proof that two things are alike.  Where the paper calls
two inits comparable, this is the test that such a claim needs; the margin has
to be named before looking.
"""

import math
from dataclasses import dataclass

from scipy import stats

from rin.errors import InputError
from rin.stats.inputs import check_level
from rin.stats.paired import statistic

#: Largest difference of areas that counts as comparable: two AUC points.  A choice made here, for
#: the paper names no margin; `smallest_margin` serves any other.
EQUIVALENCE_MARGIN = 0.02


@dataclass(frozen=True)
class Equivalence:
    """Two one-sided tests of a difference against ±margin.

    `p_value` is the larger of the two; the interval has level 1 − 2α (90% for
    α = 0.05) and lies within ±margin exactly where `equivalent` holds.
    `smallest_margin` is the margin above which equivalence would be shown.
    """

    margin: float
    p_value: float
    ci_low: float
    ci_high: float
    equivalent: bool
    smallest_margin: float


def equivalence(
    estimate: float,
    standard_error: float,
    df: float,
    margin: float = EQUIVALENCE_MARGIN,
    level: float = 0.95,
) -> Equivalence:
    """Test whether a difference lies within ±margin (TOST).

    Parameters
    ----------
    estimate, standard_error
        The difference and its standard error (at least 0), in one unit.
    df
        Degrees of freedom of the t distribution; ``math.inf`` for the normal.
    margin
        Above 0, in the same unit.
    level
        1 − α; each one-sided test has level α.

    Returns
    -------
    Equivalence
        With a standard error of zero P is 0 inside the margin, 1 outside and
        0.5 on it.

    Raises
    ------
    InputError
        A margin, standard error or df out of range, or not a number.

    Notes
    -----
    Validated against statsmodels' ``ttost_paired`` (and ``ttost_ind``).

    References
    ----------
    Schuirmann 1987, Journal of Pharmacokinetics and Biopharmaceutics 15:657.
    """
    usable = math.isfinite(estimate) and 0 <= standard_error < math.inf and df > 0
    if not (usable and 0 < margin < math.inf):
        raise InputError(
            f"estimate {estimate}, standard error {standard_error}, df {df}, margin {margin}",
            where="equivalence",
            remedy="Pass a finite estimate, a standard error from 0, and df and margin above 0.",
        )
    alpha = 1 - check_level(level)
    above = statistic(estimate + margin, standard_error)
    below = statistic(estimate - margin, standard_error)
    p_value = float(max(stats.t.sf(above, df), stats.t.cdf(below, df)))
    half_width = float(stats.t.ppf(1 - alpha, df)) * standard_error
    low, high = estimate - half_width, estimate + half_width
    return Equivalence(margin, p_value, low, high, p_value < alpha, max(-low, high))
