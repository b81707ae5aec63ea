"""Normal intervals of an estimate, of an area on its own or on the logit scale, and of a share."""

import math

import numpy as np
from scipy import special
from statsmodels.stats.proportion import proportion_confint

from rin.errors import unknown
from rin.stats.inputs import check_level

SCALES = ["identity", "logit"]


def normal_quantile(level: float) -> float:
    """Return the standard normal quantile of a two-sided level, 1.96 for 0.95.

    Raises
    ------
    InputError
        A level that is not between 0 and 1.

    Notes
    -----
    Checked against R ``qnorm``.
    """
    return float(special.ndtri((1 + check_level(level)) / 2))


def area_interval(
    area: float, variance: float, *, level: float = 0.95, scale: str = "identity"
) -> tuple[float, float]:
    """Return the normal interval of an area under a ROC curve.

    Parameters
    ----------
    area
        0 to 1.
    variance
        Of the area, at least 0, or NaN.
    level
        Confidence level.
    scale
        "identity": area ± z·SE, clipped to [0, 1] (Wald; pROC's interval).
        "logit": logit(area) ± z·SE / (area·(1 − area)), transformed back, which
        never leaves (0, 1) and is not symmetric (delta method; Pepe
        2003).

    Returns
    -------
    low, high : float
        NaN where the variance is NaN.  An area of 0 or 1 has no logit: NaN on
        that scale, a point on the other.

    Raises
    ------
    InputError
        Unknown scale, or a level that is not between 0 and 1.

    Notes
    -----
    Checked against R (``qlogis``, ``plogis`` and pROC's ``var``) and against
    numerical differentiation of the logit.
    """
    quantile = normal_quantile(level)
    if scale not in SCALES:
        raise unknown("scale", scale, SCALES)
    if math.isnan(variance) or (scale == "logit" and area in (0, 1)):
        return math.nan, math.nan
    error = math.sqrt(variance)
    if scale == "identity":
        return max(area - quantile * error, 0.0), min(area + quantile * error, 1.0)
    middle = special.logit(area)
    half_width = quantile * error / (area * (1 - area))
    return float(special.expit(middle - half_width)), float(special.expit(middle + half_width))


def share_interval(hits: np.ndarray, patients: np.ndarray) -> tuple[float, float]:
    """Return the 95% Wilson interval of a share of images that are grouped by patient.

    Images of one patient are alike, so that they count for fewer: their number is divided by
    the design effect, the clustered variance of the share over that of independent images.  It
    is never taken below 1, and is the mean number of images a patient where every image is
    a hit or none is.

    Parameters
    ----------
    hits
        bool (n,), such as whether each image is classified correctly.
    patients
        Patient of each image, (n,).

    Returns
    -------
    low, high : float
        0 to 1.

    Notes
    -----
    Checked against statsmodels: Wilson's interval for single images, the clustered covariance
    of a mean for the design effect.

    References
    ----------
    .. [1] Korn EL, Graubard BI. Confidence intervals for proportions with small expected number
       of positive counts estimated from survey data. Surv Methodol 1998;24:193–201.
    """
    hits = np.asarray(hits, dtype=float)
    n, share = len(hits), hits.mean()
    _, cluster = np.unique(np.asarray(patients), return_inverse=True)
    sums = np.bincount(cluster, weights=hits - share)
    k, plain = len(sums), n**2 * share * (1 - share) / max(1, n - 1)
    effect = (sums**2).sum() * k / (k - 1) / plain if plain and k > 1 else n / k
    size = n / max(1.0, effect)
    low, high = proportion_confint(share * size, size, method="wilson")
    return float(low), float(high)
