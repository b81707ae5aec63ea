"""What a study will take, before it runs: runs, hours and disk space.

As in training, the ledgers are asked which of the planned runs are finished.  Before there are
any, nothing is opened or decoded.  Times are those of the reference run, scaled by the speed of
this computer (:func:`measure_pace`); :func:`fit_budget` returns the largest study that fits a
budget of seconds.
"""

import time
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from itertools import chain, product
from operator import itemgetter
from timeit import repeat
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from joblib import cpu_count

from rin.data.manifest import DatasetManifest, find_task, load_manifest
from rin.data.splits import SHARES
from rin.data.store import Dataset, inspect_case, keys_of
from rin.files import read_facts
from rin.models.backbones import find_backbone
from rin.study.executors import visible_devices
from rin.study.ledger import Planned, other_code_remark
from rin.study.plan import STEP_COST, plan_all, plan_networks
from rin.study.profile import (
    FEATURES,
    MAIN,
    FurtherPretraining,
    Pretraining,
    Sizes,
    numbers_of,
)
from rin.study.workspace import Workspace, folds_of, missing_inputs

#: Seconds that a run takes, and bytes that it leaves.
Cost = tuple[float, float]
#: Side in pixels of the images of the reference run, and the smallest of a study.
SIDE = 75
#: Seconds of a run beside its steps.
RUN_SECONDS = 1
#: The ledgers of a study.
LEDGERS = ("weights", "probe", "losses", "runs")
#: Number of pictures that are decoded to time decoding.
DECODED = 12
#: Time of a prediction, as a share of that of an image in pretraining.
PREDICTION = 0.3
#: The settings from which `fit_budget` chooses.
_CHOICES = read_facts(__file__)
_TIMES = _CHOICES["times"]


class Pace(NamedTuple):
    """Seconds that this computer needs for an image in a step, and for a tracing."""

    image: float
    tracing: float


def measure_pace() -> Pace:
    """Return the times of the reference run, scaled by the speed of this computer's processor.

    What counts is time of the processor, so that other programs that run meanwhile change little.
    A processor that multiplies twice as fast trains 1.4 times as fast: only part is products.
    """
    numbers = np.random.default_rng(0).random((1024, 1024), dtype=np.float32)
    times = repeat(lambda: numbers @ numbers, timer=time.process_time, repeat=5, number=1)
    slower = float(np.median(times) / _TIMES["product"]) ** 0.5
    image = _TIMES["image"] * (1 / _TIMES["accelerator"] if visible_devices() else slower)
    return Pace(image=image, tracing=_TIMES["tracing"] * slower)


