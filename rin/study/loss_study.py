"""Losses of pretraining compared, by the accuracy and the calibration of the networks."""

from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd

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
        changed = settings.apply_section(
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

    Columns include `seed` (from 0), `top1`, `top5`, `balanced_accuracy` and `ece`
    (`confidence_error`).
    """
    ledger = workspace.ledger("losses")
    runs = plan_losses(workspace)
    rows = []
    records = ledger.require(runs, "the losses")
    for run in sorted(runs, key=lambda run: run.settings.loss != "hard"):
        predictions = ledger.read(run.run_id, PREDICTIONS, pd.read_parquet)
        right = (predictions["truth"] == predictions["predicted"]).to_numpy()
        row = {
            "loss": run.settings.loss,
            "backbone": run.backbone,
            "seed": run.pretraining - 1,
            "corpus": run.corpus,
            "provenance": run.store.provenance,
            "run_id": run.run_id,
            **{name: records[run.run_id][name] for name in _RECORDED},
            "ece": confidence_error(predictions["confidence"].to_numpy(), right),
        }
        rows.append(row)
    return pd.DataFrame(rows)
