"""Dataset manifests: what a dataset is, where its files are, and what it must contain.

Each dataset has one YAML file under `data_manifests/`; a dataset in a known layout needs no
Python.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)
from pydantic.dataclasses import dataclass

from rin.errors import InputError, as_input_error, look_up
from rin.files import FrozenModel, manifest_folder, parse_yaml

Counts = dict[str, NonNegativeInt]
#: Source class to label; None leaves the class out of the task.
LabelMap = dict[str, str | None]
#: Parts of a split, in their order, and their names in lists and tables.
PARTS = ("train", "validation", "test")
PART_NAMES = {"train": "train", "val": "validation", "test": "test"}
#: Words for the parts in folders and columns of others.
PART_WORDS = {
    **PART_NAMES,
    "training": "train",
    "testing": "test",
    "validation": "validation",
    "valid": "validation",
    "dev": "validation",
}


class FoldLists(FrozenModel):
    """Where the folds published by the paper's authors are, and how to read their rows.

    `folder` is relative to the data root.  In `pattern`, such as `{part}_fold{fold}.csv`,
    the part is train, val or test, and folds count from 1.  `labels` maps the words of the lists
    to the task's labels.  `names` says how a picture's name gives the case id: as `stem`,
    `images/314_1.jpg` gives 314_1; as `slice`, `0001_sagittal_11.000000.png` gives
    0001-sagittal-11.
    """

    folder: str
    pattern: str
    labels: dict[str, str] = {}
    names: Literal["stem", "slice"] = "stem"


class TaskManifest(FrozenModel):
    """A classification task on the images of a dataset.

    `paper_task` is the published task with which this task is compared, by its key in
    `rin/evidence/paper.yaml`; None if there is no such task.
    `label_map` and `options` are added to those of the dataset.  `substitutes` are datasets
    that are read if this dataset is absent; `external` datasets are scored but never trained on.
    Both must have the task's labels.
    """

    name: str
    title: str
    positive_class: str
    n_folds: Annotated[int, Field(ge=1, le=6)]
    paper_task: Annotated[str | None, Field(description="a published task, as below")] = None
    label_map: LabelMap = {}
    options: dict[str, Any] = {}
    substitutes: tuple[str, ...] = ()
    external: tuple[str, ...] = ()
    fold_lists: FoldLists | None = None


class ExpectedCounts(FrozenModel):
    """Images per class: stated by the paper, stated by the authors, and counted from the files.

    `paper` counts images per label; `authors` and `images` count images or exams (`unit`)
    per source class.  Only counts of the files are asserted: `images`, `masks`, `total`,
    `classes`, and `empty_masks`, the largest number of masks that mark nothing or everything.
    Differences from `paper` and `authors` are reported.
    """

    paper: Counts = {}
    authors: Counts = {}
    unit: Literal["image", "exam"] = "image"
    images: Counts = {}
    masks: Counts = {}
    empty_masks: NonNegativeInt = 0
    total: PositiveInt | None = None
    classes: PositiveInt | None = None


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Finding:
    """An observation on a dataset: its kind, a sentence, and the cases concerned, if any."""

    kind: str
    text: str
    case_ids: tuple[str, ...] = ()


class PartSource(FrozenModel):
    """A published dataset from which a part of a collection was taken, and its `home`."""

    name: str
    home: str
    citation: str
    classes: PositiveInt
    images: PositiveInt


class Download(FrozenModel):
    """A file that can be fetched without an account; its hash is `md5:…` or `sha256:…`."""

    url: str
    name: str
    hash: Annotated[str, Field(pattern="^(md5|sha256):[0-9a-f]+$")]


class DatasetManifest(FrozenModel):
    """All that is known about a dataset before any of its files is opened.

    `locations` are tried in order under the data root; `archive.zip::folder` counts only if
    the archive contains that folder.  `label_map` maps source classes to labels; without it, the
    labels are the source classes.  `options` belong to the layout's reader, which checks them.

    `window` is center and width, for DICOM (in rescaled values: Hounsfield units of CT) and for
    pictures of more than 8 bits or of floating-point numbers (in their stored values).
    Values that wrapped in unsigned 12-bit CT are counted, and put back below zero.

    `near_duplicate_bits` is the largest hash distance (of 256 bits) at which two pictures share
    a group; with None, no pictures are compared.  `patient_labels` is `several` if pictures of
    one patient may have different labels; `patients_in_headers` takes the patient from the
    PatientID of each DICOM file, in layouts that name no patients.

    `known_bad` names cases whose published file is broken, with the reason: they are left out
    and reported, as are the `findings`.

    `fetch` lists the files that `rin data fetch` downloads; `by_hand` says what to click at
    `home` for other files.  `sources` are the datasets from which a collection was gathered.
    `partial` says that only a part of the dataset may be present: labels of absent pictures are
    ignored, counts may be smaller than expected, and results name the part.
    """

    name: str
    title: str
    citation: str
    home: str
    licence: str
    access: Literal["open", "registration", "on request", "not public"]
    modality: str
    anatomy: str
    layout: Annotated[str, Field(description="a layout, as below")]
    options: dict[str, Any] = {}
    stand_in: str | None = None
    locations: Annotated[tuple[str, ...], Field(min_length=1)]
    files: dict[str, Annotated[str, Field(pattern="^[0-9a-f]{64}$")]] = {}
    fetch: tuple[Download, ...] = ()
    by_hand: str = ""
    independence: Literal["image", "exam", "patient"]
    patient_labels: Literal["one", "several"] = "one"
    color: bool = False
    window: tuple[float, PositiveFloat] | None = None
    masks: bool = False
    near_duplicate_bits: Annotated[int, Field(ge=0, le=64)] | None = 40
    patient_pattern: re.Pattern[str] | None = None
    patients_in_headers: bool = False
    label_map: LabelMap = {}
    known_bad: dict[str, str] = {}
    counts: ExpectedCounts = ExpectedCounts()
    findings: tuple[Finding, ...] = ()
    sources: tuple[PartSource, ...] = ()
    partial: bool = False
    tasks: tuple[TaskManifest, ...] = ()

    @model_validator(mode="after")
    def _is_consistent(self) -> "DatasetManifest":
        for task in self.tasks:
            labels = set((self.label_map | task.label_map).values())
            if labels and task.positive_class not in labels:
                known = ", ".join(sorted(filter(None, labels)))
                raise ValueError(
                    f"positive_class {task.positive_class!r} of task {task.name} is not a label "
                    f"of label_map ({known})"
                )
        return self

    @property
    def substitutes(self) -> list[str]:
        """Names of the datasets that a task of this one may read in its place."""
        return list(dict.fromkeys(name for task in self.tasks for name in task.substitutes))

    def merge_task(self, task: TaskManifest) -> "DatasetManifest":
        """Return the manifest as a task reads it, with the task's label map and options added."""
        return self.model_copy(
            update={
                "label_map": self.label_map | task.label_map,
                "options": self.options | task.options,
            }
        )


