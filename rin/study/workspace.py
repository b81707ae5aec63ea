"""A study on this computer: its profile, the folder of its images, the folder for its results."""

from __future__ import annotations

import os
import urllib.request
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from rin.data import leakage, splits
from rin.data.dataset import check_data_root, locate, open_dataset
from rin.data.layouts import comes_with_split
from rin.data.manifest import DatasetManifest, TaskManifest, find_task, load_manifest
from rin.data.store import Dataset, ImageStore, build_store
from rin.errors import InputError, amount, look_up
from rin.files import REPOSITORY, digest_of
from rin.models.weights import (
    WeightsEntry,
    digest_problem,
    find_entry,
    keras_folder,
    load_entries,
)
from rin.models.weights import locate as locate_weights
from rin.study.ledger import Ledger
from rin.study.profile import Profile, Sizes, load_profile

PathLike = str | Path
Opened = TypeVar("Opened")
#: Where Keras downloads its ResNet50: if it can be reached, so can Keras' other weights.
KERAS_ADDRESS = (
    "https://storage.googleapis.com/tensorflow/keras-applications/resnet/"
    "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"
)
#: Environment variable with the meaning of the flag `--partial`, also for notebooks.
PARTIAL = "RIN_PARTIAL"
#: Manifests of the corpora for matched pretraining, and of the corpus that curation writes.
CORPORA = ("corpus_radiologic", "corpus_photographic")
CURATED = "curated_archive"
#: Inits of released weights that somebody's own images can test: in Keras' form; in PyTorch's
#: form, followed by the init that they are compared with.
KERAS = "radimagenet"
TORCH = ("radimagenet_pytorch", "imagenet_torchvision")
#: Init of the weights that Keras fetches, with which those of `KERAS` are compared.
IMAGENET = "imagenet"
# Datasets that this process has opened, by manifest, folders, square and stand-in sizes.
_datasets: dict[Hashable, Dataset] = {}


@dataclass(frozen=True)
class Workspace:
    """A profile, the folder of real datasets and weights (or None), and the folder of results."""

    profile: Profile
    data_root: Path | None
    results: Path
    _opened: dict[Hashable, Any] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @property
    def fine_tuning_ledger(self) -> Ledger:
        """The ledger of fine-tuning runs."""
        return self.ledger("runs")

    @property
    def weights(self) -> Ledger:
        """The ledger of pretraining runs."""
        return self.ledger("weights")

    @property
    def weights_folders(self) -> list[Path]:
        """The folders that are searched for weights: the study's own, then the data root."""
        root = self.data_root
        return [self.weights.folder, *([] if root is None else [root / "weights", root])]

    @property
    def features_folder(self) -> Path:
        """The folder of tables of features, which all profiles share."""
        return self.results.parent / "features"

    def ledger(self, name: str) -> Ledger:
        """Return a ledger: `runs`, `weights`, `losses`, or `probe`."""
        return Ledger(self.results / name)

    def holds(self, manifest: DatasetManifest) -> bool:
        """Return whether the data root contains a dataset."""
        return locate(manifest, self.data_root) is not None

    def provides(self, manifest: DatasetManifest) -> bool:
        """Return whether a dataset has a stand-in in the profile, or is in the data root."""
        return manifest.name in self.profile.stand_ins or self.holds(manifest)

    def dataset(self, manifest: DatasetManifest, square: tuple[int, str] | None = None) -> Dataset:
        """Open a dataset once: the real one if the data root contains it, else its stand-in.

        `square` is the size and the way of resizing of a store that is filled in the same pass.
        """
        if self.profile.partial:
            manifest = manifest.model_copy(update={"partial": True})
        name = manifest.name
        counts = self.profile.stand_ins.get(name)
        folder = self.data_root if self.holds(manifest) else None
        if folder is None and counts is None:
            raise InputError(
                f"the images of {name} were not found, and profile {self.profile.name} has no "
                "stand-in for them",
                where=self.data_root or "data_root",
                remedy=f"Give the folder that contains them, --data-root or -p data_root=… (home: "
                f"{manifest.home}), or the profile's stand_ins an entry {name}.",
            )
        place = self.results.parent
        counts = counts or {}
        seed = self.profile.seed
        stated = manifest.model_dump_json()
        key = (stated, folder, place, square, seed, *sorted(counts.items()))
        if key not in _datasets:
            index = place / "index"
            if folder is None:
                from rin.data.standins import write_stand_in  # slow to load

                folder = write_stand_in(manifest, place / "stand_ins", counts, seed)
            _datasets[key] = open_dataset(manifest, folder, index_folder=index, square=square)
        return _datasets[key]

    def store(self, dataset: Dataset, size: int, resize: str = "stretch") -> ImageStore:
        """Return the image store of a dataset at this size, built on first use."""
        return build_store(dataset, size, folder=self.results.parent / "stores", resize=resize)

    def inputs(
        self, task: str, folds: int | None = None, changes: dict[str, Any] | None = None
    ) -> TaskInputs:
        """Open a task's images, decode them, find near-duplicates and split the patients, once.

        `changes` are settings of fine-tuning that a study varies; some of them affect the images.
        """
        settings = self.profile.tuning(task, changes)
        key = (task, folds or self.profile.folds, (settings.size, settings.resize))
        return self.once(key, lambda: _open_inputs(self, *key))

    def once(self, key: Hashable, make: Callable[[], Opened]) -> Opened:
        """Return the object that is kept under a key; the first call makes it."""
        if key not in self._opened:
            self._opened[key] = make()
        opened: Opened = self._opened[key]
        return opened


