"""A mean of estimates that share patients, with random effects of what else they share.

Estimates (k,) have a known covariance over patients and, in addition, one variance for each random
effect: the effect of each estimate alone, and the effects whose levels several estimates share.
These variances are fitted by restricted likelihood; the mean has fixed weights, so that its
variance is a weighted sum of all variances, and its degrees of freedom are Satterthwaite's.  A
model is set up once and fitted to many rows of estimates, so that a simulation of a design applies
the same test as the analysis.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import ArrayLike

from rin.errors import InputError

#: Name of the effect that each estimate has alone and shares with no other.
ALONE = "alone"
# Of the search: most steps, most halvings of a step, and the gain in deviance at which it ends.
_STEPS = 2000
_HALVINGS = 30
_PRECISION = 1e-13
#: Start of the variances beside one that starts alone, as a share of the scale.
_BESIDE = 1e-3


@dataclass(frozen=True)
class MeanFits:
    """Means of rows of estimates (r,), with standard errors, df and the variances of effects."""

    estimates: np.ndarray
    standard_errors: np.ndarray
    df: np.ndarray
    variances: dict[str, np.ndarray]


class MeanModel:
    """A weighted mean of estimates (k,) with a known covariance (k, k) and random effects.

    `levels` gives for each effect, by name, the level of each estimate.  `effects` contains the
    effects whose variances can be separated: an effect with one level cannot be separated from the
    mean, and an effect whose levels have one estimate each cannot be separated from `ALONE`.  Each
    level of `fixed` has a mean of its own, which is not random; some level has two estimates.
    """

    def __init__(
        self,
        covariance: np.ndarray,
        levels: Mapping[str, ArrayLike],
        weights: ArrayLike,
        fixed: ArrayLike | None = None,
    ) -> None:
        shares = np.asarray(weights, dtype=float)
        self.weights = shares / shares.sum()
        self.covariance = np.asarray(covariance, dtype=float)
        k = len(self.weights)
        self._contrasts = contrasts_to(indicators(np.zeros(k) if fixed is None else fixed))
        self.effects: dict[str, np.ndarray] = {}
        distinct: list[np.ndarray] = []
        for name, of_name in {ALONE: range(k), **levels}.items():
            members = indicators(of_name)
            shared = members @ members.T
            seen = [*distinct, (self._contrasts @ shared @ self._contrasts.T).ravel()]
            if np.linalg.matrix_rank(np.array(seen), tol=1e-8) == len(seen):
                self.effects[name] = shared
                distinct = seen

    def fit(self, estimates: ArrayLike) -> MeanFits:
        """Return the mean of estimates and its uncertainty, for rows (r, k) or one row (k,).

        InputError where the search for the variances does not converge.
        """
        rows = np.atleast_2d(np.asarray(estimates, dtype=float))
        effects = [*self.effects.values()]
        variances, information = reml(rows, self._contrasts, self.covariance, effects)
        of_mean = np.array([self.weights @ g @ self.weights for g in effects])
        variance = self.weights @ self.covariance @ self.weights + variances @ of_mean
        df = _satterthwaite(variance, variances, of_mean, information)
        by_effect = dict(zip(self.effects, variances.T, strict=True))
        return MeanFits(rows @ self.weights, np.sqrt(variance), df, by_effect)


def reml(
    rows: np.ndarray, contrasts: np.ndarray, known: np.ndarray, effects: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Return variances (r, q) by restricted likelihood, and their expected information (r, q, q).

    Rows of estimates (r, k) have a `known` covariance (k, k) and, times one variance each, the
    covariances `effects` (q of them, k, k); `contrasts` (k − p, k) are orthogonal to their means
    (`contrasts_to`).  The likelihood may have several optima: the search starts with all variances
    equal and from each one alone, and the best end counts.  InputError where a search does not
    converge.
    """
    y = rows @ contrasts.T
    known = contrasts @ known @ contrasts.T
    of_effects = np.array([contrasts @ g @ contrasts.T for g in effects])
    size = np.trace(of_effects, axis1=1, axis2=2) / y.shape[1]
    scale = np.maximum((y**2).mean(axis=1), np.trace(known) / y.shape[1])
    r = len(y)
    q = len(size)
    shares = np.vstack([np.full(q, 0.5 / q), np.eye(q) + _BESIDE])
    axes = _common_axes([known, *of_effects])
    likelihood: _Matrices | _Diagonals = _Matrices(known, of_effects)
    if axes is not None:
        y = y @ axes
        likelihood = _Diagonals(known, of_effects, axes)
    starts = (scale[:, None, None] * shares / size).reshape(-1, q)
    ends = _search(likelihood, np.repeat(y, len(shares), axis=0), starts)
    variances, information, deviance = (
        end.reshape(r, len(shares), *end.shape[1:]) for end in ends
    )
    best = np.arange(r), deviance.argmin(axis=1)
    return variances[best], information[best]


