"""How much miscalibration chance alone shows, at the number of cases at hand.

A calibration error is above 0 even where scores are true probabilities, since
a bin holds few cases.  It is judged against what it would then be.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata

from rin.errors import InputError
from rin.stats.calibration import bin_count
from rin.stats.inputs import score_rows
from rin.stats.weighted import check_probabilities


def calibration_error_by_chance(
    scores: ArrayLike, uniforms: ArrayLike, *, bins: int = 10
) -> np.ndarray:
    """Return the calibration errors that scores show if they are true probabilities.

    In each row a case is positive where its uniform number lies below its
    score.  Cases that share a number (a patient's) then agree as far as their
    scores allow, which is the most that their outcomes can depend on each
    other.

    Parameters
    ----------
    scores
        Shape (n,), probabilities.
    uniforms
        Shape (r, n), each number drawn evenly from 0 to 1.
    bins
        How many bins of equal mass, at least 1.

    Returns
    -------
    numpy.ndarray
        float64 (r,): what `rin.stats.expected_calibration_error` would be.

    Raises
    ------
    InputError
        Scores that are no probabilities or NaN, other shapes, or fewer than
        one bin.

    Notes
    -----
    Consistency resampling (Bröcker and Smith 2007).  Checked against
    `expected_calibration_error` of the outcomes drawn.
    """
    draws = np.asarray(uniforms)
    if np.ndim(scores) != 1 or draws.ndim != 2 or draws.shape[1] != np.size(scores):
        raise InputError(
            f"shape {draws.shape} beside scores of shape {np.shape(scores)}",
            where="uniforms",
            remedy="Pass one row a replicate, one number a case.",
        )
    chances = check_probabilities(score_rows(scores, np.size(scores))[0])
    members = equal_mass_bins(chances, bins)[:, None] == np.arange(bins)
    observed = (draws < chances).astype(float) @ members
    return np.abs(observed - chances @ members).sum(axis=1) / chances.size


def equal_mass_bins(scores: ArrayLike, bins: int) -> np.ndarray:
    """Return the bin of each case, from 0 for low scores, by the rule of `reliability_curve`.

    Notes
    -----
    Checked against the shares of `rin.stats.reliability_curve`.
    """
    below = rankdata(scores) - 0.5  # cases below a score and half of those at it
    return np.floor(bin_count(bins) * below / np.size(scores)).astype(int)
