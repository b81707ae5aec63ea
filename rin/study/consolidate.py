"""From the ledgers of a study to its results: the finished runs, gathered in a few tables.

Results consist of parts: the images of a task, the pretrained networks, the runs of one study on
one task, and the measurements of the profile's other sections.  A part is made again only if
its sources have changed (`RunFacts.made_from`), and only its new runs are read.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from filelock import FileLock

import rin.explain
from rin.data.store import Dataset
from rin.errors import as_input_error
from rin.explain import overlap
from rin.explain.similarity import mean_cca
from rin.files import MAKE_ROOM, read_checksummed_json, replace_folder, sha256_of
from rin.stats.inputs import RUN as RUN_NAMES
from rin.stats.pretrainings import validation_scores
from rin.study.corpora import find_corpus, open_corpus
from rin.study.fine_tuning import ACTIVATIONS, PREDICTIONS, SCORED_PARTS, cam_arrays
from rin.study.ledger import Ledger, commit_at_work, digest_of, installed_packages, this_computer
from rin.study.loss_study import loss_table, plan_losses
from rin.study.opened import (
    MEASURES,
    RUN,
    DatasetFacts,
    OpenedResults,
    RunFacts,
    TaskFacts,
    WeightsFacts,
    Work,
    open_results,
    write_results,
)
from rin.study.plan import Run, find_entries, plan_study, weights_digest
from rin.study.pretraining import (
    plan_pretraining,
    pretrained,
    pretraining_histories,
)
from rin.study.pretraining_run import PretrainingRun
from rin.study.probe_study import plan_probe, probe_measurements
from rin.study.profile import LAYERS, MAIN, RANDOM, Profile
from rin.study.released import released_files
from rin.study.workspace import TaskInputs, Workspace
from rin.tables import RUN_RECORDS, as_categories, stack_tables

#: The name of a part: its kind, followed for runs by study and task, for images by the task.
Part = tuple[str, ...]
NETWORKS, PROBE, LOSSES = ("networks",), ("probe",), ("losses",)
#: Folder of a study's consolidated results, below that of its ledgers.
FOLDER = "tables"
_REMEDY = "Delete this folder; it will be rebuilt from the finished runs."
#: Settings that may contain names of folders and accounts.
_OF_THE_PLACE: dict[str, bool | set[str]] = {"curation": True, "execution": {"slurm"}}


#: Columns of the tables on maps and lesions; a run's other columns are with its predictions.
_OF_CASE = ["task", "part", "case_id"]
_MEASURED = {
    "overlap": [
        *(*_OF_CASE, "fold", "scenario", "init", "target", "cells", *MEASURES),
        *("dice_best", "mask_share", "pointing_blind"),
    ],
    "baselines": [*_OF_CASE, "baseline", *MEASURES],
}


def images_of(task: str) -> Part:
    """Return the name of the part on the images of a task."""
    return "images", task


def runs_of(study: str, task: str) -> Part:
    """Return the name of the part with the runs of a named study on a task."""
    return "runs", study, task


def consolidate(workspace: Workspace, *parts: Part) -> OpenedResults:
    """Bring the results of a study up to date with its ledgers, and open them.

    Parts that were consolidated before are kept.  The new folder replaces the earlier one
    atomically: a killed process leaves one of them whole.

    Parameters
    ----------
    workspace : as returned by `open_workspace`
    parts : parts that are required; by default, all finished parts are consolidated

    Returns
    -------
    OpenedResults

    Raises
    ------
    InputError
        If runs of a required part are not finished, or a file is damaged.

    Examples
    --------
    >>> from rin.study import consolidate, open_workspace
    >>> results = consolidate(open_workspace("smoke"))  # doctest: +SKIP
    >>> results.facts.name  # doctest: +SKIP
    'smoke'
    """
    folder = workspace.results / FOLDER
    _open_sources(workspace, parts)
    with _held(workspace):
        earlier = _opened_before(folder)
        draft = _Draft(workspace, earlier)
        for part in parts or draft.all_parts():
            draft.bring(part, required=bool(parts))
        if earlier is not None and not draft.changed:
            return earlier
        problem = "the results cannot be written"
        refused = as_input_error(problem, where=folder, remedy=MAKE_ROOM, kinds=OSError)
        with refused, replace_folder(folder) as new:
            write_results(draft.results(), new, earlier=(earlier, folder))
        return _open(folder)


def _open_sources(workspace: Workspace, parts: Sequence[Part]) -> None:
    """Open images and corpora before the lock is held, for which other processes wait."""
    for kind, *names in parts:
        if kind == "networks":
            plan_pretraining(workspace)
        elif kind in ("images", "runs"):
            workspace.inputs(names[-1])


@contextmanager
def _held(workspace: Workspace) -> Iterator[None]:
    """Lock the results of a study, so that no other process consolidates them meanwhile."""
    lock = FileLock(workspace.results / f".{FOLDER}.lock")
    refused = as_input_error(
        "no results can be kept", where=workspace.results, remedy=MAKE_ROOM, kinds=OSError
    )
    with refused:
        workspace.results.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


# Results that this process has opened, by folder, each after the state of its `run.json`.
_opened: dict[Path, tuple[tuple[int, ...], OpenedResults]] = {}


def _open(folder: Path) -> OpenedResults:
    """Open consolidated results; if this process opened them before, they are not read again."""
    stat = (folder / RUN).stat()
    mark = (stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
    if folder not in _opened or _opened[folder][0] != mark:
        _opened[folder] = mark, open_results(folder, remedy=_REMEDY)
    return _opened[folder][1]


def _opened_before(folder: Path) -> OpenedResults | None:
    """Return the results that this code consolidated before; None if there are none."""
    if not (folder / RUN).exists():
        return None
    kinds = OSError, ValueError, KeyError
    with as_input_error("it cannot be read", where=folder / RUN, remedy=_REMEDY, kinds=kinds):
        made_by = read_checksummed_json(folder / RUN)["made_from"].get("code")
    return _open(folder) if made_by == _code() else None


@cache
def _code() -> str:
    """Return a digest of the code that consolidates; results of other code are made again."""
    package = Path(rin.explain.__file__).parents[1]
    paths = [path for name in ("explain", "study") for path in (package / name).glob("*.py")]
    paths += [package / "tables.yaml", package / "stats" / "pretrainings.py"]
    return digest_of({path.name: sha256_of(path) for path in sorted(paths)})


#: For each section beside the runs: the function that plans it, the one that measures, its name.
_SECTIONS: dict[
    str,
    tuple[Callable[[Workspace], list[PretrainingRun]], Callable[[Workspace], pd.DataFrame], str],
] = {
    "probe": (plan_probe, probe_measurements, "the probe"),
    "losses": (plan_losses, loss_table, "the losses"),
}


class _Draft:
    """The results of a study while they are brought up to date."""

    def __init__(self, workspace: Workspace, earlier: OpenedResults | None) -> None:
        self.workspace, self.changed = workspace, False
        self.tables: dict[str, pd.DataFrame] = dict(earlier.tables) if earlier else {}
        facts = earlier.facts if earlier else None
        self.tasks = {task.name: task for task in facts.tasks} if facts else {}
        self.corpora: list[DatasetFacts] = facts.corpora if facts else []
        self.weights: list[WeightsFacts] = facts.weights if facts else []
        self.made_from = dict(facts.made_from) if facts else {"code": _code()}

    def all_parts(self) -> list[Part]:
        """Return the names of all parts of the results; drop parts that are no longer planned."""
        profile = self.workspace.profile
        parts = [NETWORKS, *map(images_of, profile.tasks)]
        parts += [
            runs_of(name, task)
            for name, section in profile.study_filters.items()
            for task in section.tasks
            if task in profile.tasks
        ]
        parts += [part for part in (PROBE, LOSSES) if getattr(profile, part[0]) is not None]
        planned = {"code", *map("/".join, parts)}
        for name in [name for name in self.made_from if name not in planned]:
            self._drop(tuple(name.split("/")))
        for task in self.tasks.keys() - {*profile.tasks}:
            del self.tasks[task]
            self.changed = True
        return parts

    def bring(self, part: Part, *, required: bool) -> None:
        """Bring a part up to date; drop an unfinished part, or raise InputError if `required`."""
        kind, *names = part
        if kind == "images":
            self._bring_images(*names)
        elif kind == "networks":
            self._bring_networks()
        elif kind == "runs":
            self._bring_runs(*names, required=required)
        else:
            self._bring_section(part, required=required)

    def results(self) -> OpenedResults:
        """Return the results as they are now, with runs in the order of the profile's plan."""
        tables, profile = {n: t for n, t in self.tables.items() if len(t)}, self.workspace.profile
        if "runs" in tables:
            runs = tables["runs"]
            of_study = _places(runs["study"], profile.study_filters)
            order = np.lexsort([_places(runs["task"], profile.tasks), of_study])
            if (np.diff(order) < 0).any():
                tables["runs"] = runs.iloc[order]
            planned = tables["predictions"]["run_id"].isin(tables["runs"]["run_id"])
            if not planned.all():
                tables["predictions"] = tables["predictions"][planned]
        return OpenedResults(self._facts(tables), tables)

    def _bring_images(self, task: str) -> None:
        facts = task_facts(self.workspace.inputs(task))
        if self.tasks.get(task) != facts:
            self.tasks[task], self.changed = facts, True

    def _bring_networks(self) -> None:
        study = self.workspace
        done = [run.run_id for run in plan_pretraining(study) if study.weights.has(run.run_id)]
        files = [(f.name, f.sha256, f.verdict) for f in released_files(study)]
        made_from = {"runs": self._finished(study.weights, done), "files": files}
        if not self._is_new(NETWORKS, made_from):
            return
        networks = pretrained(study)
        self.tables["pretraining"] = networks
        self.tables["pretraining_histories"] = pretraining_histories(study)
        self.corpora, self.weights = corpora_facts(study), weights_facts(study)

    def _bring_runs(self, study: str, task: str, *, required: bool) -> None:
        """Bring up to date the runs of a study on a task, and the measurements made with them."""
        part, ledger = runs_of(study, task), self.workspace.fine_tuning_ledger
        planned = plan_study(self.workspace, study, task, ahead=not required)
        records = ledger.require(planned, task) if required else ledger.records(planned)
        if any(run.run_id not in records for run in planned):
            self._drop(part)
            return
        self._bring_images(task)
        made_from = {
            "runs": [
                [run.run_id, run.columns, records[run.run_id]["finished"]] for run in planned
            ],
            "images": self.tasks[task].model_dump(mode="json"),
        }
        if not self._is_new(part, made_from):
            return
        scores = self._scores(records)
        names = pd.DataFrame(
            [{"study": study} | run.columns | {"run_id": run.run_id} for run in planned]
        )
        recorded = pd.DataFrame(
            [{"run_id": run_id} | record for run_id, record in records.items()]
        )
        rows = names.merge(recorded, on="run_id").merge(
            _validated(names, scores), on="run_id", how="left"
        )
        first = [*RUN_RECORDS.columns]
        rows = rows.reindex(columns=[*first, *rows.columns.difference(first, sort=False)])
        self._replace("runs", rows, study=study, task=task)
        if study == MAIN:
            self._measure(task)
        if study == LAYERS:
            self._replace("layer_similarity", layer_similarity(self.workspace, planned), task=task)

    def _scores(self, records: dict[str, dict[str, Any]]) -> pd.DataFrame:
        """Keep the predictions of these finished runs, of which new ones are read; return them."""
        runs, kept = self.tables.get("runs"), self.tables.get("predictions")
        known = {} if runs is None else dict(zip(runs["run_id"], runs["finished"], strict=True))
        new = [id_ for id_, record in records.items() if known.get(id_) != record["finished"]]
        read = self.workspace.fine_tuning_ledger.tables(
            [(id_, {"run_id": id_}) for id_ in new], PREDICTIONS
        )
        read = as_categories(read)
        if kept is not None:
            others = kept[~kept["run_id"].isin(new)]
            read = stack_tables([others, read]) if new else others
        self.tables["predictions"] = read
        return read[read["run_id"].isin([*records])]

    def _measure(self, task: str) -> None:
        """Make the tables of a task beside its runs: cases, and overlap of maps and lesions."""
        study, inputs = self.workspace, self.workspace.inputs(task)
        makers = {"cases": scored_cases, "overlap": overlap_table, "baselines": baseline_table}
        for name, make in makers.items():
            tables = [
                make(study, task, part).assign(task=task, part=part)
                for part in ("test", *inputs.external)
            ]
            table = _joined(tables)
            columns = _MEASURED.get(name, table.columns)
            self._replace(name, table.reindex(columns=columns), task=task)
        self._replace("lesion_maps", lesion_maps(study, task), task=task)

    def _bring_section(self, part: Part, *, required: bool) -> None:
        (name,) = part
        plan, make, stage = _SECTIONS[name]
        ledger, planned = self.workspace.ledger(name), plan(self.workspace)
        if required:
            ledger.require(planned, stage)
        elif ledger.missing(planned):
            self._drop(part)
            return
        for task in self.workspace.profile.tasks:
            self._bring_images(task)
        images = {task: self.tasks[task].dataset.digest for task in self.workspace.profile.tasks}
        runs = self._finished(ledger, [run.run_id for run in planned])
        if self._is_new(part, {"runs": runs, "images": images}):
            self.tables[name] = make(self.workspace)

    def _finished(self, ledger: Ledger, run_ids: Iterable[str]) -> list[list[str]]:
        """Return finished runs, each with the time when it was finished."""
        return [[run_id, ledger.done(run_id)["finished"]] for run_id in run_ids]

    def _is_new(self, part: Part, made_from: dict[str, Any]) -> bool:
        """Record what a part is made from; return whether the part has to be made again."""
        name, digest = "/".join(part), digest_of(made_from)
        if self.made_from.get(name) == digest:
            return False
        self.made_from[name], self.changed = digest, True
        return True

    def _drop(self, part: Part) -> None:
        """Remove a part that is no longer finished or planned."""
        if self.made_from.pop("/".join(part), None) is None:
            return
        self.changed = True
        if part[0] != "runs":
            self.tables.pop(part[0], None)
            return
        _, study, task = part
        self._replace("runs", None, study=study, task=task)
        names = {
            MAIN: ["cases", "overlap", "baselines", "lesion_maps"],
            LAYERS: ["layer_similarity"],
        }
        for name in names.get(study, []):
            self._replace(name, None, task=task)

    def _replace(self, name: str, rows: pd.DataFrame | None, **of: str) -> None:
        """Replace the rows of a table that have the values `of` by new rows, or remove them."""
        tables = []
        if (kept := self.tables.get(name)) is not None:
            tables.append(kept[~(kept[[*of]] == pd.Series(of)).all(axis=1)])
        self.tables[name] = _joined([*tables, *([] if rows is None else [rows])])

    def _facts(self, tables: dict[str, pd.DataFrame]) -> RunFacts:
        """Return the facts of `run.json`, except its files."""
        columns = ["finished", "code", "backend", "precision", "peak_memory_gb"]
        runs = tables.get("runs", pd.DataFrame(columns=["run_id"])).drop_duplicates("run_id")
        runs = runs.reindex(columns=columns)
        networks = tables.get("pretraining", pd.DataFrame()).reindex(columns=columns)
        both = pd.concat([table for table in (runs, networks) if len(table)] or [runs])
        finished = both["finished"].dropna()
        memory = runs["peak_memory_gb"].max()
        return RunFacts(
            name=self.workspace.profile.name,
            written=datetime.now(UTC).isoformat("T", "seconds"),
            first_finished=min(finished, default=""),
            last_finished=max(finished, default=""),
            profile=Profile.model_validate(
                self.workspace.profile.model_dump(mode="json", exclude=_OF_THE_PLACE)
            ),
            python=platform.python_version(),
            packages=installed_packages(),
            backend=", ".join(sorted(runs["backend"].dropna().unique())),
            precision=", ".join(sorted(runs["precision"].dropna().unique())),
            commit=commit_at_work(),
            hardware=this_computer(),
            peak_memory_gb=0.0 if pd.isna(memory) else float(memory),
            work=work_of(tables),
            tasks=[self.tasks[name] for name in self._in_order()],
            corpora=self.corpora,
            weights=self.weights,
            files={},
            code=both["code"].fillna("not recorded").value_counts().to_dict(),
            made_from=self.made_from,
        )

    def _in_order(self) -> list[str]:
        names = pd.Series([*self.tasks], dtype=str)
        return [*names.iloc[_places(names, self.workspace.profile.tasks).argsort(kind="stable")]]


