"""What a study will take, before it runs: runs, hours and disk space.

As in training, the ledgers are asked which of the planned runs are finished.  Before there are
any, nothing is opened or decoded.  Times are those of the reference run, scaled by the speed of
this computer (:func:`measure_pace`); :func:`fit_budget` returns the largest study that fits a
budget of minutes.
"""

import time
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import chain, product
from operator import itemgetter
from timeit import repeat
from typing import Any

import numpy as np
import pandas as pd
from joblib import cpu_count

from rin.data.manifest import PARTS, DatasetManifest, find_task, load_manifest
from rin.data.splits import SHARES
from rin.data.store import Dataset, inspect_case, keys_of
from rin.files import read_facts
from rin.models.backbones import find_backbone
from rin.study.executors import visible_devices
from rin.study.ledger import Planned
from rin.study.loss_study import plan_losses
from rin.study.plan import STEP_COST, plan_all
from rin.study.pretraining import plan_pretraining
from rin.study.probe_study import plan_probe
from rin.study.profile import FEATURES, MAIN, FurtherPretraining, Pretraining, Sizes
from rin.study.workspace import Workspace, folds_of, missing_inputs

#: Seconds that a run takes, and bytes that it leaves.
Cost = tuple[float, float]
#: Side in pixels of the images of the reference run, and the smallest of a study.
SIDE = 75
#: Seconds for starting and for the pages, beside decoding and training; and seconds of a run
#: beside its steps.
BESIDE_SECONDS, RUN_SECONDS = 60, 1
#: The ledgers of a study, in the order in which it trains.
LEDGERS = ("weights", "probe", "losses", "runs")
#: Number of pictures that are decoded to time decoding.
DECODED = 12
#: Time of a prediction step, as a share of that of a training step with all layers unfrozen.
PREDICTION = 0.3
#: The settings from which `fit_budget` chooses.
_CHOICES = read_facts(__file__)
_TIMES = _CHOICES["times"]


@dataclass(frozen=True)
class Pace:
    """Seconds that this computer needs for an image in a step, a tracing, and all decoding."""

    image: float
    tracing: float
    decoding: float = 0


def measure_pace() -> Pace:
    """Return the times of the reference run, scaled by the speed of this computer's processor.

    What counts is time of the processor, so that other programs that run meanwhile change little.
    """
    numbers = np.random.default_rng(0).random((1024, 1024), dtype=np.float32)
    times = repeat(lambda: numbers @ numbers, timer=time.process_time, repeat=5, number=1)
    slower = float(np.median(times)) / _TIMES["product"]
    image = _TIMES["image"] * (1 / _TIMES["accelerator"] if visible_devices() else slower)
    return Pace(image=image, tracing=_TIMES["tracing"] * slower)


