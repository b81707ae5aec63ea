"""Pretraining runs of a study: every backbone from random initialisation on every corpus.

The corpora of a profile get the same backbone, compiled step, random start and epochs, so that
the resulting weights differ only because the pictures do.
"""

from __future__ import annotations

import errno
import json
import math
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from pathlib import Path

import numpy as np
import pandas as pd

from rin import files
from rin.data.splits import corpus_groups, corpus_split
from rin.data.store import ImageStore
from rin.errors import InputError, as_input_error
from rin.models.backbones import find_backbone
from rin.models.weights import WeightsEntry
from rin.study.corpora import open_corpus
from rin.study.executors import Job, begin_block, run_each, run_with_bar
from rin.study.ledger import DONE, Ledger, Planned, Record, computer_record, digest_of
from rin.study.model_card import MODEL_CARD, model_card
from rin.study.profile import Brief, Execution, Pretraining, numbers_of
from rin.study.workspace import Workspace
from rin.training import FEATURES, PROGRESS
from rin.training.identity import RESULTS_VERSION


@dataclass(frozen=True)
class PretrainingRun(Planned):
    """One backbone on one corpus, under one preprocessing.

    `parts` has the part of every row of the store; `pretraining` numbers the pretrainings of an
    init and backbone, which differ in `seed` and split.
    """

    init: str
    corpus: str
    backbone: str
    store: ImageStore = field(repr=False, compare=False)
    parts: pd.Categorical = field(repr=False, compare=False)
    split_digest: str
    settings: Pretraining
    preprocessing: str
    seed: int
    pretraining: int = 1

    @property
    def config(self) -> Record:
        """Everything that decides the result; the id is its digest."""
        of_others = {"corpora", "cases", "backbones", "brief", "pretrainings", "released"}
        return {
            **self.settings.model_dump(exclude=of_others),
            "init": self.init,
            "corpus": self.corpus,
            "backbone": self.backbone,
            "store": self.store.digest,
            "split": self.split_digest,
            "seed": self.seed,
            "results_version": RESULTS_VERSION,
            "preprocessing": self.preprocessing,
        }


def plan_pretraining(
    workspace: Workspace, settings: Pretraining | None = None, pretraining: int | None = None
) -> list[PretrainingRun]:
    """List the runs of one pretraining of a study, or of all, by default with its settings."""
    settings = settings or workspace.profile.pretraining
    if settings is None:
        return []
    planned: list[PretrainingRun] = []
    backbones = settings.backbones or workspace.profile.backbones
    stated = {number for name in backbones for number in numbers_of(settings.pretrainings, name)}
    for number in sorted(stated) if pretraining is None else [pretraining]:
        # Kept, because every plan of fine-tuning needs these runs and opening a corpus is slow.
        key = ("pretraining", settings.model_dump_json(), number)
        planned += workspace.once(key, partial(_plan_pretraining, workspace, settings, number))
    return planned


def pretraining_seed(seed: int, backbone: str, pretraining: int) -> int:
    """Return the seed of a pretraining of a backbone, the same for every init.

    Backbones share neither the seed of their first weights nor order or split, so that their
    networks are independent given the corpora.
    """
    seed_of = {"seed": seed, "backbone": backbone, "pretraining": pretraining}
    return int(digest_of(seed_of)[:7], 16)


def _plan_pretraining(
    workspace: Workspace, settings: Pretraining, number: int
) -> list[PretrainingRun]:
    runs = []
    epochs = settings.epochs
    backbones = [
        name
        for name in settings.backbones or workspace.profile.backbones
        if number in numbers_of(settings.pretrainings, name)
    ]
    wanted = [
        (init, Brief(init=init, epochs=epochs, backbones=backbones)) for init in settings.corpora
    ]
    wanted += [(brief.name, brief) for brief in settings.brief if brief.pretraining == number]
    for name, training in wanted:
        dataset = open_corpus(workspace, settings.corpora[training.init], settings.cases)
        store = workspace.store(dataset, settings.size)
        # Kept, because comparing all pictures is slow and every backbone and pretraining needs it.
        groups = workspace.once(
            ("corpus groups", dataset.digest, len(dataset.cases)), partial(corpus_groups, dataset)
        )
        for backbone in training.backbones:
            seed = pretraining_seed(workspace.profile.seed, backbone, number)
            part = corpus_split(dataset, seed, groups).loc[store.cases["case_id"]]
            if wanted_images := training.training_images:
                classes = store.cases.set_index("case_id")["label"][part == "train"]
                if wanted_images > len(classes):
                    raise InputError(
                        f"it has {len(classes)} training images, not {wanted_images}",
                        where=f"corpus {dataset.manifest.name}",
                        remedy="Lower pretraining.brief.training_images, or remove it.",
                    )
                share = wanted_images / len(classes)
                # About so many, class by class.
                kept = classes.groupby(classes).sample(frac=share, random_state=seed).index
                part[classes.index.difference(kept)] = "unused"
            run = PretrainingRun(
                init=name,
                corpus=dataset.manifest.name,
                backbone=backbone,
                store=store,
                parts=pd.Categorical(part),
                split_digest=files.digest_of(part.to_csv()),
                settings=settings.model_copy(update={"epochs": training.epochs}),
                preprocessing=settings.preprocessing_of(training.init, backbone),
                seed=seed,
                pretraining=number,
            )
            runs.append(run)
    return runs


