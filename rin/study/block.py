"""One block of runs: a compiled step, and every run that shares it, on whichever task.

This is what an executor ships to another process, so it travels with paths and tables only.
"""

from __future__ import annotations

import resource
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rin.data.store import ImageStore, open_store
from rin.errors import InputError
from rin.models.preprocessing import find_preprocessing
from rin.models.weights import load_weights, random_weights
from rin.study.ledger import Ledger
from rin.study.machine import computed_on
from rin.study.plan import Block, Run, weights_folders
from rin.study.profile import Execution
from rin.study.sanity import record_sanity, sanity_rows
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
    by_folds = sorted(inputs, key=lambda one: one.folds["fold"].nunique())
    return BlockInputs(
        {
            (one.task.name, one.store.digest): TaskFiles(one.store.path, one.folds, one.labels)
            for one in by_folds
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
                weights[run.init] = _start(run, compiled.parts.backbone, shared)
            store = stores[run.task, run.store_digest]
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
                part=name, label=labels[parts[name].rows], score=probabilities[:, 1]
            )
            for name, (probabilities, _) in scored.items()
        ]
        pd.concat(tables).to_parquet(folder / "predictions.parquet", index=False)
        if store.masks() is not None:
            np.save(folder / "cams.npy", scored["test"][1])
        if sanity is not None:
            sanity.write(folder)
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
