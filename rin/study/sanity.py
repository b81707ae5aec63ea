"""Do maps depend on what a network has learnt?  Runs record their maps as weights go random.

A run that is asked to, by its `sanity_cases`, compares the maps of some test cases with lesions
before and after each step of the cascade (`rin.training.cascade`); `rin.study.run.sanity_table`
reads that back, and its means over cases have intervals over patients.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rin.data.store import ImageStore
from rin.errors import InputError
from rin.explain.sanity import MEASURES, similarity_table
from rin.stats.bootstrap import cluster_weights, percentile_interval
from rin.study.plan import Run

if TYPE_CHECKING:
    from rin.training.trainer import CompiledBlock

SANITY_TABLE = "sanity.parquet"
_STEP = ["task", "init", "backbone", "depth", "group"]


def sanity_rows(run: Run, store: ImageStore, test: np.ndarray) -> np.ndarray:
    """Return which rows of a store a run records: the first of `test` with a lesion.

    `InputError` when no test case has a lesion.
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
    """Return what a run records of its trained block, which is left as it was; None without rows.

    One row a case and step: case_id, patient_id, target (the class, 0 or 1, that the trained
    network predicts, whose map is compared), depth (0 when the head alone is random), group (the
    layers that this step put back) and the columns of `rin.explain.sanity.similarity_table`; the
    same ending in `_other` compare with the next recorded case, the last with the first: what
    maps of one class share whatever the image.  `labels` are those of all cases of the store.
    """
    if not len(rows):
        return None
    from rin.training.batches import Part
    from rin.training.cascade import cascade_maps

    part, each = Part(store.images(), labels, rows), np.arange(len(rows))
    target = block.predict(part, run.settings.batch)[0].argmax(axis=1)
    groups, found = cascade_maps(block, part, run.settings.batch, run.seed)
    maps, others = (
        found[:, cases, :, :, target].swapaxes(0, 1) for cases in (each, np.roll(each, -1))
    )
    named = store.cases.iloc[rows][["case_id", "patient_id"]].reset_index(drop=True)
    tables = []
    for depth, group in enumerate(groups):
        own = similarity_table(maps[0], maps[1 + depth], run.settings.size)
        other = similarity_table(maps[0], others[1 + depth], run.settings.size).add_suffix("_other")
        other = other if len(rows) > 1 else other * np.nan
        steps = named.assign(target=target, depth=depth, group=group)
        tables.append(pd.concat([steps, own, other], axis=1))
    return pd.concat(tables, ignore_index=True)


def similarity_summary(table: pd.DataFrame, *, seed: int, replicates: int = 2000) -> pd.DataFrame:
    """Return the mean of every measure over the cases of each step, with an interval.

    `table` is that of `rin.study.run.sanity_table`; InputError when it is empty.

    Returns
    -------
    pandas.DataFrame
        One row per task, init, backbone, depth, group and measure: `mean`, `low`, `high` (95%
        percentile interval, patients resampled whole; NaN with fewer than two), `other` (mean of
        the comparisons with another image), `excess`, `excess_low`, `excess_high` (mean of the
        differences of the two, with its interval), `n` (cases in which the measure is defined;
        others are left out) and `n_cases`.
    """
    if table.empty:
        raise InputError("there is no row", where="table", remedy="Record a sanity check first.")
    rows = []
    for key, step in table.groupby(_STEP, sort=False):
        for measure in MEASURES:
            known = step.dropna(subset=[measure])
            both = known.dropna(subset=[f"{measure}_other"])
            excess = both[measure] - both[f"{measure}_other"]
            low, high = _interval(known[measure], known["patient_id"], replicates, seed)
            excess_low, excess_high = _interval(excess, both["patient_id"], replicates, seed)
            found = {
                "measure": measure,
                "mean": known[measure].mean(),
                "low": low,
                "high": high,
                "other": step[f"{measure}_other"].mean(),
                "excess": excess.mean(),
                "excess_low": excess_low,
                "excess_high": excess_high,
                "n": len(known),
                "n_cases": len(step),
            }
            rows.append(dict(zip(_STEP, key, strict=True)) | found)
    return pd.DataFrame(rows)


def _interval(
    values: pd.Series, patients: pd.Series, replicates: int, seed: int
) -> tuple[float, float]:
    if patients.nunique() < 2:
        return np.nan, np.nan
    weights = cluster_weights(patients, replicates, seed).astype(float)
    return percentile_interval(weights @ values.to_numpy() / weights.sum(axis=1))
