"""Reference runs: what a finished study on real images found, kept with the book.

A reference run holds case ids and numbers, and no statistics: those are computed anew from it
wherever it is shown.  `run.json` tells how the numbers came about, and nothing of where; the
tables beside it name each case and each run once, and point to them by their rows.  Reading gives
the tables of `rin.study.run`.  Writing refuses unfinished runs and stand-ins.
"""

from __future__ import annotations

import hashlib
import json
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
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from scipy.special import logit

from rin.data.dataset import Dataset
from rin.data.manifest import DatasetManifest
from rin.errors import InputError, look_up
from rin.explain.lesion_maps import lesion_map_table
from rin.files import sha256_of
from rin.models.weights import locate
from rin.study.machine import Hardware, commit_of, installed_packages, this_computer
from rin.study.plan import (
    PlannedRun,
    Run,
    find_entries,
    name_run,
    plan_all,
    plan_study,
    weights_folders,
)
from rin.study.pretraining import (
    find_corpus,
    local_entries,
    open_corpus,
    plan_pretraining,
    pretrained,
)
from rin.study.probe import plan_probe, probe_ledger, probe_measurements
from rin.study.profile import MAIN, STUDIES
from rin.study.run import PREDICTIONS, baseline_table, cam_arrays, overlap_table
from rin.study.setting import Study, TaskInputs