def read_names(pattern: str | re.Pattern[str], names: Iterable[str]) -> list[str]:
    """Return the patient in each name: a pattern's group `patient`, or all groups joined by -.

    A pattern with a slash is searched in the whole path, any other in the name of the file.
    """
    pattern = re.compile(pattern)
    in_path = "/" in pattern.pattern
    # An only group is taken as it is, as joining groups takes long for a million names.
    group = 1 if pattern.groups == 1 else pattern.groupindex.get("patient")
    patients = []
    for name in names:
        match = pattern.search(name if in_path else name.rpartition("/")[2])
        patient = match and (match[group] if group else "-".join(filter(None, match.groups())))
        if not patient:
            raise InputError(
                f"the patient pattern '{pattern.pattern}' has no patient in {name!r}",
                where="patient_pattern",
                remedy="Correct it: it must match every file name, the patient in parentheses.",
            )
        patients.append(patient)
    return patients


def manifest_names() -> list[str]:
    """Return the names of all dataset manifests, sorted."""
    return sorted({path.stem for path in manifest_folder().glob("[!.]*.yaml")} - {"weights"})


def load_manifest(name: str) -> DatasetManifest:
    """Read and validate `data_manifests/<name>.yaml`; InputError for an unknown name."""
    return _load_known(look_up("dataset", name, manifest_names()))


# Cached, because finding a task reads all manifests, and a page needs many.
@cache
def _check_manifest(held: bytes, path: Path) -> DatasetManifest:
    return DatasetManifest.parse(
        parse_yaml(held, path),
        where=path,
        remedy="Correct it there; the page “Tables and manifests” lists every setting.",
    )


def _load_known(name: str) -> DatasetManifest:
    path = manifest_folder() / f"{name}.yaml"
    with as_input_error(
        "it cannot be read", where=path, remedy="Check the file, its link and its permissions."
    ):
        manifest = _check_manifest(path.read_bytes(), path)
    if manifest.name != name:
        raise InputError(
            f"the manifest's name is {manifest.name!r}",
            where=path,
            remedy="Give the file and its 'name' field the same name.",
        )
    return manifest


def known_tasks() -> dict[str, list[tuple[DatasetManifest, TaskManifest]]]:
    """Return the tasks of each name, sorted, with their datasets: one, unless two share it."""
    tasks = defaultdict(list)
    for manifest in map(_load_known, manifest_names()):
        for task in manifest.tasks:
            tasks[task.name].append((manifest, task))
    return dict(sorted(tasks.items()))


def find_task(task_name: str) -> tuple[DatasetManifest, TaskManifest]:
    """Return the dataset and the task called `task_name`; InputError for an unknown name."""
    place, *others = look_up("task", task_name, known_tasks())
    for manifest, _ in others:
        raise InputError(
            f"task {task_name!r} is in both {place[0].name} and {manifest.name}",
            where=manifest_folder(),
            remedy="Give every task a unique name.",
        )
    return place
