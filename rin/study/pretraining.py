"""Pretraining runs of a study: every backbone from random initialisation on every corpus.

The corpora of a profile get the same backbone, compiled step, random start and epochs, so
that what differs between the resulting weights is what was in the pictures.  A run that was
killed goes on from its last checkpoint, in its work folder of the ledger.
"""

from __future__ import annotations

import shutil
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rin.data.store import ImageStore, open_store
from rin.errors import InputError
from rin.models.weights import WeightsEntry
from rin.models.weights_files import save_notop, save_safetensors
from rin.study.executors import drive, make_executor
from rin.study.ledger import Ledger
from rin.study.pretraining_plan import PretrainingRun, plan_pretraining
from rin.study.pretraining_records import (
    CLASSES,
    ENTRY,
    FEATURES,
    HISTORY,
    NOTOP,
    PREDICTIONS,
    SAFETENSORS,
    WEIGHTS,
    local_entries,
    pretrained,
    pretraining_classes,
    pretraining_features,
    pretraining_histories,
    pretraining_predictions,
)
from rin.study.reference_facts import computed_on
from rin.study.sections import Execution
from rin.study.setting import Study

if TYPE_CHECKING:
    from rin.training.pretrain import PretrainingBlock, PretrainingResult

__all__ = [
    "PretrainingRun",
    "local_entries",
    "plan_pretraining",
    "pretrain_block",
    "pretrained",
    "pretraining_classes",
    "pretraining_features",
    "pretraining_histories",
    "pretraining_predictions",
    "run_pretraining",
]
#: In the work folder of a run: how it goes, in words.
PROGRESS = "progress.txt"
#: Beside the ledger: logs of events, a folder a run.
EVENTS = "tensorboard"


def run_pretraining(study: Study) -> pd.DataFrame:
    """Pretrain what is not in the ledger yet and return the table of `pretrained`."""
    runs = plan_pretraining(study)
    study.weights.sweep()
    unfinished = {r.backbone for r in runs if not study.weights.has(r.run_id)}
    blocks = {name: [r for r in runs if r.backbone == name] for name in sorted(unfinished)}
    if blocks:
        execution = study.profile.execution
        ids = [r.run_id for r in runs]
        for run_id in ids:  # of runs that were killed
            (study.weights.work(run_id) / PROGRESS).unlink(missing_ok=True)
        drive(
            make_executor(execution),
            pretrain_block,
            [(block, study.weights, execution) for block in _longest_first(blocks)],
            finished=lambda: study.weights.count(ids),
            total=len(ids),
            title="Pretraining",
            status=lambda: progress_of(runs, study.weights),
        )
    return pretrained(study)


def progress_of(runs: list[PretrainingRun], ledger: Ledger) -> str:
    """Return how the runs under way go, in words."""
    lines = []
    for run in runs:
        try:
            line = (ledger.work(run.run_id) / PROGRESS).read_text("utf-8")
        except FileNotFoundError:  # not begun, or finished
            continue
        lines.append(f"{run.backbone} {run.init}: {line}")
    return "; ".join(lines)


def pretrain_block(runs: list[PretrainingRun], ledger: Ledger, execution: Execution) -> None:
    """Pretrain one backbone on several corpora, or under several contracts, with one compiled step.

    Takes all corpora, finished or not: the largest decides the outputs of every one, so
    that a block that was cut off goes on exactly as it began.

    Raises
    ------
    InputError
        The first failure, after the other runs of the block have ended.
    """
    import keras

    from rin.training.pretrain import PretrainingBlock
    from rin.training.trainer import prepare_framework

    prepare_framework(execution.threads, execution.precision)
    keras.backend.clear_session()  # the graphs of earlier blocks of this process
    first = runs[0]
    stores = {run.store: open_store(run.store) for run in runs}
    n_classes = [store.cases["label"].nunique() for store in stores.values()]
    block = PretrainingBlock(
        first.backbone,
        first.settings,
        max(n_classes),
        seed=first.seed,
        channels=3 if any(store.color for store in stores.values()) else 1,
        devices=execution.devices,
    )
    failures = []
    for run in (run for run in runs if not ledger.has(run.run_id)):
        try:
            _pretrain(run, block, stores[run.store], ledger, execution)
        except InputError as error:
            failures.append(error)
    if failures:
        raise failures[0]


def _pretrain(
    run: PretrainingRun,
    block: PretrainingBlock,
    store: ImageStore,
    ledger: Ledger,
    execution: Execution,
) -> None:
    """Train and commit one run."""
    from rin.training.pretrain import Workplace

    folder = ledger.open_work(run.run_id)
    events = ledger.folder.parent / EVENTS / f"{run.init}-{run.backbone}-{run.run_id}"
    work = Workplace(
        folder,
        {"run": run.run_id},
        execution.checkpoint_minutes,
        events if execution.tensorboard else None,
    )
    labels = store.cases["label"].to_numpy()
    try:
        result = block.train(store.images(), labels, run.split.parts, run.contract, work)
    finally:
        (folder / PROGRESS).unlink(missing_ok=True)
    write = partial(_write, run, block, result, store.cases, folder)
    ledger.commit(run.run_id, run.config, write)


def _write(
    run: PretrainingRun,
    block: PretrainingBlock,
    result: PretrainingResult,
    cases: pd.DataFrame,
    work: Path,
    folder: Path,
) -> dict:
    """Write weights, learning curve, what was tested and weights entry; return the metrics."""
    sha256 = block.save(folder / WEIGHTS)
    save_notop(folder / NOTOP, block.backbone)
    save_safetensors(folder / SAFETENSORS, block.backbone)
    result.history.to_parquet(folder / HISTORY)
    tested = result.predictions
    named = cases[["case_id", "patient_id"]].iloc[tested["row"]].reset_index(drop=True)
    pd.concat([named, tested.drop(columns="row")], axis=1).to_parquet(folder / PREDICTIONS)
    patients = cases.groupby("label")["patient_id"].nunique()
    classes = result.classes.assign(patients=patients.loc[result.classes["label"]].to_numpy())
    classes.to_parquet(folder / CLASSES)
    shutil.move(work / FEATURES, folder / FEATURES)
    entry = WeightsEntry(
        init=run.init,
        backbone=run.backbone,
        preprocessing=run.contract,
        file=f"{run.run_id}/{WEIGHTS}",
        sha256=sha256,
        release=f"pretrained here on {run.corpus}",
        provenance=run.provenance,
    )
    (folder / ENTRY).write_text(entry.model_dump_json(indent=1))
    return asdict(result.metrics) | computed_on()


def _longest_first(blocks: dict[str, list[PretrainingRun]]) -> list[list[PretrainingRun]]:
    from rin.models.backbones import find_backbone

    cost = np.array([find_backbone(name).relative_cost for name in blocks])
    return [list(blocks.values())[i] for i in np.argsort(-cost, kind="stable")]
