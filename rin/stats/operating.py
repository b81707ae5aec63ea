"""Sensitivity where specificity is fixed: a point of the ROC curve that a reader would use.

A screening test is judged at a stated false-positive rate, not over all of
them.  The points are those of pROC's ``coords``.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from rin.errors import InputError
from rin.stats.weighted import Block, first_passed, plain, weighted_cases


def sensitivity_at_specificity(
    labels: ArrayLike,
    scores: ArrayLike,
    specificity: float,
    weights: ArrayLike | None = None,
) -> float | np.ndarray:
    """Return the sensitivity of the empirical ROC curve at a specificity.

    Where the curve rises at exactly this specificity, the highest
    sensitivity counts.  Between two points of the curve it is interpolated
    on the straight line, as a test that decides at random between the two
    thresholds would perform.

    Parameters
    ----------
    labels, scores, weights
        As `rin.stats.weighted.weighted_cases`; scores need not be
        probabilities.
    specificity
        From 0 to 1, such as 0.9.

    Returns
    -------
    float or numpy.ndarray
        In [0, 1], or (r,).  Equal scores give 1 − specificity, the chance
        line.

    Raises
    ------
    InputError
        As `weighted_cases`, or a specificity outside 0 to 1.

    Notes
    -----
    Validated against pROC's ``coords(x, input = "specificity",
    ret = "sensitivity")``, whose rule for ties and interpolation it keeps,
    and scikit-learn's ``roc_curve(sample_weight=...)``.
    """
    if not 0 <= specificity <= 1:
        raise InputError(
            f"{specificity!r} is not a share", where="specificity", remedy="Use for example 0.9."
        )
    cases = weighted_cases(labels, scores, weights)
    return plain(cases.each(lambda block: sensitivities_of(block, [specificity])[:, 0]))


def sensitivities_of(block: Block, specificities: Sequence[float]) -> np.ndarray:
    """Return the sensitivity at each specificity (k) of each row of a block, (r, k)."""
    false, true = (np.pad(part, ((0, 0), (1, 0))) for part in (block.negatives, block.positives))
    allowed = (1 - np.asarray(specificities)) * false[:, -1:]
    after = first_passed(false, allowed)
    last = after - 1  # the highest point of the curve that is specific enough
    after = np.minimum(after, false.shape[1] - 1)
    spent, reached = (np.take_along_axis(rate, last, axis=1) for rate in (false, true))
    gap = np.take_along_axis(false, after, axis=1) - spent
    share = np.divide(np.clip(allowed - spent, 0, None), gap, out=np.zeros_like(gap), where=gap > 0)
    further = np.take_along_axis(true, after, axis=1) - reached
    return (reached + share * further) / true[:, -1:]
