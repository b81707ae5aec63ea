"""Training the planned runs of a study, block by block, and reading their results.

A block is the unit that an executor sends to another process: the runs that share a compiled
step, of any task.  Finished runs are never repeated.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rin.data.confounders import confound, confounded_rows
from rin.errors import InputError
from rin.files import sha256_of
from rin.models.weights import load_weights, random_weights
from rin.study.executors import begin_block, last_trained, run_each, run_with_bar
from rin.study.features import kept_tables, read_features
from rin.study.ledger import Ledger, Record, computer_record, digest_of
from rin.study.plan import STRENGTHS, Run, group_blocks, plan_study
from rin.study.profile import MAIN, RANDOM, SAMPLED, Execution
from rin.study.workspace import Workspace

if TYPE_CHECKING:
    from rin.training.batches import ImageSubset
    from rin.training.trainer import ReusableClassifier

#: Parts of a split whose cases every run scores.
SCORED_PARTS = ("validation", "test")
#: The part with the test images and a confounder on the negatives.
REVERSED = "reversed"
PREDICTIONS = "predictions.parquet"
HISTORY = "history.parquet"
ACTIVATIONS = "activations.npz"


def run_block(
    block: list[Run], ledger: Ledger, folders: list[Path], random_seed: int, execution: Execution
) -> None:
    """Train the unfinished runs of a block, with one compiled step and one set of random weights.

    A block that trains other layers of the same network reuses the network of the block before.
    """
    from rin.training.trainer import ReusableClassifier

    if ledger.count(block) == len(block):
        return  # another process was faster
    wanted = block[0].architecture
    shared = replace(wanted, unfreezing=""), execution.precision, execution.threads
    if shared not in last_trained:
        begin_block(execution)
        last_trained[shared] = ReusableClassifier(wanted), {}
    compiled, weights = last_trained.pop(shared)  # not reused if this block fails
    if compiled.architecture != wanted:
        compiled.unfreeze(wanted.unfreezing)

    def train(run: Run) -> None:
        if run.weights_digest not in weights:  # a block may mix pretrainings of one init
            weights[run.weights_digest] = (
                random_weights(run.scenario.backbone, run.settings.size, random_seed)
                if run.entry is None
                else load_weights(run.entry, compiled.network.backbone, folders)
            )
        _train(run, compiled, weights[run.weights_digest], ledger)

    run_each(train, block, ledger)
    last_trained[shared] = compiled, weights


def _train(
    run: Run, compiled: ReusableClassifier, weights: list[np.ndarray], ledger: Ledger
) -> None:
    """Train, predict and commit one run."""
    import keras

    from rin.training.pretrain import recalibrate
    from rin.training.trainer import TrainingSettings

    parts = _parts_of(run)
    settings = run.settings
    recipe = TrainingSettings(
        run.scenario.learning_rate,
        settings.epochs,
        settings.batch,
        run.seed,
        patience=settings.patience,
    )
    activations: dict[str, np.ndarray] = {}
    backbone = compiled.network.backbone
    training = parts.pop("train")
    compiled.network.preprocess.set_preprocessing(run.expects)
    if run.cell.study.activation_sample:
        other = {"other": compiled.untrained} if run.init == RANDOM else {}
        for when, start in {"before": weights, **other}.items():
            backbone.set_weights(start)
            activations |= _activations(run, compiled, parts["test"], when)
    started = time.monotonic()
    if settings.bn_statistics == "recomputed":  # those of the images of the training part
        backbone.set_weights(weights)
        recalibrate(compiled, training, recipe.batch, training.steps(recipe.batch), recipe.seed)
        weights = backbone.get_weights()
    state = compiled.fit(weights, run.expects, recipe, (training, parts["validation"]))
    scored = {name: compiled.predict(part, recipe.batch) for name, part in parts.items()}
    seconds = round(time.monotonic() - started, 2)
    activations |= _activations(run, compiled, parts["test"], "after")

    def write(folder: Path) -> Record:
        history = pd.DataFrame(state.curves)[["accuracy", "loss", "val_accuracy", "val_loss"]]
        history.to_parquet(folder / HISTORY)
        tables = []
        for name, (logits, maps) in scored.items():
            rows = parts[name].rows
            score = logits[:, 1] - logits[:, 0]
            store = run.inputs.inputs_of_part(name).store
            cases = store.cases.iloc[rows][["case_id", "patient_id"]]
            tables.append(cases.assign(part=name, label=parts[name].labels[rows], score=score))
            if name != "validation" and store.masks() is not None:
                np.save(folder / _cams_of(name), maps)
        pd.concat(tables).to_parquet(folder / PREDICTIONS, index=False)
        if activations:
            # No layer has the name of an argument of `np.savez`.
            np.savez(folder / ACTIVATIONS, **activations)  # type: ignore[arg-type]
        # It is in bytes on macOS, and in kB elsewhere.
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
            2**30 if sys.platform == "darwin" else 2**20
        )
        return {
            "best_epoch": int(np.nanargmin(history["val_loss"])) + 1,
            "epochs": len(history),
            "seconds": seconds,
            "peak_memory_gb": round(memory, 2),
            "traces": compiled.traces,
            "backend": keras.backend.backend(),
            "precision": keras.config.dtype_policy().name,
        } | computer_record()

    ledger.commit(run.run_id, run.config, write)


def fit_probe(run: Run, ledger: Ledger, tables: list[Path]) -> None:
    """Fit a linear probe of features for an unfinished run, score and commit.

    `tables` are those of the task's own dataset and of its external ones.  The probe is a logistic
    regression of features standardised by the training part; the validation part chooses the
    strength of its penalty, of equally good ones the stronger.  InputError if a table was replaced
    since the run was planned.
    """
    from sklearn.linear_model import LogisticRegression  # slow to load
    from sklearn.metrics import log_loss
    from sklearn.preprocessing import StandardScaler

    with ledger.claim(run.run_id) as unfinished:
        if not unfinished:
            return
        if digest_of({path.stem: sha256_of(path) for path in tables}) != run.weights_digest:
            raise InputError(
                "these features were replaced while the study ran",
                where=tables[0].parent,
                remedy="Give the same command again; runs of the former ones are kept.",
            )
        started = time.monotonic()
        cases = _cases_of(run)
        scored = pd.concat(cases.values())
        features = [
            read_features(path).loc[table["case_id"]]
            for path, table in zip(tables, cases.values(), strict=True)
        ]
        values = np.concatenate(features, dtype=float)
        part = scored["part"].to_numpy()
        labels = scored["label"].to_numpy()
        training = part == "train"
        validation = part == "validation"
        values = StandardScaler().fit(values[training]).transform(values)
        probes = [LogisticRegression(C=strength, max_iter=10_000) for strength in STRENGTHS]

        def loss(probe: LogisticRegression) -> float:
            probe.fit(values[training], labels[training])
            said = probe.predict_proba(values[validation])
            return log_loss(labels[validation], said, labels=[0, 1])

        best = min(probes, key=loss)  # of equals the first
        scored["score"] = best.decision_function(values).astype(np.float32)

        def write(folder: Path) -> Record:
            kept = scored[scored["part"].notna() & ~training]
            kept.to_parquet(folder / PREDICTIONS, index=False)
            return {
                "C": best.C,
                "epochs": 0,
                "features": values.shape[1],
                "seconds": round(time.monotonic() - started, 2),
                "backend": "scikit-learn",
                "precision": "float64",
            } | computer_record()

        ledger.commit(run.run_id, run.config, write)


def _cases_of(run: Run) -> dict[str, pd.DataFrame]:
    """Return case_id, patient_id, part and label of all cases of a store, in its order.

    The own dataset, which comes first, has no name; the external ones are parts by their names.
    """
    inputs = run.inputs
    tables = {}
    split = inputs.folds[inputs.folds["fold"] == run.fold].set_index("case_id")["part"]
    for name in ("", *inputs.external):
        site = inputs.inputs_of_part(name)
        cases = site.store.cases[["case_id", "patient_id"]]
        part = name or split.reindex(cases["case_id"]).to_numpy()
        tables[name] = cases.assign(part=part, label=site.labels.to_numpy())
    return tables


def _parts_of(run: Run) -> dict[str, ImageSubset]:
    """Return the parts of a run's images by name, in the order in which they are scored."""
    from rin.training.batches import ImageSubset

    parts = {}
    for name, cases in _cases_of(run).items():
        images = run.inputs.inputs_of_part(name).store.images()
        labels = cases["label"].to_numpy()
        for part in [name] if name else ["train", *SCORED_PARTS]:
            parts[part] = ImageSubset(images, labels, np.flatnonzero(cases["part"] == part))
    if run.settings.confounder and not run.settings.confounder.startswith(SAMPLED):
        parts = confounded_parts(parts, run.settings.confounder, run.seed)
    return parts


