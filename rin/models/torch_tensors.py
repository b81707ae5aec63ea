"""Loading PyTorch tensors of torchvision's networks, bare or wrapped, into a Keras backbone.

Tensors are found by name.  Every tensor of the backbone must be present with its shape, and every
other tensor must belong to a classifier or a counter; none is left out silently.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from safetensors.numpy import save_file

from rin.errors import InputError, as_input_error, counted, join_first_ten
from rin.files import sha256_of, write_atomically
from rin.models.backbones import build_backbone, find_backbone
from rin.models.weights_file import TORCH_SUFFIXES, Layout, layout_of_tensors

if TYPE_CHECKING:
    import keras

#: Metadata in a converted file: the name and the SHA-256 of its source.
SOURCE, SOURCE_SHA256 = "source", "source_sha256"
#: Children of torchvision's networks in the order in which `nn.Sequential` numbers them;
#: InceptionV3 with and without its auxiliary classifier.
_STEM = (
    *("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "maxpool1", "Conv2d_3b_1x1"),
    *("Conv2d_4a_3x3", "maxpool2", "Mixed_5b", "Mixed_5c", "Mixed_5d"),
    *("Mixed_6a", "Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"),
)
_LAST = ("Mixed_7a", "Mixed_7b", "Mixed_7c", "avgpool", "dropout", "fc")
_LAYERS = tuple(f"layer{stage}" for stage in range(1, 5))
CHILDREN: dict[str, tuple[tuple[str, ...], ...]] = {
    "ResNet50": (("conv1", "bn1", "relu", "maxpool", *_LAYERS, "avgpool", "fc"),),
    "DenseNet121": (("features", "classifier"),),
    "InceptionV3": ((*_STEM, "AuxLogits", *_LAST), (*_STEM, *_LAST)),
}
#: For each backbone a tensor that the others do not have.
_LANDMARKS = {
    "ResNet50": "layer4.2.conv3.weight",
    "DenseNet121": "features.denseblock4.denselayer16.conv2.weight",
    "InceptionV3": "Mixed_7c.branch_pool.conv.weight",
}
_PREFIX = re.compile(r"^(?:(?:module|model|backbone)\.)+")
#: Before 2018 torchvision's DenseNet had dots in these names.
_OLD_DENSENET = re.compile(r"(?<=\.)(norm|conv)\.(?=[12]\.)")
_TOP = re.compile(r"^(?:fc|classifier|AuxLogits)\.|\.num_batches_tracked$")
_KINDS = {
    "kernel": "weight",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
#: The axes of a kernel in a file, in the order of Keras: height, width, inputs, outputs.
_ORDER = {Layout.PYTORCH: (2, 3, 1, 0), Layout.MLX: (1, 2, 3, 0)}
Shapes = dict[str, tuple[int, ...]]


def variables_by_name(backbone: keras.Model) -> dict[str, keras.Variable]:
    """Return the variables of a backbone in torchvision's topology by their names in PyTorch."""
    return {
        f"{layer.name}.{_KINDS[variable.name]}": variable
        for layer in backbone.layers
        for variable in layer.weights
    }


def find_torch_backbone(names: Iterable[str]) -> str | None:
    """Return the backbone that tensors of these names belong to; None for another network."""
    names = [*names]
    for backbone, landmark in _LANDMARKS.items():
        if any(landmark in map(rename, names) for rename in _ways_to_name(backbone)):
            return backbone
    return None


def _ways_to_name(backbone: str) -> list[Callable[[str], str]]:
    """Return functions that map the name of a tensor in a file to its name in torchvision."""

    def numbered(children: tuple[str, ...]) -> Callable[[str], str]:
        def rename(name: str) -> str:
            first, _, rest = _PREFIX.sub("", name).partition(".")
            if first.isdecimal() and int(first) < len(children):
                first = children[int(first)]
            return _OLD_DENSENET.sub(r"\1", f"{first}.{rest}")

        return rename

    ways = [numbered(children) for children in CHILDREN[backbone]]
    if backbone == "DenseNet121":  # `features` may be saved alone
        ways.append(lambda name: "features." + _OLD_DENSENET.sub(r"\1", _PREFIX.sub("", name)))
    return ways


@dataclass(frozen=True)
class Assignment:
    """Where the tensors of a backbone are in a file.

    `names` maps torchvision's names to the names in the file; `aside` names the tensors of
    classifiers and counters, which no backbone has.
    """

    layout: Layout
    names: dict[str, str]
    aside: tuple[str, ...]

    def to_keras(self, values: np.ndarray) -> np.ndarray:
        """Return a tensor in Keras' layout: kernels as (height, width, inputs, outputs)."""
        return values.transpose(_ORDER[self.layout]) if values.ndim == 4 else values


