"""From a profile to the runs of its named studies, grouped into blocks.

A run's id covers its configuration and the digests of everything it reads, so that a
finished run is never repeated and never mistaken for another.  A named study takes a part of the
plan and changes one setting of it; equal runs have equal ids, whichever studies name them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import pandas as pd

from rin.errors import InputError
from rin.files import sha256_of
from rin.models.backbones import BACKBONES
from rin.models.build import Architecture
from rin.models.weights import WeightsEntry, find_entry, load_entries, locate
from rin.study.ledger import digest_of
from rin.study.pretraining import local_entries
from rin.study.profile import FACTORS, FROM_RANDOM, STUDIES, FineTuning
from rin.study.scenarios import Scenario, find_scenario, scenarios_of
from rin.study.setting import Study, TaskInputs, inputs_reader
from rin.training import CODE_VERSION

# Relative to one epoch with all layers unfrozen; only for starting long blocks first.
_REGIME_COST = {"unfreeze_all": 1.0, "unfreeze_top10": 0.4, "freeze_all": 0.3}


@dataclass(frozen=True)
class Run:
    """One training: task × fold × scenario × init × seed.

    `contract` names how its inputs are prepared: that of its weights, unless `settings` say
    otherwise; only the name is part of the configuration, so that equal inputs are one run.
    `sanity_cases` is the number of test cases whose maps it records as its weights go random;
    it is part of the configuration only where there are any.
    """

    task: str
    fold: int
    scenario: Scenario
    init: str
    entry: WeightsEntry | None
    contract: str
    seed: int
    settings: FineTuning
    channels: int
    store_digest: str
    split_digest: str
    weights_digest: str
    sanity_cases: int = 0

    @property
    def config(self) -> dict:
        """What decides the result; the id is its digest."""
        recorded = {"sanity_cases": self.sanity_cases} if self.sanity_cases else {}
        return {
            "task": self.task,
            "fold": self.fold,
            "scenario": self.scenario.name,
            "init": self.init,
            "preprocessing": self.contract,
            "seed": self.seed,
            "store": self.store_digest,
            "split": self.split_digest,
            "weights": self.weights_digest,
            "code": CODE_VERSION,
            **self.settings.model_dump(exclude={"preprocessing"}),
            **recorded,
        }

    @property
    def run_id(self) -> str:
        """Digest of the configuration."""
        return digest_of(self.config)

    @property
    def named(self) -> dict:
        """The columns that name a run in every table."""
        return {
            "task": self.task,
            "fold": self.fold,
            "scenario": self.scenario.name,
            "backbone": self.scenario.backbone,
            "unfreezing": self.scenario.unfreezing,
            "learning_rate": self.scenario.learning_rate,
            "init": self.init,
            "seed": self.seed,
        }


@dataclass(frozen=True)
class PlannedRun:
    """A run of a named study, what it reads, and the level of the study's factor (None: none)."""

    run: Run
    inputs: TaskInputs
    level: str | None = None


RANDOM = "random"
# Weights that were never trained expect nothing; zero-centred inputs suit their initialisers.
RANDOM_CONTRACT = "symmetric"
#: What the official fine-tuning scripts feed to every network, whatever its weights.
OFFICIAL_CONTRACT = "caffe_unit"


@dataclass(frozen=True)
class Block:
    """Runs that share one compiled step."""

    architecture: Architecture
    runs: tuple[Run, ...]

    @property
    def cost(self) -> float:
        """Relative time, for starting the longest blocks first."""
        a = self.architecture
        return BACKBONES[a.backbone].relative_cost * _REGIME_COST[a.unfreezing] * len(self.runs)


def weights_folders(study: Study) -> list[Path]:
    """Return where weights files are looked for: own pretraining, then the data root."""
    roots = [study.weights.folder]
    if study.data_root is not None:
        roots += [study.data_root / "weights", study.data_root]
    return roots


def find_entries(
    study: Study, inits: Sequence[str] | None = None
) -> dict[tuple[str, str], WeightsEntry | None]:
    """Return the weights entry of every init and backbone of a profile; None for `random`.

    Parameters
    ----------
    inits
        Other inits than the profile's.

    Raises
    ------
    InputError
        For an unknown init, or one whose pretraining has not been run.
    """
    own = local_entries(study)
    known = own + load_entries()
    return {
        (init, backbone): None if init == RANDOM else find_entry(init, backbone, known)
        for init in inits or study.profile.inits
        for backbone in study.profile.backbones
    }


