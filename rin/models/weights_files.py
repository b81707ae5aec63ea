"""Reading and writing files of backbone weights, only in formats that cannot run code.

Legacy HDF5 goes by topology, as Keras 2 wrote it; Keras `.weights.h5` and safetensors by
position.  Pickles and whole saved models are refused before a byte of them is read.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rin.errors import InputError

if TYPE_CHECKING:
    import keras

SAFE_SUFFIXES = (".h5", ".safetensors")


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
