"""Which datasets are there, and are they whole?

What is wrong with the files is listed and not raised, so that one pass tells all of it.
"""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from rin.data import dataset as datasets
from rin.data.layouts import find_cases
from rin.data.leakage import leak_free_groups, near_duplicates
from rin.data.manifest import (
    DatasetManifest,
    Finding,
    load_manifest,
    manifest_names,
)
from rin.data.splits import fold_sizes, make_folds
from rin.data.store import inspect_cases
from rin.data.tree import Tree, open_tree
from rin.errors import InputError, explained, look_up
from rin.files import sha256_of

_HOW_TO_GET = {
    "open": "Download it from {0.home}, and put it at {0.locations[0]}",
    "registration": "Register and download it at {0.home}, and put it at {0.locations[0]}",
    "on request": "Ask for it at {0.home}, and put it at {0.locations[0]}",
    "not public": "It is not public",
}


def dataset_status(data_root: Path | None) -> pd.DataFrame:
    """Hold every dataset manifest against a data root, or none; no picture is opened.

    Returned is a row a dataset: those of tasks, then substitutes, then pretraining corpora.
    Columns are ``name``, ``title``, ``access``, ``licence`` and ``home`` of its manifest; the
    ``tasks`` that it feeds, and its ``purpose`` in words; ``state`` (here, not there, broken) and
    ``location`` below the data root; ``instead``, read as long as it is not there; ``to_do``.
    """
    manifests = {name: load_manifest(name) for name in manifest_names()}
    if data_root is not None:
        datasets.check_data_root(data_root)
    places = {name: _find_dataset(manifest, data_root) for name, manifest in manifests.items()}
    every_task = [task for manifest in manifests.values() for task in manifest.tasks]
    of_tasks, substitutes, others = [], [], []
    for name, manifest in manifests.items():
        state, location, problem = places[name]
        tasks = [task.name for task in manifest.tasks]
        stands_for = [task.name for task in every_task if name in task.substitutes]
        if tasks:
            group, purpose = of_tasks, ", ".join(tasks)
        elif stands_for:
            group, purpose = substitutes, f"substitute for {', '.join(stands_for)}"
        else:
            group, purpose = others, "practice" if manifest.layout == "npz" else "pretraining"
        known = list(dict.fromkeys(other for task in manifest.tasks for other in task.substitutes))
        kind = f"substitute for {name}"
        here = [other for other in known if look_up(kind, other, places)[0] == "here"]
        stand_in = ["stand-in"] if manifest.stand_in else []
        to_do = {"here": "Nothing.", "broken": f"Mend what is there: {problem}"}
        row = {
            key: getattr(manifest, key) for key in ("name", "title", "access", "licence", "home")
        }
        group.append(
            row
            | {
                "tasks": tasks,
                "purpose": purpose,
                "state": state,
                "location": location,
                "instead": (here or stand_in) if state == "not there" else [],
                "to_do": to_do.get(state) or _how_to_get(manifest, here, known),
            }
        )
    return pd.DataFrame([*of_tasks, *substitutes, *others])


def _how_to_get(manifest: DatasetManifest, here: list[str], substitutes: list[str]) -> str:
    get = _HOW_TO_GET[manifest.access].format(manifest)
    if manifest.fetch:
        get = f"rin data fetch {manifest.name} downloads it, from {manifest.home}"
    elif manifest.by_hand:
        get = f"{get} ({manifest.by_hand})"
    elif manifest.sources:
        get = f"Gather it from the {len(manifest.sources)} sources that its manifest lists, one "
        get += f"folder a class, and put it at {manifest.locations[0]}"
    if here:
        return f"{get}; its substitute {' and '.join(here)} is there."
    either = "" if manifest.access == "not public" else "or "
    others = f"; {either}get its substitute {' or '.join(substitutes)}" if substitutes else ""
    return f"{get}{others}."


def _find_dataset(manifest: DatasetManifest, data_root: Path | None) -> tuple[str, str, str]:
    """Return the state of a dataset, where it lies, and what is wrong with a broken one."""
    location = ""
    try:
        location = datasets.locate(manifest, data_root) or ""
        if not location:
            return "not there", "", ""
        path = Path(data_root) / location
        # The first name is enough for a folder: some hold hundreds of thousands of files.
        if next(path.iterdir(), None) if path.is_dir() else open_tree(data_root, location).names:
            return "here", location, ""
        return "broken", location, f"{path}: it holds no file"
    except (InputError, OSError) as error:
        return "broken", location, str(error)


