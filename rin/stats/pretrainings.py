"""Effects of the corpus of pretraining, with the pretraining as the unit of inference.

A pair consists of the networks of one backbone and pretraining from both inits; its difference is
the mean over its scenarios.  Pairs are tested on the same patients, so their differences are
correlated, to a known degree.  Pairs may also share a backbone, and the seed of their pretraining
with its split of the corpora, which the column `pretraining_seed` identifies.  Where no seed is
known, pairs with the same number of the pretraining are assumed to share one, which is the
cautious assumption.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from rin.errors import InputError, amount
from rin.stats.effects import ALONE, MeanModel, indicators
from rin.stats.hypothesis import ESTIMATE, holm, insert_holm, t_test
from rin.stats.inputs import TaskScores, task_scores
from rin.stats.scenarios import ALL, MeanContrasts, init_differences, mean_differences
from rin.stats.synthesis import common_mean_test
from rin.tables import PREDICTIONS, check_table, require_columns

_PAIR = ["backbone", "pretraining"]
#: Eigenvalues of a covariance below this share of the spread of differences are raised to it.
_FLOOR = 1e-9


@dataclass(frozen=True)
class TaskPairs:
    """One task's pairs, one row each and fold: `_PAIR`, n_scenarios, seed, pair (number) and fold.

    Their differences (k,) have a `covariance` (k, k) over so many `patients`, 0 where these show
    no spread, which is positive definite unless neither patients nor pairs show any.
    """

    task: str
    pairs: pd.DataFrame
    differences: np.ndarray
    covariance: np.ndarray
    patients: int

    def leave_out(self, number: int) -> TaskPairs:
        """Return the task without the pair of this number."""
        kept = self.pairs["pair"].to_numpy() != number
        return replace(
            self,
            pairs=self.pairs[kept],
            differences=self.differences[kept],
            covariance=self.covariance[np.ix_(kept, kept)],
        )

    def average_folds(self) -> TaskPairs:
        """Return the task with one row for each pair, the mean over its folds."""
        means = indicators(self.pairs["pair"]).T
        means /= means.sum(axis=1, keepdims=True)
        pairs = self.pairs.sort_values("pair").drop_duplicates("pair").assign(fold=0)
        return replace(
            self,
            pairs=pairs.reset_index(drop=True),
            differences=means @ self.differences,
            covariance=means @ self.covariance @ means.T,
        )

    def effect_levels(self) -> pd.DataFrame:
        """Return the level of each row for every effect that rows may share."""
        return self.pairs[["backbone", "pair", "seed", "fold"]]

    def weights(self) -> np.ndarray:
        """Return weights by which backbones count alike, as do their pairs, and a pair's folds."""
        n_pairs = self.pairs.groupby("backbone")["pair"].transform("nunique")
        n_folds = self.pairs.groupby("pair")["fold"].transform("size")
        return (1 / (n_pairs * n_folds)).to_numpy()


def pair_differences(
    predictions: pd.DataFrame, init_a: str, init_b: str, *, level: float = 0.95
) -> pd.DataFrame:
    """Compare two inits on every task, pair by pair: backbone × pretraining.

    Parameters
    ----------
    predictions : DataFrame
        the predictions table, with `patient_id`, `backbone` and `pretraining` (1 where it is
        missing)
    init_a, init_b : str
        names of the inits
    level : float, default 0.95
        of the intervals

    Returns
    -------
    pandas.DataFrame
        One row per task and pair: task, backbone, pretraining, n_scenarios and the columns of an
        estimate (a − b, these networks on new patients; p_holm over a task's pairs).

    Raises
    ------
    InputError
        As `init_differences`; for a scenario with two backbones.

    Examples
    --------
    >>> from rin.stats import pair_differences, simulation
    >>> table = pair_differences(simulation.simulate_predictions(), "a", "b")
    >>> table.query("task == 'breast'").set_index("backbone")["estimate"].round(3).to_dict()
    {'DenseNet121': 0.052, 'ResNet50': 0.003}
    """
    tables = []
    for task, pairs, contrasts in _contrasts_of_pairs(predictions, init_a, init_b):
        tests = [contrasts.test(number, level).to_row() for number in range(len(pairs))]
        names = pairs.assign(task=task.task)[["task", *_PAIR, "n_scenarios"]]
        tables.append(names.join(pd.DataFrame(tests)))
    table = pd.concat(tables, ignore_index=True)
    insert_holm(table, within="task")
    return table


