"""Reference runs: the results of finished studies on real images, kept with the book.

A reference run is a small folder of results (`rin.study.results`) of a finished study without
stand-ins.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rin.errors import InputError, as_input_error, look_up
from rin.files import MAKE_ROOM, kept_folder, replace_folder, shipped_folder
from rin.study.consolidate import SECTIONS, consolidate, facts_of_tables
from rin.study.corpora import corpus_overlap
from rin.study.croissant import describe_results
from rin.study.ledger import now
from rin.study.plan import plan_all, plan_networks
from rin.study.profile import MAIN, Profile
from rin.study.results import (
    KEYS,
    RUN,
    Addition,
    Results,
    RunFacts,
    open_results,
    write_results,
)
from rin.study.workspace import Workspace

#: Largest total size of the files of a reference run, in bytes.
LARGEST = 10_000_000
#: Decimals that are kept of overlap, which is measured from 0 to 1.
OVERLAP_DECIMALS = 4
_RESTORE = (
    "Restore the reference run from the repository, or write it again with "
    "rin reference write --replace."
)


def reference_folder() -> Path:
    """Return the folder of the reference runs (`RIN_REFERENCE_RUNS`, or the book's own)."""
    return Path(os.environ.get("RIN_REFERENCE_RUNS") or shipped_folder("book/reference_runs"))


def reference_names() -> list[str]:
    """Return the names of all reference runs."""
    folders = (path.parent.name for path in reference_folder().glob(f"*/{RUN}"))
    # A process that is killed while it replaces a folder leaves the earlier one.
    return sorted({name.removeprefix(".").removesuffix(".replaced") for name in folders})


def open_reference(name: str = "open") -> Results:
    """Open a reference run, which comes with the book.

    Parameters
    ----------
    name : str, default "open"
        folder below `book/reference_runs`

    Returns
    -------
    Results

    Raises
    ------
    InputError
        For an unknown or damaged run.

    Examples
    --------
    >>> from rin.stats import init_differences
    >>> from rin.study import open_reference
    >>> runs = open_reference()
    >>> table = init_differences(runs.predictions(task="breast"), *runs.inits)
    >>> table["group"].tolist()
    ['all', 'freeze_all', 'unfreeze_top10', 'unfreeze_all']
    """
    look_up("reference run", name, reference_names())
    return open_results(reference_folder() / name, remedy=_RESTORE)


def write_reference(workspace: Workspace, folder: Path, *, replace: bool = False) -> Path:
    """Write the reference run of a finished study below `folder` and return its folder.

    `InputError`, and nothing is written, if the study has stand-ins, is unfinished or is too
    large, or if there is a reference run and it is not to be replaced.
    """
    target = Path(folder) / workspace.profile.name
    if kept_folder(target).exists() and not replace:
        raise InputError(
            "a reference run already exists", where=target, remedy="Use --replace to replace it."
        )
    results = consolidate(workspace)
    facts = results.facts
    tables = dict(results.tables)
    external = [site for task in facts.tasks for site in task.external]
    read = [*(task.dataset for task in facts.tasks), *external, *facts.corpora]
    unfit = {data.name: data.part or data.provenance for data in read}
    if listed := [f"{name} ({kind})" for name, kind in unfit.items() if kind != "real"]:
        raise InputError(
            f"stand-ins or parts of datasets: {', '.join(listed)}",
            where=f"profile {facts.name}",
            remedy="Only whole, real datasets make a reference run: give their folder with "
            "--data-root, and run the study again.",
        )
    workspace.fine_tuning_ledger.require(plan_all(workspace), "fine-tuning")
    networks = plan_networks(workspace)
    for name in SECTIONS:
        workspace.ledger(name).require(networks[name], f"the {name}")
    # What no page reads would outweigh the rest: side studies' predictions for external datasets,
    # half of all rows, and further digits of overlap, which has a row per run and case.
    runs = tables["runs"]
    scores = tables["predictions"]
    of_main = scores["run_id"].isin(runs.loc[runs["study"] == MAIN, "run_id"])
    unread = scores["part"].isin({site.name for site in external}) & ~of_main
    tables["predictions"] = scores[~unread & (scores["part"] != "validation")]
    for name in {"overlap", "baselines"} & {*tables}:
        fractions = tables[name].select_dtypes("float64")
        tables[name] = tables[name].astype(dict.fromkeys(fractions, np.float32))
    if "overlap" in tables:
        tables["overlap"] = tables["overlap"].round(OVERLAP_DECIMALS)
    if "pretraining" in tables:
        tables["corpus_overlap"] = corpus_overlap(workspace)
    facts = facts.model_copy(update={"written": now(), "made_from": {}})
    return _write_described(Results(facts, tables), target)


def join_results(earlier: Path, later: Path, target: Path | None = None) -> Path:
    """Write the runs of two folders of results into one, by default in place of the earlier.

    Parameters
    ----------
    earlier, later : folders of results of the same images and inits, without a common run
    target : the folder to write

    Returns
    -------
    Path
        The folder that was written.

    Raises
    ------
    InputError
        If images, corpora or inits differ, or if both have the same run.

    Examples
    --------
    >>> from rin.study.reference import join_results
    >>> join_results("open", "results/open_added/tables", "joined")  # doctest: +SKIP
    """
    first = open_results(earlier)
    second = open_results(later)
    terms, others = (_terms(results.facts) for results in (first, second))
    if differing := [name for name in terms if terms[name] != others.get(name, terms[name])]:
        raise InputError(
            f"it differs from {earlier} in its {differing[0]}",
            where=later,
            remedy=_JOINED,
        )
    tables = {**second.tables, **first.tables}
    for name in sorted(first.tables.keys() & second.tables.keys() - _OF_TASKS):
        rows = pd.concat([first.tables[name], second.tables[name]], ignore_index=True)
        # Networks and cases may be those of both, and so may what a run of two studies predicted.
        tables[name] = rows if name == "runs" else rows.drop_duplicates(ignore_index=True)
        if tables[name].duplicated(keys := KEYS.get(name)).any():
            raise InputError(
                f"{name}: rows have the {', '.join(keys or rows)} of rows of {earlier}",
                where=later,
                remedy="Join only further pretrainings, backbones, folds or studies.",
            )
    known = first.facts
    more = second.facts
    for name in _OF_TASKS & first.tables.keys():
        rows = second.table(name)
        new = rows[~rows["task"].isin([task.name for task in known.tasks])]
        tables[name] = pd.concat([first.tables[name], new], ignore_index=True)
    runs = second.table("runs")
    addition = Addition(
        **more.model_dump(include={"written", "python", "packages", "commit", "hardware", "code"}),
        pretrainings=sorted(set(runs["pretraining"])),
        backbones=sorted(set(runs["backbone"])),
        studies=sorted({*second.studies} - {*first.studies}),
    )
    # Of a task in both, the facts of more folds.
    tasks = sorted([*known.tasks, *more.tasks], key=lambda task: sum(task.split.values()))
    facts = facts_of_tables(tables) | {
        "written": now(),
        "tasks": [*{task.name: task for task in tasks}.values()],
        "weights": [
            *known.weights,
            *(start for start in more.weights if start not in known.weights),
        ],
        "added": [*known.added, addition, *more.added],
    }
    return _write_described(Results(known.model_copy(update=facts), tables), target or earlier)


def _write_described(results: Results, target: str | Path) -> Path:
    """Write a folder of results with a description of its files; return it."""
    target = Path(target)
    # Of the 24 bits of a score, the last 10 are noise that nothing compresses.
    scores = results.tables["predictions"]
    bits = scores["score"].to_numpy(np.float32).view(np.int32)
    scores = scores.assign(score=((bits + 2**9) & -(2**10)).view(np.float32))
    results = Results(results.facts, {**results.tables, "predictions": scores})
    with (
        as_input_error("the reference run cannot be written", where=target, remedy=MAKE_ROOM),
        replace_folder(target) as draft,
    ):
        write_results(results, draft)
        describe_results(draft, open_results(draft))
        sizes = {path.name: path.stat().st_size for path in sorted(draft.iterdir())}
        if (total := sum(sizes.values())) > LARGEST:
            raise InputError(
                f"its files have {total:,} bytes, over the limit of {LARGEST:,} ({sizes})",
                where=target,
                remedy="Write it from a profile with fewer test cases, scenarios or folds.",
            )
    return target


#: Tables of which tasks that only one run has are taken.
_OF_TASKS = {"overlap", "baselines", "corpus_overlap"}
_JOINED = "Join only results of the same images, corpora and settings."
#: Settings that results have in common when they are joined.
_COMMON = {
    "inits",
    "seed",
    "fine_tuning",
    "fine_tuning_of",
    "cases",
    "cases_of",
    "splits",
    "splits_of",
}


def _terms(facts: RunFacts) -> dict[str, Any]:
    """Return what results that are joined must have in common, as far as both have it."""
    stated = facts.profile.model_dump()
    profile = Profile.parse(stated, where=f"run.json of {facts.name}", remedy=_JOINED)
    terms = profile.model_dump(include=_COMMON)
    terms |= facts.model_dump(include={"backend", "precision"})
    terms["corpora"] = {data.digest for data in facts.corpora}
    return terms | {
        f"images of {task.name}": (
            task.size,
            [data.digest for data in (task.dataset, *task.external)],
        )
        for task in facts.tasks
    }
