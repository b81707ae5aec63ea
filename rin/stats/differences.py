"""The recommended comparison of two inits: within each fold, over patients, by regime.

Each fold's network has a scale of its own, so AUCs are computed within a fold and then averaged
over folds and scenarios.  The variance of that average follows from the covariance of all AUCs
over patients (Obuchowski 1997); folds share no patient and count as independent.  The mean over
all scenarios and the means by unfreezing regime are contrasts of the same AUCs, so that a test of
their interaction needs nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special, stats

from rin.errors import InputError
from rin.stats.cluster_sums import cluster_sums, sums_covariance
from rin.stats.clusters import cluster_codes
from rin.stats.inputs import check_level, check_unique, evaluated_rows, located
from rin.stats.intervals import normal_quantile
from rin.stats.paired import holm, statistic
from rin.stats.placements import placement_areas, placement_counts

ALL = "all"
#: Regimes in the order in which they are shown.
REGIMES = ("freeze_all", "unfreeze_top10", "unfreeze_all")
# Of a weighted sum, by the summed weights: what rounding alone explains.
_ROUNDING = 10 * np.finfo(float).eps


@dataclass(frozen=True)
class _TaskContrasts:
    """Means over scenarios of one task's AUCs and differences, with their covariance.

    `aucs` is (2, scenarios), averaged over folds; `estimates` and `covariance` belong to the
    differences of `groups`, the first of which is `all`.
    """

    task: str
    scenarios: pd.DataFrame
    groups: tuple[str, ...]
    aucs: np.ndarray
    estimates: np.ndarray
    covariance: np.ndarray
    counts: dict[str, int]


def init_differences(
    predictions: pd.DataFrame, init_a: str, init_b: str, *, level: float = 0.95
) -> pd.DataFrame:
    """Compare two inits on every task, over all scenarios and within each unfreezing regime.

    Parameters
    ----------
    predictions
        The predictions table with `patient_id` and `unfreezing`: both inits score the same test
        cases in every scenario; folds share no patient; one seed an init.
    init_a, init_b
        The difference is a − b.
    level
        Confidence level.

    Returns
    -------
    pandas.DataFrame
        One row a task and group (`all`, then each regime there is): task, group, n_scenarios,
        auc_a, sd_a, auc_b, sd_b (mean and SD over scenarios, AUC 0-1; SD is NaN for one),
        difference, standard_error, ci_low, ci_high, p_value, p_holm (over the tasks, within the
        group), n_folds, n_cases, n_positive, n_patients.

    Raises
    ------
    InputError
        A missing column, a missing score, a patient in the test sets of two folds, a fold whose
        test cases are of one class, or contradicting labels.

    Notes
    -----
    Checked against `rin.stats.area_contrast` fold by fold, and scikit-learn's areas.

    References
    ----------
    Obuchowski 1997, Biometrics 53:567; Holm 1979, Scand J Stat 6:65.
    """
    check_level(level)
    rows = [
        row
        for task in _contrasts(predictions, init_a, init_b)
        for row in _difference_rows(task, level)
    ]
    table = pd.DataFrame(rows)
    table["p_holm"] = table.groupby("group", observed=True)["p_value"].transform(holm)
    order = ["task", "group", "n_scenarios", "auc_a", "sd_a", "auc_b", "sd_b", "difference"]
    order += ["standard_error", "ci_low", "ci_high", "p_value", "p_holm"]
    return table[[*order, "n_folds", "n_cases", "n_positive", "n_patients"]]


def regime_interaction(predictions: pd.DataFrame, init_a: str, init_b: str) -> pd.DataFrame:
    """Test on every task whether the difference of two inits is the same in every regime.

    A Wald test that all regimes' differences are equal, with their covariance over patients.

    Parameters
    ----------
    predictions, init_a, init_b
        As for `init_differences`; at least two regimes.

    Returns
    -------
    pandas.DataFrame
        One row a task: task, chi2, df, p_value, p_holm (over the tasks); NaN where a class has
        one patient.

    Raises
    ------
    InputError
        As `init_differences`; or a task with scenarios of one regime only.

    Notes
    -----
    Checked against a Wald test from `rin.stats.clustered_covariance` of all AUCs.
    """
    rows = []
    for task in _contrasts(predictions, init_a, init_b):
        k = len(task.groups) - 1
        if k < 2:
            raise InputError(
                f"task {task.task} has scenarios of {k} unfreezing regime",
                where="predictions",
                remedy="Pass the scenarios of at least two regimes.",
            )
        # Each regime against the first: k - 1 contrasts that are all zero without an interaction.
        against_first = np.hstack([np.zeros((k - 1, 1)), -np.ones((k - 1, 1)), np.eye(k - 1)])
        effects = against_first @ task.estimates
        covariance = against_first @ task.covariance @ against_first.T
        chi2 = math.nan
        if np.isfinite(covariance).all():
            chi2 = float(effects @ np.linalg.pinv(covariance, hermitian=True) @ effects)
        p_value = float(stats.chi2.sf(chi2, k - 1))
        rows.append({"task": task.task, "chi2": chi2, "df": k - 1, "p_value": p_value})
    table = pd.DataFrame(rows)
    return table.assign(p_holm=holm(table["p_value"]))


def _difference_rows(task: _TaskContrasts, level: float) -> Iterator[dict[str, object]]:
    for place, group in enumerate(task.groups):
        inside = np.full(len(task.scenarios), group == ALL)
        inside |= (task.scenarios["unfreezing"] == group).to_numpy()
        a, b = (pd.Series(row[inside]) for row in task.aucs)
        estimate, error = task.estimates[place], math.sqrt(task.covariance[place, place])
        half = normal_quantile(level) * error
        yield {
            "task": task.task,
            "group": group,
            "n_scenarios": int(inside.sum()),
            "auc_a": a.mean(),
            "sd_a": a.std(),
            "auc_b": b.mean(),
            "sd_b": b.std(),
            "difference": estimate,
            "standard_error": error,
            "ci_low": estimate - half,
            "ci_high": estimate + half,
            "p_value": float(2 * special.ndtr(-abs(statistic(estimate, error)))),
            **task.counts,
        }


def _contrasts(predictions: pd.DataFrame, init_a: str, init_b: str) -> Iterator[_TaskContrasts]:
    """Yield the contrasts of every task, in the order of the table."""
    rows = _checked(predictions, (init_a, init_b))
    for task, own in rows.groupby("task", observed=True, sort=False):
        with located(f"task {task}"):
            yield _task_contrasts(str(task), own, (init_a, init_b))


def _checked(predictions: pd.DataFrame, inits: Sequence[str]) -> pd.DataFrame:
    missing = [name for name in ("patient_id", "unfreezing") if name not in predictions]
    if missing:
        raise InputError(
            f"columns {missing} are missing",
            where="predictions",
            remedy="Name the patient of each case and the unfreezing regime of each run.",
        )
    if len(set(inits)) != 2:
        raise InputError(f"{inits!r} are not two inits", where="inits", remedy="Name two.")
    rows = evaluated_rows(predictions, inits)
    check_unique(rows, ["task", "scenario", "init", "case_id"])
    return rows


def _task_contrasts(task: str, rows: pd.DataFrame, inits: Sequence[str]) -> _TaskContrasts:
    scenarios = rows[["scenario", "unfreezing"]].drop_duplicates(ignore_index=True)
    if scenarios["scenario"].duplicated().any():
        raise InputError(
            "a scenario has two unfreezing regimes", where="predictions", remedy="Mend the table."
        )
    cases = rows[["case_id", "patient_id", "label", "fold"]].drop_duplicates()
    _check_cases(cases)
    regimes = [name for name in REGIMES if name in set(scenarios["unfreezing"])]
    regimes += sorted(set(scenarios["unfreezing"]) - set(regimes))
    member = np.array([(scenarios["unfreezing"] == name).to_numpy() for name in regimes])
    groups = np.vstack([np.ones((1, len(scenarios)), bool), member])
    means = groups / groups.sum(axis=1, keepdims=True)
    weights = np.hstack([means, -means])  # of the AUCs of init a, then of init b
    columns = pd.MultiIndex.from_product([list(inits), scenarios["scenario"]])
    wide = rows.pivot(index="case_id", columns=["init", "scenario"], values="score")
    wide = wide.reindex(columns=columns)
    if wide.isna().any(axis=None):
        init, scenario = wide.columns[wide.isna().any()][0]
        raise InputError(
            f"cases of scenario {scenario} have no score of init {init!r}",
            where="predictions",
            remedy="Finish the missing runs, with the same folds for both inits.",
        )
    aucs, estimates, covariance = [], [], []
    for fold, own in cases.groupby("fold", observed=True):
        with located(f"fold {fold}"):
            scores = wide.loc[own["case_id"]].to_numpy(dtype=float).T
            areas, own_covariance = _fold_covariance(own, scores, weights)
        aucs.append(areas)
        sums = weights @ areas
        estimates.append(np.where(np.abs(sums) <= _ROUNDING * np.abs(weights).sum(axis=1), 0, sums))
        covariance.append(own_covariance)
    k = len(aucs)
    counts = {
        "n_folds": k,
        "n_cases": len(cases),
        "n_positive": int(cases["label"].sum()),
        "n_patients": int(cases["patient_id"].nunique()),
    }
    return _TaskContrasts(
        task,
        scenarios,
        (ALL, *regimes),
        np.mean(aucs, axis=0).reshape(2, -1),
        np.mean(estimates, axis=0),
        np.sum(covariance, axis=0) / k**2,
        counts,
    )


def _fold_covariance(
    cases: pd.DataFrame, scores: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the AUCs of one fold's networks, and the covariance of weighted sums of them."""
    positive = cases["label"].to_numpy() == 1
    if positive.all() or not positive.any():
        raise InputError(
            "all test cases are of one class",
            where="predictions",
            remedy="An AUC needs both classes: use fewer folds.",
        )
    counts = placement_counts(positive, scores)
    wins, losses = (weights @ part for part in counts)
    codes, n_clusters = cluster_codes(cases["patient_id"].to_numpy(object), positive.size)
    sums = cluster_sums(wins, losses, codes[positive], codes[~positive], n_clusters)
    covariance = np.atleast_2d(sums_covariance(sums))
    # What rounding leaves of a variance that is zero counts as zero.
    size = np.abs(weights).sum(axis=1)
    zero = np.sqrt(np.abs(np.diag(covariance))) <= _ROUNDING * size
    covariance[zero, :] = covariance[:, zero] = 0.0
    return placement_areas(*counts), covariance


def _check_cases(cases: pd.DataFrame) -> None:
    if cases["patient_id"].isna().any():
        raise InputError(
            f"{cases['patient_id'].isna().sum()} test cases name no patient",
            where="predictions",
            remedy="Name the patient of every case; where each has one image, repeat case_id.",
        )
    if cases["case_id"].duplicated().any():
        first = cases.loc[cases["case_id"].duplicated(), "case_id"].iloc[0]
        raise InputError(
            f"case {first!r} has two labels, patients or folds",
            where="predictions",
            remedy="Evaluate every network on the same folds of the same case table.",
        )
    shared = cases.groupby("patient_id")["fold"].nunique() > 1
    if shared.any():
        raise InputError(
            f"{shared.sum()} patients are in the test sets of several folds",
            where="predictions",
            remedy="Folds are averaged as independent; split by patient.",
        )