def pretraining_differences(
    predictions: pd.DataFrame,
    init_a: str,
    init_b: str,
    *,
    unit: tuple[str, str] = ("backbone", "pretraining"),
    fixed_backbones: bool = False,
    level: float = 0.95,
) -> pd.DataFrame:
    """Compare two inits on every task, with the pretraining as the unit: the headline.

    The model of the pairs' differences in each fold (training set), with their known covariance
    over patients, has random effects of the backbone, of the seed and split that pairs share, of
    the pair, of the fold, and of a pair in a fold, as far as the pairs can separate these effects
    (REML).  The interval concerns new backbones, pretrainings, patients and, where there are
    several folds, training sets.  The estimate is the mean over backbones of the mean of their
    pairs, of the mean of their folds, with t on Satterthwaite's degrees of freedom;
    `benchmarks/coverage.py` simulates how often the interval contains the truth.

    Parameters
    ----------
    predictions : DataFrame
        as `pair_differences`; with `pretraining_seed`, unless pairs share a seed and split
        exactly when they have the same number of the pretraining
    init_a, init_b : str
        names of the inits
    unit : tuple[str, str], default ('backbone', 'pretraining')
        columns that name the unit, and before it the group that units share, such as
        `("architecture", "training")`; units of one name are taken to share a seed
    fixed_backbones : bool, default False
        restrict the conclusion to these backbones, with new pretrainings and
        patients
    level : float, default 0.95
        of the intervals

    Returns
    -------
    pandas.DataFrame
        One row per task: task, pairs, backbones, pretrainings (the largest number of a backbone),
        seeds, folds, the columns of an estimate (a − b; p_holm over the tasks), sd_backbone,
        sd_seed, sd_pretraining (of a pair), sd_fold and sd_training (of a pair in one fold; NaN
        for an effect that the pairs cannot separate and that is part of another), patients_sd
        and patients_correlation (of the rows' differences over patients, from their mean variance
        and covariance), q, q_df, q_p, q_holm (test that all share one difference: Cochran's, with
        a covariance that is estimated; NaN where patients are fewer than rows), remark.

    Raises
    ------
    InputError
        As `pair_differences`; for a pair with two seeds.

    Examples
    --------
    >>> from rin.stats import pretraining_differences, simulation
    >>> predictions = simulation.simulate_predictions(pretrainings=3)
    >>> table = pretraining_differences(predictions, "a", "b")
    >>> table.set_index("task")["estimate"].round(3).to_dict()
    {'breast': 0.061, 'thyroid': 0.042}
    """
    group, member = unit
    if unit != tuple(_PAIR):
        require_columns(predictions.columns, unit, where="predictions")
        numbers = predictions[member].rank(method="dense")
        predictions = predictions.drop(columns="pretraining_seed", errors="ignore").assign(
            backbone=predictions[group], pretraining=numbers
        )
    of_tasks = task_pairs(predictions, init_a, init_b)
    return _headline(of_tasks, fixed_backbones=fixed_backbones, level=level)


def pairwise_differences(
    predictions: pd.DataFrame,
    inits: Sequence[str],
    *,
    fixed_backbones: bool = False,
    level: float = 0.95,
) -> pd.DataFrame:
    """Compare each init with each later one on every task, as one family of tests.

    Parameters
    ----------
    predictions : DataFrame
        as `pretraining_differences`, with `unfreezing`
    inits : Sequence[str]
        names of two inits or more
    fixed_backbones : bool
        as `pretraining_differences`
    level : float
        as `pretraining_differences`

    Returns
    -------
    pandas.DataFrame
        One row per pair of inits and task: task, a, b, unit, auc_a, sd_a, auc_b, sd_b (mean and SD
        over scenarios) and the columns of an estimate (a − b; p_holm over tasks × pairs).  The
        unit is `pretrainings` or, where these give no interval, `patients`: these networks.

    Raises
    ------
    InputError
        As `init_differences` and `pretraining_differences`; for fewer than two inits.

    Examples
    --------
    >>> import pandas as pd
    >>> from rin.stats import pairwise_differences, simulation
    >>> first, second = (simulation.simulate_predictions(seed=seed) for seed in (0, 2))
    >>> third = second.query("init == 'b'").assign(init="c")
    >>> table = pairwise_differences(pd.concat([first, third]), ["a", "b", "c"])
    >>> (table["a"] + table["b"]).unique().tolist(), len(table)
    (['ab', 'ac', 'bc'], 6)
    """
    if len(inits) < 2:
        raise InputError(f"{inits!r}", where="inits", remedy="Name two or more to compare.")
    tables = []
    for a, b in combinations(inits, 2):
        networks = init_differences(predictions, a, b, level=level)
        networks = networks[networks["group"] == ALL]
        units = pretraining_differences(
            predictions, a, b, fixed_backbones=fixed_backbones, level=level
        )
        units = units[units["ci_low"].notna()].assign(unit="pretrainings")
        alone = networks[~networks["task"].isin(units["task"])].assign(unit="patients")
        both = pd.concat([units, alone])[["task", "unit", *ESTIMATE]]
        arms = networks[["task", "auc_a", "sd_a", "auc_b", "sd_b"]]
        tables.append(both.merge(arms).assign(a=a, b=b))
    table = pd.concat(tables, ignore_index=True)
    insert_holm(table)
    return table


