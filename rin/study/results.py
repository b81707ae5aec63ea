"""Results: one format for a study's own runs, reference runs and published runs.

A folder of results contains `run.json`, which states how the numbers were computed, without
folders and accounts, and one parquet file per table.  The tables have case ids and numbers but no
statistics, which are computed from them whenever they are shown.  Whose runs they are makes no
difference here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, Field, NonNegativeInt, PositiveInt

from rin.data.manifest import Finding
from rin.data.store import Provenance
from rin.errors import InputError, as_input_error, look_up
from rin.evidence.paper import COMPARISONS
from rin.files import (
    FrozenModel,
    altered_files,
    kept_folder,
    read_checksummed_json,
    sha256_of,
    to_checksummed_json,
)
from rin.study.profile import MAIN
from rin.tables import (
    OVERLAP,
    PREDICTIONS,
    PRETRAINED,
    RUN_RECORDS,
    as_categories,
    check_table,
    drop_unused_categories,
)

RUN = "run.json"
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
#: How a released file was verified; empty if it was not.
Verified = Literal["SHA-256", "MD5", "probe", ""]


class DatasetFacts(FrozenModel):
    """A dataset that was read: `used` of `available` images, by label in `counts`.

    If `independence` is not `patient`, the files name no patients, and `patients` counts the
    images or exams that are treated as patients.  `digest` is the digest of the images that were
    found; `part` says which part of the published dataset they are, and is empty for the whole.
    `findings` are those of opening it, and those that its manifest states.
    """

    name: str
    title: str
    provenance: Provenance
    licence: str
    access: str
    home: str
    modality: str
    independence: Literal["image", "exam", "patient"]
    used: NonNegativeInt
    available: NonNegativeInt
    patients: NonNegativeInt
    counts: dict[str, NonNegativeInt]
    digest: Digest
    part: str = ""
    findings: tuple[Finding, ...] = ()


class TaskFacts(FrozenModel):
    """A task and its images; `split` counts the images of each part of the first fold.

    `substitute_for` is the title of the task's own dataset if another was read.  `external` are
    datasets that every run scored and none was trained on; `shared_pictures` counts, for each of
    them, pairs of one of its images and a near-duplicate among the task's own images.
    """

    name: str
    title: str
    dataset: DatasetFacts
    substitute_for: str | None
    size: NonNegativeInt
    split: dict[str, NonNegativeInt]
    external: list[DatasetFacts]
    shared_pictures: dict[str, NonNegativeInt]

    @property
    def kind(self) -> Literal["real", "substitute", "stand-in"]:
        """Whether its images are from its own dataset, from an open substitute, or stand-ins."""
        real = self.dataset.provenance == "real"
        return "substitute" if real and self.substitute_for else self.dataset.provenance


class WeightsFacts(FrozenModel):
    """Weights that runs start from, and the preprocessing that they were trained with.

    `verified` says how a released file was verified, and is empty if it was not; `probe` is the
    probe's verdict on it (`rin.study.released`).  Both are missing for weights that were
    pretrained here and in older reference runs.
    """

    init: str
    backbone: str
    preprocessing: str
    release: str
    licence: str
    provenance: Provenance
    sha256: Digest | None
    pretraining: PositiveInt
    verified: Verified | None = None
    probe: str = ""


class ProfileFacts(BaseModel, extra="allow", frozen=True):
    """The settings that were run, as they were: results outlive the rules for new profiles.

    Others than these are kept, too (`rin.study.profile.Profile` describes them).
    """

    name: str
    about: str
    inits: Annotated[list[str], Field(min_length=2)]
    seed: int
    pretraining: dict[str, Any] | None = None


class Computed(FrozenModel):
    """When, where and with what files were written.

    `commit` has a plus if files differed from it; `code` counts runs by the digest of the code
    that trained them, which older runs do not state.
    """

    written: str
    python: str
    packages: dict[str, str]
    commit: str | None
    hardware: str
    code: dict[str, NonNegativeInt] = {}


class Addition(Computed):
    """Pretrainings, studies and sections added to a reference run; how they were computed."""

    pretrainings: list[PositiveInt]
    backbones: list[str]
    studies: list[str] = []


class RunFacts(Computed):
    """Everything that `run.json` states; times are in UTC, ISO 8601.

    `backend` and `precision` are those of fine-tuning; `files` has the SHA-256 of every table;
    `added` lists later additions, perhaps from other computers; `made_from`, empty in reference
    runs, has the digest of its sources; `author` and `licence` are those under which a run
    was published.
    """

    format: Literal[7] = 7
    name: str
    first_finished: str
    last_finished: str
    profile: ProfileFacts
    backend: str
    precision: str
    tasks: list[TaskFacts]
    corpora: list[DatasetFacts]
    weights: list[WeightsFacts]
    files: dict[str, Digest]
    added: list[Addition] = []
    made_from: dict[str, str] = {}
    author: str = ""
    licence: str = ""

    def task(self, name: str) -> TaskFacts:
        """Return the facts of a task; `InputError` for an unknown one."""
        return look_up("task", name, {task.name: task for task in self.tasks})


OVERLAP_MEASURES = ["dice", "pointing", "average_precision"]
#: The schema of each table, and the columns that are checked when it is read; None: all required.
_CHECKED = {
    "runs": (RUN_RECORDS, None),
    "predictions": (PREDICTIONS, ["case_id", "patient_id", "part", "label", "score"]),
    "cases": (PREDICTIONS, ["task", "part", "case_id", "patient_id", "label"]),
    "overlap": (OVERLAP, None),
    "baselines": (OVERLAP, ["task", "case_id", *OVERLAP_MEASURES]),
    "pretraining": (PRETRAINED, None),
}
#: Columns that name a pretrained network, and the column with its seed in predictions: statistics
#: need it, because pairs of networks with one seed share first weights, order and split.
_NETWORK = ["init", "backbone", "pretraining"]
_SEED = "pretraining_seed"
#: Columns that identify a row, for the tables to which another pretraining may add rows.  Run ids
#: alone would not do: they differ between computers whose weights differ in a single bit.
KEYS = {
    "runs": ["study", "level", "task", "fold", "scenario", "init", "pretraining", "seed"],
    "cases": ["task", "part", "case_id"],
    "predictions": ["run_id", "part", "case_id"],
    "pretraining": _NETWORK,
    "pretraining_histories": [*_NETWORK, "epoch"],
}
#: Columns that name a run in a table of predictions; the first three only if a factor varies.
_OF_FACTOR = ["factor", "level", "preprocessing"]
_NAMES = [
    *_OF_FACTOR,
    *("task", "fold", "scenario", "backbone", "unfreezing", "learning_rate", "init"),
    *("pretraining", "seed"),
]
#: Columns of text of the predictions, which are categories: of millions of rows they take least.
_TEXT = ["run_id", "case_id", "patient_id", "part"]


@dataclass(frozen=True)
class Results:
    """The results of finished runs: the facts of `run.json` and the tables beside it.

    Methods raise `InputError` for a study and a task without runs.
    """

    facts: RunFacts
    tables: Mapping[str, pd.DataFrame] = field(repr=False)

    @property
    def inits(self) -> tuple[str, str]:
        """The two inits that are compared, (a, b); differences are a − b."""
        a, b = self.facts.profile.inits[:2]
        return a, b

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks with runs of the main study: the paper's in its order, then others."""
        return self.tasks_of(MAIN)

    @property
    def titles(self) -> dict[str, str]:
        """The titles of the tasks with runs, by name."""
        titles = {task.name: task.title for task in self.facts.tasks}
        return {task: titles[task] for task in _sort_tasks({*self.table("runs")["task"]})}

    @property
    def studies(self) -> tuple[str, ...]:
        """The names of the studies with runs."""
        return tuple(dict.fromkeys(self.table("runs").get("study", ())))

    def tasks_of(self, study: str) -> tuple[str, ...]:
        """Return the tasks with runs of a study, in the order of `tasks`."""
        return tuple(_sort_tasks({*self.table("runs", study=study)["task"]}))

    def table(self, name: str, **values: str) -> pd.DataFrame:
        """Return the rows of a table that have these values; no rows if the table is not kept.

        Tables are those of the folder, such as `pretraining` and `pretraining_histories`.
        """
        table = self.tables.get(name)
        if table is None:
            return pd.DataFrame(columns=[*{"task": "", **values}])
        for column, value in values.items():
            table = table[table[column] == value]
        return table.reset_index(drop=True) if values else table

    def records(self, task: str, study: str = MAIN) -> pd.DataFrame:
        """Return one row per run (and level): the columns that name it, and its record."""
        runs = self.table("runs", study=study, task=task)
        if runs.empty:
            kept = ", ".join(self.studies) or "none"
            raise InputError(
                f"there are no results of {task} in the study {study}",
                where=f"results of {self.facts.name}",
                remedy=f"Studies with results: {kept}; each counts once all of its runs are "
                "finished.",
            )
        return runs if runs["factor"].notna().any() else runs.drop(columns=_OF_FACTOR)

    def predictions(
        self, study: str = MAIN, task: str | None = None, part: str = "test"
    ) -> pd.DataFrame:
        """Return the predictions of a study: one row per run and case of a part.

        Columns are those of `rin.tables.PREDICTIONS`.  If a factor varies, `factor`, `level` and
        `preprocessing` come first, and a run that levels share is repeated under each level;
        `pretraining_seed` is the seed of the network that a run starts from, if known.  Columns of
        text are categories, to save memory; `.astype(str)` makes one text again.  `study` is one
        of `studies`; `task` None means all tasks of the study; `part` is `test`,
        `validation`, which reference runs leave out, or an external dataset of the task.
        """
        tasks = (self.tasks_of(study) or ["any task"]) if task is None else [task]
        runs = pd.concat([self.records(name, study) for name in tasks])
        scores = self.tables["predictions"]
        look_up("part", part, [*scores["part"].unique()])
        # Ids are compared and joined as codes of the same categories, because text is slow.
        ids = runs["run_id"].astype(scores["run_id"].dtype)
        wanted = scores["run_id"].cat.codes.isin(ids.cat.codes)
        scores = scores[wanted & scores["part"].eq(part)]
        external = [task.name for task in self.facts.tasks if part in task.shared_pictures]
        scored = ids.isin(scores["run_id"].unique())
        if not scored[runs["task"].isin(external)].all():
            raise InputError(
                f"scores on {part} are kept for the main study only, not for all of these runs",
                where=f"results of {self.facts.name}",
                remedy="Use the part test, or run the study yourself.",
            )
        rows = as_categories(runs.loc[scored, [name for name in _NAMES if name in runs]])
        networks = self.table("pretraining")
        if "seed" in networks:
            seeds = networks.set_index(_NETWORK)["seed"].rename(_SEED)
            rows[_SEED] = runs[scored].join(seeds, on=_NETWORK)[_SEED]
        table = rows.assign(run_id=ids).merge(scores, on="run_id").drop(columns="run_id")
        if _SEED in table and (known := table.pop(_SEED)).notna().any():
            table[_SEED] = known  # the last column
        return drop_unused_categories(table)

    def cases(self, task: str, part: str = "test") -> pd.DataFrame:
        """Return one row per scored case: case_id, patient_id, label, and kept columns."""
        rows = self.table("cases", task=task, part=part)
        return rows.drop(columns=["task", "part"]).dropna(axis="columns", how="all")

    def overlap(self, task: str, part: str = "test") -> pd.DataFrame:
        """Return the overlap of maps and lesions; no rows if no lesion is outlined.

        It is that of runs from the first pretraining of each backbone
        (`rin.explain.overlap.measure_overlap`).
        """
        scores = self.predictions(task=task, part=part)
        rows = self.table("overlap", part=part)
        of_backbone = scores.groupby("backbone", observed=True)["pretraining"]
        of_first = scores["pretraining"] == of_backbone.transform("min")
        names = scores[of_first].drop(columns=["pretraining", _SEED], errors="ignore")
        return drop_unused_categories(names).merge(rows).drop(columns="part")

    def baselines(self, task: str, part: str = "test") -> pd.DataFrame:
        """Return scores of image-blind baselines: `case_id`, `baseline`, measures."""
        rows = self.table("baselines", task=task, part=part)
        return rows.drop(columns=["task", "part"])

    def stand_ins(self) -> tuple[str, ...]:
        """Return which inputs are stand-ins: `images`, `weights`, neither.

        `weights` means that a network was pretrained on a stand-in.  Such results allow no
        conclusion.
        """
        images = {task.dataset.provenance for task in self.facts.tasks}
        kinds = {"images": images, "weights": {*self.table("pretraining").get("provenance", ())}}
        return tuple(name for name, provenances in kinds.items() if "stand-in" in provenances)


