"""Reference runs: the results of finished studies on real images, kept with the book.

A reference run is a small folder of results (`rin.study.opened`) of a finished study without
stand-ins.
"""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rin.errors import InputError, as_input_error, look_up
from rin.files import MAKE_ROOM, replace_folder, shipped_folder
from rin.study.consolidate import consolidate, work_of
from rin.study.corpora import corpus_overlap, find_corpus
from rin.study.croissant import describe_results
from rin.study.loss_study import plan_losses
from rin.study.opened import (
    KEYS,
    RUN,
    Addition,
    OpenedResults,
    RunFacts,
    WeightsFacts,
    open_results,
    write_results,
)
from rin.study.plan import plan_all
from rin.study.pretraining import plan_pretraining
from rin.study.probe_study import plan_probe
from rin.study.profile import CONFOUNDER, MAIN, Profile
from rin.study.workspace import Workspace

#: Largest total size of the files of a reference run, in bytes.
LARGEST = 8_000_000
#: Decimals that are kept of overlap, which is measured from 0 to 1.
OVERLAP_DECIMALS = 4
_RESTORE = (
    "Restore the reference run from the repository, or write it again with "
    "rin reference write --replace."
)


def reference_folder() -> Path:
    """Return the folder of the reference runs (`RIN_REFERENCE_RUNS`, or the book's own)."""
    return Path(os.environ.get("RIN_REFERENCE_RUNS", shipped_folder("book/reference_runs")))


def reference_names() -> list[str]:
    """Return the names of all reference runs."""
    return sorted(path.parent.name for path in reference_folder().glob(f"[!.]*/{RUN}"))


def load_reference(name_or_folder: str | Path = "open") -> OpenedResults:
    """Open a reference run by name or from a folder."""
    folder = name_or_folder
    if isinstance(name_or_folder, str):
        look_up("reference run", name_or_folder, reference_names() or ["none"])
        folder = reference_folder() / name_or_folder
    return open_results(folder, remedy=_RESTORE)


def write_reference(
    workspace: Workspace, folder: Path, *, replace: bool = False, add: bool = False
) -> Path:
    """Write the reference run of a finished study below `folder` and return its folder.

    With `replace`, an existing run is replaced; with `add`, the study's pretrainings, of all
    backbones or some, its side studies, probe and losses are added to an existing run, which may
    have been computed elsewhere.

    `InputError`, and nothing is written, if the study does not fit the existing run, has
    stand-ins, is unfinished or is too large.
    """
    target = Path(folder) / workspace.profile.name
    _check_target(target, replace=replace, add=add)
    _check_finished(workspace)
    written = _made_small(workspace, consolidate(workspace))
    problem = "the reference run cannot be written"
    refused = as_input_error(problem, where=target, remedy=MAKE_ROOM, kinds=OSError)
    with refused, replace_folder(target) as draft:
        if add:
            written = joined(load_reference(target), written, target)
        write_results(written, draft, level=19)
        describe_results(draft, load_reference(draft))
        _check_size(draft, target)
    return target


def _check_target(target: Path, *, replace: bool, add: bool) -> None:
    """Raise InputError unless `replace` and `add` fit whether there is a reference run."""
    if replace and add:
        problem = "--replace and --add exclude each other"
    elif target.exists() and not (replace or add):
        problem = "a reference run already exists"
    elif add and not target.exists():
        problem = "there is no reference run to add to"
    else:
        return
    remedy = "Use --add to add runs to an existing one, --replace to replace it, else neither."
    raise InputError(problem, where=target, remedy=remedy)


def _check_size(draft: Path, target: Path) -> None:
    """Raise InputError if the files of a reference run are too large."""
    sizes = {path.name: path.stat().st_size for path in sorted(draft.iterdir())}
    if (total := sum(sizes.values())) > LARGEST:
        raise InputError(
            f"its files have {total:,} bytes together, over the limit of {LARGEST:,} ({sizes})",
            where=target,
            remedy="Write it from a profile with fewer test cases, scenarios or folds.",
        )


def joined(earlier: OpenedResults, later: OpenedResults, where: Path) -> OpenedResults:
    """Return a reference run with another of the same profile added; InputError if they differ."""
    if problem := _misfit(earlier, later):
        raise InputError(
            problem,
            where=where,
            remedy="Add only further pretrainings, backbones, side studies or sections of the "
            "same profile, images and version; write others to another folder, or with --replace.",
        )
    both = {**later.tables, **earlier.tables}
    for name, key in KEYS.items():
        # Earlier values first; columns that only the later table has are filled in rows of both.
        rows = pd.concat([earlier.tables[name], later.tables[name]])
        both[name] = rows.groupby(key, sort=False, dropna=False, as_index=False).first()[[*rows]]
    if all("layer_similarity" in run.tables for run in (earlier, later)):
        layers, further = (run.tables["layer_similarity"] for run in (earlier, later))
        further = further[~further["scenario"].isin(layers["scenario"])]  # of other backbones
        both["layer_similarity"] = pd.concat([layers, further], ignore_index=True)
    return OpenedResults(_joined_facts(earlier, later.facts, both), both)


