"""Profiles: every number that decides how large a study is and how it is trained.

A profile is one YAML file in `notebooks/profiles`.  A named study takes a part of one plan, the
paper's 24 ways of fine-tuning, and changes one setting of it: its variants.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, Field, field_validator, model_validator

from rin.data.confounders import CONFOUNDERS
from rin.errors import InputError, look_up
from rin.evidence.paper import SETTINGS
from rin.files import FrozenModel, read_yaml, shipped_folder
from rin.models.augmentation import AUGMENTATION
from rin.models.backbones import ALL_BACKBONES, BACKBONES, check_size
from rin.models.heads import HEADS
from rin.models.preprocessing import PREPROCESSING
from rin.models.weights import resolve_preprocessing


@dataclass(frozen=True)
class Scenario:
    """One way of fine-tuning, whatever the initialisation source."""

    backbone: str
    unfreezing: str
    learning_rate: float

    @property
    def name(self) -> str:
        """Stable name, such as `ResNet50-unfreeze_all-1e-04`."""
        return f"{self.backbone}-{self.unfreezing}-{self.learning_rate:.0e}"


_SCENARIOS = [
    Scenario(backbone, unfreezing, rate)
    for backbone in ALL_BACKBONES
    for unfreezing, rates in SETTINGS["learning_rates"].value
    for rate in rates
]
SCENARIOS: dict[str, Scenario] = {scenario.name: scenario for scenario in _SCENARIOS}


def find_scenario(name: str) -> Scenario:
    """Return the scenario called `name`; raise `InputError` for an unknown one."""
    return look_up("scenario", name, SCENARIOS)


#: Init of runs that start from random weights.
RANDOM = "random"
MAIN, FROM_RANDOM, REPEATS = "main", "from_random", "repeats"
#: An init pretrained for fewer epochs stands for the one that learnt its corpus better.
EQUAL_ACCURACY = "equal_accuracy"
LAYERS, CONFOUNDER, SAMPLED, CONVERGENCE = "layers", "confounder", "sampled", "convergence"
#: Studies of a factor, whose first level is compared with the others: of the first three, the
#: values of the setting of `FineTuning` that a study is called after.
FACTORS = ("preprocessing", "resize", "head", CONVERGENCE, CONFOUNDER)
#: Studies that a profile may name, in the order in which they are shown.
STUDIES = (MAIN, FROM_RANDOM, REPEATS, EQUAL_ACCURACY, LAYERS, *FACTORS)


def _refuse_others(section: str, names: Iterable[str], known: Iterable[str], what: str) -> None:
    """Raise ValueError where a section names something else than what is known."""
    if others := sorted({*names} - {*known}):
        raise ValueError(f"{section}: {others} are not among {what}")


#: Folders beside those of profiles.
RESERVED = ("index", "stand_ins", "stores")


def _not_reserved(name: str) -> str:
    if name.lower() in RESERVED:
        raise ValueError(f"{', '.join(RESERVED)} are folders of what profiles share")
    return name


def _distinct(values: list) -> list:
    if len(set(values)) != len(values):
        raise ValueError(f"values repeat: {values}; state each of them once")
    return values


def _known_scenarios(names: list[str]) -> list[str]:
    return [find_scenario(name).name for name in names]


# A text, a truth value and infinity are no numbers; larger ones would fill the memory.
Positive = Annotated[int, Field(gt=0, le=10_000_000, strict=True)]
NotNegative = Annotated[int, Field(ge=0, le=10_000, strict=True)]
Side = Annotated[Positive, Field(le=4096)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Momentum = Annotated[Number, Field(gt=0, lt=1)]
Share = Annotated[Number, Field(ge=0, lt=1)]
Numbers = Annotated[list[Positive], Field(min_length=1), AfterValidator(_distinct)]
Pretrainings = Annotated[Numbers, AfterValidator(sorted)]
Names = Annotated[list[str], Field(min_length=1), AfterValidator(_distinct)]
Backbones = Annotated[list[Literal[tuple(ALL_BACKBONES)]], *Names.__metadata__]
PreprocessingName = Literal[tuple(PREPROCESSING)]
Augmentation = Literal[tuple(AUGMENTATION)]
Loss = Literal["hard", "smoothing", "teacher_free", "online"]
Scenarios = Annotated[Names, AfterValidator(_known_scenarios)]


class FineTuning(FrozenModel):
    """How the scenarios are trained on a task.

    Training ends after `epochs`, or once the validation loss has not fallen for `patience` epochs;
    `pad` keeps the aspect ratio; `confounder` is a kind and a share in percent, or nothing
    (`rin.data.confounders`).  `preprocessing` is `native`, that of the weights that a run starts
    from, `official_scripts`, the one that those feed to every network, or `released`, that of the
    released weights of which the init is the counterpart (`Pretraining.released`).
    """

    size: Side
    batch: Positive
    epochs: Positive
    patience: Positive | None = None
    resize: Literal["stretch", "pad"] = "stretch"
    preprocessing: Literal["native", "official_scripts", "released"] = "native"
    augmentation: Augmentation = "official"
    dropout: Share = 0.5
    batch_norm_momentum: Momentum = 0.99
    head: Literal[HEADS] = "linear"
    confounder: str = ""

    @property
    def identity(self) -> dict[str, Any]:
        """What decides a result; of what came later only what is not as it was before."""
        changed = self.model_dump(exclude_defaults=True)
        later = {"head", "confounder", "patience"} - {*changed}
        return self.model_dump(exclude={"preprocessing", *later})


class Brief(FrozenModel):
    """A further pretraining of some backbones, for fewer epochs, on about `training_images`."""

    init: str
    epochs: Positive
    training_images: Positive | None = None
    backbones: Names

    @property
    def name(self) -> str:
        """Name of what it gives, an init of its own."""
        return f"{self.init}_brief"


class Pretraining(FrozenModel):
    """How backbones are trained from random initialisation.

    `preprocessing` is a preprocessing, or an init of the weights manifest whose preprocessing for
    the same backbone is taken; one for all inits, or one each.
    `corpora` maps an init to the dataset it is trained on, or to several in order of preference;
    all corpora get the same epochs.  `cases` limits the images that are drawn from a corpus.
    `backbones` are those of the profile where none are named.  `loss` is one of
    `rin.training.losses`; `warmup` is the share of the steps over which the learning rate rises;
    `batch_norm_recalibration` is a number of batches.  `pretrainings` are which pretrainings of
    every init and backbone there are, numbered from 1, each with first weights, order and split of
    its own: a number n means 1 to n, and a list such as [2] is a part that another computer does.
    `released` maps an init to the init of the weights manifest that it stands for.  `brief` is
    pretrained beside all that.
    """

    corpora: dict[str, str | Names]
    backbones: Names | None = None
    cases: Positive | None = None
    size: Side
    batch: Positive
    epochs: Positive
    learning_rate: Annotated[Number, Field(gt=0)] = 1e-3
    loss: Loss = "hard"
    schedule: Literal["constant", "cosine"] = "constant"
    warmup: Share = 0.0
    preprocessing: str | dict[str, str] = "symmetric"
    augmentation: Augmentation = "none"
    dropout: Share = 0.5
    batch_norm_momentum: Momentum = 0.99
    batch_norm_recalibration: NotNegative = 0
    pretrainings: Pretrainings = Field(default_factory=lambda: [1])
    released: dict[str, str] = Field(default_factory=dict)
    brief: Brief | None = None

    @field_validator("pretrainings", mode="before")
    @classmethod
    def _numbered(cls, stated: Any) -> Any:
        # What is far too large is refused before it becomes a list.
        return list(range(1, stated + 1)) if type(stated) is int and stated < 1000 else stated

    @model_validator(mode="after")
    def _fits(self) -> Pretraining:
        stated, inits = self.preprocessing, sorted(self.corpora)
        if isinstance(stated, dict) and sorted(stated) != inits:
            raise ValueError(f"preprocessings of {sorted(stated)} for corpora of {inits}")
        for init, backbone in product(inits, self.backbones or BACKBONES):
            self.preprocessing_of(init, backbone)  # an unknown one is an error
        for name in self.backbones or []:
            check_size(name, self.size)
        return self

    def changed(self, section: Probe | LossStudy, **changes: Any) -> Pretraining:
        """Return these settings for the init, cases and epochs of a section, with some changed."""
        settings = {"cases": section.cases, "epochs": section.epochs, "brief": None}
        settings["corpora"] = {section.init: self.corpora[section.init]}
        settings["pretrainings"] = [1]
        return self.model_copy(update=settings | changes)

    def preprocessing_of(self, init: str, backbone: str) -> str:
        """Return the name of the preprocessing of an init's pretraining."""
        name = self.preprocessing
        return resolve_preprocessing(name[init] if isinstance(name, dict) else name, backbone)


