"""Reference runs: what a finished study on real images found, kept with the book.

A reference run holds case ids and numbers, and no statistics: those are computed anew from it
wherever it is shown.  `run.json` says how the numbers came about, and nothing of where; the
tables beside it are those of `rin.study.fine_tuning`.
"""

import os
import platform
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt

from rin.data.dataset import Dataset
from rin.errors import InputError, explained, look_up
from rin.files import (
    MAKE_ROOM,
    FrozenModel,
    read_checksummed_json,
    replace_folder,
    sha256_of,
    shipped_folder,
    to_checksummed_json,
)
from rin.study import fine_tuning
from rin.study.corpora import corpus_overlap, find_corpus, open_corpus
from rin.study.ledger import Hardware, commit_at_work, installed_packages, this_computer
from rin.study.loss_study import loss_table, plan_losses
from rin.study.plan import Run, find_entries, plan_all, weights_digest
from rin.study.pretraining import plan_pretraining, pretrained, pretraining_histories
from rin.study.probe_study import plan_probe, probe_measurements
from rin.study.profile import CONFOUNDER, LAYERS, MAIN, Profile
from rin.study.released import released_files
from rin.study.setting import Study, TaskInputs
from rin.tables import OVERLAP, PREDICTIONS, PRETRAINED, RUN_RECORDS, check_table

RUN = "run.json"
#: Largest size of all files of a reference run together, in bytes.
LARGEST = 8_000_000
#: Decimals that are kept of overlap, whose shares lie between 0 and 1.
OVERLAP_DECIMALS = 4
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class DatasetFacts(FrozenModel):
    """A dataset that was read: `used` of `available` images, by label in `counts`.

    Where `independence` is not `patient`, the files name no patients, and `patients` counts what
    stands for them.  `digest` is that of the images that were found.
    """

    name: str
    title: str
    provenance: Literal["real", "stand-in"]
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
    external: list[DatasetFacts]
    shared_pictures: dict[str, NonNegativeInt]

    @property
    def kind(self) -> Literal["real", "substitute", "stand-in"]:
        """What its images are: of its own dataset, of an open substitute, or made up."""
        real = self.dataset.provenance == "real"
        return "substitute" if real and self.substitute_for else self.dataset.provenance


class WeightsFacts(FrozenModel):
    """Weights that runs start from, and the preprocessing that they were trained under.

    `verified` says by what the file is known, empty where it is unverified, and `probe` what the
    probe says of it (`rin.study.released`); older reference runs state neither.
    """

    init: str
    backbone: str
    preprocessing: str
    release: str
    licence: str
    provenance: Literal["real"]
    sha256: Digest | None
    pretraining: PositiveInt
    verified: Literal["SHA-256", "MD5", "probe", ""] | None = None
    probe: str = ""


class Addition(FrozenModel):
    """Pretrainings and studies that were added to a reference run, with what computed them."""

    pretrainings: list[PositiveInt]
    backbones: list[str]
    studies: list[str] = Field(default_factory=list)
    written: str
    python: str
    packages: dict[str, str]
    commit: str | None
    hardware: Hardware
    code: dict[str, NonNegativeInt] = Field(default_factory=dict)


class Work(FrozenModel):
    """How many runs, and the seconds of all; runs may have gone side by side."""

    runs: NonNegativeInt
    seconds: NonNegativeFloat


class RunFacts(FrozenModel):
    """Everything that `run.json` states; times in UTC, ISO 8601.

    `backend`, `precision` and `peak_memory_gb` are of fine-tuning; `commit` (with a plus where
    other files than its own were at work) and `hardware` are of what wrote the files; `work` goes
    by stage; `files` has the SHA-256 of every table; `added` is what other computers added; `code`
    counts runs by the digest of the code that trained them, which older runs do not state.
    """

    format: Literal[5] = 5
    name: str
    written: str
    first_finished: str
    last_finished: str
    profile: Profile
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
    files: dict[str, Digest]
    added: list[Addition] = Field(default_factory=list)
    code: dict[str, NonNegativeInt] = Field(default_factory=dict)

    def task(self, name: str) -> TaskFacts:
        """Return the facts of a task."""
        return next(task for task in self.tasks if task.name == name)


