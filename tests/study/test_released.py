"""Files of released weights that are, are not, or may be what their names say."""

import importlib
import inspect
import re
import shutil
from dataclasses import replace

import keras
import pytest
from finished_study import write_manifests
from legacy_files import write_legacy
from tiny_study import FROZEN, main_study, tiny_profile

from rin.data.dataset import sample_pictures
from rin.errors import InputError
from rin.files import sha256_of
from rin.models.backbones import build_backbone
from rin.models.preprocessing import PREPROCESSING
from rin.models.probe import first_layer, predict
from rin.models.weights import find_entry, load_entries, random_weights
from rin.report.banner import banner
from rin.study import open_reference, open_workspace, run_study
from rin.study.released import IMAGES, SIDE, file_remarks, released_files, weights_remark
from rin.study.results import WeightsFacts
from rin.study.workspace import KERAS_ADDRESS, missing_inputs

CHANGES = {
    "inits": ["radimagenet", "random"],
    "pretraining": None,
    "studies": [main_study(**FROZEN)],
}
FILE = "RadImageNet-ResNet50_notop.h5"


pytestmark = pytest.mark.usefixtures("uncounted_manifests")


@pytest.fixture
def state_sha256(tmp_path, monkeypatch):
    """Returns a function that states the SHA-256 of the released file, or that none is known."""

    def state(sha256):
        folder = tmp_path / "data_manifests"
        shutil.rmtree(folder, ignore_errors=True)
        path = write_manifests(folder) / "weights.yaml"
        line = re.compile(rf"(?<=file: {FILE}\n    sha256: )\w+")
        path.write_text(line.sub(sha256 or "null", path.read_text(), count=1))
        monkeypatch.setenv("RIN_MANIFESTS", str(folder))

    return state


@pytest.fixture
def study(images, tmp_path, state_sha256):
    """A study of weights under the name of a released file, of which no digest is known."""
    state_sha256(None)
    root = tmp_path / "root"
    (root / "weights").mkdir(parents=True)
    for folder in images.iterdir():
        (root / folder.name).symlink_to(folder)
    return open_workspace(tiny_profile(CHANGES), data_root=root, results=tmp_path / "results")


def write_weights(study, trained_with=None):
    """Write random weights, or such whose first averages are those of real images."""
    backbone = build_backbone("ResNet50", 32)
    backbone.set_weights(random_weights("ResNet50", 32, 1))
    if trained_with:
        pictures = sample_pictures("busi", study.data_root, n=IMAGES, size=SIDE)[0]
        averages = predict(first_layer(backbone), pictures, PREPROCESSING[trained_with])
        norm = next(n for n in backbone.layers if isinstance(n, keras.layers.BatchNormalization))
        norm.set_weights([*norm.get_weights()[:2], *averages])
    path = study.data_root / "weights" / FILE
    return write_legacy(path, backbone)


@pytest.mark.parametrize(
    ("trained_with", "verified", "verdict"),
    [(None, "", "none fits, "), ("caffe_unit", "probe", "caffe_unit")],
)
def test_file_without_a_known_digest_is_what_the_probe_says_and_the_verdict_is_kept(
    study, monkeypatch, trained_with, verified, verdict
):
    write_weights(study, trained_with)
    (file,) = released_files(study)
    assert file.verified == verified
    assert file.verdict.startswith(verdict)
    assert (file_remarks([file]) == []) is bool(verified)
    monkeypatch.setattr("rin.models.probe.read_backbone", lambda *_: pytest.fail("asked again"))
    assert released_files(study) == [file]


def test_file_with_the_digest_of_its_manifest_is_verified_by_it(study, state_sha256):
    state_sha256(sha256_of(write_weights(study)))
    (file,) = released_files(study)
    assert (file.verified, file.verdict) == ("SHA-256", "")
    assert missing_inputs(study) == []


def test_wrong_files_of_released_weights_are_all_named_before_anything_is_trained(
    study, state_sha256, monkeypatch, tmp_path, rin
):
    state_sha256("a" * 64)
    write_weights(study)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    (tmp_path / "keras" / "models").mkdir(parents=True)
    changes = CHANGES | {"inits": ["radimagenet", "imagenet"], "backbones": ["ResNet50", "VGG19"]}
    profile = tiny_profile(changes)
    cached = [find_entry("imagenet", name, load_entries()).cached for name in profile.backbones]
    for name in cached:
        (tmp_path / "keras" / "models" / name).write_bytes(b"another")
    wrong = [said for said in missing_inputs(replace(study, profile=profile)) if "another" in said]
    assert [said.partition(":")[0] for said in wrong] == [
        "weights radimagenet ResNet50", "weights imagenet ResNet50", "weights imagenet VGG19",
    ]  # fmt: skip
    assert f"that of RadImageNet, TensorFlow release 2022 is {'a' * 64}" in wrong[0]
    assert all(name in said for name, said in zip(cached, wrong[1:], strict=True))
    with pytest.raises(InputError, match="inputs are missing") as raised:
        run_study(replace(study, profile=profile))
    assert all(name in raised.value.problem for name in (FILE, *cached))


def test_file_that_cannot_be_read_is_named_before_anything_is_trained(study):
    path = write_weights(study)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(InputError, match="1 input is missing or unreadable") as raised:
        run_study(study)
    assert str(path) in raised.value.problem
    assert not study.fine_tuning_ledger.folder.exists()


@pytest.mark.parametrize(
    ("verified", "verdict", "words"),
    [
        (None, "", ""),
        ("SHA-256", "", "known by its SHA-256"),
        ("probe", "caffe", "known by the probe, which finds caffe"),
        ("", "", "unverified: no digest of it is known, and the probe was not asked"),
        ("", "none fits", "unverified: no digest of it is known, and the probe says: none fits"),
    ],
)
def test_words_on_a_file_of_weights_say_by_what_it_is_known(verified, verdict, words):
    assert weights_remark(verified, verdict, "caffe") == words


def test_page_of_a_reference_run_says_which_weights_are_unverified():
    reference = open_reference("open")
    file = reference.facts.weights[0].model_dump() | {"init": "radimagenet", "probe": "none fits"}

    def shown(*verified):
        weights = [WeightsFacts.model_validate(file | {"verified": one}) for one in verified]
        facts = reference.facts.model_copy(update={"weights": weights})
        return banner(replace(reference, facts=facts)).data

    assert "unverified weights: radimagenet InceptionResNetV2" in shown("", "SHA-256")
    assert "unverified" not in shown("SHA-256")


@pytest.mark.parametrize(
    ("module", "backbone"),
    [
        ("resnet", "ResNet50"),
        ("inception_resnet_v2", "InceptionResNetV2"),
        ("densenet", "DenseNet121"),
        ("inception_v3", "InceptionV3"),
        ("vgg19", "VGG19"),
        ("xception", "Xception"),
    ],
)
def test_names_and_digests_of_keras_own_files_are_those_of_the_installed_keras(module, backbone):
    entry = find_entry("imagenet", backbone, load_entries())
    source = inspect.getsource(importlib.import_module(f"keras.src.applications.{module}"))
    assert entry.md5 in source
    # Some sources put the name together.
    first, last = entry.cached.split("tf_dim_ordering")
    assert first.removesuffix("_weights_") in source
    assert f"tf_dim_ordering{last}" in source


def test_address_that_stands_for_keras_is_where_the_installed_keras_fetches_resnet50():
    folder = importlib.import_module("keras.src.applications.resnet").BASE_WEIGHTS_PATH
    assert folder + find_entry("imagenet", "ResNet50", load_entries()).cached == KERAS_ADDRESS
