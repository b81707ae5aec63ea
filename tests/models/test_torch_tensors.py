"""Tensors under PyTorch's names: every one of a backbone is found, and every other one named."""

import sys
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from known_backbones import assert_same, built
from legacy_files import write_legacy
from torch_files import built_as_torchvision, torch_tensors, write_tensors

from rin.errors import InputError
from rin.models.backbones import IN_TORCHVISION, build_backbone
from rin.models.build import apply_unfreezing
from rin.models.probe import (
    first_layer,
    identify_backbone,
    read_backbone,
    running_variances,
)
from rin.models.torch_tensors import (
    CHILDREN,
    assign_tensors,
    convert_torch_file,
    find_torch_backbone,
)
from rin.models.weights import find_entry, load_entries, load_weights, read_weights_file
from rin.training.trainer import LAYERS, LAYERS_IN_TORCHVISION


def numbered(name, backbone, *, without=()):
    """Name a tensor as `nn.Sequential` over the children of a network does."""
    first, _, rest = name.partition(".")
    children = [child for child in CHILDREN[backbone][0] if child not in without]
    return f"backbone.{children.index(first)}.{rest}"


NAMINGS = {
    "bare": lambda name, _: name,
    "parallel": lambda name, _: f"module.{name}",
    "sequence": numbered,
    "sequence without classifiers": lambda name, network: numbered(
        name, network, without=("AuxLogits", "fc")
    ),
}
QUICK = ("ResNet50", "sequence without classifiers")


@pytest.mark.parametrize(
    ("network", "naming"),
    [
        pytest.param(*each, marks=[] if each == QUICK else pytest.mark.slow)
        for each in product(IN_TORCHVISION, NAMINGS)
    ],
)
def test_weights_under_every_naming_are_read_whole_and_their_network_is_found(
    tmp_path, network, naming
):
    tensors, expected = torch_tensors(network)
    named = {}
    for name, values in reversed(tensors.items()):  # in whichever order
        named[NAMINGS[naming](name, network)] = values
    for name in [name for name in named if name.endswith("running_var")]:
        named[f"{name.removesuffix('running_var')}num_batches_tracked"] = np.array(7)
    path = write_tensors(tmp_path / "a.safetensors", named)
    assert identify_backbone(path) == network
    read = read_backbone(path, network)
    assert_same(read.get_weights(), expected)
    (name, variance), *_ = running_variances(read).items()
    assert f"{name}.running_var" in tensors
    np.testing.assert_array_equal(first_layer(read).variance.astype("float32"), variance)


class Tensor(np.ndarray):
    """Stands in for PyTorch's."""

    detach = float = numpy = lambda self: self


@pytest.mark.parametrize(
    ("network", "prefix"),
    [
        ("ResNet50", "features."),
        pytest.param("InceptionV3", "model.", marks=pytest.mark.slow),
        pytest.param("DenseNet121", "model.", marks=pytest.mark.slow),
    ],
)
def test_checkpoint_of_radiologynet_is_converted_and_is_read_by_its_entry(
    tmp_path, monkeypatch, network, prefix
):
    made, expected = torch_tensors(network)
    tensors = {prefix + name: values.view(Tensor) for name, values in made.items()}
    tensors["model.fc.weight"] = np.ones((3, 4)).view(Tensor)
    held = {"epoch": 29, "model_state": tensors, "optimizer_state": {"lr": 1e-4}}
    torch = SimpleNamespace(Tensor=Tensor, load=lambda *_, **__: held)
    monkeypatch.setitem(sys.modules, "torch", torch)
    entry = find_entry("radiologynet", network, load_entries())
    (tmp_path / "released.pt").write_bytes(b"PK")
    target = tmp_path / entry.file
    target.parent.mkdir()
    done = convert_torch_file(tmp_path / "released.pt", target)
    assert (done.backbone, done.aside) == (network, ("model.fc.weight",))
    assert_same(load_weights(entry, built_as_torchvision(network), [tmp_path]), expected)


