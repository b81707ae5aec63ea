"""Profiles: every number that decides how large a study is and how it is trained.

A profile is one YAML file in `notebooks/profiles`.  Profiles differ in numbers only;
the code that runs is the same for all of them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator

from rin.errors import InputError, unknown
from rin.models.backbones import BACKBONES, check_size
from rin.strict_yaml import read_yaml
from rin.study.scenarios import find_scenario
from rin.study.sections import (
    Curation,
    Execution,
    Factors,
    FineTuning,
    FromRandom,
    Positive,
    Pretraining,
    Probe,
    Sanity,
    Settings,
    Simulation,
)


class Profile(Settings):
    """One study in numbers; see the heads of the YAML files for time and memory.

    `cases` limits each task to about that many cases, drawn patient by patient; None takes all.
    `fine_tuning_of` holds, per task, the settings that differ from `fine_tuning`.  `splits` is
    `own`, or `official` for the folds that the paper's authors published.  `reference` names the
    reference run that is shown for tasks without real images; of `tasks`, only those are then run
    whose images are at hand or whose stand-in is sized.  `live` is the task that the book follows
    from image to result; by default the first one.
    """

    name: Annotated[str, Field(pattern=r"^\w[\w.-]*$")]
    about: str
    tasks: Annotated[list[str], Field(min_length=1)]
    inits: Annotated[list[str], Field(min_length=2)]
    backbones: Annotated[list[str], Field(min_length=1)] = Field(
        default_factory=lambda: list(BACKBONES)
    )
    folds: Positive = 5
    splits: Literal["own", "official"] = "own"
    seed: Annotated[int, Field(ge=0)] = 20220914
    cases: Positive | None = None
    fine_tuning: FineTuning
    fine_tuning_of: dict[str, dict[str, Any]] = Field(default_factory=dict)
    curation: Curation | None = None
    pretraining: Pretraining | None = None
    from_random: FromRandom | None = None
    factors: Factors | None = None
    probe: Probe | None = None
    sanity: Sanity | None = None
    simulation: Simulation = Simulation()
    stand_ins: dict[str, dict[str, int]] = Field(default_factory=dict)
    reference: str | None = None
    live: str | None = None
    execution: Execution = Execution()

    @field_validator("backbones")
    @classmethod
    def _known_backbones(cls, names: list[str]) -> list[str]:
        for name in names:
            if name not in BACKBONES:
                raise unknown("backbone", name, list(BACKBONES))
        return names

    @field_validator("tasks", "inits")
    @classmethod
    def _different(cls, names: list[str]) -> list[str]:
        if len(set(names)) != len(names):
            raise ValueError(f"names repeat: {names}")
        return names

    @field_validator("fine_tuning", "pretraining")
    @classmethod
    def _large_enough(
        cls, settings: FineTuning | Pretraining | None, others: ValidationInfo
    ) -> FineTuning | Pretraining | None:
        own = getattr(settings, "backbones", None)
        for name in own or others.data.get("backbones", []) if settings else []:
            check_size(name, settings.size)
        return settings

    @field_validator("cases")
    @classmethod
    def _not_with_official_splits(cls, n: int | None, others: ValidationInfo) -> int | None:
        if n is not None and others.data.get("splits") == "official":
            raise ValueError("official splits name all their cases, so none can be drawn")
        return n

    @field_validator("from_random", "factors", "sanity")
    @classmethod
    def _of_own_backbones(
        cls, section: FromRandom | Factors | Sanity | None, others: ValidationInfo
    ) -> FromRandom | Factors | Sanity | None:
        for name in section.scenarios if section else []:
            if find_scenario(name).backbone not in others.data.get("backbones", []):
                raise ValueError(f"{name}: its backbone is not among the profile's")
        return section

    @field_validator("probe")
    @classmethod
    def _on_a_corpus(cls, section: Probe | None, others: ValidationInfo) -> Probe | None:
        pretraining = others.data.get("pretraining")
        if section and (pretraining is None or section.init not in pretraining.corpora):
            raise ValueError(f"{section.init!r} is not among the inits that are pretrained")
        return section

    @field_validator("fine_tuning_of")
    @classmethod
    def _settings_of_tasks(
        cls, changes: dict[str, dict[str, Any]], others: ValidationInfo
    ) -> dict[str, dict[str, Any]]:
        for task, changed in changes.items():
            if task not in others.data.get("tasks", []):
                raise ValueError(f"{task!r} is not among the profile's tasks")
            if general := others.data.get("fine_tuning"):
                tuning = FineTuning.model_validate(general.model_dump() | changed)
                cls._large_enough(tuning, others)
        return changes

    @field_validator("live")
    @classmethod
    def _live_is_a_task(cls, task: str | None, others: ValidationInfo) -> str | None:
        if task is not None and task not in others.data.get("tasks", []):
            raise ValueError(f"{task!r} is not among the profile's tasks")
        return task

    @property
    def live_task(self) -> str:
        """The task that the book follows from image to result."""
        return self.live or self.tasks[0]

    def tuning(self, task: str) -> FineTuning:
        """Return how a task is fine-tuned."""
        changed = self.fine_tuning_of.get(task, {})
        return FineTuning.model_validate(self.fine_tuning.model_dump() | changed)


def profile_folder() -> Path:
    """Return the folder of the profiles (`RIN_PROFILES`, or `notebooks/profiles`)."""
    default = Path(__file__).parents[2] / "notebooks" / "profiles"
    return Path(os.environ.get("RIN_PROFILES", default))


def profile_names() -> list[str]:
    """Return the names of the profiles that there are."""
    return sorted(p.stem for p in profile_folder().glob("*.yaml"))


def load_profile(name: str | Path) -> Profile:
    """Read a profile by name, or from a path that ends in `.yaml`.

    Raises
    ------
    InputError
        For an unknown name, a file that is not there, or a setting that is unknown or
        out of range; the message names the setting.
    """
    path = Path(name) if str(name).endswith(".yaml") else profile_folder() / f"{name}.yaml"
    if not path.is_file():
        if path.parent == profile_folder():
            raise unknown("profile", str(name), profile_names())
        raise InputError("no such file", where=path, remedy="Check the path of the profile.")
    try:
        return Profile.model_validate(read_yaml(path))
    except ValidationError as error:
        first = error.errors()[0]
        setting = ".".join(map(str, first["loc"])) or "profile"
        raise InputError(
            f"setting {setting}: {first['msg']} (got {first['input']!r:.80})",
            where=path,
            remedy="Mend this setting; the fields are described in rin.study.sections.",
        ) from error
