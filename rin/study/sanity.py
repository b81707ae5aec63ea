"""Do maps depend on what a network has learnt?  Runs record their maps as weights go random.

A run that is asked to, by its `sanity_cases`, compares the maps of some test cases with lesions
before and after each step of the cascade (`rin.training.cascade`); what was recorded is read back
here, and its means over cases have intervals over patients.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rin.data.store import ImageStore
from rin.errors import InputError
from rin.explain.sanity import MEASURES, similarity_table
from rin.stats.bootstrap import cluster_weights, percentile_interval
from rin.study.plan import Run, plan_runs, runs_table
from rin.study.setting import Study, TaskInputs

if TYPE_CHECKING:
    from rin.training.trainer import CompiledBlock

SANITY_TABLE = "sanity.parquet"


def sanity_rows(run: Run, store: ImageStore, test: np.ndarray) -> np.ndarray:
    """Return which rows of a store a run records: its first test cases with a lesion.

    Parameters
    ----------
    test
        Rows of the test part.

    Raises
    ------
    InputError
        When no test case has a lesion.
    """
    if not run.sanity_cases:
        return test[:0]
    masks = store.masks()
    marked = [row for row in test if masks[row].any()]
    if not marked:
        raise InputError(
            "no test case has a lesion, so there is no map to check",
            where=f"{run.task}, fold {run.fold}",
            remedy="Take more cases, or leave the sanity section out of the profile.",
        )
    return np.array(marked[: run.sanity_cases])


def record_sanity(
    run: Run, block: CompiledBlock, store: ImageStore, labels: np.ndarray, rows: np.ndarray
) -> pd.DataFrame | None:
    """Return what a run records of its trained block, or None where it records nothing.

    One row a case and step: case_id, patient_id, target (the class, 0 or 1, that the trained
    network predicts, whose map is compared), depth (0 when the head alone is random), group (the
    layers that this step put back) and the columns of `rin.explain.sanity.similarity_table`; the
    same ending in `_other` compare with the next recorded case, the last with the first: what
    maps of one class share whatever the image.

    Parameters
    ----------
    block
        Trained; left as it was.
    labels
        int labels of all cases of the store.
    rows
        As `sanity_rows` returns them.
    """
    if not len(rows):
        return None
    from rin.training.batches import Part
    from rin.training.cascade import cascade_maps

    part, each = Part(store.images(), labels, rows), np.arange(len(rows))
    target = block.predict(part, run.settings.batch)[0].argmax(axis=1)
    cascade = cascade_maps(block, part, run.settings.batch, run.seed)
    maps, others = (
        cascade.maps[:, cases, :, :, target].swapaxes(0, 1) for cases in (each, np.roll(each, -1))
    )
    named = store.cases.iloc[rows][["case_id", "patient_id"]].reset_index(drop=True)
    tables = []
    for depth, group in enumerate(cascade.groups):
        own = similarity_table(maps[0], maps[1 + depth], run.settings.size)
        other = similarity_table(maps[0], others[1 + depth], run.settings.size).add_suffix("_other")
        other = other if len(rows) > 1 else other * np.nan
        steps = named.assign(target=target, depth=depth, group=group)
        tables.append(pd.concat([steps, own, other], axis=1))
    return pd.concat(tables, ignore_index=True)


_STEP = ["task", "init", "backbone", "depth", "group"]


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
        table = study.runs.read(run_id, SANITY_TABLE, pd.read_parquet)
        for position, (column, value) in enumerate(named.items()):
            table.insert(position, column, value)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


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
