"""From the ledgers of a study to its results: the finished runs, gathered in a few tables.

Results are made as a whole, and again whenever a run or an image has changed since.  A study
counts on a task once all of its runs there are finished.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache, partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from filelock import FileLock

import rin
from rin.data.store import Dataset
from rin.errors import as_input_error
from rin.explain import overlap
from rin.explain.similarity import mean_cca
from rin.files import MAKE_ROOM, read_checksummed_json, replace_folder, sha256_of
from rin.study.choices import validation_scores
from rin.study.corpora import open_corpus
from rin.study.features import kept_tables
from rin.study.fine_tuning import ACTIVATIONS, PREDICTIONS, cam_arrays
from rin.study.ledger import digest_of, now, software_here
from rin.study.loss_study import loss_table
from rin.study.plan import find_starts, plan_networks, plan_study
from rin.study.pretraining import pretraining_histories, pretraining_results
from rin.study.probe_study import probe_measurements
from rin.study.profile import FEATURES, LAYERS, MAIN, RANDOM
from rin.study.released import released_files
from rin.study.results import (
    OVERLAP_MEASURES,
    RUN,
    DatasetFacts,
    ProfileFacts,
    Results,
    RunFacts,
    TaskFacts,
    WeightsFacts,
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
#: The sections beside the runs, with the function that measures each.
SECTIONS = {"probe": probe_measurements, "losses": loss_table}


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
    folder = workspace.results / FOLDER
    profile = workspace.profile
    kept = partial(as_input_error, "no results can be kept", where=folder, remedy=MAKE_ROOM)
    with kept():
        held = FileLock(workspace.results / f".{FOLDER}.lock").acquire()
    with held:  # while runs are gathered: another process may finish and write further ones
        runs = _finished_runs(workspace)
        planned = plan_networks(workspace)
        done = {name: workspace.ledger(name).records(planned[name]) for name in planned}
        sections = [
            name
            for name in SECTIONS
            if planned[name] and {run.run_id for run in planned[name]} <= {*done[name]}
        ]
        tasks = [task_facts(workspace.inputs(task)) for task in profile.tasks]
        shared = profile.model_dump(mode="json", exclude=_OF_THE_PLACE)
        read = {
            "code": _code(),
            "profile": shared,
            "tasks": [task.model_dump(mode="json") for task in tasks],
            "networks": str(done),
            "runs": runs.to_csv(),
        }
        sources = {"all": digest_of(read)}
        if changed_files(folder) or read_checksummed_json(folder / RUN)["made_from"] != sources:
            tables = _tables(workspace, runs, sections)
            facts = RunFacts(
                name=profile.name,
                written=now(),
                profile=ProfileFacts(**shared),
                **software_here(),
                tasks=tasks,
                corpora=corpora_facts(workspace),
                weights=weights_facts(workspace),
                files={},
                made_from=sources,
                **facts_of_tables(tables),
            )
            with kept(), replace_folder(folder) as draft:
                write_results(Results(facts, tables), draft)
    return open_results(folder)


def _finished_runs(workspace: Workspace) -> pd.DataFrame:
    """Return names and record of each run of the studies and tasks whose runs are all finished."""
    studies = workspace.profile.study_filters
    planned = [run for name in studies for run in plan_study(workspace, name, ahead=True)]
    done = workspace.fine_tuning_ledger.records(planned)
    unfinished = {(run.study, run.task) for run in planned if run.run_id not in done}
    rows = [
        {"study": run.study, **run.columns, "run_id": run.run_id, **done[run.run_id]}
        for run in planned
        if (run.study, run.task) not in unfinished
    ]
    table = pd.DataFrame(rows)
    first = [*RUN_RECORDS.columns]
    return table.reindex(columns=[*first, *table.columns.difference(first)])


@cache
def _code() -> str:
    """Return a digest of the code that consolidates; results of other code are made again."""
    package = Path(rin.__file__).parent
    paths = sorted([*package.glob("explain/*.py"), *package.glob("study/*.py")])
    paths.append(package / "tables.yaml")
    return digest_of({path.name: sha256_of(path) for path in paths})


def _tables(
    workspace: Workspace, runs: pd.DataFrame, sections: Iterable[str]
) -> dict[str, pd.DataFrame]:
    """Return the tables of a study's finished runs, those without rows left out."""
    tables = {
        "pretraining": pretraining_results(workspace),
        "pretraining_histories": pretraining_histories(workspace),
    }
    tables |= {name: SECTIONS[name](workspace) for name in sections}
    if len(runs):
        ledger = workspace.fine_tuning_ledger
        ids = runs["run_id"].unique()
        scores = ledger.tables([(run_id, {"run_id": run_id}) for run_id in ids], PREDICTIONS)
        tables["predictions"] = scores = as_categories(scores)
        measured = validation_scores(scores.query("part == 'validation'"))
        measured = measured.reindex(runs["run_id"]).set_axis(runs.index)
        tables["runs"] = runs.assign(**measured)
    with_maps = (runs["study"] == MAIN) & (runs["backbone"] != FEATURES)
    main_tasks = {*runs.loc[with_maps, "task"]}
    parts = [
        _part_tables(workspace, task, part, of_main=task in main_tasks)
        for task in runs["task"].unique()
        for part in ("test", *workspace.inputs(task).external)
    ]
    for name in ("cases", "overlap", "baselines"):
        # Tables without rows do not affect the columns.
        filled = [of_part[name] for of_part in parts if len(of_part.get(name, ()))]
        tables[name] = pd.concat(filled, ignore_index=True) if filled else pd.DataFrame()
    tables["layer_similarity"] = layer_similarity(workspace, runs[runs["study"] == LAYERS])
    return {name: table for name, table in tables.items() if len(table)}


