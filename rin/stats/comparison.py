"""Two models compared on any table of their scores, with patients as the independent units.

For this study's predictions, averaged over scenarios and folds, see `scenarios`.
"""

import math
from collections.abc import Hashable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from rin.errors import InputError, as_input_error, counted, look_up
from rin.stats.delong import delong_test, share_interval
from rin.stats.hypothesis import t_test
from rin.stats.inputs import (
    binary_labels,
    check_aligned,
    cluster_codes,
    name_place,
    numbers,
    score_row,
)
from rin.tables import require_columns


def compare(  # noqa: PLR0913 - the columns of any table have names of their own
    scores: pd.DataFrame,
    *,
    by: str,
    a: Hashable,
    b: Hashable,
    score: str = "score",
    label: str = "label",
    case: str = "case_id",
    patient: str = "patient_id",
    within: str | None = None,
    positive: Hashable | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Compare the AUCs of two models, a − b, on a long table: one row per model and case.

    Parameters
    ----------
    scores : DataFrame
        the table; rows of other models are ignored
    by : str
        column that names the model
    a, b : Hashable
        the two models
    score, label, case, patient : str
        columns of the score (higher for the positive class), the true
        class, the case and its patient; patients are the independent units
    within : str, optional
        column whose levels have different scales of scores, such as the fold: AUCs are
        computed within each level and averaged; levels share no patient
    positive : Hashable, optional
        the label of the positive class; if it is None, labels are 0 and 1
    level : float, default 0.95
        of the interval

    Returns
    -------
    pandas.DataFrame
        A single row: a, b, auc_a, auc_b, the columns of an estimate (Obuchowski 1997, Biometrics
        53:567), n_cases and n_patients.

    Raises
    ------
    InputError
        For a missing column or model, models with different cases, levels of `within` that
        share patients, labels of other than two classes, or a row of either model that lacks a
        score, label, case, patient or level.

    Examples
    --------
    >>> import pandas as pd
    >>> from rin.stats import compare
    >>> readers = pd.DataFrame({
    ...     "model": ["old"] * 6 + ["new"] * 6, "image": [*"abcdef"] * 2,
    ...     "who": [1, 1, 2, 3, 4, 5] * 2, "truth": ["no", "no", "no", "yes", "yes", "yes"] * 2,
    ...     "p": [.2, .5, .1, .4, .8, .3, .1, .2, .4, .6, .8, .7]})
    >>> table = compare(readers, by="model", a="new", b="old", score="p", label="truth",
    ...                 case="image", patient="who", positive="yes")
    >>> table[["auc_a", "auc_b", "estimate"]].round(2).to_numpy().tolist()
    [[1.0, 0.78, 0.22]]
    """
    columns = {"score": score, "label": label, "case": case, "patient": patient}
    if not isinstance(scores, pd.DataFrame):
        raise InputError(
            f"{type(scores).__name__} is no table",
            where="scores",
            remedy="Pass a pandas DataFrame.",
        )
    complete = columns if within is None else columns | {"level": within}
    require_columns(scores, [by, *complete.values()], where="scores")
    if a == b:
        raise InputError(f"{a!r} twice", where="a, b", remedy="Name two models.")
    for model in (a, b):
        look_up(by, model, list(scores[by].dropna().unique()))
    rows = scores[scores[by].isin([a, b])]
    _check_complete(rows, complete)
    groups = [("", rows)]
    parts = []
    if within is not None:
        groups = rows.groupby(within, observed=True)
        if groups[patient].nunique().sum() > rows[patient].nunique():
            raise InputError(
                f"patients of several levels of {within!r}",
                where="scores",
                remedy="Levels are averaged as independent; divide by patient.",
            )
    for name, group in groups:
        with name_place("scores" if within is None else f"{within} {name}"):
            first, second = (
                _model_rows(group[group[by] == model], columns, positive) for model in (a, b)
            )
            parts.append(_paired_aucs(first, second))
    auc_a, auc_b, variance = np.array(parts).T
    error = math.sqrt(variance.sum()) / len(parts)
    test = t_test((auc_a - auc_b).mean(), error, level=level)
    return pd.DataFrame(
        [
            {
                "a": a,
                "b": b,
                "auc_a": auc_a.mean(),
                "auc_b": auc_b.mean(),
                **test.to_row(),
                "n_cases": len(rows) // 2,
                "n_patients": rows[patient].nunique(),
            }
        ]
    )


def operating_point(
    labels: ArrayLike,
    scores: ArrayLike,
    threshold: float,
    clusters: ArrayLike | None = None,
    *,
    positive: Hashable | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Return sensitivity and specificity at a threshold, with intervals over patients.

    Parameters
    ----------
    labels, scores : array_like
        the class and the score of each case, (n,)
    threshold : float
        scores at or above it are called positive; choose it without looking at these cases
    clusters : array_like, optional
        patient of each case (n,); None for independent cases
    positive : Hashable, optional
        label of the positive class; if it is None, labels are 0 and 1
    level : float, default 0.95
        of the intervals (Wilson's, for a sample size that allows for shared patients:
        `share_interval`)

    Returns
    -------
    pandas.DataFrame
        Rows sensitivity and specificity: measure, estimate, ci_low, ci_high, n_cases, n_patients.

    Raises
    ------
    InputError
        As `auc_ci`; for a threshold that is no number.

    Examples
    --------
    >>> from rin.stats import operating_point
    >>> table = operating_point([0, 0, 0, 1, 1, 1], [1, 2, 4, 6, 8, 3], 4)
    >>> table.set_index("measure")["estimate"].round(2).to_dict()
    {'sensitivity': 0.67, 'specificity': 0.67}
    """
    check_aligned(labels=labels, scores=scores, clusters=clusters)
    at = numbers(threshold, "threshold")
    if at.ndim or np.isnan(at):
        raise InputError(
            f"{threshold!r} is no threshold",
            where="threshold",
            remedy="Pass one number, in the unit of the scores.",
        )
    is_positive = binary_labels(labels, positive)
    called = score_row(scores, is_positive.size) >= at
    patients, _ = cluster_codes(clusters, is_positive.size)
    rows = []
    for measure, of_class, right in (
        ("sensitivity", is_positive, called),
        ("specificity", ~is_positive, ~called),
    ):
        hits = right[of_class]
        whose = patients[of_class]
        low, high = share_interval(hits, whose, level=level)
        rows.append(
            {
                "measure": measure,
                "estimate": hits.mean(),
                "ci_low": low,
                "ci_high": high,
                "n_cases": hits.size,
                "n_patients": np.unique(whose).size,
            }
        )
    return pd.DataFrame(rows)


def _model_rows(
    rows: pd.DataFrame, columns: Mapping[str, str], positive: Hashable | None
) -> pd.DataFrame:
    """Return a model's rows in the order of cases: score, label (0 or 1), case, patient."""
    rows = rows[list(columns.values())].set_axis(list(columns), axis=1)
    with as_input_error(
        "cases cannot be put in one order",
        where=columns["case"],
        remedy="Make all of them text: `.astype(str)`.",
        kinds=TypeError,
    ):
        rows = rows.sort_values("case")
    if rows.empty:
        raise InputError("no row", where="scores", remedy="Pass the scores of both models.")
    if repeated := rows["case"].duplicated().sum():
        raise InputError(
            f"{repeated} cases are repeated",
            where=columns["case"],
            remedy="Keep one score per case; name the column `within` of what cases were scored "
            "in.",
        )
    with name_place(columns["label"]):
        return rows.assign(label=binary_labels(rows["label"], positive))


def _check_complete(rows: pd.DataFrame, columns: Mapping[str, str]) -> None:
    """Raise InputError for a row that lacks the value of one of the columns."""
    for kind, name in columns.items():
        if missing := rows[name].isna().sum():
            raise InputError(
                f"{counted(missing, 'rows')} without a {kind}",
                where=f"scores, {name}",
                remedy="Name it, or leave these cases out for both models.",
            )


def _paired_aucs(a: pd.DataFrame, b: pd.DataFrame) -> tuple[float, float, float]:
    """Return both AUCs, and the variance of their difference over patients."""
    first = a.reset_index(drop=True)
    second = b.reset_index(drop=True)
    names = ["case", "label", "patient"]
    if not first[names].equals(second[names]):
        raise InputError(
            f"{len(a)} cases beside {len(b)}, or cases, labels or patients that differ",
            where="scores",
            remedy="Pass the same cases for both.",
        )
    test = delong_test(first["label"], first["score"], second["score"], first["patient"])
    return test.auc_a, test.auc_b, test.variance
