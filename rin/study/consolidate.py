"""From the ledgers of a study to its results: the finished runs, gathered in a few tables.

Results are made as a whole, and again whenever a run or an image has changed since.  A study
counts on a task once all of its runs there are finished.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from itertools import groupby
from pathlib import Path

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
from rin.study.choices import validation_scores
from rin.study.corpora import find_corpus, open_corpus
from rin.study.fine_tuning import ACTIVATIONS, PREDICTIONS, SCORED_PARTS, cam_arrays
from rin.study.ledger import commit_at_work, digest_of, installed_packages, this_computer
from rin.study.loss_study import loss_table, plan_losses
from rin.study.plan import Run, find_starts, plan_study, weights_digest
from rin.study.pretraining import (
    plan_pretraining,
    pretrained,
    pretraining_histories,
)
from rin.study.probe_study import plan_probe, probe_measurements
from rin.study.profile import LAYERS, MAIN, RANDOM, Profile
from rin.study.released import released_files
from rin.study.results import (
    MEASURES,
    RUN,
    DatasetFacts,
    Results,
    RunFacts,
    TaskFacts,
    WeightsFacts,
    Work,
    changed_files,
    open_results,
    write_results,
)
from rin.study.workspace import TaskInputs, Workspace
from rin.tables import RUN_RECORDS, as_categories

#: Folder of a study's consolidated results, below that of its ledgers.
FOLDER = "tables"
#: Settings that may contain names of folders and accounts.
_OF_THE_PLACE: dict[str, bool | set[str]] = {"curation": True, "execution": {"slurm"}}
#: The sections beside the runs: the function that plans each, and the one that measures.
_SECTIONS = {"probe": (plan_probe, probe_measurements), "losses": (plan_losses, loss_table)}
#: Columns of the tables on maps and lesions; a run's other columns are with its predictions.
_OF_CASE = ["task", "part", "case_id"]
_MEASURED = {
    "overlap": [
        *(*_OF_CASE, "fold", "scenario", "init", "target", "cells", *MEASURES),
        *("dice_best", "mask_share", "pointing_blind"),
    ],
    "baselines": [*_OF_CASE, "baseline", *MEASURES],
}


def consolidate(workspace: Workspace) -> Results:
    """Write the results of the finished runs of a study, unless they are up to date; open them.

    The folder is replaced atomically: a killed process leaves the earlier or the new one whole.
    Files of it that were deleted or changed are made again.

    Parameters
    ----------
    workspace : Workspace
        as returned by `open_workspace`

    Returns
    -------
    Results

    Raises
    ------
    InputError
        If a file of a finished run is damaged.

    Examples
    --------
    >>> from rin.study import consolidate, open_workspace
    >>> results = consolidate(open_workspace("smoke"))  # doctest: +SKIP
    >>> results.facts.name  # doctest: +SKIP
    'smoke'
    """
    folder, runs = workspace.results / FOLDER, _finished_runs(workspace)
    sources = _sources(workspace, runs)
    refused = as_input_error(
        "no results can be kept", where=folder, remedy=MAKE_ROOM, kinds=OSError
    )
    with refused:
        workspace.results.mkdir(parents=True, exist_ok=True)
        with FileLock(workspace.results / f".{FOLDER}.lock"):
            if (
                changed_files(folder)
                or read_checksummed_json(folder / RUN)["made_from"] != sources
            ):
                tables = _tables(workspace, runs)
                facts = _facts(workspace, tables, sources)
                with replace_folder(folder) as draft:
                    write_results(Results(facts, tables), draft)
    return replace(open_results(folder), workspace=workspace)


def _finished_runs(workspace: Workspace) -> dict[tuple[str, str], list[Run]]:
    """Return the runs of each study and task of which all runs are finished."""
    planned: dict[tuple[str, str], list[Run]] = {}
    for study in workspace.profile.study_filters:
        for run in plan_study(workspace, study, ahead=True):
            planned.setdefault((study, run.task), []).append(run)
    ledger = workspace.fine_tuning_ledger
    return {part: runs for part, runs in planned.items() if not ledger.missing(runs)}


def _finished_sections(workspace: Workspace) -> list[str]:
    """Return the names of the profile's sections whose runs are all finished."""
    return [
        name
        for name, (plan, _) in _SECTIONS.items()
        if getattr(workspace.profile, name) and not workspace.ledger(name).missing(plan(workspace))
    ]


