"""Profiles: every setting that decides how large a study is and how its networks are trained.

A profile is one YAML file in `notebooks/profiles`.  Its `studies` are parts of one plan, the
paper's ways of fine-tuning on every task; the settings that vary in a study give its variants.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, product
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetPydanticSchema,
    model_validator,
)

from rin.data.confounders import CONFOUNDERS
from rin.errors import InputError, look_up
from rin.evidence.paper import SETTINGS
from rin.files import FrozenModel, read_yaml, shipped_folder
from rin.models.augmentation import AUGMENTATION
from rin.models.backbones import ALL_BACKBONES, BACKBONES, check_size
from rin.models.heads import HEADS
from rin.models.preprocessing import PREPROCESSING
from rin.models.weights import resolve_preprocessing

#: Settings of fine-tuning that a level changes.
Changes = dict[str, Any]
T = TypeVar("T")
Name = TypeVar("Name", str, int, float)


@dataclass(frozen=True)
class Scenario:
    """One way of fine-tuning, for any initialisation source."""

    backbone: str
    unfreezing: str
    learning_rate: float

    @property
    def name(self) -> str:
        """The stable name, such as `ResNet50-unfreeze_all-1e-04` or `features-linear_probe`."""
        rate = f"-{self.learning_rate:.0e}" if self.learning_rate else ""
        return f"{self.backbone}-{self.unfreezing}{rate}"


#: Learning rates by unfreezing.
RATES: dict[str, list[float]] = {
    name: [*rates] for name, rates in SETTINGS["learning_rates"].value
}

#: The one backbone of profiles whose inits are tables of features, and what is trained on these:
#: nothing is unfrozen, and there is no learning rate.
FEATURES = "features"
LINEAR_PROBE = Scenario(FEATURES, "linear_probe", 0.0)
#: The init of runs that start from random weights.
RANDOM = "random"
MAIN = "main"
#: Sections that train networks, beside the studies.
NETWORK_SECTIONS = ("pretraining", "probe", "losses")
LAYERS = "layers"
#: Backbones that the study `layers` may take: those of `rin.training.trainer.LAYERS`.
LAYERED = ("ResNet50", "DenseNet121")
#: The setting that marks images, and the kind of its levels that samples patients instead.
CONFOUNDER = "confounder"
SAMPLED = "sampled"
#: Shares of positive training images, in percent.
SHARES = (0, 20, 50, 80, 100)
CONFOUNDED = [f"{kind} {share}" for kind in (*CONFOUNDERS, SAMPLED) for share in SHARES]


def _refuse_others(section: str, names: Iterable[Name], known: Iterable[Name], what: str) -> None:
    """Raise ValueError if a section uses a name that is not known."""
    if others := sorted({*names} - {*known}):
        raise ValueError(f"{section}: {others} are not among {what}")


#: Folders beside those of profiles, and the link to the last book: no profile may be called so.
RESERVED = ("features", "html", "index", "opened", "published", "stand_ins", "stores")


def _not_reserved(name: str) -> str:
    if name.lower() in RESERVED:
        raise ValueError(f"{', '.join(RESERVED)} are what profiles share")
    return name


def _distinct(values: list[T], what: str = "values") -> list[T]:
    if len(set(values)) != len(values):
        raise ValueError(f"{what} repeat: {values}; state each once")
    return values


def choice_of(names: Iterable[str]) -> GetPydanticSchema:
    """Return what lets pydantic check as for a `Literal` of names that another module lists."""
    return GetPydanticSchema(lambda _, check: check(Literal[*names]))


# Text, truth values and infinity are refused as numbers; larger numbers would fill the memory.
Positive = Annotated[int, Field(gt=0, le=10_000_000, strict=True)]
NotNegative = Annotated[int, Field(ge=0, le=10_000, strict=True)]
Side = Annotated[Positive, Field(le=4096)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Momentum = Annotated[Number, Field(gt=0, lt=1)]
Share = Annotated[Number, Field(ge=0, lt=1)]
Some = Annotated[list[T], Field(min_length=1), AfterValidator(_distinct)]
Numbers = Annotated[Some[Positive], AfterValidator(sorted)]
#: Numbers of pretrainings, of all backbones or of each.
Pretrainings = Numbers | Annotated[dict[str, Numbers], Field(min_length=1)]
Names = Some[str]
Backbones = Some[Annotated[str, choice_of([*ALL_BACKBONES, FEATURES])]]
PreprocessingName = Annotated[str, choice_of(PREPROCESSING)]
Augmentation = Annotated[str, choice_of(AUGMENTATION)]
Loss = Literal["hard", "smoothing", "teacher_free", "online"]
Unfreezing = Annotated[str, choice_of(RATES)]


class FineTuning(FrozenModel):
    """Settings with which the scenarios are trained on a task.

    Training ends after `epochs`, or once the validation loss has not fallen for `patience` epochs.
    `resize: pad` keeps the aspect ratio.  `confounder` is a kind and a share in percent, such as
    `tag 50`, or empty (`rin.data.confounders`; the kind `sampled` is described by
    `Profile.sampled_confounder`).  `preprocessing` is `native`, that of the weights that a run
    starts from; `official_scripts`, the one that the official scripts use for every network; or
    `released`, that of the released weights that the init stands for (`Pretraining.released`).
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
    bn_statistics: Literal["pretrained", "recomputed"] = "pretrained"
    head: Annotated[str, choice_of(HEADS)] = "linear"
    confounder: Annotated[str, choice_of(["", *CONFOUNDED])] = ""

    @cached_property
    def identity(self) -> Changes:
        """The settings that decide a result; newer ones only if they differ from the default."""
        changed = self.model_dump(exclude_defaults=True)
        later = {"head", "confounder", "patience", "bn_statistics"} - {*changed}
        return self.model_dump(exclude={"preprocessing", *later})


