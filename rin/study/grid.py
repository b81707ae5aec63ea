"""Running the grids of one or several tasks, and reading what they left.

One call runs every scenario, init and fold that the ledger lacks.  What is read back
are per-case predictions, learning curves and class activation maps; nothing that comes
after trains.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from rin.errors import InputError, unknown
from rin.study.block import SCORED_PARTS, block_inputs, run_block
from rin.study.executors import drive, make_executor
from rin.study.plan import Run, group_blocks, plan_runs, runs_table
from rin.study.setting import Study, TaskInputs


def run_grid(study: Study, *inputs: TaskInputs) -> pd.DataFrame:
    """Run what is missing of the grids of some tasks and return their table of runs.

    Shows one progress bar over all of them.  May be killed at any time and called again:
    finished runs are kept and never repeated.  Tasks that are run together share their compiled
    steps, unless the profile asks for a block a task.

    Raises
    ------
    InputError
        When weights are missing or a run fails; the other runs are finished first.
    """
    names = [one.task.name for one in inputs]
    title = f"Fine-tuning {names[0] if len(names) == 1 else f'{len(names)} tasks'}"
    runs = [run for one in inputs for run in plan_runs(study, one)]
    run_missing(study, runs, *inputs, title=title)
    return runs_table(runs)


def run_missing(study: Study, runs: list[Run], *inputs: TaskInputs, title: str) -> None:
    """Run those of some runs that the ledger lacks; `inputs` are of the tasks that they name.

    Raises
    ------
    InputError
        As for `run_grid`.
    """
    missing = [run for run in runs if not study.runs.has(run.run_id)]
    if not missing:
        return
    study.runs.sweep()
    execution, shared = study.profile.execution, block_inputs(study, *inputs)
    ids = [run.run_id for run in runs]
    drive(
        make_executor(execution),
        run_block,
        [
            (block, shared, study.runs)
            for block in group_blocks(missing, by_task=execution.blocks == "by_task")
        ],
        finished=lambda: study.runs.count(ids),
        total=len(ids),
        title=title,
    )


def predictions(study: Study, inputs: TaskInputs, *, part: str = "test") -> pd.DataFrame:
    """Return the per-case predictions of a task's whole grid, tidy.

    Columns: task, fold, scenario, backbone, unfreezing, learning_rate, init, seed,
    case_id, patient_id, part, label (1 is the positive class), score (its probability).

    Raises
    ------
    InputError
        When runs of the plan are not in the ledger, or for an unknown part.
    """
    if part not in SCORED_PARTS:
        raise unknown("part", part, SCORED_PARTS)
    finished = _finished(study, inputs)
    return pd.concat(
        [run_predictions(study, run_id, named, part) for run_id, named in finished],
        ignore_index=True,
    )


def run_predictions(study: Study, run_id: str, named: dict, part: str) -> pd.DataFrame:
    """Return the predictions of one finished run, with the columns that name it before them."""
    table = study.runs.read(run_id, "predictions.parquet", pd.read_parquet)
    table = table[table["part"] == part].reset_index(drop=True)
    for position, (column, value) in enumerate(named.items()):
        table.insert(position, column, value)
    return table


def histories(study: Study, inputs: TaskInputs) -> pd.DataFrame:
    """Return learning curves of a task's grid: the columns of a run, epoch, losses."""
    tables = []
    for run_id, named in _finished(study, inputs):
        table = study.runs.read(run_id, "history.parquet", pd.read_parquet)
        tables.append(table.assign(epoch=np.arange(1, len(table) + 1), **named))
    return pd.concat(tables, ignore_index=True)


def cam_arrays(study: Study, inputs: TaskInputs) -> Iterator[tuple[pd.DataFrame, np.ndarray]]:
    """Yield each run's test rows of `predictions` and their maps (n, h, w, 2) before ReLU."""
    for run_id, named in _finished(study, inputs):
        maps = study.runs.read(run_id, "cams.npy", np.load)
        yield run_predictions(study, run_id, named, "test"), maps


def run_records(study: Study, inputs: TaskInputs) -> pd.DataFrame:
    """Return one row a run: its columns and what `done.json` records (seconds, memory, time)."""
    return pd.DataFrame([named | study.runs.done(i) for i, named in _finished(study, inputs)])


def _finished(study: Study, inputs: TaskInputs) -> list[tuple[str, dict]]:
    table = runs_table(plan_runs(study, inputs))
    missing = [run_id for run_id in table.index if not study.runs.has(run_id)]
    if missing:
        raise InputError(
            f"{len(missing)} of {len(table)} runs of {inputs.task.name} are not finished",
            where=study.runs.folder,
            remedy="Run the fine-tuning notebook of this profile; it goes on where it stopped.",
        )
    return list(zip(table.index, table.to_dict("records"), strict=True))
