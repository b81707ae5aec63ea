"""Loading PyTorch tensors of torchvision's networks, bare or wrapped, into a Keras backbone.

Tensors are found by name.  Every tensor of the backbone must be present with its shape, and every
other tensor must belong to a classifier or a counter; none is left out silently.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import save_file

from rin.errors import InputError, amount, as_input_error, join_first_ten
from rin.files import MAKE_ROOM, sha256_of, write_atomically
from rin.models.backbones import build_backbone, find_backbone
from rin.models.weights_file import TORCH_SUFFIXES

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
CHILDREN = {
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
_WRAPPERS = ("module", "model", "backbone")
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
ORDER = (2, 3, 1, 0)
Shapes = dict[str, tuple[int, ...]]


def variables_by_name(backbone: keras.Model) -> dict[str, keras.Variable]:
    """Return the variables of a backbone in torchvision's topology by their names in PyTorch."""
    return {
        f"{layer.name}.{_KINDS[variable.name]}": variable
        for layer in backbone.layers
        for variable in layer.weights
    }


def find_torch_backbone(names: Iterable[str], where: Path) -> str:
    """Return the backbone that tensors of these names belong to; InputError for another one."""
    names = [*names]
    for backbone, landmark in _LANDMARKS.items():
        if any(landmark in map(rename, names) for rename in _ways_to_name(backbone)):
            return backbone
    raise InputError(
        f"its {amount(len(names), 'tensors')} are of no torchvision network known here "
        f"({join_first_ten(names)})",
        where=where,
        remedy=f"Give the weights of torchvision's {', '.join(CHILDREN)}.",
    )


def _ways_to_name(backbone: str) -> list[Callable[[str], str]]:
    """Return functions that map the name of a tensor in a file to its name in torchvision."""
    # DenseNet121 has `features` of its own.
    wrappers = [*_WRAPPERS, *(["features"] if backbone != "DenseNet121" else [])]
    prefix = re.compile(rf"^(?:(?:{'|'.join(wrappers)})\.)+")

    def rename_tensor(name: str, children: tuple[str, ...]) -> str:
        first, _, rest = prefix.sub("", name).partition(".")
        if first.isdecimal() and int(first) < len(children):
            first = children[int(first)]
        return _OLD_DENSENET.sub(r"\1", f"{first}.{rest}")

    ways = [partial(rename_tensor, children=children) for children in CHILDREN[backbone]]
    if backbone == "DenseNet121":  # `features` may be saved alone
        ways.append(lambda name: "features." + rename_tensor(name, ()))
    return ways


def assign_tensors(
    shapes: Shapes, backbone: keras.Model, where: Path
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Find the tensors of a backbone in a file; `InputError` names the tensors that do not fit.

    Return the names in the file by those of torchvision, and the names of tensors of classifiers
    and counters, which no backbone has.
    """
    variables = variables_by_name(backbone)
    network = find_torch_backbone(variables, where)
    ways = [{rename(name): name for name in shapes} for rename in _ways_to_name(network)]
    origin = max(ways, key=lambda names: len(names.keys() & variables.keys()))
    originals = {name: origin[name] for name in variables if name in origin}
    aside = tuple(origin[name] for name in origin if _TOP.search(name))
    wrong = []
    for name, original in originals.items():
        shape, needed = shapes[original], variables[name].shape
        given = [shape[axis] for axis in ORDER] if len(shape) == 4 else [*shape]
        if given != [*needed]:
            wrong.append(f"{original} is {shape}, in Keras' order not {needed}")
    there = f"{len(originals)} of its {len(variables)} tensors are there; missing"
    problems = {
        there: [name for name in variables if name not in originals],
        # Two tensors of the file may have been mapped to one name.
        "unexpected": [name for name in shapes if name not in {*aside, *originals.values()}],
        "of other shapes": wrong,
    }
    said = [f"{what}: {join_first_ten(names)}" for what, names in problems.items() if names]
    if said:
        raise InputError(
            f"not the weights of torchvision's {network} ({'. '.join(said)})",
            where=where,
            remedy="Check which network it is of, and that it is whole; a state_dict is read, "
            "bare or under module., model., backbone. or features.",
        )
    return originals, aside


@dataclass(frozen=True)
class Converted:
    """The result of a conversion: the file, its backbone, and the tensors that were left out."""

    target: Path
    backbone: str
    tensors: int
    aside: tuple[str, ...]


def convert_torch_file(path: Path, target: Path | None = None) -> Converted:
    """Write the tensors of a backbone in a PyTorch file as safetensors, with torchvision's names.

    No code in the file is run: `torch.load(weights_only=True)`.  ModuleNotFoundError without
    PyTorch.
    """
    if not path.is_file():
        raise InputError(
            "there is no such file",
            where=path,
            remedy="Give the path of a file that torch.save has written.",
        )
    target = target or path.with_suffix(".safetensors")
    if target.suffix != ".safetensors":
        raise InputError(
            "the target is no .safetensors", where=target, remedy="Let its name end in that."
        )
    if path.suffix not in TORCH_SUFFIXES:
        raise InputError(
            f"only {', '.join(TORCH_SUFFIXES)} are converted",
            where=path,
            remedy="Call it .pt if torch.save has written it.",
        )
    import torch

    with as_input_error(
        "PyTorch cannot read it",
        where=path,
        remedy="It holds more than tensors, which may carry code, or is not whole: fetch it "
        "again, or ask its authors for a state_dict.",
        kinds=Exception,
    ):
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    tensors = _state_dict(loaded, path)
    network = find_torch_backbone(tensors, path)
    model = build_backbone(network, find_backbone(network).min_size, topology="torchvision")
    shapes = {name: tuple(values.shape) for name, values in tensors.items()}
    names, aside = assign_tensors(shapes, model, path)
    arrays = {
        name: np.ascontiguousarray(tensors[original].detach().float().numpy())
        for name, original in names.items()
    }
    with (
        as_input_error(
            "it cannot be written",
            where=target,
            remedy=MAKE_ROOM,
            kinds=(OSError, SafetensorError),
        ),
        write_atomically(target) as draft,
    ):
        save_file(arrays, draft, metadata={SOURCE: path.name, SOURCE_SHA256: sha256_of(path)})
    return Converted(target, network, len(arrays), aside)


def _state_dict(loaded: object, path: Path) -> dict:
    """Return the loaded tensors by name; if a checkpoint was loaded, those of its model."""
    import torch

    if isinstance(loaded, dict):
        for name in ("state_dict", "model_state_dict", "model_state", "model"):
            if isinstance(loaded.get(name), dict):
                loaded = loaded[name]
        if loaded and all(isinstance(value, torch.Tensor) for value in loaded.values()):
            return loaded
    raise InputError(
        "it holds no tensors by name, or something beside them",
        where=path,
        remedy="Save the network's state_dict, and convert that.",
    )
