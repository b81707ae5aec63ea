"""Dataset manifests: what a dataset is, where it lies, and what it must contain.

One YAML file per dataset under ``data_manifests/``; where its layout has a reader, no Python.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Annotated, Any, Literal, cast

from pydantic import ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass

from rin.errors import InputError, as_input_error, look_up
from rin.files import FrozenModel, manifest_folder, parse_yaml

Counts = dict[str, Annotated[int, Field(ge=0)]]
#: Source class to label; None leaves the class out of the task.
LabelMap = dict[str, str | None]
#: Parts of a split, in their order, and how lists and tables call them.
PARTS = ("train", "validation", "test")
PART_NAMES = dict(zip(("train", "val", "test"), PARTS, strict=True))


def evenly(count: int, n: int) -> list[int]:
    """Return ``count`` of ``n`` places, in the middle of as many equal parts; all of fewer."""
    count = min(count, n)
    return [(2 * i + 1) * n // (2 * count) for i in range(count)]


def in_the_middle(count: int, n: int) -> list[int]:
    """Return ``count`` of ``n`` places around the middle; all of fewer."""
    count = min(count, n)
    return [(n - count) // 2 + i for i in range(count)]


class Slices(FrozenModel):
    """Which slices of a volume are taken: ``count`` of them, or all where it has fewer.

    They are spaced evenly (``even``), around the ``middle``, or evenly among those in which a
    mask marks a ``lesion``, and as ``even`` where it marks none.  ``axis`` is a plane of NIfTI
    (axial by default), or an axis of a `.npy` array (0); frames of DICOM have none.  A ``volume``
    is a ``file``, or a ``folder`` whose pictures are its slices, in the order of DICOM headers or
    of their names.
    """

    rule: Literal["even", "middle", "lesion"]
    count: Annotated[int, Field(ge=1, le=1000)]
    axis: Literal["axial", "coronal", "sagittal", 0, 1, 2] | None = None
    volume: Literal["file", "folder"] = "file"

    @model_validator(mode="after")
    def _fits(self) -> "Slices":
        if self.volume == "folder" and self.axis is not None:
            raise ValueError("axis: the slices of a folder are its files, whatever they cut")
        return self

    def choose(self, n: int) -> list[int]:
        """Return the slices to take of ``n``, by their numbers from 0, whatever shows a lesion."""
        chosen = in_the_middle if self.rule == "middle" else evenly
        return chosen(self.count, n)


class FoldLists(FrozenModel):
    """Where the folds that the paper's authors published lie, and how to read their rows.

    ``folder`` is relative to the data root.  In ``pattern``, such as ``{part}_fold{fold}.csv``,
    the part is train, val or test, and folds count from 1.  ``labels`` takes the words of the
    lists to the task's labels.  ``names`` tells how a picture's name gives the case id:
    ``images/314_1.jpg`` is 314_1, and as `slice`, ``0001_sagittal_11.000000.png`` is
    0001-sagittal-11.
    """

    folder: str
    pattern: str
    labels: dict[str, str] = Field(default_factory=dict)
    names: Literal["stem", "slice"] = "stem"


class TaskManifest(FrozenModel):
    """One classification task that a dataset feeds.

    ``paper_task`` is the published task that this one stands beside, by its key in
    ``rin/evidence/paper.yaml``; None where there is none.
    ``label_map`` and ``options`` add to those of the dataset.  ``substitutes`` are datasets that
    are read where it is not at hand; ``external`` ones are scored and never trained on.  Both must
    know the task's labels.
    """

    name: str
    title: str
    positive_class: str
    n_folds: Annotated[int, Field(ge=1, le=6)]
    paper_task: Annotated[str | None, Field(description="a published task, as below")] = None
    label_map: LabelMap = Field(default_factory=dict)
    options: dict[str, Any] = Field(default_factory=dict)
    substitutes: tuple[str, ...] = ()
    external: tuple[str, ...] = ()
    fold_lists: FoldLists | None = None


class ExpectedCounts(FrozenModel):
    """Images per class, from the three places that state them.

    ``paper`` counts labels; ``authors`` and ``images`` count source classes, in images or in exams
    (``unit``).  Only what was counted from the files (``images``, ``masks``, ``total``,
    ``classes``, and of masks ``empty_masks``, those that mark nothing or everything) is asserted;
    the other two are compared and reported.
    """

    paper: Counts = Field(default_factory=dict)
    authors: Counts = Field(default_factory=dict)
    unit: Literal["image", "exam"] = "image"
    images: Counts = Field(default_factory=dict)
    masks: Counts = Field(default_factory=dict)
    empty_masks: Annotated[int, Field(ge=0)] = 0
    total: Annotated[int, Field(ge=1)] | None = None
    classes: Annotated[int, Field(ge=1)] | None = None


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Finding:
    """One observation of a dataset: its kind, a sentence, and the cases concerned (maybe none)."""

    kind: str
    text: str
    case_ids: tuple[str, ...] = ()


class PartSource(FrozenModel):
    """A published dataset from which a part of a collection was taken, and its ``home``."""

    name: str
    home: str
    citation: str
    classes: Annotated[int, Field(ge=1)]
    images: Annotated[int, Field(ge=1)]


class Download(FrozenModel):
    """A file that can be fetched without an account; its hash is ``md5:…`` or ``sha256:…``."""

    url: str
    name: str
    hash: Annotated[str, Field(pattern="^(md5|sha256):[0-9a-f]+$")]


class DatasetManifest(FrozenModel):
    """All that the study knows about a dataset before it opens a file.

    ``locations`` are tried in order under the data root; ``archive.zip::folder`` counts only where
    the archive holds that folder.  ``label_map`` takes source classes to labels; empty means that
    they are the same.  ``options`` belong to the layout's reader, which checks them.  ``window``
    is center and width, for DICOM (in rescaled values: Hounsfield units of CT) and for pictures
    of more than 8 bits or of floating numbers (in their stored values).  ``window_from`` says that
    it lies between ``percentiles`` of the values, with which `rin data verify` compares it, and
    which of DICOM without a rescale are the stored ones.  ``only`` is a pattern that
    is found in the paths of all pictures and masks that are read, such as those of one sequence.
    ``slices`` says that
    pictures are volumes, and which slices of them are cases; a volume is of one patient, and is
    one where nothing names patients.  ``unwrap_ct`` puts back below zero what wrapped
    in CT of 12 bits without a sign, as `rin data verify` finds it.  ``near_duplicate_bits`` is
    the largest hash distance (of 256 bits) at which two pictures share a group; None compares
    none.  ``patient_labels`` is ``several`` where pictures of one patient may differ in their
    label; ``patients_in_headers`` takes each patient from the PatientID of a DICOM file, in
    layouts that name none. ``labels_in_masks`` makes two classes of pictures, ``lesion`` and ``no
    lesion``, by whether a mask marks anything. ``lesion_values`` are those of the values of masks
    that mark the lesion, where others are of an organ; without them all do. ``leave_out``
    passes over cases and counts them: those with ``empty masks``, and of ``mixed patients``, who
    have two labels. ``fetch`` lists what `rin data fetch` downloads; ``by_hand`` says what to
    click at ``home`` for what it does not. ``known_bad`` names cases whose published file is
    broken, with the reason: they are left out and reported, as ``findings`` are. ``sources`` are
    datasets that a collection was gathered from. ``partial`` says that a part of the dataset may
    be there: labels of absent pictures are passed over, counts may be below those that are
    expected, and what is made of it says so.
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
    options: dict[str, Any] = Field(default_factory=dict)
    stand_in: str | None = None
    locations: Annotated[tuple[str, ...], Field(min_length=1)]
    files: dict[str, Annotated[str, Field(pattern="^[0-9a-f]{64}$")]] = Field(default_factory=dict)
    fetch: tuple[Download, ...] = ()
    by_hand: str = ""
    independence: Literal["image", "exam", "patient"]
    patient_labels: Literal["one", "several"] = "one"
    color: bool = False
    window: tuple[float, Annotated[float, Field(gt=0)]] | None = None
    window_from: Literal["statement", "percentiles"] = "statement"
    only: re.Pattern[str] | None = None
    slices: Slices | None = None
    unwrap_ct: bool = False
    masks: bool = False
    mask_kind: Literal["outline", "box"] = "outline"
    near_duplicate_bits: Annotated[int, Field(ge=0, le=64)] | None = 40
    patient_pattern: re.Pattern[str] | None = None
    patients_in_headers: bool = False
    labels_in_masks: bool = False
    lesion_values: tuple[Annotated[int, Field(gt=0)], ...] = ()
    leave_out: tuple[Literal["empty masks", "mixed patients"], ...] = ()
    label_map: LabelMap = Field(default_factory=dict)
    known_bad: dict[str, str] = Field(default_factory=dict)
    counts: ExpectedCounts = ExpectedCounts()
    findings: tuple[Finding, ...] = ()
    sources: tuple[PartSource, ...] = ()
    partial: bool = False
    tasks: tuple[TaskManifest, ...] = ()

    @model_validator(mode="after")
    def _is_consistent(self) -> "DatasetManifest":
        if self.window_from == "percentiles" and self.window is None:
            raise ValueError("window_from: percentiles need the window that they gave")
        for task in self.tasks:
            labels = set((self.label_map | task.label_map).values())
            if labels and task.positive_class not in labels:
                known = ", ".join(sorted(filter(None, labels)))
                wrong = f"positive_class {task.positive_class!r} of task {task.name}"
                raise ValueError(f"{wrong} is not a label of label_map ({known})")
        return self

    def patients_in(self, names: Iterable[str]) -> list[str]:
        """Return the patient that the pattern tells of each name, as :func:`read_names`."""
        return read_names(cast("re.Pattern[str]", self.patient_pattern), names, "patient")

    def label(self, source_class: str) -> str | None:
        """Return the label of a class, None for one that is left out; InputError if unknown."""
        if not self.label_map:
            return source_class
        return look_up(f"class of {self.name}", source_class, self.label_map)

    @property
    def reading(self) -> tuple[bool, tuple[float, float] | None, bool, bool]:
        """How :func:`rin.data.pixels.read_picture` reads: color, window, unwrap, as_stored."""
        return self.color, self.window, self.unwrap_ct, self.window_from == "percentiles"

    @property
    def substitutes(self) -> list[str]:
        """Names of the datasets that are read in place of this one, by one of its tasks."""
        return list(dict.fromkeys(name for task in self.tasks for name in task.substitutes))

    def for_task(self, task: TaskManifest) -> "DatasetManifest":
        """Return the manifest as a task reads it: with its label map and options on top."""
        labels, options = self.label_map | task.label_map, self.options | task.options
        return self.model_copy(update={"label_map": labels, "options": options})