class Slurm(FrozenModel):
    """What every job asks for, under submitit's names; `additional` goes to sbatch as it is."""

    partition: str | None = None
    gpus_per_node: NotNegative = 0
    cpus_per_task: Positive = 8
    mem_gb: Positive | None = None
    timeout_min: Positive = 24 * 60
    array_parallelism: Positive = 64
    additional: dict[str, str | int] = Field(default_factory=dict)


class Execution(FrozenModel):
    """Where the blocks run; changes no result beyond floating-point noise.

    `workers` processes with `threads` threads each; 0 workers means this process.  A block holds
    the runs of all tasks that share a compiled step (`blocks: shared`), which compiles least, or
    of one task (`by_task`), which spreads a long study over more workers.  `executor: slurm` ships
    every block, and every single pretraining, as a job of its own through submitit, and `local` as
    subprocesses, `workers` at a time.  In pretraining `devices` share each batch (null: one;
    `all`), with `checkpoint_minutes` between two checkpoints.
    """

    workers: NotNegative = 0
    blocks: Literal["shared", "by_task"] = "shared"
    threads: Positive | None = None
    precision: Literal["float32", "mixed_bfloat16"] = "float32"
    devices: Positive | Literal["all"] | None = None
    checkpoint_minutes: Annotated[Number, Field(ge=0)] = 5.0
    executor: Literal["processes", "local", "slurm"] = "processes"
    slurm: Slurm = Slurm()