class Brief(FrozenModel):
    """A further pretraining of some backbones: a shorter one, unless its `length` is `long`.

    It may be on about `training_images` images.  Its first weights and split are those of the
    full pretraining with the number `pretraining`.
    """

    init: str
    length: Literal["brief", "long"] = "brief"
    epochs: Positive
    training_images: Positive | None = None
    backbones: Names
    pretraining: Positive = 1

    @property
    def name(self) -> str:
        """The name of the init that it gives."""
        return f"{self.init}_{self.length}"


def numbers_of(stated: Pretrainings, backbone: str) -> list[int]:
    """Return the numbers of the pretrainings of a backbone."""
    return stated.get(backbone, []) if isinstance(stated, dict) else stated


def _to_list(stated: Any) -> Any:
    return [stated] if isinstance(stated, str) else stated


class Pretraining(FrozenModel):
    """Settings with which backbones are trained from random initialisation.

    `corpora` maps an init to the dataset that it is trained on, or to several datasets in order of
    preference; all corpora get the same epochs.  `cases` limits the number of images drawn from a
    corpus.  `backbones` are by default those of the profile.  `preprocessing` is a preprocessing,
    or an init of the weights manifest, whose preprocessing for the same backbone is used; one for
    all inits, or one for each.  `loss` is one of `rin.training.losses`; `warmup` is the share of
    the steps over which the learning rate rises; `batch_norm_recalibration` is a number of
    batches.  `pretrainings` numbers the pretrainings of every init and backbone from 1, each with
    its own first weights, order and split; a list such as [2] is a part, for instance for another
    computer, and a mapping has a list for each backbone.  `released` maps an init to the init of
    the weights manifest that it stands for.  `brief` lists further pretrainings.
    """

    corpora: dict[str, Annotated[Names, BeforeValidator(_to_list)]]
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
    pretrainings: Pretrainings = [1]
    released: dict[str, str] = {}
    brief: list[Brief] = []

    @model_validator(mode="after")
    def _fits(self) -> Pretraining:
        stated = self.preprocessing
        inits = sorted(self.corpora)
        if isinstance(stated, dict) and sorted(stated) != inits:
            raise ValueError(f"preprocessings of {sorted(stated)} for corpora of {inits}")
        _distinct([(b.name, name, b.pretraining) for b in self.brief for name in b.backbones])
        for init, backbone in product(inits, self.backbones or BACKBONES):
            self.preprocessing_of(init, backbone)  # an unknown name is an error
        return self

    def apply_section(self, section: FurtherPretraining, **changes: Any) -> Pretraining:
        """Return these settings with the init, cases and epochs of a section, and `changes`."""
        settings = {
            "cases": section.cases,
            "epochs": section.epochs,
            "brief": [],
            "corpora": {section.init: self.corpora[section.init]},
            "pretrainings": [1],
        }
        return self.model_copy(update=settings | changes)

    def preprocessing_of(self, init: str, backbone: str) -> str:
        """Return the name of the preprocessing of an init's pretraining."""
        name = self.preprocessing
        return resolve_preprocessing(name[init] if isinstance(name, dict) else name, backbone)


