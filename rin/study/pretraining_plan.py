"""Which pretraining runs a profile asks for: every backbone on every corpus."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from rin.data.corpus_split import corpus_split
from rin.data.datasets import Dataset
from rin.data.splits import PARTS
from rin.data.store import ImageStore
from rin.study.corpora import open_corpus
from rin.study.ledger import digest_of
from rin.study.sections import Pretraining
from rin.study.setting import Study
from rin.training import CODE_VERSION


@dataclass(frozen=True)
class Split:
    """The part of every row of a store.

    Attributes
    ----------
    codes
        uint8 (n,), places in `rin.data.splits.PARTS`.
    digest
        Of the case ids and their parts.
    """

    codes: np.ndarray = field(repr=False, compare=False)
    digest: str

    @property
    def parts(self) -> np.ndarray:
        """`train`, `validation` or `test` of every row, (n,)."""
        return np.array(PARTS)[self.codes]


@dataclass(frozen=True)
class PretrainingRun:
    """One backbone on one corpus, under one input contract.

    `settings` are the profile's; `contract` is what they mean for this init and backbone.
    """

    init: str
    corpus: str
    provenance: str
    backbone: str
    store: Path
    store_digest: str
    split: Split
    settings: Pretraining
    contract: str
    seed: int

    @property
    def config(self) -> dict:
        """What decides the result; the id is its digest."""
        settings = self.settings.model_dump(exclude={"corpora", "cases", "backbones"})
        settings["preprocessing"] = self.contract
        named = {"init": self.init, "corpus": self.corpus, "backbone": self.backbone}
        read = {"store": self.store_digest, "split": self.split.digest}
        return named | read | {"seed": self.seed, "code": CODE_VERSION, **settings}

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
        split = _split(dataset, store, study.profile.seed)
        runs += [
            PretrainingRun(
                init,
                dataset.manifest.name,
                dataset.provenance,
                backbone,
                store.path,
                store.digest,
                split,
                settings,
                settings.contract(init, backbone),
                study.profile.seed,
            )
            for backbone in settings.backbones or study.profile.backbones
        ]
    return runs


# Comparing the pictures of a large corpus takes long, and one process asks again and again.
_splits: dict[tuple[str, str, int], Split] = {}


def _split(dataset: Dataset, store: ImageStore, seed: int) -> Split:
    """Return the split of a corpus in the order of its store."""
    key = (dataset.manifest.name, store.digest, seed)
    if key not in _splits:
        part = corpus_split(dataset, seed).loc[store.cases["case_id"]]
        digest = hashlib.sha256(part.to_csv().encode()).hexdigest()
        codes = np.array([PARTS.index(name) for name in part], dtype=np.uint8)
        _splits[key] = Split(codes, digest)
    return _splits[key]
