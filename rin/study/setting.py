"""A study on this machine: a profile, where the images are, where results go.

Opening a study computes nothing; the inputs of a task (images, store, splits) are made
on first use and reused afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from rin.data.dataset import Dataset, find_root, locate, open_dataset
from rin.data.leakage import (
    SAME_PICTURE,
    check_splits,
    leak_free_groups,
    matches_between,
    near_duplicates,
)
from rin.data.manifest import DatasetManifest, TaskManifest, find_task, load_manifest
from rin.data.splits import (
    given_folds,
    make_folds,
    read_fold_files,
    sample_cases,
    sized_folds,
    take_cases,
)
from rin.data.store import ImageStore, build_store
from rin.errors import InputError
from rin.files import REPOSITORY
from rin.study.ledger import Ledger
from rin.study.profile import Profile, Sizes, load_profile

# Datasets that this process has opened, as a task reads them.
_datasets: dict[tuple, Dataset] = {}


@dataclass(frozen=True)
class Study:
    """A profile, the folder of real datasets and weights (or None), and that of results."""

    profile: Profile
    data_root: Path | None
    results: Path
    _opened: dict[tuple, TaskInputs] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @property
    def runs(self) -> Ledger:
        """The ledger of fine-tuning runs."""
        return self.ledger("runs")

    @property
    def weights(self) -> Ledger:
        """The ledger of pretraining runs."""
        return self.ledger("weights")

    def ledger(self, name: str) -> Ledger:
        """Return a ledger of the results: `runs`, `weights`, `losses`, or one of the probe.

        `probe` holds the files that are made to be probed, `probe_measurements` what that gave.
        """
        return Ledger(self.results / name)

    def holds(self, manifest: DatasetManifest) -> bool:
        """Return whether the data root holds a dataset."""
        return locate(manifest, self.data_root) is not None

    def dataset(self, name: str, square: tuple[int, str] | None = None) -> Dataset:
        """Open a dataset: the real one where the data root holds it, else its stand-in.

        With `square`, size and way of resizing of a store, its rows come from the same pass.
        """
        return _open(self, load_manifest(name), square=square)

    def store(self, dataset: Dataset, size: int, resize: str = "stretch") -> ImageStore:
        """Return the image store of a dataset at one size, built on first use."""
        return build_store(dataset, size, folder=self.results.parent / "stores", resize=resize)

    def inputs(self, task: str, folds: int | None = None, resize: str | None = None) -> TaskInputs:
        """Return `task_inputs`, opened once."""
        key = (task, folds or self.profile.folds, resize or self.profile.tuning(task).resize)
        if key not in self._opened:
            self._opened[key] = task_inputs(self, task, folds=key[1], resize=key[2])
        return self._opened[key]


@dataclass(frozen=True)
class TaskFiles:
    """What the runs of one task read, in a form that travels to another process."""

    store: Path
    digest: str
    color: bool
    folds: pd.DataFrame
    labels: pd.Series
    external: dict[str, TaskFiles]


@dataclass(frozen=True)
class TaskInputs:
    """Everything that a task's runs read.

    `manifest` is that of the dataset which is read; of the images `found`, the study uses those of
    `dataset`; `pairs` are near-duplicates (case_a, case_b, distance), `folds` the split (case_id,
    fold, part).  `substitute_for` is the title of the task's own dataset where another was read.
    `external` are datasets that every run scores and none is trained on, whole, by name: their
    `pairs` are matches with the task's own images (case_id, other, distance, equal), and their
    `folds` have no rows.
    """

    manifest: DatasetManifest
    task: TaskManifest
    found: Dataset
    dataset: Dataset
    store: ImageStore
    pairs: pd.DataFrame
    folds: pd.DataFrame
    substitute_for: str | None = None
    external: dict[str, TaskInputs] = field(default_factory=dict)

    @property
    def provenance(self) -> str:
        """`real` or `stand-in`; images of a substitute are real."""
        return self.dataset.provenance

    def scored(self, part: str) -> TaskInputs:
        """Return what the cases of a part belong to: an external dataset by name, or these."""
        return self.external.get(part, self)

    @property
    def kept_columns(self) -> list[str]:
        """What the manifest keeps of each case beside label and patient, such as `device`."""
        return [name for name in self.manifest.options.get("keep", {}) if name in self.found.cases]

    @property
    def files(self) -> TaskFiles:
        """What runs read of these."""
        external = {name: each.files for name, each in self.external.items()}
        store = self.store
        return TaskFiles(store.path, store.digest, store.color, self.folds, self.labels, external)

    def lesion_masks(self) -> np.ndarray:
        """Return the masks of the store; `InputError` where the images have none."""
        masks = self.store.masks()
        if masks is None:
            raise InputError(
                f"the runs of {self.task.name} keep no class activation maps, as its images have "
                "no lesion masks",
                where=f"dataset {self.manifest.name}",
                remedy="Choose a task whose dataset has masks.",
            )
        return masks

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
    """Open a study of a profile, given by name, by the path of a YAML file, or as it is.

    `data_root` holds real datasets, and without one every dataset is a stand-in; `results` is for
    stores, stand-ins, weights and runs.  Folders are those of a caller, or below the checkout for
    a notebook.  `InputError` for an unknown profile or a data root that is not there.
    """
    if not isinstance(profile, Profile):
        profile = load_profile(profile)
    root = from_checkout(data_root) if data_root else None
    if root is not None and not root.is_dir():
        raise InputError(
            "there is no such data root",
            where=root,
            remedy="Name the folder that holds the datasets, or leave it out for stand-ins.",
        )
    study = Study(profile, root, from_checkout(results) / profile.name)
    if profile.reference is None:
        return study
    # A reference run answers for tasks without images at hand.
    kept = [
        name
        for name in profile.tasks
        if find_task(name)[0].name in profile.stand_ins or has_real_images(study, name)
    ]
    changed = {"tasks": kept, "live": profile.live if profile.live in kept else None}
    return replace(study, profile=profile.model_copy(update=changed))


def has_real_images(study: Study, task: str) -> bool:
    """Return whether the data root holds a task's own images or those of a substitute."""
    return study.holds(find_manifest(study, *find_task(task)))


