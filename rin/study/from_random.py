"""Does pretraining help at all?  Every init of a profile beside random weights.

The paper compares two pretrainings and never a network without one.  These runs are few: some
tasks, some scenarios, and folds of their own; those that the grid has run already are shared
with it.
"""

from __future__ import annotations

import pandas as pd

from rin.errors import InputError
from rin.study.grid import run_missing, run_predictions
from rin.study.plan import Run, plan_runs, runs_table
from rin.study.scenarios import find_scenario
from rin.study.setting import Study, TaskInputs, task_inputs

RANDOM = "random"


def from_random_inputs(study: Study) -> dict[str, TaskInputs]:
    """Return what each task of the profile's `from_random` section reads, by name.

    Raises
    ------
    InputError
        The profile has no such section.
    """
    settings = study.profile.from_random
    if settings is None:
        raise InputError(
            "the profile says nothing of runs from random weights",
            where=f"profile {study.profile.name}",
            remedy="Give it a from_random section; rin.study.profile describes the fields.",
        )
    return {task: task_inputs(study, task, folds=settings.folds) for task in settings.tasks}


def run_from_random(study: Study, inputs: dict[str, TaskInputs]) -> pd.DataFrame:
    """Run what is missing and return the test predictions, as `rin.study.predictions`.

    Parameters
    ----------
    inputs
        As `from_random_inputs` returns.

    Raises
    ------
    InputError
        When weights are missing or a run fails; the other runs are finished first.
    """
    runs = [run for run, _ in planned_from_random(study, inputs)]
    run_missing(study, runs, *inputs.values(), title="Pretrained and random")
    named = runs_table(runs).to_dict("index")
    tables = [run_predictions(study, run_id, row, "test") for run_id, row in named.items()]
    return pd.concat(tables, ignore_index=True)


def from_random_records(study: Study, inputs: dict[str, TaskInputs]) -> pd.DataFrame:
    """Return one row a run: its columns and what `done.json` records; as `run_records`."""
    runs = [run for run, _ in planned_from_random(study, inputs)]
    named = runs_table(runs).to_dict("index")
    return pd.DataFrame([row | study.runs.done(run_id) for run_id, row in named.items()])


def planned_from_random(
    study: Study, inputs: dict[str, TaskInputs]
) -> list[tuple[Run, TaskInputs]]:
    """List the runs of the section, each with what it reads.

    Parameters
    ----------
    inputs
        As `from_random_inputs` returns.
    """
    inits = [RANDOM, *(init for init in study.profile.inits if init != RANDOM)]
    scenarios = [find_scenario(name) for name in study.profile.from_random.scenarios]
    return [
        (run, one)
        for one in inputs.values()
        for run in plan_runs(study, one, inits=inits, scenarios=scenarios)
    ]
