"""Precision against recall, for tasks in which one class is rare.

With few positive cases a small false-positive rate can still drown them; the
area under the ROC curve does not see that.  A test without skill has the
precision of the prevalence at every recall.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rin.errors import InputError
from rin.stats.weighted import Block, first_reached, plain, weighted_cases


@dataclass(frozen=True)
class PrecisionRecall:
    """Points of the curve, from the highest score to the lowest.

    Attributes
    ----------
    thresholds
        Distinct scores, falling, (m,).
    precision, recall
        Of calling every case at or above a threshold positive, (m,) or
        (r, m), 0-1; precision is NaN where the cases called weigh nothing.
    prevalence
        Share of positive cases: the precision of calling everyone, a number
        or (r,).
    """

    thresholds: np.ndarray
    precision: np.ndarray
    recall: np.ndarray
    prevalence: float | np.ndarray


def precision_recall_curve(
    labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None
) -> PrecisionRecall:
    """Return precision and recall at every distinct score.

    Parameters
    ----------
    labels, scores, weights
        As `rin.stats.weighted.weighted_cases`; scores need not be
        probabilities.

    Returns
    -------
    PrecisionRecall
        Without an invented point at recall 0.

    Raises
    ------
    InputError
        As `weighted_cases`.

    Notes
    -----
    Validated against scikit-learn's ``precision_recall_curve``.
    """
    cases = weighted_cases(labels, scores, weights)
    points = cases.each(lambda block: np.stack(_points(block), axis=1))
    precision, recall = np.moveaxis(points, -2, 0)
    thresholds = np.unique(cases.scores)[::-1]
    return PrecisionRecall(thresholds, precision, recall, plain(precision[..., -1]))


def precision_at_recall(
    labels: ArrayLike,
    scores: ArrayLike,
    recall: ArrayLike,
    weights: ArrayLike | None = None,
) -> np.ndarray:
    """Return the precision at the highest threshold that reaches a recall.

    A step function whose mean over recall is the average precision.  Straight
    lines between points of this curve would promise what no threshold can do
    (Davis and Goadrich 2006).

    Parameters
    ----------
    labels, scores, weights
        As `precision_recall_curve`.
    recall
        Shape (k,), 0 to 1; at 0 the precision of the highest score.

    Returns
    -------
    numpy.ndarray
        (k,) or (r, k), 0-1.

    Raises
    ------
    InputError
        As `weighted_cases`, or a recall outside 0 to 1.

    Notes
    -----
    Checked against `average_precision`, its mean over recall, and by hand.
    """
    grid = np.atleast_1d(np.asarray(recall, dtype=float))
    if not ((grid >= 0) & (grid <= 1)).all():
        raise InputError(
            "values outside 0 to 1", where="recall", remedy="Pass shares of the positive cases."
        )
    return weighted_cases(labels, scores, weights).each(
        lambda block: precision_at_recall_of(block, grid)
    )


def average_precision(
    labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None
) -> float | np.ndarray:
    """Return the mean precision over recall: Σ (Rₖ − Rₖ₋₁) Pₖ over thresholds.

    Parameters
    ----------
    labels, scores, weights
        As `precision_recall_curve`.

    Returns
    -------
    float or numpy.ndarray
        Above 0, at most 1, or (r,).  Equal scores give the prevalence.

    Raises
    ------
    InputError
        As `weighted_cases`.

    Notes
    -----
    Validated against scikit-learn's ``average_precision_score``.
    """
    return plain(weighted_cases(labels, scores, weights).each(average_precision_of))


def average_precision_of(block: Block) -> np.ndarray:
    """Return the average precision of each row of a block, (r,)."""
    gained = np.diff(block.positives, axis=1, prepend=0)
    precision = _points(block)[0]
    return np.nansum(gained * precision, axis=1) / block.positives[:, -1]


def precision_at_recall_of(block: Block, recall: np.ndarray) -> np.ndarray:
    """Return precision at each recall (k,) of each row of a block, (r, k)."""
    needed = recall * block.positives[:, -1:]
    place = first_reached(block.positives, needed)
    # Recall 0 is reached by calling anyone: the first score whose cases count.
    place = np.maximum(place, (block.called == 0).sum(axis=1, keepdims=True))
    return np.take_along_axis(_points(block)[0], place, axis=1)


def _points(block: Block) -> tuple[np.ndarray, np.ndarray]:
    called = block.called
    nobody = np.full(called.shape, np.nan)
    precision = np.divide(block.positives, called, out=nobody, where=called > 0)
    return precision, block.positives / block.positives[:, -1:]