class Slurm(FrozenModel):
    """Resources for every job, under submitit's names; `additional` goes to sbatch unchanged."""

    partition: str | None = None
    gpus_per_node: NotNegative = 0
    cpus_per_task: Positive = 8
    mem_gb: Positive | None = None
    timeout_min: Positive = 24 * 60
    array_parallelism: Positive = 64
    additional: dict[str, str | int] = {}


class Execution(FrozenModel):
    """Where and how blocks run; this changes no result beyond floating-point noise.

    There are `workers` processes with `threads` threads each; 0 workers means this process.  A
    block contains the runs of all tasks that share a compiled step (`blocks: shared`), which
    compiles least, or those of one task (`by_task`), which spreads a long study over more workers.
    `executor: slurm` submits every block, and every single pretraining, as a job of its own
    through submitit.  Checkpoints of a pretraining are at least `checkpoint_minutes` apart.
    """

    workers: NotNegative = 0
    blocks: Literal["shared", "by_task"] = "shared"
    threads: Positive | None = None
    precision: Literal["float32", "mixed_bfloat16"] = "float32"
    devices: None = None  # as records of runs state it: each training is on one device
    checkpoint_minutes: Annotated[Number, Field(ge=0)] = 5.0
    executor: Literal["processes", "slurm"] = "processes"
    slurm: Slurm = Slurm()


#: Problems because of which files of an archive may be left out.
Leavable = Literal[
    "unreadable", "unidentified", "contradictory", "unassigned-report", "unclear-note"
]


class Curation(FrozenModel):
    """How an archive of studies becomes a pretraining corpus.

    `archive` is the folder of a DICOM export below the data root; if it is absent, a stand-in of
    `studies` studies with pictures of `size` pixels is written.  `label_map` and `reviewed` are
    CSV files below the archive's folder: a site's own terms, and the normal studies that a
    radiologist has reviewed.  `leave_out` names problems with files of the archive
    (`rin.curation.problems`): files with such a problem are left out and counted, not refused.
    """

    archive: str = "archive"
    label_map: str = ""
    reviewed: str = ""
    leave_out: list[Leavable] = []
    studies: Annotated[Positive, Field(ge=30, le=100_000)] = 320
    size: Annotated[Positive, Field(ge=48, le=512, multiple_of=4)] = 128


ShortName = Annotated[str, Field(pattern=r"^[A-Za-z]\w*$", max_length=60)]
#: Values of one setting, or names of levels and the settings that each level changes.
Levels = Annotated[list[Any] | dict[ShortName, Changes], Field(min_length=1)]


class ActivationSample(FrozenModel):
    """Numbers of test cases, places and channels of which activations of layers are recorded."""

    cases: Positive = 64
    points: Positive = 4000
    channels: Positive = 64


