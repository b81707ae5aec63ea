"""Two models compared on any table of their scores, with patients as the independent units.

For this study's predictions, averaged over scenarios and folds, see `scenarios`.
"""

import math
from collections.abc import Hashable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from rin.errors import InputError, amount, look_up
from rin.stats.delong import DeLongTest, delong_test, share_interval
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
    if within is not None:
        columns["level"] = within
    require_columns(scores, [by, *columns.values()], where="scores")
    if a == b:
        raise InputError(f"{a!r} twice", where="a, b", remedy="Name two models.")
    for model in (a, b):
        look_up(by, model, list(scores[by].dropna().unique()))
    rows = scores.loc[scores[by].isin([a, b]), [by, *columns.values()]]
    rows = rows.set_axis(["model", *columns], axis=1)
    for kind, missing in rows.isna().sum().items():
        if missing:
            raise InputError(
                f"{amount(missing, 'rows')} without a {kind}",
                where=f"scores, {columns[kind]}",
                remedy="Name it, or leave these cases out for both models.",
            )
    groups = [("scores", rows)]
    if within is not None:
        of_levels = rows.groupby("level", observed=True)
        if of_levels["patient"].nunique().sum() > rows["patient"].nunique():
            raise InputError(
                f"patients of several levels of {within!r}",
                where="scores",
                remedy="Levels are averaged as independent; divide by patient.",
            )
        groups = [(f"{within} {name}", group) for name, group in of_levels]
    tests = []
    for place, group in groups:
        with name_place(place):
            tests.append(_paired_test(group, columns, (a, b), positive))
    parts = pd.DataFrame(tests)
    error = math.sqrt(parts["variance"].sum()) / len(parts)
    test = t_test(parts["estimate"].mean(), error, level=level)
    return pd.DataFrame(
        [
            {
                "a": a,
                "b": b,
                "auc_a": parts["auc_a"].mean(),
                "auc_b": parts["auc_b"].mean(),
                **test.to_row(),
                "n_cases": len(rows) // 2,
                "n_patients": rows["patient"].nunique(),
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


def _paired_test(
    rows: pd.DataFrame,
    columns: Mapping[str, str],
    models: tuple[Hashable, Hashable],
    positive: Hashable | None,
) -> DeLongTest:
    """Return the test of two models; rows have model, score, label, case and patient."""
    if repeated := rows.duplicated(["model", "case"]).sum():
        raise InputError(
            f"{amount(repeated, 'rows')} repeat a case",
            where=columns["case"],
            remedy="Keep one score per case; name the column `within` of what cases were scored "
            "in.",
        )
    wide = rows.pivot(index=["case", "label", "patient"], columns="model", values="score")
    wide = wide.reindex(columns=models)
    if wide.isna().any(axis=None):
        raise InputError(
            f"{' cases beside '.join(map(str, wide.count()))}, or labels or patients that differ",
            where="scores",
            remedy="Pass the same cases for both.",
        )
    labels, patients = (wide.index.get_level_values(name) for name in ("label", "patient"))
    with name_place(columns["label"]):
        is_positive = binary_labels(labels, positive)
    scores_a, scores_b = wide.to_numpy().T
    return delong_test(is_positive, scores_a, scores_b, patients)
