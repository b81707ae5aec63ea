"""The sanity check in tables and sentences: how much of a map outlives what was learnt.

Means over cases with intervals over patients, from what the runs recorded; nothing is trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rin.errors import InputError
from rin.explain.sanity import MEASURES
from rin.report.format import MISSING, format_estimate, format_interval, format_number
from rin.report.style import init_style
from rin.stats.bootstrap import cluster_weights, percentile_interval

if TYPE_CHECKING:
    from rin.report.across import Images

_CELL = ["task", "init", "backbone", "depth", "group"]


def similarity_summary(
    table: pd.DataFrame, *, replicates: int = 2000, seed: int = 0
) -> pd.DataFrame:
    """Return the mean of every measure over the cases of each step, with an interval.

    Parameters
    ----------
    table
        As `rin.study.sanity_table` returns it.
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
    for key, cell in table.groupby(_CELL, sort=False):
        for measure in MEASURES:
            known = cell.dropna(subset=[measure])
            both = known.dropna(subset=[f"{measure}_other"])
            excess = both[measure] - both[f"{measure}_other"]
            draw = (replicates, seed)
            rows.append(
                dict(zip(_CELL, key, strict=True))
                | {"measure": measure, "mean": known[measure].mean()}
                | _interval(known[measure], known["patient_id"], "", *draw)
                | {"other": cell[f"{measure}_other"].mean(), "excess": excess.mean()}
                | _interval(excess, both["patient_id"], "excess_", *draw)
                | {
                    "n": len(known),
                    "n_cases": len(cell),
                }
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


def last_step(summary: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the last step of each cascade: every layer is random."""
    cell = ["task", "init", "backbone", "measure"]
    return summary[summary["depth"] == summary.groupby(cell)["depth"].transform("max")]


def survival_table(summary: pd.DataFrame) -> pd.DataFrame:
    """Return, as text, what is left of the maps when every layer is random."""
    rows = []
    for (init, backbone), cell in last_step(summary).groupby(["init", "backbone"], sort=False):
        found = cell.set_index("measure")
        texts = {MEASURES[m]: _mean_text(found.loc[m]) for m in MEASURES}
        rows.append({"Init": init_style(init).short, "Backbone": backbone} | texts)
    return pd.DataFrame(rows)


def _mean_text(row: pd.Series) -> str:
    if not row["n"]:
        return f"{MISSING} (0 of {row['n_cases']})"
    mean = f"{format_number(row['mean'])} {format_interval(row['low'], row['high'])}"
    excess = format_estimate(row["excess"], row["excess_low"], row["excess_high"], 2)
    return f"{mean}; excess {excess}; {row['n']} of {row['n_cases']}"


def survival_reading(
    summary: pd.DataFrame, measure: str, inits: Sequence[str], images: Images
) -> str:
    """Return the sentences that read one measure of one task.

    What is left with every layer random is set beside the same measure against the map of another
    image, as averages over networks; the intervals of each stand in the table.
    """
    rows = summary[summary["measure"] == measure]
    texts = [_init_sentence(rows[rows["init"] == init], measure, init) for init in inits]
    return images.caution + " ".join(texts)


def _init_sentence(rows: pd.DataFrame, measure: str, init: str) -> str:
    name, (first, last) = init_style(init).short, (rows[rows["depth"] == 0], last_step(rows))
    called = MEASURES[measure].lower().replace("dice", "Dice")
    if not last["n"].sum():
        return f"{name}: no map of random weights has a {called}."
    ends = last.dropna(subset=["excess_low", "excess_high"])
    beyond = int((ends["excess_low"] > 0).sum())
    return (
        f"{name}: {called} with the trained network's map is {format_number(first['mean'].mean())} "
        f"once the head is random and {format_number(last['mean'].mean())} once every layer is, "
        f"and {format_number(last['other'].mean())} with another image's. The interval of the "
        f"excess over another image lies above zero in {beyond} of {len(ends)} networks."
    )
