import ast
import io
import pickle
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from busi_files import zip_folder

from rin.data import pixels
from rin.data.pixels import n_slices, read_slice, slice_locator
from rin.errors import InputError

STACK = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)


@pytest.fixture
def root(tmp_path):
    (tmp_path / "mr").mkdir()
    np.save(tmp_path / "mr" / "a.npy", STACK)
    np.save(tmp_path / "mr" / "f.npy", np.asfortranarray(STACK + 1))
    zip_folder(tmp_path / "mr", tmp_path / "mr.zip")
    return tmp_path


@pytest.mark.parametrize("volume", ["mr/a.npy", "mr.zip::a.npy"])
def test_read_slice_returns_the_kth_picture(root, volume):
    for k in range(3):
        picture = read_slice(root, slice_locator(volume, k))
        assert picture.dtype == np.uint8
        assert picture.flags.c_contiguous
        np.testing.assert_array_equal(picture, STACK[k])


@pytest.mark.parametrize("k", ["3", "-1", "", "x", "1.0", "²"])
@pytest.mark.parametrize("volume", ["mr/a.npy", "mr.zip::a.npy"])
def test_read_slice_that_is_not_there_tells_the_range(root, volume, k):
    with pytest.raises(InputError, match=r"no slice .* in a volume of 3.*from 0 to 2"):
        read_slice(root, f"{volume}#{k}")


def test_read_slice_after_the_archive_changed_reads_the_new_one(root):
    assert read_slice(root, "mr.zip::a.npy#0")[0, 0] == 0
    np.save(root / "mr" / "a.npy", STACK + 7)
    np.save(root / "mr" / "b.npy", STACK)
    zip_folder(root / "mr", root / "mr.zip")
    assert read_slice(root, "mr.zip::a.npy#0")[0, 0] == 7


def test_read_slice_of_one_member_unpacks_it_once(root, monkeypatch):
    pixels._unpacked.cache_clear()
    unpacked = []
    read = pixels.read_bytes
    monkeypatch.setattr(pixels, "read_bytes", lambda *a: (unpacked.append(a), read(*a))[1])
    for k in range(3):
        read_slice(root, f"mr.zip::a.npy#{k}")
    assert len(unpacked) == 1


def bad_volumes():
    whole = _saved(STACK)
    header = whole[:128]
    large = header.replace(b"(3, 4, 5), ", b"(9, 9, 9), ")
    unreadable = {
        "empty": b"",
        "text": b"<html>not found</html>",
        "no header": whole[:40],
        "cut": whole[:-1],
        "larger shape": large + whole[128:],
        "objects": _saved(np.array([None, 1], dtype=object), True),
        "pickle": pickle.dumps(STACK),
        "negative": header.replace(b"(3, 4, 5)", b"(-3,4, 5)") + whole[128:],
        "code": header.replace(b"(3, 4, 5)", b"exec('1')") + whole[128:],
        "magic": whole[:6] + b"\x09\x09" + whole[8:],
    }
    return [
        *((name, content, "volume cannot be read") for name, content in unreadable.items()),
        ("float", _saved(STACK.astype(np.float32)), r"3 x 4 x 5 of float32.*Window the volume"),
        ("bool", _saved(STACK > 3), "of bool"),
        ("one slice", _saved(STACK[0]), "4 x 5 of uint8"),
        ("single", _saved(np.uint8(3)), "a single number of uint8"),
        ("no slices", _saved(STACK[:0]), "0 x 4 x 5"),
        ("fields", _saved(np.zeros(3, dtype=[("a", "u1")])), "instead of slices"),
    ]


def _saved(array, pickles=False):
    content = io.BytesIO()
    np.save(content, array, allow_pickle=pickles)
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "problem"), [pytest.param(c, p, id=name) for name, c, p in bad_volumes()]
)
def test_bad_volume_is_refused_by_name_from_folder_and_archive(tmp_path, content, problem):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "bad.npy").write_bytes(content)
    zip_folder(tmp_path / "d", tmp_path / "d.zip")
    for volume in ("d/bad.npy", "d.zip::bad.npy"):
        for read in (lambda v: read_slice(tmp_path, f"{v}#0"), lambda v: n_slices(tmp_path, v)):
            with pytest.raises(InputError, match=f"bad.npy: .*({problem})"):
                read(volume)


@pytest.mark.parametrize("volume", ["mr/none.npy", "mr.zip::none.npy", "none.zip::a.npy"])
def test_volume_that_is_not_there_is_refused(root, volume):
    with pytest.raises(InputError, match=r"cannot be read|no such"):
        read_slice(root, f"{volume}#0")
    with pytest.raises(InputError, match=r"cannot be read|no such"):
        n_slices(root, volume)


@pytest.mark.parametrize("volume", ["mr/a.npy", "mr.zip::a.npy"])
def test_one_thread_at_a_time_parses_headers(root, monkeypatch, volume):
    # Python before 3.11.8 raises SystemError at random where several do.
    parse, inside, most = ast.literal_eval, [], []

    def slow(text):
        inside.append(text)
        most.append(len(inside))
        time.sleep(0.001)
        inside.pop()
        return parse(text)

    def read(k):
        pixels._unpacked.cache_clear()
        return n_slices(root, volume) + len(read_slice(root, f"{volume}#{k % 3}"))

    monkeypatch.setattr(ast, "literal_eval", slow)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(read, range(16))) == [7] * 16
    assert len(most) >= 16
    assert max(most) == 1
