"""The sections of a profile: fine-tuning, pretraining, execution, and studies of their own."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from rin.models.augmentation import find_augmentation
from rin.models.backbones import BACKBONES, check_size
from rin.models.preprocessing import find_preprocessing
from rin.models.weights import resolve_contract
from rin.study.scenarios import find_scenario

Positive = Annotated[int, Field(gt=0)]
Momentum = Annotated[float, Field(gt=0, lt=1)]


class Settings(BaseModel):
    """Settings that reject unknown names and cannot change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class FineTuning(Settings):
    """How the scenarios are trained on a task.

    `size` is the image side in pixels; `resize` is `stretch`, as in the paper, or `pad`,
    which keeps the aspect ratio.  `preprocessing` is `native`, the contract of the weights that
    a run starts from, or `official_scripts`, the one that those feed to every network.
    """

    size: Positive
    batch: Positive
    epochs: Positive
    resize: Literal["stretch", "pad"] = "stretch"
    preprocessing: Literal["native", "official_scripts"] = "native"
    augmentation: str = "official"
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.5
    batch_norm_momentum: Momentum = 0.99

    _known = field_validator("augmentation")(lambda name: (find_augmentation(name), name)[1])


class Pretraining(Settings):
    """How backbones are trained from random initialisation.

    `preprocessing` is an input contract, or an init of the weights manifest whose contract for
    the same backbone is taken; one for all inits, or one each.
    `corpora` maps an init to the dataset it is trained on, or to several in order of preference;
    all corpora get the same epochs.  `cases` limits the images that are drawn from a corpus.
    `backbones` are those of the profile where none are named.  `sgd` has a momentum of 0.9;
    `warmup` is the share of the steps over which the learning rate rises; `balanced` weighs
    classes against their frequency; `batch_norm_recalibration` is a number of batches.
    """

    corpora: dict[str, str | Annotated[list[str], Field(min_length=1)]]
    backbones: Annotated[list[str], Field(min_length=1)] | None = None
    cases: Positive | None = None
    size: Positive
    batch: Positive
    epochs: Positive
    optimizer: Literal["adam", "adamw", "sgd"] = "adam"
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    schedule: Literal["constant", "cosine"] = "constant"
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.0
    class_weights: Literal["none", "balanced"] = "none"
    preprocessing: str | dict[str, str] = "symmetric"
    augmentation: str = "none"
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.5
    batch_norm_momentum: Momentum = 0.99
    batch_norm_recalibration: Annotated[int, Field(ge=0)] = 0

    _known = field_validator("augmentation")(lambda name: (find_augmentation(name), name)[1])

    @field_validator("preprocessing")
    @classmethod
    def _known_contracts(
        cls, each: str | dict[str, str], others: ValidationInfo
    ) -> str | dict[str, str]:
        inits = set(others.data.get("corpora", {}))
        if isinstance(each, dict) and set(each) != inits:
            raise ValueError(f"contracts of {sorted(each)} for corpora of {sorted(inits)}")
        for name in each.values() if isinstance(each, dict) else [each]:
            for backbone in others.data.get("backbones") or BACKBONES:
                resolve_contract(name, backbone)
        return each

    @model_validator(mode="after")
    def _fits(self) -> Pretraining:
        for name in self.backbones or []:
            check_size(name, self.size)
        if self.optimizer == "adamw" and self.weight_decay == 0:
            raise ValueError("adamw without a weight_decay is adam: give one, or name adam")
        return self

    def contract(self, init: str, backbone: str) -> str:
        """Return the name of the input contract of an init's pretraining."""
        each = self.preprocessing
        return resolve_contract(each[init] if isinstance(each, dict) else each, backbone)


