"""Reading what the runs of the sanity check recorded: do maps depend on what was learnt?

The runs are those of the grid that the profile's `sanity` section names; nothing is trained here.
Means over cases have intervals over patients.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from rin.errors import InputError, unknown
from rin.explain.sanity import MEASURES
from rin.stats.bootstrap import cluster_weights, percentile_interval
from rin.study.plan import plan_runs, runs_table
from rin.study.sanity_recording import MAPS, TABLE
from rin.study.setting import Study, TaskInputs

#: The first step of every strip of maps; the others are the groups of the table.
TRAINED = "trained"
_STEP = ["task", "init", "backbone", "depth", "group"]


@dataclass(frozen=True)
class SanityMaps:
    """Maps of some cases of one run, as its weights go random.

    Attributes
    ----------
    scenario
        Name of the run's scenario.
    case_ids, targets
        The cases, and the class (0 or 1) whose map is shown.
    steps
        "trained", then the group of layers that each step put back.
    maps
        float32 (steps, cases, h, w), before the ReLU.
    """

    scenario: str
    case_ids: tuple[str, ...]
    targets: tuple[int, ...]
    steps: tuple[str, ...]
    maps: np.ndarray


def sanity_table(study: Study, inputs: TaskInputs) -> pd.DataFrame:
    """Return how similar maps stay to those of the trained network, tidy.

    Columns: those that name a run, as in `rin.study.predictions`; case_id, patient_id, target,
    depth (0 when the head alone is random), group (the layers put back last), spearman,
    spearman_absolute, ssim and dice (see `rin.explain.sanity.similarity_table`), and the same with
    the map of another image in place of the case's own, ending in `_other`.

    Raises
    ------
    InputError
        When the profile or the task has no such runs, or they are not finished.
    """
    tables = []
    for run_id, named in _recorded(study, inputs).to_dict("index").items():
        table = study.runs.read(run_id, TABLE, pd.read_parquet)
        for position, (column, value) in enumerate(named.items()):
            table.insert(position, column, value)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def sanity_maps(study: Study, inputs: TaskInputs, init: str, backbone: str) -> SanityMaps:
    """Return the maps that were kept for pictures, of the first scenario of a backbone.

    Raises
    ------
    InputError
        As for `sanity_table`, and for an init or backbone that recorded nothing.
    """
    runs = _recorded(study, inputs)
    for column, value in (("init", init), ("backbone", backbone)):
        if value not in set(runs[column]):
            raise unknown(column, value, sorted(set(runs[column])))
    run = runs[(runs["init"] == init) & (runs["backbone"] == backbone)].iloc[0]
    table = study.runs.read(run.name, TABLE, pd.read_parquet)
    maps = study.runs.read(run.name, MAPS, np.load)
    cases = table[table["depth"] == 0].iloc[: maps.shape[1]]
    return SanityMaps(
        run["scenario"],
        tuple(cases["case_id"]),
        tuple(cases["target"].tolist()),
        (TRAINED, *table.drop_duplicates("depth")["group"]),
        maps,
    )


def similarity_summary(
    table: pd.DataFrame, *, replicates: int = 2000, seed: int = 0
) -> pd.DataFrame:
    """Return the mean of every measure over the cases of each step, with an interval.

    Parameters
    ----------
    table
        As `sanity_table` returns it.
    replicates, seed
        Of the bootstrap over patients.

    Returns
    -------
    pandas.DataFrame
        One row per task, init, backbone, depth, group and measure: `mean`, `low`, `high` (95%
        percentile interval, patients resampled whole; NaN with fewer than two), `other` (mean of
        the comparisons with another image), `excess`, `excess_low`, `excess_high` (mean of the
        differences of the two, with its interval), `n` (cases in which the measure is defined) and
        `n_cases`.  Cases in which it is not are left out.

    Raises
    ------
    InputError
        When the table is empty.

    Notes
    -----
    The mean is checked against pandas, the interval against `scipy.stats.bootstrap` where every
    patient has one case.
    """
    if table.empty:
        raise InputError("there is no row", where="table", remedy="Record a sanity check first.")
    rows = []
    for key, step in table.groupby(_STEP, sort=False):
        for measure in MEASURES:
            known = step.dropna(subset=[measure])
            both = known.dropna(subset=[f"{measure}_other"])
            excess = both[measure] - both[f"{measure}_other"]
            rows.append(
                dict(zip(_STEP, key, strict=True))
                | {"measure": measure, "mean": known[measure].mean()}
                | _interval(known[measure], known["patient_id"], "", replicates, seed)
                | {"other": step[f"{measure}_other"].mean(), "excess": excess.mean()}
                | _interval(excess, both["patient_id"], "excess_", replicates, seed)
                | {"n": len(known), "n_cases": len(step)}
            )
    return pd.DataFrame(rows)


def _interval(
    values: pd.Series, patients: pd.Series, name: str, replicates: int, seed: int
) -> dict[str, float]:
    ends = np.nan, np.nan
    if patients.nunique() > 1:
        weights = cluster_weights(patients, replicates, seed).astype(float)
        ends = percentile_interval(weights @ values.to_numpy() / weights.sum(axis=1))
    return {f"{name}low": ends[0], f"{name}high": ends[1]}


def _recorded(study: Study, inputs: TaskInputs) -> pd.DataFrame:
    """Return the runs that record, as `runs_table`; all are finished."""
    runs = [run for run in plan_runs(study, inputs) if run.sanity_cases]
    if not runs:
        raise InputError(
            f"no run of {inputs.task.name} records maps under random weights",
            where=f"profile {study.profile.name}",
            remedy="Give it a sanity section, and a task whose images have lesion masks.",
        )
    missing = [run.run_id for run in runs if not study.runs.has(run.run_id)]
    if missing:
        raise InputError(
            f"{len(missing)} of {len(runs)} runs of {inputs.task.name} are not finished",
            where=study.runs.folder,
            remedy="Run the fine-tuning notebook of this profile; it goes on where it stopped.",
        )
    return runs_table(runs)