RUN = "run.json"
#: Largest size of all files of a reference run together, in bytes.
LARGEST = 4_000_000
#: Decimals that are kept of overlap, whose shares lie between 0 and 1.
OVERLAP_DECIMALS = 4
Count = Annotated[int, Field(ge=0)]
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class _Fact(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DatasetFacts(_Fact):
    """A dataset that was read.

    `used` of `available` images were drawn, from `patients` patients; where `independence` is
    not `patient`, the files name none, and `patients` counts what stands for them.  `digest` is
    that of the images that were found, `counts` of those used, by label.
    """

    name: str
    title: str
    provenance: Literal["real", "stand-in"]
    licence: str
    access: str
    home: str
    independence: Literal["image", "exam", "patient"]
    used: Count
    available: Count
    patients: Count
    counts: dict[str, Count]
    digest: Digest


class TaskFacts(_Fact):
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
    size: Count
    split: dict[str, Count]
    external: list[DatasetFacts] = []
    shared_pictures: dict[str, Count] = {}


class WeightsFacts(_Fact):
    """Weights that runs start from, and the input contract that they were trained under."""

    init: str
    backbone: str
    contract: str
    release: str
    licence: str
    provenance: Literal["real"]
    sha256: Digest | None


class Work(_Fact):
    """How many runs, and the seconds of each added up; runs may have gone side by side."""

    runs: Count
    seconds: Annotated[float, Field(ge=0)]


class FileFacts(_Fact):
    """A table of the reference run."""

    sha256: Digest
    bytes: Count
    rows: Count


class RunFacts(_Fact):
    """Everything that `run.json` states; times in UTC, ISO 8601.

    `profile` is the resolved one; `backend`, `precision` and `peak_memory_gb` are of fine-tuning;
    `commit` is that of the code that wrote the files, with a plus where other files than its own
    were at work; `hardware` that of the computer that wrote them; `work` goes by stage; `digest`
    covers all the others.  Format 1 held probabilities in place of log-odds; formats 1 and 2 knew
    no external datasets.
    """

    format: Literal[1, 2, 3] = 3
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
    peak_memory_gb: Annotated[float, Field(ge=0)]
    work: dict[str, Work]
    tasks: list[TaskFacts]
    corpora: list[DatasetFacts]
    weights: list[WeightsFacts]
    files: dict[str, FileFacts]
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
        told = self.model_dump(mode="json", exclude={"digest"}, exclude_unset=True)
        text = json.dumps(told, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def inits(self) -> tuple[str, str]:
        """The two inits that are compared, (a, b)."""
        a, b = self.profile["inits"][:2]
        return a, b

    def task(self, name: str) -> TaskFacts:
        """Return the facts of a task."""
        return next(task for task in self.tasks if task.name == name)


#: Columns that tables must have; integers and text are kept short in the files.
SCHEMAS: dict[str, dict[str, Any]] = {
    "cases": {"task": str, "part": str, "case_id": str, "patient_id": str, "label": int},
    "runs": {"run_id": str, "task": str, "fold": int, "scenario": str, "init": str,
             "contract": str, "preprocessing": str, "resize": str, "seed": int,
             "best_epoch": int, "epochs": int, "seconds": float},
    "scores": {"run": int, "case": int, "score": np.float32},
    "overlap": {"run": int, "case": int, "target": int, "empty_cam": bool} | dict.fromkeys(
        ["dice", "dice_best", "dice_upper", "pointing", "average_precision", "mask_share",
         "cam_share"], np.float32),
    "baselines": {"case": int, "baseline": str, "dice": np.float32, "pointing": np.float32,
                  "average_precision": np.float32},
    "pretraining": {"init": str, "corpus": str, "backbone": str, "top1": float, "run_id": str},
    "lesion_maps": {"task": str, "init": str, "unfreezing": str, "row": int, "column": int,
                    "activation": float, "n_maps": int},
    "probe": {},
}  # fmt: skip
_FLOATS = (float, np.float32)
#: Tables that not every study has.
OPTIONAL = ("lesion_maps", "probe")
_UNIQUE = {"cases": ["task", "part", "case_id"], "runs": ["run_id"], "scores": ["run", "case"]}


@dataclass(frozen=True)
class ReferenceRun:
    """A reference run, read and checked; its methods return the tables of `rin.study.run`.

    `cases` has `task`, `part` (`test`, or an external dataset), `case_id`, `patient_id`, `label` (1
    is the positive class) and what manifests keep of their cases.  `runs` has what names a run, its
    `contract`, `best_epoch`, `epochs`, `seconds`; and for each column of `plan_columns` the place
    of the run in that plan, NaN where it is not part of it.  `tables` has the others: `scores`,
    `overlap` and `baselines` point to rows of `runs` and `cases`; `pretraining` and `probe` are as
    `rin.study.pretrained` and `rin.study.probe.probe_measurements` returned them, `lesion_maps` as
    `rin.explain.lesion_maps.lesion_map_table`.
    """

    facts: RunFacts
    tables: dict[str, pd.DataFrame] = field(repr=False)

    @property
    def name(self) -> str:
        """Name of the reference run."""
        return self.facts.name

    @property
    def tasks(self) -> list[str]:
        """Tasks whose whole grid was run, in the order of the profile."""
        return list(self.facts.profile["tasks"])

    @property
    def runs(self) -> pd.DataFrame:
        """One row a run."""
        return self.tables["runs"]

    @property
    def pretraining(self) -> pd.DataFrame:
        """As `rin.study.pretrained` returned it, and `contract`."""
        return self.tables["pretraining"]

    @property
    def probe(self) -> pd.DataFrame | None:
        """Measurements of the probe; None where none was run."""
        return self.tables.get("probe")

    def tasks_of(self, study: str) -> set[str]:
        """Return the tasks of which runs of a named study are kept."""
        return set(self.runs.loc[self.runs[[*plan_columns(study)]].notna().any(axis=1), "task"])

    def planned(self, study: str, task: str) -> pd.DataFrame:
        """Return the columns that name the runs of a study, in the order of its plan.

        The first, `run`, is the place in `runs`; studies of a factor have `factor`, `level` and
        `contract` before the others.
        """
        rows = []
        for column, level in plan_columns(study).items():
            there = self.runs[self.runs[column].notna() & (self.runs["task"] == task)]
            for run in there.sort_values(column, kind="stable").itertuples():
                factor = {"factor": study, "level": level, "contract": run.contract}
                named = name_run(run.task, run.fold, run.scenario, run.init, run.seed)
                rows.append({"run": run.Index} | (factor if level else {}) | named)
        return pd.DataFrame(rows)

    def external(self, task: str) -> tuple[str, ...]:
        """Return the names of the external datasets that a task's runs scored."""
        return tuple(each.name for each in self.facts.task(task).external)

    def cases(self, task: str, part: str) -> pd.DataFrame:
        """As `rin.study.run.scored_cases`."""
        scores = self.planned(MAIN, task).merge(self._of_part(self.tables["scores"], part))
        rows = self.tables["cases"].loc[np.sort(scores["case"].unique())]
        kept = rows.drop(columns=["task", "part"]).dropna(axis="columns", how="all")
        return kept.reset_index(drop=True)

    def predictions(self, study: str, task: str, part: str = "test") -> pd.DataFrame:
        """As `rin.study.run.predictions`."""
        columns = ["case_id", "patient_id", "part", "label"]
        scores = self._of_part(self.tables["scores"], part)
        rows = self._with_cases(self.planned(study, task).merge(scores), columns)
        score = rows.pop("score")
        return rows.assign(score=score)

    def records(self, study: str, task: str) -> pd.DataFrame:
        """Return one row a run: what names it, `best_epoch`, `epochs`, `seconds`."""
        told = self.runs[["run_id", "best_epoch", "epochs", "seconds"]]
        return self.planned(study, task).join(told, on="run").drop(columns="run")

    def overlap(self, task: str, part: str = "test") -> pd.DataFrame:
        """As `rin.study.run.overlap_table`; no rows without marked lesions."""
        rows = self.planned(MAIN, task).merge(self._of_part(self.tables["overlap"], part))
        rows = rows.merge(self.tables["scores"])
        return self._with_cases(rows, ["case_id", "patient_id", "label"])

    def baselines(self, task: str, part: str = "test") -> pd.DataFrame:
        """As `rin.study.run.baseline_table`."""
        rows = self._of_part(self.tables["baselines"], part)
        rows = self._with_cases(rows, ["task", "case_id"])
        return rows[rows["task"] == task].drop(columns="task").reset_index(drop=True)

    def _with_cases(self, rows: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
        """Return rows with columns of their cases in place of the numbers of cases and runs."""
        cases = self.tables["cases"][columns]
        return rows.join(cases, on="case").drop(columns=["run", "case"], errors="ignore")

    def _of_part(self, rows: pd.DataFrame, part: str) -> pd.DataFrame:
        """Return the rows whose cases belong to a part."""
        parts = self.tables["cases"]["part"].to_numpy()
        return rows[parts[rows["case"]] == part]

    def lesion_maps(self, task: str) -> pd.DataFrame | None:
        """Return the mean activation around the lesion; None where it was not recorded."""
        kept = self.tables.get("lesion_maps")
        found = None if kept is None else kept[kept["task"] == task].reset_index(drop=True)
        return None if found is None or found.empty else found


def plan_columns(study: str) -> dict[str, str | None]:
    """Return the columns of `ReferenceRun.runs` that tell a study's runs, with their levels."""
    name = "grid" if study == MAIN else study
    return {name if level is None else f"{name}_{level}": level for level in STUDIES[study]}


def reference_folder() -> Path:
    """Return the folder of the reference runs (`RIN_REFERENCE_RUNS`, or that of the book)."""
    default = Path(__file__).parents[2] / "book" / "reference_runs"
    return Path(os.environ.get("RIN_REFERENCE_RUNS", default))


def load_reference(name_or_folder: str | Path = "open") -> ReferenceRun:
    """Read a reference run, by name below `reference_folder` or from a folder; check it is whole.

    `InputError` for an unknown name, or a file that is missing, truncated or not the one that was
    written.
    """
    folder = name_or_folder
    if not isinstance(folder, Path):
        known = sorted(path.parent.name for path in reference_folder().glob(f"*/{RUN}"))
        look_up("reference run", name_or_folder, known or ["none"])
        folder = reference_folder() / name_or_folder
    facts = _read_facts(folder / RUN)
    tables = {}
    for name in SCHEMAS:
        path = folder / f"{name}.parquet"
        if path.name in facts.files:
            tables[name] = _read_table(path, facts.files[path.name])
        elif name not in OPTIONAL:
            raise _broken(folder / RUN, f"it states no {path.name}")
    _check_places(tables, folder)
    if facts.format == 1:  # held probabilities; what float32 had rounded to 0 or 1 stays tied
        shares = tables["scores"]["score"].astype(float).clip(1e-45, 1 - 2**-25)
        tables["scores"] = tables["scores"].assign(score=logit(shares))
    return ReferenceRun(facts, tables)


def _broken(where: Path, problem: str) -> InputError:
    return InputError(
        problem,
        where=where,
        remedy="Restore the reference run from the repository, or write it again with "
        "rin reference write --replace.",
    )


def _read_facts(path: Path) -> RunFacts:
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
    return facts


def _read_table(path: Path, stated: FileFacts) -> pd.DataFrame:
    """Read a table that is the one that was written and has its columns; integers are int64."""
    if not path.is_file():
        raise _broken(path, "the file is missing")
    if sha256_of(path) != stated.sha256:
        raise _broken(path, f"its SHA-256 is not the one in {RUN}")
    columns = {
        name: pa.Column(kind, nullable=kind in _FLOATS, coerce=True)
        for name, kind in SCHEMAS[path.stem].items()
    }
    try:
        table = pd.read_parquet(path)
        table = table.astype(dict.fromkeys(table.select_dtypes("integer"), np.int64))
        if path.stem == "cases":  # earlier formats knew one part alone
            table = table.assign(part=table.get("part", "test"))
        if path.stem == "runs":  # nor every study that there is now
            later = {column for name in STUDIES if name != MAIN for column in plan_columns(name)}
            table = table.assign(**dict.fromkeys(sorted(later - {*table}), np.nan))
        table = pa.DataFrameSchema(columns, unique=_UNIQUE.get(path.stem)).validate(table)
    # The errors of pyarrow are among the first two.
    except (OSError, ValueError, pa.errors.SchemaError, pa.errors.SchemaErrors) as error:
        said = " ".join(str(error).split())[:300]
        raise _broken(path, f"not a table of a reference run ({said})") from error
    if len(table) != stated.rows:
        raise _broken(path, f"{len(table)} rows, not {stated.rows}")
    return table


def _check_places(tables: dict[str, pd.DataFrame], folder: Path) -> None:
    """Raise unless tables point to runs and cases that there are, and scores are whole."""
    runs, cases, scores = tables["runs"], tables["cases"], tables["scores"]
    problems = [
        (f"{name}.parquet", f"column {column} points beyond the {column}s")
        for name in ("scores", "overlap", "baselines")
        for column, end in (("run", len(runs)), ("case", len(cases)))
        if column in tables[name] and not tables[name][column].between(0, end - 1).all()
    ]
    if not cases["label"].isin([0, 1]).all():
        problems.append(("cases.parquet", "labels other than 0 and 1"))
    if absent := {*plan_columns(MAIN)} - {*runs}:
        problems.append(("runs.parquet", f"columns {sorted(absent)} are missing"))
    if not np.isfinite(scores["score"]).all():
        problems.append(("scores.parquet", "a score is not a number"))
    if not problems:
        of_case = cases["task"].to_numpy()[scores["case"]]
        if (of_case != runs["task"].to_numpy()[scores["run"]]).any():
            problems.append(("scores.parquet", "a run scores a case of another task"))
    for name, problem in problems[:1]:
        raise _broken(folder / name, problem)


def task_facts(inputs: TaskInputs) -> TaskFacts:
    """Return what is to be said of a task and of its images, in numbers."""
    used = inputs.store.cases
    return TaskFacts(
        name=inputs.task.name,
        dataset=_dataset(inputs.manifest, inputs.found, used),
        substitute_for=inputs.substitute_for,
        mask_kind=inputs.manifest.mask_kind if inputs.store.masks() is not None else "",
        size=inputs.store.size,
        split={part: int(n) for part, n in inputs.folds["part"].value_counts().items()},
        external=[
            _dataset(each.manifest, each.found, each.store.cases)
            for each in inputs.external.values()
        ],
        shared_pictures={name: len(each.pairs) for name, each in inputs.external.items()},
    )


def _dataset(manifest: DatasetManifest, found: Dataset, used: pd.DataFrame) -> DatasetFacts:
    stated = ("name", "title", "licence", "access", "home", "independence")
    return DatasetFacts(
        **{name: getattr(manifest, name) for name in stated},
        provenance=found.provenance,
        used=len(used),
        available=len(found.cases),
        patients=used["patient_id"].nunique(),
        counts={label: int(n) for label, n in used["label"].value_counts().sort_index().items()},
        digest=found.digest,
    )


def write_reference(
    study: Study,
    folder: Path,
    *,
    replace: bool = False,
    finished: bool = False,
    accelerator: str | None = None,
) -> Path:
    """Write the reference run of a finished study and return its folder.

    Parameters
    ----------
    folder
        Where reference runs stand; the one that is written is named after the profile.
    replace
        Whether one that is there may be replaced.
    finished
        Whether tasks that are not finished are left out; the next writing adds them.
    accelerator
        What trained the networks, where it is not what this computer has.

    `InputError` when the reference run is there already, something was made from stand-ins, a run
    is not finished, or the files are larger than `LARGEST` together; nothing is written then.
    """
    if finished:
        study = _finished_part(study)
    target = Path(folder) / study.profile.name
    if target.exists() and not replace:
        raise InputError(
            "there is a reference run already", where=target, remedy="Use --replace to replace it."
        )
    tasks = {task: study.inputs(task) for task in study.profile.tasks}
    pretraining = plan_pretraining(study)
    made = {f"corpus {run.corpus}": run.provenance for run in pretraining}
    _refuse_stand_ins(
        study, made | {f"images of {name}": each.provenance for name, each in tasks.items()}
    )
    study.weights.require([run.run_id for run in pretraining], "pretraining")
    plans = {
        name: plan_study(study, name) if study.profile.filter_of(name) else [] for name in STUDIES
    }
    runs = list({each.run.run_id: each.run for plan in plans.values() for each in plan}.values())
    _refuse_stand_ins(
        study,
        {
            f"weights {init} {backbone}": entry.provenance
            for (init, backbone), entry in find_entries(study).items()
            if entry is not None
        },
    )
    study.runs.require([run.run_id for run in runs], "fine-tuning")
    if study.profile.probe is not None:
        probe_ledger(study).require([run.run_id for run in plan_probe(study)], "the probe")
    tables = _tables(study, plans, runs)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as work:
            draft = Path(work) / "draft"
            draft.mkdir()
            files = {}
            for name, table in tables.items():
                path = draft / f"{name}.parquet"
                write_table(table, path)
                size = path.stat().st_size
                files[path.name] = FileFacts(sha256=sha256_of(path), bytes=size, rows=len(table))
            facts = _gather_facts(study, runs, files, accelerator)
            (draft / RUN).write_text(facts.model_dump_json(indent=1) + "\n", encoding="utf-8")
            _check_size(draft, target)
            load_reference(draft)
            if target.exists():
                target.rename(Path(work) / "old")
            draft.rename(target)
    except OSError as error:
        raise InputError(
            f"the reference run cannot be written ({error.strerror or error})",
            where=target,
            remedy="Make room or choose a writable folder.",
        ) from error
    return target


def _finished_part(study: Study) -> Study:
    """Return the study with those tasks alone all of whose runs are finished."""

    def is_finished(task: str) -> bool:
        part = _with_tasks(study, [task])
        return study.runs.count(ids := [each.run.run_id for each in plan_all(part)]) == len(ids)

    study.weights.require([run.run_id for run in plan_pretraining(study)], "pretraining")
    tasks = [task for task in study.profile.tasks if is_finished(task)]
    if not tasks:
        raise InputError(
            "no task is finished",
            where=f"profile {study.profile.name}",
            remedy="Run rin study with this profile first; it goes on where it was stopped.",
        )
    return _with_tasks(study, tasks)


def _with_tasks(study: Study, tasks: list[str]) -> Study:
    return replace(study, profile=study.profile.model_copy(update={"tasks": tasks}))


def _refuse_stand_ins(study: Study, provenances: dict[str, str]) -> None:
    """Raise unless everything that a study read is real; keys say what it is."""
    made_up = [name for name, provenance in provenances.items() if provenance != "real"]
    if made_up:
        raise InputError(
            f"stand-ins: {', '.join(made_up)}",
            where=f"profile {study.profile.name}",
            remedy="Only real data make a reference run: name the folder that holds them with "
            "--data-root, and run the study again.",
        )


def _tables(
    study: Study, plans: dict[str, list[PlannedRun]], runs: list[Run]
) -> dict[str, pd.DataFrame]:
    """Return every table of the reference run of a finished study."""
    named = {run.run_id: {"run": place, "task": run.task} for place, run in enumerate(runs)}
    rows = study.runs.tables(named.items(), PREDICTIONS)
    rows = rows[rows["part"] != "validation"].reset_index(drop=True)
    cases, scores = pack_predictions(rows)
    tables = {"cases": keep_columns(study, cases), "runs": _runs(study, plans, runs)}
    tables["scores"] = scores
    scored = [
        (task, part)
        for task in study.profile.tasks
        for part in ("test", *study.inputs(task).external)
        if study.inputs(task).scored(part).store.masks() is not None
    ]
    parts = [_localisation(study, *each, tables["runs"], cases) for each in scored]
    for name in ("overlap", "baselines", "lesion_maps"):
        if parts or name not in OPTIONAL:
            empty = pd.DataFrame(columns=[*SCHEMAS[name]])
            found = [part[name] for part in parts if name in part]
            table = pd.concat([empty, *found], ignore_index=True)
            tables[name] = table[[*SCHEMAS[name]]].astype(SCHEMAS[name])
    # A row a run and case: all of float32 would be more than the rest together.
    tables["overlap"] = tables["overlap"].round(OVERLAP_DECIMALS)
    own = pretrained(study)
    own = own if len(own) else pd.DataFrame(columns=[*SCHEMAS["pretraining"]])
    contracts = {(each.init, each.backbone): each.preprocessing for each in local_entries(study)}
    keys = zip(own["init"], own["backbone"], strict=True)
    tables["pretraining"] = own.assign(contract=[contracts[key] for key in keys])
    if study.profile.probe is not None:
        tables["probe"] = table = probe_measurements(study)
        for what, column in (("weights", "weights"), ("images", "source")):
            made = table.loc[table[f"{column}_provenance"] == "stand-in", "source"].unique()
            _refuse_stand_ins(study, {f"{what} of the probe, {name}": "stand-in" for name in made})
    return tables


def keep_columns(study: Study, cases: pd.DataFrame) -> pd.DataFrame:
    """Return cases with what the manifests keep of them beside label and patient."""
    kept = []
    for task, part in cases[["task", "part"]].drop_duplicates().itertuples(index=False):
        inputs = study.inputs(task).scored(part)
        columns = inputs.found.cases[["case_id", *inputs.kept_columns]]
        kept.append(columns.assign(task=task, part=part))
    return cases.merge(pd.concat(kept), on=_UNIQUE["cases"], how="left", validate="1:1")


def pack_predictions(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return cases and scores of several runs, each case named once.

    Parameters
    ----------
    rows
        `run` (a number), `task`, `part`, `case_id`, `patient_id`, `label`, `score`.

    Returns
    -------
    tuple
        `task`, `part`, `case_id`, `patient_id`, `label`; and `run`, `case` (row of the cases),
        `score` (float32).

    `InputError` when a case has two labels or patients, stands twice in a run, or a score is not a
    number that float32 holds exactly: then statistics would change.
    """
    key = _UNIQUE["cases"]
    cases = rows[[*key, "patient_id", "label"]].drop_duplicates(ignore_index=True)
    exact = rows["score"].to_numpy(dtype=np.float64)
    short = exact.astype(np.float32)
    for bad, table, problem in (
        (cases.duplicated(key), cases, "has two labels or patients"),
        (rows.duplicated(["run", *key]), rows, "stands twice in a run"),
        (~np.isfinite(exact) | (short != exact), rows, "has a score that float32 cannot hold"),
    ):
        if bad.any():
            first = table[np.asarray(bad)].iloc[0]
            raise InputError(
                f"case {first['case_id']} {problem}",
                where=f"predictions of {first['task']}",
                remedy="Delete the run's folder in the ledger and run the stage again.",
            )
    case = pd.MultiIndex.from_frame(cases[key]).get_indexer(pd.MultiIndex.from_frame(rows[key]))
    return cases, pd.DataFrame({"run": rows["run"].to_numpy(), "case": case, "score": short})


def _runs(study: Study, plans: dict[str, list[PlannedRun]], runs: list[Run]) -> pd.DataFrame:
    rows = []
    for run in runs:
        done, settings = study.runs.done(run.run_id), run.settings
        told = {
            "run_id": run.run_id,
            "task": run.task,
            "fold": run.fold,
            "scenario": run.scenario.name,
            "init": run.init,
            "contract": run.contract,
            "preprocessing": settings.preprocessing,
            "resize": settings.resize,
            "seed": run.seed,
            "best_epoch": done["best_epoch"],
            "epochs": settings.epochs,
            "seconds": float(done["seconds"]),
        }
        rows.append(told)
    table = pd.DataFrame(rows)
    for name, planned in plans.items():
        for column, level in plan_columns(name).items():
            own = [each.run.run_id for each in planned if each.level == level]
            places = {run_id: place for place, run_id in enumerate(own)}
            table[column] = table["run_id"].map(places).astype("Int16")
    return table


def _localisation(
    study: Study, task: str, part: str, runs: pd.DataFrame, cases: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """Return overlap, baselines and lesion maps of a part; runs and cases by their rows."""
    keys = ["task", "fold", "scenario", "init"]
    numbered = cases[cases["part"] == part].reset_index(names="case")[["case", "task", "case_id"]]
    grid = runs[runs["grid"].notna()].reset_index(names="run")[["run", *keys]]
    found = overlap_table(study, task, part).merge(grid, on=keys)
    beside = baseline_table(study, task, found["case_id"].unique(), part).assign(task=task)
    tables = {"overlap": found, "baselines": beside}
    tables = {name: table.merge(numbered, on=["task", "case_id"]) for name, table in tables.items()}
    if part == "test":
        store = study.inputs(task).store
        case_ids, maps = store.cases["case_id"].to_numpy(), cam_arrays(study, task)
        tables["lesion_maps"] = lesion_map_table(maps, case_ids, store.masks())
    return tables


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table small: integers as short as they fit, repeated values once."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for name in table.select_dtypes("integer"):
        if table[name].notna().all():
            kind = "integer" if (table[name] < 0).any() else "unsigned"
            table = table.assign(**{name: pd.to_numeric(table[name], downcast=kind)})
    arrays = pa.Table.from_pandas(table, preserve_index=False)
    arrays = arrays.replace_schema_metadata(None)  # pandas' notes are larger than small tables
    pq.write_table(arrays, path, compression="zstd", compression_level=19, use_dictionary=True)


def _gather_facts(
    study: Study, runs: list[Run], files: dict[str, FileFacts], accelerator: str | None
) -> RunFacts:
    """Return what `run.json` states of a finished study on real images."""
    done = {"fine-tuning": pd.DataFrame([study.runs.done(run.run_id) for run in runs])}
    if len(own := pretrained(study)):
        done["pretraining"] = own
    finished = pd.concat([table["finished"] for table in done.values()])
    trained, corpora, weights = done["fine-tuning"], [], []
    for name in own["corpus"].unique() if len(own) else ():
        found, drawn = find_corpus(study, name), open_corpus(study, name)
        corpora.append(_dataset(found.manifest, found, drawn.cases))
    for (init, backbone), entry in find_entries(study).items():
        if entry is not None:
            path = None if entry.sha256 else locate(entry, weights_folders(study))
            told = WeightsFacts(
                init=init,
                backbone=backbone,
                contract=entry.preprocessing,
                release=entry.release,
                licence=entry.licence,
                provenance=entry.provenance,
                sha256=entry.sha256 or (sha256_of(path) if path else None),
            )
            weights.append(told)
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
    facts = RunFacts.model_validate_json(facts.model_dump_json())  # every field is then stated
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


def _check_size(draft: Path, target: Path) -> None:
    sizes = {path.name: path.stat().st_size for path in draft.iterdir()}
    if (total := sum(sizes.values())) > LARGEST:
        listed = ", ".join(f"{name} {size:,}" for name, size in sorted(sizes.items()))
        raise InputError(
            f"its files have {total:,} bytes together, and at most {LARGEST:,} may be ({listed})",
            where=target,
            remedy="Write it from a profile with fewer test cases, scenarios or folds.",
        )