WEIGHTS = "backbone.weights.h5"
HISTORY = "history.parquet"
PREDICTIONS = "test_predictions.parquet"
#: Bytes for the tables of a run and for the overhead of the file formats of its weights.
ROOM = 4_000_000


def pretraining_results(workspace: Workspace) -> pd.DataFrame:
    """Return one row per finished run: init, backbone, pretraining, run id, accuracy, budget."""
    columns = ("init", "corpus", "backbone", "preprocessing", "pretraining", "seed", "run_id")
    planned = plan_pretraining(workspace)
    records = workspace.weights.records(planned)
    rows = [
        {name: getattr(run, name) for name in columns}
        | {"provenance": run.store.provenance}
        | records[run.run_id]
        for run in planned
        if run.run_id in records
    ]
    return pd.DataFrame(rows)


def pretraining_histories(workspace: Workspace) -> pd.DataFrame:
    """Return the learning curves of finished runs, one row per epoch.

    `images_per_second` is that of training alone; `seconds` includes validation.
    """
    return _read(workspace, HISTORY)


def pretraining_predictions(workspace: Workspace) -> pd.DataFrame:
    """Return the predictions of every finished run for its test images, one row per image.

    `confidence` is the probability of the class that is `predicted`.
    """
    return _read(workspace, PREDICTIONS)


def _read(workspace: Workspace, file: str) -> pd.DataFrame:
    runs = [
        (run.run_id, {"init": run.init, "backbone": run.backbone, "pretraining": run.pretraining})
        for run in plan_pretraining(workspace)
        if workspace.weights.has(run.run_id)
    ]
    return workspace.weights.tables(runs, file)


def local_entries(
    workspace: Workspace, pretraining: int = 1, *, ahead: bool = False
) -> list[WeightsEntry]:
    """Return the weights entries of one of the study's own pretrainings.

    All its runs must be finished.  With `ahead`, an unfinished run has an entry with a text in
    place of the SHA-256.
    """
    ledger = workspace.weights
    runs = plan_pretraining(workspace, pretraining=pretraining)
    if not ahead:
        ledger.require(runs, "pretraining")
    entries = []
    for run in runs:
        sha256 = f"of the unfinished run {run.run_id}"
        if ledger.has(run.run_id):
            sha256 = ledger.read(run.run_id, DONE, files.read_checksummed_json)["files"][WEIGHTS]
        entry = WeightsEntry(
            init=run.init,
            backbone=run.backbone,
            preprocessing=run.preprocessing,
            file=f"{run.run_id}/{WEIGHTS}",
            sha256=sha256,
            release=f"pretrained here on {run.corpus}",
            provenance=run.store.provenance,
        )
        entries.append(entry)
    return entries


def run_pretraining(workspace: Workspace) -> pd.DataFrame:
    """Train the unfinished pretraining runs (`pretrain_missing`); return `pretrained`."""
    pretrain_missing(workspace, plan_pretraining(workspace), "weights")
    return pretraining_results(workspace)