def plan_runs(
    study: Study,
    inputs: TaskInputs,
    *,
    inits: Sequence[str] | None = None,
    scenarios: Sequence[Scenario] | None = None,
    preprocessing: Literal["native", "official_scripts"] | None = None,
) -> list[Run]:
    """List the runs of a task, folds first, in the order of the scenarios.

    Parameters
    ----------
    inputs
        What the task's runs read; images are resized as they are in its store.
    inits, scenarios, preprocessing
        Others than the profile's.  Equal runs have equal ids, whichever plan they stand in.
    """
    changed = {"resize": inputs.store.resize}
    changed |= {"preprocessing": preprocessing} if preprocessing else {}
    settings = study.profile.tuning(inputs.task.name).model_copy(update=changed)
    inits = inits or study.profile.inits
    entries, folders = find_entries(study, inits), weights_folders(study)
    digests = {key: _weights_digest(entry, folders) for key, entry in entries.items()}
    runs = []
    for fold, split in inputs.folds.groupby("fold"):
        split_digest = hashlib.sha256(split.to_csv(index=False).encode()).hexdigest()
        for scenario in scenarios or scenarios_of(study.profile.backbones):
            # Both inits of a scenario share head, order and augmentation: a paired design.
            named = {"task": inputs.task.name, "fold": int(fold), "scenario": scenario.name}
            seed = int(digest_of(named | {"seed": study.profile.seed})[:7], 16)
            for init in inits:
                key = (init, scenario.backbone)
                run = Run(
                    inputs.task.name,
                    int(fold),
                    scenario,
                    init,
                    entries[key],
                    _contract(entries[key], settings),
                    seed,
                    settings,
                    3 if inputs.store.color else 1,
                    inputs.store.digest,
                    split_digest,
                    digests[key] or f"random-{study.profile.seed}",
                )
                runs.append(replace(run, sanity_cases=_sanity_cases(study, inputs, run)))
    return runs


def _contract(entry: WeightsEntry | None, settings: FineTuning) -> str:
    """Return the name of the input contract of a run that starts from an entry."""
    if settings.preprocessing == "official_scripts":
        return OFFICIAL_CONTRACT
    return entry.preprocessing if entry else RANDOM_CONTRACT


def _sanity_cases(study: Study, inputs: TaskInputs, run: Run) -> int:
    """Return how many cases a run records for the sanity check, in every plan that holds it."""
    settings = study.profile.sanity
    if settings is None or run.scenario.name not in settings.scenarios or run.fold != 0:
        return 0
    if run.init not in study.profile.inits or inputs.store.masks() is None:
        return 0
    tuning = study.profile.tuning(inputs.task.name)
    own = inputs.store.resize == tuning.resize and run.contract == _contract(run.entry, tuning)
    return settings.cases if own else 0


def group_blocks(runs: list[Run], *, by_task: bool = False) -> list[Block]:
    """Group runs by compiled step, and by task where asked, the longest block first."""
    blocks: dict[tuple[Architecture, str], list[Run]] = {}
    for run in runs:
        s = run.settings
        architecture = Architecture(
            run.scenario.backbone,
            run.scenario.unfreezing,
            s.size,
            channels=run.channels,
            augmentation=s.augmentation,
            dropout=s.dropout,
            batch_norm_momentum=s.batch_norm_momentum,
        )
        blocks.setdefault((architecture, run.task if by_task else ""), []).append(run)
    made = [Block(architecture, tuple(members)) for (architecture, _), members in blocks.items()]
    return sorted(made, key=lambda block: -block.cost)


def plan_study(
    study: Study, name: str, read: Callable[..., TaskInputs] | None = None
) -> list[PlannedRun]:
    """List the runs of a named study, level by level and task by task.

    A run that both levels of a factor share (weights whose own contract is the official scripts')
    stands here twice, with the same id.

    Parameters
    ----------
    name
        One of `rin.study.profile.STUDIES`.
    read
        As `inputs_reader` returns it, where several studies share what they read.

    Raises
    ------
    InputError
        For a study that is unknown or that the profile does not ask for; otherwise as `plan_runs`
        and `rin.study.task_inputs`.
    """
    chosen, read = study.profile.filter_of(name), read or inputs_reader(study)
    if chosen is None:
        raise InputError(
            f"the profile says nothing of the study {name}",
            where=f"profile {study.profile.name}",
            remedy="Give it such a section; rin.study.profile describes the fields.",
        )
    inits = study.profile.inits
    if name == FROM_RANDOM:
        inits = [RANDOM, *(init for init in inits if init != RANDOM)]
    scenarios, planned = [find_scenario(scenario) for scenario in chosen.scenarios], []
    for level in FACTORS.get(name, (None,)):
        changed = {name: level} if level else {}
        for task in chosen.tasks:
            inputs = read(task, chosen.folds, changed.get("resize"))
            runs = plan_runs(
                study,
                inputs,
                inits=inits,
                scenarios=scenarios,
                preprocessing=changed.get("preprocessing"),
            )
            planned += [PlannedRun(run, inputs, level) for run in runs]
    return planned


def plan_all(study: Study) -> list[PlannedRun]:
    """List every fine-tuning run that a profile asks for once, those of the main study first.

    Raises
    ------
    InputError
        As `plan_study`.
    """
    read, planned = inputs_reader(study), {}
    for name in STUDIES:
        if study.profile.filter_of(name) is not None:
            for found in plan_study(study, name, read):
                planned.setdefault(found.run.run_id, found)
    return list(planned.values())


def runs_table(runs: list[Run]) -> pd.DataFrame:
    """Return the columns that name a run, one row a run, indexed by run id."""
    return pd.DataFrame([{"run_id": run.run_id} | run.named for run in runs]).set_index("run_id")


def _weights_digest(entry: WeightsEntry | None, folders: list[Path]) -> str | None:
    if entry is None:
        return None
    if entry.sha256:
        return entry.sha256
    path = locate(entry, folders)
    return sha256_of(path) if path else f"{entry.init}:{entry.release}"
