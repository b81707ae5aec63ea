"""Differences between ways of unfreezing or between networks, whatever the initialisation."""

from collections.abc import Collection

import pandas as pd

from rin.errors import look_up
from rin.stats.scenarios import init_differences

#: Columns whose levels can be compared, and what is averaged over besides the learning rate.
_OTHERS = {"unfreezing": ("backbone", "init"), "backbone": ("init", "unfreezing")}


def shared_pretraining(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the predictions of each task's first pretraining that all of its backbones have.

    Parameters
    ----------
    predictions : the predictions table, with `backbone` and `pretraining`

    Returns
    -------
    pandas.DataFrame
        Rows of one pretraining a task.
    """
    backbones = predictions.groupby("task")["backbone"].transform("nunique")
    of_pretraining = predictions.groupby(["task", "pretraining"])["backbone"]
    whole = predictions[of_pretraining.transform("nunique") == backbones]
    return whole[whole["pretraining"] == whole.groupby("task")["pretraining"].transform("min")]


def level_differences(
    predictions: pd.DataFrame, contrasts: Collection[tuple[str, str, str]]
) -> pd.DataFrame:
    """Compare levels of unfreezing, or networks, averaged over everything else.

    Learning rates are compared by rank, as each way of unfreezing has rates of its own.

    Parameters
    ----------
    predictions : the predictions table of one pretraining (`shared_pretraining`)
    contrasts : column (`unfreezing` or `backbone`), level, and the level that it is compared with

    Returns
    -------
    pandas.DataFrame
        One row a contrast and task: level, other, and the columns of `init_differences`
        (level − other; p_holm over the tasks, within the contrast).

    Raises
    ------
    InputError
        For another column, or a level that has no predictions.
    """
    rates = predictions.groupby("unfreezing")["learning_rate"].rank("dense").astype(str)
    tables = []
    for column, level, other in contrasts:
        first, second = look_up("column of levels", column, _OTHERS)
        rest = predictions[first].astype(str) + " " + predictions[second].astype(str) + " " + rates
        relabelled = predictions.assign(init=predictions[column], scenario=rest, unfreezing="any")
        table = init_differences(relabelled, level, other).query("group == 'all'")
        tables.append(table.assign(level=level, other=other))
    return pd.concat(tables, ignore_index=True)
