import h5py
import numpy as np
import pytest
from safetensors.numpy import save_file

from rin.errors import InputError
from rin.models.backbones import ALL_BACKBONES
from rin.models.fingerprint_files import PARAMETERS, identify_backbone, read_first_layer


def h5_of(path, parameters, optimizer=0):
    with h5py.File(path, "w") as file:
        file.create_dataset("layers/conv/vars/0", (parameters,), "float16")
        if optimizer:
            file.create_dataset("optimizer/vars/0", (optimizer,), "float16")
    return path


@pytest.mark.parametrize("name", ["DenseNet121", "MobileNetV2"])
def test_a_backbone_is_found_by_its_number_of_parameters(tmp_path, name):
    half = PARAMETERS[name] // 2
    arrays = {"a": np.zeros(half, np.int8), "b": np.zeros(PARAMETERS[name] - half, np.int8)}
    save_file(arrays, tmp_path / "x.safetensors")
    assert identify_backbone(tmp_path / "x.safetensors") == name
    assert identify_backbone(h5_of(tmp_path / "x.weights.h5", PARAMETERS[name], 99)) == name


def test_no_two_backbones_have_equally_many_parameters():
    assert PARAMETERS.keys() == ALL_BACKBONES.keys()
    assert len(set(PARAMETERS.values())) == len(PARAMETERS)


def test_another_number_of_parameters_raises(tmp_path):
    with pytest.raises(InputError, match="holds 1,000 parameters, as no known backbone"):
        read_first_layer(h5_of(tmp_path / "x.h5", 1000))


def test_weights_without_batch_normalisation_raise(tmp_path):
    with pytest.raises(InputError, match="VGG19 has no batch normalisation"):
        read_first_layer(h5_of(tmp_path / "x.h5", PARAMETERS["VGG19"]))


@pytest.mark.parametrize("name", ["x.h5", "x.weights.h5", "x.safetensors"])
@pytest.mark.parametrize("content", [b"", b"not weights", b"\x89HDF\r\n\x1a\n" + bytes(40)])
def test_a_file_that_is_not_whole_raises(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match="not a readable file of weights"):
        read_first_layer(tmp_path / name)


def test_a_truncated_file_raises(tmp_path):
    whole = tmp_path / "whole.safetensors"
    save_file({"a": np.zeros(PARAMETERS["MobileNetV2"], np.int8)}, whole)
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(whole.read_bytes()[:10_000])
    with pytest.raises(InputError, match="not a readable file of weights"):
        read_first_layer(cut)


@pytest.mark.parametrize("name", ["x.pt", "x.pth"])
def test_pytorch_files_are_refused_with_the_way_out(tmp_path, name):
    (tmp_path / name).write_bytes(b"PK")
    with pytest.raises(InputError, match=r"may carry code .* Convert the state dict"):
        read_first_layer(tmp_path / name)


def test_a_missing_file_and_an_unknown_backbone_raise(tmp_path):
    with pytest.raises(InputError, match="there is no such file"):
        read_first_layer(tmp_path / "absent.h5")
    with pytest.raises(InputError, match="unknown backbone 'ResNet51'"):
        read_first_layer(h5_of(tmp_path / "x.h5", 10), "ResNet51")


def test_an_unsafe_ending_raises(tmp_path):
    (tmp_path / "x.pkl").write_bytes(b"x")
    with pytest.raises(InputError, match=r"type '\.pkl' are not read"):
        read_first_layer(tmp_path / "x.pkl")


@pytest.mark.slow
@pytest.mark.parametrize("name", PARAMETERS)
def test_the_parameters_are_those_of_keras(name):
    from rin.models.backbones import build_backbone

    backbone = build_backbone(name, ALL_BACKBONES[name].min_size)
    assert backbone.count_params() == PARAMETERS[name]


@pytest.mark.slow
def test_every_format_gives_the_same_first_layer_and_another_backbone_raises(tmp_path):
    from rin.models.backbones import build_backbone
    from rin.models.weights_files import save_notop, save_safetensors

    backbone = build_backbone("MobileNetV2", 32)
    backbone.save_weights(tmp_path / "a.weights.h5")
    save_notop(tmp_path / "a_notop.h5", backbone)
    save_safetensors(tmp_path / "a.safetensors", backbone)
    names = ["a.weights.h5", "a_notop.h5", "a.safetensors"]
    layers = [read_first_layer(tmp_path / name) for name in names]
    for layer in layers:
        assert (layer.backbone, layer.stride, layer.padding) == ("MobileNetV2", 2, "same")
        np.testing.assert_array_equal(layer.kernel, layers[0].kernel)
    with pytest.raises(InputError, match="not the weights of a densenet121"):
        read_first_layer(tmp_path / "a.weights.h5", "DenseNet121")
