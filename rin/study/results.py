"""The one interface to results: the same tables from one's own runs and from a reference run.

A profile that names a `reference` shows, task by task, the reader's own run where it was made on
real images, and else the reference run; a task that neither holds has no results.  A profile
without one shows its own runs, whatever they were made from.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from rin.data.manifest import datasets_of_tasks, find_task
from rin.errors import InputError, look_up
from rin.evidence.paper import COMPARISONS
from rin.study import fine_tuning
from rin.study.corpora import find_corpus
from rin.study.loss_study import loss_table
from rin.study.pretraining import pretrained, pretraining_histories
from rin.study.probe_study import probe_measurements
from rin.study.profile import LAYERS, MAIN, Profile
from rin.study.reference import (
    ReferenceRun,
    TaskFacts,
    load_reference,
    reference_folder,
    reference_names,
    task_facts,
)
from rin.study.released import released_files
from rin.study.setting import PathLike, Study, has_real_images, open_study


@dataclass(frozen=True)
class Runs:
    """Results of a study, or of the reference run that stands in their place.

    A method that is asked for a task without results raises `InputError`.
    """

    study: Study
    reference: ReferenceRun | None = None

    @property
    def inits(self) -> tuple[str, str]:
        """The two inits that are compared, (a, b); differences are a − b."""
        a, b = self.study.profile.inits[:2]
        return a, b

    @cached_property
    def own(self) -> Runs:
        """The reader's own runs alone, whatever they were made from: what live pages show."""
        return Runs(self.study)

    @cached_property
    def foremost(self) -> Runs:
        """The one run that the book speaks of first.

        One's own tasks alone where they are real, images and weights; else the reference run.
        Without a reference run these runs, whatever they were made from.
        """
        if self.reference is None:
            return self
        real = [task for task in self.tasks if self.origin(task) == "own"]
        if not real or self.stand_ins(*real):
            return open_reference(self.reference.facts.name)
        profile = self.study.profile.model_copy(update={"tasks": real})
        return Runs(replace(self.study, profile=profile))

    @cached_property
    def paper_tasks(self) -> tuple[str, ...]:
        """Every task that the book has a page of, in the paper's order; then further ones."""
        kept = self.reference.facts.profile.tasks if self.reference else []
        run = [*self.study.profile.tasks, *kept]
        # Without a reference run, the pages of a profile are those of its own tasks.
        with_page = datasets_of_tasks() if self.reference else run
        of_paper = [name for name in COMPARISONS if name in with_page]
        return tuple(dict.fromkeys([*of_paper, *run]))

    @property
    def titles(self) -> dict[str, str]:
        """Titles of `paper_tasks`, as the paper words them or their manifests do."""
        return {task: find_task(task)[1].title for task in self.paper_tasks}

    @property
    def tasks(self) -> tuple[str, ...]:
        """Tasks with results of the main study, in the order of `paper_tasks`."""
        return self.tasks_of(MAIN)

    @property
    def studies(self) -> tuple[str, ...]:
        """Names of the studies with results, those of the profile first."""
        kept = self.reference.tables["runs"]["study"] if self.reference else ()
        names = dict.fromkeys([*self.study.profile.study_filters, *kept])
        return tuple(name for name in names if self.tasks_of(name))

    @property
    def kept(self) -> set[str]:
        """Names of the studies with results, and of sections and tables beside them."""
        sections = {s for s in ("probe", "losses") if getattr(self.study.profile, s) is not None}
        return {*self.studies} | sections | {*(self.reference.tables if self.reference else ())}

    @property
    def is_reference(self) -> bool:
        """Whether everything shown of the main study comes from the reference run."""
        return {self.origin(task) for task in self.tasks} == {"reference"}

    def keeping(self, *names: str) -> Runs:
        """Return these runs where they have all of some studies, else as `open_reference`."""
        return self if {*names} <= self.kept else open_reference(keeping=names)

    def tasks_of(self, study: str) -> tuple[str, ...]:
        """Return the tasks with results of a study, in the order of `paper_tasks`."""
        return tuple(task for task in self.paper_tasks if self.origin(task, study))

    def origin(self, task: str, study: str = MAIN) -> Literal["own", "reference"] | None:
        """Return where the shown results of a task come from; None where there are none."""
        look_up("task", task, self.paper_tasks)
        section = self.study.profile.study_filters.get(study)
        if section and task in section.tasks and task in self._own_tasks:
            return "own"
        kept = self.reference and len(self.reference.rows("runs", study=study, task=task))
        return "reference" if kept else None

    @cached_property
    def _own_tasks(self) -> set[str]:
        """Tasks whose own runs are shown: beside a reference run, those on real images."""
        tasks = self.study.profile.tasks
        return {t for t in tasks if self.reference is None or has_real_images(self.study, t)}

    def stand_ins(self, *tasks: str, study: str = MAIN) -> tuple[str, ...]:
        """Return what of the shown results is made up: `images`, `weights`, or nothing.

        Of some tasks, by default all of the study.  Weights are made up where a network of the
        compared inits was pretrained on a stand-in.  Such results carry no verdict.
        """
        computed = [t for t in tasks or self.tasks_of(study) if not self._is_kept(t, study)]
        images = {self.facts(task).dataset.provenance for task in computed}
        networks = pretrained(self.study) if computed else pd.DataFrame()
        weights = {*networks["provenance"]} if len(networks) else set()
        kinds = {"images": images, "weights": weights}
        return tuple(name for name, provenances in kinds.items() if "stand-in" in provenances)

    def external(self, task: str) -> tuple[str, ...]:
        """Return the external datasets that a task's shown runs scored."""
        if self._is_kept(task):
            return tuple(dataset.name for dataset in self.reference.facts.task(task).external)
        return find_task(task)[1].external if self.study.profile.external else ()

    def predictions(
        self, study: str = MAIN, task: str | None = None, part: str = "test"
    ) -> pd.DataFrame:
        """Return the predictions of a study: one row a run and case of a part.

        Columns as of `rin.study.fine_tuning.predictions`, and `pretraining_seed` where networks
        were pretrained by a study; `study` is one of `studies`, `part` is `test` or an external
        dataset of the task.  None takes all of the study's tasks.
        """
        if task is None:
            tables = [self.predictions(study, name, part) for name in self.tasks_of(study)]
            if not tables:
                raise self._no_results("any task", study)
            return pd.concat(tables, ignore_index=True)
        if not self._is_kept(task, study):
            scores = self._own(fine_tuning.predictions, study, task, part)
            return _with_seeds(scores, pretrained(self.study))
        if study != MAIN and part in self.external(task):
            raise InputError(
                f"of {part} the scores of the main study are kept, not those of {study}",
                where=f"reference run {self.reference.facts.name}",
                remedy="Take the part test, or run the study yourself.",
            )
        recorded = ["best_epoch", "epochs", "seconds", "validation_auc", "validation_loss"]
        runs = self.records(task, study).drop(columns=["study", *recorded], errors="ignore")
        scores = self.reference.rows("predictions", part=part)
        rows = runs.merge(scores, on="run_id").drop(columns="run_id")
        return _with_seeds(rows, self.reference.tables.get("pretraining", pd.DataFrame()))

    def facts(self, task: str) -> TaskFacts:
        """Return the images behind a task's shown results, in numbers."""
        if self._is_kept(task):
            return self.reference.facts.task(task)
        return task_facts(self.study.inputs(task))

    def cases(self, task: str, part: str = "test") -> pd.DataFrame:
        """Return one row a scored case: case_id, patient_id, label, what its manifest keeps."""
        if not self._is_kept(task):
            return self._own(fine_tuning.scored_cases, task, part)
        rows = self.reference.rows("cases", task=task, part=part)
        return rows.drop(columns=["task", "part"]).dropna(axis="columns", how="all")

    def records(self, task: str, study: str = MAIN) -> pd.DataFrame:
        """Return one row a run: what names it, and what was recorded of it."""
        if not self._is_kept(task, study):
            return self._own(fine_tuning.run_records, study, task)
        runs = self.reference.rows("runs", study=study, task=task)
        of_factors = ["factor", "level", "preprocessing"]
        return runs if runs["factor"].notna().any() else runs.drop(columns=of_factors)

    def overlap(self, task: str, part: str = "test") -> pd.DataFrame:
        """Return what maps and lesions have in common (`rin.study.fine_tuning.overlap_table`)."""
        if not self._is_kept(task):
            return self._own(fine_tuning.overlap_table, task, part)
        scores = self.predictions(MAIN, task, part)
        scores = scores[scores["pretraining"] == scores["pretraining"].min()]
        rows = self.reference.rows("overlap", task=task, part=part)
        names = scores.drop(columns=["pretraining", "pretraining_seed"], errors="ignore")
        return names.merge(rows).drop(columns="part")

    def baselines(self, task: str, part: str = "test") -> pd.DataFrame:
        """Return scores of what looks at no image: `case_id`, `baseline`, measures."""
        if not self._is_kept(task):
            return self._own(fine_tuning.baseline_table, task, part)
        rows = self.reference.rows("baselines", task=task, part=part)
        return rows.drop(columns=["task", "part"])

    def lesion_maps(self, task: str) -> pd.DataFrame | None:
        """Return mean activation around lesions (`rin.study.fine_tuning.lesion_maps`), or None."""
        if not self._is_kept(task):
            return self._own(fine_tuning.lesion_maps, task)
        rows = self.reference.rows("lesion_maps", task=task)
        return rows if len(rows) else None

    def layer_similarity(self, task: str) -> pd.DataFrame:
        """Return how alike layers are (`rin.study.fine_tuning.layer_similarity`)."""
        if not self._is_kept(task, LAYERS):
            return self._own(fine_tuning.layer_similarity, task)
        return self.reference.rows("layer_similarity", task=task)

    def pretraining(self) -> pd.DataFrame:
        """Return one row a pretrained network behind the shown results; may have no rows."""
        if not self.is_reference:
            return pretrained(self.study)
        return self.reference.tables.get("pretraining", pd.DataFrame())

    def pretraining_histories(self) -> pd.DataFrame:
        """Return the learning curves of those networks, one row an epoch; may have no rows."""
        if not self.is_reference:
            return pretraining_histories(self.study)
        return self.reference.tables.get("pretraining_histories", pd.DataFrame())

    def corpora(self) -> dict[str, str]:
        """Return the title of each init's corpus; empty where released weights are loaded."""
        profile = self.reference.facts.profile if self.is_reference else self.study.profile
        stated = profile.pretraining.corpora.items() if profile.pretraining else ()
        if not self.is_reference:
            return {init: find_corpus(self.study, names).manifest.title for init, names in stated}
        titles = {corpus.name: corpus.title for corpus in self.reference.facts.corpora}
        kept = {}
        for init, names in stated:
            choices = [names] if isinstance(names, str) else names
            kept[init] = next(titles[name] for name in choices if name in titles)
        return kept

    def unverified_weights(self) -> list[str]:
        """Return the init and backbone of released weights that neither digest nor probe knows."""
        if self.is_reference:
            files = self.reference.facts.weights
            return [f"{file.init} {file.backbone}" for file in files if file.verified == ""]
        return [file.name for file in released_files(self.study) if not file.verified]

    def probe(self) -> pd.DataFrame | None:
        """Return the probe's measurements (`rin.study.probe_study`), or None."""
        return self._section("probe", probe_measurements)

    def losses(self) -> pd.DataFrame | None:
        """Return the comparison of losses (`rin.study.loss_study.loss_table`), or None."""
        return self._section("losses", loss_table)

    def _section(self, name: str, measure: Callable[[Study], pd.DataFrame]) -> pd.DataFrame | None:
        """Return the table of a section of the profile, or that of the reference run."""
        if getattr(self.study.profile, name) is None:
            return self.reference.tables.get(name) if self.reference else None
        return self._own(measure)

    def _own(self, read: Callable[..., Any], *arguments: str) -> Any:
        """Return what a function reads of the reader's own study, once."""
        return self.study.once((read, *arguments), partial(read, self.study, *arguments))

    def _is_kept(self, task: str, study: str = MAIN) -> bool:
        """Return whether a task's results come from the reference run, not from own runs."""
        origin = self.origin(task, study)
        if origin is None:
            raise self._no_results(task, study)
        return origin == "reference"

    def _no_results(self, task: str, study: str) -> InputError:
        problem = f"there are no results of {task} in the study {study}"
        remedy = "Name the folder of real images (data_root), or choose a profile that runs it."
        return InputError(problem, where=f"profile {self.study.profile.name}", remedy=remedy)


