import re
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import yaml
from legacy_files import write_legacy
from PIL import Image

from rin.errors import InputError
from rin.files import REPOSITORY, sha256_of
from rin.models.backbones import build_backbone
from rin.models.preprocessing import PREPROCESSING
from rin.models.probe import first_layer, load_distributions, predict
from rin.models.weights import load_entries, locate, random_weights
from rin.study.probe_study import probe_file


@pytest.fixture
def call(rin, monkeypatch):
    """Runs `rin weights probe` in an empty folder; returns exit status, stdout, stderr."""
    monkeypatch.setenv("COLUMNS", "100")
    return partial(rin, "weights", "probe")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Ten grey pictures; weights trained on them under `caffe_unit`, and random ones."""
    folder, rng = tmp_path_factory.mktemp("files"), np.random.default_rng(0)
    (folder / "images").mkdir()
    pictures = []
    for number in range(10):
        noise = rng.normal(size=(36, 36))
        smooth = sum(noise[i : i + 32, j : j + 32] for i in range(5) for j in range(5))
        pictures.append(np.clip(100 + 12 * smooth, 0, 255).astype(np.uint8))
        Image.fromarray(pictures[-1]).save(folder / "images" / f"{number}.png")
    backbone = build_backbone("MobileNetV2", 32)
    backbone.set_weights(random_weights("MobileNetV2", 32, 1))
    write_legacy(folder / "random.h5", backbone)
    averages = predict(first_layer(backbone), np.stack(pictures), PREPROCESSING["caffe_unit"])
    norm = backbone.get_layer("bn_Conv1")
    norm.set_weights([*norm.get_weights()[:2], *averages])
    write_legacy(folder / "trained.h5", backbone)
    return folder


@pytest.fixture
def weights(tmp_path, files):
    """The folder from which `rin` is called, with these files."""
    return Path(shutil.copytree(files, tmp_path, dirs_exist_ok=True))


@pytest.fixture
def images(weights):
    return weights / "images"


@pytest.mark.slow
def test_a_probe_prints_candidates_verdict_and_images(call, weights, images):
    status, out, err = call(weights / "trained.h5", "--images", images, "--size", 32)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("trained.h5: MobileNetV2, SHA-256 ")
    assert lines[2].split() == ["caffe_unit", "0.000", "1.00", "1.00"]
    assert "Verdict: caffe_unit; " in out
    assert "Images: 10 of 10 pictures of " in out
    assert "RGB and BGR look the same on grey images." in out
    assert "No distributor is known for this SHA-256." in out


@pytest.mark.slow
def test_what_distributors_say_of_the_file_stands_beside_the_verdict(
    call, weights, images, monkeypatch
):
    one = load_distributions()[0].model_dump() | {"sha256": sha256_of(weights / "trained.h5")}
    first = {"distributor": "A", "stated_preprocessing": "symmetric_bgr", "statement": "coded"}
    second = {"distributor": "B", "stated_preprocessing": None, "statement": "not a word"}
    rows = [one | {"release": "PyTorch release"} | stated for stated in (first, second)]
    (weights / "weights.yaml").write_text(yaml.safe_dump({"distributions": rows, "entries": []}))
    monkeypatch.setenv("RIN_MANIFESTS", str(weights))
    _, out, _ = call(weights / "trained.h5", "--images", images, "--size", 32)
    assert "A, PyTorch release: symmetric_bgr (coded)." in out
    assert "B, PyTorch release: no preprocessing stated (not a word)." in out


def test_options_of_a_probe_are_heeded(call, weights, images):
    options = ["--images", images, "--backbone", "MobileNetV2", "--n", 8, "--size", 48]
    status, out, err = call(weights / "trained.h5", *options)
    assert (status, err) == (0, "")
    assert re.search(r"\nImages: 8 of 10 pictures of .*, at 48 px\.", out)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["trained.h5", "--images", "absent"], "unknown dataset 'absent'"),
        (["trained.h5", "--images", "busi"], "rin: --data-root: Breast Ultrasound"),
        (
            ["trained.h5", "--images", "busi", "--data-root", "."],
            "rin: .: Breast Ultrasound Images",
        ),
        (["trained.h5", "--backbone", "VGG19"], "VGG19 has no batch normalisation"),
    ],
)
@pytest.mark.usefixtures("weights")
def test_what_cannot_be_probed_ends_in_one_line(call, arguments, said):
    status, out, err = call(*arguments)
    assert (status, out) == (1, "")
    (line,) = err.splitlines()
    assert said in line


def test_file_of_another_kind_is_refused_before_a_picture_is_made(tmp_path, monkeypatch):
    monkeypatch.setattr("rin.study.probe_study.sample_pictures", None)
    (tmp_path / "x.pt").write_bytes(b"x")
    with pytest.raises(InputError, match=r"weights of type '\.pt' are not read"):
        probe_file(tmp_path / "x.pt", "", None, backbone=None, n=8, size=32)


@pytest.fixture
def add(rin, weights, monkeypatch):
    """Runs `rin weights add` on a file, beside a copy of the manifests."""
    shutil.copytree(REPOSITORY / "data_manifests", weights / "manifests")
    monkeypatch.setenv("RIN_MANIFESTS", str(weights / "manifests"))
    (weights / "data/weights/own").mkdir(parents=True)
    for name in ("trained.h5", "random.h5"):
        shutil.copy(weights / name, weights / "data/weights/own")
    return lambda file, *options: rin("weights", "add", file, "--data-root", "data", *options)


OWN, MINE = "data/weights/own/trained.h5", ("--name", "mine", "--preprocessing", "caffe_unit")


def test_added_file_of_weights_is_an_init_and_the_rest_of_the_manifest_stays(add, weights):
    before, manifest = load_entries(), weights / "manifests/weights.yaml"
    text = manifest.read_text("utf-8")
    status, out, err = add(OWN, *MINE)
    assert (status, err) == (0, "")
    assert out.startswith(f"mine: MobileNetV2, caffe_unit, SHA-256 {sha256_of(weights / OWN)}")
    (entry,) = [entry for entry in load_entries() if entry.init == "mine"]
    assert (entry.file, entry.preprocessing) == ("own/trained.h5", "caffe_unit")
    assert [entry for entry in load_entries() if entry.init != "mine"] == before
    lines = manifest.read_text("utf-8").splitlines()
    assert [line for line in text.splitlines() if line not in lines] == []
    assert locate(entry, [weights / "data/weights"]) == weights / OWN


@pytest.mark.parametrize(
    ("file", "options", "said"),
    [
        (OWN, ("--name", "mine"), "the probe proposes "),
        (OWN, ("--name", "random", *MINE[2:]), "'random' is no name for weights"),
        (OWN, ("--name", "radiologic", *MINE[2:]), "'radiologic' is no name for weights"),
        (OWN, ("--name", "imagenet", *MINE[2:]), "imagenet has weights of MobileNetV2 already"),
        (OWN, (*MINE[:3], "caffe_255"), "unknown preprocessing 'caffe_255'"),
        ("trained.h5", MINE, "no folder that is searched for weights"),
        ("images/0.png", MINE, "weights of type '.png' are not read"),
        (OWN, (*MINE, "--backbone", "ResNet50"), "not the weights of a resnet50"),
    ],
)
def test_file_of_weights_that_cannot_be_added_is_refused_in_one_line(
    add, weights, file, options, said
):
    before = (weights / "manifests/weights.yaml").read_text("utf-8")
    status, out, err = add(file, *options, "--images", "images")
    assert (status, out) == (1, "")
    (line,) = err.splitlines()
    assert said in line
    assert (weights / "manifests/weights.yaml").read_text("utf-8") == before
