"""Tests of what an estimate excludes: differences beyond a margin, and published differences.

Functions take a table of estimates with one row per comparison, such as that of
`rin.stats.compare`, or per task, such as that of `rin.stats.pretraining_differences`; the unit of
inference is that of the table.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from rin.errors import InputError, look_up
from rin.stats.hypothesis import EQUIVALENCE_MARGIN, equivalence_p, insert_holm, t_quantile, t_test
from rin.tables import require_columns

#: Margins of equivalence, as differences of AUCs: comparable, and not far apart.
MARGINS = (EQUIVALENCE_MARGIN, 0.05)
_ESTIMATED = ["estimate", "standard_error", "df"]
#: Columns that name a comparison, as far as a table has them.
_NAMES = ["task", "a", "b"]


def equivalence_tests(
    table: pd.DataFrame,
    margins: Sequence[float] = MARGINS,
    *,
    family: str | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Test for every comparison whether its difference is within ± a margin: two one-sided tests.

    Schuirmann 1987, Journal of Pharmacokinetics and Biopharmaceutics 15:657.

    Parameters
    ----------
    table : DataFrame
        one row per comparison: estimate, standard_error, df and, if there, the names task, a
        and b
    margins : Sequence[float], default MARGINS
        as differences of AUCs (0-1)
    family : str, optional
        column whose values divide the rows into families, within each of which P values are
        adjusted (Holm), for each margin; if it is None, all rows are one family
    level : float, default 0.95
        1 minus the level of each one-sided test

    Returns
    -------
    pandas.DataFrame
        One row per comparison and margin, in the order of the table: its names and family,
        margin, estimate, ci_low, ci_high (90% for a level of 95%: this interval is within the
        margin exactly where P is below .05), p_value (the larger one), p_holm (over the family),
        equivalent (p_holm < .05 for a level of 95%), and smallest_margin (any larger margin shows
        equivalence, without adjustment); NaN where there is no standard error.

    Raises
    ------
    InputError
        For a missing column, a row without a family, or a margin that is not above zero.

    Examples
    --------
    >>> from rin.stats import equivalence_tests, pretraining_differences, simulation
    >>> predictions = simulation.simulate_predictions(pretrainings=3)
    >>> table = equivalence_tests(pretraining_differences(predictions, "a", "b"), [0.2])
    >>> table.set_index("task")["equivalent"].to_dict()
    {'breast': True, 'thyroid': True}
    """
    names, alpha = _names(table, family), _one_sided(level)
    tables = []
    for margin in margins:
        _check_margin(margin)
        rows = []
        for *cells, estimate, error, df in table[[*names, *_ESTIMATED]].itertuples(index=False):
            low, high = _interval(estimate, error, df, level=1 - 2 * alpha)
            row = dict(zip(names, cells, strict=True)) | {"margin": margin, "estimate": estimate}
            p_value = equivalence_p(estimate, error, df, margin)
            row |= {"ci_low": low, "ci_high": high, "p_value": p_value}
            rows.append(row | {"smallest_margin": max(-low, high)})
        tables.append(_decide(pd.DataFrame(rows), "equivalent", alpha, family))
    return pd.concat(tables, ignore_index=True)


def against_published(
    table: pd.DataFrame, published: Mapping[str, float], *, level: float = 0.95
) -> pd.DataFrame:
    """Compare the differences of tasks with published differences, which are taken as exact.

    Parameters
    ----------
    table : DataFrame
        one row per task: task, estimate, standard_error, df
    published : Mapping[str, float]
        difference of AUCs (0-1) by task; tasks that it lacks are left out
    level : float, default 0.95
        of the intervals

    Returns
    -------
    pandas.DataFrame
        One row per task: task, published, the columns of an estimate (from the table, but
        statistic, p_value and p_holm, over the tasks, test equality with the published
        difference), and outside: whether the published difference is outside the interval.

    Raises
    ------
    InputError
        As `equivalence_tests`; for a published task that the table lacks.

    Examples
    --------
    >>> from rin.stats import against_published, pretraining_differences, simulation
    >>> predictions = simulation.simulate_predictions(pretrainings=3)
    >>> table = pretraining_differences(predictions, "a", "b")
    >>> against_published(table, {"breast": 0.3, "thyroid": 0.05})["outside"].tolist()
    [True, False]
    """
    require_columns(table, ["task", *_ESTIMATED], where="table")
    for task in published:
        look_up("task", task, list(table["task"]))
    rows = []
    for task, estimate, error, df in table[["task", *_ESTIMATED]].itertuples(index=False):
        if task not in published:
            continue
        cells = t_test(estimate, error, df, level).to_row()
        apart = t_test(estimate - published[task], error, df)
        cells |= {"statistic": apart.statistic, "p_value": apart.p_value}
        outside = not cells["ci_low"] <= published[task] <= cells["ci_high"]
        known = not math.isnan(error)
        row = {"task": task, "published": published[task]} | cells
        rows.append(row | {"outside": outside and known})
    columns = ["task", "published", *t_test(0.0, 1.0).to_row(), "outside"]
    compared = pd.DataFrame(rows, columns=columns)
    insert_holm(compared)
    return compared


def _names(table: pd.DataFrame, family: str | None) -> list[str]:
    """Return the columns that name a comparison; InputError for a missing column or family."""
    families = [] if family is None else [family]
    require_columns(table, [*families, *_ESTIMATED], where="table")
    if table.empty or table[families].isna().any(axis=None):
        remedy = "Pass one row or more, each with its family."
        raise InputError("no row, or a row without a family", where="table", remedy=remedy)
    return [*dict.fromkeys([*(name for name in _NAMES if name in table), *families])]


def _check_margin(margin: float) -> None:
    if not 0 < margin < math.inf:
        remedy = "Pass a difference of AUCs above zero, such as 0.02."
        raise InputError(f"{margin!r}", where="margin", remedy=remedy)


def _interval(estimate: float, error: float, df: float, *, level: float) -> tuple[float, float]:
    half_width = t_quantile(df, level) * error
    return estimate - half_width, estimate + half_width


def _one_sided(level: float) -> float:
    """Return the significance level of a one-sided test, below one half."""
    if not 0.5 < level < 1:
        raise InputError(f"{level!r} is no level", where="level", remedy="Pass one such as 0.95.")
    return 1 - level


def _decide(table: pd.DataFrame, decision: str, alpha: float, family: str | None) -> pd.DataFrame:
    insert_holm(table, within=family or "")
    return table.assign(**{decision: np.asarray(table["p_holm"] < alpha)})
