"""The reader's own study, to stand beside a reference run: what it found, or what it lacks."""

from __future__ import annotations

from dataclasses import dataclass

from rin.report.analyses import TaskAnalyses, all_analyses
from rin.study import Study, task_inputs
from rin.study.plan import plan_runs
from rin.study.pretraining_plan import plan_pretraining
from rin.study.reference import ReferenceRun


@dataclass(frozen=True)
class OwnRun:
    """What the reader's own study found.

    Attributes
    ----------
    profile
        Its name.
    found
        Its tasks under every analysis; none while runs are missing.
    missing
        Number of runs that are not finished.
    same
        Whether its runs are those of the reference run.
    """

    profile: str
    found: list[TaskAnalyses]
    missing: int
    same: bool


def own_run(study: Study, reference: ReferenceRun | None = None) -> OwnRun:
    """Return what the reader's own study found, or how many of its runs are missing."""
    earlier = [run.run_id for run in plan_pretraining(study)]
    missing = len(earlier) - study.weights.count(earlier)
    if missing:  # what is fine-tuned is known once weights are
        return OwnRun(study.profile.name, [], missing, False)
    inputs = {task: task_inputs(study, task) for task in study.profile.tasks}
    ids = [run.run_id for one in inputs.values() for run in plan_runs(study, one)]
    missing = len(ids) - study.runs.count(ids)
    if missing:
        return OwnRun(study.profile.name, [], missing, False)
    of_grid = reference.runs["run_id"][reference.runs["grid"].notna()] if reference else []
    found = list(all_analyses(study, inputs))
    return OwnRun(study.profile.name, found, 0, set(ids) == set(of_grid))
