"""Everything that a study trains: pretraining, the grids of its tasks, every study beside them.

One plan over all fine-tuning is what one progress bar counts, what a cluster is given, and what
a reference run is written from.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from rin.study.executors import one_bar
from rin.study.factors import planned_factor_runs, studied_factors
from rin.study.from_random import from_random_inputs, planned_from_random
from rin.study.grid import run_missing
from rin.study.plan import Run, plan_runs, runs_table
from rin.study.pretraining import plan_pretraining, run_pretraining
from rin.study.probe import (
    measurement_ids,
    measurement_ledger,
    plan_probe,
    probe_ledger,
    run_probe,
)
from rin.study.scenarios import scenarios_of
from rin.study.setting import Study, TaskInputs, task_inputs


@dataclass(frozen=True)
class WholeStudy:
    """All fine-tuning runs of a study, each once, and what they read."""

    runs: list[Run]
    inputs: list[TaskInputs]


def whole_study(study: Study) -> WholeStudy:
    """List every fine-tuning run that a profile asks for.

    Raises
    ------
    InputError
        As for `rin.study.task_inputs`, and for weights that have not been pretrained yet.
    """
    inputs = [task_inputs(study, task) for task in study.profile.tasks]
    found = [(run, one) for one in inputs for run in plan_runs(study, one)]
    if study.profile.from_random is not None:
        found += planned_from_random(study, from_random_inputs(study))
    found += planned_factor_runs(study)
    runs = {run.run_id: run for run, _ in found}
    read = {id(one): one for _, one in found}
    return WholeStudy(list(runs.values()), list(read.values()))


def run_fine_tuning(study: Study) -> pd.DataFrame:
    """Run what the ledger lacks of all fine-tuning and return the table of its runs.

    Shows one progress bar; may be killed at any time and called again.

    Raises
    ------
    InputError
        When weights are missing or a run fails; the other runs are finished first.
    """
    whole = whole_study(study)
    run_missing(study, whole.runs, *whole.inputs, title="Fine-tuning")
    return runs_table(whole.runs)


def run_study(study: Study) -> pd.DataFrame:
    """Pretrain, probe and fine-tune what is missing, under one progress bar.

    May be killed at any time and called again.  Returns the table of the fine-tuning runs.

    Raises
    ------
    InputError
        As for `run_pretraining` and `run_fine_tuning`; what is finished is kept.
    """
    earlier, done = _before_fine_tuning(study)
    # Which runs are shared is known once weights are; until then each is counted apart.
    with one_bar(earlier + _at_most(study), done) as bar:
        run_pretraining(study)
        if study.profile.probe is not None:
            run_probe(study)
        whole = whole_study(study)
        finished = study.runs.count([run.run_id for run in whole.runs])
        bar.total = earlier + len(whole.runs)
        bar.update(earlier + finished - bar.n)
        run_missing(study, whole.runs, *whole.inputs, title="Fine-tuning")
    return runs_table(whole.runs)


def _before_fine_tuning(study: Study) -> tuple[int, int]:
    """Return how many runs come before fine-tuning, and how many of them are finished."""
    pretraining = [run.run_id for run in plan_pretraining(study)]
    total, done = len(pretraining), study.weights.count(pretraining)
    if study.profile.probe is None:
        return total, done
    made = [run.run_id for run in plan_probe(study)]
    measured = measurement_ids(study)
    total += len(made) + len(measured)
    return total, done + probe_ledger(study).count(made) + measurement_ledger(study).count(measured)


def _at_most(study: Study) -> int:
    """Return how many fine-tuning runs there are if no two studies share any."""
    profile, inits = study.profile, len(study.profile.inits)
    grid = profile.folds * len(profile.tasks) * len(scenarios_of(profile.backbones)) * inits
    beside = [(profile.from_random, inits + 1)] if profile.from_random else []
    beside += [(getattr(profile.factors, name), 2 * inits) for name in studied_factors(study)]
    return grid + sum(
        len(one.tasks) * len(one.scenarios) * one.folds * each for one, each in beside
    )