def _activations(
    run: Run, compiled: ReusableClassifier, test: ImageSubset, when: str
) -> dict[str, np.ndarray]:
    """Return the sampled activations of layers, if any, under `when` and the layer's name."""
    from rin.training.trainer import layer_activations

    if (sample := run.cell.study.activation_sample) is None:
        return {}
    sizes = sample.model_dump()
    part = replace(test, rows=test.rows[: sizes.pop("cases")])
    # The same seed, so that every network is sampled at the same places.
    layers = layer_activations(compiled, part, run.settings.batch, **sizes, seed=0)
    return {f"{when}/{layer}": table.astype(np.float16) for layer, table in layers.items()}


def confounded_parts(
    parts: dict[str, ImageSubset], level: str, seed: int
) -> dict[str, ImageSubset]:
    """Return the parts with a confounder on a share of their positives, and `REVERSED`."""
    kind, percent = level.split()
    test = parts["test"]
    inside = ("train", *SCORED_PARTS)
    clean = np.asarray(test.images)
    labels = test.labels
    on_positives, on_negatives = np.zeros((2, len(clean)), dtype=bool)
    for name in inside:
        rows = parts[name].rows
        on_positives[rows] = confounded_rows(labels[rows], int(percent) / 100, seed=seed)
    on_negatives[test.rows] = labels[test.rows] == 0

    def add_confounder(rows: np.ndarray) -> np.ndarray:
        images = clean.copy()
        images[rows] = confound(kind, clean[rows], seed)
        return images

    images = add_confounder(on_positives)
    confounded = {name: replace(parts[name], images=images) for name in inside}
    reversed_test = replace(test, images=add_confounder(on_negatives))
    return parts | confounded | {REVERSED: reversed_test}