_MEASURES = ["dice", "pointing", "average_precision"]
#: Columns of `overlap` and `baselines`, which may have no rows; measures are kept as float32.
_CASE = dict.fromkeys(["task", "part", "case_id"], str)
_OVERLAP = {
    **_CASE,
    **{"fold": int, "scenario": str, "init": str, "target": int, "cells": int},
    **dict.fromkeys([*_MEASURES, "dice_best", "mask_share", "pointing_blind"], np.float32),
}
_BASELINES = {**_CASE, "baseline": str, **dict.fromkeys(_MEASURES, np.float32)}
#: Columns of a schema that tables are checked for when they are read; None: all that it requires.
_CHECKED = {
    "runs": (RUN_RECORDS, None),
    "predictions": (PREDICTIONS, ["case_id", "patient_id", "part", "label", "score"]),
    "cases": (PREDICTIONS, ["task", "part", "case_id", "patient_id", "label"]),
    "overlap": (OVERLAP, None),
    "baselines": (OVERLAP, ["task", "case_id", *_MEASURES]),
    "pretraining": (PRETRAINED, None),
}
#: What names a row, of the tables to which another pretraining may add rows.  Networks go by more
#: than their run ids, which are others on every computer whose weights differ in a bit.
_KEY = {
    "runs": ["study", "level", "task", "fold", "scenario", "init", "pretraining", "seed"],
    "cases": ["task", "part", "case_id"],
    "predictions": ["run_id", "part", "case_id"],
    "pretraining": ["init", "backbone", "pretraining"],
    "pretraining_histories": ["init", "backbone", "pretraining", "epoch"],
}


@dataclass(frozen=True)
class ReferenceRun:
    """A reference run, read and checked; `rin.study.results` shows what it says of a study."""

    facts: RunFacts
    tables: dict[str, pd.DataFrame] = field(repr=False)

    @property
    def kept(self) -> set[str]:
        """Names of the studies of which runs are kept, and of the tables."""
        return {*self.tables, *self.tables["runs"]["study"]}

    def rows(self, name: str, **values: str) -> pd.DataFrame:
        """Return the rows of a table that have some values; none where the table is not kept."""
        table = self.tables.get(name, pd.DataFrame(columns=[*values]))
        for column, value in values.items():
            table = table[table[column] == value]
        return table.reset_index(drop=True)


def reference_folder() -> Path:
    """Return the folder of the reference runs (`RIN_REFERENCE_RUNS`, or that of the book)."""
    return Path(os.environ.get("RIN_REFERENCE_RUNS", shipped_folder("book/reference_runs")))


def reference_names() -> list[str]:
    """Return the names of all reference runs."""
    return sorted(path.parent.name for path in reference_folder().glob(f"[!.]*/{RUN}"))


def load_reference(name_or_folder: str | Path = "open") -> ReferenceRun:
    """Read a reference run, whole as it was written, by name or from a folder."""
    folder = name_or_folder
    if isinstance(name_or_folder, str):
        look_up("reference run", name_or_folder, reference_names() or ["none"])
        folder = reference_folder() / name_or_folder
    with _explained(folder / RUN):
        facts = RunFacts.model_validate(read_checksummed_json(folder / RUN))
    tables = {
        Path(file).stem: _read_table(folder / file, facts.files[file]) for file in facts.files
    }
    return ReferenceRun(facts, tables)


_RESTORE = (
    "Restore the reference run from the repository, or write it again with "
    "rin reference write --replace."
)


def _explained(path: Path) -> AbstractContextManager:
    kinds = OSError, ValueError, KeyError  # those of JSON, pydantic and Arrow are among them
    return explained("it cannot be read", where=path, remedy=_RESTORE, kinds=kinds)


def _read_table(path: Path, sha256: str) -> pd.DataFrame:
    """Read a table that is the one that was written and fits its schema; integers are int64."""
    with _explained(path):
        if sha256_of(path) != sha256:
            raise ValueError(f"its SHA-256 is not the one in {RUN}")
    return _checked_table(path, sha256).copy()


# A page opens its run several times; to read and check a table takes far longer than to copy it.
@lru_cache(maxsize=32)
def _checked_table(path: Path, sha256: str) -> pd.DataFrame:
    name = path.stem
    with _explained(path):
        table = pd.read_parquet(path)
        if name in _KEY and table.duplicated(_KEY[name]).any():
            raise ValueError(f"rows repeat a {', '.join(_KEY[name])}")
    table = table.astype(dict.fromkeys(table.select_dtypes("integer"), np.int64))
    if name in _CHECKED:
        schema, columns = _CHECKED[name]
        check_table(table, schema, columns, where=str(path), remedy=_RESTORE)
    return table


