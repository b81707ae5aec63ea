"""What a study will take, before it runs: runs, jobs, hours and disk space.

As in training, the ledgers are asked which of the planned runs are finished.  Hours and disk space
are estimated from the finished runs of the same profile; before there are any, nothing is opened
or decoded.  For a profile that is yet to be written, :func:`measure_pace` times a few steps on
this computer, and :func:`fit_budget` returns the largest study that fits a budget of minutes.
"""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from joblib import cpu_count

from rin.data.manifest import find_task
from rin.data.store import Dataset, inspect_case, keys_of
from rin.data.tree import file_of
from rin.files import read_yaml
from rin.study.ledger import Planned
from rin.study.loss_study import plan_losses
from rin.study.plan import COMPILED, STEP_COST, plan_all, run_seed
from rin.study.pretraining import plan_pretraining, pretraining_seed
from rin.study.probe_study import plan_probe
from rin.study.profile import MAIN, FineTuning, Profile
from rin.study.workspace import Workspace, folds_of, missing_inputs

#: Side in pixels and number of images of a step that is timed.
SIDE, BATCH = 75, 16
#: Seconds for starting and for the pages, beside decoding and training; and seconds of a run
#: beside its steps.
BESIDE_SECONDS, RUN_SECONDS = 60, 1
#: Number of files whose pictures are decoded to time decoding, and the seconds after which no
#: further file is begun.
DECODED, DECODING_SECONDS = 12, 5
#: Time of a prediction step, as a share of that of a training step with all layers unfrozen.
PREDICTION = 0.3
#: The settings from which `fit_budget` chooses.
_CHOICES = read_yaml(Path(__file__).with_suffix(".yaml"))
WAYS, EXTENTS, DRAWN = (_CHOICES[name] for name in ("scenarios", "extents", "drawn"))


@dataclass(frozen=True)
class Pace:
    """Seconds that this computer needs for an image in a step, a tracing, and all decoding."""

    image: float
    tracing: float
    decoding: float = 0


def measure_pace() -> Pace:
    """Time the training of one network on noise: one epoch, then three more."""
    import keras

    from rin.training.trainer import prepare_framework

    prepare_framework(None, "float32")
    noise = np.random.default_rng(0).random((2 * BATCH, SIDE, SIDE, 3), dtype=np.float32)
    backbone = keras.applications.ResNet50(include_top=False, weights=None, pooling="avg")
    model = keras.Sequential([backbone, keras.layers.Dense(1)])
    model.compile("adam", "mse", jit_compile=False)
    times = [time.monotonic()]
    for epochs in (1, 3):
        model.fit(noise, np.zeros(len(noise)), batch_size=BATCH, epochs=epochs, verbose=0)
        times.append(time.monotonic())
    first, later = np.diff(times)
    return Pace(image=later / 3 / len(noise), tracing=max(0.0, first - later / 3))


