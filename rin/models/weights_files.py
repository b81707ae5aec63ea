"""Reading and writing files of backbone weights, only in formats that cannot run code.

Legacy HDF5 goes by topology, as Keras 2 wrote it; Keras `.weights.h5` and safetensors by
position.  Pickles and whole saved models are refused before a byte of them is read.  A file
that is written here appears under its name only when it is whole.
"""

from __future__ import annotations

import json
import math
import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rin.errors import InputError

if TYPE_CHECKING:
    import h5py
    import keras

SAFE_SUFFIXES = (".h5", ".safetensors")
# The last Keras with this layout, which readers ask for: Keras 3 kept only the reader.
_LEGACY_KERAS = b"2.15.0"


def read_weights_file(path: Path, backbone: keras.Model) -> list[np.ndarray]:
    """Read one weights file into a backbone and return its weights.

    Raises
    ------
    InputError
        See `load_weights`.
    """
    _refuse_unsafe_format(path)
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


def count_parameters(path: Path) -> int:
    """Return how many numbers the arrays of a weights file hold, without reading them.

    The state of an optimizer is left out.

    Raises
    ------
    InputError
        For a format that could run code, or a file that is not there or not whole.
    """
    _refuse_unsafe_format(path)
    try:
        shapes = _safetensors_shapes(path) if path.suffix == ".safetensors" else _h5_shapes(path)
    # HDF5 and safetensors raise many types for a bad file; each becomes the one clear error.
    except Exception as error:
        raise InputError(
            f"not a readable file of weights ({error})",
            where=path,
            remedy="Check its path, and that it is whole: fetch it again if in doubt.",
        ) from error
    return sum(math.prod(shape) for shape in shapes)


def _safetensors_shapes(path: Path) -> list[tuple[int, ...]]:
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as stored:
        return [tuple(stored.get_slice(key).get_shape()) for key in stored.keys()]  # noqa: SIM118


def _h5_shapes(path: Path) -> list[tuple[int, ...]]:
    import h5py

    found = []

    def visit(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset) and not name.startswith("optimizer"):
            found.append(item.shape)

    with h5py.File(path, "r") as stored:
        stored.visititems(visit)
    return found


def save_safetensors(path: Path, backbone: keras.Model) -> None:
    """Write a backbone's weights as safetensors, keyed by position and kind."""
    from safetensors.numpy import save_file

    with written_whole(path) as draft:
        save_file({k: np.asarray(v) for k, v in _keyed(backbone).items()}, draft)


def save_notop(path: Path, backbone: keras.Model) -> None:
    """Write a backbone's weights in the HDF5 layout of Keras 2 (`*_notop.h5`).

    One group a layer, named in order by the attribute `layer_names`, its weights by
    `weight_names`; the released RadImageNet weights have this layout.  `load_weights` of Keras 3
    and `keras.applications.X(include_top=False, weights=path)` of either Keras read it by
    topology.  Unnamed layers get the names of a fresh process, so equal weights make equal files.

    Validated against `tf_keras` 2.21: outputs of all backbones agree within 2e-6 of the largest.

    Parameters
    ----------
    path
        File to write; its name should end in `.h5` and not in `.weights.h5`.
    backbone
        A backbone without top.
    """
    import h5py

    names = _fresh_names(backbone.layers)
    with written_whole(path) as draft, h5py.File(draft, "w") as file:
        file.attrs["backend"], file.attrs["keras_version"] = b"tensorflow", _LEGACY_KERAS
        _write_names(file, "layer_names", names)
        for name, layer in zip(names, backbone.layers, strict=True):
            group = file.create_group(name)
            weights = {f"{name}/{_legacy_kind(layer, v)}:0": np.asarray(v) for v in layer.weights}
            _write_names(group, "weight_names", list(weights))
            for key, values in weights.items():
                group.create_dataset(key, data=values)
        _write_names(file.create_group("top_level_model_weights"), "weight_names", [])


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Yield a draft to write beside `path`; it takes that name when the block ends well.

    The draft keeps the end of the name, by which Keras chooses a format.
    """
    draft = path.with_name(f".draft-{path.name}")
    try:
        yield draft
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _refuse_unsafe_format(path: Path) -> None:
    if path.suffix not in SAFE_SUFFIXES:
        raise InputError(
            f"weights of type {path.suffix or 'unknown'!r} are not read",
            where=path,
            remedy="They may carry code. Convert them to .weights.h5 or .safetensors first.",
        )


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


def _fresh_names(layers: list[keras.Layer]) -> list[str]:
    """Return layer names, those that Keras numbered counted from zero in order of creation."""
    numbered = defaultdict(list)
    for layer in layers:
        stem, _, number = re.fullmatch(r"(.+?)(_(\d+))?", layer.name).groups()
        if stem.replace("_", "") == type(layer).__name__.lower():
            numbered[stem].append((int(number or 0), layer.name))
    fresh = {
        name: f"{stem}_{place}" if place else stem
        for stem, found in numbered.items()
        for place, (_, name) in enumerate(sorted(found))
    }
    return [fresh.get(layer.name, layer.name) for layer in layers]


def _legacy_kind(layer: keras.Layer, variable: keras.Variable) -> str:
    # The one weight of these backbones that Keras 3 calls by another name.
    depthwise = type(layer).__name__ == "DepthwiseConv2D" and variable.name == "kernel"
    return "depthwise_kernel" if depthwise else variable.name


def _write_names(group: h5py.Group, attribute: str, names: list[str]) -> None:
    encoded = [name.encode() for name in names]
    group.attrs[attribute] = np.array(encoded, dtype="S" if encoded else "S1")


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
