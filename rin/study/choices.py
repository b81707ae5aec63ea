"""What a study's predictions are made into before they are compared: chosen settings, levels."""

import math

import numpy as np
import pandas as pd

from rin.errors import InputError
from rin.stats import auc_ci, init_differences
from rin.stats.inputs import run_names
from rin.tables import UNFREEZING, require_columns


def validation_scores(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return validation_auc (NaN with one class) and validation_loss of every run, by run_id."""
    rows = {}
    for run_id, run in predictions.groupby("run_id", observed=True):
        labels = run["label"].to_numpy()
        scores = run["score"].to_numpy(float)
        both = 0 < labels.sum() < len(labels)
        loss = np.logaddexp(0, -scores * (2 * labels - 1)).mean()
        rows[run_id] = auc_ci(labels, scores).auc if both else math.nan, loss
    columns = ["validation_auc", "validation_loss"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


def choose_settings(predictions: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
    """Return the predictions of the setting that validation data choose, as a practitioner would.

    For every task, fold, init, backbone and pretraining, this is the scenario with the highest
    validation AUC or, of equal ones, the lowest validation loss, in the `records` of runs.  The
    scenario is renamed `<backbone>-chosen`.  InputError where no run has a validation score.
    """
    if "validation_auc" not in records or records["validation_auc"].isna().all():
        raise InputError(
            "no run has a validation score",
            where="records",
            remedy="Take runs whose records keep validation_auc and validation_loss.",
        )
    scores = ["validation_auc", "validation_loss"]
    run = [*run_names(records), "backbone"]
    best_first = records.sort_values(scores, ascending=[False, True], kind="stable")
    network = [name for name in run if name not in ("scenario", "seed")]
    chosen = best_first.drop_duplicates(network)[run]
    rows = predictions.merge(chosen, on=[*run_names(predictions), "backbone"])
    return rows.assign(scenario=rows["backbone"].astype(str) + "-chosen")


def external_scores(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return predictions for images that all folds' networks score, such as another hospital's.

    Parameters
    ----------
    predictions : DataFrame
        the predictions table of one external part

    Returns
    -------
    pandas.DataFrame
        The same rows, as the test part of one fold; each fold's network is a scenario of its own.

    Raises
    ------
    InputError
        For a table without scenario or fold.

    Examples
    --------
    >>> from rin.stats import simulation
    >>> from rin.study import external_scores
    >>> elsewhere = simulation.simulate_predictions().assign(part="elsewhere")
    >>> external_scores(elsewhere)["scenario"].iloc[0]
    'DenseNet121-unfreeze_all-1e-03 0'
    """
    require_columns(predictions.columns, ["scenario", "fold"], where="predictions")
    network = predictions["scenario"].astype(str) + " " + predictions["fold"].astype(str)
    return predictions.assign(scenario=network, fold=0, part="test")


def compare_levels(predictions: pd.DataFrame, reference_backbone: str) -> pd.DataFrame:
    """Compare unfreezing all layers with fewer, and every backbone with one, over both inits.

    Learning rates are compared by rank, as each way of unfreezing has rates of its own.

    Parameters
    ----------
    predictions : DataFrame
        the predictions table of one pretraining, which all backbones have had
    reference_backbone : str
        the backbone that the others are compared with

    Returns
    -------
    pandas.DataFrame
        One row per comparison and task: level, other, and the columns of
        `rin.stats.init_differences` (level − other; p_holm over the tasks).

    Raises
    ------
    InputError
        As `rin.stats.init_differences`.

    Examples
    --------
    >>> from rin.stats import simulation
    >>> from rin.study import compare_levels
    >>> table = compare_levels(simulation.simulate_predictions(), "ResNet50")
    >>> table.groupby("level")["estimate"].mean().round(3).to_dict()
    {'DenseNet121': 0.014, 'unfreeze_all': 0.02}
    """
    ways = [way for way in reversed(UNFREEZING) if way in {*predictions["unfreezing"]}]
    compared = [("unfreezing", ways[0], way) for way in ways[1:]]
    compared += [
        ("backbone", name, reference_backbone)
        for name in sorted({*predictions["backbone"]} - {reference_backbone})
    ]
    rates = predictions.groupby("unfreezing")["learning_rate"].rank("dense").astype(str)
    text = {
        name: predictions[name].astype(str) + " " for name in ("backbone", "init", "unfreezing")
    }
    tables = []
    for column, name, other in compared:
        first, second = (text[name] for name in text if name != column)
        scenario = first + second + rates
        relabelled = predictions.assign(
            init=predictions[column], scenario=scenario, unfreezing="any"
        )
        table = init_differences(relabelled, name, other).query("group == 'all'")
        tables.append(table.assign(level=name, other=other))
    return pd.concat(tables, ignore_index=True)
