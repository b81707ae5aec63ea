import functools
import hashlib
import http.server
import threading

import numpy as np
import pytest
from known_backbones import emptied
from legacy_files import write_legacy

from rin.errors import InputError
from rin.models import weights
from rin.models.backbones import ALL_BACKBONES, BACKBONES
from rin.models.weights import (
    WeightsEntry,
    file_sha256,
    find_entry,
    load_entries,
    load_weights,
    random_weights,
)
from rin.models.weights_files import save_safetensors


def entry(**settings):
    fields = {"init": "radimagenet", "backbone": "ResNet50", "preprocessing": "caffe_unit"}
    return WeightsEntry(**fields, release="TensorFlow release", **settings)


def test_load_weights_when_digest_differs_reads_nothing(resnet, tmp_path):
    write_legacy(tmp_path / "a.h5", resnet)
    emptied(resnet)
    with pytest.raises(InputError, match="SHA-256 differs"):
        load_weights(entry(file="a.h5", sha256="0" * 64), resnet, [tmp_path])
    assert not any(w.any() for w in resnet.get_weights())


def test_load_weights_when_digest_agrees_reads_the_first_folder_that_has_the_file(resnet, tmp_path):
    stored = resnet.get_weights()
    path = write_legacy(tmp_path / "a.h5", resnet)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    found = load_weights(
        entry(file="a.h5", sha256=digest), emptied(resnet), [tmp_path / "no", tmp_path]
    )
    np.testing.assert_array_equal(found[0], stored[0])


def test_load_weights_when_file_is_missing_says_where_to_get_it(resnet, tmp_path):
    wanted = entry(file="a.h5", home="https://example.org/weights")
    with pytest.raises(InputError) as caught:
        load_weights(wanted, resnet, [tmp_path / "one", tmp_path / "two"])
    message = str(caught.value)
    for part in ("one", "two", "a.h5", "https://example.org/weights", "TensorFlow release"):
        assert part in message


def test_load_weights_when_keras_cannot_fetch_says_so(resnet, monkeypatch):
    import keras

    def fails(**_):
        raise Exception("URL fetch failure")  # what Keras itself raises

    monkeypatch.setattr(keras.applications, "ResNet50", fails)
    with pytest.raises(InputError, match="could not fetch"):
        load_weights(entry(), resnet, [])


def test_random_weights_of_a_seed_are_always_the_same():
    first, again, other = (random_weights("ResNet50", 32, seed) for seed in (5, 5, 6))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])


def test_entries_of_the_repository_name_both_inits_of_all_backbones():
    entries = load_entries()
    backbones = {"radimagenet": BACKBONES, "imagenet": ALL_BACKBONES}
    pairs = [(e.init, e.backbone) for e in entries]
    assert sorted(pairs) == sorted((init, b) for init, known in backbones.items() for b in known)
    assert {e.preprocessing for e in entries if e.init == "radimagenet"} == {"caffe_unit"}
    assert {e.backbone: e.contract.name for e in entries if e.init == "imagenet"} == {
        "ResNet50": "caffe",
        "InceptionResNetV2": "symmetric",
        "DenseNet121": "standardised",
        "InceptionV3": "symmetric",
        "VGG19": "caffe",
        "MobileNetV2": "symmetric",
    }
    assert all(e.home and e.licence and e.release for e in entries)


def test_entry_of_the_released_resnet50_has_its_published_digest():
    found = find_entry("radimagenet", "ResNet50", load_entries())
    assert found.sha256 == "1f1d1c9fe6ab6980daa5e528145fe0db249c55415f8b3e1f3e3b1624d184f159"


def test_find_entry_when_init_is_unknown_names_the_known_ones():
    with pytest.raises(InputError, match=r"'chestnet'.*imagenet, radimagenet, random"):
        find_entry("chestnet", "ResNet50", load_entries())


def test_find_entry_when_backbone_is_unknown_names_the_known_ones():
    with pytest.raises(InputError, match="DenseNet121"):
        find_entry("imagenet", "VGG16", load_entries())


GOOD = "init: a\n  backbone: ResNet50\n  preprocessing: caffe\n  release: r\n"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "rows: []",
        "entries: [1]",
        "entries:\n- " + GOOD + "  colour: red\n",
        "entries:\n- " + GOOD.replace("  release: r\n", ""),
        "entries:\n- " + GOOD.replace("ResNet50", "VGG16"),
        "entries:\n- " + GOOD.replace("caffe", "caffe_255"),
        "entries: [",
    ],
)
def test_load_entries_of_a_file_that_does_not_validate_raises(tmp_path, text):
    path = tmp_path / "weights.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=r"weights\.yaml"):
        load_entries(path)


def test_load_entries_of_a_file_that_is_missing_raises(tmp_path, monkeypatch):
    monkeypatch.setenv("RIN_MANIFESTS", str(tmp_path))
    assert weights.manifest_folder() == tmp_path
    with pytest.raises(InputError, match=r"weights\.yaml"):
        load_entries()


class _Server(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def served(tmp_path):
    """Return a folder and the address under which it is served on this machine."""
    folder = tmp_path / "served"
    folder.mkdir()
    handler = functools.partial(_Server, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_load_weights_when_entry_has_a_url_fetches_once_and_checks(resnet, tmp_path, served):
    folder, address = served
    save_safetensors(folder / "x.safetensors", resnet)
    digest = file_sha256(folder / "x.safetensors")
    known = {"file": "x.safetensors", "url": f"{address}/x.safetensors", "sha256": digest}
    expected = resnet.get_weights()
    got = load_weights(entry(**known), emptied(resnet), [tmp_path / "cache"])
    (folder / "x.safetensors").unlink()
    again = load_weights(entry(**known), emptied(resnet), [tmp_path / "cache"])
    for one, two, three in zip(expected, got, again, strict=True):
        np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(one, three)


def test_load_weights_when_fetched_file_is_another_says_so(resnet, tmp_path, served):
    folder, address = served
    (folder / "x.safetensors").write_bytes(b"something else")
    known = {"file": "x.safetensors", "url": f"{address}/x.safetensors", "sha256": "0" * 64}
    with pytest.raises(InputError, match="could not be fetched"):
        load_weights(entry(**known), resnet, [tmp_path / "cache"])
    assert not (tmp_path / "cache" / "x.safetensors").exists()


def test_entry_with_a_url_but_no_digest_is_refused():
    with pytest.raises(ValueError, match="needs file and sha256"):
        entry(file="x.h5", url="http://127.0.0.1/x.h5")
