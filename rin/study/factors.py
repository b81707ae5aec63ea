"""Factors of a study: what the inputs alone do, everything else equal.

`preprocessing` asks what happens when every run is fed as the paper's official scripts feed
it, whatever its weights were trained on; `resize` whether the aspect ratio of the images
matters.  Each factor has tasks, scenarios and folds of its own; runs that another plan holds
too have the same id and are never repeated.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from rin.errors import InputError, unknown
from rin.study.grid import run_missing, run_predictions
from rin.study.plan import Run, plan_runs, runs_table
from rin.study.scenarios import find_scenario
from rin.study.setting import Study, TaskInputs, task_inputs

if TYPE_CHECKING:
    from rin.study.profile import FactorStudy

#: Levels of every factor; the first is the one that the other is compared with.
FACTORS: dict[str, tuple[str, str]] = {
    "preprocessing": ("native", "official_scripts"),
    "resize": ("stretch", "pad"),
}
#: What each level of a factor reads, by level and task.
FactorInputs = Mapping[tuple[str, str], TaskInputs]


def studied_factors(study: Study) -> list[str]:
    """Return the factors that a profile studies, in the order of `FACTORS`; none for no section."""
    section = study.profile.factors
    return [name for name in FACTORS if section and getattr(section, name) is not None]


def factor_inputs(study: Study, factor: str) -> dict[tuple[str, str], TaskInputs]:
    """Return what each level of a factor reads, by level and task.

    Both levels have the same cases in the same folds.  Under `resize` they differ in the store;
    under `preprocessing` they are one, for the contract is applied inside the network.

    Raises
    ------
    InputError
        For an unknown factor, or one that the profile has no section for; otherwise as
        `rin.study.task_inputs`.
    """
    settings, found = _settings(study, factor), {}
    for task in settings.tasks:
        same = task_inputs(study, task, folds=settings.folds)
        for level in FACTORS[factor]:
            own = same
            if factor == "resize" and level != study.profile.tuning(task).resize:
                own = task_inputs(study, task, folds=settings.folds, resize=level)
            found[level, task] = own
    return found


def factor_runs(study: Study, factor: str, inputs: FactorInputs) -> list[tuple[str, Run]]:
    """Return the runs of a factor with their levels, the first level before the other.

    A run that both levels share (weights whose own contract is the official scripts') stands
    here twice, with the same id.

    Parameters
    ----------
    inputs
        As `factor_inputs` returns.

    Raises
    ------
    InputError
        As `factor_inputs`, and `rin.study.plan.plan_runs`.
    """
    settings = _settings(study, factor)
    scenarios = [find_scenario(name) for name in settings.scenarios]
    changes = {level: {} for level in FACTORS[factor]}
    if factor == "preprocessing":
        changes = {level: {"preprocessing": level} for level in FACTORS[factor]}
    return [
        (level, run)
        for level in FACTORS[factor]
        for task in settings.tasks
        for run in plan_runs(study, inputs[level, task], scenarios=scenarios, **changes[level])
    ]


def planned_factor_runs(study: Study) -> list[tuple[Run, TaskInputs]]:
    """Return every run of every factor of a profile once, with what it reads.

    A profile that studies no factor has none.

    Raises
    ------
    InputError
        As `factor_inputs` and `factor_runs`.
    """
    planned: dict[str, tuple[Run, TaskInputs]] = {}
    for factor in studied_factors(study):
        inputs = factor_inputs(study, factor)
        for level, run in factor_runs(study, factor, inputs):
            planned.setdefault(run.run_id, (run, inputs[level, run.task]))
    return list(planned.values())


def run_factor(study: Study, factor: str, inputs: FactorInputs) -> pd.DataFrame:
    """Run what is missing of a factor and return its test predictions.

    Returns
    -------
    pandas.DataFrame
        `factor`, `level` and `contract` (the input contract in effect), then the columns of
        `rin.study.predictions`.  Rows of a run that both levels share appear under both.

    Raises
    ------
    InputError
        When weights are missing or a run fails, the other runs are finished first; otherwise
        as `factor_runs`.
    """
    levelled = factor_runs(study, factor, inputs)
    runs = {run.run_id: run for _, run in levelled}
    run_missing(study, [*runs.values()], *_stores(inputs), title=f"Factor: {factor}")
    named = runs_table([*runs.values()]).to_dict("index")
    scored = {run_id: run_predictions(study, run_id, row, "test") for run_id, row in named.items()}
    tables = []
    for level, run in levelled:
        table = scored[run.run_id].copy()
        for position, value in enumerate((factor, level, run.contract)):
            table.insert(position, ("factor", "level", "contract")[position], value)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def factor_records(study: Study, factor: str, inputs: FactorInputs) -> pd.DataFrame:
    """Return one row a run and level: factor, level, contract, what names the run, `done.json`.

    Raises
    ------
    InputError
        As `factor_runs`; or a run that is not finished.
    """
    levelled = factor_runs(study, factor, inputs)
    rows = runs_table([run for _, run in levelled]).to_dict("records")
    return pd.DataFrame(
        [
            {"factor": factor, "level": level, "contract": run.contract}
            | row
            | study.runs.done(run.run_id)
            for (level, run), row in zip(levelled, rows, strict=True)
        ]
    )


def _settings(study: Study, factor: str) -> FactorStudy:
    if factor not in FACTORS:
        raise unknown("factor", factor, list(FACTORS))
    if factor not in studied_factors(study):
        raise InputError(
            f"the profile does not study the factor {factor}",
            where=f"profile {study.profile.name}",
            remedy=f"Give its section factors a {factor}; rin.study.profile describes the fields.",
        )
    return getattr(study.profile.factors, factor)


def _stores(inputs: FactorInputs) -> list[TaskInputs]:
    """Return what is read once for each task and store."""
    return list({(one.task.name, one.store.digest): one for one in inputs.values()}.values())