class StudyFilter(FrozenModel):
    """A study: a part of the plan, and the settings of fine-tuning that vary in it.

    The plan is every task × backbone × unfreezing × learning rate × init × pretraining × fold.
    A study takes all of the profile's tasks, backbones, inits, pretrainings and folds, and all of
    the plan's unfreezings and learning rates, unless it names some.  `learning_rates` maps an
    unfreezing to a list, and then there is no other unfreezing.  `inits` may include `random` and
    the init of `Pretraining.brief`; `pretrainings` may be a list for each backbone.  `folds` is
    the number of folds; runs of the first fold are trained with `seeds` seeds.

    `vary` maps a setting of `FineTuning` to its levels: other levels are compared with the first,
    and a single level applies to the whole study.  A factor that changes several settings has a
    name of its own, and maps its levels to these settings.  Every combination of several factors
    is run.  `activation_sample` belongs to the study `layers`, which compares networks before and
    after fine-tuning.
    """

    name: ShortName
    tasks: Names | None = None
    backbones: Backbones | None = None
    unfreezing: Some[Unfreezing] | None = None
    learning_rates: Annotated[dict[Unfreezing, Some[Number]], Field(min_length=1)] | None = None
    inits: Names | None = None
    pretrainings: Pretrainings | None = None
    folds: Positive | None = None
    seeds: Annotated[Positive, Field(le=1_000)] = 1
    vary: dict[ShortName, Levels] = {}
    activation_sample: ActivationSample | None = None

    @model_validator(mode="after")
    def _names_what_there_is(self) -> StudyFilter:
        if self.name in NETWORK_SECTIONS:
            raise self.wrong("name", "a section of the profile has it")
        if self.unfreezing and self.learning_rates:
            raise self.wrong("unfreezing", "learning_rates already name it; remove one of the two")
        for way, rates in (self.learning_rates or {}).items():
            what = f"those of the plan, {RATES[way]}"
            _refuse_others(f"study {self.name}, learning_rates of {way}", rates, RATES[way], what)
        if (self.name == LAYERS) != (self.activation_sample is not None):
            raise self.wrong(
                "activation_sample", f"it belongs to the study {LAYERS}, which needs it"
            )
        changed: list[str] = []
        for factor, stated in self.vary.items():
            _distinct([*map(str, stated)], f"study {self.name}, vary: levels of {factor}")
            levels = self.levels_of(factor).values()
            changed += {setting for settings in levels for setting in settings}
        _distinct(changed, f"study {self.name}, vary: settings of several factors")
        return self

    def wrong(self, setting: str, problem: str) -> ValueError:
        """Return the error for a wrong setting of this study."""
        return ValueError(f"study {self.name}, {setting}: {problem}")

    @property
    def scenarios(self) -> list[Scenario]:
        """The scenarios of the study, layers and rates in the order in which it names them."""
        rates = self.learning_rates or {way: RATES[way] for way in self.unfreezing or RATES}
        backbones = self.backbones or ALL_BACKBONES
        if FEATURES in backbones:
            return [LINEAR_PROBE]
        return [
            Scenario(backbone, way, rate)
            for backbone in ALL_BACKBONES
            if backbone in backbones
            for way, of_way in rates.items()
            for rate in of_way
        ]

    def levels_of(self, factor: str) -> dict[str, Changes]:
        """Return the settings that each level of a factor changes."""
        stated = self.vary[factor]
        return stated if isinstance(stated, dict) else {f"{v}": {factor: v} for v in stated}

    @property
    def factors(self) -> list[str]:
        """The names of what varies."""
        return [name for name, levels in self.vary.items() if len(levels) > 1]

    @property
    def levels(self) -> dict[str | None, Changes]:
        """The settings that each combination of levels changes, by its name; None: no name."""
        combined: dict[str | None, Changes] = {}
        for cells in product(*(self.levels_of(factor).items() for factor in self.vary)):
            names = [
                f"{factor} {level}" if len(self.factors) > 1 else level
                for factor, (level, _) in zip(self.vary, cells, strict=True)
                if factor in self.factors
            ]
            changed = chain.from_iterable(settings.items() for _, settings in cells)
            combined[", ".join(names) or None] = dict(changed)
        return combined


class CompleteStudy(StudyFilter):
    """A study with all its settings, as completed by `Profile.study_filters`.

    `pretrainings` are those of each backbone; `first` is the first of them, which may be left to
    another computer.
    """

    tasks: Names
    backbones: Backbones
    inits: Names
    pretrainings: dict[str, Numbers]
    folds: Positive
    first: dict[str, Positive]


