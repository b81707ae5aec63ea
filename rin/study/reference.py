"""Reference runs: what a finished study on real images found, kept with the book.

A reference run holds case ids and numbers, and no statistics: those are computed anew from it
wherever it is shown.  `run.json` tells how the numbers came about, and nothing of where; the
tables beside it are those of `rin.study.fine_tuning`.
"""

from __future__ import annotations

import os
import platform
import tempfile
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
import pandera.pandas as pa
from pyarrow import Table, parquet
from pydantic import (
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveInt,
    ValidationError,
    model_validator,
)

from rin.data.dataset import Dataset
from rin.errors import InputError, explained, look_up
from rin.files import MAKE_ROOM, REPOSITORY, FrozenModel, sha256_of
from rin.study import fine_tuning as own
from rin.study.corpora import corpus_overlap, find_corpus, open_corpus
from rin.study.ledger import Hardware, commit_of, digest_of, installed_packages, this_computer
from rin.study.loss_study import loss_table, plan_losses
from rin.study.plan import Run, find_entries, plan_all, plan_study, weights_digest
from rin.study.pretraining import plan_pretraining, pretrained, pretraining_histories
from rin.study.probe_study import plan_probe, probe_measurements
from rin.study.profile import FACTORS, LAYERS, MAIN, STUDIES, Factors
from rin.study.setting import Study, TaskInputs

RUN = "run.json"
#: Largest size of all files of a reference run together, in bytes.
LARGEST = 6_000_000
#: Decimals that are kept of overlap, whose shares lie between 0 and 1.
OVERLAP_DECIMALS = 4
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class DatasetFacts(FrozenModel):
    """A dataset that was read.

    `used` of `available` images were drawn, from `patients` patients; where `independence` is
    not `patient`, the files name none, and `patients` counts what stands for them.  `digest` is
    that of the images that were found, `counts` of those used, by label.  `modality`, or several
    with commas, is empty where an earlier reference run did not state it.
    """

    name: str
    title: str
    provenance: Literal["real", "stand-in"]
    licence: str
    access: str
    home: str
    modality: str = ""
    independence: Literal["image", "exam", "patient"]
    used: NonNegativeInt
    available: NonNegativeInt
    patients: NonNegativeInt
    counts: dict[str, NonNegativeInt]
    digest: Digest


class TaskFacts(FrozenModel):
    """A task and its images; `split` counts those of each part, all folds together.

    `substitute_for` is the title of the task's own dataset where another was read;
    `mask_kind` how its lesions are marked, empty where they are not.  `external` are datasets that
    every run scored and none was trained on; `shared_pictures` counts, by their names, pairs of
    one of their images and a near-duplicate of it among the task's own.
    """

    name: str
    dataset: DatasetFacts
    substitute_for: str | None
    mask_kind: Literal["outline", "box", ""]
    size: NonNegativeInt
    split: dict[str, NonNegativeInt]
    external: list[DatasetFacts] = Field(default_factory=list)
    shared_pictures: dict[str, NonNegativeInt] = Field(default_factory=dict)


class WeightsFacts(FrozenModel):
    """Weights that runs start from, and the preprocessing that they were trained under."""

    model_config = ConfigDict(populate_by_name=True)

    init: str
    backbone: str
    preprocessing: str = Field(alias="contract")  # as run.json names it
    release: str
    licence: str
    provenance: Literal["real"]
    sha256: Digest | None
    pretraining: PositiveInt = 1


class Addition(FrozenModel):
    """Pretrainings that were added to a reference run later, with what computed them."""

    pretrainings: list[PositiveInt]
    written: str
    python: str
    packages: dict[str, str]
    commit: str | None
    hardware: Hardware


class Work(FrozenModel):
    """How many runs, and the seconds of each added up; runs may have gone side by side."""

    runs: NonNegativeInt
    seconds: NonNegativeFloat


class FileFacts(FrozenModel):
    """A table of the reference run."""

    sha256: Digest
    bytes: NonNegativeInt
    rows: NonNegativeInt


