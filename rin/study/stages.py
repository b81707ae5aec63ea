"""All stages of a study, one after the other, and the consolidation of their results."""

import pandas as pd

from rin.study import fine_tuning, loss_study, pretraining, probe_study
from rin.study.consolidate import consolidate
from rin.study.executors import one_bar
from rin.study.forecast import expected_runs, plan_stages
from rin.study.plan import plan_all
from rin.study.released import check_released
from rin.study.workspace import Workspace, check_inputs


def run_study(workspace: Workspace, *, retrain: bool = False) -> pd.DataFrame:
    """Train all unfinished runs of a study, and consolidate the results.

    Runs are those of pretraining, the probe, fine-tuning and the comparison of losses.  There is
    one progress bar; the function may be killed at any time and called again.

    Parameters
    ----------
    workspace : as returned by `open_workspace`
    retrain : train runs again if their code was not shown to train as today's does

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
    check_inputs(workspace)
    check_released(workspace)
    if retrain:
        for name, runs in plan_stages(workspace).items():
            workspace.ledger(name).set_aside_of_other_code(runs)
    expected = expected_runs(workspace.profile)
    with one_bar(sum(expected.values())) as bar:
        pretraining.run_pretraining(workspace)
        if workspace.profile.probe is not None:
            probe_study.run_probe(workspace)
        planned = plan_all(workspace)  # which runs are shared is known once there are weights
        bar.total += len(planned) - expected["fine-tuning"]
        table = fine_tuning.run_missing(workspace, planned)
        if workspace.profile.losses is not None:
            loss_study.run_losses(workspace)
    consolidate(workspace)
    return table


def run_fine_tuning(workspace: Workspace) -> pd.DataFrame:
    """Train the unfinished runs of every study of a profile, and consolidate the results.

    Return one row per run.
    """
    table = fine_tuning.run_missing(workspace, plan_all(workspace))
    consolidate(workspace)
    return table
