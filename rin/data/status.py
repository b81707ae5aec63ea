"""Which datasets are there, and are they whole?

`dataset_status` holds every manifest against a data root and opens no picture; `verify_dataset`
looks one over: known files, counts of every class, every picture decoded.  What is wrong with the
files is listed and not raised, so that one pass tells all of it.
"""

import hashlib
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from tqdm import tqdm

from rin.data.dataset import (
    Finding,
    check_counts,
    count_cases,
    count_masks,
    count_patients,
    locate,
    open_dataset,
    open_located,
)
from rin.data.inspection import inspect_cases
from rin.data.layouts import FoundCase, find_cases
from rin.data.layouts.found import STAND_IN_NOTE
from rin.data.manifest import DatasetManifest, KnownFile, load_manifest, manifest_names
from rin.data.tree import Tree, is_archive, open_tree
from rin.errors import InputError, unknown

#: From this size on, hashing shows its progress.
LARGE = 64 * 2**20
Outcome = Literal["as known", "no digest known", "not there", "another size", "another SHA-256"]


@dataclass(frozen=True)
class FileCheck:
    """A known file and how it compares; ``detail`` says by how much it differs."""

    name: str
    outcome: Outcome
    detail: str = ""

    @property
    def wrong(self) -> bool:
        """Whether a file of this name is there and is another one."""
        return self.outcome.startswith("another")