class RunFacts(FrozenModel):
    """Everything that `run.json` states; times in UTC, ISO 8601.

    `profile` is the resolved one; `backend`, `precision` and `peak_memory_gb` are of fine-tuning;
    `commit` (with a plus where other files than its own were at work) and `hardware` are of the
    code and computer that wrote the files; `work` goes by stage; `added` tells of pretrainings that
    other computers added; `digest` covers all the others.
    """

    format: Literal[4] = 4
    name: str
    written: str
    first_finished: str
    last_finished: str
    profile: dict[str, Any]
    python: str
    packages: dict[str, str]
    backend: str
    precision: str
    commit: str | None
    hardware: Hardware
    peak_memory_gb: NonNegativeFloat
    work: dict[str, Work]
    tasks: list[TaskFacts]
    corpora: list[DatasetFacts]
    weights: list[WeightsFacts]
    files: dict[str, FileFacts]
    added: list[Addition] = Field(default_factory=list)
    digest: str = ""

    @model_validator(mode="after")
    def _says_what_is_shown(self) -> RunFacts:
        tasks, inits = (self.profile.get(name) for name in ("tasks", "inits"))
        if not isinstance(inits, list) or len(inits) < 2 or not all(inits):
            raise ValueError("the profile names no two inits")
        if not isinstance(tasks, list) or not {*tasks} <= {task.name for task in self.tasks}:
            raise ValueError("the profile names tasks of which nothing is said")
        datasets = [each for task in self.tasks for each in (task.dataset, *task.external)]
        datasets += self.corpora
        if made_up := [data.name for data in datasets if data.provenance != "real"]:
            raise ValueError(f"stand-ins: {', '.join(made_up)}")
        return self

    @property
    def expected_digest(self) -> str:
        """SHA-256 of every other field that the file states."""
        return digest_of(
            self.model_dump(mode="json", exclude={"digest"}, exclude_unset=True, by_alias=True), 64
        )

    def task(self, name: str) -> TaskFacts:
        """Return the facts of a task."""
        return next(task for task in self.tasks if task.name == name)


#: Columns that tables must have; integers and text are kept short in the files.  Those of `overlap`
#: and `baselines` name their cases, those of `predictions` also their runs.
_NAMED = {"task": str, "part": str, "case_id": str}
_MEASURES = ["dice", "pointing", "average_precision"]
SCHEMAS: dict[str, dict[str, Any]] = {
    "runs": {"study": str, "task": str, "fold": int, "scenario": str, "backbone": str,
             "unfreezing": str, "learning_rate": float, "init": str, "pretraining": int,
             "seed": int, "run_id": str, "best_epoch": int, "epochs": int, "seconds": float,
             "validation_auc": float, "validation_loss": float},
    "predictions": {"run_id": str, "case_id": str, "patient_id": str, "part": str, "label": int,
                    "score": np.float32},
    "cases": _NAMED | {"patient_id": str, "label": int},
    "overlap": _NAMED | {"fold": int, "scenario": str, "init": str, "target": int}
    | dict.fromkeys([*_MEASURES, "dice_best", "mask_share", "pointing_blind"], np.float32)
    | {"cells": int},
    "baselines": _NAMED | {"baseline": str} | dict.fromkeys(_MEASURES, np.float32),
    "pretraining": {"init": str, "corpus": str, "backbone": str, "pretraining": int,
                    "top1": float, "run_id": str},
    "pretraining_histories": {"init": str, "backbone": str, "pretraining": int, "epoch": int,
                              "loss": float, "accuracy": float, "val_loss": float,
                              "val_accuracy": float},
    "corpus_overlap": {"task": str, "dataset": str, "corpus": str, "images": int, "equal": int,
                       "near": int, "nearest": int, "farthest_copy": int},
    "lesion_maps": {"task": str, "init": str, "unfreezing": str, "row": int, "column": int,
                    "activation": float, "n_maps": int},
    "layer_similarity": {"task": str, "fold": int, "scenario": str, "comparison": str, "init": str,
                         "layer": str, "cca": float, "cka": float},
    "probe": {},
    "losses": {"loss": str, "backbone": str, "seed": int, "top1": float, "ece": float},
}  # fmt: skip
_FLOATS = (float, np.float32)
#: Tables that every study has.
REQUIRED = ("runs", "predictions", "cases", "overlap", "baselines")
#: What names a row of the tables to which another pretraining adds rows.
_ADDED = {
    "runs": ["study", "level", "run_id"],
    "predictions": ["run_id", "part", "case_id"],
    "pretraining": ["run_id"],
    "pretraining_histories": ["init", "backbone", "pretraining", "epoch"],
}
#: Columns that earlier reference runs lack.
_LATER = ("pointing_blind", "cells", "validation_auc", "validation_loss")
_UNIQUE = {"cases": [*_NAMED], "predictions": ["run_id", "part", "case_id"]}
_CHECKS = {"label": pa.Check.isin([0, 1]), "score": pa.Check(np.isfinite, name="is a number")}
#: Columns of `runs` that only studies of a factor have, and those that tell how a run went.
_FACTOR = ["factor", "level", "preprocessing"]
_RECORDED = ["best_epoch", "epochs", "seconds", "validation_auc", "validation_loss"]