def _misfit(earlier: OpenedResults, later: OpenedResults) -> str:
    """Return why a study cannot be added to a reference run; an empty string if it can."""
    if any("pretraining" not in run.tables for run in (earlier, later)):
        return (
            "networks of the existing reference run, or of this study, start from released weights"
        )
    before, after = _compared(earlier, later), _compared(later, earlier)
    shared = before.keys() & after.keys()
    if differing := sorted(name for name in shared if before[name] != after[name]):
        return f"the existing reference run differs in {', '.join(differing)}"
    lowest, added = (min(facts.profile.pretrainings) for facts in (earlier.facts, later.facts))
    if added < lowest:  # the maps that were kept are those of the lowest number
        return f"pretraining {added} is below {lowest}, the lowest of the existing reference run"
    both = pd.concat([earlier.tables["runs"], later.tables["runs"]])
    both = both.drop_duplicates([*KEYS["runs"], "run_id"])
    has_new_tables = bool(later.tables.keys() - earlier.tables.keys())
    if len(both) == len(earlier.tables["runs"]) and not has_new_tables:
        return f"these runs from pretrainings {later.facts.profile.pretrainings} are already in it"
    twice = both[both.duplicated(KEYS["runs"])].drop_duplicates(["pretraining", "backbone"])
    networks = [f"pretraining {row.pretraining} of {row.backbone}" for row in twice.itertuples()]
    if networks:
        listed = ", ".join(sorted(networks))
        return f"it already has {listed}, from another computer or version of the code"
    return ""


def _compared(results: OpenedResults, others: OpenedResults) -> dict[str, Any]:
    """Return the facts that must be equal to those of others to join them, by name.

    For backbones that only one of the two has in a study, nothing has to be equal.
    """
    facts, profile = results.facts, results.facts.profile
    compared = profile.model_dump(include=_SHARED)
    compared["pretraining"] = profile.section("pretraining").model_dump(exclude=_OF_A_PART)
    of_others = others.facts.profile.study_filters
    for name, study in profile.study_filters.items():
        shared = {s.backbone for s in of_others[name].scenarios} if name in of_others else set()
        scenarios = [s.name for s in study.scenarios if s.backbone in shared]
        rates = {way: sorted(stated) for way, stated in study.rates.items()}
        compared[name] = study.model_dump(exclude=_OF_A_PART)
        compared[name] |= {"rates": rates, "scenarios": scenarios}
        if CONFOUNDER in study.vary:
            compared[name]["sampled"] = profile.sampled_confounder
    cases = results.tables["cases"][["task", "part", "case_id", "patient_id", "label"]]
    stated = facts.model_dump(
        include={"backend", "precision", "tasks", "corpora"},
        exclude={
            "tasks": {"__all__": {"dataset": _WORDS, "external": {"__all__": _WORDS}}},
            "corpora": {"__all__": _WORDS},
        },
    )
    stated["test cases"] = {*cases.itertuples(index=False, name=None)}
    return stated | {f"profile {name}": value for name, value in compared.items()}


#: Settings of a profile that joined reference runs must have in common.
_SHARED = {"tasks", "inits", "folds", "seed", "splits", "splits_of", "cases", "cases_of"}
_SHARED |= {"external", "fine_tuning", "fine_tuning_of"}
#: Texts of a manifest on a dataset, which may be worded differently.
_WORDS = {"title", "licence", "access", "home"}
#: Settings of a pretraining and of a study that joined reference runs need not have in common.
_OF_A_PART = {"tasks", "backbones", "pretrainings", "brief", "unfreezing", "learning_rates"}


def _joined_facts(
    earlier: OpenedResults, later: RunFacts, tables: dict[str, pd.DataFrame]
) -> RunFacts:
    """Return the facts of a reference run to which a study is added; `tables` are joined."""
    facts, runs = earlier.facts, tables["runs"]
    added = runs[~runs["run_id"].isin(earlier.tables["runs"]["run_id"])]
    sections = {"probe", "losses"} & {*tables} - {*earlier.tables}
    addition = Addition(
        **later.model_dump(
            include={"written", "python", "packages", "commit", "hardware", "code"}
        ),
        pretrainings=sorted(set(added["pretraining"])),
        backbones=sorted(set(added["backbone"])),
        studies=sorted(({*added["study"]} - {*earlier.tables["runs"]["study"]}) | sections),
    )
    return facts.model_copy(
        update={
            "written": later.written,
            "first_finished": min(facts.first_finished, later.first_finished),
            "last_finished": max(facts.last_finished, later.last_finished),
            "peak_memory_gb": max(facts.peak_memory_gb, later.peak_memory_gb),
            "profile": _joined_profile(facts.profile, later.profile),
            "work": work_of(tables),
            "weights": _distinct([*facts.weights, *later.weights]),
            "added": [*facts.added, addition],
        }
    )


