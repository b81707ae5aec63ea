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
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from rin.errors import InputError, counted
from rin.stats import inputs
from rin.stats.delong import auc_ci
from rin.stats.effects import ALONE, MeanModel, each_level_once, posterior_mean
from rin.stats.hypothesis import ESTIMATE, holm, insert_holm, t_test
from rin.stats.inputs import TaskScores, task_scores
from rin.stats.scenarios import MeanContrasts, mean_differences
from rin.stats.synthesis import common_mean_test, equal_means_test
from rin.tables import PREDICTIONS, check_table, require_columns

_PAIR = ["backbone", "pretraining"]
#: Eigenvalues of a covariance below this share of the spread of differences are raised to it.
_FLOOR = 1e-9
#: Scale of the half-normal priors of SDs, in AUC (0-1).
PRIOR_SD = 0.05
#: Analyses of `pretraining_sensitivity`, the headline first.
MODELS = {
    "headline": "Headline",
    "own_seeds": "As if no pairs shared a seed",
    "fixed_backbones": "These backbones, fixed",
    "posterior": "Posterior mean",
}


@dataclass(frozen=True)
class TaskPairs:
    """One task's pairs, one row each and fold: backbone, pretraining, fold, n_scenarios and seed.

    Their differences (k,) have a `covariance` (k, k) over patients, which is positive definite
    unless neither patients nor pairs show any spread.
    """

    task: str
    pairs: pd.DataFrame
    differences: np.ndarray
    covariance: np.ndarray
    patients_vary: bool

    def without(self, number: int) -> TaskPairs:
        """Return the task without the pair of this number."""
        kept = self.number != number
        covariance, differences = self.covariance[np.ix_(kept, kept)], self.differences[kept]
        rest = {"pairs": self.pairs[kept], "differences": differences, "covariance": covariance}
        return replace(self, **rest)

    @property
    def backbones(self) -> pd.Series:
        """Backbone of each row."""
        return self.pairs["backbone"]

    @property
    def number(self) -> np.ndarray:
        """Number of the pair of each row."""
        return self.pairs.groupby(_PAIR).ngroup().to_numpy()

    def shared(self) -> dict[str, ArrayLike]:
        """Return the levels of the rows for each effect that rows may share, by its name."""
        shared = {name: self.pairs[name] for name in ("seed", "fold")}
        return {"backbone": self.backbones, "pair": self.number} | shared

    def weights(self) -> np.ndarray:
        """Return the weights of rows in a mean over backbones, of their pairs, of their folds."""
        of_pairs = self.pairs.assign(number=self.number).drop_duplicates("number")
        shares = pd.Series(each_level_once(of_pairs["backbone"]), of_pairs["number"])
        return shares[self.number].to_numpy() / np.bincount(self.number)[self.number]


def paired_scores(
    predictions: inputs.Predictions,
    init_a: str,
    init_b: str,
    settings: Sequence[str] = ("unfreezing",),
) -> Iterator[TaskScores]:
    """Yield the scores of each task, checked and aligned, to compare two inits more than once.

    Functions that compare two inits by task take a list of these in place of predictions.

    Parameters
    ----------
    predictions, init_a, init_b : inputs.Predictions or str
        as `pretraining_differences`
    settings : Sequence[str], default ('unfreezing',)
        further columns, each with one value per scenario

    Returns
    -------
    iterator of rin.stats.inputs.TaskScores
        One per task, with backbone, pretraining, seed (a name, equal in pairs that share a seed)
        and settings of each network.

    Raises
    ------
    InputError
        As `pretraining_differences`.

    Examples
    --------
    >>> from rin.stats import paired_scores, pretraining_differences, simulation
    >>> paired = [*paired_scores(simulation.simulate_predictions(), "a", "b")]
    >>> pretraining_differences(paired, "a", "b")["task"].tolist()
    ['breast', 'thyroid']
    """
    inits = init_a, init_b
    if not isinstance(predictions, pd.DataFrame):
        for table in predictions:
            if isinstance(table, TaskScores):
                yield from task_scores([table], inits, [*_PAIR, "seed", *settings])
            else:
                yield from paired_scores(table, *inits, settings)
        return
    if "pretraining" not in predictions:
        predictions = predictions.assign(pretraining=1)
    require_columns(predictions.columns, ["init", *_PAIR], where="predictions")
    of_network = predictions.columns.intersection(["init", *_PAIR, "pretraining_seed"])
    seeds = _seeds(predictions[of_network].drop_duplicates(), inits)
    for task in task_scores(predictions, inits, [*_PAIR, *settings]):
        of_networks = pd.MultiIndex.from_frame(task.networks[_PAIR])
        networks = task.networks.assign(seed=seeds.reindex(of_networks).to_numpy())
        yield replace(task, networks=networks)


