"""What is measured beyond the area, in words, and one table of it for two inits.

Numbers come from `rin.stats.beyond`; cells are text, ready to read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from rin.errors import unknown
from rin.report.format import MISSING, format_interval, format_number
from rin.report.style import init_style
from rin.report.tidy import check_one_each
from rin.stats.beyond import DIFFERENCE

#: The rarer class holds less than this share of the cases of a task that is called imbalanced.
IMBALANCED_BELOW = 0.3
#: Fewest cases that are to lie in a bin of a reliability curve.
CASES_A_BIN = 10


@dataclass(frozen=True)
class Measure:
    """How a measure is named, and what a good one is.

    Attributes
    ----------
    label
        As tables name it.
    good
        "higher", "lower", or a number to be near to, as text; empty where it is a property of the
        cases rather than of the scores.
    """

    label: str
    good: str


#: Measures of `rin.stats.beyond.beyond_area` in the order of the page.
MEASURES = {
    "ece": Measure("Expected calibration error", "lower"),
    "ece_by_chance": Measure("Calibration error by chance", ""),
    "brier": Measure("Brier score", "lower"),
    "brier_reliability": Measure("Brier: miscalibration", "lower"),
    "brier_resolution": Measure("Brier: resolution", "higher"),
    "brier_uncertainty": Measure("Brier: uncertainty", ""),
    "calibration_in_the_large": Measure("Calibration in the large", "0"),
    "calibration_slope": Measure("Calibration slope", "1"),
    "sensitivity_at_90": Measure("Sensitivity at 90 % specificity", "higher"),
    "sensitivity_at_95": Measure("Sensitivity at 95 % specificity", "higher"),
    "average_precision": Measure("Average precision", "higher"),
    "net_benefit": Measure("Net benefit at the prevalence", "higher"),
}


@dataclass(frozen=True)
class CaseCounts:
    """How many test cases a task's page rests on.

    Attributes
    ----------
    n, positive
        Test cases, and those of the positive class.
    patients
        Patients that they come from.
    scenarios
        Scenarios in which each is scored from each start.
    """

    n: int
    positive: int
    patients: int
    scenarios: int

    @property
    def negative(self) -> int:
        """Cases of the other class."""
        return self.n - self.positive

    @property
    def prevalence(self) -> float:
        """Share of positive cases, 0–1."""
        return self.positive / self.n

    @property
    def imbalanced(self) -> bool:
        """Whether the rarer class holds less than `IMBALANCED_BELOW` of the cases."""
        return min(self.positive, self.negative) / self.n < IMBALANCED_BELOW

    @property
    def bins(self) -> int:
        """Bins of equal mass: as many as hold `CASES_A_BIN` cases each, from 2 to 10."""
        return max(2, min(10, self.n // CASES_A_BIN))


def measure_table(measures: pd.DataFrame, inits: tuple[str, str]) -> pd.DataFrame:
    """Return every measure of both inits and their paired difference, as text.

    Parameters
    ----------
    measures
        One task of `rin.stats.beyond.beyond_area`: `init` (or `DIFFERENCE`), `measure`,
        `estimate`, `ci_low`, `ci_high`.
    inits
        (a, b); differences are a − b.

    Returns
    -------
    pandas.DataFrame
        One row per measure of `MEASURES`; an estimate or an interval that does not exist is a
        dash, and so is the difference of what is no merit of the scores.

    Raises
    ------
    InputError
        Rows of several tasks, or a measure that is not there for an init or the difference.
    """
    check_one_each(measures, ["init", "measure"])
    short = [init_style(init).short for init in inits]
    rows = {}
    for name, measure in MEASURES.items():
        a, b, difference = (row_of(measures, init, name) for init in (*inits, DIFFERENCE))
        rows[measure.label] = {
            short[0]: estimate_text(a),
            short[1]: estimate_text(b),
            "Difference": estimate_text(difference, signed=True) if measure.good else MISSING,
            "Better": measure.good or MISSING,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("Measure")


def row_of(measures: pd.DataFrame, init: str, measure: str) -> pd.Series:
    """Return the row of one measure of one init, or of the difference.

    Raises
    ------
    InputError
        For an init or measure that is not in the table, listing those that are.
    """
    of_init = measures[measures["init"] == init]
    if of_init.empty:
        raise unknown("init", init, sorted(set(measures["init"])))
    rows = of_init[of_init["measure"] == measure]
    if rows.empty:
        raise unknown("measure", measure, sorted(set(of_init["measure"])))
    return rows.iloc[0]


def curve_rows(curves: pd.DataFrame, curve: str, init: str) -> pd.DataFrame:
    """Return the rows of one curve of one init in the order of the table.

    Raises
    ------
    InputError
        For a curve or init that is not there, listing those that are, or a point twice.
    """
    known = sorted(set(curves["curve"]))
    if curve not in known:
        raise unknown("curve", curve, known)
    rows = curves[(curves["curve"] == curve) & (curves["init"] == init)]
    if rows.empty:
        raise unknown("init", init, sorted(set(curves["init"])))
    # Two bins of a reliability curve may have one mean; points of the others have a place each.
    places = rows.assign(place=np.arange(len(rows)) if curve == "reliability" else rows["x"])
    check_one_each(places, ["place"])
    return rows


def estimate_text(row: pd.Series, digits: int = 3, *, signed: bool = False) -> str:
    """Return ``0.213 (0.150, 0.270)``; a dash stands for what could not be computed."""
    value = format_number(row["estimate"], digits, signed=signed)
    if value == MISSING:
        return MISSING
    return f"{value} {format_interval(row['ci_low'], row['ci_high'], digits)}"


def case_counts(predictions: pd.DataFrame, inits: Sequence[str]) -> CaseCounts:
    """Count the test cases of one task, each once, however many networks score it.

    Parameters
    ----------
    predictions
        As `rin.study.predictions`; the test sets of folds share no case.
    inits
        Sources whose rows count.

    Raises
    ------
    InputError
        Rows of several tasks.
    """
    rows = predictions[(predictions["part"] == "test") & predictions["init"].isin(inits)]
    cases = rows.drop_duplicates(["task", "case_id"])
    check_one_each(cases, ["case_id"])
    return CaseCounts(
        n=len(cases),
        positive=int(cases["label"].sum()),
        patients=cases["patient_id"].nunique(),
        scenarios=rows["scenario"].nunique(),
    )


def score_shares(
    predictions: pd.DataFrame, inits: Sequence[str], *, bins: int = 20
) -> pd.DataFrame:
    """Return which share of all test scores lies in each of equally wide bins.

    Parameters
    ----------
    predictions
        One task of `rin.study.predictions`; scores are probabilities.
    inits
        Sources to count, all scenarios of each together.
    bins
        Of the range 0 to 1; the last one holds its upper end.

    Returns
    -------
    pandas.DataFrame
        `init`, `left`, `right` (0–1), `share` (0–1, summing to 1 within an init).

    Notes
    -----
    Checked against counts by hand.
    """
    rows = predictions[predictions["part"] == "test"]
    edges = np.linspace(0, 1, bins + 1)
    tables = []
    for init in inits:
        scores = rows.loc[rows["init"] == init, "score"]
        share = np.histogram(scores, edges)[0] / len(scores)
        columns = {"init": init, "left": edges[:-1], "right": edges[1:], "share": share}
        tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)