def assign_tensors(shapes: Shapes, backbone: keras.Model, where: Path) -> Assignment:
    """Find the tensors of a backbone in a file; `InputError` names the tensors that do not fit."""
    variables = variables_by_name(backbone)
    layout = layout_of_tensors(shapes) or Layout.PYTORCH
    network = find_torch_backbone(variables)
    origin: dict[str, str] = {}
    for rename in _ways_to_name(network):
        candidate = {rename(name): name for name in shapes}
        if len(candidate.keys() & variables.keys()) > len(origin.keys() & variables.keys()):
            origin = candidate
    lacking = [name for name in variables if name not in origin]
    aside = tuple(origin[name] for name in origin if _TOP.search(name))
    # Two tensors of the file may have been mapped to one name.
    taken = {*aside, *(origin[name] for name in variables if name in origin)}
    left = [name for name in shapes if name not in taken]
    wrong = []
    for name in (name for name in variables if name in origin):
        shape, needed = shapes[origin[name]], variables[name].shape
        given = [shape[axis] for axis in _ORDER[layout]] if len(shape) == 4 else [*shape]
        if given != [*needed]:
            wrong.append(f"{origin[name]} is {shape}, in Keras' order not {needed}")
    problems = []
    if lacking:
        there = f"{len(variables) - len(lacking)} of its {len(variables)} tensors are there"
        problems.append(f"{there}; missing: {join_first_ten(lacking)}")
    problems += [f"unexpected: {join_first_ten(left)}"] if left else []
    problems += [f"of other shapes: {join_first_ten(wrong)}"] if wrong else []
    if problems:
        raise InputError(
            f"not the weights of torchvision's {network} ({'. '.join(problems)})",
            where=where,
            remedy="Check which network it is of, and that it is whole; a state_dict is read, "
            "bare or under module., model. or backbone.",
        )
    return Assignment(layout, {name: origin[name] for name in variables}, aside)


@dataclass(frozen=True)
class Converted:
    """The result of a conversion: the file, its backbone, and the tensors that were left out."""

    target: Path
    backbone: str
    tensors: int
    source_sha256: str
    aside: tuple[str, ...]


def convert_torch_file(path: Path, target: Path | None = None) -> Converted:
    """Write the tensors of a backbone in a PyTorch file as safetensors, with torchvision's names.

    No code in the file is run: `torch.load(weights_only=True)`.  ModuleNotFoundError without
    PyTorch.
    """
    if not path.is_file():
        remedy = "Give the path of a file that torch.save has written."
        raise InputError("there is no such file", where=path, remedy=remedy)
    target = target or path.with_suffix(".safetensors")
    if target.suffix != ".safetensors":
        raise InputError(
            "the target is no .safetensors", where=target, remedy="Let its name end in that."
        )
    if path.suffix not in TORCH_SUFFIXES:
        problem = f"only {', '.join(TORCH_SUFFIXES)} are converted"
        raise InputError(problem, where=path, remedy="Call it .pt if torch.save has written it.")
    import torch

    remedy = (
        "It holds more than tensors, which may carry code, or is not whole: fetch it again, or "
        "ask its authors for a state_dict."
    )
    with as_input_error("PyTorch cannot read it", where=path, remedy=remedy, kinds=Exception):
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    tensors = _state_dict(loaded, path)
    network = find_torch_backbone(tensors)
    if network is None:
        raise InputError(
            f"its {counted(len(tensors), 'tensors')} are of no network that is known here "
            f"({join_first_ten([*tensors])})",
            where=path,
            remedy=f"Give the weights of torchvision's {', '.join(CHILDREN)}.",
        )
    model = build_backbone(network, find_backbone(network).min_size, topology="torchvision")
    shapes = {name: tuple(values.shape) for name, values in tensors.items()}
    assignment = assign_tensors(shapes, model, path)
    sha256 = sha256_of(path)
    arrays = {
        name: np.ascontiguousarray(tensors[original].detach().float().numpy())
        for name, original in assignment.names.items()
    }
    with write_atomically(target) as draft:
        save_file(arrays, draft, metadata={SOURCE: path.name, SOURCE_SHA256: sha256})
    return Converted(target, network, len(arrays), sha256, assignment.aside)


def _state_dict(loaded: object, path: Path) -> dict:
    """Return the loaded tensors by name; if a checkpoint was loaded, those of its model."""
    import torch

    if isinstance(loaded, dict):
        for name in ("state_dict", "model_state_dict", "model"):
            if isinstance(loaded.get(name), dict):
                loaded = loaded[name]
        if loaded and all(isinstance(value, torch.Tensor) for value in loaded.values()):
            return loaded
    raise InputError(
        "it holds no tensors by name, or something beside them",
        where=path,
        remedy="Save the network's state_dict, and convert that.",
    )