def _places(names: pd.Series, order: Iterable[str]) -> np.ndarray:
    """Return the place of each name in an order; names outside it come last."""
    order = [*order]
    places = pd.Index(order).get_indexer(names)
    return np.where(places < 0, len(order), places)


def work_of(tables: Mapping[str, pd.DataFrame]) -> dict[str, Work]:
    """Return the number of runs of each stage, and their seconds."""
    stages = {}
    if "runs" in tables:
        stages["fine-tuning"] = tables["runs"].drop_duplicates("run_id")
    if "pretraining" in tables:
        stages["pretraining"] = tables["pretraining"]
    return {
        stage: Work(runs=len(rows), seconds=round(float(rows["seconds"].sum()), 1))
        for stage, rows in stages.items()
    }


def task_facts(inputs: TaskInputs) -> TaskFacts:
    """Return the facts of a task and its images for `run.json`."""
    return TaskFacts(
        name=inputs.task.name,
        dataset=dataset_facts(inputs.all_images, inputs.store.cases),
        substitute_for=inputs.substitute_for,
        mask_kind=inputs.all_images.manifest.mask_kind if inputs.store.masks() is not None else "",
        size=inputs.store.size,
        split=inputs.folds["part"].value_counts().to_dict(),
        external=[
            dataset_facts(site.all_images, site.store.cases) for site in inputs.external.values()
        ],
        shared_pictures={name: len(site.pairs) for name, site in inputs.external.items()},
    )