def check_file(tree: Tree, known: KnownFile) -> FileCheck:
    """Compare a file with what is known of it: the size first, then the SHA-256.

    The file is the archive that is read; or a file inside the archive or folder, there also
    below a wrapping folder; or one beside it.  A known file need not be there, as most archives
    get unpacked.  Raises InputError for a file that cannot be read.
    """
    place, ending = tree.root / tree.location, f"/{known.name}"
    inner = [name for name in tree.names if f"/{name}".endswith(ending)]
    member = min(inner, key=lambda name: (name.count("/"), name), default="")
    try:
        if member and is_archive(place):
            content = tree.read(member)
            size, digest = len(content), lambda: hashlib.sha256(content).hexdigest()
        else:
            path = place / member if member else tree.root / known.name
            if not path.is_file():
                return FileCheck(known.name, "not there")
            size, digest = path.stat().st_size, lambda: hash_file(path)
        if known.bytes is not None and size != known.bytes:
            detail = f"{size:,} bytes instead of {known.bytes:,}"
            return FileCheck(known.name, "another size", detail)
        if known.sha256 is None:
            return FileCheck(known.name, "no digest known")
        found = digest()
    except OSError as error:
        raise InputError(
            f"the file cannot be read ({error})",
            where=path,
            remedy="Check the file and its permissions, or fetch it again.",
        ) from error
    if found != known.sha256:
        return FileCheck(known.name, "another SHA-256", f"{found} instead of {known.sha256}")
    return FileCheck(known.name, "as known")


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file, read in pieces; large files show their progress."""
    size, digest = path.stat().st_size, hashlib.sha256()
    # None hides the bar where nobody watches.
    quiet = True if size < LARGE else None
    with (
        tqdm(total=size, unit="B", unit_scale=True, desc=path.name, disable=quiet) as bar,
        path.open("rb") as file,
    ):
        while piece := file.read(2**20):
            digest.update(piece)
            bar.update(len(piece))
    return digest.hexdigest()


State = Literal["here", "not there", "broken"]
_HOW_TO_GET = {
    "open": "Download it from {home}",
    "registration": "Register and download it at {home}",
    "on request": "Ask for it at {home}",
}


@dataclass(frozen=True)
class DatasetStatus:
    """One dataset: what it is for, whether it is there, and what its reader can do.

    ``location`` is relative to the data root, empty where nothing was found.  ``problem``
    tells why a broken dataset cannot be listed.  ``instead`` names what is read as long as
    the dataset is not there: substitutes that are, else ``stand-in``.
    """

    name: str
    title: str
    tasks: tuple[str, ...]
    substitute_for: tuple[str, ...]
    state: State
    location: str
    problem: str
    instead: tuple[str, ...]
    access: str
    licence: str
    home: str
    locations: tuple[str, ...]
    to_do: str

    @property
    def purpose(self) -> str:
        """The tasks that it feeds or stands in for; a dataset of no task is for pretraining."""
        if self.tasks:
            return ", ".join(self.tasks)
        if self.substitute_for:
            return f"substitute for {', '.join(self.substitute_for)}"
        return "pretraining"

    def as_dict(self) -> dict[str, Any]:
        """Return the fields and the purpose, ready for JSON."""
        return asdict(self) | {"purpose": self.purpose}


def dataset_status(data_root: Path | None, folder: Path | None = None) -> list[DatasetStatus]:
    """Hold every dataset manifest against a data root; None means that nothing is there.

    ``folder`` holds the manifests; the study's own where it is not given.  Datasets of tasks come
    first, then substitutes, then pretraining corpora; by name within.
    """
    manifests = {name: load_manifest(name, folder) for name in manifest_names(folder)}
    for manifest in manifests.values():
        for name in _substitutes(manifest):
            if name not in manifests:
                raise unknown(f"substitute for {manifest.name}", name, list(manifests))
    check_data_root(data_root)
    places = {name: _find_dataset(manifest, data_root) for name, manifest in manifests.items()}
    listed = [_status(manifest, manifests, places) for manifest in manifests.values()]
    return sorted(listed, key=lambda s: (not s.tasks, not s.substitute_for, s.name))


def check_data_root(data_root: Path | None) -> None:
    """Raise InputError where a data root is given and is no folder."""
    if data_root is not None and not Path(data_root).is_dir():
        raise InputError(
            "there is no such data root",
            where=data_root,
            remedy="Name the folder that holds the datasets, or leave it out.",
        )


def _find_dataset(manifest: DatasetManifest, data_root: Path | None) -> tuple[State, str, str]:
    """Return the state of a dataset, where it lies, and what is wrong with a broken one."""
    location = ""
    try:
        location = (data_root and locate(manifest, data_root)) or ""
        if not location:
            return "not there", "", ""
        path = Path(data_root) / location
        # The first name is enough for a folder: some hold hundreds of thousands of files.
        if next(path.iterdir(), None) if path.is_dir() else open_tree(data_root, location).names:
            return "here", location, ""
        remedy = "Fetch the dataset again, or remove the empty place."
        raise InputError("it holds no file", where=path, remedy=remedy)
    except (InputError, OSError) as error:
        return "broken", location, str(error)


def _status(
    manifest: DatasetManifest,
    manifests: dict[str, DatasetManifest],
    places: dict[str, tuple[State, str, str]],
) -> DatasetStatus:
    state, location, problem = places[manifest.name]
    here = tuple(name for name in _substitutes(manifest) if places[name][0] == "here")
    stand_in = ("stand-in",) if manifest.stand_in else ()
    to_do = {"here": "Nothing.", "broken": f"Mend what is there: {problem}"}
    copied = ("name", "title", "access", "licence", "home", "locations")
    return DatasetStatus(
        **{field: getattr(manifest, field) for field in copied},
        tasks=tuple(task.name for task in manifest.tasks),
        substitute_for=tuple(
            task.name
            for other in manifests.values()
            for task in other.tasks
            if manifest.name in task.substitutes
        ),
        state=state,
        location=location,
        problem=problem,
        instead=(here or stand_in) if state == "not there" else (),
        to_do=to_do.get(state) or _how_to_get(manifest, here),
    )


def _how_to_get(manifest: DatasetManifest, here: tuple[str, ...]) -> str:
    get, public = "It is not public", manifest.access != "not public"
    if public:
        how = _HOW_TO_GET[manifest.access].format(home=manifest.home)
        get = f"{how}, and put it at {manifest.locations[0]}"
    if here:
        return f"{get}; its substitute {' and '.join(here)} is there."
    if others := _substitutes(manifest):
        return f"{get}; {'or ' * public}get its substitute {' or '.join(others)}."
    return f"{get}."


def _substitutes(manifest: DatasetManifest) -> tuple[str, ...]:
    """Return the names of all substitutes of a dataset's tasks, each once, in order."""
    return tuple(dict.fromkeys(name for task in manifest.tasks for name in task.substitutes))


@dataclass(frozen=True)
class ClassCount:
    """Images (or exams) and masks of a source class; None where the manifest states none."""

    source_class: str
    found: int
    expected: int | None
    masks: int
    expected_masks: int | None