@dataclass(frozen=True)
class ExperimentCell:
    """A part of a study: cells of the plan, with the settings in `changes`.

    `level` is the level of the study's factor; `repeat` numbers further trainings of the same
    runs, each with its own seeds; `pretraining` is the number of the pretraining of each init that
    runs start from.
    """

    study: CompleteStudy
    level: str | None
    changes: Changes
    tasks: list[str]
    inits: list[str]
    folds: int
    repeat: int
    pretraining: int


class Sizes(FrozenModel):
    """About how many cases each part of a split has; without `test`, all others are tested."""

    train: Positive
    validation: Positive
    test: Positive | None = None

    @property
    def total(self) -> int | None:
        """The number of cases used; None: all."""
        return None if self.test is None else self.train + self.validation + self.test


class SampledConfounder(FrozenModel):
    """Two groups of a task's patients, the usual group and the confounder, defined by a `column`.

    The task's manifest keeps this column.  Levels such as `sampled 50` of a study's `confounder`
    are for this task alone; the study's other levels are for its other tasks.  `train`,
    `validation` and `test` are numbers of patients of each class (`rin.data.confounders`).
    """

    task: str
    column: str
    groups: tuple[str, str]
    train: Positive
    validation: Positive
    test: Positive


class FurtherPretraining(FrozenModel):
    """Pretraining on at most `cases` images of the corpus of `init`."""

    init: str = "radiologic"
    cases: Positive | None = None
    epochs: Positive


class Probe(FurtherPretraining):
    """Settings of the test of whether a weights file shows which inputs it was trained on.

    Backbones (null: all) are pretrained under each of `preprocessings`; files are probed with
    `images` images of every dataset.
    """

    backbones: Names | None = None
    preprocessings: Annotated[list[PreprocessingName], Field(min_length=2)]
    images: Annotated[Positive, Field(ge=8)] = 64


class LossStudy(FurtherPretraining):
    """Pretraining with each of these losses; other settings are unchanged.

    Each backbone is pretrained `seeds` times with different first weights; `learning_rates` are
    for backbones that do not learn at the profile's rate.
    """

    backbones: Names
    learning_rates: dict[str, Annotated[Number, Field(gt=0)]] = {}
    losses: Annotated[list[Loss], Field(min_length=2)]
    seeds: Annotated[Positive, Field(le=1_000)] = 1
    preprocessing: PreprocessingName = "symmetric"

    @model_validator(mode="after")
    def _rates_of_its_backbones(self) -> LossStudy:
        _refuse_others("learning_rates", self.learning_rates, self.backbones, "its backbones")
        return self


