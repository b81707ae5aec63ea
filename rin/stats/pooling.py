"""One difference, nine analyses: what a task's predictions say, by what is taken as random.

Estimates of the mean over scenarios and folds of AUC(a) − AUC(b) are the same
number in most rows; intervals and P values are not.  `rin.stats.analyses`
says in words what each row speaks of.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict

import pandas as pd

from rin.errors import InputError
from rin.stats.analyses import ANALYSES, Analysis
from rin.stats.crossed import crossed_scores
from rin.stats.equivalence import EQUIVALENCE_MARGIN, equivalence
from rin.stats.findings import FINDERS, Finding, Material
from rin.stats.inputs import check_level
from rin.stats.paired import holm
from rin.stats.scenarios import paired_scores

__all__ = ["ANALYSES", "EQUIVALENCE_MARGIN", "Analysis", "holm_over_tasks", "task_analyses"]


def task_analyses(
    predictions: pd.DataFrame,
    init_a: str,
    init_b: str,
    *,
    test_train_ratio: float | None = None,
    margin: float = EQUIVALENCE_MARGIN,
    replicates: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> pd.DataFrame:
    """Compare two inits on one task by every analysis of `ANALYSES`.

    Parameters
    ----------
    predictions
        As in `rin.stats.pooled_comparison`, with patient_id; one task, one
        seed, every scenario on the same cases of every fold.
    init_a, init_b
        Two initialisation sources.
    test_train_ratio
        Cases tested over cases trained on (`rin.stats.folds.split_ratio`);
        None leaves out the analysis of folds.
    margin
        Largest difference of areas that counts as comparable.
    replicates, seed
        Of the bootstrap over patients, at least 2 replicates.
    level
        Confidence level of all intervals; 1 − α of the equivalence tests.

    Returns
    -------
    pandas.DataFrame
        One row an analysis, in the order of `ANALYSES`: analysis, name, unit
        (text), n_units, estimate, ci_low, ci_high (areas 0-1, a − b),
        statistic, df (infinite for normal references), p_value,
        generalises_to, assumes, remark, published, recommended; then
        standard_error, and the test of equivalence: margin,
        equivalence_p, equivalence_low, equivalence_high (level 1 − 2α),
        equivalent, smallest_margin.  Numbers are NaN, and `remark` says why,
        where data do not allow an analysis.  The bootstrap's interval is
        that of percentiles, its P twice the smaller share of replicates
        beyond zero, so it has no statistic and no df; its test of equivalence takes
        the replicates' SD as the standard error.

    Raises
    ------
    InputError
        As `rin.stats.pooled_comparison` and
        `rin.stats.crossed.crossed_scores`; or no column patient_id.

    Notes
    -----
    Each row is checked against the function that it names, which names its
    own oracle; the estimates against one another.
    """
    check_level(level)
    if "patient_id" not in predictions:
        raise InputError(
            "column patient_id is missing",
            where="predictions",
            remedy="Name each case's patient; where each has one image, repeat case_id.",
        )
    if replicates < 2:
        raise InputError(
            f"{replicates} replicates", where="replicates", remedy="Pass 1000 or more for a CI."
        )
    pairs = paired_scores(predictions, init_a, init_b)
    material = Material(pairs, crossed_scores(pairs), test_train_ratio, replicates, seed, level)
    found = [FINDERS[one.key](material) for one in ANALYSES]
    rows = zip(ANALYSES, found, strict=True)
    return pd.DataFrame([_row(one, finding, margin, level) for one, finding in rows])


def holm_over_tasks(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Adjust each analysis' P values over tasks by Holm's method.

    The tasks of one analysis are a family; analyses are alternatives to each
    other and are not adjusted for.

    Parameters
    ----------
    tables
        `task_analyses` of each task.

    Returns
    -------
    pandas.DataFrame
        One row per task × analysis: task, analysis, n_tasks (tests in the
        family), p_value, p_holm; NaN where there is no test.

    Raises
    ------
    InputError
        No task.

    Notes
    -----
    Validated against R's ``p.adjust(method = "holm")``.
    """
    if not tables:
        raise InputError("no task", where="tables", remedy="Pass at least one task's table.")
    found = pd.concat(
        [table[["analysis", "p_value"]].assign(task=task) for task, table in tables.items()],
        ignore_index=True,
    )
    families = found.groupby("analysis", observed=True)["p_value"]
    found["n_tasks"] = families.transform("count").astype(int)
    found["p_holm"] = families.transform(holm)
    return found[["task", "analysis", "n_tasks", "p_value", "p_holm"]]


def _row(one: Analysis, found: Finding, margin: float, level: float) -> dict[str, object]:
    row = {"analysis": one.key, "name": one.name} | asdict(found)
    error, remark = row.pop("standard_error"), row.pop("remark")
    words = {name: getattr(one, name) for name in ("generalises_to", "assumes")}
    marks = {name: getattr(one, name) for name in ("published", "recommended")}
    row |= words | {"remark": remark} | marks | {"standard_error": error, "margin": margin}
    low = high = p_value = smallest = math.nan
    equivalent = False
    if math.isfinite(error):
        df = math.inf if math.isnan(found.df) else found.df
        test = equivalence(found.estimate, error, df, margin, level)
        low, high, p_value = test.ci_low, test.ci_high, test.p_value
        equivalent, smallest = test.equivalent, test.smallest_margin
    return row | {
        "equivalence_p": p_value,
        "equivalence_low": low,
        "equivalence_high": high,
        "equivalent": equivalent,
        "smallest_margin": smallest,
    }