@dataclass(frozen=True)
class TaskInputs:
    """Everything that a task's runs read.

    Of `all_images` of a dataset, the study uses `used_images`; `pairs` are near-duplicates
    (case_a, case_b, distance), `folds` is the split (case_id, fold, part).  `substitute_for` is
    the title of the task's own dataset if another was read.  The `pairs` of `external` datasets
    are matches with the task's own images (case_id, other, distance, equal).
    """

    task: TaskManifest
    all_images: Dataset
    used_images: Dataset
    store: ImageStore
    pairs: pd.DataFrame
    folds: pd.DataFrame
    substitute_for: str | None = None
    external: dict[str, TaskInputs] = field(default_factory=dict)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out, for another process, the case tables that training does not read."""
        return self.__dict__ | dict.fromkeys(("all_images", "used_images", "pairs"))

    @cached_property
    def split_digests(self) -> dict[int, str]:
        """The SHA-256 of the split of each fold."""
        return {
            int(fold): digest_of(split.to_csv(index=False))
            for fold, split in self.folds.groupby("fold")
        }

    def inputs_of_part(self, part: str) -> TaskInputs:
        """Return the inputs that a part belongs to: an external dataset's by name, or these."""
        return self.external.get(part, self)

    @property
    def sites(self) -> dict[str, TaskInputs]:
        """The inputs of the own dataset, then of the external ones, by dataset."""
        return {self.all_images.manifest.name: self} | self.external

    @property
    def kept_columns(self) -> list[str]:
        """Further columns of cases that the manifest keeps, such as `device`."""
        kept = self.all_images.manifest.options.get("keep", {})
        return [name for name in kept if name in self.all_images.cases]

    def lesion_masks(self) -> np.ndarray:
        """Return the masks of the store; `InputError` if the images have none."""
        masks = self.store.masks()
        if masks is None:
            raise InputError(
                f"the runs of {self.task.name} keep no class activation maps, as its images have "
                "no lesion masks",
                where=f"dataset {self.all_images.manifest.name}",
                remedy="Choose a task whose dataset has masks.",
            )
        return masks

    @property
    def labels(self) -> pd.Series:
        """1 for the positive class, 0 otherwise, indexed by case_id."""
        cases = self.store.cases.set_index("case_id")
        return (cases["label"] == self.task.positive_class).astype(int)