class Profile(FrozenModel):
    """All settings of one study; the heads of the YAML files state time and memory.

    `studies` are parts of one plan; by default there is one, `main`, which is the whole plan
    unless its entry names some backbones or ways of fine-tuning.  Equal runs of several studies
    are trained once.  `pages` are the notebooks of the profile's book, the cover first; by default
    the book has all pages.  `cases` limits each task to about that many cases, drawn patient by
    patient, and divides them in the paper's shares; `Sizes` sets the numbers for training and
    validation, and None uses all cases.
    `splits` is `own`, or `official` for the folds that the authors of the paper, or of the
    dataset, published.  `cases_of`, `splits_of` and `fine_tuning_of` contain what differs for a
    task.  With `external`, every run also scores the datasets that its task's manifest names as
    external.  `partial` allows datasets of which only a part is there (`DatasetManifest.partial`).
    `reference` names the reference run that is shown for tasks without real images; then only
    those `tasks` are run whose images are available or whose stand-in has an entry in `stand_ins`.
    `live` is the task that the book follows from image to result, by default the first.
    `live_minutes` is about the time of the book's live part on two cores.

    With `backbones: [features]` the inits are tables of features (`rin.study.features`), on which
    linear probes are trained: of `fine_tuning` only `size` and `resize` are used, for the images
    that are exported.
    """

    name: Annotated[
        str, Field(pattern=r"^\w[\w.-]*$", max_length=60), AfterValidator(_not_reserved)
    ]
    about: str
    tasks: Names
    inits: Annotated[Names, Field(min_length=2)]
    backbones: Backbones = [*BACKBONES]
    pages: Names | None = None
    folds: Positive = 5
    splits: Literal["own", "official"] = "own"
    splits_of: dict[str, Literal["own", "official"]] = {}
    seed: Annotated[int, Field(ge=0, lt=2**32, strict=True)] = 20220914
    cases: Positive | Sizes | None = None
    cases_of: dict[str, Positive | Sizes | None] = {}
    external: bool = False
    fine_tuning: FineTuning
    fine_tuning_of: dict[str, Changes] = {}
    curation: Curation | None = None
    pretraining: Pretraining | None = None
    studies: list[StudyFilter] = []
    sampled_confounder: SampledConfounder | None = None
    probe: Probe | None = None
    losses: LossStudy | None = None
    stand_ins: dict[str, dict[str, Positive]] = {}
    partial: bool = False
    reference: str | None = None
    live: str | None = None
    live_minutes: Positive | None = None
    execution: Execution = Execution()

    @model_validator(mode="after")
    def _trains_nothing_beside_features(self) -> Profile:
        if self.feature_inits:
            # Sections that train networks find none among the backbones, and say so.
            stated = (study.model_dump(exclude_defaults=True) for study in self.studies)
            may = FEATURES, "name", "tasks", "backbones", "inits", "folds"
            what = "what a profile of features may state"
            _refuse_others("features", {*self.backbones}.union(*stated), may, what)
        return self

    @model_validator(mode="after")
    def _takes_what_there_is(self) -> Profile:
        for task in self.tasks:
            official = self.splits_of.get(task, self.splits) == "official"
            if official and self.cases_of.get(task, self.cases) is not None:
                raise ValueError(
                    "cases: official splits fix their cases, so no sample can be drawn"
                )
        inits_of = {}
        for name in ("probe", "losses"):
            if section := getattr(self, name):
                inits_of[name] = [section.init]
        if section := self.pretraining:
            inits_of["pretraining.brief"] = [brief.init for brief in section.brief]
            for name in section.backbones or self.backbones:
                check_size(name, section.size, "pretraining.size")
            self._name_all("pretraining", section.pretrainings, section.backbones)
        if any(numbers != [1] for numbers in self.pretrainings.values()):
            inits_of["pretraining.pretrainings"] = self.inits
        for part, inits in inits_of.items():
            _refuse_others(part, inits, self.corpora, "the inits pretrained here")
        return self

    def _name_all(self, part: str, stated: Pretrainings | None, among: Names | None) -> None:
        """Raise ValueError if pretrainings by backbone are not of all backbones of a part."""
        names = sorted(among or self.backbones)
        if isinstance(stated, dict) and sorted(stated) != names:
            problem = f"they are of {sorted(stated)}, not of its backbones, {names}"
            raise ValueError(f"{part}, pretrainings: {problem}")

    @model_validator(mode="after")
    def _describes_its_studies(self) -> Profile:
        _distinct([study.name for study in self.studies], "studies: names")
        for study in self.studies:
            if study.name == MAIN:
                may = {"name", "backbones", "unfreezing", "learning_rates"}
                what = "what it may state; tasks, inits, folds and pretrainings are the profile's"
                _refuse_others("study main", study.model_dump(exclude_defaults=True), may, what)
            what = f"study {study.name}, backbones"
            _refuse_others(what, study.backbones or [], self.backbones, "the profile's backbones")
            self._name_all(f"study {study.name}", study.pretrainings, study.backbones)
            self._check_starts(study)
        for complete in self.study_filters.values():
            self._check_levels(complete)
        return self

    def _check_starts(self, study: StudyFilter) -> None:
        """Raise ValueError if a study's inits or pretrainings do not exist."""
        trained = {(b.name, name, b.pretraining) for b in self.briefs for name in b.backbones}
        further = {brief.name for brief in self.briefs}
        known = [*self.inits, RANDOM, *further]
        inits = study.inits or self.inits
        backbones = study.backbones or self.backbones
        starts = [
            (backbone, number)
            for backbone in backbones
            for number in numbers_of(study.pretrainings or self.pretrainings, backbone)
        ]
        what = "the profile's inits, random and the init of pretraining.brief"
        _refuse_others(f"study {study.name}, inits", inits, known, what)
        if self.pretraining is None:
            what = "the pretrainings of loaded weights, which have no number"
            numbers = [number for _, number in starts]
            _refuse_others(f"study {study.name}, pretrainings", numbers, [1], what)
        for init, (backbone, number) in product(further.intersection(inits), starts):
            if (init, backbone, number) not in trained:
                start = f"{init} of {backbone}, pretraining {number}"
                raise study.wrong("inits", f"pretraining.brief has no {start}")
        if study.name == LAYERS:
            if lacking := {RANDOM, *self.inits[:2]} - {*inits}:
                raise study.wrong(
                    "inits", f"the comparison of layers also needs {sorted(lacking)}"
                )
            _refuse_others("study layers, backbones", backbones, LAYERED, "those with layers")

    def _check_levels(self, study: CompleteStudy) -> None:
        """Raise ValueError if levels of a study, or their images, do not fit the profile."""
        released = self.pretraining and self.pretraining.released
        for level, changes in study.levels.items():
            for task in self.tasks_of_level(study, changes):
                try:
                    settings = self.tuning(task, changes)
                except InputError as error:
                    setting = "vary" if changes else "fine_tuning_of"
                    raise study.wrong(setting, f"{level or task}: {error.problem}") from error
                if settings.preprocessing == "released" and not released:
                    raise study.wrong("vary", "the level released needs pretraining.released")
                for name in [] if self.feature_inits else study.backbones:
                    check_size(name, settings.size, f"study {study.name}, fine_tuning.size")

    @property
    def corpora(self) -> dict[str, list[str]]:
        """The datasets that each init is pretrained on here, in order of preference."""
        return self.pretraining.corpora if self.pretraining else {}

    @property
    def briefs(self) -> list[Brief]:
        """The further pretrainings of some backbones."""
        return self.pretraining.brief if self.pretraining else []

    @property
    def feature_inits(self) -> list[str]:
        """The inits that are tables of features: all of them or none."""
        return self.inits if FEATURES in self.backbones else []

    @property
    def loaded_weights(self) -> list[tuple[str, str]]:
        """Init and backbone of the weights that come from elsewhere."""
        made_here = {RANDOM, *self.corpora, *(brief.name for brief in self.briefs)}
        pairs = [] if self.feature_inits else product(self.inits, self.backbones)
        return [pair for pair in pairs if pair[0] not in made_here]

    @property
    def pretrainings(self) -> dict[str, list[int]]:
        """The numbers of the pretrainings of each backbone that the main study starts from."""
        stated = self.pretraining.pretrainings if self.pretraining else [1]
        return {backbone: numbers_of(stated, backbone) for backbone in self.backbones}

    @property
    def live_task(self) -> str:
        """The task that the book follows from image to result."""
        return self.live if self.live in self.tasks else self.tasks[0]

    @property
    def study_filters(self) -> dict[str, CompleteStudy]:
        """The studies with all their settings, by name, the main study first.

        Studies are left out if the profile has none of their tasks or of their pretrainings.
        """
        stated = self.studies or [StudyFilter(name=MAIN)]
        filters: dict[str, CompleteStudy] = {}
        for study in sorted(stated, key=lambda study: study.name != MAIN):
            kept = {
                backbone: [
                    number
                    for number in numbers_of(study.pretrainings or self.pretrainings, backbone)
                    if number in self.pretrainings[backbone]
                ]
                for backbone in study.backbones or self.backbones
            }
            kept = {backbone: numbers for backbone, numbers in kept.items() if numbers}
            taken = {
                "tasks": [task for task in study.tasks or self.tasks if task in self.tasks],
                "backbones": [*kept],
                "inits": study.inits or self.inits,
                "pretrainings": kept,
                "folds": study.folds or self.folds,
                "first": {name: min(numbers_of(study.pretrainings or [1], name)) for name in kept},
            }
            if all(taken.values()):
                filters[study.name] = CompleteStudy.model_construct(**dict(study) | taken)
        return filters

    def variants(self, study: str) -> list[ExperimentCell]:
        """Return the parts of a study: pretrainings × levels × seeds."""
        chosen: CompleteStudy = look_up("study", study, self.study_filters)
        # Random weights belong to no pretraining: their runs are trained once.
        trained = [init for init in chosen.inits if init != RANDOM]
        starts = defaultdict(list)  # backbones, by the pretraining and whether it is a later one
        for backbone, numbers in chosen.pretrainings.items():
            for number in numbers:
                starts[number, number != chosen.first[backbone]].append(backbone)
        parts = product(sorted(starts.items()), chosen.levels.items(), range(chosen.seeds))
        return [
            ExperimentCell(
                study=chosen.model_copy(update={"backbones": backbones}),
                level=level,
                changes=changes,
                tasks=self.tasks_of_level(chosen, changes),
                inits=trained if later else chosen.inits,
                folds=1 if repeat else chosen.folds,
                repeat=repeat,
                pretraining=pretraining,
            )
            for ((pretraining, later), backbones), (level, changes), repeat in parts
        ]

    def tasks_of_level(self, study: CompleteStudy, changes: Changes) -> list[str]:
        """Return the tasks of a level; a sampled confounder's level has only its own task."""
        if not any(map(_is_sampled, study.levels.values())):
            return study.tasks
        task = self.section("sampled_confounder").task
        sampled = _is_sampled(changes)
        return [name for name in study.tasks if (name == task) == sampled]

    def section(self, name: str) -> Any:
        """Return a section of the profile, such as `probe`; `InputError` if it is missing."""
        section = getattr(self, name)
        if section is None:
            raise InputError(
                f"the profile has no section {name}",
                where=f"profile {self.name}",
                remedy="Add that section; rin.study.profile describes the fields.",
            )
        return section

    def tuning(self, task: str, changes: Changes | None = None) -> FineTuning:
        """Return the fine-tuning settings of a task, by default those of the main study."""
        changed = self.fine_tuning_of.get(task, {}) | (changes or {})
        settings = self.fine_tuning.model_dump() | changed
        return FineTuning.parse(settings, where=f"fine-tuning of {task}", remedy="Correct it.")


