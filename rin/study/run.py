"""Running what a study plans, block by block, and reading back what the runs left.

A block is what an executor ships to another process: a compiled step, and every run that shares
it, on whichever task.  Finished runs are never repeated; what is read back are per-case
predictions, learning curves and class activation maps.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rin.data.store import ImageStore, open_store
from rin.errors import InputError, unknown
from rin.models.preprocessing import find_preprocessing
from rin.models.weights import load_weights, random_weights
from rin.study.executors import drive, make_executor, one_bar
from rin.study.ledger import Ledger
from rin.study.machine import computed_on
from rin.study.plan import (
    Block,
    PlannedRun,
    Run,
    group_blocks,
    plan_all,
    plan_runs,
    plan_study,
    runs_table,
    weights_folders,
)
from rin.study.pretraining import plan_pretraining, run_pretraining
from rin.study.probe import (
    measurement_ids,
    measurement_ledger,
    plan_probe,
    probe_ledger,
    run_probe,
)
from rin.study.profile import FACTORS, FROM_RANDOM, STUDIES, Execution
from rin.study.sanity import SANITY_TABLE, record_sanity, sanity_rows
from rin.study.setting import Study, TaskInputs

if TYPE_CHECKING:
    import keras

    from rin.training.trainer import CompiledBlock

#: Parts of a split whose cases every run scores.
SCORED_PARTS = ("validation", "test")


@dataclass(frozen=True)
class TaskFiles:
    """What the runs of one task read, in a form that travels to another process."""

    store: Path
    folds: pd.DataFrame
    labels: pd.Series


@dataclass(frozen=True)
class BlockInputs:
    """What a block reads: the files of each task and store, and where weights lie."""

    tasks: dict[tuple[str, str], TaskFiles]
    folders: list[Path]
    pretrain_seed: int
    execution: Execution


def block_inputs(study: Study, *inputs: TaskInputs) -> BlockInputs:
    """Return what every block over some tasks reads.

    Of inputs that differ in their folds alone, those with the most hold all the others'.
    """
    by_folds = sorted(inputs, key=lambda each: each.folds["fold"].nunique())
    return BlockInputs(
        {
            (each.task.name, each.store.digest): TaskFiles(each.store.path, each.folds, each.labels)
            for each in by_folds
        },
        weights_folders(study),
        study.profile.seed,
        study.profile.execution,
    )


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
    read = {(run.task, run.store_digest) for run in block.runs}
    stores = {key: open_store(shared.tasks[key].store) for key in read}
    compiled = CompiledBlock(block.architecture)
    weights: dict[str, list[np.ndarray]] = {}
    failures = []
    for run in block.runs:
        try:
            if run.init not in weights:
                weights[run.init] = _initial_weights(run, compiled.parts.backbone, shared)
            store = stores[run.task, run.store_digest]
            _train(run, compiled, weights[run.init], store, shared, ledger)
        except InputError as error:
            failures.append(error)
    if failures:
        raise failures[0]


def _initial_weights(run: Run, backbone: keras.Model, shared: BlockInputs) -> list[np.ndarray]:
    if run.entry is None:
        return random_weights(run.scenario.backbone, run.settings.size, shared.pretrain_seed)
    return load_weights(run.entry, backbone, shared.folders)


def _train(
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

    files = shared.tasks[run.task, run.store_digest]
    labels = files.labels.loc[store.cases["case_id"]].to_numpy()
    split = files.folds[files.folds["fold"] == run.fold].set_index("case_id")["part"]
    part_of = split.reindex(store.cases["case_id"]).to_numpy()
    parts = {
        name: Part(store.images(), labels, np.flatnonzero(part_of == name))
        for name in ("train", "validation", "test")
    }
    checked = sanity_rows(run, store, parts["test"].rows)
    contract = find_preprocessing(run.contract)
    recipe = Recipe(run.scenario.learning_rate, run.settings.epochs, run.settings.batch, run.seed)
    started = time.monotonic()
    history = compiled.train(weights, contract, recipe, parts["train"], parts["validation"])
    scored = {name: compiled.predict(parts[name], recipe.batch) for name in SCORED_PARTS}
    seconds = round(time.monotonic() - started, 2)
    sanity = record_sanity(run, compiled, store, labels, checked)

    def write(folder: Path) -> dict:
        pd.DataFrame(history).to_parquet(folder / "history.parquet")
        tables = [
            store.cases.iloc[parts[name].rows][["case_id", "patient_id"]].assign(
                part=name, label=labels[parts[name].rows], score=logits[:, 1] - logits[:, 0]
            )
            for name, (logits, _) in scored.items()
        ]
        pd.concat(tables).to_parquet(folder / "predictions.parquet", index=False)
        if store.masks() is not None:
            np.save(folder / "cams.npy", scored["test"][1])
        if sanity is not None:
            sanity.to_parquet(folder / SANITY_TABLE, index=False)
        return {
            "best_epoch": int(np.nanargmin(history["val_loss"])) + 1,
            "seconds": seconds,
            "peak_memory_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
            "traces": compiled.traces,
            "backend": keras.backend.backend(),
            "precision": shared.execution.precision,
            **computed_on(),
        }

    ledger.commit(run.run_id, run.config, write)


def run_missing(study: Study, planned: Sequence[PlannedRun], title: str) -> None:
    """Run those of some planned runs that the ledger lacks, under one progress bar.

    May be killed at any time and called again.  Tasks that are run together share their compiled
    steps, unless the profile asks for a block a task.

    Raises
    ------
    InputError
        When weights are missing or a run fails; the other runs are finished first.
    """
    runs = {each.run.run_id: each.run for each in planned}
    missing = [run for run in runs.values() if not study.runs.has(run.run_id)]
    if not missing:
        return
    study.runs.sweep()
    execution = study.profile.execution
    shared = block_inputs(study, *{id(each.inputs): each.inputs for each in planned}.values())
    drive(
        make_executor(execution),
        run_block,
        [
            (block, shared, study.runs)
            for block in group_blocks(missing, by_task=execution.blocks == "by_task")
        ],
        finished=lambda: study.runs.count([*runs]),
        total=len(runs),
        title=title,
    )


def run_grid(study: Study, *inputs: TaskInputs) -> pd.DataFrame:
    """Run what is missing of the grids of some tasks and return their table of runs.

    Raises
    ------
    InputError
        As `run_missing`.
    """
    planned = _grids(study, *inputs)
    names = [each.task.name for each in inputs]
    title = f"Fine-tuning {names[0] if len(names) == 1 else f'{len(names)} tasks'}"
    run_missing(study, planned, title)
    return runs_table([each.run for each in planned])


def run_fine_tuning(study: Study) -> pd.DataFrame:
    """Run what the ledger lacks of every study of a profile; return the table of its runs.

    Raises
    ------
    InputError
        As `run_missing`.
    """
    planned = plan_all(study)
    run_missing(study, planned, "Fine-tuning")
    return runs_table([each.run for each in planned])


def run_study(study: Study) -> pd.DataFrame:
    """Pretrain, probe and fine-tune what is missing, under one progress bar.

    May be killed at any time and called again.  Returns the table of the fine-tuning runs.

    Raises
    ------
    InputError
        As `run_pretraining` and `run_missing`; what is finished is kept.
    """
    earlier, done = _before_fine_tuning(study)
    # Which runs are shared is known once weights are; until then each is counted apart.
    with one_bar(earlier + _at_most(study), done) as bar:
        run_pretraining(study)
        if study.profile.probe is not None:
            run_probe(study)
        planned = plan_all(study)
        finished = study.runs.count([each.run.run_id for each in planned])
        bar.total = earlier + len(planned)
        bar.update(earlier + finished - bar.n)
        run_missing(study, planned, "Fine-tuning")
    return runs_table([each.run for each in planned])


def _before_fine_tuning(study: Study) -> tuple[int, int]:
    """Return how many runs come before fine-tuning, and how many of them are finished."""
    stages = [(study.weights, [run.run_id for run in plan_pretraining(study)])]
    if study.profile.probe is not None:
        stages.append((probe_ledger(study), [run.run_id for run in plan_probe(study)]))
        stages.append((measurement_ledger(study), measurement_ids(study)))
    return sum(len(ids) for _, ids in stages), sum(ledger.count(ids) for ledger, ids in stages)


def _at_most(study: Study) -> int:
    """Return how many fine-tuning runs there are if no two studies share any."""
    total = 0
    for name in STUDIES:
        if chosen := study.profile.filter_of(name):
            inits = len(study.profile.inits) + (name == FROM_RANDOM)
            levels = len(FACTORS.get(name, (None,)))
            total += len(chosen.tasks) * len(chosen.scenarios) * chosen.folds * inits * levels
    return total


def predictions(study: Study, inputs: TaskInputs, *, part: str = "test") -> pd.DataFrame:
    """Return the per-case predictions of a task's whole grid, tidy.

    Columns: task, fold, scenario, backbone, unfreezing, learning_rate, init, seed,
    case_id, patient_id, part, label (1 is the positive class), score (its log-odds).

    Raises
    ------
    InputError
        When runs of the plan are not in the ledger, or for an unknown part.
    """
    if part not in SCORED_PARTS:
        raise unknown("part", part, SCORED_PARTS)
    finished = _finished(study, _grids(study, inputs))
    tables = [run_predictions(study, each.run, part) for each in finished]
    return pd.concat(tables, ignore_index=True)


def study_predictions(
    study: Study, name: str, read: Callable[..., TaskInputs] | None = None
) -> pd.DataFrame:
    """Run what is missing of a named study and return its test predictions.

    Parameters
    ----------
    name, read
        As for `rin.study.plan.plan_study`.

    Returns
    -------
    pandas.DataFrame
        As `predictions`; studies of a factor have `factor`, `level` and `contract` (the input
        contract in effect) in front, and rows of a run that both levels share under both.

    Raises
    ------
    InputError
        As `plan_study` and `run_missing`.
    """
    planned = plan_study(study, name, read)
    run_missing(study, planned, f"Study {name}")
    tables = []
    for each in planned:
        table = run_predictions(study, each.run)
        for place, (column, value) in enumerate(_factor(name, each).items()):
            table.insert(place, column, value)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def study_records(
    study: Study, name: str, read: Callable[..., TaskInputs] | None = None
) -> pd.DataFrame:
    """Return one row a run and level of a named study: what names it, and its `done.json`.

    Parameters and errors as for `study_predictions`; nothing is run.
    """
    finished = _finished(study, plan_study(study, name, read))
    return pd.DataFrame(
        [
            _factor(name, each) | each.run.named | study.runs.done(each.run.run_id)
            for each in finished
        ]
    )


def run_predictions(study: Study, run: Run, part: str = "test") -> pd.DataFrame:
    """Return the predictions of one finished run, with the columns that name it before them."""
    table = study.runs.read(run.run_id, "predictions.parquet", pd.read_parquet)
    table = table[table["part"] == part].reset_index(drop=True)
    for place, (column, value) in enumerate(run.named.items()):
        table.insert(place, column, value)
    return table


def histories(study: Study, inputs: TaskInputs) -> pd.DataFrame:
    """Return learning curves of a task's grid: the columns of a run, epoch, losses."""
    tables = []
    for each in _finished(study, _grids(study, inputs)):
        table = study.runs.read(each.run.run_id, "history.parquet", pd.read_parquet)
        tables.append(table.assign(epoch=np.arange(1, len(table) + 1), **each.run.named))
    return pd.concat(tables, ignore_index=True)


