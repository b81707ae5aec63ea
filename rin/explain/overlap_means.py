"""Means of overlap: over the images of a scenario, then over scenarios, as the paper averages."""

from collections.abc import Sequence

import pandas as pd

from rin.errors import InputError
from rin.explain.overlap_tables import CELL


def scenario_overlap(table: pd.DataFrame, measures: Sequence[str]) -> pd.DataFrame:
    """Return the mean of each measure for each scenario and init, over images.

    Columns: task, scenario, backbone, unfreezing, learning_rate, init, the measures, and
    `n_cases` (rows averaged, all folds and seeds together). Where a measure is undefined for
    an image of a scenario its mean is NaN: no image is left out silently.
    """
    grouped = table.groupby(CELL, observed=True, sort=False)
    means = grouped[list(measures)].agg(lambda values: values.mean(skipna=False))
    return means.assign(n_cases=grouped.size()).reset_index()


def init_overlap(scenarios: pd.DataFrame, measures: Sequence[str]) -> pd.DataFrame:
    """Return mean and SD over scenarios of each measure, per task and init.

    Columns: task, init, `measure`, `mean`, `sd` (sample SD, ddof 1), `n_scenarios`.
    `scenarios` is the table of `scenario_overlap`.
    """
    parts = []
    for measure in measures:
        grouped = scenarios.groupby(["task", "init"], observed=True, sort=False)[measure]
        means = grouped.agg(lambda values: values.mean(skipna=False)).rename("mean")
        spread = grouped.agg(lambda values: values.std(ddof=1, skipna=False)).rename("sd")
        rows = pd.concat([means, spread], axis=1).assign(n_scenarios=grouped.size())
        parts.append(rows.reset_index().assign(measure=measure))
    columns = ["task", "init", "measure", "mean", "sd", "n_scenarios"]
    return pd.concat(parts, ignore_index=True)[columns]


def scenario_dice(table: pd.DataFrame) -> pd.DataFrame:
    """Return the mean Dice of each scenario and init over its cases.

    Columns: task, scenario, backbone, unfreezing, learning_rate, init, `dice`, `n_cases`
    (rows averaged, all folds and seeds together). `table` is that of `dice_table`.

    Raises
    ------
    InputError
        When a Dice score is undefined.
    """
    if table["dice"].isna().any():
        raise InputError(
            "a Dice score is undefined",
            where="dice",
            remedy="Leave out cases without a lesion with has_lesion.",
        )
    return scenario_overlap(table, ["dice"])


def init_dice(scenarios: pd.DataFrame) -> pd.DataFrame:
    """Return mean and SD over scenarios per task and init, as in the paper's Figure 5.

    Columns: task, init, `mean`, `sd` (sample SD, ddof 1), `n_scenarios`. `scenarios` is
    the table of `scenario_dice`.
    """
    return init_overlap(scenarios, ["dice"]).drop(columns="measure")