def _sources(workspace: Workspace, runs: Mapping[tuple[str, str], list[Run]]) -> dict[str, str]:
    """Return digests of all that the results are made from."""
    ledgers = {"weights": plan_pretraining(workspace)}
    ledgers |= {name: _SECTIONS[name][0](workspace) for name in _finished_sections(workspace)}
    finished = {
        name: {id_: done["finished"] for id_, done in workspace.ledger(name).records(all_).items()}
        for name, all_ in ledgers.items()
    }
    done = workspace.fine_tuning_ledger.records(run for part in runs.values() for run in part)
    fine_tuned = [
        [*part, run.run_id, run.columns, done[run.run_id]["finished"]]
        for part, of_part in runs.items()
        for run in of_part
    ]
    tasks = [task_facts(workspace.inputs(task)) for task in workspace.profile.tasks]
    files = [(file.name, file.sha256, file.verdict) for file in released_files(workspace)]
    return {
        "code": _code(),
        "images": digest_of({"tasks": [task.model_dump(mode="json") for task in tasks]}),
        "networks": digest_of({"finished": finished, "files": files}),
        "runs": digest_of({"runs": fine_tuned}),
    }


@cache
def _code() -> str:
    """Return a digest of the code that consolidates; results of other code are made again."""
    package = Path(rin.explain.__file__).parents[1]
    paths = [path for name in ("explain", "study") for path in (package / name).glob("*.py")]
    paths += [package / "tables.yaml"]
    return digest_of({path.name: sha256_of(path) for path in sorted(paths)})


def _tables(
    workspace: Workspace, runs: Mapping[tuple[str, str], list[Run]]
) -> dict[str, pd.DataFrame]:
    """Return the tables of a study's finished runs, those without rows left out."""
    tables = {
        "pretraining": pretrained(workspace),
        "pretraining_histories": pretraining_histories(workspace),
    }
    tables |= {name: _SECTIONS[name][1](workspace) for name in _finished_sections(workspace)}
    ids = dict.fromkeys(run.run_id for part in runs.values() for run in part)
    ledger = workspace.fine_tuning_ledger
    scores = ledger.tables([(run_id, {"run_id": run_id}) for run_id in ids], PREDICTIONS)
    if ids:
        tables["predictions"] = as_categories(scores)
        tables["runs"] = _run_table(workspace, runs, tables["predictions"])
    for task in dict.fromkeys(task for _, task in runs):
        measured = {"cases": _by_part(workspace, task, scored_cases)}
        if (MAIN, task) in runs:
            measured["overlap"] = _by_part(workspace, task, overlap_table)
            measured["baselines"] = _by_part(workspace, task, baseline_table)
        if (LAYERS, task) in runs:
            measured["layer_similarity"] = layer_similarity(workspace, runs[LAYERS, task])
        for name, rows in measured.items():
            rows = rows.reindex(columns=_MEASURED.get(name, rows.columns))
            tables[name] = _joined([tables.get(name, rows.iloc[:0]), rows])
    return {name: table for name, table in tables.items() if len(table)}


def _by_part(
    workspace: Workspace, task: str, make: Callable[[Workspace, str, str], pd.DataFrame]
) -> pd.DataFrame:
    """Return a table of a task's test part and external datasets, with `task` and `part`."""
    parts = "test", *workspace.inputs(task).external
    return _joined([make(workspace, task, part).assign(task=task, part=part) for part in parts])