def measure_decoding(dataset: Dataset) -> float:
    """Return the seconds to decode all pictures on this computer, estimated from some of them."""
    cases = dataset.cases.iloc[:: max(1, len(dataset.cases) // DECODED)]
    keys = keys_of(dataset.root, [*cases.itertuples(index=False)])
    square = (SIDE, "stretch")
    began = time.process_time()
    for case in cases.assign(key=keys).itertuples(index=False):
        inspect_case(dataset.root, dataset.manifest, square, case)
    return (time.process_time() - began) / len(cases) * len(dataset.cases) / cpu_count()


def fit_budget(
    folds: pd.DataFrame, side: float, drawn: Sequence[int], pace: Pace, seconds: float
) -> tuple[dict[str, Any], float]:
    """Return the settings of the largest study that fits into a budget, and its seconds.

    It is a study of one backbone.  If none fits, it is the shortest.

    Parameters
    ----------
    folds : of a task, with `fold` and `part`
    side : of its pictures, in pixels
    drawn : numbers of cases that may be drawn from it for a single fold
    pace : of this computer
    seconds : for fine-tuning from two inits
    """
    parts = folds.query("fold == 0")["part"].value_counts()
    possible = []
    total = int(parts.sum())
    n_folds = sorted({int(folds["fold"].nunique()), 1}, reverse=True)
    choices = [*product([total], _CHOICES["extents"], n_folds)]
    choices += product([n for n in drawn if n < total], _CHOICES["extents"], [1])
    for n_cases, extent, n in choices:
        rates = extent["learning_rates"]
        epochs = extent["epochs"]
        size = int(np.clip(side, SIDE, extent["size"]))
        used = parts * (n_cases / total)
        images = sum(len(rates[way]) * _images_of_run(way, epochs, used) for way in rates)
        runs = images * pace.image * (size / SIDE) ** 2
        runs += sum(map(len, rates.values())) * RUN_SECONDS
        chosen = {
            "studies": [{"name": MAIN, "learning_rates": rates}],
            "folds": n,
            "fine_tuning": {"size": size, "epochs": epochs},
        }
        if n_cases < total:
            chosen["cases"] = n_cases
        possible.append((chosen, len(rates) * pace.tracing + 2 * n * runs))
    shortest = min(possible, key=itemgetter(1))
    return next((study for study in possible if study[1] <= seconds), shortest)


def _images_of_run(unfreezing: str, epochs: int, parts: Mapping[str, float]) -> float:
    """Return how many images a pretraining could take in in the time of a run."""
    predicted = PREDICTION * (epochs * parts["validation"] + parts["test"])
    return STEP_COST[unfreezing] * epochs * parts["train"] + predicted


def forecast(workspace: Workspace) -> pd.DataFrame:
    """Return one row per stage of a study: what is left to do, and how long it takes.

    Columns are `stage`, `runs` (a run that studies share counts once, but for levels with equal
    inputs), `finished` (if inputs are missing, without which no run can be planned, all finished
    runs of the ledger), and of the unfinished runs `hours` of one worker with a range
    (`hours_low`, `hours_high`) and `gigabytes`.  These are the mean of the finished runs of the
    stage; without any, they follow from the times of the reference run (`forecast.yaml`), scaled
    by the speed of this computer.
    """
    planned = plan_finished(workspace)
    rows = []
    slower = measure_pace().image / _TIMES["image"]
    for name, costs in _forecast_costs(workspace)[0].items():
        ledger = workspace.ledger(name)
        n_runs = len(planned.get(name, costs))
        mean = np.mean(costs or [(0, 0)], axis=0) * (slower, 1)
        spread = _TIMES["spread"]
        finished = [] if planned else ledger.finished_ids()
        of_any = {run_id: ledger.done_record(run_id) for run_id in finished}
        done = ledger.records(planned[name]) if planned else of_any
        if done:
            spread = _TIMES["spread_of_finished"]
            files = [file for run_id in done for file in ledger.path(run_id).iterdir()]
            seconds = sum(record["seconds"] for record in done.values())
            mean = np.array([seconds, sum(file.stat().st_size for file in files)]) / len(done)
        hours, gigabytes = max(0, n_runs - len(done)) * mean * (1 / 3600, 1e-9)
        stage = {"weights": "pretraining", "runs": "fine-tuning"}.get(name, name)
        rows.append((stage, n_runs, len(done), hours, hours / spread, hours * spread, gigabytes))
    columns = ["stage", "runs", "finished", "hours", "hours_low", "hours_high", "gigabytes"]
    return pd.DataFrame(rows, columns=columns)


def forecast_lines(workspace: Workspace) -> list[str]:
    """Return the forecast of a study as lines of text; times below an hour are in minutes."""
    table = forecast(workspace)
    table.loc[len(table)] = {**table.sum(), "stage": "all"}
    hours = table.filter(like="hours")
    times = hours.map(lambda h: f"{60 * h:.2g} min" if h < 1 else f"{h:.1f} h")
    shown = table[["stage", "runs", "finished"]].assign(
        time=times["hours"],
        range=times["hours_low"] + " to " + times["hours_high"],
        gigabytes=table["gigabytes"].map("{:.2g}".format),
    )
    note = "Time of one worker, and gigabytes, of the unfinished runs."
    _, studies = _forecast_costs(workspace)
    counts = ", ".join(f"{study} {n:,}" for study, n in studies.items()) or "none"
    by_study = f"Fine-tuning by study, runs that several share in each: {counts}."
    profile = workspace.profile
    counts_of = {
        task: folds_of(profile, find_task(task)[1], profile.folds) for task in profile.tasks
    }
    fewer = [
        f"{task} has {n} folds of {profile.folds}."
        for task, n in counts_of.items()
        if n < profile.folds
    ]
    return [*shown.to_string(index=False).splitlines(), note, by_study, *fewer]


def _parts(workspace: Workspace, task: str) -> dict[str, int]:
    """Return about how many images the parts of a task have, without opening them.

    Of images that are missing, those of the smallest dataset that will do count.  Images that a
    run scores at its end, the validation part and external ones, are in the test part.
    """
    dataset, stated = find_task(task)
    profile = workspace.profile
    choices = [dataset, *map(load_manifest, stated.substitutes)]
    here = [*filter(workspace.provides, choices)]
    n_images = min(_n_images(workspace, data) for data in here or choices)
    sizes = profile.cases_of.get(task, profile.cases)
    if isinstance(sizes, Sizes):
        train = sizes.train
        validation = sizes.validation
        test = sizes.test or max(0, n_images - train - validation)
    else:
        used = min(sizes or n_images, n_images)
        train, validation, test = (round(share * used) for share in SHARES)
    external = map(load_manifest, stated.external if profile.external else ())
    test += validation + sum(_n_images(workspace, manifest) for manifest in external)
    return {"train": train, "validation": validation, "test": test}


def _n_images(workspace: Workspace, manifest: DatasetManifest) -> int:
    """Return about how many images a dataset has, by its manifest or that of its stand-in."""
    made = workspace.profile.stand_ins.get(manifest.name)
    if made and not workspace.holds(manifest):
        values = made.get("class_count", 0) * made.get("per_class", 0)
        return values or sum(made.values())
    counts = manifest.counts
    stated = counts.images or counts.authors or counts.paper
    return counts.total or sum(stated.values()) or _TIMES["images"]


def _run_seconds(backbone: str, size: int, images: float) -> float:
    """Return the seconds of a run, in so many images of pretraining."""
    if backbone == FEATURES:
        return RUN_SECONDS
    cost = find_backbone(backbone).relative_cost * (size / SIDE) ** 2
    return _TIMES["image"] * cost * images + RUN_SECONDS


def plan_finished(workspace: Workspace) -> dict[str, Sequence[Planned]]:
    """Return the planned runs of each ledger of a study, if any of its runs are finished.

    They include fine-tuning runs whose pretraining is not finished.  Of a study without finished
    runs nothing is opened, and nothing returned; nor can one be planned whose inputs are missing.
    """
    begun = any(workspace.ledger(name).finished_ids() for name in LEDGERS)
    if not begun or missing_inputs(workspace):
        return {}
    return {**plan_networks(workspace), "runs": plan_all(workspace, ahead=True)}


def code_remarks(workspace: Workspace) -> list[str]:
    """Return a sentence for each ledger that has runs by code not shown to train alike."""
    remarks = []
    for name, runs in plan_finished(workspace).items():
        ledger = workspace.ledger(name)
        if others := ledger.other_code_digests(runs).values():
            remarks.append(f"{name}: {other_code_remark(others, ledger.count(runs))}")
    return remarks


def _forecast_costs(workspace: Workspace) -> tuple[dict[str, list[Cost]], Counter[str]]:
    """Return the cost of the runs of each ledger, and how many fine-tuning runs a study has."""
    profile = workspace.profile
    costs = {}
    if pretraining := profile.pretraining:
        corpora = [load_manifest(names[0]) for names in profile.corpora.values()]
        largest = max(_n_images(workspace, corpus) for corpus in corpora)
        backbones = pretraining.backbones or profile.backbones
        numbers = {name: numbers_of(pretraining.pretrainings, name) for name in backbones}

        def networks(section: Pretraining | FurtherPretraining, names: list[str]) -> list[Cost]:
            images = section.epochs * min(section.cases or largest, largest)
            return [
                (
                    _run_seconds(name, pretraining.size, images),
                    4 * find_backbone(name).parameters,
                )
                for name in names
            ]

        of_corpus = [name for name in backbones for _ in numbers[name]]
        costs["weights"] = networks(pretraining, of_corpus * len(corpora))
        for brief in profile.briefs:
            settings_of = pretraining.model_copy(update={"epochs": brief.epochs})
            shortened = [n for n in brief.backbones if brief.pretraining in numbers.get(n, [])]
            costs["weights"] += networks(settings_of, shortened)
        if probe := profile.probe:
            probed = (probe.backbones or backbones) * len(probe.preprocessings)
            costs["probe"] = networks(probe, probed)
        if losses := profile.losses:
            compared = losses.backbones * len(losses.losses) * losses.seeds
            costs["losses"] = networks(losses, compared)
    planned: dict[Hashable, Cost] = {}  # of fine-tuning; shared runs count once
    studies = Counter[str]()
    for variant in chain.from_iterable(map(profile.variants, profile.study_filters)):
        for task in variant.tasks:
            settings = profile.tuning(task, variant.changes)
            parts = _parts(workspace, task)
            folds = range(folds_of(profile, find_task(task)[1], variant.folds))
            size = parts["test"] * (_TIMES["row"] + 8 * (settings.size / 32) ** 2)
            # Runs of the study of layers record more than others.
            kind = (
                task,
                settings,
                variant.repeat,
                variant.pretraining,
                variant.study.activation_sample,
            )
            for scenario, fold, init in product(variant.study.scenarios, folds, variant.inits):
                trained_on = _images_of_run(scenario.unfreezing, settings.epochs, parts)
                seconds = _run_seconds(scenario.backbone, settings.size, trained_on)
                planned[scenario, fold, init, kind] = seconds, size
                studies[variant.study.name] += 1
    return costs | {"runs": [*planned.values()]}, studies
