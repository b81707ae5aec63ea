"""Weights entries: where backbone weights come from and which inputs they want.

An entry names one file (or Keras' own download) for one backbone and carries its
input contract.  `rin.models.weights_files` reads the files themselves.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict, field_validator

from rin.errors import InputError, unknown
from rin.models.backbones import find_backbone
from rin.models.preprocessing import PREPROCESSING, Preprocessing, find_preprocessing
from rin.models.weights_files import read_weights_file

if TYPE_CHECKING:
    import keras

Row = TypeVar("Row", bound=BaseModel)


class WeightsEntry(BaseModel):
    """One set of backbone weights.

    Attributes
    ----------
    init
        Initialisation source as the study names it: `imagenet`, `radimagenet`,
        `radiologic`, `photographic`.
    backbone
        Backbone that the weights belong to.
    preprocessing
        Name of the input contract that the weights were trained with.
    file
        File name, or path relative to the folder that is searched; None for weights
        that Keras itself fetches.
    sha256
        Of the file, where it is known.
    url
        Address of the file itself, where there is one; needs `sha256`.
    release, home, licence
        Which training this is, where it is to be had, and on what terms.
    provenance
        `real` or `stand-in`: what the weights were trained on.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    init: str
    backbone: str
    preprocessing: str
    file: str | None = None
    sha256: str | None = None
    url: str | None = None
    release: str
    home: str = ""
    licence: str = ""
    provenance: Literal["real", "stand-in"] = "real"

    @field_validator("backbone", "preprocessing")
    @classmethod
    def _is_known(cls, name: str, field: Any) -> str:
        (find_backbone if field.field_name == "backbone" else find_preprocessing)(name)
        return name

    def model_post_init(self, _context: object) -> None:
        """A download that cannot be checked is not made."""
        if self.url and not (self.file and self.sha256):
            raise ValueError(f"{self.init} {self.backbone}: a url needs file and sha256")

    @property
    def contract(self) -> Preprocessing:
        """The input contract of these weights."""
        return find_preprocessing(self.preprocessing)


def manifest_folder() -> Path:
    """Return the folder of the manifests (`RIN_MANIFESTS`, or beside the package)."""
    return Path(os.environ.get("RIN_MANIFESTS", Path(__file__).parents[2] / "data_manifests"))


def load_entries(path: Path | None = None) -> list[WeightsEntry]:
    """Read all weights entries of `data_manifests/weights.yaml`.

    Raises
    ------
    InputError
        When the file is missing or an entry does not validate.
    """
    return read_section(WeightsEntry, "entries", path)


def read_section(model: type[Row], section: str, path: Path | None = None) -> list[Row]:
    """Read one list of `data_manifests/weights.yaml`, or of the file at `path`.

    Raises
    ------
    InputError
        When the file or the list is missing or a row does not validate.
    """
    path = path or manifest_folder() / "weights.yaml"
    try:
        rows = yaml.safe_load(path.read_text(encoding="utf-8"))[section]
        return [model.model_validate(row) for row in rows]
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"no readable list of {section} ({error})",
            where=path,
            remedy="Restore the file from the repository, or mend the row.",
        ) from error


def find_entry(init: str, backbone: str, entries: list[WeightsEntry]) -> WeightsEntry:
    """Return the entry of an init and a backbone; raise `InputError` if there is none."""
    find_backbone(backbone)
    for entry in entries:
        if (entry.init, entry.backbone) == (init, backbone):
            return entry
    raise unknown("init", init, sorted({e.init for e in entries} | {"random"}))


def resolve_contract(name: str, backbone: str) -> str:
    """Return the name of an input contract, given itself or an init of the manifest.

    Parameters
    ----------
    name
        A contract, or an init whose weights for `backbone` want the contract that is returned.

    Raises
    ------
    InputError
        For a name that is neither.
    """
    if name in PREPROCESSING:
        return name
    entries = load_entries()
    inits = {entry.init for entry in entries}
    if name not in inits:
        raise unknown("preprocessing", name, [*PREPROCESSING, *sorted(inits)])
    return find_entry(name, backbone, entries).preprocessing


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file as lower-case hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def locate(entry: WeightsEntry, folders: list[Path]) -> Path | None:
    """Return the entry's file in the first folder that holds it, or None."""
    for folder in folders:
        if entry.file and (folder / entry.file).is_file():
            return folder / entry.file
    return None


def load_weights(
    entry: WeightsEntry, backbone: keras.Model, folders: list[Path]
) -> list[np.ndarray]:
    """Read an entry's weights for a backbone.

    Parameters
    ----------
    entry
        What to read.
    backbone
        A backbone without top from `rin.models.backbones.build_backbone`; its
        weights are overwritten.
    folders
        Where files are looked for, in this order.

    Returns
    -------
    list of ndarray
        Weights in the order of `backbone.get_weights()`.

    Raises
    ------
    InputError
        When the file is absent, of another digest, truncated, of another backbone,
        or in a format that could run code.
    """
    if entry.file is None:
        return _keras_imagenet(entry, backbone)
    path = locate(entry, folders) or _fetch(entry, folders)
    if path is None:
        raise InputError(
            f"no weights file for init {entry.init!r} and {entry.backbone}",
            where=" or ".join(str(f / entry.file) for f in folders) or entry.file,
            remedy=f"Get it from {entry.home or 'its authors'} ({entry.release}) and put it there.",
        )
    if entry.sha256 is not None and file_sha256(path) != entry.sha256:
        raise InputError(
            f"SHA-256 differs from that of the entry, {entry.sha256}",
            where=path,
            remedy="The file is another release or damaged: fetch it again.",
        )
    return read_weights_file(path, backbone)


def _fetch(entry: WeightsEntry, folders: list[Path]) -> Path | None:
    """Download an entry's file into the first folder, checked by SHA-256, if it has a URL."""
    if entry.url is None:
        return None
    import pooch

    try:
        fetched = pooch.retrieve(
            entry.url, f"sha256:{entry.sha256}", fname=entry.file, path=folders[0]
        )
    # Network and digest failures come as many types; each becomes the one clear error.
    except Exception as error:
        raise InputError(
            f"the weights could not be fetched ({error})",
            where=entry.url,
            remedy=f"Fetch the file by hand and put it at {folders[0] / entry.file}.",
        ) from error
    return Path(fetched)


def _keras_imagenet(entry: WeightsEntry, backbone: keras.Model) -> list[np.ndarray]:
    import keras

    constructor = getattr(keras.applications, entry.backbone)
    try:
        fetched = constructor(
            include_top=False, weights="imagenet", input_shape=backbone.input_shape[1:]
        )
    # Keras raises a bare Exception when its download fails.
    except Exception as error:
        raise InputError(
            f"Keras could not fetch its ImageNet weights ({error})",
            where=f"{entry.init} {entry.backbone}",
            remedy="Connect once, or copy the *_notop.h5 file into ~/.keras/models.",
        ) from error
    backbone.set_weights(fetched.get_weights())
    return backbone.get_weights()


def random_weights(backbone_name: str, size: int, seed: int) -> list[np.ndarray]:
    """Return a randomly initialised backbone's weights, the same for the same seed."""
    import keras

    from rin.models.backbones import build_backbone

    keras.utils.set_random_seed(seed)  # keras.applications takes no initialiser of ours
    return build_backbone(backbone_name, size).get_weights()
