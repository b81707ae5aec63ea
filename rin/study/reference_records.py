"""What a reference run says of itself, gathered from a finished study."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from rin.data.datasets import Dataset
from rin.data.manifest import DatasetManifest
from rin.errors import InputError
from rin.models.weights import WeightsEntry, file_sha256, locate
from rin.study.corpora import find_corpus, open_corpus
from rin.study.plan import Run, find_entries, weights_folders
from rin.study.pretraining_plan import plan_pretraining
from rin.study.pretraining_records import pretrained
from rin.study.reference_facts import (
    DatasetFacts,
    FileFacts,
    RunFacts,
    TaskFacts,
    WeightsFacts,
    Work,
    commit_of,
    installed_packages,
    this_computer,
    without_folders,
)
from rin.study.setting import Study, TaskInputs


def refuse_stand_ins(study: Study, provenances: Mapping[str, str]) -> None:
    """Raise unless everything that a study read is real.

    Parameters
    ----------
    provenances
        From what was read, in words, to `real` or `stand-in`.

    Raises
    ------
    InputError
        Naming everything that is a stand-in.
    """
    made_up = [name for name, provenance in provenances.items() if provenance != "real"]
    if made_up:
        raise InputError(
            f"stand-ins: {', '.join(made_up)}",
            where=f"profile {study.profile.name}",
            remedy="Only real data make a reference run: name the folder that holds them with "
            "--data-root, and run the study again.",
        )


def provenances_of_images(study: Study, tasks: Mapping[str, TaskInputs]) -> dict[str, str]:
    """Return the provenance of the images of tasks and of pretraining corpora, by their names."""
    found = {f"images of {name}": one.provenance for name, one in tasks.items()}
    return found | {f"corpus {run.corpus}": run.provenance for run in plan_pretraining(study)}


def provenances_of_weights(study: Study) -> dict[str, str]:
    """Return the provenance of the images that the grid's weights were trained on, by name."""
    entries = [entry for entry in find_entries(study).values() if entry is not None]
    return {f"weights {one.init} {one.backbone}": one.provenance for one in entries}


def gather_facts(
    study: Study,
    tasks: Mapping[str, TaskInputs],
    runs: list[Run],
    files: Mapping[str, FileFacts],
    accelerator: str | None,
) -> RunFacts:
    """Return what `run.json` states of a finished study on real images.

    Parameters
    ----------
    tasks, runs, files
        What was read, what was trained, and what was written.
    accelerator
        As for `rin.study.reference_facts.this_computer`.
    """
    done = pd.DataFrame([study.runs.done(run.run_id) for run in runs])
    own = pretrained(study)
    finished = pd.concat([done["finished"], own["finished"]] if len(own) else [done["finished"]])
    work = {"fine-tuning": Work(runs=len(done), seconds=round(done["seconds"].sum(), 1))}
    if len(own):
        work["pretraining"] = Work(runs=len(own), seconds=round(own["seconds"].sum(), 1))
    facts = RunFacts(
        name=study.profile.name,
        written=datetime.now(UTC).isoformat("T", "seconds"),
        first_finished=finished.min(),
        last_finished=finished.max(),
        profile=without_folders(study.profile.model_dump(mode="json")),
        python=platform.python_version(),
        packages=installed_packages(),
        backend=_one_of(done["backend"]),
        precision=_one_of(done["precision"]),
        commit=commit_of(Path(__file__).parent),
        hardware=this_computer(accelerator),
        peak_memory_gb=float(done["peak_memory_gb"].max()),
        work=work,
        tasks=[task_facts(one) for one in tasks.values()],
        corpora=_corpora(study, own),
        weights=[
            _weights(study, entry, init, backbone)
            for (init, backbone), entry in find_entries(study).items()
            if entry is not None
        ],
        files=dict(files),
    )
    return facts.sealed()


def _one_of(values: pd.Series) -> str:
    return ", ".join(sorted(values.astype(str).unique()))


def task_facts(one: TaskInputs) -> TaskFacts:
    """Return what is to be said of a task and of its images, in numbers."""
    used = one.store.cases
    return TaskFacts(
        name=one.task.name,
        dataset=_dataset(one.manifest, one.found, used, one.dataset.provenance),
        substitute_for=one.substitute_for,
        mask_kind=one.manifest.mask_kind if one.store.masks() is not None else "",
        size=one.store.size,
        split={part: int(n) for part, n in one.folds["part"].value_counts().items()},
    )


def _dataset(
    manifest: DatasetManifest, found: Dataset, used: pd.DataFrame, provenance: str
) -> DatasetFacts:
    return DatasetFacts(
        name=manifest.name,
        title=manifest.title,
        provenance=provenance,
        licence=manifest.licence,
        access=manifest.access,
        home=manifest.home,
        independence=manifest.independence,
        used=len(used),
        available=len(found.cases),
        patients=used["patient_id"].nunique(),
        counts={label: int(n) for label, n in used["label"].value_counts().sort_index().items()},
        digest=found.digest,
    )


def _corpora(study: Study, own: pd.DataFrame) -> list[DatasetFacts]:
    listed = []
    for name in own["corpus"].unique() if len(own) else ():
        found, drawn = find_corpus(study, name), open_corpus(study, name)
        listed.append(_dataset(found.manifest, found, drawn.cases, found.provenance))
    return listed


def _weights(study: Study, entry: WeightsEntry, init: str, backbone: str) -> WeightsFacts:
    path = None if entry.sha256 else locate(entry, weights_folders(study))
    return WeightsFacts(
        init=init,
        backbone=backbone,
        contract=entry.preprocessing,
        release=entry.release,
        licence=entry.licence,
        provenance=entry.provenance,
        sha256=entry.sha256 or (file_sha256(path) if path else None),
    )
