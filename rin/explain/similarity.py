"""How alike two networks' activations are: canonical correlations and linear CKA.

Activations are tables with a row a data point (an image at a place of its feature map) and a
column a channel; rows of both tables belong to the same images and places.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from rin.errors import InputError

#: Channels whose variance is this small a share of the largest are silent (svcca's epsilon).
_SILENT = 1e-12


def canonical_correlations(a: ArrayLike, b: ArrayLike) -> np.ndarray:
    """Return the canonical correlations of two tables (n, channels), the largest first, 0 to 1.

    As many as the table with fewer independent channels has; silent channels are left out.
    InputError unless both have as many rows, more than channels, and are finite.
    """
    bases = [_basis(table) for table in _checked(a, b)]
    return np.clip(np.linalg.svd(bases[0].T @ bases[1], compute_uv=False), 0, 1)


def mean_cca(a: ArrayLike, b: ArrayLike) -> float:
    """Return the mean canonical correlation, 0 to 1 (Juodelyte et al. 2023; Raghu et al. 2017)."""
    return float(canonical_correlations(a, b).mean())


def linear_cka(a: ArrayLike, b: ArrayLike) -> float:
    """Return linear centred kernel alignment, 0 to 1 (Kornblith et al., ICML 2019).

    InputError as `canonical_correlations`.
    """
    a, b = _checked(a, b)
    own = np.linalg.norm(a.T @ a) * np.linalg.norm(b.T @ b)
    return float(np.linalg.norm(a.T @ b) ** 2 / own)


def sample_activations(
    features: np.ndarray, points: int, channels: int, *, seed: int
) -> np.ndarray:
    """Draw rows (image and place) and channels of a feature map (n, h, w, c), without repetition.

    Float32 (points, channels), or all that there are.  Maps of one shape give the same rows and
    channels for the same seed.
    """
    table = np.asarray(features, np.float32).reshape(-1, features.shape[-1])
    draws = np.random.default_rng(seed)
    rows, columns = (
        np.sort(draws.permutation(size)[:count])
        for size, count in zip(table.shape, (points, channels), strict=True)
    )
    return table[np.ix_(rows, columns)]


def _checked(*tables: ArrayLike) -> list[np.ndarray]:
    """Return tables about their means, in double precision."""
    checked = [np.asarray(table, np.float64) for table in tables]
    shapes = [table.shape for table in checked]
    problem = None
    if any(len(shape) != 2 for shape in shapes) or len({shape[0] for shape in shapes}) > 1:
        problem = f"shapes {shapes} do not fit"
    elif any(rows <= columns for rows, columns in shapes):
        problem = f"shapes {shapes} have no more rows than channels, and all would correlate"
    elif not all(np.isfinite(table).all() for table in checked):
        problem = "a value is not finite"
    elif any((table == table[0]).all() for table in checked):
        problem = "they are the same everywhere"
    if problem:
        raise InputError(
            f"activations cannot be compared: {problem}",
            where="activations",
            remedy="Give two finite tables (points, channels) of the same points.",
        )
    return [table - table.mean(axis=0) for table in checked]


def _basis(table: np.ndarray) -> np.ndarray:
    """Return an orthonormal basis of a centred table's columns."""
    variances = table.var(axis=0)
    loud = table[:, variances > _SILENT * variances.max()]
    scaled = loud / loud.std(axis=0)
    left, values, _ = np.linalg.svd(scaled, full_matrices=False)
    return left[:, values > values[0] * max(scaled.shape) * np.finfo(np.float64).eps]
