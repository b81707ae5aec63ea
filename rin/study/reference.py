"""Reference runs: what a finished study on real images found, kept with the book.

A reference run holds case ids and numbers, and no statistics: those are computed anew from it
wherever it is shown.  `run.json` tells how the numbers came about, and nothing of where; the
tables beside it name each case and each run once, and point to them by their rows.  Reading gives
the columns that a study of one's own returns.  Writing refuses unfinished runs and stand-ins.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from scipy.special import logit

from rin.data.dataset import Dataset
from rin.data.manifest import DatasetManifest
from rin.errors import InputError, unknown
from rin.explain.lesion_maps import lesion_map_table
from rin.explain.overlap import (
    baseline_scores,
    lesion_sizes,
    measure_overlap,
    others_lesion_size,
)
from rin.files import sha256_of
from rin.models.weights import WeightsEntry, locate
from rin.study.ledger import Ledger
from rin.study.machine import Hardware, commit_of, installed_packages, this_computer
from rin.study.plan import PlannedRun, Run, find_entries, plan_study, weights_folders
from rin.study.pretraining import (
    PretrainingRun,
    find_corpus,
    local_entries,
    open_corpus,
    plan_pretraining,
    pretrained,
)
from rin.study.probe import plan_probe, probe_ledger, probe_measurements
from rin.study.profile import FACTORS, MAIN, STUDIES
from rin.study.run import cam_arrays, run_predictions
from rin.study.scenarios import find_scenario
from rin.study.setting import Study, TaskInputs, inputs_reader

RUN = "run.json"
Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0)]
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
    `mask_kind` how its lesions are marked, empty where they are not.
    """

    name: str
    dataset: DatasetFacts
    substitute_for: str | None
    mask_kind: Literal["outline", "box", ""]
    size: Count
    split: dict[str, Count]


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
    seconds: Seconds


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
    covers all the others.
    """

    format: Literal[1, 2] = 2
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
        datasets = [*(task.dataset for task in self.tasks), *self.corpora]
        if made_up := [data.name for data in datasets if data.provenance != "real"]:
            raise ValueError(f"stand-ins: {', '.join(made_up)}")
        return self

    @property
    def expected_digest(self) -> str:
        """SHA-256 of every other field."""
        told = self.model_dump(mode="json", exclude={"digest"})
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


def without_folders(value: Any) -> Any:
    """Return settings in which each path of this computer is its last name alone."""
    if isinstance(value, dict):
        return {key: without_folders(each) for key, each in value.items()}
    if isinstance(value, list):
        return [without_folders(each) for each in value]
    if isinstance(value, str) and PurePath(value).is_absolute():
        return PurePath(value).name
    return value


#: Columns that each table must have, with the kinds of their values (NumPy's letters).
COLUMNS: dict[str, dict[str, str]] = {
    "cases": {"task": "O", "case_id": "O", "patient_id": "O", "label": "iu"},
    "runs": {"run_id": "O", "task": "O", "fold": "iu", "scenario": "O", "init": "O",
           "contract": "O", "preprocessing": "O", "resize": "O", "seed": "iu",
           "best_epoch": "iu", "epochs": "iu", "seconds": "f"},
    "scores": {"run": "iu", "case": "iu", "score": "f"},
    "overlap": {"run": "iu", "case": "iu", "target": "iu", "empty_cam": "b", "dice": "f",
              "dice_best": "f", "dice_upper": "f", "pointing": "f", "average_precision": "f",
              "mask_share": "f", "cam_share": "f"},
    "baselines": {"case": "iu", "baseline": "O", "dice": "f", "pointing": "f",
                "average_precision": "f"},
    "pretraining": {"init": "O", "corpus": "O", "backbone": "O", "top1": "f", "run_id": "O"},
    "lesion_maps": {"task": "O", "init": "O", "unfreezing": "O", "row": "iu", "column": "iu",
                  "activation": "f", "n_maps": "iu"},
    "probe": {},
}  # fmt: skip
#: Tables that not every study has.
OPTIONAL = ("lesion_maps", "probe")
#: Numbers of overlap that are kept beside the case and the run.
OVERLAP_VALUES = [name for name, kind in COLUMNS["overlap"].items() if kind == "f"]
_CASE = ["task", "case_id"]


def pack_predictions(tables: Sequence[pd.DataFrame]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return cases and scores of several runs, each case named once.

    Parameters
    ----------
    tables
        One a run: `task`, `case_id`, `patient_id`, `label`, `score`.

    Returns
    -------
    tuple
        `task`, `case_id`, `patient_id`, `label`, each case once; and `run` (place in the list of
        tables), `case` (row of the cases), `score` (float32).

    Raises
    ------
    InputError
        When a case has two labels or two patients, stands twice in a run, or a score is not a
        number that float32 holds exactly: then statistics would change.
    """
    lengths = [len(table) for table in tables]
    rows = pd.concat(tables, ignore_index=True)
    run = np.repeat(np.arange(len(tables)), lengths)
    cases = rows[[*_CASE, "patient_id", "label"]].drop_duplicates(ignore_index=True)
    _refuse(cases.duplicated(_CASE), cases, "has two labels or patients")
    _refuse(pd.concat([rows[_CASE], pd.Series(run)], axis=1).duplicated(), rows,
            "stands twice in a run")  # fmt: skip
    exact = rows["score"].to_numpy(dtype=np.float64)
    short = exact.astype(np.float32)
    _refuse(~np.isfinite(exact) | (short != exact), rows, "has a score that float32 cannot hold")
    case = pd.MultiIndex.from_frame(cases[_CASE]).get_indexer(pd.MultiIndex.from_frame(rows[_CASE]))
    return cases, pd.DataFrame({"run": run, "case": case, "score": short})


