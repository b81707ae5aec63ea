"""How similar two networks' activations are.

Activations are tables with one row per data point (an image at a place of its feature map) and one
column per channel.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import subspace_angles

from rin.errors import InputError

_SILENT = 1e-12  # share of the largest variance below which a channel is silent (svcca's epsilon)


def mean_cca(a: ArrayLike, b: ArrayLike) -> float:
    """Return the mean canonical correlation of two tables (n, channels), 0 to 1.

    Silent channels are left out (Juodelyte et al. 2023; Raghu et al. 2017).
    """
    tables = []
    for activations in (a, b):
        table = np.asarray(activations, np.float64)
        if len(table) <= table.shape[1]:
            raise InputError(
                f"{table.shape[1]} channels at {len(table)} points: all would correlate",
                where="activations",
                remedy="Record fewer channels, or more points.",
            )
        if (table == table[0]).all():
            raise InputError(
                "they are the same everywhere",
                where="activations",
                remedy="Look at the learning curve: a network that did not train has such a "
                "layer.",
            )
        variances = table.var(axis=0)
        loud = table[:, variances > _SILENT * variances.max()]
        tables.append((loud - loud.mean(axis=0)) / loud.std(axis=0))
    return float(np.cos(subspace_angles(*tables)).mean())
