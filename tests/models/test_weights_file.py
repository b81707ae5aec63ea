"""What a file of weights is, told from its content; what is none is refused by name."""

import pickle

import numpy as np
import pytest
from legacy_files import WRITERS, write_legacy
from torch_files import write_tensors

from rin.errors import InputError
from rin.models.probe import read_backbone, running_variances
from rin.models.weights import count_parameters
from rin.models.weights_file import (
    Layout,
    layout_of,
    refuse_other_files,
    variance_remark,
)

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:08629f7e\nsize 94340000\n"


OTHER_FILES = {
    "page": (b"\n<!DOCTYPE html><html>Too large to scan", "a web page", "browser"),
    "server": (b'<?xml version="1.0"?><Error>', "a web page", "browser"),
    "pointer": (POINTER, "a pointer of git-LFS", "git lfs pull"),
    "pickle": (pickle.dumps({"weight": 1}), "a pickle", "rin weights convert"),
    "pytorch": (b"PK\x03\x04a/data.pkl", "a zip archive", "rin weights convert"),
    "keras": (b"PK\x03\x04config.json", "a zip archive", "model.weights.h5"),
}


@pytest.mark.parametrize("suffix", [".h5", ".safetensors"])
@pytest.mark.parametrize("kind", OTHER_FILES)
def test_file_that_is_no_weights_is_refused_by_what_it_is_with_a_remedy(tmp_path, kind, suffix):
    content, said, remedy = OTHER_FILES[kind]
    path = tmp_path / f"ResNet50{suffix}"
    path.write_bytes(content)
    for read in (refuse_other_files, count_parameters, layout_of):
        with pytest.raises(InputError, match=f"it is {said}") as raised:
            read(path)
        assert remedy in raised.value.remedy
        assert str(path) == raised.value.where


def test_safetensors_and_hdf5_under_each_others_names_are_told_their_own(small, tmp_path):
    write_legacy(tmp_path / "a.safetensors", small)
    write_tensors(tmp_path / "b.h5", {"conv1.weight": np.ones(KERNEL)})
    for name, said in {"a.safetensors": "HDF5", "b.h5": "safetensors"}.items():
        with pytest.raises(InputError, match=f"it is {said} under another name"):
            layout_of(tmp_path / name)


@pytest.mark.parametrize("suffix", [".pt", ".ckpt"])
def test_refusal_of_a_file_of_pytorch_says_the_line_that_converts_it(tmp_path, suffix):
    path = tmp_path / f"ResNet 50{suffix}"
    with pytest.raises(InputError, match="carry code") as raised:
        refuse_other_files(path)
    assert f"rin weights convert '{path}'" in raised.value.remedy


KERNEL = (8, 3, 5, 5)


def test_layout_of_safetensors_is_told_from_names_and_shapes(tmp_path):
    tensors = {"conv1.weight": np.ones(KERNEL, "float32"), "fc.weight": np.ones((2, 8), "float32")}
    assert layout_of(write_tensors(tmp_path / "a.safetensors", tensors)) is Layout.PYTORCH


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("conv1.weight", np.int8, "holds integers"),
        ("kernel", np.float32, "named neither as by Keras nor as by PyTorch"),
    ],
)
def test_safetensors_of_integers_or_of_unknown_names_are_refused(tmp_path, name, kind, said):
    path = write_tensors(tmp_path / "a.safetensors", {name: np.ones(KERNEL, kind)})
    with pytest.raises(InputError, match=said):
        layout_of(path)


@pytest.mark.parametrize("name", WRITERS)
def test_variances_of_every_layer_are_read_from_every_layout_the_first_layer_first(
    small, tmp_path, name
):
    WRITERS[name](tmp_path / name, small)
    found = [*running_variances(read_backbone(tmp_path / name, "ResNet50")).values()]
    stored = [v for v in small.weights if "moving_variance" in v.path]
    np.testing.assert_array_equal(found, stored)


def layers(*variances):
    return {f"layer{i}": np.asarray(values) for i, values in enumerate(variances)}


USUAL = [0.5, 1.0, 2.0]


@pytest.mark.parametrize(
    ("variances", "reported"),
    [
        (layers(USUAL, USUAL, USUAL), None),
        # One channel against the median of its layer.
        (layers(USUAL, [1.0, 1.0, 1001.0], USUAL), "layer1"),
        (layers(USUAL, [1.0, 1.0, 999.0], USUAL), None),
        (layers([1.0, 1.0, 1001.0], USUAL, USUAL), "layer0"),
        # Inputs of 0 to 255 make the first layer's large.
        (layers([9e4, 9e4, 9e4], USUAL, USUAL), None),
        # Most channels dead.
        (layers(USUAL, [0.0, 0.0, 0.009], USUAL), None),
        ({}, None),
    ],
)
def test_layer_is_reported_whose_variance_exceeds_a_median_a_thousandfold(variances, reported):
    remark = variance_remark(variances)
    assert remark.startswith("1 of ") if reported else remark == ""
    assert f"is in {reported} (" in remark or not reported


def test_remark_on_extreme_variances_names_the_layer_and_the_medians():
    """The layer of the official tracker: large as a whole."""
    remark = variance_remark(layers(USUAL, USUAL, [14.656, 3797.477, 56296.0], USUAL))
    assert remark.startswith(
        "1 of 4 batch normalisations with running variances above 1,000 times"
    )
    assert "the largest, 56,296, is in layer2" in remark
    assert "(median of its channels 3,797, of all layers 1)" in remark
