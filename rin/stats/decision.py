"""Net benefit: whether deciding by the scores is worth more than treating all or none.

A threshold probability states how many false alarms one detected case is
worth.  No costs are needed beyond it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rin.errors import InputError
from rin.stats.weighted import Block, weighted_cases


@dataclass(frozen=True)
class DecisionCurve:
    """Net benefit per case, in true positives, at each threshold.

    Attributes
    ----------
    thresholds
        Probabilities (t,), from 0 to below 1.
    net_benefit, treat_all, treat_none
        Of calling scores at or above the threshold positive, of calling
        everyone and of calling no one positive; (t,) or (r, t), at most the
        prevalence; `treat_none` is 0.
    """

    thresholds: np.ndarray
    net_benefit: np.ndarray
    treat_all: np.ndarray
    treat_none: np.ndarray


def net_benefit(
    labels: ArrayLike,
    scores: ArrayLike,
    thresholds: ArrayLike,
    weights: ArrayLike | None = None,
) -> DecisionCurve:
    """Return true positives per case less false positives at their price.

    With n cases and threshold t: TP / n − FP / n · t / (1 − t), where scores
    of at least t are called positive.  At t equal to the prevalence treating
    all is worth as much as treating none: 0.

    Parameters
    ----------
    labels, scores, weights
        As `rin.stats.weighted.weighted_cases`; scores are probabilities.
    thresholds
        A number or (t,), from 0 to below 1.

    Returns
    -------
    DecisionCurve

    Raises
    ------
    InputError
        As `weighted_cases`, or a threshold that is negative or at least 1.

    Notes
    -----
    Vickers and Elkin (2006).  Checked by hand and against counts of
    scikit-learn's ``confusion_matrix`` at each threshold.
    """
    grid = check_thresholds(thresholds)
    cases = weighted_cases(labels, scores, weights, probabilities=True)
    curves = cases.each(
        lambda block: np.stack([net_benefit_of(block, grid), treat_all_of(block, grid)], axis=1)
    )
    by_score, everyone = np.moveaxis(curves, -2, 0)
    return DecisionCurve(grid, by_score, everyone, np.zeros_like(everyone))


def check_thresholds(thresholds: ArrayLike) -> np.ndarray:
    """Return thresholds as float64 (t,) after checking that all are from 0 to below 1."""
    grid = np.atleast_1d(np.asarray(thresholds, dtype=float))
    if grid.ndim != 1 or grid.size == 0 or not ((grid >= 0) & (grid < 1)).all():
        raise InputError(
            f"{np.asarray(thresholds).tolist()!r:.80} are not threshold probabilities",
            where="thresholds",
            remedy="Pass values from 0 to below 1; at 1 a false positive costs without bound.",
        )
    return grid


def net_benefit_of(block: Block, thresholds: np.ndarray) -> np.ndarray:
    """Return the net benefit at each threshold (t,) of each row of a block, (r, t)."""
    distinct = block.scores[block.ends]
    called = np.searchsorted(-distinct, -thresholds, side="right")
    true, false = (
        np.pad(part, ((0, 0), (1, 0)))[:, called] for part in (block.positives, block.negatives)
    )
    return (true - false * _price(thresholds)) / block.total[:, None]


def treat_all_of(block: Block, thresholds: np.ndarray) -> np.ndarray:
    """Return the net benefit of calling everyone positive, as `net_benefit_of`."""
    true, false = block.positives[:, -1:], block.negatives[:, -1:]
    return (true - false * _price(thresholds)) / block.total[:, None]


def _price(thresholds: np.ndarray) -> np.ndarray:
    """Return how many true positives one false positive costs."""
    return thresholds / (1 - thresholds)