def _sort_tasks(tasks: Collection[str]) -> list[str]:
    """Return names of tasks: the paper's in its order, then others."""
    return [*(name for name in COMPARISONS if name in tasks), *sorted({*tasks} - {*COMPARISONS})]


#: Errors of reading a file, including those of JSON, pydantic and Arrow.
_UNREADABLE = OSError, ValueError, KeyError
_AGAIN = (
    "Fetch this folder again, or write it again. Results of a study here are in its folder tables."
)


def open_results(folder: str | Path, *, remedy: str = _AGAIN) -> Results:
    """Open a folder of results: one's own, a reference run or a published run.

    Every file must be unchanged since it was written, and every table must fit its schema; nothing
    is checked again later.

    Parameters
    ----------
    folder : str or Path
        the folder with `run.json`
    remedy : str, optional
        what to do if it is damaged, for the error

    Returns
    -------
    Results

    Raises
    ------
    InputError
        For a missing or damaged file, or a table that does not fit its schema.

    Examples
    --------
    >>> from rin.study import open_results
    >>> from rin.study.reference import reference_folder
    >>> results = open_results(reference_folder() / "open")
    >>> results.facts.name
    'open'
    """
    folder = kept_folder(Path(folder))
    changed = "it is missing, or not as it was written"
    with as_input_error(changed, where=folder / RUN, remedy=remedy, kinds=_UNREADABLE):
        facts = RunFacts.model_validate(read_checksummed_json(folder / RUN))
    for file in altered_files(folder, facts.files):
        raise InputError(changed, where=folder / file, remedy=remedy)
    tables = {
        Path(file).stem: _read_table(folder / file, sha256, remedy).copy(deep=False)
        for file, sha256 in facts.files.items()
    }
    return Results(facts, tables)