def cam_arrays(study: Study, inputs: TaskInputs) -> Iterator[tuple[pd.DataFrame, np.ndarray]]:
    """Yield each run's test rows of `predictions` and their maps (n, h, w, 2) before ReLU.

    Raises
    ------
    InputError
        For a task whose images have no lesion masks, as its runs keep no maps; otherwise as
        `predictions`.
    """
    if inputs.store.masks() is None:
        raise InputError(
            f"the runs of {inputs.task.name} keep no class activation maps, "
            "for its images have no lesion masks",
            where=f"profile {study.profile.name}",
            remedy="Choose a task whose dataset has masks.",
        )
    for each in _finished(study, _grids(study, inputs)):
        maps = study.runs.read(each.run.run_id, "cams.npy", np.load)
        yield run_predictions(study, each.run), maps


def run_records(study: Study, inputs: TaskInputs) -> pd.DataFrame:
    """Return one row a run: its columns and what `done.json` records (seconds, memory, time)."""
    finished = _finished(study, _grids(study, inputs))
    return pd.DataFrame([each.run.named | study.runs.done(each.run.run_id) for each in finished])


def _grids(study: Study, *inputs: TaskInputs) -> list[PlannedRun]:
    return [PlannedRun(run, each) for each in inputs for run in plan_runs(study, each)]


def _factor(name: str, planned: PlannedRun) -> dict:
    if planned.level is None:
        return {}
    return {"factor": name, "level": planned.level, "contract": planned.run.contract}


def _finished(study: Study, planned: list[PlannedRun]) -> list[PlannedRun]:
    """Return planned runs, of which all are finished."""
    missing = [each for each in planned if not study.runs.has(each.run.run_id)]
    if missing:
        raise InputError(
            f"{len(missing)} of {len(planned)} runs of {missing[0].run.task} are not finished",
            where=study.runs.folder,
            remedy="Run the fine-tuning notebook of this profile; it goes on where it stopped.",
        )
    return planned
