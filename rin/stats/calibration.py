"""Whether predicted probabilities mean what they say: reliability curve, ECE and Brier score.

A network can rank cases perfectly and still state probabilities that are far
too sure.  Bins hold equal shares of the cases.  The logistic line through the
probabilities is in `rin.stats.recalibration`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rin.errors import InputError
from rin.stats.weighted import Block, first_passed, plain, weighted_cases


@dataclass(frozen=True)
class Reliability:
    """The reliability curve: one value a bin, from low to high scores.

    Attributes
    ----------
    score, observed
        Weighted mean score and share of positive cases, (bins,) or (r, bins),
        0-1; NaN in a bin without cases.
    share
        Share of all cases in the bin, 0-1.
    """

    score: np.ndarray
    observed: np.ndarray
    share: np.ndarray


@dataclass(frozen=True)
class Brier:
    """The Brier score and its five parts, each a number or (r,).

    score = reliability − resolution + uncertainty + within_bin_variance −
    within_bin_covariance, exactly.
    """

    score: float | np.ndarray
    reliability: float | np.ndarray
    resolution: float | np.ndarray
    uncertainty: float | np.ndarray
    within_bin_variance: float | np.ndarray
    within_bin_covariance: float | np.ndarray


def reliability_curve(
    labels: ArrayLike, scores: ArrayLike, *, bins: int = 10, weights: ArrayLike | None = None
) -> Reliability:
    """Return mean scores and observed shares in bins that hold equal shares of the cases.

    Cases of one score are never split.  They go where their middle rank lies:
    with b bins, into bin ⌊b · (share of cases below + half the share at that
    score)⌋.  Ties can leave bins empty.

    Parameters
    ----------
    labels, scores, weights
        As `rin.stats.weighted.weighted_cases`; scores are probabilities.
    bins
        How many bins, at least 1.

    Returns
    -------
    Reliability

    Raises
    ------
    InputError
        As `weighted_cases`, or fewer than one bin.

    Notes
    -----
    Validated against scikit-learn's ``calibration_curve(strategy="quantile")``
    where scores are distinct and bins divide the number of cases.
    """
    cases = weighted_cases(labels, scores, weights, probabilities=True)
    count = bin_count(bins)
    curve = cases.each(lambda block: reliability_of(bin_sums(block, count)))
    return Reliability(*np.moveaxis(curve, -2, 0))


def expected_calibration_error(
    labels: ArrayLike, scores: ArrayLike, *, bins: int = 10, weights: ArrayLike | None = None
) -> float | np.ndarray:
    """Return the mean distance of score and observed share over bins, weighted by their share.

    Parameters
    ----------
    labels, scores, bins, weights
        As `reliability_curve`.

    Returns
    -------
    float or numpy.ndarray
        In [0, 1], or (r,).  Above 0 by chance even where scores are true
        probabilities, the more the fewer cases a bin holds.

    Raises
    ------
    InputError
        As `reliability_curve`.

    Notes
    -----
    Naeini et al. (2015), with bins of equal mass (Nguyen and O'Connor 2015).
    Checked against a loop over bins of sorted cases, and by hand.
    """
    cases = weighted_cases(labels, scores, weights, probabilities=True)
    count = bin_count(bins)
    return plain(cases.each(lambda block: ece_of(bin_sums(block, count))))


def brier_score(
    labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None
) -> float | np.ndarray:
    """Return the mean squared distance of probability and outcome, 0 (perfect) to 1.

    Parameters
    ----------
    labels, scores, weights
        As `rin.stats.weighted.weighted_cases`; scores are probabilities.

    Returns
    -------
    float or numpy.ndarray
        Or (r,).

    Raises
    ------
    InputError
        As `weighted_cases`.

    Notes
    -----
    Brier (1950), in the form for one of two classes.  Validated against
    scikit-learn's ``brier_score_loss``.
    """
    return plain(weighted_cases(labels, scores, weights, probabilities=True).each(brier_of))


def brier_decomposition(
    labels: ArrayLike, scores: ArrayLike, *, bins: int = 10, weights: ArrayLike | None = None
) -> Brier:
    """Return the Brier score in parts: miscalibration, resolution, uncertainty and the remainder.

    With bins k of share w, mean score f and observed share o, and prevalence
    p: reliability Σ w (f − o)², resolution Σ w (o − p)², uncertainty
    p (1 − p).  Scores that differ within a bin leave a remainder: the mean
    squared distance of scores to their bin's mean (variance) minus twice the
    mean product of that distance with the outcome's (covariance).

    Parameters
    ----------
    labels, scores, bins, weights
        As `reliability_curve`.

    Returns
    -------
    Brier
        Both parts of the remainder are 0 if each bin holds one score.

    Raises
    ------
    InputError
        As `reliability_curve`.

    Notes
    -----
    Murphy (1973); remainder by Stephenson, Coelho and Jolliffe (2008).
    Checked against the identity, whose left side is scikit-learn's
    ``brier_score_loss``, and by hand.
    """
    cases = weighted_cases(labels, scores, weights, probabilities=True)
    count = bin_count(bins)
    parts = cases.each(lambda block: brier_parts_of(block, bin_sums(block, count)))
    return Brier(*map(plain, np.moveaxis(parts, -1, 0)))


@dataclass(frozen=True)
class BinSums:
    """Weight of all cases, of their scores and of positive cases per bin, each (r, bins)."""

    weight: np.ndarray
    score: np.ndarray
    positive: np.ndarray


def bin_sums(block: Block, bins: int) -> BinSums:
    """Return the sums per bin of equal mass, from low to high scores, of each row of a block."""
    scored = np.cumsum(block.weights * block.scores, axis=1)[:, block.ends]
    above = np.pad(block.called[:, :-1], ((0, 0), (1, 0)))
    middle = (above + block.called) / 2
    edges = first_passed(middle, block.total[:, None] * np.arange(1, bins) / bins)
    cuts = np.pad(edges, ((0, 0), (1, 1)), constant_values=(0, block.ends.size))
    return BinSums(*(_between(rising, cuts) for rising in (block.called, scored, block.positives)))


def reliability_of(sums: BinSums) -> np.ndarray:
    """Return the fields of `Reliability`, (r, 3, bins)."""
    share = sums.weight / sums.weight.sum(axis=1, keepdims=True)
    return np.stack(
        [_ratio(sums.score, sums.weight), _ratio(sums.positive, sums.weight), share], axis=1
    )


def ece_of(sums: BinSums) -> np.ndarray:
    """Return the expected calibration error, (r,)."""
    return np.abs(sums.score - sums.positive).sum(axis=1) / sums.weight.sum(axis=1)


def brier_of(block: Block) -> np.ndarray:
    """Return the Brier score of each row of a block, (r,)."""
    return block.sums((block.scores - block.labels) ** 2)[0] / block.total


def brier_parts_of(block: Block, sums: BinSums) -> np.ndarray:
    """Return the fields of `Brier` for each row of a block, (r, 6)."""
    score, observed, share = np.nan_to_num(np.moveaxis(reliability_of(sums), 1, 0))
    prevalence = sums.positive.sum(axis=1) / block.total
    squares, products = block.sums(block.scores**2, block.scores * block.labels) / block.total
    parts = [
        brier_of(block),
        (share * (score - observed) ** 2).sum(axis=1),
        (share * (observed - prevalence[:, None]) ** 2).sum(axis=1),
        prevalence * (1 - prevalence),
        squares - (share * score**2).sum(axis=1),
        2 * (products - (share * score * observed).sum(axis=1)),
    ]
    return np.stack(parts, axis=1)


def _between(rising: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    """Return what cumulative sums gain between cuts, bins from low to high scores."""
    sums = np.pad(rising, ((0, 0), (1, 0)))
    return np.flip(np.diff(np.take_along_axis(sums, cuts, axis=1), axis=1), axis=1)


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0)


def bin_count(bins: int) -> int:
    """Return a number of bins after checking that it is whole and at least 1."""
    if isinstance(bins, bool) or not isinstance(bins, int | np.integer) or bins < 1:
        raise InputError(f"{bins!r} bins", where="bins", remedy="Pass a whole number from 1.")
    return int(bins)