def from_checkout(path: str | Path) -> Path:
    """Return a folder as a caller names it; a notebook's starts at the checkout."""
    # Jupyter runs a notebook in the folder that holds it, papermill and `rin` in the caller's.
    opened = Path.cwd().is_relative_to(REPOSITORY / "notebooks")
    return REPOSITORY / path if opened else Path(path)


def task_inputs(
    study: Study, task: str, *, folds: int | None = None, resize: str | None = None
) -> TaskInputs:
    """Open a task's images, decode them, find near-duplicates and split the patients.

    `folds` (at most so many) and `resize` replace the profile's choices.  `InputError` for an
    unknown task, broken images, or a split that leaks.
    """
    own, task_manifest = find_task(task)
    manifest = find_manifest(study, own, task_manifest)
    profile, tuning = study.profile, study.profile.tuning(task)
    square = tuning.size, resize or tuning.resize
    found = _open(study, manifest, task, square)
    n_folds = min(folds or profile.folds, task_manifest.n_folds)
    split, chosen = None, found
    if profile.splits_for(task) == "official":
        split = official_folds(study, task_manifest, found)
        chosen = take_cases(found, found.cases["case_id"].isin(split["case_id"]).to_numpy())
        split = split[split["fold"] < n_folds].reset_index(drop=True)
    near, cases = manifest.near_duplicate_bits, profile.cases_for(task)
    sizes = cases if isinstance(cases, Sizes) else None
    drawn = sizes.total if sizes else cases
    dataset, groups, pairs = draw_cases(chosen, near, drawn, profile.seed)
    store = study.store(dataset, *square)
    if split is None and sizes:
        wanted = sizes.train, sizes.validation
        split = sized_folds(store.cases, groups, wanted, n_folds, profile.seed)
    elif split is None:
        split = make_folds(store.cases, groups, n_folds, profile.seed)
    check_splits(store.cases, split, pairs, overlap=sizes is not None)
    title = own.title if manifest.name != own.name else None
    inputs = TaskInputs(manifest, task_manifest, found, dataset, store, pairs, split, title)
    return replace(inputs, external=_external_inputs(study, inputs, square))


