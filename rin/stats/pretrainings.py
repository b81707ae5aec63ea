"""What pretraining on one corpus or another does, with the pretraining as the unit.

A pair is the networks of one backbone and pretraining from either init; its difference is the mean
over its scenarios.  Pairs are tested on the same patients, so their differences are correlated, by
an amount that is known.
"""

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from rin.errors import InputError
from rin.stats import inputs
from rin.stats.hypothesis import ESTIMATE, insert_holm
from rin.stats.inputs import task_scores
from rin.stats.scenarios import MeanContrasts, mean_differences
from rin.stats.synthesis import crossed_effects, equal_means_test, three_level

_PAIR = ["backbone", "pretraining"]
#: Eigenvalues of a covariance below this share of the mean variance count as this share.
_FLOOR = 1e-9


def pair_differences(predictions: pd.DataFrame, init_a: str, init_b: str) -> pd.DataFrame:
    """Compare two inits on every task, pair by pair: backbone × pretraining.

    Parameters
    ----------
    predictions : with `patient_id`, `backbone` and `pretraining` (1 where it is missing)
    init_a, init_b : names of the inits

    Returns
    -------
    pandas.DataFrame
        One row a task and pair: task, backbone, pretraining, n_scenarios and the columns of an
        estimate (a − b, these networks on new patients; p_holm over a task's pairs).

    Raises
    ------
    InputError
        As `init_differences`; for a scenario of two backbones.

    Examples
    --------
    >>> from rin.stats import pair_differences, simulation
    >>> table = pair_differences(simulation.simulate_predictions(), "a", "b")
    >>> table.query("task == 'breast'").set_index("backbone")["estimate"].round(3).to_dict()
    {'DenseNet121': 0.052, 'ResNet50': 0.003}
    """
    tables = []
    for task, pairs, contrasts in _task_pairs(predictions, init_a, init_b):
        tests = [contrasts.test(number).cells() for number in range(len(pairs))]
        table = pd.concat([pairs, pd.DataFrame(tests)], axis=1)
        table.insert(0, "task", task)
        tables.append(table)
    table = pd.concat(tables, ignore_index=True)
    insert_holm(table, within="task")
    return table


def pretraining_differences(predictions: pd.DataFrame, init_a: str, init_b: str) -> pd.DataFrame:
    """Compare two inits on every task, with the pretraining as the unit: the headline.

    The differences of the pairs, with their known covariance over patients, have random effects of
    backbone and of pretraining within backbone (Konstantopoulos 2011, Research Synthesis Methods
    2:61), so the interval is of further backbones, pretrainings and patients.  The estimate is the
    mean over backbones of the mean of their pairs, with t on backbones − 1 degrees of freedom.

    Parameters
    ----------
    predictions, init_a, init_b : as `pair_differences`

    Returns
    -------
    pandas.DataFrame
        One row a task: task, pairs, backbones, pretrainings (most of a backbone), the columns of
        an estimate (a − b; p_holm over the tasks), sd_backbone and sd_pretraining (NaN, and that
        of both, where each backbone has one), q, q_df, q_p, q_holm (Cochran's test that all pairs
        share one difference), remark.

    Raises
    ------
    InputError
        As `pair_differences`.

    Examples
    --------
    >>> from rin.stats import pretraining_differences, simulation
    >>> predictions = simulation.simulate_predictions(pretrainings=3)
    >>> table = pretraining_differences(predictions, "a", "b")
    >>> table.set_index("task")["estimate"].round(3).to_dict()
    {'breast': 0.061, 'thyroid': 0.042}
    """
    rows = []
    for task, pairs, contrasts in _task_pairs(predictions, init_a, init_b):
        of_backbone = pairs.groupby("backbone").size()
        row = {"task": task, "pairs": len(pairs), "backbones": len(of_backbone)}
        row["pretrainings"] = int(of_backbone.max())
        rows.append(row | _pooled(pairs["backbone"], contrasts))
    table = pd.DataFrame(rows)
    insert_holm(table)
    insert_holm(table, "q_p", "q_holm")
    return table


