"""Tests of what an estimate excludes: differences beyond a margin, and published differences.

Functions take a table of estimates with one row per comparison, such as that of
`rin.stats.compare`, or per task, such as that of `rin.stats.pretraining_differences`; the unit of
inference is that of the table.
"""

import math
from collections.abc import Mapping, Sequence

import pandas as pd
from scipy import special

from rin.errors import InputError, look_up
from rin.stats.hypothesis import (
    EQUIVALENCE_MARGIN,
    ESTIMATE,
    equivalence_p,
    insert_holm,
    t_test,
)
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
    level: float = 0.95,
) -> pd.DataFrame:
    """Test for every comparison whether its difference is within ± a margin: two one-sided tests.

    Schuirmann 1987, Journal of Pharmacokinetics and Biopharmaceutics 15:657.

    Parameters
    ----------
    table : DataFrame
        one row per comparison: estimate, standard_error, df and, if there, the names task, a
        and b
    margins : Sequence[float], default (0.02, 0.05)
        as differences of AUCs (0-1)
    level : float, default 0.95
        1 minus the level of each one-sided test

    Returns
    -------
    pandas.DataFrame
        One row per comparison and margin: its names, margin, estimate, ci_low, ci_high (90% for a
        level of 95%: within the margin exactly where P is below .05), p_value (the larger one),
        p_holm (over the rows of the margin) and equivalent (p_holm < .05 for a level of 95%); NaN
        where there is no standard error.

    Raises
    ------
    InputError
        For a missing column, a table without a row, no margin, or one that is not above zero.

    Examples
    --------
    >>> from rin.stats import equivalence_tests, pretraining_differences, simulation
    >>> predictions = simulation.simulate_predictions(pretrainings=3)
    >>> table = equivalence_tests(pretraining_differences(predictions, "a", "b"), [0.2])
    >>> table.set_index("task")["equivalent"].to_dict()
    {'breast': True, 'thyroid': True}
    """
    if not 0.5 < level < 1:
        raise InputError(f"{level!r} is no level", where="level", remedy="Pass one such as 0.95.")
    require_columns(table, _ESTIMATED, where="table")
    if table.empty or not len(margins):
        raise InputError("no row or margin", where="table", remedy="Pass one or more of both.")
    names = [name for name in _NAMES if name in table]
    alpha = 1 - level
    tables = []
    estimated = table[_ESTIMATED].to_numpy(float)
    half_width = special.stdtrit(table["df"].astype(float), level) * table["standard_error"]
    for margin in margins:
        if not 0 < margin < math.inf:
            raise InputError(
                f"{margin!r}",
                where="margin",
                remedy="Pass a difference of AUCs above zero, such as 0.02.",
            )
        decided = table[names].assign(
            margin=margin,
            estimate=table["estimate"],
            ci_low=table["estimate"] - half_width,
            ci_high=table["estimate"] + half_width,
            p_value=[equivalence_p(gap, error, df, margin) for gap, error, df in estimated],
        )
        insert_holm(decided)
        tables.append(decided.assign(equivalent=decided["p_holm"] < alpha))
    return pd.concat(tables, ignore_index=True)


def published_differences(
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
    >>> from rin.stats import published_differences, pretraining_differences, simulation
    >>> predictions = simulation.simulate_predictions(pretrainings=3)
    >>> table = pretraining_differences(predictions, "a", "b")
    >>> published_differences(table, {"breast": 0.3, "thyroid": 0.05})["outside"].tolist()
    [True, False]
    """
    require_columns(table, ["task", *_ESTIMATED], where="table")
    for task in published:
        look_up("task", task, list(table["task"]))
    rows = []
    known = table.loc[table["task"].isin(published), ["task", *_ESTIMATED]]
    for task, estimate, error, df in known.itertuples(index=False):
        test = t_test(estimate - published[task], error, df)
        rows.append(
            {
                "task": task,
                "published": published[task],
                **t_test(estimate, error, df, level).to_row(),
                "statistic": test.statistic,
                "p_value": test.p_value,
            }
        )
    compared = pd.DataFrame(rows, columns=["task", "published", *ESTIMATE])
    insert_holm(compared)
    apart = (compared["estimate"] - compared["published"]).abs()
    return compared.assign(outside=apart > compared["estimate"] - compared["ci_low"])
