"""Weights entries: where backbone weights come from and which inputs they want.

An entry names one file (or Keras' own download) for one backbone and carries its
input contract.  Only formats that cannot run code are read: legacy HDF5 by topology,
Keras `.weights.h5` and safetensors.  Whole saved models and pickles are refused
before a byte of them is read.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict, field_validator

from rin.errors import InputError, unknown
from rin.models.backbones import find_backbone
from rin.models.preprocessing import Preprocessing, find_preprocessing

if TYPE_CHECKING:
    import keras

SAFE_SUFFIXES = (".h5", ".safetensors")


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
    release: str
    home: str = ""
    licence: str = ""
    provenance: Literal["real", "stand-in"] = "real"

    @field_validator("backbone", "preprocessing")
    @classmethod
    def _is_known(cls, name: str, field: Any) -> str:
        (find_backbone if field.field_name == "backbone" else find_preprocessing)(name)
        return name

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
    path = path or manifest_folder() / "weights.yaml"
    try:
        rows = yaml.safe_load(path.read_text(encoding="utf-8"))["entries"]
        return [WeightsEntry.model_validate(row) for row in rows]
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"not a readable list of weights entries ({error})",
            where=path,
            remedy="Restore the file from the repository or mend the entry.",
        ) from error


def find_entry(init: str, backbone: str, entries: list[WeightsEntry]) -> WeightsEntry:
    """Return the entry of an init and a backbone; raise `InputError` if there is none."""
    find_backbone(backbone)
    for entry in entries:
        if (entry.init, entry.backbone) == (init, backbone):
            return entry
    raise unknown("init", init, sorted({e.init for e in entries} | {"random"}))


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
    path = locate(entry, folders)
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


def read_weights_file(path: Path, backbone: keras.Model) -> list[np.ndarray]:
    """Read one weights file into a backbone and return its weights.

    Raises
    ------
    InputError
        See `load_weights`.
    """
    if path.suffix not in SAFE_SUFFIXES:
        raise InputError(
            f"weights of type {path.suffix or 'unknown'!r} are not read",
            where=path,
            remedy="They may carry code. Convert them to .weights.h5 or .safetensors first.",
        )
    # Whatever a loader leaves out, with a mere warning, stays NaN and is found below.
    backbone.set_weights([np.full(v.shape, np.nan) for v in backbone.weights])
    try:
        if path.suffix == ".safetensors":
            _load_safetensors(path, backbone)
        else:
            _refuse_saved_code(path)
            backbone.load_weights(path)
    except InputError:
        raise
    # The loaders raise many types for a bad file; each becomes the one clear error.
    except Exception as error:
        raise InputError(
            f"not the weights of a {backbone.name} without top ({error})",
            where=path,
            remedy="Check that the file is whole and belongs to this backbone.",
        ) from error
    weights = backbone.get_weights()
    if not all(np.isfinite(w).all() for w in weights):
        raise InputError(
            "does not hold a finite number for every weight",
            where=path,
            remedy="Fetch or train the weights again.",
        )
    return weights


def save_safetensors(path: Path, backbone: keras.Model) -> None:
    """Write a backbone's weights as safetensors, keyed by position and kind."""
    from safetensors.numpy import save_file

    save_file({k: np.asarray(v) for k, v in _keyed(backbone).items()}, path)


def _load_safetensors(path: Path, backbone: keras.Model) -> None:
    from safetensors.numpy import load_file

    stored, variables = load_file(path), _keyed(backbone)
    if stored.keys() != variables.keys():
        odd = sorted(stored.keys() ^ variables.keys())
        raise ValueError(f"{len(odd)} tensors do not match, the first is {odd[0]}")
    for key, variable in variables.items():
        if stored[key].shape != tuple(variable.shape):
            raise ValueError(f"{key} has shape {stored[key].shape}, not {variable.shape}")
        variable.assign(stored[key])


def _keyed(backbone: keras.Model) -> dict[str, keras.Variable]:
    # Not by path: Keras numbers unnamed layers through a process, not through a model.
    return {f"{i:04d}/{v.name}": v for i, v in enumerate(backbone.weights)}


def _refuse_saved_code(path: Path) -> None:
    """Refuse an HDF5 model whose configuration carries Lambda layers (marshalled code)."""
    import h5py

    with h5py.File(path, "r") as stored:
        config = stored.attrs.get("model_config", b"{}")
    try:
        found = _carries_code(json.loads(config))
    except (ValueError, TypeError) as error:
        raise InputError(
            f"the configuration of the model in this file cannot be read ({error})",
            where=path,
            remedy="Ask for the weights alone (`save_weights`).",
        ) from error
    if found:
        raise InputError(
            "the model in this file has Lambda layers, which carry code",
            where=path,
            remedy="Ask for the weights alone (`save_weights`).",
        )


def _carries_code(config: Any) -> bool:
    """Whether a Lambda layer or a serialised lambda stands anywhere in a configuration."""
    if isinstance(config, list):
        return any(map(_carries_code, config))
    if not isinstance(config, dict):
        return False
    kind = str(config.get("class_name", "")).replace(">", ".").rpartition(".")[2]
    return kind in ("Lambda", "__lambda__") or any(map(_carries_code, config.values()))


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