def _external_inputs(
    study: Study, inputs: TaskInputs, square: tuple[int, str]
) -> dict[str, TaskInputs]:
    """Open the datasets that a task names as external, where the profile asks for them."""
    home, task, opened = inputs.manifest, inputs.task, {}
    for name in task.external if study.profile.external else ():
        manifest = load_manifest(name)
        if manifest.color != home.color:
            raise InputError(
                "one has colour images and the other gray ones",
                where=f"datasets {home.name} and {name}",
                remedy=f"Leave {name} out of the external datasets of task {task.name}.",
            )
        found = _open(study, manifest, square=square)
        store, none = study.store(found, *square), pd.DataFrame(columns=["case_id", "fold", "part"])
        bits = SAME_PICTURE if home.near_duplicate_bits is None else home.near_duplicate_bits
        pairs = matches_between(found.cases, inputs.dataset.cases, bits)
        opened[name] = TaskInputs(manifest, task, found, found, store, pairs, none)
    return opened


def official_folds(study: Study, task: TaskManifest, dataset: Dataset) -> pd.DataFrame:
    """Return all folds that the authors of the paper, or of the dataset, published for a task."""
    lists = task.fold_lists
    if lists is None and "split" in dataset.manifest.options:
        pairs = near_duplicates(dataset.cases, dataset.manifest.near_duplicate_bits)
        groups = leak_free_groups(dataset.cases, pairs)
        return given_folds(dataset, groups, task.n_folds, study.profile.seed)
    if lists is None or study.data_root is None or not (study.data_root / lists.folder).is_dir():
        known = "no lists are known" if lists is None else f"{lists.folder} is not there"
        raise InputError(
            f"the official folds of {task.name} cannot be read: {known}",
            where=study.data_root or "data_root",
            remedy="Set the profile's splits to own, or put a copy of "
            "github.com/BMEII-AI/RadImageNet under the data root.",
        )
    return read_fold_files(study.data_root / lists.folder, lists, dataset.cases, task.n_folds)


def find_manifest(study: Study, own: DatasetManifest, task: TaskManifest) -> DatasetManifest:
    """Return the manifest that a task reads: its dataset's, or that of an open substitute.

    A substitute is taken only where the data root holds it and not the task's own dataset, so
    real images come before stand-ins and the task's own before others.
    """
    if study.data_root is None or study.holds(own):
        return own.for_task(task)
    for name in task.substitutes:
        substitute = load_manifest(name)
        if task.positive_class not in substitute.label_map.values():
            raise InputError(
                f"no class of {name} is labelled {task.positive_class!r}",
                where=f"task {task.name}",
                remedy="A substitute's label_map must lead to the task's labels.",
            )
        if study.holds(substitute):
            return substitute
    return own.for_task(task)


def draw_cases(
    dataset: Dataset, threshold: int | None, n: int | None, seed: int
) -> tuple[Dataset, pd.Series, pd.DataFrame]:
    """Return about `n` cases of a dataset, their leak-free groups and near-duplicate pairs.

    Pictures that differ in at most `threshold` bits of their hash share a group; None compares
    none.  `n` of None takes all cases.
    """
    pairs = near_duplicates(dataset.cases, threshold)
    groups = leak_free_groups(dataset.cases, pairs)
    if n is None:
        return dataset, groups, pairs
    taken = take_cases(dataset, sample_cases(dataset.cases, groups, n, seed))
    known = set(taken.cases["case_id"])
    kept = pairs["case_a"].isin(known) & pairs["case_b"].isin(known)
    return taken, groups.loc[taken.cases["case_id"]], pairs[kept].reset_index(drop=True)


def _open(
    study: Study, manifest: DatasetManifest, task: str = "", square: tuple[int, str] | None = None
) -> Dataset:
    counts = study.profile.stand_ins.get(manifest.name)
    if counts is None and not study.holds(manifest):
        raise InputError(
            f"the images of {manifest.name} are not at hand, and profile {study.profile.name} "
            "sizes no stand-in for them",
            where=study.data_root or "data_root",
            remedy=f"Get them at {manifest.home} and name the folder that holds them, or give the "
            f"profile's stand_ins an entry {manifest.name}; those shipped have examples.",
        )
    root, place, seed = study.data_root, study.results.parent, study.profile.seed
    counts = counts or {}
    key = (manifest.name, task, root, place, square, seed, *sorted(counts.items()))
    if key not in _datasets:
        found = find_root(manifest, root, place / "stand_ins", counts, seed)
        _datasets[key] = open_dataset(manifest, found, index_folder=place / "index", square=square)
    return _datasets[key]
