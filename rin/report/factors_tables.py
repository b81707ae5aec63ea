"""Tables of the page on factors: what was fed, effects on each init, and on the difference."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from rin.models.backbones import BACKBONES
from rin.models.preprocessing import Preprocessing, find_preprocessing
from rin.models.weights import resolve_contract
from rin.report.factors import LEVEL_WORDS, FactorResult, scale_ratio
from rin.report.format import MISSING, format_interval, format_number, format_p
from rin.report.style import init_style, rate_label
from rin.study.plan import OFFICIAL_CONTRACT

_POINTS = 100


def scale_table() -> pd.DataFrame:
    """Return what ImageNet weights want of each backbone beside what the scripts feed.

    Text; ranges are those that pixels from 0 to 255 become, over the three channels.
    """
    fed = find_preprocessing(OFFICIAL_CONTRACT)
    rows = []
    for backbone in BACKBONES:
        wanted = find_preprocessing(resolve_contract("imagenet", backbone))
        rows.append(
            {
                "Backbone": backbone,
                "ImageNet weights want": f"{wanted.name}: {_range(wanted)}",
                "Official scripts feed": f"{fed.name}: {_range(fed)}",
                "Times too small": f"{scale_ratio(wanted.name, fed.name):.3g}",
            }
        )
    return pd.DataFrame(rows)


def _range(contract: Preprocessing) -> str:
    ends = contract.apply(np.array([[0.0] * 3, [255.0] * 3]))
    digits = 0 if np.ptp(ends) > 100 else 2
    return f"{format_number(ends.min(), digits)} to {format_number(ends.max(), digits)}"


def effects_table(result: FactorResult, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the areas of each init at both levels and the factor's effect on it, as text.

    Parameters
    ----------
    result
        The factor.
    rows
        Its `scenarios` or its `regimes`.
    """
    find, table = finder(rows), []
    before, after = result.levels
    for one in rows[rows["quantity"] == "effect"].itertuples():
        key = (one.task, one.group)
        areas = {
            f"Area, {LEVEL_WORDS[level]}": _area(find(*key, "area", one.init, level))
            for level in (before, after)
        }
        table.append(
            {"Task": result.titles[one.task], "Scenario": one.label}
            | _means(rows, one.n_scenarios)
            | {"Init": init_style(one.init).short}
            | areas
            | _tested("Effect", one)
            | _sizes(one)
        )
    return pd.DataFrame(table)


def change_table(result: FactorResult, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the difference between the inits at both levels, and how it changes, as text.

    Parameters
    ----------
    result, rows
        As for `effects_table`.
    """
    find, table = finder(rows), []
    for one in rows[rows["quantity"] == "interaction"].itertuples():
        differences = {
            f"Difference, {LEVEL_WORDS[level]}": _points(
                find(one.task, one.group, "difference", "", level)
            )
            for level in result.levels
        }
        table.append(
            {"Task": result.titles[one.task], "Scenario": one.label}
            | _means(rows, one.n_scenarios)
            | differences
            | _tested("Change", one)
            | _sizes(one)
        )
    return pd.DataFrame(table)


def arrow_rows(result: FactorResult, task: str) -> pd.DataFrame:
    """Return what `rin.report.figures_factors.factor_arrows` draws of a task.

    One row per scenario × init: label, unfreezing, init, before, after (areas), same (whether
    both levels gave the same scores).
    """
    own = result.scenarios[result.scenarios["task"] == task]
    find = finder(own)
    rows = [
        {
            "label": f"{one.backbone}, {rate_label(one.learning_rate)}",
            "unfreezing": one.unfreezing,
            "init": one.init,
            "before": find(task, one.group, "area", one.init, result.levels[0]).estimate,
            "after": find(task, one.group, "area", one.init, result.levels[1]).estimate,
            "same": one.same_networks,
        }
        for one in own[own["quantity"] == "effect"].itertuples()
    ]
    return pd.DataFrame(rows)


def forest_rows(result: FactorResult, task: str) -> pd.DataFrame:
    """Return what `rin.report.figures_factors.effects_forest` draws of a task, in points.

    One row per mean and quantity: label, kind (an init, or `difference`), estimate, low, high.
    Effects that are no comparison, because both levels gave the same scores, are left out.
    """
    own = result.regimes[result.regimes["task"] == task]
    own = own[own["quantity"].isin(["effect", "interaction"]) & ~own["same_networks"]]
    return pd.DataFrame(
        {
            "label": own["label"],
            "kind": own["init"].where(own["quantity"] == "effect", "difference"),
            "estimate": _POINTS * own["estimate"],
            "low": _POINTS * own["ci_low"],
            "high": _POINTS * own["ci_high"],
        }
    ).reset_index(drop=True)


def finder(rows: pd.DataFrame) -> Callable[..., pd.Series]:
    """Return a look-up of one row by task, group, quantity, init and level."""
    keys = ["task", "group", "quantity", "init", "level"]
    indexed = rows.set_index(keys)
    return lambda task, group, quantity, init="", level="": indexed.loc[
        (task, group, quantity, init, level)
    ]


def _means(rows: pd.DataFrame, n: int) -> dict[str, str]:
    return {"Mean of": f"{n}"} if "learning_rate" not in rows else {}


def _area(row: pd.Series) -> str:
    low, high = np.clip([row["ci_low"], row["ci_high"]], 0, 1)
    return f"{format_number(row['estimate'])} {format_interval(low, high)}"


def _points(row: pd.Series) -> str:
    low, high = _POINTS * row["ci_low"], _POINTS * row["ci_high"]
    value = format_number(_POINTS * row["estimate"], 1, signed=True)
    return f"{value} {format_interval(low, high, 1)}"


def _tested(name: str, one: object) -> dict[str, str]:
    """Return an effect with its interval and P values; equal scores have none."""
    columns = [f"{name}, points", "95% CI", "P", "P, Holm"]
    if one.same_networks:
        return dict(zip(columns, ["same scores", MISSING, MISSING, MISSING], strict=True))
    cells = [
        format_number(_POINTS * one.estimate, 1, signed=True),
        format_interval(_POINTS * one.ci_low, _POINTS * one.ci_high, 1),
        format_p(one.p_value),
        format_p(one.p_holm),
    ]
    return dict(zip(columns, cells, strict=True))


def _sizes(one: object) -> dict[str, str]:
    return {
        "Test images (positive)": f"{one.n:,} ({one.n_positive:,})",
        "Patients": f"{one.n_clusters:,}",
    }