def _run_table(
    workspace: Workspace, runs: Mapping[tuple[str, str], list[Run]], scores: pd.DataFrame
) -> pd.DataFrame:
    """Return one row per study and run: what names it, its record, its validation scores."""
    rows = [
        {"study": study, **run.columns, "run_id": run.run_id}
        for (study, _), part in runs.items()
        for run in part
    ]
    names = pd.DataFrame(rows)
    done = workspace.fine_tuning_ledger.records(run for part in runs.values() for run in part)
    recorded = pd.DataFrame([{"run_id": run_id} | record for run_id, record in done.items()])
    table = names.merge(recorded, on="run_id").merge(
        _validated(names, scores), on="run_id", how="left"
    )
    first = [*RUN_RECORDS.columns]
    return table.reindex(columns=[*first, *table.columns.difference(first, sort=False)])


def _facts(
    workspace: Workspace, tables: Mapping[str, pd.DataFrame], sources: dict[str, str]
) -> RunFacts:
    """Return the facts of `run.json`, except its files."""
    columns = ["finished", "code", "backend", "precision", "peak_memory_gb"]
    runs = tables.get("runs", pd.DataFrame(columns=["run_id"])).drop_duplicates("run_id")
    runs = runs.reindex(columns=columns)
    networks = tables.get("pretraining", pd.DataFrame()).reindex(columns=columns)
    both = _joined([runs, networks]).reindex(columns=columns)
    finished, memory = both["finished"].dropna(), runs["peak_memory_gb"].max()
    profile = workspace.profile.model_dump(mode="json", exclude=_OF_THE_PLACE)
    return RunFacts(
        name=workspace.profile.name,
        written=datetime.now(UTC).isoformat("T", "seconds"),
        first_finished=min(finished, default=""),
        last_finished=max(finished, default=""),
        profile=Profile.model_validate(profile),
        python=platform.python_version(),
        packages=installed_packages(),
        backend=", ".join(sorted(runs["backend"].dropna().unique())),
        precision=", ".join(sorted(runs["precision"].dropna().unique())),
        commit=commit_at_work(),
        hardware=this_computer(),
        peak_memory_gb=0.0 if pd.isna(memory) else float(memory),
        work=work_of(tables),
        tasks=[task_facts(workspace.inputs(task)) for task in workspace.profile.tasks],
        corpora=corpora_facts(workspace),
        weights=weights_facts(workspace),
        files={},
        code=both["code"].fillna("not recorded").value_counts().to_dict(),
        made_from=sources,
    )


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
        findings=dataset.findings,
    )


def corpora_facts(workspace: Workspace) -> list[DatasetFacts]:
    """Return the facts of the corpora that a study pretrains on."""
    facts = {}
    for names in workspace.profile.corpora.values():
        cases = workspace.profile.section("pretraining").cases
        used = open_corpus(workspace, names, cases).cases
        corpus = find_corpus(workspace, names)
        facts[corpus.manifest.name] = dataset_facts(corpus, used)
    return [*facts.values()]


def weights_facts(workspace: Workspace) -> list[WeightsFacts]:
    """Return the facts of the weights that a study's runs start from, if they are available."""
    released = {(file.entry.init, file.entry.backbone): file for file in released_files(workspace)}
    finished = {
        run.run_id for run in plan_pretraining(workspace) if workspace.weights.has(run.run_id)
    }
    weights = []
    profile = workspace.profile
    for number in profile.pretrainings:
        starts = find_starts(workspace, profile.inits, profile.backbones, number, ahead=True)
        for key, (entry, _) in starts.items():
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
    sizes = overlap.typical_lesion_size(masks, cases["patient_id"])
    scores = overlap.baseline_scores(masks[place], sizes[place])
    marked = cases["case_id"].to_numpy()[place]
    return scores.assign(case_id=marked[scores["image"]]).drop(columns="image")


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