def _part_tables(
    workspace: Workspace, task: str, part: str, *, of_main: bool
) -> dict[str, pd.DataFrame]:
    """Return the tables of a task's test part or of an external dataset.

    They are the scored cases (case_id, patient_id, label, and kept columns), and, if lesions are
    marked and the main study has runs of the task, the overlap of maps and lesions
    (`rin.explain.overlap.measure_overlap`) and that of image-blind baselines (`baseline_scores`).
    """
    inputs = workspace.inputs(task).inputs_of_part(part)
    store = inputs.store
    cases = inputs.used_images.cases
    if part == "test":
        tested = inputs.folds.loc[inputs.folds["part"] == part, "case_id"]
        cases = cases[cases["case_id"].isin(tested)]
    table = cases[["case_id", "patient_id", *inputs.kept_columns]].reset_index(drop=True)
    table.insert(2, "label", inputs.labels.loc[table["case_id"]].to_numpy())
    tables = {"cases": table}
    if of_main and (masks := store.masks()) is not None:
        ids = store.cases["case_id"].to_numpy()
        maps = list(cam_arrays(workspace, task, part))
        names = ["task", "part", "case_id"]
        of_run = [*names, "fold", "scenario", "init", "target", "cells", *OVERLAP_MEASURES]
        tables["overlap"] = overlap.measure_overlap(maps, ids, masks).reindex(
            columns=[*of_run, "dice_best", "mask_share", "pointing_blind"]
        )
        place = pd.Index(ids).get_indexer(table["case_id"])
        place = place[overlap.has_lesion(masks[place])]
        if len(place):
            sizes = overlap.typical_lesion_size(masks, store.cases["patient_id"])
            scores = overlap.baseline_scores(masks[place], sizes[place])
            scores["case_id"] = ids[place][scores["image"]]
            tables["baselines"] = scores.reindex(columns=[*names, "baseline", *OVERLAP_MEASURES])
    return {name: rows.assign(task=task, part=part) for name, rows in tables.items()}


def facts_of_tables(tables: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    """Return the facts of `run.json` that records state: when and how networks were trained."""
    columns = ["run_id", "finished", "code", "backend", "precision"]
    tuned, networks = (
        tables.get(name, pd.DataFrame()).reindex(columns=columns).drop_duplicates("run_id")
        for name in ("runs", "pretraining")
    )
    both = pd.concat([tuned, networks])
    finished = both["finished"].dropna()
    return {
        "first_finished": min(finished, default=""),
        "last_finished": max(finished, default=""),
        **{
            name: ", ".join(sorted(tuned[name].dropna().unique()))
            for name in ("backend", "precision")
        },
        "code": both["code"].fillna("not recorded").value_counts().to_dict(),
    }


def task_facts(inputs: TaskInputs) -> TaskFacts:
    """Return the facts of a task and its images for `run.json`."""
    return TaskFacts(
        name=inputs.task.name,
        title=inputs.task.title,
        dataset=dataset_facts(inputs.all_images, inputs.store.cases),
        substitute_for=inputs.substitute_for,
        size=inputs.store.size,
        split=inputs.folds.query("fold == 0")["part"].value_counts().to_dict(),
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
        corpus = open_corpus(workspace, names)
        used = open_corpus(workspace, names, workspace.profile.section("pretraining").cases)
        facts[corpus.manifest.name] = dataset_facts(corpus, used.cases)
    return [*facts.values()]


def weights_facts(workspace: Workspace) -> list[WeightsFacts]:
    """Return the facts of the weights that a study's runs start from, if they are available."""
    released = {(file.entry.init, file.entry.backbone): file for file in released_files(workspace)}
    profile = workspace.profile
    tables: dict[Path, WeightsFacts] = {}
    for init, task in product(profile.feature_inits, profile.tasks):
        tables |= kept_tables(workspace, init, workspace.inputs(task))
    weights = [*tables.values()]
    numbers = profile.pretrainings
    for number in sorted(set().union(*numbers.values())):
        backbones = [name for name in profile.backbones if number in numbers[name]]
        starts = find_starts(workspace, profile.inits, backbones, number, ahead=True)
        for key, (entry, _) in starts.items():
            file = released.get(key)
            if entry is None or not (file or workspace.weights.has(str(entry.file).split("/")[0])):
                continue
            facts = entry.model_dump(include={*WeightsFacts.model_fields})
            if file:
                facts |= {"verified": file.verified, "probe": file.verdict}
                facts["sha256"] = entry.sha256 or file.sha256
            weights.append(WeightsFacts(**facts, pretraining=number))
    return weights


def layer_similarity(workspace: Workspace, runs: pd.DataFrame) -> pd.DataFrame:
    """Return the mean canonical correlation `cca`, 0 to 1, of the layers of pairs of networks.

    `comparison` is `before` or `after` fine-tuning (between the two inits), `tuned` (one `init`
    before and after fine-tuning) or `random` (between two random networks).
    """
    a, b = workspace.profile.inits[:2]
    rows = []
    for cell, members in runs.groupby(["task", "fold", "scenario"], sort=False):
        networks = {
            init: workspace.fine_tuning_ledger.read(run_id, ACTIVATIONS, np.load)
            for init, run_id in members[["init", "run_id"]].to_numpy()
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
