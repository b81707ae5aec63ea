"""What statistics accept: labels and scores, levels, and the predictions table.

Every check of this package stands here, so that the formulas elsewhere can
trust their arrays.  Nothing is repaired or dropped: bad input is an error.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from rin.errors import InputError, unknown

RUN = ["task", "fold", "scenario", "init", "seed"]
COLUMNS = [*RUN, "case_id", "part", "label", "score"]


def check_level(level: float) -> float:
    """Return a confidence level after checking that it lies between 0 and 1."""
    if not 0 < level < 1:
        raise InputError(
            f"{level!r} is not a confidence level", where="level", remedy="Use for example 0.95."
        )
    return level


def binary_labels(labels: ArrayLike, where: str = "labels") -> np.ndarray:
    """Return labels as booleans, True for the positive class.

    Parameters
    ----------
    labels
        Shape (n,), every value 0 or 1, both present.
    where
        How an error names the array.

    Returns
    -------
    numpy.ndarray
        bool (n,).

    Raises
    ------
    InputError
        Empty, not one-dimensional, another value than 0 and 1, or one class only.
    """
    array = np.asarray(labels)
    if array.ndim != 1 or array.size == 0:
        raise InputError(
            f"shape {array.shape} is not one label a case", where=where, remedy="Pass 0s and 1s."
        )
    if not np.isin(array, [0, 1]).all():
        raise InputError(
            f"values other than 0 and 1: {pd.unique(array)[:5].tolist()}",
            where=where,
            remedy="Code the positive class as 1 and the other as 0.",
        )
    positive = array.astype(bool)
    if positive.all() or not positive.any():
        raise InputError(
            f"one class only ({positive.sum()} positive of {positive.size})",
            where=where,
            remedy="Give cases of both classes.",
        )
    return positive


def score_rows(scores: ArrayLike, n_cases: int, where: str = "scores") -> np.ndarray:
    """Return scores as float64 (n_predictors, n_cases), without NaN.

    Raises
    ------
    InputError
        Not numeric, another number of cases than labels, or NaN.
    """
    try:
        rows = np.atleast_2d(np.asarray(scores, dtype=float))
    except (TypeError, ValueError) as error:
        raise InputError(
            f"not numeric ({error})", where=where, remedy="Pass one number a case."
        ) from error
    if rows.ndim != 2 or rows.shape[1] != n_cases:
        raise InputError(
            f"shape {np.shape(scores)} beside {n_cases} labels",
            where=where,
            remedy="Pass one score a case, cases along the last axis.",
        )
    if np.isnan(rows).any():
        raise InputError(
            f"{np.isnan(rows).sum()} of {rows.size} scores are NaN",
            where=where,
            remedy="A missing score cannot be ranked; find out why the model or run gave none.",
        )
    return rows


def score_row(scores: ArrayLike, n_cases: int, where: str = "scores") -> np.ndarray:
    """Return the scores of one predictor as float64 (n_cases,), without NaN.

    Raises
    ------
    InputError
        As `score_rows`; or several rows.
    """
    rows = score_rows(scores, n_cases, where)
    if len(rows) > 1:
        raise InputError(
            f"{len(rows)} rows of scores",
            where=where,
            remedy="Pass one predictor; delong_covariance and clustered_covariance take several.",
        )
    return rows[0]


def evaluated_rows(predictions: pd.DataFrame, inits: Sequence[str] | None = None) -> pd.DataFrame:
    """Return the test rows of the predictions table, of some inits or of all.

    Parameters
    ----------
    predictions
        One row a run and case; columns at least `COLUMNS`.
    inits
        Initialisation sources to keep; every one must occur.

    Raises
    ------
    InputError
        Missing column, no test row, a run or case without name, unknown init,
        or a case twice in one run.
    """
    missing = [name for name in COLUMNS if name not in predictions]
    if missing:
        raise InputError(
            f"columns {missing} are missing", where="predictions", remedy=f"Needed: {COLUMNS}."
        )
    rows = predictions[predictions["part"] == "test"]
    if rows.empty:
        raise InputError(
            "no row of part 'test'", where="predictions", remedy="Pass runs that were evaluated."
        )
    if rows[[*RUN, "case_id"]].isna().any(axis=None):
        raise InputError(
            f"a test row lacks one of {[*RUN, 'case_id']}",
            where="predictions",
            remedy="Rows without a run or a case cannot be grouped; repair the ledger.",
        )
    if inits is not None:
        present = sorted(rows["init"].unique())
        for init in inits:
            if init not in present:
                raise unknown("init", init, present)
        rows = rows[rows["init"].isin(inits)]
    check_unique(rows, [*RUN, "case_id"])
    return rows


def check_unique(rows: pd.DataFrame, key: list[str]) -> None:
    """Raise InputError if two rows share a key."""
    repeated = rows.duplicated(key)
    if repeated.any():
        first = rows.loc[repeated, key].iloc[0].to_dict()
        raise InputError(
            f"{repeated.sum()} rows repeat their {', '.join(key)}; the first: {first}",
            where="predictions",
            remedy="Keep one row for each; select one seed, and folds with disjoint test sets.",
        )


@contextmanager
def located(where: str) -> Iterator[None]:
    """Prefix the place of an InputError, so that it names the run at fault."""
    try:
        yield
    except InputError as error:
        raise InputError(
            error.problem, where=f"{where}, {error.where}", remedy=error.remedy
        ) from error