def open_workspace(
    profile: PathLike | Profile = "demo",
    *,
    data_root: PathLike | None = None,
    results: PathLike = "results",
    partial: bool = False,
) -> Workspace:
    """Open a study; no images are read and nothing is trained.

    Parameters
    ----------
    profile : str, Path or Profile
        its name, the path of a YAML file, or a profile from `load_profile`
    data_root : str or Path, optional
        folder of real datasets; without it, every dataset is a stand-in
    results : str or Path
        folder for everything computed; in a notebook, relative folders start at the checkout
    partial : bool, default False
        whether a part of a dataset is accepted, which is reported wherever its results are
        shown; the profile or the environment variable `RIN_PARTIAL` can set this, too

    Returns
    -------
    Workspace

    Raises
    ------
    InputError
        For an unknown profile, a missing data root, or no task that can be shown live.

    Examples
    --------
    >>> from rin.study import open_workspace
    >>> open_workspace("smoke", results="results").results.as_posix()
    'results/smoke'
    """
    if not isinstance(profile, Profile):
        profile = load_profile(profile)
    if partial or os.environ.get(PARTIAL, "") not in ("", "0"):
        profile = profile.model_copy(update={"partial": True})
    root = from_checkout(data_root) if data_root else None
    if root is not None:
        check_data_root(root)
    study = Workspace(profile, root, from_checkout(results) / profile.name)
    if profile.reference is None:
        return study
    # For tasks without images, the reference run is shown.
    kept = [
        name for name in profile.tasks if study.provides(find_manifest(study, *find_task(name)))
    ]
    if not kept:
        raise InputError(
            "none of its tasks has images or a stand-in",
            where=f"profile {profile.name}",
            remedy="Give --data-root the folder of their images.",
        )
    return replace(study, profile=profile.model_copy(update={"tasks": kept}))


def from_checkout(path: PathLike) -> Path:
    """Return a folder as a path; in a notebook, a relative folder starts at the checkout."""
    # Jupyter runs a notebook in the notebook's folder, papermill and `rin` in the caller's.
    return REPOSITORY / path if Path.cwd().is_relative_to(REPOSITORY / "notebooks") else Path(path)


def _open_inputs(
    workspace: Workspace, task_name: str, folds: int, square: tuple[int, str]
) -> TaskInputs:
    profile = workspace.profile
    task_dataset, task = find_task(task_name)
    manifest = find_manifest(workspace, task_dataset, task)
    whole = workspace.dataset(manifest, square)
    n_folds = folds_of(profile, task, folds)
    whole, dataset, pairs, split = _split(workspace, task, whole, n_folds)
    store = workspace.store(dataset, *square)
    external = {}
    bits = dataset.manifest.near_duplicate_bits
    bits = leakage.SAME_PICTURE if bits is None else bits
    for name in task.external if profile.external else ():
        elsewhere = load_manifest(name)
        if elsewhere.color != manifest.color:
            raise InputError(
                "one has colour images, the other grey images",
                where=f"datasets {manifest.name} and {name}",
                remedy=f"Leave {name} out of the external datasets of task {task.name}.",
            )
        site = workspace.dataset(elsewhere, square)
        shared = leakage.matches_between(site.cases, dataset.cases, bits)
        of_site = workspace.store(site, *square)
        external[name] = TaskInputs(task, site, site, of_site, shared, folds=pd.DataFrame())
    substitute_for = task_dataset.title if manifest.name != task_dataset.name else None
    return TaskInputs(task, whole, dataset, store, pairs, split, substitute_for, external)


def folds_of(profile: Profile, task: TaskManifest, folds: int) -> int:
    """Return how many of `folds` a task has: any number where parts have stated sizes."""
    sized = isinstance(profile.cases_of.get(task.name, profile.cases), Sizes)
    return folds if sized else min(folds, task.n_folds)


def _split(
    workspace: Workspace, task: TaskManifest, whole: Dataset, n_folds: int
) -> tuple[Dataset, Dataset, pd.DataFrame, pd.DataFrame]:
    """Return the whole dataset, the cases that a task uses, their near-duplicates and the folds.

    If official folds name cases that a partial dataset lacks, its `part` says so.
    """
    profile = workspace.profile
    bits = whole.manifest.near_duplicate_bits
    if profile.splits_of.get(task.name, profile.splits) == "official":
        folds = official_folds(workspace, task, whole)
        listed = whole.cases["case_id"].isin(folds["case_id"]).to_numpy()
        folds = folds[folds["fold"] < n_folds].reset_index(drop=True)
        if whole.manifest.partial:
            folds, lost = splits.folds_of_part(folds, whole.cases, f"task {task.name}")
            part = whole.part or amount(len(whole.cases), "images")
            absent = f"{part} (official folds name {lost:,} absent cases)"
            whole = replace(whole, part=absent) if lost else whole
        dataset = splits.subset(whole, listed)
        pairs = leakage.near_duplicates(dataset.cases, bits)
        # Published parts may divide near-duplicates, which pages name; patients never.
        leakage.check_splits(dataset.cases, folds, pairs[:0])
        return whole, dataset, pairs, folds
    seed = profile.seed
    sizes = profile.cases_of.get(task.name, profile.cases)
    n_cases = sizes.total if isinstance(sizes, Sizes) else sizes
    dataset, groups, pairs = draw_cases(whole, bits, n_cases, seed)
    if isinstance(sizes, Sizes):
        trained = sizes.train, sizes.validation
        folds = splits.sized_folds(dataset.cases, groups, trained, n_folds, seed)
    else:
        where = f"task {task.name}"
        folds = splits.make_folds(dataset.cases, groups, n_folds, seed, where=where)
    leakage.check_splits(dataset.cases, folds, pairs, overlap=isinstance(sizes, Sizes))
    return whole, dataset, pairs, folds