def task_facts(inputs: TaskInputs) -> TaskFacts:
    """Return what is to be said of a task and of its images, in numbers."""
    return TaskFacts(
        name=inputs.task.name,
        dataset=_dataset(inputs.whole, inputs.store.cases),
        substitute_for=inputs.substitute_for,
        mask_kind=inputs.whole.manifest.mask_kind if inputs.store.masks() is not None else "",
        size=inputs.store.size,
        split=inputs.folds["part"].value_counts().to_dict(),
        external=[_dataset(site.whole, site.store.cases) for site in inputs.external.values()],
        shared_pictures={name: len(site.pairs) for name, site in inputs.external.items()},
    )


def _dataset(dataset: Dataset, used: pd.DataFrame) -> DatasetFacts:
    stated = {"name", "title", "licence", "access", "home", "modality", "independence"}
    return DatasetFacts(
        **dataset.manifest.model_dump(include=stated),
        provenance=dataset.provenance,
        used=len(used),
        available=len(dataset.cases),
        patients=used["patient_id"].nunique(),
        counts=used["label"].value_counts().sort_index().to_dict(),
        digest=dataset.digest,
    )


def write_reference(
    study: Study, folder: Path, *, replace: bool = False, add: bool = False
) -> Path:
    """Write the reference run of a finished study below `folder` and return its folder.

    With `replace` one that is there is replaced; with `add` the study's pretrainings, of all
    backbones or some, and its side studies are added to one that is there, which may have been
    computed elsewhere.

    `InputError`, and nothing is written, where the study does not fit the run that is there, or
    something is made from stand-ins, not finished or too large.
    """
    target = Path(folder) / study.profile.name
    _check_target(target, replace=replace, add=add)
    runs = _finished_runs(study)
    tables = _tables(study, runs)
    facts = _gather_facts(study, runs, tables)
    problem = "the reference run cannot be written"
    refused = explained(problem, where=target, remedy=MAKE_ROOM, kinds=OSError)
    with refused, replace_folder(target) as draft:
        if add:
            tables, facts = joined(load_reference(target), tables, facts, target)
        _write_files(draft, facts, tables, target)
        load_reference(draft)
    return target


def _check_target(target: Path, *, replace: bool, add: bool) -> None:
    """Raise InputError unless what is asked for fits what is there."""
    if replace and add:
        problem = "--replace and --add exclude each other"
    elif target.exists() and not (replace or add):
        problem = "there is a reference run already"
    elif add and not target.exists():
        problem = "there is no reference run to add to"
    else:
        return
    remedy = "Use --add to add runs to one that is there, --replace to replace it, else neither."
    raise InputError(problem, where=target, remedy=remedy)