def test_names_of_densenet_before_2018_are_known():
    bare, path = "denseblock4.denselayer16.conv.2.weight", Path("old.safetensors")
    for name in (f"features.{bare}", bare, f"backbone.0.{bare}"):
        assert find_torch_backbone([name], path) == "DenseNet121"


@pytest.fixture(scope="module")
def resnet50():
    """Torchvision's ResNet50, and its tensors by name."""
    return built_as_torchvision("ResNet50"), torch_tensors("ResNet50")[0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"layer3.1.bn2.running_mean": None}, "264 of its 265 .*layer3.1.bn2.running_mean"),
        ({"layer5.0.weight": (3,)}, "unexpected: layer5.0.weight"),
        ({"bn1.bias": (3,)}, r"bn1.bias is \(3,\), in Keras. order not \(64,\)"),
    ],
)
def test_tensor_that_is_missing_unexpected_or_of_another_shape_is_named(resnet50, change, said):
    backbone, tensors = resnet50
    shapes = {name: values.shape for name, values in tensors.items()} | change
    shapes = {name: shape for name, shape in shapes.items() if shape}
    with pytest.raises(InputError, match=said):
        assign_tensors(shapes, backbone, Path("a.safetensors"))


def test_file_of_which_no_tensor_fits_is_refused_with_the_count(tmp_path, resnet50):
    path = write_tensors(tmp_path / "a.safetensors", {"trunk.0.weight": np.ones((4, 3, 2, 2))})
    with pytest.raises(InputError, match=r"0 of its 265 tensors are there.*unexpected: trunk\.0"):
        read_weights_file(path, resnet50[0])
    with pytest.raises(InputError, match="no torchvision network known here"):
        identify_backbone(path)


def test_weights_of_one_topology_are_refused_by_the_other(tmp_path, resnet50, small):
    torch_file = write_tensors(tmp_path / "a.safetensors", {"conv1.weight": np.ones((1, 1, 1, 1))})
    keras_file = write_legacy(tmp_path / "a_notop.h5", small)
    for path, backbone, said in (
        (torch_file, small, "torchvision's network, and this one is Keras'"),
        (keras_file, resnet50[0], "Keras' network, and this one is torchvision's"),
    ):
        with pytest.raises(InputError, match=f"belongs in {said}"):
            read_weights_file(path, backbone)


def test_backbone_that_torchvision_does_not_have_here_is_refused():
    with pytest.raises(InputError, match="Known: ResNet50, DenseNet121, InceptionV3"):
        build_backbone("InceptionResNetV2", 75, topology="torchvision")


@pytest.mark.parametrize(
    "network", [pytest.param(n, marks=pytest.mark.slow) for n in IN_TORCHVISION]
)
def test_top_ten_layers_are_alike_in_both_topologies(network):
    kinds = []
    for backbone in (built(network), built_as_torchvision(network)):
        apply_unfreezing(backbone, "unfreeze_top10")
        kinds.append([type(layer).__name__ for layer in backbone.layers if layer.trainable])
        convolutions = [w for w in backbone.trainable_weights if w.ndim == 4]
        kinds[-1].append(sorted(tuple(w.shape) for w in convolutions))
        backbone.trainable = True
    assert kinds[0] == kinds[1]
    assert len(kinds[0]) == 11


@pytest.mark.slow
@pytest.mark.parametrize("network", LAYERS)
def test_ends_of_stages_have_the_same_shapes_in_both_topologies(network):
    shapes = [
        [backbone.get_layer(name).output.shape for name in names[network]]
        for backbone, names in (
            (built(network), LAYERS),
            (built_as_torchvision(network), LAYERS_IN_TORCHVISION),
        )
    ]
    assert shapes[0] == shapes[1]


def test_file_that_is_not_converted_is_refused_without_pytorch(tmp_path):
    (tmp_path / "x.txt").write_bytes(b"x")
    with pytest.raises(InputError, match="are converted"):
        convert_torch_file(tmp_path / "x.txt")