@dataclass(frozen=True)
class ReferenceRun:
    """A reference run, read and checked; its methods are named as in `rin.study.fine_tuning`.

    `tables` are those that the functions of a study returned: `runs` has a row a study, level and
    run, in the order of the plans; `predictions` each run once.
    """

    facts: RunFacts
    tables: dict[str, pd.DataFrame] = field(repr=False)

    @property
    def tasks(self) -> list[str]:
        """Tasks whose whole grid was run, in the order of the profile."""
        return list(self.facts.profile["tasks"])

    def tasks_of(self, study: str) -> set[str]:
        """Return the tasks of which runs of a named study are kept."""
        runs = self.tables["runs"]
        return set(runs.loc[runs["study"] == study, "task"])

    def scored_cases(self, task: str, part: str) -> pd.DataFrame:
        """Return one row a case of a part."""
        rows = self._of("cases", task=task, part=part).drop(columns=["task", "part"])
        return rows.dropna(axis="columns", how="all")

    def predictions(self, study: str, task: str, part: str = "test") -> pd.DataFrame:
        """Return one row a run and case of a part."""
        runs = self.run_records(study, task).drop(columns=_RECORDED, errors="ignore")
        return runs.merge(self._of("predictions", part=part), on="run_id").drop(columns="run_id")

    def run_records(self, study: str, task: str) -> pd.DataFrame:
        """Return one row a run: what names it, `run_id`, `best_epoch`, `epochs`, `seconds`.

        And `validation_auc` and `validation_loss`, which the first reference run does not have.
        """
        runs = self._of("runs", study=study, task=task).drop(columns="study")
        return runs if runs["factor"].notna().any() else runs.drop(columns=_FACTOR)

    def overlap_table(self, task: str, part: str = "test") -> pd.DataFrame:
        """Return one row a run and image with a lesion, of the first pretraining."""
        rows = self._of("overlap", task=task, part=part)
        scores = self.predictions(MAIN, task, part)
        scores = scores[scores["pretraining"] == scores["pretraining"].min()]
        return scores.drop(columns="pretraining").merge(rows).drop(columns="part")

    def baseline_table(self, task: str, part: str = "test") -> pd.DataFrame:
        """Return one row a picture that looks at no image and image with a lesion."""
        return self._of("baselines", task=task, part=part).drop(columns=["task", "part"])

    def lesion_maps(self, task: str) -> pd.DataFrame | None:
        """Return the mean activation around the lesion; None also where it was not recorded."""
        found = self._of("lesion_maps", task=task) if "lesion_maps" in self.tables else ()
        return found if len(found) else None

    def layer_similarity(self, study: str, task: str) -> pd.DataFrame:
        """Return how alike layers of two networks are."""
        return self._of("layer_similarity", task=task)

    def _of(self, name: str, **values: str) -> pd.DataFrame:
        """Return the rows of a table that have some values."""
        table = self.tables[name]
        chosen = np.logical_and.reduce([table[column] == value for column, value in values.items()])
        return table[chosen].reset_index(drop=True)


