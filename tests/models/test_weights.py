import hashlib
import pickle
import random
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from known_backbones import assert_same, built, emptied, literal_weights
from legacy_files import WRITERS, write_legacy
from tensorflow.python.eager import context

from rin.errors import InputError
from rin.models.backbones import ALL_BACKBONES, BACKBONES, IN_TORCHVISION, build_backbone
from rin.models.weights import (
    WeightsEntry,
    count_parameters,
    load_entries,
    load_weights,
    random_weights,
    read_weights_file,
)

# Keras warns of each part that a file lacks before it refuses it.
pytestmark = pytest.mark.filterwarnings("ignore:Skipping nested container")


def entry(**settings):
    fields = {"init": "radimagenet", "backbone": "ResNet50", "preprocessing": "caffe_unit"}
    return WeightsEntry(**fields, release="TensorFlow release", **settings)


def test_load_weights_reads_the_first_folder_that_has_the_file_if_its_digest_agrees(
    small, tmp_path
):
    stored, path = small.get_weights(), write_legacy(tmp_path / "a.h5", small)
    emptied(small)
    with pytest.raises(InputError, match="that of TensorFlow release is 0000"):
        load_weights(entry(file="a.h5", sha256="0" * 64), small, [tmp_path])
    assert not any(w.any() for w in small.get_weights())
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    folders = [tmp_path / "no", tmp_path]
    found = load_weights(entry(file="a.h5", sha256=digest), small, folders)
    assert_same(found, stored)


@pytest.mark.usefixtures("small")
def test_random_weights_are_those_of_keras_seed_and_leave_all_generators_as_they_were():
    keras.utils.set_random_seed(5)
    expected = build_backbone("ResNet50", 32).get_weights()
    keras.utils.set_random_seed(6)
    before = random.getstate(), context.global_seed()
    assert_same(random_weights("ResNet50", 32, 5), expected)
    # A new global seed would make TensorFlow prepare every compiled step again.
    assert (random.getstate(), context.global_seed()) == before


def test_load_weights_when_file_is_missing_says_where_to_get_it(small, tmp_path):
    wanted = entry(file="a.h5", home="https://example.org/weights")
    said = r"one/a\.h5 or .*two/a\.h5: .*https://example\.org/weights \(TensorFlow release\)"
    with pytest.raises(InputError, match=said):
        load_weights(wanted, small, [tmp_path / "one", tmp_path / "two"])


def test_load_weights_of_an_entry_without_a_file_takes_what_keras_fetches(small, monkeypatch):
    published, asked = small.get_weights(), []

    def fetch(**arguments):
        asked.append(arguments)
        return SimpleNamespace(get_weights=lambda: published)

    monkeypatch.setattr(keras.applications, "ResNet50", fetch)
    assert_same(load_weights(entry(), emptied(small), []), published)
    assert asked == [{"include_top": False, "weights": "imagenet", "input_shape": (32, 32, 3)}]


def test_entries_of_the_repository_name_every_init_of_its_backbones():
    entries = load_entries()
    of_pytorch = ("radimagenet_pytorch", "radiologynet", "imagenet_torchvision")
    backbones = {"radimagenet": BACKBONES, "imagenet": ALL_BACKBONES}
    backbones |= dict.fromkeys(of_pytorch, IN_TORCHVISION)
    pairs = [(e.init, e.backbone) for e in entries]
    assert sorted(pairs) == sorted((init, b) for init, known in backbones.items() for b in known)
    assert {e.preprocessing for e in entries if e.init == "radimagenet"} == {"caffe_unit"}
    assert all(e.home and e.licence and e.release for e in entries)


GOOD = "init: a\n  backbone: ResNet50\n  preprocessing: caffe\n  release: r\n"


@pytest.mark.parametrize(
    "text",
    [
        None,
        "entries:\n- " + GOOD + "  colour: red\n",
        "entries:\n- " + GOOD.replace("  release: r\n", ""),
        "entries:\n- " + GOOD.replace("ResNet50", "VGG16"),
        "entries:\n- " + GOOD.replace("caffe", "caffe_255"),
    ],
)
def test_load_entries_of_a_file_that_does_not_validate_raises(tmp_path, monkeypatch, text):
    monkeypatch.setenv("RIN_MANIFESTS", str(tmp_path))
    if text is not None:
        (tmp_path / "weights.yaml").write_text(text)
    with pytest.raises(InputError, match=r"weights\.yaml: "):
        load_entries()


