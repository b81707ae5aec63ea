"""What finished pretraining runs left, read back as tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from rin.errors import InputError, unknown
from rin.models.weights import WeightsEntry
from rin.study.pretraining_plan import PretrainingRun, plan_pretraining
from rin.study.setting import Study

WEIGHTS, NOTOP, SAFETENSORS = "backbone.weights.h5", "backbone_notop.h5", "backbone.safetensors"
ENTRY, HISTORY, CLASSES = "entry.json", "history.parquet", "classes.parquet"
PREDICTIONS, FEATURES = "test_predictions.parquet", "features.npy"


def pretrained(study: Study) -> pd.DataFrame:
    """Return one row a finished pretraining run: init, backbone, accuracy, budget, run id."""
    rows = [
        {
            "init": run.init,
            "corpus": run.corpus,
            "provenance": run.provenance,
            "backbone": run.backbone,
            **study.weights.done(run.run_id),
            "run_id": run.run_id,
        }
        for run in _finished(study)
    ]
    return pd.DataFrame(rows)


def pretraining_histories(study: Study) -> pd.DataFrame:
    """Return learning curves, one row an epoch of a finished run.

    Columns init, backbone, epoch, loss, accuracy, val_loss, val_accuracy, learning_rate,
    images_per_second (of training alone) and seconds (with validation).
    """
    return _together(study, HISTORY, ["init", "backbone"])


def pretraining_predictions(study: Study) -> pd.DataFrame:
    """Return what every finished run says of its test images, one row an image.

    Columns init, backbone, case_id, patient_id, truth, predicted (class names), in_top5 (bool),
    confidence (probability of `predicted`) and truth_probability.
    """
    return _together(study, PREDICTIONS, ["init", "backbone"])


def pretraining_classes(study: Study) -> pd.DataFrame:
    """Return the classes of every corpus that a finished run was trained on.

    Columns init, corpus, label, train, validation, test (images) and patients.
    """
    table = _together(study, CLASSES, ["init", "corpus"])
    return table.drop_duplicates(ignore_index=True)  # the same for every backbone


def pretraining_features(study: Study, init: str, backbone: str) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the test predictions of one run and the features of the same images.

    Returns
    -------
    tuple
        Table as from `pretraining_predictions`, without init and backbone, and float32
        (images, channels): pooled features of the backbone, a memory map.

    Raises
    ------
    InputError
        For a run that the profile does not ask for or that is not finished.
    """
    runs = {(run.init, run.backbone): run for run in plan_pretraining(study)}
    if (init, backbone) not in runs:
        known = [" ".join(pair) for pair in runs]
        raise unknown("pretraining", f"{init} {backbone}", known)
    run = runs[init, backbone]
    _check_finished(study, run)
    table = study.weights.read(run.run_id, PREDICTIONS, pd.read_parquet)
    return table, study.weights.read(run.run_id, FEATURES, _map)


def local_entries(study: Study) -> list[WeightsEntry]:
    """Return the weights entries of the study's own pretraining.

    Raises
    ------
    InputError
        When one of them has not been trained yet.
    """
    entries = []
    for run in plan_pretraining(study):
        _check_finished(study, run)
        entries.append(study.weights.read(run.run_id, ENTRY, _read_entry))
    return entries


def _finished(study: Study) -> list[PretrainingRun]:
    return [run for run in plan_pretraining(study) if study.weights.has(run.run_id)]


def _check_finished(study: Study, run: PretrainingRun) -> None:
    if not study.weights.has(run.run_id):
        raise InputError(
            f"{run.backbone} has not been pretrained on {run.corpus} yet",
            where=study.weights.path(run.run_id),
            remedy="Run the pretraining notebook of this profile first.",
        )


def _together(study: Study, name: str, columns: list[str]) -> pd.DataFrame:
    """Return one file of all finished runs, with what names the run in front."""
    tables = []
    for run in _finished(study):
        table = study.weights.read(run.run_id, name, pd.read_parquet)
        for place, column in enumerate(columns):
            table.insert(place, column, getattr(run, column))
        tables.append(table)
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def _map(path: Path) -> np.ndarray:
    return np.load(path, mmap_mode="r")


def _read_entry(path: Path) -> WeightsEntry:
    return WeightsEntry.model_validate_json(path.read_text("utf-8"))
