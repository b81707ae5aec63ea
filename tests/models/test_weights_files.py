import json
import pickle

import h5py
import numpy as np
import pytest
from known_backbones import built, emptied, literal_weights
from legacy_files import config_of, write_legacy

from rin.errors import InputError
from rin.models.backbones import BACKBONES
from rin.models.unfreezing import UNFREEZING, apply_unfreezing
from rin.models.weights_files import read_weights_file, save_safetensors

HARMLESS = config_of(("InputLayer", {}), ("Conv2D", {"name": "Lambda", "filters": 3}))


def cut_in_half(path):
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    return path


@pytest.mark.parametrize("config", [None, HARMLESS], ids=["weights only", "whole model"])
def test_legacy_file_when_read_gives_the_same_outputs(backbone, pixels, tmp_path, config):
    images = pixels(2, backbone.input_shape[1]) / 127.5 - 1
    expected, stored = np.asarray(backbone(images)), backbone.get_weights()
    path = write_legacy(tmp_path / "saved_notop.h5", backbone, config=config)
    result = read_weights_file(path, emptied(backbone))
    assert np.abs(expected).max() > 1e-2
    np.testing.assert_allclose(backbone(images), expected, atol=1e-5)
    for one, other in zip(result, stored, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("regime", UNFREEZING)
def test_legacy_file_when_backbone_is_partly_frozen_reads_the_same(resnet, tmp_path, regime):
    stored = resnet.get_weights()
    path = write_legacy(tmp_path / "saved.h5", resnet)
    apply_unfreezing(emptied(resnet), regime)
    for one, other in zip(read_weights_file(path, resnet), stored, strict=True):
        np.testing.assert_array_equal(one, other)


def save_legacy(path, backbone):
    return write_legacy(path.with_suffix(".h5"), backbone)


def save_keras(path, backbone):
    backbone.save_weights(path.with_suffix(".weights.h5"))
    return path.with_suffix(".weights.h5")


def save_tensors(path, backbone):
    save_safetensors(path.with_suffix(".safetensors"), backbone)
    return path.with_suffix(".safetensors")


FORMATS = pytest.mark.parametrize("save", [save_legacy, save_keras, save_tensors])
# Keras warns of each part that a file lacks before it refuses it.
pytestmark = pytest.mark.filterwarnings("ignore:Skipping nested container")


@FORMATS
def test_file_of_another_backbone_is_refused(resnet, densenet, tmp_path, save):
    path = save(tmp_path / "saved", densenet)
    with pytest.raises(InputError, match="not the weights of a resnet50"):
        read_weights_file(path, resnet)


@FORMATS
def test_file_that_was_cut_off_is_refused(resnet, tmp_path, save):
    path = cut_in_half(save(tmp_path / "saved", resnet))
    with pytest.raises(InputError, match="whole"):
        read_weights_file(path, resnet)


@FORMATS
def test_file_with_a_value_that_is_no_number_is_refused(resnet, tmp_path, save):
    values = resnet.get_weights()
    values[7][0] = np.nan
    resnet.set_weights(values)
    path = save(tmp_path / "saved", resnet)
    with pytest.raises(InputError, match="finite"):
        read_weights_file(path, resnet)


@pytest.mark.parametrize("save", [save_keras, save_tensors])
@pytest.mark.parametrize("name", ["InceptionV3", "ResNet50"])
def test_file_when_read_into_a_backbone_built_later_gives_the_same_weights(tmp_path, save, name):
    """Keras numbers unnamed layers through a process, so their names differ between builds."""
    from rin.models.backbones import build_backbone

    first, second = built(name), build_backbone(name, BACKBONES[name].min_size)
    first.set_weights(literal_weights(first, 3))
    path = save(tmp_path / "saved", first)
    for one, other in zip(read_weights_file(path, second), first.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("lost", ["layers/conv2d_7/vars/0", "layers/conv2d_7", "layers"])
def test_keras_file_that_lacks_a_part_is_refused(resnet, tmp_path, lost):
    path = save_keras(tmp_path / "saved", resnet)
    with h5py.File(path, "a") as file:
        del file[lost]
    with pytest.raises(InputError, match=r"not the weights|every weight"):
        read_weights_file(path, resnet)


def test_legacy_file_that_lacks_a_weight_is_refused(resnet, tmp_path):
    path = write_legacy(tmp_path / "saved.h5", resnet)
    with h5py.File(path, "a") as file:
        del file["saved_conv3_block1_1_conv/saved_conv3_block1_1_conv/kernel:0"]
    with pytest.raises(InputError, match="not the weights"):
        read_weights_file(path, resnet)


def test_safetensors_of_another_shape_is_refused(resnet, tmp_path):
    from safetensors.numpy import load_file, save_file

    path = save_tensors(tmp_path / "saved", resnet)
    tensors = load_file(path)
    first = next(iter(tensors))
    save_file(tensors | {first: tensors[first][..., :-1].copy()}, path)
    with pytest.raises(InputError, match="shape"):
        read_weights_file(path, resnet)


class Bomb:
    """Creates a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize("suffix", [".pkl", ".pt", ".pth", ".keras", ".ckpt", ".hdf5", ""])
def test_file_of_a_type_that_may_carry_code_is_refused_unread(resnet, tmp_path, suffix):
    path, trace = tmp_path / f"saved{suffix}", tmp_path / "executed"
    path.write_bytes(pickle.dumps(Bomb(trace)))
    path.chmod(0)
    before = path.stat().st_atime_ns
    with pytest.raises(InputError, match="carry code"):
        read_weights_file(path, resnet)
    assert not trace.exists()
    assert path.stat().st_atime_ns == before


def test_pickle_that_is_called_h5_is_refused_and_not_executed(resnet, tmp_path):
    path, trace = tmp_path / "saved.h5", tmp_path / "executed"
    path.write_bytes(pickle.dumps(Bomb(trace)))
    with pytest.raises(InputError, match="whole"):
        read_weights_file(path, resnet)
    assert not trace.exists()


CODE = {"name": "scale", "function": ["4wEAAAAAAAAA", None, None], "function_type": "lambda"}
NESTED = config_of(("Functional", config_of(("Conv2D", {}), ("Lambda", CODE))["config"]))
LAMBDAS = {
    "top": config_of(("Conv2D", {}), ("Lambda", CODE)),
    "nested": NESTED,
    "string": json.dumps(NESTED),
    "bytes": json.dumps(NESTED).encode(),
    "fixed length": np.bytes_(json.dumps(NESTED)),
    "escaped": json.dumps(NESTED).replace('"Lambda"', '"\\u004cambda"'),
    "module": config_of(("keras.layers.Lambda", CODE)),
    "registered": config_of(("keras.layers>Lambda", CODE)),
    "separate module": {"module": "keras.layers", "class_name": "Lambda", "config": CODE},
    "lambda function": config_of(("Activation", {"f": {"class_name": "__lambda__"}})),
    "wrapped": config_of(("TimeDistributed", {"layer": {"class_name": "Lambda", "config": CODE}})),
}


@pytest.mark.parametrize("config", LAMBDAS.values(), ids=LAMBDAS)
def test_model_with_a_lambda_layer_is_refused(resnet, tmp_path, config):
    path = write_legacy(tmp_path / "saved.h5", resnet, config=config)
    with pytest.raises(InputError, match="carry code"):
        read_weights_file(path, resnet)


def test_model_whose_configuration_cannot_be_read_is_refused(resnet, tmp_path):
    path = write_legacy(tmp_path / "saved.h5", resnet, config=b'{"class_name": "Lam')
    with pytest.raises(InputError, match="configuration"):
        read_weights_file(path, resnet)


def test_model_in_a_file_of_keras_weights_is_refused_when_it_has_lambda_layers(resnet, tmp_path):
    path = save_keras(tmp_path / "saved", resnet)
    with h5py.File(path, "a") as file:
        file.attrs["model_config"] = json.dumps(LAMBDAS["top"])
    with pytest.raises(InputError, match="carry code"):
        read_weights_file(path, resnet)


@FORMATS
def test_backbone_after_a_refused_file_holds_nothing_usable(resnet, densenet, tmp_path, save):
    path = save(tmp_path / "saved", densenet)
    with pytest.raises(InputError):
        read_weights_file(path, resnet)
    assert any(np.isnan(w).any() for w in resnet.get_weights())