def read_names(pattern: str | re.Pattern[str], names: Iterable[str], what: str) -> list[str]:
    """Return what a pattern tells of each name: its group called ``what``, or all joined by -.

    A pattern with a slash is searched in the whole path.
    """
    pattern = re.compile(pattern)
    in_path, group = "/" in pattern.pattern, pattern.groupindex.get(what)
    texts = []
    for name in names:
        match = pattern.search(name if in_path else name.rpartition("/")[2])
        groups = ((match[group],) if group else match.groups()) if match else ()
        text = "-".join(filter(None, groups))
        if not text:
            problem = f"the {what} pattern {pattern.pattern!r} does not match {name!r}"
            remedy = "Correct it: it must match every file name."
            raise InputError(problem, where=f"{what}_pattern", remedy=remedy)
        texts.append(text)
    return texts


def manifest_names() -> list[str]:
    """Return the names of all dataset manifests, sorted."""
    return sorted({path.stem for path in manifest_folder().glob("*.yaml")} - {"weights"})


def load_manifest(name: str) -> DatasetManifest:
    """Read and validate ``data_manifests/<name>.yaml``; unknown names list the known ones."""
    return _load_known(look_up("dataset", name, manifest_names()))


#: Manifests by what their files hold: to find a task all are read, and a page asks for many.
_READ: dict[bytes, DatasetManifest] = {}


