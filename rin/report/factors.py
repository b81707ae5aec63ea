"""One factor of a study, worked out for its page: areas, effects, and what was fed.

The functions of this page take predictions, whether of this run or of a committed one, so that
both are shown alike.  Every number comes from `rin.stats.interaction`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from rin.errors import InputError
from rin.models.preprocessing import find_preprocessing
from rin.report.format import task_title
from rin.report.style import UNFREEZING_LABEL, condition_label
from rin.report.tidy import with_conditions
from rin.stats.interaction import factor_effects
from rin.study import TaskInputs
from rin.study.factors import FACTORS

#: How pages say the levels of a factor.
LEVEL_WORDS = {
    "native": "own inputs",
    "official_scripts": "scripts' inputs",
    "stretch": "stretched",
    "pad": "padded",
}
#: The same within a sentence.
LEVEL_PHRASES = {
    "native": "with the weights' own inputs",
    "official_scripts": "with the scripts' inputs",
    "stretch": "with stretched images",
    "pad": "with padded images",
}
#: How sentences say which layers are trained.
REGIME_WORDS = {
    "unfreeze_all": "all layers unfrozen",
    "unfreeze_top10": "top 10 layers unfrozen",
    "freeze_all": "all layers frozen",
}
ALL = "all"


@dataclass(frozen=True)
class FactorResult:
    """One factor on all of its tasks.

    Attributes
    ----------
    factor, levels, inits
        Effects are of the second level over the first, differences of the first init over the
        second.
    titles
        Of the tasks, by name.
    stand_ins
        Names of the tasks whose images are stand-ins.
    contracts
        One row per init × backbone × level: `contract`, the inputs in effect.
    scenarios
        `rin.stats.interaction.factor_effects` of every scenario alone, with `label`, `backbone`,
        `unfreezing` and `learning_rate`.
    regimes
        The same of means over the scenarios of a backbone that unfreeze alike, and over all of
        a backbone (`unfreezing` is `ALL`).
    """

    factor: str
    levels: tuple[str, str]
    inits: tuple[str, str]
    titles: Mapping[str, str]
    stand_ins: frozenset[str]
    contracts: pd.DataFrame
    scenarios: pd.DataFrame
    regimes: pd.DataFrame

    def shares_runs(self, init: str) -> bool:
        """Tell whether both levels give an init the same scores everywhere, as one run does."""
        own = self.scenarios[self.scenarios["quantity"] == "effect"]
        return bool(own.loc[own["init"] == init, "same_networks"].all())


def task_titles(inputs: Mapping[tuple[str, str], TaskInputs]) -> dict[str, str]:
    """Return the title of every task of `rin.study.factors.factor_inputs`, by name."""
    return {task: task_title(one.task) for (_, task), one in inputs.items()}


def stand_in_tasks(inputs: Mapping[tuple[str, str], TaskInputs]) -> set[str]:
    """Return the names of the tasks whose images are stand-ins."""
    return {task for (_, task), one in inputs.items() if one.provenance != "real"}


def factor_result(
    predictions: pd.DataFrame,
    inits: tuple[str, str],
    titles: Mapping[str, str],
    *,
    stand_ins: Collection[str] = (),
) -> FactorResult:
    """Work out one factor from its predictions.

    Parameters
    ----------
    predictions
        As `rin.study.factors.run_factor` returns, of one factor.
    inits
        (a, b): differences are a − b.
    titles
        Of the tasks in the predictions, by name.
    stand_ins
        Names of the tasks whose images are stand-ins.

    Raises
    ------
    InputError
        Predictions of no factor, of several, or of an unknown one; a task without title; scores
        that are missing or do not belong together (see `factor_effects`).
    """
    factor = _one_factor(predictions)
    if nameless := sorted(set(predictions["task"]) - set(titles)):
        raise InputError(
            f"no title for {', '.join(nameless)}", where="titles", remedy="Name every task."
        )
    conditions = with_conditions(predictions[["scenario"]].drop_duplicates())
    groups = _groups(conditions)
    means = factor_effects(
        predictions, inits, FACTORS[factor],
        groups={name: members for name, (_, _, members) in groups.items()},
    )  # fmt: skip
    means["backbone"] = [groups[name][0] for name in means["group"]]
    means["unfreezing"] = [groups[name][1] for name in means["group"]]
    alone = factor_effects(predictions, inits, FACTORS[factor])
    fed = ["init", "backbone", "level", "contract"]
    shown = predictions["init"].isin(inits)
    return FactorResult(
        factor,
        FACTORS[factor],
        inits,
        {task: titles[task] for task in predictions["task"].unique()},
        frozenset(stand_ins) & set(predictions["task"]),
        predictions.loc[shown, fed].drop_duplicates().reset_index(drop=True),
        _in_order(alone.assign(scenario=alone["group"]), "scenario"),
        means.assign(label=means["group"]),
    )


def _one_factor(predictions: pd.DataFrame) -> str:
    columns = ["factor", "level", "contract"]
    missing = [name for name in columns if name not in predictions]
    found = [] if missing else predictions["factor"].unique().tolist()
    if len(found) != 1 or found[0] not in FACTORS:
        raise InputError(
            f"columns {missing} are missing" if missing else f"factors {found}",
            where="predictions",
            remedy=f"Pass the predictions of one factor: {', '.join(FACTORS)}.",
        )
    return found[0]


def _in_order(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return rows in the order of the study's conditions, with what a reader calls each."""
    ordered = with_conditions(table).sort_values("task", kind="stable", ignore_index=True)
    labels = [
        f"{row.backbone}, {condition_label(row.unfreezing, row.learning_rate)}"
        for row in ordered.itertuples()
    ]
    return ordered.drop(columns=name).assign(label=labels)


def _groups(conditions: pd.DataFrame) -> dict[str, tuple[str, str, list[str]]]:
    """Return the scenarios whose mean is asked for: a name, backbone, regime and members."""
    groups = {}
    for backbone, own in conditions.groupby("backbone", sort=False):
        for unfreezing, some in own.groupby("unfreezing", sort=False):
            name = f"{backbone}, {UNFREEZING_LABEL[unfreezing]}"
            groups[name] = (backbone, unfreezing, some["scenario"].tolist())
        if own["unfreezing"].nunique() > 1:
            groups[f"{backbone}, every regime"] = (backbone, ALL, own["scenario"].tolist())
    if conditions["backbone"].nunique() > 1:
        groups["every backbone"] = (ALL, ALL, conditions["scenario"].tolist())
    return groups


def scale_ratio(wanted: str, fed: str) -> float:
    """Return how many times smaller inputs under one contract are than under another.

    The mean over channels of the ratio of their scales: 255 for `caffe` fed as `caffe_unit`.

    Parameters
    ----------
    wanted, fed
        Names of contracts in `rin.models.preprocessing`.

    Raises
    ------
    InputError
        For an unknown contract.

    Notes
    -----
    Checked against the spread of pixels that pass through both contracts.
    """
    scales = (np.asarray(find_preprocessing(name).scale) for name in (wanted, fed))
    one, other = scales
    return float(np.mean(one / other))
