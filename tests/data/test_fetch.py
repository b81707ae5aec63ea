"""Fetching from a server of the test's own."""

import hashlib
import io
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest
from busi_files import changed

from rin.data.fetch import fetch_dataset, fetch_file
from rin.data.manifest import Download, load_manifest, manifest_names
from rin.data.status import dataset_status
from rin.errors import InputError

CONTENT = np.random.default_rng(0).bytes(100_000)


@pytest.fixture
def server():
    """Serves the content, whole or its first `cut` bytes, and counts how often."""

    class Handler(BaseHTTPRequestHandler):
        cut, asked = None, 0

        def do_GET(self):
            Handler.asked += 1
            self.send_response(200)
            self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            self.wfile.write(CONTENT[: Handler.cut])

        def log_message(self, *_):
            pass

    serving = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=serving.serve_forever, args=[0.02], daemon=True).start()
    yield Handler, f"http://127.0.0.1:{serving.server_port}/a.npz"
    serving.shutdown()
    serving.server_close()


def manifest_of(url, digest=None):
    digest = digest or hashlib.md5(CONTENT).hexdigest()
    file = Download(url=url, name="a.npz", hash=f"md5:{digest}")
    return changed(load_manifest("breastmnist_224"), fetch=(file,), locations=("a.npz",))


def test_fetch_brings_the_whole_file_once(server, tmp_path):
    handler, url = server
    assert fetch_dataset(manifest_of(url), tmp_path) == [tmp_path / "a.npz"]
    assert fetch_dataset(manifest_of(url), tmp_path) == [tmp_path / "a.npz"]
    assert (tmp_path / "a.npz").read_bytes() == CONTENT
    assert handler.asked == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


def test_fetch_that_was_cut_off_leaves_nothing_and_may_be_repeated(server, tmp_path):
    """Of no known hash, which would tell it, too."""
    handler, url = server
    handler.cut = len(CONTENT) - 1000
    with pytest.raises(InputError, match="it was cut off"):
        fetch_file(url, "a.npz", tmp_path)
    assert [*tmp_path.iterdir()] == []
    handler.cut = None
    fetch_file(url, "a.npz", tmp_path)
    assert (tmp_path / "a.npz").read_bytes() == CONTENT


def test_fetch_of_another_hash_leaves_nothing(server, tmp_path):
    with pytest.raises(InputError, match=r"the known hash: expected md5:0{32} but got"):
        fetch_dataset(manifest_of(server[1], "0" * 32), tmp_path)
    assert [*tmp_path.iterdir()] == []


def test_fetch_without_network_or_a_place_says_so(server, tmp_path):
    with pytest.raises(InputError, match=r"no connection to it.*Check the connection") as lost:
        fetch_dataset(manifest_of("http://127.0.0.1:9/a.npz"), tmp_path)
    assert len(str(lost.value)) < 200
    (tmp_path / "file").touch()
    said = r"could not be fetched into .*Not a directory.*the disk space"
    with pytest.raises(InputError, match=said):
        fetch_dataset(manifest_of(server[1]), tmp_path / "file")


@pytest.mark.parametrize(("answer", "status"), [("n", 1), ("", 1), ("y", 0)])
def test_nothing_is_fetched_before_its_licence_is_accepted(
    rin, server, tmp_path, monkeypatch, write_manifest, answer, status
):
    handler, url = server
    write_manifest(manifest_of(url), "breastmnist_224")
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{answer}\n"))
    ended, out, _ = rin("data", "fetch", "breastmnist_224", "--data-root", "images")
    assert ended == status
    assert "Licence: CC BY 4.0" in out
    assert (tmp_path / "images" / "a.npz").is_file() == (answer == "y")
    assert handler.asked == (answer == "y")


@pytest.mark.parametrize("name", manifest_names())
def test_each_dataset_is_fetched_or_says_where_to_click(name, tmp_path):
    manifest = load_manifest(name)
    places = {location.partition("::")[0] for location in manifest.locations}
    if manifest.fetch:
        assert {file.name for file in manifest.fetch} <= places
        return
    with pytest.raises(InputError, match="cannot be downloaded automatically") as caught:
        fetch_dataset(manifest, tmp_path)
    told = caught.value.remedy
    assert any(str(tmp_path / place) in told for place in places)
    homes = [source.home for source in manifest.sources] or [manifest.home]
    assert manifest.access == "not public" or all(home in told for home in homes)
    to_do = dataset_status(None).set_index("name")["to_do"]
    assert to_do[name] == told.replace(f"{tmp_path}/", "")


def test_dataset_without_a_published_digest_says_which_file_to_choose(tmp_path):
    with pytest.raises(InputError, match=r"version 2, and there ChestXRay2017\.zip"):
        fetch_dataset(load_manifest("kermany_cxr"), tmp_path)