def pretraining_changes(
    first: pd.DataFrame, second: pd.DataFrame, init_a: str, init_b: str, *, level: float = 0.95
) -> pd.DataFrame:
    """Compare a difference of inits on two test sets that share no patient: first minus second.

    The same pairs are tested on both, so that a pair's change is the unit; its covariance over
    patients is the sum of both covariances, and the model is that of `pretraining_differences`.
    Of a pair in several folds the mean counts.

    Parameters
    ----------
    first, second : DataFrame
        predictions of the same pairs on each test set, for tasks of the same names
    init_a, init_b : str
        names of the inits
    level : float
        as `pretraining_differences`

    Returns
    -------
    pandas.DataFrame
        As `pretraining_differences`; the estimate is the change of a − b.

    Raises
    ------
    InputError
        As `pretraining_differences`; for a patient in both test sets, or pairs in one only.

    Examples
    --------
    >>> from rin.stats import pretraining_changes, simulation
    >>> here = simulation.simulate_predictions(pretrainings=2)
    >>> there = simulation.simulate_predictions(pretrainings=2, seed=2)
    >>> there["patient_id"] += " of another hospital"
    >>> table = pretraining_changes(here, there, "a", "b")
    >>> table.set_index("task")["estimate"].round(3).to_dict()
    {'breast': -0.016, 'thyroid': -0.003}
    """
    here, there = (
        {of.task: of.average_folds() for of in task_pairs(predictions, init_a, init_b)}
        for predictions in (first, second)
    )
    if here.keys() != there.keys():
        raise InputError(
            f"tasks {[*here]} beside {[*there]}",
            where="first, second",
            remedy="Pass the same tasks.",
        )
    changes = []
    for task, before in here.items():
        after = there[task]
        of_task = (table.loc[table["task"] == task, "patient_id"] for table in (first, second))
        if both := set.intersection(*map(set, of_task)):
            raise InputError(
                f"{len(both)} patients are in both test sets of {task}",
                where="first, second",
                remedy="Their differences are independent only if no patient is in both.",
            )
        if not before.pairs[_PAIR].astype(object).equals(after.pairs[_PAIR].astype(object)):
            raise InputError(
                f"{len(before.pairs)} pairs of {task} beside {len(after.pairs)} others",
                where="first, second",
                remedy="Pass the same pairs.",
            )
        change = before.differences - after.differences
        covariance = before.covariance + after.covariance
        patients = min(filter(None, (before.patients, after.patients)), default=0)
        changes.append(TaskPairs(task, before.pairs, change, covariance, patients))
    return _headline(changes, fixed_backbones=False, level=level)