def reference_folder() -> Path:
    """Return the folder of the reference runs (`RIN_REFERENCE_RUNS`, or that of the book)."""
    return Path(os.environ.get("RIN_REFERENCE_RUNS", REPOSITORY / "book" / "reference_runs"))


def load_reference(name_or_folder: str | Path = "open") -> ReferenceRun:
    """Read a reference run, by name below `reference_folder` or from a folder.

    `InputError` for an unknown name, or a file that is missing or not the one that was written.
    """
    folder = name_or_folder
    if not isinstance(folder, Path):
        known = sorted(path.parent.name for path in reference_folder().glob(f"*/{RUN}"))
        look_up("reference run", name_or_folder, known or ["none"])
        folder = reference_folder() / name_or_folder
    path = folder / RUN
    try:
        facts = RunFacts.model_validate_json(path.read_text(encoding="utf-8"))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the text"
        raise _broken(path, f"{place}: {first['msg']}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise _broken(path, f"not readable ({error})") from error
    if facts.digest != facts.expected_digest:
        raise _broken(path, "it differs from what was written")
    tables = {Path(n).stem: _read_table(folder / n, stated) for n, stated in facts.files.items()}
    if lacking := [name for name in REQUIRED if name not in tables]:
        raise _broken(path, f"it states no {lacking[0]}.parquet")
    return ReferenceRun(facts, tables)


def _broken(where: Path, problem: str) -> InputError:
    return InputError(
        problem,
        where=where,
        remedy="Restore the reference run from the repository, or write it again with "
        "rin reference write --replace.",
    )


def _read_table(path: Path, stated: FileFacts) -> pd.DataFrame:
    """Read a table that is the one that was written and fits its schema; integers are int64."""
    if not path.is_file():
        raise _broken(path, "the file is missing")
    if sha256_of(path) != stated.sha256:
        raise _broken(path, f"its SHA-256 is not the one in {RUN}")
    # Files of earlier reference runs name the preprocessing `contract`.
    table = pd.read_parquet(path).rename(columns={"contract": "preprocessing"})
    table = table.astype(dict.fromkeys(table.select_dtypes("integer"), np.int64))
    if "pretraining" in SCHEMAS.get(path.stem, {}) and "pretraining" not in table:
        # Earlier reference runs had one.
        table.insert(table.columns.get_loc("init") + 1, "pretraining", 1)
    columns = {
        column: pa.Column(
            kind,
            check,
            nullable=kind in _FLOATS and check is None,
            coerce=True,
            required=column not in _LATER,
        )
        for column, kind in SCHEMAS.get(path.stem, {}).items()
        for check in [_CHECKS.get(column)]
    }
    try:
        return pa.DataFrameSchema(columns, unique=_UNIQUE.get(path.stem)).validate(table)
    except (pa.errors.SchemaError, pa.errors.SchemaErrors) as error:
        said = " ".join(str(error).split())[:300]
        raise _broken(path, f"not a table of a reference run ({said})") from error


def task_facts(inputs: TaskInputs) -> TaskFacts:
    """Return what is to be said of a task and of its images, in numbers."""
    return TaskFacts(
        name=inputs.task.name,
        dataset=_dataset(inputs.found, inputs.store.cases),
        substitute_for=inputs.substitute_for,
        mask_kind=inputs.found.manifest.mask_kind if inputs.store.masks() is not None else "",
        size=inputs.store.size,
        split=inputs.folds["part"].value_counts().to_dict(),
        external=[_dataset(each.found, each.store.cases) for each in inputs.external.values()],
        shared_pictures={name: len(each.pairs) for name, each in inputs.external.items()},
    )


def _dataset(found: Dataset, used: pd.DataFrame) -> DatasetFacts:
    stated = ("name", "title", "licence", "access", "home", "modality", "independence")
    return DatasetFacts(
        **{name: getattr(found.manifest, name) for name in stated},
        provenance=found.provenance,
        used=len(used),
        available=len(found.cases),
        patients=used["patient_id"].nunique(),
        counts=used["label"].value_counts().sort_index().to_dict(),
        digest=found.digest,
    )


def write_reference(
    study: Study,
    folder: Path,
    *,
    replace: bool = False,
    finished: bool = False,
    add: bool = False,
    accelerator: str | None = None,
) -> Path:
    """Write the reference run of a finished study below `folder` and return its folder.

    With `replace` one that is there is replaced; with `finished` tasks, studies and pretrainings
    that are not finished are left out; with `add` the study's pretrainings are added to one that is
    there, which may have been computed elsewhere, as its networks; `accelerator` trained the
    networks, where this computer has another.

    `InputError` when the reference run is there already, or is not there or of another profile or
    other images where it is added to; when something was made from stand-ins, a run
    is not finished, or the files are larger than `LARGEST` together; nothing is written then.
    """
    if finished:
        study = _finished_part(study)
    target = Path(folder) / study.profile.name
    if target.exists() and not (replace or add):
        remedy = "Use --replace to replace it, or --add to add further pretrainings to it."
        raise InputError("there is a reference run already", where=target, remedy=remedy)
    earlier = load_reference(target) if add else None
    runs = _finished_runs(study)
    tables, problem = _tables(study, runs), "the reference run cannot be written"
    if earlier is not None:
        tables = _joined_tables(earlier.tables, tables)
    with explained(problem, where=target, remedy=MAKE_ROOM, kinds=OSError):
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as work:
            draft = Path(work) / "draft"
            draft.mkdir()
            files, sizes = {}, {}
            for name, table in tables.items():
                path = draft / f"{name}.parquet"
                write_table(table, path)
                size = sizes[path.name] = path.stat().st_size
                files[path.name] = FileFacts(sha256=sha256_of(path), bytes=size, rows=len(table))
            facts = _gather_facts(study, runs, files, accelerator)
            if earlier is not None:
                facts = _joined_facts(earlier, facts, tables, target)
            text = facts.model_dump_json(indent=1, by_alias=True) + "\n"
            sizes[RUN] = (draft / RUN).write_bytes(text.encode())
            if (total := sum(sizes.values())) > LARGEST:
                listed = ", ".join(f"{name} {size:,}" for name, size in sorted(sizes.items()))
                size = f"{total:,} bytes together, and at most {LARGEST:,} may be ({listed})"
                remedy = "Write it from a profile with fewer test cases, scenarios or folds."
                raise InputError(f"its files have {size}", where=target, remedy=remedy)
            load_reference(draft)
            if target.exists():
                target.rename(Path(work) / "old")
            draft.rename(target)
    return target


def _finished_part(study: Study) -> Study:
    """Return the study without what is not finished.

    Pretrainings whose main study is not finished; else, of the first, tasks; then studies beside
    the main one.
    """
    study = _finished_pretrainings(study)

    def finished(name: str) -> list[str]:
        begun = {run.task for run in plan_study(study, name) if not study.runs.has(run.run_id)}
        return [task for task in study.profile.filter_of(name).tasks if task not in begun]

    if not (tasks := finished(MAIN)):
        where = f"profile {study.profile.name}"
        remedy = "Run rin study with this profile first; it goes on where it was stopped."
        raise InputError("no task is finished", where=where, remedy=remedy)
    study = replace(study, profile=study.profile.model_copy(update={"tasks": tasks}))
    kept: dict[str, Any] = {}
    for name in filter(study.profile.filter_of, STUDIES):
        section, done = study.profile.filter_of(name), {"tasks": finished(name)}
        kept[name] = section.model_copy(update=done) if done["tasks"] else None
    of_factors = {name: kept.pop(name, None) for name in FACTORS}
    kept["factors"] = Factors(**of_factors) if any(of_factors.values()) else None
    for name, plan in (("probe", plan_probe), ("losses", plan_losses)):
        planned = plan(study) if getattr(study.profile, name) else []
        if study.ledger(name).count(planned) < len(planned):
            kept[name] = None
    kept.pop(MAIN)
    return replace(study, profile=study.profile.model_copy(update=kept))


def _finished_pretrainings(study: Study) -> Study:
    """Return the study with the pretrainings whose main study is finished, or with the first."""
    numbers = study.profile.pretrainings
    finished = []
    for number in numbers:
        part = _with_pretrainings(study, [number])
        weights = plan_pretraining(part)
        if study.weights.count(weights) == len(weights):
            runs = plan_study(part, MAIN)
            if study.runs.count(runs) == len(runs):
                finished.append(number)
    study = _with_pretrainings(study, finished or numbers[:1])
    study.weights.require(plan_pretraining(study), "pretraining")
    return study


def _with_pretrainings(study: Study, numbers: list[int]) -> Study:
    """Return the study with some of its pretrainings alone."""
    pretraining = study.profile.pretraining
    if pretraining is None:
        return study
    pretraining = pretraining.model_copy(update={"pretrainings": numbers})
    return replace(study, profile=study.profile.model_copy(update={"pretraining": pretraining}))


def _joined_tables(
    earlier: dict[str, pd.DataFrame], later: dict[str, pd.DataFrame]
) -> dict[str, pd.DataFrame]:
    """Return the tables of a reference run with the rows that another one adds.

    Tables that are not of single networks stay as they were.
    """
    joined = later | earlier
    for name, key in _ADDED.items():
        if name in earlier and name in later:
            # Integers of old files are shorter or nullable: a union would make floats of them.
            rows = pd.concat([earlier[name], later[name].reindex(columns=earlier[name].columns)])
            joined[name] = rows.drop_duplicates(key, ignore_index=True)
    return joined


def _joined_facts(
    earlier: ReferenceRun, later: RunFacts, tables: dict[str, pd.DataFrame], where: Path
) -> RunFacts:
    """Return the facts of a reference run to which another one adds; InputError if it cannot."""
    facts = earlier.facts
    stated = [_comparable(each) for each in (facts, later)]
    if differing := [name for name in stated[0] if stated[0][name] != stated[1][name]]:
        raise InputError(
            f"the reference run there differs in {', '.join(differing)}",
            where=where,
            remedy="Add runs of the same profile, images and version; other ones need a name of "
            "their own.",
        )
    known = set(earlier.tables["runs"]["pretraining"])
    numbers = sorted(set(tables["runs"]["pretraining"]) - known)
    if not numbers:
        raise InputError(
            f"pretrainings {sorted(known)} are there already",
            where=where,
            remedy="Finish another pretraining: pretraining.pretrainings of the profile.",
        )
    profile = facts.profile | {
        "pretraining": facts.profile["pretraining"] | {"pretrainings": sorted({*known, *numbers})}
    }
    new_runs = ~tables["runs"]["run_id"].isin(earlier.tables["runs"]["run_id"])
    seconds = {"fine-tuning": tables["runs"][new_runs].drop_duplicates("run_id")["seconds"]}
    networks = tables["pretraining"]
    seconds["pretraining"] = networks.loc[networks["pretraining"].isin(numbers), "seconds"]
    work = dict(facts.work)
    for stage, of_stage in seconds.items():
        before = work[stage]
        work[stage] = Work(
            runs=before.runs + len(of_stage),
            seconds=round(before.seconds + float(of_stage.sum()), 1),
        )
    addition = Addition(
        pretrainings=numbers,
        **{name: getattr(later, name) for name in Addition.model_fields if name != "pretrainings"},
    )
    changes = {
        "written": later.written,
        "first_finished": min(facts.first_finished, later.first_finished),
        "last_finished": max(facts.last_finished, later.last_finished),
        "peak_memory_gb": max(facts.peak_memory_gb, later.peak_memory_gb),
        "profile": profile,
        "work": work,
        "weights": [*facts.weights, *(w for w in later.weights if w.pretraining in numbers)],
        "files": later.files,
        "added": [*facts.added, addition],
        "digest": "",
    }
    changed = facts.model_copy(update=changes)
    joined = RunFacts.model_validate_json(changed.model_dump_json(by_alias=True))
    return joined.model_copy(update={"digest": joined.expected_digest})


def _comparable(facts: RunFacts) -> dict[str, Any]:
    """Return what has to be equal in reference runs that are joined, by name.

    Studies beside the main one need not be finished everywhere, and where the blocks run changes no
    result.
    """
    profile = facts.profile
    beside = {name for name in STUDIES if name not in FACTORS} | {"factors", "probe", "losses"}
    beside |= {"execution", "pretraining", "about"}
    named = {f"profile {name}": value for name, value in profile.items() if name not in beside}
    pretraining = dict(profile["pretraining"] or {})
    pretraining.pop("pretrainings", None)
    named |= {f"profile pretraining.{name}": value for name, value in pretraining.items()}
    return named | {"tasks": facts.tasks, "corpora": facts.corpora}


def _finished_runs(study: Study) -> list[Run]:
    """Return the runs of all studies, each once; all are finished, and nothing is made up."""
    pretraining = plan_pretraining(study)
    made = {f"corpus {run.corpus}": run.provenance for run in pretraining}
    for task in study.profile.tasks:
        inputs = study.inputs(task)
        for name, each in {task: inputs, **inputs.external}.items():
            made[f"images of {name}"] = each.store.provenance
    _refuse_stand_ins(study, made)
    study.weights.require(pretraining, "pretraining")
    for number in study.profile.pretrainings:
        entries = find_entries(study, pretraining=number)
        known = {" ".join(key): entry.provenance for key, entry in entries.items() if entry}
        _refuse_stand_ins(study, {f"weights {name}": value for name, value in known.items()})
    runs = plan_all(study)
    study.runs.require(runs, "fine-tuning")
    if study.profile.probe is not None:
        study.ledger("probe").require(plan_probe(study), "the probe")
    if study.profile.losses is not None:
        study.ledger("losses").require(plan_losses(study), "the losses")
    return runs


def _refuse_stand_ins(study: Study, provenances: dict[str, str]) -> None:
    """Raise unless everything that a study read is real; keys say what it is."""
    if made_up := [name for name, provenance in provenances.items() if provenance != "real"]:
        raise InputError(
            f"stand-ins: {', '.join(made_up)}",
            where=f"profile {study.profile.name}",
            remedy="Only real data make a reference run: name the folder that holds them with "
            "--data-root, and run the study again.",
        )


def _tables(study: Study, runs: list[Run]) -> dict[str, pd.DataFrame]:
    """Return every table of the reference run of a finished study."""
    records, validation = [], own.validation_records(study, runs)
    for name in filter(study.profile.filter_of, STUDIES):
        for run in plan_study(study, name):
            done = study.runs.done(run.run_id)
            row = {"study": name} | dict.fromkeys(_FACTOR) | run.named
            row["run_id"] = run.run_id
            row["best_epoch"] = done["best_epoch"]
            row["epochs"] = done.get("epochs", run.settings.epochs)
            row["seconds"] = float(done["seconds"])
            row |= validation.loc[run.run_id].astype(float).to_dict()
            records.append(row)
    named = [(run.run_id, {"run_id": run.run_id}) for run in runs]
    rows = study.runs.tables(named, own.PREDICTIONS)
    tables = {"runs": pd.DataFrame(records), "predictions": rows[rows["part"] != "validation"]}
    parts = {task: ("test", *study.inputs(task).external) for task in study.profile.tasks}
    read = {"cases": own.scored_cases, "overlap": own.overlap_table}
    read["baselines"] = own.baseline_table
    for name, function in read.items():
        found = [
            function(study, task, part).assign(task=task, part=part)
            for task, of_task in parts.items()
            for part in of_task
        ]
        tables[name] = pd.concat(found, ignore_index=True)
        if name != "cases":
            table = tables[name].reindex(columns=[*SCHEMAS[name]])
            tables[name] = table.astype(SCHEMAS[name])
    # A row a run and case: all of float32 would be more than the rest together.
    tables["overlap"] = tables["overlap"].round(OVERLAP_DECIMALS)
    maps = [found for task in parts if (found := own.lesion_maps(study, task)) is not None]
    tables |= {"lesion_maps": pd.concat(maps, ignore_index=True)} if maps else {}
    if study.profile.filter_of(LAYERS):
        tables["layer_similarity"] = own.layer_similarity(study)
    if len(networks := pretrained(study)):
        tables["pretraining"] = networks
        tables["pretraining_histories"] = pretraining_histories(study)
        tables["corpus_overlap"] = corpus_overlap(study)
    if study.profile.losses is not None:
        tables["losses"] = loss_table(study)
    if study.profile.probe is not None:
        tables["probe"] = table = probe_measurements(study)
        for what, column in (("weights", "weights"), ("images", "source")):
            made = table.loc[table[f"{column}_provenance"] == "stand-in", "source"].unique()
            _refuse_stand_ins(study, {f"{what} of the probe, {name}": "stand-in" for name in made})
    return tables


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table small: integers as short as they fit, values that repeat once."""
    for name in table.select_dtypes("integer"):
        kind = "integer" if (table[name] < 0).any() else "unsigned"
        table = table.assign(**{name: pd.to_numeric(table[name], downcast=kind)})
    arrays = Table.from_pandas(table, preserve_index=False)
    arrays = arrays.replace_schema_metadata(None)  # pandas' notes are larger than small tables
    repeated = [name for name in table if table[name].nunique() < len(table) / 4]
    options = {"compression": "zstd", "compression_level": 19, "use_dictionary": repeated}
    parquet.write_table(arrays, path, row_group_size=len(table) or None, **options)


def _gather_facts(
    study: Study, runs: list[Run], files: dict[str, FileFacts], accelerator: str | None
) -> RunFacts:
    """Return what `run.json` states of a finished study on real images."""
    done = {"fine-tuning": pd.DataFrame([study.runs.done(run.run_id) for run in runs])}
    if len(networks := pretrained(study)):
        done["pretraining"] = networks
    finished = pd.concat([table["finished"] for table in done.values()])
    trained, corpora, weights = done["fine-tuning"], [], []
    drawn_cases = study.profile.pretraining and study.profile.pretraining.cases
    for name in networks["corpus"].unique() if len(networks) else ():
        found, drawn = find_corpus(study, name), open_corpus(study, name, drawn_cases)
        corpora.append(_dataset(found, drawn.cases))
    for number in study.profile.pretrainings:
        for entry in filter(None, find_entries(study, pretraining=number).values()):
            stated = entry.model_dump(include={*WeightsFacts.model_fields} - {"sha256"})
            digest = weights_digest(study, entry)
            weights.append(WeightsFacts(**stated, sha256=digest, pretraining=number))
    facts = RunFacts(
        name=study.profile.name,
        written=datetime.now(UTC).isoformat("T", "seconds"),
        first_finished=finished.min(),
        last_finished=finished.max(),
        profile=without_folders(study.profile.model_dump(mode="json")),
        python=platform.python_version(),
        packages=installed_packages(),
        backend=", ".join(sorted(trained["backend"].unique())),
        precision=", ".join(sorted(trained["precision"].unique())),
        commit=commit_of(Path(__file__).parent),
        hardware=this_computer(accelerator),
        peak_memory_gb=float(trained["peak_memory_gb"].max()),
        work={
            stage: Work(runs=len(table), seconds=round(table["seconds"].sum(), 1))
            for stage, table in done.items()
        },
        tasks=[task_facts(study.inputs(task)) for task in study.profile.tasks],
        corpora=corpora,
        weights=weights,
        files=files,
    )
    # Every field is then stated.
    facts = RunFacts.model_validate_json(facts.model_dump_json(by_alias=True))
    return facts.model_copy(update={"digest": facts.expected_digest})


def without_folders(value: Any) -> Any:
    """Return settings in which each path of this computer is its last name alone."""
    if isinstance(value, dict):
        return {key: without_folders(each) for key, each in value.items()}
    if isinstance(value, list):
        return [without_folders(each) for each in value]
    if isinstance(value, str) and PurePath(value).is_absolute():
        return PurePath(value).name
    return value