def by_setting(tasks: Iterable[TaskScores], setting: str) -> dict[str, list[TaskScores]]:
    """Return paired scores apart by a setting of their networks, such as the unfreezing.

    Parameters
    ----------
    tasks : Iterable[TaskScores]
        `paired_scores`
    setting : str
        a column of their networks

    Returns
    -------
    dict of str to list
        The tasks with the networks of each value of the setting, which ascend.

    Examples
    --------
    >>> from rin.stats import by_setting, paired_scores, simulation
    >>> paired = paired_scores(simulation.simulate_predictions(), "a", "b")
    >>> [*by_setting(paired, "unfreezing")]
    ['freeze_all', 'unfreeze_all']
    """
    apart: dict[str, list[TaskScores]] = {}
    for task in tasks:
        values = task.networks[setting].astype(str).to_numpy()
        for value in np.unique(values):
            inside = values == value
            networks, scores = task.networks[inside], task.scores[:, inside]
            apart.setdefault(value, []).append(replace(task, networks=networks, scores=scores))
    return dict(sorted(apart.items()))


def pair_differences(
    predictions: inputs.Predictions, init_a: str, init_b: str, *, level: float = 0.95
) -> pd.DataFrame:
    """Compare two inits on every task, pair by pair: backbone × pretraining.

    Parameters
    ----------
    predictions : inputs.Predictions
        with `patient_id`, `backbone` and `pretraining` (1 where it is missing); or
        `paired_scores`
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
    for task in paired_scores(predictions, init_a, init_b, settings=()):
        pairs, contrasts = _contrasts_of_pairs(task)
        tests = [contrasts.test(number, level).to_row() for number in range(len(pairs))]
        table = pd.concat([pairs.drop(columns="seed"), pd.DataFrame(tests)], axis=1)
        table.insert(0, "task", task.task)
        tables.append(table)
    table = pd.concat(tables, ignore_index=True)
    insert_holm(table, within="task")
    return table


def pretraining_differences(
    predictions: inputs.Predictions,
    init_a: str,
    init_b: str,
    *,
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
    predictions : inputs.Predictions
        as `pair_differences`, or an iterable of tables, one per task; with
        `pretraining_seed`, unless pairs share a seed and split exactly when they have the same
        number of the pretraining
    init_a, init_b : str
        names of the inits
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
        and covariance), q, q_df, q_p, q_holm (Cochran's test that all share one difference),
        remark.

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
    of_tasks = task_pairs(predictions, init_a, init_b)
    return _headline(of_tasks, fixed_backbones=fixed_backbones, level=level)


def pretraining_changes(
    first: pd.DataFrame, second: pd.DataFrame, init_a: str, init_b: str, *, level: float = 0.95
) -> pd.DataFrame:
    """Compare a difference of inits on two test sets that share no patient: first minus second.

    The same pairs are tested on both, so that a pair's change is the unit; its covariance over
    patients is the sum of both covariances, and the model is that of `pretraining_differences`.

    Parameters
    ----------
    first, second : DataFrame
        predictions of the same pairs on each test set, for tasks of the same names
    init_a, init_b, level : str or float
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
        {of.task: of for of in task_pairs(predictions, init_a, init_b)}
        for predictions in (first, second)
    )
    if here.keys() != there.keys():
        problem = f"tasks {[*here]} beside {[*there]}"
        raise InputError(problem, where="first, second", remedy="Pass the same tasks.")
    for task, patients in first.groupby("task", observed=True)["patient_id"]:
        both = set(patients) & set(second.loc[second["task"] == task, "patient_id"])
        if both:
            problem = f"{len(both)} patients are in both test sets of {task}"
            remedy = "Their differences are independent only if no patient is in both."
            raise InputError(problem, where="first, second", remedy=remedy)
    changes = []
    for task, before in here.items():
        after = there[task]
        rows = [*_PAIR, "fold"]
        if not before.pairs[rows].equals(after.pairs[rows]):
            problem = f"{len(before.pairs)} pairs of {task} beside {len(after.pairs)} others"
            raise InputError(problem, where="first, second", remedy="Pass the same pairs.")
        change = before.differences - after.differences
        covariance = before.covariance + after.covariance
        vary = before.patients_vary or after.patients_vary
        changes.append(TaskPairs(task, before.pairs, change, covariance, vary))
    return _headline(changes, fixed_backbones=False, level=level)


