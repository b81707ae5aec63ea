"""Tables E1, E3 and E4: classes of the database, data of the eight tasks.

The paper's supplement is not at hand: its tables are named in the text, and what they hold is
rebuilt here in a layout of our own.  Published numbers come from `rin.paper`, others from
manifests and case tables.  Cells are text, ready to read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from rin.curation.taxonomy import MODALITIES, REGIONS, region_counts
from rin.data.manifest import DatasetManifest, TaskManifest, load_manifest, manifest_names
from rin.paper import CLASS_COUNTS, COMPARISONS
from rin.report.across import images_of
from rin.report.format import MISSING, task_title
from rin.study import TaskInputs

if TYPE_CHECKING:
    from IPython.display import Markdown

_PARTS = {"train": "Training", "validation": "Validation", "test": "Test"}
_ALL = "all"


@dataclass(frozen=True)
class TaskRecord:
    """One task with what a study reads for it; `inputs` is None where it does not run it."""

    manifest: DatasetManifest
    task: TaskManifest
    inputs: TaskInputs | None = None

    @property
    def title(self) -> str:
        """The paper's name of the task, or its own."""
        return task_title(self.task)

    @property
    def small(self) -> bool:
        """Whether the task is cross-validated, as the paper does with small datasets."""
        return self.task.n_folds > 1

    @property
    def provenance(self) -> str:
        """Where the images came from, in a word; a dash where the study does not run the task."""
        return MISSING if self.inputs is None else images_of(self.inputs).word


def region_table(taxonomy: pd.DataFrame) -> pd.DataFrame:
    """Return the numbers of classes of each region, with what is public about their sizes.

    Parameters
    ----------
    taxonomy
        Table of `rin.curation.taxonomy.load_taxonomy`.
    """
    counts = region_counts(taxonomy)
    images = [REGIONS[name].subset_images for name in counts["region"]]
    table = pd.DataFrame(
        {
            "Modality": counts["modality"].map(MODALITIES),
            "Region": counts["title"],
            "Classes": counts["classes"],
            "Full size known": counts["full_set"],
            "Subset size known": counts["subset"],
            "Images in subset": images,
        }
    ).set_index(["Modality", "Region"])
    table.loc[(_ALL, ""), :] = table.sum()
    return table.map(_whole)


def label_table(taxonomy: pd.DataFrame) -> pd.DataFrame:
    """Return every class as the database spells it, with its size where that is public."""
    return pd.DataFrame(
        {
            "Modality": taxonomy["modality"].map(MODALITIES),
            "Region": [REGIONS[name].title for name in taxonomy["region"]],
            "Class": taxonomy["label"],
            "Images": taxonomy["images"].map(_whole),
            "Counted in": taxonomy["kind"].replace("none", MISSING),
        }
    )


def task_records(inputs: Mapping[str, TaskInputs]) -> list[TaskRecord]:
    """Return the paper's tasks in its order, then others of the study.

    Parameters
    ----------
    inputs
        From task to what the study reads; the paper's other tasks are listed without.
    """
    manifests = [load_manifest(name) for name in manifest_names()]
    known = {task.name: (one, task) for one in manifests for task in one.tasks}
    names = [key for key in COMPARISONS if key in known]
    records = []
    for name in dict.fromkeys([*names, *inputs]):
        own, task = known[name]
        read = inputs.get(name)
        records.append(TaskRecord(read.manifest if read else own.for_task(task), task, read))
    return records


def class_table(records: Sequence[TaskRecord]) -> pd.DataFrame:
    """Return the images of each class: stated by the paper, by the authors, counted here.

    Parameters
    ----------
    records
        As `task_records` returns them.
    """
    rows = {}
    for one in records:
        stated = _stated(one)
        for label in [*_labels(one), _ALL]:
            cases = None if one.inputs is None else one.inputs.found.cases
            if cases is not None and label != _ALL:
                cases = cases[cases["label"] == label]
            rows[one.title, label] = {
                "Paper": " or ".join(map(_whole, stated.get(label, []))) or MISSING,
                "Authors": _authors(one.manifest, label),
                "Counted": MISSING if cases is None else _whole(len(cases)),
                "Patients": MISSING if cases is None else _whole(_patients(cases)),
                "Images are": one.provenance,
            }
    return _by_task(rows, "Class")


