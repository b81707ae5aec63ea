import re
import shutil
from functools import cache, partial

import numpy as np
import pytest
import yaml
from command_line import answer, refusal
from legacy_files import write_legacy
from PIL import Image
from scipy.ndimage import gaussian_filter

from rin.files import REPOSITORY, sha256_of
from rin.models import probe
from rin.models.preprocessing import PREPROCESSING
from rin.models.weights import load_entries, locate, random_weights

OWN = "data/weights/own/trained.h5"


@pytest.fixture(scope="module", autouse=True)
def _networks_are_built_once():
    with pytest.MonkeyPatch.context() as patch:
        build = cache(probe.build_backbone)
        for module in ("models.probe", "study.added_weights"):
            patch.setattr(f"rin.{module}.build_backbone", build)
        yield


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Ten grey pictures, and weights trained on them under `caffe_unit`, here and elsewhere."""
    folder, rng = tmp_path_factory.mktemp("files"), np.random.default_rng(0)
    (folder / "images").mkdir()
    smooth = gaussian_filter(rng.normal(size=(10, 32, 32)), (0, 2, 2))
    pictures = np.clip(100 + 400 * smooth, 0, 255).astype(np.uint8)
    for number, pixels in enumerate(pictures):
        Image.fromarray(pixels).save(folder / f"images/{number}.png")
    backbone = probe.build_backbone("MobileNetV2", 32, topology="keras")
    backbone.set_weights(random_weights("MobileNetV2", 32, 1))
    layer = probe.first_layer(backbone)
    averages = probe.predict(layer, pictures, PREPROCESSING["caffe_unit"])
    norm = backbone.get_layer("bn_Conv1")
    norm.set_weights([*norm.get_weights()[:2], *averages])
    (folder / OWN).parent.mkdir(parents=True)
    write_legacy(folder / OWN, backbone)
    shutil.copy(folder / OWN, folder / "elsewhere.h5")
    return folder


@pytest.fixture
def weights(rin, files, monkeypatch):
    """Runs `rin weights` in the folder of these files; returns exit status, stdout, stderr."""
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(files)
    return partial(rin, "weights")


def test_a_probe_prints_candidates_verdict_images_and_what_distributors_say_of_the_file(
    weights, files, tmp_path, monkeypatch
):
    one = probe.load_distributions()[0].model_dump() | {"sha256": sha256_of(files / OWN)}
    first = {"distributor": "A", "stated_preprocessing": "symmetric_bgr", "statement": "coded"}
    second = {"distributor": "B", "stated_preprocessing": None, "statement": "not a word"}
    rows = [one | {"release": "PyTorch release"} | stated for stated in (first, second)]
    (tmp_path / "weights.yaml").write_text(yaml.safe_dump({"distributions": rows, "entries": []}))
    monkeypatch.setenv("RIN_MANIFESTS", str(tmp_path))
    out = answer(weights, "probe", OWN, "--images", "images", "--size", 32)
    lines = out.splitlines()
    assert lines[0].startswith("trained.h5: MobileNetV2, SHA-256 ")
    assert lines[2].split() == ["caffe_unit", "0.000", "1.00", "1.00"]
    assert "Verdict: caffe_unit; " in out
    assert "Images: 10 of 10 pictures of images, at 32 px." in lines
    assert "RGB and BGR look the same on grey images." in lines
    assert "A, PyTorch release: symmetric_bgr (coded)." in lines
    assert "B, PyTorch release: no preprocessing stated (not a word)." in lines


def test_options_of_a_probe_are_heeded(weights):
    options = ["--images", "images", "--backbone", "MobileNetV2", "--n", 8, "--size", 48]
    out = answer(weights, "probe", OWN, *options)
    assert re.search(r"\nImages: 8 of 10 pictures of .*, at 48 px\.", out)
    assert "No distributor is known for this SHA-256." in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([OWN, "--images", "absent"], "unknown dataset 'absent'"),
        ([OWN, "--images", "busi"], "rin: --data-root: Breast Ultrasound"),
        ([OWN, "--images", "busi", "--data-root", "."], "rin: .: Breast Ultrasound Images"),
        ([OWN, "--backbone", "VGG19"], "VGG19 has no batch normalisation"),
        (["images/0.png"], "weights of type '.png' are not read"),
    ],
)
def test_what_cannot_be_probed_ends_in_one_line(weights, arguments, said):
    assert said in refusal(weights, "probe", *arguments)


@pytest.fixture
def add(weights, tmp_path, monkeypatch):
    """Runs `rin weights add` on a file, beside a copy of the manifests."""
    manifests = shutil.copytree(REPOSITORY / "data_manifests", tmp_path / "manifests")
    monkeypatch.setenv("RIN_MANIFESTS", str(manifests))
    return partial(weights, "add", "--data-root", "data", "--images", "images")


MINE = ("--name", "mine", "--preprocessing", "caffe_unit")


def test_added_file_of_weights_is_an_init_and_the_rest_of_the_manifest_stays(add, files, tmp_path):
    before, manifest = load_entries(), tmp_path / "manifests/weights.yaml"
    lines = manifest.read_text("utf-8").splitlines()
    out = answer(add, OWN, *MINE)
    assert out.startswith(f"mine: MobileNetV2, caffe_unit, SHA-256 {sha256_of(files / OWN)}")
    after = load_entries()
    (entry,) = [entry for entry in after if entry.init == "mine"]
    assert (entry.file, entry.preprocessing) == ("own/trained.h5", "caffe_unit")
    assert [other for other in after if other != entry] == before
    assert {*lines} <= {*manifest.read_text("utf-8").splitlines()}
    assert locate(entry, [files / "data/weights"]) == files / OWN


@pytest.mark.parametrize(
    ("file", "options", "said"),
    [
        (OWN, ("--name", "mine"), "the verdict of the probe is "),
        (OWN, ("--name", "random", *MINE[2:]), "'random' is no name for weights"),
        (OWN, ("--name", "radiologic", *MINE[2:]), "'radiologic' is no name for weights"),
        (OWN, ("--name", "mine_long", *MINE[2:]), "'mine_long' is no name for weights"),
        (OWN, ("--name", "imagenet", *MINE[2:]), "imagenet has weights of MobileNetV2 already"),
        (OWN, (*MINE[:3], "caffe_255"), "unknown preprocessing 'caffe_255'"),
        ("elsewhere.h5", MINE, "no folder that is searched for weights"),
        (OWN, (*MINE, "--backbone", "MobileNet"), "not the weights of a mobilenet"),
    ],
)
def test_file_of_weights_that_cannot_be_added_is_refused_in_one_line(
    add, tmp_path, file, options, said
):
    manifest = tmp_path / "manifests/weights.yaml"
    before = manifest.read_bytes()
    assert said in refusal(add, file, *options)
    assert manifest.read_bytes() == before
