"""Backbones in torchvision's topology give its features; its files are converted whole."""

import keras
import numpy as np
import pytest
from safetensors import safe_open

from rin.errors import InputError
from rin.files import sha256_of
from rin.models.backbones import build_backbone
from rin.models.torch_tensors import convert_torch_file
from rin.models.weights import read_weights_file

torch = pytest.importorskip("torch", reason="the extra torch is not installed")
pytest.importorskip("torchvision", reason="the extra torch is not installed")
pytestmark = pytest.mark.slow


SIZES = {"ResNet50": 97, "DenseNet121": 96, "InceptionV3": 112}


@pytest.fixture(scope="module", params=SIZES)
def network(request):
    """A network of torchvision whose averages are those of some images, and its name."""
    import torchvision

    name, size = request.param, SIZES[request.param]
    torch.manual_seed(1)
    options = {"init_weights": True} if name == "InceptionV3" else {}
    constructor = {"InceptionV3": "inception_v3"}.get(name, name.lower())
    made = getattr(torchvision.models, constructor)(weights=None, **options)
    for module in made.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, 0, 0.3)
            module.momentum = 1.0
    with torch.no_grad():
        trunk(name, made)(torch.rand(4, 3, size, size) * 2 - 1)
    return name, made.eval()


def trunk(name, network):
    """The part of a network up to the maps that it pools, as a sequence of its children."""
    children = dict(network.named_children())
    if name == "DenseNet121":
        return torch.nn.Sequential(children["features"], torch.nn.ReLU())
    ends = {"fc", "avgpool", "dropout", "AuxLogits"}
    return torch.nn.Sequential(*(child for key, child in children.items() if key not in ends))


@pytest.fixture
def in_float64():
    """Keras computes in double precision."""
    before = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx(before[0])
    keras.config.set_dtype_policy(before[1])


@pytest.mark.usefixtures("in_float64")
def test_features_in_double_precision_equal_those_of_torchvision_to_rounding(network, tmp_path):
    name, made = network
    torch.save(made.state_dict(), tmp_path / "a.pt")
    done = convert_torch_file(tmp_path / "a.pt")
    assert done.backbone == name
    assert {part.partition(".")[0] for part in done.aside if "num_batches" not in part} == {
        "ResNet50": {"fc"},
        "DenseNet121": {"classifier"},
        "InceptionV3": {"fc", "AuxLogits"},
    }[name]
    backbone = build_backbone(name, SIZES[name], topology="torchvision")
    read_weights_file(done.target, backbone)
    shape = (3, *backbone.input_shape[1:])
    images = np.random.default_rng(2).uniform(-1, 1, shape)
    network = trunk(name, made).double()
    with torch.no_grad():
        expected = network(torch.from_numpy(images.transpose(0, 3, 1, 2).copy()))
    network.float()
    found = np.asarray(backbone(images, training=False))
    assert found.dtype == np.float64
    assert found.std() > 0.3
    np.testing.assert_allclose(found, expected.numpy().transpose(0, 2, 3, 1), rtol=0, atol=1e-9)


class Wrapped(torch.nn.Module):
    """As RadImageNet's example saves a network: a sequence of its children, without the last."""

    def __init__(self, network):
        super().__init__()
        self.backbone = torch.nn.Sequential(*list(network.children())[:-1])


def test_sequence_of_children_is_converted_to_the_names_of_torchvision(network, tmp_path, rin):
    name, made = network
    torch.save({"epoch": 3, "state_dict": Wrapped(made).state_dict()}, tmp_path / "released.pt")
    status, told, said = rin("weights", "convert", tmp_path / "released.pt")
    assert (status, said) == (0, "")
    target = tmp_path / "released.safetensors"
    assert told.startswith(f"{target}: {name}, ")
    assert "Layout: safetensors of PyTorch." in told
    kept = {k: v for k, v in made.state_dict().items() if "num_batches" not in k}
    with safe_open(target, "numpy") as file:
        assert {*file.keys()} == {
            k for k in kept if not k.startswith(("fc.", "classifier.", "AuxLogits."))
        }
        for key in file.keys():  # noqa: SIM118
            np.testing.assert_array_equal(file.get_tensor(key), kept[key].numpy())
        digest = sha256_of(tmp_path / "released.pt")
        assert file.metadata() == {"source": "released.pt", "source_sha256": digest}
    assert f"Converted from a file of SHA-256 {digest}." in told


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"a": torch.ones(3)}, "its 1 tensor are of no network"),
        ({}, "holds no tensors by name"),
        ([torch.ones(3)], "holds no tensors by name"),
    ],
)
def test_file_without_the_tensors_of_a_network_is_not_converted(tmp_path, content, said):
    torch.save(content, tmp_path / "a.pt")
    with pytest.raises(InputError, match=said):
        convert_torch_file(tmp_path / "a.pt")
    assert not (tmp_path / "a.safetensors").exists()


def test_file_with_code_is_not_converted_and_its_code_not_run(tmp_path, bomb):
    torch.save({"conv1.weight": bomb}, tmp_path / "a.pt")
    with pytest.raises(InputError, match="PyTorch cannot read it"):
        convert_torch_file(tmp_path / "a.pt")
