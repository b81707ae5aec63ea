"""Pretrained backbone weights: where they come from, which inputs they need, how they are read.

Files are read only in formats that cannot run code: Keras 2's HDF5, by topology and
ignoring any model configuration beside the weights; Keras' `.weights.h5`, by position; safetensors
of PyTorch, by name, into torchvision's topology.  Files with any other ending are refused
unread.
"""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import h5py
import numpy as np
from pydantic import AfterValidator, Field
from safetensors import safe_open
from safetensors.numpy import load_file

from rin.errors import InputError, as_input_error, look_up, unknown
from rin.files import FrozenModel, manifest_folder, read_yaml, sha256_of
from rin.models.backbones import (
    Topology,
    build_backbone,
    construct,
    find_backbone,
    topology_of,
)
from rin.models.preprocessing import PREPROCESSING, find_preprocessing
from rin.models.torch_tensors import ORDER, SOURCE_SHA256, assign_tensors, variables_by_name
from rin.models.weights_file import (
    Layout,
    layout_of,
    refuse_other_files,
    refuse_unreadable,
    shapes_of,
)

if TYPE_CHECKING:
    import keras

BackboneName = Annotated[str, AfterValidator(lambda name: find_backbone(name).name)]
#: Larger than any weight of a trained network.
LARGEST = 1e12
_WHOSE = {"keras": "Keras'", "torchvision": "torchvision's"}


class WeightsEntry(FrozenModel):
    """A set of backbone weights and the name of the preprocessing that they were trained with.

    `file` is relative to the folder that is searched, and None for weights that Keras downloads:
    Keras caches them under the name `cached` and checks their `md5`.  `release` says which
    training the weights are from, and `home` where to get them.  `topology` is the framework that
    defines the network.  `source_sha256` is the SHA-256 of the file that was converted, or the
    known beginning of it.
    """

    init: str
    backbone: BackboneName
    preprocessing: Annotated[str, AfterValidator(lambda name: find_preprocessing(name).name)]
    file: str | None = None
    sha256: str | None = None
    cached: str | None = None
    md5: Annotated[str, Field(pattern="^[0-9a-f]{32}$")] | None = None
    release: str
    home: str = ""
    licence: str = ""
    provenance: Literal["real", "stand-in"] = "real"
    topology: Topology = "keras"
    source_sha256: Annotated[str, Field(pattern="^[0-9a-f]{8,64}$")] | None = None


def load_entries() -> list[WeightsEntry]:
    """Read all weights entries of `data_manifests/weights.yaml`."""
    return read_section(WeightsEntry, "entries")


def read_section(model: type[FrozenModel], section: str) -> list[Any]:
    """Read one list of `data_manifests/weights.yaml`."""
    path = manifest_folder() / "weights.yaml"
    with as_input_error(
        f"no readable list of {section}",
        where=path,
        remedy="Restore the file from the repository, or mend the row.",
        kinds=(OSError, KeyError, TypeError, ValueError),
    ):
        return [model.model_validate(row) for row in read_yaml(path)[section]]


def find_entry(init: str, backbone: str, entries: list[WeightsEntry]) -> WeightsEntry:
    """Return the entry of an init and a backbone; `InputError` if there is none."""
    find_backbone(backbone)
    for entry in entries:
        if (entry.init, entry.backbone) == (init, backbone):
            return entry
    if of_init := sorted(entry.backbone for entry in entries if entry.init == init):
        raise unknown(f"backbone of {init}", backbone, of_init)
    raise unknown("init", init, sorted({e.init for e in entries} | {"random"}))


def resolve_preprocessing(name: str, backbone: str) -> str:
    """Return the name of a preprocessing, given that name or an init of the weights manifest."""
    if name in PREPROCESSING:
        return name
    entries = load_entries()
    look_up("preprocessing", name, [*PREPROCESSING, *sorted({entry.init for entry in entries})])
    return find_entry(name, backbone, entries).preprocessing


def locate(entry: WeightsEntry, folders: list[Path]) -> Path | None:
    """Return an entry's file in the first folder that contains it, or None.

    For weights that Keras downloads, it is the file in Keras' cache.
    """
    paths = [folder / entry.file for folder in folders if entry.file]
    paths += [keras_folder() / entry.cached] if entry.cached else []
    return next(filter(Path.is_file, paths), None)


def keras_folder() -> Path:
    """Return the folder in which Keras keeps downloaded weights."""
    return Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "models"


def digest_problem(entry: WeightsEntry, path: Path) -> str:
    """Return a phrase saying how a file's digest differs from its entry's, or an empty string."""
    stated = {"SHA-256": ("sha256", entry.sha256), "MD5": ("md5", entry.md5)}
    for name, (kind, known) in stated.items():
        if known and (digest := sha256_of(path, kind)) != known:
            return f"its {name} is {digest}, and that of {entry.release} is {known}"
    source = source_digest(path) if entry.source_sha256 else None
    if source and not source.startswith(entry.source_sha256):
        return (
            f"it was converted from a file of SHA-256 {source}, and that of {entry.release} is "
            f"{entry.source_sha256}"
        )
    return ""


def source_digest(path: Path) -> str | None:
    """Return the SHA-256 of the file that this one was converted from; None if not stated."""
    if path.suffix != ".safetensors":
        return None
    refuse_other_files(path)
    with refuse_unreadable(path), safe_open(path, "numpy") as file:
        return (file.metadata() or {}).get(SOURCE_SHA256)


def digest_kind(entry: WeightsEntry, path: Path | None) -> Literal["SHA-256", "MD5", ""]:
    """Return the kind of digest that identifies an entry's file, or an empty string if none does.

    The file must have no `digest_problem`.
    """
    if entry.sha256 or (entry.source_sha256 and path and source_digest(path)):
        return "SHA-256"
    return "MD5" if entry.md5 else ""


