"""Checks of what statistics accept, and the step from the long predictions table to arrays.

The schemas in `rin.tables` say what a single column may contain; this module checks columns
against one another, so that the formulas elsewhere can trust their arrays.  Nothing is repaired or
dropped: invalid input raises InputError.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from rin.errors import InputError, as_input_error, counted, join_first_ten, look_up
from rin.stats.placements import placement_counts
from rin.tables import PREDICTIONS, check_table, require_columns

RUN = ["task", "fold", "scenario", "init", "seed"]
COLUMNS = [*RUN, "case_id", "part", "label", "score"]
#: Columns that identify a score.
_SCORE = ["task", "network", "init", "case_id"]


@dataclass(frozen=True)
class TaskScores:
    """One task's test cases and the scores that every network gives them.

    `cases` has one row per fold and case, sorted by both: case_id, fold, label, patient_id;
    `networks` has one row per network, which is a scenario from one pretraining; `scores` is
    (inits, networks, cases), NaN where a network was not trained in a fold.
    """

    task: str
    inits: tuple[str, ...]
    networks: pd.DataFrame
    cases: pd.DataFrame
    scores: np.ndarray

    def shares(self, inside: np.ndarray | None = None) -> np.ndarray:
        """Return the weight of each network (S,) in a mean in which every scenario counts once."""
        chosen = np.full(len(self.networks), True) if inside is None else np.asarray(inside)
        counts = np.bincount(self._scenarios[chosen], minlength=len(self.networks))
        sizes = np.maximum(counts[self._scenarios], 1)
        return np.where(chosen, 1 / sizes / max(np.count_nonzero(counts), 1), 0.0)

    @cached_property
    def _scenarios(self) -> np.ndarray:
        """Number of the scenario of each network, (S,)."""
        return pd.factorize(self.networks["scenario"])[0]

    @property
    def labels(self) -> np.ndarray:
        """Label of each case, (n,)."""
        return self.cases["label"].to_numpy()

    @property
    def patients(self) -> np.ndarray:
        """Patient of each case, object (n,)."""
        return self.cases["patient_id"].to_numpy(object)

    @cached_property
    def folds(self) -> list[tuple[int, TaskScores]]:
        """The number of each fold, with the scores of its networks and cases."""
        fold = self.cases["fold"].to_numpy()
        numbers = np.unique(fold)
        if len(numbers) == 1:
            return [(numbers[0], self)]
        parts = []
        for number in numbers:
            of_fold = self.scores[..., fold == number]
            trained = ~np.isnan(of_fold[0, :, 0])
            networks, cases = self.networks[trained], self.cases[fold == number]
            part = replace(self, networks=networks, cases=cases, scores=of_fold[:, trained])
            parts.append((number, part))
        return parts

    @property
    def trained(self) -> np.ndarray:
        """Whether each network was trained in each fold, (folds, S)."""
        return np.array([self.networks.index.isin(part.networks.index) for _, part in self.folds])

    @cached_property
    def counts(self) -> tuple[np.ndarray, np.ndarray]:
        """The `placement_counts` of all networks, init by init, kept for several analyses."""
        rows = self.scores.reshape(-1, len(self.cases))
        return placement_counts(binary_labels(self.labels), rows)


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
    needed = ["patient_id", *of_scenarios]
    require_columns(predictions.columns, needed, where="predictions")
    rows = evaluated_rows(predictions, *needed)
    check_known("init", inits, rows["init"])
    inside = rows["init"].isin(inits)
    rows = rows if inside.all() else rows[inside]
    rows = rows.assign(network=network_names(rows["scenario"], rows.get("pretraining")))
    # Categories while rows are compared and selected: with strings this takes most of the time.
    texts = rows[["network", "scenario", "init", "case_id", "patient_id"]].dtypes.to_dict()
    rows = rows.astype(dict.fromkeys(texts, "category"))
    for task, rows_of_task in rows.groupby("task", observed=True, sort=False):
        with name_place(f"task {task}"):
            of_networks = rows_of_task[["network", "scenario", *of_scenarios]]
            networks, agree = _first_of_each("network", of_networks)
            networks = networks.astype({name: texts[name] for name in ("network", "scenario")})
            networks = networks.set_index("network").sort_index()
            if not agree:
                problem = f"a scenario has two values of {' or '.join(of_scenarios)}"
                remedy = "Name scenarios so that each has one."
                raise InputError(problem, where="predictions", remedy=remedy)
            several = rows_of_task["fold"].nunique() > 1
            folds = [of for _, of in rows_of_task.groupby("fold")] if several else [rows_of_task]
            parts = []
            for of_fold in folds:
                cases = _cases(of_fold[[*_SCORE, "fold", "label", "patient_id"]], texts)
                trained = networks.index.isin(of_fold["network"])
                scores = np.full((len(inits), len(networks), len(cases)), np.nan)
                scores[:, trained] = _scores(of_fold, tuple(inits), networks[trained], cases)
                parts.append((cases, scores, trained))
            if several:
                _check_folds(parts, networks, rows_of_task)
            cases = pd.concat([part[0] for part in parts], ignore_index=True)
            scores = np.concatenate([part[1] for part in parts], axis=2)
        yield TaskScores(str(task), tuple(inits), networks, cases, scores)


def _check_folds(
    parts: Sequence[tuple[pd.DataFrame, np.ndarray, np.ndarray]],
    networks: pd.DataFrame,
    rows: pd.DataFrame,
) -> None:
    """Raise InputError for a case that folds describe differently, or a network without a fold.

    A fold may lack networks only if it lacks all of their backbone and pretraining.
    """
    cases = pd.concat([part[0] for part in parts]).drop_duplicates(
        ["case_id", "label", "patient_id"]
    )
    _check_one_row_each(cases)
    trained = pd.DataFrame([part[2] for part in parts], columns=networks.index).T
    of_pair = [name for name in ("backbone", "pretraining") if name in rows]
    pairs = rows.drop_duplicates("network").set_index("network")[of_pair].astype(str)
    pair = (
        pairs.agg(" ".join, axis=1).reindex(networks.index) if len(of_pair) > 1 else trained[0] > 2
    )
    uneven = trained.groupby(pair.to_numpy()).transform("nunique").gt(1).any(axis=1)
    if uneven.any():
        lacking = trained.index[uneven & ~trained.all(axis=1)][0]
        problem = f"scenario {lacking} has no scores in a fold that others have"
        remedy = "Finish the missing runs, or leave out that fold of its pretraining."
        raise InputError(problem, where="predictions", remedy=remedy)


def network_names(scenarios: pd.Series, pretrainings: pd.Series | None) -> pd.Series:
    """Return the network of each row: its scenario, with its pretraining where that is given."""
    if pretrainings is None:
        return scenarios.astype(str)
    # Each name is written once, as there are far fewer networks than rows.
    rows = pd.DataFrame({"scenario": scenarios, "pretraining": pretrainings})
    numbers = rows.groupby([*rows], observed=True, sort=False, dropna=False).ngroup()
    networks = rows.assign(number=numbers).drop_duplicates("number").sort_values("number")
    names = networks["scenario"].astype(str) + " pretraining "
    names += networks["pretraining"].astype(str)
    return pd.Series(pd.Categorical.from_codes(numbers, names), index=rows.index)


def _first_of_each(key: str, rows: pd.DataFrame) -> tuple[pd.DataFrame, bool]:
    """Return the first row of each value of a key, and whether all rows of a key are equal.

    The key is a column of categories.  Comparing codes is far quicker than dropping duplicates of
    several columns.
    """
    at = np.flatnonzero(~rows[key].duplicated())
    firsts = rows.iloc[at]
    place_of = np.zeros(len(rows[key].cat.categories), dtype=int)
    place_of[firsts[key].cat.codes] = np.arange(len(firsts))
    places = place_of[rows[key].cat.codes]

    def values(column: pd.Series) -> np.ndarray:
        if isinstance(column.dtype, pd.CategoricalDtype):
            return column.cat.codes.to_numpy()
        # Missing values, which equal nothing, have one code.
        return pd.factorize(column)[0] if column.hasnans else np.asarray(column)

    columns = (values(rows[name]) for name in rows)
    return firsts, all((column == column[at][places]).all() for column in columns)


def _cases(rows: pd.DataFrame, types: Mapping[str, Any]) -> pd.DataFrame:
    """Return one row per case, given the names and cases of all scores of a task.

    InputError if rows of a case disagree.
    """
    of_rows = rows[["case_id", "fold", "label", "patient_id"]]
    cases, agree = _first_of_each("case_id", of_rows)
    if not agree:
        check_unique(rows[_SCORE])
        cases = of_rows.drop_duplicates()
    cases = cases.astype({name: types[name] for name in ("case_id", "patient_id")})
    cases = cases.sort_values("case_id", ignore_index=True)
    if nameless := cases["patient_id"].isna().sum():
        problem = f"{nameless} test cases name no patient"
        remedy = "Name the patient of every case; where each has one image, repeat case_id."
        raise InputError(problem, where="predictions", remedy=remedy)
    _check_one_row_each(cases)
    return cases


def _check_one_row_each(cases: pd.DataFrame) -> None:
    repeated = cases["case_id"][cases["case_id"].duplicated()]
    if repeated.size:
        problem = f"case {repeated.iloc[0]!r} has two labels or patients"
        remedy = "Evaluate every network on the same case table."
        raise InputError(problem, where="predictions", remedy=remedy)


def _scores(
    rows: pd.DataFrame, inits: tuple[str, ...], networks: pd.DataFrame, cases: pd.DataFrame
) -> np.ndarray:
    names = {"init": pd.Index(inits), "network": networks.index, "case_id": cases["case_id"]}
    places = []
    for column, order in names.items():
        of_categories = pd.Index(order).get_indexer(rows[column].cat.categories)
        places.append(of_categories[rows[column].cat.codes])
    scores = np.full([len(order) for order in names.values()], np.nan)
    scores[tuple(places)] = rows["score"].to_numpy(dtype=float)
    is_missing = np.isnan(scores)
    if len(rows) > scores.size - np.count_nonzero(is_missing):
        check_unique(rows[_SCORE])
    lacking = is_missing.any(axis=2)
    if lacking.any():
        i, j = np.argwhere(lacking)[0]
        missing = f"{np.isnan(scores[i, j]).sum()} of {len(cases)} cases"
        problem = f"{missing} of scenario {networks.index[j]} have no score of init {inits[i]!r}"
        remedy = "Finish the missing runs with the same folds; if a score is NaN, find out why."
        raise InputError(problem, where="predictions", remedy=remedy)
    return scores


def evaluated_rows(predictions: pd.DataFrame, *more: str) -> pd.DataFrame:
    """Return the test rows of a predictions table, each with the names of its run.

    Only the columns that statistics read, and `more`, are kept, because selecting strings is slow.
    """
    require_columns(predictions.columns, COLUMNS, where="predictions")
    read = dict.fromkeys([*COLUMNS, "pretraining", "backbone", *more])
    rows = predictions[[name for name in read if name in predictions]]
    tested = rows["part"] == "test"
    rows = rows if tested.all() else rows[tested]
    if rows.empty:
        remedy = "Pass runs that were evaluated."
        raise InputError("no row of part 'test'", where="predictions", remedy=remedy)
    checked = [*COLUMNS, "pretraining"] if "pretraining" in rows else COLUMNS
    check_table(rows, PREDICTIONS, checked, where="predictions, test rows")
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
    cases = pd.factorize(rows["case_id"])[0]
    labels, all_scores = rows["label"].to_numpy(), rows["score"].to_numpy()
    # Rows of two columns are selected by position: selecting all columns for each run takes far
    # longer.
    places = rows.groupby(columns, observed=True).indices
    for key in sorted(places):
        names = dict(zip(columns, key, strict=True))
        if np.bincount(cases[places[key]]).max() > 1:
            check_unique(rows[[*columns, "case_id"]])
        with name_place(", ".join(f"{name} {value}" for name, value in names.items())):
            positive = binary_labels(labels[places[key]])
            scores = score_row(all_scores[places[key]], positive.size)
        yield names, positive, scores


def check_known(kind: str, names: Sequence[str], present: pd.Series) -> None:
    """Raise InputError for a name that a column does not contain, listing the known names."""
    known = sorted(present.dropna().unique())
    for name in names:
        look_up(kind, name, known)


def check_unique(keys: pd.DataFrame) -> None:
    """Raise InputError if the keys of two rows are equal."""
    repeated = keys.duplicated()
    if repeated.any():
        first = keys[repeated].iloc[0].to_dict()
        problem = f"{repeated.sum()} rows repeat their {', '.join(keys)}; the first: {first}"
        remedy = "Keep one row for each; select one seed, and folds with disjoint test sets."
        raise InputError(problem, where="predictions", remedy=remedy)


@contextmanager
def name_place(where: str) -> Iterator[None]:
    """Prefix the place of an InputError, so that it names the run at fault."""
    try:
        yield
    except InputError as error:
        place = f"{where}, {error.where}"
        raise InputError(error.problem, where=place, remedy=error.remedy) from error


def check_aligned(**columns: ArrayLike | None) -> None:
    """Raise InputError for pandas objects with different indexes, whose rows would not match."""
    indexes: dict[str, Any] = {
        name: getattr(column, "index", None) for name, column in columns.items()
    }
    indexed = [name for name, index in indexes.items() if isinstance(index, pd.Index)]
    for first, name in product(indexed[:1], indexed[1:]):
        if not indexes[first].equals(indexes[name]):
            problem = f"the index of {name} is not that of {first}"
            remedy = f"Align them, as by `{name}.loc[{first}.index]`, or pass arrays."
            raise InputError(problem, where=name, remedy=remedy)


def check_rows_aligned(
    labels: ArrayLike, scores_matrix: ArrayLike, clusters: ArrayLike | None
) -> None:
    """Raise InputError as `check_aligned`, for scores that may be a list of pandas objects.

    The columns of a table of scores are its cases.
    """
    listed = scores_matrix if isinstance(scores_matrix, list | tuple) else ()
    rows = {f"scores_matrix[{number}]": row for number, row in enumerate(listed)}
    if isinstance(scores_matrix, pd.DataFrame):
        rows = {"scores_matrix.T": scores_matrix.T}
    check_aligned(labels=labels, **rows, clusters=clusters)


def _refuse_mask(values: ArrayLike, where: str) -> None:
    """Raise InputError for a masked array, whose mask would be lost."""
    if np.ma.isMaskedArray(values):
        remedy = "Leave masked cases out everywhere: pass `.compressed()` of each."
        raise InputError("a masked array", where=where, remedy=remedy)


def numbers(values: ArrayLike, where: str) -> np.ndarray:
    """Return values as float64; InputError for text, complex numbers or a masked array."""
    for part in [values, *(values if isinstance(values, list | tuple) else ())]:
        _refuse_mask(part, where)
    with as_input_error(
        "not numeric", where=where, remedy="Pass numbers.", kinds=(TypeError, ValueError)
    ):
        array = np.asarray(values)
        is_text = array.dtype == object and any(isinstance(cell, str) for cell in array.flat)
        if array.dtype.kind in "USc" or is_text:
            raise TypeError("text or complex numbers")
        return array.astype(float)


def binary_labels(labels: ArrayLike, positive: Hashable | None = None) -> np.ndarray:
    """Return labels (n,) of two classes as booleans, True for the positive class.

    `positive` is the label of that class; if it is None, labels are 0 and 1.  InputError for a
    missing label, or cases that are not of two classes.
    """
    _refuse_mask(labels, "labels")
    # A list's missing label would become text in an array.
    is_list = isinstance(labels, list | tuple)
    array = np.asarray(labels, dtype=object if is_list else None)
    if array.ndim != 1 or array.size == 0:
        problem = f"shape {array.shape} is not one label per case"
        raise InputError(problem, where="labels", remedy="Pass one label a case.")
    if missing := int(pd.isna(array).sum()):
        remedy = "Give it, or leave these cases out everywhere."
        raise InputError(
            f"{counted(missing, 'cases')} without a label", where="labels", remedy=remedy
        )
    if positive is None:
        if not ((array == 0) | (array == 1)).all():  # `np.isin` takes ten times as long
            problem = f"values other than 0 and 1: {pd.unique(array)[:5].tolist()}"
            remedy = "Code the positive class as 1 and the other as 0, or name it: `positive=`."
            raise InputError(problem, where="labels", remedy=remedy)
        is_positive = array.astype(bool)
    else:
        classes = pd.unique(array).tolist()
        look_up("label", positive, classes)
        if len(classes) > 2:
            problem = f"{len(classes)} classes: {join_first_ten([*map(str, classes)], ', ')}"
            raise InputError(problem, where="labels", remedy="Keep the cases of two classes.")
        is_positive = np.asarray(array == positive)
    if is_positive.all() or not is_positive.any():
        problem = f"one class only ({is_positive.sum()} positive of {is_positive.size})"
        raise InputError(problem, where="labels", remedy="Give cases of both classes.")
    return is_positive


def score_rows(scores: ArrayLike, n_cases: int, where: str = "scores") -> np.ndarray:
    """Return scores as float64 (n_predictors, n_cases), checked for text, shape and NaN."""
    rows = np.atleast_2d(numbers(scores, where))
    if rows.ndim != 2 or rows.shape[1] != n_cases:
        problem = f"shape {np.shape(scores)} beside {n_cases} labels"
        remedy = "Pass one score per case, cases along the last axis."
        raise InputError(problem, where=where, remedy=remedy)
    if np.isnan(rows).any():
        problem = f"{np.isnan(rows).sum()} of {rows.size} scores are NaN"
        remedy = "A missing score cannot be ranked; find out why the model or run gave none."
        raise InputError(problem, where=where, remedy=remedy)
    return rows


def score_row(scores: ArrayLike, n_cases: int, where: str = "scores") -> np.ndarray:
    """Return the scores of one predictor as float64 (n_cases,), checked as `score_rows`."""
    rows = score_rows(scores, n_cases, where)
    if len(rows) > 1:
        remedy = "Pass one predictor; delong_covariance takes several."
        raise InputError(f"{len(rows)} rows of scores", where=where, remedy=remedy)
    return rows[0]


def cluster_codes(clusters: ArrayLike, n_cases: int, *, least: int = 2) -> tuple[np.ndarray, int]:
    """Return the cluster (patient) of each case as intp (n,), and their number, at least `least`.

    Codes count from 0 in the order of first appearance, so that names do not matter.
    """
    _refuse_mask(clusters, "clusters")
    if np.shape(clusters) != (n_cases,):
        problem = f"shape {np.shape(clusters)} beside {n_cases} cases"
        remedy = "Pass one patient identifier a case."
        raise InputError(problem, where="clusters", remedy=remedy)
    values = pd.Series(clusters)
    if values.isna().any():
        problem = f"{values.isna().sum()} of {n_cases} cases have no identifier"
        remedy = "Name the patient of every case; an unknown one cannot be grouped."
        raise InputError(problem, where="clusters", remedy=remedy)
    codes, names = pd.factorize(values)
    if len(names) < least:
        remedy = "Spread between patients needs at least two; pass patient identifiers."
        problem = f"all {n_cases} cases belong to one cluster"
        raise InputError(problem, where="clusters", remedy=remedy)
    return codes, len(names)