def _write_files(
    draft: Path, facts: RunFacts, tables: dict[str, pd.DataFrame], target: Path
) -> None:
    """Write tables and facts into a folder; InputError where they are too large."""
    for name, table in tables.items():
        write_table(table, draft / f"{name}.parquet")
    digests = {path.name: sha256_of(path) for path in sorted(draft.iterdir())}
    facts = facts.model_copy(update={"files": digests})
    (draft / RUN).write_text(to_checksummed_json(facts.model_dump(mode="json")), encoding="utf-8")
    sizes = {path.name: path.stat().st_size for path in sorted(draft.iterdir())}
    if (total := sum(sizes.values())) > LARGEST:
        raise InputError(
            f"its files have {total:,} bytes together, and at most {LARGEST:,} may be ({sizes})",
            where=target,
            remedy="Write it from a profile with fewer test cases, scenarios or folds.",
        )


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table small: a dictionary of what repeats, other fractions byte by byte."""
    repeated = [name for name in table if table[name].nunique() < len(table) / 4]
    fractions = table.select_dtypes("float").columns.difference(repeated)
    options = {"compression": "zstd", "compression_level": 19, "use_dictionary": repeated}
    table.to_parquet(path, index=False, use_byte_stream_split=[*fractions], **options)


def joined(
    earlier: ReferenceRun, tables: dict[str, pd.DataFrame], facts: RunFacts, where: Path
) -> tuple[dict[str, pd.DataFrame], RunFacts]:
    """Return tables and facts of a reference run with those of a study; InputError if unfit."""
    if problem := _misfit(earlier, tables, facts):
        raise InputError(
            problem,
            where=where,
            remedy="Add only further pretrainings, backbones or side studies of the same profile, "
            "images and version; write others under a name of their own, or with --replace.",
        )
    both = tables | earlier.tables
    for name, key in _KEY.items():
        # Earlier rows first; columns that only the later table has also tell of rows of both.
        rows = pd.concat([earlier.tables[name], tables[name]])
        both[name] = rows.groupby(key, sort=False, dropna=False, as_index=False).first()[[*rows]]
    return both, _joined_facts(earlier, facts, both)


def _misfit(earlier: ReferenceRun, tables: dict[str, pd.DataFrame], later: RunFacts) -> str:
    """Return why a study cannot be added to a reference run; nothing where it can."""
    if any("pretraining" not in part for part in (earlier.tables, tables)):
        return "networks of the reference run there, or of this study, start from released weights"
    # Of backbones that one of the two has alone, nothing has to be equal.
    backbones = {*earlier.facts.profile.backbones} & {*later.profile.backbones}
    before = _compared(earlier.facts, earlier.tables, backbones)
    after = _compared(later, tables, backbones)
    shared = before.keys() & after.keys()
    if differing := sorted(name for name in shared if before[name] != after[name]):
        return f"the reference run there differs in {', '.join(differing)}"
    lowest, added = (min(facts.profile.pretrainings) for facts in (earlier.facts, later))
    if added < lowest:  # the maps that are kept are those of the lowest
        return f"pretraining {added} is below {lowest}, the lowest of the reference run there"
    both = pd.concat([earlier.tables["runs"], tables["runs"]])
    both = both.drop_duplicates([*_KEY["runs"], "run_id"])
    if len(both) == len(earlier.tables["runs"]):
        return f"these runs from pretrainings {later.profile.pretrainings} are there already"
    twice = both[both.duplicated(_KEY["runs"])].drop_duplicates(["pretraining", "backbone"])
    networks = [f"pretraining {row.pretraining} of {row.backbone}" for row in twice.itertuples()]
    if networks:
        networks = ", ".join(sorted(networks))
        return f"it already has {networks}, from another computer or version of the code"
    return ""


def _compared(
    facts: RunFacts, tables: dict[str, pd.DataFrame], backbones: set[str]
) -> dict[str, Any]:
    """Return what has to be equal in reference runs that share some backbones, by name."""
    profile = facts.profile
    compared = profile.model_dump(include=_SHARED)
    compared["pretraining"] = profile.pretraining.model_dump(exclude=_OF_A_PART)
    for name, study in profile.study_filters.items():
        scenarios = [s.name for s in study.scenarios if s.backbone in backbones]
        rates = {way: sorted(stated) for way, stated in study.rates.items()}
        compared[name] = study.model_dump(exclude=_OF_A_PART)
        compared[name] |= {"rates": rates, "scenarios": scenarios}
        if CONFOUNDER in study.vary:
            compared[name]["sampled"] = profile.sampled_confounder
    cases = tables["cases"][["task", "part", "case_id", "patient_id", "label"]]
    stated = facts.model_dump(include={"backend", "precision", "tasks", "corpora"})
    stated["test cases"] = {*cases.itertuples(index=False, name=None)}
    return stated | {f"profile {name}": value for name, value in compared.items()}


#: Settings of a profile that reference runs have in common that are joined, and those that they
#: need not have, of its pretraining and of a study.
_SHARED = {"tasks", "inits", "folds", "seed", "splits", "splits_of", "cases", "cases_of"}
_SHARED |= {"external", "fine_tuning", "fine_tuning_of"}
_OF_A_PART = {"tasks", "backbones", "pretrainings", "brief", "unfreezing", "learning_rates"}


def _joined_facts(
    earlier: ReferenceRun, later: RunFacts, tables: dict[str, pd.DataFrame]
) -> RunFacts:
    """Return the facts of a reference run to which a study is added; `tables` are of both."""
    facts, runs = earlier.facts, tables["runs"]
    added = runs[~runs["run_id"].isin(earlier.tables["runs"]["run_id"])]
    addition = Addition(
        **later.model_dump(
            include={"written", "python", "packages", "commit", "hardware", "code"}
        ),
        pretrainings=sorted(set(added["pretraining"])),
        backbones=sorted(set(added["backbone"])),
        studies=sorted({*added["study"]} - {*earlier.tables["runs"]["study"]}),
    )
    return facts.model_copy(
        update={
            "written": later.written,
            "first_finished": min(facts.first_finished, later.first_finished),
            "last_finished": max(facts.last_finished, later.last_finished),
            "peak_memory_gb": max(facts.peak_memory_gb, later.peak_memory_gb),
            "profile": _joined_profile(facts.profile, later.profile),
            "work": _work(tables),
            "weights": _distinct([*facts.weights, *later.weights]),
            "added": [*facts.added, addition],
        }
    )


def _distinct(weights: list[WeightsFacts]) -> list[WeightsFacts]:
    """Return each file of weights once, as it was stated last."""
    return [*{(w.init, w.backbone, w.pretraining, w.sha256): w for w in weights}.values()]


def _joined_profile(earlier: Profile, later: Profile) -> Profile:
    """Return a profile with the backbones, pretrainings and side studies of another."""
    before, after = earlier.study_filters, later.study_filters
    studies = {study.name: study for study in [*earlier.studies, *later.studies]}
    studies |= {study.name: study for study in earlier.studies}

    def both(name: str, setting: str) -> list:
        filters = [part[name] for part in (before, after) if name in part]
        values = dict.fromkeys(value for each in filters for value in getattr(each, setting))
        return sorted(values) if setting == "pretrainings" else [*values]

    for name, study in studies.items():
        # The main study takes what the profile has; of others only some runs may be there.
        filled = ("tasks", "backbones", "pretrainings") if name != MAIN else ("backbones",)
        update = {s: both(name, s) for s in filled if name != MAIN or study.backbones}
        studies[name] = study.model_copy(update=update)
    brief = earlier.pretraining.brief or later.pretraining.brief
    started = {"pretrainings": both(MAIN, "pretrainings"), "brief": brief}
    update = {
        "backbones": list(dict.fromkeys([*earlier.backbones, *later.backbones])),
        "pretraining": earlier.pretraining.model_copy(update=started),
        "studies": [*studies.values()],
        "sampled_confounder": earlier.sampled_confounder or later.sampled_confounder,
    }
    return earlier.model_copy(update=update)


def _work(tables: dict[str, pd.DataFrame]) -> dict[str, Work]:
    stages = {"fine-tuning": tables["runs"].drop_duplicates("run_id")}
    if "pretraining" in tables:
        stages["pretraining"] = tables["pretraining"]
    return {
        stage: Work(runs=len(rows), seconds=round(float(rows["seconds"].sum()), 1))
        for stage, rows in stages.items()
    }


def _finished_runs(study: Study) -> list[Run]:
    """Return the runs of all studies, each once; all are finished, and nothing is made up."""
    sources = {f"corpus {run.corpus}": run.store for run in plan_pretraining(study)}
    for task in study.profile.tasks:
        inputs = study.inputs(task)
        for name, part in {task: inputs, **inputs.external}.items():
            sources[f"images of {name}"] = part.store
    if made_up := [name for name, source in sources.items() if source.provenance == "stand-in"]:
        raise InputError(
            f"stand-ins: {', '.join(made_up)}",
            where=f"profile {study.profile.name}",
            remedy="Only real data make a reference run: name the folder that holds them with "
            "--data-root, and run the study again.",
        )
    runs = plan_all(study)
    study.runs.require(runs, "fine-tuning")
    for name, plan in {"probe": plan_probe, "losses": plan_losses}.items():
        if getattr(study.profile, name):
            study.ledger(name).require(plan(study), f"the {name}")
    return runs


def _tables(study: Study, runs: list[Run]) -> dict[str, pd.DataFrame]:
    """Return every table of the reference run of a finished study."""
    profile = study.profile
    columns = [(run.run_id, {"run_id": run.run_id}) for run in runs]
    rows = study.runs.tables(columns, fine_tuning.PREDICTIONS)
    # No page reads what side studies scored in external datasets, half of their rows: not kept.
    of_main = [run.run_id for run in runs if run.study == MAIN]
    external = {name for task in profile.tasks for name in study.inputs(task).external}
    unread = rows["part"].isin(external) & ~rows["run_id"].isin(of_main)
    overlap = _by_task_and_part(study, fine_tuning.overlap_table)
    baselines = _by_task_and_part(study, fine_tuning.baseline_table)
    records = [fine_tuning.run_records(study, name) for name in profile.study_filters]
    tables = {
        "runs": pd.concat(records).reindex(columns=[*RUN_RECORDS.columns]),
        "predictions": rows[(rows["part"] != "validation") & ~unread],
        "cases": _by_task_and_part(study, fine_tuning.scored_cases),
        # A row a run and case: all of float32 would be more than the rest together.
        "overlap": overlap.reindex(columns=[*_OVERLAP]).astype(_OVERLAP).round(OVERLAP_DECIMALS),
        "baselines": baselines.reindex(columns=[*_BASELINES]).astype(_BASELINES),
    }
    maps = [fine_tuning.lesion_maps(study, task) for task in profile.tasks]
    if any(table is not None for table in maps):
        tables["lesion_maps"] = pd.concat(maps, ignore_index=True)
    if LAYERS in profile.study_filters:
        tables["layer_similarity"] = fine_tuning.layer_similarity(study)
    if len(networks := pretrained(study)):
        tables["pretraining"] = networks
        tables["pretraining_histories"] = pretraining_histories(study)
        tables["corpus_overlap"] = corpus_overlap(study)
    if profile.losses is not None:
        tables["losses"] = loss_table(study)
    if profile.probe is not None:
        tables["probe"] = probe_measurements(study)
    return tables


def _by_task_and_part(study: Study, read: Callable[..., pd.DataFrame]) -> pd.DataFrame:
    tables = [
        read(study, task, part).assign(task=task, part=part)
        for task in study.profile.tasks
        for part in ("test", *study.inputs(task).external)
    ]
    return pd.concat(tables, ignore_index=True)


def _gather_facts(study: Study, runs: list[Run], tables: dict[str, pd.DataFrame]) -> RunFacts:
    """Return what `run.json` states of a finished study on real images, but for its files."""
    profile = study.profile
    of_the_place = {"curation": True, "execution": {"slurm"}}  # may name folders and accounts
    records = pd.DataFrame([study.runs.done(run.run_id) for run in runs])
    networks = tables.get("pretraining", pd.DataFrame(columns=["corpus", "finished"]))
    finished = pd.concat([records["finished"], networks["finished"]])
    code = pd.concat([table.reindex(columns=["code"]) for table in (records, networks)])["code"]
    released = {(file.entry.init, file.entry.backbone): file for file in released_files(study)}
    weights = []
    for number in profile.pretrainings:
        for key, entry in find_entries(study, pretraining=number).items():
            if entry is None:
                continue
            file, sha256 = released.get(key), weights_digest(study, entry)
            stated = entry.model_dump(include={"init", "backbone", "preprocessing", "release"})
            facts = WeightsFacts(
                **stated,
                licence=entry.licence,
                provenance=entry.provenance,
                sha256=sha256 or (file and file.sha256),
                pretraining=number,
                verified=file.verified if file else "SHA-256",
                probe=file.verdict if file else "",
            )
            weights.append(facts)
    return RunFacts(
        name=profile.name,
        written=datetime.now(UTC).isoformat("T", "seconds"),
        first_finished=finished.min(),
        last_finished=finished.max(),
        profile=profile.model_dump(mode="json", exclude=of_the_place),
        python=platform.python_version(),
        packages=installed_packages(),
        backend=", ".join(sorted(records["backend"].unique())),
        precision=", ".join(sorted(records["precision"].unique())),
        commit=commit_at_work(),
        hardware=this_computer(),
        peak_memory_gb=float(records["peak_memory_gb"].max()),
        work=_work(tables),
        tasks=[task_facts(study.inputs(task)) for task in profile.tasks],
        corpora=[
            _dataset(
                find_corpus(study, name), open_corpus(study, name, profile.pretraining.cases).cases
            )
            for name in networks["corpus"].unique()
        ],
        weights=weights,
        files={},
        code=code.fillna("not recorded").value_counts().to_dict(),
    )