def official_folds(workspace: Workspace, task: TaskManifest, dataset: Dataset) -> pd.DataFrame:
    """Return all folds that the authors of the paper or of the dataset published for a task."""
    root = workspace.data_root or Path()
    if lacking := _lacks_folds(workspace, task, dataset.manifest):
        raise InputError(
            f"the official folds of {task.name} cannot be read: {lacking}",
            where=workspace.data_root or "data_root",
            remedy="Set the profile's splits to own, or put a copy of "
            "github.com/BMEII-AI/RadImageNet under the data root.",
        )
    lists = task.fold_lists
    if lists is None:
        _, groups, _ = draw_cases(dataset, dataset.manifest.near_duplicate_bits, None, 0)
        return splits.given_folds(dataset, groups, task.n_folds, workspace.profile.seed)
    partial = dataset.manifest.partial
    cases = dataset.cases
    return splits.read_fold_files(root / lists.folder, lists, cases, task.n_folds, partial=partial)


def _lacks_folds(workspace: Workspace, task: TaskManifest, manifest: DatasetManifest) -> str:
    """Return what is missing of the official folds of a task; empty if they can be read."""
    if task.fold_lists is None:
        return "" if comes_with_split(manifest) else "no lists are known"
    folder = task.fold_lists.folder
    root = workspace.data_root
    return "" if root and (root / folder).is_dir() else f"{folder} is missing"


def find_manifest(
    workspace: Workspace, task_dataset: DatasetManifest, task: TaskManifest
) -> DatasetManifest:
    """Return the manifest that a task reads: its own dataset's, or that of an open substitute.

    A substitute is used only if the data root contains it but not the task's own dataset.
    """
    for name in () if workspace.holds(task_dataset) else task.substitutes:
        substitute = load_manifest(name)
        if task.positive_class not in substitute.label_map.values():
            raise InputError(
                f"no class of {name} is labelled {task.positive_class!r}",
                where=f"task {task.name}",
                remedy="A substitute's label_map must lead to the task's labels.",
            )
        if workspace.holds(substitute):
            return substitute
    return task_dataset.merge_task(task)


def draw_cases(
    dataset: Dataset, threshold: int | None, n: int | None, seed: int
) -> tuple[Dataset, pd.Series, pd.DataFrame]:
    """Return about `n` cases of a dataset (None: all), their leak-free groups and near-duplicates.

    Pictures whose hashes differ in at most `threshold` bits share a group; with None, there are no
    near-duplicates.
    """
    pairs = leakage.near_duplicates(dataset.cases, threshold)
    groups = leakage.leak_free_groups(dataset.cases, pairs)
    if n is None:
        return dataset, groups, pairs
    taken = splits.subset(dataset, splits.sample_with_groups(dataset.cases, groups, n, seed))
    kept = pairs[["case_a", "case_b"]].isin({*taken.cases["case_id"]}).all(axis=1)
    return taken, groups.loc[taken.cases["case_id"]], pairs[kept].reset_index(drop=True)


def real_archive(workspace: Workspace) -> Path | None:
    """Return the folder of the real archive, or None if the data root contains none."""
    settings = workspace.profile.curation
    root = workspace.data_root
    if settings is None or root is None:
        return None
    folder = root / settings.archive
    return folder if folder.is_dir() else None


def usable_corpora(workspace: Workspace, names: list[str]) -> list[str]:
    """Return the corpora of `names` with real images; if there are none, those with stand-ins."""
    archived = {CURATED} if real_archive(workspace) else set()
    real = [name for name in names if name in archived or workspace.holds(load_manifest(name))]
    made = {*workspace.profile.stand_ins} | ({CURATED} if workspace.profile.curation else set())
    return real or [name for name in names if name in made]


