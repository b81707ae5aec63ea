"""Which cases belong together: patient identifiers as codes, checked.

Several images of one patient share more than cases of different patients do,
so the patient is the unit that is drawn, counted and resampled.  A cluster
here is a patient; any other unit of independence (an exam) works alike.
"""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from rin.errors import InputError


def cluster_codes(
    clusters: ArrayLike, n_cases: int, where: str = "clusters"
) -> tuple[np.ndarray, int]:
    """Return cluster numbers of cases, and how many clusters there are.

    Parameters
    ----------
    clusters
        Shape (n_cases,): the patient of each case, text or numbers, none missing.
    n_cases
        How many cases the other arrays have.
    where
        How an error names the array.

    Returns
    -------
    codes : numpy.ndarray
        intp (n_cases,), from 0 in the order in which clusters first appear, so
        that their names do not matter.
    n_clusters : int
        At least 2.

    Raises
    ------
    InputError
        Another length, a missing identifier, or one cluster only.

    Notes
    -----
    Checked against ``numpy.unique(..., return_inverse=True)``.
    """
    if np.shape(clusters) != (n_cases,):
        raise InputError(
            f"shape {np.shape(clusters)} beside {n_cases} labels",
            where=where,
            remedy="Pass one patient identifier a case.",
        )
    values = pd.Series(clusters)
    if values.isna().any():
        raise InputError(
            f"{values.isna().sum()} of {n_cases} cases have no identifier",
            where=where,
            remedy="Name the patient of every case; an unknown one cannot be grouped.",
        )
    codes, names = pd.factorize(values)
    if len(names) < 2:
        raise InputError(
            f"all {n_cases} cases belong to one cluster",
            where=where,
            remedy="Spread between patients needs at least two; pass patient identifiers.",
        )
    return codes, len(names)