def measure_decoding(dataset: Dataset) -> float:
    """Return the seconds to decode all pictures on this computer, estimated from some files.

    Files are timed, not pictures, because a volume is unpacked once for any number of slices.
    """
    cases = dataset.cases.assign(file=dataset.cases["image"].map(file_of))
    files = cases["file"].drop_duplicates().to_numpy()
    square, began, done = (SIDE, "stretch"), time.monotonic(), 0
    for file in files[:: max(1, len(files) // DECODED)]:
        some = cases[cases["file"] == file]
        keys = keys_of(dataset.root, [*some.itertuples(index=False)])
        for case in some.assign(key=keys).itertuples(index=False):
            inspect_case(dataset.root, dataset.manifest, square, case)
        done += 1
        if time.monotonic() - began > DECODING_SECONDS:
            break
    return (time.monotonic() - began) / done * len(files) / cpu_count()


def fit_budget(
    pace: Pace,
    minutes: float,
    *,
    parts: dict[str, int],
    folds: int,
    side: float,
    backbones: Sequence[str],
    corpora: str,
    may_draw: bool,
) -> tuple[dict[str, Any], float]:
    """Return the settings of the largest study that fits a budget, and the minutes that it takes.

    If none fits, it is the shortest study.  ``parts`` are the numbers of cases in the parts of a
    fold, ``side`` is the side of the pictures in pixels.  ``corpora`` are the images for
    pretraining: `corpora` take the share of the time that `forecast.yaml` states, `stand-ins` a
    fixed number of images, and with an empty string there is no pretraining.  With ``may_draw``, a
    study may use fewer cases than there are.
    """
    always, before = {}, BESIDE_SECONDS + pace.decoding + pace.tracing
    if corpora:
        training = _CHOICES["pretraining"][corpora]
        epochs = training["epochs"]
        affordable = training["share"] * 60 * minutes / (2 * epochs * pace.image)
        images = int(np.clip(affordable, *training["images"]))
        always["pretraining"] = {"cases": images, "epochs": epochs}
        pretraining = 2 * (epochs * images * pace.image + RUN_SECONDS) + pace.tracing
        before += len(backbones) * pretraining
    total = sum(parts.values())
    choices = [*product([total], EXTENTS, sorted({folds, 1}, reverse=True))]
    choices += product([n for n in DRAWN if may_draw and n < total], EXTENTS, [1])
    chosen, shortest = {}, np.inf
    for n_cases, extent, n_folds in choices:
        cases = {part: n_cases * n / total for part, n in parts.items()}
        ways = WAYS[: extent["scenarios"]]
        epochs, size = extent["epochs"], int(np.clip(side, SIDE, extent["size"]))
        predicted = PREDICTION * (epochs * cases["validation"] + cases["test"])
        unfrozen = [way.partition("-")[0] for way in ways]
        steps = sum(STEP_COST[name] * epochs * cases["train"] + predicted for name in unfrozen)
        runs = steps * pace.image * (size / SIDE) ** 2 + len(ways) * RUN_SECONDS
        of_backbone = len({*unfrozen}) * pace.tracing + 2 * n_folds * runs
        takes = (before + len(backbones) * of_backbone) / 60
        if takes < shortest:
            shortest = takes
            rates: dict[str, list[float]] = {}
            for way in ways:
                unfreezing, _, rate = way.partition("-")
                rates.setdefault(unfreezing, []).append(float(rate))
            chosen = {
                "studies": [{"name": MAIN, "learning_rates": rates}],
                "folds": n_folds,
                "fine_tuning": {"size": size, "epochs": epochs},
                **({"cases": n_cases} if n_cases < total else {}),
                **always,
            }
        if takes <= minutes:  # the first that fits, and so the shortest so far
            break
    return chosen, shortest


def forecast(workspace: Workspace) -> pd.DataFrame:
    """Return one row per stage: `stage, runs, finished, jobs, hours, gigabytes`.

    `runs` is the number of runs of a profile; a run that studies share counts once (before any is
    finished, runs with different settings but equal preprocessing count separately).  `jobs` is
    the number that an executor may run in parallel.  `finished` is NaN if inputs are missing,
    without which no run can be planned.  `hours` of one worker and `gigabytes` are those of the
    unfinished runs, at the mean of all finished runs; they are NaN if there are none.
    """
    stages = [*_stages(workspace.profile)]
    done = {name: workspace.ledger(name).finished() for _, name, _, _ in stages}
    planned = {} if not any(done.values()) or missing_inputs(workspace) else plan_stages(workspace)
    rows = []
    for stage, name, expected, jobs in stages:
        ledger, runs, finished = workspace.ledger(name), len(expected), np.nan
        if planned:
            runs = len(planned[name])
            finished = runs - len(ledger.missing(planned[name]))
        elif not any(done.values()):
            finished = 0
        seconds = [ledger.done(run).get("seconds", np.nan) for run in done[name]]
        sizes = [sum(f.stat().st_size for f in ledger.path(run).iterdir()) for run in done[name]]
        hours, gigabytes = (
            (runs - finished) * float(np.mean(amounts)) if amounts else np.nan
            for amounts in (seconds, sizes)
        )
        rows.append((stage, runs, finished, jobs, hours / 3600, gigabytes / 1e9))
    return pd.DataFrame(rows, columns=["stage", "runs", "finished", "jobs", "hours", "gigabytes"])


def expected_runs(profile: Profile) -> dict[str, int]:
    """Return the number of runs of each stage of a profile, without opening anything."""
    return {stage: len(runs) for stage, _, runs, _ in _stages(profile)}


def plan_stages(workspace: Workspace) -> dict[str, Sequence[Planned]]:
    """Return the planned runs of each ledger of a study, finished or not.

    They include fine-tuning runs whose pretraining is not finished.
    """
    profile = workspace.profile
    planned: dict[str, Sequence[Planned]] = {}
    if profile.pretraining is not None:
        planned["weights"] = plan_pretraining(workspace)
    if profile.probe is not None:
        planned["probe"] = plan_probe(workspace)
    if profile.losses is not None:
        planned["losses"] = plan_losses(workspace)
    planned["runs"] = plan_all(workspace, ahead=True)
    return planned


def code_remarks(workspace: Workspace) -> list[str]:
    """Return a sentence for each ledger that has runs by code not shown to train alike."""
    ledgers = {name: workspace.ledger(name) for name in ("weights", "probe", "losses", "runs")}
    if not any(ledger.finished() for ledger in ledgers.values()):
        return []  # without opening anything
    remarks = []
    for name, runs in plan_stages(workspace).items():
        if remark := ledgers[name].code_remark(run.run_id for run in runs):
            remarks.append(f"{name}: {remark}")
    return remarks


def _stages(profile: Profile) -> Iterator[tuple[str, str, list[dict[str, Any]], int]]:
    """Yield each stage with its ledger, what distinguishes its runs, and its number of jobs."""
    alone = profile.execution.executor != "processes"
    if pretraining := profile.pretraining:
        backbones, numbers = pretraining.backbones or profile.backbones, pretraining.pretrainings
        cells = [*product(pretraining.corpora, backbones, numbers)]
        for brief in pretraining.brief:
            if brief.pretraining in numbers:
                cells += product([brief.name], brief.backbones, [brief.pretraining])
        runs = [
            {"init": init, "backbone": b, "seed": pretraining_seed(profile.seed, b, number)}
            for init, b, number in cells
        ]
        yield "pretraining", "weights", runs, len(runs) if alone else len(backbones) * len(numbers)
        if probe := profile.probe:
            names = probe.backbones or backbones
            runs = [
                {"preprocessing": p, "backbone": b, "seed": pretraining_seed(profile.seed, b, 1)}
                for p, b in product(probe.preprocessings, names)
            ]
            yield "probe", "probe", runs, len(runs) if alone else len(names)
        if losses := profile.losses:
            of_losses = product(losses.losses, losses.backbones, range(1, losses.seeds + 1))
            runs = [
                {"loss": loss, "backbone": b, "seed": pretraining_seed(profile.seed, b, number)}
                for loss, b, number in of_losses
            ]
            yield "losses", "losses", runs, len(runs)
    yield _fine_tuning_stage(profile)


def _fine_tuning_stage(profile: Profile) -> tuple[str, str, list[dict[str, Any]], int]:
    """Return the stage of fine-tuning, in which runs that studies share count once."""
    by_task = profile.execution.blocks == "by_task"
    steps, planned = set(), {}
    for variant in chain.from_iterable(map(profile.variants, profile.study_filters)):
        for task in variant.tasks:
            settings = profile.tuning(task, variant.changes)
            compiled = [getattr(settings, name) for name in COMPILED]
            folds = range(folds_of(profile, find_task(task)[1], variant.folds))
            of_task = dict.fromkeys(FineTuning.model_fields) | settings.identity
            # Which preprocessing it is depends on the weights.
            del of_task["preprocessing"]
            # Runs of the study of layers record more than others.
            of_task["layers"] = variant.activation_sample is not None
            for scenario, fold in product(variant.scenarios, folds):
                step = scenario.backbone, scenario.unfreezing, *compiled
                steps.add((*step, task) if by_task else step)
                seed = run_seed(profile, variant, task, fold, scenario.name)
                for init in variant.inits:
                    run = {"task": task, "fold": fold, "scenario": scenario.name, "init": init}
                    run |= {"seed": seed} | of_task
                    planned[json.dumps(run), settings.preprocessing] = run
    return "fine-tuning", "runs", [*planned.values()], len(steps)
