"""The page of a study of one factor: differences at each of its levels, as a figure."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes

from rin.report.forest import forest
from rin.stats import init_differences


def differences_at(
    predictions: pd.DataFrame, init_a: str, init_b: str, by: str = "level"
) -> pd.DataFrame:
    """Return the difference of two inits at each value of `by`: a row per task and value, `at`.

    Intervals are over patients and describe these networks.  `by` is a column of the predictions,
    as of a study its `level`, or `learning_rate`, `backbone`, `seed`, ….
    """
    of_values = predictions.groupby(["task", by], observed=True, sort=False)
    rows = pd.concat(
        init_differences(some, init_a, init_b).assign(at=str(value))
        for (_, value), some in of_values
    )
    return rows.query("group == 'all'").drop(columns=["group", "p_holm"])


def factor_forest(
    rows: pd.DataFrame,
    names: Mapping[str, str],
    *,
    ends: tuple[str, str] = ("photographs", "radiologic"),
) -> Axes:
    """Draw differences at each value, `at`, task by task in the order of `names`.

    `names` also has the names of values that are shown otherwise.  Intervals are those of these
    networks unless the rows have a `kind`.
    """
    order = [*names]
    rows = rows if "kind" in rows else rows.assign(kind="networks")
    rows = rows.sort_values("task", key=lambda tasks: tasks.map(order.index), kind="stable")
    rows = rows.assign(label=rows["at"], group=rows["task"])
    return forest(rows, unit="points", names=names, ends=ends)