def changed_files(folder: Path) -> list[str]:
    """Return the files of a folder of results that are missing or not as they were written."""
    try:
        files = read_checksummed_json(folder / RUN)["files"]
    except _UNREADABLE:
        return [RUN]
    return altered_files(folder, files)


# Cached, because a page opens a reference run several times, and reading and checking is slow.
@lru_cache(maxsize=32)
def _read_table(path: Path, sha256: str, remedy: str) -> pd.DataFrame:
    """Read the table with this digest and check it against its schema; integers become int64."""
    name = path.stem
    with as_input_error("it cannot be read", where=path, remedy=remedy, kinds=_UNREADABLE):
        # Of millions of rows text is slow: it is read as categories, which are sorted as ever.
        texts = _TEXT if name == "predictions" else []
        table = pd.read_parquet(path, read_dictionary=texts)
        for text in texts:
            kinds = table[text].cat
            table[text] = kinds.reorder_categories(kinds.categories.sort_values())
        if name in KEYS and table.duplicated(KEYS[name]).any():
            raise ValueError(f"rows repeat a {', '.join(KEYS[name])}")
    table = table.astype(dict.fromkeys(table.select_dtypes("integer"), np.int64))
    if name in _CHECKED:
        schema, columns = _CHECKED[name]
        check_table(table, schema, columns, where=str(path), remedy=remedy)
    return table