@dataclass(frozen=True)
class Verification:
    """What was found of a dataset.

    ``task`` is the task whose labels were read, where the dataset has none of its own.
    ``patients`` are the numbers of :func:`rin.data.dataset.count_patients`, empty where no
    patients are named and None where they were not read.
    ``readable`` counts the pictures that can be read, None where none was tried.  ``digest``
    is that of :class:`rin.data.dataset.Dataset`, empty where the dataset was not opened.
    """

    manifest: DatasetManifest
    task: str = ""
    location: str = ""
    files: tuple[FileCheck, ...] = ()
    counts: tuple[ClassCount, ...] = ()
    patients: dict[str, int] | None = None
    readable: int | None = None
    findings: tuple[Finding, ...] = ()
    digest: str = ""
    problems: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether nothing failed."""
        return not self.problems

    def failing(self, *problems: str) -> "Verification":
        """Return the same with more problems."""
        return replace(self, problems=self.problems + problems)


def manifests_to_verify(name: str, data_root: Path) -> list[DatasetManifest]:
    """Return the manifest called ``name``; for ``all``, those of all datasets that are there."""
    if name != "all":
        return [load_manifest(name)]
    return [load_manifest(s.name) for s in dataset_status(data_root) if s.state != "not there"]


def verify_dataset(
    manifest: DatasetManifest,
    data_root: Path,
    *,
    index_folder: Path,
    quick: bool = False,
    expect: str = "",
) -> Verification:
    """Look a dataset over, from its files to its pixels.

    Inspections are kept in ``index_folder``: a picture that it knows, and whose file has kept its
    size and its time or checksum, is not decoded again.  ``quick`` decodes nothing; then there is
    neither digest nor finding.  ``expect`` is the content digest that the dataset must have; empty
    for any.
    """
    check_data_root(data_root)
    task = ""
    if manifest.tasks and not manifest.label_map:
        task, manifest = manifest.tasks[0].name, manifest.for_task(manifest.tasks[0])
    done = Verification(manifest, task=task)
    try:
        done, tree = _located(done, data_root)
        files = tuple(check_file(tree, known) for known in manifest.files)
        wrong = [f"{file.name} has {file.outcome}: {file.detail}" for file in files if file.wrong]
        done = replace(done, files=files).failing(*wrong)
        found = find_cases(tree, manifest)
        done = replace(done, counts=_class_counts(manifest, found))
        done, counted = _counted(done, found, tree)
        labels = {each: manifest.label(each) for each in {case.source_class for case in found}}
    except InputError as error:
        return done.failing(str(error))
    wanted = [case for case in found if labels[case.source_class] is not None]
    if quick:
        rows = [(case.case_id, case.patient_id, labels[case.source_class]) for case in wanted]
        return _with_patients(done, pd.DataFrame(rows, columns=["case_id", "patient_id", "label"]))
    seen, bad = inspect_cases(tree.root, wanted, manifest, folder=index_folder)
    bad = bad[~bad["case_id"].isin(manifest.known_bad)]
    done = replace(done, readable=len(seen))
    done = _with_patients(done, seen.assign(label=seen["source_class"].map(labels)))
    done = done.failing(*(f"{row.place}: {row.problem}" for row in bad.itertuples()))
    if not counted or len(bad):
        return done
    try:
        dataset = open_dataset(manifest, data_root, index_folder=index_folder)
    except InputError as error:
        return done.failing(str(error))
    done = replace(done, findings=dataset.findings, digest=dataset.digest)
    if expect and expect != dataset.digest:
        return done.failing(f"the content digest is {dataset.digest} and not {expect}")
    return done


def _located(done: Verification, data_root: Path) -> tuple[Verification, Tree]:
    tree = open_located(done.manifest, data_root)
    if any(name.rpartition("/")[2] == STAND_IN_NOTE for name in tree.names):
        raise InputError(
            f"this is a stand-in that was written for {done.manifest.name}, not the dataset",
            where=tree.place(),
            remedy="Name the folder that holds the real images.",
        )
    return replace(done, location=tree.location), tree


def _class_counts(manifest: DatasetManifest, found: list[FoundCase]) -> tuple[ClassCount, ...]:
    stated, masks = manifest.counts, count_masks(found)
    counted = count_cases(found, stated.unit, manifest.name)
    return tuple(
        ClassCount(
            source_class=name,
            found=counted[name],
            expected=stated.images.get(name),
            masks=masks[name],
            expected_masks=stated.masks.get(name),
        )
        for name in sorted(set(counted) | set(stated.images))
    )


def _counted(done: Verification, found: list[FoundCase], tree: Tree) -> tuple[Verification, bool]:
    try:
        check_counts(done.manifest, found, None, tree.root / tree.location)
    except InputError as error:
        return done.failing(error.problem), False
    return done, True


def _with_patients(done: Verification, cases: pd.DataFrame) -> Verification:
    """Return the same with the numbers of patients; None where only headers name them."""
    if cases.empty or cases["patient_id"].isna().any():
        return done
    return replace(done, patients=count_patients(cases) or {})
