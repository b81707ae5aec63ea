"""Checks of what statistics accept, and the step from the long predictions table to arrays.

The schemas in `rin.tables` say what a single column may contain; this module checks columns
against one another, so that the formulas elsewhere can trust their arrays.  Nothing is repaired or
dropped: invalid input raises InputError.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from rin.errors import InputError, amount, as_input_error, join_first_ten, look_up
from rin.tables import PREDICTIONS, check_table, drop_unused_categories, require_columns

RUN = ["task", "fold", "scenario", "init", "seed"]
COLUMNS = [*RUN, "case_id", "part", "label", "score"]


@dataclass(frozen=True)
class TaskScores:
    """One task's test cases and the scores that every network gives them.

    `cases` has one row per fold and case, sorted by both: case_id, fold, label, patient_id;
    `networks` has one row per network, which is a scenario from one pretraining; `scores` is
    (inits, networks, cases), NaN where a network was not trained in a fold.  `folds` has the
    number of each fold, whether each network was trained in it, and its cases.
    """

    task: str
    inits: tuple[str, ...]
    networks: pd.DataFrame
    cases: pd.DataFrame
    scores: np.ndarray
    folds: list[tuple[int, np.ndarray, np.ndarray]]

    def shares(self, inside: ArrayLike = True) -> np.ndarray:
        """Return the weight of each network (S,) in a mean in which every scenario counts once."""
        chosen = np.broadcast_to(inside, len(self.networks))
        scenarios = pd.factorize(self.networks["scenario"][chosen])[0]
        shares = np.zeros(len(chosen))
        sizes = np.bincount(scenarios)
        shares[chosen] = 1 / sizes[scenarios] / len(sizes)
        return shares

    @property
    def labels(self) -> np.ndarray:
        """Label of each case, (n,)."""
        return self.cases["label"].to_numpy()


def task_scores(
    predictions: pd.DataFrame, inits: Sequence[str], of_scenarios: Sequence[str] = ()
) -> Iterator[TaskScores]:
    """Yield the test scores of each task, the same cases and scenarios for every init.

    The predictions table has `COLUMNS`, `patient_id` and the columns `of_scenarios`, which
    describe scenarios; one seed per init; and the same folds for all networks of a backbone and
    pretraining.  Tasks come in the order of the table.
    """
    if not inits or len(set(inits)) != len(inits):
        raise InputError(f"{inits!r} are not different inits", where="inits", remedy="Name them.")
    rows = evaluated_rows(predictions, "patient_id", *of_scenarios)
    check_inits(inits, rows["init"])
    inside = rows["init"].isin(inits)
    rows = rows if inside.all() else rows[inside]
    # Categories while rows are compared and selected: with strings this takes most of the time.
    rows = rows.astype(dict.fromkeys(["scenario", "init", "case_id", "patient_id"], "category"))
    rows["init"] = rows["init"].cat.set_categories(inits)
    for task, rows_of_task in rows.groupby("task", observed=True, sort=False):
        with name_place(f"task {task}"):
            scores = _scores(str(task), rows_of_task, of_scenarios)
        yield scores


def _scores(task: str, rows: pd.DataFrame, of_scenarios: Sequence[str]) -> TaskScores:
    """Return the scores of the rows of a task, whose names are categories."""
    network = [name for name in ("scenario", "pretraining") if name in rows]
    of_pair = [name for name in ("task", "backbone", "pretraining") if name in rows]
    described = dict.fromkeys([*network, *of_scenarios, *of_pair])
    networks = rows[list(described)].drop_duplicates([*network, *of_scenarios])
    networks = drop_unused_categories(networks)
    if networks.duplicated(network).any():
        raise InputError(
            f"a scenario has two values of {' or '.join(of_scenarios)}",
            where="predictions",
            remedy="Name scenarios so that each has one.",
        )
    names = networks[network].itertuples(index=False)
    networks.index = [" pretraining ".join(map(str, name)) for name in names]
    cases = rows[["case_id", "fold", "label", "patient_id"]].drop_duplicates()
    cases = drop_unused_categories(cases)
    if nameless := cases["patient_id"].isna().sum():
        raise InputError(
            f"{nameless} test cases name no patient",
            where="predictions",
            remedy="Name the patient of every case; where each has one image, repeat case_id.",
        )
    cases = cases.sort_values(["fold", "case_id"], ignore_index=True)
    places = [
        rows.groupby(network, observed=True, sort=False).ngroup(),
        rows.groupby(["fold", "case_id"], observed=True).ngroup(),
    ]
    scores = np.full([rows["init"].cat.categories.size, len(networks), len(cases)], np.nan)
    scores[rows["init"].cat.codes, *places] = rows["score"].to_numpy(dtype=float)
    if len(rows) > np.count_nonzero(~np.isnan(scores)):
        check_unique(rows[["task", *network, "init", "fold", "case_id"]])
    of_case = cases.drop_duplicates(["case_id", "label", "patient_id"])["case_id"]
    for case in of_case[of_case.duplicated()]:
        raise InputError(
            f"case {case!r} has two labels or patients",
            where="predictions",
            remedy="Evaluate every network on the same case table.",
        )
    numbers, first, sizes = np.unique(cases["fold"], return_index=True, return_counts=True)
    lacking = np.add.reduceat(np.isnan(scores), first, axis=2, dtype=int)
    trained = np.any(lacking < sizes, axis=0)  # networks × folds
    for i, j, fold in np.argwhere((lacking > 0) & trained):
        raise InputError(
            f"{lacking[i, j, fold]} of {sizes[fold]} cases of scenario {networks.index[j]} have "
            f"no score of init {rows['init'].cat.categories[i]!r}",
            where="predictions",
            remedy="Finish the missing runs with the same folds; if a score is NaN, find out why.",
        )
    if nan := int(rows["score"].isna().sum()):
        remedy = "Find out why, or leave these runs out of every init."
        raise InputError(f"{nan} scores are NaN", where="predictions", remedy=remedy)
    folds_of_network = pd.DataFrame(trained, networks.index)
    groups = folds_of_network.groupby([networks[name] for name in of_pair], observed=True)
    uneven = groups.transform("nunique").gt(1).any(axis=1) & ~trained.all(axis=1)
    for name in networks.index[uneven]:
        raise InputError(
            f"scenario {name} has no scores in a fold that others have",
            where="predictions",
            remedy="Finish the missing runs, or leave out that fold of its pretraining.",
        )
    inside = cases["fold"].to_numpy() == numbers[:, None]
    folds = list(zip(numbers, trained.T, inside, strict=True))
    return TaskScores(task, (*rows["init"].cat.categories,), networks, cases, scores, folds)


def evaluated_rows(predictions: pd.DataFrame, *more: str) -> pd.DataFrame:
    """Return the test rows of a predictions table, each with the names of its run.

    Only the columns that statistics read, and `more`, are kept, because selecting strings is slow.
    """
    require_columns(predictions.columns, [*COLUMNS, *more], where="predictions")
    read = [*COLUMNS, "pretraining", "backbone", *more]
    rows = predictions[predictions.columns.intersection(read)]
    tested = rows["part"] == "test"
    rows = rows if tested.all() else rows[tested]
    if rows.empty:
        raise InputError(
            "no row of part 'test'", where="predictions", remedy="Pass runs that were evaluated."
        )
    check_table(rows, PREDICTIONS, [*rows], where="predictions, test rows")
    return rows


def run_names(predictions: pd.DataFrame) -> list[str]:
    """Return the columns that name a run; InputError where a row lacks one of its names."""
    names = [*RUN, "pretraining"] if "pretraining" in predictions else RUN
    check_table(predictions, PREDICTIONS, names, where="predictions")
    return names


def scores_by_run(
    predictions: pd.DataFrame,
) -> Iterator[tuple[dict[str, Any], np.ndarray, np.ndarray]]:
    """Yield the names, classes (n,) and scores (n,) of each run of `evaluated_rows`."""
    rows = evaluated_rows(predictions)
    columns = run_names(rows)
    check_unique(rows[[*columns, "case_id"]])
    labels = rows["label"].to_numpy()
    all_scores = rows["score"].to_numpy()
    # By position: selecting rows of a table for each run takes far longer.
    for key, of_run in sorted(rows.groupby(columns, observed=True).indices.items()):
        names = dict(zip(columns, key, strict=True))
        with name_place(", ".join(f"{name} {value}" for name, value in names.items())):
            positive = binary_labels(labels[of_run])
            scores = score_row(all_scores[of_run], positive.size)
        yield names, positive, scores


def check_inits(inits: Sequence[str], present: pd.Series) -> None:
    """Raise InputError for an init that a column does not contain, listing the known ones."""
    known = sorted(present.dropna().unique())
    for init in inits:
        look_up("init", init, known)


def check_unique(keys: pd.DataFrame) -> None:
    """Raise InputError if the keys of two rows are equal."""
    repeated = keys.duplicated()
    if repeated.any():
        first = keys[repeated].iloc[0].to_dict()
        raise InputError(
            f"{amount(repeated.sum(), 'rows repeat')} {', '.join(keys)} of one before: {first}",
            where="predictions",
            remedy="Keep one row for each; select one seed, and folds with disjoint test sets.",
        )


@contextmanager
def name_place(where: str) -> Iterator[None]:
    """Prefix the place of an InputError, so that it names the run at fault."""
    try:
        yield
    except InputError as error:
        raise InputError(
            error.problem, where=f"{where}, {error.where}", remedy=error.remedy
        ) from error


def check_aligned(**columns: ArrayLike | None) -> None:
    """Raise InputError for pandas objects with different indexes, whose rows would not match.

    A column may be a list of them, such as of the scores of several predictors.
    """
    indexed = [
        (name, part.index)
        for name, column in columns.items()
        for part in (column if isinstance(column, list | tuple) else [column])
        if isinstance(part, pd.Series | pd.DataFrame)
    ]
    for name, index in indexed:
        first, expected = indexed[0]
        if not index.equals(expected):
            raise InputError(
                f"the index of {name} is not that of {first}",
                where=name,
                remedy=f"Align them, as by `{name}.loc[{first}.index]`, or pass arrays.",
            )


def check_rows_aligned(
    labels: ArrayLike, scores_matrix: ArrayLike, clusters: ArrayLike | None
) -> None:
    """Raise InputError as `check_aligned`; the columns of a table of scores are its cases."""
    rows = {"scores_matrix": scores_matrix}
    if isinstance(scores_matrix, pd.DataFrame):
        rows = {"scores_matrix.T": scores_matrix.T}
    check_aligned(labels=labels, **rows, clusters=clusters)


def _refuse_mask(values: ArrayLike, where: str) -> None:
    """Raise InputError for a masked array, whose mask would be lost."""
    if np.ma.isMaskedArray(values):
        raise InputError(
            "a masked array",
            where=where,
            remedy="Leave masked cases out everywhere: pass `.compressed()` of each.",
        )


def numbers(values: ArrayLike, where: str) -> np.ndarray:
    """Return values as float64; InputError for text, complex numbers or a masked array."""
    for part in [values, *(values if isinstance(values, list | tuple) else ())]:
        _refuse_mask(part, where)
    kinds = TypeError, ValueError, OverflowError
    with as_input_error("not numeric", where=where, remedy="Pass numbers.", kinds=kinds):
        array = np.asarray(values)
        is_text = array.dtype == object and any(isinstance(cell, str) for cell in array.flat)
        if array.dtype.kind in "UScmM" or is_text:
            raise TypeError("text or complex numbers")
        return array.astype(float, copy=False)


def binary_labels(labels: ArrayLike, positive: Hashable | None = None) -> np.ndarray:
    """Return labels (n,) of two classes as booleans, True for the positive class.

    `positive` is the label of that class; if it is None, labels are 0 and 1.  InputError for a
    missing label, or cases that are not of two classes.
    """
    _refuse_mask(labels, "labels")
    # A list's missing label would become text in an array.
    array = np.asarray(labels, dtype=object if isinstance(labels, list | tuple) else None)
    if array.ndim != 1 or array.size == 0:
        raise InputError(
            f"shape {array.shape} is not one label per case",
            where="labels",
            remedy="Pass one label a case.",
        )
    if missing := pd.isna(array).sum():
        raise InputError(
            f"{amount(missing, 'cases')} without a label",
            where="labels",
            remedy="Give it, or leave these cases out everywhere.",
        )
    if positive is None:
        if not ((array == 0) | (array == 1)).all():  # `np.isin` takes ten times as long
            raise InputError(
                f"values other than 0 and 1: {pd.unique(array)[:5].tolist()}",
                where="labels",
                remedy="Code the positive class as 1 and the other as 0, or name it: `positive=`.",
            )
        is_positive = array.astype(bool)
    else:
        classes = pd.unique(array).tolist()
        look_up("label", positive, classes)
        if len(classes) > 2:
            raise InputError(
                f"{len(classes)} classes: {join_first_ten([*map(str, classes)], ', ')}",
                where="labels",
                remedy="Keep the cases of two classes.",
            )
        is_positive = np.asarray(array == positive)
    if is_positive.all() or not is_positive.any():
        raise InputError(
            f"one class only ({is_positive.sum()} positive of {is_positive.size})",
            where="labels",
            remedy="Give cases of both classes.",
        )
    return is_positive


def score_rows(scores: ArrayLike, n_cases: int, where: str = "scores") -> np.ndarray:
    """Return scores as float64 (n_predictors, n_cases), checked for text, shape and NaN."""
    rows = np.atleast_2d(numbers(scores, where))
    if rows.ndim != 2 or rows.shape[1] != n_cases:
        raise InputError(
            f"shape {np.shape(scores)} beside {n_cases} labels",
            where=where,
            remedy="Pass one score per case, cases along the last axis.",
        )
    if np.isnan(rows).any():
        raise InputError(
            f"{np.isnan(rows).sum()} of {rows.size} scores are NaN",
            where=where,
            remedy="A missing score cannot be ranked; find out why the model or run gave none.",
        )
    return rows


def score_row(scores: ArrayLike, n_cases: int, where: str = "scores") -> np.ndarray:
    """Return the scores of one predictor as float64 (n_cases,), checked as `score_rows`."""
    rows = score_rows(scores, n_cases, where)
    if len(rows) > 1:
        raise InputError(
            f"{len(rows)} rows of scores",
            where=where,
            remedy="Pass one predictor; delong_covariance takes several.",
        )
    return rows[0]


def cluster_codes(
    clusters: ArrayLike | None, n_cases: int, *, least: int = 2
) -> tuple[np.ndarray, int]:
    """Return the cluster (patient) of each case as intp (n,), and their number, at least `least`.

    Codes count from 0 in the order of first appearance, so that names do not matter.  Without
    clusters each case is one.
    """
    if clusters is None:
        return np.arange(n_cases), n_cases
    _refuse_mask(clusters, "clusters")
    if np.shape(clusters) != (n_cases,):
        raise InputError(
            f"shape {np.shape(clusters)} beside {n_cases} cases",
            where="clusters",
            remedy="Pass one patient identifier a case.",
        )
    codes, names = pd.factorize(pd.Series(clusters))
    if missing := np.count_nonzero(codes < 0):
        raise InputError(
            f"{missing} of {n_cases} cases have no identifier",
            where="clusters",
            remedy="Name the patient of every case; an unknown one cannot be grouped.",
        )
    if len(names) < least:
        raise InputError(
            f"all {n_cases} cases belong to one cluster",
            where="clusters",
            remedy="Spread between patients needs at least two; pass patient identifiers.",
        )
    return codes, len(names)