class Curation(FrozenModel):
    """How an archive of studies becomes a pretraining corpus.

    `archive` is the folder of a DICOM export below the data root; where it is absent, a stand-in
    of `studies` studies is written, with pictures of `size` pixels.  `label_map` and `reviewed`
    are CSV files below the archive's folder: a site's own terms, and the normal studies that a
    radiologist has reviewed.
    """

    archive: str = "archive"
    label_map: str = ""
    reviewed: str = ""
    studies: Annotated[Positive, Field(ge=30, le=100_000)] = 320
    size: Annotated[Positive, Field(ge=48, le=512, multiple_of=4)] = 128


class StudyFilter(FrozenModel):
    """The part of the plan that a named study takes, by default of the first pretraining."""

    tasks: Names
    scenarios: Scenarios
    folds: Positive = 1
    pretrainings: Pretrainings = Field(default_factory=lambda: [1])


class Repeats(StudyFilter):
    """Runs repeated with `seeds` more seeds, and on `splits` more divisions of the cases."""

    folds: Literal[1] = 1
    seeds: NotNegative = 2
    splits: NotNegative = 0


@dataclass(frozen=True)
class Variant:
    """A part of a named study: cells of the plan, under the settings that it changes.

    `level` is that of the study's factor; `repeat` counts further trainings of the same runs, each
    with seeds of its own; `pretraining` is which pretraining of each init they start from.
    """

    tasks: list[str]
    scenarios: list[str]
    inits: list[str]
    folds: int
    level: str | None = None
    changes: dict[str, Any] = field(default_factory=dict)
    repeat: int = 0
    pretraining: int = 1


