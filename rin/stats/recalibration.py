"""The logistic line through predicted probabilities: calibration in the large, and its slope.

It says in which direction probabilities err: too high or low on average, too
extreme or too timid.  The line describes; no score is changed.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, logit

from rin.stats.weighted import Block, plain, weighted_cases

#: Scores nearer to 0 or 1 than this are moved to it before their log odds are taken.
EXTREME = 1e-6
_STEPS, _HALVINGS, _CONVERGED = 100, 60, 1e-10
_LONGEST = (
    10.0  # of a step: where scores are sure there is next to no information, and no end to it
)
_SINGULAR = 1e12  # condition from which a slope has no information


@dataclass(frozen=True)
class CalibrationLine:
    """Logistic recalibration, each field a number or (r,).

    `in_the_large` is the intercept with the slope held at 1; `intercept` and
    `slope` are fitted together.  Ideal: 0, 0 and 1.
    """

    in_the_large: float | np.ndarray
    intercept: float | np.ndarray
    slope: float | np.ndarray


def calibration_line(
    labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None
) -> CalibrationLine:
    """Return intercept and slope of the outcome's log odds on the score's.

    Parameters
    ----------
    labels, scores, weights
        As `rin.stats.weighted.weighted_cases`; scores are probabilities.
        Those nearer than `EXTREME` to 0 or 1 (a softmax in single precision
        reaches both) are moved there, as their log odds are infinite.

    Returns
    -------
    CalibrationLine
        A slope below 1 means scores too extreme; an intercept in the large
        above 0 means scores too low on average.  Intercept and slope are NaN
        if some score separates the classes (the likelihood then has no
        finite maximum) or all scores are equal; the intercept in the large
        always exists.

    Raises
    ------
    InputError
        As `weighted_cases`.

    Notes
    -----
    Cox (1958); Van Calster et al. (2019).  Newton's method on all rows of
    weights at once.  Validated against statsmodels' ``Logit`` and
    ``GLM(family=Binomial(), offset=..., freq_weights=...)``.
    """
    cases = weighted_cases(labels, scores, weights, probabilities=True)
    return CalibrationLine(*map(plain, np.moveaxis(cases.each(_lines), -1, 0)))


def replicate_lines(block: Block, line: CalibrationLine) -> np.ndarray:
    """Return in_the_large and slope of each row near the line of all cases, (r, 2).

    In the large is fitted anew in each row.  The slope is one Newton step from
    the estimate of all cases, which costs a few weighted sums instead of a fit
    and exists where the row alone would separate the classes.  Its intervals
    agree with those of complete fits from some hundred cases on; with fewer
    they are too narrow and too low (by a fifth of their width at 60).

    Parameters
    ----------
    block
        Rows of weights.
    line
        The line of the same cases, each counted once; without its slope, the
        slopes here are NaN, as in a row whose cases all score the same.

    Notes
    -----
    Moulton and Zeger (1991), the one-step bootstrap of generalised linear
    models.  Checked against the spread of complete fits to the replicates.
    """
    odds = _log_odds(block.scores)
    one = np.ones((1, odds.size))
    # From the estimate of all cases a few steps reach far closer than replicates differ.
    start = np.full((len(block.weights), 1), line.in_the_large)
    large = _fit(block.weights, block.labels, one, odds, start=start, close=1e-4)
    if math.isnan(line.slope):
        return np.pad(large, ((0, 0), (0, 1)), constant_values=math.nan)
    along = np.stack([one[0], odds])
    slope = line.slope + _one_step(block, along, line.intercept + line.slope * odds)[:, 1:]
    return np.concatenate([large, slope], axis=1)


def _log_odds(scores: np.ndarray) -> np.ndarray:
    return logit(np.clip(scores, EXTREME, 1 - EXTREME))


def _lines(block: Block) -> np.ndarray:
    """Return in_the_large, intercept and slope of each row of weights, (r, 3)."""
    odds = _log_odds(block.scores)
    lines = np.full((len(block.weights), 3), math.nan)
    one = np.ones((1, odds.size))
    lines[:, :1] = _fit(block.weights, block.labels, one, odds)
    finite = _overlap(block, odds)
    along = np.stack([one[0], odds])
    lines[finite, 1:] = _fit(block.weights[finite], block.labels, along, np.zeros(odds.size))
    return lines


def _overlap(block: Block, odds: np.ndarray) -> np.ndarray:
    """Return whether, in each row, scores of each class reach beyond the other's, (r,)."""
    lowest, highest = [], []
    for of_class in (block.labels, 1 - block.labels):
        counts = block.weights * of_class > 0
        lowest.append(np.where(counts, odds, np.inf).min(axis=1))
        highest.append(np.where(counts, odds, -np.inf).max(axis=1))
    return (lowest[0] < highest[1]) & (lowest[1] < highest[0])


def _fit(
    weights: np.ndarray,
    labels: np.ndarray,
    columns: np.ndarray,
    offset: np.ndarray,
    *,
    start: np.ndarray | None = None,
    close: float = _CONVERGED,
) -> np.ndarray:
    """Return the coefficients (r, c) of maximum likelihood by Newton's method, steps halved."""
    fitted = np.zeros((len(weights), len(columns))) if start is None else start
    best = _log_likelihood(weights, labels, offset + fitted @ columns)
    for _ in range(_STEPS if len(weights) else 0):
        step = _step(weights, labels, columns, offset + fitted @ columns)
        if len(columns) == 1:
            step = np.clip(step, -_LONGEST, _LONGEST)
        for _ in range(_HALVINGS):
            reached = _log_likelihood(weights, labels, offset + (fitted + step) @ columns)
            worse = reached < best - _CONVERGED * np.abs(best)
            if not worse.any():
                break
            step[worse] /= 2
        fitted, best = fitted + step, reached
        if np.abs(step).max() < close:
            return fitted
    if len(weights):
        raise ArithmeticError(f"no convergence of the calibration line in {_STEPS} steps")
    return fitted


def _step(
    weights: np.ndarray, labels: np.ndarray, columns: np.ndarray, odds: np.ndarray
) -> np.ndarray:
    """Return the Newton step of every row, (r, c), at its own log odds (r, n)."""
    risk = expit(odds)
    gradient = np.einsum("rn,cn->rc", weights * (labels - risk), columns)
    information = np.einsum("rn,cn->rc", weights * risk * (1 - risk), _products(columns))
    return _solved(information, gradient)


def _one_step(block: Block, columns: np.ndarray, odds: np.ndarray) -> np.ndarray:
    """Return the Newton step of every row, (r, c), at log odds (n,) that all rows share."""
    risk = expit(odds)
    gradient = block.sums(*((block.labels - risk) * columns))
    information = block.sums(*(risk * (1 - risk) * _products(columns)))
    return _solved(information.T, gradient.T)


def _products(columns: np.ndarray) -> np.ndarray:
    """Return the product of every two columns (c, n), (c * c, n)."""
    return (columns[:, None] * columns).reshape(-1, columns.shape[1])


def _solved(information: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """Return information⁻¹ gradient of every row, NaN where there is no information."""
    matrices = information.reshape(len(gradient), gradient.shape[1], gradient.shape[1])
    step = np.full_like(gradient, math.nan)
    solvable = np.linalg.cond(matrices) < _SINGULAR
    step[solvable] = np.linalg.solve(matrices[solvable], gradient[solvable, :, None])[..., 0]
    return step


def _log_likelihood(weights: np.ndarray, labels: np.ndarray, odds: np.ndarray) -> np.ndarray:
    return (weights * (labels * odds - np.logaddexp(0, odds))).sum(axis=1)