def dataset_facts(dataset: Dataset, used: pd.DataFrame) -> DatasetFacts:
    """Return the facts of a dataset and its `used` cases for `run.json`."""
    stated = {"name", "title", "licence", "access", "home", "modality", "independence"}
    return DatasetFacts(
        **dataset.manifest.model_dump(include=stated),
        provenance=dataset.provenance,
        used=len(used),
        available=len(dataset.cases),
        patients=used["patient_id"].nunique(),
        counts=used["label"].value_counts().sort_index().to_dict(),
        digest=dataset.digest,
        part=dataset.part,
    )


def corpora_facts(workspace: Workspace) -> list[DatasetFacts]:
    """Return the facts of the corpora that a study pretrains on."""
    settings = workspace.profile.pretraining
    if settings is None:
        return []
    facts = {}
    for names in settings.corpora.values():
        corpus = find_corpus(workspace, names)
        used = open_corpus(workspace, names, settings.cases).cases
        facts[corpus.manifest.name] = dataset_facts(corpus, used)
    return [*facts.values()]


def weights_facts(workspace: Workspace) -> list[WeightsFacts]:
    """Return the facts of the weights that a study's runs start from, if they are available."""
    released = {(file.entry.init, file.entry.backbone): file for file in released_files(workspace)}
    finished = {
        run.run_id for run in plan_pretraining(workspace) if workspace.weights.has(run.run_id)
    }
    weights = []
    for number in workspace.profile.pretrainings:
        for key, entry in find_entries(workspace, pretraining=number, ahead=True).items():
            if entry is None:
                continue
            file, run_id = released.get(key), (entry.file or "").split("/")[0]
            if file is None and run_id not in finished:
                continue
            sha256 = weights_digest(workspace, entry)
            stated = entry.model_dump(include={"init", "backbone", "preprocessing", "release"})
            facts = WeightsFacts(
                **stated,
                licence=entry.licence,
                provenance=entry.provenance,
                sha256=sha256 or (file.sha256 if file else None),
                pretraining=number,
                verified=file.verified if file else None,
                probe=file.verdict if file else "",
            )
            weights.append(facts)
    return weights