def unpack_predictions(
    cases: pd.DataFrame, scores: pd.DataFrame, runs: Sequence[int]
) -> pd.DataFrame:
    """Return `run` and the columns that were packed, of some runs in the order given."""
    order = pd.Series(np.arange(len(runs)), index=list(runs))
    scores = scores[scores["run"].isin(order.index)]
    place = scores["run"].map(order).to_numpy()
    scores = scores.iloc[np.argsort(place, kind="stable")]
    named = cases.iloc[scores["case"].to_numpy()].reset_index(drop=True)
    named.insert(0, "run", scores["run"].to_numpy())
    return named.assign(score=scores["score"].to_numpy())


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


def read_table(path: Path, rows: int) -> pd.DataFrame:
    """Read a table and check that it has its columns and so many rows; integers are int64 again.

    Raises
    ------
    InputError
        When it is not readable, lacks a column, has one of another kind, or other rows.
    """
    # pyarrow's errors are ValueErrors or OSErrors.
    try:
        table = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise broken(path, f"not a readable table ({error})") from error
    absent = [name for name in COLUMNS[path.stem] if name not in table]
    if absent or len(table) != rows:
        said = f"columns {absent} are missing" if absent else f"{len(table)} rows, not {rows}"
        raise broken(path, said)
    for name, kinds in COLUMNS[path.stem].items():
        found = table[name].dtype
        kind = "O" if pd.api.types.is_string_dtype(found) else found.kind
        if kind not in kinds:
            raise broken(path, f"column {name} holds {found}")
        if kind != "f" and table[name].isna().any():
            raise broken(path, f"column {name} has gaps")
    return table.astype(dict.fromkeys(table.select_dtypes("integer"), np.int64))


def check_places(tables: Mapping[str, pd.DataFrame], folder: Path) -> None:
    """Raise unless every table points to runs and cases that there are, and labels are 0 or 1.

    Raises
    ------
    InputError
        Naming the table and the column.
    """
    ends = {"run": len(tables["runs"]), "case": len(tables["cases"])}
    for name, table in tables.items():
        for column in ends.keys() & set(table.columns) if name != "probe" else ():
            values = table[column]
            if not values.between(0, ends[column] - 1).all():
                raise broken(_file(folder, name), f"column {column} points beyond the {column}s")
    if not tables["cases"]["label"].isin([0, 1]).all():
        raise broken(_file(folder, "cases"), "labels other than 0 and 1")
    if tables["cases"].duplicated(_CASE).any() or tables["runs"]["run_id"].duplicated().any():
        raise broken(folder, "a case or a run stands twice")
    scores = tables["scores"]
    if scores.duplicated(["run", "case"]).any() or not np.isfinite(scores["score"]).all():
        raise broken(_file(folder, "scores"), "a score is doubled or not a number")
    of_case = tables["cases"]["task"].to_numpy()[scores["case"]]
    if (of_case != tables["runs"]["task"].to_numpy()[scores["run"]]).any():
        raise broken(_file(folder, "scores"), "a run scores a case of another task")


