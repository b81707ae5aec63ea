"""One interface to results: the same tables from one's own runs and from a reference run.

A profile that names a `reference` shows, task by task, the reader's own runs if they were made on
real images, and the reference run otherwise; a task in neither has no results.  A profile without
a reference run shows its own runs, even those made on stand-ins.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Literal

import pandas as pd

from rin.data.manifest import datasets_of_tasks, find_task
from rin.errors import InputError, join_with_and, look_up
from rin.evidence.paper import COMPARISONS
from rin.stats import paired_scores
from rin.stats.inputs import TaskScores
from rin.study.consolidate import consolidate, task_facts
from rin.study.opened import OpenedResults, TaskFacts
from rin.study.profile import LAYERS, MAIN, Profile
from rin.study.reference import load_reference, reference_folder
from rin.study.workspace import PathLike, Workspace, has_real_images, open_workspace
from rin.tables import stack_tables


@dataclass(frozen=True)
class Results:
    """Results of a study, or, for tasks without own results, of the reference run.

    Methods raise `InputError` for a task without results.
    """

    workspace: Workspace
    reference: OpenedResults | None = None

    @property
    def inits(self) -> tuple[str, str]:
        """The two inits that are compared, (a, b); differences are a − b."""
        a, b = self.workspace.profile.inits[:2]
        return a, b

    @cached_property
    def live(self) -> Results:
        """The reader's own runs alone, including those on stand-ins, as shown on live pages."""
        return Results(self.workspace)

    @cached_property
    def foremost(self) -> Results:
        """The results that the book presents first.

        These are one's own tasks alone, if their images and weights are real and their datasets
        whole, and otherwise the reference run.  Without a reference run they are these results.
        """
        if self.reference is None:
            return self
        real = [task for task in self.tasks if self.origin(task) == "own"]
        if not real or self.stand_ins(*real) or self.parts(*real):
            return open_reference(self.reference.facts.name)
        profile = self.workspace.profile.model_copy(update={"tasks": real})
        return Results(replace(self.workspace, profile=profile))

    @cached_property
    def tasks_with_page(self) -> tuple[str, ...]:
        """Every task that has a page in the book: the paper's tasks in its order, then others."""
        kept = self.reference.facts.profile.tasks if self.reference else []
        run = [*self.workspace.profile.tasks, *kept]
        # Without a reference run, only the profile's own tasks have pages.
        with_page = datasets_of_tasks() if self.reference else run
        of_paper = [name for name in COMPARISONS if name in with_page]
        return tuple(dict.fromkeys([*of_paper, *run]))

    @property
    def titles(self) -> dict[str, str]:
        """Titles of `tasks_with_page`, as in their manifests."""
        return {task: find_task(task)[1].title for task in self.tasks_with_page}

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks with results of the main study, in the order of `tasks_with_page`."""
        return self.tasks_of(MAIN)

    @property
    def studies(self) -> tuple[str, ...]:
        """The names of the studies with results, those of the profile first."""
        kept = self.reference.tables["runs"]["study"] if self.reference else ()
        names = dict.fromkeys([*self.workspace.profile.study_filters, *kept])
        return tuple(name for name in names if self.tasks_of(name))

    @property
    def kept(self) -> set[str]:
        """The names of the tasks and studies with results, and of the tables beside them."""
        sections = {
            s for s in ("probe", "losses") if getattr(self.workspace.profile, s) is not None
        }
        tables = self.reference.tables if self.reference else ()
        return {*self.tasks, *self.studies, *sections, *tables}

    @property
    def is_reference(self) -> bool:
        """Whether all shown results of the main study come from the reference run."""
        return {self.origin(task) for task in self.tasks} == {"reference"}

    def or_reference_with(self, *names: str) -> Results:
        """Return these results if they have all these studies, tables or tasks.

        Otherwise, return the reference run that comes with the book.
        """
        shown = self if {*names} <= self.kept else open_reference()
        if missing := sorted({*names} - shown.kept):
            problem = f"the reference run has no {join_with_and(missing)}"
            remedy = "Run a profile of your own that has them, on real images."
            raise InputError(problem, where=reference_folder(), remedy=remedy)
        return shown

    def tasks_of(self, study: str) -> tuple[str, ...]:
        """Return the tasks with results of a study, in the order of `tasks_with_page`."""
        return tuple(task for task in self.tasks_with_page if self.origin(task, study))

    def origin(self, task: str, study: str = MAIN) -> Literal["own", "reference"] | None:
        """Return where the shown results of a task come from; None if there are none."""
        look_up("task", task, self.tasks_with_page)
        section = self.workspace.profile.study_filters.get(study)
        if section and task in section.tasks and task in self._own_tasks:
            return "own"
        return "reference" if (study, task) in self._kept_runs else None

    @cached_property
    def _kept_runs(self) -> set[tuple[str, str]]:
        """The pairs of study and task of which the reference run keeps runs."""
        runs = self.reference.table("runs") if self.reference else pd.DataFrame()
        return {*zip(runs["study"], runs["task"], strict=True)} if len(runs) else set()

    @cached_property
    def _own_tasks(self) -> set[str]:
        """The tasks whose own runs are shown: beside a reference run, those on real images."""
        tasks = self.workspace.profile.tasks
        return {t for t in tasks if self.reference is None or has_real_images(self.workspace, t)}

    def stand_ins(self, *tasks: str, study: str = MAIN) -> tuple[str, ...]:
        """Return which inputs of the shown results are stand-ins: `images`, `weights` or neither.

        The tasks are by default all tasks of the study.  `weights` means that a network was
        pretrained on a stand-in.  Such results allow no conclusion.
        """
        images, networks = set(), set()
        for task in tasks or self.tasks_of(study):
            if self.origin(task, study):
                chosen = self._reference_of(task, study) or self._own()
                images.add(chosen.facts.task(task).dataset.provenance)
                networks |= {*chosen.rows("pretraining").get("provenance", ())}
        kinds = {"images": images, "weights": networks}
        return tuple(name for name, provenances in kinds.items() if "stand-in" in provenances)

    def parts(self, *tasks: str) -> dict[str, str]:
        """Return, by task, a text on the part of a dataset that the shown results are from.

        The tasks are by default all tasks; tasks with whole datasets are left out.
        """
        parts = {task: self.facts(task).dataset.part for task in tasks or self.tasks}
        return {task: part for task, part in parts.items() if part}

    def external(self, task: str) -> tuple[str, ...]:
        """Return the names of the external datasets that a task's shown runs scored."""
        return tuple(dataset.name for dataset in self.facts(task).external)

    def predictions(
        self, study: str = MAIN, task: str | None = None, part: str = "test"
    ) -> pd.DataFrame:
        """Return the predictions of a study: one row per run and case of a part.

        Columns are those of `rin.tables.PREDICTIONS`, with `pretraining_seed` if networks were
        pretrained by the study.  Columns of text are categories, to save memory; `.astype(str)`
        makes one text again, to which other values can be assigned.  `study` is one of `studies`;
        `task` None means all tasks of the study; `part` is `test` or an external dataset of the
        task.
        """
        tasks = self.tasks_of(study) if task is None else [task]
        if not tasks:
            raise self._no_results("any task", study)
        tables = [self.results_of(name, study).predictions(study, name, part) for name in tasks]
        return stack_tables(tables) if len(tables) > 1 else tables[0]

    def paired_scores(self, *tasks: str) -> list[TaskScores]:
        """Return the main study's scores on these tasks, or all (`rin.stats.paired_scores`).

        They are paired once, and kept for all comparisons of a page.
        """
        chosen = tasks or self.tasks_of(MAIN)
        if not chosen:
            raise self._no_results("any task", MAIN)
        return [self._paired(task) for task in chosen]

    def _paired(self, task: str) -> TaskScores:
        def pair() -> TaskScores:
            return next(paired_scores(self.predictions(task=task), *self.inits))

        return self.workspace.once((paired_scores, task, self.origin(task)), pair)

    def facts(self, task: str) -> TaskFacts:
        """Return the facts of a task and of the images behind its shown results."""
        kept = self._reference_of(task)
        return kept.facts.task(task) if kept else task_facts(self.workspace.inputs(task))

    def cases(self, task: str, part: str = "test") -> pd.DataFrame:
        """Return one row per scored case: case_id, patient_id, label, and kept columns."""
        return self.results_of(task).cases(task, part)

    def records(self, task: str, study: str = MAIN) -> pd.DataFrame:
        """Return one row per run: the columns that name it, and its record."""
        return self.results_of(task, study).records(task, study)

    def overlap(self, task: str, part: str = "test") -> pd.DataFrame:
        """Return the overlap of maps and lesions (`rin.explain.overlap.measure_overlap`)."""
        return self.results_of(task).overlap(task, part)

    def baselines(self, task: str, part: str = "test") -> pd.DataFrame:
        """Return scores of image-blind baselines: `case_id`, `baseline`, measures."""
        return self.results_of(task).baselines(task, part)

    def lesion_maps(self, task: str) -> pd.DataFrame | None:
        """Return mean activation around lesions (`rin.explain.overlap.lesion_map_table`)."""
        return self.results_of(task).lesion_maps(task)

    def layer_similarity(self, task: str) -> pd.DataFrame:
        """Return the similarity of layers: mean canonical correlation `cca` of pairs of networks.

        `comparison` is `before` or `after` fine-tuning (between the two inits), `tuned` (one
        `init` before and after fine-tuning) or `random` (between two random networks).
        """
        return self.results_of(task, LAYERS).layer_similarity(task)

    def pretraining(self) -> pd.DataFrame:
        """Return one row per pretrained network behind the shown results; there may be none."""
        return self._of_networks.table("pretraining")

    def pretraining_histories(self) -> pd.DataFrame:
        """Return the learning curves of pretrained networks, one row per epoch; may be empty."""
        return self._of_networks.table("pretraining_histories")

    def corpora(self) -> dict[str, str]:
        """Return the title of each init's corpus; an empty dict if released weights are loaded."""
        return self._of_networks.corpora()

    def unverified_weights(self) -> list[str]:
        """Return init and backbone of released weights that neither digest nor probe verifies."""
        return self._of_networks.unverified_weights()

    def probe(self) -> pd.DataFrame | None:
        """Return the probe's measurements (`rin.study.probe_study`); None if there are none."""
        return self._of_section("probe")

    def losses(self) -> pd.DataFrame | None:
        """Return the table of `rin.study.loss_study.loss_table`; None if there is none."""
        return self._of_section("losses")

    def results_of(self, task: str, study: str = MAIN) -> OpenedResults:
        """Return the opened results that are shown for a task in a study."""
        return self._reference_of(task, study) or self._own()

    @property
    def _of_networks(self) -> OpenedResults:
        return self.reference if self.reference and self.is_reference else self._own()

    def _of_section(self, name: str) -> pd.DataFrame | None:
        """Return a section's table, from the reference run if the profile has no such section."""
        has_own = getattr(self.workspace.profile, name) is not None
        shown = self._own() if has_own else self.reference
        return shown.tables.get(name) if shown else None

    def _own(self) -> OpenedResults:
        """Return one's own results; they are made again once more runs are finished."""
        names = "weights", "probe", "losses", "runs"
        finished = [len(self.workspace.ledger(name).finished()) for name in names]
        return self.workspace.once(
            ("consolidated", *finished), partial(consolidate, self.workspace)
        )

    def _reference_of(self, task: str, study: str = MAIN) -> OpenedResults | None:
        """Return the reference run if a task's results come from it; None for own runs."""
        origin = self.origin(task, study)
        if origin is None:
            raise self._no_results(task, study)
        return self.reference if origin == "reference" else None

    def _no_results(self, task: str, study: str) -> InputError:
        problem = f"there are no results of {task} in the study {study}"
        remedy = "Name the folder of real images (data_root), or choose a profile that runs it."
        return InputError(problem, where=f"profile {self.workspace.profile.name}", remedy=remedy)


