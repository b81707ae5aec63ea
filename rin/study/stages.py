"""All stages of a study, one after the other, and the consolidation of their results."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from rin.errors import look_up
from rin.study import fine_tuning, loss_study, pretraining, probe_study
from rin.study.consolidate import consolidate
from rin.study.forecast import plan_finished
from rin.study.plan import plan_all
from rin.study.profile import Profile
from rin.study.released import check_released
from rin.study.workspace import Workspace, check_inputs


def run_study(
    workspace: Workspace, *, only: Sequence[str] = (), retrain: bool = False
) -> pd.DataFrame:
    """Train all unfinished runs of a study, and consolidate the results.

    Runs are those of pretraining, the probe, fine-tuning and the comparison of losses.  The
    function may be killed at any time and called again.

    Parameters
    ----------
    workspace : Workspace
        as returned by `open_workspace`
    only : sequence of str
        names of what is trained, of `trainable`; by default everything
    retrain : bool, default False
        train runs again if their code was not shown to train as today's does

    Returns
    -------
    DataFrame
        One row per fine-tuning run.

    Raises
    ------
    InputError
        For missing images or weights, before anything is trained; or if a run failed, after the
        other runs of its stage have ended.

    Examples
    --------
    >>> from rin.study import open_workspace, run_study
    >>> workspace = open_workspace("smoke")  # doctest: +SKIP
    >>> runs = run_study(workspace)
    >>> runs.index.is_unique
    True
    """
    part = part_of(workspace, only)
    check_inputs(part)
    check_released(part)
    if retrain:
        for name, runs in plan_finished(part).items():
            part.ledger(name).set_aside_of_other_code(runs)
    pretraining.run_pretraining(part)
    if part.profile.probe is not None:
        probe_study.run_probe(part)
    table = fine_tuning.run_missing(part, plan_all(part))
    if part.profile.losses is not None:
        loss_study.run_losses(part)
    consolidate(workspace)
    return table


def trainable(profile: Profile) -> list[str]:
    """Return the names of all that a profile has trained: pretraining, sections, studies."""
    sections = ("pretraining", "probe", "losses")
    return [*(name for name in sections if getattr(profile, name)), *profile.study_filters]


def part_of(workspace: Workspace, only: Sequence[str]) -> Workspace:
    """Return a study with its pretraining and these of its studies and sections alone."""
    profile = workspace.profile
    chosen = [look_up("part of a study", name, trainable(profile)) for name in only]
    if not chosen:
        return workspace
    fine_tuned = {*chosen} & {*profile.study_filters}
    changes: dict[str, Any] = {
        "studies": [study for study in profile.studies if study.name in chosen],
        "tasks": profile.tasks if fine_tuned else [],
    }
    changes |= {name: None for name in ("probe", "losses") if name not in chosen}
    return replace(workspace, profile=profile.model_copy(update=changes))


def run_fine_tuning(workspace: Workspace) -> pd.DataFrame:
    """Train the unfinished runs of every study of a profile, and consolidate the results.

    Return one row per run.
    """
    table = fine_tuning.run_missing(workspace, plan_all(workspace))
    consolidate(workspace)
    return table