def _log_odds(probabilities: pd.Series) -> pd.Series:
    """Return finite log-odds; what float32 had rounded to 0 or 1 stays tied."""
    return logit(probabilities.astype(float).clip(1e-45, 1 - 2**-25))


def _file(folder: Path, name: str) -> Path:
    return folder / f"{name}.parquet"


def broken(where: Path, problem: str) -> InputError:
    """Return the error for a file of a reference run that cannot be used."""
    return InputError(
        problem,
        where=where,
        remedy="Restore the reference run from the repository, or write it again with "
        "rin reference write --replace.",
    )


def _refuse(bad: pd.Series | np.ndarray, rows: pd.DataFrame, problem: str) -> None:
    if np.any(bad):
        first = rows[np.asarray(bad)].iloc[0]
        raise InputError(
            f"case {first['case_id']} {problem}",
            where=f"predictions of {first['task']}",
            remedy="Delete the run's folder in the ledger and run the stage again.",
        )


def _refuse_stand_ins(study: Study, provenances: Mapping[str, str]) -> None:
    """Raise unless everything that a study read is real; keys say what it is."""
    made_up = [name for name, provenance in provenances.items() if provenance != "real"]
    if made_up:
        raise InputError(
            f"stand-ins: {', '.join(made_up)}",
            where=f"profile {study.profile.name}",
            remedy="Only real data make a reference run: name the folder that holds them with "
            "--data-root, and run the study again.",
        )


def _gather_facts(
    study: Study,
    tasks: Mapping[str, TaskInputs],
    runs: list[Run],
    files: Mapping[str, FileFacts],
    accelerator: str | None,
) -> RunFacts:
    """Return what `run.json` states of a finished study on real images."""
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
        tasks=[task_facts(inputs) for inputs in tasks.values()],
        corpora=_corpora(study, own),
        weights=[
            _weights(study, entry, init, backbone)
            for (init, backbone), entry in find_entries(study).items()
            if entry is not None
        ],
        files=dict(files),
    )
    return facts.model_copy(update={"digest": facts.expected_digest})


def _one_of(values: pd.Series) -> str:
    return ", ".join(sorted(values.astype(str).unique()))


def task_facts(inputs: TaskInputs) -> TaskFacts:
    """Return what is to be said of a task and of its images, in numbers."""
    used = inputs.store.cases
    return TaskFacts(
        name=inputs.task.name,
        dataset=_dataset(inputs.manifest, inputs.found, used, inputs.dataset.provenance),
        substitute_for=inputs.substitute_for,
        mask_kind=inputs.manifest.mask_kind if inputs.store.masks() is not None else "",
        size=inputs.store.size,
        split={part: int(n) for part, n in inputs.folds["part"].value_counts().items()},
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
        sha256=entry.sha256 or (sha256_of(path) if path else None),
    )


#: Columns that name a run in tables of predictions, in their order.
NAMED = ["task", "fold", "scenario", "backbone", "unfreezing", "learning_rate", "init", "seed"]


