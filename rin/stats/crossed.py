"""One task's test scores as arrays: inits × scenarios × cases, fold by fold.

Analyses of the mean over scenarios and folds need every scenario on exactly
the same cases of every fold.  This module checks that once, so that they can
trust the arrays.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from rin.errors import InputError
from rin.stats.inputs import binary_labels, located
from rin.stats.placements import placement_areas, placement_counts


@dataclass(frozen=True)
class FoldScores:
    """The test cases of one fold, in the order of their names.

    `labels` bool (n,), True the positive class; `scores` float64 (2, S, n),
    init a first; `areas` float64 (2, S), 0-1; `patients` (n,), or None where
    the predictions name no patients.
    """

    fold: int
    labels: np.ndarray
    scores: np.ndarray
    areas: np.ndarray
    patients: np.ndarray | None


@dataclass(frozen=True)
class CrossedScores:
    """One task under two inits: S scenarios, each on the same cases of every fold."""

    task: str
    scenarios: tuple[str, ...]
    folds: tuple[FoldScores, ...]

    @property
    def areas(self) -> np.ndarray:
        """Areas, float64 (2, S, K): inits × scenarios × folds."""
        return np.stack([fold.areas for fold in self.folds], axis=-1)


def crossed_scores(pairs: pd.DataFrame) -> CrossedScores:
    """Return one task's paired scores as arrays, after checking that the design is complete.

    Parameters
    ----------
    pairs
        From `rin.stats.scenarios.paired_scores`: task, scenario, fold,
        case_id, label, score_a, score_b, and patient_id where known.

    Returns
    -------
    CrossedScores
        Scenarios and folds in sorted order; scores unchanged.

    Raises
    ------
    InputError
        Several tasks; a scenario without a fold or on other cases, labels or
        patients than the rest; a NaN score, a missing patient, one class
        only, or a patient in the test sets of two folds.  The message names
        the run.

    Notes
    -----
    Areas are validated against scikit-learn's ``roc_auc_score``.
    """
    tasks = pairs["task"].unique().tolist()
    if len(tasks) != 1:
        raise InputError(f"tasks {tasks}", where="predictions", remedy="Select one task.")
    _check_values(pairs)
    scenarios = sorted(pairs["scenario"].unique())
    folds = []
    for fold, rows in pairs.groupby("fold", observed=True):
        with located(f"task {tasks[0]}, fold {fold}"):
            folds.append(_fold_scores(fold, rows, scenarios))
    _check_apart(folds)
    return CrossedScores(tasks[0], tuple(scenarios), tuple(folds))


def _fold_scores(fold: int, rows: pd.DataFrame, scenarios: Sequence[str]) -> FoldScores:
    rows = rows.sort_values(["scenario", "case_id"])
    shared = ["case_id", "label", *(["patient_id"] if "patient_id" in rows else [])]
    sizes = rows.groupby("scenario", observed=True).size().reindex(scenarios, fill_value=0)
    uneven = sizes[sizes != sizes.max()]
    if len(uneven):
        raise InputError(
            f"scenario {uneven.index[0]} has {uneven.iloc[0]} of {sizes.max()} cases",
            where="predictions",
            remedy="Finish the missing runs; every scenario needs the same test cases.",
        )
    columns = {name: rows[name].to_numpy(dtype=object).reshape(len(sizes), -1) for name in shared}
    for name, values in columns.items():
        others = (values != values[0]).any(axis=1)
        if others.any():
            raise InputError(
                f"scenario {scenarios[int(others.argmax())]} has another {name} than "
                f"{scenarios[0]}",
                where="predictions",
                remedy="Evaluate every scenario on the same case table and split.",
            )
    labels = binary_labels(columns["label"][0].astype(float))
    scores = np.stack(
        [
            rows[name].to_numpy(dtype=float).reshape(len(sizes), -1)
            for name in ("score_a", "score_b")
        ]
    )
    counts = placement_counts(labels, scores.reshape(-1, labels.size))
    areas = placement_areas(*counts).reshape(2, -1)
    patients = columns["patient_id"][0] if "patient_id" in columns else None
    return FoldScores(fold, labels, scores, areas, patients)


def _check_values(pairs: pd.DataFrame) -> None:
    """Raise InputError for a NaN score, naming the run, or a case without its patient."""
    for name in ("score_a", "score_b"):
        missing = pairs[name].isna()
        if missing.any():
            run = pairs.loc[missing, ["task", "fold", "scenario"]].iloc[0].to_dict()
            raise InputError(
                f"{missing.sum()} of {len(pairs)} scores are NaN; the first in {run}",
                where=name,
                remedy="Find the run that diverged; a missing score cannot be ranked.",
            )
    if "patient_id" in pairs and pairs["patient_id"].isna().any():
        raise InputError(
            f"{pairs['patient_id'].isna().sum()} of {len(pairs)} rows have no patient_id",
            where="predictions",
            remedy="Name the patient of every case; an unknown one cannot be grouped.",
        )


def _check_apart(folds: Sequence[FoldScores]) -> None:
    """Raise InputError if a patient is tested in two folds, whose results then are not apart."""
    seen: dict[object, int] = {}
    for fold in folds:
        for patient in () if fold.patients is None else pd.unique(fold.patients):
            if patient in seen:
                raise InputError(
                    f"patient {patient} is tested in folds {seen[patient]} and {fold.fold}",
                    where="predictions",
                    remedy="Split by patient, with disjoint test sets.",
                )
            seen[patient] = fold.fold