class Layers(StudyFilter):
    """Activations before and after fine-tuning, of so many test cases, places and channels."""

    folds: Literal[1] = 1
    cases: Positive = 64
    points: Positive = 4000
    channels: Positive = 64


class Sizes(FrozenModel):
    """About how many cases train and validate; all others are tested, or `test` of them."""

    train: Positive
    validation: Positive
    test: Positive | None = None

    @property
    def total(self) -> int | None:
        """How many cases are taken; None: all."""
        return None if self.test is None else self.train + self.validation + self.test


class SampledConfounder(FrozenModel):
    """Two groups of a task's patients, the usual one and the confounder, by a column kept of it.

    `train`, `validation` and `test` are patients of each class (`rin.data.confounders`).
    """

    task: str
    column: str
    groups: tuple[str, str]
    train: Positive
    validation: Positive
    test: Positive


class Confounding(StudyFilter):
    """Confounders of some `kinds` on images of `put_on`, by default of all `tasks`; one `sampled`.

    They stand on `shares`, in percent, of the positive training images.  Networks are trained for
    `epochs`, by default as on the task.
    """

    put_on: Names | None = None
    kinds: list[Literal[tuple(CONFOUNDERS)]] = Field(default_factory=list)
    shares: Annotated[list[Literal[0, 20, 50, 80, 100]], Field(min_length=2)]
    sampled: SampledConfounder | None = None
    folds: Literal[1] = 1
    epochs: Positive | None = None

    @property
    def levels(self) -> dict[str, list[str]]:
        """The tasks of each level."""
        levels = {}
        tasks = dict.fromkeys(self.kinds, self.put_on or self.tasks)
        if self.sampled:
            tasks[SAMPLED] = [self.sampled.task]
        for kind, of_kind in tasks.items():
            if chosen := [task for task in of_kind if task in self.tasks]:
                levels |= {f"{kind} {share}": chosen for share in self.shares}
        return levels


class Convergence(StudyFilter):
    """The profile's epochs beside at most `epochs`, until no gain of validation for `patience`."""

    epochs: Positive = 12
    patience: Positive = 3


class Factors(FrozenModel):
    """Settings of fine-tuning that become studies: each level beside the profile's own."""

    preprocessing: StudyFilter | None = None
    resize: StudyFilter | None = None
    head: StudyFilter | None = None
    convergence: Convergence | None = None
    confounder: Confounding | None = None


class Probe(FrozenModel):
    """Whether a weights file shows which inputs it was trained on.

    Backbones (null: all) are pretrained on the corpus of `init` under each of `preprocessings`,
    on at most `cases` images; files are probed with `images` images of every dataset.
    """

    init: str = "radiologic"
    backbones: Names | None = None
    preprocessings: Annotated[list[PreprocessingName], Field(min_length=2)]
    cases: Positive | None = None
    epochs: Positive
    images: Annotated[Positive, Field(ge=8)] = 64


class LossStudy(FrozenModel):
    """Pretraining on the corpus of `init` with each of some losses, all else as the profile says.

    On at most `cases` images, `seeds` times each, with other first weights; `learning_rates` are
    those of backbones that do not learn at the profile's.
    """

    init: str = "radiologic"
    backbones: Names
    learning_rates: dict[str, Annotated[Number, Field(gt=0)]] = Field(default_factory=dict)
    losses: Annotated[list[Loss], Field(min_length=2)]
    cases: Positive | None = None
    epochs: Positive
    seeds: Positive = 1
    preprocessing: PreprocessingName = "symmetric"

    @model_validator(mode="after")
    def _rates_of_its_backbones(self) -> LossStudy:
        _refuse_others("learning_rates", self.learning_rates, self.backbones, "its backbones")
        return self


