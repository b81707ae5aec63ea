"""What the page on random weights shows: each pretraining against none.

Areas per fold and over all test cases, paired DeLong tests, and sentences that read them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from rin.errors import InputError
from rin.report.format import (
    format_estimate,
    format_interval,
    format_number,
    format_p,
    task_title,
)
from rin.report.style import FAINT, INK, init_style
from rin.stats import auc_ci, compare_inits, holm, scenario_aucs
from rin.study import TaskInputs
from rin.study.from_random import RANDOM

if TYPE_CHECKING:
    from IPython.display import Markdown

_POINTS = 100


def areas_over_folds(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the AUC of every task, scenario and init over the test cases of all its folds.

    Parameters
    ----------
    predictions
        As `rin.study.predictions`; the test sets of folds are disjoint.

    Returns
    -------
    pandas.DataFrame
        task, scenario, init, auc, ci_low, ci_high (DeLong), n, n_positive, n_patients, and
        `folds`: the AUC of each fold, a tuple.
    """
    by_fold, rows = scenario_aucs(predictions), []
    keys = ["task", "scenario", "init"]
    for key, cases in predictions[predictions["part"] == "test"].groupby(keys, sort=False):
        interval = auc_ci(cases["label"], cases["score"])
        own = (by_fold[keys] == list(key)).all(axis=1)
        rows.append(
            dict(zip(keys, key, strict=True))
            | {
                "auc": interval.auc,
                "ci_low": interval.ci_low,
                "ci_high": interval.ci_high,
                "n": len(cases),
                "n_positive": int(cases["label"].sum()),
                "n_patients": cases["patient_id"].nunique(),
                "folds": tuple(by_fold.loc[own, "auc"]),
            }
        )
    return pd.DataFrame(rows)


def gains_over_random(predictions: pd.DataFrame) -> pd.DataFrame:
    """Compare every init with random weights, case by case.

    Returns
    -------
    pandas.DataFrame
        `init` and the columns of `rin.stats.compare_inits`, with `p_holm` adjusted over all rows.

    Raises
    ------
    InputError
        Predictions from random weights alone; otherwise as `compare_inits`.
    """
    inits = [init for init in predictions["init"].unique() if init != RANDOM]
    if not inits:
        raise InputError(
            "nothing to compare with random weights",
            where="predictions",
            remedy="Name another init than random in the profile.",
        )
    tables = [compare_inits(predictions, init, RANDOM).assign(init=init) for init in inits]
    table = pd.concat(tables, ignore_index=True)
    return table.assign(p_holm=holm(table["p_value"]))


def gains_table(
    gains: pd.DataFrame, areas: pd.DataFrame, inputs: Mapping[str, TaskInputs]
) -> pd.DataFrame:
    """Return the comparisons as text, one row a task, scenario and init; results come first."""
    patients = areas.set_index(["task", "scenario", "init"])["n_patients"]
    rows = []
    for one in gains.itertuples():
        difference = [_POINTS * end for end in (one.difference, one.ci_low, one.ci_high)]
        rows.append(
            {
                "Task": task_title(inputs[one.task].task),
                "Init": init_style(one.init).short,
                "AUC": format_number(one.auc_a),
                "AUC, random": format_number(one.auc_b),
                "Difference, points (95% CI)": format_estimate(*difference, 1),
                "P, Holm": format_p(one.p_holm),
                "P": format_p(one.p_value),
                "Test images (positive)": f"{one.n:,} ({one.n_positive:,})",
                "Patients": f"{patients[(one.task, one.scenario, one.init)]:,}",
                "Scenario": one.scenario,
            }
        )
    return pd.DataFrame(rows)


def from_random_panels(areas: pd.DataFrame, inputs: Mapping[str, TaskInputs]) -> list[Axes]:
    """Draw areas of every init, a panel for each task and scenario.

    Parameters
    ----------
    areas
        As `areas_over_folds` returns it.  A bar is the interval of all test cases, a dot a fold.
    """
    panels = list(areas.groupby(["task", "scenario"], sort=False))
    columns = min(2, len(panels))
    rows = -(-len(panels) // columns)
    size = (4.2 * columns, 3.2 * rows)
    axes = plt.subplots(rows, columns, figsize=size, squeeze=False, sharey=True)[1].ravel()
    for ax, ((task, scenario), table) in zip(axes, panels, strict=False):
        for place, one in enumerate(table.itertuples()):
            style = init_style(one.init)
            ax.plot([place] * 2, [one.ci_low, one.ci_high], color=style.color, linewidth=3)
            ax.plot(place, one.auc, "_", color=INK, markersize=18, markeredgewidth=2)
            beside = place + 0.16 + np.zeros(len(one.folds))
            ax.plot(beside, one.folds, "o", color=style.color, markersize=5, alpha=0.8)
        ax.axhline(0.5, color=FAINT, linewidth=1, linestyle=":")
        names = [init_style(init).short for init in table["init"]]
        ax.set(xticks=range(len(names)), xticklabels=names, xlim=(-0.5, len(names) - 0.5))
        ax.set_title(f"{task_title(inputs[task].task)}\n{scenario}", fontsize=10)
        ax.grid(axis="y")
    for ax in axes[len(panels) :]:
        ax.set_visible(False)
    for ax in axes[:: max(columns, 1)]:
        ax.set_ylabel("AUC, test images")
    return list(axes[: len(panels)])


def gains_reading(gains: pd.DataFrame, inputs: Mapping[str, TaskInputs]) -> Markdown:
    """Return the sentences that say how much each pretraining gained, and how sure that is."""
    from IPython.display import Markdown

    parts = []
    for one in gains.itertuples():
        low, high = _POINTS * one.ci_low, _POINTS * one.ci_high
        parts.append(
            f"- {init_style(one.init).short}, {task_title(inputs[one.task].task)}, "
            f"{one.scenario}: {format_number(one.auc_a)} against {format_number(one.auc_b)}, "
            f"{format_number(_POINTS * one.difference, 1, signed=True)} points "
            f"{format_interval(low, high, 1)}, {format_p(one.p_holm)} after Holm."
        )
    if any(inputs[task].provenance != "real" for task in gains["task"].unique()):
        parts.append("\nImages are stand-ins here, so these numbers are no findings.")
    return Markdown("\n".join(parts))