def check_legacy(path, backbone, config=None):
    stored = literal_weights(backbone, 1)
    write_legacy(path, backbone, config=config, values=stored)
    assert_same(read_weights_file(path, emptied(backbone)), stored)
    assert_same(backbone.get_weights(), stored)


# Of weights alone, or of a whole model, whose configuration nothing reads: it is cut off.
@pytest.mark.parametrize("config", [None, b'{"class_name": "Lam'])
def test_legacy_file_when_read_gives_the_same_weights(small, tmp_path, config):
    check_legacy(tmp_path / "saved_notop.h5", small, config)


@pytest.mark.slow
@pytest.mark.parametrize("name", ALL_BACKBONES)
def test_legacy_file_of_each_backbone_when_read_gives_the_same_weights(tmp_path, name):
    check_legacy(tmp_path / "saved_notop.h5", built(name))


def of_unnamed_layers():
    """A network whose layers Keras names by their number, as it does InceptionV3's."""
    pixels = keras.Input((8, 8, 3))
    features = keras.layers.Conv2D(4, 3)(pixels)
    features = keras.layers.BatchNormalization(scale=False)(features)
    return keras.Model(pixels, keras.layers.Conv2D(2, 3)(features))


@pytest.mark.parametrize("name", WRITERS)
def test_file_of_another_backbone_cut_off_or_with_no_number_is_refused(small, tmp_path, name):
    save, path = WRITERS[name], tmp_path / name

    def refused(backbone, told, share=1):
        save(path, backbone)
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // share])
        with pytest.raises(InputError, match=told):
            read_weights_file(path, small)

    refused(of_unnamed_layers(), "not the weights of a resnet50")
    refused(small, "whole", share=2)
    values = literal_weights(small, 1)
    values[7][0] = np.nan
    small.set_weights(values)
    refused(small, "finite")


def test_file_when_read_into_a_backbone_built_later_gives_the_same_weights(tmp_path):
    """Keras numbers unnamed layers through a process."""
    first, later = of_unnamed_layers(), of_unnamed_layers()
    assert [x.name for x in first.layers] != [x.name for x in later.layers]
    path = tmp_path / "keras.weights.h5"
    first.save_weights(path)
    assert_same(read_weights_file(path, later), first.get_weights())


@pytest.mark.parametrize("suffix", [".pkl", ".pt", ".pth", ".keras", ".ckpt", ".hdf5", ""])
def test_file_of_a_type_that_may_carry_code_is_refused_unread(small, tmp_path, bomb, suffix):
    path = tmp_path / f"saved{suffix}"
    path.write_bytes(pickle.dumps(bomb))
    before = path.stat().st_atime_ns
    with pytest.raises(InputError, match="carry code"):
        read_weights_file(path, small)
    assert path.stat().st_atime_ns == before


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda name, values: values * 0, "zeros alone"),
        (lambda name, values: values - 9 * ("variance" in name), "negative variances"),
        (lambda name, values: values + 1e38 * ("gamma" in name), "beyond 1e"),
    ],
)
def test_finite_weights_that_no_training_gives_are_refused(small, tmp_path, change, told):
    path = tmp_path / "legacy.h5"
    small.set_weights([change(v.path, np.asarray(v)) for v in small.weights])
    write_legacy(path, small)
    with pytest.raises(InputError, match=told):
        read_weights_file(path, small)


def test_code_in_the_configuration_beside_weights_is_not_executed(small, tmp_path):
    """A whole model with a layer of code, as Keras saves and loads it."""
    path, trace = tmp_path / "saved.h5", tmp_path / "executed"
    code = f"lambda pixels: (open({str(trace)!r}, 'w'), pixels)[1]"
    layer = keras.layers.Lambda(eval(code), output_shape=(3, 3, 16))
    keras.Model(small.input, layer(small.output)).save(path)
    keras.models.load_model(path, safe_mode=False, compile=False)(np.zeros((1, 32, 32, 3)))
    assert trace.exists()
    trace.unlink()
    stored = small.get_weights()
    assert_same(read_weights_file(path, emptied(small)), stored)
    assert count_parameters(path) == sum(values.size for values in stored)
    assert not trace.exists()