def leave_one_pair_out(
    predictions: inputs.Predictions, init_a: str, init_b: str, *, level: float = 0.95
) -> pd.DataFrame:
    """Return the headline without each pair in turn, to see whether it depends on one pair.

    Parameters
    ----------
    predictions, init_a, init_b, level : inputs.Predictions or str or float
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
    tasks = [*task_pairs(predictions, init_a, init_b)]
    whole = pd.DataFrame([_pooled(of_task, level=level) for of_task in tasks])
    rows = []
    for place, of_task in enumerate(tasks):
        pairs = of_task.pairs[_PAIR].drop_duplicates().sort_values(_PAIR)
        for number, pair in enumerate(pairs.to_dict("records")):
            cells = dict.fromkeys(ESTIMATE, math.nan)  # no pair is left of one
            if len(pairs) > 1:
                pooled = _pooled(of_task.without(number), level=level)
                cells = {name: pooled[name] for name in ESTIMATE}
            family = whole["p_value"].to_numpy(float, copy=True)
            family[place] = cells["p_value"]
            changes = {
                "moved": cells["estimate"] - whole["estimate"][place],
                "p_holm": holm(family)[place],
            }
            rows.append({"task": of_task.task} | pair | cells | changes)
    return pd.DataFrame(rows)


def posterior_differences(
    predictions: pd.DataFrame,
    init_a: str,
    init_b: str,
    *,
    sd_scale: float = PRIOR_SD,
    level: float = 0.95,
) -> pd.DataFrame:
    """Compare two inits as `pretraining_differences`, by a posterior: a sensitivity analysis.

    The mean has a flat prior, and every SD (of backbones, seeds and pairs, as far as pairs can
    separate them) a half-normal one, so that SDs that few pairs estimate are neither zero nor very
    large.

    Parameters
    ----------
    predictions, init_a, init_b : DataFrame or str
        as `pretraining_differences`
    sd_scale : float, default PRIOR_SD
        scale of the half-normal priors, in AUC (0-1)
    level : float, default 0.95
        of the intervals, of equal tails

    Returns
    -------
    pandas.DataFrame
        One row per task: task, estimate (the posterior mean), ci_low, ci_high, standard_error (the
        posterior SD) and above (the probability that the difference is above zero); NaN with one
        pair.

    Raises
    ------
    InputError
        As `pretraining_differences`.

    Examples
    --------
    >>> from rin.stats import posterior_differences, simulation
    >>> predictions = simulation.simulate_predictions(pretrainings=2)
    >>> table = posterior_differences(predictions, "a", "b")
    >>> table.set_index("task")["above"].round(2).to_dict()
    {'breast': 0.85, 'thyroid': 0.87}
    """
    return _posterior(task_pairs(predictions, init_a, init_b), sd_scale, level)


def _posterior(of_tasks: Iterable[TaskPairs], sd_scale: float, level: float) -> pd.DataFrame:
    rows, names = [], ["estimate", "ci_low", "ci_high", "standard_error", "above"]
    for of_task in of_tasks:
        posterior = dict.fromkeys(names, math.nan)
        if of_task.number.any() and np.diag(of_task.covariance).all():
            known = of_task.differences, of_task.covariance, of_task.shared()
            posterior = posterior_mean(*known, sd_scale=sd_scale, level=level)
        rows.append({"task": of_task.task} | posterior)
    return pd.DataFrame(rows)


def pretraining_sensitivity(
    predictions: inputs.Predictions, init_a: str, init_b: str, *, level: float = 0.95
) -> pd.DataFrame:
    """Return the headline beside analyses that treat other factors as random.

    Parameters
    ----------
    predictions, init_a, init_b, level : inputs.Predictions or str or float
        as `pretraining_differences`

    Returns
    -------
    pandas.DataFrame
        One row per task and analysis of `rin.stats.pretrainings.MODELS`: task, model, name, the
        columns of an estimate, and error_ratio (the standard error over that of the headline).

    Raises
    ------
    InputError
        As `pretraining_differences`.

    Examples
    --------
    >>> from rin.stats import pretraining_sensitivity, simulation
    >>> predictions = simulation.simulate_predictions(pretrainings=2)
    >>> table = pretraining_sensitivity(predictions, "a", "b")
    >>> table.query("task == 'breast'").set_index("model")["error_ratio"].round(1).to_dict()
    {'headline': 1.0, 'own_seeds': 1.0, 'fixed_backbones': 0.9, 'posterior': 2.3}
    """
    of_tasks = list(task_pairs(predictions, init_a, init_b))
    apart = [_own_seeds(of_task) for of_task in of_tasks]
    tables = {
        "headline": _headline(of_tasks, fixed_backbones=False, level=level),
        "own_seeds": _headline(apart, fixed_backbones=False, level=level),
        "fixed_backbones": _headline(of_tasks, fixed_backbones=True, level=level),
        "posterior": _posterior(of_tasks, PRIOR_SD, level),
    }
    order = [of_task.task for of_task in of_tasks]
    rows = []
    for task in order:
        of_headline = tables["headline"].set_index("task").loc[task, "standard_error"]
        for model, name in MODELS.items():
            of_task = tables[model].set_index("task").loc[task]
            cells = {column: of_task.get(column, math.nan) for column in ESTIMATE}
            ratio = {"error_ratio": cells["standard_error"] / of_headline}
            rows.append({"task": task, "model": model, "name": name} | cells | ratio)
    return pd.DataFrame(rows)


def backbone_tests(predictions: inputs.Predictions, init_a: str, init_b: str) -> pd.DataFrame:
    """Test on every task whether the difference depends on the backbone: backbone × init.

    Backbones are fixed here, with the variance between pretrainings of one of them (REML) in the
    covariance.  F is the Wald statistic over its degrees of freedom; it takes that variance as
    known, with pairs − backbones denominator degrees of freedom, so it is rough.  One row per
    task: task, f, df_1, df_2, p_value, p_holm (over the tasks); NaN with one backbone, or one
    pretraining of each.

    Examples
    --------
    >>> from rin.stats import pretrainings, simulation
    >>> predictions = simulation.simulate_predictions(pretrainings=3)
    >>> table = pretrainings.backbone_tests(predictions, "a", "b")
    >>> table.set_index("task")[["f", "df_1", "df_2", "p_value"]].round(2).loc["breast"].to_dict()
    {'f': 1.67, 'df_1': 1.0, 'df_2': 4.0, 'p_value': 0.27}
    """
    rows = []
    for of_task in task_pairs(predictions, init_a, init_b):
        known = of_task.differences, of_task.covariance
        rows.append({"task": of_task.task} | equal_means_test(*known, of_task.backbones))
    table = pd.DataFrame(rows)
    insert_holm(table)
    return table


def validation_scores(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return every run's names, validation_auc (NaN with one class) and validation_loss."""
    rows, names = [], inputs.run_names(predictions)
    for key, run in predictions.groupby(names, observed=True, sort=False):
        labels, scores = run["label"].to_numpy(), run["score"].to_numpy(float)
        both = 0 < labels.sum() < len(labels)
        loss = np.logaddexp(0, -scores * (2 * labels - 1)).mean()
        scored = {"validation_auc": auc_ci(labels, scores).auc if both else math.nan}
        rows.append(dict(zip(names, key, strict=True)) | scored | {"validation_loss": loss})
    return pd.DataFrame(rows)


