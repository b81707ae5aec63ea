"""Probing files of weights on images of several sources, and keeping what came out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from rin.models.fingerprint import FirstLayer, first_layer
from rin.models.fingerprint_verdict import CANDIDATES, score_candidates
from rin.models.weights import random_weights
from rin.models.weights_files import read_weights_file
from rin.study.ledger import Ledger, digest_of
from rin.study.pretraining_plan import PretrainingRun
from rin.study.pretraining_records import CLASSES, WEIGHTS
from rin.study.probe_sources import Source

MEASURED = "measurements.parquet"
#: To be raised when what is measured changes, so that it is measured anew.
VERSION = 1


@dataclass(frozen=True)
class ProbedFile:
    """A file of backbone weights, or random ones, and what is known of its training.

    Attributes
    ----------
    kind
        `probe`, `study` or `random`; see `rin.study.probe.probe_measurements`.
    backbone, init, trained_with, corpus, provenance
        Architecture; init and contract of the training (`random` for none); the dataset it was
        trained on and whether that is `real` or a `stand-in` (both empty for none).
    seed
        Of random weights.
    ledger, run_id
        Where the file lies; None and empty for random weights.
    """

    kind: str
    backbone: str
    init: str
    trained_with: str
    corpus: str
    provenance: str
    seed: int
    ledger: Ledger | None
    run_id: str

    @classmethod
    def of_run(cls, kind: str, run: PretrainingRun, ledger: Ledger) -> ProbedFile:
        """Return the file that a pretraining run left in a ledger."""
        trained = (run.contract, run.corpus, run.provenance)
        return cls(kind, run.backbone, run.init, *trained, run.seed, ledger, run.run_id)

    @classmethod
    def random(cls, backbone: str, seed: int) -> ProbedFile:
        """Return random weights of a backbone."""
        return cls("random", backbone, "random", "random", "", "", seed, None, "")

    @property
    def is_there(self) -> bool:
        """Whether its training is finished; random weights are always there."""
        return self.ledger is None or self.ledger.has(self.run_id)

    def measurement_id(self, sources: list[Source]) -> str:
        """Return the id of what probing this file on some images gives."""
        return digest_of(self.config(sources))

    def config(self, sources: list[Source]) -> dict:
        """Return what decides what probing this file gives."""
        return {
            "version": VERSION,
            "weights": self.run_id or f"random-{self.seed}",
            "kind": self.kind,
            "backbone": self.backbone,
            "candidates": [candidate.name for candidate in CANDIDATES],
            "sources": [source.identity for source in sources],
        }

    def training(self) -> dict:
        """Return `epochs`, `top1` and `chance` of the training; NaN for none."""
        if self.ledger is None:
            return {"epochs": 0, "top1": np.nan, "chance": np.nan}
        done = self.ledger.done(self.run_id)
        tested = self.ledger.read(self.run_id, CLASSES, pd.read_parquet)["test"]
        share = float(tested.max() / tested.sum())
        return {"epochs": done["epochs"], "top1": done["top1"], "chance": share}


def probed_by_backbone(files: list[ProbedFile]) -> list[list[ProbedFile]]:
    """Group files by backbone, so that each is built once."""
    names = dict.fromkeys(file.backbone for file in files)
    return [[file for file in files if file.backbone == name] for name in names]


def measure_files(
    files: list[ProbedFile], sources: list[Source], ledger: Ledger, size: int
) -> None:
    """Probe files of one backbone on all sources and commit what came out.

    Parameters
    ----------
    size
        Side of the images, for which the backbone is built.
    """
    import keras

    from rin.models.backbones import build_backbone

    keras.backend.clear_session()
    backbone = build_backbone(files[0].backbone, size)
    images = {source.name: source.images() for source in sources}
    for file in files:
        if file.ledger is None:
            backbone.set_weights(random_weights(file.backbone, size, file.seed))
        else:
            read_weights_file(file.ledger.path(file.run_id) / WEIGHTS, backbone)
        table = _measure(first_layer(backbone), images)

        def write(folder: Path, table: pd.DataFrame = table) -> dict:
            table.to_parquet(folder / MEASURED)
            return {"rows": len(table)}

        config = file.config(sources)
        ledger.commit(digest_of(config), config, write)


def _measure(layer: FirstLayer, images: dict[str, np.ndarray]) -> pd.DataFrame:
    rows = [
        {"source": name, "images": len(pictures), "color": pictures.ndim == 4} | asdict(score)
        for name, pictures in images.items()
        for score in score_candidates(layer, pictures)
    ]
    return pd.DataFrame(rows)


def table_of(ledger: Ledger, file: ProbedFile, sources: list[Source]) -> pd.DataFrame:
    """Return what was measured of a file, with what is known of its training in front."""
    measured = ledger.read(file.measurement_id(sources), MEASURED, pd.read_parquet)
    known = {
        "kind": file.kind,
        "backbone": file.backbone,
        "init": file.init,
        "trained_with": file.trained_with,
        "corpus": file.corpus,
        "weights_provenance": file.provenance,
        **file.training(),
    }
    provenance = {source.name: source.provenance for source in sources}
    table = measured.assign(
        **known,
        seen=measured["source"] == file.corpus,
        source_provenance=measured["source"].map(provenance),
    )
    named = ["source", "seen", "source_provenance"]
    return table[[*known, *named, *(c for c in table if c not in {*known, *named})]]
