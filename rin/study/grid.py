"""Running a task's grid, and reading what it left.

One call runs every scenario, init and fold that the ledger lacks.  What is read back
are per-case predictions, learning curves and class activation maps; nothing that comes
after trains.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rin.data.store import ImageStore, open_store
from rin.errors import InputError, unknown
from rin.models.preprocessing import find_preprocessing
from rin.models.weights import load_weights, random_weights
from rin.study.executors import drive, make_executor
from rin.study.ledger import Ledger
from rin.study.plan import (
    RANDOM_CONTRACT,
    Block,
    Run,
    group_blocks,
    plan_runs,
    runs_table,
    weights_folders,
)
from rin.study.profile import Execution
from rin.study.setting import Study, TaskInputs

if TYPE_CHECKING:
    import keras

    from rin.training.trainer import CompiledBlock

#: Parts of a split whose cases every run scores.
SCORED_PARTS = ("validation", "test")


@dataclass(frozen=True)
class BlockInputs:
    """What a block reads, in a form that travels to another process."""

    store: Path
    folds: pd.DataFrame
    labels: pd.Series
    folders: list[Path]
    pretrain_seed: int
    execution: Execution


def block_inputs(study: Study, inputs: TaskInputs) -> BlockInputs:
    """Return what every block of a task's grid reads."""
    return BlockInputs(
        inputs.store.path,
        inputs.folds,
        inputs.labels,
        weights_folders(study),
        study.profile.seed,
        study.profile.execution,
    )


def run_grid(study: Study, inputs: TaskInputs) -> pd.DataFrame:
    """Run what is missing of a task's grid and return its table of runs.

    Shows one progress bar over the whole grid.  May be killed at any time and called
    again: finished runs are kept and never repeated.

    Raises
    ------
    InputError
        When weights are missing or a run fails; the other runs are finished first.
    """
    runs = plan_runs(study, inputs)
    missing = [r for r in runs if not study.runs.has(r.run_id)]
    if missing:
        study.runs.sweep()
        shared = block_inputs(study, inputs)
        ids = [r.run_id for r in runs]
        drive(
            make_executor(study.profile.execution),
            run_block,
            [(block, shared, study.runs) for block in group_blocks(missing)],
            finished=lambda: study.runs.count(ids),
            total=len(ids),
            title=f"Fine-tuning {inputs.task.name}",
        )
    return runs_table(runs)


def run_block(block: Block, shared: BlockInputs, ledger: Ledger) -> None:
    """Run all runs of a block with one compiled step.

    Raises
    ------
    InputError
        The first failure, after the other runs of the block have ended.
    """
    import keras

    from rin.training.trainer import CompiledBlock, prepare_framework

    prepare_framework(shared.execution.threads, shared.execution.precision)
    keras.backend.clear_session()  # the graphs of earlier blocks of this process
    store = open_store(shared.store)
    compiled = CompiledBlock(block.architecture)
    weights: dict[str, list[np.ndarray]] = {}
    failures = []
    for run in block.runs:
        try:
            if run.init not in weights:
                weights[run.init] = _start(run, compiled.parts.backbone, shared)
            _train_one(run, compiled, weights[run.init], store, shared, ledger)
        except InputError as error:
            failures.append(error)
    if failures:
        raise failures[0]


def _start(run: Run, backbone: keras.Model, shared: BlockInputs) -> list[np.ndarray]:
    """Return the backbone weights that a run starts from."""
    if run.entry is None:
        return random_weights(run.scenario.backbone, run.settings.size, shared.pretrain_seed)
    return load_weights(run.entry, backbone, shared.folders)


def _train_one(
    run: Run,
    compiled: CompiledBlock,
    weights: list[np.ndarray],
    store: ImageStore,
    shared: BlockInputs,
    ledger: Ledger,
) -> None:
    """Train, predict and commit one run."""
    import keras

    from rin.training.batches import Part
    from rin.training.trainer import Recipe

    labels = shared.labels.loc[store.cases["case_id"]].to_numpy()
    split = shared.folds[shared.folds["fold"] == run.fold].set_index("case_id")["part"]
    part_of = split.reindex(store.cases["case_id"]).to_numpy()
    parts = {
        name: Part(store.images(), labels, np.flatnonzero(part_of == name))
        for name in ("train", "validation", "test")
    }
    contract = find_preprocessing(run.entry.preprocessing if run.entry else RANDOM_CONTRACT)
    recipe = Recipe(run.scenario.learning_rate, run.settings.epochs, run.settings.batch, run.seed)
    started = time.monotonic()
    history = compiled.train(weights, contract, recipe, parts["train"], parts["validation"])
    scored = {name: compiled.predict(parts[name], recipe.batch) for name in SCORED_PARTS}
    seconds = round(time.monotonic() - started, 2)

    def write(folder: Path) -> dict:
        pd.DataFrame(history).to_parquet(folder / "history.parquet")
        tables = [
            store.cases.iloc[parts[name].rows][["case_id", "patient_id"]].assign(
                part=name, label=labels[parts[name].rows], score=probabilities[:, 1]
            )
            for name, (probabilities, _) in scored.items()
        ]
        pd.concat(tables).to_parquet(folder / "predictions.parquet", index=False)
        if store.masks() is not None:
            np.save(folder / "cams.npy", scored["test"][1])
        return {
            "best_epoch": int(np.nanargmin(history["val_loss"])) + 1,
            "seconds": seconds,
            "peak_memory_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
            "traces": compiled.traces,
            "backend": keras.backend.backend(),
            "precision": shared.execution.precision,
        }

    ledger.commit(run.run_id, run.config, write)


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
        [_run_predictions(study, run_id, named, part) for run_id, named in finished],
        ignore_index=True,
    )


def _run_predictions(study: Study, run_id: str, named: dict, part: str) -> pd.DataFrame:
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
        yield _run_predictions(study, run_id, named, "test"), maps


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
