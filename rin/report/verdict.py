"""The one standard verdict on a difference of two initialisations, in five cases."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from rin.report.format import format_estimate
from rin.report.style import init_style
from rin.stats import equivalence_tests

#: Mean AUC and its SD over scenarios, of each arm.
AUCS = ["auc_a", "sd_a", "auc_b", "sd_b"]
#: Mean AUC that both arms must reach before a difference counts as excluded.
LEARNT = 0.70
#: Difference of AUCs (0-1) that is excluded, and level of all tests, which are Holm's.
MARGIN = 0.05
LEVEL = 0.05


def add_verdicts(rows: pd.DataFrame, networks: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return estimates, all of one family, with AUCs of both arms, `excluded` and `verdict`.

    `rows` is a table of `rin.stats.pairwise_differences`, which also gets the `pair` in words; or
    one row per task, as of `rin.stats.pretraining_differences`, and `networks` a table of
    `rin.stats.init_differences`, for the AUCs.  `excluded` says whether a difference of the
    `MARGIN` is excluded (two one-sided tests, Holm), by arms that both reach an AUC of `LEARNT`.
    """
    table = rows.reset_index(drop=True)
    if networks is not None:
        arms = networks[networks["group"] == "all"].filter(["task", *AUCS])
        table = rows.drop(columns=AUCS, errors="ignore").merge(arms, on="task")
    if {"a", "b"} <= {*table}:
        words = table[["a", "b"]].map(lambda init: init_style(init).word)
        table["pair"] = words["a"] + " − " + words["b"]
    within = equivalence_tests(table, [MARGIN])["p_holm"].to_numpy() < LEVEL
    table["excluded"] = within & (table[["auc_a", "auc_b"]].min(axis=1) >= LEARNT)
    table["verdict"] = [verdict(row) for _, row in table.iterrows()]
    return table


def verdict(row: Mapping[str, Any] | pd.Series) -> str:
    """Return the verdict on a row with estimate, p_holm, excluded, auc_a and auc_b.

    One of: ahead, behind (the first arm, adjusted P below .05), within 5 points (a difference of
    the `MARGIN` is excluded), too little learnt (an arm below `LEARNT`), not clear.
    """
    if row["p_holm"] < LEVEL:
        return "ahead" if row["estimate"] > 0 else "behind"
    if row["excluded"]:
        return f"within {100 * MARGIN:.0f} points"
    return "too little learnt" if min(row["auc_a"], row["auc_b"]) < LEARNT else "not clear"


def points(row: Any) -> str:
    """Return a difference as a sentence has it: ``+2.7 points (0.9, 4.4)``."""
    return format_estimate(row, unit="points").replace(" ", " points ", 1)


def includes_zero(rows: Any) -> Any:
    """Return whether the interval of an estimate includes zero; for a table, one for each row."""
    return (rows["ci_low"] < 0) & (rows["ci_high"] > 0)
