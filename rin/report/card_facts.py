"""What a model card is made from: the records of one pretraining run, put together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from rin.data.manifest import DatasetManifest
from rin.report.provenance import versions
from rin.study import Study
from rin.study.corpora import find_corpus
from rin.study.sections import Pretraining


@dataclass(frozen=True)
class CardFacts:
    """What one card is made from.

    Attributes
    ----------
    profile, seed
        Of the study.
    settings
        How its backbones are pretrained.
    manifest
        Of the corpus.
    run
        Row of `rin.study.pretrained`.
    score
        Row of `rin.report.pretraining_scores.run_scores` of the same run.
    files
        Its rows of `rin.report.pretraining_tables.file_table`.
    packages
        Versions by package.
    """

    profile: str
    seed: int
    settings: Pretraining
    manifest: DatasetManifest
    run: Mapping[str, Any]
    score: Mapping[str, Any]
    files: pd.DataFrame
    packages: Mapping[str, str]

    @property
    def synthetic(self) -> bool:
        """Whether the corpus is a stand-in."""
        return self.run["provenance"] == "stand-in"


def card_facts(
    study: Study, weights: pd.DataFrame, scores: pd.DataFrame, files: pd.DataFrame
) -> list[CardFacts]:
    """Return what the card of each finished pretraining run of a study is made from.

    Parameters
    ----------
    study
        Its profile and corpora are read.
    weights, scores, files
        Tables of `rin.study.pretrained`, `rin.report.pretraining_scores.run_scores` and
        `rin.report.pretraining_tables.file_table`.
    """
    packages = versions().to_dict()
    found = scores.set_index(["init", "backbone"]) if len(scores) else scores
    return [
        CardFacts(
            study.profile.name,
            study.profile.seed,
            study.profile.pretraining,
            find_corpus(study, run["corpus"]).manifest,
            run,
            found.loc[(run["init"], run["backbone"])].to_dict(),
            files[files["run_id"] == run["run_id"]],
            packages,
        )
        for run in weights.to_dict("records")
    ]