def missing_inputs(workspace: Workspace) -> list[str]:
    """Return a phrase for each input of a study that neither data root nor profile provides."""
    profile = workspace.profile
    missing = []
    chosen_pages(profile)
    for task in profile.tasks:
        dataset, stated = find_task(task)
        manifest = find_manifest(workspace, dataset, stated)
        official = profile.splits_of.get(task, profile.splits) == "official"
        if official and (lacking := _lacks_folds(workspace, stated, manifest)):
            missing.append(f"official folds of {task}: {lacking}")
        if not workspace.provides(manifest):
            places = " nor ".join(manifest.locations)
            source = "" if manifest.access == "not public" else f"; get it at {manifest.home}"
            source += "; or its substitute ".join(["", *stated.substitutes])
            where = workspace.data_root or "without --data-root"
            missing.append(
                f"images of {task}: {manifest.name} is not at {places} ({where}){source}"
            )
    for init, names in profile.corpora.items():
        if not usable_corpora(workspace, names):
            missing.append(f"corpus of {init}: {' or '.join(names)}")
    missing += [
        f"features {init}: rin features add {init}"
        for init in profile.feature_inits
        if not (workspace.features_folder / init).is_dir()
    ]
    for init, backbone in profile.loaded_weights:
        try:
            entry = find_entry(init, backbone, load_entries())
        except InputError as error:
            missing.append(str(error))
        else:
            if said := _weights_problem(entry, workspace.weights_folders):
                missing.append(f"weights {init} {backbone}: {said}")
    return missing


def _weights_problem(entry: WeightsEntry, folders: list[Path]) -> str:
    """Return a phrase on how to get an entry's file if it is missing or wrong, else empty."""
    path = locate_weights(entry, folders)
    if path and (problem := digest_problem(entry, path)):
        return f"{path} is another file ({problem}): delete it, and fetch it again"
    if path or (not entry.file and _keras_answers()):
        return ""
    if entry.file:
        return f"put {entry.file} under the data root"
    return f"connect once, or put Keras' *_notop.h5 of it into {keras_folder()}"


def chosen_pages(profile: Profile) -> tuple[str, ...]:
    """Return the notebooks that a profile lists for its book; `InputError` for an unknown name."""
    folder = REPOSITORY / "notebooks"
    files = (path.relative_to(folder).with_suffix("") for path in folder.rglob("*.py"))
    known = sorted(map(Path.as_posix, files))
    kind = f"page (pages of profile {profile.name})"
    return tuple(look_up(kind, name.removesuffix(".py"), known) for name in profile.pages or ())


def available_weights(data_root: Path) -> tuple[str, list[str]]:
    """Return the kind of weights to start from, and the backbones.

    Weights are released together with ImageNet's, in Keras' form (`released`) or in PyTorch's
    (`released_pytorch`), or else pretrained on `corpora` or on `stand-ins`.  InputError if there
    are released PyTorch files that cannot be read yet.
    """
    folders = [data_root / "weights", data_root]
    entries = {(entry.init, entry.backbone): entry for entry in load_entries()}
    there = [key for key, entry in entries.items() if locate_weights(entry, folders)]
    for kind, (init, other) in {"released": (KERAS, IMAGENET), "released_pytorch": TORCH}.items():
        backbones = [
            backbone
            for name, backbone in there
            if name == init
            and ((other, backbone) in there or (other == IMAGENET and _keras_answers()))
        ]
        if backbones:
            return kind, backbones
    releases = [entry for entry in entries.values() if entry.init == TORCH[0]]
    for release, ending in product(releases, (".safetensors", ".pt", ".pth")):
        other_release = entries[TORCH[1], release.backbone]
        target, beside = (folders[0] / str(entry.file) for entry in (release, other_release))
        if (source := target.with_suffix(ending)).is_file():
            raise InputError(
                f"{release.release} cannot be compared with {other_release.release} yet",
                where=source,
                remedy="Where PyTorch is installed (extra torch), turn the PyTorch files of both "
                f"({other_release.home}) into {target} and {beside} with rin weights convert. Or "
                "move this file away, to continue without it.",
            )
    corpora = [locate(load_manifest(name), data_root) for name in CORPORA]
    return ("corpora" if all(corpora) else "stand-ins"), ["ResNet50"]


def _keras_answers() -> bool:
    """Return whether Keras' own weights can be downloaded now."""
    request = urllib.request.Request(KERAS_ADDRESS, method="HEAD")
    with suppress(OSError), urllib.request.urlopen(request, timeout=4):
        return True
    return False