def _joined(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Return the concatenated tables; tables without rows do not affect the columns."""
    filled = [table for table in tables if len(table)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame()


def _validated(names: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """Return the validation scores of runs, by run id."""
    runs = names.drop_duplicates("run_id")[["run_id", *RUN_NAMES]]
    rows = runs.merge(scores[scores["part"] == "validation"], on="run_id")
    # Runs of several levels differ only in their ids, which here take the scenario's place.
    validation = validation_scores(rows.assign(scenario=rows["run_id"]))
    validation = validation.rename(columns={"scenario": "run_id"})
    return validation[["run_id", "validation_auc", "validation_loss"]]


def scored_cases(workspace: Workspace, task: str, part: str = "test") -> pd.DataFrame:
    """Return one row per case of a part: case_id, patient_id, label, and kept columns."""
    inputs = workspace.inputs(task).scored(part)
    cases = inputs.used_images.cases
    if part in SCORED_PARTS:
        of_part = inputs.folds.loc[inputs.folds["part"] == part, "case_id"]
        cases = cases[cases["case_id"].isin(of_part)]
    table = cases[["case_id", "patient_id", *inputs.kept_columns]].reset_index(drop=True)
    table.insert(2, "label", inputs.labels.loc[table["case_id"]].to_numpy())
    return table


def overlap_table(workspace: Workspace, task: str, part: str = "test") -> pd.DataFrame:
    """Return `rin.explain.overlap.measure_overlap` of the main study; no rows without masks."""
    store = workspace.inputs(task).scored(part).store
    if (masks := store.masks()) is None:
        return pd.DataFrame()
    maps = list(cam_arrays(workspace, task, part))
    return overlap.measure_overlap(maps, store.cases["case_id"].to_numpy(), masks)


def baseline_table(workspace: Workspace, task: str, part: str = "test") -> pd.DataFrame:
    """Return `rin.explain.overlap.baseline_scores` of a part's cases that have a lesion."""
    store = workspace.inputs(task).scored(part).store
    cases, masks = store.cases, store.masks()
    without_lesions = pd.DataFrame(columns=["case_id", "baseline", "dice"])
    if masks is None:
        return without_lesions
    place = pd.Index(cases["case_id"]).get_indexer(scored_cases(workspace, task, part)["case_id"])
    place = place[overlap.has_lesion(masks[place])]
    if not len(place):
        return without_lesions
    boxes, patients = overlap.lesion_boxes(masks), cases["patient_id"].to_numpy()
    sizes = overlap.others_lesion_size(boxes[:, 2:], patients)
    scores = overlap.baseline_scores(masks[place], sizes[place])
    marked = cases["case_id"].to_numpy()[place]
    return scores.assign(case_id=marked[scores["image"]]).drop(columns="image")


def lesion_maps(workspace: Workspace, task: str) -> pd.DataFrame | None:
    """Return `rin.explain.overlap.lesion_map_table` of a task's main study; None without masks."""
    store = workspace.inputs(task).store
    if (masks := store.masks()) is None:
        return None
    maps = cam_arrays(workspace, task)
    return overlap.lesion_map_table(maps, store.cases["case_id"].to_numpy(), masks)


def layer_similarity(workspace: Workspace, runs: Sequence[Run]) -> pd.DataFrame:
    """Return the mean canonical correlation `cca`, 0 to 1, of the layers of pairs of networks.

    `comparison` is `before` or `after` fine-tuning (between the two inits), `tuned` (one `init`
    before and after fine-tuning) or `random` (between two random networks).
    """
    (a, b), rows = workspace.profile.inits[:2], []
    for cell, members in groupby(runs, lambda run: (run.task, run.fold, run.scenario.name)):
        networks = {
            run.init: workspace.fine_tuning_ledger.read(run.run_id, ACTIVATIONS, np.load)
            for run in members
        }
        pairs = {
            ("before", ""): ((a, "before"), (b, "before")),
            ("after", ""): ((a, "after"), (b, "after")),
            ("random", RANDOM): ((RANDOM, "before"), (RANDOM, "other")),
        }
        pairs |= {("tuned", init): ((init, "before"), (init, "after")) for init in networks}
        layers = [key.partition("/")[2] for key in networks[a] if key.startswith("after/")]
        for (comparison, init), ends in pairs.items():
            for layer in layers:
                first, second = (networks[end][f"{when}/{layer}"] for end, when in ends)
                rows.append((*cell, comparison, init, layer, mean_cca(first, second)))
    columns = ["task", "fold", "scenario", "comparison", "init", "layer", "cca"]
    return pd.DataFrame(rows, columns=columns)