def leave_one_pair_out(
    predictions: pd.DataFrame, init_a: str, init_b: str, *, level: float = 0.95
) -> pd.DataFrame:
    """Return the headline without each pair in turn, to see whether it depends on one pair.

    Parameters
    ----------
    predictions : DataFrame
        as `pretraining_differences`
    init_a, init_b : str
        names of the inits
    level : float
        as `pretraining_differences`

    Returns
    -------
    pandas.DataFrame
        One row per task and pair: task, backbone, pretraining (of the pair left out), the columns
        of an estimate, `moved`, the estimate minus that of all pairs, and `p_holm`, adjusted over
        the tasks, of which the others keep all their pairs; NaN where there is one pair.

    Raises
    ------
    InputError
        As `pretraining_differences`.

    Examples
    --------
    >>> from rin.stats import leave_one_pair_out, simulation
    >>> predictions = simulation.simulate_predictions(pretrainings=2)
    >>> table = leave_one_pair_out(predictions.query("task == 'breast'"), "a", "b")
    >>> table["moved"].round(3).tolist()
    [-0.004, 0.004, 0.02, -0.02]
    """
    tasks = list(task_pairs(predictions, init_a, init_b))
    whole = pd.DataFrame([_pool(of_task, level=level) for of_task in tasks])
    rows = []
    for place, of_task in enumerate(tasks):
        pairs = of_task.pairs.drop_duplicates("pair").set_index("pair")[_PAIR].sort_index()
        for number, pair in pairs.to_dict("index").items():
            cells = dict.fromkeys(ESTIMATE, math.nan)  # no pair is left of one
            if len(pairs) > 1:
                pooled = _pool(of_task.leave_out(number), level=level)
                cells = {name: pooled[name] for name in ESTIMATE}
            family = whole["p_value"].to_numpy(float, copy=True)
            family[place] = cells["p_value"]
            rows.append(
                {
                    "task": of_task.task,
                    **pair,
                    **cells,
                    "moved": cells["estimate"] - whole["estimate"][place],
                    "p_holm": holm(family)[place],
                }
            )
    return pd.DataFrame(rows)


def _headline(
    of_tasks: Iterable[TaskPairs], *, fixed_backbones: bool, level: float
) -> pd.DataFrame:
    rows = []
    for of_task in of_tasks:
        pairs = of_task.pairs.drop_duplicates(_PAIR)
        of_backbone = pairs.groupby("backbone").size()
        rows.append(
            {
                "task": of_task.task,
                "pairs": len(pairs),
                "backbones": len(of_backbone),
                "pretrainings": int(of_backbone.max()),
                "seeds": pairs["seed"].nunique(),
                "folds": of_task.pairs["fold"].nunique(),
                **_pool(of_task, fixed_backbones=fixed_backbones, level=level),
            }
        )
    table = pd.DataFrame(rows)
    insert_holm(table)
    insert_holm(table, "q_p", "q_holm")
    return table


def _pool(
    of_task: TaskPairs, *, fixed_backbones: bool = False, level: float = 0.95
) -> dict[str, Any]:
    """Return the cells of an estimate, SDs of the effects, Cochran's test and a remark."""
    differences = of_task.differences
    covariance = of_task.covariance
    levels = of_task.pairs
    weights = of_task.weights()
    n_pairs = levels["pair"].nunique()
    n_backbones = levels["backbone"].nunique()
    sds = [f"sd_{name}" for name in ("backbone", "seed", "pretraining", "fold", "training")]
    over_patients = ["patients_sd", "patients_correlation"]
    pooled = dict.fromkeys([*ESTIMATE, *sds, *over_patients, "q", "q_df", "q_p"], math.nan)
    pooled["estimate"] = float(np.average(differences, weights=weights))
    if n_pairs == 1:
        return pooled | {"remark": "One pair: nothing is known of other pretrainings."}
    if not np.isfinite(covariance).all():
        return pooled | {"remark": "A fold tests one patient of a class: no interval."}
    if not np.trace(covariance) > 0:
        return pooled | {"remark": "Neither patients nor pairs show any spread."}
    if fixed_backbones and n_backbones == n_pairs:
        return pooled | {"remark": "One pretraining of each backbone shows no spread of them."}
    fixed = levels["backbone"] if fixed_backbones else None
    fits = MeanModel(covariance, of_task.effect_levels(), weights, fixed).fit(differences)
    alone = "training" if "pair" in fits.variances else "pretraining"
    for effect, of_effect in fits.variances.items():
        name = {ALONE: alone, "pair": "pretraining"}.get(effect, effect)
        pooled[f"sd_{name}"] = math.sqrt(of_effect.item())
    error = fits.standard_errors.item()
    pooled |= t_test(pooled["estimate"], error, fits.df.item(), level).to_row()
    variance = np.diag(covariance).mean()
    fold = levels["fold"].to_numpy()
    beside = np.triu(np.equal.outer(fold, fold), 1)
    shared = covariance[beside].mean() / variance if beside.any() else math.nan
    pooled |= {"patients_sd": math.sqrt(variance), "patients_correlation": float(shared)}
    remarks = []
    if of_task.patients:  # a degree of freedom less for each class
        pooled |= common_mean_test(differences, covariance, of_task.patients - 2)
    else:
        remarks.append("The patients show no spread: pairs are taken as known.")
    if n_backbones == 1:
        remarks.append("One backbone: nothing is known of others.")
    elif levels["seed"].nunique() == 1:
        remarks.append("All pairs share one seed and split: nothing is known of others.")
    if "fold" in fits.variances:
        df_of_folds = amount(levels["fold"].nunique() - 1, "degrees")
        remarks.append(f"The variance between folds rests on {df_of_folds} of freedom.")
    return pooled | {"remark": " ".join(remarks)}