def write_results(results: Results, draft: Path) -> None:
    """Write facts and tables into a new folder."""
    digests = {}
    for name, table in sorted(results.tables.items()):
        path = draft / f"{name}.parquet"
        write_table(table, path)
        digests[path.name] = sha256_of(path)
    write_facts(results.facts.model_copy(update={"files": digests}), draft)


def write_facts(facts: RunFacts, draft: Path) -> None:
    """Write the facts of results into their folder, with a digest of their own."""
    (draft / RUN).write_text(to_checksummed_json(facts.model_dump(mode="json")), encoding="utf-8")


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table compactly: repeated numbers in a dictionary, other fractions byte by byte."""
    table = drop_unused_categories(table)  # those of rows that were dropped may name patients
    # Names come in the same order for every run, which compression finds in a column of one page
    # (a sixth less for a million scores) and a dictionary hides.
    numbers = table.select_dtypes("number")
    # An index of more than 16 bits takes more than a fraction's bytes, compressed.
    most = min(len(table) / 4, 2**16)
    repeated = [name for name in numbers if table[name].nunique() < most]
    fractions = table.select_dtypes("float").columns.difference(repeated)
    options = {"max_rows_per_page": 2**30, "data_page_size": 2**30, "use_dictionary": repeated}
    options |= {"compression": "zstd", "compression_level": 19}
    table.to_parquet(path, index=False, use_byte_stream_split=[*fractions], **options)
