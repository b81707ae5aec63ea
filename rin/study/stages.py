"""All stages of a study, one after the other, and the consolidation of their results."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from rin.errors import InputError, amount, join_first_ten, look_up
from rin.study.consolidate import consolidate
from rin.study.fine_tuning import run_missing
from rin.study.forecast import plan_finished
from rin.study.plan import plan_all, plan_networks
from rin.study.pretraining import pretrain_missing
from rin.study.profile import NETWORK_SECTIONS, numbers_of
from rin.study.released import released_files
from rin.study.workspace import Workspace, missing_inputs


def run_study(
    workspace: Workspace, *, only: Sequence[str] = (), retrain: bool = False
) -> pd.DataFrame:
    """Train all unfinished runs of a study, and consolidate the results.

    Runs are those of pretraining, the probe, fine-tuning and the comparison of losses.  The
    function may be killed at any time and called again.  Results are consolidated where all
    inputs of the whole study are there.

    Parameters
    ----------
    workspace : Workspace
        as returned by `open_workspace`
    only : sequence of str
        what is trained: `pretraining`, `probe`, `losses`, or studies with the networks that they
        start from; by default everything
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
    wrong = missing_inputs(part) or [file.problem for file in released_files(part) if file.problem]
    if wrong:
        raise InputError(
            f"{amount(len(wrong), 'inputs are missing or unreadable')} ({join_first_ten(wrong)})",
            where=f"profile {part.profile.name}",
            remedy="Give --data-root their folder, fetch them again, or remove them from the "
            "profile.",
        )
    plan_all(part, ahead=True)  # all images are opened before anything is trained
    if retrain:
        for name, runs in plan_finished(part).items():
            part.ledger(name).set_aside_of_other_code(runs)
    networks = plan_networks(part)
    for name in ("weights", "probe"):
        pretrain_missing(part, networks[name], name)
    table = run_missing(part, plan_all(part))
    pretrain_missing(part, networks["losses"], "losses")
    if not (only and missing_inputs(workspace)):  # images that others need may be missing
        consolidate(workspace)
    return table


def part_of(workspace: Workspace, only: Sequence[str]) -> Workspace:
    """Return a study with these of its studies and sections alone.

    Of the pretraining, what the studies start from stays.
    """
    if not only:
        return workspace
    profile = workspace.profile
    filters = profile.study_filters
    sections = [name for name in NETWORK_SECTIONS if getattr(profile, name)]
    for name in only:
        look_up("part of a study", name, [*sections, *filters])
    chosen = [study for name, study in filters.items() if name in only]
    changes: dict[str, Any] = {
        "studies": [study for study in profile.studies if study.name in only],
        "tasks": [task for task in profile.tasks if any(task in study.tasks for study in chosen)],
    }
    section = profile.pretraining
    if section and "pretraining" not in only:
        used = {name for study in chosen for name in (*study.backbones, *study.inits)}
        known = section.backbones or profile.backbones
        changes["pretraining"] = section.model_copy(
            update={
                "backbones": [name for name in known if name in used] or known,
                "brief": [brief for brief in section.brief if brief.name in used],
                "pretrainings": {
                    name: sorted({n for study in chosen for n in study.pretrainings.get(name, [])})
                    or numbers_of(section.pretrainings, name)
                    for name in known
                    if chosen
                },
            }
        )
    changes |= {name: None for name in ("probe", "losses") if name not in only}
    return replace(workspace, profile=profile.model_copy(update=changes))