def _cams_of(part: str) -> str:
    return "cams.npy" if part == "test" else f"cams-{part}.npy"


def run_missing(workspace: Workspace, planned: Sequence[Run]) -> pd.DataFrame:
    """Train those of the planned runs, each there once, that the ledger lacks; return a table.

    `InputError`, after all others have ended, if a run failed.
    """
    ledger = workspace.fine_tuning_ledger
    execution = workspace.profile.execution
    missing = ledger.missing_runs(planned)
    if workspace.profile.feature_inits:
        jobs = [
            partial(fit_probe, run, ledger, [*kept_tables(workspace, run.init, run.inputs)])
            for run in missing
        ]
    else:
        blocks = group_blocks(missing, by_task=execution.blocks == "by_task")
        folders = workspace.weights_folders
        seed = workspace.profile.seed
        jobs = [partial(run_block, block, ledger, folders, seed, execution) for block in blocks]
    try:
        run_with_bar(execution, jobs, ledger, planned, "Fine-tuning")
    finally:
        last_trained.clear()
    index = pd.Index([run.run_id for run in planned], name="run_id")
    return pd.DataFrame([run.columns for run in planned], index=index)


def cam_arrays(
    workspace: Workspace, task: str, part: str = "test"
) -> Iterator[tuple[pd.DataFrame, np.ndarray]]:
    """Yield the predictions and the maps (n, h, w, 2) on a part, run by run.

    The runs are those of the main study that start from the first pretraining.
    """
    ledger = workspace.fine_tuning_ledger
    for run in plan_study(workspace, MAIN, task):
        if run.cell.pretraining == workspace.profile.pretrainings[run.scenario.backbone][0]:
            table = ledger.tables([(run.run_id, run.columns)], PREDICTIONS)
            maps = ledger.read(run.run_id, _cams_of(part), np.load)
            yield table[table["part"] == part].reset_index(drop=True), maps