def parts_table(records: Sequence[TaskRecord]) -> pd.DataFrame:
    """Return the numbers of images, positive ones and patients of each part and fold.

    Parameters
    ----------
    records
        As `task_records` returns them; tasks that the study does not run are left out.
    """
    rows = {}
    for one in records:
        if one.inputs is None:
            continue
        cases = one.inputs.store.cases.set_index("case_id").assign(positive=one.inputs.labels)
        for fold, members in one.inputs.folds.groupby("fold"):
            cells = {}
            for part, name in _PARTS.items():
                found = cases.loc[members.loc[members["part"] == part, "case_id"]]
                counts = (len(found), found["positive"].sum(), _patients(found))
                cells[name] = " / ".join(map(_whole, counts))
            # Folds are counted from 1 in print.
            rows[one.title, str(fold + 1)] = cells | {"Images are": one.provenance}
    return _by_task(rows, "Fold")


def counts_reading(records: Sequence[TaskRecord]) -> Markdown:
    """Return the sentences that read a table of classes: where the paper's numbers are met."""
    from IPython.display import Markdown

    run = [one for one in records if one.inputs is not None]
    real = [one for one in run if images_of(one.inputs).origin == "real"]
    met = sum(_meets(one) for one in real)
    unequal = [one.title for one in records if _adds_up_otherwise(_stated(one))]
    text = f"Run here: {len(run)} of {len(records)} tasks, {len(real)} of them on images of the "
    text += "paper's own dataset"
    text += f", of which {met} with the published number of every class. " if real else ". "
    if unequal:
        text += (
            "The paper's class sizes do not add up to every total that it states for: "
            f"{'; '.join(unequal)}."
        )
    return Markdown(text)


def _meets(one: TaskRecord) -> bool:
    found = one.inputs.found.cases["label"].value_counts()
    stated = {label: values for label, values in _stated(one).items() if label != _ALL}
    return bool(stated) and all(found.get(label, 0) in values for label, values in stated.items())


def _adds_up_otherwise(stated: Mapping[str, Sequence[int]]) -> bool:
    classes = sum(values[0] for label, values in stated.items() if label != _ALL)
    return any(total != classes for total in stated.get(_ALL, []))


def _labels(one: TaskRecord) -> list[str]:
    """Return a task's labels, the positive one first."""
    found = [] if one.inputs is None else sorted(one.inputs.found.cases["label"].unique())
    mapped = [label for label in one.manifest.label_map.values() if label is not None]
    return list(dict.fromkeys([one.task.positive_class, *mapped, *found]))


def _stated(one: TaskRecord) -> dict[str, list[int]]:
    """Return the numbers that the paper states per class, several where its sections differ."""
    stated = {}
    for count in CLASS_COUNTS.get(one.task.paper_task, ()):
        values = stated.setdefault(count.group, [])
        if count.images not in values:
            values.append(count.images)
    return stated


def _authors(manifest: DatasetManifest, label: str) -> str:
    """Return the authors' count of a label, a dash unless all its source classes have one."""
    stated, unit = manifest.counts.authors, manifest.counts.unit
    mapped = manifest.label_map or {name: name for name in stated}
    sources = [name for name, to in mapped.items() if to is not None and label in (to, _ALL)]
    if not sources or not set(sources) <= set(stated):
        return MISSING
    total = sum(stated[name] for name in sources)
    return _whole(total) if unit == "image" else f"{_whole(total)} {unit}s"


def _patients(cases: pd.DataFrame) -> int:
    return cases["patient_id"].nunique()


def _whole(value: float | None) -> str:
    return MISSING if value is None or pd.isna(value) else f"{int(value):,}"


def _by_task(rows: dict[tuple[str, str], dict], name: str) -> pd.DataFrame:
    if not rows:
        return pd.DataFrame(columns=["Task", name])
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(["Task", name])