def _distinct(weights: list[WeightsFacts]) -> list[WeightsFacts]:
    """Return each file of weights once, as listed last."""
    return [*{(w.init, w.backbone, w.pretraining, w.sha256): w for w in weights}.values()]


def _joined_profile(earlier: Profile, later: Profile) -> Profile:
    """Return a profile with the backbones, pretrainings, side studies and sections of another."""
    before, after = earlier.study_filters, later.study_filters
    studies = {study.name: study for study in [*earlier.studies, *later.studies]}
    studies |= {study.name: study for study in earlier.studies}

    def both(name: str, setting: str) -> list[Any]:
        filters = [part[name] for part in (before, after) if name in part]
        values = dict.fromkeys(value for part in filters for value in getattr(part, setting))
        return sorted(values) if setting == "pretrainings" else [*values]

    for name, study in studies.items():
        # The main study has all that the profile names; of other studies, a run may have a part.
        filled = ("tasks", "backbones", "pretrainings") if name != MAIN else ("backbones",)
        update = {s: both(name, s) for s in filled if name != MAIN or study.backbones}
        studies[name] = study.model_copy(update=update)
    first, further = earlier.section("pretraining"), later.section("pretraining")
    briefs = [*first.brief, *(brief for brief in further.brief if brief not in first.brief)]
    started = {"pretrainings": both(MAIN, "pretrainings"), "brief": briefs}
    changes: dict[str, Any] = {
        "backbones": list(dict.fromkeys([*earlier.backbones, *later.backbones])),
        "pretraining": first.model_copy(update=started),
        "studies": [*studies.values()],
    }
    for section in ("sampled_confounder", "probe", "losses"):
        changes[section] = getattr(earlier, section) or getattr(later, section)
    return earlier.model_copy(update=changes)


def _check_finished(workspace: Workspace) -> None:
    """Raise InputError unless all runs of a study are finished and no images are stand-ins."""
    sources = {f"corpus {run.corpus}": run.store for run in plan_pretraining(workspace)}
    for task in workspace.profile.tasks:
        inputs = workspace.inputs(task)
        for name, part in {task: inputs, **inputs.external}.items():
            sources[f"images of {name}"] = part.store
    if made_up := [name for name, source in sources.items() if source.provenance == "stand-in"]:
        raise InputError(
            f"stand-ins: {', '.join(made_up)}",
            where=f"profile {workspace.profile.name}",
            remedy="Only real data make a reference run: give the folder that contains them with "
            "--data-root, and run the study again.",
        )
    _refuse_parts(workspace)
    workspace.fine_tuning_ledger.require(plan_all(workspace), "fine-tuning")
    for name, plan in {"probe": plan_probe, "losses": plan_losses}.items():
        if getattr(workspace.profile, name):
            workspace.ledger(name).require(plan(workspace), f"the {name}")


def _refuse_parts(workspace: Workspace) -> None:
    """Raise InputError if a study read only a part of a published dataset."""
    settings = workspace.profile.pretraining
    corpora = settings.corpora.values() if settings else ()
    datasets = [find_corpus(workspace, names) for names in corpora]
    for task in workspace.profile.tasks:
        inputs = workspace.inputs(task)
        datasets += [inputs.all_images, *(site.all_images for site in inputs.external.values())]
    if parts := [f"{d.manifest.name} ({d.part})" for d in datasets if d.part]:
        raise InputError(
            f"parts of datasets: {', '.join(dict.fromkeys(parts))}",
            where=f"profile {workspace.profile.name}",
            remedy="Only whole datasets make a reference run: fetch the rest, and run the study "
            "again.",
        )


def _made_small(workspace: Workspace, results: OpenedResults) -> OpenedResults:
    """Return the results of a study reduced to those that pages read, for a reference run."""
    tables, runs = dict(results.tables), results.tables["runs"]
    scores = tables["predictions"]
    # No page reads side studies' predictions for external datasets, half of their rows.
    of_main = scores["run_id"].isin(runs.loc[runs["study"] == MAIN, "run_id"])
    external = {site.name for task in results.facts.tasks for site in task.external}
    unread = (scores["part"] == "validation") | (scores["part"].isin(external) & ~of_main)
    tables["predictions"] = scores[~unread]
    for name in {"overlap", "baselines"} & {*tables}:
        tables[name] = _of_less_precision(tables[name])
    if "overlap" in tables:  # a row per run and case: all digits would outweigh other tables
        tables["overlap"] = tables["overlap"].round(OVERLAP_DECIMALS)
    if "pretraining" in tables:
        tables["corpus_overlap"] = corpus_overlap(workspace)
    facts = {"written": datetime.now(UTC).isoformat("T", "seconds"), "made_from": {}}
    return OpenedResults(results.facts.model_copy(update=facts), tables)


def _of_less_precision(table: pd.DataFrame) -> pd.DataFrame:
    return table.astype(dict.fromkeys(table.select_dtypes("float64"), np.float32))
