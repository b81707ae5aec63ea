"""Is a dataset whole?  Known files, counts of every class, and every picture decoded.

What is wrong with the files is listed and not raised, so that one pass tells all of it.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from rin.data.datasets import locate, open_dataset
from rin.data.findings import Finding, check_counts, count_cases
from rin.data.inspection import inspect_cases
from rin.data.known_files import FileCheck, check_file
from rin.data.layouts import FoundCase, find_cases
from rin.data.layouts.found import STAND_IN_NOTE
from rin.data.manifest import DatasetManifest, load_manifest
from rin.data.status import check_data_root, dataset_status
from rin.data.tree import Tree, open_tree
from rin.errors import InputError


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
    ``readable`` counts the pictures that can be read, None where none was tried.  ``digest``
    is that of :class:`rin.data.datasets.Dataset`, empty where the dataset was not opened.
    """

    manifest: DatasetManifest
    task: str = ""
    location: str = ""
    files: tuple[FileCheck, ...] = ()
    counts: tuple[ClassCount, ...] = ()
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
    """Return the manifest called ``name``; for ``all``, those of all datasets that are there.

    Raises
    ------
    InputError
        Unknown name (the known ones are listed), or no such data root.
    """
    if name != "all":
        return [load_manifest(name)]
    present = [one.name for one in dataset_status(data_root) if one.state != "not there"]
    return [load_manifest(one) for one in present]


def verify_dataset(
    manifest: DatasetManifest,
    data_root: Path,
    *,
    index_folder: Path,
    quick: bool = False,
    expect: str = "",
) -> Verification:
    """Look a dataset over, from its files to its pixels.

    Parameters
    ----------
    index_folder
        Where inspections are kept.  A picture that it knows, and whose file has kept its size
        and its time or checksum, is not decoded again; in an empty folder all are decoded.
    quick
        Decode nothing; then there is neither digest nor finding.
    expect
        Content digest that the dataset must have; empty for any.

    Raises
    ------
    InputError
        No such data root, or an index folder that cannot be used.
    """
    check_data_root(data_root)
    manifest, task = _as_read(manifest)
    done = Verification(manifest, task=task)
    try:
        done, tree = _located(done, data_root)
        done = _with_files(done, tree)
        found = find_cases(tree, manifest)
        done = replace(done, counts=_class_counts(manifest, found))
        done, counted = _counted(done, found, tree)
        labels = {each: manifest.label(each) for each in {case.source_class for case in found}}
    except InputError as error:
        return done.failing(str(error))
    if quick:
        return done
    wanted = [case for case in found if labels[case.source_class] is not None]
    seen, bad = inspect_cases(tree.root, wanted, manifest, folder=index_folder)
    bad = bad[~bad["case_id"].isin(manifest.known_bad)]
    done = replace(done, readable=len(seen))
    done = done.failing(*(f"{row.place}: {row.problem}" for row in bad.itertuples()))
    if not counted or len(bad):
        return done
    return _opened(done, data_root, index_folder, expect)


def _as_read(manifest: DatasetManifest) -> tuple[DatasetManifest, str]:
    """Return the manifest with labels, of its first task where it has none, and that task."""
    if manifest.label_map or not manifest.tasks:
        return manifest, ""
    task = manifest.tasks[0]
    return manifest.for_task(task), task.name


def _located(done: Verification, data_root: Path) -> tuple[Verification, Tree]:
    manifest = done.manifest
    location = locate(manifest, data_root)
    if location is None:
        raise InputError(
            f"{manifest.title} is not there (looked for {', '.join(manifest.locations)})",
            where=data_root,
            remedy=f"Access is {manifest.access}: get it at {manifest.home}.",
        )
    tree = open_tree(data_root, location)
    if any(name.rpartition("/")[2] == STAND_IN_NOTE for name in tree.names):
        raise InputError(
            f"this is a stand-in that was written for {manifest.name}, not the dataset",
            where=tree.root / location,
            remedy="Name the folder that holds the real images.",
        )
    return replace(done, location=location), tree


def _with_files(done: Verification, tree: Tree) -> Verification:
    files = tuple(check_file(tree, known) for known in done.manifest.files)
    wrong = [f"{one.name} has {one.outcome}: {one.detail}" for one in files if one.wrong]
    return replace(done, files=files).failing(*wrong)


def _class_counts(manifest: DatasetManifest, found: list[FoundCase]) -> tuple[ClassCount, ...]:
    stated = manifest.counts
    counted = count_cases(found, stated.unit, manifest.name)
    masks = dict.fromkeys(counted, 0)
    for case in found:
        masks[case.source_class] += len(case.masks)
    return tuple(
        ClassCount(
            name, counted.get(name, 0), stated.images.get(name), masks.get(name, 0),
            stated.masks.get(name),
        )
        for name in sorted(set(counted) | set(stated.images))
    )  # fmt: skip


def _counted(done: Verification, found: list[FoundCase], tree: Tree) -> tuple[Verification, bool]:
    try:
        check_counts(done.manifest, found, None, tree.root / tree.location)
    except InputError as error:
        return done.failing(error.problem), False
    return done, True


def _opened(done: Verification, data_root: Path, index_folder: Path, expect: str) -> Verification:
    try:
        dataset = open_dataset(done.manifest, data_root, index_folder=index_folder)
    except InputError as error:
        return done.failing(str(error))
    done = replace(done, findings=dataset.findings, digest=dataset.digest)
    if expect and expect != dataset.digest:
        return done.failing(f"the content digest is {dataset.digest} and not {expect}")
    return done
