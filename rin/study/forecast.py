"""What a study will take, before any of it is done: runs, jobs, hours, disk, and what is missing.

Hours and disk come from the finished runs of the same profile; nothing is opened or decoded.  For a
profile that is yet to be written, :func:`measure_pace` times a few steps on this computer, and
:func:`fit_budget` returns the largest study that ends within some minutes.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd

from rin.data.manifest import find_task
from rin.study.profile import STUDIES, Profile, find_scenario
from rin.study.setting import Study

#: Backbone whose steps are timed, their side in pixels and number of images.
TIMED, SIDE, BATCH = "ResNet50", 75, 16
#: What starting, decoding and the pages take besides, in steps' tracings and in seconds.
BESIDE_TRACINGS, BESIDE_SECONDS = 1.0, 60
#: Share of a step with all layers unfrozen, by regime; what prediction takes of it.
COST = {"unfreeze_all": 1.0, "unfreeze_top10": 0.55, "freeze_all": 0.5}
PREDICTION = 0.3
#: Ways of unfreezing of a study in the order in which they are taken, with their learning rates; a
#: study has two scenarios at least, as its spread over scenarios is shown.
RATES = {"unfreeze_all": ("1e-04", "1e-03"), "freeze_all": ("1e-02", "1e-03"),
         "unfreeze_top10": ("1e-03", "1e-02")}  # fmt: skip
PRETRAINING_EPOCHS = 4


@dataclass(frozen=True)
class Pace:
    """Seconds that this computer takes: for an image and step, for a run besides, for a tracing."""

    image: float
    run: float
    tracing: float


@dataclass(frozen=True)
class Budgeted:
    """Numbers of a study that fits a budget, or of the least one where none does.

    ``train`` are training cases, None for all; ``corpus`` the images of each pretraining.
    """

    minutes: float
    fits: bool
    scenarios: list[str]
    train: int | None
    epochs: int
    size: int
    folds: int
    corpus: int
    pretraining_epochs: int


def measure_pace() -> Pace:
    """Time the training of one network on noise: one epoch, the same again, and three."""
    from rin.models.build import Architecture
    from rin.models.preprocessing import find_preprocessing
    from rin.training.batches import Part
    from rin.training.trainer import CompiledBlock, Recipe, prepare_framework

    prepare_framework(None, "float32")
    began = time.monotonic()
    block = CompiledBlock(
        Architecture(TIMED, "unfreeze_all", size=SIDE, augmentation="official", dropout=0.5,
                     batch_norm_momentum=0.9, head="linear", channels=1)
    )  # fmt: skip
    pictures = np.random.default_rng(0).integers(0, 255, (3 * BATCH, SIDE, SIDE), dtype=np.uint8)
    labels = np.arange(len(pictures)) % 2
    train = Part(pictures, labels, np.arange(2 * BATCH))
    check = Part(pictures, labels, np.arange(2 * BATCH, len(pictures)))
    weights, preprocessing = block.parts.backbone.get_weights(), find_preprocessing("symmetric")
    seconds = []
    for epochs in (1, 1, 3):
        block.fit(weights, preprocessing, Recipe(1e-4, epochs, BATCH, 0), train, check)
        seconds.append(time.monotonic() - began)
        began = time.monotonic()
    first, short, long = seconds
    epoch = max(long - short, 0.5 * long) / 2
    image = epoch / (len(train.rows) + PREDICTION * len(check.rows))
    run = max(0.0, short - epoch)
    return Pace(image, run, max(0.0, first - short))


def fit_budget(
    pace: Pace,
    minutes: float,
    *,
    cases: int,
    parts: dict[str, int],
    folds: int,
    side: float,
    backbones: list[str],
    corpora: str,
    draw: bool,
) -> Budgeted:
    """Return the largest study of a task that ends within a budget of minutes.

    ``parts`` are the ``cases`` of one fold, ``side`` that of the pictures.  ``corpora`` are those
    of pretraining: real ones get a third of the time, `stand-ins` the least, and none nothing;
    with ``draw``, training cases may be drawn.
    """
    budget = 60 * minutes
    epochs, corpus = 1, 96
    if corpora != "stand-ins":
        epochs = PRETRAINING_EPOCHS
        corpus = int(np.clip(0.33 * budget / (2 * epochs * pace.image), 288, 6000))
    before = BESIDE_SECONDS + BESIDE_TRACINGS * pace.tracing
    if corpora:
        before += len(backbones) * (2 * (epochs * corpus * pace.image + pace.run) + pace.tracing)

    def seconds(train: int | None, epochs: int, rates: list[tuple], size: int, folds: int) -> float:
        share = train / parts["train"] if train else 1
        tested = min(900, cases) if train else parts["test"]
        trained = epochs * share * parts["train"]
        predicted = PREDICTION * (epochs * share * parts["validation"] + tested)
        image = pace.image * (size / SIDE) ** 2
        each = [(COST[regime] * trained + predicted) * image + pace.run for regime, _ in rates]
        regimes = len({regime for regime, _ in rates})
        return before + len(backbones) * (2 * folds * sum(each) + regimes * pace.tracing)

    trains = [None, *(n for n in (1000, 500, 250, 120) if draw and n < 0.8 * parts["train"])]
    sizes = [size for size in (224, 160, 112, SIDE) if size <= max(SIDE, side)]
    plans = [[(regime, rate) for regime in [*RATES][:regimes] for rate in RATES[regime][:rates]]
             for regimes, rates in ((3, 2), (3, 1), (2, 2), (2, 1), (1, 2))]  # fmt: skip
    tried = {}
    for train, epochs, rates, size, n in product(
        trains, (10, 5, 3, 2), plans, sizes, sorted({folds, 1}, reverse=True)
    ):
        if train is None or n == 1:
            tried[train, epochs, tuple(rates), size, n] = seconds(train, epochs, rates, size, n)
    chosen = next((plan for plan, took in tried.items() if took <= budget), None)
    least = chosen or min(tried, key=tried.get)
    train, tuned, rates, size, n = least
    scenarios = [f"{b}-{regime}-{rate}" for b in backbones for regime, rate in rates]
    took = tried[least] / 60
    return Budgeted(took, bool(chosen), scenarios, train, tuned, size, n, corpus,
                    PRETRAINING_EPOCHS if corpora != "stand-ins" else 1)  # fmt: skip


def forecast(study: Study) -> pd.DataFrame:
    """Return one row a stage: `stage, runs, finished, jobs, hours, gigabytes`.

    `runs` are those of a profile if no two of its studies shared any, `finished` what the ledger
    holds; `jobs` are as many as an executor may do side by side.  `hours` of one worker, and
    `gigabytes`, are for the rest at the mean of the finished runs: NaN without any.
    """
    profile, rows = study.profile, []
    for stage, ledger, runs, jobs in _stages(profile):
        folder = study.ledger(ledger).folder
        done = sorted(folder.glob("[!.]*/done.json"))
        seconds = [json.loads(path.read_text("utf-8")).get("seconds", np.nan) for path in done]
        sizes = [sum(f.stat().st_size for f in p.parent.iterdir()) for p in done]
        left = max(0, runs - len(done))
        hours = left * float(np.mean(seconds)) / 3600 if done else np.nan
        gigabytes = left * float(np.mean(sizes)) / 1e9 if done else np.nan
        rows.append((stage, runs, len(done), jobs, hours, gigabytes))
    return pd.DataFrame(rows, columns=["stage", "runs", "finished", "jobs", "hours", "gigabytes"])


def _stages(profile: Profile) -> Iterator[tuple[str, str, int, int]]:
    """Yield stages with their ledgers, and numbers of runs and of jobs."""
    alone = profile.execution.executor != "processes"
    if own := profile.pretraining:
        backbones, corpora = len(own.backbones or profile.backbones), len(own.corpora)
        runs = backbones * corpora + (len(own.brief.backbones) if own.brief else 0)
        yield "pretraining", "weights", runs, runs if alone else backbones
        if section := profile.probe:
            backbones = len(section.backbones or own.backbones or profile.backbones)
            runs = backbones * len(section.preprocessings)
            yield "probe", "probe", runs, runs if alone else backbones
        if section := profile.losses:
            runs = len(section.backbones) * len(section.losses) * section.seeds
            yield "losses", "losses", runs, runs
    blocks, runs = set(), 0
    for name in filter(profile.filter_of, STUDIES):
        for variant in profile.variants(name):
            for task in variant.tasks:
                folds = min(variant.folds, find_task(task)[1].n_folds)
                runs += len(variant.scenarios) * len(variant.inits) * folds
            for task, scenario in product(variant.tasks, map(find_scenario, variant.scenarios)):
                tuning = profile.tuning(task)
                block = (
                    scenario.backbone,
                    scenario.unfreezing,
                    variant.changes.get("head"),
                    tuning.size,
                )
                blocks.add((*block, task if profile.execution.blocks == "by_task" else ""))
    yield "fine-tuning", "runs", runs, len(blocks)
