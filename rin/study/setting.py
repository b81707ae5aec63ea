"""A study on this machine: a profile, where the images are, where results go.

Opening a study computes nothing; the inputs of a task (images, store, splits) are made
on first use and reused afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd

from rin.data.datasets import Dataset, ensure_dataset, locate
from rin.data.leakage import check_splits, leak_free_groups, near_duplicates
from rin.data.manifest import DatasetManifest, TaskManifest, find_task, load_manifest
from rin.data.splits import make_folds
from rin.data.store import ImageStore, build_store
from rin.errors import InputError
from rin.study.ledger import Ledger
from rin.study.profile import Profile, load_profile

# Near-duplicates are sought at one size, so that every profile splits the same way.
_HASH_SIZE = 256


@dataclass(frozen=True)
class Study:
    """Where one study stands.

    Attributes
    ----------
    profile
        The numbers.
    data_root
        Folder of the real datasets and released weights, or None.
    results
        Folder of everything computed under this profile.
    """

    profile: Profile
    data_root: Path | None
    results: Path

    @property
    def runs(self) -> Ledger:
        """The ledger of fine-tuning runs."""
        return Ledger(self.results / "runs")

    @property
    def weights(self) -> Ledger:
        """The ledger of pretraining runs."""
        return Ledger(self.results / "weights")

    def dataset(self, name: str) -> Dataset:
        """Open a dataset: the real one where the data root holds it, else its stand-in."""
        return _open(self, load_manifest(name))

    def store(self, dataset: Dataset, size: int, resize: str = "stretch") -> ImageStore:
        """Return the image store of a dataset at one size, built on first use."""
        return build_store(
            dataset,
            size,
            folder=self.results.parent / "stores",
            resize=resize,
            color=dataset.manifest.color,
        )


@dataclass(frozen=True)
class TaskInputs:
    """Everything that a task's runs read.

    Attributes
    ----------
    manifest, task, dataset
        What the task is and which images were found for it.
    store
        Decoded images and masks.
    pairs
        Near-duplicate pairs (case_a, case_b, distance).
    folds
        Split table (case_id, fold, part).
    """

    manifest: DatasetManifest
    task: TaskManifest
    dataset: Dataset
    store: ImageStore
    pairs: pd.DataFrame
    folds: pd.DataFrame

    @property
    def labels(self) -> pd.Series:
        """1 for the positive class, 0 otherwise, indexed by case_id."""
        cases = self.store.cases.set_index("case_id")
        return (cases["label"] == self.task.positive_class).astype(int)


def open_study(
    profile: str | Path | Profile = "demo",
    *,
    data_root: str | Path | None = None,
    results: str | Path = "results",
) -> Study:
    """Open a study.

    Parameters
    ----------
    profile
        Name of a profile, path of a YAML file, or a profile.
    data_root
        Folder with real datasets; without one every dataset is a stand-in.
    results
        Folder for stores, stand-ins, weights and runs.

    Raises
    ------
    InputError
        For an unknown profile or a data root that is not there.
    """
    if not isinstance(profile, Profile):
        profile = load_profile(profile)
    root = Path(data_root) if data_root else None
    if root is not None and not root.is_dir():
        raise InputError(
            "there is no such data root",
            where=root,
            remedy="Name the folder that holds the datasets, or leave it out for stand-ins.",
        )
    return Study(profile, root, Path(results) / profile.name)


def task_inputs(study: Study, task: str) -> TaskInputs:
    """Open a task's images, decode them, find near-duplicates and split the patients.

    Raises
    ------
    InputError
        For an unknown task, broken images, or a split that leaks.
    """
    manifest, task_manifest = find_task(task)
    dataset = _open(study, manifest)
    tuning = study.profile.fine_tuning
    store = study.store(dataset, tuning.size, tuning.resize)
    hashed = study.store(dataset, _HASH_SIZE)
    pairs = near_duplicates(hashed.images(), hashed.cases["case_id"].tolist())
    groups = leak_free_groups(store.cases, pairs)
    n_folds = min(study.profile.folds, task_manifest.n_folds)
    folds = make_folds(store.cases, groups, n_folds, study.profile.seed)
    check_splits(store.cases, folds, pairs)
    return TaskInputs(manifest, task_manifest, dataset, store, pairs, folds)


def _open(study: Study, manifest: DatasetManifest) -> Dataset:
    counts = study.profile.stand_ins.get(manifest.name)
    absent = study.data_root is None or locate(manifest, study.data_root) is None
    if counts is None and absent:
        raise InputError(
            f"profile {study.profile.name} sizes no stand-in for {manifest.name}",
            where="data_root",
            remedy=f"Name the folder that holds it (get it at {manifest.home}), "
            "or choose a profile with stand-ins.",
        )
    sizes = tuple(sorted((counts or {}).items()))
    stand_ins = study.results.parent / "stand_ins"
    return _open_once(manifest.name, study.data_root, stand_ins, sizes, study.profile.seed)


@cache
def _open_once(
    name: str,
    data_root: Path | None,
    stand_ins: Path,
    sizes: tuple[tuple[str, int], ...],
    seed: int,
) -> Dataset:
    """Open a dataset once in a process: every picture of it is decoded and hashed."""
    return ensure_dataset(load_manifest(name), data_root, stand_ins, dict(sizes), seed)