def open_runs(
    profile: PathLike | Profile = "demo",
    *,
    data_root: PathLike | None = None,
    results: PathLike = "results",
) -> Runs:
    """Open the results of a study; nothing is trained.

    Parameters
    ----------
    profile, data_root, results : as for `open_study`

    Returns
    -------
    Runs
        The reader's own runs, and the profile's reference run for tasks without one.

    Raises
    ------
    InputError
        As `open_study`; for a reference run that is unknown, damaged or of other inits.

    Examples
    --------
    >>> from rin.study import open_runs
    >>> runs = open_runs("demo")  # without real images
    >>> runs.origin("breast")
    'reference'
    """
    study = open_study(profile, data_root=data_root, results=results)
    if study.profile.reference is None:
        return Runs(study)
    reference = load_reference(study.profile.reference)
    inits, kept = study.profile.inits[:2], reference.facts.profile.inits[:2]
    if inits != kept:
        problem = f"it compares {inits} and reference run {reference.facts.name} {kept}"
        remedy = "Leave out the profile's reference, or name the same inits."
        raise InputError(problem, where=f"profile {study.profile.name}", remedy=remedy)
    return Runs(study, reference)


def open_reference(name: str = "open", *, keeping: Collection[str] = ()) -> Runs:
    """Open a committed reference run alone, whatever profile a book is built with.

    Parameters
    ----------
    name : folder below `book/reference_runs`
    keeping : studies, or tables such as `losses`; where the run lacks one of them, the latest
        that keeps them all is opened, with the main study that they belong to

    Returns
    -------
    Runs

    Raises
    ------
    InputError
        For an unknown or damaged run, or where none keeps what is asked for.

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
    if not {*keeping} <= reference.kept:
        others = (load_reference(other) for other in reference_names() if other != name)
        fitting = [other for other in others if {*keeping} <= other.kept]
        if not fitting:
            problem = f"no reference run keeps {', '.join(keeping)}"
            remedy = "Run them with a profile of your own, on real images."
            raise InputError(problem, where=reference_folder(), remedy=remedy)
        reference = max(fitting, key=lambda other: other.facts.written)
    # What sections measured stands in the reference run: this study has no ledgers of its own.
    name = reference.facts.name
    changes = {"reference": name, "probe": None, "losses": None}
    profile = reference.facts.profile.model_copy(update=changes)
    return Runs(Study(profile, None, Path("results") / name), reference)


def _with_seeds(predictions: pd.DataFrame, networks: pd.DataFrame) -> pd.DataFrame:
    """Return predictions with `pretraining_seed`: of the network that a run starts from, if known.

    Pairs that share it share first weights, order and split, which their statistics have to know.
    """
    names = ["init", "backbone", "pretraining"]
    if "seed" not in networks or not {*names} <= {*predictions}:
        return predictions
    seeds = networks[[*names, "seed"]].rename(columns={"seed": "pretraining_seed"})
    of_networks = predictions[names].merge(seeds, on=names, how="left")["pretraining_seed"]
    if of_networks.isna().all():
        return predictions
    return predictions.assign(pretraining_seed=of_networks.to_numpy())