@dataclass(frozen=True)
class ReferenceRun:
    """A reference run, read and checked.

    Attributes
    ----------
    facts
        How it came about.
    cases
        `task`, `case_id`, `patient_id`, `label` (1 is the positive class), one row a case.
    runs
        One row a run: `run_id`, task, fold, scenario, init, `contract` (input contract in
        effect), `preprocessing` and `resize` (as in `rin.study.profile.FineTuning`), seed,
        `best_epoch`, `epochs`, `seconds`; and for each plan the place of the run in it, NaN where
        it is not part of it: `grid`, `from_random`, and `FACTOR_LEVEL`.
    scores
        `run` and `case` (rows of `runs` and `cases`), `score` (log-odds, float32).
    overlap
        One row a run of the grid and image with a lesion: `run`, `case`, and columns of
        `rin.explain.overlap.Overlap.table`.
    baselines
        One row a case with a lesion and baseline: scores of what looks at no image.
    pretraining
        As `rin.study.pretrained` returned it, and `contract`.
    lesion_maps
        As `rin.explain.lesion_maps.lesion_map_table`, all tasks with masks; None where the run
        was written before they were recorded, or no task has masks.
    probe
        As `rin.study.probe.probe_measurements` returned it; None without such a section.
    """

    facts: RunFacts
    cases: pd.DataFrame = field(repr=False)
    runs: pd.DataFrame = field(repr=False)
    scores: pd.DataFrame = field(repr=False)
    overlap: pd.DataFrame = field(repr=False)
    baselines: pd.DataFrame = field(repr=False)
    pretraining: pd.DataFrame = field(repr=False)
    lesion_maps: pd.DataFrame | None = field(repr=False)
    probe: pd.DataFrame | None = field(repr=False)

    @property
    def name(self) -> str:
        """Name of the reference run."""
        return self.facts.name

    @property
    def tasks(self) -> list[str]:
        """Tasks whose whole grid was run, in the order of the profile."""
        return list(self.facts.profile["tasks"])


def plan_columns(study: str) -> dict[str, str | None]:
    """Return the columns of `ReferenceRun.runs` that tell a study's runs, with their levels."""
    if study in FACTORS:
        return {f"{study}_{level}": level for level in FACTORS[study]}
    return {"grid" if study == MAIN else study: None}


def reference_folder() -> Path:
    """Return the folder of the reference runs (`RIN_REFERENCE_RUNS`, or that of the book)."""
    default = Path(__file__).parents[2] / "book" / "reference_runs"
    return Path(os.environ.get("RIN_REFERENCE_RUNS", default))


def reference_names() -> list[str]:
    """Return the names of the reference runs that there are."""
    return sorted(path.parent.name for path in reference_folder().glob(f"*/{RUN}"))


def load_reference(name_or_folder: str | Path = "open") -> ReferenceRun:
    """Read a reference run and check that it is whole.

    Parameters
    ----------
    name_or_folder
        Name below `reference_folder`; or the folder itself, as a path.

    Raises
    ------
    InputError
        For an unknown name, or a file that is missing, truncated or not the one that was
        written.
    """
    folder = name_or_folder
    if not isinstance(folder, Path):
        if name_or_folder not in reference_names():
            raise unknown("reference run", name_or_folder, reference_names() or ["none"])
        folder = reference_folder() / name_or_folder
    facts = _read_facts(folder)
    tables = {}
    for name in COLUMNS:
        path = _file(folder, name)
        if path.name in facts.files:
            tables[name] = _read_checked(path, facts)
        elif name not in OPTIONAL:
            raise broken(folder / RUN, f"it states no {path.name}")
    check_places(tables, folder)
    if facts.format == 1:  # held probabilities
        tables["scores"] = tables["scores"].assign(score=_log_odds(tables["scores"]["score"]))
    for column in (column for study in STUDIES for column in plan_columns(study)):
        if column not in tables["runs"]:
            raise broken(_file(folder, "runs"), f"column {column} is missing")
    return ReferenceRun(facts, **{name: tables.get(name) for name in COLUMNS})