def pretrain_missing(workspace: Workspace, runs: list[PretrainingRun], name: str) -> None:
    """Train those of the runs that a ledger lacks, block by block, from their checkpoints.

    With fewer blocks than workers, the runs of a block are divided between workers; with another
    executor than processes, each is a job of its own.  `InputError` if a run fails, after the
    other runs have ended.
    """
    execution = workspace.profile.execution
    ledger = workspace.ledger(name)
    missing = ledger.missing_runs(runs)
    for run in missing:
        (ledger.work(run.run_id) / PROGRESS).unlink(missing_ok=True)  # left by a killed run

    def step(run: PretrainingRun) -> tuple[float, str, str, int]:
        longest_first = -find_backbone(run.backbone).relative_cost
        return longest_first, run.backbone, run.settings.loss, run.seed

    unfinished = [[*block] for _, block in groupby(sorted(missing, key=step), step)]
    jobs: list[Job] = []
    for wanted in unfinished:
        block = [run for run in runs if step(run) == step(wanted[0])]
        shares = len(wanted)
        if execution.executor == "processes":
            # So no worker is idle while another one trains several networks one after the other.
            shares = min(shares, max(1, math.ceil(execution.workers / len(unfinished))))
        jobs += [
            partial(pretrain_block, block, ledger, execution, wanted[first::shares])
            for first in range(shares)
        ]
    status = partial(progress_of, runs, ledger)
    run_with_bar(execution, jobs, ledger, runs, f"Pretraining ({name})", status)


def progress_of(runs: list[PretrainingRun], ledger: Ledger) -> str:
    """Return a text with the progress of the runs in training."""
    lines = []
    for run in runs:
        with suppress(OSError):  # not begun, or finished
            line = (ledger.work(run.run_id) / PROGRESS).read_text("utf-8")
            number = f" {run.pretraining}" if run.pretraining > 1 else ""
            lines.append(f"{run.backbone} {run.init}{number}: {line}")
    return "; ".join(lines)


def pretrain_block(
    runs: list[PretrainingRun],
    ledger: Ledger,
    execution: Execution,
    wanted: list[PretrainingRun],
) -> None:
    """Pretrain one backbone on several corpora or preprocessings with one compiled step.

    `wanted` are the runs to train.  `runs` are all runs of the block, also finished ones: the
    largest corpus decides the number of outputs, so that an interrupted block goes on with the
    same network.
    """
    import keras

    from rin.training.checkpoint import WorkFolder
    from rin.training.pretrain import PretrainingBlock

    if not (missing := ledger.missing_runs(wanted)):
        return  # another process was faster
    begin_block(execution)
    outputs = max(run.store.cases["label"].nunique() for run in runs)
    channels = 3 if any(run.store.color for run in runs) else 1
    first = runs[0]
    block = PretrainingBlock(
        first.backbone, first.settings, outputs, seed=first.seed, channels=channels
    )

    def train(run: PretrainingRun) -> None:
        work = ledger.work(run.run_id)
        cases = run.store.cases
        kept = WorkFolder(work, execution.checkpoint_minutes)
        corpus = run.store.images(), cases["label"].to_numpy(), np.asarray(run.parts)
        with as_input_error(
            "the pretraining cannot save its work",
            where=work,
            remedy="Make room, or restore the results folder, then run again to continue.",
        ):
            work.mkdir(parents=True, exist_ok=True)
            try:
                result = block.train(*corpus, run.preprocessing, kept, epochs=run.settings.epochs)
            finally:
                (work / PROGRESS).unlink(missing_ok=True)

        def write(folder: Path) -> Record:
            # HDF5 ends the process if the disk is full when it closes a file.
            bytes_of_weights = sum(weights.nbytes for weights in block.backbone.get_weights())
            if shutil.disk_usage(folder).free < 4 * bytes_of_weights + ROOM:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            block.backbone.save_weights(folder / WEIGHTS)
            result.history.to_parquet(folder / HISTORY)
            tested = result.predictions
            tested_cases = (
                cases[["case_id", "patient_id"]].iloc[tested["row"]].reset_index(drop=True)
            )
            predictions = pd.concat([tested_cases, tested.drop(columns="row")], axis=1)
            predictions.to_parquet(folder / PREDICTIONS)
            shutil.move(work / FEATURES, folder / FEATURES)
            record = result.metrics | {"backend": keras.backend.backend()} | computer_record()
            card = model_card(run, record, predictions, folder / WEIGHTS)
            text = json.dumps(card, indent=1, ensure_ascii=False)
            (folder / MODEL_CARD).write_text(text + "\n", encoding="utf-8")
            return record

        ledger.commit(run.run_id, run.config, write)

    run_each(train, missing, ledger)
