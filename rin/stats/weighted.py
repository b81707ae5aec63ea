"""Cases with weights, sorted once: what every measure beyond the area counts on.

A row of weights says how often each case counts, so a bootstrap of any
measure is one call with one row a replicate.  Rows are taken in blocks, so
that memory stays bounded whatever their number.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from rin.errors import InputError
from rin.stats.inputs import binary_labels, score_rows

_CELLS = 2_000_000  # weights of one block; a measure holds about ten such arrays of float64
_SAME = 1e-9  # share of the total weight below which two sums of weights are one


@dataclass(frozen=True)
class Block:
    """Some rows of weights over cases in the order of falling scores.

    Attributes
    ----------
    scores, labels
        float64 (n,), falling, and 0 or 1.
    weights
        float64 (r, n).
    ends
        intp (m,): the last case of each distinct score.
    """

    scores: np.ndarray
    labels: np.ndarray
    weights: np.ndarray
    ends: np.ndarray

    @cached_property
    def total(self) -> np.ndarray:
        """Weight of all cases, (r,)."""
        return self.weights.sum(axis=1)

    @cached_property
    def positives(self) -> np.ndarray:
        """Weight of positive cases at or above each distinct score, (r, m)."""
        return np.cumsum(self.weights * self.labels, axis=1)[:, self.ends]

    @cached_property
    def called(self) -> np.ndarray:
        """Weight of all cases at or above each distinct score, (r, m)."""
        return np.cumsum(self.weights, axis=1)[:, self.ends]

    @cached_property
    def negatives(self) -> np.ndarray:
        """Weight of negative cases at or above each distinct score, (r, m)."""
        return self.called - self.positives

    def sums(self, *columns: np.ndarray) -> np.ndarray:
        """Return the weighted sums of columns (n,) over the cases, (len(columns), r)."""
        # Not a matrix product: on so few columns its threads would wait for each other.
        return np.einsum("rn,cn->cr", self.weights, np.stack(columns))


@dataclass(frozen=True)
class Cases:
    """Checked labels, scores and weights; `one` if the weights were a single row."""

    labels: np.ndarray
    scores: np.ndarray
    weights: np.ndarray
    one: bool

    def each(self, measure: Callable[[Block], np.ndarray]) -> np.ndarray:
        """Return a measure of every row of weights, without the first axis if there is one row.

        `measure` takes a `Block` and returns an array whose first axis is its rows.
        """
        order = np.argsort(-self.scores, kind="stable")
        scores, labels = self.scores[order], self.labels[order].astype(float)
        ends = np.flatnonzero(np.append(scores[1:] != scores[:-1], True))
        step = max(1, _CELLS // scores.size)
        parts = []
        for start in range(0, len(self.weights), step):
            weights = self.weights[start : start + step][:, order].astype(float)
            parts.append(measure(Block(scores, labels, weights, ends)))
        values = np.concatenate(parts)
        return values[0] if self.one else values


def weighted_cases(
    labels: ArrayLike,
    scores: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    probabilities: bool = False,
) -> Cases:
    """Return labels, scores and weights after checking them.

    Parameters
    ----------
    labels
        Shape (n,), 0 or 1, 1 the positive class; both present.
    scores
        Shape (n,), no NaN; higher means more likely positive.
    weights
        Shape (n,) or (r, n): how often each case counts, at least 0.  None
        counts each case once.
    probabilities
        Whether scores must lie in [0, 1].

    Raises
    ------
    InputError
        As `rin.stats.inputs.binary_labels` and `score_rows`; scores of
        several predictors; scores outside 0 to 1 where they must be
        probabilities; weights of another width, negative or not finite; a
        row of weights under which a class counts nothing.
    """
    positive = binary_labels(labels)
    rows = score_rows(scores, positive.size)
    if np.ndim(scores) != 1:
        raise InputError(
            f"shape {np.shape(scores)}", where="scores", remedy="Pass one predictor at a time."
        )
    if probabilities:
        check_probabilities(rows)
    array = np.ones(positive.size) if weights is None else np.asarray(weights)
    return Cases(positive, rows[0], _weight_rows(array, positive), array.ndim == 1)


def check_probabilities(scores: np.ndarray) -> np.ndarray:
    """Return scores after checking that every one lies in [0, 1]."""
    if not ((scores >= 0) & (scores <= 1)).all():
        raise InputError(
            f"values from {scores.min():g} to {scores.max():g} are not all probabilities",
            where="scores",
            remedy="Pass the probability of the positive class, between 0 and 1.",
        )
    return scores


def plain(values: np.ndarray) -> float | np.ndarray:
    """Return a Python number for an array without axes, any other array as it is."""
    return float(values) if np.ndim(values) == 0 else values


def first_reached(rows: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return where each rising row first holds at least each of its values, (r, k).

    A value counts as reached from `_SAME` of the row's last value below it, so
    that a rounded fraction of a total finds the sum that it stands for.
    """
    tolerant = values - _SAME * rows[:, -1:]
    return np.stack([row.searchsorted(value) for row, value in zip(rows, tolerant, strict=True)])


def first_passed(rows: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return where each rising row first exceeds each of its values, as `first_reached`."""
    return first_reached(rows, values + 2 * _SAME * rows[:, -1:])


def _weight_rows(array: np.ndarray, positive: np.ndarray) -> np.ndarray:
    numeric = array.dtype.kind in "biuf"
    if not numeric or array.ndim not in (1, 2) or array.shape[-1] != positive.size:
        raise InputError(
            f"shape {array.shape} of {array.dtype} beside {positive.size} labels",
            where="weights",
            remedy="Pass one number a case, cases along the last axis.",
        )
    if array.size == 0 or not np.isfinite(array).all() or array.min() < 0:
        raise InputError(
            "no row, or a negative or infinite value or NaN",
            where="weights",
            remedy="A weight says how often a case counts: 0 or more.",
        )
    rows = np.atleast_2d(array)
    lacking = [~(rows[:, part] > 0).any(axis=1) for part in (positive, ~positive)]
    if np.any(lacking):
        first = int(np.flatnonzero(np.any(lacking, axis=0))[0])
        raise InputError(
            f"row {first} counts no case of one class",
            where="weights",
            remedy="Draw replicates that hold both classes (`cluster_weights(labels=...)`).",
        )
    return rows