def without_each_pair(predictions: pd.DataFrame, init_a: str, init_b: str) -> pd.DataFrame:
    """Compare two inits as `pretraining_differences`, with each pair of networks left out once.

    One row a task and pair that is left out (`backbone`, `pretraining`), with the columns of
    `pretraining_differences` of the others; no row of a task with one pair.
    """
    tables = []
    for (task, *pair), rows in _with_pretraining(predictions).groupby(["task", *_PAIR]):
        others = predictions[predictions["task"] == task].drop(rows.index)
        if len(others):
            table = pretraining_differences(others, init_a, init_b)
            tables.append(table.assign(**dict(zip(_PAIR, pair, strict=True))))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=_PAIR)


def crossed_differences(
    predictions: pd.DataFrame, init_a: str, init_b: str, *, contained: bool = False
) -> pd.DataFrame:
    """Compare two inits as `pretraining_differences`, with an effect of a pretraining's number.

    All backbones of one pretraining share its seed and its split of the corpora, so their
    differences may move together.  Here the number has a random effect, crossed with that of the
    backbone, and the pair one of its own.  Estimate and df are those of `pretraining_differences`;
    where `contained`, df are the fewer of backbones and numbers, less one (metafor's “contain”).

    One row a task: task, pairs, the columns of an estimate (a − b), sd_backbone, sd_number and
    sd_pair; NaN where there are fewer than two backbones, or two numbers, of some pairs.

    Examples
    --------
    >>> from rin.stats import pretrainings, simulation
    >>> predictions = simulation.simulate_predictions(pretrainings=3)
    >>> table = pretrainings.crossed_differences(predictions, "a", "b")
    >>> table.set_index("task")[["estimate", "sd_pair"]].round(3).loc["breast"].to_dict()
    {'estimate': 0.061, 'sd_pair': 0.026}
    """
    rows = []
    for task, pairs, contrasts in _task_pairs(predictions, init_a, init_b):
        known = contrasts.estimates, _positive_definite(contrasts)
        weights = _backbones_once(pairs["backbone"])
        model = crossed_effects(*known, pairs[_PAIR], weights, contained=contained)
        rows.append({"task": task, "pairs": len(pairs)} | model)
    names = {"backbone": "sd_backbone", "pretraining": "sd_number", "within": "sd_pair"}
    table = pd.DataFrame(rows).rename(columns=names)
    table[[*names.values()]] **= 0.5  # of variances
    return table


def backbone_tests(predictions: pd.DataFrame, init_a: str, init_b: str) -> pd.DataFrame:
    """Test on every task whether the difference depends on the backbone: backbone × init.

    Backbones are fixed here, with the variance between pretrainings of one of them (REML) in the
    covariance.  F is the Wald statistic over its degrees of freedom; it takes that variance as
    known, with pairs − backbones degrees of freedom below, so it is rough.  One row a task: task,
    f, df_1, df_2, p_value, p_holm (over the tasks); NaN with one backbone, or one pretraining of
    each.

    Examples
    --------
    >>> from rin.stats import pretrainings, simulation
    >>> predictions = simulation.simulate_predictions(pretrainings=3)
    >>> table = pretrainings.backbone_tests(predictions, "a", "b")
    >>> table.set_index("task")[["f", "df_1", "df_2", "p_value"]].round(2).loc["breast"].to_dict()
    {'f': 1.67, 'df_1': 1.0, 'df_2': 4.0, 'p_value': 0.27}
    """
    rows = []
    for task, pairs, contrasts in _task_pairs(predictions, init_a, init_b):
        covariance = _positive_definite(contrasts)
        test = equal_means_test(contrasts.estimates, covariance, pairs["backbone"])
        rows.append({"task": task} | test)
    table = pd.DataFrame(rows)
    insert_holm(table)
    return table