class Simulation(FrozenModel):
    """How far intervals reach that take several images of one patient for independent."""

    replicates: Positive = 2000
    patients: Annotated[Positive, Field(ge=10)] = 100
    images: Annotated[Positive, Field(ge=2)] = 5


class Profile(FrozenModel):
    """One study in numbers; see the heads of the YAML files for time and memory.

    `scenarios` are those of the main study, by default all of the `backbones`.  `pages` are the
    notebooks of a book of its own, the cover first; without it, the book is whole.
    `cases` limits each task to about that many cases, drawn patient by patient, and divides them
    in the paper's shares; `Sizes` say how many train and validate, and None takes all.  `splits`
    is `own`, or `official` for the folds that the authors of the paper, or of the dataset,
    published.  `cases_of`, `splits_of` and `fine_tuning_of` hold what differs for a task.  With
    `external` every run also scores the datasets that its task's manifest names as external.
    `reference` names the reference run that is shown for tasks without real images; of `tasks`,
    only those are then run whose images are at hand or whose stand-in is sized.  `live` is the
    task that the book follows from image to result; by default the first one.  `live_minutes` are
    about what the live part of its book takes on two cores.
    """

    name: Annotated[
        str, Field(pattern=r"^\w[\w.-]*$", max_length=60), AfterValidator(_not_reserved)
    ]
    about: str
    tasks: Names
    inits: Annotated[Names, Field(min_length=2)]
    backbones: Backbones = Field(default_factory=lambda: list(BACKBONES))
    scenarios: Scenarios | None = None
    pages: Names | None = None
    folds: Positive = 5
    splits: Literal["own", "official"] = "own"
    splits_of: dict[str, Literal["own", "official"]] = Field(default_factory=dict)
    seed: Annotated[int, Field(ge=0, lt=2**32, strict=True)] = 20220914
    cases: Positive | Sizes | None = None
    cases_of: dict[str, Positive | Sizes | None] = Field(default_factory=dict)
    external: bool = False
    fine_tuning: FineTuning
    fine_tuning_of: dict[str, dict[str, Any]] = Field(default_factory=dict)
    curation: Curation | None = None
    pretraining: Pretraining | None = None
    from_random: StudyFilter | None = None
    repeats: Repeats | None = None
    equal_accuracy: StudyFilter | None = None
    layers: Layers | None = None
    factors: Factors | None = None
    probe: Probe | None = None
    losses: LossStudy | None = None
    simulation: Simulation = Simulation()
    stand_ins: dict[str, dict[str, Positive]] = Field(default_factory=dict)
    reference: str | None = None
    live: str | None = None
    live_minutes: Positive | None = None
    execution: Execution = Execution()

    @model_validator(mode="after")
    def _takes_all_cases_of_official_splits(self) -> Profile:
        for task in self.tasks:
            official = self.splits_of.get(task, self.splits) == "official"
            if official and self.cases_of.get(task, self.cases) is not None:
                raise ValueError("cases: official splits name all their cases; none can be drawn")
        return self

    @model_validator(mode="after")
    def _names_its_own_backbones(self) -> Profile:
        scenarios = {name: chosen.scenarios for name, chosen in self.sections.items()}
        scenarios |= {"scenarios": self.scenarios or []}
        for section, names in scenarios.items():
            of_scenarios = [find_scenario(name).backbone for name in names]
            _refuse_others(section, of_scenarios, self.backbones, "the profile's backbones")
        sizes = {"fine_tuning": self.fine_tuning.size}
        sizes |= {f"fine_tuning_of.{task}": self.tuning(task).size for task in self.fine_tuning_of}
        if self.pretraining and not self.pretraining.backbones:
            sizes["pretraining"] = self.pretraining.size
        for section, size in sizes.items():
            for name in self.backbones:
                check_size(name, size, f"{section}.size")
        return self

    @model_validator(mode="after")
    def _names_inits_that_it_pretrains(self) -> Profile:
        corpora = self.pretraining.corpora if self.pretraining else {}
        brief = self.pretraining.brief if self.pretraining else None
        if chosen := self.equal_accuracy:
            needed = {find_scenario(name).backbone for name in chosen.scenarios}
            if brief is None or brief.init not in self.inits or not needed <= {*brief.backbones}:
                problem = "pretraining.brief names no init of the profile with the backbones"
                raise ValueError(f"equal_accuracy: {problem} {sorted(needed)}")
        sections = {"pretraining.brief": brief, "probe": self.probe, "losses": self.losses}
        inits_of = {name: [section.init] for name, section in sections.items() if section}
        if self.pretrainings != [1]:
            inits_of["pretraining.pretrainings"] = self.inits
        for section, inits in inits_of.items():
            _refuse_others(section, inits, corpora, "the inits pretrained here")
        return self

    @property
    def sections(self) -> dict[str, StudyFilter]:
        """What is stated of studies beside the main one, by their names."""
        sections = {
            name: getattr(self.factors if name in FACTORS else self, name, None)
            for name in STUDIES
        }
        return {name: section for name, section in sections.items() if section is not None}

    @property
    def pretrainings(self) -> list[int]:
        """Which pretrainings of its inits the main study starts from."""
        return self.pretraining.pretrainings if self.pretraining else [1]

    @property
    def released_counterparts(self) -> dict[str, str]:
        """The released weights that each init pretrained here stands for, where that is stated."""
        return self.pretraining.released if self.pretraining else {}

    @property
    def live_task(self) -> str:
        """The task that the book follows from image to result."""
        return self.live if self.live in self.tasks else self.tasks[0]

    @property
    def studies(self) -> dict[str, StudyFilter]:
        """What each study that is asked for takes of the plan, the main one first."""
        of_backbones = [s.name for s in SCENARIOS.values() if s.backbone in self.backbones]
        main = StudyFilter.model_construct(
            tasks=self.tasks,
            scenarios=self.scenarios or of_backbones,
            folds=self.folds,
            pretrainings=self.pretrainings,
        )
        studies = {MAIN: main}
        for name, section in self.sections.items():
            tasks = [task for task in section.tasks if task in self.tasks]
            pretrainings = [k for k in section.pretrainings if k in self.pretrainings]
            if tasks and pretrainings:
                limits = {"tasks": tasks, "pretrainings": pretrainings}
                studies[name] = section.model_copy(update=limits)
        return studies

    def variants(self, study: str) -> list[Variant]:
        """Return the parts of a named study: levels of its factor, or repeats of its runs."""
        if (chosen := self.studies.get(look_up("study", study, STUDIES))) is None:
            raise self._lacks(f"says nothing of the study {study}")
        inits, levels = self._inits_of(study), self._levels_of(study, chosen)
        pretrained = [init for init in inits if init != RANDOM]
        # Random weights are of no pretraining: their runs are made once.
        first = 1 if study == MAIN else self.sections[study].pretrainings[0]
        seeds, splits = (chosen.seeds, chosen.splits) if isinstance(chosen, Repeats) else (0, 0)
        variants = []
        trainings = product(chosen.pretrainings, levels.items(), range(seeds + 1))
        for pretraining, (level, (tasks, changes)), repeat in trainings:
            variant = Variant(
                tasks=tasks,
                scenarios=chosen.scenarios,
                inits=inits if pretraining == first else pretrained,
                # Another seed: the first split alone.
                folds=chosen.folds if repeat else chosen.folds + splits,
                level=level,
                changes=changes,
                repeat=repeat,
                pretraining=pretraining,
            )
            variants.append(variant)
        return variants

    def _inits_of(self, study: str) -> list[str]:
        """Return what the networks of a study start from."""
        beside = [RANDOM] if study in (FROM_RANDOM, LAYERS) else []
        inits = list(dict.fromkeys([*beside, *self.inits]))
        if study == EQUAL_ACCURACY:
            brief = self.pretraining.brief
            inits = [brief.name if init == brief.init else init for init in inits]
        return inits

    def _levels_of(
        self, study: str, chosen: StudyFilter
    ) -> dict[str | None, tuple[list[str], dict[str, Any]]]:
        """Return the tasks of each level of a study's factor, and the settings that it changes.

        A study without a factor has one level, None.
        """
        if study not in FACTORS:
            return {None: (chosen.tasks, {})}
        if isinstance(chosen, Convergence):
            until_no_gain = {"epochs": chosen.epochs, "patience": chosen.patience}
            return {"fixed": (chosen.tasks, {}), "converged": (chosen.tasks, until_no_gain)}
        if isinstance(chosen, Confounding):
            epochs = {"epochs": chosen.epochs} if chosen.epochs else {}
            levels = chosen.levels.items()
            return {level: (tasks, {study: level} | epochs) for level, tasks in levels}
        values = get_args(FineTuning.model_fields[study].annotation)
        left_out = () if self.released_counterparts else ("released",)
        kept = [value for value in values if value not in left_out]
        return {value: (chosen.tasks, {study: value}) for value in kept}

    def section(self, name: str) -> Any:
        """Return a section of the profile, such as `probe`; `InputError` where it has none."""
        section = getattr(self, name)
        if section is None:
            raise self._lacks(f"has no section {name}")
        return section

    def _lacks(self, what: str) -> InputError:
        remedy = "Give it such a section; rin.study.profile describes the fields."
        return InputError(f"the profile {what}", where=f"profile {self.name}", remedy=remedy)

    def tuning(self, task: str) -> FineTuning:
        """Return how a task is fine-tuned."""
        changed = self.fine_tuning_of.get(task, {})
        return FineTuning.model_validate(self.fine_tuning.model_dump() | changed)


