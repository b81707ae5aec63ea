"""Choosing the cases that the Grad-CAM panel shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from rin.errors import InputError


@dataclass(frozen=True)
class Examples:
    """Cases to show, with what each init makes of them.

    Attributes
    ----------
    cases
        `case_id` and, per init, `score_<init>`: probability of the positive class.
    maps
        From init to the map of the predicted class, float32 (n, h, w), before ReLU.
    """

    cases: pd.DataFrame
    maps: Mapping[str, np.ndarray]


def most_accurate_scenario(runs: Sequence[tuple[pd.DataFrame, np.ndarray]]) -> str:
    """Return the scenario with the largest share of right calls over all inits and folds.

    Parameters
    ----------
    runs
        Pairs as `rin.study.cam_arrays` yields them.
    """
    rows = pd.concat([rows for rows, _ in runs])
    return rows.assign(right=_right(rows)).groupby("scenario")["right"].mean().idxmax()


def example_cases(
    runs: Sequence[tuple[pd.DataFrame, np.ndarray]],
    scenario: str,
    inits: Sequence[str],
    eligible: set[str],
    *,
    per_class: int = 2,
) -> Examples:
    """Choose test cases of the first fold; those that every init calls rightly come first.

    Parameters
    ----------
    runs
        Pairs as `rin.study.cam_arrays` yields them.
    scenario
        Scenario shown.
    inits
        Inits shown, one run of the scenario each.
    eligible
        Cases that may be shown, such as those with a lesion.
    per_class
        Cases of each class, the positive one first; fewer where there are not enough.

    Raises
    ------
    InputError
        When no test case is eligible.
    """
    first_fold = min(rows["fold"].iloc[0] for rows, _ in runs)
    shown = {
        rows["init"].iloc[0]: (rows.reset_index(drop=True), maps)
        for rows, maps in runs
        if (rows["scenario"].iloc[0], rows["fold"].iloc[0]) == (scenario, first_fold)
    }
    tables = [shown[init][0] for init in inits]
    agreed = np.logical_and.reduce([_right(table) for table in tables])
    order = tables[0].assign(agreed=agreed)
    order = order[order["case_id"].isin(eligible)]
    order = order.sort_values(["label", "agreed"], ascending=False, kind="stable")
    places = order.groupby("label", sort=False).head(per_class).index.to_numpy()
    if not len(places):
        raise InputError(
            "no test case of the first fold has a lesion",
            where="eligible",
            remedy="Use a profile with more cases.",
        )
    cases = tables[0].loc[places, ["case_id"]].reset_index(drop=True)
    chosen_maps = {}
    for init, table in zip(inits, tables, strict=True):
        scores = table.loc[places, "score"].to_numpy()
        cases[f"score_{init}"] = scores
        chosen_maps[init] = shown[init][1][places, :, :, (scores > 0.5).astype(int)]
    return Examples(cases, chosen_maps)


def _right(rows: pd.DataFrame) -> np.ndarray:
    return ((rows["score"] > 0.5) == (rows["label"] == 1)).to_numpy()
