"""The images with which files of weights are probed: some of every dataset of a study."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from rin.data.datasets import Dataset
from rin.data.sampling import take_cases
from rin.data.store import ImageStore, open_store
from rin.study.corpora import choose_corpus, find_corpus
from rin.study.pretraining_plan import PretrainingRun
from rin.study.setting import Study, task_inputs


@dataclass(frozen=True)
class Source:
    """Images of one dataset, in a form that travels to another process.

    Attributes
    ----------
    name, provenance
        Of the dataset; `real` or `stand-in`.
    store, digest
        Folder and digest of the image store.
    rows
        int64 (n,), rows of the store.
    """

    name: str
    provenance: str
    store: Path
    digest: str
    rows: np.ndarray = field(repr=False, compare=False)

    @property
    def identity(self) -> list:
        """What decides which images these are."""
        return [self.name, self.provenance, self.digest, [int(row) for row in self.rows]]

    def images(self) -> np.ndarray:
        """Return the images, uint8 (n, size, size), or (n, size, size, 3) in colour."""
        return np.asarray(open_store(self.store).images()[self.rows])


def probe_sources(study: Study, runs: list[PretrainingRun], images: int, size: int) -> list[Source]:
    """Return up to `images` images of every dataset of a study, each dataset once.

    Of the corpus that `runs` are trained on, only images that no training step used are taken;
    then come the other corpora and the datasets of the tasks.

    Parameters
    ----------
    runs
        Runs on one corpus.
    size
        Side of the images in pixels.
    """
    seed, sources = study.profile.seed, {}
    for run in runs:
        unused = np.flatnonzero(run.split.parts != "train")
        sources[run.corpus] = Source(
            run.corpus, run.provenance, run.store, run.store_digest, _some(unused, images, seed)
        )
    for dataset in _other_datasets(study):
        name = dataset.manifest.name
        if name not in sources:
            chosen = np.zeros(len(dataset.cases), dtype=bool)
            chosen[_some(np.arange(len(chosen)), images, seed)] = True
            store = study.store(take_cases(dataset, chosen), size)
            sources[name] = _whole(name, dataset.provenance, store)
    return list(sources.values())


def _other_datasets(study: Study) -> list[Dataset]:
    settings = study.profile.pretraining
    corpora = [choose_corpus(study, names) for names in settings.corpora.values()]
    datasets = [find_corpus(study, name) for name in corpora]
    return datasets + [task_inputs(study, task).found for task in study.profile.tasks]


def _whole(name: str, provenance: str, store: ImageStore) -> Source:
    return Source(name, provenance, store.path, store.digest, np.arange(len(store.cases)))


def _some(rows: np.ndarray, n: int, seed: int) -> np.ndarray:
    """Return `n` of some rows, or all where there are fewer, in their order."""
    drawn = np.random.default_rng(seed).permutation(len(rows))[:n]
    return np.sort(rows[drawn])