def open_runs(
    profile: PathLike | Profile = "demo",
    *,
    data_root: PathLike | None = None,
    results: PathLike = "results",
) -> Results:
    """Open the results of a study; nothing is trained.

    Parameters
    ----------
    profile, data_root, results : as for `open_workspace`

    Returns
    -------
    Results
        As returned by `shown_results`.

    Raises
    ------
    InputError
        As raised by `open_workspace` and `shown_results`.

    Examples
    --------
    >>> from rin.study import open_runs
    >>> runs = open_runs("demo")  # without real images
    >>> runs.origin("breast")
    'reference'
    """
    return shown_results(open_workspace(profile, data_root=data_root, results=results))


def shown_results(workspace: Workspace) -> Results:
    """Return the results that are shown for an open study; nothing is trained.

    Parameters
    ----------
    workspace : as returned by `open_workspace`

    Returns
    -------
    Results
        The reader's own runs, and the profile's reference run for tasks without own runs.

    Raises
    ------
    InputError
        For a reference run that is unknown, damaged or of other inits.

    Examples
    --------
    >>> from rin.study import open_workspace, shown_results
    >>> workspace = open_workspace("demo")
    >>> shown_results(workspace).workspace is workspace
    True
    """
    if workspace.profile.reference is None:
        return Results(workspace)
    reference = load_reference(workspace.profile.reference)
    inits, kept = workspace.profile.inits[:2], reference.facts.profile.inits[:2]
    if inits != kept:
        problem = f"it compares {inits}, but reference run {reference.facts.name} {kept}"
        remedy = "Remove the profile's reference, or name the same inits."
        raise InputError(problem, where=f"profile {workspace.profile.name}", remedy=remedy)
    return Results(workspace, reference)


def open_reference(name: str = "open") -> Results:
    """Open a committed reference run alone, independent of the profile of a book.

    Parameters
    ----------
    name : folder below `book/reference_runs`

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
    reference = load_reference(name)
    # The tables of sections are in the reference run: this study has no ledgers of its own.
    changes = {"reference": name, "probe": None, "losses": None}
    profile = reference.facts.profile.model_copy(update=changes)
    return Results(Workspace(profile, None, Path("results") / name), reference)