def _positive_definite(estimates: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Return the covariance, with eigenvalues above zero unless nothing shows any spread.

    It contains NaN where a fold tests one patient of a class.
    """
    if not np.isfinite(covariance).all():
        return covariance
    spread = max(float(np.diag(covariance).mean()), float(estimates.var()))
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.maximum(values, _FLOOR * spread)) @ vectors.T


def _seeds(networks: pd.DataFrame, inits: tuple[str, ...]) -> pd.Series:
    """Return a name of the seed of each pair (`_PAIR`): by the pretraining's number if not known.

    InputError for a pair with two seeds, whose inits would have had different splits.
    """
    rows = networks[networks["init"].isin(inits)]
    check_table(rows, PREDICTIONS, ["pretraining_seed"], where="predictions")
    of_pair = rows.groupby(_PAIR, observed=True)["pretraining_seed"].agg(["nunique", "first"])
    if (several := of_pair["nunique"] > 1).any():
        pair = " ".join(map(str, several.idxmax()))
        raise InputError(
            f"pair {pair} has two seeds",
            where="pretraining_seed",
            remedy="Give both inits of a pair the seed of its pretraining.",
        )
    numbers = "number " + of_pair.index.get_level_values("pretraining").astype(str)
    return ("seed " + of_pair["first"].astype(str)).where(of_pair["first"].notna(), numbers)


def _contrasts_of_pairs(
    predictions: pd.DataFrame, *inits: str
) -> Iterator[tuple[TaskScores, pd.DataFrame, MeanContrasts]]:
    """Yield each task, its pairs (`_PAIR`, n_scenarios, seed, pair), and their differences."""
    if "pretraining" not in predictions:
        predictions = predictions.assign(pretraining=1)
    require_columns(predictions.columns, ["init", *_PAIR], where="predictions")
    of_network = ["init", *_PAIR, "pretraining_seed"]
    seeds = _seeds(predictions.reindex(columns=of_network).drop_duplicates(), inits)
    for task in task_scores(predictions, inits, _PAIR):
        of_pair = task.networks.groupby(_PAIR)
        pairs = of_pair.size().reset_index(name="n_scenarios")
        number = of_pair.ngroup()
        pairs["seed"] = seeds.reindex(pd.MultiIndex.from_frame(pairs[_PAIR])).to_numpy()
        pairs["pair"] = pairs.index
        yield (
            task,
            pairs,
            mean_differences(task, [(number == pair).to_numpy() for pair in pairs.index]),
        )


def task_pairs(predictions: pd.DataFrame, init_a: str, init_b: str) -> Iterator[TaskPairs]:
    """Yield the pairs of each task, for `pretraining_differences` and similar analyses."""
    for task, pairs, contrasts in _contrasts_of_pairs(predictions, init_a, init_b):
        rows = [pairs.assign(fold=fold) for fold, _, _ in task.folds]
        there = contrasts.trained.ravel()
        n_folds = contrasts.trained.sum(axis=0)
        differences = (contrasts.of_folds * n_folds).ravel()[there]
        between = contrasts.between * n_folds[:, None, None] * n_folds
        covariance = between.reshape(there.size, there.size)[np.ix_(there, there)]
        yield TaskPairs(
            task.task,
            pd.concat(rows)[there].reset_index(drop=True),
            differences,
            _positive_definite(differences, covariance),
            task.cases["patient_id"].nunique() if np.trace(covariance) > 0 else 0,
        )
