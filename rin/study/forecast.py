"""What a study will take, before any of it is done: runs, jobs, hours, disk.

Hours and disk come from the finished runs of the same profile; nothing is opened or decoded.  For
a profile that is yet to be written, :func:`measure_pace` times a few steps on this computer, and
:func:`fit_budget` returns the largest study that ends within some minutes.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from rin.data.manifest import find_task
from rin.study.plan import STEP_COST, run_seed
from rin.study.pretraining import pretraining_seed
from rin.study.profile import LAYERS, FineTuning, Profile, find_scenario
from rin.study.setting import Study

#: Backbone whose steps are timed, their side in pixels and number of images.
TIMED, SIDE, BATCH = "ResNet50", 75, 16
#: Seconds that starting, decoding and the pages take, beside the tracing of a step.
BESIDE_SECONDS = 60
#: What prediction takes of a training step with all layers unfrozen.
PREDICTION = 0.3
#: Ways of unfreezing in the order in which they are taken, with their learning rates.
RATES = {
    "unfreeze_all": ("1e-04", "1e-03"),
    "freeze_all": ("1e-02", "1e-03"),
    "unfreeze_top10": ("1e-03", "1e-02"),
}
#: Ways and rates of a study; two scenarios at least, as the spread over scenarios is shown.
REGIMES_AND_RATES = ((3, 2), (3, 1), (2, 2), (2, 1), (1, 2))
EPOCHS, SIZES = (10, 5, 3, 2), (224, 160, 112, SIDE)
#: Cases that may be drawn, where all would take too long.
DRAWS = [
    {"train": train, "validation": max(20, train // 6), "test": 900}
    for train in (1000, 500, 250, 120)
]
#: Of pretraining on real images: epochs, share of the budget, fewest and most images.
PRETRAINING_EPOCHS, PRETRAINING_SHARE, CORPUS = 4, 0.33, (288, 6000)
#: Images of a stand-in corpus, which is seen once.
STAND_IN_CORPUS = 96


@dataclass(frozen=True)
class Pace:
    """Seconds that this computer takes: an image and step, a run besides, a tracing."""

    image: float
    run: float
    tracing: float


@dataclass(frozen=True)
class Budgeted:
    """Numbers of a study, and how many minutes it takes.

    ``cases`` are those of each part, None for all; ``corpus`` the images of each pretraining.
    """

    minutes: float
    scenarios: list[str]
    cases: dict[str, int] | None
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
    block = CompiledBlock(Architecture(TIMED, "unfreeze_all", SIDE, batch_norm_momentum=0.9))
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
    return Pace(image, max(0.0, short - epoch), max(0.0, first - short))


def fit_budget(
    pace: Pace,
    minutes: float,
    *,
    parts: dict[str, int],
    folds: int,
    side: float,
    backbones: Sequence[str],
    corpora: str,
    draws: Sequence[dict[str, int]],
) -> Budgeted:
    """Return the largest study of a task that ends within a budget, the least where none does.

    ``parts`` are the cases of a fold, ``side`` that of the pictures; ``corpora`` of pretraining
    get a third of the time, `stand-ins` the least, and none nothing.  ``draws`` are cases of each
    part that may be drawn, most first.
    """
    pretraining_epochs, corpus = 1, STAND_IN_CORPUS
    if corpora != "stand-ins":
        pretraining_epochs = PRETRAINING_EPOCHS
        affordable = PRETRAINING_SHARE * 60 * minutes / (2 * pretraining_epochs * pace.image)
        corpus = int(np.clip(affordable, *CORPUS))
    before = BESIDE_SECONDS + pace.tracing
    if corpora:
        pretraining = 2 * (pretraining_epochs * corpus * pace.image + pace.run) + pace.tracing
        before += len(backbones) * pretraining
    studies = []
    for drawn, epochs, plan, size, fold_count in _choices(folds, side, draws):
        cases = drawn or parts
        runs = sum(_run_seconds(pace, cases, epochs, regime, size) for regime, _ in plan)
        tracings = len({regime for regime, _ in plan}) * pace.tracing
        seconds = before + len(backbones) * (2 * fold_count * runs + tracings)
        study = Budgeted(
            minutes=seconds / 60,
            scenarios=[f"{name}-{regime}-{rate}" for name in backbones for regime, rate in plan],
            cases=drawn,
            epochs=epochs,
            size=size,
            folds=fold_count,
            corpus=corpus,
            pretraining_epochs=pretraining_epochs,
        )
        studies.append(study)
    fitting = (study for study in studies if study.minutes <= minutes)
    cheapest = min(studies, key=lambda study: study.minutes)
    return next(fitting, cheapest)


def _choices(folds: int, side: float, draws: Sequence[dict[str, int]]) -> Iterator[tuple]:
    """Yield what a study may take, largest first: cases drawn, epochs, plan, size, folds.

    A plan is pairs of a regime of unfreezing and a learning rate.  Drawn cases have a single fold.
    """
    plans = [
        [(regime, rate) for regime in [*RATES][:regimes] for rate in RATES[regime][:rates]]
        for regimes, rates in REGIMES_AND_RATES
    ]
    sizes = [size for size in SIZES if size <= max(SIDE, side)]
    fold_counts = sorted({folds, 1}, reverse=True)
    yield from product([None], EPOCHS, plans, sizes, fold_counts)
    yield from product(draws, EPOCHS, plans, sizes, [1])


def _run_seconds(pace: Pace, cases: dict[str, int], epochs: int, regime: str, size: int) -> float:
    """Return the seconds of one run, on so many cases of each part."""
    trained = STEP_COST[regime] * epochs * cases["train"]
    predicted = PREDICTION * (epochs * cases["validation"] + cases["test"])
    return (trained + predicted) * pace.image * (size / SIDE) ** 2 + pace.run


def forecast(study: Study) -> pd.DataFrame:
    """Return one row a stage: `stage, runs, finished, jobs, hours, gigabytes`.

    `runs` are those of a profile, each once where studies share it (but for ways of preprocessing
    that come to the same), `jobs` as many as an executor may do side by side.  `hours` of one
    worker, and `gigabytes`, are for the rest at the mean of all finished runs: NaN without any.
    """
    profile, rows = study.profile, []
    for stage, ledger, planned, jobs in _stages(profile):
        folder = study.ledger(ledger).folder
        done = sorted(folder.glob("[!.]*/done.json"))
        finished = _count_finished(done, planned)
        seconds = [json.loads(path.read_text("utf-8")).get("seconds", np.nan) for path in done]
        sizes = [sum(f.stat().st_size for f in p.parent.iterdir()) for p in done]
        runs = len(planned)
        left = runs - finished
        hours = left * float(np.mean(seconds)) / 3600 if done else np.nan
        gigabytes = left * float(np.mean(sizes)) / 1e9 if done else np.nan
        rows.append((stage, runs, finished, jobs, hours, gigabytes))
    return pd.DataFrame(rows, columns=["stage", "runs", "finished", "jobs", "hours", "gigabytes"])


def _count_finished(done: Sequence[Path], planned: Sequence[dict]) -> int:
    """Count planned runs that are done, each once, by what their configurations have in common.

    The folder holds other runs as well: of other pretrainings, whose seeds differ, or settings.
    """
    wanted, finished = Counter(json.dumps(run) for run in planned), Counter()
    names = [*planned[0]]
    for path in done:
        config = json.loads((path.parent / "config.json").read_text("utf-8"))
        config["layers"] = "layers" in config
        finished[json.dumps({name: config.get(name) for name in names})] += 1
    return (wanted & finished).total()


def _stages(profile: Profile) -> Iterator[tuple[str, str, list[dict], int]]:
    """Yield stages with their ledgers, what tells their runs apart, and numbers of jobs."""
    alone = profile.execution.executor != "processes"
    if pretraining := profile.pretraining:
        backbones, numbers = pretraining.backbones or profile.backbones, pretraining.pretrainings
        seeds = [pretraining_seed(profile.seed, number) for number in numbers]
        cells = [*product(pretraining.corpora, backbones, seeds)]
        if (brief := pretraining.brief) and 1 in numbers:  # it is made once
            cells += product([brief.name], brief.backbones, [profile.seed])
        runs = [dict(zip(("init", "backbone", "seed"), cell, strict=True)) for cell in cells]
        yield "pretraining", "weights", runs, len(runs) if alone else len(backbones) * len(numbers)
        if section := profile.probe:
            names = section.backbones or backbones
            cells = product(section.preprocessings, names)
            runs = [{"preprocessing": p, "backbone": b, "seed": profile.seed} for p, b in cells]
            yield "probe", "probe", runs, len(runs) if alone else len(names)
        if section := profile.losses:
            seeds = range(profile.seed, profile.seed + section.seeds)
            cells = product(section.losses, section.backbones, seeds)
            runs = [{"loss": loss, "backbone": b, "seed": seed} for loss, b, seed in cells]
            yield "losses", "losses", runs, len(runs)
    yield _fine_tuning_stage(profile)


def _fine_tuning_stage(profile: Profile) -> tuple[str, str, list[dict], int]:
    """Return the stage of fine-tuning: runs that studies share count once."""
    by_task = profile.execution.blocks == "by_task"
    steps, planned = set(), {}
    variants = [
        (study, variant) for study in profile.studies for variant in profile.variants(study)
    ]
    for study, variant in variants:
        scenarios = [*map(find_scenario, variant.scenarios)]
        for task, scenario in product(variant.tasks, scenarios):
            settings = profile.tuning(task).model_copy(update=variant.changes)
            step = scenario.backbone, scenario.unfreezing, settings.head, settings.size
            steps.add((*step, task) if by_task else step)
            of_task = dict.fromkeys(FineTuning.model_fields) | settings.identity
            # Which one it comes to depends on the weights.
            del of_task["preprocessing"]
            folds = range(min(variant.folds, find_task(task)[1].n_folds))
            for fold, init in product(folds, variant.inits):
                seed = run_seed(profile, variant, task, fold, scenario.name)
                run = {"task": task, "fold": fold, "scenario": scenario.name, "init": init}
                # Runs of the study of layers record more than others.
                run |= {"seed": seed, "layers": study == LAYERS} | of_task
                planned[json.dumps(run), settings.preprocessing] = run
    return "fine-tuning", "runs", [*planned.values()], len(steps)
