"""Sentences that read the page beyond the area, made from the numbers that they read.

A difference is called one only where its interval leaves out zero, and what has no interval is
said to have none.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pandas as pd

from rin.errors import unknown
from rin.report.beyond_tables import (
    IMBALANCED_BELOW,
    MEASURES,
    CaseCounts,
    curve_rows,
    estimate_text,
    row_of,
)
from rin.report.format import format_estimate, format_interval, format_number
from rin.report.style import init_style
from rin.stats.beyond import DIFFERENCE

if TYPE_CHECKING:
    from IPython.display import Markdown

    from rin.report.across import Images

_POINTS = 100
_INTERVAL = ["ci_low", "ci_high"]
_ROUNDING = 1e-9  # means over scenarios of equal benefits differ by less
#: How the ways of averaging ROC curves are named, the paper's words first.
METHODS = {
    "threshold": "at common thresholds",
    "rank": "at equal ranks",
    "vertical": "vertically",
}


def mean_roc_reading(areas: pd.DataFrame, inits: tuple[str, str], method: str) -> str:
    """Return how far the area under the mean curve lies from the mean of the areas.

    Parameters
    ----------
    areas
        One task of `rin.stats.roc.mean_roc_areas`: `init`, `method`, `area`, `mean_auc`, `gap`
        (area − mean_auc).
    inits
        Sources in the order of the sentence.
    method
        Key of `METHODS`.
    """
    if method not in METHODS:
        raise unknown("method", method, list(METHODS))
    rows = areas[areas["method"] == method].set_index("init")
    told = [
        f"{_name(init)}: area under the mean curve {format_number(rows.loc[init, 'area'], 3)}, "
        f"mean of the areas {format_number(rows.loc[init, 'mean_auc'], 3)} "
        f"({format_number(_POINTS * rows.loc[init, 'gap'], 1, signed=True)} points)"
        for init in inits
    ]
    return "; ".join(told) + "."


def methods_reading(areas: pd.DataFrame, inits: tuple[str, str], images: Images) -> Markdown:
    """Return by how much the way of averaging changes the difference between two mean curves."""
    from IPython.display import Markdown

    area = areas.set_index(["method", "init"])["area"]
    points = {
        words: _POINTS * (area[m, inits[0]] - area[m, inits[1]]) for m, words in METHODS.items()
    }
    told = ", ".join(f"{format_number(p, 1, signed=True)} {words}" for words, p in points.items())
    names = " − ".join(_name(init).lower() for init in inits)
    spread = format_number(max(points.values()) - min(points.values()), 1)
    return Markdown(
        f"{images.caution}The areas under the two mean curves differ ({names}, in points) by "
        f"{told}: the way of averaging alone moves the difference by {spread} points."
    )


def reliability_reading(curves: pd.DataFrame, inits: tuple[str, str]) -> str:
    """Return in how many bins the interval of a reliability curve leaves out the diagonal."""
    told = []
    for init in inits:
        rows = curve_rows(curves, "reliability", init).dropna(subset=["x", "y"])
        known = rows.dropna(subset=["low", "high"])
        off = int(((known["x"] < known["low"]) | (known["x"] > known["high"])).sum())
        text = f"{_name(init)}: in {off} of {len(known)} bins the interval leaves out the diagonal"
        if known.empty:
            text = f"{_name(init)}: no bin holds enough cases for an interval"
        elif len(known) < len(rows):
            text += f" ({len(rows) - len(known)} of {len(rows)} bins hold too few cases for one)"
        told.append(text)
    return "; ".join(told) + "."


def compared(measures: pd.DataFrame, inits: tuple[str, str], measure: str) -> str:
    """Return one measure of both inits and what their difference says, as a sentence."""
    a, b = (row_of(measures, init, measure) for init in inits)
    label, names = MEASURES[measure].label, [_name(init).lower() for init in inits]
    return (
        f"{label}: {names[0]} {_told(a)}, {names[1]} {_told(b)}; "
        f"{_difference(row_of(measures, DIFFERENCE, measure), inits, MEASURES[measure].good)}."
    )


def _told(row: pd.Series) -> str:
    if math.isnan(row["estimate"]):
        return "not to be computed"
    if row[_INTERVAL].isna().any():
        return f"{format_number(row['estimate'], 3)} (no interval)"
    return estimate_text(row)


def _difference(row: pd.Series, inits: tuple[str, str], good: str) -> str:
    if math.isnan(row["estimate"]):
        return "the difference cannot be computed"
    if row[_INTERVAL].isna().any():
        value = format_number(row["estimate"], 3, signed=True)
        return f"the difference is {value}, without an interval"
    text = f"difference {format_estimate(row['estimate'], row['ci_low'], row['ci_high'])}"
    if row["ci_low"] <= 0 <= row["ci_high"]:
        return text + ", an interval that includes zero"
    if good not in ("higher", "lower"):
        return text + ", an interval that leaves out zero"
    better = inits[0] if (row["ci_low"] > 0) == (good == "higher") else inits[1]
    return text + f", in favour of the {_name(better).lower()} start"


def calibration_reading(measures: pd.DataFrame, inits: tuple[str, str], images: Images) -> Markdown:
    """Return error, Brier score, intercept and slope of both inits, a point of a list each."""
    from IPython.display import Markdown

    points = [
        f"{compared(measures, inits, 'ece')} {chance_reading(measures, inits)}",
        compared(measures, inits, "brier"),
        compared(measures, inits, "calibration_in_the_large"),
        slope_reading(measures, inits),
    ]
    return Markdown(images.caution + "\n\n" + "\n".join(f"- {point}" for point in points))


def slope_reading(measures: pd.DataFrame, inits: tuple[str, str]) -> str:
    """Return whether probabilities are too extreme or too timid, as the slopes' intervals say."""
    told = []
    for init in inits:
        row = row_of(measures, init, "calibration_slope")
        text = f"{_name(init)}: slope {_told(row)}"
        if row["ci_high"] < 1:
            text += ", below 1: probabilities are more extreme than the outcomes bear out"
        elif row["ci_low"] > 1:
            text += ", above 1: probabilities are less extreme than the outcomes bear out"
        elif row["ci_low"] <= 1 <= row["ci_high"]:
            text += ", an interval that includes 1"
        told.append(text)
    return "; ".join(told) + "."