def validation_scores(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return what names every run, and its validation_auc (NaN for one class), validation_loss."""
    rows, names = [], inputs.run_names(predictions)
    for key, run in predictions.groupby(names, observed=True, sort=False):
        labels, scores = run["label"].to_numpy(), run["score"].to_numpy(float)
        both = 0 < labels.sum() < len(labels)
        loss = np.logaddexp(0, -scores * (2 * labels - 1)).mean()
        scored = {"validation_auc": roc_auc_score(labels, scores) if both else math.nan}
        rows.append(dict(zip(names, key, strict=True)) | scored | {"validation_loss": loss})
    return pd.DataFrame(rows)


def choose_settings(predictions: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
    """Return the predictions of the setting that validation data choose, as a practitioner would.

    For every task, fold, init, backbone and pretraining: of its scenarios that of highest
    validation AUC, of equals that of lowest validation loss, by the `records` of runs.  The
    scenario is called `<backbone>-chosen`.  InputError where no run has a validation score.
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


def _pooled(backbones: pd.Series, contrasts: MeanContrasts) -> dict[str, object]:
    differences, covariance = contrasts.estimates, contrasts.covariance
    weights = _backbones_once(backbones)
    unknown = [*ESTIMATE, "sd_backbone", "sd_pretraining", "q", "q_df", "q_p"]
    pooled = dict.fromkeys(unknown, math.nan)
    pooled["estimate"] = float(np.average(differences, weights=weights))
    if len(differences) == 1:
        return pooled | {"remark": "One pair: nothing is known of other pretrainings."}
    variance = float(np.trace(covariance)) / len(differences)
    spread = max(variance, float(differences.var()))
    if not spread > 0:  # NaN where a test has one patient of a class
        return pooled | {"remark": "Neither patients nor pairs show any spread."}
    covariance = _positive_definite(contrasts)
    model = three_level(differences, covariance, backbones, contained=True, weights=weights)
    pooled |= {"sd_backbone": model["between"] ** 0.5, "sd_pretraining": model["within"] ** 0.5}
    pooled |= {name: model[name] for name in ESTIMATE}
    remarks = []
    if variance == 0:
        remarks.append("The patients show no spread: pairs are taken as known.")
    else:
        pooled |= {name: model[name] for name in ("q", "q_df", "q_p")}
    if backbones.nunique() == 1:
        remarks.append("One backbone: nothing is known of others.")
    return pooled | {"remark": " ".join(remarks)}


def _backbones_once(backbones: pd.Series) -> np.ndarray:
    # A backbone counts once: weights by the covariance would give least to the pairs that differ.
    weights = 1 / backbones.groupby(backbones).transform("size").to_numpy()
    return weights / weights.sum()


def _positive_definite(contrasts: MeanContrasts) -> np.ndarray:
    """Return the covariance, its eigenvalues above zero unless nothing shows any spread."""
    spread = max(float(np.diag(contrasts.covariance).mean()), float(contrasts.estimates.var()))
    values, vectors = np.linalg.eigh(contrasts.covariance)
    return (vectors * np.maximum(values, _FLOOR * spread)) @ vectors.T


def _with_pretraining(table: pd.DataFrame) -> pd.DataFrame:
    return table if "pretraining" in table else table.assign(pretraining=1)


def _task_pairs(
    predictions: pd.DataFrame, init_a: str, init_b: str
) -> Iterator[tuple[str, pd.DataFrame, MeanContrasts]]:
    """Yield each task, its pairs (`_PAIR`, n_scenarios), and their differences."""
    for task in task_scores(_with_pretraining(predictions), (init_a, init_b), _PAIR):
        pair = task.networks.groupby(_PAIR).ngroup().to_numpy()
        contrasts = mean_differences(task, [pair == number for number in range(pair.max() + 1)])
        pairs = task.networks.groupby(_PAIR, as_index=False).agg(n_scenarios=("scenario", "size"))
        yield task.task, pairs, contrasts