def entries_of(path: Path) -> list[WeightsEntry]:
    """Return the entries that state the digest of a file, or of the file it was converted from."""
    digests = {sha256_of(path), sha256_of(path, "md5")}
    source = source_digest(path) or ""
    return [
        entry
        for entry in load_entries()
        if {entry.sha256, entry.md5} & digests
        or (entry.source_sha256 and source.startswith(entry.source_sha256))
    ]


def load_weights(
    entry: WeightsEntry, backbone: keras.Model, folders: list[Path]
) -> list[np.ndarray]:
    """Read an entry's weights into a backbone and return them.

    They come from the first folder that contains the entry's file, or, if the entry names no file,
    from Keras.
    """
    if entry.file is None:
        return _keras_imagenet(entry, backbone)
    path = locate(entry, folders)
    if path is None:
        raise InputError(
            f"no weights file for init {entry.init!r} and {entry.backbone}",
            where=" or ".join(str(f / entry.file) for f in folders) or entry.file,
            remedy=f"Get it from {entry.home or 'its authors'} ({entry.release}), put it there.",
        )
    if problem := digest_problem(entry, path):
        raise InputError(
            problem, where=path, remedy="The file is another release or damaged: fetch it again."
        )
    return read_weights_file(path, backbone)


def _keras_imagenet(entry: WeightsEntry, backbone: keras.Model) -> list[np.ndarray]:
    with as_input_error(
        "Keras could not fetch its ImageNet weights",
        where=f"{entry.init} {entry.backbone}",
        remedy="Connect once, or copy the *_notop.h5 file into ~/.keras/models.",
        kinds=Exception,
    ):
        fetched = construct(entry.backbone, backbone.input_shape[1:], weights="imagenet")
    backbone.set_weights(fetched.get_weights())
    return backbone.get_weights()


def random_weights(
    backbone_name: str, size: int, seed: int, topology: Topology = "keras"
) -> list[np.ndarray]:
    """Return a randomly initialised backbone's weights, the same for the same seed."""
    # keras.applications accepts no initialiser; Keras draws their seeds from this generator.
    # `keras.utils.set_random_seed` would also make TensorFlow prepare all compiled steps again.
    before = random.getstate()
    try:
        random.seed(seed)
        return build_backbone(backbone_name, size, topology=topology).get_weights()
    finally:
        random.setstate(before)


def read_weights_file(path: Path, backbone: keras.Model) -> list[np.ndarray]:
    """Read a weights file of a trained network into a backbone and return the weights."""
    layout = _layout_for(path, backbone)
    # Weights that a loader leaves out, with only a warning, stay NaN and are found below.
    backbone.set_weights([np.full(v.shape, np.nan) for v in backbone.weights])
    with as_input_error(
        f"not the weights of a {backbone.name} without top",
        where=path,
        remedy="Check that the file is whole and belongs to this backbone.",
        kinds=Exception,  # h5py, Keras and safetensors raise errors of many kinds
    ):
        if layout is Layout.PYTORCH:
            names, _ = assign_tensors(shapes_of(path), backbone, path)
            stored = load_file(path)
            for name, variable in variables_by_name(backbone).items():
                values = stored[names[name]]
                variable.assign(values.transpose(ORDER) if values.ndim == 4 else values)
        else:
            backbone.load_weights(path)
    _check_values(path, backbone)
    return backbone.get_weights()


def _check_values(path: Path, backbone: keras.Model) -> None:
    """Raise `InputError` for weights that no training produces."""
    for variable, values in zip(backbone.weights, backbone.get_weights(), strict=True):
        problem = None
        if not np.isfinite(values).all():
            problem = "does not hold a finite number for every weight"
        elif values.ndim > 1 and not values.any():
            problem = "holds zeros alone"
        elif "variance" in variable.name and (values < 0).any():
            problem = "holds negative variances"
        elif np.abs(values).max(initial=0) > LARGEST:
            problem = f"holds numbers beyond {LARGEST:.0e}"
        if problem:
            raise InputError(
                f"{variable.path} {problem}",
                where=path,
                remedy="Fetch or train the weights again.",
            )


def _layout_for(path: Path, backbone: keras.Model) -> Layout:
    """Return the layout of a file; `InputError` if the backbone has another topology."""
    layout, topology = layout_of(path), topology_of(backbone)
    # Keras chooses its reader of HDF5 by this ending.
    ends_so = path.name.endswith(".weights.h5")
    if path.suffix == ".h5" and ends_so != (layout is Layout.KERAS_3):
        ending = ".h5, and not in .weights.h5" if ends_so else ".weights.h5"
        raise InputError(f"it is {layout}", where=path, remedy=f"Let its name end in {ending}.")
    wanted = "torchvision" if layout is Layout.PYTORCH else "keras"
    if topology != wanted:
        raise InputError(
            f"it is {layout}, which belongs in {_WHOSE[wanted]} network, and this one is "
            f"{_WHOSE[topology]}: of equal shapes they compute something else",
            where=path,
            remedy="Name it as the file of an init of that topology, in weights.yaml.",
        )
    return layout


def count_parameters(path: Path) -> int:
    """Return how many numbers a file of Keras contains, without the state of an optimizer."""
    refuse_other_files(path)
    sizes = {}
    with refuse_unreadable(path), h5py.File(path, "r") as stored:  # groups have no size
        stored.visititems(lambda name, item: sizes.update({name: getattr(item, "size", 0)}))
    return sum(size for name, size in sizes.items() if not name.startswith("optimizer"))