def choose_settings(predictions: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
    """Return the predictions of the setting that validation data choose, as a practitioner would.

    For every task, fold, init, backbone and pretraining, this is the scenario with the highest
    validation AUC or, of equal ones, the lowest validation loss, in the `records` of runs.  The
    scenario is renamed `<backbone>-chosen`.  InputError where no run has a validation score.
    """
    if "validation_auc" not in records or records["validation_auc"].isna().all():
        remedy = "Take runs whose records keep validation_auc and validation_loss."
        raise InputError("no run has a validation score", where="records", remedy=remedy)
    scores = ["validation_auc", "validation_loss"]
    predictions, records = _with_pretraining(predictions), _with_pretraining(records)
    best_first = records.sort_values(scores, ascending=[False, True], kind="stable")
    chosen = best_first.drop_duplicates(["task", "fold", "init", *_PAIR])
    chosen = chosen[[*inputs.run_names(records), "backbone"]]
    rows = predictions.merge(chosen, on=[*inputs.run_names(predictions), "backbone"])
    return rows.assign(scenario=rows["backbone"].astype(str) + "-chosen")


def _headline(
    of_tasks: Iterable[TaskPairs], *, fixed_backbones: bool, level: float
) -> pd.DataFrame:
    rows = []
    for of_task in of_tasks:
        pairs = of_task.pairs.drop_duplicates(_PAIR)
        of_backbone = pairs.groupby("backbone").size()
        row = {"task": of_task.task, "pairs": len(pairs), "backbones": len(of_backbone)}
        row |= {"pretrainings": int(of_backbone.max()), "seeds": pairs["seed"].nunique()}
        row |= {"folds": of_task.pairs["fold"].nunique()}
        rows.append(row | _pooled(of_task, fixed_backbones=fixed_backbones, level=level))
    table = pd.DataFrame(rows)
    insert_holm(table)
    insert_holm(table, "q_p", "q_holm")
    return table


def _pooled(
    of_task: TaskPairs, *, fixed_backbones: bool = False, level: float = 0.95
) -> dict[str, Any]:
    """Return the cells of an estimate, SDs of the effects, Cochran's test and a remark."""
    differences, covariance, backbones = of_task.differences, of_task.covariance, of_task.backbones
    weights, k, n_pairs = of_task.weights(), len(differences), len(np.unique(of_task.number))
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
    if fixed_backbones and backbones.nunique() == n_pairs:
        return pooled | {"remark": "One pretraining of each backbone shows no spread of them."}
    fixed = backbones if fixed_backbones else None
    fits = MeanModel(covariance, of_task.shared(), weights, fixed).fit(differences)
    alone = "training" if "pair" in fits.variances else "pretraining"
    for effect, of_effect in fits.variances.items():
        name = {ALONE: alone, "pair": "pretraining"}.get(effect, effect)
        pooled[f"sd_{name}"] = math.sqrt(of_effect.item())
    error, df = fits.standard_errors.item(), fits.df.item()
    pooled |= t_test(pooled["estimate"], error, df, level).to_row()
    variance = np.diag(covariance).mean()
    shared = covariance[np.triu_indices(k, 1)].mean() / variance
    pooled |= {"patients_sd": math.sqrt(variance), "patients_correlation": float(shared)}
    remarks = []
    if of_task.patients_vary:
        pooled |= common_mean_test(differences, covariance)
    else:
        remarks.append("The patients show no spread: pairs are taken as known.")
    if backbones.nunique() == 1:
        remarks.append("One backbone: nothing is known of others.")
    elif of_task.pairs["seed"].nunique() == 1:
        remarks.append("All pairs share one seed and split: nothing is known of others.")
    if "fold" in fits.variances:
        df_of_folds = counted(of_task.pairs["fold"].nunique() - 1, "degrees")
        remarks.append(f"The variance between folds rests on {df_of_folds} of freedom.")
    return pooled | {"remark": " ".join(remarks)}


def _own_seeds(of_task: TaskPairs) -> TaskPairs:
    seeds = [f"of pair {number}" for number in of_task.number]
    return replace(of_task, pairs=of_task.pairs.assign(seed=seeds))


def _positive_definite(estimates: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Return the covariance, with eigenvalues above zero unless nothing shows any spread.

    It contains NaN where a fold tests one patient of a class.
    """
    if not np.isfinite(covariance).all():
        return covariance
    spread = max(float(np.diag(covariance).mean()), float(estimates.var()))
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.maximum(values, _FLOOR * spread)) @ vectors.T


def _with_pretraining(table: pd.DataFrame) -> pd.DataFrame:
    return table if "pretraining" in table else table.assign(pretraining=1)


def _seeds(networks: pd.DataFrame, inits: tuple[str, str]) -> pd.Series:
    """Return a name of the seed of each pair (`_PAIR`): by the pretraining's number if not known.

    `networks` has `init`, `_PAIR` and, where known, `pretraining_seed`; rows may repeat.
    InputError for a pair with two seeds, whose inits would have had different splits.
    """
    rows = networks[networks["init"].isin(inits)]
    numbers = rows[_PAIR].drop_duplicates()
    seeds = "number " + numbers.set_index(_PAIR, drop=False)["pretraining"].astype(str)
    if "pretraining_seed" not in rows:
        return seeds
    check_table(rows, PREDICTIONS, ["pretraining_seed"], where="predictions")
    known = rows[[*_PAIR, "pretraining_seed"]].dropna().drop_duplicates()
    repeated = known.duplicated(_PAIR)
    if repeated.any():
        pair = " ".join(map(str, known.loc[repeated, _PAIR].iloc[0]))
        remedy = "Give both inits of a pair the seed of its pretraining."
        raise InputError(f"pair {pair} has two seeds", where="pretraining_seed", remedy=remedy)
    known = known.set_index(_PAIR)["pretraining_seed"]
    seeds.loc[known.index] = "seed " + known.astype(int).astype(str)
    return seeds


def _contrasts_of_pairs(task: TaskScores) -> tuple[pd.DataFrame, MeanContrasts]:
    """Return the pairs of a task (`_PAIR`, n_scenarios, seed), and their differences."""
    pair = task.networks.groupby(_PAIR).ngroup().to_numpy()
    contrasts = mean_differences(task, [pair == number for number in range(pair.max() + 1)])
    of_pairs = task.networks.groupby(_PAIR, as_index=False)
    return of_pairs.agg(n_scenarios=("scenario", "size"), seed=("seed", "first")), contrasts


def task_pairs(predictions: inputs.Predictions, init_a: str, init_b: str) -> Iterator[TaskPairs]:
    """Yield the pairs of each task, for `pretraining_differences` and similar analyses."""
    for task in paired_scores(predictions, init_a, init_b, settings=()):
        pairs, contrasts = _contrasts_of_pairs(task)
        pair = task.networks.groupby(_PAIR).ngroup().to_numpy()
        rows, trained = [], []
        for number, fold in task.folds():
            inside = task.networks.index.isin(fold.networks.index)
            rows.append(pairs.assign(fold=number))
            trained.append(np.isin(range(len(pairs)), pair[inside]))
        there, n_folds = np.ravel(trained), np.sum(trained, axis=0)  # number of folds of each pair
        differences = (contrasts.of_folds * n_folds).ravel()[there]
        between = contrasts.between * n_folds[:, None, None] * n_folds
        covariance = between.reshape(there.size, there.size)[np.ix_(there, there)]
        yield TaskPairs(
            task.task,
            pd.concat(rows)[there].reset_index(drop=True),
            differences,
            _positive_definite(differences, covariance),
            bool(np.trace(covariance) > 0),
        )
