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
from rin.stats.synthesis import three_level

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
        One row a task and pair: task, backbone, pretraining, n_scenarios, auc_a, auc_b and the
        columns of an estimate (a − b, these networks on new patients; p_holm over a task's pairs).

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
    mean over backbones, of each the mean of its pairs, with t on backbones − 1 degrees of freedom.

    Parameters
    ----------
    predictions, init_a, init_b : as `pair_differences`

    Returns
    -------
    pandas.DataFrame
        One row a task: task, pairs, backbones, pretrainings (most of a backbone), the columns of
        an estimate (a − b; p_holm over the tasks), sd_backbone and sd_pretraining (NaN, and that
        of both, where each backbone has one), q, q_df, q_p, q_holm (Cochran's test), remark.

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
        counts = {"pairs": len(pairs), "backbones": len(of_backbone)}
        counts |= {"pretrainings": int(of_backbone.max())}
        rows.append({"task": task} | counts | _pooled(pairs["backbone"], contrasts))
    table = pd.DataFrame(rows)
    insert_holm(table)
    insert_holm(table, "q_p", "q_holm")
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
    scenario is called `<backbone>-chosen`.
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
    # A backbone counts once: weights by the covariance would give least to the pairs that differ.
    weights = 1 / backbones.groupby(backbones).transform("size").to_numpy()
    pooled = dict.fromkeys(ESTIMATE, math.nan)
    pooled |= {"estimate": float(np.average(differences, weights=weights))}
    pooled |= dict.fromkeys(("sd_backbone", "sd_pretraining", "q", "q_df", "q_p"), math.nan)
    if len(differences) == 1:
        return pooled | {"remark": "One pair: nothing is known of other pretrainings."}
    variance = float(np.trace(covariance)) / len(differences)
    spread = max(variance, float(differences.var()))
    if not spread > 0:  # NaN where a test has one patient of a class
        return pooled | {"remark": "Neither patients nor pairs show any spread."}
    values, vectors = np.linalg.eigh(covariance)
    covariance = (vectors * np.maximum(values, _FLOOR * spread)) @ vectors.T
    model = three_level(differences, covariance, backbones, contained=True, weights=weights)
    pooled |= {name: model[name] for name in ESTIMATE}
    pooled |= {"sd_backbone": model["between"] ** 0.5, "sd_pretraining": model["within"] ** 0.5}
    remarks = []
    if variance == 0:
        remarks.append("The patients show no spread: pairs are taken as known.")
    else:
        pooled |= {name: model[name] for name in ("q", "q_df", "q_p")}
    if backbones.nunique() == 1:
        remarks.append("One backbone: nothing is known of others.")
    return pooled | {"remark": " ".join(remarks)}


def _with_pretraining(table: pd.DataFrame) -> pd.DataFrame:
    return table if "pretraining" in table else table.assign(pretraining=1)


def _task_pairs(
    predictions: pd.DataFrame, init_a: str, init_b: str
) -> Iterator[tuple[str, pd.DataFrame, MeanContrasts]]:
    """Yield each task, its pairs (`_PAIR`, n_scenarios, auc_a, auc_b), and their differences."""
    for task in task_scores(_with_pretraining(predictions), (init_a, init_b), _PAIR):
        pair = task.networks.groupby(_PAIR).ngroup().to_numpy()
        contrasts = mean_differences(task, [pair == number for number in range(pair.max() + 1)])
        auc_a, auc_b = np.split(contrasts.aucs, 2)
        pairs = task.networks.assign(auc_a=auc_a, auc_b=auc_b).groupby(_PAIR, as_index=False)
        mean = {"auc_a": ("auc_a", "mean"), "auc_b": ("auc_b", "mean")}
        yield task.task, pairs.agg(n_scenarios=("scenario", "size"), **mean), contrasts
