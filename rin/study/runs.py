"""The one interface to results: the same tables from one's own runs and from a reference run.

A profile that names a `reference` shows, task by task, the reader's own run where it was made on
real images, and else the reference run; a task that neither holds has no results.  A profile
without one shows its own runs, whatever they were made from.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

import pandas as pd

from rin import paper
from rin.data.manifest import load_manifest, manifest_names
from rin.errors import InputError, unknown
from rin.study.pretraining import pretrained
from rin.study.probe import probe_measurements
from rin.study.profile import MAIN, STUDIES, Profile
from rin.study.reference import (
    ReferenceRun,
    TaskFacts,
    baseline_rows,
    load_reference,
    overlap_table,
    plan_columns,
    reference_predictions,
    score_baselines,
    task_facts,
)
from rin.study.run import (
    cam_arrays,
    predictions,
    run_records,
    study_predictions,
    study_records,
)
from rin.study.setting import Study, TaskInputs, has_real_images, inputs_reader, open_study

if TYPE_CHECKING:
    from rin.explain.overlap import Overlap

Origin = Literal["own", "reference"]
T = TypeVar("T")


@dataclass(frozen=True)
class Runs:
    """Results of a study, or of the reference run that stands in their place.

    `reference` is shown where the reader's own `study` has no run on real images; it is None for a
    profile that names none.
    """

    study: Study
    reference: ReferenceRun | None = None
    _cache: dict[tuple, object] = field(default_factory=dict, repr=False, compare=False)

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
    def paper_tasks(self) -> tuple[str, ...]:
        """Every task that the book has a page of, in the paper's order; then tasks of one's own."""
        found = [task for name in manifest_names() for task in load_manifest(name).tasks]
        order = {key: place for place, key in enumerate(paper.COMPARISONS)}
        of_paper = {task.name: order[task.name] for task in found if task.name in order}
        named = [*self.study.profile.tasks, *(self.reference.tasks if self.reference else [])]
        own = [name for name in dict.fromkeys(named) if name not in of_paper]
        if self.reference is None:  # the pages of a profile are those of its own tasks
            of_paper = {name: place for name, place in of_paper.items() if name in named}
        return (*sorted(of_paper, key=of_paper.__getitem__), *own)

    @property
    def tasks(self) -> tuple[str, ...]:
        """Tasks with results of the main study, in the order of `paper_tasks`."""
        return self.tasks_of(MAIN)

    @property
    def studies(self) -> tuple[str, ...]:
        """Names of the studies with results."""
        return tuple(name for name in STUDIES if self.tasks_of(name))

    @property
    def is_reference(self) -> bool:
        """Whether everything shown of the main study comes from the reference run."""
        return bool(self.tasks) and all(self.origin(task) == "reference" for task in self.tasks)

    def tasks_of(self, study: str) -> tuple[str, ...]:
        """Return the tasks with results of a study, in the order of `paper_tasks`."""
        return tuple(task for task in self.paper_tasks if self.origin(task, study))

    def origin(self, task: str, study: str = MAIN) -> Origin | None:
        """Return where the results of a task come from; None where there are none.

        Raises
        ------
        InputError
            For a study or a task that is not known.
        """
        asked = self.study.profile.filter_of(study)
        if task not in self.paper_tasks:
            raise unknown("task", task, self.paper_tasks)
        planned = asked is not None and task in asked.tasks
        if planned and (self.reference is None or has_real_images(self.study, task)):
            return "own"
        if self.reference is not None and task in set(self._reference_runs(study)["task"]):
            return "reference"
        return None

    def kind(self, task: str) -> Literal["real", "substitute", "stand-in"] | None:
        """Return what a task's shown results rest on; None where there are none."""
        if self.origin(task) is None:
            return None
        facts = self.facts(task)
        if facts.dataset.provenance != "real":
            return "stand-in"
        return "substitute" if facts.substitute_for else "real"

    def predictions(self, study: str = MAIN, task: str | None = None) -> pd.DataFrame:
        """Return the test predictions of a study: one row a run and test case.

        Parameters
        ----------
        study
            One of `STUDIES`.
        task
            Name of a task; None takes all of the study's tasks, in the paper's order.

        Returns
        -------
        pandas.DataFrame
            task, fold, scenario, backbone, unfreezing, learning_rate, init, seed, case_id,
            patient_id, part, label (1 is the positive class), score (its log-odds); studies
            of a factor have factor, level and contract in front.

        Raises
        ------
        InputError
            For an unknown study or task, a task without results, or unfinished runs.
        """
        if task is None:
            tables = [self.predictions(study, name) for name in self.tasks_of(study)]
            if not tables:
                raise _no_results(study, "any task", self.study)
            return pd.concat(tables, ignore_index=True)
        if self._shown(task, study) == "own":
            return self._once(("predictions", study, task), lambda: self._own(study, task))
        return self._once(
            ("predictions", study, task),
            lambda: reference_predictions(self.reference, study, task),
        )

    def inputs(self, task: str) -> TaskInputs:
        """Return what the reader's own runs of a task read: images, store, splits."""
        return self._read(task)

    def facts(self, task: str) -> TaskFacts:
        """Return the images behind a task's shown results, in numbers.

        Raises
        ------
        InputError
            For a task without results.
        """
        if self._shown(task) == "reference":
            return self.reference.facts.task(task)
        return self._once(("facts", task), lambda: task_facts(self.inputs(task)))

    def records(self, task: str, study: str = MAIN) -> pd.DataFrame:
        """Return one row a run: what names it, seconds, and what else was recorded of it."""
        if self._shown(task, study) == "reference":
            table = self._reference_runs(study)
        elif study == MAIN:
            table = run_records(self.study, self.inputs(task))
        else:
            table = study_records(self.study, study, self._read)
        return table[table["task"] == task].reset_index(drop=True)

    def overlap(self, task: str) -> pd.DataFrame:
        """Return what maps and lesions have in common: one row a run and image with a lesion.

        Columns as `rin.explain.overlap.Overlap.table`; without rows where the task's
        images have no marked lesions.
        """
        if self.origin(task) == "reference":
            return overlap_table(self.reference, task)
        measured = self.own_overlap(task)
        return pd.DataFrame() if measured is None else measured.table

    def own_overlap(self, task: str) -> Overlap | None:
        """Return the overlap of the reader's own run with its curves; None without masks."""
        from rin.explain.overlap import measure_overlap

        inputs = self.inputs(task)
        if inputs.store.masks() is None:
            return None

        def measure() -> Overlap:
            case_ids = inputs.store.cases["case_id"].to_numpy()
            return measure_overlap(
                list(cam_arrays(self.study, inputs)), case_ids, inputs.store.masks()
            )

        return self._once(("overlap", task), measure)

    def baselines(self, task: str) -> pd.DataFrame:
        """Return scores of what looks at no image: `case_id`, `baseline`, measures."""
        if self.origin(task) == "reference":
            return baseline_rows(self.reference, task)
        inputs, measured = self.inputs(task), self.own_overlap(task)
        if measured is None:
            return pd.DataFrame(columns=["case_id", "baseline", "dice"])
        cases = measured.table["case_id"].unique()
        return score_baselines(inputs.store.cases, inputs.store.masks(), cases, measured.tolerance)

    def lesion_maps(self, task: str) -> pd.DataFrame | None:
        """Return the mean activation around the lesion, by init and unfreezing regime.

        As `rin.explain.lesion_maps.lesion_map_table`; None where it was not recorded, or the
        task's images have no marked lesions.
        """
        if self.origin(task) == "reference":
            kept = self.reference.lesion_maps
            found = None if kept is None else kept[kept["task"] == task].reset_index(drop=True)
            return None if found is None or found.empty else found
        inputs = self.inputs(task)
        if inputs.store.masks() is None:
            return None
        from rin.explain.lesion_maps import lesion_map_table

        case_ids = inputs.store.cases["case_id"].to_numpy()
        maps = cam_arrays(self.study, inputs)
        return self._once(
            ("lesion_maps", task), lambda: lesion_map_table(maps, case_ids, inputs.store.masks())
        )

    def pretraining(self) -> pd.DataFrame:
        """Return one row a pretrained network behind the shown results; may have no rows."""
        if self.is_reference:
            return self.reference.pretraining
        return pretrained(self.study)

    def probe(self) -> pd.DataFrame | None:
        """Return the measurements of the probe (`rin.study.probe.probe_measurements`), or None."""
        if self.study.profile.probe is not None:
            return self._once(("probe",), lambda: probe_measurements(self.study))
        return self.reference.probe if self.reference is not None else None

    def _shown(self, task: str, study: str = MAIN) -> Origin:
        """Return where the results of a task come from; raise where there are none."""
        origin = self.origin(task, study)
        if origin is None:
            raise _no_results(study, task, self.study)
        return origin

    @cached_property
    def _read(self) -> Callable[..., TaskInputs]:
        return inputs_reader(self.study)

    def _own(self, study: str, task: str) -> pd.DataFrame:
        if study == MAIN:
            return predictions(self.study, self.inputs(task))
        table = self._once((study,), lambda: study_predictions(self.study, study, self._read))
        return table[table["task"] == task].reset_index(drop=True)

    def _reference_runs(self, study: str) -> pd.DataFrame:
        runs = self.reference.runs
        return runs[runs[[*plan_columns(study)]].notna().any(axis=1)]

    def _once(self, key: tuple, make: Callable[[], T]) -> T:
        if key not in self._cache:
            self._cache[key] = make()
        return self._cache[key]