def reference_predictions(
    reference: ReferenceRun, study: str = MAIN, task: str | None = None
) -> pd.DataFrame:
    """Return the test predictions of a named study, as a study of one's own returns them.

    Rows of a run that both levels of a factor share appear under both; a study that was not run
    has no rows.

    Parameters
    ----------
    study
        One of `rin.study.profile.STUDIES`.
    task
        One task; None takes all.

    Raises
    ------
    InputError
        For an unknown study, or a task that the reference run says nothing of.
    """
    if study not in STUDIES:
        raise unknown("study", study, STUDIES)
    if task is not None and task not in set(reference.runs["task"]):
        raise unknown("task of the reference run", task, reference.tasks)
    tables = []
    for column, level in plan_columns(study).items():
        runs = _planned(reference, column)
        runs = runs if task is None else runs[runs["task"] == task]
        table = _predictions(reference, runs, ["contract"] if level else [])
        if level:
            table.insert(0, "level", level)
            table.insert(0, "factor", study)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def overlap_table(reference: ReferenceRun, task: str) -> pd.DataFrame:
    """Return what a task's maps and lesions have in common, run by run and image by image.

    Columns as of the table of `rin.explain.overlap.Overlap`: those that name the run, `case_id`,
    `patient_id`, `label`, `score`, `target`, the measures (float32), `empty_cam`; no rows where
    the task's images have no marked lesions.
    """
    runs = _planned(reference, "grid")
    runs = runs[runs["task"] == task]
    rows = reference.overlap[reference.overlap["run"].isin(runs.index)]
    scores = reference.scores.set_index(["run", "case"])["score"]
    at = pd.MultiIndex.from_frame(rows[["run", "case"]])
    named = _named(runs).loc[rows["run"]].reset_index(drop=True)
    cases = reference.cases.iloc[rows["case"]][["case_id", "patient_id", "label"]]
    values = rows[["target", *OVERLAP_VALUES, "empty_cam"]].reset_index(drop=True)
    values.insert(0, "score", scores.reindex(at).to_numpy())
    return pd.concat([named, cases.reset_index(drop=True), values], axis=1)


def baseline_rows(reference: ReferenceRun, task: str) -> pd.DataFrame:
    """Return scores of pictures that look at nothing: `case_id`, `baseline`, measures."""
    named = reference.cases.iloc[reference.baselines["case"].to_numpy()]
    rows = reference.baselines.drop(columns="case")
    rows.insert(0, "case_id", named["case_id"].to_numpy())
    return rows[(named["task"] == task).to_numpy()].reset_index(drop=True)


def _planned(reference: ReferenceRun, column: str) -> pd.DataFrame:
    """Return the runs of a plan in its order, indexed by their place in the scores."""
    return reference.runs[reference.runs[column].notna()].sort_values(column, kind="stable")