class Execution(Settings):
    """Where the blocks run; changes no result beyond floating-point noise.

    `workers` processes with `threads` threads each; 0 workers means this process.  A block holds
    the runs of all tasks that share a compiled step (`blocks: shared`), which compiles least, or
    of one task (`by_task`), which spreads a long study over more workers.

    The others concern pretraining: `devices` that share each batch (null: one; `all`),
    `checkpoint_minutes` between two checkpoints of a training, `tensorboard` for a log of events.
    """

    workers: Annotated[int, Field(ge=0)] = 0
    blocks: Literal["shared", "by_task"] = "shared"
    threads: Positive | None = None
    precision: Literal["float32", "mixed_bfloat16"] = "float32"
    devices: Positive | Literal["all"] | None = None
    checkpoint_minutes: Annotated[float, Field(ge=0)] = 5.0
    tensorboard: bool = False


class Curation(Settings):
    """How an archive of studies becomes a pretraining corpus.

    `archive` is the folder of a DICOM export below the data root; where it is absent, a stand-in
    of `studies` studies is written, with pictures of `size` pixels.  `database` is the URL of the
    index, empty for an SQLite file beside the results.  `label_map` and `reviewed` are CSV files
    below the archive's folder: a site's own terms, and the normal studies that a radiologist has
    reviewed.  `encoding` is that of the report texts.
    """

    archive: str = "archive"
    database: str = ""
    label_map: str = ""
    reviewed: str = ""
    encoding: str = "utf-8"
    studies: Positive = 320
    size: Positive = 128


class FromRandom(Settings):
    """Runs that ask whether pretraining helps at all: every init beside random weights.

    `folds` is their own, for an answer needs more test cases than a demonstration.
    """

    tasks: Annotated[list[str], Field(min_length=1)]
    scenarios: Annotated[list[str], Field(min_length=1)]
    folds: Positive = 1

    _known = field_validator("scenarios")(lambda names: [find_scenario(n).name for n in names])


class FactorStudy(Settings):
    """Runs that ask what one factor does, on tasks, scenarios and folds of their own."""

    tasks: Annotated[list[str], Field(min_length=1)]
    scenarios: Annotated[list[str], Field(min_length=1)]
    folds: Positive = 1

    _known = field_validator("scenarios")(lambda names: [find_scenario(n).name for n in names])


class Factors(Settings):
    """Settings of fine-tuning that become studies: each level beside the profile's own."""

    preprocessing: FactorStudy | None = None
    resize: FactorStudy | None = None

    @model_validator(mode="after")
    def _studies_one(self) -> Factors:
        if self.preprocessing is None and self.resize is None:
            raise ValueError("names no factor: preprocessing, resize or both")
        return self

    @property
    def scenarios(self) -> list[str]:
        """Scenarios of all factors."""
        studies = [self.preprocessing, self.resize]
        return [name for study in studies if study for name in study.scenarios]


class Probe(Settings):
    """Whether a weights file tells which inputs it was trained on.

    Every backbone is pretrained on the corpus of `init` under each of `contracts`, on at most
    `cases` images for `epochs`; the files are probed with `images` images of every dataset.
    """

    init: str = "radiologic"
    contracts: Annotated[list[str], Field(min_length=2)]
    cases: Positive | None = None
    epochs: Positive
    images: Annotated[int, Field(ge=8)] = 64

    _known = field_validator("contracts")(lambda names: [find_preprocessing(n).name for n in names])


class Sanity(Settings):
    """Whether maps depend on what a network has learnt: its weights are put back to random ones.

    Of the first fold of each task with lesion masks, the runs of `scenarios` record maps of their
    first `cases` test cases with a lesion, layer group by layer group.
    """

    scenarios: Annotated[list[str], Field(min_length=1)]
    cases: Positive = 16

    _known = field_validator("scenarios")(lambda names: [find_scenario(n).name for n in names])


class Simulation(Settings):
    """How far intervals reach that take several images of one patient for independent.

    `replicates` test sets of `patients` patients with `images` images each are drawn for every
    correlation.
    """

    replicates: Positive = 2000
    patients: Annotated[int, Field(ge=10)] = 100
    images: Annotated[int, Field(ge=2)] = 5