def measure_decoding(dataset: Dataset) -> float:
    """Return the seconds to decode all pictures on this computer, estimated from some of them."""
    cases = dataset.cases.iloc[:: max(1, len(dataset.cases) // DECODED)]
    keys, square = keys_of(dataset.root, [*cases.itertuples(index=False)]), (SIDE, "stretch")
    began = time.process_time()
    for case in cases.assign(key=keys).itertuples(index=False):
        inspect_case(dataset.root, dataset.manifest, square, case)
    return (time.process_time() - began) / len(cases) * len(dataset.cases) / cpu_count()


@dataclass(frozen=True)
class Extent:
    """Numbers of cases in the parts of a fold, and of folds; side of the pictures in pixels.

    With `may_draw`, a study may use fewer cases than there are.
    """

    parts: dict[str, int]
    folds: int
    side: float
    may_draw: bool


def fit_budget(
    pace: Pace, minutes: float, task: Extent, backbones: Sequence[str], weights: str
) -> tuple[dict[str, Any], float]:
    """Return the settings of the largest study that fits a budget, and the minutes that it takes.

    If none fits, it is the shortest study.  ``weights`` are the images for pretraining: `corpora`
    take the share of the time that `forecast.yaml` states, `stand-ins` a fixed number of images;
    with others there is no pretraining.
    """
    always, before = {}, BESIDE_SECONDS + pace.decoding + pace.tracing
    if training := _CHOICES["pretraining"].get(weights):
        epochs = training["epochs"]
        affordable = training["share"] * 60 * minutes / (2 * epochs * pace.image)
        images = int(np.clip(affordable, *training["images"]))
        always["pretraining"] = {"cases": images, "epochs": epochs}
        pretraining = 2 * (epochs * images * pace.image + RUN_SECONDS) + pace.tracing
        before += len(backbones) * pretraining
    total = sum(task.parts.values())
    choices = [*product([total], _CHOICES["extents"], sorted({task.folds, 1}, reverse=True))]
    drawn = [n for n in _CHOICES["drawn"] if task.may_draw and n < total]
    choices += product(drawn, _CHOICES["extents"], [1])
    possible = []
    for n_cases, extent, n_folds in choices:
        cases = {part: n_cases * n / total for part, n in task.parts.items()}
        rates, epochs = extent["learning_rates"], extent["epochs"]
        size = int(np.clip(task.side, SIDE, extent["size"]))
        taken = sum(len(rates[way]) * _images_of_run(way, epochs, **cases) for way in rates)
        runs = taken * pace.image * (size / SIDE) ** 2
        runs += sum(map(len, rates.values())) * RUN_SECONDS
        of_backbone = len(rates) * pace.tracing + 2 * n_folds * runs
        chosen = {
            "studies": [{"name": MAIN, "learning_rates": rates}],
            "folds": n_folds,
            "fine_tuning": {"size": size, "epochs": epochs},
            **({"cases": n_cases} if n_cases < total else {}),
            **always,
        }
        possible.append((chosen, (before + len(backbones) * of_backbone) / 60))
    shortest = min(possible, key=itemgetter(1))
    return next((study for study in possible if study[1] <= minutes), shortest)


def _images_of_run(
    unfreezing: str, epochs: int, *, train: float, validation: float, test: float
) -> float:
    """Return how many images a run could train on with all layers unfrozen in its time."""
    predicted = PREDICTION * (epochs * validation + test)
    return STEP_COST[unfreezing] * epochs * train + predicted


def forecast(workspace: Workspace) -> pd.DataFrame:
    """Return one row per stage of a study: what is left to do, and how long it takes.

    Columns are `stage`, `runs` (a run that studies share counts once), `finished` (NaN if inputs
    are missing, without which no run can be planned), and of the unfinished runs `hours` of one
    worker with a range (`hours_low`, `hours_high`) and `gigabytes`.  These are the mean of the
    finished runs of the stage; without any, they follow from the times of the reference run
    (`forecast.yaml`), scaled by the speed of this computer.
    """
    expected, rows = _expected(workspace), []
    done = {name: workspace.ledger(name).finished() for name in expected}
    planned = plan_finished(workspace)
    slower = measure_pace().image / _TIMES["image"]
    for name, costs in expected.items():
        ledger, n_runs = workspace.ledger(name), len(planned.get(name, costs))
        finished = np.nan if any(done.values()) else 0.0
        if planned:
            finished = n_runs - len(ledger.missing(planned[name]))
        pace, spread = slower, _TIMES["spread"]
        if done[name]:
            pace, spread = 1, _TIMES["spread_of_finished"]
            costs = [
                (
                    ledger.done(run)["seconds"],
                    sum(file.stat().st_size for file in ledger.path(run).iterdir()),
                )
                for run in done[name]
            ]
        mean = np.mean(costs or [(0, 0)], axis=0) * (pace / 3600, 1e-9)
        hours, gigabytes = (n_runs - np.nan_to_num(finished)) * mean
        stage = {"weights": "pretraining", "runs": "fine-tuning"}.get(name, name)
        rows.append((stage, n_runs, finished, hours, hours / spread, hours * spread, gigabytes))
    columns = ["stage", "runs", "finished", "hours", "hours_low", "hours_high", "gigabytes"]
    return pd.DataFrame(rows, columns=columns)


def forecast_lines(workspace: Workspace) -> list[str]:
    """Return the forecast of a study as lines of text; times below an hour are in minutes."""
    table = forecast(workspace).astype({"finished": "Int64"})
    for name in ("hours", "hours_low", "hours_high"):
        table[name] = [f"{60 * h:.2g} min" if h < 1 else f"{h:.1f} h" for h in table[name]]
    table["range"] = table["hours_low"] + " to " + table["hours_high"]
    table["gigabytes"] = table["gigabytes"].map("{:.2g}".format)
    table = table.rename(columns={"hours": "time"})
    columns = ["stage", "runs", "finished", "time", "range", "gigabytes"]
    text = table.to_string(columns=columns, index=False, na_rep="?")
    return [*text.splitlines(), "Time of one worker, and gigabytes, of the unfinished runs."]


def _parts(workspace: Workspace, task: str) -> dict[str, int]:
    """Return about how many images the parts of a task have, without opening them.

    Of images that are missing, those of the smallest dataset that will do count.
    """
    dataset, stated = find_task(task)
    choices = [dataset, *map(load_manifest, stated.substitutes)]
    profile = workspace.profile
    here = [data for data in choices if workspace.holds(data) or data.name in profile.stand_ins]
    n_images = min(_n_images(workspace, data) for data in here or choices)
    sizes = profile.cases_of.get(task, profile.cases)
    if isinstance(sizes, Sizes):
        rest = sizes.test or max(0, n_images - sizes.train - sizes.validation)
        return {"train": sizes.train, "validation": sizes.validation, "test": rest}
    used = min(sizes or n_images, n_images)
    return {part: round(share * used) for part, share in zip(PARTS, SHARES, strict=True)}


def _n_images(workspace: Workspace, manifest: DatasetManifest) -> int:
    """Return about how many images a dataset has, by its manifest or that of its stand-in."""
    made = {} if workspace.holds(manifest) else workspace.profile.stand_ins.get(manifest.name)
    if made:
        values = made.get("class_count", 0) * made.get("per_class", 0)
        return values or sum(made.values())
    counts = manifest.counts
    stated = counts.images or counts.authors or counts.paper
    return counts.total or sum(stated.values()) or _TIMES["images"]


def _run_seconds(backbone: str, size: int, images: float) -> float:
    """Return the seconds of a run that takes in so many images with all layers unfrozen."""
    if backbone == FEATURES:
        return RUN_SECONDS
    cost = find_backbone(backbone).relative_cost * (size / SIDE) ** 2
    return _TIMES["image"] * cost * images + RUN_SECONDS


def plan_finished(workspace: Workspace) -> dict[str, Sequence[Planned]]:
    """Return the planned runs of each ledger of a study, if any of its runs are finished.

    They include fine-tuning runs whose pretraining is not finished.  Of a study without finished
    runs nothing is opened, and nothing returned; nor can one be planned whose inputs are missing.
    """
    any_finished = any(workspace.ledger(name).finished() for name in LEDGERS)
    if not any_finished or missing_inputs(workspace):
        return {}
    return {
        "weights": plan_pretraining(workspace),
        "probe": plan_probe(workspace),
        "losses": plan_losses(workspace),
        "runs": plan_all(workspace, ahead=True),
    }


def code_remarks(workspace: Workspace) -> list[str]:
    """Return a sentence for each ledger that has runs by code not shown to train alike."""
    remarks = []
    for name, runs in plan_finished(workspace).items():
        if remark := workspace.ledger(name).code_remark(run.run_id for run in runs):
            remarks.append(f"{name}: {remark}")
    return remarks


def _expected(workspace: Workspace) -> dict[str, list[Cost]]:
    """Return the cost of the runs of each ledger of a study."""
    profile = workspace.profile
    trained: dict[str, tuple[list[str], Pretraining | FurtherPretraining]] = {}
    costs: dict[str, list[Cost]] = {}
    if pretraining := profile.pretraining:
        corpora = [load_manifest(names[0]) for names in profile.corpora.values()]
        largest = max(_n_images(workspace, corpus) for corpus in corpora)
        backbones, numbers = pretraining.backbones or profile.backbones, pretraining.pretrainings
        names = backbones * len(corpora) * len(numbers)
        for brief in pretraining.brief:
            names += brief.backbones if brief.pretraining in numbers else []
        trained["weights"] = names, pretraining
        if probe := profile.probe:
            trained["probe"] = (probe.backbones or backbones) * len(probe.preprocessings), probe
        if losses := profile.losses:
            trained["losses"] = losses.backbones * len(losses.losses) * losses.seeds, losses
        for ledger, (names, section) in trained.items():
            images = section.epochs * min(section.cases or largest, largest)
            costs[ledger] = [
                (
                    _run_seconds(name, pretraining.size, images),
                    4 * find_backbone(name).parameters,
                )
                for name in names
            ]
    planned: dict[Hashable, Cost] = {}  # of fine-tuning; shared runs count once
    for variant in chain.from_iterable(map(profile.variants, profile.study_filters)):
        for task in variant.tasks:
            settings, parts = profile.tuning(task, variant.changes), _parts(workspace, task)
            _, stated = find_task(task)
            folds = range(folds_of(profile, stated, variant.folds))
            external = map(load_manifest, stated.external if profile.external else ())
            parts["test"] += sum(_n_images(workspace, manifest) for manifest in external)
            parts["test"] += parts["validation"]  # as every run scores both at its end
            size = parts["test"] * (_TIMES["row"] + 8 * (settings.size / 32) ** 2)
            for scenario, fold in product(variant.study.scenarios, folds):
                trained_on = _images_of_run(scenario.unfreezing, settings.epochs, **parts)
                seconds = _run_seconds(scenario.backbone, settings.size, trained_on)
                # Runs of the study of layers record more than others.
                kind = variant.repeat, variant.pretraining, variant.study.activation_sample
                for init in variant.inits:
                    planned[task, fold, scenario, init, settings, *kind] = seconds, size
    return costs | {"runs": [*planned.values()]}