def contrasts_to(fixed: np.ndarray) -> np.ndarray:
    """Return rows orthogonal to the columns of a design (k, p), of which REML uses no more."""
    return np.linalg.svd(fixed.T)[2][fixed.shape[1] :]


def _search(
    likelihood: _Matrices | _Diagonals, y: np.ndarray, variances: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return variances (r, q), none below zero, their information and deviances, by scoring.

    Each step minimises a quadratic over variances that are not negative, by trying every subset of
    variances as zero.
    """
    information = np.empty((*variances.shape, variances.shape[1]))
    ended = np.empty(len(y))
    searched = np.arange(len(y))
    for _ in range(_STEPS):
        now = variances[searched]
        of_rows = y[searched]
        inverse, residual, deviance = likelihood.evaluate(now, of_rows)
        score, twice = likelihood.slopes(inverse, residual)
        information[searched] = twice / 2
        step = _step(now, score, twice)
        # Scoring may overshoot: halve each step until halving it once more no longer helps.
        reached = likelihood.evaluate(now + step, of_rows)[2]
        for _ in range(_HALVINGS):
            half = likelihood.evaluate(now + step / 2, of_rows)[2]
            shorter = half < reached
            if not (shorter | (reached > deviance)).any():
                break
            shorter |= reached > deviance
            step[shorter] /= 2
            reached = np.where(shorter, half, reached)
        worse = reached > deviance  # no step is better: the minimum, up to rounding
        gained = np.where(worse, 0.0, deviance - reached)
        best = now + step
        best[worse] = now[worse]
        variances[searched] = best
        ended[searched] = deviance - gained
        searched = searched[gained > _PRECISION]
        if not searched.size:
            return variances, information, ended
    raise InputError(
        f"REML does not converge in {searched.size} of {len(y)} searches",
        where="estimates, variances",
        remedy="Check the variances: they may differ by too many orders of magnitude.",
    )


class _Matrices:
    """The likelihood of rows y (r, k); the covariance is `known` plus variances times effects."""

    def __init__(self, known: np.ndarray, effects: np.ndarray) -> None:
        self.known = known
        self.effects = effects

    def evaluate(
        self, variances: np.ndarray, y: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return each row's inverse of the covariance, inverse times y, and deviance."""
        covariance = self.known + np.tensordot(variances, self.effects, axes=1)
        inverse = np.linalg.inv(covariance)
        residual = (inverse @ y[..., None])[..., 0]
        return inverse, residual, np.linalg.slogdet(covariance)[1] + (residual * y).sum(axis=1)

    def slopes(self, inverse: np.ndarray, residual: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the score of the variances (r, q) and twice their information (r, q, q)."""
        r = len(inverse)
        q = len(self.effects)
        products = inverse[:, None] @ self.effects
        turned = products.transpose(0, 1, 3, 2).reshape(r, q, -1)
        twice = products.reshape(r, q, -1) @ turned.transpose(0, 2, 1)
        along = np.einsum("ri,qij,rj->rq", residual, self.effects, residual, optimize=True)
        return along - np.trace(products, axis1=2, axis2=3), twice


class _Diagonals:
    """The likelihood on `axes` that make all matrices diagonal, as in a balanced design."""

    def __init__(self, known: np.ndarray, effects: np.ndarray, axes: np.ndarray) -> None:
        on_axes = axes.T @ np.array([known, *effects]) @ axes
        self.known, *of_effects = np.diagonal(on_axes, axis1=1, axis2=2)
        self.effects = np.array(of_effects)

    def evaluate(
        self, variances: np.ndarray, y: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the values of `_Matrices.at`, with the diagonal of the inverse, (r, k)."""
        covariance = self.known + variances @ self.effects
        residual = y / covariance
        return 1 / covariance, residual, (np.log(np.abs(covariance)) + residual * y).sum(axis=1)

    def slopes(self, inverse: np.ndarray, residual: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the values of `_Matrices.slopes`."""
        products = inverse[:, None] * self.effects
        twice = products @ products.transpose(0, 2, 1)
        return (residual**2 - inverse) @ self.effects.T, twice


def _common_axes(matrices: Sequence[np.ndarray]) -> np.ndarray | None:
    """Return axes, as columns, on which all matrices are diagonal; None if there are none."""
    # If such axes exist, a mixture has them too, unless the shares make two eigenvalues equal.
    shares = np.sqrt(2 + np.arange(len(matrices)))
    mixture = sum(x * m / (np.abs(m).max() or 1) for x, m in zip(shares, matrices, strict=True))
    axes = np.linalg.eigh(mixture)[1]
    for matrix in matrices:
        beside = axes.T @ matrix @ axes
        np.fill_diagonal(beside, 0.0)
        if np.abs(beside).max() > 1e-13 * np.abs(matrix).max():
            return None
    return axes


def _step(now: np.ndarray, score: np.ndarray, twice: np.ndarray) -> np.ndarray:
    """Return the step d (r, q) that minimises d' I d / 2 − score' d, no variance below zero."""
    lowest = np.full(len(now), np.inf)
    best = np.zeros_like(now)
    for free in product([True, False], repeat=now.shape[1]):
        moving = np.flatnonzero(free)
        fixed = np.flatnonzero(~np.array(free))
        step = -now.copy()
        if moving.size:
            block = twice[:, moving[:, None], moving]
            of_fixed = (twice[:, moving[:, None], fixed] @ step[:, fixed, None])[..., 0]
            rest = score[:, moving] - of_fixed
            step[:, moving] = np.linalg.solve(block, rest[..., None])[..., 0]
        curve = np.einsum("rp,rpq,rq->r", step, twice, step) / 2 - (score * step).sum(axis=1)
        better = (now + step >= 0).all(axis=1) & (curve < lowest)
        better |= (now + step >= -1e-15).all(axis=1) & ~np.isfinite(lowest)
        lowest[better] = curve[better]
        best[better] = step[better]
        if all(free) and better.all():
            break  # no variance would fall below zero, and no other step is lower
    return np.maximum(best, -now)


def _satterthwaite(
    variance: np.ndarray, variances: np.ndarray, of_mean: np.ndarray, information: np.ndarray
) -> np.ndarray:
    """Return 2 V² / Var(V) of the variance V (r,) of a mean, at least 1.

    Variances that are estimated as zero are left out, except the first, that of an estimate alone:
    otherwise a few estimates that happen to agree would seem certain.
    """
    counted = variances > 0
    counted[:, 0] = True
    df = np.empty(len(variance))
    for kinds in np.unique(counted, axis=0):
        rows = (counted == kinds).all(axis=1)
        inverse = np.linalg.inv(information[rows][:, kinds][:, :, kinds])
        of_variance = np.einsum("p,rpq,q->r", of_mean[kinds], inverse, of_mean[kinds])
        df[rows] = 2 * variance[rows] ** 2 / of_variance
    return np.maximum(df, 1.0)


def indicators(levels: ArrayLike) -> np.ndarray:
    """Return indicators (k, levels): 1 where an estimate has a level, otherwise 0."""
    of_each = np.asarray(levels)
    return (of_each[:, None] == np.unique(of_each)).astype(float)
