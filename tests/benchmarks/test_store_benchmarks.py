"""The ways of reading that the benchmarks compare give the same rows."""

import runpy

import numpy as np
import pytest


@pytest.mark.parametrize("way", ["memory map", "map, pages dropped", "pread"])
def test_read_in_any_way_returns_the_rows_in_their_order(request, tmp_path, way):
    written = np.arange(6 * 5 * 5, dtype="uint8").reshape(6, 5, 5)
    np.save(tmp_path / "images.npy", written)
    ways = runpy.run_path(request.config.rootpath / "benchmarks/store_memory.py")["WAYS"]
    read = ways[way](np.load(tmp_path / "images.npy", mmap_mode="r"))
    rows = np.array([4, 0, 5])
    np.testing.assert_array_equal(read(rows), written[rows])
    np.testing.assert_array_equal(read(rows[:1]), written[[4]])