def chance_reading(measures: pd.DataFrame, inits: tuple[str, str]) -> str:
    """Return whether each calibration error is larger than right probabilities would show."""
    told = []
    for init in inits:
        error, chance = (row_of(measures, init, one) for one in ("ece", "ece_by_chance"))
        low, high = chance[_INTERVAL]
        text = f"{_name(init)}: error {format_number(error['estimate'], 3)}"
        if chance[_INTERVAL].isna().any():
            told.append(text)
            continue
        text += f", {format_interval(low, high, 3)} if its probabilities were right"
        told.append(text + (", so it is more than chance" if error["estimate"] > high else ""))
    return "; ".join(told) + "."


def sensitivity_reading(measures: pd.DataFrame, inits: tuple[str, str], counts: CaseCounts) -> str:
    """Return the sensitivities, and how few false alarms the specificities leave."""
    allowed = 0.05 * counts.negative
    text = (
        f"Of {counts.negative:,} negative cases, a specificity of 95 % allows "
        f"{format_number(allowed, 1)} false alarms"
    )
    if allowed < 1:
        text += ", which is less than one, so values lie between two points of a curve"
    both = [compared(measures, inits, f"sensitivity_at_{level}") for level in (90, 95)]
    return " ".join([*both, text + "."])


def precision_recall_reading(
    measures: pd.DataFrame, inits: tuple[str, str], counts: CaseCounts
) -> str:
    """Return the average precision beside what chance gives, and whether classes are unequal."""
    kind = "imbalanced" if counts.imbalanced else "not imbalanced"
    return (
        f"{compared(measures, inits, 'average_precision')} "
        f"{_POINTS * counts.prevalence:.0f} % of the test cases are positive, which is the "
        f"precision of calling all of them so. By the rule of this page, fewer than "
        f"{_POINTS * IMBALANCED_BELOW:.0f} % of the cases in the rarer class, this test set is "
        f"{kind}."
    )


def decision_reading(
    curves: pd.DataFrame, measures: pd.DataFrame, inits: tuple[str, str], counts: CaseCounts
) -> str:
    """Return the net benefit at the prevalence, and at how many thresholds it beats both rules.

    Parameters
    ----------
    curves
        As in `rin.report.figures_beyond.decision_panels`.
    measures, inits, counts
        As above; the net benefit of `measures` is that at the prevalence.
    """
    told = [
        f"With a threshold of {_POINTS * counts.prevalence:.0f} %, the prevalence, treating all "
        f"and treating none are both worth 0. {compared(measures, inits, 'net_benefit')}"
    ]
    for init in inits:
        net, everyone = (
            curve_rows(curves, curve, init)["y"].to_numpy() for curve in ("decision", "treat_all")
        )
        above = int((net > everyone.clip(min=0) + _ROUNDING).sum())
        told.append(f"{_name(init)}: above both at {above} of {len(net)} thresholds.")
    return " ".join(told)


def remarks_reading(measures: pd.DataFrame) -> Markdown:
    """Return what `rin.stats.beyond.beyond_area` remarks on estimates, each remark once."""
    from IPython.display import Markdown

    remarked = measures[measures["remark"] != ""]
    told = []
    for remark, rows in remarked.groupby("remark", sort=False):
        named = [
            f"{MEASURES[measure].label} ({', '.join(map(_who, own['init']))})"
            for measure, own in rows.groupby("measure", sort=False)
        ]
        told.append(f"{', '.join(named)}: {remark}.")
    return Markdown(" ".join(told) or "Every measure of the table and its interval exist.")


def _who(init: str) -> str:
    return init if init == DIFFERENCE else _name(init).lower()


def _name(init: str) -> str:
    return init_style(init).short