def _load_known(name: str) -> DatasetManifest:
    path = manifest_folder() / f"{name}.yaml"
    remedy = "Check the file, its link and its permissions."
    with as_input_error("it cannot be read", where=path, remedy=remedy, kinds=OSError):
        held = path.read_bytes()
    if held not in _READ:
        remedy = "Correct it there; the page “Tables and manifests” lists every setting."
        _READ[held] = DatasetManifest.checked(parse_yaml(held, path), where=path, remedy=remedy)
    manifest = _READ[held]
    if manifest.name != name:
        remedy = "Give the file and its 'name' field the same name."
        raise InputError(f"the manifest calls itself {manifest.name!r}", where=path, remedy=remedy)
    return manifest


def datasets_of_tasks() -> dict[str, list[str]]:
    """Return the datasets that have a task of each name, sorted: one, unless two share a name."""
    datasets = defaultdict(list)
    for manifest in map(_load_known, manifest_names()):
        for task in manifest.tasks:
            datasets[task.name].append(manifest.name)
    return dict(sorted(datasets.items()))


def find_task(task_name: str) -> tuple[DatasetManifest, TaskManifest]:
    """Return the dataset and the task called ``task_name``; unknown names list the known ones."""
    dataset, *others = look_up("task", task_name, datasets_of_tasks())
    if others:
        problem = f"task {task_name!r} stands in {dataset} and {others[0]}"
        remedy = "Give every task its own name."
        raise InputError(problem, where=manifest_folder(), remedy=remedy)
    manifest = load_manifest(dataset)
    return manifest, next(task for task in manifest.tasks if task.name == task_name)
