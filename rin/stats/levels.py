"""Differences between ways of unfreezing, or backbones, averaged over initialisations."""

from collections.abc import Collection

import pandas as pd

from rin.errors import look_up
from rin.stats.scenarios import init_differences
from rin.tables import UNFREEZING

#: Columns whose levels can be compared, and what is averaged over besides the learning rate.
_OTHERS = {"unfreezing": ("backbone", "init"), "backbone": ("init", "unfreezing")}


def compare_levels(
    predictions: pd.DataFrame, reference_backbone: str = "", *, level: float = 0.95
) -> pd.DataFrame:
    """Compare unfreezing all layers with fewer, and every backbone with one, in one pretraining.

    Parameters
    ----------
    predictions : DataFrame
        the predictions table; only rows of `shared_pretraining` are used
    reference_backbone : str, default ''
        as for `contrasts_of_levels`
    level : float, default 0.95
        of the intervals

    Returns
    -------
    pandas.DataFrame
        As `level_differences`.

    Raises
    ------
    InputError
        For a table whose columns do not fit.

    Examples
    --------
    >>> from rin.stats import compare_levels, simulation
    >>> table = compare_levels(simulation.simulate_predictions())
    >>> table.groupby("level")["estimate"].mean().round(3).to_dict()
    {'DenseNet121': 0.014, 'unfreeze_all': 0.02}
    """
    shared = shared_pretraining(predictions)
    contrasts = contrasts_of_levels(shared, reference_backbone)
    return level_differences(shared, contrasts, level=level)


def shared_pretraining(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the predictions of each task's first pretraining that all of its backbones have had.

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


def contrasts_of_levels(
    predictions: pd.DataFrame, reference_backbone: str = ""
) -> list[tuple[str, str, str]]:
    """List the possible comparisons: all layers with fewer, and every backbone with one.

    Parameters
    ----------
    predictions : the predictions table, with `unfreezing` and `backbone`
    reference_backbone : the backbone that the others are compared with; if it has no predictions,
        the last backbone by name

    Returns
    -------
    list of (column, level, other)
        For `level_differences`; empty where there is one way of unfreezing and one backbone.
    """
    ways = [way for way in reversed(UNFREEZING) if way in {*predictions["unfreezing"]}]
    backbones = sorted({*predictions["backbone"]})
    reference = reference_backbone if reference_backbone in backbones else backbones[-1]
    contrasts = [("unfreezing", ways[0], way) for way in ways[1:]]
    return contrasts + [("backbone", name, reference) for name in backbones if name != reference]


def level_differences(
    predictions: pd.DataFrame,
    contrasts: Collection[tuple[str, str, str]],
    *,
    level: float = 0.95,
) -> pd.DataFrame:
    """Compare levels of unfreezing, or backbones, averaged over everything else.

    Learning rates are compared by rank, as each way of unfreezing has rates of its own.

    Parameters
    ----------
    predictions : the predictions table of one pretraining (`shared_pretraining`)
    contrasts : column (`unfreezing` or `backbone`), level, and the level that it is compared with
    level : of the intervals

    Returns
    -------
    pandas.DataFrame
        One row per contrast and task: level, other, and the columns of `init_differences`
        (level − other; p_holm over the tasks, within the contrast); empty without contrasts.

    Raises
    ------
    InputError
        For another column, or a level that has no predictions.
    """
    rates = predictions.groupby("unfreezing")["learning_rate"].rank("dense").astype(str)
    tables = []
    for column, name, other in contrasts:
        first, second = look_up("column of levels", column, _OTHERS)
        rest = predictions[first].astype(str) + " " + predictions[second].astype(str) + " " + rates
        relabelled = predictions.assign(init=predictions[column], scenario=rest, unfreezing="any")
        table = init_differences(relabelled, name, other, level=level).query("group == 'all'")
        tables.append(table.assign(level=name, other=other))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
