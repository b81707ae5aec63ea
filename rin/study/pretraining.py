"""Pretraining runs of a study: every backbone from random initialisation on every corpus.

The corpora of a profile get the same backbone, compiled step, random start, number of
steps and epochs, so that what differs between the resulting weights is what was in the
pictures.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rin.data.store import open_store
from rin.errors import InputError
from rin.models.weights import WeightsEntry
from rin.study.corpora import open_corpus
from rin.study.executors import drive, make_executor
from rin.study.ledger import Ledger, digest_of
from rin.study.profile import Execution, Pretraining
from rin.study.setting import Study

if TYPE_CHECKING:
    from rin.training.pretrain import PretrainingBlock, PretrainingResult


@dataclass(frozen=True)
class PretrainingRun:
    """One backbone on one corpus."""

    init: str
    corpus: str
    provenance: str
    backbone: str
    store: Path
    store_digest: str
    settings: Pretraining
    seed: int

    @property
    def config(self) -> dict:
        """What decides the result; the id is its digest."""
        settings = self.settings.model_dump(exclude={"corpora", "cases"})
        named = {"init": self.init, "corpus": self.corpus, "backbone": self.backbone}
        return named | {"store": self.store_digest, "seed": self.seed, **settings}

    @property
    def run_id(self) -> str:
        """Digest of the configuration."""
        return digest_of(self.config)


def plan_pretraining(study: Study) -> list[PretrainingRun]:
    """List the pretraining runs of a study; empty when its profile pretrains nothing."""
    settings = study.profile.pretraining
    if settings is None:
        return []
    runs = []
    for init, corpus in settings.corpora.items():
        dataset = open_corpus(study, corpus)
        store = study.store(dataset, settings.size)
        runs += [
            PretrainingRun(
                init,
                corpus,
                dataset.provenance,
                backbone,
                store.path,
                store.digest,
                settings,
                study.profile.seed,
            )
            for backbone in study.profile.backbones
        ]
    return runs


def run_pretraining(study: Study) -> pd.DataFrame:
    """Pretrain what is not in the ledger yet and return the table of `pretrained`."""
    runs = plan_pretraining(study)
    unfinished = {r.backbone for r in runs if not study.weights.has(r.run_id)}
    blocks = {name: [r for r in runs if r.backbone == name] for name in sorted(unfinished)}
    if blocks:
        execution = study.profile.execution
        ids = [r.run_id for r in runs]
        drive(
            make_executor(execution),
            pretrain_block,
            [(block, study.weights, execution) for block in _longest_first(blocks)],
            finished=lambda: study.weights.count(ids),
            total=len(ids),
            title="Pretraining",
        )
    return pretrained(study)


def pretrain_block(runs: list[PretrainingRun], ledger: Ledger, execution: Execution) -> None:
    """Pretrain one backbone on several corpora with one compiled step.

    Takes all corpora, finished or not: the largest decides the outputs of every one, so
    that a block that was cut off goes on exactly as it began.
    """
    from rin.training.pretrain import PretrainingBlock
    from rin.training.trainer import prepare_framework

    prepare_framework(execution.threads, execution.precision)
    first = runs[0]
    stores = {run.init: open_store(run.store) for run in runs}
    n_classes = {init: store.cases["label"].nunique() for init, store in stores.items()}
    block = PretrainingBlock(
        first.backbone, first.settings, max(n_classes.values()), seed=first.seed
    )
    for run in runs:
        if ledger.has(run.run_id):
            continue
        store = stores[run.init]
        result = block.train(store.images(), store.cases["label"].to_numpy())
        ledger.commit(run.run_id, run.config, partial(_write, run, block, result))


def _write(
    run: PretrainingRun, block: PretrainingBlock, result: PretrainingResult, folder: Path
) -> dict:
    """Write weights, learning curve and weights entry; return the metrics."""
    sha256 = block.save(folder / "backbone.weights.h5")
    result.history.to_parquet(folder / "history.parquet")
    entry = WeightsEntry(
        init=run.init,
        backbone=run.backbone,
        preprocessing=run.settings.preprocessing,
        file=f"{run.run_id}/backbone.weights.h5",
        sha256=sha256,
        release=f"pretrained here on {run.corpus}",
        provenance=run.provenance,
    )
    (folder / "entry.json").write_text(entry.model_dump_json(indent=1))
    return asdict(result.metrics)


def pretrained(study: Study) -> pd.DataFrame:
    """Return one row a finished pretraining run: init, backbone, accuracy, budget, file."""
    rows = []
    for run in plan_pretraining(study):
        if study.weights.has(run.run_id):
            rows.append(
                {
                    "init": run.init,
                    "corpus": run.corpus,
                    "provenance": run.provenance,
                    "backbone": run.backbone,
                    **study.weights.done(run.run_id),
                    "run_id": run.run_id,
                }
            )
    return pd.DataFrame(rows)


def pretraining_histories(study: Study) -> pd.DataFrame:
    """Return learning curves: init, backbone, epoch, loss, accuracy, val_loss, val_accuracy."""
    tables = []
    for run in plan_pretraining(study):
        if study.weights.has(run.run_id):
            table = study.weights.read(run.run_id, "history.parquet", pd.read_parquet)
            tables.append(table.assign(init=run.init, backbone=run.backbone))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def local_entries(study: Study) -> list[WeightsEntry]:
    """Return the weights entries of the study's own pretraining.

    Raises
    ------
    InputError
        When one of them has not been trained yet.
    """
    entries = []
    for run in plan_pretraining(study):
        if not study.weights.has(run.run_id):
            raise InputError(
                f"{run.backbone} has not been pretrained on {run.corpus} yet",
                where=study.weights.path(run.run_id),
                remedy="Run the pretraining notebook of this profile first.",
            )
        entries.append(study.weights.read(run.run_id, "entry.json", _read_entry))
    return entries


def _read_entry(path: Path) -> WeightsEntry:
    return WeightsEntry.model_validate_json(path.read_text("utf-8"))


def _longest_first(blocks: dict[str, list[PretrainingRun]]) -> list[list[PretrainingRun]]:
    from rin.models.backbones import BACKBONES

    cost = np.array([BACKBONES[name].relative_cost for name in blocks])
    return [list(blocks.values())[i] for i in np.argsort(-cost, kind="stable")]
