"""Cross-validated differences: the folds as the units, their overlap allowed for.

Training sets of two folds share most of their patients, so fold differences
move together and a plain t test over folds is too sure.  Nadeau and Bengio
(2003) widen its variance by what the test and training sizes imply.
"""

import math

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from rin.errors import InputError
from rin.stats.paired import TTest, spread, t_test


def nadeau_bengio(differences: ArrayLike, test_train_ratio: float, *, level: float = 0.95) -> TTest:
    """Test the mean of fold differences by the corrected resampled t test.

    With K differences of mean d̄ and variance s² (K − 1)::

        t = d̄ / sqrt((1/K + n_test / n_train) · s²),   df = K − 1

    Parameters
    ----------
    differences
        Shape (K,), K ≥ 2, finite: a − b in each fold.
    test_train_ratio
        Cases tested over cases trained on, per fold; 0 is the plain t test.
    level
        Confidence level.

    Returns
    -------
    TTest
        Differences that agree but for rounding have variance zero: t is
        ±infinity and P 0, or 0 and 1 for a mean of zero.

    Raises
    ------
    InputError
        Fewer than two folds, a value that is not finite, or a ratio that is
        negative or not finite.

    Notes
    -----
    Validated against the paper's formula, term by term, and with ratio 0
    against SciPy's ``ttest_1samp``.

    References
    ----------
    Nadeau and Bengio 2003, Machine Learning 52:239, section 3 ("corrected
    resampled t-test").  The correction was derived for repeated random splits;
    for K-fold cross-validation it is an approximation.
    """
    sd = spread(differences)
    if not (math.isfinite(test_train_ratio) and test_train_ratio >= 0):
        raise InputError(
            f"{test_train_ratio!r} is no ratio of sizes",
            where="test_train_ratio",
            remedy="Pass cases tested over cases trained on, such as 0.25.",
        )
    values = np.asarray(differences, dtype=float)
    error = sd * math.sqrt(1 / values.size + test_train_ratio)
    return t_test(float(values.mean()), error, values.size - 1, level)


def split_ratio(splits: pd.DataFrame) -> float:
    """Return cases tested over cases trained on, averaged over folds.

    Cases of the validation part train nothing, so they count on neither side.

    Parameters
    ----------
    splits
        case_id, fold, part ("train", "validation" or "test").

    Returns
    -------
    float
        Mean of the folds' ratios, above 0.

    Raises
    ------
    InputError
        A missing column, or a fold without training or test cases.

    Notes
    -----
    Checked against a count by hand.
    """
    missing = [name for name in ("fold", "part") if name not in splits]
    if missing:
        raise InputError(
            f"columns {missing} are missing", where="splits", remedy="Needed: fold and part."
        )
    counts = splits.groupby(["fold", "part"], observed=True).size().unstack("part", fill_value=0)
    sizes = counts.reindex(columns=["train", "test"], fill_value=0)
    empty = (sizes == 0).any(axis=1)
    if sizes.empty or empty.any():
        raise InputError(
            f"folds {sizes.index[empty].tolist()} lack training or test cases",
            where="splits",
            remedy="Pass the split table of the study, all parts of it.",
        )
    return float((sizes["test"] / sizes["train"]).mean())