def _named(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the columns that name runs."""
    scenarios = [find_scenario(name) for name in runs["scenario"]]
    parts = ("backbone", "unfreezing", "learning_rate")
    return runs.assign(**{part: [getattr(s, part) for s in scenarios] for part in parts})[NAMED]


def _predictions(reference: ReferenceRun, runs: pd.DataFrame, before: list[str]) -> pd.DataFrame:
    """Return predictions of some runs, in their order, with further columns of a run in front."""
    rows = unpack_predictions(reference.cases, reference.scores, runs.index)
    named = pd.concat([runs[before], _named(runs)], axis=1)
    named = named.loc[rows["run"].to_numpy()].reset_index(drop=True)
    cases = rows[["case_id", "patient_id", "label", "score"]].reset_index(drop=True)
    cases.insert(2, "part", "test")
    return pd.concat([named, cases.astype({"label": np.int64})], axis=1)


def _read_facts(folder: Path) -> RunFacts:
    path = folder / RUN
    try:
        facts = RunFacts.model_validate_json(path.read_text(encoding="utf-8"))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the text"
        raise broken(path, f"{place}: {first['msg']}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise broken(path, f"not readable ({error})") from error
    if facts.digest != facts.expected_digest:
        raise broken(path, "it differs from what was written")
    return facts


def _read_checked(path: Path, facts: RunFacts) -> pd.DataFrame:
    if not path.is_file():
        raise broken(path, "the file is missing")
    if sha256_of(path) != facts.files[path.name].sha256:
        raise broken(path, f"its SHA-256 is not the one in {RUN}")
    return read_table(path, facts.files[path.name].rows)


#: Largest size of all files of a reference run together, in bytes.
LARGEST = 2_000_000


def write_reference(
    study: Study, folder: Path, *, replace: bool = False, accelerator: str | None = None
) -> Path:
    """Write the reference run of a finished study and return its folder.

    Parameters
    ----------
    folder
        Where reference runs stand; the one that is written is named after the profile.
    replace
        Whether one that is there may be replaced.
    accelerator
        What trained the networks, where it is not what this computer has.

    Raises
    ------
    InputError
        When the reference run is there already, something was made from stand-ins, a run is not
        finished, or the files are larger than `LARGEST` together; nothing is written then.
    """
    target = Path(folder) / study.profile.name
    if target.exists() and not replace:
        raise InputError(
            "there is a reference run already", where=target, remedy="Use --replace to replace it."
        )
    read = inputs_reader(study)
    tasks = {task: read(task) for task in study.profile.tasks}
    corpora = {f"corpus {run.corpus}": run.provenance for run in plan_pretraining(study)}
    _refuse_stand_ins(study, corpora | _provenances(tasks))
    _check_finished(study, study.weights, plan_pretraining(study), "pretraining")
    plans = _plans(study, read)
    planned = [each for plan in plans.values() for each in plan]
    runs = list({each.run.run_id: each.run for each in planned}.values())
    tasks = {each.run.task: each.inputs for each in reversed(planned)} | tasks
    weights = {
        f"weights {init} {backbone}": entry.provenance
        for (init, backbone), entry in find_entries(study).items()
        if entry is not None
    }
    _refuse_stand_ins(study, weights | _provenances(tasks))
    _check_finished(study, study.runs, runs, "fine-tuning")
    if study.profile.probe is not None:
        _check_finished(study, probe_ledger(study), plan_probe(study), "the probe")
    tables = _tables(study, plans, runs)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as work:
            draft = Path(work) / "draft"
            draft.mkdir()
            files = {}
            for name, table in tables.items():
                path = _file(draft, name)
                write_table(table, path)
                size = path.stat().st_size
                files[path.name] = FileFacts(sha256=sha256_of(path), bytes=size, rows=len(table))
            facts = _gather_facts(study, tasks, runs, files, accelerator)
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


def _provenances(tasks: Mapping[str, TaskInputs]) -> dict[str, str]:
    return {f"images of {name}": inputs.provenance for name, inputs in tasks.items()}


def _plans(study: Study, read: Callable[..., TaskInputs]) -> dict[str, list[PlannedRun]]:
    """Return the runs of every study, by the columns of `plan_columns`."""
    plans = {}
    for name in STUDIES:
        asked = study.profile.filter_of(name) is not None
        planned = plan_study(study, name, read) if asked else []
        for column, level in plan_columns(name).items():
            plans[column] = [each for each in planned if each.level == level]
    return plans


def _check_finished(
    study: Study, ledger: Ledger, runs: Sequence[Run | PretrainingRun], stage: str
) -> None:
    if missing := len(runs) - ledger.count([run.run_id for run in runs]):
        raise InputError(
            f"{missing} of {len(runs)} runs of {stage} are not finished",
            where=ledger.folder,
            remedy=f"Run rin study --profile {study.profile.name}; it goes on where it stopped.",
        )


def _tables(
    study: Study, plans: Mapping[str, list[PlannedRun]], runs: list[Run]
) -> dict[str, pd.DataFrame]:
    cases, scores = pack_predictions([run_predictions(study, run) for run in runs])
    overlap, baselines, lesion_maps = _overlap(study, plans["grid"], runs, cases)
    tables = {
        "cases": cases,
        "runs": _runs(study, plans, runs),
        "scores": scores,
        "overlap": overlap,
        "baselines": baselines,
        "pretraining": _pretraining(study),
    }
    if len(lesion_maps):
        tables["lesion_maps"] = lesion_maps
    if study.profile.probe is not None:
        tables["probe"] = _probe(study)
    return tables


def _probe(study: Study) -> pd.DataFrame:
    table = probe_measurements(study)
    for what, column in (("probed weights", "weights_provenance"), ("images", "source_provenance")):
        made_up = table.loc[table[column] == "stand-in", "source"].unique()
        _refuse_stand_ins(study, {f"{what} of the probe, {name}": "stand-in" for name in made_up})
    return table


def _runs(study: Study, plans: Mapping[str, list[PlannedRun]], runs: list[Run]) -> pd.DataFrame:
    rows = []
    for run in runs:
        done = study.runs.done(run.run_id)
        named = {"run_id": run.run_id, "task": run.task, "fold": run.fold}
        named |= {"scenario": run.scenario.name, "init": run.init, "contract": run.contract}
        named |= {name: getattr(run.settings, name) for name in ("preprocessing", "resize")}
        named |= {"seed": run.seed, "best_epoch": done["best_epoch"]}
        rows.append(named | {"epochs": run.settings.epochs, "seconds": float(done["seconds"])})
    table = pd.DataFrame(rows)
    for name, plan in plans.items():
        places = {each.run.run_id: place for place, each in enumerate(plan)}
        table[name] = table["run_id"].map(places).astype("Int16")
    return table


def _overlap(
    study: Study, grid: list[PlannedRun], runs: list[Run], cases: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return overlap of the grids' maps with lesions, that of baselines, and lesion maps."""
    keys = ["task", "fold", "scenario", "init"]
    place = {run.run_id: number for number, run in enumerate(runs)}
    places = {tuple(each.run.named[k] for k in keys): place[each.run.run_id] for each in grid}
    number = pd.Series(range(len(cases)), index=pd.MultiIndex.from_frame(cases[_CASE]))
    measured, beside = ([pd.DataFrame(columns=[*COLUMNS[n]])] for n in ("overlap", "baselines"))
    centred = [pd.DataFrame()]
    for task, inputs in {each.run.task: each.inputs for each in grid}.items():
        if inputs.store.masks() is None:
            continue
        store, masks = inputs.store.cases, inputs.store.masks()
        maps = list(cam_arrays(study, inputs))
        found = measure_overlap(maps, store["case_id"].to_numpy(), masks)
        centred.append(lesion_map_table(maps, store["case_id"].to_numpy(), masks))
        run = [places[key] for key in found.table[keys].itertuples(index=False, name=None)]
        values = found.table[["target", "empty_cam", *OVERLAP_VALUES]]
        case = number[task].loc[found.table["case_id"]].to_numpy()
        measured.append(values.assign(run=run, case=case))
        scored = score_baselines(store, masks, found.table["case_id"].unique(), found.tolerance)
        beside.append(scored.assign(case=number[task].loc[scored["case_id"]].to_numpy()))
    overlap = _typed(pd.concat(measured, ignore_index=True), "overlap")
    baselines = _typed(pd.concat(beside, ignore_index=True), "baselines")
    return overlap, baselines, pd.concat(centred, ignore_index=True)


def _typed(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return the columns that a table of a reference run has, floats as short as they are kept."""
    kinds = {"iu": np.int64, "f": np.float32, "b": bool, "O": str}
    columns = COLUMNS[name]
    return table[[*columns]].astype({column: kinds[kind] for column, kind in columns.items()})


def score_baselines(
    store: pd.DataFrame, masks: np.ndarray, case_ids: np.ndarray, tolerance: float
) -> pd.DataFrame:
    """Score what looks at no image on the cases with a lesion, as the localisation page does."""
    place = pd.Index(store["case_id"]).get_indexer(case_ids)
    sizes = others_lesion_size(lesion_sizes(masks), store["patient_id"].to_numpy())
    scores = baseline_scores(masks[place], sizes[place], tolerance=tolerance)
    return scores.assign(case_id=case_ids[scores["image"]]).drop(columns="image")


def _pretraining(study: Study) -> pd.DataFrame:
    table = pretrained(study)
    if table.empty:
        return pd.DataFrame(columns=[*COLUMNS["pretraining"], "contract"])
    contracts = {(e.init, e.backbone): e.preprocessing for e in local_entries(study)}
    keys = table[["init", "backbone"]].itertuples(index=False, name=None)
    return table.assign(contract=[contracts[key] for key in keys])


def _check_size(draft: Path, target: Path) -> None:
    sizes: Mapping[str, int] = {path.name: path.stat().st_size for path in draft.iterdir()}
    if (total := sum(sizes.values())) > LARGEST:
        listed = ", ".join(f"{name} {size:,}" for name, size in sorted(sizes.items()))
        raise InputError(
            f"its files have {total:,} bytes together, and at most {LARGEST:,} may be ({listed})",
            where=target,
            remedy="Write it from a profile with fewer test cases, scenarios or folds.",
        )
