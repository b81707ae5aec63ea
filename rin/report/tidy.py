"""Shapes statistics into the tables that figures and tables of the book expect."""

import re

import pandas as pd

from rin.errors import InputError
from rin.report.style import BACKBONE_MARKER, UNFREEZING_LABEL


def with_conditions(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with `backbone`, `unfreezing`, `learning_rate` read from `scenario`.

    Rows come in the order of the study: by backbone, then all layers, top 10, frozen,
    then falling learning rate; otherwise as they were.

    Parameters
    ----------
    table
        With a column `scenario`, such as ``ResNet50-unfreeze_all-1e-04``.

    Raises
    ------
    InputError
        For a scenario that does not read so.
    """
    conditions = {scenario: _read_scenario(scenario) for scenario in table["scenario"].unique()}
    order = sorted(conditions, key=lambda scenario: _rank(*conditions[scenario]))
    names = ["backbone", "unfreezing", "learning_rate"]
    columns = pd.DataFrame(
        [conditions[scenario] for scenario in table["scenario"]], columns=names, index=table.index
    )
    merged = table.drop(columns=names, errors="ignore").join(columns)
    ranked = merged.sort_values("scenario", key=lambda s: s.map(order.index), kind="stable")
    return ranked.reset_index(drop=True)


def scenario_means(aucs: pd.DataFrame) -> pd.DataFrame:
    """Return the mean AUC of each scenario and init over its folds and seeds.

    Parameters
    ----------
    aucs
        Table of `rin.stats.scenarios.scenario_aucs`.

    Returns
    -------
    pandas.DataFrame
        task, scenario, init, `auc`, `n_runs` and the columns of `with_conditions`.
    """
    keys = ["task", "scenario", "init"]
    grouped = aucs.groupby(keys, observed=True, sort=False)["auc"]
    return with_conditions(grouped.agg(auc="mean", n_runs="size").reset_index())


def init_summary(scenarios: pd.DataFrame) -> pd.DataFrame:
    """Return mean and sample SD of the scenarios' AUCs per task and init.

    Columns: task, init, `mean`, `sd`, `n_scenarios`; `scenarios` as `scenario_means`.
    """
    grouped = scenarios.groupby(["task", "init"], observed=True, sort=False)["auc"]
    return grouped.agg(mean="mean", sd="std", n_scenarios="size").reset_index()


def check_one_each(table: pd.DataFrame, key: list[str]) -> None:
    """Raise unless the table holds one task and one row for each key.

    Raises
    ------
    InputError
        Naming the tasks, or the first key that occurs twice.
    """
    tasks = table["task"].unique().tolist() if "task" in table else []
    if len(tasks) > 1:
        raise InputError(
            f"several tasks {tasks}", where="table", remedy="Select the rows of one task."
        )
    twice = table.loc[table.duplicated(key), key]
    if len(twice):
        raise InputError(
            f"{len(twice)} rows repeat a {' and '.join(key)}; the first: {tuple(twice.iloc[0])}",
            where="table",
            remedy="Average folds and seeds first, with scenario_means.",
        )


def _read_scenario(scenario: str) -> tuple[str, str, float]:
    pattern = rf"({'|'.join(BACKBONE_MARKER)})-({'|'.join(UNFREEZING_LABEL)})-(\d+e-\d+)"
    match = re.fullmatch(pattern, str(scenario))
    if match is None:
        raise InputError(
            f"{scenario!r} is not backbone-unfreezing-rate",
            where="scenario",
            remedy="Give ids such as ResNet50-unfreeze_all-1e-04.",
        )
    return match[1], match[2], float(match[3])


def _rank(backbone: str, unfreezing: str, learning_rate: float) -> tuple[int, int, float]:
    backbones, conditions = list(BACKBONE_MARKER), list(UNFREEZING_LABEL)
    return backbones.index(backbone), conditions.index(unfreezing), -learning_rate