def check_file(tree: Tree, name: str, sha256: str) -> str:
    """Return how a file compares with its known SHA-256: as known, not there, or another.

    It is the archive itself, a file inside archive or folder, or one beside it.
    """
    inner = [path for path in tree.names if f"/{path}".endswith(f"/{name}")]
    if inner:
        nearest = min(inner, key=lambda path: path.count("/"))
        found = hashlib.sha256(tree.read(nearest)).hexdigest()
    else:
        path = tree.root / name
        if not path.is_file():
            return "not there"
        remedy = "Check the file and its permissions, or fetch it again."
        with explained("the file cannot be read", where=path, remedy=remedy, kinds=OSError):
            found = sha256_of(path)
    return "as known" if found == sha256 else f"another SHA-256 ({found} instead of {sha256})"


@dataclass
class Verification:
    """What was found of a dataset.

    ``task`` is the task whose labels were read, where the dataset has none of its own; ``files``
    the outcome of `check_file` by name; ``patients`` is empty where none are named and None where
    they were not read; ``readable`` counts pictures, None where none was tried.
    """

    manifest: DatasetManifest
    task: str = ""
    location: str = ""
    files: dict[str, str] = field(default_factory=dict)
    counts: pd.DataFrame = field(default_factory=pd.DataFrame)
    patients: dict[str, int] | None = None
    readable: int | None = None
    findings: tuple[Finding, ...] = ()
    digest: str = ""
    folds: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def manifests_to_verify(name: str, data_root: Path) -> list[DatasetManifest]:
    """Return the manifest called ``name``; for ``all``, those of all datasets that are there."""
    if name != "all":
        return [load_manifest(name)]
    statuses = dataset_status(data_root)
    return [load_manifest(name) for name in statuses["name"][statuses["state"] != "not there"]]


def verify_dataset(
    manifest: DatasetManifest,
    data_root: Path,
    *,
    index_folder: Path,
    quick: bool = False,
) -> Verification:
    """Look a dataset over: known files, counts of every class, every picture decoded.

    ``quick`` decodes nothing; then there is neither digest nor finding.
    """
    datasets.check_data_root(data_root)
    task = ""
    if manifest.tasks and not manifest.label_map:
        task, manifest = manifest.tasks[0].name, manifest.for_task(manifest.tasks[0])
    done = Verification(manifest, task=task)
    try:
        _look_over(done, data_root, index_folder, quick)
    except InputError as error:
        done.problems.append(str(error))
    return done


def _look_over(done: Verification, data_root: Path, index_folder: Path, quick: bool) -> None:
    """Note what is found and what is wrong, until something forbids to go on."""
    manifest = done.manifest
    tree = datasets.open_located(manifest, data_root)
    if datasets.stand_in_manifest(tree, manifest) is not None:
        problem = f"this is a stand-in that was written for {manifest.name}, not the dataset"
        raise tree.wrong(problem, remedy="Name the folder that holds the real images.")
    done.location = tree.location
    done.files = {name: check_file(tree, name, known) for name, known in manifest.files.items()}
    done.problems += [
        f"{name} has {outcome}" for name, outcome in done.files.items() if "another" in outcome
    ]
    listed = find_cases(tree, manifest)
    done.counts = datasets.count_classes(manifest, listed)
    sound = True
    try:
        datasets.check_counts(manifest, listed, tree.root / tree.location)
    except InputError as error:
        done.problems.append(error.problem)
        sound = False
    cases = listed[listed["label"].notna()]
    if not quick:
        cases, bad = inspect_cases(tree.root, cases, manifest, folder=index_folder)
        bad = bad[~bad["case_id"].isin(manifest.known_bad)]
        done.readable = len(cases)
        done.problems += [f"{row.place}: {row.problem}" for row in bad.itertuples()]
        wrong = datasets.case_problems(manifest, cases, states_all=True)
        sound = sound and not wrong
        done.problems += map(str, wrong)
    if len(cases) and cases["patient_id"].notna().all():
        done.patients = datasets.count_patients(cases) or {}
    if quick or len(bad) or not sound:
        return
    dataset = datasets.open_dataset(manifest, data_root, index_folder=index_folder)
    done.findings, done.digest = dataset.findings, dataset.digest
    pairs = near_duplicates(dataset.cases, manifest.near_duplicate_bits)
    groups = leak_free_groups(dataset.cases, pairs)
    for task in manifest.tasks:
        # A task with labels of its own reads other cases: the study divides those.
        if not task.label_map:
            folds = make_folds(dataset.cases, groups, task.n_folds, 0, where=f"task {task.name}")
            done.folds[task.name] = fold_sizes(folds)
