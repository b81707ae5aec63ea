"""Who hands out pretrained weights, and what each says of the inputs that they want.

The list stands in `data_manifests/weights.yaml` beside the entries that the study loads, and holds
files of every format, also of those that are never read here.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from rin.errors import unknown
from rin.models.backbones import find_backbone
from rin.models.fingerprint_verdict import CANDIDATES, scaling_of
from rin.models.weights import read_section
from rin.models.weights_files import SAFE_SUFFIXES


class Probed(BaseModel):
    """What `rin weights probe` found for a file.

    `contract` is the verdict, `images` what was probed with, `divergence` that of the nearest
    candidate.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    contract: str
    date: date
    images: Annotated[str, Field(min_length=1)]
    divergence: Annotated[float, Field(ge=0)]


class Distribution(BaseModel):
    """One file of weights, as one distributor hands it out.

    Attributes
    ----------
    distributor, home
        Who hands it out, and where.
    release
        Which training it is, or a conversion of which.
    backbone, file, format
        Architecture, file name where it is known, and suffix of the file without its dot.
    sha256
        Of the file, where it is publicly known.
    licence
        As stated.
    stated_preprocessing
        Candidate that the distributor states or codes; None where nothing is stated.
    statement
        Where and how it is stated.
    probed
        What the probe found for this file; None where nobody has run it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    distributor: str
    release: str
    backbone: str
    file: str | None
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None
    format: str
    licence: str
    home: str
    stated_preprocessing: str | None
    statement: Annotated[str, Field(min_length=1)]
    probed: Probed | None

    @field_validator("backbone")
    @classmethod
    def _is_a_backbone(cls, name: str) -> str:
        return find_backbone(name).name

    @field_validator("stated_preprocessing")
    @classmethod
    def _is_a_candidate(cls, name: str | None) -> str | None:
        known = [candidate.name for candidate in CANDIDATES]
        if name is not None and scaling_of(name) not in known:
            raise unknown("candidate", name, known)
        return name

    @model_validator(mode="after")
    def _is_checkable(self) -> Distribution:
        if self.probed is not None and self.sha256 is None:
            raise ValueError("what was probed must be named by its SHA-256")
        return self

    @property
    def readable(self) -> bool:
        """Whether files of this format are opened here; their layout may still be another."""
        return f".{self.format}" in SAFE_SUFFIXES


def load_distributions(path: Path | None = None) -> list[Distribution]:
    """Read the distributions of `data_manifests/weights.yaml`.

    Raises
    ------
    InputError
        When the file is missing or a distribution does not validate.
    """
    return read_section(Distribution, "distributions", path)


def distributions_of(sha256: str, known: list[Distribution]) -> list[Distribution]:
    """Return every distribution of the file with a SHA-256."""
    return [one for one in known if one.sha256 == sha256]
