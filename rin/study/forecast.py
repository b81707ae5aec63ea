"""What a study will take, before any of it is done: runs, jobs, hours, disk.

Hours and disk come from the finished runs of the same profile; nothing is opened or decoded.  For
a profile that is yet to be written, :func:`measure_pace` times a few steps on this computer, and
:func:`fit_budget` returns the largest study that ends within some minutes.
"""

import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rin.data.manifest import find_task
from rin.files import read_yaml
from rin.study.ledger import Ledger
from rin.study.plan import STEP_COST, run_seed
from rin.study.pretraining import pretraining_seed
from rin.study.profile import LAYERS, FineTuning, Profile, find_scenario
from rin.study.setting import Study

#: Side in pixels and number of images of the steps that are timed.
SIDE, BATCH = 75, 16
#: Seconds that starting, decoding and the pages take beside the training, and a run beside its
#: steps.
BESIDE_SECONDS, RUN_SECONDS = 60, 1
#: What prediction takes of a training step with all layers unfrozen.
PREDICTION = 0.3
#: What a study of a budget may train.
_CHOICES = read_yaml(Path(__file__).with_suffix(".yaml"))
WAYS, EXTENTS, DRAWN = (_CHOICES[name] for name in ("scenarios", "extents", "drawn"))


@dataclass(frozen=True)
class Pace:
    """Seconds that this computer takes: an image and step, and a tracing."""

    image: float
    tracing: float


def measure_pace() -> Pace:
    """Time the training of one network on noise: one epoch, and three more."""
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
    """Return settings of the largest study that ends within a budget, and the minutes it takes.

    It is the least one where none does.  ``parts`` are the cases of a fold, ``side`` that of the
    pictures; ``corpora`` of pretraining get a third of the time, `stand-ins` the least, and none
    nothing.
    """
    always, before = {}, BESIDE_SECONDS + pace.tracing
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
            chosen = {
                "scenarios": [f"{name}-{way}" for name, way in product(backbones, ways)],
                "folds": n_folds,
                "fine_tuning": {"size": size, "epochs": epochs},
                **({"cases": n_cases} if n_cases < total else {}),
                **always,
            }
        if takes <= minutes:  # the first to fit, and so the shortest until now
            break
    return chosen, shortest


def forecast(study: Study) -> pd.DataFrame:
    """Return one row a stage: `stage, runs, finished, jobs, hours, gigabytes`.

    `runs` are those of a profile, each once where studies share it (but for ways of preprocessing
    that come to the same), `jobs` as many as an executor may do side by side.  `hours` of one
    worker, and `gigabytes`, are for the rest at the mean of all finished runs: NaN without any.
    """
    profile, rows = study.profile, []
    for stage, name, planned, jobs in _stages(profile):
        ledger = study.ledger(name)
        done = [path.parent for path in sorted(ledger.folder.glob("[!.]*/done.json"))]
        finished = _count_finished(ledger, done, planned)
        seconds = [ledger.done(run.name).get("seconds", np.nan) for run in done]
        sizes = [sum(file.stat().st_size for file in run.iterdir()) for run in done]
        left = len(planned) - finished
        hours = left * float(np.mean(seconds)) / 3600 if done else np.nan
        gigabytes = left * float(np.mean(sizes)) / 1e9 if done else np.nan
        rows.append((stage, len(planned), finished, jobs, hours, gigabytes))
    return pd.DataFrame(rows, columns=["stage", "runs", "finished", "jobs", "hours", "gigabytes"])


def _count_finished(ledger: Ledger, done: Sequence[Path], planned: Sequence[dict]) -> int:
    """Count planned runs that are done, each once, by what their configurations have in common.

    The folder holds other runs as well: of other pretrainings, whose seeds differ, or settings.
    """
    wanted, finished = Counter(json.dumps(run) for run in planned), Counter()
    names = [*planned[0]]
    for run in done:
        config = json.loads(ledger.read(run.name, "config.json", Path.read_bytes))
        config["layers"] = "layers" in config
        finished[json.dumps({name: config.get(name) for name in names})] += 1
    return (wanted & finished).total()


def _stages(profile: Profile) -> Iterator[tuple[str, str, list[dict], int]]:
    """Yield stages with their ledgers, what tells their runs apart, and numbers of jobs."""
    alone = profile.execution.executor != "processes"
    if pretraining := profile.pretraining:
        backbones, numbers = pretraining.backbones or profile.backbones, pretraining.pretrainings
        cells = [*product(pretraining.corpora, backbones, numbers)]
        if (brief := pretraining.brief) and 1 in numbers:  # it is made once
            cells += product([brief.name], brief.backbones, [1])
        runs = [
            {"init": init, "backbone": b, "seed": pretraining_seed(profile.seed, b, number)}
            for init, b, number in cells
        ]
        yield "pretraining", "weights", runs, len(runs) if alone else len(backbones) * len(numbers)
        if section := profile.probe:
            names = section.backbones or backbones
            cells = product(section.preprocessings, names)
            runs = [
                {"preprocessing": p, "backbone": b, "seed": pretraining_seed(profile.seed, b, 1)}
                for p, b in cells
            ]
            yield "probe", "probe", runs, len(runs) if alone else len(names)
        if section := profile.losses:
            cells = product(section.losses, section.backbones, range(1, section.seeds + 1))
            runs = [
                {"loss": loss, "backbone": b, "seed": pretraining_seed(profile.seed, b, number)}
                for loss, b, number in cells
            ]
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
