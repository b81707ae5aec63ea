"""One task's test scores as arrays: scenarios × cases for each init, and who the cases are."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from rin.errors import InputError
from rin.stats.bootstrap import cluster_weights
from rin.stats.inputs import check_unique, evaluated_rows


@dataclass(frozen=True)
class TaskScores:
    """The cases of a task and what every network of some inits says about them.

    Attributes
    ----------
    task
        Its name.
    scores
        From init to float64 (n_scenarios, n_cases): the test sets of all
        folds side by side.
    labels
        int (n_cases,), 0 or 1.
    patients
        object (n_cases,).
    """

    task: str
    scores: dict[str, np.ndarray]
    labels: np.ndarray
    patients: np.ndarray


def task_scores(predictions: pd.DataFrame, inits: Sequence[str]) -> Iterator[TaskScores]:
    """Yield the test scores of each task, the same cases and scenarios for every init.

    Parameters
    ----------
    predictions
        The predictions table (`rin.stats.inputs.COLUMNS`) with `patient_id`;
        one seed per init, folds with disjoint test sets.
    inits
        Initialisation sources, at least one.

    Raises
    ------
    InputError
        Bad table, no init, no `patient_id`, a NaN score, a case twice in a
        scenario, a case or scenario that lacks a score of some init, or a
        case under two labels or patients.
    """
    if not len(inits):
        raise InputError("no init", where="inits", remedy="Name at least one.")
    if "patient_id" not in predictions:
        raise InputError(
            "column 'patient_id' is missing",
            where="predictions",
            remedy="Intervals resample patients; add the patient of each case.",
        )
    rows = evaluated_rows(predictions, inits)
    check_unique(rows, ["task", "scenario", "init", "case_id"])
    _check_scores(rows)
    for task, of_task in rows.groupby("task", observed=True):
        cases = _cases(of_task)
        wide = of_task.pivot(index=["init", "scenario"], columns="case_id", values="score")
        wide = wide.reindex(
            pd.MultiIndex.from_product([list(inits), sorted(of_task["scenario"].unique())]),
        )
        if wide.isna().any(axis=None):
            init, scenario = wide.index[wide.isna().any(axis=1)][0]
            raise InputError(
                f"task {task}: cases of scenario {scenario} have no score of init {init!r}",
                where="predictions",
                remedy="Finish the missing runs, with the same folds for every init.",
            )
        scores = {init: wide.loc[init].to_numpy(dtype=float) for init in inits}
        labels, patients = cases["label"].to_numpy(), cases["patient_id"].to_numpy(object)
        yield TaskScores(str(task), scores, labels, patients)


def replicate_weights(task: TaskScores, replicates: int, seed: int) -> np.ndarray:
    """Return weights (1 + replicates, n_cases): each case once, then patients drawn anew."""
    drawn = cluster_weights(task.patients, replicates, seed, labels=task.labels)
    return np.concatenate([np.ones((1, task.labels.size), drawn.dtype), drawn])


def mean_over_scenarios(
    task: TaskScores, init: str, of_scenario: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Return the mean over the scenarios of an init of a function of their scores (n_cases,)."""
    total = 0.0
    for scores in task.scores[init]:
        total = total + of_scenario(scores)
    return np.asarray(total) / len(task.scores[init])


def _check_scores(rows: pd.DataFrame) -> None:
    missing = rows[rows["score"].isna()]
    if not missing.empty:
        run = missing.iloc[0][["task", "fold", "scenario", "init"]].to_dict()
        raise InputError(
            f"{len(missing)} scores are NaN; the first run: {run}",
            where="predictions",
            remedy="Find the run that diverged; a missing score cannot be ranked.",
        )


def _cases(rows: pd.DataFrame) -> pd.DataFrame:
    """Return label and patient of each case in the order of case_id."""
    cases = rows[["case_id", "label", "patient_id"]].drop_duplicates().sort_values("case_id")
    repeated = cases["case_id"].duplicated()
    if repeated.any():
        raise InputError(
            f"case {cases.loc[repeated, 'case_id'].iloc[0]!r} has several labels or patients",
            where="predictions",
            remedy="Evaluate every run on the same case table.",
        )
    return cases
