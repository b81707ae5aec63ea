"""The ways of reading that the benchmarks compare give the same rows."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def store_memory(monkeypatch, request):
    monkeypatch.syspath_prepend(request.config.rootpath / "benchmarks")
    import store_memory

    return store_memory


@pytest.mark.parametrize("way", ["memory map", "map, pages dropped", "pread"])
def test_read_in_any_way_returns_the_rows_in_their_order(store_memory, tmp_path, way):
    written = np.arange(6 * 5 * 5, dtype="uint8").reshape(6, 5, 5)
    np.save(tmp_path / "images.npy", written)
    read = store_memory.WAYS[way](np.load(tmp_path / "images.npy", mmap_mode="r"))
    rows = np.array([4, 0, 5])
    np.testing.assert_array_equal(read(rows), written[rows])
    np.testing.assert_array_equal(read(rows[:1]), written[[4]])


def test_pread_from_a_file_that_ends_early_is_an_error(store_memory, tmp_path):
    path = tmp_path / "images.npy"
    np.save(path, np.zeros((6, 50, 50), "uint8"))
    images = np.load(path, mmap_mode="r")
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 10)
    with pytest.raises(OSError, match="ends within a row"):
        store_memory.by_positions(images)(np.array([5]))


def test_sparse_store_takes_little_disk_and_knows_its_rows(store_memory, tmp_path):
    path = store_memory.make_sparse_store(tmp_path / "images.npy", 100_000, 64)
    images = np.load(path, mmap_mode="r")
    assert images.shape == (100_000, 64, 64)
    assert images[300].reshape(-1)[:8].view("int64")[0] == 300
    assert not images[301].any()
    assert path.stat().st_blocks * 512 < path.stat().st_size / 20


def test_memory_of_this_process_grows_by_what_it_holds(store_memory):
    # A process of its own: in one that ran tests, what these left may be freed meanwhile.
    grown = (
        "import numpy, store_memory; before = store_memory.memory()[0];"
        "held = numpy.ones(50_000_000, 'uint8'); print(store_memory.memory()[0] - before)"
    )
    folder = Path(store_memory.__file__).parent
    printed = subprocess.run(
        [sys.executable, "-c", grown], cwd=folder, capture_output=True, text=True, check=True
    )
    assert 0.8 * 50_000_000 < int(printed.stdout) < 1.5 * 50_000_000
