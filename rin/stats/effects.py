"""Effect sizes: how large a difference is beside the spread of what differs.

They come from pingouin, which brings plotting along and is therefore imported
only when called.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rin.stats.inputs import check_level
from rin.stats.paired import paired_t, spread, statistic


@dataclass(frozen=True)
class EffectSizes:
    """A difference a − b of two paired samples, without unit.

    `cohen_d` is in pooled SDs of the two samples, `hedges_g` the same with the
    correction for small samples, `cohen_dz` in SDs of the paired differences
    with a t interval.  `cles` is how often a value of a lies above one of b,
    over all pairs of values, `share_ahead` the same over the n true pairs;
    ties count one half.
    """

    n: int
    cohen_d: float
    hedges_g: float
    cohen_dz: float
    dz_low: float
    dz_high: float
    cles: float
    share_ahead: float


def effect_sizes(a: ArrayLike, b: ArrayLike, *, level: float = 0.95) -> EffectSizes:
    """Return effect sizes of two measurements of the same units.

    d speaks of the spread between units, which pairing removes; dz of the
    spread of the differences.  The two answer different questions, and dz is
    the larger where scenarios move together.

    Parameters
    ----------
    a, b
        Shape (n,), n ≥ 2, finite; `a[i]` and `b[i]` belong to one unit.
    level
        Confidence level of the interval of dz.

    Returns
    -------
    EffectSizes
        Without spread d, g or dz is ±infinity, or 0 for a mean difference of
        zero, and an infinite dz has no interval (NaN).

    Raises
    ------
    InputError
        As `rin.stats.paired_t`.

    Notes
    -----
    Computed by pingouin's ``compute_effsize`` and ``compute_esci``; validated
    against the formulas of its documentation.

    References
    ----------
    Cohen 1988, Statistical Power Analysis, chapter 2; Lakens 2013, Frontiers
    in Psychology 4:863; Hedges and Olkin 1985, page 86 (interval).
    """
    import pingouin

    check_level(level)
    tested = paired_t(a, b)
    first, second = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    differences, n, mean = first - second, tested.n, tested.mean_difference

    def size(kind: str) -> float:
        return float(pingouin.compute_effsize(first, second, eftype=kind))

    flat = spread(first) == spread(second) == 0
    # Without spread pingouin divides by zero; the rule of `statistic` says what follows.
    d, g = [statistic(mean, 0.0)] * 2 if flat else (size("cohen"), size("hedges"))
    dz, dz_low, dz_high = tested.cohen_dz, math.nan, math.nan
    if spread(differences) > 0:
        dz = float(pingouin.compute_effsize(first, second, paired=True, eftype="cohen_dz"))
    if math.isfinite(dz):
        dz_low, dz_high = pingouin.compute_esci(
            dz, nx=n, ny=n, paired=True, confidence=float(level), decimals=12
        )
    ahead = pingouin.compute_effsize(differences, 0.0, eftype="cles")
    return EffectSizes(n, d, g, dz, float(dz_low), float(dz_high), size("cles"), float(ahead))