def open_runs(
    profile: str | Path | Profile = "demo",
    *,
    data_root: str | Path | None = None,
    results: str | Path = "results",
) -> Runs:
    """Open the results of a study; nothing is trained.

    Parameters
    ----------
    profile, data_root, results
        As for `rin.study.open_study`.

    Raises
    ------
    InputError
        As `open_study`; a reference run that is unknown, damaged or of other inits.
    """
    study = open_study(profile, data_root=data_root, results=results)
    if study.profile.reference is None:
        return Runs(study)
    reference = load_reference(study.profile.reference)
    if reference.facts.inits != tuple(study.profile.inits[:2]):
        raise InputError(
            f"it compares {study.profile.inits[:2]} and reference run {reference.name} "
            f"{list(reference.facts.inits)}",
            where=f"profile {study.profile.name}",
            remedy="Leave out the profile's reference, or name the same inits.",
        )
    return Runs(study, reference)


def open_reference(name: str = "open") -> Runs:
    """Open the committed reference run alone, whatever profile a book is built with.

    Raises
    ------
    InputError
        As `rin.study.reference.load_reference`.
    """
    reference = load_reference(name)
    # What was probed stands in the reference run: this study has no ledger of its own.
    told = reference.facts.profile | {"reference": name, "probe": None}
    profile = Profile.model_validate(told)
    return Runs(Study(profile, None, Path("results") / name), reference)


def _no_results(study: str, task: str, where: Study) -> InputError:
    return InputError(
        f"there are no results of {task} in the study {study}",
        where=f"profile {where.profile.name}",
        remedy="Name the folder of real images (data_root), or choose a profile that runs it.",
    )
