"""A pretraining run, as it is planned, trained and described."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from rin.data.store import ImageStore
from rin.study.ledger import Planned, Record
from rin.study.profile import Pretraining
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