def profile_folder() -> Path:
    """Return the folder of the profiles (`RIN_PROFILES`, or `notebooks/profiles`)."""
    return Path(os.environ.get("RIN_PROFILES", shipped_folder("notebooks/profiles")))


def profile_names() -> list[str]:
    """Return the names of the profiles that there are."""
    return sorted(p.stem for p in profile_folder().glob("*.yaml"))


def load_profile(name: str | Path) -> Profile:
    """Read a profile.

    Parameters
    ----------
    name : one of `profile_names`, or a path that ends in `.yaml`

    Returns
    -------
    Profile

    Raises
    ------
    InputError
        For an unknown name, a file that is not there, or a setting that is unknown or out of
        range, which the message names.

    Examples
    --------
    >>> from rin.study import load_profile
    >>> load_profile("smoke").inits
    ['radiologic', 'photographic']
    """
    path = Path(name)
    if path.suffix != ".yaml":
        known = look_up("profile", f"{name!s:.80}", profile_names())
        path = profile_folder() / f"{known}.yaml"
    # Unlike `Path.is_file` also False where a name is too long.
    if not os.path.isfile(path):  # noqa: PTH113
        raise InputError("no such file", where=path, remedy="Check the path of the profile.")
    remedy = "Correct this setting; the fields are described in rin.study.profile."
    profile = Profile.checked(read_yaml(path), where=path, remedy=remedy)
    for setting, tasks in _named_tasks(profile).items():
        if others := sorted({*tasks} - {*profile.tasks}):
            problem = f"{setting}: {others} are not among the profile's tasks"
            raise InputError(problem, where=path, remedy=remedy)
    return profile


def _named_tasks(profile: Profile) -> dict[str, Iterable[str]]:
    """Return the tasks that settings of a profile name, beside its `tasks`."""
    by_task = "fine_tuning_of", "cases_of", "splits_of"
    tasks: dict[str, Iterable[str]] = {name: getattr(profile, name) for name in by_task}
    tasks["live"] = [profile.live] if profile.live else []
    for name, section in profile.sections.items():
        tasks[name] = section.tasks
        if isinstance(section, Confounding):
            tasks["put_on"] = section.put_on or []
            tasks["sampled"] = [section.sampled.task] if section.sampled else []
    return tasks
