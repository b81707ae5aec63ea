"""Losses of pretraining compared, by the accuracy and the calibration of the networks."""

from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd

from rin.stats.hypothesis import t_quantile
from rin.study.pretraining import (
    PREDICTIONS,
    PretrainingRun,
    plan_pretraining,
    pretraining_seed,
)
from rin.study.workspace import Workspace

_RECORDED = ("top1", "top5", "balanced_accuracy", "epochs", "seconds")


def plan_losses(workspace: Workspace) -> list[PretrainingRun]:
    """List the pretraining runs: losses × backbones × seeds."""
    section = workspace.profile.losses
    settings = workspace.profile.pretraining
    runs = []
    if section is None or settings is None:
        return []
    for loss, backbone in product(section.losses, section.backbones):
        changed = settings.changed(
            section,
            loss=loss,
            backbones=[backbone],
            preprocessing=section.preprocessing,
            learning_rate=section.learning_rates.get(backbone, settings.learning_rate),
        )
        (run,) = plan_pretraining(workspace, changed)
        for number in range(1, section.seeds + 1):
            seed = pretraining_seed(workspace.profile.seed, backbone, number)
            runs.append(replace(run, seed=seed, pretraining=number))
    return runs


def confidence_error(confidence: np.ndarray, right: np.ndarray) -> float:
    """Return the expected calibration error, with ten bins of equal width (Naeini et al. 2015)."""
    bin_of_image = np.minimum((confidence * 10).astype(int), 9)
    gaps = np.bincount(bin_of_image, confidence - right)
    return float(np.abs(gaps).sum() / len(confidence))


def loss_table(workspace: Workspace) -> pd.DataFrame:
    """Return one row per loss, backbone and seed: how the network classifies its test images.

    Columns include `seed` (from 0), `top1`, `top5`, `balanced_accuracy`, `ece`
    (`confidence_error`) and mean `confidence`; and `estimate`, `ci_low` and `ci_high`: top-1
    accuracy minus that with hard labels, with a 95% interval for new test images, paired by image;
    NaN if hard labels are not among the losses.
    """
    ledger = workspace.ledger("losses")
    runs = plan_losses(workspace)
    rows = []
    records = ledger.require(runs, "the losses")
    hard: dict[tuple[str, int], pd.Series] = {}
    for run in sorted(runs, key=lambda run: run.settings.loss != "hard"):
        predictions = ledger.read(run.run_id, PREDICTIONS, pd.read_parquet)
        right = (predictions["truth"] == predictions["predicted"]).set_axis(predictions["case_id"])
        if run.settings.loss == "hard":
            hard[run.backbone, run.seed] = right
        confidence = predictions["confidence"].to_numpy()
        of_hard = hard.get((run.backbone, run.seed), right * np.nan)
        by_image = right.astype(float) - of_hard.loc[right.index]
        gain = by_image.mean()
        half = t_quantile() * by_image.sem()
        row = {
            "loss": run.settings.loss,
            "backbone": run.backbone,
            "seed": run.pretraining - 1,
            "corpus": run.corpus,
            "provenance": run.store.provenance,
            "run_id": run.run_id,
            **{name: records[run.run_id][name] for name in _RECORDED},
            "ece": confidence_error(confidence, right.to_numpy()),
            "confidence": confidence.mean(),
            "estimate": gain,
            "ci_low": gain - half,
            "ci_high": gain + half,
        }
        rows.append(row)
    return pd.DataFrame(rows)