def _is_sampled(changes: Changes) -> bool:
    return str(changes.get(CONFOUNDER)).startswith(SAMPLED)


def profile_folder() -> Path:
    """Return the folder of the profiles (`RIN_PROFILES`, or `notebooks/profiles`)."""
    return Path(os.environ.get("RIN_PROFILES") or shipped_folder("notebooks/profiles"))


def profile_names() -> list[str]:
    """Return the names of all profiles."""
    return sorted(p.stem for p in profile_folder().glob("[!.]*.yaml"))


def load_profile(name: str | Path) -> Profile:
    """Read a profile.

    Parameters
    ----------
    name : str or Path
        one of `profile_names`, or a path that ends in `.yaml`

    Returns
    -------
    Profile

    Raises
    ------
    InputError
        For an unknown name, a missing file, or a setting that is unknown or out of range; the
        message names it.

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
    remedy = "Correct this setting; the fields are described in rin.study.profile."
    profile = Profile.parse(read_yaml(path), where=path, remedy=remedy)
    # Not asked of every `Profile`, as a study may make one of fewer tasks.
    settings: dict[str, Iterable[str]] = {
        name: getattr(profile, name) for name in ("fine_tuning_of", "cases_of", "splits_of")
    }
    settings["live"] = {profile.live or profile.tasks[0]}
    settings |= {f"study {study.name}, tasks": study.tasks or [] for study in profile.studies}
    if profile.sampled_confounder:
        settings["sampled_confounder"] = [profile.sampled_confounder.task]
    try:
        for setting, tasks in settings.items():
            _refuse_others(setting, tasks, profile.tasks, "the profile's tasks")
        for study in profile.study_filters.values():
            for level, changes in study.levels.items():
                if not profile.tasks_of_level(study, changes):
                    raise study.wrong("vary", f"there is no task for the level {level}")
    except ValueError as error:
        raise InputError(str(error), where=path, remedy=remedy) from error
    if profile.name != path.stem:
        raise InputError(
            f"its name is {profile.name}, under which results are kept",
            where=path,
            remedy=f"Write name: {path.stem}.",
        )
    return profile
